/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lxc-usernet and the database of interfaces: what lxc-user-nic reads as root. What is kept can be read again. */
#include <stdint.h>
#include <stdlib.h>

#include "usernic/usernic.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool any_group(void *arg, const char *group)
{
	return strlen(group) < USERNIC_WORD_MAX * 2;
}

static size_t keep_all(const char *text, struct buf *out)
{
	struct nic n;
	size_t count = 0;

	for (const char *pos = text; nic_next(&pos, &n); count++)
		nic_print(&n, out);
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	_cleanup_buf_ struct buf once = BUF_INIT, twice = BUF_INIT;
	struct allot a[USERNIC_ALLOT_MAX];
	size_t n, first, second;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	n = allot_find(text, "alice", any_group, NULL, "veth", "br0", a);
	if (n > USERNIC_ALLOT_MAX || allot_pick(a, n, text, "veth", "br0") >= (int)n + !n)
		abort();
	first = keep_all(text, &once);
	second = keep_all(buf_str(&once), &twice);
	if (first != second || once.len != twice.len)
		abort();
	return 0;
}
