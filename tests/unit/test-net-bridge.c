/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <signal.h>

#include "base/file.h"
#include "base/spawn.h"
#include "unit/netns.h"

#define RUN_DIR "/run/creel-net-test"

static void write_text(const char *path, const char *text)
{
	CHECK(file_replace(AT_FDCWD, path, text, strlen(text), 0644, false, NULL) == 0);
}

TEST(bridge_defaults)
{
	struct net_bridge b;

	CHECK(net_bridge_conf("/nonexistent/lxc-net", &b, NULL) == 0);
	CHECK_STR(b.bridge, "lxcbr0");
	CHECK_STR(b.addr, "10.0.3.1");
	CHECK_STR(b.netmask, "255.255.255.0");
	CHECK_STR(b.network, "10.0.3.0/24");
	CHECK_STR(b.dhcp_range, "10.0.3.2,10.0.3.254");
	CHECK_STR(b.mac, "10:66:6a:00:00:00");
	CHECK_STR(b.domain, "");
	CHECK_STR(b.dhcp_confile, "");
	CHECK_STR(b.ipv6_addr, "");
	CHECK(b.dhcp_max == 253 && b.use && b.nat && b.dhcp_ping && !b.ipv6_nat);
}

NET_TEST(bridge_file)
{
	static const char *const bad[][2] = {
		{ "LXC_ADDR=10.0.3\n", "/run/lxc-net:1: bad LXC_ADDR '10.0.3': expected an IPv4 address" },
		{ "\n\nLXC_BRIDGE='x; reboot'\n", "/run/lxc-net:3: bad LXC_BRIDGE 'x; reboot'" },
		{ "LXC_BRIDGE=$OTHER\n", "/run/lxc-net:1: LXC_BRIDGE: this file is read, not run" },
		{ "LXC_BRIDGE=`id`\n", "read, not run" },
		{ "LXC_BRIDGE=\"open\n", "read, not run" },
		{ "LXC_BRIDGE=abcdefghijklmnop\n", "bad LXC_BRIDGE" },
		{ "LXC_NETMASK=255.255.0.0\n", "LXC_NETMASK 255.255.0.0 is not that of LXC_NETWORK" },
		{ "LXC_ADDR=10.0.4.1\n", "LXC_ADDR 10.0.4.1 is not in LXC_NETWORK" },
		{ "USE_LXC_BRIDGE=perhaps\n", "expected true or false" },
		{ "LXC_DHCP_MAX=many\n", "expected a number" },
		{ "LXC_DHCP_RANGE=\"10.0.3.2 --dhcp-script=/x\"\n", "bad LXC_DHCP_RANGE" },
		{ "LXC_IPV6_ADDR=fd01::1\n", "do not fit together" },
	};
	struct net_bridge b, untouched = { .dhcp_max = 5 };

	write_text("/run/lxc-net", "# a comment = here\n"
				   "USE_LXC_BRIDGE=\"true\"  # trailing\n"
				   "export LXC_BRIDGE='br-x.1'\n"
				   "  LXC_ADDR=\"192.168.\"7.1; LXC_X=1\n"
				   "LXC_NETMASK=255.255.255.128\n"
				   "LXC_NETWORK=192.168.7.0/25\n"
				   "LXC_DHCP_RANGE=192.168.7.2,192.168.7.100\n"
				   "LXC_DHCP_MAX=9\nLXC_DHCP_PING=false\nLXC_DOMAIN=ct.example\n"
				   "LXC_IPV6_ADDR=fd01::1\nLXC_IPV6_MASK=64\nLXC_IPV6_NETWORK=fd01::/64\n"
				   "LXC_IPV6_NAT=true\nLXC_UNKNOWN=$HOME\n"
				   "[ ! -f /etc/default/lxc ] || . /etc/default/lxc\n");
	CHECK(net_bridge_conf("/run/lxc-net", &b, NULL) == 0);
	CHECK_STR(b.bridge, "br-x.1");
	CHECK_STR(b.addr, "192.168.7.1");
	CHECK_STR(b.network, "192.168.7.0/25");
	CHECK_STR(b.domain, "ct.example");
	CHECK(b.dhcp_max == 9 && !b.dhcp_ping && b.ipv6_nat && b.use);
	CHECK_STR(b.ipv6_addr, "fd01::1");
	write_text("/run/lxc-net", "LXC_IPV6_ADDR=fd01::1\nLXC_IPV6_ENABLE=false\n");
	CHECK(net_bridge_conf("/run/lxc-net", &b, NULL) == 0);
	CHECK_STR(b.ipv6_addr, "");
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };

		write_text("/run/lxc-net", bad[i][0]);
		CHECK(net_bridge_conf("/run/lxc-net", &untouched, &e) == -EINVAL);
		if (!strstr(e.msg, bad[i][1]))
			printf("# %s\n", e.msg);
		CHECK(strstr(e.msg, bad[i][1]) != NULL);
		CHECK(untouched.dhcp_max == 5 && !untouched.bridge[0]);
	}
}

static void need_helpers(void)
{
	_cleanup_free_ char *nft = spawn_find("nft"), *dnsmasq = spawn_find("dnsmasq");

	if (!nft || !dnsmasq)
		SKIP("needs nft and dnsmasq");
}

static char *ruleset(void)
{
	char *argv[] = { (char[]){ "nft" }, (char[]){ "list" }, (char[]){ "ruleset" }, NULL }, *out;
	struct spawn s = { .path = "nft", .argv = argv };

	CHECK(spawn_run(&s, &out, NULL) == 0);
	return out;
}

static struct net_bridge test_bridge(void)
{
	struct net_bridge b;

	write_text("/run/lxc-net", "LXC_BRIDGE=tbr0\nLXC_ADDR=10.77.3.1\nLXC_NETWORK=10.77.3.0/24\n"
				   "LXC_DHCP_RANGE=10.77.3.20,10.77.3.29\nLXC_DHCP_PING=false\n");
	CHECK(net_bridge_conf("/run/lxc-net", &b, NULL) == 0);
	return b;
}

static bool forwards(void)
{
	char v[8];

	CHECK(file_read_small(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", v, sizeof(v)) > 0);
	return streq(v, "1");
}

static void check_clean(void)
{
	_cleanup_free_ char *rules = ruleset();

	CHECK_STR(rules, "");
	CHECK(!have_link("tbr0", NULL));
	CHECK(!forwards());
	CHECK(!file_exists(AT_FDCWD, RUN_DIR "/network_up.tbr0"));
	CHECK(!file_exists(AT_FDCWD, RUN_DIR "/dnsmasq.tbr0.pid"));
	CHECK(!file_exists(AT_FDCWD, RUN_DIR "/dnsmasq.tbr0.leases"));
}

/* Up, a lease by DHCP for a container on it, up again, down, down again: nothing is left. */
NET_TEST(bridge_up_and_down)
{
	char *argv[] = { (char[]){ "busybox" }, (char[]){ "udhcpc" }, (char[]){ "-i" },	       (char[]){ "eth0" },
			 (char[]){ "-fnq" },	(char[]){ "-s" },     (char[]){ "/bin/true" }, NULL };
	struct spawn udhcpc = { .path = "busybox", .argv = argv };
	struct net_conf c = { .type = "veth", .link = "tbr0", .name = "eth0", .up = true };
	_cleanup_free_ char *rules = NULL, *out = NULL;
	struct net_bridge b;
	struct link_info l;
	struct net_dev d;
	struct err e = { 0 };
	uint64_t was, now;
	char pid[16];
	int r;

	need_helpers();
	b = test_bridge();
	CHECK(net_conf_sysctl("ipv4", "all", "forwarding", "0") == 0);
	CHECK(!net_bridge_is_up(&b, RUN_DIR));
	CHECK_OK(net_bridge_down(&b, RUN_DIR, &e), e);
	CHECK(!file_exists(AT_FDCWD, RUN_DIR));
	CHECK_OK(net_bridge_up(&b, RUN_DIR, &e), e);
	CHECK(net_bridge_is_up(&b, RUN_DIR));
	CHECK(have_link("tbr0", &l) && (l.flags & IFF_UP) && l.mac[0] == 0x10 && l.mac[1] == 0x66);
	CHECK(forwards());
	rules = ruleset();
	CHECK(strstr(rules, "table inet creel-net {"));
	CHECK(strstr(rules, "ip saddr 10.77.3.0/24 ip daddr != 10.77.3.0/24") && strstr(rules, "masquerade"));
	CHECK(strstr(rules, "iifname \"tbr0\" udp dport { 53, 67 } accept"));
	CHECK(strstr(rules, "iifname \"tbr0\" tcp dport { 53, 67 } accept"));
	CHECK(strstr(rules, "oifname \"tbr0\" accept"));

	CHECK(file_read_small(AT_FDCWD, RUN_DIR "/dnsmasq.tbr0.pid", pid, sizeof(pid)) > 0);
	was = strtoull(pid, NULL, 10);
	CHECK_OK(net_bridge_up(&b, RUN_DIR, &e), e);
	CHECK(file_read_small(AT_FDCWD, RUN_DIR "/dnsmasq.tbr0.pid", pid, sizeof(pid)) > 0);
	now = strtoull(pid, NULL, 10);
	CHECK(was == now);

	CHECK_OK(net_prepare(&c, &d, &e), e);
	CHECK_OK(net_attach(&d, inner_ns, &e), e);
	enter(inner_ns);
	CHECK_OK(net_configure(&d, 1, true, &e), e);
	r = spawn_run(&udhcpc, &out, &e);
	enter(host_ns);
	if (r == -ENOENT)
		printf("# no busybox: DHCP is not tried\n");
	else if (r != 0 || !strstr(out, "lease of 10.77.3.2"))
		printf("# udhcpc: %d %s\n", r, out);
	CHECK(r == -ENOENT || (r == 0 && strstr(out, "lease of 10.77.3.2")));

	/* With a container on it the bridge stays, and is ours again at the next up. */
	CHECK_OK(net_bridge_down(&b, RUN_DIR, &e), e);
	CHECK(have_link("tbr0", NULL) && !net_bridge_is_up(&b, RUN_DIR));
	CHECK_OK(net_bridge_up(&b, RUN_DIR, &e), e);
	CHECK(net_bridge_is_up(&b, RUN_DIR));
	CHECK_OK(net_detach(&d, inner_ns, &e), e);
	CHECK_OK(net_bridge_down(&b, RUN_DIR, &e), e);
	CHECK(!have_link("tbr0", NULL));
	CHECK_OK(net_bridge_down(&b, RUN_DIR, &e), e);
}

NET_TEST(bridge_leaves_nothing)
{
	struct net_bridge b;
	struct err e = { 0 };
	int taken;

	need_helpers();
	b = test_bridge();
	CHECK(net_conf_sysctl("ipv4", "all", "forwarding", "0") == 0);
	CHECK_OK(net_bridge_up(&b, RUN_DIR, &e), e);
	CHECK_OK(net_bridge_down(&b, RUN_DIR, &e), e);
	check_clean();
	/* A name server on all addresses: dnsmasq, the last step, fails. */
	make_link("bridge", "other0", "10.99.0.1/24");
	taken = udp_socket(53);
	CHECK(net_bridge_up(&b, RUN_DIR, &e) == -EIO);
	CHECK(strstr(e.msg, "start dnsmasq on 'tbr0'") && strstr(e.msg, "in use"));
	CHECK(strstr(e.hint, "another name server listens on 10.77.3.1"));
	CHECK(!have_link("tbr0", NULL) && !file_exists(AT_FDCWD, RUN_DIR "/network_up.tbr0"));
	fd_close(taken);
	/* Forwarding stays on while there is another bridge that may need it; the test's is no such. */
	CHECK(net_conf_sysctl("ipv4", "all", "forwarding", "0") == 0);
	b.use = false;
	CHECK_OK(net_bridge_up(&b, RUN_DIR, &e), e);
	CHECK(!have_link("tbr0", NULL));
}

/* Two bridges share the table; the rules of other people stay. */
NET_TEST(bridge_beside_others)
{
	char *argv[] = { (char[]){ "nft" }, (char[]){ "-f" }, (char[]){ "-" }, NULL };
	struct spawn nft = { .path = "nft",
			     .argv = argv,
			     .input = "add table inet creel-net-not\nadd chain inet creel-net-not x\n" };
	_cleanup_free_ char *before = NULL, *both = NULL, *one = NULL, *after = NULL;
	struct net_bridge a, b;
	struct err e = { 0 };

	need_helpers();
	CHECK(spawn_run(&nft, NULL, NULL) == 0);
	before = ruleset();
	b = a = test_bridge();
	snprintf(b.bridge, sizeof(b.bridge), "tbr1");
	CHECK_OK(net_bridge_up(&a, RUN_DIR, &e), e);
	/* The same network twice: told, and the first is not touched. */
	CHECK(net_bridge_up(&b, RUN_DIR, &e) == -EADDRINUSE);
	CHECK(strstr(e.msg, "bridge 'tbr1': network 10.77.3.0/24 is in use already") && strstr(e.msg, "'tbr0'"));
	CHECK(strstr(e.hint, "LXC_ADDR") && !have_link("tbr1", NULL) && net_bridge_is_up(&a, RUN_DIR));
	snprintf(b.addr, sizeof(b.addr), "10.78.3.1");
	snprintf(b.network, sizeof(b.network), "10.78.3.0/24");
	snprintf(b.dhcp_range, sizeof(b.dhcp_range), "10.78.3.2,10.78.3.9");
	CHECK_OK(net_bridge_up(&b, RUN_DIR, &e), e);
	both = ruleset();
	CHECK(strstr(both, "chain nat-tbr0") && strstr(both, "chain nat-tbr1"));
	CHECK_OK(net_bridge_down(&a, RUN_DIR, &e), e);
	one = ruleset();
	CHECK(!strstr(one, "tbr0") && strstr(one, "chain nat-tbr1") && net_bridge_is_up(&b, RUN_DIR));
	CHECK_OK(net_bridge_down(&b, RUN_DIR, &e), e);
	after = ruleset();
	CHECK_STR(after, before);
}

/* A bridge that somebody made is served, and outlives us. Half of an up that was killed is completed. */
NET_TEST(bridge_found)
{
	struct net_bridge b;
	struct link_info l;
	struct err e = { 0 };
	struct net_if_info *v;
	char pid[16];
	size_t n;

	need_helpers();
	b = test_bridge();
	make_link("bridge", "tbr0", NULL);
	CHECK_OK(net_bridge_up(&b, RUN_DIR, &e), e);
	CHECK(net_bridge_is_up(&b, RUN_DIR));
	/* dnsmasq dies: it is not up any more, and up brings it back. */
	CHECK(file_read_small(AT_FDCWD, RUN_DIR "/dnsmasq.tbr0.pid", pid, sizeof(pid)) > 0);
	CHECK(kill((pid_t)strtol(pid, NULL, 10), SIGKILL) == 0);
	for (int i = 0; i < 100 && net_bridge_is_up(&b, RUN_DIR); i++) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(10000);
	}
	CHECK(!net_bridge_is_up(&b, RUN_DIR));
	CHECK_OK(net_bridge_up(&b, RUN_DIR, &e), e);
	CHECK(net_bridge_is_up(&b, RUN_DIR));
	/* The pid of somebody else in our file: it is not killed. */
	CHECK(net_bridge_down(&b, RUN_DIR, &e) == 0);
	CHECK(have_link("tbr0", &l) && !l.alias[0]);
	CHECK(net_list(-EBADF, &v, &n, &e) == 0);
	CHECK(!has_addr(if_named(v, n, "tbr0"), "10.77.3.1/24"));
	free(v);
	write_text(RUN_DIR "/network_up.tbr0", "ready\n");
	write_text(RUN_DIR "/dnsmasq.tbr0.pid", "1\n");
	CHECK(!net_bridge_is_up(&b, RUN_DIR));
	CHECK_OK(net_bridge_down(&b, RUN_DIR, &e), e);
	CHECK(!file_exists(AT_FDCWD, RUN_DIR "/dnsmasq.tbr0.pid"));
}

NET_TEST(bridge_not_a_bridge)
{
	struct net_bridge b;
	struct err e = { 0 };

	need_helpers();
	b = test_bridge();
	make_link("veth", "tbr0", NULL);
	CHECK(net_bridge_up(&b, RUN_DIR, &e) == -EEXIST);
	CHECK(strstr(e.msg, "'tbr0' exists already and is not a bridge"));
	CHECK_OK(net_bridge_down(&b, RUN_DIR, &e), e);
	CHECK(have_link("tbr0", NULL));
}

/* Six at once: all succeed, one dnsmasq runs, one set of rules is there; and so down. */
NET_TEST(bridge_race)
{
	struct net_bridge b;
	pid_t pids[6];
	int status;

	need_helpers();
	b = test_bridge();
	CHECK(net_conf_sysctl("ipv4", "all", "forwarding", "0") == 0);
	for (int down = 0; down < 2; down++) {
		for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
			pids[i] = fork();
			if (pids[i] == 0) {
				struct err e = { 0 };
				int r = down ? net_bridge_down(&b, RUN_DIR, &e) : net_bridge_up(&b, RUN_DIR, &e);

				if (r < 0)
					printf("# %s | %s\n", e.msg, e.hint);
				_exit(r < 0);
			}
		}
		for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
			CHECK(waitpid(pids[i], &status, 0) == pids[i]);
			CHECK(status == 0);
		}
		CHECK(net_bridge_is_up(&b, RUN_DIR) == !down);
	}
	check_clean();
}

NET_TEST(bridge_ipv6)
{
	_cleanup_free_ char *rules = NULL;
	struct net_if_info *v;
	struct net_bridge b;
	struct err e = { 0 };
	char value[8];
	size_t n;

	need_helpers();
	b = test_bridge();
	snprintf(b.ipv6_addr, sizeof(b.ipv6_addr), "fd77::1");
	snprintf(b.ipv6_mask, sizeof(b.ipv6_mask), "64");
	snprintf(b.ipv6_network, sizeof(b.ipv6_network), "fd77::/64");
	b.ipv6_nat = true;
	/* An uplink that lives on router advertisements goes on doing so. */
	make_link("veth", "up0", NULL);
	CHECK(net_conf_sysctl("ipv6", "all", "forwarding", "0") == 0);
	CHECK(net_conf_sysctl("ipv6", "up0", "accept_ra", "1") == 0);
	CHECK_OK(net_bridge_up(&b, RUN_DIR, &e), e);
	rules = ruleset();
	CHECK(strstr(rules, "ip6 saddr fd77::/64 ip6 daddr != fd77::/64"));
	CHECK(net_list(-EBADF, &v, &n, &e) == 0);
	CHECK(has_addr(if_named(v, n, "tbr0"), "fd77::1/64"));
	free(v);
	CHECK(file_read_small(AT_FDCWD, "/proc/sys/net/ipv6/conf/up0/accept_ra", value, sizeof(value)) > 0);
	CHECK_STR(value, "2");
	CHECK_OK(net_bridge_down(&b, RUN_DIR, &e), e);
	CHECK(file_read_small(AT_FDCWD, "/proc/sys/net/ipv6/conf/up0/accept_ra", value, sizeof(value)) > 0);
	CHECK_STR(value, "1");
	CHECK(file_read_small(AT_FDCWD, "/proc/sys/net/ipv6/conf/all/forwarding", value, sizeof(value)) > 0);
	CHECK_STR(value, "0");
}
