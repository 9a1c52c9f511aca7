/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What needs no kernel: translation, device rules, and both layouts as trees of plain files. */

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cgroup/cgroup.h"
#include "cgroup/driver.h"
#include "cgroup/translate.h"
#include "unit/test.h"

/* "key=value key=value" of a translation, or "error NN". */
static const char *tr(unsigned have, unsigned version, const char *key, const char *value)
{
	static char out[1024];
	_cleanup_strv_ struct strv k = STRV_INIT, v = STRV_INIT;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err e = { 0 };
	int r = cg_translate(have, version, key, value, &k, &v, &e);

	if (r < 0) {
		snprintf(out, sizeof(out), "error %d", r);
		return e.code == r && e.msg[0] ? out : "error without message";
	}
	for (size_t i = 0; i < k.n; i++)
		buf_printf(&b, "%s%s=%s", i ? " ; " : "", k.v[i], v.v[i]);
	snprintf(out, sizeof(out), "%s", buf_str(&b));
	return out;
}

TEST(values_v1_to_v2)
{
	CHECK_STR(tr(2, 1, "memory.limit_in_bytes", "256M"), "memory.max=268435456");
	CHECK_STR(tr(2, 1, "memory.limit_in_bytes", "-1"), "memory.max=max");
	CHECK_STR(tr(2, 1, "memory.limit_in_bytes", "9223372036854771712"), "memory.max=max");
	CHECK_STR(tr(2, 1, "memory.limit_in_bytes", "lots"), "error -22");
	CHECK_STR(tr(2, 1, "memory.memsw.limit_in_bytes", "1G"), "memory.swap.max=1073741824 - memory.max");
	CHECK_STR(tr(2, 1, "memory.memsw.limit_in_bytes", "-1"), "memory.swap.max=max");
	CHECK_STR(tr(2, 1, "memory.soft_limit_in_bytes", "1k"), "memory.low=1024");
	CHECK_STR(tr(2, 1, "cpu.shares", "1024"), "cpu.weight=100");
	CHECK_STR(tr(2, 1, "cpu.shares", "2"), "cpu.weight=1");
	CHECK_STR(tr(2, 1, "cpu.shares", "262144"), "cpu.weight=10000");
	CHECK_STR(tr(2, 1, "cpu.shares", "many"), "error -22");
	CHECK_STR(tr(2, 1, "cpu.cfs_quota_us", "50000"), "cpu.max=50000");
	CHECK_STR(tr(2, 1, "cpu.cfs_quota_us", "-1"), "cpu.max=max");
	CHECK_STR(tr(2, 1, "cpu.cfs_period_us", "20000"), "cpu.max=* 20000");
	CHECK_STR(tr(2, 1, "cpuset.cpus", "0-3,7"), "cpuset.cpus=0-3,7");
	CHECK_STR(tr(2, 1, "blkio.weight", "10"), "io.bfq.weight=10");
	CHECK_STR(tr(2, 1, "blkio.weight", "1000"), "io.bfq.weight=1000");
	CHECK_STR(tr(2, 1, "blkio.weight", "9"), "error -34");
	CHECK_STR(tr(2, 1, "blkio.weight_device", "8:0 500"), "io.bfq.weight=8:0 500");
	CHECK_STR(tr(2, 1, "blkio.throttle.read_bps_device", "8:0 1048576"), "io.max=8:0 rbps=1048576");
	CHECK_STR(tr(2, 1, "blkio.throttle.write_iops_device", "8:16 0"), "io.max=8:16 wiops=max");
	CHECK_STR(tr(2, 1, "pids.max", "100"), "pids.max=100");
	CHECK_STR(tr(2, 1, "freezer.state", "FROZEN"), "cgroup.freeze=1");
	CHECK_STR(tr(2, 1, "freezer.state", "COLD"), "error -22");
	CHECK_STR(tr(2, 1, "hugetlb.2MB.limit_in_bytes", "4M"), "hugetlb.2MB.max=4194304");
	CHECK_STR(tr(2, 1, "hugetlb.1GB.rsvd.limit_in_bytes", "-1"), "hugetlb.1GB.rsvd.max=max");
	CHECK_STR(tr(2, 1, "devices.deny", "a"), "devices.deny=a");
	CHECK_STR(tr(2, 1, "net_cls.classid", "0x100001"), "error -95");
	CHECK_STR(tr(2, 1, "memory.kmem.limit_in_bytes", "1G"), "error -95");
	CHECK_STR(tr(2, 1, "memory.usage_in_bytes", "1"), "error -95");
}

TEST(values_v2_to_v1)
{
	CHECK_STR(tr(1, 2, "memory.max", "256M"), "memory.limit_in_bytes=268435456");
	CHECK_STR(tr(1, 2, "memory.max", "max"), "memory.limit_in_bytes=-1");
	CHECK_STR(tr(1, 2, "memory.swap.max", "1M"), "memory.memsw.limit_in_bytes=1048576 + memory.limit_in_bytes");
	CHECK_STR(tr(1, 2, "memory.high", "1M"), "memory.soft_limit_in_bytes=1048576");
	CHECK_STR(tr(1, 2, "memory.low", "1M"), "memory.soft_limit_in_bytes=1048576");
	CHECK_STR(tr(1, 2, "memory.min", "1M"), "error -95");
	CHECK_STR(tr(1, 2, "cpu.weight", "100"), "cpu.shares=1024");
	CHECK_STR(tr(1, 2, "cpu.weight", "0"), "error -34");
	CHECK_STR(tr(1, 2, "cpu.max", "50000 100000"), "cpu.cfs_period_us=100000 ; cpu.cfs_quota_us=50000");
	CHECK_STR(tr(1, 2, "cpu.max", "max"), "cpu.cfs_quota_us=-1");
	CHECK_STR(tr(1, 2, "cpu.max", "max 100000 3"), "error -22");
	CHECK_STR(tr(1, 2, "io.weight", "10000"), "blkio.weight=1000");
	CHECK_STR(tr(1, 2, "io.weight", "default 1"), "blkio.weight=10");
	CHECK_STR(tr(1, 2, "io.max", "8:0 rbps=1 wiops=max"),
		  "blkio.throttle.read_bps_device=8:0 1 ; blkio.throttle.write_iops_device=8:0 0");
	CHECK_STR(tr(1, 2, "io.max", "8:0"), "error -22");
	CHECK_STR(tr(1, 2, "cgroup.freeze", "1"), "freezer.state=FROZEN");
	CHECK_STR(tr(1, 2, "hugetlb.2MB.max", "max"), "hugetlb.2MB.limit_in_bytes=-1");
	CHECK_STR(tr(1, 2, "memory.oom.group", "1"), "error -95");
}

TEST(values_same_version_stay)
{
	CHECK_STR(tr(1, 1, "memory.limit_in_bytes", "256M"), "memory.limit_in_bytes=256M");
	CHECK_STR(tr(2, 2, "memory.max", "1G"), "memory.max=1G");
	/* What no table knows is the kernel's to judge. */
	CHECK_STR(tr(2, 0, "memory.zswap.max", "0"), "memory.zswap.max=0");
	/* The name tells the version, whatever was said. */
	CHECK_STR(tr(2, 0, "memory.limit_in_bytes", "1k"), "memory.max=1024");
	CHECK_STR(tr(1, 1, "memory.max", "1k"), "memory.limit_in_bytes=1024");
}

TEST(keys_are_file_names)
{
	CHECK_STR(tr(2, 1, "../memory.max", "1"), "error -22");
	CHECK_STR(tr(2, 1, "a/b.c", "1"), "error -22");
	CHECK_STR(tr(2, 1, "tasks", "1"), "error -22");
	CHECK_STR(tr(2, 1, "cgroup.procs", "1"), "error -22");
	CHECK_STR(tr(2, 1, "..", "1"), "error -22");
}

/* Every row: a value of v1 goes to v2 and comes back. */
TEST(table_round_trips)
{
	static const struct {
		const char *v1, *value;
	} samples[] = {
		{ "memory.limit_in_bytes", "4096" },
		{ "memory.soft_limit_in_bytes", "4096" },
		{ "memory.max_usage_in_bytes", "0" },
		{ "cpu.shares", "1024" },
		{ "cpu.cfs_quota_us", "5000" },
		{ "cpu.cfs_burst_us", "5000" },
		{ "cpu.idle", "1" },
		{ "cpu.uclamp.min", "10.00" },
		{ "cpu.uclamp.max", "max" },
		{ "cpuset.cpus", "0-1" },
		{ "cpuset.mems", "0" },
		{ "blkio.bfq.weight", "500" },
		{ "blkio.throttle.read_bps_device", "8:0 1" },
		{ "blkio.throttle.write_bps_device", "8:0 1" },
		{ "blkio.throttle.read_iops_device", "8:0 1" },
		{ "blkio.throttle.write_iops_device", "8:0 0" },
		{ "pids.max", "max" },
		{ "freezer.state", "THAWED" },
		{ "hugetlb.2MB.limit_in_bytes", "2097152" },
		{ "hugetlb.2MB.rsvd.limit_in_bytes", "-1" },
		{ "rdma.max", "mlx4_0 hca_handle=2" },
		{ "misc.max", "res_a 1" },
		{ "devices.allow", "c 1:3 rwm" },
		{ "devices.deny", "a" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		_cleanup_strv_ struct strv k = STRV_INIT, v = STRV_INIT, k1 = STRV_INIT, v1 = STRV_INIT;

		CHECK(cg_translate(2, 1, samples[i].v1, samples[i].value, &k, &v, NULL) == 0);
		CHECK(k.n == 1);
		CHECK(cg_translate(1, 2, k.v[0], v.v[0], &k1, &v1, NULL) == 0);
		CHECK_STR(k1.v[k1.n - 1], samples[i].v1);
		CHECK_STR(v1.v[v1.n - 1], samples[i].value);
	}
}

TEST(table_rows_are_known_both_ways)
{
	const char *v1, *v2;
	unsigned n = 0;

	for (unsigned i = 0; cg_table_row(i, &v1, &v2); i++, n++) {
		char a[128], b[128];
		const char *s = strchr(v1, '*'), *t = strchr(v2, '*');

		snprintf(a, sizeof(a), "%.*s%s%s", (int)(s ? s - v1 : 99), v1, s ? "2MB" : "", s ? s + 1 : "");
		snprintf(b, sizeof(b), "%.*s%s%s", (int)(t ? t - v2 : 99), v2, t ? "2MB" : "", t ? t + 1 : "");
		CHECK(cg_key_versions(a) & 1);
		CHECK(cg_key_versions(b) & 2);
		CHECK(cg_key_ctrl(a) >= 0);
		CHECK(cg_key_ctrl(b) >= 0);
	}
	CHECK(n > 40);
	CHECK(cg_key_ctrl("cgroup.freeze") == CC_FREEZER);
	CHECK(cg_key_ctrl("cgroup.max.depth") == CC_CORE);
	CHECK(cg_key_ctrl("io.max") == CC_IO);
	CHECK(cg_key_ctrl("nothing.at_all") == -1);
	CHECK(cg_key_versions("pids.max") == 3);
	CHECK(cg_key_versions("memory.stat") == 0);
}

TEST(weights_round_trip)
{
	uint64_t last = 0;

	CHECK(cg_shares_to_weight(1024) == 100);
	CHECK(cg_weight_to_shares(100) == 1024);
	for (uint64_t w = 1; w <= 10000; w++) {
		uint64_t s = cg_weight_to_shares(w);

		CHECK(s >= 2 && s <= 262144 && s > last);
		CHECK(cg_shares_to_weight(s) == w);
		last = s;
	}
}

TEST(fixes)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	CHECK(cg_fix_apply(FIX_MINUS, 2, false, "1000", "400", &b) == 0);
	CHECK_STR(buf_str(&b), "600");
	buf_reset(&b);
	CHECK(cg_fix_apply(FIX_MINUS, 2, false, "1000", "max", &b) == 0);
	CHECK_STR(buf_str(&b), "max");
	CHECK(cg_fix_apply(FIX_MINUS, 2, false, "100", "400", &b) == -ERANGE);
	buf_reset(&b);
	CHECK(cg_fix_apply(FIX_PLUS, 1, false, "0", "400", &b) == 0);
	CHECK_STR(buf_str(&b), "400");
	buf_reset(&b);
	CHECK(cg_fix_apply(FIX_KEEP_FIRST, 2, false, "20000", "max 100000", &b) == 0);
	CHECK_STR(buf_str(&b), "max 20000");
}

TEST(device_rules_parse)
{
	static const char *const bad[] = { "",	      "x 1:3 rwm",   "c",	 "c 1 rwm",	      "c 1:3",
					   "c 1:3 q", "c 1:3 rwm x", "c -1:3 r", "c 1:99999999999 r", "call 1:3 r",
					   "c:1:3 r", "ab" };
	struct cg_dev_rule r;
	struct err e = { 0 };

	CHECK(cg_dev_parse(true, "c 1:3 rwm", &r, &e) == 0);
	CHECK(r.allow && r.type == 'c' && r.major == 1 && r.minor == 3 && r.access == 7);
	CHECK(cg_dev_parse(false, "b *:* m", &r, &e) == 0);
	CHECK(!r.allow && r.type == 'b' && r.major == CG_DEV_ANY && r.minor == CG_DEV_ANY);
	CHECK(r.access == CG_DEV_MKNOD);
	CHECK(cg_dev_parse(true, "a", &r, &e) == 0 && r.type == 'a');
	CHECK(cg_dev_parse(true, "a *:* rwm", &r, &e) == 0 && r.type == 'a');
	CHECK(cg_dev_parse(true, "c 136:* rw\n", &r, &e) == 0 && r.major == 136);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(cg_dev_parse(true, bad[i], &r, &e) == -EINVAL && e.hint[0]);
}

TEST(device_rules_text_round_trips)
{
	static const char text[] = "deny a *:* rwm\nallow c 1:3 rw\nallow b *:0 m\ndeny c 136:* w\n";
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct cg g = { 0 };
	char copy[sizeof(text)], bad[] = "allow c 1:3\n";

	memcpy(copy, text, sizeof(text));
	CHECK(cg_dev_load(&g, copy, NULL) == 0 && g.n_rules == 4);
	cg_dev_format(g.rules, g.n_rules, &b);
	CHECK_STR(buf_str(&b), text);
	CHECK(cg_dev_load(&g, bad, NULL) == -EINVAL);
	free(g.rules);
}

/* Runs a device program the way the kernel would: the few instructions it is made of. */
static int run_program(const struct bpf_insn *p, size_t n, char type, uint32_t major, uint32_t minor, uint32_t access)
{
	uint32_t ctx[3] = { access << 16 | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR), major, minor };
	uint64_t reg[11] = { 0 };

	for (size_t pc = 0, steps = 0; pc < n && steps < 100000; pc++, steps++) {
		const struct bpf_insn *i = &p[pc];
		uint64_t *d = &reg[i->dst_reg];
		uint32_t imm = (uint32_t)i->imm;

		switch (i->code) {
		case BPF_LDX | BPF_W | BPF_MEM:
			*d = ctx[i->off / 4];
			break;
		case BPF_ALU | BPF_MOV | BPF_X:
			*d = (uint32_t)reg[i->src_reg];
			break;
		case BPF_ALU | BPF_MOV | BPF_K:
			*d = imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			*d = (uint32_t)*d & imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			*d = (uint32_t)*d >> imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			pc += *d != (uint64_t)(int64_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += *d & (uint64_t)(int64_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JA:
			pc += (size_t)i->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)reg[0];
		default:
			return -1;
		}
	}
	return -2;
}

/* RULES: "-a", "+c 1:3 rw" … */
static int ask(const char *const *rules, char type, uint32_t major, uint32_t minor, uint32_t access)
{
	_cleanup_free_ struct bpf_insn *p = NULL;
	struct cg_dev_rule list[16];
	size_t n = 0, n_insns;

	for (; rules[n]; n++)
		if (cg_dev_parse(rules[n][0] == '+', rules[n] + 1, &list[n], NULL) < 0)
			return -3;
	if (cg_dev_program(list, n, &p, &n_insns, NULL) < 0)
		return -4;
	return run_program(p, n_insns, type, major, minor, access);
}

TEST(device_program)
{
	enum { M = CG_DEV_MKNOD, R = CG_DEV_READ, W = CG_DEV_WRITE };
	const char *const none[] = { NULL };
	const char *const usual[] = { "-a", "+c *:* m", "+c 1:3 rwm", "+c 136:* rw", NULL };
	const char *const later[] = { "-a", "+c 1:3 rwm", "-c 1:3 w", NULL };
	const char *const parts[] = { "-a", "+c 1:3 r", "+c *:3 w", NULL };
	const char *const open[] = { "-a", "+c 1:3 r", "+a", "-b 8:0 rwm", NULL };

	CHECK(ask(none, 'c', 1, 3, R | W) == 1);

	CHECK(ask(usual, 'c', 1, 3, R | W) == 1);
	CHECK(ask(usual, 'c', 1, 5, R) == 0);
	CHECK(ask(usual, 'c', 1, 5, M) == 1);
	CHECK(ask(usual, 'b', 1, 3, M) == 0);
	CHECK(ask(usual, 'c', 136, 77, R | W) == 1);
	CHECK(ask(usual, 'c', 136, 77, R | W | M) == 1);

	CHECK(ask(later, 'c', 1, 3, R) == 1);
	CHECK(ask(later, 'c', 1, 3, W) == 0);
	CHECK(ask(later, 'c', 1, 3, R | W) == 0);

	/* No rule covers both, together they do. */
	CHECK(ask(parts, 'c', 1, 3, R | W) == 1);
	CHECK(ask(parts, 'c', 2, 3, R | W) == 0);

	CHECK(ask(open, 'c', 9, 9, R | W | M) == 1);
	CHECK(ask(open, 'b', 8, 0, R) == 0);
	CHECK(ask(open, 'b', 8, 1, R) == 1);
}

static void plain(const char *dir, const char *file, const char *text)
{
	_cleanup_free_ char *p = path_join(dir, file);
	char *slash = strrchr(p, '/');

	*slash = '\0';
	CHECK(dir_make_all(p, 0755, NULL) == 0);
	*slash = '/';
	CHECK(file_replace(AT_FDCWD, p, text, strlen(text), 0644, false, NULL) == 0);
}

static const char *content(const char *dir, const char *file)
{
	static char text[256];
	_cleanup_free_ char *p = path_join(dir, file);

	return file_read_small(AT_FDCWD, p, text, sizeof(text)) < 0 ? NULL : text;
}

TEST(plain_tree_v2)
{
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX";
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct cg_stats st;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	plain(dir, "cgroup.controllers", "cpuset cpu io memory hugetlb pids\n");
	plain(dir, "cgroup.subtree_control", "cpu");
	plain(dir, "c1/cgroup.procs", "");
	plain(dir, "c1/cgroup.subtree_control", "");
	plain(dir, "c1/memory.max", "max\n");
	plain(dir, "c1/memory.swap.max", "max\n");
	plain(dir, "c1/memory.current", "4096\n");
	plain(dir, "c1/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\noom_group_kill 0\n");
	plain(dir, "c1/cpu.weight", "100\n");
	plain(dir, "c1/cpu.max", "max 100000\n");
	plain(dir, "c1/io.bfq.weight", "100\n");
	plain(dir, "c1/io.max", "8:0 rbps=5 wbps=max riops=max wiops=7\n");
	plain(dir, "c1/io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=0 dios=0\n8:1 rbytes=10 wbytes=0\n");
	plain(dir, "c1/pids.max", "max\n");
	plain(dir, "c1/cpu.stat", "usage_usec 5\nuser_usec 3\nsystem_usec 2\n");

	CHECK(cg_host_open(dir, &h, &e) == 0);
	CHECK(cg_host_layout(h) == CG_V2);
	CHECK(cg_host_has(h, "memory") && cg_host_has(h, "blkio") && cg_host_has(h, "io"));
	CHECK(cg_host_has(h, "freezer") && cg_host_has(h, "devices") && !cg_host_has(h, "rdma"));
	CHECK(cg_host_describe(h, &b, &e) == 0);
	CHECK(strstr(buf_str(&b), "memory:2") && strstr(buf_str(&b), "io:2"));

	CHECK(cg_create(h, "c1", &g, &e) == 0);
	CHECK_STR(content(dir, "cgroup.subtree_control"), "+cpuset +memory +io +pids +hugetlb");
	CHECK(cg_set(g, 1, "memory.limit_in_bytes", "1M", &e) == 0);
	CHECK_STR(content(dir, "c1/memory.max"), "1048576");
	plain(dir, "c1/memory.max", "1048576\n");
	CHECK(cg_set(g, 1, "memory.memsw.limit_in_bytes", "3M", &e) == 0);
	plain(dir, "c1/memory.swap.max", "2097152\n");
	CHECK(cg_set(g, 1, "memory.memsw.limit_in_bytes", "3k", &e) == -ERANGE);
	CHECK(cg_set(g, 0, "cpu.shares", "1024", &e) == 0);
	CHECK(cg_set(g, 0, "blkio.weight", "300", &e) == 0);
	CHECK_STR(content(dir, "c1/io.bfq.weight"), "300");
	CHECK(cg_set(g, 0, "cpu.cfs_period_us", "200000", &e) == 0);
	CHECK_STR(content(dir, "c1/cpu.max"), "max 200000");
	CHECK(cg_set(g, 1, "net_cls.classid", "1", &e) == -EOPNOTSUPP);
	CHECK(strstr(e.msg, "net_cls"));
	CHECK(cg_set(g, 1, "memory.swappiness", "1", &e) == -EOPNOTSUPP);
	CHECK(strstr(e.msg, "memory.swappiness"));

	buf_reset(&b);
	CHECK(cg_get(g, "memory.memsw.limit_in_bytes", &b, &e) == 0);
	CHECK_STR(buf_str(&b), "3145728");
	buf_reset(&b);
	CHECK(cg_get(g, "blkio.throttle.write_iops_device", &b, &e) == 0);
	CHECK_STR(buf_str(&b), "8:0 7");
	buf_reset(&b);
	CHECK(cg_get(g, "cpuacct.usage", &b, &e) == 0);
	CHECK_STR(buf_str(&b), "5000");
	buf_reset(&b);
	CHECK(cg_get(g, "memory.max", &b, &e) == 0);
	CHECK_STR(buf_str(&b), "1048576");

	CHECK(cg_stats(g, &st, &e) == 0);
	CHECK(st.memory == 4096 && st.memory_max == 1048576 && st.oom_kills == 2 && st.memory_peak == UINT64_MAX);
	CHECK(st.blkio_bytes == 13 && st.blkio_ios == 7 && st.cpu_ns == 5000 && st.pids_max == UINT64_MAX);

	/* A group with a process is not ours. */
	plain(dir, "c1/cgroup.procs", "1\n");
	g = cg_free(g);
	CHECK(cg_create(h, "c1", &g, &e) == -EBUSY);
	CHECK(strstr(e.msg, "pid 1") && e.hint[0]);
	CHECK(g == NULL);
	CHECK(cg_open(h, "c2", &g, &e) == -ENOENT);
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

TEST(plain_tree_v1)
{
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX";
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	plain(dir, "cpu,cpuacct/c/cpu.shares", "1024\n");
	plain(dir, "cpu,cpuacct/c/cgroup.procs", "");
	plain(dir, "cpu,cpuacct/c/cpu.cfs_quota_us", "-1\n");
	plain(dir, "cpu,cpuacct/c/cpu.cfs_period_us", "100000\n");
	plain(dir, "systemd/c/cgroup.procs", "");
	plain(dir, "blkio/c/cgroup.procs", "");
	plain(dir, "blkio/c/blkio.bfq.weight", "100\n");
	plain(dir, "blkio/c/blkio.throttle.read_bps_device", "8:0 5\n");
	plain(dir, "blkio/c/blkio.throttle.write_bps_device", "");
	plain(dir, "blkio/c/blkio.throttle.read_iops_device", "8:0 6\n8:16 7\n");
	plain(dir, "blkio/c/blkio.throttle.write_iops_device", "");
	CHECK(cg_host_open(dir, &h, &e) == 0);
	CHECK(cg_host_layout(h) == CG_V1);
	CHECK(cg_host_has(h, "cpuacct") && cg_host_has(h, "name=systemd") && !cg_host_has(h, "memory"));
	CHECK(cg_create(h, "c", &g, &e) == 0);
	CHECK(cg_v2_fd(g) == -EOPNOTSUPP);
	CHECK(cg_set(g, 2, "cpu.weight", "10000", &e) == 0);
	CHECK_STR(content(dir, "cpu,cpuacct/c/cpu.shares"), "262144");
	CHECK(cg_set(g, 2, "io.weight", "1", &e) == 0);
	CHECK_STR(content(dir, "blkio/c/blkio.bfq.weight"), "100"); /* "10" over "100\n" in a plain file */
	CHECK(cg_set(g, 2, "memory.max", "1", &e) == -EOPNOTSUPP);
	CHECK(cg_freeze(g, true, 10, &e) == -EOPNOTSUPP);
	CHECK(cg_get(g, "cpu.max", &b, &e) == 0);
	CHECK_STR(buf_str(&b), "max 100000");
	buf_reset(&b);
	CHECK(cg_get(g, "io.max", &b, &e) == 0);
	CHECK_STR(buf_str(&b), "8:0 rbps=5\n8:0 riops=6\n8:16 riops=7");
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

TEST(plain_tree_hybrid)
{
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX";
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	plain(dir, "unified/cgroup.controllers", "misc\n");
	plain(dir, "unified/cgroup.subtree_control", "");
	plain(dir, "unified/c/misc.max", "max\n");
	plain(dir, "unified/c/cgroup.procs", "");
	plain(dir, "unified/c/cgroup.max.depth", "max\n");
	plain(dir, "unified/c/cgroup.freeze", "0\n");
	plain(dir, "freezer/c/cgroup.procs", "");
	plain(dir, "freezer/c/freezer.state", "THAWED\n");
	plain(dir, "memory/c/cgroup.procs", "");
	plain(dir, "memory/c/memory.limit_in_bytes", "4096\n");
	plain(dir, "something/else", "");
	CHECK(cg_host_open(dir, &h, &e) == 0);
	CHECK(cg_host_layout(h) == CG_HYBRID);
	CHECK(cg_host_has(h, "misc") && cg_host_has(h, "memory") && !cg_host_has(h, "pids"));
	CHECK(cg_host_describe(h, &b, &e) == 0);
	CHECK(strstr(buf_str(&b), "memory:1") && strstr(buf_str(&b), "freezer:1") && strstr(buf_str(&b), "misc:2"));
	CHECK(!strstr(buf_str(&b), "freezer:2"));
	CHECK(cg_create(h, "c", &g, &e) == 0);
	/* Nothing of v2's is switched on before somebody wants it. */
	CHECK_STR(content(dir, "unified/cgroup.subtree_control"), "");
	CHECK(cg_set(g, 2, "misc.max", "res_a 1", &e) == 0);
	CHECK_STR(content(dir, "unified/c/misc.max"), "res_a 1");
	CHECK(cg_set(g, 2, "cgroup.max.depth", "7", &e) == 0);
	CHECK(cg_set(g, 2, "memory.max", "8192", &e) == 0);
	CHECK_STR(content(dir, "memory/c/memory.limit_in_bytes"), "8192");
	/* The freezer is v1's, in whose words ever. */
	CHECK(cg_set(g, 2, "cgroup.freeze", "1", &e) == 0);
	CHECK_STR(content(dir, "freezer/c/freezer.state"), "FROZEN");
	CHECK_STR(content(dir, "unified/c/cgroup.freeze"), "0");
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

TEST(paths_stay_below_the_root)
{
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", "..", "a/../b", ".", "a/.", "./a" };
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX";
	struct cg *g = NULL;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	CHECK(cg_host_open(dir, &h, &e) == 0);
	CHECK(cg_host_layout(h) == CG_NONE);
	CHECK(cg_create(h, "fine", &g, &e) == -EOPNOTSUPP);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK(cg_create(h, bad[i], &g, &e) == -EINVAL);
		CHECK(cg_open(h, bad[i], &g, &e) == -EINVAL);
		CHECK(cg_remove(h, bad[i], &e) == -EINVAL);
	}
	rmdir(dir);
	CHECK(cg_host_open(dir, &h, &e) == -ENOENT);
}
