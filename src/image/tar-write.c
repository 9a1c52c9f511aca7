/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Headers of POSIX: ustar, and a pax header before it for what does not fit there. Nothing of this machine gets in: no names of
 * users, no times but those that are given. */
#include <stdio.h>

#include "base/buf.h"
#include "image/tar-write.h"
#include "store/tar-read.h"

#define BUF_SIZE (256u << 10)

struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], sum[8], type, link[100];
	char magic[6], version[2], uname[32], gname[32], major[8], minor[8], prefix[155], rest[12];
} _packed_;

struct tar_writer {
	struct pack_sink out;
	char *buf;
	size_t len;
	uint64_t left; /* of the entry's data */
	unsigned pad;
};

int tar_writer_new(const struct pack_sink *out, struct tar_writer **ret, struct err *e)
{
	struct tar_writer *t = calloc(1, sizeof(*t));

	if (!t)
		return err_oom(e);
	t->out = *out;
	t->buf = malloc(BUF_SIZE);
	if (!t->buf) {
		free(t);
		return err_oom(e);
	}
	*ret = t;
	return 0;
}

struct tar_writer *tar_writer_free(struct tar_writer *t)
{
	if (t)
		free(t->buf);
	free(t);
	return NULL;
}

static int sink(struct tar_writer *t, const void *data, size_t len, struct err *e)
{
	int r = len ? t->out.write(t->out.arg, data, len) : 0;

	return r < 0 && e && !e->code ? err_set(e, r, "write the archive") : r;
}

static int flush(struct tar_writer *t, struct err *e)
{
	int r = sink(t, t->buf, t->len, e);

	t->len = 0;
	return r;
}

/* DATA NULL: zeroes. */
static int put(struct tar_writer *t, const void *data, uint64_t len, struct err *e)
{
	const char *p = data;
	int r;

	while (len) {
		size_t n = BUF_SIZE - t->len;

		/* What is large goes by unchanged. */
		if (p && !t->len && len >= BUF_SIZE)
			return sink(t, p, len, e);
		if (n > len)
			n = (size_t)len;
		if (p)
			memcpy(t->buf + t->len, p, n);
		else
			memset(t->buf + t->len, 0, n);
		t->len += n;
		p = p ? p + n : NULL;
		len -= n;
		r = t->len == BUF_SIZE ? flush(t, e) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- headers ---------------------------------------------------------------------------------------------------------- */

static bool fits_octal(uint64_t v, unsigned digits)
{
	return v >> (3 * digits) == 0;
}

static void octal(char *to, size_t size, uint64_t v)
{
	to[size - 1] = '\0';
	for (size_t i = size - 1; i-- > 0; v >>= 3)
		to[i] = (char)('0' + (v & 7));
}

static bool is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80 || (unsigned char)*s < 0x20)
			return false;
	return true;
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static void pax_record(struct buf *b, const char *key, const void *value, size_t len)
{
	size_t rest = strlen(key) + len + 3, n = rest + 1;
	char digits[24];

	while (rest + (size_t)snprintf(digits, sizeof(digits), "%zu", n) != n)
		n = rest + strlen(digits);
	buf_printf(b, "%zu %s=", n, key);
	buf_add(b, value, len);
	buf_putc(b, '\n');
}

static void pax_number(struct buf *b, const char *key, int64_t v)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)v);

	pax_record(b, key, text, (size_t)n);
}

/* Into name and prefix, cut at a slash. False: it does not go. */
static bool set_name(struct ustar *u, const char *name, size_t len)
{
	if (len <= sizeof(u->name)) {
		memcpy(u->name, name, len);
		return true;
	}
	for (size_t cut = len - 1; cut > 0; cut--)
		if (cut <= sizeof(u->prefix) && name[cut] == '/' && len - cut - 1 <= sizeof(u->name) && len - cut - 1) {
			memcpy(u->prefix, name, cut);
			memcpy(u->name, name + cut + 1, len - cut - 1);
			return true;
		}
	return false;
}

static int put_header(struct tar_writer *t, struct ustar *u, struct err *e)
{
	const unsigned char *p = (const unsigned char *)u;
	unsigned sum = 0;

	memcpy(u->magic, "ustar", sizeof(u->magic));
	memcpy(u->version, "00", sizeof(u->version));
	memset(u->sum, ' ', sizeof(u->sum));
	for (size_t i = 0; i < sizeof(*u); i++)
		sum += p[i];
	octal(u->sum, 7, sum);
	return put(t, u, sizeof(*u), e);
}

static int put_pax(struct tar_writer *t, const struct buf *pax, struct err *e)
{
	struct ustar u = { .name = "PaxHeaders/0", .type = 'x' };
	int r;

	octal(u.mode, sizeof(u.mode), 0644);
	octal(u.uid, sizeof(u.uid), 0);
	octal(u.gid, sizeof(u.gid), 0);
	octal(u.size, sizeof(u.size), pax->len);
	octal(u.mtime, sizeof(u.mtime), 0);
	r = put_header(t, &u, e);
	if (r == 0)
		r = put(t, pax->data, pax->len, e);
	return r == 0 ? put(t, NULL, (TAR_BLOCK - pax->len % TAR_BLOCK) % TAR_BLOCK, e) : r;
}

static void set_numbers(struct ustar *u, const struct tar_out *h, struct buf *pax)
{
	octal(u->mode, sizeof(u->mode), h->mode & 07777);
	octal(u->uid, sizeof(u->uid), fits_octal(h->uid, 7) ? h->uid : 0);
	octal(u->gid, sizeof(u->gid), fits_octal(h->gid, 7) ? h->gid : 0);
	octal(u->size, sizeof(u->size), fits_octal(h->size, 11) ? h->size : 0);
	octal(u->mtime, sizeof(u->mtime), h->mtime >= 0 && fits_octal((uint64_t)h->mtime, 11) ? (uint64_t)h->mtime : 0);
	if (!fits_octal(h->uid, 7))
		pax_number(pax, "uid", h->uid);
	if (!fits_octal(h->gid, 7))
		pax_number(pax, "gid", h->gid);
	if (!fits_octal(h->size, 11))
		pax_number(pax, "size", (int64_t)h->size);
	if (h->mtime < 0 || !fits_octal((uint64_t)h->mtime, 11))
		pax_number(pax, "mtime", h->mtime);
	if (h->type == '3' || h->type == '4') {
		octal(u->major, sizeof(u->major), h->dev_major);
		octal(u->minor, sizeof(u->minor), h->dev_minor);
	}
}

int tar_put_full(struct tar_writer *t, const struct tar_out *h, const struct tar_xattr *xattrs, size_t n, struct err *e)
{
	_cleanup_buf_ struct buf pax = BUF_INIT;
	struct ustar u = { .type = h->type };
	size_t len = strlen(h->name), link = h->link ? strlen(h->link) : 0;
	char key[300];
	int r = 0;

	if (t->left)
		return err_kind(e, ERR_STATE, -EIO, "write the archive: an entry is short of %llu bytes",
				(unsigned long long)t->left);
	if (!is_ascii(h->name) || !set_name(&u, h->name, len))
		pax_record(&pax, "path", h->name, len);
	if (link && (link > sizeof(u.link) || !is_ascii(h->link)))
		pax_record(&pax, "linkpath", h->link, link);
	else if (link)
		memcpy(u.link, h->link, link);
	set_numbers(&u, h, &pax);
	for (size_t i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "SCHILY.xattr.%s", xattrs[i].name);
		pax_record(&pax, key, xattrs[i].value, xattrs[i].len);
	}
	r = buf_error(&pax, e);
	if (r == 0)
		r = put(t, NULL, t->pad, e);
	if (r == 0 && pax.len)
		r = put_pax(t, &pax, e);
	if (r == 0)
		r = put_header(t, &u, e);
	t->left = h->type == '0' ? h->size : 0;
	t->pad = (unsigned)((TAR_BLOCK - t->left % TAR_BLOCK) % TAR_BLOCK);
	return r;
}

int tar_put(struct tar_writer *t, const struct tar_out *h, struct err *e)
{
	return tar_put_full(t, h, NULL, 0, e);
}

int tar_put_data(struct tar_writer *t, const void *data, size_t len, struct err *e)
{
	if (len > t->left)
		return err_kind(e, ERR_STATE, -EIO, "write the archive: an entry has more data than it said");
	t->left -= len;
	return put(t, data, len, e);
}

int tar_put_zeroes(struct tar_writer *t, uint64_t len, struct err *e)
{
	if (len > t->left)
		return err_kind(e, ERR_STATE, -EIO, "write the archive: an entry has more data than it said");
	t->left -= len;
	return put(t, NULL, len, e);
}

/* Two blocks of zeroes, as POSIX wants; no filling up to a record, as with Docker. */
int tar_end(struct tar_writer *t, struct err *e)
{
	int r;

	if (t->left)
		return err_kind(e, ERR_STATE, -EIO, "write the archive: the last entry is short of data");
	r = put(t, NULL, t->pad + 2 * TAR_BLOCK, e);
	t->pad = 0;
	return r == 0 ? flush(t, e) : r;
}
