/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/images.h"

void progress_say(const struct progress *p, const char *id, const char *status, uint64_t current, uint64_t total)
{
	if (p && p->event)
		p->event(p->arg, &(struct progress_event){ id, status, current, total });
}
