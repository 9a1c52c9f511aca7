/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An archive is read once, as it comes, for it may be a pipe and says only at its end what is what: each file of it goes into the
 * content store, and a list remembers which. What no image of it needed is nobody's and goes again.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "dialect/docker/jread.h"
#include "dialect/oci/json-c.h"
#include "image/codec.h"
#include "image/images-inner.h"
#include "image/tar-write.h"
#include "store/tar-read.h"

#define FILES_MAX  65536u
#define IMAGES_MAX 1024u
#define CHUNK	   (256u << 10)
#define NAME_KEY   "io.containerd.image.name"
#define REF_KEY	   "org.opencontainers.image.ref.name"

struct file {
	char *path;
	char *link; /* NULL: none */
	char digest[DIGEST_MAX];
	uint64_t size;
	unsigned char magic[4];
};

struct load {
	struct images *s;
	const struct progress *progress;
	struct strv *done;
	bool nameless; /* whatever names the archive has, ours stay */
	struct inflate *z;
	char *chunk;
	struct file *files;
	size_t n;
};

static void load_done(struct load *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->files[i].path);
		free(x->files[i].link);
	}
	free(x->files);
	free(x->chunk);
	inflate_free(x->z);
}

static int bad(struct err *e, const char *what)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "not a good image archive: %s", what);
}

static ssize_t next_chunk(void *arg, const char **ret, struct err *e)
{
	struct load *x = arg;

	*ret = x->chunk;
	return inflate_read(x->z, x->chunk, CHUNK, e);
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

/* Without "./" and double slashes, ".." taken back; in place. False: it leads outside. */
static bool clean(char *path)
{
	char *to = path;

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.') {
			if (to == path)
				return false;
			while (to > path && to[-1] != '/')
				to--;
			if (to > path)
				to--;
		} else if (n && !(n == 1 && *p == '.')) {
			if (to > path)
				*to++ = '/';
			memmove(to, p, n);
			to += n;
		}
		p += n;
		p += *p == '/';
	}
	*to = '\0';
	return true;
}

static struct file *find_file(struct load *x, const char *path)
{
	/* The last one of a name counts, as if they had been unpacked. */
	for (size_t i = x->n; i-- > 0;)
		if (streq(x->files[i].path, path))
			return &x->files[i];
	return NULL;
}

/* Through links, as old archives have them between layers. */
static struct file *resolve(struct load *x, const char *path)
{
	struct file *f = find_file(x, path);

	for (unsigned i = 0; f && f->link; i++)
		f = i < 8 ? find_file(x, f->link) : NULL;
	return f;
}

static int add_file(struct load *x, struct tar_entry *t, struct file **ret, struct err *e)
{
	if (x->n >= FILES_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "the image archive has more than %u files", FILES_MAX);
	if ((x->n & (x->n - 1)) == 0) {
		struct file *more = reallocarray(x->files, x->n ? x->n * 2 : 1, sizeof(*more));

		if (!more)
			return err_oom(e);
		x->files = more;
	}
	*ret = &x->files[x->n++];
	**ret = (struct file){ .path = t->name };
	t->name = NULL;
	return clean((*ret)->path) ? 0 : bad(e, "a name that leads outside");
}

/* A symbolic link's target is relative to its folder, a hard link's to the top. */
static int add_link(struct load *x, struct tar_entry *t, struct err *e)
{
	bool hard = t->type == '1';
	struct file *f;
	int r = add_file(x, t, &f, e), n;

	if (r < 0)
		return r;
	n = hard || !strrchr(f->path, '/') ? 0 : (int)(strrchr(f->path, '/') - f->path) + 1;
	if (asprintf(&f->link, "%.*s%s", n, f->path, t->link) < 0) {
		f->link = NULL;
		return err_oom(e);
	}
	return t->link[0] != '/' && clean(f->link) ? 0 : bad(e, "a link that leads outside");
}

/* "sha256:HEX" where PATH is "blobs/sha256/HEX". */
static bool named_digest(const char *path, char ret[static DIGEST_MAX])
{
	const char *rest = startswith(path, "blobs/"), *slash = rest ? strchr(rest, '/') : NULL;

	if (!slash || snprintf(ret, DIGEST_MAX, "%.*s:%s", (int)(slash - rest), rest, slash + 1) >= DIGEST_MAX)
		return false;
	return digest_valid(ret);
}

static int read_file(struct load *x, struct tar_reader *in, struct tar_entry *t, struct err *e)
{
	_cleanup_(blob_writer_freep) struct blob_writer *w = NULL;
	char want[DIGEST_MAX], key[64];
	const char *data;
	struct file *f;
	ssize_t n;
	int r = t->sparse ? bad(e, "a sparse file") : add_file(x, t, &f, e);

	if (r < 0)
		return r;
	f->size = t->stored;
	snprintf(key, sizeof(key), "load-%d-%p-%zu", (int)gettid(), (void *)x, x->n);
	r = blob_begin(x->s->blobs, key, false, &w, NULL, e);
	if (r < 0)
		return r;
	for (uint64_t at = 0; (n = tar_data(in, &data, CHUNK, e)) > 0 && r == 0; at += (uint64_t)n) {
		for (uint64_t i = at; i < sizeof(f->magic) && i < at + (uint64_t)n; i++)
			f->magic[i] = (unsigned char)data[i - at];
		r = blob_write(w, data, (size_t)n, e);
	}
	r = n < 0 ? (int)n : r;
	if (r < 0)
		blob_drop(w);
	else
		r = blob_commit(w, named_digest(f->path, want) && startswith(want, "sha256:") ? want : NULL, f->digest,
				e);
	return r;
}

static int read_archive(struct load *x, struct err *e)
{
	struct tar_reader in;
	int r;

	tar_reader_init_source(&in, &(struct tar_source){ next_chunk, x });
	for (;;) {
		_cleanup_(tar_entry_done) struct tar_entry t = { 0 };

		r = tar_next(&in, &t, e);
		if (r <= 0)
			break;
		r = 0;
		if (t.type == '0')
			r = read_file(x, &in, &t, e);
		else if (t.type == '1' || t.type == '2')
			r = add_link(x, &t, e);
		if (r < 0)
			break;
	}
	tar_reader_done(&in);
	return r;
}

/* --- images ----------------------------------------------------------------------------------------------------------- */

static int read_text(struct load *x, const char *digest, char **ret, size_t *ret_len, struct err *e)
{
	return blobs_read(x->s->blobs, digest, MANIFEST_MAX, ret, ret_len, e);
}

static int say_loaded(struct load *x, const char *id, const struct reference *name, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	if (!x->done)
		return 0;
	if (x->nameless)
		return strv_push(x->done, id, e);
	if (!name)
		return strv_pushf(x->done, e, "Loaded image ID: %s", id);
	reference_familiar(name, &b);
	return strv_pushf(x->done, e, "Loaded image: %s", buf_str(&b));
}

/* TEXT under each of NAMES, or under none. */
static int add_image(struct load *x, const char *text, size_t len, const struct strv *names, struct err *e)
{
	char id[DIGEST_MAX];
	int r = 0;

	for (size_t i = 0; i < names->n && !x->nameless && r == 0; i++) {
		_cleanup_reference_ struct reference ref = { 0 };

		r = reference_parse(names->v[i], &ref, e);
		if (r == 0)
			r = reference_default_tag(&ref, e);
		if (r == 0)
			r = image_add(x->s, text, len, NULL, &ref, i ? NULL : x->progress, id, e);
		if (r == 0)
			r = say_loaded(x, id, &ref, e);
	}
	if (!names->n || x->nameless) {
		r = image_add(x->s, text, len, NULL, NULL, x->progress, id, e);
		if (r == 0)
			r = say_loaded(x, id, NULL, e);
	}
	return r;
}

static const char *layer_type(const struct file *f)
{
	if (f->magic[0] == 0x1f && f->magic[1] == 0x8b)
		return MT_OCI_LAYER_GZ;
	return memcmp(f->magic, "\x28\xb5\x2f\xfd", 4) == 0 ? MT_OCI_LAYER_ZST : MT_OCI_LAYER;
}

static int describe(const struct file *f, const char *type, struct descriptor *ret, struct err *e)
{
	memcpy(ret->digest, f->digest, sizeof(ret->digest));
	ret->size = f->size;
	ret->media_type = strdup(type);
	return ret->media_type ? 0 : err_oom(e);
}

/* The layout's own manifest for this configuration, where the archive has one: its bytes are what was pushed or pulled. */
static int own_manifest(struct load *x, const char *config, char **ret, size_t *ret_len)
{
	struct file *f = resolve(x, "index.json");
	_cleanup_free_ char *text = NULL;
	struct image_index index;
	size_t len;
	int found = 0;

	if (!f || read_text(x, f->digest, &text, &len, NULL) < 0 || image_index_parse(text, len, &index, NULL) < 0)
		return 0;
	for (size_t i = 0; i < index.n && !found; i++) {
		struct manifest m = { 0 };
		char *one = NULL;

		if (read_text(x, index.manifests[i].digest, &one, ret_len, NULL) == 0 &&
		    manifest_parse(one, *ret_len, NULL, &m, NULL) == 0 && streq(m.config.digest, config)) {
			*ret = TAKE_PTR(one);
			found = 1;
		}
		manifest_done(&m);
		free(one);
	}
	image_index_done(&index);
	return found;
}

static int make_manifest(struct load *x, struct file *config, const struct strv *layers, struct buf *out, struct err *e)
{
	_cleanup_manifest_ struct manifest m = { 0 };
	int r = describe(config, MT_OCI_CONFIG, &m.config, e);

	if (layers->n > MANIFEST_LAYERS)
		return err_kind(e, ERR_LIMIT, -E2BIG, "more than %u layers", MANIFEST_LAYERS);
	m.layers = calloc(layers->n ? layers->n : 1, sizeof(*m.layers));
	if (!m.layers)
		return err_oom(e);
	for (size_t i = 0; i < layers->n && r == 0; i++) {
		struct file *f = resolve(x, layers->v[i]);

		if (!f)
			return bad(e, "a layer that is not in it");
		r = describe(f, layer_type(f), &m.layers[m.n_layers++], e);
	}
	return r == 0 ? manifest_write(&m, out, e) : r;
}

static int load_docker_image(struct load *x, struct json_c_value *o, struct err *e)
{
	_cleanup_strv_ struct strv layers = STRV_INIT, names = STRV_INIT;
	_cleanup_free_ char *config = NULL, *own = NULL;
	_cleanup_buf_ struct buf made = BUF_INIT;
	struct file *f;
	size_t len;
	int r = jread_string(o, "Config", &config, e);

	if (r == 0)
		r = jread_strv(o, "Layers", &layers, NULL, e);
	if (r == 0)
		r = jread_strv(o, "RepoTags", &names, NULL, e);
	if (r < 0)
		return r;
	f = config && clean(config) ? resolve(x, config) : NULL;
	if (!f)
		return bad(e, "no configuration of an image");
	for (size_t i = 0; i < layers.n; i++)
		if (!clean(layers.v[i]))
			return bad(e, "a name that leads outside");
	if (own_manifest(x, f->digest, &own, &len))
		return add_image(x, own, len, &names, e);
	r = make_manifest(x, f, &layers, &made, e);
	return r == 0 ? add_image(x, made.data, made.len, &names, e) : r;
}

static int load_docker(struct load *x, const struct file *f, struct err *e)
{
	_cleanup_(jread_freep) struct json_c_value *o = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = read_text(x, f->digest, &text, &len, e);

	if (r == 0)
		r = jread_text(text, len, "manifest.json", &o, e);
	if (r < 0)
		return r;
	if (!json_object_is_type(o, json_type_array) || json_object_array_length(o) > IMAGES_MAX)
		return bad(e, "manifest.json is no list of images");
	for (size_t i = 0; i < json_object_array_length(o) && r == 0; i++)
		r = load_docker_image(x, json_object_array_get_idx(o, i), e);
	return r;
}

/* What an entry of an index says of its name; a bare tag is none. */
static int entry_name(const struct descriptor *d, struct strv *ret, struct err *e)
{
	const char *name = strv_env_get(&d->annotations, NAME_KEY);

	if (!name) {
		name = strv_env_get(&d->annotations, REF_KEY);
		if (name && !strchr(name, '/') && !strchr(name, ':'))
			name = NULL;
	}
	return name ? strv_push(ret, name, e) : 0;
}

static int load_entry(struct load *x, const struct descriptor *d, const struct strv *names, bool nested, struct err *e)
{
	_cleanup_image_index_ struct image_index index = { 0 };
	_cleanup_free_ char *text = NULL;
	const struct descriptor *one;
	size_t len;
	int r = read_text(x, d->digest, &text, &len, e);

	if (r < 0)
		return r;
	if (!media_is_index(d->media_type))
		return add_image(x, text, len, names, e);
	if (nested)
		return bad(e, "indexes within indexes");
	r = image_index_parse(text, len, &index, e);
	if (r < 0)
		return r;
	one = image_index_pick(&index, NULL);
	if (!one)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "the archive has no image for this machine");
	return load_entry(x, one, names, true, e);
}

static int load_oci(struct load *x, const struct file *f, struct err *e)
{
	_cleanup_image_index_ struct image_index index = { 0 };
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = read_text(x, f->digest, &text, &len, e);

	if (r == 0)
		r = image_index_parse(text, len, &index, e);
	for (size_t i = 0; i < index.n && r == 0; i++) {
		_cleanup_strv_ struct strv names = STRV_INIT;

		r = entry_name(&index.manifests[i], &names, e);
		if (r == 0)
			r = load_entry(x, &index.manifests[i], &names, false, e);
	}
	return r;
}

static int load_held(struct load *x, int in_fd, struct err *e)
{
	struct file *f;
	int r = inflate_open(in_fd, &x->z, e);

	if (r < 0)
		return r;
	x->chunk = malloc(CHUNK);
	if (!x->chunk)
		return err_oom(e);
	r = read_archive(x, e);
	if (r < 0)
		return r;
	if ((f = resolve(x, "manifest.json")))
		return load_docker(x, f, e);
	if ((f = resolve(x, "index.json")))
		return load_oci(x, f, e);
	return bad(e, "neither manifest.json nor index.json is in it");
}

static int load(struct load *x, int in_fd, struct err *e)
{
	struct images *s = x->s;
	int r = blobs_hold(s->blobs, e);

	if (r < 0)
		return r;
	r = load_held(x, in_fd, e);
	if (db_begin(s->db, NULL) == 0) {
		int k = 0;

		for (size_t i = 0; i < x->n && k == 0; i++)
			if (x->files[i].digest[0])
				k = images_note(s, x->files[i].digest, NULL);
		(void)db_end(s->db, k, NULL);
	}
	blobs_release(s->blobs);
	(void)images_collect(s, NULL, NULL);
	return r;
}

int images_load(struct images *s, int in_fd, const struct progress *progress, struct strv *done, struct err *e)
{
	_cleanup_(load_done) struct load x = { .s = s, .progress = progress, .done = done };

	return load(&x, in_fd, e);
}

int images_load_nameless(struct images *s, int in_fd, struct strv *ids, struct err *e)
{
	_cleanup_(load_done) struct load x = { .s = s, .done = ids, .nameless = true };

	return load(&x, in_fd, e);
}

/* --- a bare root file system ------------------------------------------------------------------------------------------ */

static int fill_import(void *arg, const struct pack_sink *out, struct err *e)
{
	struct load *x = arg;
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = inflate_read(x->z, x->chunk, CHUNK, e)) != 0)
		r = n < 0 ? (int)n : out->write(out->arg, x->chunk, (size_t)n);
	return r;
}

static int copy_config(const struct image_config *from, struct image_config *to, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r = image_config_write(from, &b, e);

	return r == 0 ? image_config_parse(b.data, b.len, to, e) : r;
}

static int import_held(struct load *x, int in_fd, const struct image_config *config, const struct reference *name,
		       char ret_id[static DIGEST_MAX], struct err *e)
{
	_cleanup_image_config_ struct image_config c;
	struct descriptor d = { 0 };
	char diff[DIGEST_MAX], same[DIGEST_MAX], chain[DIGEST_MAX];
	int r = inflate_open(in_fd, &x->z, e);

	image_config_init(&c);
	x->chunk = malloc(CHUNK);
	if (r == 0 && !x->chunk)
		r = err_oom(e);
	if (r == 0)
		r = pack_stream(x->s->blobs, NULL, 0, fill_import, x, &d, diff, e);
	if (r == 0) {
		_cleanup_close_ int fd = blobs_fd(x->s->blobs, d.digest, e);

		r = fd < 0 ? fd
			   : layer_unpack(x->s->layers, NULL, &(struct layer_input){ .fd = fd }, diff, same, chain, e);
	}
	if (r == 0)
		r = copy_config(config, &c, e);
	if (r == 0)
		r = strv_push(&c.diff_ids, diff, e);
	if (r == 0 && !c.n_history) {
		char comment[] = "Imported from -";

		r = image_config_history(&c, &(struct image_history){ .created = c.created, .comment = comment }, e);
	}
	if (r == 0)
		r = image_add_local(x->s, &c, &d, 1, NULL, name, ret_id, e);
	free(d.media_type);
	return r;
}

int image_import(struct images *s, int in_fd, const struct image_config *config, const struct reference *name,
		 char ret_id[static DIGEST_MAX], struct err *e)
{
	_cleanup_(load_done) struct load x = { .s = s };
	int r = blobs_hold(s->blobs, e);

	if (r < 0)
		return r;
	r = import_held(&x, in_fd, config, name, ret_id, e);
	blobs_release(s->blobs);
	return r;
}
