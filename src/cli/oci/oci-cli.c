/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"
#include "cli/oci/oci-cli.h"

#include <errno.h>
#include <fcntl.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "config.h"

#define EXIT_NO_VERB 3

/* --- the log ------------------------------------------------------------------------------------------------------------ */

/* As logrus quotes in text: words stand as they are, the rest as Go's %q has it. */
static void put_quoted(struct buf *out, const char *s)
{
	buf_putc(out, '"');
	for (; *s; s++)
		if (*s == '"' || *s == '\\')
			buf_printf(out, "\\%c", *s);
		else if (*s == '\n')
			buf_puts(out, "\\n");
		else if (*s == '\t')
			buf_puts(out, "\\t");
		else if ((unsigned char)*s < ' ' || *s == 0x7f)
			buf_printf(out, "\\x%02x", (unsigned char)*s);
		else
			buf_putc(out, *s);
	buf_putc(out, '"');
}

static bool needs_quotes(const char *s)
{
	if (!*s)
		return true;
	for (; *s; s++)
		if (!((*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		      strchr("-._/@^+", *s)))
			return true;
	return false;
}

static void put_line(const struct oci_globals *g, struct buf *out, const char *level, const char *msg)
{
	char stamp[64];
	time_t now = time(NULL);
	struct tm tm;
	size_t n;

	gmtime_r(&now, &tm);
	n = strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &tm);
	stamp[n] = '\0';
	if (g->json) {
		struct json j;

		json_init(&j, out, false);
		json_object(&j);
		json_kv_string(&j, "level", level);
		json_kv_string(&j, "msg", msg);
		json_kv_string(&j, "time", stamp);
		json_end_object(&j);
	} else {
		buf_printf(out, "time=\"%s\" level=%s msg=", stamp, level);
		if (needs_quotes(msg))
			put_quoted(out, msg);
		else
			buf_puts(out, msg);
	}
	buf_putc(out, '\n');
}

static void log_line(const struct oci_globals *g, const char *level, const char *msg)
{
	_cleanup_buf_ struct buf line = BUF_INIT;

	put_line(g, &line, level, msg);
	(void)fd_write_all(g->log_fd >= 0 ? g->log_fd : STDERR_FILENO, buf_str(&line), line.len);
}

static void log_error(const struct oci_globals *g, const char *msg)
{
	log_line(g, "error", msg);
	if (g->log_fd >= 0)
		fprintf(stderr, "%s\n", msg);
}

int verb_fail(const struct cli *c, const char *prefix, const struct err *e, int code)
{
	_cleanup_buf_ struct buf msg = BUF_INIT;

	buf_printf(&msg, "%s%s%s", prefix ?: "", prefix ? ": " : "", e->msg);
	if (e->hint[0])
		buf_printf(&msg, " (%s)", e->hint);
	log_error(c->oci, buf_str(&msg));
	return code;
}

static void message(const struct cli *c, const char *level, const char *fmt, va_list ap) _printf_(3, 0);

static void message(const struct cli *c, const char *level, const char *fmt, va_list ap)
{
	_cleanup_buf_ struct buf msg = BUF_INIT;

	buf_vprintf(&msg, fmt, ap);
	if (streq(level, "error"))
		log_error(c->oci, buf_str(&msg));
	else
		log_line(c->oci, level, buf_str(&msg));
}

int verb_error(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(c, "error", fmt, ap);
	va_end(ap);
	return 1;
}

void verb_warn(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (c->oci->quiet)
		return;
	va_start(ap, fmt);
	message(c, "warning", fmt, ap);
	va_end(ap);
}

void verb_debug(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	if (!c->oci->debug)
		return;
	va_start(ap, fmt);
	message(c, "debug", fmt, ap);
	va_end(ap);
}

void verb_log_info(const struct cli *c, const struct oci_info *info)
{
	for (size_t i = 0; i < info->warnings.n; i++)
		verb_warn(c, "%s", info->warnings.v[i]);
	for (size_t i = 0; i < info->ignored.n; i++)
		verb_debug(c, "config.json: %s is not known here and ignored", info->ignored.v[i]);
}

int verb_print(const struct cli *c, struct buf *out)
{
	struct err e = { 0 };
	int r = buf_error(out, &e);

	if (r == 0) {
		r = fd_write_all(STDOUT_FILENO, buf_str(out), out->len);
		if (r < 0)
			err_set(&e, r, "write to standard output");
	}
	return r < 0 ? verb_fail(c, NULL, &e, 1) : 0;
}

/* --- the verb's own options --------------------------------------------------------------------------------------------- */

/* "create" of "oci-create". */
static const char *verb_of(const struct command *cmd)
{
	return startswith(cmd->name, "oci-") ?: cmd->name;
}

static int wrong_use(const struct cli *c, const char *what, const char *msg)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	buf_printf(&out, "Incorrect Usage%s%s\n\n", *what ? ": " : ".", what);
	verb_help(c->cmd, c->oci->prog, &out);
	(void)fd_write_all(STDOUT_FILENO, buf_str(&out), out.len);
	return verb_error(c, "%s", msg);
}

static int count_operands(const struct cli *c, unsigned min, unsigned max)
{
	char msg[256];
	size_t n = c->operands.n;

	if (n >= min && n <= max)
		return -1;
	if (min == max)
		snprintf(msg, sizeof(msg), "%s: \"%s\" requires exactly %u argument(s)", c->oci->prog, verb_of(c->cmd),
			 min);
	else if (n < min)
		snprintf(msg, sizeof(msg), "%s: \"%s\" requires a minimum of %u argument(s)", c->oci->prog,
			 verb_of(c->cmd), min);
	else
		snprintf(msg, sizeof(msg), "%s: \"%s\" requires a maximum of %u argument(s)", c->oci->prog,
			 verb_of(c->cmd), max);
	return wrong_use(c, "", msg);
}

int verb_parse(struct cli *c, void *args, unsigned min, unsigned max)
{
	struct opt_parser p = { .stop_after = c->cmd->flags & CMD_COMMAND ? 1 : 0, .go = true };
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct err e = { 0 };
	int r;

	cli_sets(c->cmd, c, args, p.sets);
	r = opt_parse(&p, c->argc, c->argv, &e);
	c->operands = p.operands;
	if (c->help) {
		verb_help(c->cmd, c->oci->prog, &out);
		return verb_print(c, &out);
	}
	if (r < 0)
		return wrong_use(c, e.msg, e.msg);
	return count_operands(c, min, max);
}

int verb_runtime(struct cli *c, struct oci **ret, struct err *e)
{
	struct oci_opts o = {
		.root = c->oci->root,
		.log = &c->log,
		.systemd_cgroup = c->oci->systemd_cgroup,
		.no_cgroup = c->oci->no_cgroup,
		.crun = c->oci->crun,
	};

	return oci_open(&o, ret, e);
}

int verb_container(struct cli *c, unsigned flags, struct oci **ret, struct oci_container **ret_ct, struct err *e)
{
	int r;

	/* runc: "container id cannot be empty" comes before all else. */
	if (!*c->operands.v[0])
		return err_kind(e, ERR_INVALID, -EINVAL, "container id cannot be empty");
	r = verb_runtime(c, ret, e);
	return r < 0 ? r : oci_container_open(*ret, c->operands.v[0], flags, ret_ct, e);
}

int verb_each_matching(struct oci *rt, const char *pattern,
		       int (*fn)(struct oci *rt, const char *name, void *arg, struct err *e), void *arg, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	regex_t re;
	int r, first = 0;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no regular expression", pattern);
	r = oci_list(rt, &names, e);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		struct err mine = { 0 };
		int x = regexec(&re, names.v[i], 0, NULL, 0) == 0 ? fn(rt, names.v[i], arg, &mine) : 0;

		if (x < 0 && first == 0) {
			first = x;
			*e = mine;
		}
	}
	regfree(&re);
	return r < 0 ? r : first;
}

/* --- creel-oci [GLOBAL OPTION…] VERB … ----------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct oci_globals, member)

static const struct opt global_opts[] = {
	{ 0, "debug", NULL, "Log everything.", OPT_BOOL, AT(debug), 1 },
	{ 0, "log", "FILE", "Append the log to FILE instead of standard error.", OPT_STR, AT(log),
	  .complete = COMPLETE_FILE },
	{ 0, "log-format", "FORMAT", "How to write the log: text (the default) or json.", OPT_STR, AT(log_format),
	  .complete = COMPLETE_WORDS, .words = "text json" },
	{ 0, "root", "DIR",
	  "Where the state of containers is kept; /run/creel for root, else a folder in $XDG_RUNTIME_DIR.", OPT_STR,
	  AT(root), .complete = COMPLETE_DIR },
	{ 0, "systemd-cgroup", NULL, "Let systemd make the control groups; cgroupsPath is then SLICE:PREFIX:NAME.",
	  OPT_BOOL, AT(systemd_cgroup), 1 },
	{ 0, "rootless", "WORD", "Accepted as true, false or auto; what the caller may do is found out.", OPT_STR,
	  AT(rootless), .complete = COMPLETE_WORDS, .words = "true false auto" },
	{ 0, "cgroup-manager", "WORD",
	  "crun's word for --systemd-cgroup: cgroupfs, systemd, or disabled: new containers have no group of their "
	  "own, and no limits.",
	  OPT_STR, AT(cgroup_manager), .complete = COMPLETE_WORDS, .words = "cgroupfs systemd disabled" },
	{ 0, "log-level", "LEVEL", "crun's: error, warning (the default) or debug.", OPT_STR, AT(log_level),
	  .complete = COMPLETE_WORDS, .words = "error warning debug" },
	{ 0, "criu", "PATH", "Accepted for the sake of old callers, and ignored.", OPT_STR, AT(criu),
	  .flags = OPT_HIDDEN },
	{ 'h', "help", NULL, "Show this help.", OPT_BOOL, AT(help), 1 },
	{ 'v', "version", NULL, "Print the version.", OPT_BOOL, AT(version), 1 },
	OPT_END
};

static int open_log(struct oci_globals *g, struct err *e)
{
	const char *path = g->log;

	if (g->log_format && !streq(g->log_format, "text") && !streq(g->log_format, "json"))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid log-format: %s", g->log_format);
	g->json = g->log_format && streq(g->log_format, "json");
	if (isempty(path))
		return 0;
	/* crun's "file:PATH". */
	path = startswith(path, "file:") ?: path;
	if (startswith(path, "journald:") || startswith(path, "syslog:"))
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "--log=%s: only a file can be written to", path);
	g->log_fd = open(path, O_CREAT | O_WRONLY | O_APPEND | O_SYNC | O_CLOEXEC | O_NOCTTY, 0644);
	if (g->log_fd < 0) {
		g->log_fd = -EBADF;
		return err_set(e, -errno, "open %s", path);
	}
	return 0;
}

static int set_level(struct oci_globals *g, struct err *e)
{
	const char *level = g->log_level ?: "warning";

	if (!streq(level, "error") && !streq(level, "warning") && !streq(level, "debug"))
		return err_kind(e, ERR_INVALID, -EINVAL, "unknown log level '%s': error, warning or debug", level);
	g->debug |= streq(level, "debug");
	g->quiet = !g->debug && streq(level, "error");
	return 0;
}

static int check_globals(struct oci_globals *g, struct err *e)
{
	static const char *const words[] = { "auto", "true", "false", "1", "0", "t", "f" };
	const char *m = g->cgroup_manager;
	bool known = !g->rootless;
	int r = open_log(g, e);

	if (r == 0)
		r = set_level(g, e);
	for (size_t i = 0; i < ARRAY_SIZE(words) && !known; i++)
		known = streq(g->rootless, words[i]);
	if (r == 0 && !known)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid argument \"%s\" for --rootless", g->rootless);
	g->crun = m || g->log_level || streq(g->prog, "crun");
	if (r < 0 || !m)
		return r;
	if (streq(m, "systemd"))
		g->systemd_cgroup = true;
	else if (streq(m, "cgroupfs"))
		g->systemd_cgroup = false;
	else if (streq(m, "disabled"))
		g->no_cgroup = true;
	else
		return err_kind(e, ERR_INVALID, -EINVAL, "unknown cgroup manager '%s': cgroupfs, systemd or disabled",
				m);
	return 0;
}

/* The first line tells dockerd and containerd what they have: "runc version …", by the name we were called by. The last is
 * what callers of crun look for. */
static int print_version(const struct oci_globals *g)
{
	printf("%s version %s\ncommit: v%s\nspec: %s\n", g->prog, CREEL_VERSION, CREEL_VERSION, OCI_VERSION);
	printf("+SYSTEMD +SELINUX +APPARMOR +CAP +SECCOMP +EBPF\n");
	return 0;
}

static const struct command *find_verb(const char *verb)
{
	const struct command *cmd;
	char name[64];

	snprintf(name, sizeof(name), "oci-%s", verb);
	cmd = command_find(name);
	return cmd && cmd->flags & CMD_OCI ? cmd : NULL;
}

bool cli_oci_enters(int argc, char *const *argv)
{
	struct opt_parser p = { .stop_after = 1, .go = true };
	struct oci_globals g = { .log_fd = -EBADF };
	const struct command *cmd = NULL;

	p.sets[0] = (struct opt_set){ global_opts, &g };
	if (opt_parse(&p, argc, argv, NULL) == 0 && p.operands.n > 0)
		cmd = find_verb(p.operands.v[0]);
	strv_done(&p.operands);
	return cmd && cmd->flags & CMD_ENTERS;
}

/* What the library tells: runc has no finer level than debug. */
static void log_operation(void *arg, enum log_level level, const char *msg)
{
	log_line(arg, level >= LOG_ERROR ? "error" : level >= LOG_WARN ? "warning" : "debug", msg);
}

static int run_verb(struct cli *top, struct oci_globals *g)
{
	struct cli c = { .oci = g, .log = { .fd = -EBADF } };
	_cleanup_free_ char *prog = NULL;
	int code;

	c.cmd = find_verb(top->operands.v[0]);
	if (!c.cmd) {
		c.oci = g;
		verb_error(&c, "No help topic for '%s'\n", top->operands.v[0]);
		return EXIT_NO_VERB;
	}
	if (asprintf(&prog, "%s %s", g->prog, top->operands.v[0]) < 0)
		return 1;
	c.prog = prog;
	c.argc = (int)top->operands.n;
	c.argv = top->operands.v;
	c.log = (struct log){ .fd = -EBADF,
			      .level = g->debug	  ? LOG_TRACE
				       : g->quiet ? LOG_ERROR
						  : LOG_WARN,
			      .write = log_operation,
			      .arg = g };
	verb_debug(&c, "%s %s: %s", g->prog, CREEL_VERSION, top->operands.v[0]);
	code = c.cmd->run(&c);
	cli_done(&c);
	return code;
}

/* "help", "help VERB". */
static int run_help(struct cli *c, const struct oci_globals *g)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *verb = c->operands.n > 1 ? c->operands.v[1] : NULL;
	const struct command *cmd = verb ? find_verb(verb) : c->cmd;

	if (!cmd) {
		verb_error(c, "No help topic for '%s'\n", verb);
		return EXIT_NO_VERB;
	}
	verb_help(cmd, g->prog, &out);
	return verb_print(c, &out);
}

static int run(struct cli *c)
{
	struct opt_parser p = { .stop_after = 1, .go = true };
	struct oci_globals g = { .log_fd = -EBADF };
	struct err e = { 0 };
	int r, code;

	g.prog = (char *)c->prog;
	c->oci = &g;
	p.sets[0] = (struct opt_set){ global_opts, &g };
	r = opt_parse(&p, c->argc, c->argv, &e);
	c->operands = p.operands;
	if (r < 0) {
		code = wrong_use(c, e.msg, e.msg);
	} else if (g.version) {
		code = print_version(&g);
	} else if (g.help || c->operands.n == 0 || streq(c->operands.v[0], "help") || streq(c->operands.v[0], "h")) {
		code = run_help(c, &g);
	} else if (check_globals(&g, &e) < 0) {
		code = verb_fail(c, NULL, &e, 1);
	} else {
		code = run_verb(c, &g);
	}
	fd_close(g.log_fd);
	return code;
}

const struct command cmd_oci = {
	.name = "oci",
	.flags = CMD_NO_ENGINE | CMD_COMMAND | CMD_OWN_HELP,
	.synopsis = "[GLOBAL OPTION...] VERB [OPTION...] [ARGUMENT...]",
	.summary = "Open Container Initiative runtime",
	.description =
		"Makes, starts, enters and removes containers as the OCI runtime specification has it: from a bundle, "
		"a folder with a config.json and a root file system. The command line is runc's, argument for "
		"argument, for those who stand on it: containerd, podman, buildah, dockerd, Kubernetes.\n\n"
		"creel-oci is the same program; as runc or crun, by a link of that name, it is so, too. The "
		"containers are the same that every other command of creel knows: 'creel ps' lists them, 'creel exec' "
		"enters them.",
	.opts = global_opts,
	.examples =
		(const struct text_pair[]){
			{ "creel-oci spec", "Writes an example config.json into this folder." },
			{ "creel-oci run -b /bundles/web web", "Runs the container of that bundle until it ends." },
			{ "podman --runtime /usr/bin/creel-oci run busybox", "Podman, standing on creel." },
			{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Done." },
					     { "1", "It failed; one line says why." },
					     { "3", "There is no such verb." },
					     { "255", "The command of exec could not be started." },
					     { "N",
					       "What the command of run or exec ended with; 128 + N for signal N." },
					     { NULL, NULL } },
	.operand_words = "checkpoint create delete events exec features kill list pause ps restore resume run spec "
			 "start state update",
	.see_also = "creel(1)",
	.run = run,
};
