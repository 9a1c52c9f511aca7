/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>

#include "base/fd.h"
#include "net/driver.h"

/*
 * macvlan, ipvlan, vlan: an interface on top of the host's LINK, made in the container's name space at once. It would go
 * with that name space, but some time later, and until then the next start finds its VLAN, address or parent taken: so
 * the name space is kept, and the interface deleted.
 */

const struct name net_macvlan_modes[] = {
	{ "private", MACVLAN_MODE_PRIVATE },
	{ "vepa", MACVLAN_MODE_VEPA },
	{ "bridge", MACVLAN_MODE_BRIDGE },
	{ "passthru", MACVLAN_MODE_PASSTHRU },
	{ NULL, 0 },
};
const struct name net_ipvlan_modes[] = {
	{ "l3", IPVLAN_MODE_L3 }, { "l3s", IPVLAN_MODE_L3S }, { "l2", IPVLAN_MODE_L2 }, { NULL, 0 }
};
const struct name net_ipvlan_isolations[] = {
	{ "bridge", 0 }, { "private", IPVLAN_F_PRIVATE }, { "vepa", IPVLAN_F_VEPA }, { NULL, 0 }
};

static int create(const struct net_dev *d, int fd, int netns_fd, struct err *e)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	int parent = link_index(fd, d->link), r;
	struct nlattr *info, *data;
	struct nl_batch b;

	if (parent < 0)
		return err_set(e, parent, "look interface '%s' up", d->link);
	nl_begin(&b, fd, e);
	nl_msg(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), "create %s '%s' on '%s'", d->type,
	       d->name, d->link);
	nl_put_str(&b, IFLA_IFNAME, d->name[0] ? d->name : "eth%d");
	nl_put_u32(&b, IFLA_LINK, (uint32_t)parent);
	nl_put_u32(&b, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	if (d->has_mac)
		nl_put(&b, IFLA_ADDRESS, d->mac, 6);
	if (d->mtu)
		nl_put_u32(&b, IFLA_MTU, d->mtu);
	info = nl_nest(&b, IFLA_LINKINFO);
	nl_put_str(&b, IFLA_INFO_KIND, d->type);
	data = nl_nest(&b, IFLA_INFO_DATA);
	if (streq(d->type, "macvlan"))
		nl_put_u32(&b, IFLA_MACVLAN_MODE, d->mode);
	if (streq(d->type, "ipvlan")) {
		nl_put_u16(&b, IFLA_IPVLAN_MODE, (uint16_t)d->mode);
		nl_put_u16(&b, IFLA_IPVLAN_FLAGS, (uint16_t)d->isolation);
	}
	if (streq(d->type, "vlan"))
		nl_put_u16(&b, IFLA_VLAN_ID, (uint16_t)d->vlan_id);
	nl_unnest(&b, data);
	nl_unnest(&b, info);
	r = nl_commit(&b);
	if (r == -EOPNOTSUPP)
		return err_hint(e, r, "load the module with: modprobe %s", streq(d->type, "vlan") ? "8021q" : d->type);
	if (r == -EBUSY)
		return err_hint(e, r, "'%s' may already be a bridge's port or carry %s", d->link,
				streq(d->type, "macvlan") ? "ipvlan interfaces" : "macvlan interfaces");
	return r;
}

static int detach(const struct net_dev *d, int fd, int netns_fd, struct err *e)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	_cleanup_close_ int inner = -EBADF;
	struct nl_batch b;
	int r = net_l2proxy(d, fd, false, e);

	if (r < 0 || netns_fd < 0)
		return r;
	inner = nl_open(netns_fd, e);
	if (inner < 0)
		return inner;
	nl_begin(&b, inner, e);
	nl_msg(&b, RTM_DELLINK, 0, &ifi, sizeof(ifi), "delete %s '%s'", d->type, d->name);
	nl_allow(&b, -ENODEV);
	nl_put_str(&b, IFLA_IFNAME, d->name);
	return nl_commit(&b);
}

static int macvlan_prepare(const struct net_conf *c, const struct link_info *link, struct net_dev *d, struct err *e)
{
	d->keep = true;
	return 0;
}

static int vlan_prepare(const struct net_conf *c, const struct link_info *link, struct net_dev *d, struct err *e)
{
	d->keep = true;
	if (c->vlan_id > 4094)
		return err_kind(e, ERR_INVALID, -EINVAL, "bad vlan id %u: expected 0-4094", c->vlan_id);
	return 0;
}

static int ipvlan_prepare(const struct net_conf *c, const struct link_info *link, struct net_dev *d, struct err *e)
{
	const struct name *i =
		isempty(c->isolation) ? net_ipvlan_isolations : name_find(net_ipvlan_isolations, c->isolation);

	if (!i)
		return err_kind(e, ERR_INVALID, -EINVAL, "bad ipvlan isolation '%s': expected bridge, private or vepa",
				c->isolation);
	d->isolation = (uint32_t)i->value;
	if (d->l2proxy && d->mode != IPVLAN_MODE_L3S)
		return err_kind(e, ERR_INVALID, -EINVAL, "l2proxy on an ipvlan needs its mode to be l3s");
	d->keep = true;
	return 0;
}

static int ipvlan_attach(const struct net_dev *d, int fd, int netns_fd, struct err *e)
{
	int r = create(d, fd, netns_fd, e);

	return r < 0 ? r : net_l2proxy(d, fd, true, e);
}

const struct net_driver net_driver_macvlan = {
	.type = "macvlan",
	.needs_link = true,
	.modes = net_macvlan_modes,
	.prepare = macvlan_prepare,
	.attach = create,
	.detach = detach,
};
const struct net_driver net_driver_ipvlan = {
	.type = "ipvlan",
	.needs_link = true,
	.modes = net_ipvlan_modes,
	.prepare = ipvlan_prepare,
	.attach = ipvlan_attach,
	.detach = detach,
};
const struct net_driver net_driver_vlan = {
	.type = "vlan",
	.needs_link = true,
	.prepare = vlan_prepare,
	.attach = create,
	.detach = detach,
};
