/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/file.h"
#include "base/parse.h"
#include "cli/oci/oci-cli.h"

#define EXIT_SETUP 255

struct args {
	const char *process, *cwd, *user, *label, *apparmor, *pidfile, *console_socket, *pidfd_socket;
	struct strv env, gids, caps, cgroups;
	bool tty, detach, no_new_privs, ignore_paused, no_subreaper;
	int preserve_fds;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = {
	{ 0, "console-socket", "SOCKET", "AF_UNIX socket that gets the master of the command's terminal.", OPT_STR,
	  AT(console_socket), .complete = COMPLETE_FILE },
	{ 0, "pidfd-socket", "SOCKET", "AF_UNIX socket that gets a pidfd of the command.", OPT_STR, AT(pidfd_socket),
	  .complete = COMPLETE_FILE },
	{ 0, "cwd", "DIR", "Working directory in the container.", OPT_STR, AT(cwd) },
	{ 'e', "env", "NAME=VALUE", "An environment variable. May be repeated.", OPT_LIST, AT(env) },
	{ 't', "tty", NULL, "Allocate a terminal.", OPT_BOOL, AT(tty), 1 },
	{ 'u', "user", "UID[:GID]", "The command's user, inside.", OPT_STR, AT(user) },
	{ 'g', "additional-gids", "GID", "A supplementary group. May be repeated.", OPT_LIST, AT(gids) },
	{ 'p', "process", "FILE", "Everything about the command: the process object of a config.json.", OPT_STR,
	  AT(process), .complete = COMPLETE_FILE },
	{ 'd', "detach", NULL, "Do not wait for the command.", OPT_BOOL, AT(detach), 1 },
	{ 0, "pid-file", "FILE", "Write the command's process id into FILE.", OPT_STR, AT(pidfile),
	  .complete = COMPLETE_FILE },
	{ 0, "process-label", "LABEL", "The command's SELinux label.", OPT_STR, AT(label) },
	{ 0, "apparmor", "PROFILE", "The command's AppArmor profile.", OPT_STR, AT(apparmor) },
	{ 0, "no-new-privs", NULL, "The command may gain no privileges.", OPT_BOOL, AT(no_new_privs), 1 },
	{ 'c', "cap", "CAPABILITY", "A capability besides the container's. May be repeated.", OPT_LIST, AT(caps) },
	{ 0, "preserve-fds", "N", "Leave N fds from 3 on open, besides those of LISTEN_FDS.", OPT_INT,
	  AT(preserve_fds) },
	{ 0, "cgroup", "[CONTROLLER:]PATH", "Run it in this group below the container's. May be repeated.", OPT_LIST,
	  AT(cgroups) },
	{ 0, "ignore-paused", NULL, "Also in a paused container, where it begins when that is resumed.", OPT_BOOL,
	  AT(ignore_paused), 1 },
	{ 0, "no-subreaper", NULL, "Accepted for the sake of old callers.", OPT_BOOL, AT(no_subreaper), 1,
	  .flags = OPT_HIDDEN },
	OPT_END
};

static int set_string(char **at, const char *value, struct err *e)
{
	if (!value)
		return 0;
	free(*at);
	*at = strdup(value);
	return *at ? 0 : err_oom(e);
}

/* "UID[:GID]", numbers as runc has them. */
static int set_user(struct spec_process *p, const char *said, struct err *e)
{
	_cleanup_free_ char *copy = NULL;
	char *gid;

	if (!said)
		return 0;
	copy = strdup(said);
	if (!copy)
		return err_oom(e);
	gid = strchr(copy, ':');
	if (gid)
		*gid++ = '\0';
	if (parse_u32(copy, &p->uid) < 0 || p->uid == UNSET32)
		return err_kind(e, ERR_INVALID, -EINVAL, "parsing %s as int for uid failed: not a number", copy);
	if (gid && (parse_u32(gid, &p->gid) < 0 || p->gid == UNSET32))
		return err_kind(e, ERR_INVALID, -EINVAL, "parsing %s as int for gid failed: not a number", gid);
	return 0;
}

static int add_gids(struct spec_process *p, const struct strv *gids, struct err *e)
{
	uint32_t gid;
	int r = 0;

	for (size_t i = 0; i < gids->n && r == 0; i++) {
		if (parse_u32(gids->v[i], &gid) < 0)
			return err_kind(e, ERR_INVALID, -EINVAL, "parsing %s as int for gid failed: not a number",
					gids->v[i]);
		if (!strv_has(&p->groups, gids->v[i]))
			r = strv_push(&p->groups, gids->v[i], e);
	}
	return r;
}

/* Into the set, which may have been said to be empty. */
static int add_cap(struct strv *set, const char *word, struct err *e)
{
	if (set->n == 1 && streq(set->v[0], "none"))
		strv_remove(set, 0);
	return strv_has(set, word) ? 0 : strv_push(set, word, e);
}

static int add_caps(const struct cli *c, struct spec_process *p, const struct strv *caps, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < caps->n && r == 0; i++) {
		const char *word = oci_cap_word(caps->v[i]);

		/* As of those in config.json: what this kernel does not know, it cannot grant. */
		if (!word) {
			verb_warn(c, "ignoring unknown or unavailable capabilities: [%s]", caps->v[i]);
			continue;
		}
		r = add_cap(&p->cap_bounding, word, e);
		if (r == 0)
			r = add_cap(&p->cap_effective, word, e);
		if (r == 0)
			r = add_cap(&p->cap_permitted, word, e);
		/* Ambient for the sake of a command that is not root's: as with runc, only what is inheritable, too. */
		if (r == 0 && strv_has(&p->cap_inheritable, word))
			r = add_cap(&p->cap_ambient, word, e);
	}
	return r;
}

/* The container's own process, with what the options change. */
static int from_options(struct cli *c, const struct args *a, struct spec *s, struct err *e)
{
	struct spec_process *p = &s->process;
	int r;

	strv_done(&p->args);
	free(p->init_cmd);
	p->init_cmd = NULL;
	for (size_t i = 1; i < c->operands.n; i++) {
		r = strv_push(&p->args, c->operands.v[i], e);
		if (r < 0)
			return r;
	}
	if (!p->args.n)
		return err_kind(e, ERR_INVALID, -EINVAL, "process args cannot be empty");
	p->terminal = a->tty ? TRI_YES : TRI_NO;
	p->rows = p->columns = UNSET32;
	if (a->no_new_privs)
		p->no_new_privs = TRI_YES;
	r = set_string(&p->cwd, a->cwd, e);
	for (size_t i = 0; i < a->env.n && r == 0; i++)
		r = strv_env_set(&p->env, a->env.v[i], e);
	if (r == 0)
		r = set_user(p, a->user, e);
	if (r == 0)
		r = add_gids(p, &a->gids, e);
	return r < 0 ? r : add_caps(c, p, &a->caps, e);
}

/* The process of the file in place of the container's. */
static void swap_process(struct spec *s, struct spec *file)
{
	struct spec_process p = s->process;

	s->process = file->process;
	file->process = p;
}

static int from_file(struct cli *c, const char *path, struct spec *s, struct spec *file, struct err *e)
{
	_cleanup_oci_info_ struct oci_info info = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = file_read(AT_FDCWD, path, OCI_TEXT_MAX, &text, &len, e);

	if (r == 0)
		r = oci_process_load(text, len, path, file, &info, e);
	if (r == 0 && !file->process.args.n)
		r = err_kind(e, ERR_INVALID, -EINVAL, "process args cannot be empty");
	if (r == 0)
		r = oci_process_inherit(file, s, e);
	if (r < 0)
		return r;
	verb_log_info(c, &info);
	swap_process(s, file);
	return 0;
}

static void done(void *arg, int status)
{
	const struct args *a = arg;

	cli_leave(a->detach ? 0 : cli_exit_of(status));
}

static int go(struct cli *c, struct args *a, int *ret_status, struct err *e)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	struct oci_exec_opts o = {
		.detach = a->detach,
		.ignore_paused = a->ignore_paused,
		.no_subreaper = a->no_subreaper,
		.pidfile = a->pidfile,
		.console_socket = a->console_socket,
		.pidfd_socket = a->pidfd_socket,
		.cgroups = (const char *const *)strv_get(&a->cgroups),
		.preserve_fds = (unsigned)a->preserve_fds,
		.done = done,
		.arg = a,
	};
	_cleanup_spec_ struct spec s = { 0 }, file = { 0 };
	int r;

	if (a->preserve_fds < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "--preserve-fds: %d fds are none", a->preserve_fds);
	r = verb_container(c, OCI_SPEC, &rt, &ct, e);
	spec_init(&s);
	spec_init(&file);
	if (r == 0)
		r = spec_copy(&s, &ct->spec, e);
	if (r == 0)
		r = a->process ? from_file(c, a->process, &s, &file, e) : from_options(c, a, &s, e);
	if (r < 0)
		return r;
	o.spec = &s;
	/* One security module is active, and has one label. */
	o.label = a->apparmor ?: a->label ?: file.security.apparmor_profile ?: file.security.selinux_context;
	o.label = isempty(o.label) ? NULL : o.label;
	return oci_exec(ct, &o, ret_status, e);
}

static int run(struct cli *c)
{
	struct args a = { 0 };
	struct err e = { 0 };
	int code, status = 0;

	code = verb_parse(c, &a, 1, UINT32_MAX);
	if (code < 0 && go(c, &a, &status, &e) < 0)
		code = verb_fail(c, "exec failed", &e, EXIT_SETUP);
	else if (code < 0)
		code = a.detach ? 0 : cli_exit_of(status);
	strv_done(&a.env);
	strv_done(&a.gids);
	strv_done(&a.caps);
	strv_done(&a.cgroups);
	return code;
}

const struct command cmd_oci_exec = {
	.name = "oci-exec",
	.flags = CMD_OCI | CMD_NO_ENGINE | CMD_COMMAND | CMD_ENTERS,
	.synopsis = "[command options] <container-id> <command> [command options]  || -p process.json <container-id>",
	.summary = "execute new process inside the container",
	.description =
		"Runs a command in a running container: as config.json says of the container's own process, changed by "
		"the options, or as process.json says. What that leaves out of capabilities, limits, umask, scheduling "
		"and I/O priority is the container's.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "creel-oci exec -t web sh", "A shell inside." }, { NULL, NULL } },
	.exits = (const struct text_pair[]){ { "N", "What the command ended with; 128 + N for signal N." },
					     { "255", "It could not be started." },
					     { NULL, NULL } },
	.see_also = "creel-oci(1), creel-exec(1)",
	.run = run,
};
