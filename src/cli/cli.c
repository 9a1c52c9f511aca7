/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/cli.h"
#include "config.h"

#define AT(member) offsetof(struct cli, member)

static const struct opt name_opts[] = { { 'n', "name", "NAME",
					  "Name of the container; the first operand when it is left out.", OPT_STR,
					  AT(name), .complete = COMPLETE_NAME },
					OPT_END };
static const struct opt hidden_name_opts[] = { { 'n', "name", "NAME", "Accepted for the other commands' sake.", OPT_STR,
						 AT(name), .flags = OPT_HIDDEN },
					       OPT_END };
static const struct opt path_opts[] = { { 'P', "lxcpath", "PATH",
					  "Folder that holds the containers, instead of lxc.lxcpath of lxc.conf.",
					  OPT_STR, AT(lxcpath), .complete = COMPLETE_DIR },
					OPT_END };
#define LOGFILE_OPT(letter)                                                                                    \
	{                                                                                                      \
		letter, "logfile", "FILE", "Append the log to FILE; 'none' for no log.", OPT_STR, AT(logfile), \
			.complete = COMPLETE_FILE                                                              \
	}
static const struct opt logfile_opts[] = { LOGFILE_OPT('o'), OPT_END };
static const struct opt long_logfile_opts[] = { LOGFILE_OPT(0), OPT_END };
static const struct opt engine_opts[] = {
	{ 'l', "logpriority", "LEVEL", "Log what is at least as grave as LEVEL.", OPT_STR, AT(logpriority),
	  .complete = COMPLETE_WORDS, .words = "TRACE DEBUG INFO NOTICE WARN ERROR CRIT ALERT FATAL" },
	{ 'q', "quiet", NULL, "Say nothing about errors; the exit code tells.", OPT_BOOL, AT(quiet), 1 },
	OPT_END
};
static const struct opt rcfile_opts[] = { { 0, "rcfile", "FILE", "Read the container's configuration from FILE.",
					    OPT_STR, AT(rcfile), .complete = COMPLETE_FILE },
					  OPT_END };
static const struct opt format_opts[] = { { 0, "format", "FORMAT", "How to print: text (the default) or json.", OPT_STR,
					    AT(format), .complete = COMPLETE_WORDS, .words = "text json" },
					  OPT_END };
static const struct opt dry_run_opts[] = {
	{ 0, "dry-run", NULL, "Print what would be done and change nothing.", OPT_BOOL, AT(dry_run), 1 }, OPT_END
};
static const struct opt help_opts[] = { { 'h', "help", NULL, "Show this help.", OPT_BOOL, AT(help), 1 },
					{ '?', "help", NULL, "Show this help.", OPT_BOOL, AT(bad_help), 1,
					  .flags = OPT_HIDDEN },
					{ 0, "usage", NULL, "Show the options in short form.", OPT_BOOL, AT(usage), 1 },
					{ 0, "version", NULL, "Print the version number.", OPT_BOOL, AT(version), 1 },
					OPT_END };

static const struct opt docker_help_opts[] = { { 0, "help", NULL, "Show this help.", OPT_BOOL, AT(help), 1 }, OPT_END };
static const struct opt verb_help_opts[] = { { 'h', "help", NULL, "Show this help.", OPT_BOOL, AT(help), 1 }, OPT_END };

void cli_sets(const struct command *cmd, struct cli *c, void *args, struct opt_set sets[static OPT_SETS_MAX])
{
	unsigned n = 0;

	if (cmd->flags & CMD_DOCKER) {
		if (cmd->opts)
			sets[n++] = (struct opt_set){ cmd->opts, args };
		if (cmd->more)
			sets[n++] = (struct opt_set){ cmd->more, args };
		sets[n++] = (struct opt_set){ docker_help_opts, c };
		sets[n] = (struct opt_set){ NULL, NULL };
		return;
	}
	if (cmd->flags & CMD_NAME)
		sets[n++] = (struct opt_set){ name_opts, c };
	else if (cmd->flags & CMD_LXC && !(cmd->flags & (CMD_NO_ENGINE | CMD_OWN_NAME)))
		sets[n++] = (struct opt_set){ hidden_name_opts, c };
	if (cmd->opts)
		sets[n++] = (struct opt_set){ cmd->opts, args };
	if (cmd->flags & CMD_MUTATES)
		sets[n++] = (struct opt_set){ dry_run_opts, c };
	if (cmd->flags & CMD_JSON)
		sets[n++] = (struct opt_set){ format_opts, c };
	if (!(cmd->flags & CMD_NO_ENGINE)) {
		if (!(cmd->flags & CMD_RCFILE))
			sets[n++] = (struct opt_set){ rcfile_opts, c };
		if (!(cmd->flags & CMD_OWN_PATH))
			sets[n++] = (struct opt_set){ path_opts, c };
		sets[n++] = (struct opt_set){ cmd->flags & CMD_OWN_O ? long_logfile_opts : logfile_opts, c };
		sets[n++] = (struct opt_set){ engine_opts, c };
	}
	if (cmd->flags & CMD_OCI)
		sets[n++] = (struct opt_set){ verb_help_opts, c };
	else if (!(cmd->flags & CMD_OWN_HELP))
		sets[n++] = (struct opt_set){ help_opts, c };
	sets[n] = (struct opt_set){ NULL, NULL };
}

static int show(const struct cli *c, void (*text)(const struct command *, struct buf *), bool usage, int code)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (usage)
		help_usage(c->cmd, c->prog, &out);
	else
		text(c->cmd, &out);
	fd_write_all(c->cmd->flags & CMD_LXC ? STDERR_FILENO : STDOUT_FILENO, buf_str(&out), out.len);
	return code;
}

static int cli_log_open(struct cli *c, struct err *e)
{
	int fd;

	c->log = (struct log){ .fd = -EBADF, .level = LOG_ERROR, .ident = c->name ?: c->prog };
	if (c->logpriority && log_level_parse(c->logpriority, &c->log.level) < 0)
		return err_hint(e, err_kind(e, ERR_INVALID, -EINVAL, "invalid log priority '%s'", c->logpriority),
				"one of TRACE DEBUG INFO NOTICE WARN ERROR CRIT ALERT FATAL");
	if (c->logfile && streq(c->logfile, "none"))
		return 0;
	if (!c->logfile) {
		if (c->logpriority && !c->quiet)
			c->log.fd = STDERR_FILENO;
		return 0;
	}
	fd = log_file_open(c->logfile, 0640, e);
	if (fd < 0)
		return fd;
	c->log.fd = fd;
	return 0;
}

/* After the options: help and version, then what all commands check. */
static int cli_common(struct cli *c, struct err *e)
{
	if (c->format && !streq(c->format, "text") && !streq(c->format, "json"))
		return err_kind(e, ERR_INVALID, -EINVAL, "unknown format '%s': text or json", c->format);
	c->json = c->format && streq(c->format, "json");
	if (c->cmd->flags & CMD_NAME && !c->name) {
		if (c->operands.n == 0)
			return err_kind(e, ERR_INVALID, -EINVAL, "No container name specified");
		c->name = c->name_owned = c->operands.v[0];
		memmove(c->operands.v, c->operands.v + 1, c->operands.n * sizeof(char *));
		c->operands.n--;
	}
	if (c->cmd->flags & CMD_NO_ENGINE)
		return 0;
	return cli_log_open(c, e);
}

int cli_parse(struct cli *c, void *args)
{
	struct opt_parser p = { .stop_after = c->cmd->flags & CMD_COMMAND ? 1 : 0 };
	struct err e = { 0 };
	int r;

	cli_sets(c->cmd, c, args, p.sets);
	r = opt_parse(&p, c->argc, c->argv, &e);
	c->operands = p.operands;
	if (c->help || c->bad_help)
		return show(c, help_text, false, c->bad_help ? 1 : 0);
	if (c->usage)
		return show(c, NULL, true, 0);
	if (c->version) {
		printf("%s\n", c->cmd->flags & CMD_LXC ? LXC_INTERFACE_VERSION : CREEL_VERSION);
		return 0;
	}
	if (r >= 0)
		r = cli_common(c, &e);
	if (r >= 0)
		return -1;
	fprintf(stderr, "%s: %s\n", c->prog, e.msg);
	if (e.hint[0])
		fprintf(stderr, "hint: %s\n", e.hint);
	else if (e.kind == ERR_INVALID)
		fprintf(stderr, "hint: '%s --help' lists the options\n", c->prog);
	return 1;
}

void cli_done(struct cli *c)
{
	c->engine = engine_free(c->engine);
	strv_done(&c->operands);
	free(c->name_owned);
	buf_done(&c->plan);
	if (c->log.fd > STDERR_FILENO)
		fd_close(c->log.fd);
}

int cli_open_engine(struct cli *c, struct err *e)
{
	struct engine_opts o = { .lxcpath = c->lxcpath, .log = &c->log, .dry_run = c->dry_run, .plan = &c->plan };

	return engine_open(&o, &c->engine, e);
}

int cli_open(struct cli *c, unsigned flags, struct container **ret, struct err *e)
{
	int r;

	r = cli_open_engine(c, e);
	if (r < 0)
		return r;
	return container_open(c->engine, c->name, c->rcfile, flags, ret, e);
}

static void print_head(const struct cli *c)
{
	if (c->name)
		fprintf(stderr, "%s: %s: ", c->prog, c->name);
	else
		fprintf(stderr, "%s: ", c->prog);
}

int cli_fail(const struct cli *c, const struct err *e)
{
	const char *msg = e->msg, *rest;

	if (c->quiet)
		return 1;
	/* The engine names the container too; once is enough. */
	rest = c->name ? startswith(msg, c->name) : NULL;
	if (rest && startswith(rest, ": "))
		msg = rest + 2;
	print_head(c);
	fprintf(stderr, "%s\n", msg);
	if (e->hint[0])
		fprintf(stderr, "hint: %s\n", e->hint);
	return 1;
}

static void message(const char *fmt, va_list ap) _printf_(1, 0);

static void message(const char *fmt, va_list ap)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_vprintf(&text, fmt, ap);
	fprintf(stderr, "%s\n", buf_str(&text));
}

int cli_error(const struct cli *c, const char *hint, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (!c->quiet) {
		print_head(c);
		message(fmt, ap);
		if (hint)
			fprintf(stderr, "hint: %s\n", hint);
	}
	va_end(ap);
	return 1;
}

int cli_usage_error(const struct cli *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(stderr, "%s: ", c->prog);
	message(fmt, ap);
	va_end(ap);
	fprintf(stderr, "hint: '%s --help' lists the options\n", c->prog);
	return 1;
}

int cli_print(const struct cli *c, struct buf *out, int code)
{
	struct err e = { 0 };
	int r;

	r = buf_error(out, &e);
	if (r >= 0) {
		fflush(stdout);
		r = fd_write_all(STDOUT_FILENO, buf_str(out), out->len);
		if (r < 0 && r != -EPIPE)
			err_set(&e, r, "write to standard output");
	}
	if (r < 0 && e.code)
		return cli_fail(c, &e);
	return code;
}

int cli_end(struct cli *c, int code)
{
	if (!c->dry_run || code != 0)
		return code;
	return cli_print(c, &c->plan, code);
}

void cli_leave(int code)
{
	if (fflush(stdout) == 0)
		_exit(code);
}

int cli_exit_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool cli_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isempty(no) && isatty(STDOUT_FILENO) && !isempty(term) && !streq(term, "dumb");
}

unsigned cli_columns(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0)
		return 0;
	return ws.ws_col ?: 80;
}

bool cli_is_running(struct container *ct)
{
	return container_state(ct) != RUN_STOPPED;
}

int cli_not_running(const struct cli *c, const struct container *ct)
{
	char hint[512];

	snprintf(hint, sizeof(hint), "there is no container '%s' in %s; lxc-ls lists those that are", c->name,
		 ct->lxcpath);
	return cli_error(c, ct->defined ? NULL : hint, "%s is not running", c->name);
}
