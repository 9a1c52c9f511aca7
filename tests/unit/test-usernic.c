/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "unit/test.h"
#include "usernic/usernic.h"

static bool in_crew(void *arg, const char *group)
{
	return streq(group, "crew");
}

TEST(allowances)
{
	static const char text[] = "# alice veth br0 9\n"
				   " alice\tveth br0  2 \r\n"
				   "alice veth br1 3\n"
				   "@crew veth br0 4\n"
				   "@others veth br0 5\n"
				   "@ veth br0 6\n"
				   "bob veth br0 7\n"
				   "alice phys br0 8\n"
				   "alice veth br0 -1\n"
				   "alice veth br0 1x\n"
				   "alice veth br0 99999999999\n"
				   "alice veth br0\n"
				   "alice veth br0 1 2\n"
				   "alice veth br0 1";
	struct allot a[USERNIC_ALLOT_MAX];
	size_t n = allot_find(text, "alice", in_crew, NULL, "veth", "br0", a);

	CHECK(n == 3);
	CHECK_STR(a[0].who, "alice");
	CHECK(a[0].n == 2);
	CHECK_STR(a[1].who, "@crew");
	CHECK(a[1].n == 4);
	CHECK(a[2].n == 1);
	/* A user who is called like a group is none. */
	CHECK(allot_find(text, "@others", in_crew, NULL, "veth", "br0", a) == 1);
	CHECK_STR(a[0].who, "@crew");
	/* None by name is none at all. */
	CHECK(allot_find("@crew veth br0 4\nalice veth br0 0\n", "alice", in_crew, NULL, "veth", "br0", a) == 0);
	CHECK(allot_find("", "alice", in_crew, NULL, "veth", "br0", a) == 0);
}

TEST(database)
{
	static const char text[] = "alice veth br0 veth1_aaaa\n"
				   "@crew veth br0 veth1_bbbb alice fe:00:00:00:00:01\n"
				   "alice veth br0 veth1_cccc alice not-a-mac\n"
				   "alice veth br0 sixteencharacter alice fe:00:00:00:00:01\n"
				   "alice veth br0 five words\n"
				   "\n";
	struct allot a[] = { { "alice", 1 }, { "@crew", 2 } };
	_cleanup_buf_ struct buf out = BUF_INIT;
	const char *pos = text;
	struct nic n;

	CHECK(nic_next(&pos, &n) && !n.has_mac && nic_is(&n, "alice", "veth", "br0", "veth1_aaaa"));
	nic_print(&n, &out);
	CHECK(nic_next(&pos, &n) && n.has_mac && n.mac[5] == 1 && nic_is(&n, "alice", "veth", "br0", "veth1_bbbb"));
	CHECK(!nic_is(&n, "@crew", "veth", "br0", "veth1_bbbb") && !nic_is(&n, "bob", "veth", "br0", "veth1_bbbb"));
	nic_print(&n, &out);
	CHECK(!nic_next(&pos, &n));
	CHECK(strncmp(buf_str(&out), text, out.len) == 0);

	CHECK(allot_pick(a, 2, "", "veth", "br0") == 0);
	CHECK(allot_pick(a, 2, text, "veth", "br0") == 1);
	CHECK(allot_pick(a, 2, text, "veth", "br1") == 0);
	a[1].n = 1;
	CHECK(allot_pick(a, 2, text, "veth", "br0") == -1);
}

TEST(names)
{
	static const char *const bad[] = { "",	    "-x",      ".", "..", "a b", "a/b", "a\nb", "0123456789abcdef",
					   "eth%d", "\xc3\xa4" };

	CHECK(nic_name_ok("br-lan.5:1") && nic_name_ok("0123456789abcde"));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(!nic_name_ok(bad[i]));
}

TEST(long_lines_say_nothing)
{
	struct allot a[USERNIC_ALLOT_MAX];
	char text[2048];

	/* What would be left of the line when it was cut is a good one. */
	memset(text, ' ', sizeof(text));
	memcpy(text, "alice veth br0 1", 16);
	text[1000] = '0';
	text[1001] = '\n';
	memcpy(text + 1002, "alice veth br0 5", 17);
	CHECK(allot_find(text, "alice", in_crew, NULL, "veth", "br0", a) == 1);
	CHECK(a[0].n == 5);
}
