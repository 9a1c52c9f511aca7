/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Option lists of fstab lines. What is left as the file system's data must parse to itself. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sys/mount.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct mount_opts m, again;
	_cleanup_free_ char *text = strndup((const char *)data, size);
	struct err e = { 0 };

	if (!text)
		return 0;
	if (mount_opts_parse(text, &m, &e) < 0) {
		if (!e.msg[0])
			abort();
		return 0;
	}
	/* The last of two that exclude each other has won, the whole atime field apart. */
	if ((m.attr_set & m.attr_clr & ~(uint64_t)0x70) || (m.rattr_set & m.rattr_clr & ~(uint64_t)0x70))
		abort();
	if (m.create_dir && m.create_file)
		abort();
	if (!memchr(m.data, 0, sizeof(m.data)) || !memchr(m.idmap, 0, sizeof(m.idmap)))
		abort();
	if (mount_opts_parse(m.data, &again, &e) < 0 || strcmp(again.data, m.data) != 0 || again.attr_set || again.bind)
		abort();
	return 0;
}
