/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/passwd.h"
#include "unit/test.h"

static const char users[] = "# comment\n"
			    "root:x:0:0:root:/root:/bin/bash\n"
			    "+nis\n"
			    "\n"
			    "1:x:1001:1002:a name of digits:/home/1:/bin/zsh\n"
			    "alice:x:1000:1000::/home/alice:/usr/bin/fish\n"
			    "alice:x:0:0:a second one::\n"
			    "toor:x:-1:0::/:/bin/sh\n"
			    "big:x:4294967295:0::/:/bin/sh\n"
			    "bigger:x:4294967296:4294967296::/:/bin/sh\n"
			    "blank:x: 5:5::/:/bin/sh\n"
			    "hex:x:0x5:5::/:/bin/sh\n"
			    "short:x:7\n"
			    "bare:x:8:9\n"
			    "rel:x:10:10::home:sh\n"
			    "colon:x:11:11:g:/h:/bin/a:b\n"
			    "max:x:4294967294:4294967294::/m:/bin/sh";
static const char groups[] = "root:x:0:\n"
			     "alice:x:1000:\n"
			     "adm:x:4:syslog,alice\n"
			     "2:x:77:\n"
			     "near:x:5:alicex,xalice,alic\n"
			     "twice:x:4:alice\n"
			     "own:x:1000:alice\n"
			     "bad:x:-4:alice\n"
			     "video:x:44:alice";

static int find(const char *spec, struct passwd_user *u, struct err *e)
{
	return passwd_find_text(users, strlen(users), groups, strlen(groups), spec, u, e);
}

TEST(names_and_their_groups)
{
	struct passwd_user u;

	CHECK(find("alice", &u, NULL) == 0 && u.uid == 1000 && u.gid == 1000);
	CHECK_STR(u.home, "/home/alice");
	CHECK_STR(u.shell, "/usr/bin/fish");
	CHECK(u.n_groups == 3 && u.groups[0] == 1000 && u.groups[1] == 4 && u.groups[2] == 44);
	CHECK(find("alice:adm", &u, NULL) == 0 && u.gid == 4 && u.n_groups == 1 && u.groups[0] == 4);
	CHECK(find(":adm", &u, NULL) == 0 && u.uid == 0 && u.gid == 4 && u.n_groups == 1);
	CHECK(find("alice:9", &u, NULL) == 0 && u.uid == 1000 && u.gid == 9);
	CHECK(find(NULL, &u, NULL) == 0 && u.uid == 0);
	CHECK_STR(u.name, "root");
	CHECK_STR(u.shell, "/bin/bash");
}

/* CVE-2016-3697, CVE-2024-40635, CVE-2026-30892: digits are that number, in every form. */
TEST(digits_are_numbers)
{
	static const uint32_t ids[] = { 0, 1, 2, 8, 65534, 65536, 2147483647, 2147483648, 4294967294 };
	struct passwd_user u;
	char spec[64];

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		snprintf(spec, sizeof(spec), "%u", ids[i]);
		CHECK(find(spec, &u, NULL) == 0 && u.uid == ids[i]);
		for (size_t k = 0; k < ARRAY_SIZE(ids); k++) {
			snprintf(spec, sizeof(spec), "%u:%u", ids[i], ids[k]);
			CHECK(find(spec, &u, NULL) == 0 && u.uid == ids[i] && u.gid == ids[k]);
			CHECK(u.n_groups == 1 && u.groups[0] == ids[k]);
			snprintf(spec, sizeof(spec), "alice:%u", ids[k]);
			CHECK(find(spec, &u, NULL) == 0 && u.uid == 1000 && u.gid == ids[k]);
		}
	}
	CHECK(find("1", &u, NULL) == 0 && u.uid == 1 && u.gid == 0);
	CHECK_STR(u.name, "");
	CHECK(find("0:2", &u, NULL) == 0 && u.gid == 2);
	CHECK(find("1000", &u, NULL) == 0 && u.gid == 1000 && u.n_groups == 3);
	CHECK_STR(u.name, "alice");
}

TEST(refused_and_untouched)
{
	static const struct {
		const char *spec;
		int r;
	} bad[] = {
		{ "nobody", -ENOENT },
		{ "alice:none", -ENOENT },
		{ "4294967295", -ERANGE },
		{ "4294967296", -ERANGE },
		{ "18446744073709551616", -ERANGE },
		{ "0:4294967295", -ERANGE },
		{ "99999999999999999999999999", -ERANGE },
		{ "alice:", -EINVAL },
		{ "a:b:c", -EINVAL },
		{ "-1", -ENOENT },
		{ "+1", -ENOENT },
		{ " 1", -ENOENT },
		{ "1 ", -ENOENT },
		{ "0x1", -ENOENT },
		{ "toor", -ENOENT },
		{ "big", -ENOENT },
		{ "bigger", -ENOENT },
		{ "blank", -ENOENT },
		{ "hex", -ENOENT },
		{ "short", -ENOENT },
		{ "# comment", -ENOENT },
		{ "+nis", -ENOENT },
		{ "root\n", -ENOENT },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct passwd_user u = { .uid = 4711 };
		struct err e = { 0 };
		int r = find(bad[i].spec, &u, &e);

		if (r != bad[i].r)
			printf("# '%s': %d\n", bad[i].spec, r);
		CHECK(r == bad[i].r && u.uid == 4711 && e.msg[0]);
	}
}

TEST(poor_lines)
{
	struct passwd_user u;

	CHECK(find("bare", &u, NULL) == 0 && u.uid == 8 && u.gid == 9);
	CHECK_STR(u.home, "/");
	CHECK_STR(u.shell, "/bin/sh");
	CHECK(find("rel", &u, NULL) == 0);
	CHECK_STR(u.home, "/");
	CHECK_STR(u.shell, "/bin/sh");
	CHECK(find("colon", &u, NULL) == 0);
	CHECK_STR(u.shell, "/bin/a:b");
	CHECK(find("max", &u, NULL) == 0 && u.uid == 4294967294);
}

TEST(bounds)
{
	_cleanup_free_ char *text = malloc(100000), *many = malloc(100000);
	struct passwd_user u;
	struct err e = { 0 };
	size_t n = 0;

	/* A home that does not fit, a name that does not, and a NUL in a line. */
	n = (size_t)sprintf(text, "long:x:1:1::/");
	memset(text + n, 'h', 5000);
	n += 5000;
	n += (size_t)sprintf(text + n, ":/bin/sh\n");
	memset(text + n, 'n', 256);
	n += 256;
	n += (size_t)sprintf(text + n, ":x:2:2::/:/bin/sh\n");
	memcpy(text + n, "nul\0:x:0:0::/:/bin/sh\nok:x:3:3\n", 32);
	n += 32;
	CHECK(passwd_find_text(text, n, "", 0, "long", &u, &e) == 0);
	CHECK_STR(u.home, "/");
	CHECK_STR(u.shell, "/bin/sh");
	CHECK(passwd_find_text(text, n, "", 0, "2", &u, &e) == 0 && !u.name[0]);
	CHECK(passwd_find_text(text, n, "", 0, "nul", &u, &e) == -ENOENT);
	CHECK(passwd_find_text(text, n, "", 0, "ok", &u, &e) == 0 && u.uid == 3);
	n = 0;
	for (unsigned i = 0; i < PASSWD_GROUPS_MAX - 1; i++)
		n += (size_t)sprintf(many + n, "g%u:x:%u:ok\n", i, 1000 + i);
	CHECK(passwd_find_text("ok:x:3:3", 8, many, n, "ok", &u, &e) == 0 && u.n_groups == PASSWD_GROUPS_MAX);
	n += (size_t)sprintf(many + n, "more:x:1:ok\n");
	CHECK(passwd_find_text("ok:x:3:3", 8, many, n, "ok", &u, &e) == -E2BIG && e.kind == ERR_LIMIT);
}

TEST(from_a_root)
{
	char top[] = "/tmp/creel-sys-passwd-XXXXXX";
	_cleanup_close_ int root = -EBADF;
	struct passwd_user u;
	struct err e = { 0 };
	FILE *f;

	CHECK(mkdtemp(top));
	root = open(top, O_PATH | O_DIRECTORY | O_CLOEXEC);
	/* No files: numbers work, names do not. */
	CHECK(passwd_find(root, "5:6", &u, &e) == 0 && u.uid == 5 && u.gid == 6);
	CHECK(passwd_find(root, "root", &u, &e) == -ENOENT && strstr(e.msg, "no user 'root'"));
	CHECK(mkdirat(root, "etc", 0755) == 0);
	/* The host's file through a link is the container's own, which it has not. */
	CHECK(symlinkat("/../../../../etc/passwd", root, "etc/passwd") == 0);
	CHECK(passwd_find(root, "root", &u, &e) < 0);
	CHECK(unlinkat(root, "etc/passwd", 0) == 0 && mkfifoat(root, "etc/passwd", 0644) == 0);
	CHECK(passwd_find(root, "0", &u, &e) == -EPERM);
	CHECK(unlinkat(root, "etc/passwd", 0) == 0);
	f = fdopen(openat(root, "etc/passwd", O_WRONLY | O_CREAT, 0644), "w");
	CHECK(f && fputs(users, f) >= 0 && fclose(f) == 0);
	CHECK(passwd_find(root, "alice", &u, &e) == 0 && u.uid == 1000 && u.n_groups == 1);
	CHECK(truncate(strcat(strcpy((char[64]){ 0 }, top), "/etc/passwd"), PASSWD_FILE_MAX + 1) == 0);
	CHECK(passwd_find(root, "alice", &u, &e) == -E2BIG);
	CHECK(tree_remove(AT_FDCWD, top, &e) == 0);
}
