/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Images: names, ids, who uses them, removing as Docker does; several processes at once, and killed at any moment. */

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/images-inner.h"
#include "image/pack.h"
#include "sys/proc.h"
#include "unit/test.h"

static char top[] = "/var/tmp/creel-images-XXXXXX";
static struct err err;

static void remove_all(void)
{
	if (tree_remove(AT_FDCWD, top, &err) < 0)
		printf("# %s\n", err.msg);
}

static struct images *open_store(void)
{
	_cleanup_free_ char *dir = path_join(top, "t");
	struct images *s = NULL;

	if (images_open(dir, "copy", &s, &err) < 0)
		printf("# %s\n", err.msg);
	CHECK(s);
	return s;
}

static struct images *setup(void)
{
	static bool made;

	umask(022);
	if (!made && (!mkdtemp(top) || atexit(remove_all) != 0))
		abort();
	made = true;
	if (chdir(top) < 0 || tree_remove(AT_FDCWD, "t", &err) < 0)
		abort();
	err = (struct err){ 0 };
	return open_store();
}

#define OK(call)                                                                         \
	do {                                                                             \
		err_clear(&err);                                                         \
		if ((call) < 0) {                                                        \
			printf("# %s:%d: %s: %s\n", __FILE__, __LINE__, #call, err.msg); \
			CHECK(false);                                                    \
		}                                                                        \
	} while (0)

static int to_buf(void *arg, const void *data, size_t len)
{
	buf_add(arg, data, len);
	return 0;
}

/* A layer of one file: its blob is in the store. */
static void make_layer(struct images *s, const char *text, struct descriptor *d)
{
	_cleanup_(tar_writer_freep) struct tar_writer *t = NULL;
	_cleanup_buf_ struct buf b = BUF_INIT;

	OK(tar_writer_new(&(struct pack_sink){ to_buf, &b }, &t, &err));
	OK(tar_put(t, &(struct tar_out){ .name = "file", .type = '0', .mode = 0644, .size = strlen(text) }, &err));
	OK(tar_put_data(t, text, strlen(text), &err));
	OK(tar_end(t, &err));
	OK(blobs_add(s->blobs, b.data, b.len, d->digest, &err));
	d->size = b.len;
}

static struct reference *name_of(const char *name)
{
	static struct reference r;

	reference_done(&r);
	OK(reference_parse(name, &r, &err));
	return &r;
}

/* An image of the layers TEXTS (ended by NULL), made in the year YEAR. */
static void make_manifest(struct images *s, const char *const *texts, int year, struct buf *out)
{
	_cleanup_image_config_ struct image_config c;
	_cleanup_buf_ struct buf config = BUF_INIT;
	struct descriptor layers[8] = { 0 };
	char type[] = MT_OCI_LAYER, config_type[] = MT_OCI_CONFIG, created[32];
	struct manifest m = { .config = { .media_type = config_type }, .layers = layers };

	image_config_init(&c);
	snprintf(created, sizeof(created), "%d-01-01T00:00:00Z", year);
	c.created = strdup(created);
	for (; texts[m.n_layers]; m.n_layers++) {
		layers[m.n_layers].media_type = type;
		make_layer(s, texts[m.n_layers], &layers[m.n_layers]);
		OK(strv_push(&c.diff_ids, layers[m.n_layers].digest, &err));
	}
	OK(image_config_write(&c, &config, &err));
	OK(blobs_add(s->blobs, config.data, config.len, m.config.digest, &err));
	m.config.size = config.len;
	buf_reset(out);
	OK(manifest_write(&m, out, &err));
}

static const char *add(struct images *s, const char *name, int year, const char *const *texts)
{
	static char id[DIGEST_MAX];
	_cleanup_buf_ struct buf b = BUF_INIT;

	make_manifest(s, texts, year, &b);
	OK(image_add(s, b.data, b.len, NULL, name ? name_of(name) : NULL, NULL, id, &err));
	return id;
}
#define TEXTS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static int count_blob(void *arg, const char *digest, uint64_t size, const struct timespec *mtime)
{
	++*(int *)arg;
	return 0;
}

static int count_layer(void *arg, const char *chain)
{
	++*(int *)arg;
	return 0;
}

static int blobs_now(struct images *s)
{
	int n = 0;

	OK(blobs_each(s->blobs, count_blob, &n, &err));
	return n;
}

static int layers_now(struct images *s)
{
	int n = 0;

	OK(layers_each(s->layers, count_layer, &n, &err));
	return n;
}

static const char *join(struct strv *l)
{
	static struct buf b;

	buf_reset(&b);
	for (size_t i = 0; i < l->n; i++)
		buf_printf(&b, "%s%s", i ? "|" : "", l->v[i]);
	strv_done(l);
	*l = STRV_INIT;
	return buf_str(&b);
}

#define DIGEST_B "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

TEST(found_by_name_digest_and_id)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_image_ struct image i = { 0 };
	_cleanup_free_ char *index = NULL;
	char id[DIGEST_MAX], part[32];

	snprintf(id, sizeof(id), "%s", add(s, "debian:12@" DIGEST_B, 2024, TEXTS("one", "two")));
	OK(image_find(s, "debian:12", &i, &err));
	CHECK_STR(i.id, id);
	CHECK(i.size == 6 && i.created_ns == 1704067200000000000 && i.tags.n == 1 && i.digests.n == 1);
	CHECK_STR(i.tags.v[0], "docker.io/library/debian:12");
	CHECK_STR(i.digests.v[0], "docker.io/library/debian@" DIGEST_B);
	snprintf(part, sizeof(part), "%.12s", digest_hex(id));
	for (size_t k = 0; k < 5; k++) {
		const char *const names[] = { id, digest_hex(id), part, "docker.io/library/debian:12",
					      "debian@" DIGEST_B };

		image_done(&i);
		OK(image_find(s, names[k], &i, &err));
		CHECK_STR(i.id, id);
	}
	CHECK(image_find(s, "debian", &i, &err) == -ENOENT);
	CHECK_STR(err.msg, "No such image: debian:latest");
	CHECK(err.kind == ERR_NOT_FOUND);
	CHECK(image_find(s, "sha256:0123", &i, &err) < 0 && image_find(s, "A b", &i, &err) == -EINVAL);
	OK(file_read(AT_FDCWD, "t/blobs/index.json", 10000, &index, NULL, &err));
	CHECK(strstr(index, "\"org.opencontainers.image.ref.name\":\"docker.io/library/debian:12\""));
}

TEST(names_move_and_images_stay_as_long_as_one_is_left)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_image_ struct image i = { 0 };
	_cleanup_strv_ struct strv done = STRV_INIT;
	char one[DIGEST_MAX], two[DIGEST_MAX], want[600];

	snprintf(one, sizeof(one), "%s", add(s, "a:1", 2020, TEXTS("base", "one")));
	snprintf(two, sizeof(two), "%s", add(s, "b:1", 2021, TEXTS("base", "two")));
	CHECK(layers_now(s) == 3 && blobs_now(s) == 7);
	OK(image_tag(s, one, name_of("a:2"), &err));
	CHECK(image_tag(s, one, name_of("a@" DIGEST_B), &err) == -EINVAL);
	CHECK(image_tag(s, DIGEST_B, name_of("a:3"), &err) == -ENOENT);
	OK(image_remove(s, "a:1", false, false, &done, &err));
	CHECK_STR(join(&done), "Untagged: a:1");
	OK(image_tag(s, two, name_of("a:2"), &err));
	OK(image_find(s, one, &i, &err));
	CHECK(i.tags.n == 0);
	/* Its own layer goes, the other's does not. */
	OK(image_remove(s, one, false, false, &done, &err));
	CHECK(layers_now(s) == 2 && blobs_now(s) == 4);
	CHECK(strstr(join(&done), "Deleted: sha256:"));
	/* By id only when it has one name. */
	CHECK(image_remove(s, two, false, false, &done, &err) == -EBUSY && strstr(err.msg, "must be forced"));
	CHECK(done.n == 0);
	OK(image_remove(s, two, true, false, &done, &err));
	snprintf(want, sizeof(want), "Untagged: a:2|Untagged: b:1|Deleted: %s|Deleted: ", two);
	CHECK(startswith(join(&done), want));
	CHECK(layers_now(s) == 0 && blobs_now(s) == 0);
	CHECK(image_remove(s, "b:1", false, false, &done, &err) == -ENOENT);
}

TEST(digests_go_with_the_last_tag_of_their_repository)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_strv_ struct strv done = STRV_INIT;

	add(s, "a:1@" DIGEST_B, 2020, TEXTS("x"));
	OK(image_remove(s, "a:1", false, false, &done, &err));
	CHECK(startswith(join(&done), "Untagged: a:1|Untagged: a@" DIGEST_B "|Deleted: sha256:"));
	CHECK(blobs_now(s) == 0 && layers_now(s) == 0);
}

TEST(who_uses_an_image_keeps_it)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_strv_ struct strv done = STRV_INIT;
	struct image i = { 0 };
	char id[DIGEST_MAX];
	uint64_t bytes;

	snprintf(id, sizeof(id), "%s", add(s, "a", 2020, TEXTS("x")));
	OK(image_find(s, "a:latest", &i, &err));
	image_done(&i);
	OK(image_tag(s, id, name_of("a"), &err));
	OK(image_use(s, id, "c1", &err));
	CHECK(image_use(s, DIGEST_B, "c2", &err) == -ENOENT);
	CHECK(image_remove(s, "a", false, false, &done, &err) == -EBUSY && strstr(err.msg, "container c1 is using"));
	CHECK(image_remove(s, id, false, false, &done, &err) == -EBUSY);
	OK(image_prune(s, true, NULL, &done, &bytes, &err));
	CHECK(done.n == 0 && bytes == 0);
	/* By force it is not seen any more, but there until he leaves. */
	OK(image_remove(s, id, true, false, &done, &err));
	CHECK(image_find(s, id, &i, &err) == -ENOENT && layers_now(s) == 1);
	OK(images_sweep(s, &err));
	CHECK(layers_now(s) == 1 && blobs_now(s) == 3);
	OK(image_unuse(s, "c1", &err));
	OK(image_unuse(s, "c1", &err));
	OK(images_sweep(s, &err));
	CHECK(layers_now(s) == 0 && blobs_now(s) == 0);
}

TEST(the_newest_comes_first)
{
	_cleanup_(images_freep) struct images *s = setup();
	struct image *list;
	size_t n;

	add(s, "a:1", 2020, TEXTS("x"));
	add(s, "b:1", 2022, TEXTS("y"));
	add(s, NULL, 2021, TEXTS("z"));
	OK(image_list(s, &list, &n, &err));
	CHECK(n == 3);
	CHECK_STR(list[0].tags.v[0], "docker.io/library/b:1");
	CHECK(list[1].tags.n == 0);
	CHECK_STR(list[2].tags.v[0], "docker.io/library/a:1");
	for (size_t i = 0; i < n; i++)
		image_done(&list[i]);
	free(list);
}

TEST(pruning_by_name_and_age)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_strv_ struct strv done = STRV_INIT, filters = STRV_INIT;
	uint64_t bytes = 0;

	add(s, "a:1", 2020, TEXTS("x"));
	add(s, NULL, 2021, TEXTS("y"));
	OK(strv_push(&filters, "until=2020-06-01", &err));
	OK(image_prune(s, false, &filters, &done, &bytes, &err));
	CHECK(done.n == 0);
	OK(image_prune(s, false, NULL, &done, &bytes, &err));
	CHECK(done.n == 2 && bytes > 500 && layers_now(s) == 1);
	strv_done(&done);
	done = STRV_INIT;
	OK(image_prune(s, true, &filters, &done, &bytes, &err));
	CHECK(startswith(join(&done), "Untagged: a:1|Deleted: ") && layers_now(s) == 0 && blobs_now(s) == 0);
	strv_done(&filters);
	filters = STRV_INIT;
	OK(strv_push(&filters, "until=soon", &err));
	add(s, NULL, 2021, TEXTS("y"));
	CHECK(image_prune(s, false, &filters, &done, &bytes, &err) == -EINVAL);
}

TEST(what_was_made_here_has_a_manifest)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_image_config_ struct image_config c;
	_cleanup_free_ char *text = NULL, *type = NULL;
	_cleanup_image_ struct image i = { 0 };
	char type_of[] = MT_OCI_LAYER, id[DIGEST_MAX], parent[DIGEST_MAX];
	struct descriptor d = { .media_type = type_of };
	_cleanup_strv_ struct strv done = STRV_INIT;
	struct manifest m;
	size_t len;

	snprintf(parent, sizeof(parent), "%s", add(s, NULL, 2020, TEXTS("x")));
	image_config_init(&c);
	make_layer(s, "x", &d);
	OK(strv_push(&c.diff_ids, d.digest, &err));
	OK(image_add_local(s, &c, &d, 1, parent, name_of("made:1"), id, &err));
	OK(image_find(s, "made:1", &i, &err));
	OK(image_manifest(s, &i, &text, &len, &type, &err));
	CHECK_STR(type, MT_OCI_MANIFEST);
	OK(manifest_parse(text, len, type, &m, &err));
	CHECK_STR(m.config.digest, id);
	manifest_done(&m);
	CHECK(image_remove(s, parent, true, false, &done, &err) == -EBUSY && strstr(err.msg, "dependent child"));
	/* The parent without a name goes with its last child. */
	OK(image_remove(s, "made:1", false, false, &done, &err));
	CHECK(blobs_now(s) == 0 && layers_now(s) == 0);
}

TEST(layers_and_configuration_must_agree)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_buf_ struct buf b = BUF_INIT;
	char id[DIGEST_MAX], *layer;

	make_manifest(s, TEXTS("x", "y"), 2020, &b);
	layer = strstr(b.data, ",{\"mediaType\"");
	CHECK(layer);
	memcpy(layer, "]}\0", 3);
	CHECK(image_add(s, b.data, strlen(b.data), NULL, NULL, NULL, id, &err) == -EINVAL &&
	      strstr(err.msg, "1 layers"));
	OK(images_sweep(s, &err));
	CHECK(blobs_now(s) == 0 && layers_now(s) == 0);
}

/* One is killed at any moment while it adds, tags and removes; the next finds whole images, and a sweep leaves nothing else. */
TEST(a_kill_at_any_moment)
{
	for (int round = 0; round < 15; round++) {
		_cleanup_(images_freep) struct images *s = setup();
		_cleanup_strv_ struct strv done = STRV_INIT;
		_cleanup_free_ char *index = NULL;
		struct image *list;
		size_t n;
		int blobs = 0;
		pid_t pid;

		add(s, "kept:1", 2020, TEXTS("base", "kept"));
		s = images_free(s);
		pid = fork();
		if (pid == 0) {
			s = open_store();
			for (int i = 0;; i++) {
				char name[32], text[32];

				snprintf(name, sizeof(name), "n%d:1", i % 3);
				snprintf(text, sizeof(text), "text %d", i);
				add(s, name, 2020 + i % 5, TEXTS("base", text));
				if (i % 2 && image_remove(s, name, true, false, &done, &err) < 0)
					_exit(1);
			}
		}
		usleep((useconds_t)(3000 + round * 2300));
		kill(pid, SIGKILL);
		CHECK(waitpid(pid, &blobs, 0) == pid && WIFSIGNALED(blobs));
		s = open_store();
		OK(image_list(s, &list, &n, &err));
		CHECK(n >= 1);
		for (size_t i = 0; i < n; i++) {
			struct image_config c;
			uint64_t bytes;

			OK(image_config_of(s, &list[i], &c, &err));
			OK(layer_bytes(s->layers, list[i].chain, &bytes, &err));
			image_config_done(&c);
			image_done(&list[i]);
		}
		free(list);
		OK(images_sweep(s, &err));
		OK(image_prune(s, true, NULL, &done, NULL, &err));
		CHECK(blobs_now(s) == 0 && layers_now(s) == 0);
		OK(file_read(AT_FDCWD, "t/blobs/index.json", 10000, &index, NULL, &err));
		CHECK(strstr(index, "\"manifests\":[]"));
	}
}

/* Four add and remove the same images at once; whoever removes takes nothing that another is just bringing in. */
TEST(many_add_and_remove_at_once)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_strv_ struct strv done = STRV_INIT;
	int status;

	s = images_free(s);
	for (int k = 0; k < 4; k++)
		if (fork() == 0) {
			s = open_store();
			for (int i = 0; i < 12; i++) {
				char text[32];
				int r;

				/* Held from the first blob to the last row, as a pull does. */
				OK(blobs_hold(s->blobs, &err));
				snprintf(text, sizeof(text), "text %d", (i + k) % 4);
				add(s, "same:1", 2020, TEXTS("base", text));
				blobs_release(s->blobs);
				r = image_prune(s, (i + k) % 3 == 0, NULL, &done, NULL, &err);
				if (r < 0)
					printf("# %s\n", err.msg);
				if (r < 0)
					_exit(1);
			}
			_exit(0);
		}
	while (wait(&status) > 0)
		CHECK(status == 0);
	s = open_store();
	OK(image_prune(s, true, NULL, &done, NULL, &err));
	CHECK(blobs_now(s) == 0 && layers_now(s) == 0);
}

/* --- archives --------------------------------------------------------------------------------------------------------- */

static int file_of(const struct buf *b)
{
	FILE *f = tmpfile();
	int fd = f ? fcntl(fileno(f), F_DUPFD_CLOEXEC, 3) : -1;

	CHECK(fd >= 0 && fd_write_all(fd, b->data, b->len) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	fclose(f);
	return fd;
}

static int load(struct images *s, const struct buf *b, struct strv *done)
{
	_cleanup_close_ int fd = file_of(b);

	return images_load(s, fd, NULL, done, &err);
}

TEST(saved_and_loaded_again)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_buf_ struct buf b = BUF_INIT, again = BUF_INIT;
	_cleanup_strv_ struct strv done = STRV_INIT;
	char two[] = "b:1", repo[] = "a", id[DIGEST_MAX], *names[] = { repo, two, NULL }, *by_id[] = { id, NULL };
	struct image i = { 0 };

	snprintf(id, sizeof(id), "%s", add(s, "a:1", 2020, TEXTS("base", "one")));
	OK(image_tag(s, id, name_of("a:2"), &err));
	add(s, "b:1", 2021, TEXTS("base", "two"));
	OK(images_save(s, names, &(struct pack_sink){ to_buf, &b }, &err));
	OK(images_save(s, names, &(struct pack_sink){ to_buf, &again }, &err));
	CHECK(b.len == again.len && memcmp(b.data, again.data, b.len) == 0);
	OK(image_prune(s, true, NULL, NULL, NULL, &err));
	CHECK(blobs_now(s) == 0);
	OK(load(s, &b, &done));
	CHECK_STR(join(&done), "Loaded image: a:1|Loaded image: a:2|Loaded image: b:1");
	OK(image_find(s, "a:2", &i, &err));
	CHECK_STR(i.id, id);
	image_done(&i);
	/* What is of the archive only has gone again. */
	CHECK(blobs_now(s) == 7 && layers_now(s) == 3);
	buf_reset(&b);
	OK(images_save(s, by_id, &(struct pack_sink){ to_buf, &b }, &err));
	OK(image_prune(s, true, NULL, NULL, NULL, &err));
	OK(load(s, &b, &done));
	CHECK(startswith(join(&done), "Loaded image ID: sha256:"));
	names[1][0] = 'c';
	CHECK(images_save(s, names, &(struct pack_sink){ to_buf, &b }, &err) == -ENOENT);
}

static void put_file(struct tar_writer *t, const char *name, const char *text)
{
	OK(tar_put(t, &(struct tar_out){ .name = name, .type = '0', .size = strlen(text) }, &err));
	OK(tar_put_data(t, text, strlen(text), &err));
}

/* As Docker wrote them before it wrote layouts: a folder a layer, some of them links to another's. */
TEST(archives_of_old_dockers)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_(tar_writer_freep) struct tar_writer *t = NULL, *layer = NULL;
	_cleanup_buf_ struct buf b = BUF_INIT, inner = BUF_INIT, config = BUF_INIT;
	_cleanup_strv_ struct strv done = STRV_INIT;
	char diff[DIGEST_MAX];

	OK(tar_writer_new(&(struct pack_sink){ to_buf, &inner }, &layer, &err));
	put_file(layer, "file", "text");
	OK(tar_end(layer, &err));
	digest_of(inner.data, inner.len, diff);
	buf_printf(&config, "{\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"%s\",\"%s\"]}}", diff, diff);
	OK(tar_writer_new(&(struct pack_sink){ to_buf, &b }, &t, &err));
	OK(tar_put(t, &(struct tar_out){ .name = "./one/layer.tar", .type = '0', .size = inner.len }, &err));
	OK(tar_put_data(t, inner.data, inner.len, &err));
	OK(tar_put(t, &(struct tar_out){ .name = "two/layer.tar", .type = '2', .link = "../one/layer.tar" }, &err));
	put_file(t, "c.json", buf_str(&config));
	put_file(t, "manifest.json",
		 "[{\"Config\":\"c.json\",\"RepoTags\":[\"old:1\"],\"Layers\":[\"one/layer.tar\",\"two/layer.tar\"]}]");
	OK(tar_end(t, &err));
	OK(load(s, &b, &done));
	CHECK_STR(join(&done), "Loaded image: old:1");
	CHECK(layers_now(s) == 2);
}

/* CVE-2014-9358, CVE-2021-21285, CVE-2023-25153: names, links, digests and texts that are none; nothing is left of them. */
TEST(bad_archives_leave_nothing)
{
	static const char *const files[][2] = {
		{ "x", "y" },
		{ "manifest.json", "{" },
		{ "manifest.json", "{}" },
		{ "manifest.json", "[1]" },
		{ "manifest.json", "[{}]" },
		{ "manifest.json", "[{\"Config\":\"../../etc/passwd\",\"Layers\":[]}]" },
		{ "manifest.json", "[{\"Config\":\"manifest.json\",\"Layers\":[\"nothing\"]}]" },
		{ "manifest.json", "[{\"Config\":\"manifest.json\",\"RepoTags\":[\"A B\"],\"Layers\":[]}]" },
		{ "../x", "y" },
		{ "blobs/sha256/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abd" },
		{ "index.json", "[]" },
		{ "index.json", "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:../x\",\"size\":1}]}" },
		{ "index.json", "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"" DIGEST_B "\",\"size\":1}]}" },
	};
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_strv_ struct strv done = STRV_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_(tar_writer_freep) struct tar_writer *t = NULL;
		_cleanup_buf_ struct buf b = BUF_INIT;

		OK(tar_writer_new(&(struct pack_sink){ to_buf, &b }, &t, &err));
		put_file(t, files[i][0], files[i][1]);
		OK(tar_end(t, &err));
		err_clear(&err);
		if (load(s, &b, &done) == 0)
			printf("# taken: %s %s\n", files[i][0], files[i][1]);
		CHECK(err.code < 0 && err.msg[0] && done.n == 0);
		CHECK(blobs_now(s) == 0 && layers_now(s) == 0);
	}
}

TEST(links_of_archives_stay_inside)
{
	static const char *const links[] = { "/etc/passwd", "../../x", "self" };
	_cleanup_(images_freep) struct images *s = setup();

	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		_cleanup_(tar_writer_freep) struct tar_writer *t = NULL;
		_cleanup_buf_ struct buf b = BUF_INIT;

		OK(tar_writer_new(&(struct pack_sink){ to_buf, &b }, &t, &err));
		OK(tar_put(t, &(struct tar_out){ .name = "self", .type = '2', .link = links[i] }, &err));
		put_file(t, "manifest.json", "[{\"Config\":\"self\",\"Layers\":[]}]");
		OK(tar_end(t, &err));
		CHECK(load(s, &b, NULL) == -EINVAL && blobs_now(s) == 0);
	}
}

TEST(a_tree_becomes_an_image)
{
	_cleanup_(images_freep) struct images *s = setup();
	_cleanup_(tar_writer_freep) struct tar_writer *t = NULL;
	_cleanup_image_config_ struct image_config c;
	_cleanup_image_ struct image i = { 0 };
	_cleanup_buf_ struct buf b = BUF_INIT;
	_cleanup_close_ int fd = -EBADF;
	char id[DIGEST_MAX];

	image_config_init(&c);
	OK(tar_writer_new(&(struct pack_sink){ to_buf, &b }, &t, &err));
	put_file(t, "file", "text");
	OK(tar_end(t, &err));
	fd = file_of(&b);
	OK(image_import(s, fd, &c, name_of("tree"), id, &err));
	OK(image_find(s, "tree", &i, &err));
	CHECK_STR(i.id, id);
	CHECK(i.size == 4 && layers_now(s) == 1 && blobs_now(s) == 3);
}

TEST(storage_of_the_configuration)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} cases[] = {
		{ "{}", "" },
		{ "{\"debug\": true}", "" },
		{ "{\"storage-driver\": \"overlay2\"}", "overlay2" },
		{ "{\"storage-driver\": \"thin\", \"storage-opts\": [\"thin.pool=/dev/mapper/p\", \"dm.basesize=1G\"]}",
		  "thin,thin.pool=/dev/mapper/p,dm.basesize=1G" },
		{ "{\"storage-opts\": [\"a=b\"]}", NULL },
		{ "{\"storage-driver\": 1}", NULL },
		{ "{\"storage-driver\": \"thin\", \"storage-opts\": [1]}", NULL },
		{ "storage-driver: thin", NULL },
	};
	_cleanup_(images_freep) struct images *s _unused_ = setup();
	_cleanup_free_ char *none = NULL;

	OK(storage_conf("t/nowhere", &none, &err));
	CHECK(!none);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *said = NULL;
		int r;

		OK(file_replace(AT_FDCWD, "t/conf", cases[i].text, strlen(cases[i].text), 0600, false, &err));
		err_clear(&err);
		r = storage_conf("t/conf", &said, &err);
		CHECK(cases[i].want ? r == 0 : r == -EINVAL);
		CHECK_STR(said ?: "", cases[i].want ?: "");
		/* What is wrong names the file. */
		CHECK(r == 0 || strstr(err.msg, "t/conf"));
	}
}
