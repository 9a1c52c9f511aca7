/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state file and the journal of a run directory, holding anything. What is accepted must write back and read again
 * as the same. Nothing is undone. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "runtime/journal.h"
#include "runtime/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int scratch = -EBADF;
static char path[64];

static void leave(void)
{
	tree_remove(AT_FDCWD, path, NULL);
}

static int begin(void)
{
	if (scratch >= 0)
		return 0;
	strcpy(path, "/tmp/creel-fuzz-record.XXXXXX");
	if (!mkdtemp(path))
		return -1;
	atexit(leave);
	scratch = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return scratch < 0 ? -1 : 0;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_record_ struct record a = { 0 }, b = { 0 };
	_cleanup_buf_ struct buf out = BUF_INIT;
	unsigned n;

	if (begin() < 0)
		return 0;
	if (file_replace(scratch, "state", data, size, 0600, false, NULL) == 0 && record_read(scratch, &a, NULL) == 0) {
		if ((unsigned)a.state >= RUN_STATE_MAX || !a.id || !a.name)
			abort();
		if (record_write(scratch, &a, NULL) == 0) {
			if (record_read(scratch, &b, NULL) < 0)
				abort();
			if (a.state != b.state || a.pid != b.pid || a.pid_start != b.pid_start || !same(a.id, b.id) ||
			    !same(a.cgroup, b.cgroup) || a.host_ifs.n != b.host_ifs.n || a.exit_status != b.exit_status)
				abort();
		}
	}
	if (file_replace(scratch, "journal", data, size, 0600, false, NULL) == 0)
		(void)journal_describe(scratch, &out, &n, NULL);
	return 0;
}
