/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/build/cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/images-inner.h"

#define DEPTH_MAX 64

static const char *const schema[] = {
	"CREATE TABLE build_cache (key TEXT PRIMARY KEY, created TEXT NOT NULL, diff TEXT NOT NULL, blob TEXT NOT NULL,"
	" media TEXT NOT NULL, size INTEGER NOT NULL)",
	"ALTER TABLE build_cache ADD COLUMN chain TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE build_cache ADD COLUMN text TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE build_cache ADD COLUMN made INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE build_cache ADD COLUMN used INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE build_cache ADD COLUMN uses INTEGER NOT NULL DEFAULT 0",
	NULL,
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void cached_done(struct cached *c)
{
	free(c->created);
	free(c->media_type);
	*c = (struct cached){ 0 };
}

int cache_open(struct images *s, struct err *e)
{
	return db_schema(s->db, "build", schema, e);
}

struct reading {
	struct cached *c;
	struct err *e;
};

static int read_row(void *arg, const struct db_row *row)
{
	struct reading *r = arg;
	struct cached *c = r->c;

	c->created = strdup(db_text(row, 0) ?: "");
	snprintf(c->diff, sizeof(c->diff), "%s", db_text(row, 1) ?: "");
	snprintf(c->blob, sizeof(c->blob), "%s", db_text(row, 2) ?: "");
	c->media_type = strdup(db_text(row, 3) ?: "");
	c->size = (uint64_t)db_int(row, 4);
	return c->created && c->media_type ? 1 : err_oom(r->e);
}

int cache_get(struct images *s, const char *key, struct cached *ret, struct err *e)
{
	struct reading r = { .c = ret, .e = e };
	int found = db_query(s->db, read_row, &r, e,
			     "SELECT created, diff, blob, media, size FROM build_cache WHERE key = ?", "s", key);

	if (found > 0 && db_exec(s->db, e, "UPDATE build_cache SET used = ?, uses = uses + 1 WHERE key = ?", "is",
				 now_ns(), key) < 0)
		return e ? e->code : -EIO;
	return found;
}

int cache_put(struct images *s, const char *key, const char *text, const struct cached *c, struct err *e)
{
	int64_t now = now_ns();

	return db_exec(s->db, e,
		       "INSERT OR REPLACE INTO build_cache (key, created, diff, blob, media, size, chain, text, made,"
		       " used) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		       "sssssissii", key, c->created, c->diff, c->blob, c->media_type ?: "", (int64_t)c->size, c->chain,
		       text, now, now);
}

/* --- what there is -------------------------------------------------------------------------------------------------------- */

static uint64_t usage(int dir_fd, unsigned depth)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *x;
	uint64_t sum = 0;

	if (!d)
		fd_close(fd);
	while (d && (x = readdir(d))) {
		struct stat st;

		if (streq(x->d_name, ".") || streq(x->d_name, "..") ||
		    fstatat(dir_fd, x->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		sum += (uint64_t)st.st_blocks * 512 / (st.st_nlink > 1 && !S_ISDIR(st.st_mode) ? st.st_nlink : 1);
		if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX) {
			_cleanup_close_ int sub =
				openat(dir_fd, x->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

			sum += sub < 0 ? 0 : usage(sub, depth + 1);
		}
	}
	if (d)
		closedir(d);
	return sum;
}

struct listing {
	struct images *s;
	int (*fn)(void *arg, const struct cache_entry *c);
	void *arg;
};

static int each_folder(const struct listing *l, struct err *e)
{
	_cleanup_free_ char *path = path_join(l->s->root, "build/cache");
	DIR *d = path ? opendir(path) : NULL;
	struct dirent *x;
	int r = path ? 0 : err_oom(e);

	while (d && r == 0 && (x = readdir(d))) {
		struct cache_entry c = { .id = x->d_name, .text = "cache mount", .chain = "", .folder = true };
		_cleanup_close_ int fd = -EBADF;
		struct stat st;

		if (x->d_name[0] == '.')
			continue;
		fd = openat(dirfd(d), x->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0 || fstat(fd, &st) < 0)
			continue;
		/* Not kept while we count: a build would take another cache meanwhile. */
		c.in_use = flock(fd, LOCK_EX | LOCK_NB) < 0 || flock(fd, LOCK_UN) < 0;
		c.made_ns = (int64_t)st.st_mtim.tv_sec * 1000000000;
		c.used_ns = (int64_t)st.st_atim.tv_sec * 1000000000 + st.st_atim.tv_nsec;
		c.size = usage(fd, 0);
		r = l->fn(l->arg, &c);
	}
	if (d)
		closedir(d);
	return r;
}

static int show_step(void *arg, const struct db_row *row)
{
	const struct listing *l = arg;
	struct cache_entry c = { .id = digest_hex(db_text(row, 0)),
				 .text = db_text(row, 1),
				 .chain = db_text(row, 2),
				 .made_ns = db_int(row, 3),
				 .used_ns = db_int(row, 4),
				 .uses = db_int(row, 5),
				 .shared = db_int(row, 6) };

	if (*c.chain && layer_size(l->s->layers, c.chain, &c.size, NULL) < 0)
		c.size = 0;
	return l->fn(l->arg, &c);
}

int cache_each(struct images *s, int (*fn)(void *arg, const struct cache_entry *c), void *arg, struct err *e)
{
	struct listing l = { s, fn, arg };
	int r = cache_open(s, e);

	if (r == 0)
		r = each_folder(&l, e);
	return r != 0 ? r
		      : db_query(s->db, show_step, &l, e,
				 "SELECT key, text, chain, made, used, uses,"
				 " EXISTS (SELECT 1 FROM image_layers i WHERE i.chain = build_cache.chain)"
				 " FROM build_cache ORDER BY used DESC, key",
				 "");
}

/* --- and what goes ---------------------------------------------------------------------------------------------------------- */

struct victim {
	char id[DIGEST_MAX], chain[DIGEST_MAX];
	uint64_t size;
	int64_t used_ns;
	bool folder;
};

struct pruning {
	const struct cache_prune *o;
	struct victim *v;
	size_t n;
	struct err *e;
};

static int consider(void *arg, const struct cache_entry *c)
{
	struct pruning *p = arg;
	const struct cache_prune *o = p->o;
	struct victim *v;

	if (c->in_use || (c->shared && !o->all) || (o->before_ns && c->used_ns >= o->before_ns) ||
	    (o->id && !startswith(c->id, o->id)) ||
	    (o->type && !streq(o->type, c->folder ? "exec.cachemount" : "regular")))
		return 0;
	v = reallocarray(p->v, p->n + 1, sizeof(*v));
	if (!v)
		return err_oom(p->e);
	p->v = v;
	v += p->n++;
	*v = (struct victim){ .size = c->shared ? 0 : c->size, .used_ns = c->used_ns, .folder = c->folder };
	snprintf(v->id, sizeof(v->id), "%s", c->id);
	snprintf(v->chain, sizeof(v->chain), "%s", c->chain);
	return 0;
}

static int newest_first(const void *a, const void *b)
{
	const struct victim *x = a, *y = b;

	return x->used_ns < y->used_ns ? 1 : x->used_ns > y->used_ns ? -1 : strcmp(x->id, y->id);
}

/* Under a name that the next build takes for a dead one's: a kill in the middle leaves no half of a cache. 1: it is gone. */
static int drop_folder(struct images *s, const char *name, struct err *e)
{
	_cleanup_free_ char *path = NULL, *gone = NULL;
	_cleanup_close_ int fd = -EBADF;
	unsigned char noise[32];
	char id[65];

	if (getrandom(noise, sizeof(noise), 0) != sizeof(noise))
		return err_set(e, -errno, "getrandom");
	for (size_t i = 0; i < sizeof(noise); i++)
		snprintf(id + 2 * i, 3, "%02x", noise[i]);
	if (asprintf(&path, "%s/build/cache/%s", s->root, name) < 0) {
		path = NULL;
		return err_oom(e);
	}
	if (asprintf(&gone, "%s/build/%s", s->root, id) < 0) {
		gone = NULL;
		return err_oom(e);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0;
	if (rename(path, gone) < 0)
		return errno == ENOENT ? 0 : err_set(e, -errno, "remove %s", path);
	return tree_remove(AT_FDCWD, gone, e) < 0 ? -EIO : 1;
}

/* Its layer goes with it, unless some image has that. 1: it is gone. */
static int drop_step(struct images *s, const struct victim *v, struct err *e)
{
	int r = db_exec(s->db, e,
			"INSERT OR IGNORE INTO garbage SELECT 'blob', blob FROM build_cache WHERE key = 'sha256:' || ?"
			" AND blob != ''",
			"s", v->id);

	if (r == 0 && *v->chain)
		r = db_exec(s->db, e, "INSERT OR IGNORE INTO garbage VALUES ('layer', ?)", "s", v->chain);
	if (r == 0)
		r = db_exec(s->db, e, "DELETE FROM build_cache WHERE key = 'sha256:' || ?", "s", v->id);
	return r < 0 ? r : 1;
}

static int drop_all(struct images *s, struct pruning *p, struct strv *done, uint64_t *bytes, struct err *e)
{
	uint64_t kept = 0;
	int r = 0;

	qsort(p->v, p->n, sizeof(*p->v), newest_first);
	for (size_t i = 0; i < p->n && r >= 0; i++) {
		const struct victim *v = &p->v[i];

		if (p->o->keep && kept + v->size <= p->o->keep) {
			kept += v->size;
			continue;
		}
		r = v->folder ? drop_folder(s, v->id, e) : drop_step(s, v, e);
		if (r <= 0)
			continue;
		if (v->folder)
			*bytes += v->size;
		r = done ? strv_push(done, v->id, e) : 0;
	}
	return r < 0 ? r : 0;
}

int cache_prune(struct images *s, const struct cache_prune *o, struct strv *done, uint64_t *ret_bytes, struct err *e)
{
	struct pruning p = { .o = o, .e = e };
	uint64_t bytes = 0, layers = 0;
	int r = cache_each(s, consider, &p, e);

	if (r == 0 && p.n)
		r = drop_all(s, &p, done, &bytes, e);
	free(p.v);
	if (r == 0)
		r = images_collect(s, &layers, e);
	*ret_bytes = bytes + layers;
	return r;
}
