/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The clock of health checks: what is done and what it means is the program's that is run. */

#include <time.h>
#include <unistd.h>

#include "keeper/inner.h"

#define NS_PER_MS 1000000u

uint64_t keeper_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

void probe_set(struct keeper *k, uint64_t ns)
{
	k->probe_at = ns ? keeper_now() + ns : 0;
}

int keeper_ms_until(uint64_t at)
{
	uint64_t t;

	if (!at)
		return -1;
	t = keeper_now();
	return at <= t ? 0 : (at - t) / NS_PER_MS >= 3600000 ? 3600000 : (int)((at - t) / NS_PER_MS) + 1;
}

int probe_timeout(const struct keeper *k)
{
	/* One at a time, and none of a container that has ended. */
	return k->probe > 0 || k->init <= 0 || !k->creel ? -1 : keeper_ms_until(k->probe_at);
}

void probe_run(struct keeper *k)
{
	if (probe_timeout(k) != 0)
		return;
	probe_set(k, k->probe_every);
	k->probe = fork();
	if (k->probe == 0)
		keeper_exec(k->creel, (char *[]){ (char *)"creel", (char *)"keeper-probe", (char *)k->id, NULL });
}
