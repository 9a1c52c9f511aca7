/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What comes of a build besides the image in our own store: files, archives, a registry. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/json.h"
#include "cli/docker/build.h"
#include "image/pack.h"

/* TYPE and where to; "DIR" and "-" are short for local and tar. */
struct output {
	const char *type, *dest, *name;
	bool push;
};

static int parse(struct build_job *j, const char *text, struct output *o, struct err *e)
{
	static const char *const types[] = { "local", "tar", "docker", "oci", "image", "registry" };
	bool known = false;
	const char *push;

	*o = (struct output){ .type = streq(text, "-") ? "tar" : "local", .dest = text };
	if (!strchr(text, '='))
		return 0;
	o->type = build_field(j, text, "type");
	o->dest = build_field(j, text, "dest");
	o->name = build_field(j, text, "name");
	push = build_field(j, text, "push");
	o->push = push && streq(push, "true");
	for (size_t i = 0; o->type && i < ARRAY_SIZE(types); i++)
		known |= streq(types[i], o->type);
	if (!known)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"output of type %s is not known: local, tar, docker, oci, image or registry",
				o->type ?: "(none)");
	o->push |= streq(o->type, "registry");
	if (!o->dest && streq(o->type, "local"))
		return err_kind(e, ERR_INVALID, -EINVAL, "dest is required for local output");
	if (!o->dest && (streq(o->type, "oci") || streq(o->type, "tar")))
		o->dest = "-";
	return 0;
}

int build_take_outputs(struct build_job *j, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < j->a->outputs.n && r >= 0; i++) {
		struct output o;

		r = parse(j, j->a->outputs.v[i], &o, e);
		if (r < 0)
			return r;
		j->a->to_stdout |= o.dest && streq(o.dest, "-");
		j->a->push |= o.push;
		if (o.dest && streq(o.dest, "-") && isatty(STDOUT_FILENO))
			return err_kind(e, ERR_INVALID, -EINVAL,
					"dest file is required for %s exporter. refusing to write to console", o.type);
		if (!isempty(o.name) && !strv_has(&j->a->tags, o.name))
			r = strv_push(&j->a->tags, o.name, e);
	}
	if (r >= 0 && j->a->push && !j->a->tags.n)
		r = err_kind(e, ERR_INVALID, -EINVAL, "tag is needed when pushing to registry");
	return r;
}

static int to_fd(void *arg, const void *data, size_t len)
{
	return fd_write_all(*(int *)arg, data, len);
}

/* Both formats are in the one archive, as in that of save. */
static int save(struct build_job *j, struct images *s, const char *id, const char *dest, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	struct outfile out;
	const struct pack_sink sink = { .write = to_fd, .arg = &out.fd };
	int r = j->a->tags.n ? strv_copy(&names, &j->a->tags, e) : strv_push(&names, id, e);

	int closed;

	if (r == 0)
		r = outfile_open(dest, 0644, &out, e);
	if (r < 0)
		return r;
	r = images_save(s, (char *const *)strv_get(&names), &sink, e);
	closed = outfile_close(&out, r >= 0, e);
	return r < 0 ? r : closed;
}

/* One --output: our own store has the image in any case. */
static int put(struct build_job *j, struct images *s, const char *text, const char *id, struct err *e)
{
	struct output o;
	int r = parse(j, text, &o, e);

	if (r < 0 || !o.dest)
		return r;
	if (streq(o.type, "docker") || streq(o.type, "oci"))
		return save(j, s, id, o.dest, e);
	if (streq(o.type, "local") || streq(o.type, "tar"))
		return build_export(&j->o, id, streq(o.type, "tar"), o.dest, e);
	return 0;
}

static int put_metadata(struct build_job *j, struct images *s, const char *id, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT, names = BUF_INIT;
	_cleanup_image_ struct image i = { 0 };
	_cleanup_free_ char *manifest = NULL, *type = NULL;
	size_t len = 0;
	struct json w;
	int r = image_find(s, id, &i, e);

	if (r >= 0)
		r = image_manifest(s, &i, &manifest, &len, &type, e);
	if (r < 0)
		return r;
	for (size_t k = 0; k < i.tags.n; k++)
		buf_printf(&names, k ? ",%s" : "%s", i.tags.v[k]);
	json_init(&w, &text, true);
	json_object(&w);
	json_kv_string(&w, "containerimage.config.digest", id);
	json_key(&w, "containerimage.descriptor");
	json_object(&w);
	json_kv_string(&w, "mediaType", type);
	json_kv_string(&w, "digest", i.manifest);
	json_kv_u64(&w, "size", len);
	json_end_object(&w);
	json_kv_string(&w, "containerimage.digest", i.manifest);
	if (names.len)
		json_kv_string(&w, "image.name", buf_str(&names));
	json_end_object(&w);
	buf_putc(&text, '\n');
	r = buf_error(&text, e);
	return r < 0 ? r : file_replace(AT_FDCWD, j->a->metadata, buf_str(&text), text.len, 0644, false, e);
}

int build_put_outputs(struct build_job *j, const char *id, struct err *e)
{
	_cleanup_(images_freep) struct images *s = NULL;
	int r = images_open(j->o.data_root, j->o.driver, &s, e);

	if (r >= 0 && !isempty(j->a->iidfile))
		r = file_replace(AT_FDCWD, j->a->iidfile, id, strlen(id), 0644, false, e);
	if (r >= 0 && !isempty(j->a->metadata))
		r = put_metadata(j, s, id, e);
	for (size_t i = 0; i < j->a->outputs.n && r >= 0; i++)
		r = put(j, s, j->a->outputs.v[i], id, e);
	for (size_t i = 0; j->a->push && i < j->a->tags.n && r >= 0; i++)
		r = j->o.host->push(j->o.host->arg, s, j->a->tags.v[i], e);
	return r;
}
