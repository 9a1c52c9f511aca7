/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>

#include "cli/docker/dcli.h"

struct args {
	const char *author, *message;
	struct strv changes;
	bool pause;
};
#define AT(member) offsetof(struct args, member)

static int set_pause(void *args, const char *arg, struct err *e)
{
	bool on = true;

	if (arg && opt_go_bool(arg, &on) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "strconv.ParseBool: parsing \"%s\": invalid syntax", arg);
	((struct args *)args)->pause = on;
	return 0;
}

static const struct opt rows[] = { { 'a', "author", "AUTHOR", "Who made it.", OPT_STR, AT(author) },
				   { 'c', "change", "INSTRUCTION", "An instruction of a Dockerfile: CMD, ENV, EXPOSE …",
				     OPT_LIST, AT(changes) },
				   { 'm', "message", "TEXT", "What was done.", OPT_STR, AT(message) },
				   { 'p', "pause", "BOOL", "Pause it meanwhile; =false not.", OPT_CALL, 0,
				     .parse = set_pause, .flags = OPT_OPTIONAL },
				   OPT_END };

static int commit(const struct cli *c, const struct args *a)
{
	struct docker_commit o = {
		.author = a->author, .message = a->message, .changes = strv_get(&a->changes), .pause = a->pause
	};
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_buf_ struct buf answer = BUF_INIT, name = BUF_INIT;
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct json_object *answer_json;
	struct err e = { 0 };
	int code;

	if (c->operands.n > 1) {
		if (reference_parse(c->operands.v[1], &ref, &e) < 0)
			return dk_error(c, "%s", e.msg);
		if (ref.digest)
			return dk_error(c, "Error response from daemon: cannot commit to digest reference");
		reference_name(&ref, true, &name);
		o.repo = buf_str(&name);
		o.tag = ref.tag;
	}
	code = dk_start(c, &d);
	if (code)
		return code;
	answer_json = dk_answer(c, docker_commit(d, c->operands.v[0], &o, &answer, &e), &answer, &e);
	if (!answer_json)
		return 1;
	printf("%s\n", dk_text(answer_json, "Id"));
	json_object_put(answer_json);
	return 0;
}

static int run(struct cli *c)
{
	struct args a = { .pause = true };
	int code = dk_parse(c, &a);

	if (code < 0)
		code = commit(c, &a);
	strv_done(&a.changes);
	return code;
}

const struct command cmd_docker_commit = {
	.name = "commit",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
	.summary = "Create a new image from a container's changes",
	.description = "Makes an image of what the container has changed, and prints its id.",
	.opts = rows,
	.min_args = 1,
	.max_args = 2,
	.see_also = "creel-diff(1), creel-build(1)",
	.run = run,
};
