/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pack.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/codec.h"
#include "image/tar-write.h"
#include "image/walk.h"
#include "store/tar-read.h"

#define DATA_SIZE   (256u << 10)
#define XATTR_NAMES (64u << 10)
#define XATTR_VALUE (64u << 10)

/* The first name of each file that has several. */
struct first {
	dev_t dev;
	ino_t ino;
	char *name;
};

struct packer {
	const struct pack_opts *o;
	struct tar_writer *t;
	char *data, *names, *values;
	struct first *firsts; /* open addressing; NAME NULL: free */
	size_t n_firsts, cap_firsts;
	struct buf path;
};

static const struct pack_opts defaults = { .clamp_mtime = -1, .uid = -1, .gid = -1 };

static int packer_init(struct packer *p, const struct pack_opts *o, const struct pack_sink *out, struct err *e)
{
	*p = (struct packer){ .o = o ?: &defaults };
	p->data = malloc(DATA_SIZE);
	p->names = malloc(XATTR_NAMES);
	p->values = malloc(XATTR_VALUE);
	if (!p->data || !p->names || !p->values)
		return err_oom(e);
	return tar_writer_new(out, &p->t, e);
}

static void packer_done(struct packer *p)
{
	tar_writer_free(p->t);
	free(p->data);
	free(p->names);
	free(p->values);
	for (size_t i = 0; i < p->cap_firsts; i++)
		free(p->firsts[i].name);
	free(p->firsts);
	buf_done(&p->path);
}

/* --- hard links ------------------------------------------------------------------------------------------------------- */

static struct first *slot_of(struct first *v, size_t cap, dev_t dev, ino_t ino)
{
	size_t i = (size_t)((ino * 0x9e3779b97f4a7c15u) >> 20) & (cap - 1);

	while (v[i].name && (v[i].ino != ino || v[i].dev != dev))
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static int grow_firsts(struct packer *p)
{
	size_t cap = p->cap_firsts ? p->cap_firsts * 2 : 256;
	struct first *v = calloc(cap, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < p->cap_firsts; i++)
		if (p->firsts[i].name)
			*slot_of(v, cap, p->firsts[i].dev, p->firsts[i].ino) = p->firsts[i];
	free(p->firsts);
	p->firsts = v;
	p->cap_firsts = cap;
	return 0;
}

/* The name under which this file is in the archive already; NULL: under none, and this is it. */
static int first_name(struct packer *p, const struct stat *st, const char *name, const char **ret, struct err *e)
{
	struct first *f;

	*ret = NULL;
	if (st->st_nlink < 2)
		return 0;
	if (p->n_firsts * 2 >= p->cap_firsts && grow_firsts(p) < 0)
		return err_oom(e);
	f = slot_of(p->firsts, p->cap_firsts, st->st_dev, st->st_ino);
	*ret = f->name;
	if (f->name)
		return 0;
	*f = (struct first){ st->st_dev, st->st_ino, strdup(name) };
	p->n_firsts++;
	return f->name ? 0 : err_oom(e);
}

/* --- one object ------------------------------------------------------------------------------------------------------- */

static bool wanted_xattr(const char *name)
{
	return streq(name, "security.capability") || (startswith(name, "user.") && !startswith(name, "user.overlay."));
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct tar_xattr *)a)->name, ((const struct tar_xattr *)b)->name);
}

/* Those that mean the same on another machine. */
static size_t read_xattrs(struct packer *p, int fd, struct tar_xattr *ret)
{
	ssize_t len = p->o->no_xattrs ? 0 : flistxattr(fd, p->names, XATTR_NAMES);
	size_t n = 0, used = 0;

	for (ssize_t at = 0; at < len && n < TAR_XATTRS_MAX; at += (ssize_t)strlen(p->names + at) + 1) {
		ssize_t k;

		if (!wanted_xattr(p->names + at))
			continue;
		k = fgetxattr(fd, p->names + at, p->values + used, XATTR_VALUE - used);
		if (k < 0)
			continue;
		ret[n++] = (struct tar_xattr){ p->names + at, p->values + used, (size_t)k };
		used += (size_t)k;
	}
	if (n)
		qsort(ret, n, sizeof(*ret), by_name);
	return n;
}

static int put_piece(struct packer *p, int fd, uint64_t at, uint64_t end, struct err *e)
{
	while (at < end) {
		size_t n = end - at < DATA_SIZE ? (size_t)(end - at) : DATA_SIZE;
		ssize_t k = pread(fd, p->data, n, (off_t)at);
		int r;

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_set(e, -errno, "read /%s", buf_str(&p->path));
		/* It was cut short meanwhile. */
		r = k ? tar_put_data(p->t, p->data, (size_t)k, e) : tar_put_zeroes(p->t, end - at, e);
		if (r < 0 || !k)
			return r;
		at += (uint64_t)k;
	}
	return 0;
}

/* Holes are not read. */
static int put_file(struct packer *p, int fd, const struct stat *st, struct err *e)
{
	uint64_t at = 0, size = (uint64_t)st->st_size;
	int r = 0;

	if ((uint64_t)st->st_blocks * 512 >= size)
		return put_piece(p, fd, 0, size, e);
	while (at < size && r == 0) {
		off_t data = lseek(fd, (off_t)at, SEEK_DATA), hole;

		if (data < 0 && errno != ENXIO)
			return put_piece(p, fd, at, size, e);
		if (data < 0 || (uint64_t)data > size)
			data = (off_t)size;
		r = tar_put_zeroes(p->t, (uint64_t)data - at, e);
		at = (uint64_t)data;
		hole = at < size ? lseek(fd, data, SEEK_HOLE) : data;
		if (hole < 0 || (uint64_t)hole > size)
			hole = (off_t)size;
		if (r == 0)
			r = put_piece(p, fd, at, (uint64_t)hole, e);
		at = (uint64_t)hole;
	}
	return r;
}

static void set_header(const struct packer *p, const struct stat *st, struct tar_out *h)
{
	h->mode = st->st_mode & 07777;
	h->uid = p->o->uid >= 0 ? (uint32_t)p->o->uid : st->st_uid;
	h->gid = p->o->gid >= 0 ? (uint32_t)p->o->gid : st->st_gid;
	h->mtime = st->st_mtim.tv_sec;
	if (p->o->clamp_mtime >= 0 && h->mtime > p->o->clamp_mtime)
		h->mtime = p->o->clamp_mtime;
}

static int put_open(struct packer *p, int dir, const char *name, struct tar_out *h, struct err *e)
{
	bool is_dir = h->type == '5';
	_cleanup_close_ int fd =
		openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | (is_dir ? O_DIRECTORY : 0));
	struct tar_xattr xattrs[TAR_XATTRS_MAX];
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "open /%s", buf_str(&p->path));
	if (!is_dir && !S_ISREG(st.st_mode))
		return 0;
	set_header(p, &st, h);
	h->size = is_dir ? 0 : (uint64_t)st.st_size;
	r = tar_put_full(p->t, h, xattrs, read_xattrs(p, fd, xattrs), e);
	return r == 0 && !is_dir ? put_file(p, fd, &st, e) : r;
}

static int put_link(struct packer *p, int dir, const char *name, struct tar_out *h, struct err *e)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dir, name, target, sizeof(target) - 1);
	int r;

	if (n < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "read the link /%s", buf_str(&p->path));
	target[n] = '\0';
	h->type = '2';
	h->link = target;
	r = tar_put(p->t, h, e);
	h->link = NULL;
	return r;
}

/* The entry for p->path, which is NAME of DIR. What has gone meanwhile, and sockets, have none. */
static int put_object(struct packer *p, int dir, const char *name, const struct stat *st, struct err *e)
{
	_cleanup_free_ char *full = NULL;
	struct tar_out h = { 0 };
	const char *first = NULL;
	int r;

	if (asprintf(&full, "%s%s%s", p->o->prefix ?: "", buf_str(&p->path), S_ISDIR(st->st_mode) ? "/" : "") < 0) {
		full = NULL;
		return err_oom(e);
	}
	h.name = full;
	set_header(p, st, &h);
	r = S_ISDIR(st->st_mode) ? 0 : first_name(p, st, full, &first, e);
	if (r < 0)
		return r;
	if (first) {
		h.type = '1';
		h.link = first;
		return tar_put(p->t, &h, e);
	}
	switch (st->st_mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
		h.type = S_ISDIR(st->st_mode) ? '5' : '0';
		return put_open(p, dir, name, &h, e);
	case S_IFLNK:
		return put_link(p, dir, name, &h, e);
	case S_IFCHR:
	case S_IFBLK:
		h.type = S_ISCHR(st->st_mode) ? '3' : '4';
		h.dev_major = major(st->st_rdev);
		h.dev_minor = minor(st->st_rdev);
		return tar_put(p->t, &h, e);
	case S_IFIFO:
		h.type = '6';
		return tar_put(p->t, &h, e);
	default:
		return 0;
	}
}

/* --- a whole tree ----------------------------------------------------------------------------------------------------- */

static int pack_below(struct packer *p, int dir, unsigned depth, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = dir_names(dir, &names, e);

	if (depth > WALK_DEPTH)
		return err_kind(e, ERR_LIMIT, -ELOOP, "folders more than %d deep", WALK_DEPTH);
	for (size_t i = 0; i < names.n && r == 0; i++) {
		_cleanup_close_ int fd = -EBADF;
		size_t was = p->path.len;
		struct stat st;

		if (fstatat(dir, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (was)
			buf_putc(&p->path, '/');
		buf_puts(&p->path, names.v[i]);
		r = buf_error(&p->path, e);
		if (r == 0)
			r = put_object(p, dir, names.v[i], &st, e);
		if (r == 0 && S_ISDIR(st.st_mode)) {
			fd = openat(dir, names.v[i], O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			r = fd < 0 ? err_set(e, -errno, "open /%s", buf_str(&p->path))
				   : pack_below(p, fd, depth + 1, e);
		}
		p->path.len = was;
		p->path.data[was] = '\0';
	}
	return r;
}

int pack_tree(int root_fd, const struct pack_opts *o, const struct pack_sink *out, struct err *e)
{
	_cleanup_(packer_done) struct packer p;
	int r = packer_init(&p, o, out, e);

	if (r == 0)
		r = pack_below(&p, root_fd, 0, e);
	return r == 0 ? tar_end(p.t, e) : r;
}

/* --- a container's changes -------------------------------------------------------------------------------------------- */

static int put_whiteout(struct packer *p, const char *path, struct err *e)
{
	_cleanup_free_ char *name = NULL;
	const char *slash = strrchr(path, '/');
	int n = slash ? (int)(slash - path) + 1 : 0;

	if (asprintf(&name, "%s%.*s.wh.%s", p->o->prefix ?: "", n, path, path + n) < 0) {
		name = NULL;
		return err_oom(e);
	}
	return tar_put(p->t, &(struct tar_out){ .name = name, .type = '0' }, e);
}

static int put_change(void *arg, const struct walk_entry *w, struct err *e)
{
	struct packer *p = arg;

	if (w->kind == CHANGE_DELETED)
		return put_whiteout(p, w->path, e);
	buf_reset(&p->path);
	buf_puts(&p->path, w->path);
	return put_object(p, w->dir, w->name, &w->st, e);
}

/* Tar bytes on their way: hashed, compressed, into the store. */
struct layer_out {
	struct hasher *hash;
	struct deflate *z;
	struct blob_writer *blob;
	struct err err;
};

static int to_deflate(void *arg, const void *data, size_t len)
{
	struct layer_out *o = arg;

	hasher_add(o->hash, data, len);
	return deflate_add(o->z, data, len, &o->err);
}

static int to_blob(void *arg, const void *data, size_t len)
{
	struct layer_out *o = arg;

	return blob_write(o->blob, data, len, &o->err);
}

static void layer_out_done(struct layer_out *o)
{
	hasher_free(o->hash);
	deflate_free(o->z);
	blob_writer_free(o->blob);
}

static const char *layer_type(const char *compression)
{
	if (!compression || streq(compression, "gzip"))
		return MT_OCI_LAYER_GZ;
	return streq(compression, "zstd") ? MT_OCI_LAYER_ZST : MT_OCI_LAYER;
}

int pack_stream(struct blobs *b, const char *compression, int level,
		int (*fill)(void *arg, const struct pack_sink *out, struct err *e), void *arg, struct descriptor *ret,
		char ret_diff[static DIGEST_MAX], struct err *e)
{
	_cleanup_(layer_out_done) struct layer_out o = { 0 };
	struct pack_sink tar = { to_deflate, &o }, packed = { to_blob, &o };
	char key[64];
	int r;

	snprintf(key, sizeof(key), "pack-%d-%p", (int)gettid(), (void *)&o);
	r = hasher_new(NULL, &o.hash, e);
	if (r == 0)
		r = blob_begin(b, key, false, &o.blob, NULL, e);
	if (r == 0)
		r = deflate_new(compression, level, &packed, &o.z, e);
	if (r == 0)
		r = fill(arg, &tar, e);
	if (r == 0)
		r = deflate_end(o.z, e);
	if (r < 0 && o.err.code && e)
		*e = o.err;
	if (r == 0) {
		*ret = (struct descriptor){ .size = blob_written(o.blob),
					    .media_type = strdup(layer_type(compression)) };
		hasher_end(o.hash, ret_diff);
		r = ret->media_type ? blob_commit(o.blob, NULL, ret->digest, e) : err_oom(e);
	} else if (o.blob) {
		blob_drop(o.blob);
	}
	return r;
}

struct changes_of {
	struct layers *l;
	const char *id;
	const struct pack_opts *o;
};

static int fill_changes(void *arg, const struct pack_sink *out, struct err *e)
{
	_cleanup_(packer_done) struct packer p;
	const struct changes_of *c = arg;
	int r = packer_init(&p, c->o, out, e);

	if (r == 0)
		r = walk_changes(c->l, c->id, put_change, &p, e);
	return r == 0 ? tar_end(p.t, e) : r;
}

int pack_changes(struct layers *l, const char *id, struct blobs *b, const struct pack_opts *o, struct descriptor *ret,
		 char ret_diff[static DIGEST_MAX], struct err *e)
{
	struct changes_of c = { l, id, o };

	return pack_stream(b, o ? o->compression : NULL, o ? o->level : 0, fill_changes, &c, ret, ret_diff, e);
}
