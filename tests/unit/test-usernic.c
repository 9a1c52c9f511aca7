/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit/test.h"
#include "usernic/quota.h"

static bool in_group(void *arg, const char *group)
{
	return streq(group, arg);
}

TEST(quotas)
{
	static const char text[] =
		"# alice veth br0 9\n"
		"alice veth br0 2\n"
		"  alice\tveth   br1 5   \n"
		"alice macvlan br0 7\n"
		"alice veth br0\n"
		"alice veth br0 1 1\n"
		"alice veth br0 -1\n"
		"alice veth br0 4294967296\n"
		"alicex veth br0 3\n"
		"@staff veth br0 4\n"
		"@other veth br0 8\n"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa veth br0 1\n"
		"bob veth br0 0\n"
		"@staff veth br0 1";
	struct quota q[QUOTAS_MAX];

	CHECK(quota_find(text, "alice", in_group, (char[]){ "staff" }, "veth", "br0", q) == 3);
	CHECK_STR(q[0].owner, "alice");
	CHECK(q[0].allowed == 2 && q[1].allowed == 4 && q[2].allowed == 1);
	CHECK_STR(q[1].owner, "@staff");
	CHECK(quota_find(text, "alice", in_group, (char[]){ "none" }, "veth", "br1", q) == 1 && q[0].allowed == 5);
	CHECK(quota_find(text, "@staff", in_group, (char[]){ "none" }, "veth", "br0", q) == 0);
	/* Nothing of his own is nothing at all. */
	CHECK(quota_find(text, "bob", in_group, (char[]){ "staff" }, "veth", "br0", q) == 0);
	CHECK(quota_find(text, "carol", in_group, (char[]){ "staff" }, "veth", "br0", q) == 2);
	CHECK(quota_find("", "alice", in_group, (char[]){ "" }, "veth", "br0", q) == 0);
}

TEST(more_quotas_than_there_is_room_for)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct quota q[QUOTAS_MAX];

	for (int i = 0; i < QUOTAS_MAX + 9; i++)
		buf_printf(&text, "alice veth br0 %d\n", i + 1);
	CHECK(quota_find(buf_str(&text), "alice", in_group, (char[]){ "" }, "veth", "br0", q) == QUOTAS_MAX);
	CHECK(q[QUOTAS_MAX - 1].allowed == QUOTAS_MAX);
}

static bool not_b(const struct nic_entry *n, void *arg)
{
	return !streq(n->nic, "vethb");
}

TEST(data_base)
{
	static const char db[] = "alice veth br0 vetha 1000\n"
				 "garbage\n"
				 "@staff veth br0 vethb 1000\n"
				 "alice veth br0 ../../x 1000\n"
				 "alice veth br0 vethlongerthanfifteen 1000\n"
				 "@staff veth br0 vethc 1001\n"
				 "alice veth br1 vethd 1000";
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct nic_entry n;

	CHECK(nic_count(db, "alice", "veth", "br0") == 1);
	CHECK(nic_count(db, "@staff", "veth", "br0") == 2);
	CHECK(nic_find(db, 1000, "veth", "br0", "vethb", &n));
	CHECK_STR(n.owner, "@staff");
	/* Another's, though of the same quota; another bridge; another type; the beginning of a name. */
	CHECK(!nic_find(db, 1000, "veth", "br0", "vethc", &n));
	CHECK(!nic_find(db, 1000, "veth", "br0", "vethd", &n));
	CHECK(!nic_find(db, 1000, "ovs", "br0", "vethb", &n));
	CHECK(!nic_find(db, 1000, "veth", "br0", "veth", &n));
	nic_filter(db, not_b, NULL, &out);
	CHECK_STR(buf_str(&out), "alice veth br0 vetha 1000\n@staff veth br0 vethc 1001\nalice veth br1 vethd 1000\n");
}

TEST(interface_names)
{
	static const char *const bad[] = { "", ".", "..", "-x", "a/b", "a b", "a\nb", "sixteen-letters-", "\xc3\xa4" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(!nic_name_ok(bad[i]));
	CHECK(nic_name_ok("eth0") && nic_name_ok("br-1.2_3:4") && nic_name_ok("fifteen-letters"));
}
