/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiling /dev: a tmpfs with the standard nodes and links, a devpts instance of its own, console and terminals. */

#include <linux/mount.h>
#include <sys/stat.h>

#include "runtime/compile.h"
#include "runtime/run.h"
#include "sys/mount.h"

#define DEFAULT_DEV_SIZE 500000
#define DEFAULT_PTY_MAX	 1024

static const struct op_node standard_nodes[] = {
	{ "null", S_IFCHR | 0666, 1, 3 },   { "zero", S_IFCHR | 0666, 1, 5 },	 { "full", S_IFCHR | 0666, 1, 7 },
	{ "random", S_IFCHR | 0666, 1, 8 }, { "urandom", S_IFCHR | 0666, 1, 9 }, { "tty", S_IFCHR | 0666, 5, 0 },
};

static const struct {
	const char *name, *target;
} standard_links[] = {
	{ "fd", "/proc/self/fd" },
	{ "stdin", "/proc/self/fd/0" },
	{ "stdout", "/proc/self/fd/1" },
	{ "stderr", "/proc/self/fd/2" },
};

static bool autodev(const struct compiler *c)
{
	return c->own_root && tri_or(c->spec->dev.autodev, true);
}

/* A file system of its own below /dev, missing kernel support tolerated: init may mount its own. */
static int add_dev_fs(struct compiler *c, const char *fstype, const char *target, const char *data)
{
	struct op_mount *m = plan_alloc(c->plan, sizeof(*m), c->e);
	struct op *op = m ? plan_add(c->plan, OP_CHILD, &op_mount, c->e) : NULL;

	if (!op)
		return -ENOMEM;
	*m = (struct op_mount){
		.fstype = fstype,
		.source = fstype,
		.target = target,
		.data = data,
		.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
		.optional = true,
		.create = 'd',
		.slot = -1,
	};
	op->mount = m;
	return 0;
}

static int compile_dev_tmpfs(struct compiler *c)
{
	uint64_t size = c->spec->dev.tmpfs_size == UNSET64 ? DEFAULT_DEV_SIZE : c->spec->dev.tmpfs_size;
	struct op_mount *m = plan_alloc(c->plan, sizeof(*m), c->e);
	struct op *op = m ? plan_add(c->plan, OP_CHILD, &op_mount, c->e) : NULL;

	if (!op)
		return -ENOMEM;
	*m = (struct op_mount){
		.fstype = "tmpfs",
		.source = "none",
		.target = "/dev",
		.data = plan_printf(c->plan, c->e, "size=%llu,mode=755", (unsigned long long)size),
		.nolinks = true,
		.create = 'd',
		.slot = -1,
	};
	op->mount = m;
	return m->data ? 0 : -ENOMEM;
}

int compile_dev(struct compiler *c)
{
	int r = 0;

	if (!c->own_root || c->opts->oci)
		return 0;
	if (autodev(c))
		r = compile_dev_tmpfs(c);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_dev_open, "/dev", NULL, 0, 0);
	if (r < 0 || !autodev(c))
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(standard_nodes) && r == 0; i++) {
		struct op *op = plan_add(c->plan, OP_CHILD, &op_node, c->e);

		if (!op)
			return -ENOMEM;
		op->node = &standard_nodes[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(standard_links) && r == 0; i++)
		r = compile_add(c, OP_CHILD, &op_link, standard_links[i].name, standard_links[i].target, 0, 0);
	if (r == 0)
		r = add_dev_fs(c, "tmpfs", "/dev/shm", "mode=1777");
	if (r == 0 && (c->plan->ns_cloned & (1u << NS_IPC)))
		r = add_dev_fs(c, "mqueue", "/dev/mqueue", "");
	return r;
}

/* --- /dev as the mounts made it --------------------------------------------------------------------------------------- */

/* Bound from the host, /dev has what it has and is left alone. */
uint32_t terminal_size(const struct spec_process *p)
{
	return p->rows == UNSET32 || p->columns == UNSET32 ? 0 : (p->rows & 0xffff) << 16 | (p->columns & 0xffff);
}

static bool dev_is_bound(const struct spec *s)
{
	bool bound = false;

	LIST_EACH(m, &s->mounts, struct spec_mount) {
		struct mount_opts o;

		if (m->target && startswith(m->target, "/dev") && !m->target[4 + strspn(m->target + 4, "/")])
			bound = mount_opts_parse(m->options ?: "", &o, NULL) == 0 && (o.bind || o.rbind);
	}
	return bound;
}

static bool has_device(const struct spec *s, const char *name)
{
	LIST_EACH(d, &s->dev.devices, struct spec_device) {
		const char *rest = d->path ? startswith(d->path, "/dev/") : NULL;

		if (rest && streq(rest, name))
			return true;
	}
	return false;
}

/* In a user name space of the container's own: by us, where we may. */
static int make_outside(struct compiler *c, struct op_device *d)
{
	int64_t uid = idmap_to_host(c->plan->maps, c->plan->n_maps, 'u', d->uid);
	int64_t gid = idmap_to_host(c->plan->maps, c->plan->n_maps, 'g', d->gid);
	struct op *op;

	if (!c->plan->has_userns || c->opts->rootless || S_ISFIFO(d->mode) || uid < 0 || gid < 0)
		return 0;
	d->slot = compile_slot(c);
	if (d->slot < 0)
		return 0;
	d->host_uid = (uint32_t)uid;
	d->host_gid = (uint32_t)gid;
	op = plan_add(c->plan, OP_HOST, &op_device_make, c->e);
	if (!op)
		return -ENOMEM;
	op->device = d;
	return 0;
}

static int compile_device(struct compiler *c, const struct spec_device *s)
{
	struct op_device *d = plan_alloc(c->plan, sizeof(*d), c->e);
	char *path = plan_strdup(c->plan, s->path ?: "", c->e);
	struct op *op;

	if (!d || !path)
		return -ENOMEM;
	for (size_t n = strlen(path); n > 1 && path[n - 1] == '/'; n--)
		path[n - 1] = '\0';
	if (!s->path || *s->path != '/')
		return err_kind(c->e, ERR_INVALID, -EINVAL, "device %s: the path must be absolute", s->path ?: "");
	if (!s->type || !strchr("cubp", s->type))
		return err_kind(c->e, ERR_INVALID, -EINVAL, "device %s: unknown type", s->path);
	*d = (struct op_device){
		.path = path,
		.mode = (s->mode == UNSET32 ? 0666 : s->mode & 07777) | (s->type == 'b'	  ? S_IFBLK
									 : s->type == 'p' ? S_IFIFO
											  : S_IFCHR),
		.major = s->major == UNSET32 || s->type == 'p' ? 0 : s->major,
		.minor = s->minor == UNSET32 || s->type == 'p' ? 0 : s->minor,
		.uid = s->uid == UNSET32 ? 0 : s->uid,
		.gid = s->gid == UNSET32 ? 0 : s->gid,
		.slot = -1,
	};
	if (make_outside(c, d) < 0)
		return -ENOMEM;
	op = plan_add(c->plan, OP_CHILD, &op_device, c->e);
	if (!op)
		return -ENOMEM;
	op->device = d;
	return 0;
}

static int compile_standard(struct compiler *c)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(standard_nodes) && r == 0; i++) {
		struct op *op;

		if (has_device(c->spec, standard_nodes[i].path))
			continue;
		op = plan_add(c->plan, OP_CHILD, &op_node, c->e);
		if (!op)
			return -ENOMEM;
		op->node = &standard_nodes[i];
	}
	for (size_t i = 0; i < ARRAY_SIZE(standard_links) && r == 0; i++)
		r = compile_add(c, OP_CHILD, &op_link, standard_links[i].name, standard_links[i].target, 0, 0);
	if (r == 0)
		r = compile_add(c, OP_CHILD, &op_core_link, NULL, NULL, 0, 0);
	return r == 0 ? compile_add(c, OP_CHILD, &op_ptmx, NULL, NULL, 0, 0) : r;
}

int compile_devices(struct compiler *c)
{
	bool fill = tri_or(c->spec->dev.standard, false) && !dev_is_bound(c->spec);
	bool terminal = tri_or(c->spec->process.terminal, false);
	int r = 0;

	if (!c->own_root)
		return 0;
	if (fill || terminal) {
		r = compile_add(c, OP_CHILD, &op_make_dir, "/dev", NULL, 0755, 0);
		if (r == 0)
			r = compile_add(c, OP_CHILD, &op_dev_open, "/dev", NULL, 0, 0);
	}
	LIST_EACH(d, &c->spec->dev.devices, struct spec_device)
		if (r == 0 && (fill || !startswith(d->path ?: "", "/dev/")))
			r = compile_device(c, d);
	if (r == 0 && fill)
		r = compile_standard(c);
	if (r == 0 && terminal) {
		c->plan->console = true;
		r = compile_add(c, OP_CHILD, &op_pts_open, "/dev/pts", NULL, 0, 0);
		if (r == 0)
			r = compile_add(c, OP_CHILD, &op_console, NULL, NULL, 0,
					(int64_t)terminal_size(&c->spec->process));
	}
	return r;
}

int compile_terminals(struct compiler *c)
{
	const struct spec_dev *d = &c->spec->dev;
	uint32_t ttys = d->tty_max == UNSET32 ? 0 : d->tty_max, ptys = d->pty_max == UNSET32 ? 0 : d->pty_max;
	const char *dir = isempty(d->tty_dir) ? NULL : d->tty_dir, *data;
	int r;

	if (!c->own_root || c->opts->oci)
		return 0;
	if (ttys > RUN_TTYS_MAX)
		return err_kind(c->e, ERR_LIMIT, -E2BIG, "lxc.tty.max = %u: at most %d terminals", ttys, RUN_TTYS_MAX);
	/* Without its options a devpts instance would be weaker than asked for, so no NULL gets through. */
	data = plan_printf(c->plan, c->e, "newinstance,ptmxmode=0666,mode=0620,gid=5,max=%u", ptys ?: DEFAULT_PTY_MAX);
	r = data ? compile_add(c, OP_CHILD, &op_devpts, "/dev/pts", data, 0, 0) : -ENOMEM;
	if (r == 0 && dir)
		r = compile_add(c, OP_CHILD, &op_dir, dir, NULL, 0755, 0);
	c->plan->console = !d->console_path || !streq(d->console_path, "none");
	if (r == 0 && c->plan->console)
		r = compile_add(c, OP_CHILD, &op_console, dir, NULL, 0, 0);
	c->plan->ttys = ttys;
	if (r == 0 && ttys)
		r = compile_add(c, OP_CHILD, &op_ttys, dir, NULL, ttys, 0);
	return r;
}
