/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <time.h>

#include "base/fd.h"
#include "net/driver.h"

/*
 * phys: a device of the host changes its name space and comes back. Name, mtu and hardware address are put back as
 * net_prepare() saw them. A wireless one goes with its radio (wireless.c).
 */

static int phys_prepare(const struct net_conf *c, const struct link_info *link, struct net_dev *d, struct err *e)
{
	if (!d->name[0])
		memcpy(d->name, d->link, sizeof(d->name));
	if (link->flags & IFF_LOOPBACK)
		return err_kind(e, ERR_INVALID, -EINVAL, "the loopback interface '%s' cannot be given away",
				link->name);
	d->link_mtu = link->mtu;
	memcpy(d->link_mac, link->mac, 6);
	return 0;
}

/* Moves IFINDEX of FD's name space to NETNS_FD as NAME. */
static void move(struct nl_batch *b, int ifindex, const char *from, const char *name, int netns_fd, uint32_t mtu,
		 const uint8_t *mac)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex, .ifi_change = IFF_UP };

	nl_msg(b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "move interface '%s' as '%s' to %s name space", from, name,
	       mac ? "the container's" : "its");
	if (netns_fd >= 0)
		nl_put_u32(b, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	nl_put_str(b, IFLA_IFNAME, name);
	if (mtu)
		nl_put_u32(b, IFLA_MTU, mtu);
	if (mac)
		nl_put(b, IFLA_ADDRESS, mac, 6);
}

struct seek {
	const uint8_t *mac;
	const char *name; /* the best of several, NULL: any is */
	struct link_info found;
};

static int by_mac(const struct link_info *l, void *arg)
{
	struct seek *s = arg;

	/* What lies on top of another device (vlan, macvlan, bridge) often shares its address, and has a kind; of those
	 * with a kind the kernel brings back only wireless ones. */
	if ((!l->kind[0] || streq(l->kind, "wlan")) && !(l->flags & IFF_LOOPBACK) && memcmp(l->mac, s->mac, 6) == 0)
		s->found = *l;
	return 0;
}

/*
 * The container's name space is gone, or going: the kernel puts the device back from a worker, under the container's
 * name or, when the host has one such already, as devN. So it is awaited, and known by its hardware address, never by
 * the container's name, which may be that of the host's own uplink.
 */
static int rename_back(const struct net_dev *d, int fd, struct err *e)
{
	static const uint8_t none[6];
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct seek s = { .mac = d->has_mac ? d->mac : d->link_mac };
	struct nl_batch b;
	int r;

	for (int i = 0; i < 100 && !s.found.ifindex; i++) {
		if (i)
			nanosleep(&pause, NULL);
		if (link_index(fd, d->link) > 0 || memcmp(d->link_mac, none, 6) == 0)
			return 0;
		r = link_each(fd, by_mac, &s, e);
		if (r < 0 && r != -EINTR)
			return r;
	}
	if (!s.found.ifindex)
		return 0;
	nl_begin(&b, fd, e);
	move(&b, s.found.ifindex, s.found.name, d->link, -EBADF, d->link_mtu, NULL);
	return nl_commit(&b);
}

static int moved_here(const struct link_info *l, void *arg)
{
	static const char *const on_top[] = { "vlan", "macvlan", "macvtap", "ipvlan", "bridge", "bond", "team" };
	struct seek *s = arg;

	for (size_t i = 0; i < ARRAY_SIZE(on_top); i++)
		if (streq(l->kind, on_top[i]))
			return 0;
	if (l->flags & IFF_LOOPBACK || memcmp(l->mac, s->mac, 6) != 0)
		return 0;
	if (!s->found.ifindex || streq(l->name, s->name))
		s->found = *l;
	return 0;
}

/* Where D is in the container: by its address, for it may have been renamed there, and another may have its name; one whose
 * address is not known or was changed there, by its name. ifindex, or -ENODEV. */
static int find_moved(const struct net_dev *d, int inner, struct err *e)
{
	static const uint8_t none[6];
	struct seek s = { .mac = d->has_mac ? d->mac : d->link_mac, .name = d->name };
	int r = 0;

	if (memcmp(s.mac, none, 6) != 0)
		r = link_each(inner, moved_here, &s, e);
	/* Moved, and no more: neither name nor address had been changed when it failed. */
	if (r == 0 && !s.found.ifindex && d->has_mac) {
		s.mac = d->link_mac;
		r = link_each(inner, moved_here, &s, e);
	}
	if (r < 0 && r != -EINTR)
		return r;
	return s.found.ifindex ?: link_index(inner, d->name);
}

/* The radio goes home, its interface as it was but for the name, which it gets there. */
static int radio_detach(const struct net_dev *d, int fd, int inner, int netns_fd, int ifindex, int home, struct err *e)
{
	struct net_dev there = *d;
	struct nl_batch b;
	int r;

	there.has_mac = false;
	if (d->has_mac) {
		nl_begin(&b, inner, e);
		move(&b, ifindex, d->name, d->name, -EBADF, 0, d->link_mac);
		r = nl_commit(&b);
		if (r < 0)
			return r;
	}
	r = wireless_move(netns_fd, ifindex, d->name, home, e);
	return r < 0 ? r : rename_back(&there, fd, e);
}

static int radio_attach(const struct net_dev *d, int fd, int ifindex, int netns_fd, struct err *e)
{
	_cleanup_close_ int inner = nl_open(netns_fd, e);
	struct nl_batch b;
	int r;

	if (inner < 0)
		return inner;
	r = wireless_move(-EBADF, ifindex, d->link, netns_fd, e);
	if (r < 0)
		return r;
	ifindex = find_moved(d, inner, e);
	if (ifindex < 0)
		return err_set(e, ifindex, "look interface '%s' up in the container", d->link);
	nl_begin(&b, inner, e);
	move(&b, ifindex, d->link, d->name, -EBADF, d->mtu, d->has_mac ? d->mac : NULL);
	return nl_commit(&b);
}

static int phys_detach(const struct net_dev *d, int fd, int netns_fd, struct err *e)
{
	_cleanup_close_ int inner = -EBADF, home = -EBADF;
	struct nl_batch b;
	int ifindex;

	if (netns_fd < 0)
		return rename_back(d, fd, e);
	inner = nl_open(netns_fd, e);
	if (inner < 0)
		return inner;
	ifindex = find_moved(d, inner, e);
	if (ifindex == -ENODEV)
		return rename_back(d, fd, e);
	if (ifindex < 0)
		return err_set(e, ifindex, "look interface '%s' up in the container", d->name);
	home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (home < 0)
		return err_set(e, -errno, "open /proc/thread-self/ns/net");
	if (wireless_is(netns_fd, ifindex))
		return radio_detach(d, fd, inner, netns_fd, ifindex, home, e);
	nl_begin(&b, inner, e);
	move(&b, ifindex, d->name, d->link, home, d->link_mtu, d->has_mac ? d->link_mac : NULL);
	return nl_commit(&b);
}

static int phys_attach(const struct net_dev *d, int fd, int netns_fd, struct err *e)
{
	int ifindex = link_index(fd, d->link), r;
	struct nl_batch b;

	if (ifindex < 0)
		return err_set(e, ifindex, "look interface '%s' up", d->link);
	if (wireless_is(-EBADF, ifindex)) {
		r = radio_attach(d, fd, ifindex, netns_fd, e);
	} else {
		nl_begin(&b, fd, e);
		move(&b, ifindex, d->link, d->name, netns_fd, d->mtu, d->has_mac ? d->mac : NULL);
		r = nl_commit(&b);
	}
	/* The kernel moves before it renames, and what it has moved stays there. */
	if (r < 0 && link_index(fd, d->link) == -ENODEV)
		(void)phys_detach(d, fd, netns_fd, NULL);
	return r;
}

const struct net_driver net_driver_phys = {
	.type = "phys",
	.needs_link = true,
	.prepare = phys_prepare,
	.attach = phys_attach,
	.detach = phys_detach,
};
