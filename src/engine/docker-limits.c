/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Limits of a container that runs. */

#include "engine/docker-inner.h"

int docker_limits_apply(struct docker *d, struct docker_row *c, const struct json_c_value *body, struct err *e)
{
	_cleanup_spec_ struct spec s;
	struct container x = { .engine = d->engine, .id = c->id, .name = c->name };
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_free_ struct cg_item *items = NULL;
	size_t n = 0;
	int r;

	spec_init(&s);
	r = docker_resources(body, true, &s, e);
	if (r == 0 && s.cgroup.items.n) {
		items = calloc(s.cgroup.items.n, sizeof(*items));
		if (!items)
			return err_oom(e);
		LIST_EACH(i, &s.cgroup.items, struct spec_cgroup_item)
			items[n++] = (struct cg_item){ i->version, i->key, i->value };
		r = docker_running(c, &x.rec, e);
		if (r == 0)
			r = container_cgroup(&x, &g, e);
		if (r == 0)
			r = cg_apply(g, items, n, e);
	}
	record_done(&x.rec);
	return r;
}
