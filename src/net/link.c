/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "base/fd.h"
#include "net/driver.h"

int link_index(int fd, const char *name)
{
	struct ifreq ifr = { 0 };
	size_t n = strlen(name);

	if (n >= sizeof(ifr.ifr_name))
		return -ENODEV;
	memcpy(ifr.ifr_name, name, n);
	/* The device ioctls answer on a socket of any family, in the socket's own name space. */
	return ioctl(fd, SIOCGIFINDEX, &ifr) < 0 ? -errno : ifr.ifr_ifindex;
}

static void copy_text(char *to, size_t size, const struct nlattr *a)
{
	const char *s = nl_attr_text(a);

	snprintf(to, size, "%s", s ?: "");
}

static void bridge_parse(const struct nlattr *data, struct link_info *l)
{
	const struct nlattr *tb[IFLA_BR_MAX + 1];
	const void *p;

	nl_attrs_nested(data, tb, IFLA_BR_MAX);
	if ((p = nl_attr_fits(tb[IFLA_BR_VLAN_FILTERING], 1)))
		l->vlan_filtering = *(const uint8_t *)p != 0;
	if ((p = nl_attr_fits(tb[IFLA_BR_VLAN_DEFAULT_PVID], sizeof(l->default_pvid))))
		memcpy(&l->default_pvid, p, sizeof(l->default_pvid));
}

static void link_parse(const struct nlmsghdr *h, struct link_info *l)
{
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	const struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	const void *p;

	memset(l, 0, sizeof(*l));
	nl_attrs(h, sizeof(*ifi), tb, IFLA_MAX);
	l->ifindex = ifi->ifi_index;
	l->flags = ifi->ifi_flags;
	copy_text(l->name, sizeof(l->name), tb[IFLA_IFNAME]);
	copy_text(l->alias, sizeof(l->alias), tb[IFLA_IFALIAS]);
	if ((p = nl_attr_fits(tb[IFLA_MTU], sizeof(l->mtu))))
		memcpy(&l->mtu, p, sizeof(l->mtu));
	if ((p = nl_attr_fits(tb[IFLA_MASTER], sizeof(l->master))))
		memcpy(&l->master, p, sizeof(l->master));
	if ((p = nl_attr_fits(tb[IFLA_LINK], sizeof(l->lower))))
		memcpy(&l->lower, p, sizeof(l->lower));
	if ((p = nl_attr_fits(tb[IFLA_ADDRESS], sizeof(l->mac))))
		memcpy(l->mac, p, sizeof(l->mac));
	/* Both counters lead the structure, which only ever grows at its end. */
	if ((p = nl_attr_fits(tb[IFLA_STATS64], sizeof(struct rtnl_link_stats64) / 2))) {
		memcpy(&l->rx_bytes, (const char *)p + offsetof(struct rtnl_link_stats64, rx_bytes), sizeof(uint64_t));
		memcpy(&l->tx_bytes, (const char *)p + offsetof(struct rtnl_link_stats64, tx_bytes), sizeof(uint64_t));
	}
	if (tb[IFLA_LINKINFO]) {
		nl_attrs_nested(tb[IFLA_LINKINFO], info, IFLA_INFO_MAX);
		copy_text(l->kind, sizeof(l->kind), info[IFLA_INFO_KIND]);
		if (streq(l->kind, "bridge") && info[IFLA_INFO_DATA])
			bridge_parse(info[IFLA_INFO_DATA], l);
	}
}

static int one_link(const struct nlmsghdr *h, void *arg, struct err *e)
{
	if (h->nlmsg_type == RTM_NEWLINK && NLMSG_PAYLOAD(h, 0) >= sizeof(struct ifinfomsg))
		link_parse(h, arg);
	return 0;
}

int link_get(int fd, const char *name, struct link_info *ret, struct err *e)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct link_info l = { 0 };
	struct nl_batch b;
	struct err mine = { 0 };
	int r;

	nl_begin(&b, fd, &mine);
	nl_msg(&b, RTM_GETLINK, 0, &ifi, sizeof(ifi), "look interface '%s' up", name);
	nl_put_str(&b, IFLA_IFNAME, name);
	r = nl_query(&b, one_link, &l);
	if (r == -ENODEV)
		return 1;
	if (r < 0) {
		if (e)
			*e = mine;
		return r;
	}
	if (!l.ifindex)
		return 1;
	*ret = l;
	return 0;
}

struct each {
	int (*cb)(const struct link_info *l, void *arg);
	void *arg;
};

static int each_link(const struct nlmsghdr *h, void *arg, struct err *e)
{
	struct each *each = arg;
	struct link_info l;

	if (h->nlmsg_type != RTM_NEWLINK || NLMSG_PAYLOAD(h, 0) < sizeof(struct ifinfomsg))
		return 0;
	link_parse(h, &l);
	return each->cb(&l, each->arg);
}

int link_each(int fd, int (*cb)(const struct link_info *l, void *arg), void *arg, struct err *e)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct each each = { cb, arg };
	struct nl_batch b;

	nl_begin(&b, fd, e);
	nl_msg(&b, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi), "list the interfaces");
	return nl_query(&b, each_link, &each);
}

int net_present(int netns_fd, const char *name, struct err *e)
{
	_cleanup_close_ int fd = nl_open(netns_fd, e);
	int r;

	if (fd < 0)
		return fd;
	r = link_index(fd, name);
	return r > 0 ? 1 : r == -ENODEV ? 0 : err_set(e, r, "look interface '%s' up", name);
}

int net_if_stats(const char *host_if, uint64_t *ret_rx, uint64_t *ret_tx, struct err *e)
{
	_cleanup_close_ int fd = nl_open(-EBADF, e);
	struct link_info l;
	int r;

	if (fd < 0)
		return fd;
	r = link_get(fd, host_if, &l, e);
	if (r < 0)
		return r;
	if (r > 0)
		return err_kind(e, ERR_NOT_FOUND, -ENODEV, "interface '%s' does not exist", host_if);
	*ret_rx = l.rx_bytes;
	*ret_tx = l.tx_bytes;
	return 0;
}

struct listing {
	struct net_if_info *v;
	size_t n, cap;
};

static int list_link(const struct link_info *l, void *arg)
{
	struct listing *list = arg;
	struct net_if_info *info;

	if (list->n == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 8;
		struct net_if_info *v = reallocarray(list->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		list->v = v;
		list->cap = cap;
	}
	info = &list->v[list->n++];
	*info = (struct net_if_info){
		.ifindex = l->ifindex,
		.up = (l->flags & IFF_UP) != 0,
		.rx_bytes = l->rx_bytes,
		.tx_bytes = l->tx_bytes,
	};
	memcpy(info->name, l->name, sizeof(info->name));
	return 0;
}

static int list_addr(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);
	const struct nlattr *tb[IFA_MAX + 1];
	struct listing *list = arg;
	struct net_addr *a;
	const void *p, *brd;

	if (h->nlmsg_type != RTM_NEWADDR || NLMSG_PAYLOAD(h, 0) < sizeof(*ifa))
		return 0;
	if (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6)
		return 0;
	nl_attrs(h, sizeof(*ifa), tb, IFA_MAX);
	/* IFA_LOCAL is the address; IFA_ADDRESS is the peer's where there is one, and all that IPv6 gives else. */
	p = nl_attr_fits(tb[IFA_LOCAL] ?: tb[IFA_ADDRESS], net_addr_len(ifa->ifa_family));
	for (size_t i = 0; p && i < list->n; i++) {
		struct net_if_info *info = &list->v[i];

		if (info->ifindex != (int)ifa->ifa_index || info->n_addrs == NET_ADDR_MAX)
			continue;
		a = &info->addrs[info->n_addrs++];
		*a = (struct net_addr){ .family = ifa->ifa_family, .prefix = ifa->ifa_prefixlen };
		memcpy(a->addr, p, net_addr_len(a->family));
		brd = nl_attr_fits(tb[IFA_BROADCAST], 4);
		if (brd && a->family == AF_INET) {
			memcpy(a->brd, brd, 4);
			a->has_brd = true;
		}
		break;
	}
	return 0;
}

static int list_once(int fd, struct listing *list, struct err *e)
{
	struct ifaddrmsg ifa = { .ifa_family = AF_UNSPEC };
	struct nl_batch b;
	int r;

	list->n = 0;
	r = link_each(fd, list_link, list, e);
	if (r == -ENOMEM)
		return err_oom(e);
	if (r < 0)
		return r;
	nl_begin(&b, fd, e);
	nl_msg(&b, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa), "list the addresses");
	return nl_query(&b, list_addr, list);
}

int net_list(int netns_fd, struct net_if_info **ret, size_t *ret_n, struct err *e)
{
	_cleanup_close_ int fd = nl_open(netns_fd, e);
	struct listing list = { 0 };
	int r;

	if (fd < 0)
		return fd;
	for (int tries = 0; tries < 8; tries++) {
		r = list_once(fd, &list, e);
		if (r != -EINTR)
			break;
	}
	if (r < 0) {
		free(list.v);
		return r;
	}
	*ret = list.v;
	*ret_n = list.n;
	return 0;
}

struct ports {
	int master;
	unsigned *n;
};

static int count_port(const struct link_info *l, void *arg)
{
	const struct ports *p = arg;

	*p->n += l->master == p->master;
	return 0;
}

int link_ports(int fd, int bridge, unsigned *ret, struct err *e)
{
	struct ports p = { bridge, ret };

	*ret = 0;
	return link_each(fd, count_port, &p, e);
}
