/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lxc-usernet and the data base of interfaces: what lxc-user-nic reads as root. What is kept can be read again. */
#include <stdint.h>
#include <stdlib.h>

#include "usernic/quota.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool any_group(void *arg, const char *group)
{
	return strlen(group) < QUOTA_WORD;
}

static bool all(const struct nic_entry *n, void *arg)
{
	++*(size_t *)arg;
	return nic_name_ok(n->nic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *text = malloc(size + 1);
	_cleanup_buf_ struct buf once = BUF_INIT, twice = BUF_INIT;
	struct quota q[QUOTAS_MAX];
	struct nic_entry n;
	size_t first = 0, second = 0;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (quota_find(text, "alice", any_group, NULL, "veth", "br0", q) > QUOTAS_MAX)
		abort();
	(void)nic_entry_scan((const char *)data, size, &n);
	(void)nic_find(text, 1000, "veth", "br0", "veth0", &n);
	nic_filter(text, all, &first, &once);
	nic_filter(buf_str(&once), all, &second, &twice);
	if (first != second || once.len != twice.len || nic_count(text, "alice", "veth", "br0") > first)
		abort();
	return 0;
}
