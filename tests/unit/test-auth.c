/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/auth.h"

#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/file.h"
#include "test.h"

TEST(base64_both_ways)
{
	for (size_t len = 0; len < 70; len++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		_cleanup_free_ char *back = NULL;
		unsigned char data[70];
		size_t n;

		for (size_t i = 0; i < len; i++)
			data[i] = (unsigned char)(i * 89 + len * 31);
		base64_encode(data, len, len & 1, &b);
		CHECK(b.len == (len + 2) / 3 * 4);
		CHECK(base64_decode(buf_str(&b), b.len, &back, &n) == 0);
		CHECK(n == len && memcmp(back, data, len) == 0);
	}
}

TEST(base64_refuses)
{
	static const char *const bad[] = { "a", "ab=c", "a b=", "ab\n=", "====", "abcde", "*" };
	_cleanup_free_ char *s = NULL;
	size_t n;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(base64_decode(bad[i], strlen(bad[i]), &s, &n) == -EINVAL);
	CHECK(base64_decode("YWI", 3, &s, &n) == 0 && n == 2);
	CHECK_STR(s, "ab");
}

static void one(const char *text, const char *scheme, const char *realm, const char *service, const char *scope)
{
	struct challenge *c = NULL;
	struct err e = { 0 };
	size_t n = 0;

	CHECK(challenges_parse(text, &c, &n, &e) == 0);
	CHECK(n >= 1);
	CHECK_STR(c[n - 1].scheme, scheme);
	CHECK(streq_ptr(c[n - 1].realm, realm) && streq_ptr(c[n - 1].service, service) &&
	      streq_ptr(c[n - 1].scope, scope));
	challenges_free(c, n);
}

TEST(challenges)
{
	one("Basic realm=\"a\"", "basic", "a", NULL, NULL);
	one("Bearer realm=\"https://a/t\",service=\"s\",scope=\"repository:a/b:pull,push\"", "bearer", "https://a/t",
	    "s", "repository:a/b:pull,push");
	one("BEARER  Realm = https://a/t?x=y , SERVICE=s", "bearer", "https://a/t?x=y", "s", NULL);
	one("Negotiate, Digest abc==, Basic realm=\"x \\\" y, z\"", "basic", "x \" y, z", NULL, NULL);
	one("Basic realm=a, error=\"e\", Bearer realm=b", "bearer", "b", NULL, NULL);
	one(", ,Basic", "basic", NULL, NULL, NULL);
	one("Bearer realm=\"\"", "bearer", "", NULL, NULL);
}

TEST(challenges_that_are_none)
{
	static const char *const bad[] = { "",
					   " , ",
					   "=a",
					   "Bearer realm=\"a",
					   "Bearer realm=\"a\" service=b",
					   "Bearer@x",
					   "Bearer realm=\"a\x01\"",
					   "\"a\"" };
	struct challenge *c = NULL;
	char many[256] = "";
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = { 0 };

		if (challenges_parse(bad[i], &c, &n, &e) != -EINVAL)
			printf("# accepted: %s\n", bad[i]);
		CHECK(!c && e.kind == ERR_INVALID);
	}
	for (size_t i = 0; i < 20; i++)
		memcpy(many + i * 6, "Basic,", 6);
	CHECK(challenges_parse(many, &c, &n, NULL) == -E2BIG);
}

TEST(names_of_servers)
{
	static const char *const rows[][2] = {
		{ NULL, DOCKER_HUB_SERVER },
		{ "", DOCKER_HUB_SERVER },
		{ "docker.io", DOCKER_HUB_SERVER },
		{ "https://index.docker.io/v1/", DOCKER_HUB_SERVER },
		{ "registry-1.docker.io", DOCKER_HUB_SERVER },
		{ "https://a.b:5000/v2/", "a.b:5000" },
		{ "localhost:5000", "localhost:5000" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		_cleanup_free_ char *s = auth_server_name(rows[i][0]);

		CHECK_STR(s, rows[i][1]);
	}
}

static const char *const config =
	"{\"auths\":{\"https://index.docker.io/v1/\":{\"auth\":\"aHVtYTpwYXNzOndvcmQ=\"},"
	"\"http://old.example/v1/\":{\"auth\":\"YTpi\"},\"plain\":{\"username\":\"u\",\"password\":\"p\"},"
	"\"token\":{\"auth\":\"PHRva2VuPjo=\",\"identitytoken\":\"IDT\"},\"bad\":{\"auth\":\"??\"},\"empty\":{}},"
	"\"HttpHeaders\":{\"X\":\"a/b\"},\"big\":12345678901234567890,\"pi\":3.14159265358979323846,\"n\":null}";

static int get(const char *server, struct credential *c, struct err *e)
{
	return auth_text_get(config, strlen(config), server, c, e);
}

TEST(credentials_of_a_text)
{
	struct credential c = { 0 };
	struct err e = { 0 };

	CHECK(get("docker.io", &c, &e) == 1);
	CHECK_STR(c.user, "huma");
	CHECK_STR(c.secret, "pass:word");
	credential_done(&c);
	CHECK(get("old.example", &c, &e) == 1);
	CHECK_STR(c.user, "a");
	credential_done(&c);
	CHECK(get("plain", &c, &e) == 1);
	CHECK_STR(c.secret, "p");
	credential_done(&c);
	CHECK(get("token", &c, &e) == 1);
	CHECK_STR(c.identity_token, "IDT");
	credential_done(&c);
	CHECK(get("empty", &c, &e) == 0 && get("none", &c, &e) == 0);
	CHECK(get("bad", &c, &e) == -EINVAL);
	CHECK(strstr(e.msg, "'bad'"));
	CHECK(auth_text_get("[]", 2, "a", &c, &e) == -EINVAL);
	CHECK(auth_text_get("{} {}", 5, "a", &c, &e) == -EINVAL);
	CHECK(auth_text_get("{", 1, "a", &c, &e) == -EINVAL);
}

TEST(a_change_keeps_what_it_does_not_know)
{
	struct credential c = { .user = (char *)(uintptr_t) "n", .secret = (char *)(uintptr_t) "w" };
	_cleanup_buf_ struct buf out = BUF_INIT, gone = BUF_INIT;
	_cleanup_credential_ struct credential back = { 0 };
	static const char *const kept[] = { "\"HttpHeaders\"",	      "a/b",	     "12345678901234567890",
					    "3.14159265358979323846", "\"n\": null", "aHVtYTpwYXNzOndvcmQ=" };
	struct err e = { 0 };

	CHECK(auth_text_change(config, strlen(config), "https://new.example/x", &c, &out, &e) == 0);
	CHECK(auth_text_get(buf_str(&out), out.len, "new.example", &back, &e) == 1);
	CHECK_STR(back.secret, "w");
	CHECK(auth_text_change(buf_str(&out), out.len, "new.example", NULL, &gone, &e) == 0);
	CHECK(!strstr(buf_str(&gone), "new.example"));
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
		if (!strstr(buf_str(&out), kept[i]) || !strstr(buf_str(&gone), kept[i]))
			printf("# lost: %s in %s\n", kept[i], buf_str(&gone));
		CHECK(strstr(buf_str(&out), kept[i]) && strstr(buf_str(&gone), kept[i]));
	}
}

static void scratch(char dir[static 64])
{
	snprintf(dir, 64, "/tmp/creel-auth.XXXXXX");
	CHECK(mkdtemp(dir));
}

TEST(the_file_is_private_and_links_stay)
{
	struct credential c = { .user = (char *)(uintptr_t) "u", .secret = (char *)(uintptr_t) "p" };
	_cleanup_credential_ struct credential back = { 0 };
	_cleanup_free_ char *where = NULL;
	char dir[64], file[128], link[128], real[128];
	struct err e = { 0 };
	struct stat st;

	scratch(dir);
	snprintf(link, sizeof(link), "%s/deep/er", dir);
	snprintf(file, sizeof(file), "%s/deep/er/config.json", dir);
	snprintf(real, sizeof(real), "%s/real.json", dir);
	CHECK(auth_get(link, "a.b", &back, &e) == 0);
	CHECK(auth_store(link, "a.b", &c, &where, &e) == 0);
	CHECK_STR(where, file);
	CHECK(stat(file, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(rename(file, real) == 0 && symlink(real, file) == 0 && chmod(real, 0644) == 0);
	CHECK(auth_store(link, "c.d", &c, NULL, &e) == 0);
	CHECK(lstat(file, &st) == 0 && S_ISLNK(st.st_mode));
	CHECK(stat(real, &st) == 0 && (st.st_mode & 07777) == 0600);
	CHECK(auth_get(link, "a.b", &back, &e) == 1);
	CHECK(auth_erase(link, "a.b", &e) == 1 && auth_erase(link, "a.b", &e) == 0);
	credential_done(&back);
	CHECK(auth_get(link, "a.b", &back, &e) == 0 && auth_get(link, "c.d", &back, &e) == 1);
	CHECK(tree_remove(AT_FDCWD, dir, &e) == 0);
}

static const char *const helper =
	"#!/bin/sh\n"
	"d=${0%/*}; echo \"$1\" >>$d/calls; echo noise >&2\n"
	"case $1 in\n"
	"store) cat >$d/kept ;;\n"
	"get) read -r s; [ -e $d/kept ] || { echo credentials not found in native keychain; exit 1; }\n"
	"  [ \"$s\" != broken ] || { echo it is broken; exit 3; }; cat $d/kept ;;\n"
	"erase) rm -f $d/kept ;;\n"
	"esac\n";

TEST(helpers)
{
	struct credential c = { .user = (char *)(uintptr_t) "u", .secret = (char *)(uintptr_t) "p\"q" };
	struct credential token = { .user = (char *)(uintptr_t) "u", .identity_token = (char *)(uintptr_t) "T" };
	_cleanup_credential_ struct credential back = { 0 };
	_cleanup_free_ char *where = NULL, *text = NULL, *path = strdup(getenv("PATH"));
	char dir[64], file[128], both[1024];
	struct err e = { 0 };

	scratch(dir);
	snprintf(file, sizeof(file), "%s/docker-credential-ours", dir);
	CHECK(file_replace(AT_FDCWD, file, helper, strlen(helper), 0755, false, &e) == 0);
	snprintf(both, sizeof(both), "%s:%s", dir, path);
	CHECK(setenv("PATH", both, 1) == 0);
	snprintf(file, sizeof(file), "%s/config.json", dir);
	CHECK(file_replace(AT_FDCWD, file,
			   "{\"credHelpers\":{\"a.b\":\"ours\",\"no.no\":\"missing\",\"evil\":\"../x\"}}", 62, 0600,
			   false, &e) == 0);
	CHECK(auth_get(dir, "a.b", &back, &e) == 0);
	CHECK(auth_store(dir, "a.b", &c, &where, &e) == 0 && !where);
	CHECK(auth_get(dir, "a.b", &back, &e) == 1);
	CHECK_STR(back.secret, "p\"q");
	credential_done(&back);
	CHECK(file_read(AT_FDCWD, file, 4096, &text, NULL, &e) == 0 && !strstr(text, "\"auth\"") &&
	      strstr(text, "\"a.b\""));
	CHECK(auth_store(dir, "a.b", &token, NULL, &e) == 0);
	CHECK(auth_get(dir, "a.b", &back, &e) == 1);
	CHECK_STR(back.identity_token, "T");
	credential_done(&back);
	CHECK(auth_erase(dir, "a.b", &e) == 1);
	CHECK(auth_get(dir, "a.b", &back, &e) == 0);
	CHECK(auth_get(dir, "no.no", &back, &e) == -ENOENT && e.kind == ERR_MISSING);
	CHECK(auth_get(dir, "evil", &back, &e) == -EINVAL);
	CHECK(setenv("PATH", path, 1) == 0);
	CHECK(tree_remove(AT_FDCWD, dir, &e) == 0);
}

TEST(header_of_the_engine_api)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_credential_ struct credential c = { 0 };
	const char *json = "{\"username\":\"u?>\",\"password\":\"p\",\"serveraddress\":\"x\"}";
	struct err e = { 0 };

	base64_encode(json, strlen(json), true, &b);
	CHECK(auth_header_decode(buf_str(&b), &c, &e) == 0);
	CHECK_STR(c.user, "u?>");
	credential_done(&c);
	CHECK(auth_header_decode("e30=", &c, &e) == 0 && credential_is_empty(&c));
	CHECK(auth_header_decode("!", &c, &e) == -EINVAL);
	CHECK(auth_header_decode("YQ==", &c, &e) == -EINVAL);
}
