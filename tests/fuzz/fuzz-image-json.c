/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A manifest, an index or an image's configuration: what is taken is written, read again, and written the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(struct buf *a, struct buf *b)
{
	if (a->len != b->len || memcmp(buf_str(a), buf_str(b), a->len) != 0)
		abort();
	buf_done(a);
	buf_done(b);
}

static void check_manifest(const char *text, size_t len)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct manifest m, again;
	struct err e = { 0 };

	if (manifest_parse(text, len, NULL, &m, &e) < 0) {
		if (!e.msg[0])
			abort();
		return;
	}
	for (size_t i = 0; i < m.n_layers; i++)
		if (!digest_valid(m.layers[i].digest))
			abort();
	if (manifest_write(&m, &a, &e) < 0 || manifest_parse(buf_str(&a), a.len, NULL, &again, &e) < 0 ||
	    manifest_write(&again, &b, &e) < 0)
		abort();
	same(&a, &b);
	manifest_done(&m);
	manifest_done(&again);
}

static void check_config(const char *text, size_t len)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	struct image_config c, again;
	struct err e = { 0 };

	if (image_config_parse(text, len, &c, &e) < 0) {
		if (!e.msg[0])
			abort();
		return;
	}
	if (image_config_write(&c, &a, &e) < 0 || image_config_parse(buf_str(&a), a.len, &again, &e) < 0 ||
	    image_config_write(&again, &b, &e) < 0)
		abort();
	same(&a, &b);
	image_config_done(&c);
	image_config_done(&again);
}

static void check_index(const char *text, size_t len)
{
	struct image_index x;

	if (image_index_parse(text, len, &x, NULL) < 0)
		return;
	(void)image_index_pick(&x, NULL);
	image_index_done(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;

	check_manifest(text, size);
	check_index(text, size);
	check_config(text, size);
	return 0;
}
