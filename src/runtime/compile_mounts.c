/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiling the mounts: the root, lxc.mount.auto, fstab and single entries, masked and read-only paths. */

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>

#include "base/file.h"
#include "runtime/compile.h"
#include "runtime/run.h"
#include "sys/mount.h"

#define PROC_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
#define FSTAB_MAX  (1u << 20)

static struct op_mount *add_mount(struct compiler *c, const char *fstype, const char *source, const char *target)
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

static int new_slot(struct compiler *c)
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

int compile_rootfs(struct compiler *c)
{
	const struct spec_rootfs *root = &c->spec->rootfs;
	enum op_stage stage;
	const char *idmap;
	char *options;
	int slot, r;

	if (!c->own_root) {
		r = compile_add(c, OP_CHILD, &op_root_host, NULL, NULL, 0, 0);
		if (r == 0 && c->plan->has_userns)
			r = compile_add(c, OP_CHILD, &op_ids_root, NULL, NULL, 0, 0);
		return r;
	}
	/* On the host where we may: errors come early, and a user name space could not clone the mount. In the child when
	 * a hook mounts it there, or when only the container's user name space gives the right to. */
	stage = c->opts->rootless || c->spec->hooks[HOOK_PRE_MOUNT].n ? OP_CHILD : OP_HOST;
	slot = new_slot(c);
	if (slot < 0)
		return slot;
	idmap = split_idmap(c, root->options, &options);
	if (!options)
		return -ENOMEM;
	r = compile_add(c, stage, &op_rootfs_open, root->path, options, slot, 0);
	if (r == 0 && idmap)
		r = compile_add(c, OP_HOST, &op_rootfs_idmap, idmap, NULL, slot, 0);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_root_attach, c->plan->rootfs_mount, root->path, slot, 0);
	if (r == 0 && c->plan->has_userns)
		r = compile_add(c, OP_CHILD, &op_ids_root, NULL, NULL, 0, 0);
	return r;
}

/* --- lxc.mount.auto -------------------------------------------------------------------------------------------------------- */

/* A part of an earlier mount, bound on itself with other attributes. */
static int add_rebind(struct compiler *c, const char *path, bool ro)
{
	struct op_mount *m = add_mount(c, NULL, NULL, path);

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
	struct op_mount *m = add_mount(c, "proc", "/proc", "/proc");
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
	struct op_mount *m = add_mount(c, "sysfs", "/sys", "/sys");

	if (!m)
		return -ENOMEM;
	m->attr_set = PROC_ATTRS;
	m->nolinks = true;
	m->create = 'd';
	m->fallback_bind = true;
	if (!isempty(mode) && streq(mode, "rw"))
		return 0;
	if (!isempty(mode) && !streq(mode, "ro") && !streq(mode, "mixed"))
		return err_kind(c->e, ERR_INVALID, -EINVAL,
				"mount.auto: 'sys:%s': expected sys, sys:ro, sys:mixed or sys:rw", mode);
	m->attr_set |= MOUNT_ATTR_RDONLY;
	if (!isempty(mode) && streq(mode, "ro"))
		return 0;
	m = add_mount(c, "sysfs", "/sys", "/sys/devices/virtual/net");
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

/* One hierarchy of the host: where it is mounted below /sys/fs/cgroup and with which options. */
static int add_hierarchy(struct compiler *c, const char *dir, bool v2, const char *data, bool ro)
{
	struct op_mount *m;
	char *target = plan_printf(c->plan, c->e, "/sys/fs/cgroup%s%s", *dir ? "/" : "", dir);

	if (!target)
		return -ENOMEM;
	m = add_mount(c, v2 ? "cgroup2" : "cgroup", "cgroup", target);
	if (!m)
		return -ENOMEM;
	m->data = v2 ? "" : plan_strdup(c->plan, data, c->e);
	m->attr_set = PROC_ATTRS | (ro ? MOUNT_ATTR_RDONLY : 0);
	m->nolinks = true;
	m->create = 'd';
	m->optional = true;
	return 0;
}

/* The superblock options that name a v1 hierarchy: controllers and name=, nothing else. */
static void hierarchy_data(const char *options, char *out, size_t size)
{
	char copy[512], *save = NULL;
	size_t n = 0;
	bool named = false, any = false;

	snprintf(copy, sizeof(copy), "%s", options);
	*out = '\0';
	for (char *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save)) {
		if (streq(w, "rw") || streq(w, "ro") || streq(w, "xattr") || streq(w, "none") ||
		    streq(w, "clone_children") || startswith(w, "release_agent=") || startswith(w, "cpuset_"))
			continue;
		named |= startswith(w, "name=") != NULL;
		any |= !startswith(w, "name=");
		n += (size_t)snprintf(out + n, size - n, "%s%s", n ? "," : "", w);
		if (n >= size)
			return;
	}
	if (named && !any && n + 6 < size)
		snprintf(out + n, size - n, ",none");
}

static int auto_cgroup_tree(struct compiler *c, bool ro)
{
	_cleanup_free_ char *info = NULL;
	char *save = NULL;
	bool v1 = false;
	int r;

	r = file_read(AT_FDCWD, "/proc/self/mountinfo", 16u << 20, &info, NULL, c->e);
	if (r < 0)
		return r;
	v1 = strstr(info, " - cgroup ") != NULL;
	if (v1) {
		struct op_mount *m = add_mount(c, "tmpfs", "tmpfs", "/sys/fs/cgroup");

		if (!m)
			return -ENOMEM;
		m->data = "size=64k,mode=755";
		m->attr_set = PROC_ATTRS;
		m->nolinks = true;
		m->create = 'd';
	}
	for (char *line = strtok_r(info, "\n", &save); line && r == 0; line = strtok_r(NULL, "\n", &save)) {
		char mountpoint[256], options[512], data[300];
		const char *sep = strstr(line, " - cgroup"), *dir;
		bool v2;

		if (!sep || sscanf(line, "%*s %*s %*s %*s %255s", mountpoint) != 1 ||
		    sscanf(sep, " - %*s %*s %511s", options) != 1)
			continue;
		dir = startswith(mountpoint, "/sys/fs/cgroup");
		if (!dir || (v1 && !*dir) || strchr(*dir ? dir + 1 : dir, '/'))
			continue;
		v2 = startswith(sep, " - cgroup2") != NULL;
		hierarchy_data(options, data, sizeof(data));
		r = add_hierarchy(c, *dir ? plan_strdup(c->plan, dir + 1, c->e) ?: "" : "", v2, data, ro);
	}
	return r;
}

/* "cgroup[-full][:ro|:rw|:mixed][:force]": with a cgroup name space and CAP_SYS_ADMIN init mounts its own, unless forced. */
static int auto_cgroup(struct compiler *c, const char *mode)
{
	bool force = mode && strstr(mode, "force"), ro = mode && startswith(mode, "ro");

	if (!force && (c->plan->ns_cloned & (1u << NS_CGROUP)) && (c->plan->cap_mask & (1ull << 21)))
		return 0;
	return auto_cgroup_tree(c, ro);
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
	m = add_mount(c, NULL, host, isempty(cont) ? "/dev/.lxc-mounts" : cont);
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
		{ "proc", auto_proc },		{ "sys", auto_sys },
		{ "cgroup", auto_cgroup },	{ "cgroup2", auto_cgroup },
		{ "cgroup-full", auto_cgroup }, { "shmounts", auto_shmounts },
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
	int slot = new_slot(c), r;
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

static int compile_entry(struct compiler *c, const struct spec_mount *s)
{
	struct mount_opts o;
	struct op_mount *m;
	int r;

	r = mount_opts_parse(s->options ?: "", &o, c->e);
	if (r < 0)
		return err_wrap(c->e, r, "mount entry for %s", s->target);
	m = plan_alloc(c->plan, sizeof(*m), c->e);
	if (!m)
		return -ENOMEM;
	*m = (struct op_mount){
		.fstype = s->fstype,
		.source = s->source,
		.target = in_root(c, s->target),
		.attr_set = o.attr_set,
		.attr_clr = o.attr_clr,
		.rattr_set = o.rattr_set,
		.rattr_clr = o.rattr_clr,
		.propagation = o.propagation,
		.propagation_rec = o.propagation_rec,
		.bind = o.bind || o.rbind || (s->fstype && streq(s->fstype, "bind")),
		.recursive = o.rbind,
		.sb_ro = o.fs_ro && !o.bind && !o.rbind,
		.optional = o.optional,
		.create = o.create_dir	  ? 'd'
			  : o.create_file ? 'f'
					  : 0,
		.slot = -1,
	};
	if (o.fs_ro)
		m->attr_set |= MOUNT_ATTR_RDONLY;
	m->data = plan_strdup(c->plan, o.data, c->e);
	if (!m->target || !m->data)
		return -ENOMEM;
	/* proc and sysfs may not be redirected by a link in the tree: what is written below them has power. */
	m->nolinks =
		s->fstype && (streq(s->fstype, "proc") || streq(s->fstype, "sysfs") || startswith(s->fstype, "cgroup"));
	if (o.relative) {
		m->sub = plan_printf(c->plan, c->e, "/%s", m->source);
		m->bind = true;
	} else if (m->bind && (c->plan->has_userns || *o.idmap) && !c->opts->rootless &&
		   !c->spec->hooks[HOOK_PRE_MOUNT].n) {
		r = preopen(c, m, o.idmap);
		if (r < 0)
			return r;
	}
	struct op *op = plan_add(c->plan, OP_CHILD, &op_mount, c->e);

	if (!op)
		return -ENOMEM;
	op->mount = m;
	return 0;
}

/* Decodes \040 and friends in place. */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' &&
		    s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = '\0';
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
				unescape(words[i]);
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
	int r = 0;

	for (size_t i = 0; i < s->readonly_paths.n && r == 0; i++)
		r = compile_add(c, OP_CHILD, &op_readonly, s->readonly_paths.v[i], NULL, 0, 0);
	for (size_t i = 0; i < s->masked_paths.n && r == 0; i++)
		r = compile_add(c, OP_CHILD, &op_mask, s->masked_paths.v[i], NULL, 0, 0);
	return r;
}
