/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* config.json from any text: what is accepted must save to what is accepted as the same spec, with nothing unsaid, and
 * must dump and load; what is refused says why. The same text is tried as process.json and as resources. */
#include <stdint.h>
#include <stdlib.h>

#include "dialect/oci/oci.h"
#include "spec/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)               \
	do {                     \
		if (!(cond))     \
			abort(); \
	} while (0)

static void round_trips(const struct spec *s)
{
	_cleanup_buf_ struct buf saved = BUF_INIT, dumped = BUF_INIT;
	_cleanup_strv_ struct strv unsaid = STRV_INIT;
	_cleanup_spec_ struct spec again, loaded;
	struct err e = { 0 };

	spec_init(&again);
	MUST(oci_save(s, &saved, &unsaid, &e) == 0);
	MUST(!unsaid.n);
	MUST(oci_load(buf_str(&saved), saved.len, "saved", "/b", &again, NULL, &e) == 0);
	MUST(spec_equal(s, &again));
	spec_init(&loaded);
	MUST(spec_dump(s, &dumped, &e) == 0);
	MUST(spec_load(&loaded, buf_str(&dumped), &e) == 0);
	MUST(spec_equal(s, &loaded));
}

static void one_line(const struct strv *l)
{
	for (size_t i = 0; i < l->n; i++)
		MUST(!strchr(l->v[i], '\n'));
}

static void whole(const char *text, size_t size)
{
	_cleanup_oci_info_ struct oci_info info = { 0 };
	_cleanup_spec_ struct spec s;
	struct err e = { 0 };

	spec_init(&s);
	if (oci_load(text, size, "config.json", "/b", &s, &info, &e) < 0) {
		MUST(e.code && startswith(e.msg, "config.json:") && !strchr(e.msg, '\n'));
		return;
	}
	one_line(&info.ignored);
	one_line(&info.warnings);
	MUST(info.version);
	round_trips(&s);
	(void)spec_validate(&s, NULL);
}

static void parts(const char *text, size_t size)
{
	_cleanup_oci_info_ struct oci_info info = { 0 };
	_cleanup_spec_ struct spec process, resources;
	_cleanup_buf_ struct buf saved = BUF_INIT;
	struct err e = { 0 };

	spec_init(&process);
	spec_init(&resources);
	if (oci_process_load(text, size, "p", &process, &info, &e) < 0)
		MUST(e.code && startswith(e.msg, "p:"));
	else
		MUST(process.process.args.n && process.process.cwd);
	if (oci_resources_load(text, size, "r", &resources, &info, &e) < 0)
		MUST(e.code && startswith(e.msg, "r:"));
	MUST(oci_save(&resources, &saved, NULL, NULL) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	whole((const char *)data, size);
	parts((const char *)data, size);
	return 0;
}
