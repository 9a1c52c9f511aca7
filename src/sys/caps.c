/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdatomic.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAPS_MAX 64 /* two words in the system calls' version 3 */

int caps_get(struct cap_sets *ret)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2] = { 0 };

	if (syscall(SYS_capget, &head, d) < 0)
		return -errno;
	*ret = (struct cap_sets){
		.effective = (uint64_t)d[1].effective << 32 | d[0].effective,
		.permitted = (uint64_t)d[1].permitted << 32 | d[0].permitted,
		.inheritable = (uint64_t)d[1].inheritable << 32 | d[0].inheritable,
	};
	return 0;
}

int caps_set(const struct cap_sets *sets)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct d[2];

	for (unsigned i = 0; i < 2; i++) {
		d[i].effective = (uint32_t)(sets->effective >> 32 * i);
		d[i].permitted = (uint32_t)(sets->permitted >> 32 * i);
		d[i].inheritable = (uint32_t)(sets->inheritable >> 32 * i);
	}
	return syscall(SYS_capset, &head, d) < 0 ? -errno : 0;
}

unsigned caps_last(void)
{
	/* A kernel's, for ever. */
	static atomic_uint known;
	unsigned low = 0, high = CAPS_MAX;

	if (known)
		return known;
	/* Known capabilities are 0 … last without gaps, anything above is EINVAL. */
	while (high - low > 1) {
		unsigned mid = (low + high) / 2;

		if (prctl(PR_CAPBSET_READ, (unsigned long)mid, 0, 0, 0) >= 0)
			low = mid;
		else
			high = mid;
	}
	known = low;
	return low;
}

int caps_bound(uint64_t keep)
{
	for (unsigned long c = 0; c < CAPS_MAX; c++) {
		int had = -1;

		if (keep >> c & 1 || prctl(PR_CAPBSET_DROP, c, 0, 0, 0) == 0)
			continue;
		/* Dropping needs CAP_SETPCAP even where there is nothing to drop. */
		if (errno == EPERM)
			had = prctl(PR_CAPBSET_READ, c, 0, 0, 0);
		if (had < 0)
			return errno == EINVAL && c > 0 ? 0 : -errno;
		if (had)
			return -EPERM;
	}
	return 0;
}

int caps_clear_ambient(void)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

int caps_raise_ambient(uint64_t set)
{
	for (unsigned long c = 0; c < CAPS_MAX; c++)
		if (set >> c & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, c, 0, 0) < 0)
			return -errno;
	return 0;
}
