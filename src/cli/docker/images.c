/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* images, rmi, history, tag, image prune. */

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cli/docker/dcli.h"
#include "cli/docker/units.h"

struct args {
	bool all, digests, no_trunc, quiet, force, no_prune, human, tree;
	const char *format, *platform;
	struct strv filters;
};
#define AT(member) offsetof(struct args, member)

static int add_filter(void *args, const char *arg, struct err *e)
{
	return dk_filter(args, &((struct args *)args)->filters, arg, e);
}

static void put(struct json_object *row, const char *key, const char *value)
{
	json_object_object_add(row, key, json_object_new_string(value));
}

static void put_times(struct json_object *row, int64_t created_ns)
{
	char text[UNIT_TEXT_MAX], ago[UNIT_TEXT_MAX + 8];

	put(row, "CreatedAt", unit_date(created_ns, text));
	snprintf(ago, sizeof(ago), "%s ago", unit_ago(dk_now() - created_ns, text));
	put(row, "CreatedSince", created_ns > 0 ? ago : "N/A");
}

/* --- images ------------------------------------------------------------------------------------------------------------------ */

static const struct opt list_rows[] = {
	{ 'a', "all", NULL, "Those in the middle of a build, too.", OPT_BOOL, AT(all), 1 },
	{ 0, "digests", NULL, "With digests.", OPT_BOOL, AT(digests), 1 },
	{ 'f', "filter", "NAME=VALUE", "Only those: dangling, label, before, since, reference, until.", OPT_CALL, 0,
	  .parse = add_filter },
	{ 0, "format", "FORMAT", "table, json, or a template (creel(1)).", OPT_STR, AT(format) },
	{ 0, "no-trunc", NULL, "Cut nothing off.", OPT_BOOL, AT(no_trunc), 1 },
	{ 'q', "quiet", NULL, "The ids only.", OPT_BOOL, AT(quiet), 1 },
	OPT_END
};

static const struct column list_columns[] = { { "Containers", "CONTAINERS" },
					      { "CreatedAt", "CREATED AT" },
					      { "CreatedSince", "CREATED" },
					      { "Digest", "DIGEST" },
					      { "ID", "IMAGE ID" },
					      { "Repository", "REPOSITORY" },
					      { "SharedSize", "SHARED SIZE" },
					      { "Size", "SIZE" },
					      { "Tag", "TAG" },
					      { "UniqueSize", "UNIQUE SIZE" },
					      { "VirtualSize", "SIZE" },
					      { NULL, NULL } };

struct lister {
	const struct args *a;
	struct json_object *rows;
	struct json_object *image;
};

static void add_row(const struct lister *l, const char *repository, const char *tag, const char *digest)
{
	struct json_object *row = json_object_new_object();
	char id[80], size[UNIT_TEXT_MAX];

	put(row, "ID", dk_id(dk_text(l->image, "Id"), l->a->no_trunc, id));
	put(row, "Repository", repository);
	put(row, "Tag", tag);
	put(row, "Digest", digest);
	put_times(row, dk_int(l->image, "Created") * 1000000000);
	put(row, "Size", unit_size((double)dk_int(l->image, "Size"), 3, size));
	put(row, "VirtualSize", size);
	put(row, "SharedSize", "N/A");
	put(row, "UniqueSize", "N/A");
	put(row, "Containers", "N/A");
	json_object_array_add(l->rows, row);
}

/* The digest that NAME has in RepoDigests ("NAME@sha256:…"). */
static const char *repo_digest(struct json_object *digests, const char *name, size_t len)
{
	for (size_t i = 0; digests && i < json_object_array_length(digests); i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(digests, i));

		if (strncmp(s, name, len) == 0 && s[len] == '@')
			return s + len + 1;
	}
	return "<none>";
}

static void add_image(const struct lister *l)
{
	struct json_object *tags = dk_get(l->image, "RepoTags"), *digests = dk_get(l->image, "RepoDigests");
	size_t n = tags ? json_object_array_length(tags) : 0, m = digests ? json_object_array_length(digests) : 0;
	bool any = false;

	for (size_t i = 0; i < n; i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(tags, i)), *colon = strrchr(s, ':');
		_cleanup_free_ char *name = colon ? strndup(s, (size_t)(colon - s)) : NULL;

		if (!name || streq(s, "<none>:<none>"))
			continue;
		any = true;
		add_row(l, name, colon + 1, repo_digest(digests, s, (size_t)(colon - s)));
	}
	for (size_t i = 0; i < m && !any; i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(digests, i)), *at = strchr(s, '@');
		_cleanup_free_ char *name = at ? strndup(s, (size_t)(at - s)) : NULL;

		if (!name || streq(name, "<none>"))
			continue;
		any = true;
		add_row(l, name, "<none>", at + 1);
	}
	if (!any)
		add_row(l, "<none>", "<none>", "<none>");
}

static int print_ids(const struct cli *c, struct json_object *rows)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = 0; i < json_object_array_length(rows); i++)
		buf_printf(&out, "%s\n", dk_text(json_object_array_get_idx(rows, i), "ID"));
	return cli_print(c, &out, 0);
}

static int list(const struct cli *c, struct args *a)
{
	static const char plain[] = "{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
	static const char digests[] = "{{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}";
	struct listing l = { a->digests ? digests : plain, list_columns, "imagesFormat" };
	_cleanup_buf_ struct buf filters = BUF_INIT, text = BUF_INIT;
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct lister x = { .a = a };
	struct json_object *images;
	struct err e = { 0 };
	int code = dk_start(c, &d);

	if (code)
		return code;
	if (c->operands.n && strv_pushf(&a->filters, &e, "reference=%s", c->operands.v[0]) < 0)
		return dk_fail(c, &e);
	if (dk_filters(&a->filters, &filters, &e) < 0 ||
	    docker_image_list(d, a->all, a->digests, filters.len ? buf_str(&filters) : NULL, &text, &e) < 0)
		return dk_fail(c, &e);
	images = dk_json(c, &text);
	if (!images)
		return 1;
	x.rows = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(images); i++) {
		x.image = json_object_array_get_idx(images, i);
		add_image(&x);
	}
	code = a->quiet && isempty(a->format) ? print_ids(c, x.rows) : dk_print_rows(c, a->format, &l, x.rows);
	json_object_put(x.rows);
	json_object_put(images);
	return code;
}

static int run_images(struct cli *c)
{
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	if (code < 0)
		code = list(c, &a);
	strv_done(&a.filters);
	return code;
}

const struct command cmd_docker_images = {
	.name = "images",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] [REPOSITORY[:TAG]]",
	.summary = "List images",
	.description = "Lists the images that are here, the newest first; with an argument those of that name, in "
		       "which * and ? "
		       "stand for anything.",
	.opts = list_rows,
	.max_args = 1,
	.see_also = "creel-pull(1), creel-rmi(1)",
	.run = run_images,
};

/* --- rmi ---------------------------------------------------------------------------------------------------------------------- */

static const struct opt rmi_rows[] = {
	{ 'f', "force", NULL, "Also one with several names, or that stopped containers use.", OPT_BOOL, AT(force), 1 },
	{ 0, "no-prune", NULL, "Keep parents without a name.", OPT_BOOL, AT(no_prune), 1 },
	{ 0, "platform", "OS/ARCH", "Accepted.", OPT_STR, AT(platform), .flags = OPT_HIDDEN },
	OPT_END
};

/* [{"Untagged":…},{"Deleted":…}] */
static void print_removed(struct json_object *list)
{
	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (*dk_text(o, "Deleted"))
			printf("Deleted: %s\n", dk_text(o, "Deleted"));
		else
			printf("Untagged: %s\n", dk_text(o, "Untagged"));
	}
}

static int run_rmi(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	code = dk_start(c, &d);
	for (size_t i = 0; i < c->operands.n && d; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;
		struct json_object *o;
		struct err e = { 0 };

		if (docker_image_remove(d, c->operands.v[i], a.force, a.no_prune, &text, &e) < 0) {
			dk_fail(c, &e);
			if (!(a.force && e.kind == ERR_NOT_FOUND))
				code = 1;
			continue;
		}
		o = dk_json(c, &text);
		print_removed(o);
		json_object_put(o);
		fflush(stdout);
	}
	return code;
}

const struct command cmd_docker_rmi = {
	.name = "rmi",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Remove one or more images",
	.description = "Takes a name away; with the last one the image and what only it needed.",
	.opts = rmi_rows,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.see_also = "creel-images(1), creel-image-prune(1)",
	.run = run_rmi,
};

/* --- history -------------------------------------------------------------------------------------------------------------------- */

#define CREATED_BY_MAX 45

static int set_human(void *args, const char *arg, struct err *e)
{
	bool on = true;

	if (arg && opt_go_bool(arg, &on) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "strconv.ParseBool: parsing \"%s\": invalid syntax", arg);
	((struct args *)args)->human = on;
	return 0;
}

static const struct opt history_rows[] = { { 0, "format", "FORMAT", "table, json, or a template (creel(1)).", OPT_STR,
					     AT(format) },
					   { 'H', "human", "BOOL", "Sizes and dates for people; =false not.", OPT_CALL,
					     0, .parse = set_human, .flags = OPT_OPTIONAL },
					   { 0, "no-trunc", NULL, "Cut nothing off.", OPT_BOOL, AT(no_trunc), 1 },
					   { 'q', "quiet", NULL, "The ids only.", OPT_BOOL, AT(quiet), 1 },
					   OPT_END };

static const struct column history_columns[] = { { "Comment", "COMMENT" },
						 { "CreatedAt", "CREATED AT" },
						 { "CreatedBy", "CREATED BY" },
						 { "CreatedSince", "CREATED" },
						 { "ID", "IMAGE" },
						 { "Size", "SIZE" },
						 { NULL, NULL } };

static struct json_object *history_row(struct json_object *o, const struct args *a)
{
	struct json_object *row = json_object_new_object();
	const char *by = dk_text(o, "CreatedBy"), *id = dk_text(o, "Id");
	_cleanup_buf_ struct buf text = BUF_INIT;
	char small[80], size[UNIT_TEXT_MAX];

	put(row, "ID", startswith(id, "<") ? id : dk_id(id, a->no_trunc, small));
	put_times(row, dk_int(o, "Created") * 1000000000);
	/* One line each. */
	for (; *by; by++)
		buf_putc(&text, *by == '\t' || *by == '\n' ? ' ' : *by);
	if (!a->no_trunc && text.len > CREATED_BY_MAX) {
		size_t n = CREATED_BY_MAX - 1;

		while (n && (buf_str(&text)[n] & 0xc0) == 0x80)
			n--;
		text.len = n;
		text.data[n] = '\0';
		buf_puts(&text, "\342\200\246");
	}
	put(row, "CreatedBy", buf_str(&text));
	snprintf(size, sizeof(size), "%lld", (long long)dk_int(o, "Size"));
	put(row, "Size", a->human ? unit_size((double)dk_int(o, "Size"), 3, size) : size);
	if (!a->human)
		put(row, "CreatedSince", dk_text(row, "CreatedAt"));
	put(row, "Comment", dk_text(o, "Comment"));
	return row;
}

static int run_history(struct cli *c)
{
	struct listing l = { "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}", history_columns,
			     "" };
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct args a = { .human = true };
	struct json_object *list, *rows;
	struct err e = { 0 };
	int code = dk_begin(c, &a, &d);

	if (code >= 0)
		return code;
	list = dk_answer(c, docker_image_history(d, c->operands.v[0], &text, &e), &text, &e);
	if (!list)
		return 1;
	rows = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(list); i++)
		json_object_array_add(rows, history_row(json_object_array_get_idx(list, i), &a));
	code = a.quiet ? print_ids(c, rows) : dk_print_rows(c, a.format, &l, rows);
	json_object_put(rows);
	json_object_put(list);
	return code;
}

const struct command cmd_docker_history = {
	.name = "history",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] IMAGE",
	.summary = "Show the history of an image",
	.description = "Lists what an image was made of, the last step first.",
	.opts = history_rows,
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-images(1)",
	.run = run_history,
};

/* --- tag ---------------------------------------------------------------------------------------------------------------------- */

static int tag(struct docker *d, const char *from, const char *to, struct err *e)
{
	_cleanup_reference_ struct reference ref = { 0 };
	struct image i = { 0 };
	int r = reference_parse(to, &ref, e);

	if (r >= 0 && ref.digest)
		r = err_kind(e, ERR_INVALID, -EINVAL, "refusing to create a tag with a digest reference");
	if (r >= 0)
		r = reference_default_tag(&ref, e);
	if (r >= 0)
		r = image_find(docker_images(d), from, &i, e);
	if (r >= 0)
		r = image_tag(docker_images(d), i.id, &ref, e);
	image_done(&i);
	return r;
}

static int run_tag(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct err e = { 0 };
	int code = dk_begin(c, NULL, &d);

	if (code >= 0)
		return code;
	if (tag(d, c->operands.v[0], c->operands.v[1], &e) >= 0)
		return 0;
	if (e.kind == ERR_INVALID)
		return dk_error(c, "Error parsing reference: \"%s\" is not a valid repository/tag: %s",
				c->operands.v[1], e.msg);
	return dk_fail(c, &e);
}

const struct command cmd_docker_tag = {
	.name = "tag",
	.flags = CMD_DOCKER,
	.synopsis = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
	.summary = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
	.description = "Gives an image one more name.",
	.min_args = 2,
	.max_args = 2,
	.see_also = "creel-images(1), creel-push(1)",
	.run = run_tag,
};
