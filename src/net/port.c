/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "net/driver.h"

/*
 * The host's end of a veth as a port of its bridge: the VLANs of a bridge that filters them, and all of Open vSwitch, whose
 * ports are rows of a database. With its user-space datapath a bridge of Open vSwitch is a tap device like any other: only the
 * database knows, which is not asked before the start.
 */

int net_port_vlans(const struct net_conf *c, const struct link_info *link, struct net_dev *d, struct err *e)
{
	uint32_t id;

	if (!isempty(c->port_vlan)) {
		d->has_port_vlan = true;
		if (!streq(c->port_vlan, "none")) {
			if (parse_u32(c->port_vlan, &id) < 0 || id == 0 || id > 4094)
				return err_kind(e, ERR_INVALID, -EINVAL,
						"bad veth.vlan.id '%s': expected none or 1-4094", c->port_vlan);
			d->port_vlan = (uint16_t)id;
		}
	}
	for (size_t i = 0; c->port_tagged && i < c->port_tagged->n; i++) {
		if (parse_u32(c->port_tagged->v[i], &id) < 0 || id == 0 || id > 4094)
			return err_kind(e, ERR_INVALID, -EINVAL, "bad veth.vlan.tagged.id '%s': expected 1-4094",
					c->port_tagged->v[i]);
		if (d->n_port_tagged == NET_VLAN_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d tagged VLANs on one interface",
					NET_VLAN_MAX);
		d->port_tagged[d->n_port_tagged++] = (uint16_t)id;
	}
	if (!d->has_port_vlan && !d->n_port_tagged)
		return 0;
	if (!link || d->mode != VETH_BRIDGE)
		return err_kind(e, ERR_INVALID, -EINVAL, "veth.vlan.id: only a port of a bridge has VLANs");
	if (streq(link->kind, "bridge") && !link->vlan_filtering)
		return err_hint(e,
				err_kind(e, ERR_INVALID, -EOPNOTSUPP,
					 "bridge '%s' does not filter VLANs, as veth.vlan.id needs it", link->name),
				"ip link set dev %s type bridge vlan_filtering 1", link->name);
	return 0;
}

/* --- the kernel's bridge ------------------------------------------------------------------------------------------ */

static void vlan(struct nl_batch *b, bool add, int ifindex, const char *port, uint16_t id, uint16_t flags)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = ifindex };
	struct bridge_vlan_info info = { .flags = flags, .vid = id };
	struct nlattr *spec;

	nl_msg(b, add ? RTM_SETLINK : RTM_DELLINK, 0, &ifi, sizeof(ifi), "%s VLAN %u %s port '%s'",
	       add ? "add" : "remove", id, add ? "to" : "from", port);
	spec = nl_nest(b, IFLA_AF_SPEC);
	nl_put(b, IFLA_BRIDGE_VLAN_INFO, &info, sizeof(info));
	nl_unnest(b, spec);
}

int net_port_filter(const struct net_dev *d, const struct link_info *bridge, int fd, struct err *e)
{
	int port = link_index(fd, d->host_name);
	struct nl_batch b;

	if (port < 0)
		return err_set(e, port, "look interface '%s' up", d->host_name);
	nl_begin(&b, fd, e);
	if (d->has_port_vlan && d->port_vlan != bridge->default_pvid) {
		if (bridge->default_pvid)
			vlan(&b, false, port, d->host_name, bridge->default_pvid, 0);
		if (d->port_vlan)
			vlan(&b, true, port, d->host_name, d->port_vlan,
			     BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED);
	}
	for (unsigned i = 0; i < d->n_port_tagged; i++)
		vlan(&b, true, port, d->host_name, d->port_tagged[i], 0);
	return nl_commit(&b);
}

/* --- Open vSwitch -------------------------------------------------------------------------------------------------- */

/* 0, or its status with what it said in *RET_OUT (free()), or -errno. */
static int vsctl(char *const *argv, char **ret_out, struct err *e)
{
	struct spawn s = { .path = "ovs-vsctl", .argv = argv };

	return spawn_run(&s, ret_out, e);
}

static int vsctl_port(const char *verb, const char *bridge, const char *port, char **ret_out, struct err *e)
{
	const char *argv[] = { "ovs-vsctl", verb, bridge, port, NULL };
	int r = vsctl((char *const *)(uintptr_t)argv, ret_out, e);

	if (r == -ENOENT)
		return err_hint(e, r, "'%s' is an Open vSwitch bridge: install openvswitch-switch", bridge);
	return r;
}

static int vsctl_failed(const char *what, const char *bridge, const char *port, const char *out, struct err *e)
{
	return err_kind(e, ERR_SYSTEM, -EIO, "ovs-vsctl %s %s %s: %.*s", what, bridge, port,
			(int)strcspn(out ?: "", "\n"), out ?: "");
}

bool net_ovs_maybe(const struct link_info *l)
{
	_cleanup_free_ char *program = NULL;

	if (streq(l->kind, "openvswitch"))
		return true;
	if (!streq(l->kind, "tun"))
		return false;
	program = spawn_find("ovs-vsctl");
	return program != NULL;
}

static int check_bridge(const char *name, struct err *e)
{
	const char *argv[] = { "ovs-vsctl", "br-exists", name, NULL };
	_cleanup_free_ char *out = NULL;
	int r = vsctl((char *const *)(uintptr_t)argv, &out, e);

	/* 2 is its word for no. */
	return r == 2  ? err_kind(e, ERR_INVALID, -EINVAL, "interface '%s' is not a bridge", name)
	       : r > 0 ? vsctl_failed("br-exists", name, "", out, e)
		       : r;
}

/* As LXC says it: without tagged ones an access port; else the untagged ones go to the native VLAN, or nowhere. */
static int ovs_vlans(const struct net_dev *d, struct err *e)
{
	char mode[] = "vlan_mode=native-untagged", tag[16], trunks[16 + NET_VLAN_MAX * 5] = "trunks=";
	const char *argv[8] = { "ovs-vsctl", "set", "port", d->host_name, mode };
	_cleanup_free_ char *out = NULL;
	size_t n = strlen(trunks), k = 5;
	int r;

	if (d->has_port_vlan && !d->port_vlan && !d->n_port_tagged)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"veth.vlan.id = none on Open vSwitch bridge '%s' needs a veth.vlan.tagged.id", d->link);
	if (d->has_port_vlan)
		snprintf(mode, sizeof(mode), "vlan_mode=%s",
			 !d->port_vlan	    ? "trunk"
			 : d->n_port_tagged ? "native-untagged"
					    : "access");
	if (d->port_vlan) {
		snprintf(tag, sizeof(tag), "tag=%u", d->port_vlan);
		argv[k++] = tag;
	}
	for (unsigned i = 0; i < d->n_port_tagged; i++)
		n += (size_t)snprintf(trunks + n, sizeof(trunks) - n, "%s%u", i ? "," : "", d->port_tagged[i]);
	if (d->n_port_tagged)
		argv[k++] = trunks;
	argv[k] = NULL;
	r = vsctl((char *const *)(uintptr_t)argv, &out, e);
	return r > 0 ? vsctl_failed("set port", d->link, d->host_name, out, e) : r;
}

int net_ovs_add(const struct net_dev *d, struct err *e)
{
	_cleanup_free_ char *out = NULL;
	int r = check_bridge(d->link, e);

	if (r == 0)
		r = vsctl_port("add-port", d->link, d->host_name, &out, e);

	/* A port of that name which outlived its interface. */
	if (r > 0 && out && strstr(out, "already exists")) {
		r = net_ovs_del(d, e);
		if (r == 0) {
			free(TAKE_PTR(out));
			r = vsctl_port("add-port", d->link, d->host_name, &out, e);
		}
	}
	if (r > 0)
		return vsctl_failed("add-port", d->link, d->host_name, out, e);
	return r < 0 || !(d->has_port_vlan || d->n_port_tagged) ? r : ovs_vlans(d, e);
}

int net_ovs_del(const struct net_dev *d, struct err *e)
{
	_cleanup_free_ char *out = NULL;
	int r = vsctl_port("del-port", d->link, d->host_name, &out, e);

	if (r > 0 && out && strstr(out, "no port named"))
		return 0;
	return r > 0 ? vsctl_failed("del-port", d->link, d->host_name, out, e) : r;
}
