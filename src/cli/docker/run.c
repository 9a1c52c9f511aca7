/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* run and create. */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/docker/commands.h"
#include "cli/docker/create.h"
#include "cli/docker/dcli.h"

struct run_args {
	struct create_args create; /* first: its table stores here */
	bool detach, sig_proxy;
	const char *detach_keys;
};

#define AT(member) offsetof(struct run_args, member)
static const struct opt run_opts[] = {
	{ 'd', "detach", NULL, "Leave it in the background and print its id.", OPT_BOOL, AT(detach), 1 },
	{ 0, "detach-keys", "KEYS", "What leaves a container that goes on; ctrl-p,ctrl-q by default.", OPT_STR,
	  AT(detach_keys) },
	{ 0, "sig-proxy", NULL, "Pass signals on to it; =false not to.", OPT_BOOL, AT(sig_proxy), 1 },
	OPT_END
};

/* "docker: MESSAGE.", as run has it for whatever it did not come to a container's own code with. */
static void run_says(const char *from, const char *msg)
{
	size_t n = strlen(msg);

	fprintf(stderr, "docker: %s%s%s\n", from, msg, n && msg[n - 1] == '.' ? "" : ".");
}

static int run_error(const struct cli *c, const char *from, const char *msg, int code)
{
	run_says(from, msg);
	fprintf(stderr, "See '%s --help'.\n", c->prog);
	return code;
}

/* What was not found or may not be executed, as Docker's client tells it: by the words. */
int dk_start_code(const char *msg, int otherwise)
{
	static const struct {
		const char *words;
		int code;
	} known[] = { { "executable file not found", 127 }, { "no such file or directory", 127 },
		      { "permission denied", 126 },	    { "not a directory", 126 },
		      { "exec format error", 126 },	    { "is a directory", 126 } };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasestr(msg, known[i].words))
			return known[i].code;
	return otherwise;
}

static int start_error(const struct err *e)
{
	run_says("Error response from daemon: ", e->msg);
	return dk_start_code(e->msg, 125);
}

/* WORDS by the program that has what they need, with the options before the verb that we were given. What it says goes to standard
 * error, or nowhere. */
static int by_online(const struct cli *c, const struct strv *words, bool silent)
{
	const struct docker_globals *g = c->docker;
	const char *const said[][2] = { { "--config", g->config },
					{ "--data-root", g->root },
					{ "--storage-driver", g->driver } };
	_cleanup_strv_ struct strv argv = STRV_INIT;
	int status, r = strv_push(&argv, program_invocation_name, NULL);
	pid_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(said) && r == 0; i++)
		if (!isempty(said[i][1]) && (r = strv_push(&argv, said[i][0], NULL)) == 0)
			r = strv_push(&argv, said[i][1], NULL);
	for (size_t i = 0; i < g->driver_opts.n && r == 0; i++)
		r = strv_pushf(&argv, NULL, "--storage-opt=%s", g->driver_opts.v[i]);
	for (size_t i = 0; i < words->n && r == 0; i++)
		r = strv_push(&argv, words->v[i], NULL);
	if (r < 0)
		return r;
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int null = silent ? open("/dev/null", O_WRONLY | O_CLOEXEC) : STDERR_FILENO;

		dup2(null, STDOUT_FILENO);
		cli_delegate("creel-online", argv.v);
		fprintf(stderr, "docker: the program creel-online is missing.\n");
		_exit(125);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return run_error(c, "", "creel-online could not be executed", -ECHILD);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EIO;
}

/* By the program that knows registries; what it says goes to standard error. */
int dk_pull_missing(const struct cli *c, const char *image, const char *platform, bool quiet)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r = strv_push(&words, "pull", NULL);

	if (r == 0)
		r = strv_push(&words, "--for-run", NULL);
	if (r == 0 && quiet)
		r = strv_push(&words, "-q", NULL);
	if (r == 0 && !isempty(platform))
		r = strv_pushf(&words, NULL, "--platform=%s", platform);
	if (r == 0)
		r = strv_push(&words, image, NULL);
	return r < 0 ? r : by_online(c, &words, false);
}

/* Its layers are another storage driver's, or lost: they are unpacked again. */
static int unpack_missing(const struct cli *c, const char *image)
{
	static const char *const all[] = { "system", "check", "--quick", "--repair" };
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(all) && r == 0; i++)
		r = strv_push(&words, all[i], NULL);
	if (r == 0)
		r = strv_push(&words, image, NULL);
	return r < 0 ? r : by_online(c, &words, true);
}

/* --- creating -------------------------------------------------------------------------------------------------------------- */

static int cidfile_open(const char *path, int *ret, struct err *e)
{
	*ret = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (*ret >= 0)
		return 0;
	if (errno == EEXIST)
		return err_kind(e, ERR_EXISTS, -EEXIST,
				"container ID file found, make sure the other container isn't running or delete %s",
				path);
	return err_kind(e, ERR_INVALID, -errno, "failed to create the container ID file: open %s: %m", path);
}

/* Of the server's, as run and as create have it. */
static int create_error(const struct cli *c, const struct err *e)
{
	return c->cmd == &cmd_docker_create ? dk_fail(c, e) : run_error(c, "Error response from daemon: ", e->msg, 125);
}

/* What the client itself knows about a name and a platform. */
static int check_image(const struct create_args *a, const char *image, struct err *e)
{
	_cleanup_reference_ struct reference ref = { 0 };
	struct platform p = { 0 };
	int r = isempty(a->platform) ? 0 : platform_parse(a->platform, &p, e);

	platform_done(&p);
	if (r < 0)
		return err_wrap(e, r, "error parsing specified platform");
	/* An id is no name, and none the worse for it. */
	return strlen(image) == 64 && strspn(image, "0123456789abcdef") == 64 ? 0 : reference_parse(image, &ref, e);
}

static int create_once(struct docker *d, const struct create_args *a, const struct buf *body, struct buf *answer,
		       struct err *e)
{
	buf_reset(answer);
	return docker_create(d, isempty(a->name) ? NULL : a->name, buf_str(body),
			     isempty(a->platform) ? NULL : a->platform, answer, e);
}

/* Creates, after a pull where one is wanted. *RET is the id. 0, or the exit code. */
static int create(const struct cli *c, struct docker *d, const struct create_args *a, const struct buf *body,
		  char **ret)
{
	_cleanup_buf_ struct buf answer = BUF_INIT;
	const char *image = c->operands.v[0];
	struct json_object *o, *warnings;
	struct err e = { 0 };
	int r;

	if (streq(a->pull, "always") && dk_pull_missing(c, image, a->platform, a->quiet) < 0)
		return 125;
	r = create_once(d, a, body, &answer, &e);
	if (r == -ENOENT && e.kind == ERR_NOT_FOUND && startswith(e.msg, "No such image") &&
	    streq(a->pull, "missing")) {
		if (!a->quiet)
			fprintf(stderr, "Unable to find image '%s%s' locally\n", image,
				strchr(image, '@') || strrchr(image, ':') > strrchr(image, '/') ? "" : ":latest");
		if (dk_pull_missing(c, image, a->platform, a->quiet) < 0)
			return 125;
		err_clear(&e);
		r = create_once(d, a, body, &answer, &e);
	}
	if (r == -ESTALE && unpack_missing(c, image) == 0) {
		err_clear(&e);
		r = create_once(d, a, body, &answer, &e);
	}
	if (r < 0)
		return create_error(c, &e);
	o = dk_json(c, &answer);
	if (!o)
		return 125;
	warnings = dk_get(o, "Warnings");
	for (size_t i = 0; warnings && i < json_object_array_length(warnings); i++)
		fprintf(stderr, "WARNING: %s\n", json_object_get_string(json_object_array_get_idx(warnings, i)));
	*ret = strdup(dk_text(o, "Id"));
	json_object_put(o);
	return *ret ? 0 : 125;
}

static void warn_of_name_servers(const struct create_args *a)
{
	for (size_t i = 0; i < a->dns.n; i++)
		if (startswith(a->dns.v[i], "127.") || streq(a->dns.v[i], "::1"))
			fprintf(stderr, "WARNING: Localhost DNS setting (--dns=%s) may fail in containers.\n",
				a->dns.v[i]);
}

/* All that create and run have in common. */
static int make(const struct cli *c, struct docker **ret_d, struct create_args *a, char **ret_id)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_close_ int cid = -EBADF;
	struct err e = { 0 };
	int code;

	if (dk_proxies(c, &a->env, &e) < 0 || create_body(a, strv_get(&c->operands), &body, &e) < 0 ||
	    check_image(a, c->operands.v[0], &e) < 0)
		return run_error(c, "", e.msg, 125);
	warn_of_name_servers(a);
	if (dk_open(c, ret_d, &e) < 0)
		return run_error(c, "", e.msg, 125);
	if (!isempty(a->cidfile) && cidfile_open(a->cidfile, &cid, &e) < 0)
		return run_error(c, "", e.msg, 125);
	code = create(c, *ret_d, a, &body, ret_id);
	if (cid >= 0 && code == 0)
		(void)fd_write_all(cid, *ret_id, strlen(*ret_id));
	else if (cid >= 0)
		unlink(a->cidfile);
	return code;
}

static int run_create(struct cli *c)
{
	struct create_args a = CREATE_ARGS_INIT;
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_free_ char *id = NULL;
	int code = dk_parse(c, &a);

	if (code < 0) {
		code = make(c, &d, &a, &id);
		if (code == 0)
			printf("%s\n", id);
	}
	create_args_done(&a);
	return code;
}

/* --- running ---------------------------------------------------------------------------------------------------------------- */

struct runner {
	struct docker *d;
	const char *id;
	struct streams *streams;
	struct err start_error;
	bool failed;
};

static void start_it(void *arg)
{
	struct runner *x = arg;

	if (docker_start(x->d, x->id, &x->start_error) < 0)
		x->failed = true;
	else if (x->streams)
		streams_started(x->streams);
}

static void give_up(const struct runner *x, const struct create_args *a)
{
	/* One that was to go away with its end has none. */
	if (a->rm)
		(void)docker_remove(x->d, x->id, true, true, NULL);
}

/* In the foreground: attached before it is started, so that nothing it says is missed. */
static int foreground(const struct cli *c, struct docker *d, const struct run_args *a, const char *id)
{
	_cleanup_(docker_waiter_freep) struct docker_waiter *w = NULL;
	_cleanup_free_ char *keys = dk_detach_keys(c, a->detach_keys);
	struct docker_attach at = { .in = create_attaches(&a->create, "stdin") ? STDIN_FILENO : -EBADF,
				    .out = create_attaches(&a->create, "stdout") ? STDOUT_FILENO : -EBADF,
				    .err = create_attaches(&a->create, "stderr") ? STDERR_FILENO : -EBADF,
				    .stream = true,
				    .detach_keys = keys,
				    .ready = start_it };
	struct runner x = { .d = d, .id = id };
	struct streams_opts so = { .docker = d, .cli = c, .id = id, .tty = a->create.tty };
	struct err e = { 0 };
	int code = -1, r;

	so.raw = a->create.tty && at.in >= 0;
	so.proxy = a->sig_proxy;
	at.arg = &x;
	at.ret_code = &code;
	if (docker_wait_begin(d, id, a->create.rm ? "removed" : "next-exit", &w, &e) < 0 ||
	    streams_begin(&so, &x.streams, &e) < 0) {
		give_up(&x, &a->create);
		return run_error(c, "", e.msg, 125);
	}
	/* Nothing of it is shown: then its id. */
	if (at.out < 0 && at.err < 0) {
		printf("%s\n", id);
		fflush(stdout);
	}
	r = docker_attach(d, id, &at, &e);
	x.streams = streams_end(x.streams);
	if (x.failed) {
		give_up(&x, &a->create);
		return start_error(&x.start_error);
	}
	if (r != 0)
		return r < 0 ? run_error(c, "", e.msg, 125) : 0;
	return code < 0 && docker_wait_end(w, &code, &e) < 0 ? 125 : code;
}

static int background(const struct cli *c, struct docker *d, const struct run_args *a, const char *id)
{
	struct runner x = { .d = d, .id = id };

	start_it(&x);
	if (x.failed) {
		give_up(&x, &a->create);
		return start_error(&x.start_error);
	}
	printf("%s\n", id);
	return 0;
}

static int run_it(const struct cli *c, struct run_args *a)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_free_ char *id = NULL;
	struct err e = { 0 };
	int code;

	/* What nobody is connected with has no stream of ours. */
	if (a->detach && strv_push(&a->create.attach, "", &e) < 0)
		return run_error(c, "", e.msg, 125);
	code = make(c, &d, &a->create, &id);
	if (code)
		return code;
	return a->detach ? background(c, d, a, id) : foreground(c, d, a, id);
}

static int run_run(struct cli *c)
{
	struct run_args a = { .create = CREATE_ARGS_INIT, .sig_proxy = true };
	int code = dk_parse(c, &a);

	if (code < 0 && a.detach && a.create.attach.n)
		code = dk_error(c, "Conflicting options: -a and -d");
	if (code < 0 && a.create.tty && a.create.interactive && !a.detach && !isatty(STDIN_FILENO))
		code = dk_error(c, "the input device is not a TTY");
	if (code < 0)
		code = run_it(c, &a);
	create_args_done(&a.create);
	return code;
}

#define RUN_EXITS                                                                                                   \
	(const struct text_pair[])                                                                                  \
	{                                                                                                           \
		{ "125", "The container could not be made or started." }, { "126", "COMMAND cannot be executed." }, \
			{ "127", "There is no COMMAND." }, { "N", "What COMMAND ended with." },                     \
		{                                                                                                   \
			NULL, NULL                                                                                  \
		}                                                                                                   \
	}

const struct command cmd_docker_run = {
	.name = "run",
	.flags = CMD_DOCKER | CMD_COMMAND | CMD_ENTERS,
	.synopsis = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Create and run a new container from an image",
	.description =
		"Makes a container from IMAGE, which is pulled where it is not there, and runs COMMAND in it, or what "
		"the image says. In the foreground its output is shown and its exit code is ours.",
	.opts = run_opts,
	.more = create_opts,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.examples = (const struct text_pair[]){ { "creel run -it --rm debian", "A shell that leaves nothing behind." },
						{ "creel run -d --name web -p 8080:80 nginx", "A service." },
						{ NULL, NULL } },
	.exits = RUN_EXITS,
	.see_also = "creel-create(1), creel-exec(1), creel-ps(1)",
	.run = run_run,
};

const struct command cmd_docker_create = {
	.name = "create",
	.flags = CMD_DOCKER | CMD_COMMAND,
	.synopsis = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Create a new container",
	.description = "Makes a container as run does, prints its id, and does not start it.",
	.more = create_opts,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.exits = (const struct text_pair[]){ { "0", "It is there." },
					     { "125", "It could not be made." },
					     { NULL, NULL } },
	.see_also = "creel-run(1), creel-start(1)",
	.run = run_create,
};
