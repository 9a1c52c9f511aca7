/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The commands of Docker's client: creel-docker and creel-online, in libexec, which creel executes for the verbs that are not
 * its own. They are apart because of the libraries that images need. Least of 300 starts: creel 0.4 ms; with SQLite and
 * libcrypto linked statically 0.7; with shared ones 1.6; with libcurl's thirty libraries 5.4. So creel and lxc-* have none
 * of them, creel-docker has what a container needs to run, statically, and creel-online, which is dynamic, all the rest:
 * registries, archives, building, and the help of every command.
 *
 * argv[0] is creel's own path, or "docker" beside it where that was asked for: that is how engine_self() knows where the
 * program is that keepers call, and messages which name to use.
 */

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/names.h"
#include "base/parse.h"
#include "cli/docker/context.h"
#include "cli/docker/dcli.h"
#include "cli/docker/legacy.h"
#include "cli/docker/programs.h"
#include "cli/docker/whose.h"
#include "config.h"
#include "engine/user.h"

/* What keepers execute: keeper-exit ID STATUS CTL-FD, keeper-probe ID. -1: it is none of them. */
static int keeper_helper(int argc, char **argv)
{
	struct log log = { .fd = -EBADF };
	int32_t status, ctl;

	if (argc == 3 && streq(argv[1], "keeper-probe")) {
		cli_protect_self(argc, argv);
		return docker_keeper_probe(argv[2], &log, NULL) < 0;
	}
	if (argc != 5 || !streq(argv[1], "keeper-exit"))
		return -1;
	if (parse_i32(argv[3], &status) < 0 || parse_i32(argv[4], &ctl) < 0)
		return 2;
	cli_protect_self(argc, argv);
	if (ctl >= 0)
		fd_set_cloexec(ctl, true);
	/* Nobody reads our standard streams; what could not be undone stays in the journal, for doctor. */
	return docker_keeper_exit(argv[2], status, ctl, &log, NULL) < 0;
}

static int run(const struct command *cmd, struct docker_globals *g, const char *name, int argc, char *const *argv)
{
	char prog[96];
	struct cli c = { .cmd = cmd, .prog = prog, .argc = argc, .argv = argv, .log = { .fd = -EBADF }, .docker = g };
	int code;

	snprintf(prog, sizeof(prog), "%s %s", name, cmd->name);
	code = cmd->run(&c);
	cli_done(&c);
	if (fflush(stdout) != 0 && errno != EPIPE) {
		fprintf(stderr, "%s: write to standard output: %m\n", prog);
		code = code ?: 1;
	}
	return code;
}

static int overview(const char *group, FILE *to, int code)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	/* All of creel's, where this program has them. */
	if (!group && command_find("help")) {
		help_text(&cmd_creel, &out);
		fputs(buf_str(&out), to);
		return code;
	}
	fprintf(to, "\nUsage:  %s%s%s COMMAND\n\nCommands:\n", "creel", group ? " " : "", group ?: "");
	for (const struct command *const *p = commands; *p; p++) {
		const char *rest = group ? startswith((*p)->name, group) : (*p)->name;

		if (!((*p)->flags & CMD_DOCKER) || !rest || (group && *rest != ' ') || (!group && strchr(rest, ' ')))
			continue;
		fprintf(to, "  %-12s %s\n", rest + (*rest == ' '), (*p)->summary);
	}
	for (const struct alias *a = docker_aliases; group && a->name; a++) {
		const char *rest = startswith(a->name, group);
		const struct command *cmd = rest && *rest == ' ' ? command_find(a->is) : NULL;

		if (cmd)
			fprintf(to, "  %-12s %s\n", rest + 1, cmd->summary);
	}
	fprintf(to, "\nRun 'creel %s%sCOMMAND --help' for more information on a command.\n", group ?: "",
		group ? " " : "");
	return code;
}

/* "ps", "volume ls", "container run": the command, and in *RET_WORDS how many words it took. */
static const struct command *find(int argc, char *const *argv, int *ret_words)
{
	const struct command *cmd;
	char name[128];

	*ret_words = 1;
	if (argc > 1) {
		snprintf(name, sizeof(name), "%s %s", argv[0], argv[1]);
		cmd = command_find(name);
		for (const struct alias *a = docker_aliases; a->name && !cmd; a++)
			if (streq(a->name, name))
				cmd = command_find(a->is);
		if (cmd) {
			*ret_words = 2;
			return cmd;
		}
	}
	cmd = command_find(argv[0]);
	return cmd && (cmd->flags & CMD_DOCKER || streq(cmd->name, "help")) ? cmd : NULL;
}

static bool is_group(const char *word)
{
	for (const struct alias *a = docker_aliases; a->name; a++) {
		const char *rest = startswith(a->name, word);

		if (rest && *rest == ' ')
			return true;
	}
	return false;
}

static int unknown(const char *name, const char *word)
{
	const char *names[128], *near;
	size_t n = 0;

	for (const struct command *const *p = commands; *p && n < ARRAY_SIZE(names); p++)
		if (!((*p)->flags & CMD_OCI))
			names[n++] = (*p)->name;
	near = nearest(word, names, n);
	if (streq(name, "docker")) {
		fprintf(stderr, "docker: '%s' is not a docker command.\nSee 'docker --help'\n", word);
		return 1;
	}
	fprintf(stderr, "creel: unknown command '%s'\n", word);
	if (near)
		fprintf(stderr, "hint: did you mean '%s'?\n", near);
	else
		fprintf(stderr, "hint: 'creel help' lists the commands\n");
	return 1;
}

/* There is no daemon: only a socket of this machine may be named, as scripts do. */
static int check_hosts(const struct docker_globals *g)
{
	const char *env = g->environment && !g->hosts.n && isempty(g->context) ? getenv("DOCKER_HOST") : NULL;

	if (g->hosts.n > 1) {
		fprintf(stderr, "Please specify only one -H\n");
		return 1;
	}
	if (g->tls || g->tls_verify) {
		fprintf(stderr, "unable to resolve docker endpoint: containers are run here, there is no daemon to "
				"speak TLS with\n");
		return 1;
	}
	if (!isempty(env) && !startswith(env, "unix://") && !startswith(env, "fd://")) {
		fprintf(stderr, "docker: DOCKER_HOST is %s: containers are run here, no daemon elsewhere is asked\n",
			env);
		return 1;
	}
	for (size_t i = 0; i < g->hosts.n; i++)
		if (!startswith(g->hosts.v[i], "unix://") && !startswith(g->hosts.v[i], "fd://")) {
			fprintf(stderr, "creel: -H %s: containers are run here, no daemon elsewhere is asked\n",
				g->hosts.v[i]);
			return 1;
		}
	return 0;
}

/* Said for all who come after us, before somebody asks for it: where the user keeps what runs. */
static void name_places(void)
{
	const char *xdg = getenv("XDG_RUNTIME_DIR"), *user = getenv("USER");
	char usual[64];

	snprintf(usual, sizeof(usual), "/run/user/%u", geteuid());
	if (!xdg || *xdg != '/')
		setenv("XDG_RUNTIME_DIR", usual, 1);
	if (user && streq(user, "root"))
		unsetenv("USER");
}

/* Executes this program anew in the ordinary user's name space, where the rest is done as by root. */
static int enter_user(const char *name, char **argv)
{
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	struct err e = { 0 };

	exe[n > 0 ? n : 0] = '\0';
	name_places();
	if (engine_user_enter(&e) == 0) {
		cli_delegate(strrchr(exe, '/') ? strrchr(exe, '/') + 1 : exe, argv);
		err_set(&e, -errno, "execute %s again", exe);
	}
	fprintf(stderr, "%s: %s\n", name, e.msg);
	if (e.hint[0])
		fprintf(stderr, "hint: %s\n", e.hint);
	return 125;
}

/* What needs neither images nor containers. */
static bool needs_nothing(const struct command *cmd, int argc, char *const *argv)
{
	static const char *const names[] = { "help", "login", "logout", "search" };

	if (startswith(cmd->name, "context "))
		return true;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(cmd->name, names[i]))
			return true;
	return argc > 1 && streq(argv[1], "--help");
}

static int run_as_user(const struct command *cmd, struct docker_globals *g, const char *name, int argc, char **argv,
		       char **all)
{
	int code = 0;

	switch (docker_whose(cmd, argc, argv, all, &code)) {
	case WHOSE_LXC:
		return run(cmd, g, name, argc, argv);
	case WHOSE_BOTH:
		return code;
	case WHOSE_IMAGES:
		break;
	}
	return enter_user(name, all);
}

/* --storage-driver and --storage-opt as one text. */
static int take_storage(struct docker_globals *g)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!g->driver && g->driver_opts.n) {
		fprintf(stderr, "creel: --storage-opt needs --storage-driver\n");
		return 125;
	}
	if (!g->driver)
		return 0;
	buf_puts(&b, g->driver);
	for (size_t i = 0; i < g->driver_opts.n; i++)
		buf_printf(&b, ",%s", g->driver_opts.v[i]);
	g->storage = buf_take(&b);
	return g->storage ? 0 : 125;
}

static int verb(const char *name, struct docker_globals *g, int argc, char **argv, char **all)
{
	const struct command *cmd;
	const char *why;
	int words, code;

	cmd = find(argc, argv, &words);
	if (cmd) {
		int n = argc - words + 1;
		char **own = argv + words - 1;

		code = needs_nothing(cmd, n, own) ? 0 : docker_context_check(g);
		if (code)
			return code;
		if (legacy_wanted(cmd->name, argc, argv))
			return run(legacy_command(cmd->name), g, name, n, own);
		return geteuid() == 0 || needs_nothing(cmd, n, own) ? run(cmd, g, name, n, own)
								    : run_as_user(cmd, g, name, n, own, all);
	}
	/* The program that knows all commands says so. */
	docker_execute_online(all);
	why = docker_absent(argc, argv);
	if (why && !(is_group(argv[0]) && (argc < 2 || streq(argv[1], "--help")))) {
		fprintf(stderr, "%s: '%s%s%s' is not there: %s\n", name, argv[0], is_group(argv[0]) ? " " : "",
			is_group(argv[0]) ? argv[1] : "", why);
		return 1;
	}
	if (is_group(argv[0])) {
		bool help = argc > 1 && streq(argv[1], "--help");

		code = overview(argv[0], help ? stdout : stderr, help ? 0 : 1);
		return code;
	}
	return unknown(name, argv[0]);
}

static int global(const char *name, int argc, char **argv)
{
	struct docker_globals g = { .environment = streq(name, "docker") };
	struct opt_parser p = { .stop_after = 1, .sets = { { docker_global_opts, &g } } };
	struct err e = { 0 };
	int r = opt_parse_pflag(&p, argc, argv, &e), code;
	size_t n = p.operands.n;

	opt_parser_done(&p);
	if (r < 0) {
		fprintf(stderr, "%s\nSee '%s --help'.\n", e.msg, name);
		code = 125;
	} else if (g.version) {
		printf("Docker version %s, build creel-%s\n", DOCKER_INTERFACE_VERSION, CREEL_VERSION);
		code = 0;
	} else if (n == 0 || g.help) {
		docker_execute_online(argv);
		code = overview(NULL, stdout, 0);
	} else {
		code = check_hosts(&g) ?: take_storage(&g) ?: verb(name, &g, (int)n, argv + argc - n, argv);
	}
	strv_done(&g.hosts);
	strv_done(&g.driver_opts);
	free(g.storage);
	return code;
}

int main(int argc, char **argv)
{
	const char *prog = argc > 0 ? argv[0] : "creel", *slash = strrchr(prog, '/'), *name = slash ? slash + 1 : prog;
	char as_docker[PATH_MAX + sizeof("docker")];
	int code;

	signal(SIGPIPE, SIG_IGN);
	if (!streq(name, "docker"))
		name = "creel";
	if (argc > 1) {
		code = keeper_helper(argc, argv);
		if (code >= 0)
			return code;
	}
	if (streq(name, "creel") && argc > 1 && streq(argv[1], "docker")) {
		/* As if it had been called by that name: the other program sees it, too. */
		name = "docker";
		snprintf(as_docker, sizeof(as_docker), "%.*sdocker", slash ? (int)(slash + 1 - prog) : 0, prog);
		argv[1] = as_docker;
		argc--;
		argv++;
	}
	return global(name, argc, argv);
}
