/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The formats are those of POSIX (pax, ustar) and of GNU tar's manual ("Standard", "Sparse Formats"). Headers that only
 * tell of the next entry (x, g, L, K) are folded into it here.
 */

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/macros.h"
#include "store/tar-read.h"

#define READ_AHEAD (256u << 10)

struct header {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], rest[12];
} _packed_;

/* Of the old GNU format for sparse files, instead of the prefix. */
struct gnu_extent {
	char at[12], len[12];
} _packed_;
#define GNU_EXTENTS_AT	 386
#define GNU_EXTENTS	 4
#define GNU_MORE_AT	 482
#define GNU_REALSIZE_AT	 483
#define GNU_NEXT_EXTENTS 21
#define GNU_NEXT_MORE_AT 504

void tar_entry_done(struct tar_entry *t)
{
	free(t->name);
	free(t->link);
	free(t->map);
	free(t->pax);
	*t = (struct tar_entry){ 0 };
}

int tar_reader_init(struct tar_reader *t, int fd, struct err *e)
{
	*t = (struct tar_reader){ .fd = fd, .own = malloc(READ_AHEAD) };
	return t->own ? 0 : err_oom(e);
}

void tar_reader_init_source(struct tar_reader *t, const struct tar_source *source)
{
	*t = (struct tar_reader){ .fd = -EBADF, .source = *source };
}

void tar_reader_done(struct tar_reader *t)
{
	free(t->own);
	t->own = NULL;
}

static int bad(struct err *e, const char *what)
{
	return err_kind(e, ERR_INVALID, -EBADMSG, "not a good tar archive: %s", what);
}

/* At least one byte in the buffer: 1, or 0 at the end of the stream. */
static int fill(struct tar_reader *t, struct err *e)
{
	ssize_t n;

	if (t->at < t->len)
		return 1;
	if (t->source.next) {
		n = t->source.next(t->source.arg, &t->data, e);
		if (n < 0)
			return (int)n;
	} else {
		do
			n = read(t->fd, t->own, READ_AHEAD);
		while (n < 0 && errno == EINTR);
		if (n < 0)
			return err_set(e, -errno, "read the archive");
		t->data = t->own;
	}
	t->at = 0;
	t->len = (size_t)n;
	return n > 0;
}

/* Exactly LEN bytes, to TO or nowhere. 1, or 0 when the stream ends before the first. */
static int take(struct tar_reader *t, void *to, uint64_t len, struct err *e)
{
	uint64_t done = 0;

	while (done < len) {
		size_t n;
		int r = fill(t, e);

		if (r < 0)
			return r;
		if (r == 0)
			return done ? bad(e, "it ends too early") : 0;
		n = t->len - t->at < len - done ? t->len - t->at : (size_t)(len - done);
		if (to)
			memcpy((char *)to + done, t->data + t->at, n);
		t->at += n;
		done += n;
	}
	return 1;
}

static int take_all(struct tar_reader *t, void *to, uint64_t len, struct err *e)
{
	int r = len ? take(t, to, len, e) : 1;

	return r == 0 ? bad(e, "it ends too early") : r;
}

ssize_t tar_data(struct tar_reader *t, const char **ret, size_t max, struct err *e)
{
	size_t n;
	int r;

	if (t->left == 0 || max == 0)
		return 0;
	r = fill(t, e);
	if (r <= 0)
		return r < 0 ? r : bad(e, "it ends too early");
	n = t->len - t->at;
	if (n > max)
		n = max;
	if (n > t->left)
		n = (size_t)t->left;
	*ret = t->data + t->at;
	t->at += n;
	t->left -= n;
	return (ssize_t)n;
}

/* --- numbers ---------------------------------------------------------------------------------------------------------- */

/* Octal text, or GNU's two's complement with the first bit set. */
static int field_number(const char *s, size_t n, int64_t *ret)
{
	const unsigned char *p = (const unsigned char *)s;
	uint64_t v = 0;
	size_t i = 0;

	if (p[0] & 0x80) {
		bool minus = p[0] & 0x40;

		v = minus ? UINT64_MAX : 0;
		for (i = 0; i < n; i++) {
			unsigned byte = i ? p[i] : (minus ? p[i] : p[i] & 0x7fu);

			if ((v >> 55) != (minus ? 0x1ff : 0))
				return -ERANGE;
			v = v << 8 | byte;
		}
		*ret = (int64_t)v;
		return 0;
	}
	while (i < n && s[i] == ' ')
		i++;
	for (; i < n && s[i] >= '0' && s[i] <= '7'; i++) {
		if (v >> 59)
			return -ERANGE;
		v = v << 3 | (uint64_t)(s[i] - '0');
	}
	if (i < n && s[i] && s[i] != ' ')
		return -EINVAL;
	*ret = (int64_t)v;
	return 0;
}
#define FIELD(f, ret) field_number((f), sizeof(f), (ret))

/* Decimal digits up to END; *P moves behind them. */
static int decimal(const char **p, const char *end, uint64_t *ret)
{
	const char *s = *p;
	uint64_t v = 0;

	if (s == end || *s < '0' || *s > '9')
		return -EINVAL;
	for (; s < end && *s >= '0' && *s <= '9'; s++) {
		if (v > (INT64_MAX - 9) / 10)
			return -ERANGE;
		v = v * 10 + (uint64_t)(*s - '0');
	}
	*p = s;
	*ret = v;
	return 0;
}

static int whole_decimal(const char *s, size_t len, uint64_t *ret)
{
	const char *p = s;
	int r = decimal(&p, s + len, ret);

	return r == 0 && p != s + len ? -EINVAL : r;
}

/* "1700000000.25", maybe with a minus. */
static int pax_time(const char *s, size_t len, struct timespec *ret)
{
	bool minus = len && *s == '-';
	const char *p = s + minus, *end = s + len;
	uint64_t sec = 0;
	long ns = 0, unit = 100000000;
	int r = decimal(&p, end, &sec);

	if (r < 0)
		return r;
	if (p < end && *p == '.')
		for (p++; p < end && *p >= '0' && *p <= '9'; p++, unit /= 10)
			ns += (*p - '0') * unit;
	if (p != end)
		return -EINVAL;
	*ret = (struct timespec){ .tv_sec = minus ? -(time_t)sec : (time_t)sec, .tv_nsec = minus ? 0 : ns };
	return 0;
}

/* --- pax headers ------------------------------------------------------------------------------------------------------ */

/* What a pax header says and the header itself then does not. */
struct pax {
	bool has_size, has_uid, has_gid, has_mtime, has_realsize, sparse;
	uint64_t size, uid, gid, realsize, major;
	struct timespec mtime;
};

static int set_text(char **to, const char *s, size_t len, struct err *e)
{
	if (!len || len > TAR_NAME_MAX || memchr(s, 0, len))
		return bad(e, "a name that is none");
	free(*to);
	*to = strndup(s, len);
	return *to ? 0 : err_oom(e);
}

static int pax_record(struct tar_entry *t, struct pax *x, const char *key, const char *v, size_t len, struct err *e)
{
	const char *name = startswith(key, "SCHILY.xattr.");
	int r = 0;

	if (streq(key, "path") || streq(key, "GNU.sparse.name"))
		return set_text(&t->name, v, len, e);
	if (streq(key, "linkpath"))
		return set_text(&t->link, v, len, e);
	if (streq(key, "size")) {
		x->has_size = true;
		r = whole_decimal(v, len, &x->size);
	} else if (streq(key, "uid")) {
		x->has_uid = true;
		r = whole_decimal(v, len, &x->uid);
	} else if (streq(key, "gid")) {
		x->has_gid = true;
		r = whole_decimal(v, len, &x->gid);
	} else if (streq(key, "mtime")) {
		x->has_mtime = true;
		r = pax_time(v, len, &x->mtime);
	} else if (streq(key, "GNU.sparse.major")) {
		r = whole_decimal(v, len, &x->major);
	} else if (streq(key, "GNU.sparse.realsize")) {
		x->has_realsize = true;
		r = whole_decimal(v, len, &x->realsize);
	} else if (name && t->n_xattrs < TAR_XATTRS_MAX) {
		t->xattrs[t->n_xattrs++] = (struct tar_xattr){ name, v, len };
	}
	if (startswith(key, "GNU.sparse."))
		x->sparse = true;
	return r < 0 ? bad(e, "a pax header with a bad number") : 0;
}

/* Records "LENGTH KEY=VALUE\n"; LENGTH counts all of it. The text is cut into strings in place. */
static int parse_pax(struct tar_entry *t, struct pax *x, size_t len, struct err *e)
{
	char *p = t->pax, *end = t->pax + len;

	while (p < end) {
		const char *q = p;
		char *eq, *stop;
		uint64_t n;
		int r;

		if (*p == '\0')
			break; /* padding that somebody counted in */
		if (decimal(&q, end, &n) < 0 || n == 0 || n > (uint64_t)(end - p) || q >= end || *q != ' ' ||
		    p[n - 1] != '\n')
			return bad(e, "a pax header that is no list of records");
		stop = p + n - 1;
		q++;
		eq = q < stop ? memchr(q, '=', (size_t)(stop - q)) : NULL;
		if (!eq)
			return bad(e, "a pax header with a record that has no value");
		*eq = '\0';
		*stop = '\0';
		r = pax_record(t, x, q, eq + 1, (size_t)(stop - eq - 1), e);
		if (r < 0)
			return r;
		p = stop + 1;
	}
	return 0;
}

/* --- sparse files ----------------------------------------------------------------------------------------------------- */

static int add_extent(struct tar_entry *t, uint64_t at, uint64_t len, struct err *e)
{
	uint64_t from = t->n_map ? t->map[t->n_map - 1].at + t->map[t->n_map - 1].len : 0;
	struct tar_hole_map *m;

	if (at < from || at > t->size || len > t->size - at)
		return bad(e, "a sparse file that overlaps itself");
	if (t->n_map >= TAR_SPARSE_MAX)
		return bad(e, "a sparse file of too many pieces");
	if ((t->n_map & (t->n_map - 1)) == 0) {
		m = realloc(t->map, (t->n_map ? t->n_map * 2 : 1) * sizeof(*m));
		if (!m)
			return err_oom(e);
		t->map = m;
	}
	t->map[t->n_map++] = (struct tar_hole_map){ at, len };
	return 0;
}

static int gnu_extents(struct tar_entry *t, const struct gnu_extent *x, unsigned n, struct err *e)
{
	for (unsigned i = 0; i < n && x[i].len[0]; i++) {
		int64_t at, len;
		int r;

		if (FIELD(x[i].at, &at) < 0 || FIELD(x[i].len, &len) < 0 || at < 0 || len < 0)
			return bad(e, "a sparse file with a bad number");
		r = len || at ? add_extent(t, (uint64_t)at, (uint64_t)len, e) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int gnu_sparse(struct tar_reader *r, struct tar_entry *t, const char *block, struct err *e)
{
	char next[TAR_BLOCK];
	bool more = block[GNU_MORE_AT];
	int64_t real;
	int k;

	if (field_number(block + GNU_REALSIZE_AT, 12, &real) < 0 || real < 0)
		return bad(e, "a sparse file with a bad size");
	t->size = (uint64_t)real;
	t->sparse = true;
	k = gnu_extents(t, (const struct gnu_extent *)(block + GNU_EXTENTS_AT), GNU_EXTENTS, e);
	while (k == 0 && more) {
		k = take_all(r, next, sizeof(next), e);
		if (k < 0)
			return k;
		more = next[GNU_NEXT_MORE_AT];
		k = gnu_extents(t, (const struct gnu_extent *)next, GNU_NEXT_EXTENTS, e);
	}
	return k;
}

/* The map of format 1.0 stands before the data: numbers, one a line, filled up to whole blocks. */
struct map_text {
	struct tar_reader *r;
	char block[TAR_BLOCK];
	size_t at;
};

static int map_number(struct map_text *m, uint64_t *ret, struct err *e)
{
	char digits[24];
	size_t n = 0;

	for (;;) {
		char c;

		if (m->at == TAR_BLOCK) {
			int k;

			if (m->r->left < TAR_BLOCK)
				return bad(e, "a sparse file without its map");
			k = take_all(m->r, m->block, TAR_BLOCK, e);
			if (k < 0)
				return k;
			m->r->left -= TAR_BLOCK;
			m->at = 0;
		}
		c = m->block[m->at++];
		if (c == '\n')
			break;
		if (n == sizeof(digits))
			return bad(e, "a sparse file with a bad number");
		digits[n++] = c;
	}
	return whole_decimal(digits, n, ret) < 0 ? bad(e, "a sparse file with a bad number") : 0;
}

static int pax_sparse(struct tar_reader *r, struct tar_entry *t, const struct pax *x, struct err *e)
{
	struct map_text m = { .r = r, .at = TAR_BLOCK };
	uint64_t n, at, len;
	int k;

	if (x->major != 1 || !x->has_realsize)
		return bad(e, "a sparse file of an old pax format");
	t->size = x->realsize;
	t->sparse = true;
	k = map_number(&m, &n, e);
	if (k == 0 && n > TAR_SPARSE_MAX)
		k = bad(e, "a sparse file of too many pieces");
	for (; k == 0 && n; n--) {
		k = map_number(&m, &at, e);
		if (k == 0)
			k = map_number(&m, &len, e);
		if (k == 0)
			k = add_extent(t, at, len, e);
	}
	return k;
}

/* --- entries ---------------------------------------------------------------------------------------------------------- */

static int check_sum(const char *block, struct err *e)
{
	const struct header *h = (const struct header *)block;
	unsigned sum = 0;
	int plain = 0;
	int64_t want;

	for (unsigned i = 0; i < TAR_BLOCK; i++) {
		char c = i >= offsetof(struct header, sum) && i < offsetof(struct header, type) ? ' ' : block[i];

		sum += (unsigned char)c;
		plain += (signed char)c;
	}
	if (FIELD(h->sum, &want) < 0 || (want != (int64_t)sum && want != plain))
		return bad(e, "a header with a wrong checksum");
	return 0;
}

static bool is_zero(const char *block)
{
	return block[0] == '\0' && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

static int set_names(struct tar_entry *t, const struct header *h, struct err *e)
{
	bool ustar = memcmp(h->magic, "ustar", 6) == 0;

	if (!t->name && asprintf(&t->name, "%.*s%s%.*s", ustar ? (int)sizeof(h->prefix) : 0, h->prefix,
				 ustar && h->prefix[0] ? "/" : "", (int)sizeof(h->name), h->name) < 0) {
		t->name = NULL;
		return err_oom(e);
	}
	if (!t->link)
		t->link = strndup(h->link, sizeof(h->link));
	return t->link ? 0 : err_oom(e);
}

static int set_numbers(struct tar_entry *t, const struct header *h, const struct pax *x, struct err *e)
{
	int64_t mode, uid, gid, size, mtime, major = 0, minor = 0;

	if (FIELD(h->mode, &mode) < 0 || FIELD(h->uid, &uid) < 0 || FIELD(h->gid, &gid) < 0 ||
	    FIELD(h->size, &size) < 0 || FIELD(h->mtime, &mtime) < 0)
		return bad(e, "a header with a bad number");
	if ((t->type == '3' || t->type == '4') && (FIELD(h->major, &major) < 0 || FIELD(h->minor, &minor) < 0))
		return bad(e, "a device with a bad number");
	if (x->has_uid)
		uid = (int64_t)x->uid;
	if (x->has_gid)
		gid = (int64_t)x->gid;
	if (x->has_size)
		size = (int64_t)x->size;
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX || size < 0 || major < 0 || minor < 0 ||
	    major > UINT32_MAX || minor > UINT32_MAX)
		return bad(e, "a header with a number out of range");
	t->mode = (mode_t)mode & 07777;
	t->uid = (uint32_t)uid;
	t->gid = (uint32_t)gid;
	t->dev_major = (uint32_t)major;
	t->dev_minor = (uint32_t)minor;
	t->mtime = x->has_mtime ? x->mtime : (struct timespec){ .tv_sec = mtime };
	t->stored = t->size = (uint64_t)size;
	return 0;
}

/* The text of an x, L or K header, with a NUL behind it. */
static int take_text(struct tar_reader *r, const char *block, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	const struct header *h = (const struct header *)block;
	_cleanup_free_ char *text = NULL;
	int64_t size;
	int k;

	if (FIELD(h->size, &size) < 0 || size < 0 || (uint64_t)size > max)
		return bad(e, "a long name or pax header that is too long");
	text = malloc((size_t)size + 1);
	if (!text)
		return err_oom(e);
	k = take_all(r, text, (uint64_t)size, e);
	if (k >= 0)
		k = take_all(r, NULL, (TAR_BLOCK - (uint64_t)size % TAR_BLOCK) % TAR_BLOCK, e);
	if (k < 0)
		return k;
	text[size] = '\0';
	free(*ret);
	*ret = TAKE_PTR(text);
	*ret_len = (size_t)size;
	return 0;
}

static int skip_global(struct tar_reader *r, const char *block, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	return take_text(r, block, TAR_PAX_MAX, &text, &len, e);
}

/* Headers that tell of the next entry: 1 when BLOCK was one. */
static int fold(struct tar_reader *r, const char *block, struct tar_entry *t, struct pax *x, struct err *e)
{
	size_t len;
	int k;

	switch (((const struct header *)block)->type) {
	case 'x':
	case 'X':
		/* A second one would leave pointers into the first. */
		if (t->pax)
			return bad(e, "two pax headers for one entry");
		k = take_text(r, block, TAR_PAX_MAX, &t->pax, &len, e);
		if (k == 0)
			k = parse_pax(t, x, len, e);
		break;
	case 'g':
		k = skip_global(r, block, e);
		break;
	case 'L':
		k = take_text(r, block, TAR_NAME_MAX, &t->name, &len, e);
		break;
	case 'K':
		k = take_text(r, block, TAR_NAME_MAX, &t->link, &len, e);
		break;
	default:
		return 0;
	}
	return k < 0 ? k : 1;
}

static int read_entry(struct tar_reader *r, const char *block, struct tar_entry *t, const struct pax *x, struct err *e)
{
	const struct header *h = (const struct header *)block;
	int k;

	t->type = h->type == '\0' || h->type == '7' ? '0' : h->type;
	k = set_names(t, h, e);
	if (k == 0)
		k = set_numbers(t, h, x, e);
	if (k < 0)
		return k;
	/* Old archives mark directories by a slash, and links or directories may claim a size that no data follows. */
	if (t->type == '0' && t->name[0] && t->name[strlen(t->name) - 1] == '/')
		t->type = '5';
	if (strchr("12345", t->type) || t->type == '6')
		t->stored = t->size = 0;
	r->left = t->stored;
	r->pad = (unsigned)((TAR_BLOCK - t->stored % TAR_BLOCK) % TAR_BLOCK);
	if (t->type == 'S') {
		t->type = '0';
		return gnu_sparse(r, t, block, e);
	}
	return x->sparse && t->type == '0' ? pax_sparse(r, t, x, e) : 0;
}

/* What fills the last record: whoever writes the stream may take a reader that leaves early for an error. */
static int drain(struct tar_reader *r, struct err *e)
{
	int k;

	do
		r->at = r->len;
	while ((k = fill(r, e)) > 0);
	return k;
}

int tar_next(struct tar_reader *r, struct tar_entry *ret, struct err *e)
{
	_cleanup_(tar_entry_done) struct tar_entry t = { 0 };
	char block[TAR_BLOCK];
	struct pax x = { 0 };
	bool folded = false;
	int k = take_all(r, NULL, r->left, e);

	if (k >= 0)
		k = take_all(r, NULL, r->pad, e);
	r->left = r->pad = 0;
	while (k >= 0) {
		k = take(r, block, sizeof(block), e);
		if (k < 0)
			break;
		if (k == 0 || is_zero(block))
			return folded ? bad(e, "it ends too early") : k ? drain(r, e) : 0;
		k = check_sum(block, e);
		if (k == 0)
			k = fold(r, block, &t, &x, e);
		if (k == 0) {
			k = read_entry(r, block, &t, &x, e);
			break;
		}
		folded = true;
	}
	if (k < 0)
		return k;
	*ret = t;
	t = (struct tar_entry){ 0 };
	return 1;
}
