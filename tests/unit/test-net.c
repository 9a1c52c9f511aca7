/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <poll.h>
#include <sys/socket.h>

#include "unit/netns.h"

/* A datagram from the current name space to ADDR:PORT comes back from whoever listens in the fd ECHO. */
static bool echoes(int echo, int sock, const char *addr, uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) }, from;
	struct pollfd p = { .fd = echo, .events = POLLIN };
	socklen_t len = sizeof(from);
	char buf[16];

	CHECK(inet_pton(AF_INET, addr, &to.sin_addr) == 1);
	for (int i = 0; i < 20; i++) {
		if (sendto(sock, "hello", 5, 0, (struct sockaddr *)&to, sizeof(to)) != 5)
			return false;
		if (poll(&p, 1, 200) == 1)
			break;
	}
	if (recvfrom(echo, buf, sizeof(buf), MSG_DONTWAIT, (struct sockaddr *)&from, &len) != 5)
		return false;
	CHECK(sendto(echo, buf, 5, 0, (struct sockaddr *)&from, len) == 5);
	p.fd = sock;
	return poll(&p, 1, 2000) == 1 && recv(sock, buf, sizeof(buf), 0) == 5;
}

static struct strv list1(const char *s)
{
	struct strv l = STRV_INIT;

	CHECK(strv_push(&l, s, NULL) == 0);
	return l;
}

TEST(addresses)
{
	static const struct {
		const char *text, *want, *brd;
	} good[] = {
		{ "10.0.3.5/24", "10.0.3.5/24", "10.0.3.255" },
		{ "10.1.2.3", "10.1.2.3/8", "10.255.255.255" },
		{ "172.16.0.9", "172.16.0.9/16", "172.16.255.255" },
		{ "192.168.7.1", "192.168.7.1/24", "192.168.7.255" },
		{ "192.168.7.1/30 192.168.7.9", "192.168.7.1/30", "192.168.7.9" },
		{ "10.9.9.9/31", "10.9.9.9/31", NULL },
		{ "10.9.9.9/32", "10.9.9.9/32", NULL },
		{ "10.0.0.1/0", "10.0.0.1/0", "255.255.255.255" },
		{ "192.168.7.77/27", "192.168.7.77/27", "192.168.7.95" },
	};
	static const char *const bad[] = { "",
					   "10.0.3",
					   "10.0.3.5/33",
					   "10.0.3.5/",
					   "10.0.3.5/x",
					   "10.0.3.5/24 x",
					   "10.0.3.5/24 10.0.3.255 y",
					   "fe80::1",
					   "224.0.0.1/4",
					   "0.0.0.0/8",
					   "10.0.3.5/24/24",
					   "10.0.3.5/-1" };
	struct net_addr a;
	struct err e;
	char buf[NET_ADDR_TEXT];

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		CHECK(net_addr_parse(AF_INET, good[i].text, &a, NULL) == 0);
		CHECK_STR(net_addr_text(&a, buf), good[i].want);
		CHECK(a.has_brd == (good[i].brd != NULL));
		if (good[i].brd)
			CHECK_STR(net_ip_text(AF_INET, a.brd, buf), good[i].brd);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memset(&e, 0, sizeof(e));
		CHECK(net_addr_parse(AF_INET, bad[i], &a, &e) == -EINVAL);
		CHECK(e.kind == ERR_INVALID && strstr(e.msg, bad[i]));
	}
	CHECK(net_addr_parse(AF_INET6, "fd00::5", &a, NULL) == 0 && a.prefix == 64 && !a.has_brd);
	CHECK(net_addr_parse(AF_INET6, "fd00::5/128", &a, NULL) == 0 && a.prefix == 128);
	CHECK(net_addr_parse(AF_INET6, "fd00::5/129", &a, NULL) == -EINVAL);
	CHECK(net_addr_parse(AF_INET6, "fd00::5/64 fd00::1", &a, NULL) == -EINVAL);
	CHECK(net_addr_parse(AF_INET6, "ff02::1", &a, NULL) == -EINVAL);
	CHECK(net_route_parse(AF_INET, "10.7.8.9/16", &a, NULL) == 0);
	CHECK_STR(net_addr_text(&a, buf), "10.7.0.0/16");
	CHECK(net_route_parse(AF_INET, "10.7.8.9", &a, NULL) == -EINVAL);
	CHECK(net_route_parse(AF_INET6, "fd00:1:2::9/48", &a, NULL) == 0);
	CHECK_STR(net_addr_text(&a, buf), "fd00:1:2::/48");
}

TEST(hardware_addresses)
{
	static const char *const bad[] = { "",	"10:66:6a:xx:xx",    "10:66:6a:xx:xx:xx:xx", "10:66:6a:xx:xx:xg",
					   "x", "10-66-6a-xx-xx-xx", "10:66:6a:xx:xx:",	     "100:66:6a:00:00:00" };
	char a[] = "10:66:6a:xx:xx:XX", b[] = "10:66:6a:xx:xx:xx", plain[] = "2:3:4:5:6:7a";
	uint8_t mac[6];
	struct err e;

	CHECK(net_hwaddr_fill(a, NULL) == 0 && net_hwaddr_fill(b, NULL) == 0);
	CHECK(strncmp(a, "10:66:6a:", 9) == 0 && strlen(a) == 17 && !strpbrk(a, "xX"));
	CHECK(strcasecmp(a, b) != 0);
	for (int i = 0; i < 200; i++) {
		char any[] = "xx:xx:xx:xx:xx:xx";

		CHECK(net_hwaddr_fill(any, NULL) == 0 && net_mac_parse(any, mac) == 0);
		CHECK((mac[0] & 1) == 0);
	}
	CHECK(net_hwaddr_fill(plain, NULL) == 0);
	CHECK_STR(plain, "2:3:4:5:6:7a");
	CHECK(net_mac_parse(plain, mac) == 0 && mac[0] == 2 && mac[5] == 0x7a);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char copy[32];

		snprintf(copy, sizeof(copy), "%s", bad[i]);
		memset(&e, 0, sizeof(e));
		CHECK(net_hwaddr_fill(copy, &e) == -EINVAL);
		CHECK_STR(copy, bad[i]);
		CHECK(strstr(e.msg, "hexadecimal") != NULL);
	}
}

TEST(tables)
{
	const struct name *const tables[] = { net_veth_modes, net_macvlan_modes, net_ipvlan_modes,
					      net_ipvlan_isolations };

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++)
		for (const struct name *n = tables[i]; n->name; n++) {
			CHECK(name_find(tables[i], n->name) == n);
			CHECK_STR(name_of(tables[i], n->value), n->name);
		}
	for (const struct net_driver *const *d = net_drivers; *d; d++) {
		struct net_conf c = { .type = (*d)->type };
		struct net_dev dev;
		struct err e = { 0 };

		/* A driver that needs a link says so; and every type fits where it is kept. */
		CHECK(strlen((*d)->type) < sizeof(dev.type));
		if ((*d)->needs_link) {
			CHECK(net_prepare(&c, &dev, &e) == -EINVAL);
			CHECK(strstr(e.msg, "needs a link") && strstr(e.msg, (*d)->type));
		}
	}
}

TEST(names)
{
	struct net_dev d[5] = {
		{ .type = "veth" },    { .type = "veth", .name = "eth0" }, { .type = "empty" },
		{ .type = "macvlan" }, { .type = "veth", .name = "eth2" },
	};

	net_names(d, 5);
	CHECK_STR(d[0].name, "eth1");
	CHECK_STR(d[2].name, "");
	CHECK_STR(d[3].name, "eth3");
}

/* What the journal keeps is what detach needs; a spoilt line is refused. */
TEST(journal_words)
{
	static const char *const bad[] = { "",
					   "veth",
					   "veth a b",
					   "veth a b c what",
					   "phys - a b was=1/2",
					   "phys - a b remac",
					   "veth sixteencharacters a b",
					   "veth a b c proxy=10.0.0.300/24",
					   "phys - a b was=00:11:22:33:44:55/" };
	struct net_dev d = { .type = "phys",
			     .name = "eth0",
			     .link = "hw0",
			     .link_mtu = 9000,
			     .has_mac = true,
			     .mac = { 2, 0, 0, 0, 0, 7 },
			     .link_mac = { 2, 0, 0, 0, 0xab, 0xcd } },
		       back;
	char text[512], again[512], tiny[16];
	struct err e = { 0 };

	CHECK(net_dev_print(&d, text, sizeof(text), NULL) == 0);
	CHECK_STR(text, "phys - eth0 hw0 was=02:00:00:00:ab:cd/9000 remac=02:00:00:00:00:07");
	CHECK(net_dev_scan(text, &back, NULL) == 0 && net_dev_print(&back, again, sizeof(again), NULL) == 0);
	CHECK_STR(again, text);
	CHECK(memcmp(back.link_mac, d.link_mac, 6) == 0 && back.link_mtu == 9000 && back.has_mac);
	d = (struct net_dev){ .type = "ipvlan", .name = "eth0", .link = "hw0", .l2proxy = true, .n_addrs = 2 };
	CHECK(net_addr_parse(AF_INET, "10.0.3.5/24", &d.addrs[0], NULL) == 0);
	CHECK(net_addr_parse(AF_INET6, "fd00::5/64", &d.addrs[1], NULL) == 0);
	CHECK(net_dev_print(&d, text, sizeof(text), NULL) == 0);
	CHECK(net_dev_scan(text, &back, NULL) == 0 && net_dev_print(&back, again, sizeof(again), NULL) == 0);
	CHECK_STR(again, text);
	CHECK(back.l2proxy && back.n_addrs == 2 && back.addrs[1].prefix == 64);
	CHECK(net_dev_print(&d, tiny, sizeof(tiny), &e) == -E2BIG);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(net_dev_scan(bad[i], &back, &e) == -EINVAL);
}

/* What the user may get wrong, and what is said about it. */
NET_TEST(bad_input)
{
	struct strv v4 = list1("10.0.3.5/24"), junk = list1("10.0.3.500/24");
	const struct {
		struct net_conf c;
		const char *msg, *hint;
	} cases[] = {
		{ { .type = "veht" }, "unknown network type 'veht'", "" },
		{ { 0 }, "unknown network type ''", "" },
		{ { .type = "veth", .link = "lxcbr0" }, "bridge 'lxcbr0' does not exist", "creel net up" },
		{ { .type = "macvlan", .link = "nope0" }, "interface 'nope0' does not exist", "" },
		{ { .type = "veth", .link = "lo" }, "interface 'lo' is not a bridge", "macvlan" },
		{ { .type = "veth", .port_vlan = "5" }, "only a port of a bridge has VLANs", "" },
		{ { .type = "phys", .link = "lo" }, "'lo' cannot be given away", "" },
		{ { .type = "phys", .link = "en+" }, "interface 'en+' does not exist", "" },
		{ { .type = "veth", .name = "a/b" }, "bad interface name 'a/b'", "" },
		{ { .type = "veth", .name = "sixteencharacter" }, "bad interface name", "" },
		{ { .type = "veth", .name = "eth%d" }, "bad interface name", "" },
		{ { .type = "veth", .link = "../x" }, "bad link '../x'", "" },
		{ { .type = "veth", .hwaddr = "01:00:00:00:00:01" }, "multicast", "" },
		{ { .type = "veth", .hwaddr = "hello" }, "bad hardware address 'hello'", "" },
		{ { .type = "veth", .ipv4 = &junk }, "bad IPv4 address '10.0.3.500/24'", "" },
		{ { .type = "veth", .mode = "bridgx" }, "bad veth mode 'bridgx': expected one of bridge, router", "" },
		{ { .type = "macvlan", .link = "lo", .mode = "x" },
		  "expected one of private, vepa, bridge, passthru",
		  "" },
		{ { .type = "veth", .up = true, .ipv4_gateway = "10.0.3.1" }, "without an IPv4 address", "" },
		{ { .type = "veth", .ipv4 = &v4, .ipv4_gateway = "10.0.3.1" }, "stays down", "flags" },
		{ { .type = "veth", .up = true, .ipv4 = &v4, .ipv4_gateway = "auto" }, "'auto' needs a link", "" },
		{ { .type = "veth", .up = true, .ipv4 = &v4, .ipv4_gateway = "10.0.3" },
		  "bad IPv4 gateway '10.0.3'",
		  "" },
		{ { .type = "vlan", .link = "lo", .vlan_id = 4095 }, "bad vlan id 4095", "" },
		{ { .type = "ipvlan", .link = "lo", .isolation = "x" }, "bad ipvlan isolation 'x'", "" },
		{ { .type = "ipvlan", .link = "lo", .l2proxy = true }, "l3s", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct net_dev d = { .mtu = 77 };
		struct err e = { 0 };

		CHECK(net_prepare(&cases[i].c, &d, &e) < 0);
		if (!strstr(e.msg, cases[i].msg) || !strstr(e.hint, cases[i].hint))
			printf("# case %zu: %s | %s\n", i, e.msg, e.hint);
		CHECK(strstr(e.msg, cases[i].msg) != NULL);
		CHECK(strstr(e.hint, cases[i].hint) != NULL);
		CHECK(d.mtu == 77);
	}
	strv_done(&v4);
	strv_done(&junk);
}

/* A container on a bridge, from the configuration to a packet there and back, and no trace afterwards. */
NET_TEST(veth_on_a_bridge)
{
	struct strv v4 = list1("10.77.3.5/24"), v6 = list1("fd77::5/64");
	struct net_conf c = {
		.type = "veth",
		.link = "tbr0",
		.name = "eth0",
		.hwaddr = "10:66:6a:01:02:03",
		.up = true,
		.ipv4 = &v4,
		.ipv6 = &v6,
		.ipv4_gateway = "auto",
		.ipv6_gateway = "auto",
	};
	struct link_info before, after, l;
	const struct net_if_info *i;
	struct net_if_info *v;
	struct net_dev d;
	struct err e = { 0 };
	uint64_t rx, tx;
	int sock, echo;
	size_t n;

	make_link("bridge", "tbr0", "10.77.3.1/24");
	make_link("bridge", "bare0", NULL);
	CHECK(have_link("tbr0", &before));
	c.link = "bare0";
	CHECK(net_prepare(&c, &d, &e) == -EADDRNOTAVAIL);
	CHECK(strstr(e.msg, "'bare0' has no IPv4 address") != NULL);
	c.link = "tbr0";
	c.ipv6_gateway = "fd77::1";
	/* Without filtering on the bridge a VLAN's port would be everybody's. */
	c.port_vlan = "7";
	CHECK(net_prepare(&c, &d, &e) == -EOPNOTSUPP);
	CHECK(strstr(e.hint, "vlan_filtering 1") != NULL);
	c.port_vlan = NULL;
	CHECK_OK(net_prepare(&c, &d, &e), e);
	CHECK(strncmp(d.host_name, "veth", 4) == 0 && strlen(d.host_name) == 10);
	CHECK(d.mtu == 1500);
	CHECK_OK(net_attach(&d, inner_ns, &e), e);
	CHECK(have_link(d.host_name, &l) && l.master == before.ifindex && (l.flags & IFF_UP) && l.mac[0] == 0xfe);
	CHECK(!have_link("eth0", NULL));

	enter(inner_ns);
	CHECK(have_link("eth0", &l) && l.mac[0] == 0x10 && l.mac[5] == 3 && !(l.flags & IFF_UP));
	CHECK_OK(net_configure(&d, 1, true, &e), e);
	CHECK(have_link("eth0", &l) && (l.flags & IFF_UP));
	CHECK(have_link("lo", &l) && (l.flags & IFF_UP));
	/* Twice is as good as once. */
	CHECK_OK(net_configure(&d, 1, true, &e), e);
	sock = udp_socket(0);
	enter(host_ns);
	CHECK(have_link("tbr0", &after));
	CHECK((after.flags & IFF_UP) != 0);

	echo = udp_socket(7777);
	CHECK(echoes(echo, sock, "10.77.3.1", 7777));
	/* By way of the gateway: an address of the host outside of the subnet. */
	make_link("bridge", "far0", "10.99.0.1/24");
	CHECK(echoes(echo, sock, "10.99.0.1", 7777));

	CHECK_OK(net_list(inner_ns, &v, &n, &e), e);
	i = if_named(v, n, "eth0");
	CHECK(i && i->up && has_addr(i, "10.77.3.5/24") && has_addr(i, "fd77::5/64") && i->rx_bytes > 0);
	CHECK(i->addrs[0].has_brd && i->addrs[0].brd[3] == 255);
	CHECK(if_named(v, n, "lo") && !if_named(v, n, "tbr0"));
	free(v);
	CHECK_OK(net_list(-EBADF, &v, &n, &e), e);
	CHECK(if_named(v, n, "tbr0") && if_named(v, n, d.host_name) && !if_named(v, n, "eth0"));
	free(v);
	CHECK_OK(net_if_stats(d.host_name, &rx, &tx, &e), e);
	CHECK(rx > 0 && tx > 0);
	CHECK(net_if_stats("nope", &rx, &tx, &e) == -ENODEV && strstr(e.msg, "'nope'"));

	CHECK_OK(net_detach(&d, inner_ns, &e), e);
	CHECK(!have_link(d.host_name, NULL));
	CHECK_OK(net_detach(&d, -EBADF, &e), e);
	enter(inner_ns);
	CHECK(!have_link("eth0", NULL));
	strv_done(&v4);
	strv_done(&v6);
}

/* A bridge without an address of its own keeps the one it has when containers come and go. */
NET_TEST(bridge_keeps_its_address)
{
	struct net_conf c = { .type = "veth", .link = "tbr0", .hwaddr = "00:00:00:00:00:01", .up = true };
	struct link_info before, after;
	struct net_dev one, two;
	struct err e = { 0 };

	make_link("bridge", "tbr0", NULL);
	CHECK_OK(net_prepare(&c, &one, &e), e);
	net_names(&one, 1);
	c.hwaddr = NULL;
	c.name = "eth1";
	CHECK_OK(net_prepare(&c, &two, &e), e);
	CHECK_OK(net_attach(&one, inner_ns, &e), e);
	CHECK(have_link("tbr0", &before));
	CHECK_OK(net_attach(&two, inner_ns, &e), e);
	CHECK_OK(net_detach(&two, -EBADF, &e), e);
	CHECK(have_link("tbr0", &after) && memcmp(before.mac, after.mac, 6) == 0);
	/* The host's end never shows an address that a container chose. */
	CHECK(after.mac[0] == 0xfe || after.mac[5] != 1);
}

/* After a stop: the host's end goes with the name space, and when somebody keeps that, it is deleted. */
NET_TEST(veth_goes_with_its_name_space)
{
	struct net_conf c = { .type = "veth", .name = "eth0", .up = true };
	struct err e = { 0 };
	struct net_dev d;
	int fd;

	CHECK_OK(net_prepare(&c, &d, &e), e);
	fd = new_ns();
	enter(host_ns);
	CHECK_OK(net_attach(&d, fd, &e), e);
	fd_close(fd);
	CHECK_OK(net_detach(&d, -EBADF, &e), e);
	CHECK(!have_link(d.host_name, NULL));
	CHECK_OK(net_attach(&d, inner_ns, &e), e);
	CHECK_OK(net_detach(&d, -EBADF, &e), e);
	CHECK(!have_link(d.host_name, NULL));
}

/* Names left to the kernel, and the error when a name is taken twice. */
NET_TEST(veth_names)
{
	struct net_conf c = { .type = "veth", .up = true };
	struct net_dev d[3];
	struct err e = { 0 };

	for (int i = 0; i < 3; i++)
		CHECK_OK(net_prepare(&c, &d[i], &e), e);
	CHECK_OK(net_attach(&d[0], inner_ns, &e), e);
	CHECK_OK(net_attach(&d[1], inner_ns, &e), e);
	enter(inner_ns);
	CHECK(have_link("eth0", NULL) && have_link("eth1", NULL));
	CHECK_OK(net_configure(d, 2, true, &e), e);
	enter(host_ns);
	memcpy(d[2].host_name, d[0].host_name, sizeof(d[2].host_name));
	CHECK(net_attach(&d[2], inner_ns, &e) == -EEXIST);
	CHECK(strstr(e.msg, d[2].host_name) && strstr(e.msg, "create veth"));
	/* That of the first is still there: a failed attach takes nothing that it did not make. */
	CHECK(have_link(d[0].host_name, NULL));
	snprintf(d[2].host_name, sizeof(d[2].host_name), "vethother");
	snprintf(d[2].name, sizeof(d[2].name), "eth0");
	CHECK(net_attach(&d[2], inner_ns, &e) == -EEXIST);
	CHECK(!have_link("vethother", NULL));
}

/* A gateway outside of all subnets, one that is the device itself, and the mtu. */
NET_TEST(gateways)
{
	struct strv v4 = list1("10.77.3.5/32");
	struct net_conf c = { .type = "veth",
			      .name = "eth0",
			      .host_name = "vhost",
			      .up = true,
			      .mtu = 1400,
			      .ipv4 = &v4,
			      .ipv4_gateway = "169.254.1.1" };
	struct link_info l;
	struct net_dev d;
	struct err e = { 0 };

	CHECK_OK(net_prepare(&c, &d, &e), e);
	CHECK_OK(net_attach(&d, inner_ns, &e), e);
	CHECK(have_link("vhost", &l) && l.mtu == 1400);
	enter(inner_ns);
	CHECK_OK(net_configure(&d, 1, false, &e), e);
	CHECK(have_link("eth0", &l) && l.mtu == 1400);
	CHECK(have_link("lo", &l) && !(l.flags & IFF_UP));
	enter(host_ns);
	CHECK_OK(net_detach(&d, inner_ns, &e), e);
	c.ipv4_gateway = "dev";
	c.ipv6_gateway = "dev";
	CHECK_OK(net_prepare(&c, &d, &e), e);
	CHECK_OK(net_attach(&d, inner_ns, &e), e);
	enter(inner_ns);
	CHECK_OK(net_configure(&d, 1, false, &e), e);
	strv_done(&v4);
}

/* Router mode: no bridge; routes on the host, proxies for the gateway, and packets flow. */
NET_TEST(veth_router)
{
	struct strv v4 = list1("10.88.0.5/32"), r4 = list1("10.89.0.0/16");
	struct net_conf c = { .type = "veth",
			      .mode = "router",
			      .name = "eth0",
			      .up = true,
			      .ipv4 = &v4,
			      .ipv4_gateway = "169.254.1.1",
			      .routes4 = &r4 };
	struct net_dev d;
	struct err e = { 0 };
	int sock, echo;

	make_link("bridge", "up0", "10.66.0.1/24");
	CHECK_OK(net_prepare(&c, &d, &e), e);
	CHECK(d.mode == VETH_ROUTER);
	CHECK_OK(net_attach(&d, inner_ns, &e), e);
	CHECK(net_conf_sysctl("ipv4", "all", "forwarding", "1") == 0);
	/* The kernel answers for a gateway only when it has a way to it by another device. */
	{
		int fd = nl_open(-EBADF, NULL);
		struct nl_batch b;

		nl_begin(&b, fd, &e);
		req_route(&b, true, link_index(fd, "up0"), "up0", AF_INET, NULL, NULL);
		CHECK_OK(nl_commit(&b), e);
		fd_close(fd);
	}
	enter(inner_ns);
	CHECK_OK(net_configure(&d, 1, true, &e), e);
	sock = udp_socket(0);
	enter(host_ns);
	echo = udp_socket(7777);
	CHECK(echoes(echo, sock, "10.66.0.1", 7777));
	CHECK_OK(net_detach(&d, inner_ns, &e), e);
	strv_done(&v4);
	strv_done(&r4);
}

NET_TEST(macvlan)
{
	struct strv v4 = list1("10.55.0.5/24");
	struct net_conf c = { .type = "macvlan",
			      .link = "par0",
			      .mode = "bridge",
			      .up = true,
			      .ipv4 = &v4,
			      .hwaddr = "10:66:6a:00:00:09",
			      .ipv4_gateway = "auto" };
	struct link_info l;
	struct net_dev d;
	struct err e = { 0 };
	int sock, echo;

	/* A veth's end is the parent; the other end, with an address, is the world. */
	make_link("veth", "par0", "10.55.0.2/24");
	{
		struct ifinfomsg up = { .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
		int fd = nl_open(-EBADF, NULL);
		struct nl_batch b;

		nl_begin(&b, fd, &e);
		nl_msg(&b, RTM_NEWLINK, 0, &up, sizeof(up), "up");
		nl_put_str(&b, IFLA_IFNAME, "veth0");
		CHECK_OK(nl_commit(&b), e);
		fd_close(fd);
	}
	CHECK(have_link("veth0", NULL));
	CHECK_OK(net_prepare(&c, &d, &e), e);
	net_names(&d, 1);
	CHECK_OK(net_attach(&d, inner_ns, &e), e);
	enter(inner_ns);
	CHECK_OK(net_configure(&d, 1, true, &e), e);
	CHECK(have_link("eth0", &l) && l.mac[5] == 9 && (l.flags & IFF_UP));
	CHECK_STR(l.kind, "macvlan");
	sock = udp_socket(0);
	/* The peer of the parent, in a third name space, is who answers. */
	{
		struct net_conf p = { .type = "phys", .link = "veth0", .name = "world", .up = true };
		struct strv w4 = list1("10.55.0.9/24");
		int third = new_ns();
		struct net_dev w;

		p.ipv4 = &w4;
		enter(host_ns);
		CHECK_OK(net_prepare(&p, &w, &e), e);
		CHECK_OK(net_attach(&w, third, &e), e);
		enter(third);
		CHECK_OK(net_configure(&w, 1, true, &e), e);
		echo = udp_socket(7777);
		CHECK(echoes(echo, sock, "10.55.0.9", 7777));
		strv_done(&w4);
	}
	enter(host_ns);
	CHECK_OK(net_detach(&d, inner_ns, &e), e);
	strv_done(&v4);
}

static void kind_or_skip(const char *type, const struct net_conf *c, const char *mode)
{
	struct link_info l;
	struct net_dev d;
	struct err e = { 0 };
	int r;

	make_link("veth", "par0", "10.55.0.2/24");
	CHECK_OK(net_prepare(c, &d, &e), e);
	r = net_attach(&d, inner_ns, &e);
	if (r == -EOPNOTSUPP) {
		CHECK(strstr(e.hint, "modprobe"));
		SKIP("this kernel has no such interface type");
	}
	CHECK_OK(r, e);
	enter(inner_ns);
	CHECK(have_link("eth0", &l));
	CHECK_STR(l.kind, type);
	CHECK_OK(net_configure(&d, 1, true, &e), e);
	enter(host_ns);
	CHECK_OK(net_detach(&d, inner_ns, &e), e);
}

NET_TEST(ipvlan)
{
	const struct net_conf c = {
		.type = "ipvlan", .link = "par0", .name = "eth0", .mode = "l2", .isolation = "vepa"
	};

	kind_or_skip("ipvlan", &c, "l2");
}

NET_TEST(vlan)
{
	const struct net_conf c = { .type = "vlan", .link = "par0", .name = "eth0", .vlan_id = 12, .up = true };

	kind_or_skip("vlan", &c, NULL);
}

/* One end of a veth acts as the hardware: it leaves, is renamed, comes back as it was. */
NET_TEST(phys)
{
	struct strv v4 = list1("10.44.0.5/24");
	struct net_conf c = { .type = "phys",
			      .link = "hw0",
			      .name = "eth0",
			      .up = true,
			      .mtu = 1300,
			      .ipv4 = &v4,
			      .hwaddr = "02:00:00:00:00:42" };
	struct link_info was, l;
	struct net_dev d;
	struct err e = { 0 };

	make_link("veth", "hw0", NULL);
	CHECK(have_link("hw0", &was));
	CHECK_OK(net_prepare(&c, &d, &e), e);
	CHECK_OK(net_attach(&d, inner_ns, &e), e);
	CHECK(!have_link("hw0", NULL));
	enter(inner_ns);
	CHECK_OK(net_configure(&d, 1, true, &e), e);
	CHECK(have_link("eth0", &l) && l.mtu == 1300 && l.mac[5] == 0x42 && (l.flags & IFF_UP));
	enter(host_ns);
	/* A device of the host with the container's name is not in the way, and not taken for ours. */
	make_link("bridge", "eth0", NULL);
	CHECK_OK(net_detach(&d, inner_ns, &e), e);
	CHECK(have_link("hw0", &l) && l.mtu == was.mtu && memcmp(l.mac, was.mac, 6) == 0);
	CHECK(have_link("eth0", &l));
	CHECK_STR(l.kind, "bridge");
	CHECK_OK(net_detach(&d, inner_ns, &e), e);
	CHECK_OK(net_detach(&d, -EBADF, &e), e);
	enter(inner_ns);
	CHECK(!have_link("eth0", NULL) && !have_link("hw0", NULL));
	enter(host_ns);
	/* "hw+" is the first that begins so. */
	c.link = "hw+";
	CHECK_OK(net_prepare(&c, &d, &e), e);
	CHECK_STR(d.link, "hw0");
	strv_done(&v4);
}

/* More requests than one batch holds. */
NET_TEST(many_addresses)
{
	struct net_dev d[3];
	struct err e = { 0 };
	struct net_if_info *v;
	size_t n;

	for (unsigned k = 0; k < 3; k++) {
		struct strv v4 = STRV_INIT;
		struct net_conf c = { .type = "veth", .up = true, .ipv4 = &v4 };

		for (unsigned i = 0; i < NET_ADDR_MAX; i++)
			CHECK(strv_pushf(&v4, NULL, "10.%u.%u.1/24", k + 1, i) == 0);
		CHECK_OK(net_prepare(&c, &d[k], &e), e);
		CHECK(strv_push(&v4, "10.200.0.1/24", NULL) == 0);
		CHECK(net_prepare(&c, &d[k], &e) == -E2BIG);
		strv_done(&v4);
	}
	net_names(d, 3);
	for (unsigned k = 0; k < 3; k++)
		CHECK_OK(net_attach(&d[k], inner_ns, &e), e);
	enter(inner_ns);
	CHECK_OK(net_configure(d, 3, true, &e), e);
	CHECK_OK(net_list(-EBADF, &v, &n, &e), e);
	CHECK(if_named(v, n, "eth2") && has_addr(if_named(v, n, "eth2"), "10.3.31.1/24"));
	free(v);
	/* The kernel's refusal names the device and the address. */
	d[1].addrs[7].prefix = 77;
	CHECK(net_configure(d, 3, true, &e) < 0);
	CHECK(strstr(e.msg, "10.2.7.1/77") && strstr(e.msg, "'eth1'"));
}
