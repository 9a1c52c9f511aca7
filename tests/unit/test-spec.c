/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <signal.h>

#include "spec/field.h"
#include "unit/test.h"

/* The first of these that a row accepts is its sample, so that a new row needs no line here unless its grammar is new. */
static const char *const samples[] = { "1",	      "/x",	     "A=1",
				       "sys_admin",   "10.0.0.1/24", "fe80::1/64",
				       "veth",	      "bridge",	     "10:66:6a:xx:0X:9f",
				       "unix:/run/s", "1s",	     "nofile",
				       "l3",	      "amd64",	     "daemon",
				       "proc:mixed",  "u",	     "user mnt",
				       "router",      "1500",	     "auto",
				       "c",	      "prestart",    "allow",
				       "0 eq 1",      "1 2 3",	     "idle",
				       "bind",	      "private" };

static const char *sample_of(const struct field *f, void *obj)
{
	for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
		if (field_set(f, obj, samples[i], NULL) == 0)
			return samples[i];
	printf("# no sample for %s\n", f->name);
	return NULL;
}

static void fill(const struct field *table, void *obj)
{
	for (const struct field *f = table; f->name; f++) {
		if (f->type != FT_LIST) {
			CHECK(sample_of(f, obj));
			continue;
		}
		for (int i = 0; i < 3; i++) {
			void *element = field_list_add(f, obj, NULL);

			CHECK(element);
			fill(f->sub, element);
		}
	}
}

static void all_set(const struct field *table, const void *obj, bool set)
{
	for (const struct field *f = table; f->name; f++) {
		if (field_is_set(f, obj) != set)
			printf("# %s\n", f->name);
		CHECK(field_is_set(f, obj) == set);
	}
}

TEST(rows_are_whole)
{
	for (const struct field *f = spec_fields; f->name; f++) {
		CHECK(f->len == strlen(f->name));
		CHECK(!isempty(f->doc));
		CHECK((f->type == FT_LIST) == (f->sub != NULL));
		CHECK((f->type == FT_ENUM) == (f->names != NULL));
		CHECK(field_row(spec_fields, f->name, f->len) == f);
		if (!f->sub)
			continue;
		CHECK(f->sub_size);
		for (const struct field *m = f->sub; m->name; m++) {
			CHECK(m->offset < f->sub_size && m->type != FT_LIST && !isempty(m->doc));
			CHECK(field_row(f->sub, m->name, m->len) == m);
		}
	}
}

/* Rows that overlap or bytes that no row covers would make copy and free miss a member. */
TEST(rows_cover_the_struct)
{
	static const size_t sizes[] = {
		[FT_STRING] = sizeof(char *),
		[FT_PATH] = sizeof(char *),
		[FT_TRI] = sizeof(enum tri),
		[FT_U32] = sizeof(uint32_t),
		[FT_I32] = sizeof(int32_t),
		[FT_U64] = sizeof(uint64_t),
		[FT_STRV] = sizeof(struct strv),
		[FT_ENUM] = sizeof(char *),
		[FT_NS_MASK] = sizeof(uint32_t),
		[FT_SIGNAL] = sizeof(int32_t),
		[FT_CHAR] = 1,
		[FT_LIST] = sizeof(struct list),
	};
	static unsigned char used[sizeof(struct spec)];
	size_t gap = 0;

	memset(used, 0, sizeof(used));
	for (const struct field *f = spec_fields; f->name; f++)
		for (size_t i = 0; i < sizes[f->type]; i++) {
			CHECK(!used[f->offset + i]);
			used[f->offset + i] = 1;
		}
	/* Padding is at most 4 bytes here: nothing is smaller than an int, nothing aligned to more than 8. */
	for (size_t i = 0; i < sizeof(used); i++) {
		gap = used[i] ? 0 : gap + 1;
		CHECK(gap <= 4);
	}
}

TEST(walks)
{
	_cleanup_spec_ struct spec a, b, c;
	_cleanup_buf_ struct buf ta = BUF_INIT, tb = BUF_INIT;
	struct err e = { 0 };

	spec_init(&a);
	spec_init(&b);
	spec_init(&c);
	all_set(spec_fields, &a, false);
	fill(spec_fields, &a);
	all_set(spec_fields, &a, true);
	CHECK(!spec_equal(&a, &b));
	CHECK(spec_copy(&b, &a, &e) == 0);
	CHECK(spec_equal(&a, &b));
	CHECK(spec_dump(&a, &ta, &e) == 0);
	if (spec_load(&c, buf_str(&ta), &e) < 0)
		printf("# %s\n", e.msg);
	CHECK(!e.code);
	CHECK(spec_equal(&a, &c));
	CHECK(spec_dump(&c, &tb, &e) == 0);
	CHECK_STR(buf_str(&ta), buf_str(&tb));

	/* Each row alone makes a difference, and clearing brings "not said" back. */
	for (const struct field *f = spec_fields; f->name; f++) {
		field_clear(f, &b);
		CHECK(!field_is_set(f, &b));
		CHECK(!spec_equal(&a, &b));
		CHECK(fields_equal((struct field[]){ *f, { 0 } }, &a, &c));
	}
	all_set(spec_fields, &b, false);
}

TEST(get_gives_back_what_set_took)
{
	_cleanup_spec_ struct spec a, b;

	spec_init(&a);
	spec_init(&b);
	fill(spec_fields, &a);
	for (const struct field *f = spec_fields; f->name; f++) {
		_cleanup_buf_ struct buf t = BUF_INIT;
		_cleanup_strv_ struct strv lines = STRV_INIT;

		CHECK(field_get(f, &a, &t, NULL) == 0);
		CHECK(strv_split(&lines, buf_str(&t), "\n", NULL) == 0);
		for (size_t i = 0; i < lines.n; i++)
			CHECK(field_set(f, &b, lines.v[i], NULL) == 0);
	}
	CHECK(spec_equal(&a, &b));
	for (const struct field *f = spec_fields; f->name; f++)
		CHECK(field_set(f, &b, "", NULL) == 0);
	all_set(spec_fields, &b, false);
}

TEST(dump_keeps_odd_text)
{
	_cleanup_spec_ struct spec a, b;
	_cleanup_buf_ struct buf t = BUF_INIT;

	spec_init(&a);
	spec_init(&b);
	CHECK(strv_push(&a.process.args, "sh", NULL) == 0);
	CHECK(strv_push(&a.process.args, "", NULL) == 0);
	CHECK(strv_push(&a.process.args, "a\nb\\n=c", NULL) == 0);
	CHECK(spec_dump(&a, &t, NULL) == 0);
	CHECK_STR(buf_str(&t), "process.args=sh\nprocess.args=\nprocess.args=a\\nb\\\\n=c\n");
	CHECK(spec_load(&b, buf_str(&t), NULL) == 0);
	CHECK(spec_equal(&a, &b));
}

TEST(load_without)
{
	_cleanup_spec_ struct spec s;

	spec_init(&s);
	CHECK(spec_load_without(&s, "name=a\nprocess.cwd=/b\nprocess.args=c\nhostname=d\nprocess.cwd=/e", "process.",
				NULL) == 0);
	CHECK_STR(s.name, "a");
	CHECK_STR(s.hostname, "d");
	CHECK(!s.process.cwd && !s.process.args.n);
	/* What is passed over is not looked at. */
	CHECK(spec_load_without(&s, "process.nosuch=1", "process.", NULL) == 0);
	CHECK(spec_load_without(&s, "process.nosuch=1", "proc.", NULL) < 0);
}

TEST(load_refuses)
{
	static const struct {
		const char *text, *msg, *hint;
	} cases[] = {
		{ "hostnam=x\n", "line 1: there is no field 'hostnam'", "did you mean 'hostname'?" },
		{ "\nhostname\n", "line 2: expected name=value, not 'hostname'", "" },
		{ "ephemeral=yes", "line 1: ephemeral: expected 0 or 1, not 'yes'", "" },
		{ "net.1.type=veth", "line 1: there is no field 'net.1.type'", "" },
		{ "net.0.typ=veth", "line 1: there is no field 'net.0.typ'", "" },
		{ "net.0.type=vet",
		  "line 1: net.0.type: expected one of none, empty, veth, macvlan, ipvlan, vlan, phys, "
		  "not 'vet'",
		  "did you mean 'veth'?" },
		{ "process.cwd=x", "line 1: process.cwd: expected an absolute path, not 'x'", "" },
		{ "process.sig_halt=SIGFOO",
		  "line 1: process.sig_halt: expected a signal: SIGNAME, SIGRTMIN+N, SIGRTMAX-N or a number, not "
		  "'SIGFOO'",
		  "" },
		{ "hook_version=2", "line 1: hook_version: expected a number from 0 to 1, not '2'", "" },
		{ "process.uid=4294967295", "line 1: process.uid: expected a number, not '4294967295'", "" },
		{ "dev.tmpfs_size=1X", "line 1: dev.tmpfs_size: expected a size like 500000 or 1M, not '1X'", "" },
		{ "hostname=a\\b", "line 1: hostname: expected \\n or \\\\ after a backslash", "" },
		{ "ns.clone=user foo",
		  "line 1: ns.clone: expected name spaces out of user mnt pid uts ipc net cgroup time, not 'foo'", "" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_spec_ struct spec s;
		struct err e = { 0 };

		spec_init(&s);
		CHECK(spec_load(&s, cases[i].text, &e) < 0);
		CHECK_STR(e.msg, cases[i].msg);
		CHECK_STR(e.hint, cases[i].hint);
	}
}

TEST(grammars)
{
	static const struct {
		const char *field, *good, *bad;
	} cases[] = {
		{ "hostname", "a-b.c", "a b" },
		{ "net.0.hwaddr", "00:16:3e:xx:xx:xx", "00:16:3e:xx:xx" },
		{ "net.0.hwaddr", "10:66:6A:00:00:01", "10:66:6A:00:00:01:" },
		{ "net.0.hwaddr", "10:66:6A:00:00:01", "10-66-6A-00-00-01" },
		{ "net.0.link", "phys+", "averyveryverylongname" },
		{ "net.0.name", "eth0", "a/b" },
		{ "net.0.name", "eth0", ".." },
		{ "net.0.ipv4", "10.0.3.4", "10.0.3" },
		{ "net.0.ipv4", "10.0.3.4/24 10.0.3.255", "10.0.3.4/33" },
		{ "net.0.ipv4", "10.0.3.4/24 10.0.3.255", "10.0.3.4/24 10.0.3.255/1" },
		{ "net.0.ipv6", "2001:db8::1/64", "2001:db8::1/129" },
		{ "net.0.ipv4_gateway", "auto", "10.0.3.1/24" },
		{ "net.0.ipv6_gateway", "dev", "10.0.3.1" },
		{ "net.0.veth_ipv4_routes", "10.0.0.0/8", "10.0.0.0" },
		{ "net.0.veth_vlan_id", "none", "4095" },
		{ "net.0.mtu", "1500", "67" },
		{ "process.groups", "0", "-1" },
		{ "process.env", "A", "=A" },
		{ "process.cap_drop", "12", "CAP_SYS_ADMIN" },
		{ "process.cap_drop", "sys_time", "none" },
		{ "process.cap_keep", "none", "sys time" },
		{ "process.sysctls", "net.ipv4.ip_forward=1", "../x=1" },
		{ "process.procs", "oom_score_adj=10", "/x=1" },
		{ "mount_auto", "cgroup-full:mixed:force", "cgroup:x" },
		{ "mount_auto", "shmounts:/x:/dev/.lxc-mounts", "shmounts:" },
		{ "cgroup.dir", "a/b", "a/../b" },
		{ "cgroup.dir", "a..b", "/a" },
		{ "cgroup.dir_inner", "a", "a/b" },
		{ "time.boot", "-10m", "10" },
		{ "time.boot", "5ns", "1h30m" },
		{ "log.level", "debug", "LOUD" },
		{ "log.syslog", "local7", "local8" },
		{ "security.seccomp_proxy", "unix:@name", "/run/x" },
		{ "dev.console_log_size", "128 KB", "-1" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_spec_ struct spec s;
		const struct field *f;
		struct err e = { 0 };
		void *obj;

		spec_init(&s);
		CHECK(field_find(&s, cases[i].field, true, &f, &obj, NULL) == 0);
		if (field_set(f, obj, cases[i].good, &e) < 0 || field_set(f, obj, cases[i].bad, NULL) != -EINVAL)
			printf("# %s: '%s', '%s'\n", cases[i].field, cases[i].good, cases[i].bad);
		CHECK(field_set(f, obj, cases[i].good, NULL) == 0);
		CHECK(field_set(f, obj, cases[i].bad, &e) == -EINVAL);
		CHECK(startswith(e.msg, "expected ") && strstr(e.msg, ", not '"));
		CHECK(e.kind == ERR_INVALID);
	}
}

TEST(validate)
{
	static const struct {
		const char *text, *msg;
	} cases[] = {
		{ "hostname=a\nprocess.cap_drop=sys_time\nnet.0.type=veth\nnet.0.index=0\nnet.0.veth_pair=x\n", NULL },
		{ "process.cap_drop=sys_time\nprocess.cap_keep=mknod\n",
		  "process.cap_keep: cannot stand beside process.cap_drop: say one of them" },
		{ "process.cap_keep=none\nprocess.cap_keep=mknod\n",
		  "process.cap_keep: 'none' cannot stand beside other capabilities" },
		{ "ns.clone=pid\nns.keep=net\n", "ns.keep: cannot stand beside ns.clone: say one of them" },
		{ "ns.share.net=1\nns.keep=net\n", "ns.share.net: the name space cannot also be in ns.keep" },
		{ "idmaps.0.type=u\nidmaps.0.nsid=0\nidmaps.0.hostid=5\nidmaps.0.range=0\n",
		  "idmaps: range u 0 5 0 is empty or leaves the id space" },
		{ "idmaps.0.type=b\nidmaps.0.nsid=0\nidmaps.0.hostid=1000\nidmaps.0.range=10\n"
		  "idmaps.1.type=u\nidmaps.1.nsid=9\nidmaps.1.hostid=2000\nidmaps.1.range=1\n",
		  "idmaps: range u 9 2000 1 overlaps range b 0 1000 10" },
		{ "idmaps.0.type=g\nidmaps.0.nsid=0\nidmaps.0.hostid=1000\nidmaps.0.range=10\n"
		  "idmaps.1.type=u\nidmaps.1.nsid=0\nidmaps.1.hostid=1000\nidmaps.1.range=10\n",
		  NULL },
		{ "net.0.index=3\n", "net.3.type: expected veth, phys, none …, not nothing" },
		{ "net.0.index=3\nnet.0.type=phys\n", "net.3.link: a phys interface needs a parent" },
		{ "net.0.index=3\nnet.0.type=empty\nnet.0.veth_pair=x\n",
		  "net.3.veth_pair: is for type veth, and this one is empty" },
		{ "net.0.index=0\nnet.0.type=veth\nnet.0.name=a\nnet.1.index=1\nnet.1.type=veth\nnet.1.name=a\n",
		  "net.1.name: net.0 is called 'a' already" },
		{ "process.rlimits.0.resource=core\nprocess.rlimits.0.hard=1\n",
		  "process.rlimits: core: the soft limit is above the hard one" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_spec_ struct spec s;
		struct err e = { 0 };

		spec_init(&s);
		CHECK(spec_load(&s, cases[i].text, &e) == 0);
		CHECK(spec_validate(&s, &e) == (cases[i].msg ? -EINVAL : 0));
		CHECK_STR(e.msg, cases[i].msg ?: "");
	}
}

TEST(container_names)
{
	char longest[258];

	memset(longest, 'a', sizeof(longest));
	longest[256] = '\0';
	CHECK(spec_name_check("c1", NULL) == 0);
	CHECK(spec_name_check("a b", NULL) == 0);
	CHECK(spec_name_check("", NULL) == -EINVAL);
	CHECK(spec_name_check("a/b", NULL) == -EINVAL);
	CHECK(spec_name_check("..", NULL) == -EINVAL);
	CHECK(spec_name_check("a\nb", NULL) == -EINVAL);
	CHECK(spec_name_check(longest, NULL) == -EINVAL);
	CHECK(spec_name_check(longest + 1, NULL) == 0);
}

TEST(signals_round_trip)
{
	char name[16];
	int sig;

	for (int i = 1; i <= SIGRTMAX; i++) {
		sig = 0;
		CHECK(signal_parse(signal_name(i, name), &sig) == 0);
		CHECK(sig == i);
	}
	CHECK(signal_parse("PWR", &sig) == 0 && sig == SIGPWR);
	CHECK(signal_parse("SIGRTMAX-1", &sig) == 0 && sig == SIGRTMAX - 1);
	CHECK(signal_parse("RTMIN+3", &sig) == 0 && sig == SIGRTMIN + 3);
	CHECK(signal_parse("0", &sig) == -EINVAL);
	CHECK(signal_parse("65", &sig) == -EINVAL);
	CHECK(signal_parse("SIGRTMIN+31", &sig) == -EINVAL);
	CHECK(signal_parse("SIG", &sig) == -EINVAL);
	CHECK(signal_parse("", &sig) == -EINVAL);
}

TEST(name_tables)
{
	for (int i = 0; i < NS_MAX; i++)
		CHECK(spec_ns_names[i]);
	for (int i = 0; i < HOOK_MAX; i++)
		CHECK(spec_hook_names[i]);
	CHECK(!spec_ns_names[NS_MAX] && !spec_hook_names[HOOK_MAX]);
	for (int i = 0; i <= NET_PHYS; i++)
		CHECK(spec_net_type(spec_net_type_names[i]) == i);
	CHECK(spec_net_type("x") == -EINVAL);
	for (unsigned mask = 1; mask < 1u << NS_MAX; mask++) {
		_cleanup_buf_ struct buf t = BUF_INIT;
		const struct field *f = field_row(spec_fields, "ns.clone", 8);
		struct spec a = { .ns_clone = mask }, b = { 0 };

		CHECK(field_get(f, &a, &t, NULL) == 0);
		CHECK(field_set(f, &b, buf_str(&t), NULL) == 0 && b.ns_clone == mask);
	}
}
