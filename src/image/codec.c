/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/codec.h"

#include <bzlib.h>
#include <fcntl.h>
#include <isa-l/igzip_lib.h>
#include <lzma.h>
#include <unistd.h>
#include <zstd.h>

#include "base/fd.h"

#define IN_SIZE	  (256u << 10)
#define OUT_SIZE  (256u << 10)
#define GZ_LEVEL  1
#define ZST_LEVEL 3
#define WINDOW	  27 /* log2; what every zstd takes unasked */
#define XZ_MEMORY (128ull << 20)

struct codec;

struct inflate {
	int fd;
	const struct codec *codec;
	uint8_t *in;
	size_t at, len;
	uint64_t taken;
	bool eof;
	struct inflate_state gz;
	ZSTD_DStream *zst;
	lzma_stream xz;
	bz_stream bz;
	bool has_bz;
	bool within; /* a member or frame is not over */
};

/* One kind: how it begins, and one step from the input buffer to OUT. Bytes made, or an error. */
struct codec {
	const char *name;
	uint8_t magic[6];
	unsigned n_magic;
	int (*begin)(struct inflate *z, struct err *e);
	ssize_t (*step)(struct inflate *z, uint8_t *out, size_t len, struct err *e);
};

static int bad(const struct inflate *z, const char *why, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EBADMSG, "not good %s: %s", z->codec->name, why);
}

static int fill(struct inflate *z, struct err *e)
{
	ssize_t n;

	if (z->at < z->len || z->eof)
		return 0;
	do
		n = read(z->fd, z->in, IN_SIZE);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, -errno, "read the compressed stream");
	z->at = 0;
	z->len = (size_t)n;
	z->taken += (uint64_t)n;
	z->eof = n == 0;
	return 0;
}

static int gz_begin(struct inflate *z, struct err *e)
{
	isal_inflate_init(&z->gz);
	z->gz.crc_flag = ISAL_GZIP;
	z->within = true;
	return 0;
}

/* Members may follow one another, and zeroes the last of them. */
static int gz_next_member(struct inflate *z, struct err *e)
{
	int r;

	for (;;) {
		r = fill(z, e);
		if (r < 0)
			return r;
		z->within = false;
		if (z->at == z->len)
			return 0;
		if (z->in[z->at] != 0)
			break;
		z->at++;
	}
	if (z->in[z->at] != 0x1f)
		return bad(z, "something else follows it", e);
	isal_inflate_reset(&z->gz);
	z->gz.crc_flag = ISAL_GZIP;
	z->within = true;
	return 0;
}

static ssize_t gz_step(struct inflate *z, uint8_t *out, size_t len, struct err *e)
{
	int k;

	z->gz.next_in = z->in + z->at;
	z->gz.avail_in = (uint32_t)(z->len - z->at);
	z->gz.next_out = out;
	z->gz.avail_out = (uint32_t)len;
	k = isal_inflate(&z->gz);
	z->at = z->len - z->gz.avail_in;
	if (k != ISAL_DECOMP_OK && k != ISAL_END_INPUT)
		return bad(z, k == ISAL_INCORRECT_CHECKSUM ? "wrong checksum" : "damaged data", e);
	if (z->gz.block_state == ISAL_BLOCK_FINISH) {
		size_t made = len - z->gz.avail_out;

		k = gz_next_member(z, e);
		return k < 0 ? k : (ssize_t)made;
	}
	return (ssize_t)(len - z->gz.avail_out);
}

static int zst_begin(struct inflate *z, struct err *e)
{
	z->zst = ZSTD_createDStream();
	if (!z->zst)
		return err_oom(e);
	ZSTD_DCtx_setParameter(z->zst, ZSTD_d_windowLogMax, WINDOW);
	z->within = true;
	return 0;
}

static ssize_t zst_step(struct inflate *z, uint8_t *out, size_t len, struct err *e)
{
	ZSTD_inBuffer in = { z->in, z->len, z->at };
	ZSTD_outBuffer to = { out, len, 0 };
	size_t k = ZSTD_decompressStream(z->zst, &to, &in);

	if (ZSTD_isError(k))
		return bad(z, ZSTD_getErrorName(k), e);
	z->at = in.pos;
	z->within = k != 0;
	return (ssize_t)to.pos;
}

static int xz_begin(struct inflate *z, struct err *e)
{
	if (lzma_stream_decoder(&z->xz, XZ_MEMORY, LZMA_CONCATENATED) != LZMA_OK)
		return err_oom(e);
	z->within = true;
	return 0;
}

/* Streams may follow one another: the last has ended when the input has. */
static ssize_t xz_step(struct inflate *z, uint8_t *out, size_t len, struct err *e)
{
	bool last = z->at == z->len && z->eof;
	lzma_ret k;

	z->xz.next_in = z->in + z->at;
	z->xz.avail_in = z->len - z->at;
	z->xz.next_out = out;
	z->xz.avail_out = len;
	k = lzma_code(&z->xz, last ? LZMA_FINISH : LZMA_RUN);
	z->at = z->len - z->xz.avail_in;
	if (k == LZMA_STREAM_END)
		z->within = false;
	else if (k == LZMA_MEMLIMIT_ERROR)
		return bad(z, "it wants more than 128 MiB of memory", e);
	else if (k != LZMA_OK && k != LZMA_BUF_ERROR)
		return bad(z, "damaged data", e);
	return (ssize_t)(len - z->xz.avail_out);
}

static int bz_begin(struct inflate *z, struct err *e)
{
	z->bz = (bz_stream){ 0 };
	z->has_bz = BZ2_bzDecompressInit(&z->bz, 0, 0) == BZ_OK;
	z->within = true;
	return z->has_bz ? 0 : err_oom(e);
}

static void bz_end(struct inflate *z)
{
	if (z->has_bz)
		(void)BZ2_bzDecompressEnd(&z->bz);
	z->has_bz = false;
}

static ssize_t bz_step(struct inflate *z, uint8_t *out, size_t len, struct err *e)
{
	size_t made;
	int k;

	z->bz.next_in = (char *)z->in + z->at;
	z->bz.avail_in = (unsigned)(z->len - z->at);
	z->bz.next_out = (char *)out;
	z->bz.avail_out = (unsigned)len;
	k = BZ2_bzDecompress(&z->bz);
	z->at = z->len - z->bz.avail_in;
	made = len - z->bz.avail_out;
	if (k != BZ_OK && k != BZ_STREAM_END)
		return bad(z, k == BZ_MEM_ERROR ? "no memory" : "damaged data", e);
	if (k != BZ_STREAM_END)
		return (ssize_t)made;
	/* Another may follow. */
	bz_end(z);
	k = fill(z, e);
	if (k < 0)
		return k;
	z->within = z->at < z->len;
	if (z->within)
		k = bz_begin(z, e);
	return k < 0 ? k : (ssize_t)made;
}

static int none_begin(struct inflate *z, struct err *e)
{
	return 0;
}

static ssize_t none_step(struct inflate *z, uint8_t *out, size_t len, struct err *e)
{
	size_t n = z->len - z->at < len ? z->len - z->at : len;

	memcpy(out, z->in + z->at, n);
	z->at += n;
	return (ssize_t)n;
}

static const struct codec codecs[] = {
	{ "gzip", { 0x1f, 0x8b }, 2, gz_begin, gz_step },
	{ "zstd", { 0x28, 0xb5, 0x2f, 0xfd }, 4, zst_begin, zst_step },
	{ "xz", { 0xfd, '7', 'z', 'X', 'Z' }, 5, xz_begin, xz_step },
	{ "bzip2", { 'B', 'Z', 'h' }, 3, bz_begin, bz_step },
	{ "none", { 0 }, 0, none_begin, none_step },
};

/* Known, and not read here. */
static const struct {
	const char *name, *magic;
	unsigned n_magic;
} others[] = { { "lz4", "\x04\x22\x4d\x18", 4 } };

static int choose(struct inflate *z, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (z->len >= others[i].n_magic && memcmp(z->in, others[i].magic, others[i].n_magic) == 0)
			return err_kind(e, ERR_INVALID, -EOPNOTSUPP,
					"the archive is compressed by %s: expected gzip, zstd, xz, bzip2 or none",
					others[i].name);
	for (z->codec = codecs; z->codec->n_magic; z->codec++)
		if (z->len >= z->codec->n_magic && memcmp(z->in, z->codec->magic, z->codec->n_magic) == 0)
			break;
	return z->codec->begin(z, e);
}

int inflate_open(int fd, struct inflate **ret, struct err *e)
{
	_cleanup_(inflate_freep) struct inflate *z = calloc(1, sizeof(*z));
	ssize_t n;
	int r;

	if (!z)
		return err_oom(e);
	z->fd = fd;
	z->in = malloc(IN_SIZE);
	if (!z->in)
		return err_oom(e);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	n = fd_read_full(fd, z->in, 6);
	if (n < 0)
		return err_set(e, (int)n, "read the compressed stream");
	z->len = (size_t)n;
	z->taken = (uint64_t)n;
	z->eof = n < 6;
	r = choose(z, e);
	if (r == 0)
		*ret = TAKE_PTR(z);
	return r;
}

struct inflate *inflate_free(struct inflate *z)
{
	if (!z)
		return NULL;
	ZSTD_freeDStream(z->zst);
	lzma_end(&z->xz);
	bz_end(z);
	free(z->in);
	free(z);
	return NULL;
}

const char *inflate_kind(const struct inflate *z)
{
	return z->codec->name;
}

uint64_t inflate_taken(const struct inflate *z)
{
	return z->taken;
}

ssize_t inflate_read(struct inflate *z, void *buf, size_t len, struct err *e)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n;
		int r = fill(z, e);

		if (r < 0)
			return r;
		n = z->at == z->len && z->eof && !z->within ? 0
							    : z->codec->step(z, (uint8_t *)buf + done, len - done, e);
		if (n < 0)
			return n;
		if (n == 0 && z->at == z->len && z->eof) {
			if (z->within)
				return bad(z, "it ends too early", e);
			break;
		}
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* --- the other direction ---------------------------------------------------------------------------------------------- */

struct deflate {
	struct pack_sink out;
	enum { GZIP, ZSTD, NONE } kind;
	uint8_t *buf, *level_buf;
	struct isal_zstream gz;
	ZSTD_CStream *zst;
};

static const uint32_t level_sizes[] = { ISAL_DEF_LVL0_DEFAULT, ISAL_DEF_LVL1_DEFAULT, ISAL_DEF_LVL2_DEFAULT,
					ISAL_DEF_LVL3_DEFAULT };

static int gz_start(struct deflate *z, int level, struct err *e)
{
	uint32_t l = level <= 0 ? GZ_LEVEL : level > 3 ? 3 : (uint32_t)level;

	isal_deflate_init(&z->gz);
	z->gz.gzip_flag = IGZIP_GZIP;
	z->gz.level = l;
	z->gz.level_buf_size = level_sizes[l];
	z->level_buf = malloc(level_sizes[l]);
	z->gz.level_buf = z->level_buf;
	return z->level_buf ? 0 : err_oom(e);
}

static int zst_start(struct deflate *z, int level, struct err *e)
{
	z->zst = ZSTD_createCStream();
	if (!z->zst)
		return err_oom(e);
	ZSTD_CCtx_setParameter(z->zst, ZSTD_c_compressionLevel, level > 0 ? level : ZST_LEVEL);
	ZSTD_CCtx_setParameter(z->zst, ZSTD_c_checksumFlag, 1);
	return 0;
}

int deflate_new(const char *kind, int level, const struct pack_sink *out, struct deflate **ret, struct err *e)
{
	_cleanup_(deflate_freep) struct deflate *z = calloc(1, sizeof(*z));
	int r = 0;

	if (!z)
		return err_oom(e);
	z->out = *out;
	z->buf = malloc(OUT_SIZE);
	if (!z->buf)
		return err_oom(e);
	if (!kind || streq(kind, "gzip")) {
		z->kind = GZIP;
		r = gz_start(z, level, e);
	} else if (streq(kind, "zstd")) {
		z->kind = ZSTD;
		r = zst_start(z, level, e);
	} else if (streq(kind, "none")) {
		z->kind = NONE;
	} else {
		r = err_kind(e, ERR_INVALID, -EINVAL, "compression '%.32s': expected gzip, zstd or none", kind);
	}
	if (r == 0)
		*ret = TAKE_PTR(z);
	return r;
}

static int put(struct deflate *z, const void *data, size_t len, struct err *e)
{
	int r = len ? z->out.write(z->out.arg, data, len) : 0;

	return r < 0 && e && !e->code ? err_set(e, r, "write the packed layer") : r;
}

static int gz_run(struct deflate *z, const void *data, size_t len, bool end, struct err *e)
{
	/* The library does not change what it reads. */
	union {
		const void *c;
		uint8_t *u;
	} in = { data };

	z->gz.next_in = in.u;
	z->gz.avail_in = (uint32_t)len;
	z->gz.end_of_stream = end;
	do {
		int r;

		z->gz.next_out = z->buf;
		z->gz.avail_out = OUT_SIZE;
		if (isal_deflate(&z->gz) != COMP_OK)
			return err_kind(e, ERR_SYSTEM, -EIO, "gzip: cannot compress");
		r = put(z, z->buf, OUT_SIZE - z->gz.avail_out, e);
		if (r < 0)
			return r;
	} while (z->gz.avail_out == 0 || (end && z->gz.internal_state.state != ZSTATE_END));
	return 0;
}

static int zst_run(struct deflate *z, const void *data, size_t len, bool end, struct err *e)
{
	ZSTD_inBuffer in = { data, len, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { z->buf, OUT_SIZE, 0 };
		int r;

		left = ZSTD_compressStream2(z->zst, &out, &in, end ? ZSTD_e_end : ZSTD_e_continue);
		if (ZSTD_isError(left))
			return err_kind(e, ERR_SYSTEM, -EIO, "zstd: %s", ZSTD_getErrorName(left));
		r = put(z, z->buf, out.pos, e);
		if (r < 0)
			return r;
	} while (end ? left != 0 : in.pos < in.size);
	return 0;
}

static int deflate_run(struct deflate *z, const void *data, size_t len, bool end, struct err *e)
{
	switch (z->kind) {
	case GZIP:
		return gz_run(z, data, len, end, e);
	case ZSTD:
		return zst_run(z, data, len, end, e);
	default:
		return put(z, data, len, e);
	}
}

int deflate_add(struct deflate *z, const void *data, size_t len, struct err *e)
{
	while (len) {
		size_t n = len < (1u << 30) ? len : 1u << 30;
		int r = deflate_run(z, data, n, false, e);

		if (r < 0)
			return r;
		data = (const char *)data + n;
		len -= n;
	}
	return 0;
}

int deflate_end(struct deflate *z, struct err *e)
{
	return deflate_run(z, NULL, 0, true, e);
}

struct deflate *deflate_free(struct deflate *z)
{
	if (!z)
		return NULL;
	ZSTD_freeCStream(z->zst);
	free(z->level_buf);
	free(z->buf);
	free(z);
	return NULL;
}
