/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/nl80211.h>

#include "base/fd.h"
#include "net/driver.h"

/*
 * A wireless interface does not leave its radio: the radio moves, with all its interfaces. That is asked of the kernel's
 * nl80211, a family of generic netlink with a number that it has by its name.
 */

static int take_family(const struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct nlattr *tb[CTRL_ATTR_MAX + 1];
	const void *id;

	nl_attrs(h, sizeof(struct genlmsghdr), tb, CTRL_ATTR_MAX);
	id = nl_attr_fits(tb[CTRL_ATTR_FAMILY_ID], sizeof(uint16_t));
	if (id)
		memcpy(arg, id, sizeof(uint16_t));
	return 0;
}

/* A socket of NETNS_FD's, and the number; -ENOENT where the kernel knows no radios. */
static int open_family(int netns_fd, uint16_t *ret, struct err *e)
{
	const struct genlmsghdr ask = { .cmd = CTRL_CMD_GETFAMILY, .version = 1 };
	_cleanup_close_ int fd = nl_open_generic(netns_fd, e);
	struct nl_batch b;
	int r;

	*ret = 0;
	if (fd < 0)
		return fd;
	nl_begin(&b, fd, e);
	nl_msg(&b, GENL_ID_CTRL, 0, &ask, sizeof(ask), "ask for the kernel's nl80211");
	nl_put_str(&b, CTRL_ATTR_FAMILY_NAME, NL80211_GENL_NAME);
	r = nl_query(&b, take_family, ret);
	if (r == 0 && !*ret)
		r = err_kind(e, ERR_MISSING, -ENOENT, "the kernel's nl80211 has no number");
	return r < 0 ? r : TAKE_FD(fd);
}

static int is_there(const struct nlmsghdr *h, void *arg, struct err *e)
{
	*(bool *)arg = true;
	return 0;
}

bool wireless_is(int netns_fd, int ifindex)
{
	const struct genlmsghdr get = { .cmd = NL80211_CMD_GET_INTERFACE };
	uint16_t family;
	_cleanup_close_ int fd = open_family(netns_fd, &family, NULL);
	struct nl_batch b;
	bool found = false;

	if (fd < 0)
		return false;
	nl_begin(&b, fd, NULL);
	nl_msg(&b, family, 0, &get, sizeof(get), "ask for a wireless interface");
	nl_put_u32(&b, NL80211_ATTR_IFINDEX, (uint32_t)ifindex);
	return nl_query(&b, is_there, &found) == 0 && found;
}

int wireless_move(int netns_fd, int ifindex, const char *name, int to, struct err *e)
{
	const struct genlmsghdr set = { .cmd = NL80211_CMD_SET_WIPHY_NETNS };
	uint16_t family;
	_cleanup_close_ int fd = open_family(netns_fd, &family, e);
	struct nl_batch b;

	if (fd < 0)
		return fd;
	nl_begin(&b, fd, e);
	nl_msg(&b, family, 0, &set, sizeof(set), "move the radio of '%s' to another network name space", name);
	nl_put_u32(&b, NL80211_ATTR_IFINDEX, (uint32_t)ifindex);
	nl_put_u32(&b, NL80211_ATTR_NETNS_FD, (uint32_t)to);
	return nl_commit(&b);
}
