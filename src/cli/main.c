/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/names.h"
#include "cli/commands.h"
#include "config.h"

static int run(const struct command *cmd, const char *prog, int argc, char *const *argv)
{
	struct cli c = { .cmd = cmd, .prog = prog, .argc = argc, .argv = argv, .log = { .fd = -EBADF } };
	int code;

	code = cmd->run(&c);
	cli_done(&c);
	/* Buffered output that cannot be written (a full disk) is a failure, too. */
	if (fflush(stdout) != 0 && errno != EPIPE) {
		fprintf(stderr, "%s: write to standard output: %m\n", prog);
		code = code ?: 1;
	}
	return code;
}

static int unknown_command(const char *name)
{
	const char *names[128], *near;
	size_t n = 0;

	for (const struct command *const *p = commands; *p && n < ARRAY_SIZE(names); p++)
		if (!((*p)->flags & CMD_OCI))
			names[n++] = (*p)->name;
	near = nearest(name, names, n);
	fprintf(stderr, "creel: unknown command '%s'\n", name);
	if (near)
		fprintf(stderr, "hint: did you mean '%s'?\n", near);
	else
		fprintf(stderr, "hint: 'creel help' lists the commands\n");
	return 1;
}

/* By the program that knows all commands, where it is there. */
static int overview(FILE *to, int code, const char *name)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		dup2(fileno(to), STDOUT_FILENO);
		cli_delegate("creel-online", (char *[]){ (char *)(uintptr_t)name, (char *)"--help", NULL });
		_exit(1);
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return code;
	help_text(&cmd_creel, &out);
	fputs(buf_str(&out), to);
	return code;
}

/* "creel NAME ..." and "creel lxc NAME ...". */
static int run_sub(int argc, char **argv)
{
	const struct command *cmd;
	char name[64];
	int skip = 1, code;

	if (argc < 2)
		return overview(stderr, 1, argc > 0 ? argv[0] : "creel");
	if (streq(argv[1], "--help") || streq(argv[1], "-h"))
		return overview(stdout, 0, argv[0]);
	if (streq(argv[1], "--version")) {
		printf("%s\n", CREEL_VERSION);
		return 0;
	}
	if (streq(argv[1], "keeper-exit"))
		cli_protect_self(argc, argv);
	code = cli_hidden(argc, argv);
	if (code >= 0)
		return code;
	snprintf(name, sizeof(name), "%s", argv[1]);
	if (streq(argv[1], "lxc")) {
		if (argc < 3)
			return overview(stderr, 1, argc > 0 ? argv[0] : "creel");
		snprintf(name, sizeof(name), "lxc-%s", argv[2]);
		skip = 2;
	}
	cmd = command_find(name);
	/* With a template it is Docker's. */
	if (cmd && streq(cmd->name, "version") && argc > 3 && startswith(argv[2], "-f"))
		cmd = NULL;
	/* The verbs of "creel oci" are found by that one; what is none of ours may be one of Docker's client. */
	if ((!cmd && !streq(argv[1], "lxc")) || cmd == &cmd_help)
		cli_delegate(cmd == &cmd_help ? "creel-online" : "creel-docker", argv);
	if (!cmd || cmd->flags & CMD_OCI)
		return unknown_command(name);
	if (cmd == &cmd_oci ? cli_oci_enters(argc - 1, argv + 1) : cmd->flags & CMD_ENTERS)
		cli_protect_self(argc, argv);
	if (!(cmd->flags & CMD_LXC))
		snprintf(name, sizeof(name), "creel %s", cmd->name);
	return run(cmd, name, argc - skip, argv + skip);
}

/* An OCI runtime, by the names that callers have for one: podman asks for a JSON log only from those it knows. */
static bool is_oci(const char *prog)
{
	return streq(prog, "creel-oci") || streq(prog, "runc") || streq(prog, "crun");
}

int main(int argc, char **argv)
{
	const char *prog = argc > 0 ? argv[0] : "creel", *slash = strrchr(prog, '/');
	const struct command *cmd;

	/* A closed pipe is reported by write(), not by our death half-way through an operation. */
	signal(SIGPIPE, SIG_IGN);
	if (slash)
		prog = slash + 1;
	cmd = startswith(prog, "lxc-") ? command_find(prog) : is_oci(prog) ? &cmd_oci : NULL;
	if (cmd == &cmd_oci ? cli_oci_enters(argc, argv) : cmd && cmd->flags & CMD_ENTERS)
		cli_protect_self(argc, argv);
	if (cmd)
		return run(cmd, cmd == &cmd_oci ? prog : cmd->name, argc, argv);
	if (startswith(prog, "lxc-"))
		return unknown_command(prog);
	if (streq(prog, "docker"))
		cli_delegate("creel-docker", argv);
	return run_sub(argc, argv);
}
