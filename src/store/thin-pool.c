/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "store/block.h"
#include "store/thin-inner.h"

#define SECTOR	     512u
#define BLOCK	     128u /* sectors: 64 KiB, as Docker had it */
#define LOW_WATER    1024u
#define DATA_USUAL   (100ULL << 30)
#define BASE_USUAL   (10ULL << 30)
#define BASE_LEAST   (16ULL << 20)
#define META_LEAST   (4ULL << 20)
#define META_MOST    (15ULL << 30) /* the kernel's limit is a little above */
#define META_A_BLOCK 64u
#define WAIT_MS	     10000

void tpool_done(struct tpool *p)
{
	p->fd = fd_close(p->fd);
}

static int lock_folder(const char *path, struct tpool *p, struct err *e)
{
	*p = (struct tpool){ .path = path, .fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
	if (p->fd < 0)
		return errno == ENOENT ? -ENOENT : err_set(e, -errno, "open %s", path);
	while (flock(p->fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(e, -errno, "lock %s", path);
	return 0;
}

/* N numbers, blanks or slashes between them, into V; what is behind them, or NULL. */
static const char *numbers(const char *s, uint64_t *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char *end;

		s += strspn(s, " /");
		if (*s < '0' || *s > '9')
			return NULL;
		errno = 0;
		v[i] = strtoull(s, &end, 10);
		if (errno)
			return NULL;
		s = end;
	}
	return s + strspn(s, " ");
}

static int read_id(struct tpool *p, struct err *e)
{
	char text[256];
	uint64_t v[2] = { 0 };
	const char *name;
	ssize_t n = readlinkat(p->fd, "id", text, sizeof(text) - 1);

	if (n < 0)
		return errno == ENOENT ? -ENOENT : err_set(e, -errno, "read %s/id", p->path);
	text[n] = '\0';
	name = numbers(text, v, 2);
	if (!name || !v[0] || !v[1] || !*name || strlen(name) >= sizeof(p->name))
		return err_kind(e, ERR_INVALID, -EBADMSG, "%s: what is known of the thin pool is damaged", p->path);
	p->token = v[0];
	p->sectors = v[1];
	p->made = streq(name, "-");
	if (p->made)
		snprintf(p->name, sizeof(p->name), "creel-%" PRIx64 "-pool", p->token);
	else
		snprintf(p->name, sizeof(p->name), "%s", name);
	return 0;
}

/* "/dev/mapper/NAME" or "NAME"; NULL: none was named. */
static const char *device_of(const struct thin_opts *o)
{
	const char *slash = o->pool ? strrchr(o->pool, '/') : NULL;

	return slash ? slash + 1 : o->pool;
}

static int write_id(struct tpool *p, const struct thin_opts *o, struct err *e)
{
	const char *name = device_of(o);
	uint64_t size = o->basesize ?: BASE_USUAL;
	char text[256];

	if (name && (!path_is_component(name) || strlen(name) > 127 || name[strcspn(name, " ")]))
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no name of a device", o->pool);
	if (size < BASE_LEAST)
		return err_kind(e, ERR_INVALID, -EINVAL, "a volume of less than %llu MiB has no room",
				BASE_LEAST >> 20);
	if (getrandom(&p->token, sizeof(p->token), 0) != (ssize_t)sizeof(p->token))
		return err_set(e, -errno, "get random bytes");
	p->token = p->token >> 1 | 1;
	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64 " %s", p->token, size / SECTOR / BLOCK * BLOCK,
		 name ?: "-");
	if (symlinkat(text, p->fd, "id") < 0)
		return err_set(e, -errno, "write %s/id", p->path);
	return read_id(p, e);
}

int tpool_lock(const char *path, struct tpool *ret, struct err *e)
{
	int r = lock_folder(path, ret, e);

	return r == 0 ? read_id(ret, e) : r;
}

int tpool_tell(const struct tpool *p, const int *expected, struct err *e, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return dm_message(p->name, text, expected, e);
}

int tpool_state(const struct tpool *p, struct tpool_state *ret, struct err *e)
{
	char text[DM_TEXT_MAX];
	uint64_t v[5];
	int r = dm_status(p->name, false, text, e);

	if (r < 0)
		return r;
	if (!numbers(text, v, ARRAY_SIZE(v)))
		return err_kind(e, ERR_STATE, -EIO, "%s is no thin pool, or has failed: '%.100s'", p->name, text);
	*ret = (struct tpool_state){ v[0], v[1], v[2], v[3], v[4] };
	return 0;
}

/* --- up ----------------------------------------------------------------------------------------------------------------- */

static uint64_t meta_size(uint64_t data)
{
	uint64_t n = data / SECTOR / BLOCK * META_A_BLOCK;

	return n < META_LEAST ? META_LEAST : n > META_MOST ? META_MOST : n;
}

/* The file NAME of our pool as a device; of SIZE where it is not there. */
static int open_file(const struct tpool *p, const char *name, uint64_t size, char dev[static LOOP_DEV_MAX],
		     struct err *e)
{
	_cleanup_close_ int fd = openat(p->fd, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	_cleanup_free_ char *path = path_join(p->path, name);
	struct stat st;
	bool ro;

	if (!path)
		return err_oom(e);
	if (fd < 0 || fstat(fd, &st) < 0 || (st.st_size == 0 && ftruncate(fd, (off_t)size) < 0))
		return err_set(e, -errno, "make %s", path);
	return loop_attach(path, &ro, dev, e);
}

static int make_pool(const struct tpool *p, uint64_t size, struct err *e)
{
	_cleanup_close_ int data = -EBADF, meta = -EBADF;
	char data_dev[LOOP_DEV_MAX], meta_dev[LOOP_DEV_MAX], params[160];
	struct dm_target t = { .type = "thin-pool", .params = params };

	data = open_file(p, "data", size ?: DATA_USUAL, data_dev, e);
	if (data < 0)
		return data;
	t.sectors = block_size(data_dev) / SECTOR / BLOCK * BLOCK;
	if (!t.sectors)
		return err_kind(e, ERR_INVALID, -EINVAL, "the thin pool %s/data has no size", p->path);
	meta = open_file(p, "meta", meta_size(t.sectors * SECTOR), meta_dev, e);
	if (meta < 0)
		return meta;
	snprintf(params, sizeof(params), "%s %s %u %u 1 error_if_no_space", meta_dev, data_dev, BLOCK, LOW_WATER);
	return dm_create(p->name, &t, e);
}

/* Ours by its transaction id; one that nobody has used yet becomes so. */
static int take_pool(const struct tpool *p, struct err *e)
{
	struct tpool_state st;
	int r = tpool_state(p, &st, e);

	if (r < 0 || st.token == p->token)
		return r;
	if (st.token || st.data_used)
		return err_kind(e, ERR_STATE, -EBUSY, "the thin pool %s belongs to somebody else", p->name);
	return tpool_tell(p, NULL, e, "set_transaction_id 0 %" PRIu64, p->token);
}

static int no_pool(const char *name, struct err *e)
{
	err_kind(e, ERR_NOT_FOUND, -ENODEV, "there is no thin pool %s", name);
	return err_hint(e, -ENODEV, "it is to be made, or activated, before: lvchange -ay, dmsetup create");
}

static int bring_up(struct tpool *p, uint64_t size, struct err *e)
{
	int r = dm_find(p->name, p->node, e);

	if (r == 0 && !p->made)
		return no_pool(p->name, e);
	if (r == 0) {
		/* What a kill has left half made is in the way. */
		r = dm_remove(p->name, false, e);
		if (r == 0)
			r = make_pool(p, size, e);
		if (r == 0)
			r = dm_find(p->name, p->node, e);
		if (r == 0)
			r = err_kind(e, ERR_STATE, -ENXIO, "the thin pool %s went away", p->name);
	}
	return r < 0 ? r : take_pool(p, e);
}

int tpool_open(const char *path, struct tpool *ret, struct err *e)
{
	int r = tpool_lock(path, ret, e);

	if (r == -ENOENT)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no thin pool at %s", path);
	return r == 0 ? bring_up(ret, 0, e) : r;
}

/* --- the base ----------------------------------------------------------------------------------------------------------- */

static int make_fs(const struct tpool *p, struct err *e)
{
	static const char extended[] = "nodiscard,lazy_itable_init=1,lazy_journal_init=1";
	_cleanup_close_ int dev = -EBADF, mnt = -EBADF, root = -EBADF;
	char node[DM_NODE_MAX];
	int r;

	dev = tpool_activate(p, 0, false, node, e);
	if (dev < 0)
		return dev;
	r = store_tool("e2fsprogs", NULL, e, "mkfs.ext4", "-q", "-F", "-m", "0", "-E", extended, node, NULL);
	if (r < 0)
		return r;
	mnt = block_open_tree(node, p->path, "noinit_itable", false, e);
	if (mnt < 0)
		return mnt;
	root = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 || unlinkat(root, "lost+found", AT_REMOVEDIR) < 0 || fchmod(root, 0755) < 0 || syncfs(root) < 0)
		return err_set(e, -errno, "empty a new file system");
	return 0;
}

static int make_base(const struct tpool *p, struct err *e)
{
	int r;

	if (mkdirat(p->fd, "ids", 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make %s/ids", p->path);
	if (readlinkat(p->fd, "base", (char[2]){ 0 }, 1) > 0)
		return 0;
	r = store_need("e2fsprogs", "mkfs.ext4", e);
	if (r == 0)
		r = tpool_deactivate(p, 0, true, e);
	/* Half of one, by a kill. */
	if (r == 0)
		r = tpool_tell(p, (const int[]){ -ENODATA, 0 }, e, "delete 0");
	if (r == 0 || r == -ENODATA)
		r = tpool_tell(p, NULL, e, "create_thin 0");
	if (r == 0)
		r = make_fs(p, e);
	/* Nobody has it open from here on. */
	if (r == 0)
		r = tpool_deactivate(p, 0, true, e);
	if (r == 0 && symlinkat("ext4", p->fd, "base") < 0)
		r = err_set(e, -errno, "write %s/base", p->path);
	return r;
}

/* What was asked for is what there is. */
static int check_same(const struct tpool *p, const struct thin_opts *o, struct err *e)
{
	const char *name = device_of(o);

	return !name || streq(name, p->name)
		       ? 0
		       : err_kind(e, ERR_INVALID, -EINVAL, "the layers here are in the thin pool %s, not in %s",
				  p->name, name);
}

int thin_pool_check(const char *dir, const struct thin_opts *o, struct err *e)
{
	_cleanup_tpool_ struct tpool p = { .fd = -EBADF };
	int r = dm_check(e);

	if (r < 0)
		return r;
	r = tpool_lock(dir, &p, e);
	if (r == 0)
		return check_same(&p, o, e);
	if (r == -ENOENT)
		r = device_of(o) ? dm_find(device_of(o), p.node, e) : 1;
	return r == 0 ? no_pool(device_of(o), e) : r < 0 ? r : 0;
}

int thin_pool_make(const char *dir, const struct thin_opts *o, struct err *e)
{
	_cleanup_tpool_ struct tpool p = { .fd = -EBADF };
	bool fresh;
	int r = dm_check(e);

	if (r == 0)
		r = dir_make_all(dir, 0700, e);
	if (r == 0)
		r = tpool_lock(dir, &p, e);
	fresh = r == -ENOENT;
	if (fresh)
		r = write_id(&p, o, e);
	else if (r == 0)
		r = check_same(&p, o, e);
	if (r == 0)
		r = bring_up(&p, o->size, e);
	if (r == 0)
		r = make_base(&p, e);
	/* Nothing of it has been used: the next may say something else. */
	if (r < 0 && fresh) {
		if (p.made && p.token && dm_remove(p.name, false, NULL) == 0) {
			(void)unlinkat(p.fd, "data", 0);
			(void)unlinkat(p.fd, "meta", 0);
		}
		(void)unlinkat(p.fd, "id", 0);
	}
	return r < 0 ? err_wrap(e, r, "storage driver thin") : 0;
}

/* --- the end ------------------------------------------------------------------------------------------------------------ */

static bool is_used(const struct tpool *p)
{
	int fd = openat(p->fd, "ids", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	bool used = !d && errno != ENOENT;
	struct dirent *x;

	while (d && !used && (x = readdir(d)))
		used = x->d_name[0] != '.';
	if (d)
		closedir(d);
	else
		fd_close(fd);
	return used;
}

static int remove_made(const struct tpool *p, struct err *e)
{
	for (int ms = 0;; ms += 10) {
		int r = dm_remove(p->name, false, NULL);

		if (r == 0)
			break;
		if (r != -EBUSY || ms >= WAIT_MS)
			return err_set(e, r, "remove the thin pool %s", p->name);
		usleep(10000);
	}
	if ((unlinkat(p->fd, "data", 0) < 0 || unlinkat(p->fd, "meta", 0) < 0) && errno != ENOENT)
		return err_set(e, -errno, "remove the files of %s", p->path);
	return 0;
}

int thin_pool_drop(const char *dir, struct err *e)
{
	static const char *const rest[] = { "next", "id" };
	_cleanup_tpool_ struct tpool p = { .fd = -EBADF };
	int r = tpool_lock(dir, &p, e);

	if (r == -ENOENT || (r == 0 && is_used(&p)))
		return 0;
	if (r == 0 && unlinkat(p.fd, "base", 0) < 0 && errno != ENOENT)
		r = err_set(e, -errno, "remove %s/base", dir);
	if (r == 0)
		r = tpool_deactivate(&p, 0, true, e);
	if (r == 0 && p.made)
		r = remove_made(&p, e);
	if (r == 0 && !p.made && dm_find(p.name, p.node, NULL) > 0) {
		r = tpool_tell(&p, (const int[]){ -ENODATA, 0 }, e, "delete 0");
		if (r == 0 || r == -ENODATA)
			r = tpool_tell(&p, NULL, e, "set_transaction_id %" PRIu64 " 0", p.token);
	}
	for (size_t i = 0; i < ARRAY_SIZE(rest) && r == 0; i++)
		if (unlinkat(p.fd, rest[i], 0) < 0 && errno != ENOENT)
			r = err_set(e, -errno, "remove %s/%s", dir, rest[i]);
	return r;
}

int thin_pool_figures(const char *dir, struct thin_figures *ret, struct err *e)
{
	_cleanup_tpool_ struct tpool p = { .fd = -EBADF };
	char text[DM_TEXT_MAX];
	struct tpool_state st;
	const char *at;
	uint64_t block;
	int r = tpool_open(dir, &p, e);

	if (r == 0)
		r = tpool_state(&p, &st, e);
	if (r == 0)
		r = dm_status(p.name, true, text, e);
	if (r < 0)
		return r;
	at = strchr(text, ' ');
	at = at ? strchr(at + 1, ' ') : NULL;
	if (!at || !numbers(at, &block, 1))
		return err_kind(e, ERR_STATE, -EIO, "%s: no table of a thin pool: '%.100s'", p.name, text);
	block *= SECTOR;
	*ret = (struct thin_figures){ .made = p.made,
				      .block = block,
				      .base = p.sectors * SECTOR,
				      .data_used = st.data_used * block,
				      .data_total = st.data_total * block,
				      .meta_used = st.meta_used * 4096,
				      .meta_total = st.meta_total * 4096 };
	memcpy(ret->pool, p.name, sizeof(ret->pool));
	return 0;
}

/* --- devices of volumes ---------------------------------------------------------------------------------------------------- */

static void device_name(const struct tpool *p, uint32_t id, char buf[static 64])
{
	snprintf(buf, 64, "creel-%" PRIx64 "-%u", p->token, id);
}

int tpool_activate(const struct tpool *p, uint32_t id, bool ro, char node[static DM_NODE_MAX], struct err *e)
{
	char name[64], params[64];
	const struct dm_target t = { .sectors = p->sectors, .type = "thin", .params = params, .ro = ro };

	device_name(p, id, name);
	snprintf(params, sizeof(params), "%s %u", p->node, id);
	for (int ms = 0;; ms += 10) {
		int fd, r = dm_find(name, node, e);

		if (r == 0) {
			r = dm_create(name, &t, e);
			/* Half made, by a kill. */
			if (r == -EEXIST)
				r = dm_remove(name, false, e);
		}
		if (r < 0)
			return r;
		fd = dm_find(name, node, NULL) > 0 ? open(node, O_RDONLY | O_CLOEXEC) : -1;
		if (fd >= 0)
			return fd;
		/* The last user's end removes it under our hands. */
		if (ms >= WAIT_MS)
			return err_set(e, -errno, "open the device %s", name);
		usleep(10000);
	}
}

int tpool_deactivate(const struct tpool *p, uint32_t id, bool now, struct err *e)
{
	char name[64];

	device_name(p, id, name);
	for (int ms = 0;; ms += 10) {
		int r = dm_remove(name, !now, NULL);

		if (r == 0)
			return 0;
		if (r != -EBUSY || ms >= WAIT_MS)
			return err_set(e, r, "remove the device %s", name);
		usleep(10000);
	}
}
