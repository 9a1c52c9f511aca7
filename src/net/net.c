/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/fd.h"
#include "base/parse.h"
#include "net/driver.h"

/* "none" shares a name space and "empty" is lo alone: both have no device. */
static const struct net_driver driver_none = { .type = "none" }, driver_empty = { .type = "empty" };

const struct net_driver *const net_drivers[] = {
	&driver_none,	    &driver_empty,    &net_driver_veth, &net_driver_macvlan,
	&net_driver_ipvlan, &net_driver_vlan, &net_driver_phys, NULL,
};

static const struct net_driver *driver_find(const char *type)
{
	for (const struct net_driver *const *d = net_drivers; *d; d++)
		if (streq((*d)->type, type))
			return *d;
	return NULL;
}

static int driver_unknown(const char *type, struct err *e)
{
	return err_kind(e, ERR_INVALID, -EINVAL,
			"unknown network type '%s': expected none, empty, veth, macvlan, ipvlan, vlan or phys",
			type ?: "");
}

/* --- prepare ------------------------------------------------------------------------------------------------------ */

/* The kernel's own rule for interface names. */
static bool ifname_ok(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n >= IFNAMSIZ || streq(s, ".") || streq(s, ".."))
		return false;
	return !strpbrk(s, "/: \t\n\v\f\r%");
}

static int set_name(char to[static 16], const char *what, const char *s, struct err *e)
{
	if (isempty(s))
		return 0;
	if (!ifname_ok(s))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"bad %s '%s': expected 1 to 15 characters without blanks, '/', ':' or '%%'", what, s);
	memcpy(to, s, strlen(s) + 1);
	return 0;
}

static int set_mac(const char *s, struct net_dev *d, struct err *e)
{
	if (isempty(s))
		return 0;
	if (net_mac_parse(s, d->mac) < 0)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"bad hardware address '%s': expected six hexadecimal bytes, "
				"as in 10:66:6a:0a:1b:2c",
				s);
	if (d->mac[0] & 1)
		return err_kind(e, ERR_INVALID, -EINVAL, "bad hardware address '%s': it is a multicast address", s);
	d->has_mac = true;
	return 0;
}

static int add_all(int family, const struct strv *l, bool routes, struct net_dev *d, struct err *e)
{
	struct net_addr *v = routes ? d->routes : d->addrs;
	unsigned *n = routes ? &d->n_routes : &d->n_addrs;

	for (size_t i = 0; l && i < l->n; i++) {
		int r;

		if (*n == NET_ADDR_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d %s on one interface", NET_ADDR_MAX,
					routes ? "routes" : "addresses");
		r = routes ? net_route_parse(family, l->v[i], &v[*n], e) : net_addr_parse(family, l->v[i], &v[*n], e);
		if (r < 0)
			return r;
		(*n)++;
	}
	return 0;
}

static int set_mode(const struct net_driver *drv, const char *mode, struct net_dev *d, struct err *e)
{
	const struct name *m = drv->modes;
	char names[96] = "";

	if (!m || isempty(mode)) {
		d->mode = m ? (uint32_t)m->value : 0;
		return 0;
	}
	m = name_find(drv->modes, mode);
	if (m) {
		d->mode = (uint32_t)m->value;
		return 0;
	}
	for (m = drv->modes; m->name; m++) {
		size_t n = strlen(names);

		snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "", m->name);
	}
	return err_kind(e, ERR_INVALID, -EINVAL, "bad %s mode '%s': expected one of %s", drv->type, mode, names);
}

struct own_addr {
	int ifindex, family;
	bool found, global;
	uint8_t addr[16];
};

/* The link's own address is the container's gateway: the first global one, else the first. */
static int own_addr(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);
	const struct nlattr *tb[IFA_MAX + 1];
	struct own_addr *o = arg;
	const void *p;

	if (h->nlmsg_type != RTM_NEWADDR || NLMSG_PAYLOAD(h, 0) < sizeof(*ifa) || (int)ifa->ifa_index != o->ifindex ||
	    ifa->ifa_family != o->family)
		return 0;
	nl_attrs(h, sizeof(*ifa), tb, IFA_MAX);
	p = nl_attr_fits(tb[IFA_LOCAL] ?: tb[IFA_ADDRESS], net_addr_len(o->family));
	if (!p || o->global || (o->found && ifa->ifa_scope != RT_SCOPE_UNIVERSE))
		return 0;
	o->found = true;
	o->global = ifa->ifa_scope == RT_SCOPE_UNIVERSE;
	memcpy(o->addr, p, net_addr_len(o->family));
	return 0;
}

static int auto_gateway(int fd, int family, const struct link_info *link, uint8_t *gw, struct err *e)
{
	struct ifaddrmsg ifa = { .ifa_family = (uint8_t)family };
	const char *name = family == AF_INET ? "IPv4" : "IPv6";
	struct own_addr o = { .family = family };
	struct nl_batch b;
	int r = -EINTR;

	if (!link)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s gateway 'auto' needs a link to take its address from",
				name);
	o.ifindex = link->ifindex;
	for (int tries = 0; r == -EINTR && tries < 8; tries++) {
		o.found = o.global = false;
		nl_begin(&b, fd, e);
		nl_msg(&b, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa), "list the addresses of '%s'", link->name);
		r = nl_query(&b, own_addr, &o);
	}
	if (r < 0)
		return r;
	if (!o.found)
		return err_hint(e,
				err_kind(e, ERR_STATE, -EADDRNOTAVAIL,
					 "%s gateway 'auto': interface '%s' has no %s address", name, link->name, name),
				"give the gateway's address, or '%s' one", link->name);
	memcpy(gw, o.addr, net_addr_len(family));
	return 0;
}

static int set_gateway(int fd, int family, const char *s, const struct link_info *link, struct net_dev *d,
		       struct err *e)
{
	const char *name = family == AF_INET ? "IPv4" : "IPv6";
	uint8_t *gw = family == AF_INET ? d->gw4 : d->gw6;
	bool has_addr = false;
	int r = 0;

	if (isempty(s))
		return 0;
	if (!d->up)
		return err_hint(
			e,
			err_kind(e, ERR_INVALID, -EINVAL, "%s gateway '%s' on an interface that stays down", name, s),
			"say: flags = up");
	for (unsigned i = 0; i < d->n_addrs; i++)
		has_addr |= d->addrs[i].family == family;
	if (streq(s, "dev")) {
		*(family == AF_INET ? &d->gw4_dev : &d->gw6_dev) = true;
		return 0;
	}
	if (streq(s, "auto"))
		r = auto_gateway(fd, family, link, gw, e);
	else if (inet_pton(family, s, gw) != 1)
		r = err_kind(e, ERR_INVALID, -EINVAL, "bad %s gateway '%s': expected an address, auto or dev", name, s);
	if (r < 0)
		return r;
	/* An IPv6 gateway is often reached from a link-local or advertised address. */
	if (!has_addr && family == AF_INET)
		return err_kind(e, ERR_INVALID, -EINVAL, "IPv4 gateway '%s' on an interface without an IPv4 address",
				s);
	*(family == AF_INET ? &d->has_gw4 : &d->has_gw6) = true;
	return 0;
}

/* vethXXXXXX that the host does not have yet. */
static int pick_host_name(int fd, struct net_dev *d, struct err *e)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	uint8_t random[6];

	for (int tries = 0; tries < 16; tries++) {
		if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
			return err_set(e, -errno, "get random letters for a veth's name");
		memcpy(d->host_name, "veth", 4);
		for (size_t i = 0; i < sizeof(random); i++)
			d->host_name[4 + i] = digits[random[i] % (sizeof(digits) - 1)];
		d->host_name[4 + sizeof(random)] = '\0';
		if (link_index(fd, d->host_name) == -ENODEV)
			return 0;
	}
	return err_kind(e, ERR_EXISTS, -EEXIST, "no free name for a veth's host end");
}

struct glob {
	const char *prefix;
	size_t len;
	struct link_info found;
};

static int match_prefix(const struct link_info *l, void *arg)
{
	struct glob *g = arg;

	if (!g->found.ifindex && !(l->flags & IFF_LOOPBACK) && !l->master && strncmp(l->name, g->prefix, g->len) == 0)
		g->found = *l;
	return 0;
}

/* "eth+" names the first interface of the host that begins so. */
static int link_by_prefix(int fd, const char *pattern, struct link_info *ret, struct err *e)
{
	struct glob g = { .prefix = pattern, .len = strlen(pattern) - 1 };
	int r = link_each(fd, match_prefix, &g, e);

	if (r < 0)
		return r;
	if (!g.found.ifindex)
		return 1;
	*ret = g.found;
	return 0;
}

/* Fills *RET from what C says. 0, or 1 when C names no link. */
static int resolve_link(int fd, const struct net_driver *drv, const struct net_conf *c, struct link_info *ret,
			struct net_dev *d, struct err *e)
{
	bool bridge = streq(drv->type, "veth") && d->mode == VETH_BRIDGE;
	size_t n = c->link ? strlen(c->link) : 0;
	int r;

	if (!n && drv->needs_link)
		return err_kind(e, ERR_INVALID, -EINVAL, "network type %s needs a link: the host's interface to use",
				drv->type);
	if (!n)
		return 1;
	r = set_name(d->link, "link", c->link, e);
	if (r < 0)
		return r;
	r = streq(drv->type, "phys") && c->link[n - 1] == '+' ? link_by_prefix(fd, c->link, ret, e)
							      : link_get(fd, c->link, ret, e);
	if (r < 0)
		return r;
	if (r > 0) {
		r = err_kind(e, ERR_NOT_FOUND, -ENODEV, "%s '%s' does not exist", bridge ? "bridge" : "interface",
			     c->link);
		return bridge ? err_hint(e, r, "start it with: creel net up") : r;
	}
	memcpy(d->link, ret->name, sizeof(d->link));
	return 0;
}

int net_prepare(const struct net_conf *c, struct net_dev *ret, struct err *e)
{
	const struct net_driver *drv = driver_find(c->type ?: "");
	struct net_dev d = { .mtu = c->mtu, .up = c->up, .l2proxy = c->l2proxy, .vlan_id = c->vlan_id };
	_cleanup_close_ int fd = -EBADF;
	struct link_info link;
	int r, no_link;

	if (!drv)
		return driver_unknown(c->type, e);
	snprintf(d.type, sizeof(d.type), "%s", drv->type);
	if (!drv->attach) {
		*ret = d;
		return 0;
	}
	d.rxqueues = c->rxqueues;
	d.txqueues = c->txqueues;
	(void)((r = set_mode(drv, c->mode, &d, e)) < 0 || (r = set_name(d.name, "interface name", c->name, e)) < 0 ||
	       (r = set_name(d.host_name, "veth.pair", c->host_name, e)) < 0 || (r = set_mac(c->hwaddr, &d, e)) < 0 ||
	       (r = add_all(AF_INET, c->ipv4, false, &d, e)) < 0 ||
	       (r = add_all(AF_INET6, c->ipv6, false, &d, e)) < 0 ||
	       (r = add_all(AF_INET, c->routes4, true, &d, e)) < 0 ||
	       (r = add_all(AF_INET6, c->routes6, true, &d, e)) < 0);
	if (r < 0)
		return r;
	fd = nl_open(-EBADF, e);
	if (fd < 0)
		return fd;
	no_link = resolve_link(fd, drv, c, &link, &d, e);
	if (no_link < 0)
		return no_link;
	if (drv->prepare)
		r = drv->prepare(c, no_link ? NULL : &link, &d, e);
	if (r == 0)
		r = set_gateway(fd, AF_INET, c->ipv4_gateway, no_link ? NULL : &link, &d, e);
	if (r == 0)
		r = set_gateway(fd, AF_INET6, c->ipv6_gateway, no_link ? NULL : &link, &d, e);
	if (r == 0 && drv == &net_driver_veth && !d.host_name[0])
		r = pick_host_name(fd, &d, e);
	if (r < 0)
		return r;
	*ret = d;
	return 0;
}

void net_names(struct net_dev *devs, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct net_driver *drv = driver_find(devs[i].type);
		bool taken = true;

		if (devs[i].name[0] || !drv || !drv->attach)
			continue;
		for (unsigned k = 0; taken; k++) {
			snprintf(devs[i].name, sizeof(devs[i].name), "eth%u", k);
			taken = false;
			for (unsigned j = 0; j < n; j++)
				taken |= j != i && streq(devs[j].name, devs[i].name);
		}
	}
}

/* --- attach and detach -------------------------------------------------------------------------------------------- */

int net_attach(const struct net_dev *d, int netns_fd, struct err *e)
{
	const struct net_driver *drv = driver_find(d->type);
	_cleanup_close_ int fd = -EBADF;

	if (!drv)
		return driver_unknown(d->type, e);
	if (!drv->attach)
		return 0;
	fd = nl_open(-EBADF, e);
	return fd < 0 ? fd : drv->attach(d, fd, netns_fd, e);
}

int net_detach(const struct net_dev *d, int netns_fd, struct err *e)
{
	const struct net_driver *drv = driver_find(d->type);
	_cleanup_close_ int fd = -EBADF;

	if (!drv)
		return driver_unknown(d->type, e);
	if (!drv->detach)
		return 0;
	fd = nl_open(-EBADF, e);
	return fd < 0 ? fd : drv->detach(d, fd, netns_fd, e);
}

/* --- the journal's words ------------------------------------------------------------------------------------------ */

static const char *mac_text(const uint8_t *m, char buf[static NET_ADDR_TEXT])
{
	snprintf(buf, NET_ADDR_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	return buf;
}

int net_dev_print(const struct net_dev *d, char *buf, size_t size, struct err *e)
{
	char text[NET_ADDR_TEXT];
	size_t n;

	n = (size_t)snprintf(buf, size, "%s %s %s %s", d->type, d->host_name[0] ? d->host_name : "-",
			     d->name[0] ? d->name : "-", d->link[0] ? d->link : "-");
	if (d->link_mtu && n < size)
		n += (size_t)snprintf(buf + n, size - n, " was=%s/%u", mac_text(d->link_mac, text), d->link_mtu);
	if (d->link_mtu && d->has_mac && n < size)
		n += (size_t)snprintf(buf + n, size - n, " remac=%s", mac_text(d->mac, text));
	if (d->host_mac[0] && n < size)
		n += (size_t)snprintf(buf + n, size - n, " at=%s", mac_text(d->host_mac, text));
	if (d->ovs && n < size)
		n += (size_t)snprintf(buf + n, size - n, " ovs");
	for (unsigned i = 0; d->l2proxy && i < d->n_addrs && n < size; i++)
		n += (size_t)snprintf(buf + n, size - n, " proxy=%s", net_addr_text(&d->addrs[i], text));
	return n < size ? 0 : err_kind(e, ERR_LIMIT, -E2BIG, "interface '%s' has too many addresses", d->name);
}

static int scan_extra(const char *word, struct net_dev *d)
{
	const char *v;

	if ((v = startswith(word, "was="))) {
		const char *slash = strchr(v, '/');
		char mac[18];

		if (!slash || (size_t)(slash - v) >= sizeof(mac) || parse_u32(slash + 1, &d->link_mtu) < 0)
			return -EINVAL;
		memcpy(mac, v, (size_t)(slash - v));
		mac[slash - v] = '\0';
		return net_mac_parse(mac, d->link_mac);
	}
	if ((v = startswith(word, "proxy="))) {
		if (d->n_addrs == NET_ADDR_MAX)
			return -E2BIG;
		d->l2proxy = true;
		return net_addr_parse(strchr(v, ':') ? AF_INET6 : AF_INET, v, &d->addrs[d->n_addrs++], NULL);
	}
	if (streq(word, "ovs")) {
		d->ovs = true;
		return 0;
	}
	if ((v = startswith(word, "at=")))
		return net_mac_parse(v, d->host_mac);
	v = startswith(word, "remac=");
	d->has_mac = true;
	return v ? net_mac_parse(v, d->mac) : -EINVAL;
}

int net_dev_scan(const char *text, struct net_dev *ret, struct err *e)
{
	struct net_dev d = { 0 };
	char *const fields[] = { d.type, d.host_name, d.name, d.link };
	char word[NET_ADDR_TEXT + 8];
	unsigned i = 0;
	size_t n;
	int r = 0;

	for (const char *p = text; *p && r == 0; p += n + (p[n] == ' '), i++) {
		n = strcspn(p, " ");
		if (n >= (i < ARRAY_SIZE(fields) ? sizeof(d.name) : sizeof(word))) {
			r = -EINVAL;
			break;
		}
		memcpy(word, p, n);
		word[n] = '\0';
		if (i >= ARRAY_SIZE(fields))
			r = scan_extra(word, &d);
		else if (!streq(word, "-"))
			memcpy(fields[i], word, n + 1);
	}
	if (r < 0 || i < ARRAY_SIZE(fields))
		return err_kind(e, ERR_INVALID, -EINVAL, "bad network entry '%.80s'", text);
	*ret = d;
	return 0;
}
