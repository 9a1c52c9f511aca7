/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "image/layers-inner.h"
#include "sys/proc.h"

#define INFO_MAX (2 * DIGEST_MAX + 112)

/* Best first. */
static const struct layer_driver *const drivers[] = { &layer_btrfs, &layer_overlay, &layer_thin, &layer_copy };

static const struct layer_driver *by_name(const char *name)
{
	/* Docker's names for the same. */
	static const char *const others[][2] = { { "overlay2", "overlay" },
						 { "devicemapper", "thin" },
						 { "vfs", "copy" } };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (streq(others[i][0], name))
			name = others[i][1];
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++)
		if (streq(drivers[i]->name, name))
			return drivers[i];
	return NULL;
}

/* What was written down when the first was made; before that was done, whose folder is there. */
static const struct layer_driver *of_old(int dir)
{
	const struct layer_driver *d = NULL;
	char name[16];
	ssize_t n = readlinkat(dir, "driver", name, sizeof(name) - 1);

	name[n > 0 ? n : 0] = '\0';
	if (n > 0)
		d = by_name(name);
	for (size_t i = 0; i < ARRAY_SIZE(drivers) && !d; i++)
		if (file_exists(dir, drivers[i]->name))
			d = drivers[i];
	return d;
}

/* The one by that name; else that which is there; else the first that can be had. */
static int choose(struct layers *l, int fd, const char *name, struct err *e)
{
	l->driver = name ? by_name(name) : of_old(fd);
	if (name && !l->driver)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"storage driver '%.32s': expected overlay, btrfs, thin or copy", name);
	for (size_t i = 0; i < ARRAY_SIZE(drivers) && !l->driver; i++)
		if (drivers[i]->suits && drivers[i]->suits(l->dir, fd))
			l->driver = drivers[i];
	if (!l->driver)
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "%s: no storage driver can be had here", l->dir);
	if (name && l->driver->can)
		return l->driver->can(l, e);
	if (name && !file_exists(fd, l->driver->name) && !l->driver->suits(l->dir, fd))
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "storage driver %s: the file system of %s cannot have it",
				l->driver->name, l->dir);
	return 0;
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

/* What another driver has made. */
static int open_others(struct layers *l, int top, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(drivers); i++) {
		_cleanup_(layers_freep) struct layers *o = NULL;
		int r;

		if (drivers[i] == l->driver || !file_exists(top, drivers[i]->name))
			continue;
		o = calloc(1, sizeof(*o));
		if (!o)
			return err_oom(e);
		*o = (struct layers){ .fd = -EBADF, .roots = -EBADF, .user = l->user, .driver = drivers[i] };
		o->dir = strdup(l->dir);
		if (!o->dir)
			return err_oom(e);
		r = open_dir(top, drivers[i]->name, false, &o->fd, e);
		if (r == 0)
			r = open_dir(top, "roots", false, &o->roots, e);
		if (r < 0)
			return r;
		o->next = l->next;
		l->next = TAKE_PTR(o);
	}
	return 0;
}

static int set_option(struct layers *l, const char *word, struct err *e)
{
	const struct {
		const char *name, *docker;
		uint64_t *size;
	} known[] = { { "thin.pool", "dm.thinpooldev", NULL },
		      { "thin.size", "dm.loopdatasize", &l->thin.size },
		      { "thin.basesize", "dm.basesize", &l->thin.basesize } };
	const char *value = strchr(word, '=');
	size_t n = value ? (size_t)(value - word) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(known) && value; i++) {
		if ((strlen(known[i].name) != n || strncmp(word, known[i].name, n) != 0) &&
		    (strlen(known[i].docker) != n || strncmp(word, known[i].docker, n) != 0))
			continue;
		if (known[i].size)
			return parse_size(value + 1, known[i].size) < 0
				       ? err_kind(e, ERR_INVALID, -EINVAL, "storage option '%.64s': no size", word)
				       : 0;
		free(l->pool);
		l->pool = strdup(value + 1);
		l->thin.pool = l->pool;
		return l->pool ? 0 : err_oom(e);
	}
	return err_kind(e, ERR_INVALID, -EINVAL,
			"storage option '%.64s': expected thin.pool=, thin.size= or thin.basesize=", word);
}

/* "NAME[,OPTION=VALUE]…" */
static int parse_driver(struct layers *l, const char *said, struct strv *words, struct err *e)
{
	int r = isempty(said) ? 0 : strv_split(words, said, ",", e);

	for (size_t i = 1; i < words->n && r >= 0; i++)
		r = set_option(l, words->v[i], e);
	return r < 0 ? r : 0;
}

int layers_open(const char *dir, const char *driver, struct db *db, bool do_make, struct layers **ret, struct err *e)
{
	_cleanup_(layers_freep) struct layers *l = calloc(1, sizeof(*l));
	_cleanup_strv_ struct strv words = STRV_INIT;
	_cleanup_close_ int top = -EBADF;
	int r;

	if (!l)
		return err_oom(e);
	l->fd = l->roots = -EBADF;
	l->user = !proc_host_root();
	l->dir = strdup(dir);
	if (!l->dir)
		return err_oom(e);
	r = parse_driver(l, driver, &words, e);
	if (r == 0 && do_make)
		r = dir_make_all(dir, 0700, e);
	if (r < 0)
		return r;
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (top < 0 && errno == ENOENT)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there are no layers at %s", dir);
	if (top < 0)
		return err_set(e, -errno, "open %s", dir);
	r = choose(l, top, words.n ? words.v[0] : NULL, e);
	if (r == 0)
		r = open_dir(top, l->driver->name, do_make, &l->fd, e);
	if (r == 0)
		r = open_dir(top, "roots", do_make, &l->roots, e);
	if (r == 0 && do_make && symlinkat(l->driver->name, top, "driver") < 0 && errno != EEXIST)
		r = err_set(e, -errno, "write down the storage driver of %s", dir);
	if (r == 0 && do_make)
		r = make_bottom(l, e);
	if (r == 0)
		r = open_others(l, top, e);
	if (r == 0)
		*ret = TAKE_PTR(l);
	return r;
}

struct layers *layers_free(struct layers *l)
{
	if (!l)
		return NULL;
	layers_free(l->next);
	fd_close(l->fd);
	fd_close(l->roots);
	free(l->pool);
	free(l->dir);
	free(l);
	return NULL;
}

int layers_figures(struct layers *l, void (*fn)(void *arg, const char *name, const char *value), void *arg,
		   struct err *e)
{
	return l->driver->figures ? l->driver->figures(l, fn, arg, e) : 0;
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

/* Whoever has it. */
static int info_of_any(struct layers *l, const char *chain, struct layer_info *ret, struct err *e)
{
	int r = layer_info_read(l, chain, ret, e);

	for (l = l->next; l && r == -ENOENT; l = l->next) {
		err_clear(e);
		r = layer_info_read(l, chain, ret, e);
	}
	return r;
}

int layer_size(struct layers *l, const char *chain, uint64_t *ret, struct err *e)
{
	struct layer_info i;
	int r = info_of_any(l, chain, &i, e);

	if (r == 0)
		*ret = i.disk;
	return r;
}

int layer_bytes(struct layers *l, const char *chain, uint64_t *ret, struct err *e)
{
	struct layer_info i;
	int r = info_of_any(l, chain, &i, e);

	if (r == 0)
		*ret = i.bytes;
	return r;
}

int layer_bytes_all(struct layers *l, const char *chain, uint64_t *ret, struct err *e)
{
	*ret = 0;
	for (; l; l = l->next) {
		struct layer_info i;
		int r = layer_info_read(l, chain, &i, e);

		if (r == 0)
			*ret += i.bytes;
		/* One that is lost takes no place. */
		else if (r == -ENOENT)
			err_clear(e);
		else
			return r;
	}
	return 0;
}

int layer_parent(struct layers *l, const char *chain, char ret[static DIGEST_MAX], struct err *e)
{
	struct layer_info i;
	int r = info_of_any(l, chain, &i, e);

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
	return l->driver->remove(l, l->fd, path, name, e);
}

/* Renamed first: from then on nobody has it, whenever we are killed. */
static int remove_layer(struct layers *l, const char *chain, struct err *e)
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

int layers_remove(struct layers *l, const char *chain, struct err *e)
{
	int r = 0;

	for (; l && r == 0; l = l->next)
		r = remove_layer(l, chain, e);
	return r;
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

static int each_layer(struct layers *l, int (*fn)(void *arg, const char *chain), void *arg, struct err *e)
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

int layers_each(struct layers *l, int (*fn)(void *arg, const char *chain), void *arg, struct err *e)
{
	int r = 0;

	for (; l && r == 0; l = l->next)
		r = each_layer(l, fn, arg, e);
	return r;
}

/* What is half made and nobody works on, and what is half removed. */
static int sweep_layers(struct layers *l, struct err *e)
{
	_cleanup_(closedirp) DIR *d = list(l->fd);
	struct dirent *x;
	int r = 0;

	if (!d)
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
	return r;
}

int layers_sweep(struct layers *l, struct err *e)
{
	_cleanup_(closedirp) DIR *roots = list(l->roots);
	struct dirent *x;
	int r = 0;

	if (!roots)
		return err_set(e, -errno, "list %s", l->dir);
	while (r == 0 && (x = readdir(roots)))
		if (startswith(x->d_name, ".gone-") || startswith(x->d_name, ".new-"))
			r = root_destroy(l, x->d_name, e);
	for (; l && r == 0; l = l->next) {
		r = sweep_layers(l, e);
		if (r == 0 && l->driver->idle)
			r = l->driver->idle(l, e);
	}
	return r;
}

/* --- looking again ---------------------------------------------------------------------------------------------------- */

bool layer_sound(struct layers *l, const char *chain)
{
	struct layer_info i;
	char is[DIGEST_MAX];

	if (layer_info_read(l, chain, &i, NULL) < 0)
		return false;
	chain_id(i.parent[0] ? i.parent : NULL, i.diff, is);
	return streq(is, chain) && layers_have(l, chain) && l->driver->sound(l, l->fd, digest_hex(chain)) &&
	       (!i.parent[0] || !l->driver->over || file_exists(l->fd, digest_hex(i.parent)));
}

static bool is_locked(int dir, const char *name)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;
}

static void stray_in(int dir, const char *where, void (*fn)(void *arg, const char *what), void *arg)
{
	_cleanup_(closedirp) DIR *d = list(dir);
	struct dirent *x;
	char text[300];

	while (d && (x = readdir(d))) {
		if ((!startswith(x->d_name, ".new-") && !startswith(x->d_name, ".gone-") &&
		     !startswith(x->d_name, ".bottom-")) ||
		    is_locked(dir, x->d_name))
			continue;
		snprintf(text, sizeof(text), "%s/%.255s", where, x->d_name);
		fn(arg, text);
	}
}

int layers_stray(struct layers *l, bool repair, void (*fn)(void *arg, const char *what), void *arg, struct err *e)
{
	struct layers *all = l;
	int r = 0;

	stray_in(l->roots, "roots", fn, arg);
	for (; l && r == 0; l = l->next) {
		stray_in(l->fd, l->driver->name, fn, arg);
		if (l->driver->stray)
			r = l->driver->stray(l, repair, fn, arg, e);
	}
	return r < 0 || !repair ? r : layers_sweep(all, e);
}

int rootfs_each(struct layers *l, int (*fn)(void *arg, const char *id), void *arg, struct err *e)
{
	_cleanup_(closedirp) DIR *d = list(l->roots);
	struct dirent *x;
	int r = 0;

	if (!d)
		return err_set(e, -errno, "list %s/roots", l->dir);
	while (r == 0 && (x = readdir(d)))
		if (x->d_name[0] != '.')
			r = fn(arg, x->d_name);
	return r;
}

bool rootfs_sound(struct layers *l, const char *id)
{
	_cleanup_strv_ struct strv stack = STRV_INIT;
	char chain[DIGEST_MAX];

	if (root_find(&l, id, chain, NULL) < 0 || !l->driver->sound(l, l->roots, id))
		return false;
	/* Others have all of it in their own. */
	if (!l->driver->over || !*chain)
		return true;
	if (layer_stack(l, chain, &stack, NULL) < 0)
		return false;
	for (size_t i = 0; i < stack.n; i++)
		if (!layer_sound(l, stack.v[i]))
			return false;
	return true;
}
