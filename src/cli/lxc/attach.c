/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <unistd.h>

#include "base/names.h"
#include "base/parse.h"
#include "cli/lxc/lxc-cli.h"

struct args {
	struct attach_opts o;
	struct strv keep_vars, set_vars;
	const char *rcfile;
	bool elevated; /* -e or -s was given */
};

#define AT(member) offsetof(struct args, member)

static const struct name ns_names[] = {
	{ "MOUNT", NS_MNT },   { "PID", NS_PID },	{ "UTSNAME", NS_UTS }, { "IPC", NS_IPC }, { "USER", NS_USER },
	{ "NETWORK", NS_NET }, { "CGROUP", NS_CGROUP }, { "TIME", NS_TIME },   { NULL, 0 },
};

static int parse_elevated(void *args, const char *arg, struct err *e)
{
	struct args *a = args;
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r;

	if (isempty(arg)) {
		a->o.elevated_cap = a->o.elevated_cgroup = a->o.elevated_lsm = true;
		return 0;
	}
	r = strv_split(&words, arg, "|", e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < words.n; i++) {
		const char *w = words.v[i];

		if (streq(w, "CAP"))
			a->o.elevated_cap = true;
		else if (streq(w, "CGROUP"))
			a->o.elevated_cgroup = true;
		else if (streq(w, "LSM"))
			a->o.elevated_lsm = true;
		else
			return err_kind(e, ERR_INVALID, -EINVAL,
					"invalid privilege '%s': CAP, CGROUP and LSM, joined by '|'", w);
	}
	return 0;
}

static int parse_namespaces(void *args, const char *arg, struct err *e)
{
	struct args *a = args;
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r;

	r = strv_split(&words, arg, "|", e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < words.n; i++) {
		const struct name *n = name_find(ns_names, words.v[i]);

		if (!n)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"invalid name space '%s': MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP and "
					"TIME, joined by '|'",
					words.v[i]);
		a->o.namespaces |= 1u << n->value;
	}
	return parse_elevated(args, NULL, e);
}

static int parse_uid(void *args, const char *arg, struct err *e)
{
	return lxc_parse_id(&((struct args *)args)->o.uid, "user id", arg, e);
}

static int parse_gid(void *args, const char *arg, struct err *e)
{
	return lxc_parse_id(&((struct args *)args)->o.gid, "group id", arg, e);
}

static const struct opt opts[] = {
	{ 'e', "elevated-privileges", "PRIVILEGES",
	  "Keep privileges of the caller that the container does not have: CAP, CGROUP, LSM, joined by '|'; all of "
	  "them "
	  "when none is named. They may leak into the container.",
	  OPT_CALL, .flags = OPT_OPTIONAL, .complete = COMPLETE_WORDS, .words = "CAP CGROUP LSM",
	  .parse = parse_elevated },
	{ 'a', "arch", "ARCH", "Architecture the command shall see, instead of the container's.", OPT_STR, AT(o.arch) },
	{ 's', "namespaces", "FLAGS",
	  "Enter only these name spaces: MOUNT, PID, UTSNAME, IPC, USER, NETWORK, CGROUP, TIME, joined by '|'. Implies "
	  "-e.",
	  OPT_CALL, .complete = COMPLETE_WORDS, .words = "MOUNT PID UTSNAME IPC USER NETWORK CGROUP TIME",
	  .parse = parse_namespaces },
	{ 'R', "remount-sys-proc", NULL,
	  "With -s and without MOUNT: mount /proc and /sys anew, so that they show the name spaces entered.", OPT_BOOL,
	  AT(o.remount), 1 },
	{ 0, "clear-env", NULL, "Start from an empty environment.", OPT_BOOL, AT(o.clear_env), 1 },
	{ 0, "keep-env", NULL, "Keep the caller's environment; this is the default.", OPT_BOOL, AT(o.clear_env), 0 },
	{ 0, "keep-var", "VAR", "With --clear-env: a variable to keep. May be repeated.", OPT_LIST, AT(keep_vars) },
	{ 'v', "set-var", "VAR=VALUE", "A variable to set. May be repeated.", OPT_LIST, AT(set_vars) },
	{ 'L', "pty-log", "FILE", "Copy what the command prints on its terminal to FILE.", OPT_STR, AT(o.pty_log),
	  .complete = COMPLETE_FILE },
	{ 'f', "rcfile", "FILE", "Read the container's configuration from FILE.", OPT_STR, AT(rcfile),
	  .complete = COMPLETE_FILE },
	{ 'u', "uid", "UID", "User id of the command, inside.", OPT_CALL, .parse = parse_uid },
	{ 'g', "gid", "GID", "Group id of the command, inside.", OPT_CALL, .parse = parse_gid },
	{ 'c', "context", "CONTEXT", "Security label of the command, instead of the container's.", OPT_STR,
	  AT(o.label) },
	OPT_END
};

static int attach(struct cli *c, struct args *a)
{
	_cleanup_(container_freep) struct container *ct = NULL;
	struct err e = { 0 };
	char cwd[4096];
	int r, status = 0;

	r = cli_open(c, 0, &ct, &e);
	if (r < 0)
		return cli_fail(c, &e);
	if (!cli_is_running(ct))
		return cli_not_running(c, ct);
	a->o.keep_vars = (const char *const *)strv_get(&a->keep_vars);
	a->o.set_vars = (const char *const *)strv_get(&a->set_vars);
	/* Where the caller is, when the container has such a folder; else "/". */
	a->o.cwd = getcwd(cwd, sizeof(cwd));
	a->o.argv = c->operands.n ? strv_get(&c->operands) : NULL;
	r = container_attach(ct, &a->o, &status, &e);
	if (r < 0)
		return cli_fail(c, &e), cli_exit_of(status) ?: 1;
	return c->dry_run ? cli_end(c, 0) : cli_exit_of(status);
}

static int run(struct cli *c)
{
	struct args a = { .o = ATTACH_OPTS_INIT };
	int code;

	code = cli_parse(c, &a);
	if (code < 0) {
		c->rcfile = a.rcfile;
		code = attach(c, &a);
	}
	strv_done(&a.keep_vars);
	strv_done(&a.set_vars);
	return code;
}

const struct command cmd_attach = {
	.name = "lxc-attach",
	.flags = CMD_LXC | CMD_NAME | CMD_MUTATES | CMD_RCFILE | CMD_ENTERS,
	.synopsis = "[-n] NAME [OPTION...] [-- COMMAND...]",
	.summary = "run a command inside a running container",
	.description =
		"Runs COMMAND, or the login shell of the container's root, inside the running container NAME, with the "
		"name spaces, control groups, capabilities and label that the container has.\n\n"
		"A terminal is allocated inside when standard input, output or error is one. Put '--' before a "
		"COMMAND that has options of its own.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-attach web", "A root shell inside." },
						{ "lxc-attach -n web -- ps aux", "One command." },
						{ "lxc-attach web -s 'NETWORK|PID' -R -- ss -tlnp",
						  "A program of the host on the container's network." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "N", "What COMMAND ended with; 128 + N when signal N killed it." },
					     { "1", "The container could not be entered." },
					     { NULL, NULL } },
	.see_also = "lxc-console(1), lxc-execute(1), lxc.container.conf(5)",
	.run = run,
};
