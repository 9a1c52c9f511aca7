/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "net/driver.h"
#include "sys/syscalls.h"

/* --- nft ---------------------------------------------------------------------------------------------------------- */

#define TABLE	   "inet creel-net"
#define PASSWD_MAX (16u << 20)

/* The first line of a helper's output that says something, for an error. */
static const char *first_line(char *out)
{
	out += strspn(out, "\n");
	out[strcspn(out, "\n")] = '\0';
	return out;
}

/* "add" first, so that neither "flush" nor "delete" can meet a chain that is not there. */
static void chain(struct buf *s, const char *verb, const char *prefix, const char *bridge, const char *hook)
{
	buf_printf(s, "add chain " TABLE " %s-%s { %s }\n%s chain " TABLE " %s-%s\n", prefix, bridge, hook, verb,
		   prefix, bridge);
}

static void all_chains(struct buf *s, const char *verb, const char *bridge)
{
	buf_puts(s, "add table " TABLE "\n");
	chain(s, verb, "input", bridge, "type filter hook input priority filter;");
	chain(s, verb, "forward", bridge, "type filter hook forward priority filter;");
	chain(s, verb, "nat", bridge, "type nat hook postrouting priority srcnat;");
}

int bridge_firewall_on(const struct net_bridge *b, struct err *e)
{
	_cleanup_buf_ struct buf s = BUF_INIT;
	const char *br = b->bridge;

	all_chains(&s, "flush", br);
	buf_printf(&s, "add rule " TABLE " input-%s iifname \"%s\" udp dport { 53, 67 } accept\n", br, br);
	buf_printf(&s, "add rule " TABLE " input-%s iifname \"%s\" tcp dport { 53, 67 } accept\n", br, br);
	buf_printf(&s, "add rule " TABLE " forward-%s iifname \"%s\" accept\n", br, br);
	buf_printf(&s, "add rule " TABLE " forward-%s oifname \"%s\" accept\n", br, br);
	if (b->nat)
		buf_printf(&s, "add rule " TABLE " nat-%s ip saddr %s ip daddr != %s counter masquerade\n", br,
			   b->network, b->network);
	if (b->ipv6_addr[0] && b->ipv6_nat)
		buf_printf(&s, "add rule " TABLE " nat-%s ip6 saddr %s ip6 daddr != %s counter masquerade\n", br,
			   b->ipv6_network, b->ipv6_network);
	return net_nft(&s, TABLE, e);
}

int bridge_firewall_off(const struct net_bridge *b, struct err *e)
{
	const char *argv[] = { "nft", "list", "table", "inet", "creel-net", NULL };
	struct spawn list = { .path = "nft", .argv = (char *const *)(uintptr_t)argv };
	_cleanup_buf_ struct buf s = BUF_INIT, drop = BUF_INIT;
	_cleanup_free_ char *out = NULL;
	int r = spawn_run(&list, &out, e);

	/* Without nft there can be no rules of ours; without the table there are none. */
	if (r == -ENOENT || r > 0)
		return 0;
	if (r < 0)
		return r;
	all_chains(&s, "delete", b->bridge);
	r = net_nft(&s, TABLE, e);
	if (r < 0)
		return r;
	free(out);
	out = NULL;
	r = spawn_run(&list, &out, e);
	if (r != 0)
		return r < 0 ? r : 0;
	if (strstr(out, "chain "))
		return 0;
	buf_puts(&drop, "delete table " TABLE "\n");
	return net_nft(&drop, TABLE, e);
}

/* --- dnsmasq ------------------------------------------------------------------------------------------------------ */

static char *dnsmasq_file(const struct net_bridge *b, const char *run_dir, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "dnsmasq.%s.%s", b->bridge, what);
	return path_join(run_dir, name);
}

/* The first of lxc-net's three that the host knows. */
const char *bridge_dnsmasq_user(void)
{
	static const char *const users[] = { "lxc-dnsmasq", "dnsmasq", "nobody" };
	_cleanup_free_ char *passwd = NULL;
	char row[32];

	if (file_read(AT_FDCWD, "/etc/passwd", PASSWD_MAX, &passwd, NULL, NULL) < 0)
		return "nobody";
	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		snprintf(row, sizeof(row), "\n%s:", users[i]);
		if (startswith(passwd, row + 1) || strstr(passwd, row))
			return users[i];
	}
	return "nobody";
}

/* One argument a line: none of the values can hold a newline. */
static int dnsmasq_args(const struct net_bridge *b, const char *pid_file, const char *leases, struct strv *ret,
			struct err *e)
{
	_cleanup_buf_ struct buf a = BUF_INIT;
	int r;

	buf_printf(&a, "dnsmasq\n--conf-file=%s\n", b->dhcp_confile[0] ? b->dhcp_confile : "/dev/null");
	if (b->domain[0])
		buf_printf(&a, "-s\n%s\n-S\n/%s/\n", b->domain, b->domain);
	if (!b->dhcp_ping)
		buf_puts(&a, "--no-ping\n");
	buf_printf(&a, "-u\n%s\n--strict-order\n--bind-interfaces\n--pid-file=%s\n", bridge_dnsmasq_user(), pid_file);
	buf_printf(&a, "--listen-address\n%s\n--dhcp-range\n%s\n--dhcp-lease-max=%u\n--dhcp-no-override\n", b->addr,
		   b->dhcp_range, b->dhcp_max);
	buf_printf(&a, "--except-interface=lo\n--interface=%s\n--dhcp-leasefile=%s\n--dhcp-authoritative\n", b->bridge,
		   leases);
	if (b->ipv6_addr[0])
		buf_printf(&a, "--dhcp-range=%s,ra-only\n--listen-address\n%s\n", b->ipv6_addr, b->ipv6_addr);
	r = buf_error(&a, e);
	return r < 0 ? r : strv_split(ret, buf_str(&a), "\n", e);
}

int bridge_dnsmasq_start(const struct net_bridge *b, const char *run_dir, struct err *e)
{
	_cleanup_free_ char *pid_file = dnsmasq_file(b, run_dir, "pid"), *leases = dnsmasq_file(b, run_dir, "leases"),
			    *out = NULL;
	_cleanup_strv_ struct strv args = STRV_INIT;
	struct spawn s = { .path = "dnsmasq" };
	int r;

	if (!pid_file || !leases)
		return err_oom(e);
	r = dnsmasq_args(b, pid_file, leases, &args, e);
	if (r < 0)
		return r;
	s.argv = strv_get(&args);
	/* It goes to the background when its sockets are bound, and only then does this end. */
	r = spawn_run(&s, &out, e);
	if (r == -ENOENT)
		return err_hint(e, r, "install the package dnsmasq-base");
	if (r > 0) {
		r = err_kind(e, ERR_SYSTEM, -EIO, "start dnsmasq on '%s': %s", b->bridge, first_line(out));
		if (strstr(e ? e->msg : "", "in use"))
			return err_hint(e, r, "another name server listens on %s or on all addresses", b->addr);
	}
	return r;
}

/*
 * A pid from a file may be anybody's by now. The pidfd is opened first and the command line checked behind it: the
 * process that names our own pid file is ours, and the pidfd can mean no later one.
 */
int bridge_dnsmasq_find(const struct net_bridge *b, const char *run_dir)
{
	_cleanup_free_ char *pid_file = dnsmasq_file(b, run_dir, "pid");
	_cleanup_close_ int fd = -EBADF, cmd = -EBADF;
	struct pollfd ending = { .events = POLLIN };
	char text[4096], path[64];
	uint32_t pid;
	ssize_t n;

	if (!pid_file)
		return -ENOMEM;
	n = file_read_small(AT_FDCWD, pid_file, text, sizeof(text));
	if (n <= 0 || parse_u32(text, &pid) < 0 || pid == 0)
		return -ESRCH;
	fd = sys_pidfd_open((pid_t)pid, 0);
	if (fd < 0)
		return -ESRCH;
	ending.fd = fd;
	snprintf(path, sizeof(path), "/proc/%u/cmdline", pid);
	cmd = open(path, O_RDONLY | O_CLOEXEC);
	n = cmd < 0 ? -1 : fd_read_full(cmd, text, sizeof(text) - 1);
	if (n <= 0) {
		/* One that is ending has no command line any more, but may still hold its sockets. */
		(void)poll(&ending, 1, 2000);
		return -ESRCH;
	}
	text[n] = '\0';
	for (const char *p = text; p < text + n; p += strlen(p) + 1) {
		const char *arg = startswith(p, "--pid-file=");

		if (arg && streq(arg, pid_file))
			return TAKE_FD(fd);
	}
	return -ESRCH;
}

int bridge_dnsmasq_stop(const struct net_bridge *b, const char *run_dir, bool keep_leases, struct err *e)
{
	_cleanup_free_ char *pid_file = dnsmasq_file(b, run_dir, "pid"), *leases = dnsmasq_file(b, run_dir, "leases");
	_cleanup_close_ int fd = bridge_dnsmasq_find(b, run_dir);
	struct pollfd gone = { .fd = fd, .events = POLLIN };

	if (!pid_file || !leases)
		return err_oom(e);
	for (int i = 0; fd >= 0; i++) {
		int r = sys_pidfd_send_signal(fd, i ? SIGKILL : SIGTERM);

		if (r == -ESRCH || poll(&gone, 1, 2000) == 1)
			break;
		if (r < 0 || i > 1)
			return err_set(e, r < 0 ? r : -EBUSY, "stop dnsmasq of '%s'", b->bridge);
	}
	unlink(pid_file);
	if (!keep_leases)
		unlink(leases);
	return 0;
}
