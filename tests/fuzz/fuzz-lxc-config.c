/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lxc.conf from any text: what is accepted must save, dump and edit back to the same spec; what is refused says why. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/lxc/global.h"
#include "dialect/lxc/lxc.h"
#include "dialect/lxc/update.h"
#include "spec/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

/* An include would read the machine's files: found bugs would not repeat elsewhere. */
static bool has_include(const char *text, size_t size)
{
	return memmem(text, size, "include", 7);
}

static void round_trips(const struct lxc_config *c, const struct spec *s)
{
	_cleanup_(lxc_config_freep) struct lxc_config *again = NULL;
	_cleanup_buf_ struct buf saved = BUF_INIT, dumped = BUF_INIT;
	_cleanup_spec_ struct spec loaded;
	struct err e = { 0 };

	MUST(lxc_save(s, &saved, &e) == 0);
	/* A value of several lines cannot be said, and this text has none; nothing may be lost silently. */
	MUST(lxc_config_parse(buf_str(&saved), saved.len, "saved", &again, &e) == 0);
	MUST(spec_equal(s, lxc_config_spec(again)));
	spec_init(&loaded);
	MUST(spec_dump(s, &dumped, &e) == 0);
	MUST(spec_load(&loaded, buf_str(&dumped), &e) == 0);
	MUST(spec_equal(s, &loaded));
}

/* What has been converted holds nothing more to convert. */
static void updates_once(const char *text, size_t size)
{
	_cleanup_buf_ struct buf first = BUF_INIT, second = BUF_INIT;
	unsigned changed = 0;

	MUST(lxc_update_text(text, size, &first, &changed, NULL) == 0);
	if (!changed)
		MUST(first.len == size && memcmp(buf_str(&first), text, size) == 0);
	MUST(lxc_update_text(buf_str(&first), first.len, &second, &changed, NULL) == 0);
	MUST(!changed && second.len == first.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(lxc_config_freep) struct lxc_config *c = NULL, *edited = NULL;
	_cleanup_strv_ struct strv globals = STRV_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *input = (const char *)data;
	struct err e = { 0 };

	updates_once(input, size);
	if (has_include(input, size))
		return 0;
	if (lxc_global_parse(input, size, "lxc.conf", "/home/u", &globals, &e) < 0)
		MUST(e.code && *e.msg && !globals.n);
	err_clear(&e);
	if (lxc_config_parse(input, size, "config", &c, &e) < 0) {
		MUST(e.code && startswith(e.msg, "config"));
		return 0;
	}
	round_trips(c, lxc_config_spec(c));
	(void)spec_validate(lxc_config_spec(c), NULL);
	MUST(lxc_config_set(c, "lxc.uts.name", "fuzz", &e) == 0);
	MUST(lxc_config_clear(c, "lxc.net", &e) == 0);
	MUST(lxc_config_set(c, "lxc.network.type", "veth", &e) == 0);
	MUST(lxc_config_text(c, &text, &e) == 0);
	MUST(lxc_config_parse(buf_str(&text), text.len, "config", &edited, &e) == 0);
	MUST(spec_equal(lxc_config_spec(c), lxc_config_spec(edited)));
	return 0;
}
