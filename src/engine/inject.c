/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "engine/inject.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/internal.h"
#include "runtime/inside.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

struct injection {
	const char *target;
	int mnt; /* detached */
	bool is_dir;
	int flags; /* of the umount */
};

/* The flags of mount(2) that say what the mount is like, and what they are called today. */
static const struct {
	unsigned long flag;
	uint64_t attr;
} attrs[] = {
	{ MS_RDONLY, MOUNT_ATTR_RDONLY },	  { MS_NOSUID, MOUNT_ATTR_NOSUID },
	{ MS_NODEV, MOUNT_ATTR_NODEV },		  { MS_NOEXEC, MOUNT_ATTR_NOEXEC },
	{ MS_NOATIME, MOUNT_ATTR_NOATIME },	  { MS_STRICTATIME, MOUNT_ATTR_STRICTATIME },
	{ MS_NODIRATIME, MOUNT_ATTR_NODIRATIME }, { MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW },
};
#define KNOWN_FLAGS                                                                                      \
	(MS_BIND | MS_REC | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_STRICTATIME | \
	 MS_NODIRATIME | MS_NOSYMFOLLOW | MS_RELATIME | MS_SILENT)

static int make_mount(const struct inject_opts *o, struct err *e)
{
	_cleanup_close_ int mnt = -EBADF;
	uint64_t set = 0;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++)
		if (o->flags & attrs[i].flag)
			set |= attrs[i].attr;
	if (!(o->flags & MS_BIND))
		return mount_new(o->fstype, o->source, o->data, set, false, e);
	mnt = mount_clone(AT_FDCWD, o->source, o->flags & MS_REC, e);
	if (mnt < 0 || !set)
		return TAKE_FD(mnt);
	/* Those of access times are one field of several values. */
	r = mount_set(mnt, set, set & MOUNT_ATTR__ATIME ? MOUNT_ATTR__ATIME : 0, 0, o->flags & MS_REC, e);
	return r < 0 ? r : TAKE_FD(mnt);
}

static int place(void *arg, struct err *e)
{
	const struct injection *in = arg;
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), at = -EBADF;

	at = inroot_make(root, in->target, 0755, in->is_dir, false);
	if (at < 0)
		return err_set(e, at, "open %s in the container", in->target);
	return mount_attach(in->mnt, at, e);
}

static int check(struct container *c, const char *target, struct err *e)
{
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (isempty(target) || *target != '/')
		return err_kind(e, ERR_INVALID, -EINVAL, "target '%s': expected an absolute path", target ?: "");
	if (c->rec.state == RUN_STOPPED || !record_alive(&c->rec))
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	if (!c->engine->dry_run && engine_rootless())
		return err_kind(e, ERR_DENIED, -EPERM, "mounting in a container needs root of the host");
	return 0;
}

int container_mount(struct container *c, const struct inject_opts *o, struct err *e)
{
	struct injection in = { .target = o->target, .mnt = -EBADF };
	_cleanup_close_ int mnt = -EBADF;
	struct stat st;
	int r = check(c, o->target, e);

	if (r < 0)
		return r;
	if (o->flags & ~(unsigned long)KNOWN_FLAGS)
		return err_kind(e, ERR_INVALID, -EINVAL, "mount flags %#lx: not for a new mount",
				o->flags & ~(unsigned long)KNOWN_FLAGS);
	if (isempty(o->source) && isempty(o->fstype))
		return err_kind(e, ERR_INVALID, -EINVAL, "neither what to mount nor a type of file system");
	if (!(o->flags & MS_BIND) && isempty(o->fstype))
		return err_kind(e, ERR_INVALID, -EINVAL, "no type of file system");
	if (engine_dry(c->engine, "mount %s on %s in %s", o->source ?: o->fstype, o->target, c->name))
		return 0;
	mnt = make_mount(o, e);
	if (mnt < 0)
		return mnt;
	if (fstat(mnt, &st) < 0)
		return err_set(e, -errno, "look at %s", o->source ?: o->fstype);
	in.mnt = mnt;
	in.is_dir = S_ISDIR(st.st_mode);
	return inside_call(&c->rec, CLONE_NEWNS, place, &in, e);
}

static int take_off(void *arg, struct err *e)
{
	const struct injection *in = arg;
	_cleanup_close_ int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC), parent = -EBADF;
	const char *name;
	int r;

	parent = inroot_open_parent(root, in->target, false, &name);
	if (parent < 0)
		return err_set(e, parent, "open the directory of %s in the container", in->target);
	/* The name is taken relative to a directory that nobody can exchange. */
	if (fchdir(parent) < 0)
		return err_set(e, -errno, "enter the directory of %s", in->target);
	r = sys_umount2(name, in->flags | UMOUNT_NOFOLLOW);
	return r < 0 ? err_set(e, r, "unmount %s in the container", in->target) : 0;
}

int container_umount(struct container *c, const char *target, int flags, struct err *e)
{
	struct injection in = { .target = target, .mnt = -EBADF, .flags = flags };
	int r = check(c, target, e);

	if (r < 0)
		return r;
	if (engine_dry(c->engine, "unmount %s in %s", target, c->name))
		return 0;
	return inside_call(&c->rec, CLONE_NEWNS, take_off, &in, e);
}
