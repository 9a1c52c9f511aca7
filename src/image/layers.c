/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/layers-inner.h"
#include "sys/proc.h"

#define INFO_MAX (2 * DIGEST_MAX + 112)

/* Best first. */
static const struct layer_driver *const drivers[] = { &layer_btrfs, &layer_overlay, &layer_copy };

static const struct layer_driver *by_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (streq(drivers[i]->name, name))
			return drivers[i];
	return NULL;
}

/* The one by that name; else that whose folder is there; else the first that can be had. */
static int choose(const char *dir, int fd, const char *name, const struct layer_driver **ret, struct err *e)
{
	*ret = name ? by_name(name) : NULL;
	if (name)
		return *ret ? 0
			    : err_kind(e, ERR_INVALID, -EINVAL,
				       "storage driver '%.32s': expected overlay, btrfs or copy", name);
	for (size_t i = 0; i < ARRAY_SIZE(drivers) && !*ret; i++)
		if (file_exists(fd, drivers[i]->name))
			*ret = drivers[i];
	for (size_t i = 0; i < ARRAY_SIZE(drivers) && !*ret; i++)
		if (drivers[i]->suits(dir, fd))
			*ret = drivers[i];
	return *ret ? 0 : err_kind(e, ERR_MISSING, -EOPNOTSUPP, "%s: no storage driver can be had here", dir);
}

static int open_dir(int at, const char *name, bool make, int *ret, struct err *e)
{
	if (make && mkdirat(at, name, 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "make the folder %s of the layers", name);
	*ret = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return *ret < 0 ? err_set(e, -errno, "open the folder %s of the layers", name) : 0;
}

/* All that is missing of what stands below every root: made beside and renamed, so that nobody sees half of it. */
static int make_bottom(struct layers *l, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	char name[48];
	int r;

	if (!l->driver->over || file_exists(l->fd, ".bottom"))
		return 0;
	snprintf(name, sizeof(name), ".bottom-%d-%p", (int)getpid(), (void *)&fd);
	if (mkdirat(l->fd, name, 0755) < 0 || fchmodat(l->fd, name, 0755, 0) < 0)
		return err_set(e, -errno, "make %s of the layers", name);
	fd = openat(l->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? err_set(e, -errno, "open %s of the layers", name) : bottom_make(fd, e);
	if (r == 0 && renameat2(l->fd, name, l->fd, ".bottom", RENAME_NOREPLACE) == 0)
		return 0;
	r = r < 0 ? r : errno == EEXIST ? 0 : err_set(e, -errno, "put .bottom in place");
	(void)tree_remove(l->fd, name, NULL);
	return r;
}

int layers_open(const char *dir, const char *driver, struct db *db, bool do_make, struct layers **ret, struct err *e)
{
	_cleanup_(layers_freep) struct layers *l = calloc(1, sizeof(*l));
	_cleanup_close_ int top = -EBADF;
	int r;

	if (!l)
		return err_oom(e);
	l->fd = l->roots = -EBADF;
	l->user = !proc_host_root();
	l->dir = strdup(dir);
	if (!l->dir)
		return err_oom(e);
	r = do_make ? dir_make_all(dir, 0700, e) : 0;
	if (r < 0)
		return r;
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 && errno == ENOENT)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there are no layers at %s", dir);
	if (top < 0)
		return err_set(e, -errno, "open %s", dir);
	r = choose(dir, top, driver, &l->driver, e);
	if (r == 0)
		r = open_dir(top, l->driver->name, do_make, &l->fd, e);
	if (r == 0)
		r = open_dir(top, "roots", do_make, &l->roots, e);
	if (r == 0 && do_make)
		r = make_bottom(l, e);
	if (r == 0)
		*ret = TAKE_PTR(l);
	return r;
}

struct layers *layers_free(struct layers *l)
{
	if (!l)
		return NULL;
	fd_close(l->fd);
	fd_close(l->roots);
	free(l->dir);
	free(l);
	return NULL;
}

const char *layers_driver(const struct layers *l)
{
	return l->driver->name;
}

char *layer_path(const struct layers *l, const char *chain)
{
	char *path;

	return asprintf(&path, "%s/%s/%s/t", l->dir, l->driver->name, digest_hex(chain)) < 0 ? NULL : path;
}

/* --- what is known of one --------------------------------------------------------------------------------------------- */

int layer_info_write(int layer_fd, const struct layer_info *i, struct err *e)
{
	char text[INFO_MAX], own[32];

	/* Several may settle one layer at once. */
	snprintf(own, sizeof(own), ".info-%d", (int)gettid());
	snprintf(text, sizeof(text), "%s %s %llu %llu%s%s", i->parent[0] ? i->parent : "-", i->diff,
		 (unsigned long long)i->bytes, (unsigned long long)i->disk, i->boot[0] ? " " : "", i->boot);
	(void)unlinkat(layer_fd, own, 0);
	return symlinkat(text, layer_fd, own) < 0 || renameat(layer_fd, own, layer_fd, "info") < 0
		       ? err_set(e, -errno, "write down a layer")
		       : 0;
}

void layer_info_boot(struct layer_info *i)
{
	char text[64];

	i->boot[0] = '\0';
	/* Without one no layer is taken for one of another. */
	if (file_read_small(AT_FDCWD, "/proc/sys/kernel/random/boot_id", text, sizeof(text)) > 0)
		snprintf(i->boot, sizeof(i->boot), "%.*s", (int)strcspn(text, "\n"), text);
}

int layer_info_read(struct layers *l, const char *chain, struct layer_info *ret, struct err *e)
{
	char path[DIGEST_MAX + 8], text[INFO_MAX];
	unsigned long long bytes, disk;
	struct layer_info i = { 0 };
	ssize_t n;
	int r = digest_check(chain, e);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/info", digest_hex(chain));
	n = readlinkat(l->fd, path, text, sizeof(text) - 1);
	if (n < 0 && errno == ENOENT)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no layer %s", chain);
	if (n < 0)
		return err_set(e, -errno, "read what is known of layer %s", chain);
	text[n] = '\0';
	if (sscanf(text, "%135s %135s %llu %llu %39s", i.parent, i.diff, &bytes, &disk, i.boot) < 4 ||
	    !digest_valid(i.diff) || (!streq(i.parent, "-") && !digest_valid(i.parent)))
		return err_kind(e, ERR_INVALID, -EBADMSG, "layer %s: what is known of it is damaged", chain);
	if (streq(i.parent, "-"))
		i.parent[0] = '\0';
	i.bytes = bytes;
	i.disk = disk;
	*ret = i;
	return 0;
}

bool layers_have(struct layers *l, const char *chain)
{
	struct layer_info i, now;

	if (!digest_valid(chain) || !file_exists(l->fd, digest_hex(chain)))
		return false;
	if (layer_info_read(l, chain, &i, NULL) < 0 || !i.boot[0])
		return true;
	layer_info_boot(&now);
	return streq(i.boot, now.boot);
}

static int settle_one(struct layers *l, const char *chain, bool *synced, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct layer_info i;
	int r = layer_info_read(l, chain, &i, e);

	if (r < 0 || !i.boot[0])
		return r;
	if (!*synced && syncfs(l->fd) < 0)
		return err_set(e, -errno, "write the layers to the disk");
	*synced = true;
	i.boot[0] = '\0';
	fd = openat(l->fd, digest_hex(chain), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_set(e, -errno, "open layer %s", chain) : layer_info_write(fd, &i, e);
}

int layers_settle(struct layers *l, const struct strv *diff_ids, struct err *e)
{
	char chain[DIGEST_MAX] = "", below[DIGEST_MAX];
	bool synced = false;
	int r = 0;

	for (size_t i = 0; i < diff_ids->n && r == 0; i++) {
		memcpy(below, chain, sizeof(below));
		chain_id(i ? below : NULL, diff_ids->v[i], chain);
		r = settle_one(l, chain, &synced, e);
	}
	return r;
}

int layer_stack(struct layers *l, const char *chain, struct strv *ret, struct err *e)
{
	char at[DIGEST_MAX];
	int r = 0;

	snprintf(at, sizeof(at), "%s", chain ?: "");
	while (at[0] && r == 0) {
		struct layer_info i;

		if (ret->n >= MANIFEST_LAYERS)
			return err_kind(e, ERR_LIMIT, -E2BIG, "more than %u layers", MANIFEST_LAYERS);
		r = layer_info_read(l, at, &i, e);
		if (r == 0)
			r = strv_push(ret, at, e);
		if (r == 0)
			memcpy(at, i.parent, sizeof(at));
	}
	return r;
}

int layer_size(struct layers *l, const char *chain, uint64_t *ret, struct err *e)
{
	struct layer_info i;
	int r = layer_info_read(l, chain, &i, e);

	if (r == 0)
		*ret = i.disk;
	return r;
}

int layer_bytes(struct layers *l, const char *chain, uint64_t *ret, struct err *e)
{
	struct layer_info i;
	int r = layer_info_read(l, chain, &i, e);

	if (r == 0)
		*ret = i.bytes;
	return r;
}

int layer_parent(struct layers *l, const char *chain, char ret[static DIGEST_MAX], struct err *e)
{
	struct layer_info i;
	int r = layer_info_read(l, chain, &i, e);

	if (r == 0)
		memcpy(ret, i.parent, sizeof(i.parent));
	return r;
}

/* --- removing --------------------------------------------------------------------------------------------------------- */

static int remove_named(struct layers *l, const char *name, struct err *e)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s/%s", l->dir, l->driver->name, name) < 0) {
		path = NULL;
		return err_oom(e);
	}
	return l->driver->remove(l->fd, path, name, e);
}

/* Renamed first: from then on nobody has it, whenever we are killed. */
int layers_remove(struct layers *l, const char *chain, struct err *e)
{
	char gone[DIGEST_MAX + 32];
	int r = digest_check(chain, e);

	if (r < 0)
		return r;
	snprintf(gone, sizeof(gone), ".gone-%s", digest_hex(chain));
	if (renameat(l->fd, digest_hex(chain), l->fd, gone) < 0) {
		/* Maybe an earlier one was killed behind the renaming. */
		if (errno == ENOENT)
			return file_exists(l->fd, gone) ? remove_named(l, gone, e) : 0;
		/* An earlier one was not removed to its end. */
		r = errno == ENOTEMPTY || errno == EEXIST ? remove_named(l, gone, e) : -errno;
		if (r == 0 && renameat(l->fd, digest_hex(chain), l->fd, gone) < 0)
			r = -errno;
		if (r < 0)
			return err_set(e, r, "remove layer %s", chain);
	}
	return remove_named(l, gone, e);
}

static void closedirp(DIR **d)
{
	if (*d)
		closedir(*d);
}

static DIR *list(int at)
{
	int fd = openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (!d)
		fd_close(fd);
	return d;
}

int layers_each(struct layers *l, int (*fn)(void *arg, const char *chain), void *arg, struct err *e)
{
	_cleanup_(closedirp) DIR *d = list(l->fd);
	struct dirent *x;
	int r = 0;

	if (!d)
		return err_set(e, -errno, "list %s", l->dir);
	while (r == 0 && (x = readdir(d))) {
		char chain[DIGEST_MAX];

		snprintf(chain, sizeof(chain), "%s:%.128s", strlen(x->d_name) > 64 ? "sha512" : "sha256", x->d_name);
		if (digest_valid(chain))
			r = fn(arg, chain);
	}
	return r;
}

/* What is half made and nobody works on, and what is half removed. */
int layers_sweep(struct layers *l, struct err *e)
{
	_cleanup_(closedirp) DIR *d = list(l->fd), *roots = list(l->roots);
	struct dirent *x;
	int r = 0;

	if (!d || !roots)
		return err_set(e, -errno, "list %s", l->dir);
	while (r == 0 && (x = readdir(d))) {
		_cleanup_close_ int fd = -EBADF;

		if (!startswith(x->d_name, ".new-") && !startswith(x->d_name, ".gone-") &&
		    !startswith(x->d_name, ".bottom-"))
			continue;
		fd = openat(l->fd, x->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
			r = remove_named(l, x->d_name, e);
	}
	while (r == 0 && (x = readdir(roots))) {
		_cleanup_free_ char *path = NULL;

		if (!startswith(x->d_name, ".gone-") && !startswith(x->d_name, ".new-"))
			continue;
		path = root_path(l, x->d_name, NULL);
		r = path ? l->driver->remove(l->roots, path, x->d_name, e) : err_oom(e);
	}
	return r;
}
