/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <net/if.h>

#include "base/file.h"
#include "base/spawn.h"
#include "net/dns.h"
#include "net/nat.h"
#include "unit/netns.h"

#define RUN_DIR "/run/creel-nat-test"

static void need_nft(void)
{
	_cleanup_free_ char *nft = spawn_find("nft");

	if (!nft)
		SKIP("needs nft");
}

TEST(port_texts)
{
	static const char *const bad[] = {
		"tcp 0.0.0.0 80 172.17.0.2",
		"tcp 0.0.0.0 0 172.17.0.2 80",
		"tcp 0.0.0.0 65536 172.17.0.2 80",
		"icmp 0.0.0.0 80 172.17.0.2 80",
		"tcp :: 80 172.17.0.2 80",
		"tcp 0.0.0.0 80 172.17.0.2 80 x",
		"tcp 0.0.0.0 80 172.17.0.2;reboot 80",
		"tcp localhost 80 172.17.0.2 80",
	};
	struct net_port p;

	CHECK(net_port_parse("udp 127.0.0.1 53 172.17.0.2 5353", &p, NULL) == 0);
	CHECK(p.proto == IPPROTO_UDP && p.family == AF_INET && !p.any && p.host_port == 53 && p.to_port == 5353);
	CHECK(net_port_parse("sctp :: 1 fd00::2 65535", &p, NULL) == 0);
	CHECK(p.proto == IPPROTO_SCTP && p.family == AF_INET6 && p.any && p.to_port == 65535);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };

		CHECK(net_port_parse(bad[i], &p, &e) == -EINVAL);
		CHECK(e.kind == ERR_INVALID);
	}
}

static char *ruleset(void)
{
	const char *argv[] = { "nft", "list", "ruleset", NULL };
	struct spawn s = { .path = "nft", .argv = (char *const *)(uintptr_t)argv };
	char *out = NULL;

	CHECK(spawn_run(&s, &out, NULL) == 0);
	return out;
}

static struct net_port port_of(const char *text)
{
	struct net_port p;

	CHECK(net_port_parse(text, &p, NULL) == 0);
	return p;
}

NET_TEST(ports_are_taken_back_by_whom_they_lead_to)
{
	const struct net_nat n = { .bridge = "br-a", .addr4 = "172.30.0.1/24", .masquerade = true };
	const struct net_port p = port_of("tcp 0.0.0.0 8080 172.30.0.2 80"),
			      other = port_of("tcp 0.0.0.0 8080 172.30.0.3 80"),
			      at = port_of("tcp 127.0.0.1 8080 172.30.0.3 80");
	_cleanup_free_ char *with = NULL, *without = NULL, *after = NULL;
	struct err e = { 0 };

	need_nft();
	CHECK(net_publish(&p, &e) == -ENOENT);
	CHECK_OK(net_nat_up(&n, RUN_DIR, &e), e);
	CHECK_OK(net_nat_up(&n, RUN_DIR, &e), e);
	CHECK(net_nat_is_up("br-a", RUN_DIR));
	CHECK_OK(net_publish(&p, &e), e);
	CHECK_OK(net_publish(&p, &e), e);
	CHECK(net_publish(&other, &e) == -EEXIST);
	CHECK_STR(e.msg, "Bind for 0.0.0.0:8080 failed: port is already allocated");
	CHECK_OK(net_publish(&at, &e), e);
	with = ruleset();
	CHECK(strstr(with, "tcp . 8080 : 172.30.0.2 . 80") && strstr(with, "tcp . 127.0.0.1 . 8080 : 172.30.0.3 . 80"));
	CHECK_OK(net_unpublish(&other, &e), e);
	free(with);
	with = ruleset();
	CHECK(strstr(with, "tcp . 8080 : 172.30.0.2 . 80") != NULL);
	CHECK_OK(net_unpublish(&p, &e), e);
	CHECK_OK(net_unpublish(&p, &e), e);
	CHECK_OK(net_unpublish(&at, &e), e);
	without = ruleset();
	CHECK(!strstr(without, "8080"));
	CHECK_OK(net_nat_down_idle(RUN_DIR, &e), e);
	CHECK_OK(net_nat_down(&n, RUN_DIR, &e), e);
	after = ruleset();
	CHECK_STR(after, "");
	CHECK(!have_link("br-a", NULL) && !net_nat_is_up("br-a", RUN_DIR));
	CHECK_OK(net_unpublish(&p, &e), e);
}

/* An interface in INNER on bridge BR, with ADDR; the gateway is GW where given. */
static void plug(const char *br, const char *host, const char *addr, const char *gw)
{
	struct strv v4 = { 0 };
	const struct net_conf conf = { .type = "veth",
				       .link = br,
				       .name = "eth0",
				       .host_name = host,
				       .up = true,
				       .ipv4 = &v4,
				       .ipv4_gateway = gw };
	struct net_dev d;
	struct err e = { 0 };

	CHECK(strv_push(&v4, addr, NULL) == 0);
	CHECK_OK(net_prepare(&conf, &d, &e), e);
	CHECK_OK(net_attach(&d, inner_ns, &e), e);
	enter(inner_ns);
	CHECK_OK(net_configure(&d, 1, true, &e), e);
	enter(host_ns);
	strv_done(&v4);
}

static int server_in(int ns, const char *addr, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd;

	CHECK(inet_pton(AF_INET, addr, &a.sin_addr) == 1);
	enter(ns);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && listen(fd, 4) == 0);
	enter(host_ns);
	return fd;
}

/* 0 or -errno. What is dropped is told from what is only slow by the time that it gets. */
static int reach_within(int seconds, int ns, const char *addr, uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct timeval limit = { .tv_sec = seconds };
	int fd, r;

	CHECK(inet_pton(AF_INET, addr, &a.sin_addr) == 1);
	enter(ns);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0);
	r = connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
	fd_close(fd);
	enter(host_ns);
	return r;
}

static int reach(int ns, const char *addr, uint16_t port)
{
	return reach_within(1, ns, addr, port);
}

/* A lost first packet is sent again after a second. */
static bool reaches(int ns, const char *addr, uint16_t port)
{
	return reach_within(15, ns, addr, port) == 0;
}

static void lo_up(void)
{
	struct net_dev none[1];
	struct err e = { 0 };

	CHECK_OK(net_configure(none, 0, true, &e), e);
}

NET_TEST(a_published_port_is_reached_and_no_other)
{
	const struct net_nat n = { .bridge = "br-a", .addr4 = "172.30.0.1/24", .masquerade = true };
	const struct net_port p = port_of("tcp 0.0.0.0 8080 172.30.0.2 80"),
			      at = port_of("tcp 127.0.0.1 9090 172.30.0.2 80");
	_cleanup_close_ int inside = -EBADF, private = -EBADF;
	struct err e = { 0 };

	need_nft();
	lo_up();
	make_link("bridge", "out0", "192.0.2.1/24");
	CHECK_OK(net_nat_up(&n, RUN_DIR, &e), e);
	plug("br-a", "vA", "172.30.0.2/24", "172.30.0.1");
	inside = server_in(inner_ns, "0.0.0.0", 80);
	private = server_in(host_ns, "127.0.0.1", 7);
	CHECK(reach(host_ns, "127.0.0.1", 8080) == -ECONNREFUSED);
	CHECK_OK(net_publish(&p, &e), e);
	CHECK_OK(net_publish(&at, &e), e);
	CHECK(reaches(host_ns, "127.0.0.1", 8080));
	CHECK(reaches(host_ns, "192.0.2.1", 8080));
	CHECK(reaches(host_ns, "127.0.0.1", 9090));
	CHECK(reach(host_ns, "192.0.2.1", 9090) == -ECONNREFUSED);
	/* By the host's address from the container itself. */
	CHECK_OK(net_hairpin("vA", &e), e);
	CHECK(reaches(inner_ns, "192.0.2.1", 8080));
	/* What listens on the host's localhost stays there. */
	CHECK(reaches(host_ns, "127.0.0.1", 7));
	CHECK(reach(inner_ns, "172.30.0.1", 7) == -ECONNREFUSED);
	CHECK_OK(net_unpublish(&p, &e), e);
	CHECK(reach(host_ns, "192.0.2.1", 8080) == -ECONNREFUSED);
	/* Containers are on it: it stays. */
	CHECK_OK(net_nat_down_idle(RUN_DIR, &e), e);
	CHECK(net_nat_is_up("br-a", RUN_DIR));
}

NET_TEST(networks_do_not_reach_each_other)
{
	const struct net_nat a = { .bridge = "br-a", .addr4 = "172.30.0.1/24", .masquerade = true },
			     b = { .bridge = "br-b", .addr4 = "172.30.1.1/24", .masquerade = true },
			     inner = { .bridge = "br-c", .addr4 = "172.30.2.1/24", .internal = true };
	const int first = inner_ns, second = new_ns(), third = new_ns();
	_cleanup_close_ int sb = -EBADF, sc = -EBADF;
	struct err e = { 0 };

	need_nft();
	enter(host_ns);
	CHECK_OK(net_nat_up(&a, RUN_DIR, &e), e);
	CHECK_OK(net_nat_up(&b, RUN_DIR, &e), e);
	CHECK_OK(net_nat_up(&inner, RUN_DIR, &e), e);
	plug("br-a", "vA", "172.30.0.2/24", "172.30.0.1");
	inner_ns = second;
	plug("br-b", "vB", "172.30.1.2/24", "172.30.1.1");
	inner_ns = third;
	plug("br-c", "vC", "172.30.2.2/24", "172.30.2.1");
	sb = server_in(second, "0.0.0.0", 80);
	sc = server_in(third, "0.0.0.0", 80);
	CHECK(reaches(host_ns, "172.30.1.2", 80));
	CHECK(reach(first, "172.30.1.2", 80) < 0);
	CHECK(reach(first, "172.30.2.2", 80) < 0);
	CHECK(reach(third, "172.30.1.2", 80) < 0);
	CHECK(net_subnet_used("172.30.1.0/24", NULL) == 1);
	CHECK(net_subnet_used("172.30.0.0/16", NULL) == 1);
	CHECK(net_subnet_used("172.30.2.128/25", NULL) == 1);
	CHECK(net_subnet_used("172.31.0.0/16", NULL) == 0);
}

NET_TEST(a_network_in_use_or_of_others_is_refused)
{
	const struct net_nat n = { .bridge = "br-a", .addr4 = "192.0.2.129/25" },
			     taken = { .bridge = "other", .addr4 = "172.30.0.1/24" };
	_cleanup_free_ char *rules = NULL;
	struct err e = { 0 };

	need_nft();
	make_link("bridge", "out0", "192.0.2.1/24");
	make_link("bridge", "other", NULL);
	CHECK(net_nat_up(&n, RUN_DIR, &e) == -EADDRINUSE);
	CHECK_STR(e.msg, "network 192.0.2.128/25 is in use already: 192.0.2.0/24 on 'out0'");
	CHECK(!have_link("br-a", NULL));
	CHECK(net_nat_up(&taken, RUN_DIR, &e) == -EEXIST);
	CHECK_OK(net_nat_down(&taken, RUN_DIR, &e), e);
	CHECK(have_link("other", NULL));
	rules = ruleset();
	CHECK_STR(rules, "");
}

NET_TEST(a_port_that_somebody_listens_on)
{
	const struct net_port p = port_of("tcp 0.0.0.0 8080 172.30.0.2 80"),
			      u = port_of("udp 0.0.0.0 8080 172.30.0.2 80");
	_cleanup_close_ int fd = -EBADF;
	struct err e = { 0 };

	lo_up();
	CHECK_OK(net_port_free(&p, &e), e);
	fd = server_in(host_ns, "127.0.0.1", 8080);
	CHECK(net_port_free(&p, &e) == -EADDRINUSE);
	CHECK_STR(e.msg, "failed to bind host port for 0.0.0.0:8080/tcp: address already in use");
	CHECK_OK(net_port_free(&u, &e), e);
}

static bool answers(const char *server, const char *name, const char *addr)
{
	const char *argv[] = { "python3",
			       "-c",
			       "import socket,sys,struct\n"
			       "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(2)\n"
			       "q=b'\\x12\\x34\\x01\\x00\\0\\x01\\0\\0\\0\\0\\0\\0'+b''.join(bytes([len(p)])+p.encode()"
			       " for p in sys.argv[2].split('.'))+b'\\0\\0\\x01\\0\\x01'\n"
			       "s.sendto(q,(sys.argv[1],53)); a=s.recv(512)\n"
			       "print(socket.inet_ntoa(a[-4:]) if a[7] else 'rcode %d' % (a[3] & 15))",
			       server,
			       name,
			       NULL };
	struct spawn s = { .path = "python3", .argv = (char *const *)(uintptr_t)argv };
	_cleanup_free_ char *out = NULL;

	if (spawn_run(&s, &out, NULL) != 0 || !startswith(out, addr)) {
		printf("# %s\n", out ?: "");
		return false;
	}
	return true;
}

NET_TEST(names_of_a_network)
{
	const struct net_nat n = { .bridge = "br-a", .addr4 = "172.30.0.1/24", .internal = true };
	_cleanup_free_ char *dnsmasq = spawn_find("dnsmasq"), *python = spawn_find("python3");
	struct err e = { 0 };
	bool changed = false;

	need_nft();
	if (!dnsmasq || !python)
		SKIP("needs dnsmasq and python3");
	lo_up();
	CHECK_OK(net_nat_up(&n, RUN_DIR, &e), e);
	CHECK_OK(net_dns_serve(&n, RUN_DIR, "172.30.0.2 web www\n", false, &e), e);
	CHECK(answers("172.30.0.1", "www", "172.30.0.2"));
	CHECK(answers("172.30.0.1", "db", "rcode"));
	CHECK_OK(net_dns_serve(&n, RUN_DIR, "172.30.0.3 db\n", false, &e), e);
	for (int i = 0; i < 50 && !changed; i++)
		changed = answers("172.30.0.1", "db", "172.30.0.3");
	CHECK(changed);
	CHECK(answers("172.30.0.1", "web", "rcode"));
	CHECK_OK(net_dns_stop(&n, RUN_DIR, &e), e);
	CHECK_OK(net_dns_stop(&n, RUN_DIR, &e), e);
	CHECK_OK(net_nat_down(&n, RUN_DIR, &e), e);
	CHECK(rmdir(RUN_DIR) == 0);
}
