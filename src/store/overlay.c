/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * overlay:LOWER[:LOWER…]:UPPER, as LXC writes it: the last is where changes go, the first of the others is the top
 * one; overlayfs wants a work directory on UPPER's file system, and that is "work" beside UPPER where UPPER is the "delta"
 * that clones have, "olwork" beside any other. UPPER and the work directory are made when they are missing, a lower one
 * never is.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "store/driver.h"
#include "sys/errand.h"
#include "sys/inroot.h"
#include "sys/probe.h"
#include "sys/proc.h"
#include "sys/syscalls.h"

#define WORK_NAME	"olwork"
#define WORK_NAME_CLONE "work"
#define LOWER_MAX	500 /* the kernel's own limit */

/* fsconfig(2) takes no longer string, its NUL included; a longer path is given as one of our fds. */
#define FS_VALUE_MAX 256

struct layers {
	struct strv lower;
	char *upper, *work;
};

static void layers_done(struct layers *l)
{
	strv_done(&l->lower);
	free(l->upper);
	free(l->work);
}

/* Up to a colon with a slash after it, none with a backslash before it. The backslashes go. */
static char *take_path(const char **p)
{
	char *path = malloc(strlen(*p) + 1);
	size_t n = 0;
	const char *s = *p;

	if (!path)
		return NULL;
	for (; *s && !(s[0] == ':' && s[1] == '/'); s++) {
		if (s[0] == '\\' && (s[1] == ':' || s[1] == '\\'))
			s++;
		path[n++] = *s;
	}
	path[n] = '\0';
	*p = *s ? s + 1 : s;
	return path;
}

static int layers_parse(const char *src, struct layers *ret, struct err *e)
{
	char *slash;
	int r = 0;

	for (const char *p = src; *p && r == 0;) {
		r = strv_push_take(&ret->lower, take_path(&p), e);
		if (ret->lower.n > LOWER_MAX + 1)
			return err_kind(e, ERR_LIMIT, -E2BIG, "overlay: more than %d layers", LOWER_MAX);
	}
	if (r < 0)
		return r;
	if (ret->lower.n < 2)
		return err_kind(e, ERR_INVALID, -EINVAL, "overlay:%s: expected overlay:LOWER:UPPER", src);
	ret->upper = strdup(strv_get(&ret->lower)[ret->lower.n - 1]);
	if (!ret->upper)
		return err_oom(e);
	strv_remove(&ret->lower, ret->lower.n - 1);
	for (size_t n = strlen(ret->upper); n > 1 && ret->upper[n - 1] == '/'; n--)
		ret->upper[n - 1] = '\0';
	slash = strrchr(ret->upper, '/');
	if (!slash || slash == ret->upper)
		return err_kind(e, ERR_INVALID, -EINVAL, "overlay: %s has no place beside it for " WORK_NAME,
				ret->upper);
	if (asprintf(&ret->work, "%.*s/%s", (int)(slash - ret->upper), ret->upper,
		     streq(slash, "/delta") ? WORK_NAME_CLONE : WORK_NAME) < 0) {
		ret->work = NULL;
		return err_oom(e);
	}
	return 0;
}

/* PATH if it is short enough, and has no comma that would end it in an older kernel's eyes; else the name of an fd of it,
 * left open in *RET_FD until the mount is made. */
static const char *short_path(const char *path, char buf[static FD_PATH_MAX], int *ret_fd)
{
	if (strlen(path) < FS_VALUE_MAX && !strchr(path, ','))
		return path;
	*ret_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *ret_fd < 0 ? NULL : fd_path(*ret_fd, buf);
}

static int set_dir(int fs_fd, const char *key, const char *path, int *fd, struct err *e)
{
	char buf[FD_PATH_MAX];
	const char *value = short_path(path, buf, fd);
	int r;

	if (!value)
		return err_set(e, -errno, "overlay: open %s", path);
	r = sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0);
	return r < 0 ? mount_fs_error(fs_fd, r, "overlay", path, e) : 0;
}

/* One list, as kernels before 6.7 want it. Colons in a path end it there, and a long list does not fit: names of fds do. */
static int set_lower_list(int fs_fd, const struct strv *lower, int *fds, struct err *e)
{
	char list[FS_VALUE_MAX], path[FD_PATH_MAX];
	size_t n = 0;
	int r;

	for (size_t i = 0; i < lower->n; i++) {
		fds[i] = open(lower->v[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0)
			return err_set(e, -errno, "overlay: open %s", lower->v[i]);
		n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%s", i ? ":" : "", fd_path(fds[i], path));
		if (n >= sizeof(list))
			return err_kind(e, ERR_LIMIT, -E2BIG, "overlay: %zu layers are too many for this kernel",
					lower->n);
	}
	r = sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "lowerdir", list, 0);
	return r < 0 ? mount_fs_error(fs_fd, r, "overlay", list, e) : 0;
}

static int set_lower(int fs_fd, const struct strv *lower, int *fds, struct err *e)
{
	int r = 0;

	if (!probe_has(PROBE_OVERLAY_APPEND))
		return set_lower_list(fs_fd, lower, fds, e);
	for (size_t i = 0; i < lower->n && r == 0; i++)
		r = set_dir(fs_fd, "lowerdir+", lower->v[i], &fds[i], e);
	return r;
}

/* FDS: one for each lower layer, then upper and work. */
static int mount_layers(const struct layers *l, const struct mount_opts *o, int *fds, struct err *e)
{
	_cleanup_close_ int fs_fd = mount_open_fs("overlay", e), mnt = -EBADF;
	size_t n = l->lower.n;
	int r;

	if (fs_fd < 0)
		return fs_fd;
	r = sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", "overlay", 0);
	if (r < 0)
		return mount_fs_error(fs_fd, r, "overlay", "source", e);
	r = set_lower(fs_fd, &l->lower, fds, e);
	if (r == 0 && l->upper)
		r = set_dir(fs_fd, "upperdir", l->upper, &fds[n], e);
	if (r == 0 && l->upper)
		r = set_dir(fs_fd, "workdir", l->work, &fds[n + 1], e);
	/* Where the attributes of "trusted." are not ours it keeps its own by others; since Linux 5.11. */
	if (r == 0 && !proc_host_root())
		(void)sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
	if (r == 0)
		r = mount_fs_options(fs_fd, "overlay", o->data, e);
	if (r < 0)
		return r;
	mnt = mount_finish(fs_fd, "overlay", l->upper ?: l->lower.v[0], 0, e);
	/* Before Linux 6.5 overlay looks at its options only now, and names none. */
	if (mnt == -EINVAL && o->data[0])
		return err_hint(e, mnt, "overlay may not know all of these options: %s", o->data);
	if (mnt < 0)
		return mnt;
	r = store_finish_tree(mnt, o, e);
	return r < 0 ? r : TAKE_FD(mnt);
}

/* "lowerdir=…,upperdir=…,workdir=…" of names of fds, which are kept in FDS; one page is all that mount(2) takes. */
static int old_options(const struct layers *l, const struct mount_opts *o, int *fds, char *page, size_t size,
		       struct err *e)
{
	size_t n = 0, count = l->lower.n + (l->upper ? 2 : 0);

	for (size_t i = 0; i < count; i++) {
		bool lower = i < l->lower.n;
		const char *path = lower ? l->lower.v[i] : i == l->lower.n ? l->upper : l->work;
		const char *key = i == 0 ? "lowerdir=" : lower ? ":" : i == l->lower.n ? ",upperdir=" : ",workdir=";
		char name[FD_PATH_MAX];

		fds[i] = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fds[i] < 0)
			return err_set(e, -errno, "overlay: open %s", path);
		n += (size_t)snprintf(page + n, size - n, "%s%s", key, fd_path(fds[i], name));
		if (n >= size)
			return err_kind(e, ERR_LIMIT, -E2BIG, "overlay: %zu layers are too many for this kernel",
					l->lower.n);
	}
	n += (size_t)snprintf(page + n, size - n, "%s%s%s", proc_host_root() ? "" : ",userxattr", o->data[0] ? "," : "",
			      o->data);
	return n < size ? 0 : err_kind(e, ERR_LIMIT, -E2BIG, "overlay: the options are too long for this kernel");
}

static int mount_old(const struct layers *l, const struct mount_opts *o, int *fds, struct err *e)
{
	const char *at = l->lower.v[0];
	char page[4096];
	int r, mnt;

	/* First: what it is made of must be of the name space that it is made in. */
	if (unshare(CLONE_NEWNS) < 0)
		return err_set(e, -errno, "overlay: a mount name space of its own");
	r = old_options(l, o, fds, page, sizeof(page), e);
	if (r < 0)
		return r;
	r = sys_mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	if (r == 0)
		r = sys_mount("overlay", at, "overlay", 0, page);
	if (r < 0)
		return err_set(e, r, "mount overlay over %s", l->upper ?: at);
	mnt = mount_clone(AT_FDCWD, at, false, e);
	r = mnt < 0 ? mnt : store_finish_tree(mnt, o, e);
	return r < 0 ? r : mnt;
}

/*
 * Before Linux 6.7 a new mount takes no more of its lower layers than 256 bytes name, which is a dozen fds; mount(2) takes a
 * page. It mounts somewhere, so that is done where nobody sees it.
 */
#define NEW_LOWER_MAX 10

static bool needs_old(const struct layers *l)
{
	return l->lower.n > NEW_LOWER_MAX && !probe_has(PROBE_OVERLAY_APPEND);
}

/*
 * In a user name space that we have not become root of yet, what overlay makes for itself would belong to nobody there, and
 * could not be opened. So one of us becomes root and hands the mount back; the others stay who may pass what lies above.
 */
struct overlay_errand {
	const struct layers *l;
	const struct mount_opts *o;
	int *fds;
};

static int mount_elsewhere(int sock, int *ret_fd, void *arg, struct err *e)
{
	const struct overlay_errand *x = arg;

	if (geteuid() != 0 && (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0))
		return err_set(e, -errno, "become root of the user name space");
	*ret_fd = needs_old(x->l) ? mount_old(x->l, x->o, x->fds, e) : mount_layers(x->l, x->o, x->fds, e);
	return *ret_fd < 0 ? *ret_fd : 0;
}

static int mount_by_child(const struct layers *l, const struct mount_opts *o, int *fds, struct err *e)
{
	struct overlay_errand x = { l, o, fds };
	struct errand h;
	int mnt = -EBADF, r = errand_start(&h, mount_elsewhere, &x, e);

	if (r == 0)
		r = errand_answer(&h, &mnt, "the process that mounts the overlay", e);
	errand_end(&h);
	return r < 0 ? r : mnt;
}

static int mount_as_we_are(const struct layers *l, const struct mount_opts *o, struct err *e)
{
	size_t n = l->lower.n + 2;
	_cleanup_free_ int *fds = malloc(n * sizeof(*fds));
	int r;

	if (!fds)
		return err_oom(e);
	for (size_t i = 0; i < n; i++)
		fds[i] = -EBADF;
	r = geteuid() == 0 && !needs_old(l) ? mount_layers(l, o, fds, e) : mount_by_child(l, o, fds, e);
	fds_close_many(fds, n);
	return r;
}

int store_overlay_lowers(char *const *lowers, size_t n, struct err *e)
{
	_cleanup_(layers_done) struct layers l = { 0 };
	struct mount_opts o;
	int r = mount_opts_parse(NULL, &o, e);

	if (n < 2 || n > LOWER_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "overlay: %zu layers, expected 2 to %d", n, LOWER_MAX);
	for (size_t i = 0; i < n && r == 0; i++)
		r = strv_push(&l.lower, lowers[i], e);
	return r < 0 ? r : mount_as_we_are(&l, &o, e);
}

static int overlay_open_tree(const struct store_ref *ref, const char *options, struct err *e)
{
	_cleanup_(layers_done) struct layers l = { 0 };
	struct mount_opts o;
	int r;

	r = mount_opts_parse(options, &o, e);
	if (r < 0)
		return r;
	r = layers_parse(ref->src, &l, e);
	if (r < 0)
		return r;
	r = dir_make_all(l.upper, 0755, e);
	if (r == 0)
		r = dir_make_all(l.work, 0755, e);
	if (r < 0)
		return r;
	r = mount_as_we_are(&l, &o, e);
	return r < 0 ? err_wrap(e, r, "root file system overlay:%s", ref->src) : r;
}

/* The lowest layer is where the files of a new root would go: made too when it is not there. */
static int overlay_create(const struct store_ref *ref, const struct store_opts *o, struct err *e)
{
	_cleanup_(layers_done) struct layers l = { 0 };
	int r;

	r = layers_parse(ref->src, &l, e);
	if (r == 0)
		r = store_make_empty_dir(l.upper, e);
	for (size_t i = 0; i < l.lower.n && r == 0; i++)
		r = dir_make_all(l.lower.v[i], 0755, e);
	return r == 0 ? dir_make_all(l.work, 0755, e) : r;
}

/* The lower layers stay: others may stand on them. */
static int overlay_destroy(const struct store_ref *ref, struct err *e)
{
	_cleanup_(layers_done) struct layers l = { 0 };
	int r;

	r = layers_parse(ref->src, &l, e);
	if (r == 0)
		r = store_remove_tree(l.upper, e);
	return r == 0 ? store_remove_tree(l.work, e) : r;
}

static const char *overlay_host_dir(const struct store_ref *ref)
{
	return NULL;
}

/* Colons and backslashes of a path, as take_path() reads them. */
static void put_path(struct buf *b, const char *path)
{
	for (; *path; path++) {
		if (*path == ':' || *path == '\\')
			buf_putc(b, '\\');
		buf_putc(b, *path);
	}
}

/* What lies below the last layer of FROM, as it is written there; of a plain directory, that. */
static int put_lower(struct buf *b, const struct store_ref *from, struct err *e)
{
	_cleanup_(layers_done) struct layers l = { 0 };
	int r;

	if (from->driver != &store_overlay) {
		put_path(b, from->driver->host_dir(from));
		return 0;
	}
	r = layers_parse(from->src, &l, e);
	for (size_t i = 0; i < l.lower.n && r == 0; i++) {
		if (i)
			buf_putc(b, ':');
		put_path(b, l.lower.v[i]);
	}
	return r;
}

static int overlay_place(const struct store_owner *w, const struct store_ref *from, char **ret, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_free_ char *rootfs = NULL, *upper = path_join(w->dir, "overlay/delta");
	int r = 0;

	rootfs = w->o->dir ? strdup(w->o->dir) : path_join(w->dir, "rootfs");
	if (!upper || !rootfs)
		return err_oom(e);
	buf_puts(&b, "overlay:");
	if (from)
		r = put_lower(&b, from, e);
	else
		put_path(&b, rootfs);
	buf_putc(&b, ':');
	put_path(&b, upper);
	r = r < 0 ? r : buf_error(&b, e);
	if (r == 0)
		*ret = buf_take(&b);
	return r;
}

/* The upper layer's own owner and mode are what is seen of the root. */
static int make_upper_like(const char *lower, const char *upper, struct err *e)
{
	struct stat st;
	int r = store_make_empty_dir(upper, e);

	if (r < 0)
		return r;
	if (stat(lower, &st) < 0)
		return err_set(e, -errno, "overlay: stat %s", lower);
	if (chown(upper, st.st_uid, st.st_gid) < 0 || chmod(upper, st.st_mode & 07777) < 0)
		return err_set(e, -errno, "overlay: give %s the owner and mode of %s", upper, lower);
	return 0;
}

/* What has been changed so far is copied, what lies below it is shared. */
static int overlay_snapshot(const struct store_ref *from, const struct store_ref *to, const struct store_opts *o,
			    struct err *e)
{
	_cleanup_(layers_done) struct layers l = { 0 }, was = { 0 };
	_cleanup_free_ char *parent = NULL;
	bool again = from->driver == &store_overlay;
	int r;

	r = layers_parse(to->src, &l, e);
	if (r == 0 && again)
		r = layers_parse(from->src, &was, e);
	if (r < 0)
		return r;
	parent = strndup(l.upper, (size_t)(strrchr(l.upper, '/') - l.upper));
	if (!parent)
		return err_oom(e);
	r = dir_make_all(parent, 0755, e);
	if (r == 0 && again && file_exists(AT_FDCWD, was.upper))
		r = store_copy_tree(was.upper, l.upper, e);
	else if (r == 0)
		r = make_upper_like(l.lower.v[0], l.upper, e);
	return r == 0 ? dir_make_all(l.work, 0755, e) : r;
}

/* Of TYPE, with nothing that a copy by hand would lose. */
static bool is_plain(int fd, mode_t type, struct stat *ret)
{
	char buf[FD_PATH_MAX];

	return fd >= 0 && fstat(fd, ret) == 0 && (ret->st_mode & S_IFMT) == type &&
	       listxattr(fd_path(fd, buf), NULL, 0) <= 0;
}

static int take_after(int fd, const struct stat *st)
{
	return fchown(fd, st->st_uid, st->st_gid) < 0 || fchmod(fd, st->st_mode & 07777) < 0 ? -errno : 0;
}

/* NAME of the folder AT of an upper layer that nobody uses: truncated, and open for writing. */
static int open_changed(int at, const char *name)
{
	_cleanup_close_ int old = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	int fd;

	if (!is_plain(at, S_IFDIR, &st) || !is_plain(old, S_IFREG, &st) || st.st_nlink > 1)
		return -EOPNOTSUPP;
	fd = openat(at, name, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -EOPNOTSUPP : fd;
}

/* In an upper layer that nobody uses, as overlayfs would copy it up: folder and file with owner and mode of those below. To
 * mount the overlay for one file, and to unmount it, which writes back all of the file system, takes longer than the whole
 * copy. */
static int overlay_renew_file(const struct store_ref *r, const char *dir, const char *name)
{
	_cleanup_close_ int lower = -EBADF, old_dir = -EBADF, old = -EBADF, upper = -EBADF, at = -EBADF, fd = -EBADF;
	_cleanup_(layers_done) struct layers l = { 0 };
	struct stat dir_st, st;

	if (layers_parse(r->src, &l, NULL) < 0 || l.lower.n != 1)
		return -EOPNOTSUPP;
	upper = open(l.upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	at = upper < 0 ? upper : openat(upper, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (at >= 0)
		return open_changed(at, name);
	lower = open(l.lower.v[0], O_PATH | O_DIRECTORY | O_CLOEXEC);
	old_dir = lower < 0 ? lower : inroot_open_nolinks(lower, dir, O_PATH | O_DIRECTORY);
	old = old_dir < 0 ? old_dir : openat(old_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (!is_plain(old_dir, S_IFDIR, &dir_st) || !is_plain(old, S_IFREG, &st) || st.st_nlink > 1)
		return -EOPNOTSUPP;
	if (upper < 0 || mkdirat(upper, dir, 0700) < 0)
		return -EOPNOTSUPP;
	at = openat(upper, dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	fd = at < 0 ? at : openat(at, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd >= 0 && take_after(fd, &st) == 0 && take_after(at, &dir_st) == 0)
		return TAKE_FD(fd);
	if (fd >= 0)
		unlinkat(at, name, 0);
	unlinkat(upper, dir, AT_REMOVEDIR);
	return -EOPNOTSUPP;
}

const struct store_driver store_overlay = {
	.name = "overlay",
	.alias = "overlayfs",
	.flags = STORE_DEPENDS | STORE_OVER_DIRS,
	.open_tree = overlay_open_tree,
	.create = overlay_create,
	.destroy = overlay_destroy,
	.host_dir = overlay_host_dir,
	.place = overlay_place,
	.snapshot = overlay_snapshot,
	.renew_file = overlay_renew_file,
};
