/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiling the mounts: the root, lxc.mount.auto, fstab and single entries, masked and read-only paths. */

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>

#include "base/file.h"
#include "base/parse.h"
#include "runtime/compile.h"
#include "runtime/run.h"
#include "store/store.h"
#include "sys/mount.h"

#define PROC_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define FSTAB_MAX  (1u << 20)

struct op_mount *compile_add_mount(struct compiler *c, const char *fstype, const char *source, const char *target)
{
	struct op_mount *m = plan_alloc(c->plan, sizeof(*m), c->e);
	struct op *op;

	if (!m)
		return NULL;
	*m = (struct op_mount){ .fstype = fstype, .source = source, .target = target, .slot = -1 };
	op = plan_add(c->plan, OP_CHILD, &op_mount, c->e);
	if (!op)
		return NULL;
	op->mount = m;
	return m;
}

int compile_slot(struct compiler *c)
{
	if (c->plan->n_slots >= RUN_SLOTS)
		return err_kind(c->e, ERR_LIMIT, -E2BIG, "more than %d mounts need the host's help", RUN_SLOTS);
	return c->plan->n_slots++;
}

/* --- the root ----------------------------------------------------------------------------------------------------------- */

/* Takes "idmap=X" out of OPTIONS. Returns X in the arena or NULL; *RET_REST is what is left. */
static const char *split_idmap(struct compiler *c, const char *options, char **ret_rest)
{
	const char *idmap = NULL;
	char *rest = plan_strdup(c->plan, "", c->e), *save = NULL;
	char *copy = plan_strdup(c->plan, options ?: "", c->e);

	for (char *w = copy && rest ? strtok_r(copy, ",", &save) : NULL; w && rest; w = strtok_r(NULL, ",", &save)) {
		const char *v = startswith(w, "idmap=");

		if (v)
			idmap = v;
		else
			rest = plan_printf(c->plan, c->e, "%s%s%s", rest, *rest ? "," : "", w);
	}
	*ret_rest = rest;
	return idmap;
}

/* The ids of a mount are mapped on the host, by who is root there: a user name space may not, and what a hook mounts is not
 * there yet. */
static int check_idmap(struct compiler *c, const char *what)
{
	if (c->opts->rootless) {
		err_kind(c->e, ERR_DENIED, -EPERM, "%s: only root may map the ids of a mount", what);
		return err_hint(c->e, -EPERM, "leave idmap out, and give the files to the container's users");
	}
	if (c->spec->hooks[HOOK_PRE_MOUNT].n)
		return err_kind(c->e, ERR_INVALID, -EINVAL, "%s: idmap and a pre-mount hook do not go together", what);
	return 0;
}

/* What serves the root file system has to be ended after it. */
static bool needs_release(const char *path)
{
	struct store_ref ref = { 0 };
	bool needs = store_parse(path, &ref, NULL) == 0 && ref.driver->release;

	store_ref_done(&ref);
	return needs;
}

/* What is to be mounted at TARGET and is held by the caller already; NULL: nothing. */
static const struct plan_given *given_at(const struct compiler *c, const char *target)
{
	for (size_t i = 0; i < c->opts->n_given; i++)
		if (streq(c->opts->given[i].target, target))
			return &c->opts->given[i];
	return NULL;
}

/* By the caller, who has it mounted already; or from its path, and then what serves it ends with it. */
static int compile_root_open(struct compiler *c, enum op_stage stage, const char *options, int slot)
{
	const char *path = c->spec->rootfs.path;
	bool release = needs_release(path);
	const struct plan_given *given = stage == OP_HOST && !release ? given_at(c, "/") : NULL;
	int r;

	if (given)
		return compile_add(c, stage, &op_bind_given, "/", NULL, slot, given->fd);
	r = compile_add(c, stage, &op_rootfs_open, path, options, slot, 0);
	if (r == 0 && release) {
		c->plan->ops[c->plan->n - 1].undo_kind = "release";
		c->plan->ops[c->plan->n - 1].undo_arg = c->plan->ops[c->plan->n - 1].args.a;
	}
	return r;
}

int compile_rootfs(struct compiler *c)
{
	const struct spec_rootfs *root = &c->spec->rootfs;
	enum op_stage stage;
	const char *idmap;
	char *options;
	int slot, r;

	if (!c->own_root) {
		r = compile_add(c, OP_CHILD, &op_root_host, NULL, NULL, 0, 0);
		if (r == 0 && c->plan->in_userns)
			r = compile_add(c, OP_CHILD, &op_ids_root, NULL, NULL, 0, 0);
		return r;
	}
	/* On the host where we may: errors come early, and a user name space could not clone the mount. In the child when
	 * a hook mounts it there, or when only the container's user name space gives the right to. */
	stage = c->opts->rootless || c->spec->hooks[HOOK_PRE_MOUNT].n ? OP_CHILD : OP_HOST;
	slot = compile_slot(c);
	if (slot < 0)
		return slot;
	idmap = split_idmap(c, root->options, &options);
	if (!options)
		return -ENOMEM;
	r = idmap ? check_idmap(c, "root file system") : 0;
	if (r < 0)
		return r;
	r = compile_root_open(c, stage, options, slot);
	if (r == 0 && idmap)
		r = compile_add(c, OP_HOST, &op_rootfs_idmap, idmap, NULL, slot, 0);
	if (r == 0 && c->host_mounts) {
		r = compile_add_undo(c, OP_HOST, &op_root_place, c->plan->rootfs_mount, "mount", c->plan->rootfs_mount);
		if (r == 0)
			c->plan->ops[c->plan->n - 1].args.n = slot;
	} else if (r == 0 && c->joined_mounts) {
		r = compile_add(c, OP_CHILD, &op_root_over, NULL, root->path, slot, 0);
	} else if (r == 0) {
		r = compile_add(c, OP_CHILD, &op_root_attach, c->plan->rootfs_mount, root->path, slot,
				c->opts->oci && startswith(root->path, "dir:/"));
	}
	if (r == 0 && c->plan->in_userns)
		r = compile_add(c, OP_CHILD, &op_ids_root, NULL, NULL, 0, 0);
	return r;
}

/* --- lxc.mount.auto -------------------------------------------------------------------------------------------------------- */

/* A part of an earlier mount, bound on itself with other attributes. */
static int add_rebind(struct compiler *c, const char *path, bool ro)
{
	struct op_mount *m = compile_add_mount(c, NULL, NULL, path);

	if (!m)
		return -ENOMEM;
	m->bind = true;
	m->sub = path;
	m->nolinks = true;
	m->optional = true;
	m->attr_set = ro ? MOUNT_ATTR_RDONLY : 0;
	m->attr_clr = ro ? 0 : MOUNT_ATTR_RDONLY;
	return 0;
}

static int auto_proc(struct compiler *c, const char *mode)
{
	struct op_mount *m = compile_add_mount(c, "proc", "/proc", "/proc");
	int r;

	if (!m)
		return -ENOMEM;
	m->attr_set = PROC_ATTRS;
	m->nolinks = true;
	m->create = 'd';
	if (!isempty(mode) && streq(mode, "rw"))
		return 0;
	if (!isempty(mode) && !streq(mode, "mixed"))
		return err_kind(c->e, ERR_INVALID, -EINVAL,
				"mount.auto: 'proc:%s': expected proc, proc:mixed or proc:rw", mode);
	/* Read-only but for the network's settings, which are the container's own. */
	r = add_rebind(c, "/proc/sys", true);
	if (r == 0)
		r = add_rebind(c, "/proc/sys/net", false);
	if (r == 0)
		r = add_rebind(c, "/proc/sysrq-trigger", true);
	return r;
}

static int auto_sys(struct compiler *c, const char *mode)
{
	struct op_mount *m = compile_add_mount(c, "sysfs", "/sys", "/sys");

	if (!m)
		return -ENOMEM;
	m->attr_set = PROC_ATTRS;
	m->nolinks = true;
	m->create = 'd';
	m->fallback = "/sys";
	if (!isempty(mode) && streq(mode, "rw"))
		return 0;
	if (!isempty(mode) && !streq(mode, "ro") && !streq(mode, "mixed"))
		return err_kind(c->e, ERR_INVALID, -EINVAL,
				"mount.auto: 'sys:%s': expected sys, sys:ro, sys:mixed or sys:rw", mode);
	m->attr_set |= MOUNT_ATTR_RDONLY;
	if (!isempty(mode) && streq(mode, "ro"))
		return 0;
	m = compile_add_mount(c, "sysfs", "/sys", "/sys/devices/virtual/net");
	if (!m)
		return -ENOMEM;
	m->attr_set = PROC_ATTRS;
	m->nolinks = true;
	m->optional = true;
	m->sub = "/sys/devices/virtual/net";
	m->bind = true;
	m->attr_clr = MOUNT_ATTR_RDONLY;
	return 0;
}

/* "shmounts:HOST[:CONTAINER]": a shared directory by which mounts can be sent in later. */
static int auto_shmounts(struct compiler *c, const char *arg)
{
	char *host = plan_strdup(c->plan, arg ?: "", c->e), *cont;
	struct op_mount *m;

	if (!host)
		return -ENOMEM;
	cont = strchr(host, ':');
	if (cont)
		*cont++ = '\0';
	if (!*host)
		return err_kind(c->e, ERR_INVALID, -EINVAL, "mount.auto: expected shmounts:HOST-PATH[:CONTAINER-PATH]");
	m = compile_add_mount(c, NULL, host, isempty(cont) ? "/dev/.lxc-mounts" : cont);
	if (!m)
		return -ENOMEM;
	m->bind = true;
	m->create = 'd';
	m->propagation = MS_SLAVE;
	return 0;
}

int compile_auto_mounts(struct compiler *c)
{
	static const struct {
		const char *word;
		int (*fn)(struct compiler *c, const char *mode);
	} kinds[] = {
		{ "proc", auto_proc },
		{ "sys", auto_sys },
		{ "cgroup", compile_cgroup_auto },
		{ "cgroup2", compile_cgroup_auto },
		{ "cgroup-full", compile_cgroup_auto },
		{ "shmounts", auto_shmounts },
	};
	int r = 0;

	for (size_t i = 0; i < c->spec->mount_auto.n; i++) {
		const char *w = c->spec->mount_auto.v[i];
		size_t n = strcspn(w, ":"), k;

		for (k = 0; k < ARRAY_SIZE(kinds); k++)
			if (strlen(kinds[k].word) == n && strncmp(kinds[k].word, w, n) == 0)
				break;
		if (k == ARRAY_SIZE(kinds))
			return err_kind(c->e, ERR_INVALID, -EINVAL, "mount.auto: unknown word '%s'", w);
	}
	/* In the table's order, whatever the user's: control groups lie below /sys. */
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++)
		for (size_t i = 0; i < c->spec->mount_auto.n && r == 0; i++) {
			const char *w = c->spec->mount_auto.v[i];
			size_t n = strcspn(w, ":");

			if (strlen(kinds[k].word) == n && strncmp(kinds[k].word, w, n) == 0)
				r = kinds[k].fn(c, w[n] ? w + n + 1 : NULL);
		}
	return r;
}

/* --- entries -------------------------------------------------------------------------------------------------------------- */

/* The target as a path below the root: a prefix that is the root file system's own place on the host is cut. */
static const char *in_root(struct compiler *c, const char *target)
{
	const char *prefixes[] = { c->spec->rootfs.mount, c->spec->rootfs.path };

	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
		const char *p = prefixes[i], *rest;

		if (p && c->own_root) {
			const char *plain = startswith(p, "dir:");

			if (plain)
				p = plain;
			rest = *p == '/' ? startswith(target, p) : NULL;
			if (rest && (*rest == '/' || !*rest))
				return *rest ? rest : "/";
		}
	}
	return *target == '/' ? target : plan_printf(c->plan, c->e, "/%s", target);
}

static int preopen(struct compiler *c, struct op_mount *m, const char *idmap)
{
	int slot = compile_slot(c), r;
	char *map = NULL;

	if (slot < 0)
		return slot;
	if (*idmap) {
		map = plan_strdup(c->plan, idmap, c->e);
		if (!map)
			return -ENOMEM;
	}
	/* bit 0: with what is mounted below, bit 1: may be missing */
	r = compile_add(c, OP_HOST, &op_bind_open, m->source, map, slot, m->recursive | m->optional << 1);
	m->slot = slot;
	return r;
}

/* 1: what is mounted at S's target is held by the caller already. */
static int take_given(struct compiler *c, const struct spec_mount *s, struct op_mount *m)
{
	const struct plan_given *g = given_at(c, s->target);
	int r, slot;

	if (!g)
		return 0;
	slot = compile_slot(c);
	if (slot < 0)
		return slot;
	m->slot = slot;
	r = compile_add(c, OP_HOST, &op_bind_given, s->target, NULL, slot, g->fd);
	return r < 0 ? r : 1;
}

/* What may lie over a procfs: itself, and the few files that others make up for a container. */
static bool proc_allowed(const char *target, const char *fstype, bool bind)
{
	static const char *const files[] = {
		"cpuinfo",
		"diskstats",
		"meminfo",
		"stat",
		"swaps",
		"uptime",
		"loadavg",
		"slabinfo",
		"net/dev",
		"sys/kernel/ns_last_pid",
		"sys/crypto/fips_enabled",
	};
	const char *rest = startswith(target, "/proc");

	if (!rest || (*rest && *rest != '/'))
		return false;
	rest += strspn(rest, "/");
	if (!*rest)
		return !bind && fstype && streq(fstype, "proc");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (streq(rest, files[i]))
			return true;
	return false;
}

/* Flags of mount(2) that no file system takes as a word of its data. */
static int drop_flags(struct compiler *c, struct op_mount *m)
{
	static const char *const flags[] = { "acl",  "noacl",  "iversion", "noiversion",
					     "mand", "nomand", "async",	   "nolazytime" };
	char *copy = plan_strdup(c->plan, m->data, c->e), *rest = plan_strdup(c->plan, "", c->e), *save = NULL;

	for (char *w = copy && rest ? strtok_r(copy, ",", &save) : NULL; w && rest; w = strtok_r(NULL, ",", &save)) {
		bool flag = false;

		for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
			flag |= streq(w, flags[i]);
		if (!flag)
			rest = plan_printf(c->plan, c->e, "%s%s%s", rest, *rest ? "," : "", w);
	}
	m->data = rest;
	return copy && rest ? 0 : -ENOMEM;
}

/* Id maps of one mount: its own lists, or the container's. */
static int add_own_idmap(struct compiler *c, const struct spec_mount *s, int slot, bool recursive)
{
	const struct strv *lists[] = { &s->uid_maps, &s->gid_maps };
	struct idmap *maps = c->plan->maps;
	size_t n = c->plan->n_maps, at = 0;
	struct op *op;

	if (s->uid_maps.n || s->gid_maps.n) {
		n = s->uid_maps.n + s->gid_maps.n;
		maps = plan_alloc(c->plan, n * sizeof(*maps), c->e);
		if (!maps)
			return -ENOMEM;
		for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
			for (size_t i = 0; i < lists[k]->n; i++, at++) {
				maps[at].type = k ? 'g' : 'u';
				if (sscanf(lists[k]->v[i], "%u %u %u", &maps[at].nsid, &maps[at].hostid,
					   &maps[at].range) != 3)
					return err_kind(c->e, ERR_INVALID, -EINVAL, "mount on %s: id map '%s'",
							s->target, lists[k]->v[i]);
			}
	}
	if (!n && !c->spec->ns_share[NS_USER])
		return err_kind(c->e, ERR_INVALID, -EINVAL,
				"mount on %s: an idmapped mount needs id maps, of its own or of the container",
				s->target);
	op = plan_add(c->plan, OP_HOST, &op_mount_idmap, c->e);
	if (!op)
		return -ENOMEM;
	op->ids.maps = maps;
	op->ids.n = n;
	op->ids.slot = slot;
	op->ids.recursive = recursive;
	return 0;
}

static bool is_type(const struct spec_mount *s, const char *type)
{
	return s->fstype && streq(s->fstype, type);
}

const char *compile_context(struct compiler *c, const char *data)
{
	const char *label = c->spec->security.mount_label;

	/* A mount that names one of its own has that. */
	if (isempty(label) || (data && strstr(data, "context=")))
		return data ?: "";
	return plan_printf(c->plan, c->e, "%s%scontext=\"%s\"", data ?: "", isempty(data) ? "" : ",", label);
}

/* What is new gets the container's label, as it gets it from the others: procfs, sysfs and control groups are the kernel's,
 * whose labels the policy gives; mqueue knows no such option and is labelled when it is there. */
static int label_entry(struct compiler *c, const struct spec_mount *s, struct op_mount *m)
{
	if (m->bind || m->remount || is_type(s, "proc") || is_type(s, "sysfs") ||
	    (s->fstype && startswith(s->fstype, "cgroup")))
		return 0;
	if (is_type(s, "mqueue"))
		m->label = isempty(c->spec->security.mount_label) ? NULL : c->spec->security.mount_label;
	else
		m->context = compile_context(c, m->data);
	return m->context || m->label || isempty(c->spec->security.mount_label) ? 0 : -ENOMEM;
}

/* What the OCI runtime specification means by the same words. */
static int refine_entry(struct compiler *c, const struct spec_mount *s, const struct mount_opts *o, struct op_mount *m)
{
	const char *dev = startswith(m->target, "/dev");
	int r;

	m->create = 's';
	m->remount = o->remount;
	m->guard_proc = true;
	m->on_proc = proc_allowed(m->target, s->fstype, m->bind);
	r = drop_flags(c, m);
	if (r < 0)
		return r;
	if (dev && !dev[strspn(dev, "/")] && !m->bind && m->attr_set & MOUNT_ATTR_RDONLY) {
		m->attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
		m->sb_ro = false;
		c->dev_ro = true;
	}
	if (m->fstype && streq(m->fstype, "tmpfs") && !m->bind) {
		m->keep_mode = !strstr(m->data, "mode=");
		m->copy_up = o->tmpcopyup;
		m->sb_ro = false;
	}
	/* In a user name space whose network is not its own there is no new sysfs: the host's is shown. */
	if (is_type(s, "sysfs") && (c->plan->in_userns || c->opts->rootless))
		m->fallback = "/sys";
	return 0;
}

/* The operation's own words of what the entry says; NULL on failure. */
static struct op_mount *make_entry(struct compiler *c, const struct spec_mount *s, const struct mount_opts *o)
{
	struct op_mount *m = plan_alloc(c->plan, sizeof(*m), c->e);

	if (!m)
		return NULL;
	*m = (struct op_mount){
		.fstype = s->fstype,
		.source = s->source,
		.target = in_root(c, s->target),
		.attr_set = o->attr_set,
		.attr_clr = o->attr_clr,
		.rattr_set = o->rattr_set,
		.rattr_clr = o->rattr_clr,
		.propagation = o->propagation,
		.propagation_rec = o->propagation_rec,
		.bind = o->bind || o->rbind || (s->fstype && streq(s->fstype, "bind")),
		.recursive = o->rbind,
		.sb_ro = o->fs_ro && !o->bind && !o->rbind,
		.optional = o->optional,
		.create = o->create_dir	   ? 'd'
			  : o->create_file ? 'f'
					   : 0,
		.slot = -1,
	};
	if (o->fs_ro)
		m->attr_set |= MOUNT_ATTR_RDONLY;
	m->data = plan_strdup(c->plan, o->data, c->e);
	/* proc and sysfs may not be redirected by a link in the tree: what is written below them has power. */
	m->nolinks = is_type(s, "proc") || is_type(s, "sysfs") || (s->fstype && startswith(s->fstype, "cgroup"));
	return m->target && m->data ? m : NULL;
}

/* Whether its source is cloned on the host: only there may it be idmapped, or reach beyond a user name space or another's
 * mounts; and what is to be the host's peer is cloned before our own mounts became slaves. */
static bool wants_preopen(const struct compiler *c, const struct op_mount *m, const struct mount_opts *o, bool idmap)
{
	if (!m->bind || m->remount || c->opts->rootless || c->spec->hooks[HOOK_PRE_MOUNT].n)
		return false;
	if (c->plan->in_userns || idmap || c->joined_mounts)
		return true;
	return o->propagation == MS_SHARED && c->opts->oci && c->spec->rootfs.propagation &&
	       strstr(c->spec->rootfs.propagation, "shared");
}

static bool wants_own_idmap(const struct spec_mount *s, const struct mount_opts *o)
{
	return o->idmap_own || o->ridmap_own || s->uid_maps.n || s->gid_maps.n;
}

static int check_entry_idmap(struct compiler *c, const struct spec_mount *s, const struct op_mount *m, bool own)
{
	int r = 0;

	if (own && !m->bind)
		return err_kind(c->e, ERR_INVALID, -EINVAL, "mount on %s: only a bind mount can be idmapped",
				s->target);
	if (m->bind && !m->remount)
		r = check_idmap(c, s->target);
	return r < 0 ? err_wrap(c->e, r, "mount entry") : 0;
}

static int compile_entry(struct compiler *c, const struct spec_mount *s)
{
	bool oci = tri_or(c->spec->mounts_create, false), own_idmap;
	struct mount_opts o;
	struct op_mount *m;
	int r;

	r = mount_opts_parse(s->options ?: "", &o, c->e);
	if (r < 0)
		return err_wrap(c->e, r, "mount entry for %s", s->target);
	if (oci && is_type(s, "cgroup") && !o.bind && !o.rbind)
		return compile_cgroup_mount(c, in_root(c, s->target), o.fs_ro);
	m = make_entry(c, s, &o);
	if (!m)
		return -ENOMEM;
	r = oci ? refine_entry(c, s, &o, m) : 0;
	if (r < 0)
		return r;
	if (!o.relative)
		r = label_entry(c, s, m);
	if (r < 0)
		return r;
	own_idmap = wants_own_idmap(s, &o);
	r = *o.idmap || own_idmap ? check_entry_idmap(c, s, m, own_idmap) : 0;
	if (r < 0)
		return r;
	r = m->bind ? take_given(c, s, m) : 0;
	if (r < 0)
		return r;
	if (r > 0) {
		/* taken */
	} else if (o.relative) {
		m->sub = plan_printf(c->plan, c->e, "/%s", m->source);
		m->bind = true;
	} else if (wants_preopen(c, m, &o, *o.idmap || own_idmap)) {
		r = preopen(c, m, o.idmap);
		if (r == 0 && own_idmap)
			r = add_own_idmap(c, s, m->slot, o.ridmap_own);
		if (r < 0)
			return r;
	}
	struct op *op = plan_add(c->plan, OP_CHILD, &op_mount, c->e);

	if (!op)
		return -ENOMEM;
	op->mount = m;
	return 0;
}

static int compile_fstab(struct compiler *c)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	unsigned n = 0;
	int r;

	r = file_read(AT_FDCWD, c->spec->fstab, FSTAB_MAX, &text, NULL, c->e);
	if (r < 0)
		return err_wrap(c->e, r, "lxc.mount.fstab");
	for (char *line = text; line && *line; line = save) {
		char *words[4] = { NULL }, *w = NULL;
		struct spec_mount m = { 0 };

		n++;
		save = strchr(line, '\n');
		if (save)
			*save++ = '\0';
		line += strspn(line, " \t");
		if (!*line || *line == '#')
			continue;
		for (size_t i = 0; i < 4; i++) {
			words[i] = strtok_r(i ? NULL : line, " \t", &w);
			if (words[i])
				unescape_octal(words[i]);
		}
		if (!words[2])
			return err_kind(c->e, ERR_INVALID, -EINVAL, "%s:%u: expected SOURCE TARGET TYPE OPTIONS",
					c->spec->fstab, n);
		/* The plan outlives this text. */
		m.source = plan_strdup(c->plan, words[0], c->e);
		m.target = plan_strdup(c->plan, words[1], c->e);
		m.fstype = plan_strdup(c->plan, words[2], c->e);
		m.options = words[3] ? plan_strdup(c->plan, words[3], c->e) : NULL;
		r = m.source && m.target && m.fstype ? compile_entry(c, &m) : -ENOMEM;
		if (r < 0)
			return r;
	}
	return 0;
}

int compile_entries(struct compiler *c)
{
	int r = c->spec->fstab ? compile_fstab(c) : 0;

	LIST_EACH(m, &c->spec->mounts, struct spec_mount)
		if (r == 0)
			r = compile_entry(c, m);
	return r;
}

int compile_masks(struct compiler *c)
{
	const struct spec_security *s = &c->spec->security;
	const char *data = compile_context(c, "size=0k,mode=755");
	int r = data ? 0 : -ENOMEM;

	for (size_t i = 0; i < s->readonly_paths.n && r == 0; i++)
		r = compile_add(c, OP_CHILD, &op_readonly, s->readonly_paths.v[i], NULL, 0, 0);
	for (size_t i = 0; i < s->masked_paths.n && r == 0; i++) {
		const char *path = s->masked_paths.v[i];
		const struct strv before = { .v = s->masked_paths.v, .n = i };

		if (!strv_has(&before, path))
			r = compile_add(c, OP_CHILD, &op_mask, path, data, 0, 0);
	}
	return r;
}

/* --- a root that cannot be pivoted ------------------------------------------------------------------------------------ */

int compile_hide(struct compiler *c)
{
	_cleanup_free_ char *info = NULL;
	char *save = NULL;
	int r = file_read(AT_FDCWD, "/proc/self/mountinfo", 16u << 20, &info, NULL, c->e);

	for (char *line = r < 0 ? NULL : strtok_r(info, "\n", &save); line && r == 0;
	     line = strtok_r(NULL, "\n", &save)) {
		char mountpoint[4096], *path;

		if ((!strstr(line, " - proc ") && !strstr(line, " - sysfs ")) ||
		    sscanf(line, "%*s %*s %*s %*s %4095s", mountpoint) != 1)
			continue;
		unescape_octal(mountpoint);
		path = plan_strdup(c->plan, mountpoint, c->e);
		r = path ? compile_add(c, OP_CHILD, &op_hide, path, NULL, 0, 0) : -ENOMEM;
	}
	return r;
}
