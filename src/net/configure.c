/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>

#include "base/fd.h"
#include "net/driver.h"

/*
 * Inside the container's network name space, after clone: no allocation, no look-up by name service. One batch: the
 * addresses come before "up" so that nobody sees an interface without them, the routes after it because the kernel
 * refuses routes through an interface that is down.
 */

static void set_link(struct nl_batch *b, int ifindex, const char *name, bool up, uint32_t mtu)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };

	if (up)
		ifi.ifi_flags = ifi.ifi_change = IFF_UP;
	nl_msg(b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), up ? "set interface '%s' up" : "set the mtu of '%s'", name);
	if (mtu)
		nl_put_u32(b, IFLA_MTU, mtu);
}

static void set_mac(struct nl_batch *b, int ifindex, const char *name, const uint8_t mac[static 6])
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = ifindex };

	nl_msg(b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), "set the hardware address of '%s'", name);
	nl_put(b, IFLA_ADDRESS, mac, 6);
}

/* A gateway outside of all our subnets is reached only when the kernel is told that it is on this link. */
static void gateway(struct nl_batch *b, const struct net_dev *d, int ifindex, const char *name, int family)
{
	const uint8_t *gw = family == AF_INET ? d->gw4 : d->gw6;
	struct net_addr host = { .family = (uint8_t)family, .prefix = (uint8_t)(net_addr_len(family) * 8) };
	bool near = family == AF_INET6 && gw[0] == 0xfe && (gw[1] & 0xc0) == 0x80;

	for (unsigned i = 0; i < d->n_addrs; i++)
		near |= d->addrs[i].family == family && net_addr_holds(&d->addrs[i], gw);
	if (!near) {
		memcpy(host.addr, gw, net_addr_len(family));
		req_route(b, true, ifindex, name, family, &host, NULL);
	}
	req_route(b, true, ifindex, name, family, NULL, gw);
}

static int configure_one(struct nl_batch *b, const struct net_dev *d, const char *name)
{
	int ifindex = link_index(b->fd, name);

	if (ifindex < 0)
		return err_set(b->e, ifindex, "look interface '%s' up in the container", name);
	for (unsigned i = 0; i < d->n_addrs; i++)
		req_addr(b, ifindex, name, &d->addrs[i], 0);
	if (d->by_helper && d->has_mac)
		set_mac(b, ifindex, name, d->mac);
	if (d->up || d->mtu)
		set_link(b, ifindex, name, d->up, d->mtu);
	if (!d->up)
		return 0;
	if (d->has_gw4)
		gateway(b, d, ifindex, name, AF_INET);
	if (d->has_gw6)
		gateway(b, d, ifindex, name, AF_INET6);
	if (d->gw4_dev)
		req_route(b, true, ifindex, name, AF_INET, NULL, NULL);
	if (d->gw6_dev)
		req_route(b, true, ifindex, name, AF_INET6, NULL, NULL);
	return 0;
}

/* The kernel's choice for the K-th device without a name, provided that they were attached in order. */
static void kernel_name(const struct net_dev *devs, unsigned n, unsigned k, char name[static 16])
{
	for (unsigned i = 0;; i++) {
		bool taken = false;

		snprintf(name, 16, "eth%u", i);
		for (unsigned j = 0; j < n; j++)
			taken |= streq(devs[j].name, name);
		if (!taken && k-- == 0)
			return;
	}
}

int net_configure(const struct net_dev *devs, unsigned n, bool lo, struct err *e)
{
	_cleanup_close_ int fd = nl_open(-EBADF, e);
	unsigned unnamed = 0;
	struct nl_batch b;
	char name[16];
	int r;

	if (fd < 0)
		return fd;
	nl_begin(&b, fd, e);
	/* Every network name space is born with lo as its first interface. */
	if (lo)
		set_link(&b, 1, "lo", true, 0);
	for (unsigned i = 0; i < n; i++) {
		if (streq(devs[i].type, "none") || streq(devs[i].type, "empty"))
			continue;
		if (devs[i].name[0])
			memcpy(name, devs[i].name, sizeof(name));
		else
			kernel_name(devs, n, unnamed++, name);
		r = configure_one(&b, &devs[i], name);
		if (r < 0)
			return r;
	}
	return nl_commit(&b);
}
