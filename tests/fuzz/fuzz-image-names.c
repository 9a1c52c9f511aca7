/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A name of an image, or a platform: what is taken is written out and read again, and is the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "image/manifest.h"
#include "image/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(const char *text, bool familiar)
{
	struct reference r = { 0 }, again = { 0 };
	struct buf b = BUF_INIT, full = BUF_INIT;
	struct err e = { 0 };

	if (reference_parse(text, &r, &e) < 0) {
		if (!e.msg[0])
			abort();
		return;
	}
	if (strlen(r.path) > REFERENCE_NAME_MAX || (r.tag && strlen(r.tag) > REFERENCE_TAG_MAX) || strstr(r.path, ".."))
		abort();
	reference_full(&r, &full);
	if (familiar)
		reference_familiar(&r, &b);
	else
		reference_full(&r, &b);
	if (reference_parse(buf_str(&b), &again, &e) == 0) {
		buf_reset(&b);
		reference_full(&again, &b);
		if (!streq(buf_str(&b), buf_str(&full)))
			abort();
	} else if (!familiar) {
		abort();
	}
	reference_done(&again);
	reference_done(&r);
	buf_done(&b);
	buf_done(&full);
}

static void check_platform(const char *text)
{
	struct platform p = { 0 }, again = { 0 };
	struct buf b = BUF_INIT, c = BUF_INIT;

	if (platform_parse(text, &p, NULL) < 0)
		return;
	platform_format(&p, &b);
	if (platform_parse(buf_str(&b), &again, NULL) < 0)
		abort();
	platform_format(&again, &c);
	if (!streq(buf_str(&b), buf_str(&c)))
		abort();
	platform_done(&p);
	platform_done(&again);
	buf_done(&b);
	buf_done(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	if (!text)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	check_name(text, false);
	check_name(text, true);
	check_platform(text);
	free(text);
	return 0;
}
