/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/docker/dcli.h"

#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define AT(member) offsetof(struct docker_globals, member)

const struct opt docker_global_opts[] = {
	{ 0, "config", "DIR", "Folder of config.json with log-ins; ~/.docker by default.", OPT_STR, AT(config),
	  .complete = COMPLETE_DIR },
	{ 'c', "context", "NAME", "\"default\", or another that means this machine (creel-context-ls(1)).", OPT_STR,
	  AT(context) },
	{ 0, "data-root", "DIR", "Where images and containers are; $CREEL_ROOT, else /var/lib/creel.", OPT_STR,
	  AT(root), .complete = COMPLETE_DIR },
	{ 'D', "debug", NULL, "Accepted.", OPT_BOOL, AT(debug), 1 },
	{ 'h', "help", NULL, "Show this help.", OPT_BOOL, AT(help), 1 },
	{ 'H', "host", "SOCKET", "Accepted where it is a local socket: no daemon is asked.", OPT_LIST, AT(hosts) },
	{ 'l', "log-level", "LEVEL", "Accepted.", OPT_STR, AT(ignored) },
	{ 0, "storage-driver", "NAME", "What keeps new layers and containers: overlay, btrfs, thin or copy.", OPT_STR,
	  AT(driver), .complete = COMPLETE_WORDS, .words = "overlay btrfs thin copy" },
	{ 0, "storage-opt", "NAME=VALUE", "An option of it: thin.pool=, thin.size=, thin.basesize=.", OPT_LIST,
	  AT(driver_opts) },
	{ 0, "tls", NULL, "For a daemon elsewhere: refused.", OPT_BOOL, AT(tls), 1, .flags = OPT_HIDDEN },
	{ 0, "tlscacert", "FILE", "For a daemon elsewhere: without effect.", OPT_STR, AT(ignored),
	  .flags = OPT_HIDDEN },
	{ 0, "tlscert", "FILE", "For a daemon elsewhere: without effect.", OPT_STR, AT(ignored), .flags = OPT_HIDDEN },
	{ 0, "tlskey", "FILE", "For a daemon elsewhere: without effect.", OPT_STR, AT(ignored), .flags = OPT_HIDDEN },
	{ 0, "tlsverify", NULL, "For a daemon elsewhere: refused.", OPT_BOOL, AT(tls_verify), 1, .flags = OPT_HIDDEN },
	{ 'v', "version", NULL, "Print the version.", OPT_BOOL, AT(version), 1 },
	OPT_END
};

int dk_error(const struct cli *c, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s\n", buf_str(&text));
	return 1;
}

int dk_fail(const struct cli *c, const struct err *e)
{
	fprintf(stderr, "Error response from daemon: %s\n", e->msg);
	if (*e->hint)
		fprintf(stderr, "hint: %s\n", e->hint);
	return 1;
}

static int too_many(const struct cli *c)
{
	const struct command *cmd = c->cmd;
	unsigned min = cmd->min_args, max = cmd->max_args;
	char what[64];

	if (max == 0 && min == 0)
		snprintf(what, sizeof(what), "accepts no arguments");
	else if (min == max)
		snprintf(what, sizeof(what), "requires exactly %u argument%s", min, min == 1 ? "" : "s");
	else if (max == ARGS_ANY)
		snprintf(what, sizeof(what), "requires at least %u argument%s", min, min == 1 ? "" : "s");
	else if (min == 0)
		snprintf(what, sizeof(what), "requires at most %u argument%s", max, max == 1 ? "" : "s");
	else
		snprintf(what, sizeof(what), "requires at least %u and at most %u arguments", min, max);
	fprintf(stderr, "\"%s\" %s.\nSee '%s --help'.\n\nUsage:  %s %s\n\n%s\n", c->prog, what, c->prog, c->prog,
		cmd->synopsis, cmd->summary);
	return 1;
}

int dk_parse(struct cli *c, void *args)
{
	struct opt_parser p = { .stop_after = c->cmd->flags & CMD_COMMAND ? 1 : 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };
	int r;

	cli_sets(c->cmd, c, args, p.sets);
	r = opt_parse_pflag(&p, c->argc, c->argv, &e);
	c->operands = p.operands;
	if (r < 0) {
		fprintf(stderr, "%s\nSee '%s --help'.\n", e.msg, c->prog);
		return 125;
	}
	if (c->help) {
		help_text(c->cmd, &out);
		return cli_print(c, &out, 0);
	}
	if (c->operands.n < c->cmd->min_args || c->operands.n > c->cmd->max_args)
		return too_many(c);
	return -1;
}

int dk_open(const struct cli *c, struct docker **ret, struct err *e)
{
	struct registry_opts registry = { .config_dir = c->docker->config };
	struct docker_opts o = {
		.root = c->docker->root, .driver = c->docker->storage, .log = &c->log, .registry = &registry
	};

	if (isempty(o.root))
		o.root = getenv("CREEL_ROOT");
	if (isempty(o.root))
		o.root = NULL;
	return docker_open(&o, ret, e);
}

int dk_start(const struct cli *c, struct docker **ret)
{
	struct err e = { 0 };

	return dk_open(c, ret, &e) < 0 ? dk_fail(c, &e) : 0;
}

int dk_begin(struct cli *c, void *args, struct docker **ret)
{
	int code = dk_parse(c, args);

	if (code >= 0)
		return code;
	code = dk_start(c, ret);
	return code ? code : -1;
}

struct json_object *dk_json(const struct cli *c, const struct buf *text)
{
	struct json_object *o = json_tokener_parse(buf_str(text));

	if (!o)
		dk_error(c, "the engine's answer is no JSON: %.200s", buf_str(text));
	return o;
}

struct json_object *dk_answer(const struct cli *c, int r, const struct buf *text, const struct err *e)
{
	if (r >= 0)
		return dk_json(c, text);
	dk_fail(c, e);
	return NULL;
}

static int each(const struct cli *c, bool forgive, dk_fn fn, void *arg)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	int code = dk_start(c, &d);

	if (code)
		return code;
	for (size_t i = 0; i < c->operands.n; i++) {
		struct err e = { 0 };

		if (fn(d, c->operands.v[i], arg, &e) >= 0)
			printf("%s\n", c->operands.v[i]);
		else if (dk_fail(c, &e) && !(forgive && e.kind == ERR_NOT_FOUND))
			code = 1;
		fflush(stdout);
	}
	return code;
}

int dk_each(const struct cli *c, dk_fn fn, void *arg)
{
	return each(c, false, fn, arg);
}

int dk_remove_each(const struct cli *c, bool force, dk_fn fn, void *arg)
{
	return each(c, force, fn, arg);
}

int dk_parse_each(struct cli *c, void *args, dk_fn fn, void *arg)
{
	int code = dk_parse(c, args);

	return code >= 0 ? code : dk_each(c, fn, arg);
}

struct json_object *dk_get(struct json_object *o, const char *path)
{
	while (*path && o) {
		size_t n = strcspn(path, ".");
		char name[64];
		struct json_object *next = NULL;

		if (n >= sizeof(name) || !json_object_is_type(o, json_type_object))
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		json_object_object_get_ex(o, name, &next);
		o = next;
		path += n + (path[n] == '.');
	}
	return o;
}

const char *dk_text(struct json_object *o, const char *path)
{
	struct json_object *v = dk_get(o, path);

	return v ? json_object_get_string(v) : "";
}

int64_t dk_int(struct json_object *o, const char *path)
{
	return json_object_get_int64(dk_get(o, path));
}

bool dk_bool(struct json_object *o, const char *path)
{
	return json_object_get_boolean(dk_get(o, path));
}

int dk_filter(void *args, struct strv *to, const char *arg, struct err *e)
{
	if (!*arg)
		return 0;
	if (!strchr(arg, '='))
		return err_kind(e, ERR_INVALID, -EINVAL, "bad format of filter (expected name=value)");
	return strv_push(to, arg, e);
}

int dk_filters(const struct strv *words, struct buf *out, struct err *e)
{
	struct json_object *o, *list;

	if (words->n == 0)
		return 0;
	o = json_object_new_object();
	for (size_t i = 0; i < words->n; i++) {
		size_t n = strcspn(words->v[i], "=");
		_cleanup_free_ char *key = strndup(words->v[i], n);

		if (!key)
			continue;
		for (char *p = key; *p; p++)
			*p |= *p >= 'A' && *p <= 'Z' ? 0x20 : 0;
		if (!json_object_object_get_ex(o, key, &list)) {
			list = json_object_new_array();
			json_object_object_add(o, key, list);
		}
		json_object_array_add(list, json_object_new_string(words->v[i] + n + 1));
	}
	buf_puts(out, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
	return buf_error(out, e);
}

static void leave_question(int sig)
{
	ssize_t n = write(STDOUT_FILENO, "\n", 1);

	(void)n;
	_exit(0);
}

bool dk_confirm(const char *question)
{
	const struct sigaction leave = { .sa_handler = leave_question };
	struct sigaction was[2];
	char answer[16] = "";

	printf("%s [y/N] ", question);
	fflush(stdout);
	/* Who goes away has said no, and that is no failure. */
	(void)sigaction(SIGINT, &leave, &was[0]);
	(void)sigaction(SIGTERM, &leave, &was[1]);
	if (!fgets(answer, sizeof(answer), stdin))
		putchar('\n');
	(void)sigaction(SIGINT, &was[0], NULL);
	(void)sigaction(SIGTERM, &was[1], NULL);
	return *answer == 'y' || *answer == 'Y';
}

const char *dk_id(const char *id, bool all, char buf[static 80])
{
	const char *bare = startswith(id, "sha256:");

	snprintf(buf, 80, "%.*s", all ? 79 : 12, all ? id : bare ?: id);
	return buf;
}

int64_t dk_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

void dk_put_labels(struct json_object *row, struct json_object *labels)
{
	struct json_object *sorted = labels ? dk_sorted(labels) : json_object_new_object();
	_cleanup_buf_ struct buf text = BUF_INIT;

	json_object_object_foreach(sorted, key, value)
		buf_printf(&text, "%s%s=%s", text.len ? "," : "", key, json_object_get_string(value));
	json_object_object_add(row, "Labels", json_object_new_string(buf_str(&text)));
	json_object_object_add(row, "Label()", sorted);
}

int dk_by_name(const void *a, const void *b)
{
	return strcmp(dk_text(*(struct json_object *const *)a, "Name"),
		      dk_text(*(struct json_object *const *)b, "Name"));
}
