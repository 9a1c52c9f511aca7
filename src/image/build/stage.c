/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The steps of one stage, in a process of its own. */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/json.h"
#include "image/build/inner.h"
#include "sys/syscalls.h"

void stage_say(struct stage *g, const char *fmt, ...)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	if (buf_error(&text, NULL) >= 0)
		(void)fd_write_all(g->out, buf_str(&text), text.len);
}

/* Twelve digits, as people see them. */
static const char *short_id(const char *digest, char ret[static 13])
{
	snprintf(ret, 13, "%.12s", *digest ? digest_hex(digest) : "");
	return ret;
}

const char *stage_var(void *arg, const char *name)
{
	struct stage *g = arg;

	return strv_env_get(&g->s.config.config.env, name) ?: strv_env_get(&g->s.args, name);
}

/* --- its folder and its root ----------------------------------------------------------------------------------------------- */

/* PATH made and locked. Before the lock another build may take it for a dead one's, and remove it: then once more. */
static int lock_folder(const char *path, struct err *e)
{
	for (;;) {
		_cleanup_close_ int fd = -EBADF;
		struct stat mine, now;
		int r = dir_make_all(path, 0700, e);

		if (r < 0)
			return r;
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT)
			continue;
		if (fd < 0)
			return err_set(e, -errno, "open %s", path);
		while (flock(fd, LOCK_EX) < 0)
			if (errno != EINTR)
				return err_set(e, -errno, "lock %s", path);
		if (fstat(fd, &mine) == 0 && stat(path, &now) == 0 && mine.st_ino == now.st_ino &&
		    mine.st_dev == now.st_dev)
			return TAKE_FD(fd);
	}
}

int stage_claim(struct stage *g, struct err *e)
{
	unsigned char noise[32];
	_cleanup_free_ char *path = NULL;
	int r;

	if (g->dir)
		return 0;
	if (getrandom(noise, sizeof(noise), 0) != sizeof(noise))
		return err_set(e, -errno, "getrandom");
	for (size_t i = 0; i < sizeof(noise); i++)
		snprintf(g->id + 2 * i, 3, "%02x", noise[i]);
	path = path_join(g->b->dir, g->id);
	if (!path)
		return err_oom(e);
	r = lock_folder(path, e);
	if (r < 0)
		return r;
	g->lock = r;
	g->dir = TAKE_PTR(path);
	return 0;
}

static void drop_root(struct stage *g)
{
	if (g->has_root && g->images->layers)
		rootfs_remove(g->images->layers, g->id, NULL);
	g->has_root = false;
}

void stage_done(struct stage *g)
{
	drop_root(g);
	if (g->dir) {
		tree_remove(AT_FDCWD, g->dir, NULL);
		fd_close(g->lock);
	}
	free(g->dir);
	state_done(&g->s);
	strv_done(&g->used);
	images_free(g->images);
	pool_done(&g->pool);
}

static bool is_run_id(const char *name)
{
	return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

static void sweep_one(struct build *b, struct images *images, const char *name)
{
	_cleanup_free_ char *path = path_join(b->dir, name);
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

	/* Who builds holds the lock; so whoever had this one is dead. */
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0)
		return;
	/* As long as the folder is there, the next build tries again. */
	if (b->o->host && b->o->host->clean && b->o->host->clean(b->o->host->arg, images, name, NULL) < 0)
		return;
	if (rootfs_remove(images->layers, name, NULL) == 0)
		tree_remove(AT_FDCWD, path, NULL);
}

int stages_sweep(struct build *b, struct images *images, struct err *e)
{
	DIR *dir = opendir(b->dir);
	struct dirent *d;

	(void)e;
	while (dir && (d = readdir(dir)))
		if (is_run_id(d->d_name))
			sweep_one(b, images, d->d_name);
	if (dir)
		closedir(dir);
	return 0;
}

/* --- one step ---------------------------------------------------------------------------------------------------------------- */

/* All that the step's result depends on. */
static int step_key(struct stage *g, const struct step *step, char ret[static DIGEST_MAX], struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	buf_printf(&text, "1\n%s\n%s\n%lld\n", g->s.chain, g->b->o->compression ?: "", (long long)g->b->o->epoch);
	r = config_fingerprint(&g->s.config, &text, e);
	if (r < 0)
		return r;
	buf_printf(&text, "\n%s", step->key);
	r = buf_error(&text, e);
	if (r >= 0)
		digest_of(buf_str(&text), text.len, ret);
	return r;
}

static int note_key(struct stage *g, const char *key, struct err *e)
{
	int r = 0;

	while (g->s.keys.n + 1 < g->s.config.n_history && r >= 0)
		r = strv_push(&g->s.keys, "", e);
	return r < 0 ? r : strv_push(&g->s.keys, key, e);
}

static int add_history(struct stage *g, const char *created, const char *text, const char *key, bool empty,
		       struct err *e)
{
	_cleanup_free_ char *when = strdup(created), *by = strdup(text);
	const struct image_history h = { .created = when, .created_by = by, .empty_layer = empty };
	char *last = strdup(created);
	int r;

	if (!when || !by || !last) {
		free(last);
		return err_oom(e);
	}
	free(g->s.config.created);
	g->s.config.created = last;
	r = image_config_history(&g->s.config, &h, e);
	if (r >= 0)
		r = note_key(g, key, e);
	return r < 0 ? r : state_seal(&g->s, e);
}

static int use_cached(struct stage *g, const struct step *step, const char *key, const struct cached *c, struct err *e)
{
	struct descriptor d = { .size = c->size, .media_type = strdup(c->media_type) };
	int r;

	snprintf(d.digest, sizeof(d.digest), "%s", c->blob);
	if (*c->diff) {
		r = state_add_layer(&g->s, &d, c->diff, e);
		if (r < 0)
			return r;
	} else {
		free(d.media_type);
	}
	return add_history(g, c->created, step->history, key, !*c->diff, e);
}

static bool still_there(struct stage *g, const struct cached *c)
{
	char chain[DIGEST_MAX];

	if (!*c->diff)
		return true;
	chain_id(*g->s.chain ? g->s.chain : NULL, c->diff, chain);
	return layers_have(g->images->layers, chain) && blobs_stat(g->images->blobs, c->blob, NULL, NULL) == 0;
}

/* What the root has changed becomes a layer: packed, and unpacked as every other one. */
static int commit_root(struct stage *g, struct cached *c, struct err *e)
{
	const struct pack_opts o = {
		.clamp_mtime = g->b->o->epoch, .uid = -1, .gid = -1, .compression = g->b->o->compression
	};
	struct descriptor d = { 0 };
	struct layer_input in = { .fd = -EBADF };
	char diff[DIGEST_MAX], same[DIGEST_MAX], chain[DIGEST_MAX];
	int r = pack_changes(g->images->layers, g->id, g->images->blobs, &o, &d, diff, e);

	if (r < 0)
		return r;
	drop_root(g);
	in.fd = blobs_fd(g->images->blobs, d.digest, e);
	if (in.fd < 0)
		return in.fd;
	r = layer_unpack(g->images->layers, *g->s.chain ? g->s.chain : NULL, &in, diff, same, chain, e);
	fd_close(in.fd);
	if (r < 0)
		return r;
	snprintf(c->diff, sizeof(c->diff), "%s", diff);
	snprintf(c->blob, sizeof(c->blob), "%s", d.digest);
	snprintf(c->chain, sizeof(c->chain), "%s", chain);
	c->media_type = strdup(d.media_type ?: MT_OCI_LAYER_GZ);
	c->size = d.size;
	r = state_add_layer(&g->s, &d, diff, e);
	return r < 0 || c->media_type ? r : err_oom(e);
}

int layer_make(struct stage *g, const struct step *step, struct cached *c, struct err *e)
{
	_cleanup_free_ char *rootfs = NULL;
	_cleanup_close_ int root = -EBADF;
	int r = stage_claim(g, e);

	if (r >= 0)
		r = rootfs_make(g->images->layers, g->id, *g->s.chain ? g->s.chain : NULL, &rootfs, e);
	if (r < 0)
		return r;
	g->has_root = true;
	root = rootfs_open(g->images->layers, g->id, NULL, false, e);
	if (root < 0)
		return root;
	r = step->fn(g, root, step->arg, e);
	fd_close(TAKE_FD(root));
	if (r >= 0)
		r = commit_root(g, c, e);
	drop_root(g);
	return r;
}

int step_do(struct stage *g, const struct step *step, struct err *e)
{
	struct cached c = { 0 };
	char key[DIGEST_MAX], id[13];
	int r = step_key(g, step, key, e);

	if (r >= 0 && !g->no_cache && !step->no_cache) {
		r = cache_get(g->images, key, &c, e);
		if (r > 0 && still_there(g, &c)) {
			stage_say(g, " ---> Using cache\n");
			r = use_cached(g, step, key, &c, e);
			cached_done(&c);
			if (r >= 0)
				stage_say(g, " ---> %s\n", short_id(g->s.id, id));
			return r;
		}
	}
	cached_done(&c);
	if (r < 0)
		return r;
	g->missed = true;
	if (!step->empty)
		r = layer_make(g, step, &c, e);
	c.created = build_time(g->b->o);
	if (r >= 0 && !c.created)
		r = err_oom(e);
	if (r >= 0)
		r = add_history(g, c.created, step->history, key, step->empty, e);
	if (r >= 0)
		r = cache_put(g->images, key, step->history, &c, e);
	cached_done(&c);
	if (r >= 0)
		stage_say(g, " ---> %s\n", short_id(g->s.id, id));
	return r;
}

/* --- instructions ------------------------------------------------------------------------------------------------------------ */

static int declare_arg(struct stage *g, const struct df_pair *p, struct err *e)
{
	const char *given = g->b->o->build_args ? strv_env_get(g->b->o->build_args, p->name) : NULL;
	const char *value = given ?: p->value;
	_cleanup_free_ char *text = NULL;
	int r = 0;

	if (!value)
		value = dockerfile_global(&g->b->df, &g->b->plan, p->name, &g->pool);
	if (!value && streq(p->name, "SOURCE_DATE_EPOCH") && g->b->o->epoch >= 0)
		value = pool_printf(&g->pool, "%lld", (long long)g->b->o->epoch);
	if (!value)
		return 0;
	if (asprintf(&text, "%s=%s", p->name, value) < 0)
		return err_oom(e);
	r = strv_env_set(&g->s.args, text, e);
	return r;
}

static int metadata(struct stage *g, const struct df_instr *in, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT, history = BUF_INIT;
	struct step step = { .empty = true };
	int r;

	config_describe(&g->s.config, in, &text);
	if (in->kind == DF_ARG) {
		for (const struct df_pair *p = in->pairs; p; p = p->next) {
			r = declare_arg(g, p, e);
			if (r < 0)
				return r;
		}
	} else {
		r = config_apply(&g->s.config, in, &g->s.cmd_set, e);
		if (r < 0)
			return r;
	}
	buf_printf(&history, "/bin/sh -c #(nop)  %s", buf_str(&text));
	step.key = buf_str(&text);
	step.history = buf_str(&history);
	r = buf_error(&history, e);
	return r < 0 ? r : step_do(g, &step, e);
}

/* The default of an ARG that is given stays as it is written: what is in it need not be there. */
static int expand(struct stage *g, const struct df_instr *in, struct df_instr *ret, struct err *e)
{
	const struct words w = { .escape = g->b->df.escape, .get = stage_var, .arg = g };
	struct df_instr bare = *in;
	struct df_pair *copy, **end = &bare.pairs;
	int r;

	if (in->kind != DF_ARG || !g->b->o->build_args)
		return instr_expand(in, &w, &g->pool, ret, e);
	for (const struct df_pair *p = in->pairs; p; p = p->next) {
		copy = pool_alloc(&g->pool, sizeof(*copy));
		if (!copy)
			return err_oom(e);
		*copy = *p;
		if (strv_env_get(g->b->o->build_args, p->name))
			copy->value = NULL;
		*end = copy;
		end = &copy->next;
	}
	r = instr_expand(&bare, &w, &g->pool, ret, e);
	copy = r < 0 ? NULL : ret->pairs;
	for (const struct df_pair *p = in->pairs; p && copy; p = p->next, copy = copy->next)
		copy->value = copy->value ?: p->value;
	return r;
}

static int execute(struct stage *g, const struct df_instr *in, struct err *e)
{
	struct df_instr full;
	int r = expand(g, in, &full, e);

	if (r < 0)
		return r;
	switch (in->kind) {
	case DF_RUN:
		return step_run(g, &full, e);
	case DF_COPY:
	case DF_ADD:
		return step_copy(g, &full, e);
	case DF_WORKDIR:
		return step_workdir(g, &full, e);
	default:
		return metadata(g, &full, e);
	}
}

/* The line it is about goes with the error. */
static int located(struct stage *g, int r, struct err *e)
{
	if (g->line && e && r != -ENOMEM && !e->hint[0])
		dockerfile_error(&g->b->df, g->line, r, e);
	return r;
}

static int announce(struct stage *g, const char *text)
{
	stage_say(g, "Step %zu/%zu : %s\n", ++g->step, g->b->n_steps, text);
	return 0;
}

/* What the base image wanted to be done in whatever is built on it. */
static int triggers(struct stage *g, struct err *e)
{
	struct strv list = g->s.config.config.on_build;
	int r = 0;

	g->s.config.config.on_build = STRV_INIT;
	if (list.n)
		stage_say(g, "# Executing %zu build trigger%s\n", list.n, list.n > 1 ? "s" : "");
	for (size_t i = 0; i < list.n && r >= 0; i++) {
		struct df_instr *in;

		stage_say(g, "# %s\n", list.v[i]);
		r = dockerfile_trigger(&g->b->df, list.v[i], &in, e);
		if (r >= 0)
			r = execute(g, in, e);
	}
	strv_done(&list);
	return r;
}

/* --- where it begins --------------------------------------------------------------------------------------------------------- */

static const char *opt_platform(const struct stage *g)
{
	return g->st->platform_is ?: g->b->platform;
}

int find_image(struct stage *g, const char *name, const char *platform, struct image *ret, struct err *e)
{
	const struct build_host *h = g->b->o->host;
	int r = g->b->o->pull ? -ENOENT : image_find(g->images, name, ret, e);

	if (r != -ENOENT)
		return r;
	err_clear(e);
	r = h->pull ? h->pull(h->arg, g->images, name, platform, g->b->o->pull, e)
		    : err_kind(e, ERR_NOT_FOUND, -ENOENT, "No such image: %s", name);
	return r < 0 ? r : image_find(g->images, name, ret, e);
}

static int base_layers(struct stage *g, const struct image *i, struct err *e)
{
	_cleanup_free_ char *text = NULL, *type = NULL;
	_cleanup_manifest_ struct manifest m = { 0 };
	size_t len = 0;
	int r = image_manifest(g->images, i, &text, &len, &type, e);

	if (r >= 0)
		r = manifest_parse(text, len, type, &m, e);
	if (r < 0)
		return r;
	g->s.layers = TAKE_PTR(m.layers);
	g->s.n_layers = g->s.n_base = m.n_layers;
	m.n_layers = 0;
	return 0;
}

static int from_image(struct stage *g, const char *name, struct err *e)
{
	_cleanup_image_ struct image i = { 0 };
	struct platform p = { 0 };
	int r = g->st->platform_is ? platform_parse(g->st->platform_is, &p, e) : 0;

	platform_done(&p);
	if (r >= 0)
		r = find_image(g, name, opt_platform(g), &i, e);
	if (r >= 0)
		r = image_config_of(g->images, &i, &g->s.config, e);
	if (r >= 0)
		r = base_layers(g, &i, e);
	if (r >= 0)
		r = image_need(g->images, &i, e);
	if (r < 0)
		return r;
	snprintf(g->s.chain, sizeof(g->s.chain), "%s", i.chain);
	snprintf(g->s.id, sizeof(g->s.id), "%s", i.id);
	snprintf(g->s.parent, sizeof(g->s.parent), "%s", i.id);
	return 0;
}

static int set_platform(struct image_config *c, const char *text, struct err *e)
{
	struct platform p = { 0 };
	int r = text ? platform_parse(text, &p, e) : platform_host(&p, e);

	if (r < 0)
		return r;
	free(c->os);
	free(c->architecture);
	free(c->variant);
	c->os = TAKE_PTR(p.os);
	c->architecture = TAKE_PTR(p.arch);
	c->variant = TAKE_PTR(p.variant);
	platform_done(&p);
	return 0;
}

static const char *context_image(const struct build *b, const char *name)
{
	for (size_t i = 0; i < b->o->n_contexts; i++)
		if (streq(b->o->contexts[i].name, name) && b->o->contexts[i].image)
			return b->o->contexts[i].image;
	return name;
}

static int begin(struct stage *g, struct err *e)
{
	const char *base;
	char id[13];
	int r;

	announce(g, g->st->line->original);
	if (g->st->base_stage >= 0) {
		state_done(&g->s);
		r = state_copy(&g->s, &g->b->states[g->st->base_stage], e);
		g->s.cmd_set = false;
		if (r >= 0)
			stage_say(g, " ---> %s\n", short_id(g->s.id, id));
		return r;
	}
	base = context_image(g->b, g->st->base_image);
	if (streq(base, "scratch")) {
		stage_say(g, " ---> \n");
		r = set_platform(&g->s.config, opt_platform(g), e);
		/* As BuildKit begins. */
		if (r >= 0)
			r = strv_push(&g->s.config.config.env, PATH_DEFAULT, e);
		if (r >= 0 && !(g->s.config.config.working_dir = strdup("/")))
			r = err_oom(e);
		return r;
	}
	r = from_image(g, base, e);
	if (r >= 0)
		stage_say(g, " ---> %s\n", short_id(g->s.id, id));
	return r;
}

static int unshare_mounts(struct err *e)
{
	/* Whatever is mounted for a step goes with the process. */
	int r = unshare(CLONE_NEWNS) < 0 ? -errno : sys_mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL);

	return r < 0 ? err_set(e, r, "make a mount name space for the build") : 0;
}

int stage_run(struct stage *g, struct err *e)
{
	const struct build_opts *o = g->b->o;
	int r = unshare_mounts(e);

	g->line = g->st->line;
	g->step = g->b->first_step[g->st->index];
	g->no_cache = o->no_cache || (o->no_cache_stages && g->st->name && strv_has(o->no_cache_stages, g->st->name));
	state_init(&g->s);
	if (r >= 0)
		r = images_open(o->data_root, o->driver, &g->images, e);
	if (r >= 0)
		r = cache_open(g->images, e);
	if (r >= 0)
		r = begin(g, e);
	if (r >= 0)
		r = triggers(g, e);
	for (const struct df_instr *in = g->st->instrs; in && r >= 0; in = in->next) {
		g->line = in->line;
		announce(g, in->text);
		r = execute(g, in, e);
	}
	if (r >= 0 && o->squash && g->st->index == g->b->target)
		r = stage_squash(g, e);
	return r < 0 ? located(g, r, e) : 0;
}
