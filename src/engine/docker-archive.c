/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * cp, export and diff. A path of the container's is resolved once, to a descriptor below its root (sys/inroot.h): what a process
 * inside makes of its links meanwhile leads nowhere else. Of one that runs the root is what its first process sees; of one that
 * does not, what it would see (docker-root.c).
 */

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "engine/docker-inner.h"
#include "image/pack.h"
#include "store/untar.h"
#include "sys/inroot.h"
#include "sys/passwd.h"

struct place {
	struct docker_row c;
	struct docker *d;
	struct docker_root stopped;
	int root, obj; /* root: stopped.fd, too; obj: O_PATH of what PATH names, the last link not followed */
	char path[4096], name[256];
	bool content, dot; /* "PATH/" and "PATH/.": it is a folder; of the second what is in it is meant */
	bool read_only, in_volume;
	struct stat st;
};

static void place_done(struct place *p)
{
	fd_close(p->obj);
	if (p->d)
		docker_root_close(p->d, &p->c, &p->stopped);
	else
		fd_close(p->root);
	docker_row_done(&p->c);
}
#define _cleanup_place_ _cleanup_(place_done)
#define PLACE_INIT \
	((struct place){ .root = -EBADF, .obj = -EBADF, .stopped = { .fd = -EBADF, .keeps = { .sock = -EBADF } } })

/* Absolute, without ".", ".." and what is empty. */
static int clean(const char *said, struct place *p, struct err *e)
{
	size_t len = strlen(said), o = 0;

	if (!len)
		return err_kind(e, ERR_INVALID, -EINVAL, "missing path");
	if (len >= sizeof(p->path) - 2)
		return err_kind(e, ERR_LIMIT, -ENAMETOOLONG, "path too long");
	p->dot = (len > 1 && streq(said + len - 2, "/.")) || streq(said, ".");
	p->content = said[len - 1] == '/' || p->dot;
	p->path[o++] = '/';
	while (*said) {
		size_t n = strcspn(said, "/");

		if (n == 2 && memcmp(said, "..", 2) == 0) {
			while (o > 1 && p->path[--o] != '/')
				;
			o = o ? o : 1;
		} else if (n && !(n == 1 && *said == '.')) {
			if (o > 1)
				p->path[o++] = '/';
			memcpy(p->path + o, said, n);
			o += n;
		}
		said += n + (said[n] == '/');
	}
	p->path[o] = '\0';
	return 0;
}

static int open_running(const struct docker_row *c)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	char path[64];
	int fd;

	if (docker_running(c, &rec, NULL) < 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%d/root", rec.pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* It has ended meanwhile, and the number is another's. */
	return record_alive(&rec) ? fd : (fd_close(fd), -ESRCH);
}

/* Whether what .path leads to may not be written, by what was said of the volume that it is in, or of the root. */
static void look_up_read_only(struct place *p)
{
	const struct json_c_value *l = value_get(p->c.doc, "Mounts");
	size_t longest = 0;

	p->read_only = value_bool(p->c.host, "ReadonlyRootfs");
	for (size_t i = 0; i < value_len(l); i++) {
		const struct json_c_value *m = value_elem(l, i);
		const char *to = value_text(m, "Destination") ?: "/", *rest = startswith(p->path, to);

		if (rest && (!*rest || *rest == '/') && strlen(to) > longest) {
			longest = strlen(to);
			p->read_only = !value_bool(m, "RW");
			p->in_volume = true;
		}
	}
}

static int open_root(struct docker *d, struct place *p, struct err *e)
{
	int r;

	look_up_read_only(p);
	p->root = open_running(&p->c);
	if (p->root >= 0)
		return 0;
	r = docker_root_open(d, &p->c, &p->stopped, e);
	p->d = d;
	p->root = p->stopped.fd;
	return r;
}

static int open_place(struct docker *d, const char *id, const char *path, struct place *p, struct err *e)
{
	_cleanup_free_ char *said = NULL;
	const char *slash;
	int r = docker_find(d, id, &p->c, e);

	if (r == 0)
		r = clean(path, p, e);
	if (r < 0)
		return r;
	slash = strrchr(p->path, '/');
	snprintf(p->name, sizeof(p->name), "%s", slash[1] ? slash + 1 : "/");
	said = strdup(p->path);
	if (!said)
		return err_oom(e);
	r = open_root(d, p, e);
	if (r < 0)
		return r;
	p->obj = inroot_open_path(p->root, p->path, p->content ? 0 : O_NOFOLLOW);
	if (p->obj == -ENOENT || p->obj == -ENOTDIR)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "Could not find the file %s in container %s", said, id);
	if (p->obj < 0)
		return err_set(e, p->obj, "open %s in container %s", said, id);
	if (fstat(p->obj, &p->st) < 0)
		return err_set(e, -errno, "look at %s", said);
	if (p->content && !S_ISDIR(p->st.st_mode) && path[strlen(path) - 1] == '/')
		return err_kind(e, ERR_INVALID, -ENOTDIR, "%s: not a directory", said);
	return 0;
}

/* --- stat ------------------------------------------------------------------------------------------------------------------ */

/* Go's os.FileMode. */
static uint64_t go_mode(mode_t m)
{
	uint64_t r = m & 0777;

	r |= S_ISDIR(m)	   ? 1ull << 31
	     : S_ISLNK(m)  ? 1ull << 27
	     : S_ISBLK(m)  ? 1ull << 26
	     : S_ISCHR(m)  ? 1ull << 26 | 1ull << 21
	     : S_ISFIFO(m) ? 1ull << 25
	     : S_ISSOCK(m) ? 1ull << 24
			   : 0;
	r |= m & S_ISUID ? 1ull << 23 : 0;
	r |= m & S_ISGID ? 1ull << 22 : 0;
	return r | (m & S_ISVTX ? 1ull << 20 : 0);
}

static int write_stat(const struct place *p, struct buf *out, struct err *e)
{
	int64_t ns = (int64_t)p->st.st_mtim.tv_sec * 1000000000 + p->st.st_mtim.tv_nsec;
	char link[4096] = "", when[40];
	struct json j;
	ssize_t n;

	if (S_ISLNK(p->st.st_mode)) {
		n = readlinkat(p->obj, "", link, sizeof(link) - 1);
		link[n > 0 ? n : 0] = '\0';
	}
	json_init(&j, out, false);
	json_object(&j);
	json_kv_string(&j, "name", p->name);
	json_kv_i64(&j, "size", p->st.st_size);
	json_kv_u64(&j, "mode", go_mode(p->st.st_mode));
	json_kv_string(&j, "mtime", docker_time(ns, when));
	if (*link && *link != '/') {
		/* As it would be said from the root. */
		const char *slash = strrchr(p->path, '/');
		_cleanup_buf_ struct buf whole = BUF_INIT;

		buf_printf(&whole, "%.*s/%s", (int)(slash - p->path), p->path, link);
		json_kv_string(&j, "linkTarget", buf_str(&whole));
	} else {
		json_kv_string(&j, "linkTarget", link);
	}
	json_end_object(&j);
	return buf_error(out, e);
}

int docker_archive_stat(struct docker *d, const char *id, const char *path, struct buf *stat, struct err *e)
{
	_cleanup_place_ struct place p = PLACE_INIT;
	int r = open_place(d, id, path, &p, e);

	return r == 0 ? write_stat(&p, stat, e) : r;
}

/* --- out of it --------------------------------------------------------------------------------------------------------------- */

static int to_sink(void *arg, const void *data, size_t len)
{
	const struct docker_sink *s = arg;

	return s->write(s->arg, 1, data, len);
}

static int put_file(const struct place *p, struct tar_writer *t, struct err *e)
{
	_cleanup_close_ int fd = inroot_reopen(p->obj, O_RDONLY | O_NONBLOCK);
	_cleanup_free_ char *chunk = malloc(1 << 16);
	uint64_t left = (uint64_t)p->st.st_size;
	int r = 0;

	if (!chunk)
		return err_oom(e);
	if (fd < 0)
		return err_set(e, fd, "open %s", p->name);
	/* As long as it was: the header has said so. */
	while (left && r == 0) {
		ssize_t n = read(fd, chunk, left < 1 << 16 ? (size_t)left : 1 << 16);

		if (n < 0)
			return err_set(e, -errno, "read %s", p->name);
		if (n == 0) {
			n = left < 1 << 16 ? (ssize_t)left : 1 << 16;
			memset(chunk, 0, (size_t)n);
		}
		r = tar_put_data(t, chunk, (size_t)n, e);
		left -= (uint64_t)n;
	}
	return r;
}

static char tar_type(mode_t m)
{
	return S_ISDIR(m) ? '5' : S_ISLNK(m) ? '2' : S_ISBLK(m) ? '4' : S_ISCHR(m) ? '3' : S_ISFIFO(m) ? '6' : '0';
}

static int to_buf(void *arg, const void *data, size_t len)
{
	buf_add(arg, data, len);
	return ((struct buf *)arg)->error;
}

/* The folder itself, which pack_tree() leaves out, and what is in it. */
static int put_tree(const struct place *p, const struct tar_out *h, const struct pack_sink *out, struct err *e)
{
	_cleanup_close_ int dir = openat(p->obj, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct pack_opts o = { .clamp_mtime = -1, .prefix = h->name, .uid = -1, .gid = -1, .compression = "none" };
	_cleanup_(tar_writer_freep) struct tar_writer *t = NULL;
	_cleanup_buf_ struct buf head = BUF_INIT;
	struct pack_sink sink = { .write = to_buf, .arg = &head };
	int r = dir < 0 ? err_set(e, -errno, "open %s", p->name) : tar_writer_new(&sink, &t, e);

	if (r == 0)
		r = tar_put(t, h, e);
	if (r == 0)
		r = tar_end(t, e);
	/* But for the two blocks that end an archive. */
	if (r == 0 && head.len > 1024)
		r = out->write(out->arg, head.data, head.len - 1024);
	return r == 0 ? pack_tree(dir, &o, out, e) : r;
}

int docker_archive_get(struct docker *d, const char *id, const char *path, struct buf *stat,
		       const struct docker_sink *out, struct err *e)
{
	_cleanup_(tar_writer_freep) struct tar_writer *t = NULL;
	_cleanup_place_ struct place p = PLACE_INIT;
	struct pack_sink sink = { .write = to_sink, .arg = (void *)out };
	struct tar_out h = { 0 };
	char link[4096] = "", name[300];
	ssize_t n;
	int r = open_place(d, id, path, &p, e);

	if (r == 0)
		r = write_stat(&p, stat, e);
	if (r < 0)
		return r;
	if (S_ISSOCK(p.st.st_mode))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: sockets cannot be archived", p.name);
	if (S_ISLNK(p.st.st_mode) && (n = readlinkat(p.obj, "", link, sizeof(link) - 1)) > 0)
		link[n] = '\0';
	snprintf(name, sizeof(name), "%s%s", p.dot && S_ISDIR(p.st.st_mode) ? "." : p.name,
		 S_ISDIR(p.st.st_mode) && !streq(p.name, "/") ? "/" : "");
	h = (struct tar_out){ .name = name,
			      .link = *link ? link : NULL,
			      .type = tar_type(p.st.st_mode),
			      .mode = p.st.st_mode & 07777,
			      .uid = p.st.st_uid,
			      .gid = p.st.st_gid,
			      .dev_major = major(p.st.st_rdev),
			      .dev_minor = minor(p.st.st_rdev),
			      .size = S_ISREG(p.st.st_mode) ? (uint64_t)p.st.st_size : 0,
			      .mtime = p.st.st_mtim.tv_sec };
	docker_event(d, &p.c, "archive-path", NULL);
	if (S_ISDIR(p.st.st_mode))
		return put_tree(&p, &h, &sink, e);
	r = tar_writer_new(&sink, &t, e);
	if (r == 0)
		r = tar_put(t, &h, e);
	if (r == 0 && S_ISREG(p.st.st_mode))
		r = put_file(&p, t, e);
	return r == 0 ? tar_end(t, e) : r;
}

/* Whom the container's processes are. */
static int owner_of(const struct place *p, struct untar_owner *ret, struct err *e)
{
	_cleanup_free_ struct passwd_user *u = calloc(1, sizeof(*u));
	int r = u ? docker_find_user(p->root, value_text(p->c.config, "User"), u, e) : err_oom(e);

	if (r == 0)
		*ret = (struct untar_owner){ u->uid, u->gid };
	return r;
}

/* --- into it ------------------------------------------------------------------------------------------------------------------- */

int docker_archive_put(struct docker *d, const char *id, const char *path, int in_fd, bool no_overwrite_dir,
		       bool copy_ids, struct err *e)
{
	struct untar_opts o = { .keep_kind = no_overwrite_dir };
	struct untar_owner owner;
	_cleanup_place_ struct place p = PLACE_INIT;
	_cleanup_close_ int dir = -EBADF;
	int r = open_place(d, id, path, &p, e);

	if (r < 0)
		return r;
	if (S_ISLNK(p.st.st_mode)) {
		fd_close(p.obj);
		p.obj = inroot_open_path(p.root, p.path, 0);
		if (p.obj < 0 || fstat(p.obj, &p.st) < 0)
			return err_kind(e, ERR_NOT_FOUND, -ENOENT, "Could not find the file %s in container %s", path,
					id);
	}
	if (!S_ISDIR(p.st.st_mode))
		return err_kind(e, ERR_INVALID, -ENOTDIR, "extraction point is not a directory");
	if (p.read_only)
		return err_kind(e, ERR_DENIED, -EROFS,
				p.in_volume ? "mounted volume is marked read-only"
					    : "container rootfs is marked read-only");
	if (copy_ids && !isempty(value_text(p.c.config, "User"))) {
		r = owner_of(&p, &owner, e);
		if (r < 0)
			return r;
		o.owner = &owner;
	}
	dir = openat(p.obj, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, -errno, "open %s", path);
	r = store_untar(dir, in_fd, &o, e);
	if (r == 0)
		docker_event(d, &p.c, "extract-to-dir", NULL);
	return r;
}

/* --- all of it ------------------------------------------------------------------------------------------------------------------ */

int docker_export(struct docker *d, const char *id, const struct docker_sink *out, struct err *e)
{
	struct pack_opts o = { .clamp_mtime = -1, .uid = -1, .gid = -1, .compression = "none" };
	struct pack_sink sink = { .write = to_sink, .arg = (void *)out };
	_cleanup_row_ struct docker_row c = { 0 };
	_cleanup_close_ int root = -EBADF, dir = -EBADF;
	int r = docker_find(d, id, &c, e);

	if (r < 0)
		return r;
	root = rootfs_open(d->images->layers, c.id, NULL, true, e);
	if (root < 0)
		return root;
	dir = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = dir < 0 ? err_set(e, -errno, "open the root of %s", c.name) : pack_tree(dir, &o, &sink, e);
	if (r == 0)
		docker_event(d, &c, "export", NULL);
	return r;
}

static int put_change(void *arg, enum change kind, const char *path)
{
	struct json *j = arg;

	json_object(j);
	json_kv_string(j, "Path", path);
	json_kv_i64(j, "Kind", kind);
	json_end_object(j);
	return 0;
}

int docker_changes(struct docker *d, const char *id, struct buf *ret, struct err *e)
{
	_cleanup_row_ struct docker_row c = { 0 };
	struct json j;
	int r = docker_find(d, id, &c, e);

	if (r < 0)
		return r;
	json_init(&j, ret, false);
	json_array(&j);
	r = rootfs_changes(d->images->layers, c.id, put_change, &j, e);
	json_end_array(&j);
	return r == 0 ? buf_error(ret, e) : r;
}
