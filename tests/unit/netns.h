/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Every test that touches the kernel runs as the first process of a pid, mount and network name space of its own (the
 * "host"); HOST and INNER (the "container's") are the fds of the two networks. Nothing of the machine's own network is
 * seen or changed, and no daemon outlives its test.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "net/driver.h"
#include "net/net.h"
#include "unit/test.h"

static int host_ns, inner_ns;

static _unused_ void enter(int ns)
{
	CHECK(setns(ns, CLONE_NEWNET) == 0);
}

static _unused_ int new_ns(void)
{
	int fd;

	CHECK(unshare(CLONE_NEWNET) == 0);
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	return fd;
}

static _unused_ void in_netns(void (*body)(void))
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		SKIP("needs root to make network name spaces");
	pid = fork();
	if (pid == 0) {
		int r;

		/* No CHECK here: it would go on with the other tests in this process. */
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
			_exit(1);
		pid = fork();
		if (pid != 0) {
			waitpid(pid, &status, 0);
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
		}
		r = setjmp(test_out);
		if (r == 0) {
			CHECK(syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
			CHECK(syscall(SYS_mount, "proc", "/proc", "proc", 0, NULL) == 0);
			CHECK(syscall(SYS_mount, "tmpfs", "/run", "tmpfs", 0, NULL) == 0);
			inner_ns = new_ns();
			host_ns = new_ns();
			body();
		}
		_exit(r);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	if (WEXITSTATUS(status))
		longjmp(test_out, WEXITSTATUS(status));
}

#define NET_TEST(id)                 \
	static void body_##id(void); \
	TEST(id)                     \
	{                            \
		in_netns(body_##id); \
	}                            \
	static void body_##id(void)

#define CHECK_OK(call, e)                                         \
	do {                                                      \
		int _r = (call);                                  \
		if (_r < 0)                                       \
			printf("# %s | %s\n", (e).msg, (e).hint); \
		CHECK(_r >= 0);                                   \
	} while (0)

/* A link of KIND in the current name space, up; with an address when ADDR is given. */
static _unused_ void make_link(const char *kind, const char *name, const char *addr)
{
	int fd = nl_open(-EBADF, NULL), ifindex;
	struct ifinfomsg ifi = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
	struct err e = { 0 };
	struct nl_batch b;
	struct nlattr *n;

	CHECK(fd >= 0);
	nl_begin(&b, fd, &e);
	nl_msg(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), "make %s", name);
	nl_put_str(&b, IFLA_IFNAME, name);
	n = nl_nest(&b, IFLA_LINKINFO);
	nl_put_str(&b, IFLA_INFO_KIND, kind);
	nl_unnest(&b, n);
	CHECK_OK(nl_commit(&b), e);
	ifindex = link_index(fd, name);
	CHECK(ifindex > 0);
	if (addr) {
		struct net_addr a;

		CHECK_OK(net_addr_parse(strchr(addr, ':') ? AF_INET6 : AF_INET, addr, &a, &e), e);
		req_addr(&b, ifindex, name, &a, 0x02 /* IFA_F_NODAD */);
		CHECK_OK(nl_commit(&b), e);
	}
	fd_close(fd);
}

static _unused_ bool have_link(const char *name, struct link_info *ret)
{
	int fd = nl_open(-EBADF, NULL), r;
	struct link_info l;

	CHECK(fd >= 0);
	r = link_get(fd, name, ret ?: &l, NULL);
	CHECK(r >= 0);
	fd_close(fd);
	return r == 0;
}

static _unused_ int udp_socket(uint16_t port)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0);
	return fd;
}

static _unused_ bool has_addr(const struct net_if_info *i, const char *text)
{
	char buf[NET_ADDR_TEXT];

	for (unsigned k = 0; k < i->n_addrs; k++)
		if (streq(net_addr_text(&i->addrs[k], buf), text))
			return true;
	return false;
}

static _unused_ const struct net_if_info *if_named(const struct net_if_info *v, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (streq(v[i].name, name))
			return &v[i];
	return NULL;
}
