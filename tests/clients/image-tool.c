/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What tests need of src/image from a shell: image-tool ROOT DRIVER COMMAND [ARGUMENT…]
 *   load < ARCHIVE · save NAME… > ARCHIVE · import NAME < TAR · list · rm NAME… · prune · sweep · df
 *   make ID NAME · drop ID · commit ID NAME · changes ID · mount ID DIR · export NAME > TAR · unpack < LAYER
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "image/images.h"
#include "image/pack.h"
#include "sys/mount.h"

static struct err err;

static int to_stdout(void *arg, const void *data, size_t len)
{
	return fd_write_all(STDOUT_FILENO, data, len);
}
static const struct pack_sink out = { to_stdout, NULL };

static int say(struct strv *l, int r)
{
	for (size_t i = 0; i < l->n; i++)
		puts(l->v[i]);
	strv_done(l);
	return r;
}

static int do_load(struct images *s, char **argv)
{
	struct strv done = STRV_INIT;
	int r = images_load(s, STDIN_FILENO, NULL, &done, &err);

	return say(&done, r);
}

static int do_save(struct images *s, char **argv)
{
	return images_save(s, argv, &out, &err);
}

static int do_import(struct images *s, char **argv)
{
	struct image_config c;
	struct reference name;
	char id[DIGEST_MAX];
	int r = reference_parse(argv[0], &name, &err);

	image_config_init(&c);
	c.os = strdup("linux");
	c.architecture = strdup("amd64");
	if (r == 0)
		r = image_import(s, STDIN_FILENO, &c, &name, id, &err);
	if (r == 0)
		puts(id);
	image_config_done(&c);
	reference_done(&name);
	return r;
}

static int do_list(struct images *s, char **argv)
{
	struct image *list;
	size_t n;
	int r = image_list(s, &list, &n, &err);

	for (size_t i = 0; r == 0 && i < n; i++) {
		for (size_t k = 0; k < list[i].tags.n; k++)
			printf("%s %s %llu\n", list[i].tags.v[k], list[i].id, (unsigned long long)list[i].size);
		if (!list[i].tags.n)
			printf("<none> %s %llu\n", list[i].id, (unsigned long long)list[i].size);
		image_done(&list[i]);
	}
	if (r == 0)
		free(list);
	return r;
}

static int do_rm(struct images *s, char **argv)
{
	struct strv done = STRV_INIT;
	int r = 0;

	for (; *argv && r == 0; argv++)
		r = image_remove(s, *argv, false, false, &done, &err);
	return say(&done, r);
}

static int do_prune(struct images *s, char **argv)
{
	struct strv done = STRV_INIT;
	uint64_t bytes;
	int r = image_prune(s, true, NULL, &done, &bytes, &err);

	return say(&done, r);
}

static int do_sweep(struct images *s, char **argv)
{
	return images_sweep(s, &err);
}

static int add_blob(void *arg, const char *digest, uint64_t size, const struct timespec *mtime)
{
	*(uint64_t *)arg += (size + 4095) / 4096 * 4096;
	return 0;
}

struct sum {
	struct images *s;
	uint64_t bytes;
};

static int add_layer(void *arg, const char *chain)
{
	struct sum *sum = arg;
	uint64_t n;
	int r = layer_size(sum->s->layers, chain, &n, &err);

	sum->bytes += r == 0 ? n : 0;
	return r;
}

static int do_df(struct images *s, char **argv)
{
	struct sum sum = { s, 0 };
	uint64_t blobs = 0;
	int r = blobs_each(s->blobs, add_blob, &blobs, &err);

	if (r == 0)
		r = layers_each(s->layers, add_layer, &sum, &err);
	if (r == 0)
		printf("blobs %llu layers %llu\n", (unsigned long long)blobs, (unsigned long long)sum.bytes);
	return r;
}

static int do_make(struct images *s, char **argv)
{
	struct image i = { 0 };
	char *ref = NULL;
	int r = image_find(s, argv[1], &i, &err);

	if (r == 0)
		r = rootfs_make(s->layers, argv[0], i.chain, &ref, &err);
	if (r == 0)
		r = image_use(s, i.id, argv[0], &err);
	if (r == 0)
		puts(ref);
	free(ref);
	image_done(&i);
	return r;
}

static int do_drop(struct images *s, char **argv)
{
	int r = rootfs_remove(s->layers, argv[0], &err);

	return r == 0 ? image_unuse(s, argv[0], &err) : r;
}

/* The image of root ARGV[0] with its changes as one more layer, called ARGV[1]. */
static int do_commit(struct images *s, char **argv)
{
	_cleanup_image_config_ struct image_config c;
	_cleanup_manifest_ struct manifest m = { 0 };
	_cleanup_reference_ struct reference name = { 0 };
	_cleanup_free_ char *id = NULL, *text = NULL, *type = NULL;
	_cleanup_image_ struct image i = { 0 };
	struct descriptor layers[MANIFEST_LAYERS] = { 0 }, d = { 0 };
	char diff[DIGEST_MAX], same[DIGEST_MAX], chain[DIGEST_MAX], ret[DIGEST_MAX];
	size_t len;
	int r, fd;

	image_config_init(&c);
	r = db_one(s->db, &id, &err, "SELECT image FROM image_users WHERE user = ?", "s", argv[0]);
	if (r == 0)
		return err_kind(&err, ERR_NOT_FOUND, -ENOENT, "no root %s", argv[0]);
	r = reference_parse(argv[1], &name, &err);
	if (r == 0)
		r = image_find(s, id, &i, &err);
	if (r == 0)
		r = image_config_of(s, &i, &c, &err);
	if (r == 0)
		r = image_manifest(s, &i, &text, &len, &type, &err);
	if (r == 0)
		r = manifest_parse(text, len, type, &m, &err);
	if (r == 0)
		r = pack_changes(s->layers, argv[0], s->blobs, NULL, &d, diff, &err);
	if (r < 0)
		return r;
	fd = blobs_fd(s->blobs, d.digest, &err);
	r = layer_unpack(s->layers, i.chain[0] ? i.chain : NULL, &(struct layer_input){ .fd = fd }, diff, same, chain,
			 &err);
	close(fd);
	if (r == 0)
		r = strv_push(&c.diff_ids, diff, &err);
	for (size_t k = 0; k < m.n_layers; k++)
		layers[k] = m.layers[k];
	layers[m.n_layers] = d;
	if (r == 0)
		r = image_add_local(s, &c, layers, m.n_layers + 1, i.id, &name, ret, &err);
	if (r == 0)
		puts(ret);
	free(d.media_type);
	return r;
}

static int print_change(void *arg, enum change kind, const char *path)
{
	printf("%c %s\n", "CAD"[kind], path);
	return 0;
}

static int do_changes(struct images *s, char **argv)
{
	return rootfs_changes(s->layers, argv[0], print_change, NULL, &err);
}

static int do_mount(struct images *s, char **argv)
{
	_cleanup_close_ int fd = rootfs_open(s->layers, argv[0], NULL, false, &err), at = -EBADF;

	if (fd < 0)
		return fd;
	at = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	return at < 0 ? err_set(&err, -errno, "open %s", argv[1]) : mount_attach(fd, at, &err);
}

static int do_export(struct images *s, char **argv)
{
	_cleanup_image_ struct image i = { 0 };
	_cleanup_close_ int fd = -EBADF;
	int r = image_find(s, argv[0], &i, &err);

	if (r < 0)
		return r;
	fd = rootfs_open(s->layers, NULL, i.chain, true, &err);
	return fd < 0 ? fd : pack_tree(fd, NULL, &out, &err);
}

static int do_unpack(struct images *s, char **argv)
{
	char diff[DIGEST_MAX], chain[DIGEST_MAX];
	int r = layer_unpack(s->layers, NULL, &(struct layer_input){ .fd = STDIN_FILENO }, NULL, diff, chain, &err);

	if (r == 0)
		puts(chain);
	return r;
}

static const struct {
	const char *name;
	int n;
	int (*fn)(struct images *s, char **argv);
} commands[] = {
	{ "load", 0, do_load },	  { "save", 1, do_save },     { "import", 1, do_import }, { "list", 0, do_list },
	{ "rm", 1, do_rm },	  { "prune", 0, do_prune },   { "sweep", 0, do_sweep },	  { "df", 0, do_df },
	{ "make", 2, do_make },	  { "drop", 1, do_drop },     { "commit", 2, do_commit }, { "changes", 1, do_changes },
	{ "mount", 2, do_mount }, { "export", 1, do_export }, { "unpack", 0, do_unpack },
};

int main(int argc, char **argv)
{
	struct images *s = NULL;
	int r = -EINVAL;

	for (size_t i = 0; argc > 3 && i < ARRAY_SIZE(commands); i++) {
		if (!streq(commands[i].name, argv[3]) || argc < 4 + commands[i].n)
			continue;
		r = images_open(argv[1], *argv[2] ? argv[2] : NULL, &s, &err);
		if (r == 0)
			r = commands[i].fn(s, argv + 4);
		images_free(s);
		if (r < 0)
			fprintf(stderr, "image-tool: %s\n", err.msg);
		return r < 0;
	}
	fputs("image-tool ROOT DRIVER COMMAND [ARGUMENT…]\n", stderr);
	return 2;
}
