/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* COPY, ADD and WORKDIR. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/build/inner.h"
#include "image/layers-inner.h"
#include "sys/inroot.h"
#include "sys/passwd.h"

enum what {
	FILES,	 /* of the source's root */
	INLINE,	 /* a here document */
	FETCHED, /* a URL's content, in a file of the stage */
	ARCHIVE, /* a local tar that ADD unpacks */
};

struct part {
	enum what what;
	const char *path; /* below the root, or of the file that was fetched */
	const char *name; /* of the file that is made */
	const char *text;
	int64_t mtime;
	size_t pivot; /* folders of it that --parents does not make */
	struct part *next;
};

struct copy_job {
	const struct df_instr *in;
	struct tree_source s;
	struct tree_copy o;
	struct ignore exclude, ignore; /* of --exclude; of a named context */
	struct part *parts;
	const char *dest;
	bool many, folder; /* several sources; the destination ends with a slash */
	int root;	   /* of the source */
};

static int add_part(struct stage *g, struct copy_job *j, struct part part, struct err *e)
{
	struct part *p = pool_alloc(&g->pool, sizeof(*p)), **end = &j->parts;

	if (!p)
		return err_oom(e);
	*p = part;
	while (*end)
		end = &(*end)->next;
	*end = p;
	return 0;
}

/* --- where from ------------------------------------------------------------------------------------------------------------------ */

static const struct build_context *find_context(const struct build *b, const char *name)
{
	for (size_t i = 0; i < b->o->n_contexts; i++)
		if (streq(b->o->contexts[i].name, name))
			return &b->o->contexts[i];
	return NULL;
}

static int open_folder(const char *path, const char *what, struct err *e)
{
	int fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -EBADF;

	if (!path)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: this build has no context", what);
	return fd < 0 ? err_set(e, -errno, "open %s", path) : fd;
}

static int open_chain(struct stage *g, const char *chain, char key[static DIGEST_MAX], struct err *e)
{
	snprintf(key, DIGEST_MAX, "%s", *chain ? chain : "empty");
	if (!*chain) {
		const char *path;
		int r = stage_claim(g, e);

		if (r < 0)
			return r;
		path = pool_printf(&g->pool, "%s/empty", g->dir);
		r = dir_make_all(path, 0755, e);
		return r < 0 ? r : open_folder(path, "", e);
	}
	return rootfs_open(g->images->layers, NULL, chain, true, e);
}

int context_ignore(struct stage *g, const char *from, struct ignore *ret, struct err *e)
{
	const struct build_context *c = from ? find_context(g->b, from) : NULL;
	_cleanup_free_ char *text = NULL, *path = c && c->dir ? path_join(c->dir, ".dockerignore") : NULL;
	size_t len = 0;
	int r;

	if (!c || !c->dir)
		return 0;
	r = path ? file_read(AT_FDCWD, path, IGNORE_SIZE_MAX, &text, &len, NULL) : err_oom(e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_set(e, r, "read %s", path ?: c->dir);
	r = ignore_parse(ret, text, len, e);
	return r < 0 ? r : 1;
}

int open_from(struct stage *g, const char *from, bool *is_image, char key[static DIGEST_MAX], struct err *e)
{
	const struct build_context *c = from ? find_context(g->b, from) : NULL;
	_cleanup_image_ struct image i = { 0 };
	long stage;
	int r;

	*key = '\0';
	*is_image = false;
	if (!from)
		return open_folder(g->b->o->context, "COPY or ADD", e);
	if (c && c->dir)
		return open_folder(c->dir, from, e);
	*is_image = true;
	stage = c ? -1 : dockerfile_stage(&g->b->df, from, g->st->index);
	/* Only those that the plan saw are done by now: a trigger of the base image is read later. */
	if (stage >= 0 && !g->st->uses[stage])
		return err_kind(e, ERR_INVALID, -EINVAL, "stage %s cannot be used by a build trigger or a variable",
				from);
	if (stage >= 0)
		return open_chain(g, g->b->states[stage].chain, key, e);
	if (streq(from, "scratch"))
		return err_kind(e, ERR_INVALID, -EINVAL, "scratch has nothing that could be copied");
	r = find_image(g, c ? c->image : from, g->b->platform, &i, e);
	if (r >= 0)
		r = image_need(g->images, &i, e);
	return r < 0 ? r : open_chain(g, i.chain, key, e);
}

/* --- what of it ------------------------------------------------------------------------------------------------------------------ */

static bool is_url(const char *s)
{
	return startswith(s, "http://") || startswith(s, "https://");
}

static int check_sum(const char *path, const char *want, struct err *e)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char got[DIGEST_MAX], data[16384];
	struct hasher *h = NULL;
	ssize_t n;
	int r = digest_check(want, e);

	if (r >= 0)
		r = hasher_new(startswith(want, "sha512:") ? "sha512" : "sha256", &h, e);
	if (r < 0)
		return r;
	while ((n = fd_read_full(fd, data, sizeof(data))) > 0)
		hasher_add(h, data, (size_t)n);
	hasher_end(h, got);
	hasher_free(h);
	if (n < 0)
		return err_set(e, (int)n, "read %s", path);
	return streq(got, want)
		       ? 0
		       : err_kind(e, ERR_INVALID, -EBADMSG, "checksum mismatch: expected %s, got %s", want, got);
}

/* The last part of the path of a URL. */
static const char *url_name(struct stage *g, const char *url)
{
	const char *path = strstr(url, "://") + 3, *slash, *name;
	size_t n = strcspn(path, "?#");

	path = pool_strn(&g->pool, path, n);
	slash = strchr(path, '/');
	name = slash ? strrchr(slash, '/') + 1 : "";
	return name;
}

static int fetch(struct stage *g, struct copy_job *j, const char *url, struct hasher *h, struct err *e)
{
	const struct build_host *host = g->b->o->host;
	struct part part = { .what = FETCHED, .name = url_name(g, url) };
	_cleanup_close_ int fd = -EBADF;
	char data[16384];
	ssize_t n;
	int r = stage_claim(g, e);

	if (r < 0)
		return r;
	if (!host->fetch)
		return err_kind(e, ERR_MISSING, -ENOTSUP, "ADD %s: nothing here fetches URLs", url);
	if (!*part.name && j->folder)
		return err_kind(e, ERR_INVALID, -EINVAL, "cannot determine filename from url: %s", url);
	part.path = pool_printf(&g->pool, "%s/url%zu", g->dir, g->pool.used);
	fd = open(part.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "make %s", part.path);
	r = host->fetch(host->arg, url, fd, &part.mtime, e);
	if (r >= 0 && j->in->checksum)
		r = check_sum(part.path, j->in->checksum, e);
	if (r < 0)
		return err_wrap(e, r, "ADD %s", url);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_set(e, -errno, "seek %s", part.path);
	hasher_add(h, "url", 4);
	hasher_add(h, part.name, strlen(part.name) + 1);
	while ((n = fd_read_full(fd, data, sizeof(data))) > 0)
		hasher_add(h, data, (size_t)n);
	if (n < 0)
		return err_set(e, (int)n, "read %s", part.path);
	return add_part(g, j, part, e);
}

/* A repository, or the folder of it that URL#REF:FOLDER names. */
static int clone(struct stage *g, struct copy_job *j, const char *url, struct hasher *h, struct err *e)
{
	const struct git_access access = { .commit = j->in->checksum,
					   .agent = g->b->o->ssh ? strv_env_get(g->b->o->ssh, "default") : NULL };
	const char *dir, *sub;
	struct tree_source s = { .root_fd = -EBADF };
	int r;

	/* Whoever wrote the Dockerfile need not be who may read what is here. */
	if (startswith(url, "file://")) {
		err_kind(e, ERR_DENIED, -EPERM, "ADD %s: a Dockerfile cannot have a repository of the host", url);
		return err_hint(e, -EPERM, "give it one: --build-context NAME=%s and COPY --from=NAME", url);
	}
	r = stage_claim(g, e);
	if (r < 0)
		return r;
	dir = pool_printf(&g->pool, "%s/git%zu", g->dir, g->pool.used);
	r = git_fetch(url, &access, dir, j->in->keep_git == DF_YES, &sub, e);
	if (r < 0)
		return err_wrap(e, r, "ADD %s", url);
	s.root_fd = open_folder(dir, url, e);
	if (s.root_fd < 0)
		return s.root_fd;
	hasher_add(h, sub, strlen(sub) + 1);
	r = tree_hash(&s, sub, NULL, h, e);
	fd_close(s.root_fd);
	return r < 0 ? r : add_part(g, j, (struct part){ .what = FILES, .path = sub, .text = dir }, e);
}

static bool is_archive(int root, const char *path)
{
	_cleanup_close_ int fd = inroot_open(root, path, O_RDONLY | O_CLOEXEC, 0);
	struct stat st;

	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && archive_begins(fd);
}

/* How many folders of SRC stand before its first /./. */
static size_t folders_before_pivot(const char *src)
{
	const char *p = strstr(src, "/./");
	_cleanup_free_ char *copy = p ? strndup(src, (size_t)(p - src)) : NULL, *clean = copy ? path_clean(copy) : NULL;
	size_t n = 0;

	for (const char *s = clean && !streq(clean, ".") ? clean : ""; *s; s += strcspn(s, "/")) {
		s += strspn(s, "/");
		n += *s != '\0';
	}
	return n;
}

static int find_files(struct stage *g, struct copy_job *j, const char *pattern, struct hasher *h, struct err *e)
{
	const size_t pivot = j->o.parents ? folders_before_pivot(pattern) : 0;
	_cleanup_strv_ struct strv found = STRV_INIT;
	int r = tree_find(&j->s, pattern, &found, e);

	if (r < 0)
		return err_wrap(e, r, "%s failed", df_kind_name(j->in->kind));
	if (pivot)
		hasher_add(h, &pivot, sizeof(pivot));
	for (size_t i = 0; i < found.n && r >= 0; i++) {
		struct part part = { .what = FILES, .path = pool_str(&g->pool, found.v[i]), .pivot = pivot };

		if (j->in->kind == DF_ADD && j->in->unpack != DF_NO && is_archive(j->s.root_fd, part.path))
			part.what = ARCHIVE;
		hasher_add(h, part.path, strlen(part.path) + 1);
		r = tree_hash(&j->s, part.path, &j->o, h, e);
		if (r >= 0)
			r = add_part(g, j, part, e);
	}
	return r;
}

static int find_parts(struct stage *g, struct copy_job *j, struct hasher *h, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < j->in->args.n && r >= 0; i++) {
		const char *src = j->in->args.v[i];

		if (j->in->kind == DF_ADD && git_is_url(src)) {
			r = clone(g, j, src, h, e);
			continue;
		}
		if (j->in->kind == DF_ADD && is_url(src)) {
			r = fetch(g, j, src, h, e);
			continue;
		}
		if (!isempty(j->in->checksum))
			return err_kind(e, ERR_INVALID, -EINVAL, "checksum requires HTTP(S) or Git sources");
		if (j->s.root_fd < 0) {
			char key[DIGEST_MAX];
			bool is_image;

			j->s.root_fd = open_from(g, j->in->from, &is_image, key, e);
			if (j->s.root_fd < 0)
				return j->s.root_fd;
			j->s.keep_owner = is_image;
			r = context_ignore(g, j->in->from, &j->ignore, e);
			if (r < 0)
				return r;
			if (r > 0)
				j->s.ignore = &j->ignore;
		}
		r = find_files(g, j, src, h, e);
	}
	for (const struct df_heredoc *d = j->in->files; d && r >= 0; d = d->next) {
		hasher_add(h, d->name, strlen(d->name) + 1);
		hasher_add(h, d->content, strlen(d->content) + 1);
		r = add_part(g, j, (struct part){ .what = INLINE, .name = d->name, .text = d->content }, e);
	}
	return r;
}

/* --- to where ---------------------------------------------------------------------------------------------------------------------- */

/* A user without a group has the group of the same name or number. */
static int owner(struct stage *g, struct copy_job *j, int root, struct err *e)
{
	const char *spec = j->in->chown;
	struct passwd_user *u;
	int r;

	if (isempty(spec))
		return 0;
	if (!strchr(spec, ':'))
		spec = pool_printf(&g->pool, "%s:%s", spec, spec);
	u = pool_alloc(&g->pool, sizeof(*u));
	if (!u)
		return err_oom(e);
	r = passwd_find(root, spec, u, e);
	if (r < 0)
		return err_wrap(e, r, "unable to convert uid/gid chown string");
	j->o.uid = u->uid;
	j->o.gid = u->gid;
	return 0;
}

static int put_file(struct copy_job *j, const struct part *p, int root, const char *path, struct err *e)
{
	const char *name;
	_cleanup_close_ int dir = inroot_open_parent(root, path, true, &name), fd = -EBADF, from = -EBADF;
	struct timespec times[2] = { { .tv_sec = p->mtime }, { .tv_sec = p->mtime } };
	mode_t mode = p->what == INLINE ? 0644 : 0600;
	char data[16384];
	ssize_t n = 0;
	int r = 0;

	if (dir < 0)
		return err_set(e, dir, "make the folder of %s", path);
	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return err_set(e, -errno, "replace %s", path);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "make %s", path);
	if (p->what == INLINE)
		r = fd_write_all(fd, p->text, strlen(p->text));
	else if ((from = open(p->path, O_RDONLY | O_CLOEXEC)) < 0)
		r = -errno;
	while (from >= 0 && r >= 0 && (n = fd_read_full(from, data, sizeof(data))) > 0)
		r = fd_write_all(fd, data, (size_t)n);
	if (r >= 0 && n < 0)
		r = (int)n;
	if (r < 0)
		return err_set(e, r, "write %s", path);
	if (j->o.chmod)
		r = tree_mode(j->o.chmod, mode, false, &mode, e);
	if (r < 0)
		return r;
	if (fchown(fd, j->o.uid >= 0 ? (uid_t)j->o.uid : 0, j->o.gid >= 0 ? (gid_t)j->o.gid : 0) < 0 ||
	    fchmod(fd, mode) < 0)
		return err_set(e, -errno, "owner of %s", path);
	if (p->mtime)
		futimens(fd, times);
	return 0;
}

static int unpack(struct copy_job *j, const struct part *p, int root, struct err *e)
{
	const struct untar_owner owner = { .uid = (uid_t)j->o.uid, .gid = (gid_t)j->o.gid };
	const struct untar_opts o = { .whiteouts = UNTAR_PLAIN, .owner = j->o.uid >= 0 ? &owner : NULL };
	_cleanup_close_ int dir = -EBADF, fd = -EBADF, in = inroot_open(j->s.root_fd, p->path, O_RDONLY | O_CLOEXEC, 0);
	const struct layer_input input = { .fd = in };
	char unused[DIGEST_MAX];
	int r;

	if (in < 0)
		return err_set(e, in, "open %s", p->path);
	r = tree_make_dest(root, j->dest, &j->o, e);
	if (r < 0)
		return r;
	dir = inroot_open_path(root, j->dest, O_DIRECTORY);
	fd = dir < 0 ? dir : inroot_reopen(dir, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return err_set(e, fd, "open %s", j->dest);
	r = layer_stream(fd, &input, &o, unused, e);
	return r < 0 ? err_wrap(e, r, "ADD %s", p->path) : 0;
}

static bool is_folder(int root, const char *path)
{
	_cleanup_close_ int fd = inroot_open_path(root, path, O_DIRECTORY);

	return fd >= 0;
}

static int put_part(struct stage *g, struct copy_job *j, const struct part *p, int root, struct err *e)
{
	bool into = j->folder || j->many || is_folder(root, j->dest);
	struct tree_source s = j->s;
	const char *path;
	int r;

	if (p->what == ARCHIVE)
		return unpack(j, p, root, e);
	if (p->what == FILES) {
		if (p->text) {
			s = (struct tree_source){ .root_fd = open_folder(p->text, "git", e) };
			if (s.root_fd < 0)
				return s.root_fd;
		}
		j->o.skip = 0;
		for (size_t i = 0; i < p->pivot && p->path[j->o.skip]; i++)
			j->o.skip += strcspn(p->path + j->o.skip, "/") + (strchr(p->path + j->o.skip, '/') != NULL);
		r = tree_copy(&s, p->path, root, j->dest, into, &j->o, e);
		if (p->text)
			fd_close(s.root_fd);
		return r;
	}
	path = into ? pool_printf(&g->pool, "%s/%s", j->dest, p->name) : j->dest;
	r = tree_make_dest(root, into ? j->dest : pool_strn(&g->pool, path, (size_t)(strrchr(path, '/') - path)), &j->o,
			   e);
	return r < 0 ? r : put_file(j, p, root, path, e);
}

static int copy(struct stage *g, int root, void *arg, struct err *e)
{
	struct copy_job *j = arg;
	int r = owner(g, j, root, e);

	for (const struct part *p = j->parts; p && r >= 0; p = p->next)
		r = put_part(g, j, p, root, e);
	return r;
}

static int set_excludes(struct copy_job *j, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < j->in->excludes.n && r >= 0; i++)
		r = ignore_add(&j->exclude, j->in->excludes.v[i], e);
	if (j->exclude.n)
		j->o.exclude = &j->exclude;
	return r;
}

static int prepare(struct stage *g, struct copy_job *j, const struct df_instr *in, struct err *e)
{
	size_t n = in->args.n, end = strlen(in->dest);
	mode_t mode;
	char *dest;
	int r;

	for (const struct df_heredoc *d = in->files; d; d = d->next)
		n++;
	dest = config_path(&g->s.config, in->dest);
	if (!dest)
		return err_oom(e);
	j->in = in;
	j->dest = pool_str(&g->pool, dest);
	free(dest);
	j->many = n > 1;
	j->folder = end &&
		    (in->dest[end - 1] == '/' || streq(in->dest, ".") || (end > 1 && streq(in->dest + end - 2, "/.")));
	j->s = (struct tree_source){ .root_fd = -EBADF, .ignore = in->from ? NULL : &g->b->ignore };
	j->o = (struct tree_copy){
		.uid = -1, .gid = -1, .chmod = isempty(in->chmod) ? NULL : in->chmod, .parents = in->parents == DF_YES
	};
	if (j->many && !j->folder)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"When using %s with more than one source file, the destination must be a directory and "
				"end with a /",
				df_kind_name(in->kind));
	r = j->o.chmod ? tree_mode(j->o.chmod, 0644, false, &mode, e) : 0;
	return r < 0 ? r : set_excludes(j, e);
}

int step_copy(struct stage *g, const struct df_instr *in, struct err *e)
{
	_cleanup_buf_ struct buf key = BUF_INIT, history = BUF_INIT;
	struct copy_job j = { 0 };
	struct step step = { .fn = copy, .arg = &j };
	struct hasher *h = NULL;
	char sum[DIGEST_MAX] = "";
	int r = prepare(g, &j, in, e);

	if (r >= 0)
		r = hasher_new(NULL, &h, e);
	if (r >= 0)
		r = find_parts(g, &j, h, e);
	if (r >= 0) {
		hasher_end(h, sum);
		buf_printf(&key, "%s %s chown %s chmod %s into %d unpack %d %s %s", df_kind_name(in->kind), sum,
			   in->chown ?: "", in->chmod ?: "", j.folder, in->unpack != DF_NO, j.dest,
			   in->parents == DF_YES ? "parents" : "");
		buf_printf(&history, "/bin/sh -c #(nop) %s %s%s in %s ", df_kind_name(in->kind),
			   j.parts && !j.parts->next && (j.parts->what == FILES || j.parts->what == ARCHIVE) ? "file:"
													     : "multi:",
			   digest_hex(sum), in->dest);
		step.key = buf_str(&key);
		step.history = buf_str(&history);
		r = buf_error(&key, e);
	}
	if (r >= 0)
		r = step_do(g, &step, e);
	hasher_free(h);
	fd_close(j.s.root_fd);
	ignore_done(&j.exclude);
	ignore_done(&j.ignore);
	return r;
}

/* --- WORKDIR ------------------------------------------------------------------------------------------------------------------------ */

static int make_workdir(struct stage *g, int root, void *arg, struct err *e)
{
	struct passwd_user *u = pool_alloc(&g->pool, sizeof(*u));
	int r;

	(void)arg;
	if (!u)
		return err_oom(e);
	/* Whoever cannot be found is told when something is run. */
	if (passwd_find(root, g->s.config.config.user, u, NULL) < 0)
		u->uid = u->gid = 0;
	r = tree_make_dirs(root, g->s.config.config.working_dir, 0755, u->uid, u->gid, e);
	return r;
}

int step_workdir(struct stage *g, const struct df_instr *in, struct err *e)
{
	_cleanup_buf_ struct buf key = BUF_INIT, history = BUF_INIT;
	struct step step = { .fn = make_workdir };
	int r = config_apply(&g->s.config, in, &g->s.cmd_set, e);

	if (r < 0)
		return r;
	buf_printf(&key, "WORKDIR %s", g->s.config.config.working_dir);
	buf_printf(&history, "/bin/sh -c #(nop) %s", buf_str(&key));
	step.key = buf_str(&key);
	step.history = buf_str(&history);
	/* A folder that is there makes no layer. */
	if (*g->s.chain) {
		_cleanup_close_ int root = rootfs_open(g->images->layers, NULL, g->s.chain, true, e);

		if (root < 0)
			return root;
		step.empty = is_folder(root, g->s.config.config.working_dir);
	}
	if (streq(g->s.config.config.working_dir, "/"))
		step.empty = true;
	r = buf_error(&history, e);
	return r < 0 ? r : step_do(g, &step, e);
}
