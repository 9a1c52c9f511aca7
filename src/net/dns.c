/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "net/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "net/bridge.h"
#include "sys/syscalls.h"

/* The name of one of its files is what tells its process: bridge_dnsmasq_find() looks for it in command lines. */
static char *dns_file(const struct net_nat *n, const char *run_dir, const char *what)
{
	char name[64];

	snprintf(name, sizeof(name), "dnsmasq.%s.%s", n->bridge, what);
	return path_join(run_dir, name);
}

static struct net_bridge as_bridge(const struct net_nat *n)
{
	struct net_bridge b = { 0 };

	snprintf(b.bridge, sizeof(b.bridge), "%s", n->bridge);
	return b;
}

/* One argument a line: none of the values can hold a newline. */
static int arguments(const struct net_nat *n, const char *pid_file, const char *hosts, bool forward, struct strv *ret,
		     struct err *e)
{
	_cleanup_buf_ struct buf a = BUF_INIT;
	const char *const addrs[] = { n->addr4, n->addr6 };
	int r;

	buf_printf(&a, "dnsmasq\n--conf-file=/dev/null\n--no-hosts\n--addn-hosts=%s\n--pid-file=%s\n", hosts, pid_file);
	buf_printf(&a, "--user=%s\n--bind-interfaces\n--except-interface=lo\n--interface=%s\n--no-dhcp-interface=%s\n",
		   bridge_dnsmasq_user(), n->bridge, n->bridge);
	buf_puts(&a, "--cache-size=1000\n--local-ttl=5\n--no-negcache\n");
	if (!forward)
		buf_puts(&a, "--no-resolv\n");
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++)
		if (*addrs[i])
			buf_printf(&a, "--listen-address=%.*s\n", (int)strcspn(addrs[i], "/"), addrs[i]);
	r = buf_error(&a, e);
	return r < 0 ? r : strv_split(ret, buf_str(&a), "\n", e);
}

static int start(const struct net_nat *n, const char *run_dir, const char *hosts, bool forward, struct err *e)
{
	_cleanup_free_ char *pid_file = dns_file(n, run_dir, "pid"), *out = NULL;
	_cleanup_strv_ struct strv args = STRV_INIT;
	struct spawn s = { .path = "dnsmasq" };
	int r;

	if (!pid_file)
		return err_oom(e);
	r = arguments(n, pid_file, hosts, forward, &args, e);
	if (r < 0)
		return r;
	s.argv = strv_get(&args);
	/* It goes to the background when its sockets are bound, and only then does this end. */
	r = spawn_run(&s, &out, e);
	if (r == -ENOENT)
		return err_hint(e, r, "install the package dnsmasq-base");
	if (r > 0)
		return err_kind(e, ERR_SYSTEM, -EIO, "start dnsmasq on '%s': %.*s", n->bridge,
				(int)strcspn(out + strspn(out, "\n"), "\n"), out + strspn(out, "\n"));
	return r;
}

int net_dns_serve(const struct net_nat *n, const char *run_dir, const char *hosts, bool forward, struct err *e)
{
	const struct net_bridge b = as_bridge(n);
	_cleanup_free_ char *file = dns_file(n, run_dir, "hosts");
	_cleanup_close_ int running = -EBADF;
	int r;

	if (!file)
		return err_oom(e);
	/* It reads them as the user that it becomes. */
	r = file_replace(AT_FDCWD, file, hosts, strlen(hosts), 0644, false, e);
	if (r < 0)
		return r;
	running = bridge_dnsmasq_find(&b, run_dir);
	if (running >= 0 && sys_pidfd_send_signal(running, SIGHUP) == 0)
		return 0;
	return start(n, run_dir, file, forward, e);
}

int net_dns_stop(const struct net_nat *n, const char *run_dir, struct err *e)
{
	const struct net_bridge b = as_bridge(n);
	_cleanup_free_ char *file = dns_file(n, run_dir, "hosts");
	int r;

	if (!file)
		return err_oom(e);
	r = bridge_dnsmasq_stop(&b, run_dir, false, e);
	unlink(file);
	return r;
}
