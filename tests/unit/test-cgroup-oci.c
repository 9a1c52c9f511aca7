/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Control groups as the OCI runtime specification has them, without a kernel: values, paths, systemd's names. */

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cgroup/cgroup.h"
#include "cgroup/driver.h"
#include "cgroup/metrics.h"
#include "cgroup/unit.h"
#include "unit/test.h"

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

static const struct cg_oci oci = { 0 };

/* Plain files keep the tail of a longer old value: each starts empty. */
TEST(values_on_v2)
{
	static const char *const files[] = { "memory.max",	"memory.low",	   "memory.swap.max",
					     "cpu.weight",	"cpu.max",	   "cpu.idle",
					     "cpuset.cpus",	"pids.max",	   "io.max",
					     "io.weight",	"hugetlb.2MB.max", "hugetlb.2MB.rsvd.max",
					     "hugetlb.1GB.max", "memory.current",  "cgroup.procs",
					     "cgroup.freeze",	"cpu.max.burst",   "rdma.max" };
	static const struct {
		const char *key, *value, *file, *want;
	} sets[] = {
		{ "memory.limit_in_bytes", "67108864", "memory.max", "67108864" },
		{ "memory.soft_limit_in_bytes", "33554432", "memory.low", "33554432" },
		{ "memory.memsw.limit_in_bytes", "-1", "memory.swap.max", "max" },
		{ "memory.oom_control", "0", "memory.max", "67108864" },
		{ "memory.swappiness", "-1", "memory.max", "67108864" },
		{ "cpu.shares", "0", "cpu.weight", "" },
		{ "cpu.shares", "4096", "cpu.weight", "303" },
		{ "cpu.cfs_quota_us", "20000", "cpu.max", "20000" },
		{ "cpu.cfs_burst_us", "500", "cpu.max.burst", "500" },
		{ "cpu.idle", "1", "cpu.idle", "1" },
		{ "cpu.rt_period_us", "0", "cpu.max", "20000" },
		{ "cpuset.cpus", "0-1", "cpuset.cpus", "0-1" },
		{ "pids.max", "0", "pids.max", "1" },
		{ "blkio.weight", "300", "io.weight", "2930" },
		{ "blkio.throttle.write_iops_device", "8:0 40", "io.max", "8:0 wiops=40" },
		{ "hugetlb.2MB.limit_in_bytes", "4194304", "hugetlb.2MB.max", "4194304" },
		{ "hugetlb.1GB.limit_in_bytes", "0", "hugetlb.1GB.max", "0" },
		{ "net_cls.classid", "0", "pids.max", "1" },
		{ "rdma.max", "mlx5_1 hca_handle=3 hca_object=10000", "rdma.max",
		  "mlx5_1 hca_handle=3 hca_object=10000" },
	};
	static const char *const missing[][2] = { { "memory.swappiness", "60" },    { "memory.oom_control", "1" },
						  { "cpu.rt_runtime_us", "1000" },  { "blkio.leaf_weight", "300" },
						  { "net_cls.classid", "1048577" }, { "net_prio.ifpriomap", "lo 1" },
						  { "misc.max", "res_a 1" },	    { "no.such", "1" } };
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX", file[64];
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	plain(dir, "cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma\n");
	plain(dir, "cgroup.subtree_control", "cpuset cpu io memory hugetlb pids rdma\n");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(file, sizeof(file), "c/%s", files[i]);
		plain(dir, file, "");
	}
	CHECK(cg_host_open(dir, &h, &e) == 0);
	cg_host_oci(h, &oci);
	CHECK(cg_open(h, "c", &g, &e) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		const struct cg_item item = { 1, sets[i].key, sets[i].value };

		CHECK(cg_check(h, &item, &e) == 0);
		CHECK(cg_set(g, 1, sets[i].key, sets[i].value, &e) == 0);
		snprintf(file, sizeof(file), "c/%s", sets[i].file);
		CHECK_STR(content(dir, file), sets[i].want);
	}
	/* Reservations go with the limit where the kernel knows them. */
	CHECK_STR(content(dir, "c/hugetlb.2MB.rsvd.max"), "4194304");
	CHECK(content(dir, "c/hugetlb.1GB.rsvd.max") == NULL);
	for (size_t i = 0; i < ARRAY_SIZE(missing); i++) {
		const struct cg_item item = { 1, missing[i][0], missing[i][1] };

		err_clear(&e);
		CHECK(cg_check(h, &item, &e) == -EOPNOTSUPP && strstr(e.msg, missing[i][0]));
		CHECK(cg_set(g, 1, missing[i][0], missing[i][1], &e) == -EOPNOTSUPP);
	}
	/* unified: as it stands, a line a write. */
	CHECK(cg_set(g, 2, "cpuset.cpus", "0-7", &e) == 0);
	CHECK_STR(content(dir, "c/cpuset.cpus"), "0-7");
	plain(dir, "c/io.max", "");
	CHECK(cg_set(g, 2, "io.max", "8:0 rbps=1\n8:16 rbps=2\n", &e) == 0);
	CHECK_STR(content(dir, "c/io.max"), "8:16 rbps=2"); /* one after the other over the same start */
	CHECK(cg_set(g, 2, "memory.nothing", "1", &e) == -ENOENT && strstr(e.msg, "memory.nothing") && e.hint[0]);
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

TEST(swap_on_v2)
{
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX", file[64];
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL;
	const struct cg_item both[] = { { 1, "memory.memsw.limit_in_bytes", "3145728" },
					{ 1, "memory.limit_in_bytes", "1048576" } };
	const struct cg_item lift[] = { { 1, "memory.limit_in_bytes", "-1" } };
	const struct cg_item checked[] = { { 1, "memory.limit_in_bytes", "4096" },
					   { 1, "memory.check_before_update", "1" } };
	const struct cg_item checked_swap[] = { { 1, "memory.memsw.limit_in_bytes", "40960" },
						{ 1, "memory.check_before_update", "1" } };
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	plain(dir, "cgroup.controllers", "memory\n");
	plain(dir, "c/memory.max", "");
	plain(dir, "c/memory.swap.max", "");
	plain(dir, "c/memory.current", "65536\n");
	plain(dir, "c/memory.swap.current", "0\n");
	CHECK(cg_host_open(dir, &h, &e) == 0);
	cg_host_oci(h, &oci);
	CHECK(cg_open(h, "c", &g, &e) == 0);
	/* Whatever the order: the sum less the limit in force afterwards. */
	CHECK(cg_apply(g, both, 2, &e) == 0);
	CHECK_STR(content(dir, "c/memory.max"), "1048576");
	CHECK_STR(content(dir, "c/memory.swap.max"), "2097152");
	CHECK(cg_apply(g, checked, 2, &e) == -EBUSY && strstr(e.msg, "rejecting memory limit"));
	CHECK(cg_apply(g, checked_swap, 2, &e) == -EBUSY && strstr(e.msg, "rejecting memory+swap limit"));
	CHECK_STR(content(dir, "c/memory.max"), "1048576");
	plain(dir, "c/memory.max", "");
	plain(dir, "c/memory.swap.max", "");
	CHECK(cg_apply(g, lift, 1, &e) == 0);
	CHECK_STR(content(dir, "c/memory.max"), "max");
	CHECK_STR(content(dir, "c/memory.swap.max"), "max");
	/* A kernel without swap: to have none is not to be refused. */
	snprintf(file, sizeof(file), "%s/c/memory.swap.max", dir);
	CHECK(unlink(file) == 0);
	plain(dir, "c/memory.max", "1048576");
	CHECK(cg_set(g, 1, "memory.memsw.limit_in_bytes", "1048576", &e) == 0);
	CHECK(cg_set(g, 1, "memory.memsw.limit_in_bytes", "-1", &e) == 0);
	CHECK(cg_set(g, 1, "memory.memsw.limit_in_bytes", "2097152", &e) == -ENOENT);
	CHECK(cg_set(g, 1, "memory.memsw.limit_in_bytes", "1024", &e) == -ERANGE);
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

TEST(values_on_v1)
{
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX";
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL;
	const struct cg_item unified = { 2, "pids.max", "1" };
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	plain(dir, "unified/cgroup.controllers", "hugetlb\n");
	plain(dir, "unified/c/cgroup.procs", "");
	plain(dir, "blkio/c/blkio.bfq.weight", "");
	plain(dir, "blkio/c/blkio.bfq.weight_device", "");
	plain(dir, "pids/c/pids.max", "");
	plain(dir, "net_cls,net_prio/c/net_cls.classid", "");
	plain(dir, "net_cls,net_prio/c/net_prio.ifpriomap", "");
	plain(dir, "memory/c/memory.swappiness", "");
	plain(dir, "cpu/c/cpu.rt_runtime_us", "");
	CHECK(cg_host_open(dir, &h, &e) == 0);
	CHECK(cg_open(h, "c", &g, &e) == 0);
	/* LXC's words for v2 are translated, OCI's are not. */
	CHECK(cg_set(g, 2, "pids.max", "1", &e) == 0);
	cg_host_oci(h, &oci);
	CHECK(cg_check(h, &unified, &e) == -EINVAL && strstr(e.msg, "linux.resources.unified"));
	CHECK(strstr(e.msg, "invalid configuration"));
	CHECK(cg_set(g, 1, "blkio.weight", "333", &e) == 0);
	CHECK_STR(content(dir, "blkio/c/blkio.bfq.weight"), "333");
	CHECK(cg_set(g, 1, "blkio.weight_device", "7:0 444", &e) == 0);
	CHECK_STR(content(dir, "blkio/c/blkio.bfq.weight_device"), "7:0 444");
	CHECK(cg_set(g, 1, "blkio.leaf_weight", "300", &e) == -ENOENT && e.hint[0]);
	CHECK(cg_set(g, 1, "net_cls.classid", "1048577", &e) == 0);
	CHECK_STR(content(dir, "net_cls,net_prio/c/net_cls.classid"), "1048577");
	CHECK(cg_set(g, 1, "net_prio.ifpriomap", "lo 500", &e) == 0);
	CHECK(cg_set(g, 1, "memory.swappiness", "60", &e) == 0);
	CHECK(cg_set(g, 1, "cpu.rt_runtime_us", "950000", &e) == 0);
	CHECK(cg_set(g, 1, "pids.max", "-1", &e) == 0);
	CHECK_STR(content(dir, "pids/c/pids.max"), "max");
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

static char *oci_path(const struct cg_host *h, const char *path, bool relative)
{
	char *out = NULL;

	return cg_oci_path(h, path, relative, "id1", &out, NULL) == 0 ? out : NULL;
}

TEST(paths)
{
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX";
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	static const char *const clean[][2] = { { "a/b", "a/b" },	  { "/a//b/", "a/b" }, { "./a/./b", "a/b" },
						{ "../../a", "a" },	  { "/a/../b", "b" },  { "a/b/../../c", "c" },
						{ "/..a/b..", "..a/b.." } };
	struct cg *g = NULL;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	plain(dir, "cgroup.controllers", "memory\n");
	CHECK(cg_host_open(dir, &h, &e) == 0);
	cg_host_oci(h, &oci);
	for (size_t i = 0; i < ARRAY_SIZE(clean); i++) {
		_cleanup_free_ char *got = oci_path(h, clean[i][0], false);

		CHECK(got);
		CHECK_STR(got, clean[i][1]);
	}
	CHECK(!oci_path(h, "/", false) && !oci_path(h, "a/..", false));
	{
		/* Our own group is not in this tree: its root, then. */
		_cleanup_free_ char *none = oci_path(h, NULL, false), *relative = oci_path(h, "x/y", true);

		CHECK_STR(none, "id1");
		CHECK_STR(relative, "x/y");
	}
	CHECK(cg_open(h, "a//memory", &g, &e) == -EINVAL);
	CHECK(cg_open(h, "a//memory:../b", &g, &e) == -EINVAL);
	CHECK(cg_open(h, "a//unit:../b", &g, &e) == -EINVAL);
	CHECK(cg_open(h, "//memory:b", &g, &e) == -EINVAL);
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

/* One path a hierarchy. */
TEST(paths_that_differ)
{
	static const char path[] = "c//memory:own/c//nothing:x//cpu,cpuacct:o/t/c";
	static const char *const none[] = { NULL }, *const all[] = { "s", NULL }, *const top[] = { "/", NULL };
	static const char *const some[] = { "memory:s", "cpu,cpuacct:/t", NULL };
	static const char *const up[] = { "..", NULL }, *const gone[] = { "nonexistent", NULL };
	static const char *const one_gone[] = { "cpu:nonexistent", NULL }, *const odd[] = { "whaaat:/", NULL };
	static const char *const empty[] = { ":x", NULL }, *const twice[] = { "memory:s", "memory:s", NULL };
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX";
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL;
	struct cg *sub = NULL;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	plain(dir, "memory/own/c/memory.limit_in_bytes", "");
	plain(dir, "memory/own/c/s/tasks", "");
	plain(dir, "memory/c/memory.limit_in_bytes", "");
	plain(dir, "cpu,cpuacct/o/t/c/cpu.shares", "");
	plain(dir, "cpu,cpuacct/o/t/c/t/tasks", "");
	plain(dir, "pids/c/pids.max", "");
	CHECK(cg_host_open(dir, &h, &e) == 0);
	cg_host_oci(h, &oci);
	CHECK(cg_open(h, path, &g, &e) == 0);
	CHECK_STR(cg_path(g), path);
	CHECK(cg_set(g, 1, "memory.limit_in_bytes", "1", &e) == 0 && cg_set(g, 1, "cpu.shares", "2", &e) == 0 &&
	      cg_set(g, 1, "pids.max", "3", &e) == 0);
	CHECK_STR(content(dir, "memory/own/c/memory.limit_in_bytes"), "1");
	CHECK_STR(content(dir, "memory/c/memory.limit_in_bytes"), "");
	CHECK_STR(content(dir, "cpu,cpuacct/o/t/c/cpu.shares"), "2");
	CHECK_STR(content(dir, "pids/c/pids.max"), "3");

	CHECK(cg_sub(g, none, &sub, &e) == 0);
	CHECK(sub->used == g->used);
	for (unsigned i = 0; i < h->n; i++)
		CHECK_STR(sub->at[i], g->at[i]);
	sub = cg_free(sub);
	CHECK(cg_sub(g, top, &sub, &e) == 0);
	sub = cg_free(sub);
	CHECK(cg_sub(g, some, &sub, &e) == 0);
	for (unsigned i = 0; i < h->n; i++)
		CHECK_STR(sub->at[i], streq(h->hier[i].name, "memory")	      ? "own/c/s"
				      : streq(h->hier[i].name, "cpu,cpuacct") ? "o/t/c/t"
									      : "c");
	sub = cg_free(sub);
	CHECK(cg_sub(g, all, &sub, &e) == -ENOENT);
	CHECK(cg_sub(g, up, &sub, &e) == -EINVAL && strstr(e.msg, "bad sub cgroup path"));
	CHECK(cg_sub(g, gone, &sub, &e) == -ENOENT && strstr(e.msg, " adding pid ") &&
	      strstr(e.msg, "o such file or directory"));
	CHECK(cg_sub(g, one_gone, &sub, &e) == -ENOENT);
	CHECK(cg_sub(g, odd, &sub, &e) == -EINVAL && strstr(e.msg, "unknown controller "));
	CHECK(cg_sub(g, empty, &sub, &e) == -EINVAL && cg_sub(g, twice, &sub, &e) == -EINVAL && !sub);
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

TEST(refusals_in_runcs_words)
{
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX";
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	struct cg *g = NULL;
	struct err e = { 0 };

	CHECK(mkdtemp(dir));
	plain(dir, "freezer/full/cgroup.procs", "1\n7\n");
	plain(dir, "freezer/full/freezer.state", "THAWED\n");
	plain(dir, "freezer/cold/cgroup.procs", "");
	plain(dir, "freezer/cold/freezer.state", "FROZEN\n");
	plain(dir, "freezer/fine/cgroup.procs", "");
	plain(dir, "freezer/fine/freezer.state", "THAWED\n");
	plain(dir, "freezer/fine/sub/cgroup.procs", "");
	CHECK(cg_host_open(dir, &h, &e) == 0);
	cg_host_oci(h, &oci);
	CHECK(cg_create(h, "full", &g, &e) == -EBUSY);
	CHECK(strstr(e.msg, "container's cgroup is not empty: 2 process(es) found"));
	CHECK(cg_create(h, "cold", &g, &e) == -EBUSY && strstr(e.msg, "container's cgroup unexpectedly frozen"));
	CHECK(cg_vacant(h, "full", &e) == -EBUSY && cg_vacant(h, "cold", &e) == -EBUSY);
	CHECK(cg_vacant(h, "fine", &e) == 0 && cg_vacant(h, "none", &e) == 0);
	CHECK(cg_create(h, "fine", &g, &e) == 0);
	CHECK(content(dir, "freezer/fine/sub/cgroup.procs"));
	g = cg_free(g);
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

/* --- figures --------------------------------------------------------------------------------------------------------- */

/* The group's figures as JSON without blanks. */
static const char *stats(const char *dir)
{
	static char out[4096];
	_cleanup_(cg_host_freep) struct cg_host *h = NULL;
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_cg_metrics_ struct cg_metrics m = { 0 };
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct json j;

	if (cg_host_open(dir, &h, NULL) < 0 || cg_open(h, "c", &g, NULL) < 0 || cg_metrics_read(g, &m, NULL) < 0)
		return "error";
	json_init(&j, &b, false);
	json_object(&j);
	cg_stats_json(&m, &j);
	json_end_object(&j);
	snprintf(out, sizeof(out), "%s", buf_str(&b));
	return out;
}

TEST(stats_of_v1)
{
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX";

	CHECK(mkdtemp(dir));
	plain(dir, "cpu,cpuacct/c/cgroup.procs", "");
	plain(dir, "cpu,cpuacct/c/cpuacct.usage", "30\n");
	plain(dir, "cpu,cpuacct/c/cpuacct.usage_user", "10\n");
	plain(dir, "cpu,cpuacct/c/cpuacct.usage_sys", "20\n");
	plain(dir, "cpu,cpuacct/c/cpuacct.usage_all", "cpu user system\n0 1 2\n1 3 4\n2 0 0\n");
	plain(dir, "cpu,cpuacct/c/cpu.stat", "nr_periods 5\nnr_throttled 1\nthrottled_time 77\n");
	plain(dir, "cpuset/c/cpuset.cpus", "0-1,3\n");
	plain(dir, "cpuset/c/cpuset.mems", "0\n");
	plain(dir, "cpuset/c/cpuset.sched_load_balance", "1\n");
	plain(dir, "cpuset/c/cpuset.sched_relax_domain_level", "-1\n");
	plain(dir, "memory/c/memory.stat", "cache 4096\nrss 8192\nhierarchical_memory_limit 9223372036854771712\n");
	plain(dir, "memory/c/memory.usage_in_bytes", "12288\n");
	plain(dir, "memory/c/memory.max_usage_in_bytes", "16384\n");
	plain(dir, "memory/c/memory.limit_in_bytes", "9223372036854771712\n");
	plain(dir, "memory/c/memory.failcnt", "2\n");
	plain(dir, "memory/c/memory.kmem.tcp.usage_in_bytes", "0\n");
	plain(dir, "memory/c/memory.kmem.tcp.max_usage_in_bytes", "0\n");
	plain(dir, "memory/c/memory.kmem.tcp.failcnt", "0\n");
	plain(dir, "memory/c/memory.kmem.tcp.limit_in_bytes", "65536\n");
	plain(dir, "pids/c/pids.current", "3\n");
	plain(dir, "pids/c/pids.max", "max\n");
	plain(dir, "blkio/c/blkio.throttle.io_service_bytes_recursive", "8:0 Read 1\n8:0 Total 1\nTotal 1\n");
	plain(dir, "blkio/c/blkio.throttle.io_serviced_recursive", "8:0 Read 2\nTotal 2\n");
	plain(dir, "hugetlb/c/hugetlb.2MB.usage_in_bytes", "2097152\n");
	plain(dir, "hugetlb/c/hugetlb.2MB.max_usage_in_bytes", "4194304\n");
	plain(dir, "hugetlb/c/hugetlb.2MB.failcnt", "1\n");
	CHECK_STR(
		stats(dir),
		"{\"cpu\":{\"usage\":{\"total\":30,\"percpu\":[3,7,0],\"percpu_kernel\":[2,4,0],\"percpu_user\":[1,3,0]"
		","
		"\"kernel\":20,\"user\":10},\"throttling\":{\"periods\":5,\"throttledPeriods\":1,\"throttledTime\":77}}"
		","
		"\"cpuset\":{\"cpus\":[0,1,3],\"mems\":[0],\"cpu_exclusive\":0,\"mem_hardwall\":0,\"mem_exclusive\":0,"
		"\"memory_migrate\":0,\"memory_spread_page\":0,\"memory_spread_slab\":0,\"memory_pressure\":0,"
		"\"sched_load_balance\":1,\"sched_relax_domain_level\":-1},"
		"\"memory\":{\"cache\":4096,\"usage\":{\"limit\":9223372036854771712,\"usage\":12288,\"max\":16384,"
		"\"failcnt\":2},\"swap\":{\"limit\":0,\"failcnt\":0},\"kernel\":{\"limit\":0,\"failcnt\":0},"
		"\"kernelTCP\":{\"limit\":65536,\"failcnt\":0},\"raw\":{\"cache\":4096,\"rss\":8192,"
		"\"hierarchical_memory_limit\":9223372036854771712}},\"pids\":{\"current\":3},"
		"\"blkio\":{\"ioServiceBytesRecursive\":[{\"major\":8,\"op\":\"Read\",\"value\":1},"
		"{\"major\":8,\"op\":\"Total\",\"value\":1}],\"ioServicedRecursive\":[{\"major\":8,\"op\":\"Read\","
		"\"value\":2}]},\"hugetlb\":{\"2MB\":{\"usage\":2097152,\"max\":4194304,\"failcnt\":1}}}");
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
	CHECK_STR(stats("/nonexistent"), "error");
}

TEST(stats_of_v2)
{
	static const char psi[] = "some avg10=1.50 avg60=0.25 avg300=0.00 total=99\n"
				  "full avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
	static const char want[] = "\"psi\":{\"some\":{\"avg10\":1.5,\"avg60\":0.25,\"avg300\":0,\"total\":99},"
				   "\"full\":{\"avg10\":0,\"avg60\":0,\"avg300\":0,\"total\":7}}";
	char dir[] = "/tmp/creel-test-cgroup-XXXXXX";
	const char *got;

	CHECK(mkdtemp(dir));
	plain(dir, "cgroup.controllers", "cpu memory io pids hugetlb\n");
	plain(dir, "c/cgroup.procs", "");
	plain(dir, "c/cpu.stat", "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 4\nthrottled_usec 6\n");
	plain(dir, "c/cpu.pressure", psi);
	plain(dir, "c/memory.stat", "anon 1\nfile 2\nfile_mapped 3\n");
	plain(dir, "c/memory.current", "100\n");
	plain(dir, "c/memory.peak", "200\n");
	plain(dir, "c/memory.max", "1000\n");
	plain(dir, "c/memory.events", "low 0\nhigh 0\nmax 3\noom 1\noom_kill 2\n");
	plain(dir, "c/memory.swap.current", "10\n");
	plain(dir, "c/memory.swap.max", "50\n");
	plain(dir, "c/pids.current", "2\n");
	plain(dir, "c/pids.max", "20\n");
	plain(dir, "c/io.stat", "8:16 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n");
	plain(dir, "c/hugetlb.2MB.rsvd.current", "4096\n");
	plain(dir, "c/hugetlb.2MB.events", "max 9\n");
	got = stats(dir);
	CHECK(strstr(got, "{\"cpu\":{\"usage\":{\"total\":5000,\"kernel\":2000,\"user\":3000},\"throttling\":{"
			  "\"periods\":4,\"throttledTime\":6000},"));
	CHECK(strstr(got, want));
	CHECK(strstr(got, "\"memory\":{\"cache\":2,\"usage\":{\"limit\":1000,\"usage\":100,\"max\":200,\"failcnt\":3},"
			  "\"swap\":{\"limit\":1050,\"usage\":110,\"failcnt\":0},"));
	CHECK(strstr(got, "\"raw\":{\"anon\":1,\"file\":2,\"file_mapped\":3}}"));
	CHECK(strstr(got, "\"pids\":{\"current\":2,\"limit\":20}"));
	CHECK(strstr(got, "\"ioServiceBytesRecursive\":[{\"major\":8,\"minor\":16,\"op\":\"Read\",\"value\":1},"
			  "{\"major\":8,\"minor\":16,\"op\":\"Write\",\"value\":2}]"));
	CHECK(strstr(got, "\"hugetlb\":{\"2MB\":{\"usage\":4096,\"failcnt\":9}}}"));
	plain(dir, "c/memory.max", "max\n");
	plain(dir, "c/memory.swap.max", "max\n");
	CHECK(strstr(stats(dir), "\"limit\":18446744073709551615,\"usage\":110"));
	CHECK(tree_remove(AT_FDCWD, dir, NULL) == 0);
}

/* --- systemd --------------------------------------------------------------------------------------------------------- */

static const char *slice(const char *name)
{
	static char out[256];
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct err e = { 0 };
	int r = unit_slice_path(name, &b, &e);

	snprintf(out, sizeof(out), "%s", r < 0 ? e.msg[0] ? "error" : "silent error" : buf_str(&b));
	return out;
}

TEST(slices_are_levels)
{
	CHECK_STR(slice("system.slice"), "system.slice");
	CHECK_STR(slice("-.slice"), "");
	CHECK_STR(slice("a-b-c.slice"), "a.slice/a-b.slice/a-b-c.slice");
	CHECK_STR(slice("kubepods-burstable-pod1_2.slice"),
		  "kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice");
	CHECK_STR(slice(""), "error");
	CHECK_STR(slice(".slice"), "error");
	CHECK_STR(slice("a"), "error");
	CHECK_STR(slice("a.scope"), "error");
	CHECK_STR(slice("a--b.slice"), "error");
	CHECK_STR(slice("-a.slice"), "error");
	CHECK_STR(slice("a-.slice"), "error");
	CHECK_STR(slice("a/b.slice"), "error");
}

static const char *unit(const char *root, const char *text, const char *id, bool user)
{
	static char out[1024];
	_cleanup_free_ char *path = NULL;
	struct err e = { 0 };
	int r = unit_path_below(root, text, id, user, &path, &e);

	snprintf(out, sizeof(out), "%s", r < 0 ? e.msg : path);
	return out;
}

TEST(unit_paths)
{
	CHECK_STR(unit("", NULL, "id", false), "system.slice/creel-id.scope//unit:creel-id.scope");
	CHECK_STR(unit("", ":runc:id", "x", false), "system.slice/runc-id.scope//unit:runc-id.scope");
	CHECK_STR(unit("", "a-b.slice:crio:n", "x", false), "a.slice/a-b.slice/crio-n.scope//unit:crio-n.scope");
	CHECK_STR(unit("", "-.slice:p:n", "x", false), "p-n.scope//unit:p-n.scope");
	CHECK_STR(unit("", "::", "x", false), "system.slice/x.scope//unit:x.scope");
	CHECK_STR(unit("", "a.slice:p:a-n.slice", "x", false), "a.slice/a-n.slice//unit:a-n.slice");
	CHECK_STR(unit("/user.slice/user-7.slice/user@7.service", NULL, "id", true),
		  "user.slice/user-7.slice/user@7.service/user.slice/creel-id.scope//user-unit:creel-id.scope");
	CHECK(strstr(unit("", "/a/b", "x", false), "slice:prefix:name"));
	CHECK(strstr(unit("", "a.slice:b:c:d", "x", false), "slice:prefix:name"));
	CHECK(strstr(unit("", "a.slice:b", "x", false), "slice:prefix:name"));
	CHECK(strstr(unit("", "a/b.slice:p:n", "x", false), "linux.cgroupsPath"));
	CHECK(strstr(unit("", "a.slice:p:../n", "x", false), "linux.cgroupsPath"));
	CHECK(strstr(unit("", "a.slice:p:", "x+y", false), "takes no unit"));
}

/* "Name=value …" of a list. */
static const char *props(const struct unit_props *p)
{
	static char out[1024];
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; i < p->n; i++) {
		const struct unit_prop *x = &p->v[i];

		buf_printf(&b, "%s%s=", i ? " " : "", x->name);
		if (x->type == UT_STRING || x->type == UT_STRINGS)
			for (size_t k = 0; k < x->strings.n; k++)
				buf_printf(&b, "%s%s", k ? "," : "", x->strings.v[k]);
		else if (x->type == UT_BYTES)
			for (size_t k = 0; k < x->n_bytes; k++)
				buf_printf(&b, "%02x", x->bytes[k]);
		else if (x->type == UT_DOUBLE)
			buf_printf(&b, "%g", x->d);
		else if (x->type == UT_I32 || x->type == UT_I64)
			buf_printf(&b, "%lld", (long long)x->n);
		else if (x->n == UINT64_MAX)
			buf_puts(&b, "max");
		else
			buf_printf(&b, "%llu", (unsigned long long)x->n);
	}
	snprintf(out, sizeof(out), "%s", buf_str(&b));
	return out;
}

#define RESOURCES(version, ...)                                                                               \
	({                                                                                                    \
		const struct cg_item list[] = { __VA_ARGS__ };                                                \
		_cleanup_unit_props_ struct unit_props p = { 0 };                                             \
		struct err e = { 0 };                                                                         \
                                                                                                              \
		unit_resource_props(list, ARRAY_SIZE(list), true, version, &p, &e) < 0 ? "error" : props(&p); \
	})

TEST(resources_to_properties)
{
	CHECK_STR(RESOURCES(0, { 1, "memory.limit_in_bytes", "33554432" }, { 1, "memory.soft_limit_in_bytes", "-1" },
			    { 1, "memory.memsw.limit_in_bytes", "50331648" }),
		  "MemoryMax=33554432 MemoryLow=max MemorySwapMax=16777216");
	CHECK_STR(RESOURCES(0, { 1, "memory.limit_in_bytes", "-1" }, { 1, "memory.memsw.limit_in_bytes", "-1" }),
		  "MemoryMax=max MemorySwapMax=max");
	CHECK_STR(RESOURCES(0, { 1, "cpu.shares", "1024" }), "CPUWeight=100");
	CHECK_STR(RESOURCES(0, { 1, "cpu.cfs_quota_us", "50000" }, { 1, "cpu.cfs_period_us", "100000" }),
		  "CPUQuotaPeriodUSec=100000 CPUQuotaPerSecUSec=500000");
	/* Up to whole percents. */
	CHECK_STR(RESOURCES(0, { 1, "cpu.cfs_quota_us", "1234" }), "CPUQuotaPerSecUSec=20000");
	CHECK_STR(RESOURCES(0, { 1, "cpu.cfs_quota_us", "-1" }), "CPUQuotaPerSecUSec=max");
	CHECK_STR(RESOURCES(0, { 1, "cpu.cfs_period_us", "50000" }), "CPUQuotaPeriodUSec=50000 CPUQuotaPerSecUSec=max");
	CHECK_STR(RESOURCES(0, { 1, "pids.max", "20" }), "TasksMax=20");
	CHECK_STR(RESOURCES(0, { 1, "pids.max", "-1" }), "TasksMax=max");
	CHECK_STR(RESOURCES(0, { 1, "pids.max", "0" }), "TasksMax=1");
	CHECK_STR(RESOURCES(0, { 1, "cpuset.cpus", "0-2,9" }, { 1, "cpuset.mems", "0" }),
		  "AllowedCPUs=0702 AllowedMemoryNodes=01");
	CHECK_STR(RESOURCES(0, { 1, "cpuset.cpus", "3-1" }), "error");
	CHECK_STR(RESOURCES(0, { 1, "cpuset.cpus", "99999" }), "error");
	CHECK_STR(RESOURCES(0, { 1, "memory.memsw.limit_in_bytes", "50331648" }), "");
	CHECK_STR(RESOURCES(0, { 1, "memory.limit_in_bytes", "lots" }), "");
	CHECK_STR(RESOURCES(0, { 1, "devices.allow", "c 1:3 rwm" }, { 1, "memory.swappiness", "60" }), "");
	CHECK_STR(
		RESOURCES(0, { 2, "memory.high", "4096" }, { 2, "memory.min", "max" }, { 2, "cpu.max", "max 200000" }),
		"MemoryHigh=4096 MemoryMin=max CPUQuotaPeriodUSec=200000 CPUQuotaPerSecUSec=max");
	CHECK_STR(RESOURCES(0, { 2, "cpu.weight", "10" }, { 2, "memory.swap.max", "0" }, { 2, "pids.max", "max" }),
		  "CPUWeight=10 MemorySwapMax=0 TasksMax=max");
	CHECK_STR(RESOURCES(0, { 2, "memory.max", "lots" }), "error");
	/* The later one counts. */
	CHECK_STR(RESOURCES(0, { 1, "cpu.shares", "1024" }, { 2, "cpu.weight", "7" }), "CPUWeight=7");
	CHECK_STR(RESOURCES(251, { 1, "cpu.idle", "1" }), "");
	CHECK_STR(RESOURCES(252, { 1, "cpu.idle", "1" }, { 1, "cpu.shares", "1024" }), "CPUWeight=0");
	CHECK_STR(RESOURCES(252, { 1, "cpu.idle", "0" }), "");
	CHECK_STR(RESOURCES(252, { 2, "memory.oom.group", "1" }), "");
	CHECK_STR(RESOURCES(253, { 2, "memory.oom.group", "1" }), "OOMPolicy=kill");
}

static const char *annotation(const char *text)
{
	_cleanup_unit_props_ struct unit_props p = { 0 };
	struct err e = { 0 };
	int r = unit_annotation_prop(text, &p, &e);

	return r == 0 ? props(&p) : strstr(e.msg, "org.systemd.property.") ? "error" : "error without the key";
}

TEST(annotations_are_gvariants)
{
	CHECK_STR(annotation("TimeoutStopUSec=uint64 123456789"), "TimeoutStopUSec=123456789");
	CHECK_STR(annotation("TimeoutStopSec=3"), "TimeoutStopUSec=3000000");
	CHECK_STR(annotation("TimeoutStopSec=uint64 3"), "TimeoutStopUSec=3000000");
	CHECK_STR(annotation("TimeoutStopSec=2.5"), "TimeoutStopUSec=2500000");
	CHECK_STR(annotation("TimeoutStopSec='3s'"), "error");
	CHECK_STR(annotation("CollectMode='inactive-or-failed'"), "CollectMode=inactive-or-failed");
	CHECK_STR(annotation("CollectMode=\"in\\\\active\\\"\""), "CollectMode=in\\active\"");
	CHECK_STR(annotation("SendSIGKILL=true"), "SendSIGKILL=1");
	CHECK_STR(annotation("SendSIGKILL=@b false"), "SendSIGKILL=0");
	CHECK_STR(annotation("Priority=-5"), "Priority=-5");
	CHECK_STR(annotation("Priority=int64 -5"), "Priority=-5");
	CHECK_STR(annotation("Priority=0x10"), "Priority=16");
	CHECK_STR(annotation("Priority=1e3"), "Priority=1000");
	CHECK_STR(annotation("Wants=['a.service', \"b.service\"]"), "Wants=a.service,b.service");
	CHECK_STR(annotation("Wants=@as []"), "Wants=");
	CHECK_STR(annotation("Wants=['a.service'"), "error");
	CHECK_STR(annotation("Wants=['a' 'b']"), "error");
	CHECK_STR(annotation("Priority=uint64 -5"), "error");
	CHECK_STR(annotation("Priority=uint32 5000000000"), "error");
	CHECK_STR(annotation("Priority=5000000000"), "error");
	CHECK_STR(annotation("Priority=five"), "error");
	CHECK_STR(annotation("Priority="), "error");
	CHECK_STR(annotation("Priority"), "error");
	CHECK_STR(annotation("A=1"), "error");
	CHECK_STR(annotation("Bad Name=1"), "error");
	CHECK_STR(annotation("Name='open"), "error");
	CHECK_STR(annotation("Name='a' b"), "error");
	CHECK_STR(annotation("Name=uint64 'a'"), "error");
}
