/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* thin:POOLDIR/N: volume N of the pool whose folder is POOLDIR (store/thin.h). */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "store/block.h"
#include "store/driver.h"
#include "store/thin-inner.h"

#define FULL_PERCENT 95u
#define WAIT_MS	     10000

static int read_number(int at, const char *name, uint32_t *ret)
{
	char text[16];
	ssize_t n = readlinkat(at, name, text, sizeof(text) - 1);

	if (n < 0)
		return 0;
	text[n] = '\0';
	return parse_u32(text, ret) == 0 && *ret < THIN_IDS;
}

int thin_number(int at, const char *name, uint32_t *ret)
{
	return read_number(at, name, ret) && *ret > 0;
}

static const char *claim(uint32_t id, char buf[static 24])
{
	snprintf(buf, 24, "ids/%u", id);
	return buf;
}

static int link_number(int at, const char *name, uint32_t id, struct err *e)
{
	char text[16], own[32];

	snprintf(text, sizeof(text), "%u", id);
	snprintf(own, sizeof(own), ".number-%d", (int)gettid());
	(void)unlinkat(at, own, 0);
	return symlinkat(text, at, own) < 0 || renameat(at, own, at, name) < 0
		       ? err_set(e, -errno, "write down volume %u", id)
		       : 0;
}

/* One that nobody has, and nobody gets from now on: 0 is the base. */
static int next_number(const struct tpool *p, uint32_t *ret, struct err *e)
{
	uint32_t id;
	char path[24];

	if (!read_number(p->fd, "next", &id) || !id)
		id = 1;
	for (uint32_t i = 0; i < THIN_IDS; i++, id = id + 1 < THIN_IDS ? id + 1 : 1)
		if (faccessat(p->fd, claim(id, path), F_OK, AT_SYMLINK_NOFOLLOW) < 0) {
			*ret = id;
			return link_number(p->fd, "next", id + 1 < THIN_IDS ? id + 1 : 1, e);
		}
	return err_kind(e, ERR_LIMIT, -ENOSPC, "all numbers of the thin pool %s are taken", p->name);
}

static int check_room(const struct tpool *p, struct err *e)
{
	struct tpool_state st;
	int r = tpool_state(p, &st, e);

	if (r < 0)
		return r;
	if (st.data_used * 100 < st.data_total * FULL_PERCENT && st.meta_used * 100 < st.meta_total * FULL_PERCENT)
		return 0;
	return err_kind(e, ERR_LIMIT, -ENOSPC, "the thin pool %s is full (data %" PRIu64 "%%, metadata %" PRIu64 "%%)",
			p->name, st.data_used * 100 / (st.data_total ?: 1), st.meta_used * 100 / (st.meta_total ?: 1));
}

int thin_new(const char *dir, uint32_t from, int at, const char *name, uint32_t *ret, struct err *e)
{
	_cleanup_tpool_ struct tpool p = { .fd = -EBADF };
	char path[24];
	uint32_t id = 0;
	int r = tpool_open(dir, &p, e);

	if (r == 0)
		r = check_room(&p, e);
	if (r == 0)
		r = next_number(&p, &id, e);
	if (r == 0)
		r = link_number(at, name, id, e);
	if (r == 0 && symlinkat("-", p.fd, claim(id, path)) < 0)
		r = err_set(e, -errno, "claim volume %u", id);
	/* What nobody has claimed is what a lost claim was for. */
	if (r == 0)
		r = tpool_tell(&p, (const int[]){ -EEXIST, 0 }, e, "create_snap %u %u", id, from);
	if (r == -EEXIST) {
		r = tpool_tell(&p, NULL, e, "delete %u", id);
		if (r == 0)
			r = tpool_tell(&p, NULL, e, "create_snap %u %u", id, from);
	}
	if (r == 0)
		*ret = id;
	return r;
}

/* The same volume cannot be mounted both ways at once: he who fills it may be about to be done. */
static int mount_volume(const char *node, const char *what, const char *options, bool ro, struct err *e)
{
	_cleanup_free_ char *all = NULL;

	if (asprintf(&all, "%s%snoinit_itable%s", options ?: "", isempty(options) ? "" : ",", ro ? "" : ",discard") <
	    0) {
		all = NULL;
		return err_oom(e);
	}
	for (int ms = 0;; ms += 10) {
		int fd = block_open_tree(node, what, all, ro, e);

		if (fd != -EBUSY || ms >= WAIT_MS)
			return fd;
		err_clear(e);
		usleep(10000);
	}
}

int thin_open(const char *dir, uint32_t id, bool layer, const char *options, struct err *e)
{
	_cleanup_tpool_ struct tpool p = { .fd = -EBADF };
	_cleanup_close_ int dev = -EBADF;
	char node[DM_NODE_MAX], what[64];
	int mnt, r = tpool_open(dir, &p, e);

	if (r < 0)
		return r;
	dev = tpool_activate(&p, id, layer, node, e);
	if (dev < 0)
		return dev;
	/* From here on it goes with its last user, whatever becomes of us. */
	r = tpool_deactivate(&p, id, false, e);
	snprintf(what, sizeof(what), "volume %u of %.40s", id, p.name);
	tpool_done(&p);
	if (r < 0)
		return r;
	mnt = mount_volume(node, what, options, layer, e);
	return mnt;
}

/* Gives back to the host's file system what only this volume has. */
static void discard_all(const struct tpool *p, uint32_t id)
{
	char node[DM_NODE_MAX];
	_cleanup_close_ int ro = tpool_activate(p, id, false, node, NULL);
	_cleanup_close_ int fd = ro < 0 ? -EBADF : open(node, O_RDWR | O_CLOEXEC);
	uint64_t range[2] = { 0, p->sectors * 512 };

	if (fd >= 0)
		(void)ioctl(fd, BLKDISCARD, range);
}

int thin_delete(const char *dir, uint32_t id, struct err *e)
{
	_cleanup_tpool_ struct tpool p = { .fd = -EBADF };
	char path[24];
	int r = tpool_lock(dir, &p, e);

	/* With its pool it has gone. */
	if (r == -ENOENT || (r == 0 && !id))
		return 0;
	tpool_done(&p);
	r = r < 0 ? r : tpool_open(dir, &p, e);
	if (r == 0)
		r = tpool_deactivate(&p, id, true, e);
	if (r < 0)
		return r;
	if (p.made && faccessat(p.fd, claim(id, path), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		discard_all(&p, id);
		r = tpool_deactivate(&p, id, true, e);
		if (r < 0)
			return r;
	}
	r = tpool_tell(&p, (const int[]){ -ENODATA, 0 }, e, "delete %u", id);
	if (r < 0 && r != -ENODATA)
		return r;
	if (unlinkat(p.fd, claim(id, path), 0) < 0 && errno != ENOENT)
		return err_set(e, -errno, "forget volume %u", id);
	return 0;
}

int thin_each(const char *dir, int (*fn)(void *arg, uint32_t id), void *arg, struct err *e)
{
	_cleanup_free_ char *path = path_join(dir, "ids");
	DIR *d = path ? opendir(path) : NULL;
	struct dirent *x;
	int r = 0;

	if (!d)
		return !path ? err_oom(e) : errno == ENOENT ? 0 : err_set(e, -errno, "list %s", path);
	while (r == 0 && (x = readdir(d))) {
		uint32_t id;

		if (parse_u32(x->d_name, &id) == 0)
			r = fn(arg, id);
	}
	closedir(d);
	return r;
}

int thin_there(const char *dir, uint32_t id, struct err *e)
{
	_cleanup_tpool_ struct tpool p = { .fd = -EBADF };
	_cleanup_close_ int dev = -EBADF;
	char node[DM_NODE_MAX];
	int r = tpool_open(dir, &p, e);

	if (r < 0)
		return r;
	/* The kernel refuses a device of a volume that there is not. */
	dev = tpool_activate(&p, id, true, node, NULL);
	if (dev < 0)
		return 0;
	r = tpool_deactivate(&p, id, false, e);
	return r < 0 ? r : 1;
}

/* --- a root of a container -------------------------------------------------------------------------------------------------- */

static int thin_open_tree(const struct store_ref *ref, const char *options, struct err *e)
{
	const char *slash = strrchr(ref->src, '/');
	_cleanup_free_ char *dir = slash ? strndup(ref->src, (size_t)(slash - ref->src)) : NULL;
	uint32_t id;

	if (slash && !dir)
		return err_oom(e);
	if (!slash || parse_u32(slash + 1, &id) < 0 || !id || id >= THIN_IDS)
		return err_kind(e, ERR_INVALID, -EINVAL, "thin:%s: expected thin:FOLDER/NUMBER", ref->src);
	return thin_open(dir, id, false, options, e);
}

static int refuse(const struct store_ref *ref, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EOPNOTSUPP, "thin:%s: made and removed with a container of an image only",
			ref->src);
}

static int thin_create(const struct store_ref *ref, const struct store_opts *o, struct err *e)
{
	return refuse(ref, e);
}

static int thin_destroy(const struct store_ref *ref, struct err *e)
{
	return refuse(ref, e);
}

static const char *thin_host_dir(const struct store_ref *ref)
{
	return NULL;
}

static int thin_place(const struct store_owner *w, const struct store_ref *from, char **ret, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EOPNOTSUPP, "a thin volume of images is no root of %s", w->name);
}

const struct store_driver store_thin = {
	.name = "thin",
	.flags = STORE_DEVICE | STORE_INNER,
	.open_tree = thin_open_tree,
	.create = thin_create,
	.destroy = thin_destroy,
	.host_dir = thin_host_dir,
	.place = thin_place,
};
