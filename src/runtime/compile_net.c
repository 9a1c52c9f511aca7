/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Compiling the network: every interface checked and resolved now, made beside the child, configured by it. */

#include <stdio.h>
#include <sys/socket.h>

#include "net/nat.h"
#include "runtime/compile.h"
#include "runtime/hook.h"

/* The addresses that a device of the host has: the kernel drops them when it moves. Those that it makes up for a link it
 * will make up again. */
static int keep_addresses(struct compiler *c, struct net_dev *d)
{
	_cleanup_free_ struct net_if_info *all = NULL;
	size_t n = 0;
	int r = net_list(-EBADF, &all, &n, c->e);

	for (size_t i = 0; i < n && r >= 0; i++) {
		if (!streq(all[i].name, d->link))
			continue;
		for (unsigned k = 0; k < all[i].n_addrs && d->n_addrs < NET_ADDR_MAX; k++) {
			const struct net_addr *a = &all[i].addrs[k];

			if (a->family != AF_INET6 || a->addr[0] != 0xfe || (a->addr[1] & 0xc0) != 0x80)
				d->addrs[d->n_addrs++] = *a;
		}
	}
	d->up = true;
	return r;
}

/* Into a name space of its own; an OCI container's also into one that it joins. */
static bool moves_devices(const struct compiler *c)
{
	return c->plan->ns_cloned & (1u << NS_NET) || (c->opts->oci && c->plan->share[NS_NET] && c->spec->nets.n);
}

/* What takes rights over the host's network, which an ordinary user has not: nothing of it is left out unsaid. */
static int check_user(struct compiler *c, const struct spec_net *s)
{
	const struct {
		bool said;
		const char *key;
	} no[] = {
		{ s->veth_mode && streq(s->veth_mode, "router"), "veth.mode = router" },
		{ s->veth_ipv4_routes.n, "veth.ipv4.route" },
		{ s->veth_ipv6_routes.n, "veth.ipv6.route" },
		{ tri_or(s->l2proxy, false), "l2proxy" },
		{ s->veth_vlan_id || s->veth_vlan_tagged.n, "veth.vlan" },
		{ s->veth_rxqueues != UNSET32 || s->veth_txqueues != UNSET32, "veth.n_rxqueues or n_txqueues" },
	};

	if (!streq(s->type, "veth"))
		return err_hint(c->e, err_kind(c->e, ERR_DENIED, -EPERM, "type %s needs root of the host", s->type),
				"an ordinary user's container can have veth (by lxc-user-nic), empty and none");
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		if (no[i].said)
			return err_kind(c->e, ERR_DENIED, -EPERM, "%s needs root of the host", no[i].key);
	return 0;
}

static int prepare_one(struct compiler *c, const struct spec_net *s, struct net_dev *ret)
{
	/* As LXC has it, an ordinary user's host ends are called as the helper likes. */
	const bool by_helper = c->opts->user_nic && !c->opts->oci;
	char *hwaddr = s->hwaddr ? plan_strdup(c->plan, s->hwaddr, c->e) : NULL;
	struct net_conf conf = {
		.type = s->type,
		.link = s->link,
		.name = s->name,
		.host_name = by_helper ? NULL : s->veth_pair,
		.hwaddr = hwaddr,
		.mtu = s->mtu == UNSET32 ? 0 : s->mtu,
		.up = tri_or(s->up, false),
		.l2proxy = tri_or(s->l2proxy, false),
		.ipv4 = &s->ipv4,
		.ipv6 = &s->ipv6,
		.ipv4_gateway = s->ipv4_gateway,
		.ipv6_gateway = s->ipv6_gateway,
		.mode = s->type && streq(s->type, "macvlan")  ? s->macvlan_mode
			: s->type && streq(s->type, "ipvlan") ? s->ipvlan_mode
							      : s->veth_mode,
		.isolation = s->ipvlan_isolation,
		.routes4 = &s->veth_ipv4_routes,
		.routes6 = &s->veth_ipv6_routes,
		.port_vlan = s->veth_vlan_id,
		.port_tagged = &s->veth_vlan_tagged,
		.vlan_id = s->vlan_id == UNSET32 ? 0 : s->vlan_id,
		.rxqueues = s->veth_rxqueues == UNSET32 ? 0 : s->veth_rxqueues,
		.txqueues = s->veth_txqueues == UNSET32 ? 0 : s->veth_txqueues,
	};
	int r = 0;

	if (s->hwaddr && !hwaddr)
		return -ENOMEM;
	if (by_helper)
		r = check_user(c, s);
	if (r == 0 && hwaddr)
		r = net_hwaddr_fill(hwaddr, c->e);
	if (r == 0)
		r = net_prepare(&conf, ret, c->e);
	/* What the host's end is called is the helper's to say. */
	if (r == 0 && by_helper) {
		ret->by_helper = true;
		ret->host_name[0] = '\0';
		memset(ret->host_mac, 0, sizeof(ret->host_mac));
	}
	if (r == 0 && tri_or(s->keep_conf, false))
		r = keep_addresses(c, ret);
	if (r < 0)
		return c->opts->oci ? err_wrap(c->e, r, "linux.netDevices: %s", s->link ?: "")
				    : err_wrap(c->e, r, "lxc.net.%u", s->index);
	return 0;
}

/* What the journal must keep of a device to undo it when all else is forgotten. */
static const char *undo_words(struct compiler *c, const struct net_dev *d)
{
	char words[900];

	return net_dev_print(d, words, sizeof(words), c->e) < 0 ? NULL : plan_strdup(c->plan, words, c->e);
}

/* D: NULL for what has no device. */
static int add_script(struct compiler *c, const struct spec_net *s, struct net_dev *d)
{
	const struct hook_ctx ctx = {
		.spec = c->spec,
		.name = c->spec->name,
		.config = c->opts->config,
		.rootfs_mount = c->plan->rootfs_mount,
		.log_level = c->opts->log_level,
	};
	/* The one of the end first: it is due once the one of the beginning may have done anything. */
	const char *const scripts[] = { s->script_down, s->script_up }, *const moments[] = { "down", "up" };

	/* It is promised to find the devices as they were. */
	if (d && s->script_down)
		d->keep = true;
	for (int up = 0; up < 2; up++) {
		struct hook_net n = {
			.script = scripts[up],
			.moment = moments[up],
			.type = s->type,
			.parent = d ? d->link : NULL,
			.peer = d && streq(s->type, "veth") ? d->host_name : NULL,
		};
		_cleanup_buf_ struct buf b = BUF_INIT;
		const char *line;
		int r;

		if (!n.script)
			continue;
		r = hook_net_line(&ctx, &n, &b, c->e);
		if (r < 0)
			return r;
		line = plan_strdup(c->plan, buf_str(&b), c->e);
		if (!line)
			return -ENOMEM;
		r = up ? compile_add(c, OP_PARENT, &op_net_script, line, NULL, 0, 0)
		       : compile_add_undo(c, OP_PARENT, &op_guard, "network script at the end", "script", line);
		if (r < 0)
			return r;
	}
	return 0;
}

/* A port that is somebody else's already must stay his: it is journalled all the same, for net_unpublish() looks. */
static int add_ports(struct compiler *c, const struct spec_net *s, const struct net_dev *d)
{
	for (size_t i = 0; i < s->publish.n; i++) {
		const char *port = plan_strdup(c->plan, s->publish.v[i], c->e);
		struct net_port p;
		struct op *op;
		int r = net_port_parse(s->publish.v[i], &p, c->e);

		if (r < 0)
			return r;
		op = port ? plan_add(c->plan, OP_PARENT, &op_net_publish, c->e) : NULL;
		if (!op)
			return -ENOMEM;
		op->args.a = port;
		op->args.b = d->host_name;
		op->undo_kind = "port";
		op->undo_arg = port;
	}
	return 0;
}

/* Of our own making. */
static bool has_device(const struct spec_net *s)
{
	return s->type && !streq(s->type, "none") && !streq(s->type, "empty");
}

/* Called while the host's operations are compiled: the devices are prepared, and their parent-side operations queued
 * behind the clone by their stage. */
int compile_nets_host(struct compiler *c)
{
	struct plan *p = c->plan;
	unsigned n = 0;
	int r = 0;

	p->nets = plan_alloc(p, (c->spec->nets.n + 1) * sizeof(*p->nets), c->e);
	if (!p->nets)
		return -ENOMEM;
	if (c->opts->oci && c->spec->nets.n && !moves_devices(c))
		return err_kind(c->e, ERR_INVALID, -EINVAL,
				"unable to move network devices without a private NET namespace");
	if (!moves_devices(c))
		return 0;
	LIST_EACH(s, &c->spec->nets, struct spec_net) {
		if (!has_device(s))
			continue;
		r = prepare_one(c, s, &p->nets[n]);
		if (r < 0)
			return r;
		n++;
	}
	p->n_nets = n;
	net_names(p->nets, n);
	n = 0;
	LIST_EACH(s, &c->spec->nets, struct spec_net) {
		struct net_dev *d = &p->nets[n];
		struct op *op;

		if (s->type && streq(s->type, "empty"))
			r = add_script(c, s, NULL);
		if (r == 0 && tri_or(s->user_out, false))
			r = compile_user_net(c, s);
		if (r < 0)
			return r;
		if (!has_device(s))
			continue;
		op = plan_add(p, OP_PARENT, &op_net_attach, c->e);
		if (!op)
			return -ENOMEM;
		op->net = d;
		op->undo_kind = "net";
		op->undo_arg = undo_words(c, d);
		if (!op->undo_arg)
			return -ENOMEM;
		r = add_ports(c, s, d);
		if (r == 0)
			r = add_script(c, s, d);
		if (r < 0)
			return r;
		n++;
	}
	return 0;
}

int compile_nets_child(struct compiler *c)
{
	struct op *op;

	if (!moves_devices(c))
		return 0;
	op = plan_add(c->plan, OP_CHILD, &op_net_configure, c->e);
	if (!op)
		return -ENOMEM;
	op->nets.devs = c->plan->nets;
	op->nets.n = c->plan->n_nets;
	return 0;
}
