/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Spec to plan. All decisions of a start are taken here, before anything changes: which name spaces, which mounts in
 * which order, which control files. What the kernel must be asked for (policy files, a bridge's address) is only read.
 */

#include "runtime/compile.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/hook.h"
#include "spec/field.h"
#include "sys/ns.h"
#include "sys/syscalls.h"

int compile_add(struct compiler *c, enum op_stage stage, const struct op_kind *kind, const char *a, const char *b,
		int64_t n, int64_t m)
{
	struct op *op = plan_add(c->plan, stage, kind, c->e);

	if (!op)
		return -ENOMEM;
	op->args.a = a;
	op->args.b = b;
	op->args.n = n;
	op->args.m = m;
	return 0;
}

int compile_add_undo(struct compiler *c, enum op_stage stage, const struct op_kind *kind, const char *a,
		     const char *undo_kind, const char *undo_arg)
{
	int r = compile_add(c, stage, kind, a, NULL, 0, 0);

	if (r < 0)
		return r;
	c->plan->ops[c->plan->n - 1].undo_kind = undo_kind;
	c->plan->ops[c->plan->n - 1].undo_arg = undo_arg;
	return 0;
}

/* --- name spaces ------------------------------------------------------------------------------------------------------ */

/* The network is the host's when "none" is all that is asked for. */
static bool host_network(const struct spec *s)
{
	bool none = false;

	LIST_EACH(n, &s->nets, struct spec_net) {
		if (n->type && !streq(n->type, "none"))
			return false;
		none |= n->type != NULL;
	}
	return none;
}

bool spec_makes_ns(const struct spec *s, enum spec_ns ns)
{
	if (s->ns_share[ns])
		return false;
	if (s->ns_keep & (1u << ns))
		return false;
	if (s->ns_clone && !(s->ns_clone & (1u << ns)))
		return false;
	switch (ns) {
	case NS_USER:
		return s->idmaps.n > 0;
	case NS_NET:
		return !host_network(s);
	case NS_TIME:
		return s->time_boot || s->time_monotonic;
	default:
		return true;
	}
}

static int compile_namespaces(struct compiler *c)
{
	struct plan *p = c->plan;

	for (enum spec_ns ns = 0; ns < NS_MAX; ns++) {
		const char *share = c->opts->share[ns] ?: c->spec->ns_share[ns];

		if (share) {
			int r;

			p->share[ns] = plan_strdup(p, share, c->e);
			if (!p->share[ns])
				return -ENOMEM;
			r = compile_add(c, OP_HOST, &op_ns_open, p->share[ns], NULL, ns, 0);
			if (r < 0)
				return r;
			continue;
		}
		if (!spec_makes_ns(c->spec, ns))
			continue;
		p->ns_cloned |= 1u << ns;
		/* The group must be entered first, the clock set first: these two the child makes itself. */
		if (ns == NS_CGROUP || ns == NS_TIME)
			p->unshare_flags |= ns_table[ns].flag;
		else
			p->clone_flags |= ns_table[ns].flag;
	}
	p->has_userns = p->ns_cloned & (1u << NS_USER);
	p->in_userns = p->has_userns || (c->opts->oci && p->share[NS_USER]);
	c->host_mounts = c->opts->oci && !(p->ns_cloned & (1u << NS_MNT)) && !p->share[NS_MNT];
	c->joined_mounts = c->opts->oci && p->share[NS_MNT] && c->spec->rootfs.path;
	c->mounts = p->ns_cloned & (1u << NS_MNT) || c->host_mounts || c->joined_mounts;
	c->own_root = c->spec->rootfs.path && c->mounts;
	return 0;
}

static int compile_idmaps(struct compiler *c)
{
	struct plan *p = c->plan;
	size_t i = 0;

	if (!p->has_userns)
		return 0;
	p->n_maps = c->spec->idmaps.n;
	p->maps = plan_alloc(p, p->n_maps * sizeof(*p->maps), c->e);
	if (!p->maps)
		return -ENOMEM;
	LIST_EACH(m, &c->spec->idmaps, struct spec_idmap)
		p->maps[i++] = (struct idmap){ m->type, m->nsid, m->hostid, m->range };
	return 0;
}

/* --- control groups --------------------------------------------------------------------------------------------------- */

/* What a container may open where its spec does not say: the harmless nodes, terminals, and mknod of anything. */
const char *const default_devices[] = {
	"c *:* m",   "b *:* m",	  "c 1:3 rwm", "c 1:5 rwm",   "c 1:7 rwm",    "c 1:8 rwm",    "c 1:9 rwm",
	"c 5:0 rwm", "c 5:1 rwm", "c 5:2 rwm", "c 136:* rwm", "c 10:229 rwm", "c 10:200 rwm", NULL,
};

static int add_cgroup_set(struct compiler *c, const char *key, const char *value, unsigned version)
{
	return compile_add(c, OP_HOST, &op_cgroup_set, key, value, version, 0);
}

/* A quota is measured against the group's period, and the kernel against the quota of the group above: in a new group,
 * that has none yet, the period is always right. */
static bool is_period(const char *key)
{
	return streq(key, "cpu.cfs_period_us") || streq(key, "cpu.rt_period_us");
}

static int add_items(struct compiler *c, bool no_devices)
{
	bool oci = c->opts->oci;
	int r = 0;

	for (int first = oci; first >= 0; first--)
		LIST_EACH(i, &c->spec->cgroup.items, struct spec_cgroup_item)
			if (r == 0 && !(no_devices && startswith(i->key, "devices.")) &&
			    (oci && is_period(i->key)) == (bool)first)
				r = add_cgroup_set(c, i->key, i->value, i->version);
	return r;
}

/* Root of the container's user name space governs below its group. */
static int compile_group_owner(struct compiler *c)
{
	int64_t uid, gid;

	if (!c->plan->has_userns || c->opts->rootless || c->opts->cgroup_shared)
		return 0;
	uid = idmap_to_host(c->plan->maps, c->plan->n_maps, 'u', 0);
	gid = idmap_to_host(c->plan->maps, c->plan->n_maps, 'g', 0);
	return uid >= 0 && gid >= 0 ? compile_add(c, OP_HOST, &op_cgroup_chown, NULL, NULL, uid, gid) : 0;
}

/* An ordinary user's stays his, and the container's root, who is somebody else, may divide it all the same. */
static int compile_group_loan(struct compiler *c)
{
	if (!c->plan->has_userns || !c->opts->rootless || c->opts->cgroup_shared ||
	    idmap_to_host(c->plan->maps, c->plan->n_maps, 'u', 0) == (int64_t)geteuid())
		return 0;
	return compile_add_undo(c, OP_PARENT, &op_cgroup_lend, NULL, "lent", c->plan->cgroup);
}

static int compile_cgroup(struct compiler *c)
{
	const char *path = c->opts->cgroup;
	/* What an ordinary user has been delegated knows no devices. */
	const bool no_devices = c->opts->oci && c->opts->rootless;
	bool devices = false, asked = false;
	int r;

	if (!path)
		return 0;
	c->plan->cgroup = path;
	LIST_EACH(i, &c->spec->cgroup.items, struct spec_cgroup_item) {
		bool device = startswith(i->key, "devices.") != NULL;

		devices |= device;
		asked |= !device || !no_devices;
	}
	r = c->opts->cgroup_shared ? compile_add_undo(c, OP_HOST, &op_cgroup_share, path, "shared", path)
				   : compile_add_undo(c, OP_HOST, &op_cgroup_create, path, "cgroup", path);
	/* Nothing delegated and nothing asked for: then it is no failure that there is no group. */
	if (r == 0)
		c->plan->ops[c->plan->n - 1].args.n = c->opts->rootless && !asked;
	/* Devices are governed from outside only; a group of a user's own has no such controller. */
	if (!devices && !c->opts->rootless && !c->plan->has_userns) {
		if (r == 0)
			r = add_cgroup_set(c, "devices.deny", "a", 1);
		for (size_t i = 0; default_devices[i] && r == 0; i++)
			r = add_cgroup_set(c, "devices.allow", default_devices[i], 1);
		devices = true;
	}
	if (r == 0)
		r = add_items(c, no_devices);
	if (r == 0 && devices && !no_devices)
		r = compile_add(c, OP_HOST, &op_cgroup_devices, NULL, NULL, 0, 0);
	if (r == 0 && c->opts->inner_cgroup) {
		char *inner = plan_printf(c->plan, c->e, "%s/%s", path, c->opts->inner_cgroup);

		r = inner ? compile_add(c, OP_HOST, &op_cgroup_inner, inner, NULL, 0, 0) : -ENOMEM;
	}
	return r == 0 ? compile_group_owner(c) : r;
}

/* The keeper's own, left before it is removed. */
static int compile_monitor_group(struct compiler *c)
{
	const char *path = c->opts->monitor_cgroup;
	char *undo;

	if (!path)
		return 0;
	undo = plan_printf(c->plan, c->e, "%s %s", path, c->opts->monitor_pivot ?: "-");
	return undo ? compile_add_undo(c, OP_HOST, &op_cgroup_monitor, path, "monitor", undo) : -ENOMEM;
}

/* --- hooks -------------------------------------------------------------------------------------------------------------- */

/* Hooks inside the container's name spaces run between fork and exec: line and environment are made ready here. */
static int compile_child_hook(struct compiler *c, enum spec_hook type, const char *command)
{
	struct hook_ctx ctx = {
		.spec = c->spec,
		.name = c->spec->name,
		.config = c->opts->config,
		.rootfs_mount = c->plan->rootfs_mount,
		.log_level = c->opts->log_level,
	};
	_cleanup_buf_ struct buf line = BUF_INIT;
	_cleanup_strv_ struct strv env = STRV_INIT;
	const char *text;
	char **copy;
	int r;

	r = hook_command(&ctx, type, command, &line, c->e);
	if (r == 0)
		r = hook_env(&ctx, type, &env, c->e);
	if (r < 0)
		return r;
	text = plan_strdup(c->plan, buf_str(&line), c->e);
	copy = plan_alloc(c->plan, (env.n + 1) * sizeof(*copy), c->e);
	if (!text || !copy)
		return -ENOMEM;
	for (size_t i = 0; i < env.n; i++) {
		copy[i] = plan_strdup(c->plan, env.v[i], c->e);
		if (!copy[i])
			return -ENOMEM;
	}
	return compile_add(c, OP_CHILD, &op_child_hook, text, NULL, type, (int64_t)(uintptr_t)copy);
}

int compile_hooks(struct compiler *c, enum op_stage stage, enum spec_hook type)
{
	const struct strv *l = &c->spec->hooks[type];
	int r = 0;

	for (size_t i = 0; i < l->n && r == 0; i++)
		r = stage == OP_CHILD ? compile_child_hook(c, type, l->v[i])
				      : compile_add(c, stage, &op_hook, l->v[i], NULL, type, 0);
	return r;
}

static bool any_hook(const struct spec *s)
{
	for (int i = HOOK_PRE_START; i <= HOOK_POST_STOP; i++)
		if (s->hooks[i].n)
			return true;
	return moments_any(s, "poststop");
}

bool spec_five_caps(const struct spec_process *p)
{
	return p->cap_bounding.n || p->cap_effective.n || p->cap_permitted.n || p->cap_inheritable.n ||
	       p->cap_ambient.n;
}

/* --- the five stages ------------------------------------------------------------------------------------------------ */

static int compile_host(struct compiler *c)
{
	int r = 0;

	if (any_hook(c->spec))
		r = compile_add_undo(c, OP_HOST, &op_guard, "stop hooks", "hooks", c->opts->id);
	if (r == 0)
		r = compile_hooks(c, OP_HOST, HOOK_PRE_START);
	if (r == 0)
		r = compile_monitor_group(c);
	if (r == 0)
		r = compile_cgroup(c);
	if (r == 0)
		r = compile_nets_host(c);
	return r;
}

static int compile_parent(struct compiler *c)
{
	struct op *op;
	int r;

	if (c->plan->has_userns) {
		op = plan_add(c->plan, OP_PARENT, &op_idmap_write, c->e);
		if (!op)
			return -ENOMEM;
		op->ids.maps = c->plan->maps;
		op->ids.n = c->plan->n_maps;
	}
	/* In a user name space it has no right to; and what an ordinary user may not, his service manager may, from outside. */
	if (c->plan->cgroup && (c->plan->in_userns || c->opts->rootless)) {
		r = compile_add(c, OP_PARENT, &op_cgroup_attach, NULL, NULL, 0, 0);
		if (r == 0)
			r = compile_group_loan(c);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < c->spec->process.procs.n; i++) {
		char *key = plan_strdup(c->plan, c->spec->process.procs.v[i], c->e);
		char *eq = key ? strchr(key, '=') : NULL;

		if (!eq)
			return key ? err_kind(c->e, ERR_INVALID, -EINVAL, "lxc.proc: '%s' has no value", key) : -ENOMEM;
		*eq = '\0';
		r = compile_add(c, OP_PARENT, &op_proc_write, key, eq + 1, 0, 0);
		if (r < 0)
			return r;
	}
	if (c->opts->pidfile) {
		_cleanup_free_ char *here = *c->opts->pidfile == '/' ? NULL : getcwd(NULL, 0);
		/* Absolute: it is removed by a process that works elsewhere. */
		char *path = here ? plan_printf(c->plan, c->e, "%s/%s", here, c->opts->pidfile)
				  : plan_strdup(c->plan, c->opts->pidfile, c->e);

		if (!path)
			return -ENOMEM;
		r = compile_add_undo(c, OP_PARENT, &op_pidfile, path, "file", path);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Clock offsets: "1h" → seconds and nanoseconds in the kernel's words. */
static int clock_line(struct compiler *c, const char *clock, const char *said, char *out, size_t size)
{
	static const struct {
		const char *unit;
		int64_t ns;
	} units[] = { { "h", 3600000000000 }, { "m", 60000000000 }, { "s", 1000000000 },
		      { "ms", 1000000 },      { "us", 1000 },	    { "ns", 1 } };
	char *end;
	long long v;

	if (!said)
		return 0;
	v = strtoll(said, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (streq(end, units[i].unit)) {
			__int128 ns = (__int128)v * units[i].ns;
			int64_t sec = (int64_t)(ns / 1000000000), rest = (int64_t)(ns % 1000000000);

			if (rest < 0) {
				rest += 1000000000;
				sec--;
			}
			return snprintf(out, size, "%s %lld %lld\n", clock, (long long)sec, (long long)rest) < (int)size
				       ? 0
				       : -E2BIG;
		}
	return err_kind(c->e, ERR_INVALID, -EINVAL, "clock offset '%s': expected a number and one of h m s ms us ns",
			said);
}

static int compile_own_namespaces(struct compiler *c)
{
	char boot[64] = "", mono[64] = "", *text;
	int r;

	if (c->plan->unshare_flags & CLONE_NEWCGROUP) {
		r = compile_add(c, OP_CHILD, &op_cgroupns, NULL, NULL, 0, 0);
		if (r < 0)
			return r;
	}
	if (!(c->plan->unshare_flags & CLONE_NEWTIME))
		return 0;
	r = clock_line(c, "boottime", c->spec->time_boot, boot, sizeof(boot));
	if (r == 0)
		r = clock_line(c, "monotonic", c->spec->time_monotonic, mono, sizeof(mono));
	if (r < 0)
		return r;
	text = plan_printf(c->plan, c->e, "%s%s", boot, mono);
	return text ? compile_add(c, OP_CHILD, &op_timens, text, NULL, 0, 0) : -ENOMEM;
}

/* Shared name spaces, the user's first: joining it gives the right to join the others. Without a keeper, whose child the
 * process must be, that was joined already by who made it. */
static int compile_joins(struct compiler *c)
{
	int r = 0;

	for (enum spec_ns ns = 0; ns < NS_MAX && r == 0; ns++)
		if (c->plan->share[ns] && ns != NS_PID && !(ns == NS_USER && c->plan->in_userns))
			r = compile_add(c, OP_CHILD, &op_join, NULL, NULL, ns, 0);
	return r;
}

static bool is_private(const char *propagation)
{
	return propagation && (streq(propagation, "private") || streq(propagation, "rprivate"));
}

/* The working directory, and the hooks that see the mounts before the root is entered. */
static int compile_mount_moments(struct compiler *c)
{
	const char *cwd = c->spec->process.cwd;
	int r = 0;

	if (c->own_root && tri_or(c->spec->mounts_create, false) && !isempty(cwd) && !streq(cwd, "/"))
		r = compile_add(c, OP_CHILD, &op_make_dir, cwd, NULL, 0755, 0);
	if (r == 0 && (moments_any(c->spec, "prestart") || moments_any(c->spec, "createRuntime")))
		r = compile_add(c, OP_CHILD, &op_mounted, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_moments(c, OP_MOUNTED, "prestart");
	if (r == 0)
		r = compile_moments(c, OP_MOUNTED, "createRuntime");
	return r == 0 ? compile_moments(c, OP_CHILD, "createContainer") : r;
}

/* All that happens to the mounts before the root is entered. */
static int compile_all_mounts(struct compiler *c)
{
	static int (*const parts[])(struct compiler *) = {
		compile_rootfs, compile_dev, compile_auto_mounts, compile_terminals, compile_entries, compile_devices,
	};
	int r = compile_hooks(c, OP_CHILD, HOOK_PRE_MOUNT);

	for (size_t i = 0; i < ARRAY_SIZE(parts) && r == 0; i++)
		r = parts[i](c);
	if (r == 0)
		r = compile_hooks(c, OP_CHILD, HOOK_MOUNT);
	if (r == 0)
		r = compile_hooks(c, OP_CHILD, HOOK_AUTODEV);
	if (r == 0)
		r = compile_mount_moments(c);
	if (r == 0 && c->dev_ro)
		r = compile_add(c, OP_CHILD, &op_mount_ro, "/dev", NULL, 0, 0);
	if (r == 0)
		r = compile_masks(c);
	if (r == 0 && c->own_root && tri_or(c->spec->rootfs.read_only, false))
		r = compile_add(c, OP_CHILD, &op_root_ro, NULL, NULL, 0, 0);
	return r;
}

static int compile_child(struct compiler *c)
{
	int r = 0;

	/* The child moves itself, as its first act: that takes no grace period of the kernel, as moving another would. */
	if (c->plan->cgroup && !c->plan->in_userns && !c->opts->rootless)
		r = compile_add(c, OP_CHILD, &op_cgroup_attach, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_wait_mapped, NULL, NULL, 0, 0);
	if (r == 0)
		r = compile_joins(c);
	if (r == 0)
		r = compile_own_namespaces(c);
	if (r == 0 && c->mounts && !c->host_mounts && !c->joined_mounts)
		r = compile_add(c, OP_CHILD, &op_private, NULL, NULL, is_private(c->spec->rootfs.propagation), 0);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_null_open, NULL, NULL, 0, 0);
	if (r == 0 && c->mounts)
		r = compile_all_mounts(c);
	/* In the mounts of another there is a root already. */
	if (r == 0 && !c->mounts && c->opts->oci)
		r = compile_rootfs(c);
	if (r == 0)
		r = compile_nets_child(c);
	if (r == 0)
		r = compile_process(c);
	return r;
}

int plan_compile(const struct spec *s, const struct plan_opts *o, struct plan *ret, struct err *e)
{
	struct plan p = { 0 };
	struct compiler c = { .spec = s, .opts = o, .plan = &p, .e = e };
	int r;

	r = spec_validate(s, e);
	if (r == 0)
		r = compile_namespaces(&c);
	if (r == 0)
		r = compile_idmaps(&c);
	if (r == 0)
		r = spec_five_caps(&s->process) ? cap_list(&s->process.cap_bounding, &p.cap_mask, e)
						: cap_mask(&s->process.cap_drop, &s->process.cap_keep, &p.cap_mask, e);
	if (r == 0 && c.own_root) {
		p.rootfs_mount = c.host_mounts	   ? plan_printf(&p, e, "%s/%s/root", o->run_dir, o->id)
				 : s->rootfs.mount ? s->rootfs.mount
						   : plan_printf(&p, e, "%s/rootfs", o->run_dir);
		r = p.rootfs_mount ? 0 : -ENOMEM;
	}
	if (r == 0)
		r = compile_host(&c);
	if (r == 0)
		r = compile_child(&c);
	/* Last of the host's: everything that is opened for the child is open by then. */
	if (r == 0)
		r = compile_add(&c, OP_HOST, &op_lsm_prepare, s->security.apparmor_profile, NULL, 0, 0);
	if (r == 0)
		r = compile_add(&c, OP_HOST, &op_clone, NULL, NULL, (int64_t)p.clone_flags, 0);
	if (r == 0)
		r = compile_parent(&c);
	if (r == 0)
		r = compile_hooks(&c, OP_READY, HOOK_START_HOST);
	if (r < 0) {
		plan_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}
