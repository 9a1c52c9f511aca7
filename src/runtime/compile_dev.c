/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiling /dev: a tmpfs with the standard nodes and links, a devpts instance of its own, console and terminals. */

#include <linux/mount.h>
#include <sys/stat.h>

#include "runtime/compile.h"
#include "runtime/run.h"

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

	if (!c->own_root)
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

int compile_terminals(struct compiler *c)
{
	const struct spec_dev *d = &c->spec->dev;
	uint32_t ttys = d->tty_max == UNSET32 ? 0 : d->tty_max, ptys = d->pty_max == UNSET32 ? 0 : d->pty_max;
	const char *dir = isempty(d->tty_dir) ? NULL : d->tty_dir, *data;
	int r;

	if (!c->own_root)
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
