/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiling the mounts of control groups: every hierarchy of the host at its usual place. */

#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>

#include "base/file.h"
#include "runtime/compile.h"
#include "sys/mount.h"

#define CGROUP_ATTRS (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)

struct tree {
	const char *target;
	bool ro;
	bool own; /* by the control group name space: else each group of the container is bound */
	bool v1;  /* hierarchies below a tmpfs, else the unified one alone */
};

static int add_link(struct compiler *c, const struct tree *t, const char *name, const char *to)
{
	char *path = plan_printf(c->plan, c->e, "%s/%s", t->target, name);
	char *target = path ? plan_strdup(c->plan, to, c->e) : NULL;

	return target ? compile_add(c, OP_CHILD, &op_symlink, path, target, 0, 0) : -ENOMEM;
}

/* A hierarchy of several controllers is also found by the name of each. */
static int add_links(struct compiler *c, const struct tree *t, const char *dir)
{
	char copy[256], *save = NULL;
	int r = 0;

	if (!strchr(dir, ',') || snprintf(copy, sizeof(copy), "%s", dir) >= (int)sizeof(copy))
		return 0;
	for (char *w = strtok_r(copy, ",", &save); w && r == 0; w = strtok_r(NULL, ",", &save))
		r = add_link(c, t, w, dir);
	return r;
}

/* One hierarchy of the host: where it is mounted below /sys/fs/cgroup and with which options. */
static int add_hierarchy(struct compiler *c, const struct tree *t, const char *dir, bool v2, const char *data)
{
	const char *own = c->plan->cgroup, *slash = *dir ? "/" : "";
	char *target = plan_printf(c->plan, c->e, "%s%s%s", t->target, slash, dir), *source, *name;
	struct op_mount *m;

	source = t->own ? plan_strdup(c->plan, "cgroup", c->e)
			: plan_printf(c->plan, c->e, "/sys/fs/cgroup%s%s", slash, dir);
	if (!target || !source)
		return -ENOMEM;
	m = compile_add_mount(c, v2 ? "cgroup2" : "cgroup", source, target);
	if (!m)
		return -ENOMEM;
	m->bind = !t->own;
	/* Where the group is may differ from hierarchy to hierarchy: the process knows. Without a group of the container's there
	 * is only the host's, to be looked at (CVE-2023-25809). */
	if (m->bind && own) {
		name = plan_strdup(c->plan, v2 ? "" : data, c->e);
		if (!name)
			return -ENOMEM;
		if (strchr(name, '=') && strstr(name, ",none"))
			*strstr(name, ",none") = '\0';
		m->own_group = name;
	}
	m->data = v2 || m->bind ? "" : plan_strdup(c->plan, data, c->e);
	m->attr_set = CGROUP_ATTRS | (t->ro || (m->bind && !own) ? MOUNT_ATTR_RDONLY : 0);
	m->nolinks = true;
	m->create = 'd';
	m->optional = true;
	return t->v1 ? add_links(c, t, dir) : 0;
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

static int cgroup_tree(struct compiler *c, struct tree t)
{
	_cleanup_free_ char *info = NULL;
	char *save = NULL;
	int r;

	r = file_read(AT_FDCWD, "/proc/self/mountinfo", 16u << 20, &info, NULL, c->e);
	if (r < 0)
		return r;
	t.v1 = strstr(info, " - cgroup ") != NULL;
	if (t.v1) {
		struct op_mount *m = compile_add_mount(c, "tmpfs", "tmpfs", t.target);

		if (!m)
			return -ENOMEM;
		m->data = "size=64k,mode=755";
		m->context = compile_context(c, m->data);
		if (!m->context)
			return -ENOMEM;
		m->attr_set = CGROUP_ATTRS;
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
		if (!dir || (t.v1 && !*dir) || strchr(*dir ? dir + 1 : dir, '/'))
			continue;
		v2 = startswith(sep, " - cgroup2") != NULL;
		hierarchy_data(options, data, sizeof(data));
		r = add_hierarchy(c, &t, *dir ? plan_strdup(c->plan, dir + 1, c->e) ?: "" : "", v2, data);
	}
	/* Filled by now. */
	return r == 0 && t.v1 && t.ro && c->opts->oci ? compile_add(c, OP_CHILD, &op_mount_ro, t.target, NULL, 0, 0)
						      : r;
}

int compile_cgroup_mount(struct compiler *c, const char *target, bool ro)
{
	return cgroup_tree(c,
			   (struct tree){ .target = target, .ro = ro, .own = c->plan->ns_cloned & (1u << NS_CGROUP) });
}

/* "cgroup[-full][:ro|:rw|:mixed][:force]": with a cgroup name space and CAP_SYS_ADMIN init mounts its own, unless forced. */
int compile_cgroup_auto(struct compiler *c, const char *mode)
{
	bool force = mode && strstr(mode, "force"), ro = mode && startswith(mode, "ro");

	if (!force && (c->plan->ns_cloned & (1u << NS_CGROUP)) && (c->plan->cap_mask & (1ull << 21)))
		return 0;
	return cgroup_tree(c, (struct tree){ .target = "/sys/fs/cgroup", .ro = ro, .own = true });
}
