/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* builder, container, image, network, volume and system prune: what nobody uses goes. */

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cli/docker/dcli.h"
#include "cli/docker/units.h"

struct args {
	bool force, all, volumes;
	struct strv filters;
	int64_t keep;
};
#define AT(member) offsetof(struct args, member)

static int add_filter(void *args, const char *arg, struct err *e)
{
	return dk_filter(args, &((struct args *)args)->filters, arg, e);
}

#define FILTER_ROW                                                                                               \
	{                                                                                                        \
		0, "filter", "NAME=VALUE", "Only those: until, label, label!.", OPT_CALL, 0, .parse = add_filter \
	}
#define FORCE_ROW                                                         \
	{                                                                 \
		'f', "force", NULL, "Do not ask.", OPT_BOOL, AT(force), 1 \
	}

static const struct opt plain_rows[] = { FILTER_ROW, FORCE_ROW, OPT_END };
static const struct opt image_rows[] = {
	{ 'a', "all", NULL, "All that no container uses, not only those without a name.", OPT_BOOL, AT(all), 1 },
	FILTER_ROW,
	FORCE_ROW,
	OPT_END
};
static const struct opt volume_rows[] = {
	{ 'a', "all", NULL, "Those with a name, too.", OPT_BOOL, AT(all), 1 }, FILTER_ROW, FORCE_ROW, OPT_END
};
static const struct opt system_rows[] = {
	{ 'a', "all", NULL, "All images that no container uses.", OPT_BOOL, AT(all), 1 },
	FILTER_ROW,
	FORCE_ROW,
	{ 0, "volumes", NULL, "Volumes without a name, too.", OPT_BOOL, AT(volumes), 1 },
	OPT_END
};

static int set_keep(void *args, const char *arg, struct err *e)
{
	struct args *a = args;

	return unit_bytes(arg, &a->keep) < 0 || a->keep < 0
		       ? err_kind(e, ERR_INVALID, -EINVAL, "invalid size: '%s'", arg)
		       : 0;
}

static const struct opt builder_rows[] = {
	{ 'a', "all", NULL, "Also what images share.", OPT_BOOL, AT(all), 1 },
	{ 0, "filter", "NAME=VALUE", "Only those: until, id, type.", OPT_CALL, 0, .parse = add_filter },
	FORCE_ROW,
	{ 0, "keep-storage", "BYTES", "As much of what was used last stays.", OPT_CALL, 0, .parse = set_keep },
	OPT_END
};

/* The names in a list of O, under a title. */
static void print_list(struct json_object *o, const char *key, const char *title)
{
	struct json_object *list = dk_get(o, key);
	size_t n = list && json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	if (n == 0)
		return;
	printf("%s:\n", title);
	for (size_t i = 0; i < n; i++) {
		struct json_object *x = json_object_array_get_idx(list, i);

		if (!json_object_is_type(x, json_type_object))
			printf("%s\n", json_object_get_string(x));
		else if (*dk_text(x, "Untagged"))
			printf("untagged: %s\n", dk_text(x, "Untagged"));
		else
			printf("deleted: %s\n", dk_text(x, "Deleted"));
	}
	putchar('\n');
}

/* One kind of thing. Adds what it has freed to *BYTES. */
static int prune(const struct cli *c, struct docker *d,
		 int (*fn)(struct docker *d, const char *filters, struct buf *ret, struct err *e),
		 const struct strv *words, const char *key, const char *title, int64_t *bytes)
{
	_cleanup_buf_ struct buf filters = BUF_INIT, text = BUF_INIT;
	struct json_object *o;
	struct err e = { 0 };

	if (dk_filters(words, &filters, &e) < 0 || fn(d, filters.len ? buf_str(&filters) : NULL, &text, &e) < 0)
		return dk_fail(c, &e);
	o = dk_json(c, &text);
	if (!o)
		return 1;
	print_list(o, key, title);
	*bytes += dk_int(o, "SpaceReclaimed");
	json_object_put(o);
	return 0;
}

static int total(int64_t bytes)
{
	char text[UNIT_TEXT_MAX];

	printf("Total reclaimed space: %s\n", unit_size((double)bytes, 4, text));
	return 0;
}

static int of_containers(const struct cli *c, struct docker *d, struct args *a, int64_t *bytes)
{
	return prune(c, d, docker_prune, &a->filters, "ContainersDeleted", "Deleted Containers", bytes);
}

static int of_images(const struct cli *c, struct docker *d, struct args *a, int64_t *bytes)
{
	if (strv_pushf(&a->filters, NULL, "dangling=%s", a->all ? "false" : "true") < 0)
		return 1;
	return prune(c, d, docker_image_prune, &a->filters, "ImagesDeleted", "Deleted Images", bytes);
}

static int of_networks(const struct cli *c, struct docker *d, struct args *a, int64_t *bytes)
{
	return prune(c, d, docker_network_prune, &a->filters, "NetworksDeleted", "Deleted Networks", bytes);
}

static int of_volumes(const struct cli *c, struct docker *d, struct args *a, int64_t *bytes)
{
	if (a->all && strv_push(&a->filters, "all=true", NULL) < 0)
		return 1;
	return prune(c, d, docker_volume_prune, &a->filters, "VolumesDeleted", "Deleted Volumes", bytes);
}

/* A build's cache has none: Docker leaves it alone then. */
static bool has_labels(const struct args *a)
{
	for (size_t i = 0; i < a->filters.n; i++)
		if (startswith(a->filters.v[i], "label"))
			return true;
	return false;
}

static int of_builds(const struct cli *c, struct docker *d, struct args *a, int64_t *bytes)
{
	if ((a->all && strv_push(&a->filters, "all=true", NULL) < 0) ||
	    (a->keep && strv_pushf(&a->filters, NULL, "keep-storage=%lld", (long long)a->keep) < 0))
		return 1;
	return prune(c, d, docker_build_prune, &a->filters, "CachesDeleted", "Deleted build cache objects", bytes);
}

/* All of them in turn, each with the filters as they were said. */
static int of_all(const struct cli *c, struct docker *d, struct args *a, int64_t *bytes)
{
	static int (*const kinds[])(const struct cli *c, struct docker *d, struct args *a,
				    int64_t *bytes) = { of_containers, of_networks, of_volumes, of_images, of_builds };
	int code = 0;

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && code == 0; i++) {
		struct args one = { .all = a->all && (kinds[i] == of_images || kinds[i] == of_builds) };

		if ((kinds[i] == of_volumes && !a->volumes) || (kinds[i] == of_builds && has_labels(a)))
			continue;
		if (strv_copy(&one.filters, &a->filters, NULL) < 0)
			return 1;
		code = kinds[i](c, d, &one, bytes);
		strv_done(&one.filters);
	}
	return code;
}

static const char *system_warning(const struct args *a, char *to, size_t size)
{
	snprintf(to, size,
		 "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one "
		 "container\n%s  - %s\n  - %s build cache\n\nAre you sure you want to continue?",
		 a->volumes ? "  - all anonymous volumes not used by at least one container\n" : "",
		 a->all ? "all images without at least one container associated to them" : "all dangling images",
		 a->all ? "all" : "unused");
	return to;
}

static bool said_until(const struct args *a)
{
	for (size_t i = 0; i < a->filters.n; i++)
		if (startswith(a->filters.v[i], "until="))
			return true;
	return false;
}

static int run(struct cli *c, int (*fn)(const struct cli *c, struct docker *d, struct args *a, int64_t *bytes),
	       const char *warning, const char *warning_all)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct args a = { 0 };
	int64_t bytes = 0;
	char text[512];
	int code = dk_parse(c, &a);

	if (code < 0 && a.volumes && said_until(&a))
		code = dk_error(c, "ERROR: The \"until\" filter is not supported with \"--volumes\"");
	if (code < 0) {
		code = 0;
		/* Who says no has got what he wants. */
		if (a.force || dk_confirm(fn == of_all ? system_warning(&a, text, sizeof(text))
					  : a.all      ? warning_all
						       : warning)) {
			code = dk_start(c, &d);
			if (code == 0)
				code = fn(c, d, &a, &bytes);
			if (code == 0 && fn != of_networks)
				total(bytes);
		}
	}
	strv_done(&a.filters);
	return code;
}

static int run_containers(struct cli *c)
{
	static const char text[] =
		"WARNING! This will remove all stopped containers.\nAre you sure you want to continue?";

	return run(c, of_containers, text, text);
}

static int run_images(struct cli *c)
{
	return run(
		c, of_images, "WARNING! This will remove all dangling images.\nAre you sure you want to continue?",
		"WARNING! This will remove all images without at least one container associated to them.\nAre you sure "
		"you want to continue?");
}

static int run_networks(struct cli *c)
{
	static const char text[] = "WARNING! This will remove all custom networks not used by at least one "
				   "container.\nAre you sure you want to "
				   "continue?";

	return run(c, of_networks, text, text);
}

static int run_volumes(struct cli *c)
{
	return run(c, of_volumes,
		   "WARNING! This will remove anonymous local volumes not used by at least one container.\nAre you "
		   "sure you "
		   "want to continue?",
		   "WARNING! This will remove all local volumes not used by at least one container.\nAre you sure you "
		   "want to "
		   "continue?");
}

static int run_builder(struct cli *c)
{
	return run(c, of_builds,
		   "WARNING! This will remove all dangling build cache. Are you sure you want to continue?",
		   "WARNING! This will remove all build cache. Are you sure you want to continue?");
}

static int run_system(struct cli *c)
{
	return run(c, of_all, NULL, NULL);
}

const struct command cmd_docker_container_prune = {
	.name = "container prune",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Remove all stopped containers",
	.description = "Removes the containers made from images that do not run. LXC containers are never touched.",
	.opts = plain_rows,
	.see_also = "creel-rm(1), creel-system-prune(1)",
	.run = run_containers,
};

const struct command cmd_docker_image_prune = {
	.name = "image prune",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Remove unused images",
	.description = "Removes images that have no name, or with -a all that no container uses.",
	.opts = image_rows,
	.see_also = "creel-rmi(1), creel-system-prune(1)",
	.run = run_images,
};

const struct command cmd_docker_network_prune = {
	.name = "network prune",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Remove all unused networks",
	.description = "Removes the networks that no container is in.",
	.opts = plain_rows,
	.see_also = "creel-network-rm(1)",
	.run = run_networks,
};

const struct command cmd_docker_volume_prune = {
	.name = "volume prune",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Remove unused local volumes",
	.description = "Removes volumes without a name that no container has; with -a those with one, too.",
	.opts = volume_rows,
	.see_also = "creel-volume-rm(1)",
	.run = run_volumes,
};

const struct command cmd_docker_builder_prune = {
	.name = "builder prune",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Remove build cache",
	.description =
		"Removes what builds keep for later ones and no image shares, or with -a all of it: then every step "
		"is executed again. What a build uses at the moment stays.",
	.opts = builder_rows,
	.see_also = "creel-builder-du(1), creel-build(1), creel-system-prune(1)",
	.run = run_builder,
};

const struct command cmd_docker_system_prune = {
	.name = "system prune",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Remove unused data",
	.description = "container prune, network prune, image prune and builder prune in one.",
	.opts = system_rows,
	.see_also = "creel-system-df(1)",
	.run = run_system,
};
