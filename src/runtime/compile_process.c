/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiling the process: names, settings, limits, the pivot, and at the very end policy and exec. */

#include <stdio.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "base/names.h"
#include "base/parse.h"
#include "runtime/compile.h"

#define HOME_MAX     4096
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const struct name rlimit_names[] = {
	{ "as", RLIMIT_AS },
	{ "core", RLIMIT_CORE },
	{ "cpu", RLIMIT_CPU },
	{ "data", RLIMIT_DATA },
	{ "fsize", RLIMIT_FSIZE },
	{ "locks", RLIMIT_LOCKS },
	{ "memlock", RLIMIT_MEMLOCK },
	{ "msgqueue", RLIMIT_MSGQUEUE },
	{ "nice", RLIMIT_NICE },
	{ "nofile", RLIMIT_NOFILE },
	{ "nproc", RLIMIT_NPROC },
	{ "rss", RLIMIT_RSS },
	{ "rtprio", RLIMIT_RTPRIO },
	{ "rttime", RLIMIT_RTTIME },
	{ "sigpending", RLIMIT_SIGPENDING },
	{ "stack", RLIMIT_STACK },
	{ NULL, 0 },
};

static int compile_rlimits(struct compiler *c)
{
	LIST_EACH(l, &c->spec->process.rlimits, struct spec_rlimit) {
		const struct name *n = name_find(rlimit_names, l->resource);
		struct op *op;

		if (!n)
			return err_kind(c->e, ERR_INVALID, -EINVAL, "unknown resource limit '%s'", l->resource);
		op = plan_add(c->plan, OP_CHILD, &op_rlimit, c->e);
		if (!op)
			return -ENOMEM;
		op->rlimit.name = n->name;
		op->rlimit.resource = (int)n->value;
		op->rlimit.soft = l->soft;
		op->rlimit.hard = l->hard;
	}
	return 0;
}

/* Its own, or one that is joined. */
static bool has_ns(const struct compiler *c, enum spec_ns ns)
{
	return c->plan->ns_cloned & (1u << ns) || c->plan->share[ns];
}

/* The names that a name space of the container's own has a value for. Whatever else is written changes the host. */
static int check_sysctl(const struct compiler *c, const char *name)
{
	static const char *const ipc[] = {
		"kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem",
		"kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced"
	};
	char dotted[256];
	bool is_ipc = startswith(name, "fs/mqueue/");

	if (!c->opts->oci)
		return 0;
	snprintf(dotted, sizeof(dotted), "%s", name);
	for (char *p = dotted; *p; p++)
		if (*p == '/')
			*p = '.';
	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		is_ipc |= streq(name, ipc[i]);
	if (is_ipc)
		return has_ns(c, NS_IPC) ? 0
					 : err_kind(c->e, ERR_INVALID, -EINVAL,
						    "sysctl \"%s\" is not allowed in the hosts ipc namespace", dotted);
	if (startswith(name, "net/"))
		return has_ns(c, NS_NET) ? 0
					 : err_kind(c->e, ERR_INVALID, -EINVAL,
						    "sysctl \"%s\" not allowed in host network namespace", dotted);
	/* The dialect has seen to it that this and the field of that name agree. */
	if (has_ns(c, NS_UTS) && streq(name, "kernel/domainname"))
		return 0;
	if (has_ns(c, NS_UTS) && streq(name, "kernel/hostname"))
		return err_kind(c->e, ERR_INVALID, -EINVAL,
				"sysctl \"%s\" is not allowed as it conflicts with the OCI \"hostname\" field", dotted);
	return err_kind(c->e, ERR_INVALID, -EINVAL, "sysctl \"%s\" is not in a separate kernel namespace", dotted);
}

static int compile_sysctls(struct compiler *c)
{
	for (size_t i = 0; i < c->spec->process.sysctls.n; i++) {
		char *key = plan_printf(c->plan, c->e, "sys/%s", c->spec->process.sysctls.v[i]);
		char *eq = key ? strchr(key, '=') : NULL;
		int r;

		if (!eq)
			return key ? err_kind(c->e, ERR_INVALID, -EINVAL, "sysctl '%s' has no value", key) : -ENOMEM;
		*eq = '\0';
		/* A name is dots or slashes and nothing that climbs (CVE-2022-0811 was one with '+'). */
		for (char *p = key; *p; p++) {
			if (*p == '.')
				*p = '/';
			if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/:", *p))
				return err_kind(c->e, ERR_INVALID, -EINVAL, "sysctl '%s': bad character '%c'", key, *p);
		}
		r = check_sysctl(c, key + strlen("sys/"));
		if (r == 0)
			r = compile_add(c, OP_CHILD, &op_sysctl, key, eq + 1, 0, 0);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Names of 32-bit architectures on a 64-bit kernel; all others run as they are. */
static const char *const linux32[] = { "arm",  "armel",	  "armhf", "armv7l", "athlon", "i386",	  "i486", "i586",
				       "i686", "linux32", "mips",  "mipsel", "ppc",    "powerpc", "x86" };

static int compile_personality(struct compiler *c)
{
	const char *arch = c->spec->process.arch;

	if (!arch)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(linux32); i++)
		if (streq(arch, linux32[i]))
			return compile_add(c, OP_CHILD, &op_personality, arch, NULL, PER_LINUX32, 0);
	return compile_add(c, OP_CHILD, &op_personality, arch, NULL, PER_LINUX, 0);
}

/* --- the environment of init ------------------------------------------------------------------------------------------ */

static int add_env_list(const struct strv *l, struct strv *env, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < l->n && r == 0; i++) {
		const char *w = l->v[i], *value;

		if (strchr(w, '=')) {
			r = strv_env_set(env, w, e);
			continue;
		}
		value = getenv(w);
		if (!value)
			return err_kind(e, ERR_INVALID, -ENOENT, "lxc.environment: %s is not set in the environment",
					w);
		_cleanup_strv_ struct strv one = STRV_INIT;

		r = strv_pushf(&one, e, "%s=%s", w, value);
		if (r == 0)
			r = strv_env_set(env, one.v[0], e);
	}
	return r;
}

/* systemd starts a getty on each of these: the instance's numbers follow from the order of allocation. */
static int add_tty_names(struct compiler *c, struct strv *env)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!c->plan->ttys)
		return 0;
	buf_puts(&b, "container_ttys=");
	for (unsigned i = 0; i < c->plan->ttys; i++)
		buf_printf(&b, "%spts/%u", i ? " " : "", i + (c->plan->console ? 1 : 0));
	return strv_push(env, buf_str(&b), c->e);
}

/* What is said and nothing else, but that HOME is looked up in the container: *RET_HOME is the place for it. */
static char *const *exact_env(struct compiler *c, struct op_exec *x)
{
	_cleanup_strv_ struct strv env = STRV_INIT;
	bool has_home;
	char **copy;

	if (add_env_list(&c->spec->process.env, &env, c->e) < 0)
		return NULL;
	/* An empty one is as good as none. */
	has_home = !isempty(strv_env_get(&env, "HOME"));
	for (size_t i = env.n; !has_home && i-- > 0;)
		if (startswith(env.v[i], "HOME="))
			strv_remove(&env, i);
	copy = plan_alloc(c->plan, (env.n + 2) * sizeof(*copy), c->e);
	for (size_t i = 0; copy && i < env.n; i++) {
		copy[i] = plan_strdup(c->plan, env.v[i], c->e);
		if (!copy[i])
			return NULL;
	}
	if (!copy || has_home)
		return copy;
	x->home_size = HOME_MAX;
	x->home = copy[env.n] = plan_alloc(c->plan, x->home_size, c->e);
	return x->home ? copy : NULL;
}

static char *const *compile_env(struct compiler *c, struct op_exec *x)
{
	_cleanup_strv_ struct strv env = STRV_INIT;
	const char *term = getenv("TERM");
	char **copy;
	int r;

	if (tri_or(c->spec->process.env_exact, false))
		return exact_env(c, x);
	r = strv_push(&env, DEFAULT_PATH, c->e);
	if (r == 0)
		r = strv_push(&env, "container=lxc", c->e);
	if (r == 0)
		r = strv_pushf(&env, c->e, "TERM=%s", isempty(term) ? "linux" : term);
	if (r == 0)
		r = add_tty_names(c, &env);
	if (r == 0)
		r = add_env_list(&c->spec->process.env, &env, c->e);
	if (r == 0)
		r = add_env_list(&c->spec->process.env_runtime, &env, c->e);
	if (r < 0)
		return NULL;
	copy = plan_alloc(c->plan, (env.n + 1) * sizeof(*copy), c->e);
	for (size_t i = 0; copy && i < env.n; i++) {
		copy[i] = plan_strdup(c->plan, env.v[i], c->e);
		if (!copy[i])
			return NULL;
	}
	return copy;
}

/* --- the command ----------------------------------------------------------------------------------------------------------- */

static int command_words(struct compiler *c, struct strv *ret)
{
	const struct spec_process *p = &c->spec->process;
	const char *line;
	int r = 0;

	if (c->opts->argv) {
		for (char *const *a = c->opts->argv; *a && r == 0; a++)
			r = strv_push(ret, *a, c->e);
		return r;
	}
	if (p->args.n && !c->opts->execute)
		return strv_copy(ret, &p->args, c->e);
	if (p->none == TRI_YES)
		return err_kind(c->e, ERR_INVALID, -EINVAL, "process: it is not set, there is nothing to start");
	line = c->opts->execute ? p->execute_cmd : p->init_cmd;
	if (!line && c->opts->execute)
		return err_kind(c->e, ERR_INVALID, -EINVAL, "no command given, and lxc.execute.cmd is not set");
	r = strv_split_command(ret, line ?: "/sbin/init", c->e);
	if (r == 0 && !ret->n)
		r = err_kind(c->e, ERR_INVALID, -EINVAL, "the init command is empty");
	return r;
}

static int compile_argv(struct compiler *c, struct op_exec *x)
{
	_cleanup_strv_ struct strv words = STRV_INIT;
	unsigned lead = c->opts->execute ? 2 : 0;
	char **argv;
	int r;

	/* A container may be created without one; who starts it is told. */
	r = c->spec->process.none == TRI_YES && c->opts->wait_start ? 0 : command_words(c, &words);
	if (r < 0)
		return r;
	argv = plan_alloc(c->plan, (words.n + lead + 1) * sizeof(*argv), c->e);
	if (!argv)
		return -ENOMEM;
	if (lead) {
		argv[0] = (char *)"init.lxc";
		argv[1] = (char *)"--";
	}
	for (size_t i = 0; i < words.n; i++) {
		argv[lead + i] = plan_strdup(c->plan, words.v[i], c->e);
		if (!argv[lead + i])
			return -ENOMEM;
	}
	x->argv = argv;
	x->init_helper = lead != 0;
	return 0;
}

/* crun's word, which podman's --group-add keep-groups writes: the caller's supplementary groups stay. */
static bool keeps_groups(const struct spec *s)
{
	return strv_has(&s->annotations, "run.oci.keep_original_groups=1");
}

static int compile_groups(struct compiler *c, struct op_exec *x)
{
	const struct strv *l = &c->spec->process.groups;
	gid_t *gids;

	x->set_groups = !keeps_groups(c->spec);
	if (!l->n)
		return 0;
	gids = plan_alloc(c->plan, l->n * sizeof(*gids), c->e);
	if (!gids)
		return -ENOMEM;
	for (size_t i = 0; i < l->n; i++)
		if (parse_u32(l->v[i], &gids[i]) < 0)
			return err_kind(c->e, ERR_INVALID, -EINVAL, "group id '%s' is not a number", l->v[i]);
	x->groups = gids;
	x->n_groups = l->n;
	return 0;
}

static int compile_caps(struct compiler *c, struct op_exec *x)
{
	const struct spec_process *p = &c->spec->process;
	int r = 0;

	x->caps.bounding = c->plan->cap_mask;
	x->five_caps = spec_five_caps(p);
	x->files_stay = c->opts->files_stay;
	if (!x->five_caps)
		return 0;
	r = cap_list(&p->cap_effective, &x->caps.effective, c->e);
	if (r == 0)
		r = cap_list(&p->cap_permitted, &x->caps.permitted, c->e);
	if (r == 0)
		r = cap_list(&p->cap_inheritable, &x->caps.inheritable, c->e);
	if (r == 0)
		r = cap_list(&p->cap_ambient, &x->caps.ambient, c->e);
	return r;
}

static int compile_exec(struct compiler *c, struct op_exec **ret)
{
	const struct spec_process *p = &c->spec->process;
	struct op_exec *x = plan_alloc(c->plan, sizeof(*x), c->e);
	int r;

	if (!x)
		return -ENOMEM;
	r = compile_argv(c, x);
	if (r == 0)
		r = compile_groups(c, x);
	if (r < 0)
		return r;
	x->envp = compile_env(c, x);
	if (!x->envp)
		return c->e && c->e->code ? c->e->code : -ENOMEM;
	x->cwd = isempty(p->cwd) ? "/" : p->cwd;
	x->uid = c->opts->uid >= 0 ? (uint32_t)c->opts->uid : p->uid == UNSET32 ? 0 : p->uid;
	x->gid = c->opts->gid >= 0 ? (uint32_t)c->opts->gid : p->gid == UNSET32 ? 0 : p->gid;
	r = compile_caps(c, x);
	if (r < 0)
		return r;
	x->umask = p->umask == UNSET32 ? 022 : p->umask;
	x->no_new_privs = tri_or(p->no_new_privs, false);
	*ret = x;
	return 0;
}

static int add_exec(struct compiler *c, const struct op_kind *kind, struct op_exec *x)
{
	struct op *op = plan_add(c->plan, OP_CHILD, kind, c->e);

	if (!op)
		return -ENOMEM;
	op->exec = x;
	return 0;
}

static bool needs_procfs(const struct compiler *c)
{
	return c->spec->process.sysctls.n || lsm_active() != LSM_NONE;
}

/* What is set on the running process before it leaves the host's root behind. */
/* A name of the host, or of whoever's name space that is, is not ours to change. */
static int check_names(const struct compiler *c)
{
	const struct spec *s = c->spec;

	if (!c->opts->oci || has_ns(c, NS_UTS))
		return 0;
	if (s->hostname)
		return err_kind(c->e, ERR_INVALID, -EINVAL, "unable to set hostname without a private UTS namespace");
	if (s->domainname)
		return err_kind(c->e, ERR_INVALID, -EINVAL, "unable to set domainname without a private UTS namespace");
	return 0;
}

static int compile_keyring(struct compiler *c)
{
	char *name;

	if (!c->opts->oci)
		return c->spec->process.keyring_session == TRI_YES
			       ? 0
			       : compile_add(c, OP_CHILD, &op_keyring, NULL, NULL, 0, 0);
	if (c->opts->no_new_keyring)
		return 0;
	/* By a name, so that what is executed later finds the same one. */
	name = plan_printf(c->plan, c->e, "_ses.%s", c->opts->id);
	return name ? compile_add(c, OP_CHILD, &op_keyring, name, NULL, 0, 0) : -ENOMEM;
}

static int compile_settings(struct compiler *c)
{
	const struct spec *s = c->spec;
	bool uts = c->plan->ns_cloned & (1u << NS_UTS) || (c->opts->oci && has_ns(c, NS_UTS));
	int r = check_names(c);

	if (r == 0 && s->hostname && uts)
		r = compile_add(c, OP_CHILD, &op_hostname, s->hostname, NULL, 0, 0);
	if (r == 0 && s->domainname && uts)
		r = compile_add(c, OP_CHILD, &op_domainname, s->domainname, NULL, 0, 0);
	if (r == 0 && needs_procfs(c))
		r = compile_add(c, OP_CHILD, &op_proc_open, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_sysctls(c);
	if (r == 0 && tri_or(s->process.sched_core, false))
		r = compile_add(c, OP_CHILD, &op_sched_core, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_keyring(c);
	if (r == 0 && c->opts->oci)
		r = compile_affinity_reset(c);
	if (r == 0)
		r = compile_sched(c);
	if (r == 0 && !c->opts->oci)
		r = compile_rlimits(c);
	if (r == 0)
		r = compile_personality(c);
	return r;
}

/* As runc has it, what runs in the container before its command is under its policy already, and whoever listens for
 * calls does so before the container counts as created. Else the filter comes last: it need not permit what we do. */
static int compile_wait(struct compiler *c, struct op_exec *x)
{
	bool listener = c->plan->seccomp.has_notify, hooks = false;
	int r = 0;

	LIST_EACH(h, &c->spec->exec_hooks, struct spec_exec_hook)
		hooks |= streq(h->moment, "startContainer");
	c->plan->seccomp_early = c->plan->seccomp.insns && (listener || hooks);
	if (listener)
		r = add_exec(c, &op_filter, x);
	if (r == 0 && c->opts->wait_start)
		r = compile_add(c, OP_HOST, &op_start_listen, NULL, NULL, 0, 0);
	if (r == 0 && c->opts->wait_start)
		r = compile_add(c, OP_CHILD, &op_start_wait, NULL, NULL, 0, 0);
	if (r == 0 && !x->argv[0])
		return compile_add(c, OP_CHILD, &op_no_process, NULL, NULL, 0, 0);
	if (r == 0 && c->plan->seccomp_early && !listener)
		r = add_exec(c, &op_filter, x);
	c->env = x->envp;
	return r == 0 ? compile_moments(c, OP_CHILD, "startContainer") : r;
}

/*
 * The end of an OCI runtime's create and start. What goes wrong up to start.wait fails the create, so the program is looked
 * for by then; hooks inside run with the rights of the container, not with ours.
 */
static int compile_launch(struct compiler *c)
{
	struct op_exec *x = NULL;
	int r = compile_exec(c, &x);

	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_ready, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_stdio, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_lsm_apply, NULL, NULL, 0, 0);
	/* Late: a small limit of files would be in our own way. */
	if (r == 0)
		r = compile_rlimits(c);
	if (r == 0)
		r = add_exec(c, &op_become, x);
	if (r == 0)
		r = x->argv[0] ? add_exec(c, &op_lookup, x) : 0;
	if (r == 0)
		r = compile_seccomp(c);
	if (r == 0)
		r = compile_wait(c, x);
	return r == 0 ? add_exec(c, &op_launch, x) : r;
}

/* With the rights of the host still: a badness below the caller's takes them. */
int compile_exec_before(struct compiler *c)
{
	int r = compile_affinity(c, c->spec->process.cpus_initial);

	for (size_t i = 0; i < c->spec->process.procs.n && r == 0; i++) {
		char *key = plan_strdup(c->plan, c->spec->process.procs.v[i], c->e);
		char *eq = key ? strchr(key, '=') : NULL;

		if (!eq)
			return key ? err_kind(c->e, ERR_INVALID, -EINVAL, "'%s' has no value", key) : -ENOMEM;
		*eq = '\0';
		r = compile_add(c, OP_CHILD, &op_self_write, key, eq + 1, 0, 0);
	}
	return r;
}

int compile_exec_inside(struct compiler *c)
{
	struct op_exec *x = NULL;
	int r = compile_exec(c, &x);

	if (r == 0)
		r = compile_keyring(c);
	if (r == 0)
		r = compile_sched(c);
	if (r == 0)
		r = isempty(c->spec->process.cpus_final) ? compile_affinity_reset(c)
							 : compile_affinity(c, c->spec->process.cpus_final);
	if (r == 0)
		r = compile_personality(c);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_stdio, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_lsm_apply, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_rlimits(c);
	if (r == 0)
		r = add_exec(c, &op_become, x);
	if (r == 0)
		r = add_exec(c, &op_lookup, x);
	return r == 0 ? add_exec(c, &op_launch, x) : r;
}

/* Into the root. */
static int compile_enter(struct compiler *c)
{
	bool others = c->host_mounts || c->joined_mounts;
	int r = c->opts->no_pivot && !others ? compile_hide(c) : 0;

	if (r == 0)
		r = compile_add(c, OP_CHILD,
				others		    ? &op_chroot
				: c->opts->no_pivot ? &op_move_root
						    : &op_pivot,
				NULL, NULL, 0, 0);
	if (r == 0 && c->spec->rootfs.propagation && c->opts->oci && !others)
		r = compile_add(c, OP_CHILD, &op_propagation, c->spec->rootfs.propagation, NULL, 0, 0);
	return r;
}

int compile_process(struct compiler *c)
{
	struct op_exec *x = NULL;
	int r = compile_settings(c);

	if (r == 0 && c->own_root)
		r = compile_enter(c);
	if (r == 0 && c->opts->oci)
		return compile_launch(c);
	if (r == 0 && c->opts->execute)
		r = compile_add(c, OP_HOST, &op_init_open, c->opts->init_helper, NULL, 0, 0);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_ready, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_stdio, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_hooks(c, OP_CHILD, HOOK_START);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_lsm_apply, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_seccomp(c);
	if (r == 0)
		r = compile_exec(c, &x);
	return r == 0 ? add_exec(c, &op_exec, x) : r;
}
