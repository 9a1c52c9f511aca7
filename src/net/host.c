/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the host's networks of every kind need of the host. */

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "net/bridge.h"
#include "net/driver.h"

int net_lock(const char *run_dir, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	int r = dir_make_all(run_dir, 0755, e);

	if (r < 0)
		return r;
	fd = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open %s", run_dir);
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(e, -errno, "lock %s", run_dir);
	return TAKE_FD(fd);
}

bool net_setting_is(const char *path, const char *value)
{
	char text[16];

	return file_read_small(AT_FDCWD, path, text, sizeof(text)) > 0 && streq(text, value);
}

int net_setting(const char *path, const char *value, struct err *e)
{
	int r;

	if (net_setting_is(path, value))
		return 0;
	r = file_write_raw(AT_FDCWD, path, value, strlen(value));
	return r < 0 ? err_set(e, r, "write %s to %s", value, path) : 0;
}

int net_nft(const struct buf *script, const char *table, struct err *e)
{
	const char *argv[] = { "nft", "-f", "-", NULL };
	struct spawn s = { .path = "nft", .argv = (char *const *)(uintptr_t)argv, .input = buf_str(script) };
	_cleanup_free_ char *out = NULL;
	const char *line;
	int r = buf_error(script, e);

	if (r < 0)
		return r;
	r = spawn_run(&s, &out, e);
	if (r == -ENOENT)
		return err_hint(e, r, "install the package nftables");
	if (r <= 0)
		return r;
	line = out + strspn(out, "\n");
	return err_kind(e, ERR_SYSTEM, -EIO, "set up nft table %s: %.*s", table, (int)strcspn(line, "\n"), line);
}

/* --- addresses that are in use --------------------------------------------------------------------------------------- */

struct clash {
	struct net_addr net;
	bool routed;
	int own; /* ifindex of the network's own interface, 0: none yet */
	bool found;
	int oif;
	struct net_addr with;
};

static int look_at_route(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct rtmsg *rt = NLMSG_DATA(h);
	const struct nlattr *tb[RTA_MAX + 1];
	struct clash *c = arg;
	struct net_addr dst = { .family = c->net.family };
	const size_t len = net_addr_len(c->net.family);
	const void *p;
	int oif = 0;

	if (h->nlmsg_type != RTM_NEWROUTE || NLMSG_PAYLOAD(h, 0) < sizeof(*rt) || !rt->rtm_dst_len ||
	    rt->rtm_family != c->net.family || (rt->rtm_type != RTN_UNICAST && rt->rtm_type != RTN_LOCAL))
		return 0;
	nl_attrs(h, sizeof(*rt), tb, RTA_MAX);
	if ((p = nl_attr_fits(tb[RTA_OIF], sizeof(oif))))
		memcpy(&oif, p, sizeof(oif));
	p = nl_attr_fits(tb[RTA_DST], len);
	if (!p || (oif && oif == c->own) || c->found)
		return 0;
	memcpy(dst.addr, p, len);
	dst.prefix = rt->rtm_dst_len;
	if ((dst.prefix >= c->net.prefix && net_addr_holds(&c->net, dst.addr)) ||
	    ((c->routed || rt->rtm_scope == RT_SCOPE_LINK) && net_addr_holds(&dst, c->net.addr))) {
		c->found = true;
		c->oif = oif;
		c->with = dst;
	}
	return 0;
}

int net_clash(int fd, int family, const char *network, int own, bool routed, struct err *e)
{
	struct rtmsg rt = { .rtm_family = (uint8_t)family };
	struct clash c = { .own = own, .routed = routed };
	char name[IF_NAMESIZE] = "", with[NET_ADDR_TEXT], text[NET_ADDR_TEXT];
	struct nl_batch q;
	int r = net_route_parse(family, network, &c.net, e);

	if (r < 0)
		return r;
	r = -EINTR;
	for (int tries = 0; r == -EINTR && tries < 8; tries++) {
		c.found = false;
		nl_begin(&q, fd, e);
		nl_msg(&q, RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt), "list the routes");
		r = nl_query(&q, look_at_route, &c);
	}
	if (r < 0 || !c.found)
		return r;
	if (c.oif)
		if_indextoname((unsigned)c.oif, name);
	return err_kind(e, ERR_EXISTS, -EADDRINUSE, "network %s is in use already: %s on '%s'",
			net_addr_text(&c.net, text), net_addr_text(&c.with, with), name);
}
