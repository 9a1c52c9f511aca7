/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What no single field can check: pairs that exclude each other, ranges that overlap, members that need another. */
#include <errno.h>

#include "spec/field.h"

static int invalid(struct err *e, const char *what, const char *why)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "%s: %s", what, why);
}

static bool overlap(uint32_t a, uint32_t na, uint32_t b, uint32_t nb)
{
	return (uint64_t)a < (uint64_t)b + nb && (uint64_t)b < (uint64_t)a + na;
}

static bool same_kind(char a, char b)
{
	return a == b || a == 'b' || b == 'b';
}

static int validate_idmaps(const struct spec *s, struct err *e)
{
	LIST_EACH(m, &s->idmaps, struct spec_idmap) {
		if (!m->type)
			return invalid(e, "idmaps", "expected the kind u, g or b of each range");
		/* The kernel refuses empty ranges, ranges past the last id, and overlaps of either side. */
		if (!m->range || (uint64_t)m->nsid + m->range > UINT32_MAX ||
		    (uint64_t)m->hostid + m->range > UINT32_MAX)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"idmaps: range %c %u %u %u is empty or leaves the id space", m->type, m->nsid,
					m->hostid, m->range);
		LIST_EACH(o, &s->idmaps, struct spec_idmap) {
			if (o >= m || !same_kind(o->type, m->type))
				continue;
			if (overlap(o->nsid, o->range, m->nsid, m->range) ||
			    overlap(o->hostid, o->range, m->hostid, m->range))
				return err_kind(e, ERR_INVALID, -EINVAL,
						"idmaps: range %c %u %u %u overlaps range %c %u %u %u", m->type,
						m->nsid, m->hostid, m->range, o->type, o->nsid, o->hostid, o->range);
		}
	}
	return 0;
}

/* Members that only one kind of interface has. */
static int validate_net_kind(const struct spec_net *n, struct err *e)
{
	static const struct {
		const char *prefix, *type;
	} kinds[] = { { "veth_", "veth" }, { "vlan_id", "vlan" }, { "macvlan_", "macvlan" }, { "ipvlan_", "ipvlan" } };
	const struct field *net = field_row(spec_fields, "net", 3);

	for (const struct field *f = net->sub; f->name; f++) {
		for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
			if (!startswith(f->name, kinds[i].prefix) || !field_is_set(f, n) ||
			    streq(n->type, kinds[i].type))
				continue;
			return err_kind(e, ERR_INVALID, -EINVAL, "net.%u.%s: is for type %s, and this one is %s",
					n->index, f->name, kinds[i].type, n->type);
		}
	}
	return 0;
}

static int validate_nets(const struct spec *s, struct err *e)
{
	int r;

	LIST_EACH(n, &s->nets, struct spec_net) {
		if (!n->type)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"net.%u.type: expected veth, phys, none …, not nothing", n->index);
		r = validate_net_kind(n, e);
		if (r < 0)
			return r;
		if (!n->link && (streq(n->type, "phys") || streq(n->type, "ipvlan") || streq(n->type, "macvlan") ||
				 streq(n->type, "vlan")))
			return err_kind(e, ERR_INVALID, -EINVAL, "net.%u.link: a %s interface needs a parent", n->index,
					n->type);
		LIST_EACH(o, &s->nets, struct spec_net)
			if (o < n && n->name && o->name && streq(n->name, o->name))
				return err_kind(e, ERR_INVALID, -EINVAL, "net.%u.name: net.%u is called '%s' already",
						n->index, o->index, n->name);
	}
	return 0;
}

static int validate_rlimits(const struct spec *s, struct err *e)
{
	LIST_EACH(l, &s->process.rlimits, struct spec_rlimit)
		if (l->soft > l->hard)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"process.rlimits: %s: the soft limit is above the hard one",
					l->resource ?: "?");
	return 0;
}

int spec_validate(const struct spec *s, struct err *e)
{
	int r;

	if (s->name) {
		r = spec_name_check(s->name, e);
		if (r < 0)
			return r;
	}
	if (s->process.cap_drop.n && s->process.cap_keep.n)
		return invalid(e, "process.cap_keep", "cannot stand beside process.cap_drop: say one of them");
	if (s->process.cap_keep.n > 1 && strv_has(&s->process.cap_keep, "none"))
		return invalid(e, "process.cap_keep", "'none' cannot stand beside other capabilities");
	if (s->ns_clone && s->ns_keep)
		return invalid(e, "ns.keep", "cannot stand beside ns.clone: say one of them");
	/* Sharing wins over ns.clone, which tools put in as a whole; kept and shared at once is a contradiction. */
	for (unsigned i = 0; i < NS_MAX; i++)
		if (s->ns_share[i] && s->ns_keep & 1u << i)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"ns.share.%s: the name space cannot also be in ns.keep", spec_ns_names[i]);
	if (s->cgroup.dir_container && s->cgroup.dir)
		return invalid(e, "cgroup.dir_container", "cannot stand beside cgroup.dir: say one of them");
	r = validate_idmaps(s, e);
	r = r < 0 ? r : validate_nets(s, e);
	return r < 0 ? r : validate_rlimits(s, e);
}
