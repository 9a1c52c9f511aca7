/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a step made, by what it was made from. Rows only: a layer that is gone makes its row worth nothing, which is seen when it is
 * asked for. */
#include <stdio.h>

#include "image/build/inner.h"

static const char *const schema[] = {
	"CREATE TABLE build_cache (key TEXT PRIMARY KEY, created TEXT NOT NULL, diff TEXT NOT NULL, blob TEXT NOT NULL,"
	" media TEXT NOT NULL, size INTEGER NOT NULL)",
	NULL,
};

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

	return db_query(s->db, read_row, &r, e,
			"SELECT created, diff, blob, media, size FROM build_cache WHERE key = ?", "s", key);
}

int cache_put(struct images *s, const char *key, const struct cached *c, struct err *e)
{
	return db_exec(
		s->db, e,
		"INSERT OR REPLACE INTO build_cache (key, created, diff, blob, media, size) VALUES (?, ?, ?, ?, ?, ?)",
		"sssssi", key, c->created, c->diff, c->blob, c->media_type ?: "", (int64_t)c->size);
}

int cache_clear(struct images *s, struct err *e)
{
	return db_exec(s->db, e, "DELETE FROM build_cache", "");
}
