/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates of --format: a first line that is one, and data behind it (else some of our own). */
#include <stdlib.h>
#include <string.h>

#include "cli/docker/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = strndup((const char *)data, size);
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_(template_freep) struct template *t = NULL;
	struct json_object *o = NULL;
	struct err e = { 0 };
	char *line;

	if (!text)
		return 0;
	out.limit = 1 << 20;
	line = strchr(text, '\n');
	if (line) {
		*line++ = '\0';
		o = json_tokener_parse(line);
	}
	if (!o)
		o = json_tokener_parse(
			"{\"A\":\"x\",\"N\":5,\"L\":[\"a\",\"b\"],\"M\":{\"k\":{\"j\":null}},\"X()\":{\"k\":\"v\"}}");
	if (template_parse(text, &t, &e) == 0) {
		(void)template_execute(t, o, 0, &out, &e);
		buf_reset(&out);
		(void)template_execute(t, o, TEMPLATE_HEADER, &out, &e);
	} else if (!*e.msg) {
		abort();
	}
	json_object_put(o);
	return 0;
}
