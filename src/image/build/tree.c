/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/strv.h"
#include "image/build/glob.h"
#include "image/build/tree.h"
#include "store/copy.h"
#include "sys/inroot.h"

#define FILES_MAX (16u << 20)

/* --- one walk for all ------------------------------------------------------------------------------------------------------ */

struct item {
	int dir_fd;	  /* of the folder it is in; AT_FDCWD never */
	const char *name; /* there */
	const char *rel;  /* below what is walked, "" itself */
	const struct stat *st;
};

struct walk {
	const struct tree_source *s;
	const struct ignore *exclude;
	/* AFTER: a folder's second time, its contents done. 1: do not go in. */
	int (*fn)(void *arg, const struct item *it, bool after, struct err *e);
	void *arg;
	unsigned depth;
	size_t files;
};

static int join(char *out, const char *a, const char *b, struct err *e)
{
	int n = snprintf(out, TREE_PATH_MAX, "%s%s%s", a, *a && *b ? "/" : "", b);

	return n >= TREE_PATH_MAX ? err_kind(e, ERR_LIMIT, -ENAMETOOLONG, "%.100s…: path is too long", a) : 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int no_dots(const struct dirent *d)
{
	return !streq(d->d_name, ".") && !streq(d->d_name, "..");
}

static int walk_item(struct walk *w, int dir_fd, const char *name, const char *full, const char *rel, struct err *e);

static int walk_dir(struct walk *w, int fd, const char *full, const char *rel, struct err *e)
{
	struct dirent **names;
	int n = scandirat(fd, ".", &names, no_dots, by_name), r = 0;

	if (n < 0)
		return err_set(e, -errno, "read folder %s", full);
	for (int i = 0; i < n; i++) {
		char below[TREE_PATH_MAX], sub[TREE_PATH_MAX];

		if (r >= 0)
			r = join(below, full, names[i]->d_name, e);
		if (r >= 0)
			r = join(sub, rel, names[i]->d_name, e);
		if (r >= 0)
			r = walk_item(w, fd, names[i]->d_name, below, sub, e);
		free(names[i]);
	}
	free(names);
	return r < 0 ? r : 0;
}

/* What is left out; a folder of it is gone into all the same where something in it may be wanted again. */
static bool left_out(const struct walk *w, const char *full, const char *rel, bool is_dir, bool *look_in)
{
	bool a = w->s->ignore && *full && ignore_match(w->s->ignore, full);
	bool b = w->exclude && *rel && ignore_match(w->exclude, rel);

	*look_in = is_dir && ((a && w->s->ignore->exceptions) || (b && w->exclude->exceptions)) &&
		   !(a && !w->s->ignore->exceptions) && !(b && !w->exclude->exceptions);
	return a || b;
}

static int walk_item(struct walk *w, int dir_fd, const char *name, const char *full, const char *rel, struct err *e)
{
	struct item it = { .dir_fd = dir_fd, .name = name, .rel = rel };
	bool look_in, out;
	struct stat st;
	int r = 0;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) < 0)
		return err_set(e, -errno, "stat %s", full);
	if (w->depth >= TREE_DEPTH_MAX || ++w->files > FILES_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s: too deep a tree, or too many files", full);
	it.st = &st;
	out = left_out(w, full, rel, S_ISDIR(st.st_mode), &look_in);
	if (S_ISSOCK(st.st_mode) || (out && !look_in))
		return 0;
	if (!out)
		r = w->fn(w->arg, &it, false, e);
	if (r == 0 && S_ISDIR(st.st_mode)) {
		_cleanup_close_ int fd =
			openat(dir_fd, *name ? name : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			return err_set(e, -errno, "open folder %s", full);
		w->depth++;
		r = walk_dir(w, fd, full, rel, e);
		w->depth--;
		if (r >= 0 && !out)
			r = w->fn(w->arg, &it, true, e);
	}
	return r < 0 ? r : 0;
}

/* PATH itself: a link there is followed, inside of the root. */
static int walk(struct walk *w, const char *path, struct err *e)
{
	_cleanup_close_ int fd = inroot_open_path(w->s->root_fd, *path ? path : "/", 0);

	if (fd < 0)
		return err_set(e, fd, "%s", path);
	return walk_item(w, fd, "", path, "", e);
}

/* --- finding ---------------------------------------------------------------------------------------------------------------- */

struct find {
	struct walk w;
	struct glob glob;
	unsigned depth; /* of the pattern; 0: of any, there is a ** in it */
	struct strv *ret;
};

static int find_item(void *arg, const struct item *it, bool after, struct err *e)
{
	struct find *f = arg;
	unsigned depth = 1;
	int r = 0;

	if (after || !*it->rel)
		return 0;
	for (const char *c = it->rel; *c; c++)
		depth += *c == '/';
	if (f->depth && depth < f->depth)
		return 0;
	if (!glob_match(&f->glob, it->rel))
		return f->depth > 0;
	/* What is in it comes along. */
	r = strv_push(f->ret, it->rel, e);
	return r < 0 ? r : 1;
}

int tree_find(const struct tree_source *s, const char *pattern, struct strv *ret, struct err *e)
{
	_cleanup_free_ char *rooted = NULL, *clean = NULL;
	const char *path;
	int r;

	if (asprintf(&rooted, "/%s", pattern) < 0) {
		rooted = NULL;
		return err_oom(e);
	}
	clean = path_clean(rooted);
	if (!clean)
		return err_oom(e);
	path = clean + 1;
	if (strpbrk(path, "*?[\\")) {
		struct find f = { .w = { .s = s, .fn = find_item }, .depth = 1, .ret = ret };

		for (const char *c = path; *c; c++)
			f.depth += *c == '/';
		if (strstr(path, "**"))
			f.depth = 0;
		f.w.arg = &f;
		r = glob_path(&f.glob, path, e);
		if (r >= 0)
			r = walk(&f.w, "", e);
		glob_done(&f.glob);
		return r;
	}
	if (*path && s->ignore && ignore_match(s->ignore, path) && !s->ignore->exceptions)
		r = -ENOENT;
	else
		r = inroot_open_path(s->root_fd, *path ? path : "/", 0);
	if (r == -ENOENT || r == -ENOTDIR)
		return err_kind(
			e, ERR_NOT_FOUND, -ENOENT,
			"file not found in build context or excluded by .dockerignore: stat %s: file does not exist",
			path);
	if (r < 0)
		return err_set(e, r, "%s", path);
	fd_close(r);
	return strv_push(ret, path, e);
}

/* --- hashing ----------------------------------------------------------------------------------------------------------------- */

struct hashing {
	struct walk w;
	struct hasher *h;
	const struct tree_copy *o;
	char *data;
};

#define DATA_MAX (256u << 10)

static void hash_text(struct hasher *h, const char *s)
{
	hasher_add(h, s, strlen(s) + 1);
}

static int hash_data(struct hashing *g, const struct item *it, struct err *e)
{
	_cleanup_close_ int fd = *it->name
					 ? openat(it->dir_fd, it->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
					 : inroot_reopen(it->dir_fd, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return err_set(e, fd == -1 ? -errno : fd, "open %s", *it->rel ? it->rel : "the source");
	while ((n = fd_read_full(fd, g->data, DATA_MAX)) > 0)
		hasher_add(g->h, g->data, (size_t)n);
	return n < 0 ? err_set(e, (int)n, "read %s", it->rel) : 0;
}

/* File capabilities change what a program may do. */
static void hash_caps(struct hashing *g, const struct item *it)
{
	char path[FD_PATH_MAX + NAME_MAX + 2], dir[FD_PATH_MAX], value[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%s%s%s", fd_path(it->dir_fd, dir), *it->name ? "/" : "", it->name);
	n = *it->name ? lgetxattr(path, "security.capability", value, sizeof(value))
		      : getxattr(path, "security.capability", value, sizeof(value));
	if (n > 0) {
		hash_text(g->h, "capability");
		hasher_add(g->h, value, (size_t)n);
	}
}

static int hash_item(void *arg, const struct item *it, bool after, struct err *e)
{
	struct hashing *g = arg;
	const struct stat *st = it->st;
	char head[160];

	if (after)
		return 0;
	snprintf(head, sizeof(head), "%o %u %u %llu %llu", st->st_mode, g->w.s->keep_owner ? st->st_uid : 0,
		 g->w.s->keep_owner ? st->st_gid : 0, S_ISREG(st->st_mode) ? (unsigned long long)st->st_size : 0,
		 S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode) ? (unsigned long long)st->st_rdev : 0);
	hash_text(g->h, it->rel);
	hash_text(g->h, head);
	if (S_ISLNK(st->st_mode)) {
		char target[TREE_PATH_MAX];
		ssize_t n = readlinkat(it->dir_fd, it->name, target, sizeof(target) - 1);

		if (n < 0)
			return err_set(e, -errno, "read link %s", it->rel);
		target[n] = '\0';
		hash_text(g->h, target);
	}
	if (!S_ISREG(st->st_mode))
		return 0;
	hash_caps(g, it);
	return hash_data(g, it, e);
}

int tree_hash(const struct tree_source *s, const char *path, const struct tree_copy *o, struct hasher *h, struct err *e)
{
	_cleanup_free_ char *data = malloc(DATA_MAX);
	struct hashing g = {
		.w = { .s = s, .exclude = o ? o->exclude : NULL, .fn = hash_item }, .h = h, .o = o, .data = data
	};

	if (!data)
		return err_oom(e);
	g.w.arg = &g;
	return walk(&g.w, path, e);
}

/* --- copying ----------------------------------------------------------------------------------------------------------------- */

struct copying {
	struct walk w;
	int root;
	const char *dest;
	const struct tree_copy *o;
	struct copy_caps caps;
	struct copy_bufs bufs;
};

static mode_t who_bits(const char **p)
{
	mode_t who = 0;

	for (; **p && strchr("ugoa", **p); (*p)++)
		who |= **p == 'u' ? 04700 : **p == 'g' ? 02070 : **p == 'o' ? 01007 : 07777;
	return who ?: 07777;
}

static mode_t what_bits(const char **p, mode_t old, bool is_dir)
{
	mode_t bits = 0;

	for (; **p && strchr("rwxXst", **p); (*p)++)
		bits |= **p == 'r'   ? 0444
			: **p == 'w' ? 0222
			: **p == 'x' ? 0111
			: **p == 'X' ? (is_dir || (old & 0111) ? 0111 : 0)
			: **p == 's' ? 06000
				     : 01000;
	return bits;
}

int tree_mode(const char *text, mode_t old, bool is_dir, mode_t *ret, struct err *e)
{
	mode_t mode = old & 07777;
	const char *p = text;
	uint32_t octal;

	if (parse_octal(text, &octal) >= 0 && octal <= 07777) {
		*ret = octal;
		return 0;
	}
	for (;;) {
		mode_t who = who_bits(&p), bits;
		char op = *p;

		if (!op || !strchr("+-=", op))
			return err_kind(e, ERR_INVALID, -EINVAL,
					"invalid chmod parameter: '%.60s'. it should be octal or symbolic", text);
		p++;
		bits = what_bits(&p, mode, is_dir) & who;
		mode = op == '+' ? mode | bits : op == '-' ? mode & ~bits : (mode & ~who) | bits;
		if (!*p)
			break;
		if (*p++ != ',')
			return err_kind(e, ERR_INVALID, -EINVAL,
					"invalid chmod parameter: '%.60s'. it should be octal or symbolic", text);
	}
	*ret = mode;
	return 0;
}

/* What the copy shall have. */
static int wanted(const struct copying *c, const struct stat *st, struct stat *ret, struct err *e)
{
	mode_t mode = st->st_mode & 07777;
	int r = 0;

	*ret = *st;
	if (c->o->chmod && !S_ISLNK(st->st_mode))
		r = tree_mode(c->o->chmod, mode, S_ISDIR(st->st_mode), &mode, e);
	ret->st_mode = (st->st_mode & S_IFMT) | mode;
	ret->st_uid = c->o->uid >= 0 ? (uid_t)c->o->uid : c->w.s->keep_owner ? st->st_uid : 0;
	ret->st_gid = c->o->gid >= 0 ? (gid_t)c->o->gid : c->w.s->keep_owner ? st->st_gid : 0;
	return r;
}

/* The place of a new object: nothing stands there afterwards. fd of its folder. */
static int clear_place(struct copying *c, const char *path, const char **name, struct err *e)
{
	_cleanup_close_ int dir = inroot_open_parent(c->root, path, true, name);
	struct stat st;

	if (dir < 0)
		return err_set(e, dir, "make the folder of %s", path);
	if (fstatat(dir, *name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return TAKE_FD(dir);
	if (S_ISDIR(st.st_mode))
		return err_kind(e, ERR_STATE, -EISDIR, "cannot copy to %s: it is a directory", path);
	if (unlinkat(dir, *name, 0) < 0)
		return err_set(e, -errno, "replace %s", path);
	return TAKE_FD(dir);
}

static int copy_file(struct copying *c, const struct item *it, const struct stat *want, const char *path, struct err *e)
{
	const char *name;
	_cleanup_close_ int dir = clear_place(c, path, &name, e);
	_cleanup_close_ int src = -EBADF, dst = -EBADF;
	int r;

	if (dir < 0)
		return dir;
	src = *it->name ? openat(it->dir_fd, it->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)
			: inroot_reopen(it->dir_fd, O_RDONLY);
	if (src < 0)
		return err_set(e, src == -1 ? -errno : src, "open %s", it->rel);
	dst = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (dst < 0)
		return err_set(e, -errno, "make %s", path);
	r = copy_data(src, dst, it->st, &c->caps, &c->bufs);
	if (r >= 0)
		r = copy_meta_fd(src, dst, want, &c->caps, &c->bufs);
	return r < 0 ? err_set(e, r, "copy to %s", path) : 0;
}

static int copy_other(struct copying *c, const struct item *it, const struct stat *want, const char *path,
		      struct err *e)
{
	struct timespec times[2] = { want->st_atim, want->st_mtim };
	const char *name;
	_cleanup_close_ int dir = clear_place(c, path, &name, e);
	char target[TREE_PATH_MAX];
	ssize_t n;
	int r;

	if (dir < 0)
		return dir;
	if (S_ISLNK(want->st_mode)) {
		n = readlinkat(it->dir_fd, it->name, target, sizeof(target) - 1);
		if (n < 0)
			return err_set(e, -errno, "read link %s", it->rel);
		target[n] = '\0';
		r = symlinkat(target, dir, name);
	} else {
		r = mknodat(dir, name, want->st_mode & (S_IFMT | 07777), want->st_rdev);
	}
	if (r < 0 || fchownat(dir, name, want->st_uid, want->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, -errno, "make %s", path);
	if (!S_ISLNK(want->st_mode) && fchmodat(dir, name, want->st_mode & 07777, 0) < 0)
		return err_set(e, -errno, "chmod %s", path);
	utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* Before its contents it is only there; what it looks like comes after them. The folder that is copied into keeps its own. */
static int copy_dir(struct copying *c, const struct item *it, const struct stat *want, const char *path, bool after,
		    struct err *e)
{
	_cleanup_close_ int fd = -EBADF, src = -EBADF;
	int r;

	if (!after) {
		fd = inroot_open_path(c->root, path, 0);
		if (fd >= 0) {
			struct stat st;

			if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
				return 0;
			return err_kind(e, ERR_STATE, -ENOTDIR, "cannot copy to non-directory: %s", path);
		}
		return tree_make_dirs(c->root, path, 0755, want->st_uid, want->st_gid, e);
	}
	if (!*it->rel)
		return 0;
	fd = inroot_open(c->root, path, O_RDONLY | O_DIRECTORY, 0);
	src = openat(it->dir_fd, it->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || src < 0)
		return err_set(e, fd < 0 ? fd : -errno, "open folder %s", path);
	r = copy_meta_fd(src, fd, want, &c->caps, &c->bufs);
	return r < 0 ? err_set(e, r, "copy to %s", path) : 0;
}

static int copy_item(void *arg, const struct item *it, bool after, struct err *e)
{
	struct copying *c = arg;
	char path[TREE_PATH_MAX];
	struct stat want;
	int r = join(path, c->dest, it->rel, e);

	if (r >= 0)
		r = wanted(c, it->st, &want, e);
	if (r < 0)
		return r;
	if (S_ISDIR(want.st_mode))
		return copy_dir(c, it, &want, path, after, e);
	if (S_ISREG(want.st_mode))
		return copy_file(c, it, &want, path, e);
	return copy_other(c, it, &want, path, e);
}

int tree_make_dirs(int root_fd, const char *path, mode_t mode, uid_t uid, gid_t gid, struct err *e)
{
	char part[TREE_PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return err_kind(e, ERR_LIMIT, -ENAMETOOLONG, "%.100s…: path is too long", path);
	/* Each that is not there yet, from the top. */
	for (size_t i = 1; i <= n; i++) {
		_cleanup_close_ int fd = -EBADF, dir = -EBADF;
		int r;

		if (i < n && path[i] != '/')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		fd = inroot_open_path(root_fd, part, 0);
		if (fd >= 0)
			continue;
		if (fd != -ENOENT)
			return err_set(e, fd, "%s", part);
		dir = inroot_make_dirs(root_fd, part, 0755);
		if (dir < 0)
			return err_set(e, dir, "make folder %s", part);
		fd = inroot_reopen(dir, O_RDONLY | O_DIRECTORY);
		r = fd < 0 ? fd : fchown(fd, uid, gid) < 0 || fchmod(fd, mode) < 0 ? -errno : 0;
		if (r < 0)
			return err_set(e, r, "owner of %s", part);
	}
	return 0;
}

int tree_make_dest(int root_fd, const char *path, const struct tree_copy *o, struct err *e)
{
	mode_t mode = 0755;
	int r = o->chmod && isdigit((unsigned char)*o->chmod) ? tree_mode(o->chmod, mode, true, &mode, e) : 0;

	return r < 0 ? r
		     : tree_make_dirs(root_fd, path, mode, o->uid >= 0 ? (uid_t)o->uid : 0,
				      o->gid >= 0 ? (gid_t)o->gid : 0, e);
}

int tree_copy(const struct tree_source *s, const char *path, int dest_root, const char *dest, bool into,
	      const struct tree_copy *o, struct err *e)
{
	struct copying c = { .w = { .s = s, .exclude = o->exclude, .fn = copy_item }, .root = dest_root, .o = o };
	_cleanup_close_ int fd = inroot_open_path(s->root_fd, *path ? path : "/", 0);
	const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	_cleanup_free_ char *full = NULL, *above = NULL;
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, fd < 0 ? fd : -errno, "%s", path);
	if (o->parents) {
		if (asprintf(&full, "%s/%s", dest, strlen(path) >= o->skip ? path + o->skip : path) < 0)
			full = NULL;
	} else {
		full = into && !S_ISDIR(st.st_mode) ? path_join(dest, name) : strdup(dest);
	}
	above = full ? strdup(full) : NULL;
	if (!above)
		return err_oom(e);
	if (strrchr(above, '/'))
		strrchr(above, '/')[strrchr(above, '/') == above] = '\0';
	r = tree_make_dest(dest_root, S_ISDIR(st.st_mode) ? full : above, o, e);
	if (r >= 0)
		r = copy_bufs_init(&c.bufs) < 0 ? err_oom(e) : 0;
	if (r < 0)
		return r;
	c.w.arg = &c;
	c.dest = full;
	c.caps.privileged = false;
	r = walk(&c.w, path, e);
	copy_bufs_done(&c.bufs);
	return r;
}
