/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* system check: Docker has no such thing; podman has. */

#include <stdio.h>

#include "cli/docker/dcli.h"

struct args {
	bool quick, repair, quiet;
};
#define AT(member) offsetof(struct args, member)
static const struct opt rows[] = {
	{ 0, "quick", NULL, "What is there and what is not, without reading contents.", OPT_BOOL, AT(quick), 1 },
	{ 'q', "quiet", NULL, "Say nothing: the exit status tells.", OPT_BOOL, AT(quiet), 1 },
	{ 'r', "repair", NULL, "Make anew what can be had again, remove what is of no use to anybody.", OPT_BOOL,
	  AT(repair), 1 },
	OPT_END
};

static void print_finding(void *arg, const char *what, const char *is, const char *mended, const char *why)
{
	const struct args *a = arg;

	if (a->quiet)
		return;
	printf("%s: %s", what, is);
	if (mended)
		printf(": %s", mended);
	else if (why)
		printf(": not mended: %s", why);
	putchar('\n');
	fflush(stdout);
}

static int run_check(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct args a = { 0 };
	struct docker_check o = { .found = print_finding, .arg = &a };
	int code = dk_begin(c, &a, &d), found = 0;
	unsigned left = 0, all_left = 0;

	if (code >= 0)
		return code;
	o.quick = a.quick;
	o.repair = a.repair;
	for (size_t i = 0; i == 0 || i < c->operands.n; i++) {
		struct err e = { 0 };
		int r;

		o.image = c->operands.n ? c->operands.v[i] : NULL;
		r = docker_check(d, &o, &left, &e);
		if (r < 0)
			return dk_fail(c, &e);
		found += r;
		all_left += left;
	}
	if (found && !a.quiet)
		fprintf(stderr,
			all_left ? "Damage detected in local storage.\n" : "Damage in local storage was repaired.\n");
	return all_left ? 1 : 0;
}

const struct command cmd_docker_system_check = {
	.name = "system check",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] [IMAGE...]",
	.summary = "Find and mend damage of stored images, layers, containers and volumes",
	.description = "Compares blobs with their digests, unpacked layers with the blobs they come from, what is "
		       "listed with what is "
		       "there, and what is there with what is listed; prints a line for each difference. With --repair "
		       "a layer is "
		       "unpacked again, what nothing refers to is removed, and an image whose content is lost goes, "
		       "unless a container "
		       "has it, to be pulled or built again. Nothing below a container that runs is replaced, and no "
		       "volume with "
		       "files is removed. With IMAGE only what that image needs is looked at; with --quick --repair "
		       "its layers are "
		       "unpacked for the storage driver. The exit status is 1 when damage is left.",
	.opts = rows,
	.max_args = ARGS_ANY,
	.see_also = "creel-system-df(1), creel-system-prune(1), creel-doctor(1)",
	.run = run_check,
};
