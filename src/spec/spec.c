/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spec/spec.h"

#include <errno.h>

#include "base/file.h"
#include "spec/field.h"

void spec_init(struct spec *s)
{
	*s = (struct spec){ 0 };
	fields_init(spec_fields, s);
}

void spec_done(struct spec *s)
{
	fields_clear(spec_fields, s);
}

int spec_copy(struct spec *to, const struct spec *from, struct err *e)
{
	int r = fields_copy(spec_fields, to, from, e);

	if (r < 0)
		fields_clear(spec_fields, to);
	return r;
}

bool spec_equal(const struct spec *a, const struct spec *b)
{
	return fields_equal(spec_fields, a, b);
}

int spec_name_check(const char *name, struct err *e)
{
	bool ok = path_is_component(name);

	for (const char *p = name; ok && *p; p++)
		ok = (unsigned char)*p >= ' ' && *p != 0x7f;
	if (!ok)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"container name '%.200s': expected 1 to 255 bytes without '/' or control characters",
				name);
	return 0;
}
