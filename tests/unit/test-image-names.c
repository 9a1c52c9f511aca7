/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names, digests, platforms, manifests and configurations of images. */

#include "base/json.h"
#include "dialect/docker/jread.h"
#include "image/manifest.h"
#include "image/reference.h"
#include "unit/test.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define SHA   "sha256:" HEX64

static struct err err;

/* --- references ------------------------------------------------------------------------------------------------------- */

struct name {
	const char *in, *full, *familiar; /* FULL NULL: refused */
};
static const struct name names[] = {
	{ "debian", "docker.io/library/debian", "debian" },
	{ "debian:12", "docker.io/library/debian:12", "debian:12" },
	{ "library/debian", "docker.io/library/debian", "debian" },
	{ "docker.io/debian", "docker.io/library/debian", "debian" },
	{ "index.docker.io/a/b:c", "docker.io/a/b:c", "a/b:c" },
	{ "a/b", "docker.io/a/b", "a/b" },
	{ "localhost/x", "localhost/x", "localhost/x" },
	{ "localhost:5000/x:y", "localhost:5000/x:y", "localhost:5000/x:y" },
	{ "quay.io/a/b/c:v1.2_3-x", "quay.io/a/b/c:v1.2_3-x", "quay.io/a/b/c:v1.2_3-x" },
	{ "Host/x", "Host/x", "Host/x" },
	{ "[::1]:5000/x", "[::1]:5000/x", "[::1]:5000/x" },
	{ "x@" SHA, "docker.io/library/x@" SHA, "x@" SHA },
	{ "x:y@" SHA, "docker.io/library/x:y@" SHA, "x:y@" SHA },
	{ "a__b/c---d/e.f_g", "docker.io/a__b/c---d/e.f_g", "a__b/c---d/e.f_g" },
	{ "docker.io/a.b/c", "docker.io/a.b/c", "docker.io/a.b/c" },
	{ "127.0.0.1:1/a", "127.0.0.1:1/a", "127.0.0.1:1/a" },
	{ "", NULL, NULL },
	{ "-x", NULL, NULL },
	{ "x-", NULL, NULL },
	{ "a..b", NULL, NULL },
	{ "a___b", NULL, NULL },
	{ "a//b", NULL, NULL },
	{ "a/", NULL, NULL },
	{ "/a", NULL, NULL },
	{ "x:", NULL, NULL },
	{ "x:.t", NULL, NULL },
	{ "x:t/y", NULL, NULL },
	{ "x@sha256:12", NULL, NULL },
	{ "x@", NULL, NULL },
	{ "x y", NULL, NULL },
	{ "../x", NULL, NULL },
	{ "-h.de/x", NULL, NULL },
	{ "h..de/x", NULL, NULL },
	{ "h.de./x", NULL, NULL },
	{ "h.de:/x", NULL, NULL },
	{ HEX64, NULL, NULL },
};

TEST(names_become_what_docker_makes_of_them)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		_cleanup_reference_ struct reference r = { 0 };
		_cleanup_buf_ struct buf full = BUF_INIT, familiar = BUF_INIT;
		int k = reference_parse(names[i].in, &r, &err);

		if (!names[i].full) {
			if (k == 0)
				printf("# %s is taken\n", names[i].in);
			CHECK(k == -EINVAL);
			continue;
		}
		if (k < 0)
			printf("# %s: %s\n", names[i].in, err.msg);
		CHECK(k == 0);
		reference_full(&r, &full);
		reference_familiar(&r, &familiar);
		CHECK_STR(buf_str(&full), names[i].full);
		CHECK_STR(buf_str(&familiar), names[i].familiar);
	}
}

TEST(bad_names_get_dockers_words)
{
	_cleanup_reference_ struct reference r = { 0 };
	char text[600];

	CHECK(reference_parse("Debian", &r, &err) < 0);
	CHECK_STR(err.msg, "invalid reference format: repository name (library/Debian) must be lowercase");
	CHECK(reference_parse("a b", &r, &err) < 0);
	CHECK_STR(err.msg, "invalid reference format");
	memset(text, 'a', 256);
	text[256] = '\0';
	CHECK(reference_parse(text, &r, &err) < 0);
	CHECK(strstr(err.msg, "must not be more than 255"));
	memset(text, 't', sizeof(text));
	text[0] = 'x';
	text[1] = ':';
	text[2 + 128] = '\0';
	CHECK(reference_parse(text, &r, &err) == 0);
	reference_done(&r);
	text[2 + 128] = 't';
	text[3 + 128] = '\0';
	CHECK(reference_parse(text, &r, &err) == -EINVAL);
}

TEST(tags_are_put_in)
{
	_cleanup_reference_ struct reference r = { 0 };

	CHECK(reference_parse("x", &r, &err) == 0 && reference_default_tag(&r, &err) == 0);
	CHECK_STR(r.tag, "latest");
	reference_done(&r);
	CHECK(reference_parse("x@" SHA, &r, &err) == 0 && reference_default_tag(&r, &err) == 0);
	CHECK(!r.tag);
	CHECK(reference_is_id("0af") && !reference_is_id("") && !reference_is_id("0ag") && !reference_is_id(HEX64 "0"));
}

/* --- digests ---------------------------------------------------------------------------------------------------------- */

TEST(digests_by_their_grammar)
{
	static const char *const bad[] = { "",
					   "sha256",
					   "sha256:",
					   "sha256:" HEX64 "0",
					   "sha1:" HEX64,
					   "sha256:../../x",
					   "sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef",
					   "SHA256:" HEX64,
					   "sha512:" HEX64,
					   ":" HEX64,
					   "sha256:" HEX64 "\n" };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		CHECK(!digest_valid(bad[i]) && digest_check(bad[i], &err) == -EINVAL);
	CHECK(digest_valid(SHA) && digest_valid("sha512:" HEX64 HEX64));
	CHECK_STR(digest_hex(SHA), HEX64);
	CHECK(digest_check(NULL, &err) == -EINVAL);
}

TEST(digests_of_known_texts)
{
	_cleanup_(hasher_freep) struct hasher *h = NULL;
	char d[DIGEST_MAX];

	digest_of("abc", 3, d);
	CHECK_STR(d, "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	CHECK(hasher_new("sha512", &h, &err) == 0);
	hasher_add(h, "a", 1);
	hasher_add(h, "bc", 2);
	hasher_end(h, d);
	CHECK_STR(d, "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
		     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	CHECK(hasher_new("md5", &h, &err) == -EINVAL);
}

/* printf 'sha256:0…f sha256:0…f' | sha256sum */
TEST(chain_ids_of_the_specification)
{
	char d[DIGEST_MAX];

	chain_id(NULL, SHA, d);
	CHECK_STR(d, SHA);
	chain_id(SHA, SHA, d);
	CHECK_STR(d, "sha256:ccdf9b58ee7087c8f4415f1c3e98945bf64a4cd9920de109ec94d64947636830");
}

/* --- platforms -------------------------------------------------------------------------------------------------------- */

static const char *const platforms[][2] = {
	{ "linux/amd64", "linux/amd64" },
	{ "linux/x86_64", "linux/amd64" },
	{ "linux/arm64/v8", "linux/arm64" },
	{ "aarch64", "linux/arm64" },
	{ "linux/arm", "linux/arm/v7" },
	{ "linux/arm/6", "linux/arm/v6" },
	{ "armhf", "linux/arm/v7" },
	{ "riscv64", "linux/riscv64" },
	{ "windows/amd64", "windows/amd64" },
	{ "linux/a/b/c", NULL },
	{ "", NULL },
	{ "linux/", NULL },
	{ "linux/a b", NULL },
	{ "nonsense", NULL },
};

TEST(platforms_by_any_name)
{
	for (size_t i = 0; i < ARRAY_SIZE(platforms); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT;
		struct platform p = { 0 };
		int r = platform_parse(platforms[i][0], &p, &err);

		CHECK(r == (platforms[i][1] ? 0 : -EINVAL));
		if (r == 0) {
			platform_format(&p, &b);
			CHECK_STR(buf_str(&b), platforms[i][1]);
			platform_done(&p);
		}
	}
}

/* An entry for "OS/ARCH[/VARIANT]". */
static void add_entry(struct buf *b, unsigned i, const char *os, const char *arch, const char *variant)
{
	buf_printf(b,
		   "%s{\"mediaType\":\"" MT_OCI_MANIFEST "\",\"size\":%u,\"digest\":\"" SHA
		   "\",\"platform\":{\"os\":\"%s\",\"architecture\":\"%s\"%s%s%s}}",
		   i ? "," : "", i, os, arch, variant ? ",\"variant\":\"" : "", variant ?: "", variant ? "\"" : "");
}

static int64_t pick(const struct image_index *x, const char *platform)
{
	struct platform p = { 0 };
	const struct descriptor *d;

	CHECK(platform_parse(platform, &p, &err) == 0);
	d = image_index_pick(x, &p);
	platform_done(&p);
	return d ? (int64_t)d->size : -1;
}

TEST(an_index_gives_what_runs_here)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct image_index x = { 0 };

	buf_puts(&b, "{\"schemaVersion\":2,\"manifests\":[");
	add_entry(&b, 0, "unknown", "unknown", NULL);
	add_entry(&b, 1, "linux", "386", NULL);
	add_entry(&b, 2, "linux", "arm", "v5");
	add_entry(&b, 3, "linux", "arm", "v7");
	add_entry(&b, 4, "linux", "arm64", "v8");
	add_entry(&b, 5, "linux", "amd64", NULL);
	add_entry(&b, 6, "windows", "amd64", NULL);
	buf_puts(&b, "]}");
	CHECK(image_index_parse(buf_str(&b), b.len, &x, &err) == 0);
	CHECK(pick(&x, "linux/amd64") == 5 && pick(&x, "windows/amd64") == 6 && pick(&x, "linux/arm64") == 4);
	CHECK(pick(&x, "linux/arm/v6") == 2 && pick(&x, "linux/arm/v8") == 3 && pick(&x, "linux/s390x") == -1);
	CHECK(pick(&x, "linux/386") == 1 && pick(&x, "linux/amd64/v3") == 5);
	image_index_done(&x);
}

/* --- manifests -------------------------------------------------------------------------------------------------------- */

#define CONFIG "\"config\":{\"mediaType\":\"" MT_OCI_CONFIG "\",\"digest\":\"" SHA "\",\"size\":2}"
#define LAYER  "{\"mediaType\":\"" MT_OCI_LAYER_GZ "\",\"digest\":\"" SHA "\",\"size\":3}"

TEST(manifests_come_back_as_they_were)
{
	static const char text[] = "{\"schemaVersion\":2,\"mediaType\":\"" MT_OCI_MANIFEST "\"," CONFIG
				   ",\"layers\":[" LAYER "," LAYER "],\"annotations\":{\"a\":\"b=c\"}}";
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_buf_ struct buf b = BUF_INIT;

	CHECK(manifest_parse(text, strlen(text), NULL, &m, &err) == 0);
	CHECK(m.n_layers == 2 && m.layers[1].size == 3 && m.config.size == 2);
	CHECK(manifest_write(&m, &b, &err) == 0);
	CHECK_STR(buf_str(&b), text);
}

TEST(bad_manifests_are_refused)
{
	static const char *const bad[] = {
		"",
		"[]",
		"null",
		"{",
		"{}",
		"{\"schemaVersion\":2}",
		"{\"schemaVersion\":1," CONFIG ",\"layers\":[]}",
		/* CVE-2021-41190: a manifest and an index at once */
		"{\"schemaVersion\":2," CONFIG ",\"layers\":[],\"manifests\":[]}",
		"{\"schemaVersion\":2,\"manifests\":[]}",
		"{\"schemaVersion\":2,\"mediaType\":\"" MT_OCI_INDEX "\"," CONFIG ",\"layers\":[]}",
		"{\"schemaVersion\":2," CONFIG ",\"layers\":[" LAYER "]} {}",
		"{\"schemaVersion\":2," CONFIG ",\"layers\":{}}",
		"{\"schemaVersion\":2," CONFIG ",\"layers\":[null]}",
		"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"size\":-1,\"digest\":\"" SHA "\"}]}",
		"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"size\":1,\"digest\":\"sha256:../../../etc/x\"}]}",
		"{\"schemaVersion\":2," CONFIG ",\"layers\":[{\"size\":1,\"digest\":\"" SHA
		"\",\"mediaType\":\"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip\"}]}",
		"{\"schemaVersion\":2," CONFIG ",\"fsLayers\":[],\"layers\":[]}",
	};
	struct manifest m = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		err_clear(&err);
		if (manifest_parse(bad[i], strlen(bad[i]), NULL, &m, &err) == 0)
			printf("# taken: %s\n", bad[i]);
		CHECK(err.code < 0 && err.msg[0]);
	}
	CHECK(manifest_parse("{\"schemaVersion\":2," CONFIG "}", 20, NULL, &m, &err) < 0);
}

TEST(too_many_layers_and_levels)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct manifest m = { 0 };

	buf_puts(&b, "{\"schemaVersion\":2," CONFIG ",\"layers\":[");
	for (unsigned i = 0; i <= MANIFEST_LAYERS; i++)
		buf_puts(&b, i ? "," LAYER : LAYER);
	buf_puts(&b, "]}");
	CHECK(manifest_parse(buf_str(&b), b.len, NULL, &m, &err) == -E2BIG);
	buf_reset(&b);
	for (unsigned i = 0; i < 100000; i++)
		buf_putc(&b, '[');
	CHECK(manifest_parse(buf_str(&b), b.len, NULL, &m, &err) < 0);
}

/* --- configurations --------------------------------------------------------------------------------------------------- */

static const char full[] =
	"{\"architecture\":\"amd64\",\"author\":\"me\",\"created\":\"2024-01-01T00:00:00Z\",\"os\":\"linux\","
	"\"config\":{"
	"\"User\":\"1:2\",\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{}},\"Env\":[\"PATH=/bin\",\"A=b=c\"],\"Cmd\":[],"
	"\"Healthcheck\":{\"Test\":[\"CMD\",\"x\"],\"Interval\":5,\"Retries\":3},\"ArgsEscaped\":true,"
	"\"Volumes\":{\"/data\":{}},\"WorkingDir\":\"/w\",\"Entrypoint\":[\"/e\",\"-x\"],\"OnBuild\":[\"RUN y\"],"
	"\"Labels\":{\"a\":\"1\",\"a.b\":\"x=y\"},\"StopSignal\":\"SIGINT\",\"Shell\":[\"/bin/sh\"]},"
	"\"history\":[{\"created\":\"2024-01-01T00:00:00Z\",\"created_by\":\"x\",\"comment\":\"c\",\"empty_layer\":"
	"true}],"
	"\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" SHA "\"]}}";

TEST(configurations_come_back_as_they_were)
{
	_cleanup_image_config_ struct image_config c;
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct container_config copy;

	image_config_init(&c);
	CHECK(image_config_parse(full, strlen(full), &c, &err) == 0);
	CHECK(c.config.cmd_set && !c.config.cmd.n && c.config.entrypoint_set && c.config.health.retries == 3);
	CHECK(container_config_copy(&copy, &c.config, &err) == 0);
	container_config_done(&c.config);
	c.config = copy;
	CHECK(image_config_write(&c, &b, &err) == 0);
	CHECK_STR(buf_str(&b), full);
}

TEST(configurations_with_wrong_types)
{
	static const char *const bad[] = { "[]",
					   "{\"config\":[]}",
					   "{\"config\":{\"Env\":{}}}",
					   "{\"config\":{\"Env\":[1]}}",
					   "{\"config\":{\"Labels\":[]}}",
					   "{\"config\":{\"Tty\":\"yes\"}}",
					   "{\"rootfs\":{\"diff_ids\":[\"x\"]}}",
					   "{\"rootfs\":{\"type\":\"x\"}}",
					   "{\"history\":{}}",
					   "{\"config\":{\"User\":\"a\\u0000b\"}}" };
	struct image_config c;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (image_config_parse(bad[i], strlen(bad[i]), &c, &err) == 0)
			printf("# taken: %s\n", bad[i]);
		CHECK(image_config_parse(bad[i], strlen(bad[i]), &c, &err) < 0);
	}
}

/* As `docker inspect` shows it. */
TEST(the_engine_api_shows_empty_members)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct container_config c;
	struct json j;

	container_config_init(&c);
	json_init(&j, &b, false);
	container_config_write(&c, &j, true);
	CHECK_STR(
		buf_str(&b),
		"{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,\"AttachStdout\":false,"
		"\"AttachStderr\":false,\"Tty\":false,\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":[],\"Cmd\":null,"
		"\"Image\":\"\",\"Volumes\":null,\"WorkingDir\":\"\",\"Entrypoint\":null,\"OnBuild\":null,\"Labels\":{}"
		"}");
}
