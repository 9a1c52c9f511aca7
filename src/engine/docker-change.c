/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The instructions that commit and import take: a Dockerfile's, of those that say something of the image's configuration. */

#include "engine/docker-inner.h"
#include "image/build/apply.h"

int docker_change(struct container_config *c, const char *line, struct err *e)
{
	_cleanup_free_ char *copy = strdup(line);
	char *const lines[] = { copy, NULL };
	struct image_config whole;
	int r;

	if (!copy)
		return err_oom(e);
	image_config_init(&whole);
	container_config_done(&whole.config);
	/* Lent, and back again. */
	whole.config = *c;
	r = config_changes(&whole, lines, e);
	*c = whole.config;
	container_config_init(&whole.config);
	image_config_done(&whole);
	return r;
}
