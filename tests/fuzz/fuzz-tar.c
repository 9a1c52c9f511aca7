/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A tar stream: every entry and all its data are read; nothing is made of them. Header checksums are made right first, or
 * no input would get far. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/tar-read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every block that has the magic of a header. */
static void fix_sums(char *data, size_t size)
{
	for (size_t at = 0; at + TAR_BLOCK <= size; at += TAR_BLOCK) {
		unsigned sum = 0;

		if (memcmp(data + at + 257, "ustar", 5) != 0)
			continue;
		memset(data + at + 148, ' ', 8);
		for (unsigned i = 0; i < TAR_BLOCK; i++)
			sum += (unsigned char)data[at + i];
		snprintf(data + at + 148, 8, "%06o", sum);
	}
}

static int read_all(struct tar_reader *t, struct err *e)
{
	for (;;) {
		struct tar_entry entry = { 0 };
		const char *bytes;
		uint64_t end = 0;
		ssize_t n;
		int r = tar_next(t, &entry, e);

		if (r <= 0)
			return r;
		if (!entry.name || !entry.link || strlen(entry.name) > TAR_NAME_MAX || entry.n_xattrs > TAR_XATTRS_MAX)
			abort();
		for (size_t i = 0; i < entry.n_map; i++) {
			if (entry.map[i].at < end || entry.map[i].at + entry.map[i].len > entry.size)
				abort();
			end = entry.map[i].at + entry.map[i].len;
		}
		while ((n = tar_data(t, &bytes, 4096, e)) > 0)
			;
		tar_entry_done(&entry);
		if (n < 0)
			return (int)n;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_close_ int fd = memfd_create("tar", MFD_CLOEXEC);
	char *copy = malloc(size + 1);
	struct tar_reader t;
	struct err e = { 0 };

	if (!copy || fd < 0)
		abort();
	memcpy(copy, data, size);
	fix_sums(copy, size);
	if (fd_write_all(fd, copy, size) < 0 || lseek(fd, 0, SEEK_SET) < 0 || tar_reader_init(&t, fd, &e) < 0)
		abort();
	if (read_all(&t, &e) < 0 && !e.msg[0])
		abort();
	tar_reader_done(&t);
	free(copy);
	return 0;
}
