/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RUN: what is executed, with which files of elsewhere, and that nothing of them stays in the layer. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/build/inner.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/syscalls.h"

#define MOUNTS_MAX 64

struct job {
	const struct df_instr *in;
	struct df_mount said[MOUNTS_MAX];
	struct build_mount mounts[MOUNTS_MAX + 2];
	size_t n_said, n;
	int locks[MOUNTS_MAX];
	size_t n_locks;
	const char *script; /* body of a here document that names its own interpreter */
	const char *script_path;
	struct strv argv, env;
	struct texts stubs; /* mount points that were not there before */
	bool secrets;	    /* the tmpfs for them is there */
};

static void job_done(struct job *j)
{
	for (size_t i = 0; i < j->n_locks; i++)
		fd_close(j->locks[i]);
	strv_done(&j->argv);
	strv_done(&j->env);
}

/* --- the command line -------------------------------------------------------------------------------------------------------- */

/* The whole command is one here document. */
static bool only_heredoc(const struct df_instr *in)
{
	const char *text = in->args.n ? in->args.v[0] : "";
	const char *rest = startswith(text, "<<");

	return rest && in->files && !in->files->next && !strpbrk(rest + strspn(rest, "- \t"), " \t|&;<>");
}

static int make_argv(struct stage *g, struct job *j, struct err *e)
{
	const struct df_instr *in = j->in;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	if (in->json) {
		r = 0;
		for (size_t i = 0; i < in->args.n && r >= 0; i++)
			r = strv_push(&j->argv, in->args.v[i], e);
		return r < 0 || j->argv.n ? r : err_kind(e, ERR_INVALID, -EINVAL, "RUN requires at least one argument");
	}
	if (only_heredoc(in)) {
		const char *body = heredoc_text(&g->pool, in->files);

		if (startswith(body, "#!")) {
			j->script = body;
			j->script_path = pool_printf(&g->pool, "/dev/pipes/%s", in->files->name);
			return strv_push(&j->argv, j->script_path, e);
		}
		buf_puts(&text, body);
	} else {
		buf_puts(&text, in->args.n ? in->args.v[0] : "");
		for (const struct df_heredoc *h = in->files; h; h = h->next)
			buf_printf(&text, "\n%s%s", h->content, h->name);
	}
	r = buf_error(&text, e);
	if (r >= 0)
		r = config_shell(&g->s.config, &j->argv, e);
	return r < 0 ? r : strv_push(&j->argv, buf_str(&text), e);
}

static const char *const proxies[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY",
				       "ftp_proxy",  "NO_PROXY",   "no_proxy",	  "ALL_PROXY",	 "all_proxy" };

static int make_env(struct stage *g, struct job *j, struct err *e)
{
	const struct strv *env = &g->s.config.config.env, *given = g->b->o->build_args;
	int r = strv_push(&j->env, PATH_DEFAULT, e);

	/* Who gives one spelling has both. */
	for (size_t i = 0; given && i < ARRAY_SIZE(proxies) && r >= 0; i++) {
		const char *value = strv_env_get(given, proxies[i]) ?: strv_env_get(given, proxies[i ^ 1]);

		if (value)
			r = strv_pushf(&j->env, e, "%s=%s", proxies[i], value);
	}
	for (size_t i = 0; i < g->s.args.n && r >= 0; i++)
		r = strv_env_set(&j->env, g->s.args.v[i], e);
	for (size_t i = 0; i < env->n && r >= 0; i++)
		r = strv_env_set(&j->env, env->v[i], e);
	return r;
}

/* ARGs as they stand in the history: those that ENV does not hide, and not the proxies. */
static void describe_args(struct stage *g, struct buf *out)
{
	size_t n = 0;
	_cleanup_buf_ struct buf list = BUF_INIT;

	for (size_t i = 0; i < g->s.args.n; i++) {
		const char *arg = g->s.args.v[i], *name = pool_strn(&g->pool, arg, strcspn(arg, "="));
		bool proxy = false;

		for (size_t p = 0; p < ARRAY_SIZE(proxies); p++)
			proxy = proxy || streq(name, proxies[p]);
		if (proxy || strv_env_get(&g->s.config.config.env, name))
			continue;
		buf_printf(&list, "%s ", arg);
		n++;
	}
	if (n)
		buf_printf(out, "|%zu %s", n, buf_str(&list));
}

static void describe(struct stage *g, const struct job *j, struct buf *out)
{
	describe_args(g, out);
	for (size_t i = 0; i < j->argv.n; i++)
		buf_printf(out, i ? " %s" : "%s", j->argv.v[i]);
	if (j->script)
		buf_printf(out, "\n%s", j->script);
}

/* --- mounts -------------------------------------------------------------------------------------------------------------------- */

static int parse_mounts(struct stage *g, struct job *j, struct err *e)
{
	const struct words w = { .escape = g->b->df.escape, .get = stage_var, .arg = g };
	int r = 0;

	if (j->in->mounts.n > MOUNTS_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d mounts", MOUNTS_MAX);
	for (size_t i = 0; i < j->in->mounts.n && r >= 0; i++) {
		struct df_mount *m = &j->said[j->n_said++];

		r = mount_parse(j->in->mounts.v[i], &w, &g->pool, m, e);
		if (r >= 0 && m->target) {
			char *path = config_path(&g->s.config, m->target);

			if (!path)
				return err_oom(e);
			m->target = pool_str(&g->pool, path);
			free(path);
			if (streq(m->target, "/"))
				return err_kind(e, ERR_INVALID, -EINVAL, "invalid mount target \"/\"");
		}
	}
	return r;
}

/* What of them the step's result depends on. */
static int describe_mounts(struct stage *g, const struct job *j, struct buf *out, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < j->n_said && r >= 0; i++) {
		const struct df_mount *m = &j->said[i];
		char key[DIGEST_MAX] = "";

		if (m->type == DF_MOUNT_BIND) {
			bool is_image;
			_cleanup_close_ int fd = open_from(g, m->from, &is_image, key, e);
			_cleanup_ignore_ struct ignore ignore = { 0 };
			struct hasher *h = NULL;

			if (fd < 0)
				return fd;
			r = context_ignore(g, m->from, &ignore, e);
			if (r < 0)
				return r;
			if (!*key) {
				const struct tree_source s = { .root_fd = fd,
							       .ignore = m->from ? &ignore : &g->b->ignore };

				r = hasher_new(NULL, &h, e);
				if (r >= 0)
					r = tree_hash(&s, m->source ?: "", NULL, h, e);
				if (r >= 0)
					hasher_end(h, key);
				hasher_free(h);
			}
		}
		buf_printf(out, "\nmount %d %s %s %s %d %s", m->type, m->target ?: "", m->source ?: "", m->id ?: "",
			   m->readonly, key);
	}
	return r;
}

static int add_mount(struct job *j, const char *source, const char *target, bool readonly, uint64_t size)
{
	j->mounts[j->n++] =
		(struct build_mount){ .source = source, .target = target, .readonly = readonly, .size = size };
	return 0;
}

/* An object that is only known by an fd gets a path, in our own mount name space. */
static int give_path(struct stage *g, struct job *j, int fd, const char **ret, struct err *e)
{
	const char *path = pool_printf(&g->pool, "%s/m%zu", g->dir, j->n);
	_cleanup_close_ int mnt = -EBADF, target = -EBADF;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "stat the source of a mount");
	if (S_ISDIR(st.st_mode)) {
		r = dir_make_all(path, 0700, e);
	} else {
		target = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		r = target < 0 ? err_set(e, -errno, "make %s", path) : 0;
		target = fd_close(target);
	}
	if (r < 0)
		return r;
	mnt = mount_clone(fd, "", true, e);
	if (mnt < 0)
		return mnt;
	target = open(path, O_PATH | O_CLOEXEC);
	if (target < 0)
		return err_set(e, -errno, "open %s", path);
	*ret = path;
	return mount_attach(mnt, target, e);
}

/* A copy that may be written to, and goes afterwards; of the context also without what .dockerignore leaves out. */
static int copy_aside(struct stage *g, struct job *j, const struct tree_source *s, const char *source, const char **ret,
		      struct err *e)
{
	const struct tree_copy o = { .uid = -1, .gid = -1 };
	const char *path = pool_printf(&g->pool, "%s/c%zu", g->dir, j->n);
	_cleanup_close_ int fd = -EBADF, src = inroot_open_path(s->root_fd, *source ? source : "/", 0);
	struct stat st;
	int r;

	if (src < 0 || fstat(src, &st) < 0)
		return err_set(e, src < 0 ? src : -errno, "%s", source);
	r = dir_make_all(path, 0755, e);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open %s", path);
	*ret = S_ISDIR(st.st_mode) ? path : pool_printf(&g->pool, "%s/x", path);
	return tree_copy(s, source, fd, S_ISDIR(st.st_mode) ? "/" : "/x", false, &o, e);
}

static int bind_mount(struct stage *g, struct job *j, const struct df_mount *m, struct err *e)
{
	char key[DIGEST_MAX] = "";
	bool is_image = false;
	_cleanup_close_ int root = open_from(g, m->from, &is_image, key, e), fd = -EBADF;
	_cleanup_ignore_ struct ignore ignore = { 0 };
	const struct tree_source s = { .root_fd = root,
				       .ignore = m->from ? &ignore : &g->b->ignore,
				       .keep_owner = is_image };
	const char *source = m->source ?: "", *path = NULL;
	int r = root < 0 ? root : context_ignore(g, m->from, &ignore, e);

	if (r < 0)
		return r;
	if (!m->readonly || (s.ignore && s.ignore->n)) {
		r = copy_aside(g, j, &s, source, &path, e);
		return r < 0 ? r : add_mount(j, path, m->target, m->readonly, 0);
	}
	fd = inroot_open_path(root, *source ? source : "/", 0);
	if (fd < 0)
		return err_set(e, fd, "mount source %s", source);
	r = give_path(g, j, fd, &path, e);
	return r < 0 ? r : add_mount(j, path, m->target, true, 0);
}

/* A RUN may have the same cache twice, and would wait for itself. */
static bool is_locked(const struct job *j, int fd)
{
	struct stat want, have;

	if (fstat(fd, &want) < 0)
		return false;
	for (size_t i = 0; i < j->n_locks; i++)
		if (fstat(j->locks[i], &have) == 0 && have.st_ino == want.st_ino && have.st_dev == want.st_dev)
			return true;
	return false;
}

/* Those who share hold it together, so that nobody prunes it. */
static int lock_cache(int fd, enum df_sharing sharing)
{
	int how = sharing == DF_SHARED ? LOCK_SH : sharing == DF_PRIVATE ? LOCK_EX | LOCK_NB : LOCK_EX;

	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* What a new one begins with: the folder that it is made from, owner and mode. */
static int fill_cache(struct stage *g, const struct df_mount *m, int fd, struct err *e)
{
	const struct tree_copy o = { .uid = m->uid, .gid = m->gid };
	char key[DIGEST_MAX];
	bool is_image;
	int r = 0;

	if (m->from) {
		_cleanup_close_ int root = open_from(g, m->from, &is_image, key, e);
		const struct tree_source s = { .root_fd = root, .keep_owner = true };

		r = root < 0 ? root : tree_copy(&s, m->source ?: "", fd, "/", false, &o, e);
	}
	if (r >= 0 && (fchown(fd, m->uid >= 0 ? (uid_t)m->uid : 0, m->gid >= 0 ? (gid_t)m->gid : 0) < 0 ||
		       fchmod(fd, m->mode >= 0 ? (mode_t)m->mode : 0755) < 0))
		r = err_set(e, -errno, "owner of the cache %s", m->id ?: m->target);
	return r;
}

/* Made in the stage's own folder, then put in place: nobody sees half of it. Another may be faster. */
static int make_cache(struct stage *g, const struct df_mount *m, const char *path, struct err *e)
{
	const char *own = pool_printf(&g->pool, "%s/cache%zu", g->dir, g->pool.used);
	_cleanup_close_ int fd = -EBADF;
	int r = dir_make_all(own, 0755, e);

	if (r < 0)
		return r;
	fd = open(own, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "open %s", own);
	r = fill_cache(g, m, fd, e);
	if (r >= 0 && renameat2(AT_FDCWD, own, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		r = errno == EEXIST ? tree_remove(AT_FDCWD, own, e) : err_set(e, -errno, "make %s", path);
	return r;
}

/* PATH, there and locked: its fd. -EAGAIN: somebody else has it. */
static int open_cache(struct stage *g, const struct job *j, const struct df_mount *m, const char *path, struct err *e)
{
	for (;;) {
		_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		const struct timespec now[2] = { { .tv_nsec = UTIME_NOW }, { .tv_nsec = UTIME_OMIT } };
		struct stat mine, there;
		int r;

		if (fd < 0 && errno != ENOENT)
			return err_set(e, -errno, "open %s", path);
		if (fd < 0) {
			r = make_cache(g, m, path, e);
			if (r < 0)
				return r;
			continue;
		}
		if (!is_locked(j, fd) && lock_cache(fd, m->sharing) < 0)
			return -EAGAIN;
		/* Before the lock somebody may have pruned it. */
		if (fstat(fd, &mine) == 0 && stat(path, &there) == 0 && mine.st_ino == there.st_ino) {
			(void)futimens(fd, now);
			return TAKE_FD(fd);
		}
	}
}

/* The folder of a cache, and the right to use it: private ones take the first that nobody has. */
static int cache_mount(struct stage *g, struct job *j, const struct df_mount *m, struct err *e)
{
	const char *id = m->id ?: m->target, *text = id;
	char name[DIGEST_MAX];

	/* Another beginning is another cache. */
	if (m->from) {
		char key[DIGEST_MAX];
		bool is_image;
		_cleanup_close_ int root = open_from(g, m->from, &is_image, key, e);

		if (root < 0)
			return root;
		text = pool_printf(&g->pool, "%s:%s", id, *key ? key : m->from);
	}
	/* And so is one that is made for others. */
	if (m->mode >= 0 || m->uid >= 0 || m->gid >= 0)
		text = pool_printf(&g->pool, "%s:%lld:%lld:%llo", text, (long long)m->uid, (long long)m->gid,
				   (unsigned long long)m->mode);
	digest_of(text, strlen(text), name);
	for (unsigned i = 0; i < 64; i++) {
		const char *path = i ? pool_printf(&g->pool, "%s/cache/%s.%u", g->b->dir, digest_hex(name), i)
				     : pool_printf(&g->pool, "%s/cache/%s", g->b->dir, digest_hex(name));
		int fd = open_cache(g, j, m, path, e);

		if (fd == -EAGAIN)
			continue;
		if (fd < 0)
			return fd;
		j->locks[j->n_locks++] = fd;
		return add_mount(j, path, m->target, m->readonly, 0);
	}
	return err_kind(e, ERR_LIMIT, -EBUSY, "64 users of the cache %s at once", id);
}

/* Secrets are never on a disk. */
static int secret_place(struct stage *g, struct job *j, struct err *e)
{
	const char *path = pool_printf(&g->pool, "%s/secrets", g->dir);
	_cleanup_close_ int mnt = -EBADF, target = -EBADF;
	int r = j->secrets ? 0 : dir_make_all(path, 0700, e);

	if (r < 0 || j->secrets)
		return r;
	mnt = mount_new("tmpfs", "tmpfs", "mode=700,size=16m", 0, false, e);
	if (mnt < 0)
		return mnt;
	target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target < 0)
		return err_set(e, -errno, "open %s", path);
	j->secrets = true;
	return mount_attach(mnt, target, e);
}

static int put_secret(struct stage *g, struct job *j, const struct df_mount *m, const char *data, size_t len,
		      struct err *e)
{
	const char *id = m->id ?: m->source ?: m->target;
	const char *base = strrchr(id, '/') ? strrchr(id, '/') + 1 : id;
	const char *path = pool_printf(&g->pool, "%s/secrets/%zu", g->dir, j->n);
	_cleanup_close_ int fd = -EBADF;
	int r = secret_place(g, j, e);

	if (r < 0)
		return r;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400);
	if (fd < 0)
		return err_set(e, -errno, "make %s", path);
	r = fd_write_all(fd, data, len);
	if (r < 0 || fchown(fd, m->uid >= 0 ? (uid_t)m->uid : 0, m->gid >= 0 ? (gid_t)m->gid : 0) < 0 ||
	    fchmod(fd, m->mode >= 0 ? (mode_t)m->mode : 0400) < 0)
		return err_set(e, r < 0 ? r : -errno, "write a secret");
	return add_mount(j, path, m->target ?: pool_printf(&g->pool, "/run/secrets/%s", base), true, 0);
}

static int secret_mount(struct stage *g, struct job *j, const struct df_mount *m, struct err *e)
{
	const char *id = m->id ?: m->source ?: m->target;
	const char *base = strrchr(id, '/') ? strrchr(id, '/') + 1 : id;
	const struct build_secret *found = NULL;
	_cleanup_free_ char *data = NULL;
	size_t len = 0;
	int r = 0;

	for (size_t i = 0; i < g->b->o->n_secrets && !found; i++)
		if (streq(g->b->o->secrets[i].id, m->id ? id : base))
			found = &g->b->o->secrets[i];
	if (!found && m->required)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "secret %s: not found", m->id ? id : base);
	if (!found)
		return 0;
	if (found->file)
		r = file_read(AT_FDCWD, found->file, 500u << 10, &data, &len, e);
	if (r < 0)
		return err_wrap(e, r, "secret %s", found->id);
	if (m->has_env) {
		r = strv_pushf(&j->env, e, "%s=%s", *m->env ? m->env : base, data ?: found->data);
		if (r < 0 || !m->target)
			return r;
	}
	return put_secret(g, j, m, data ?: found->data, data ? len : strlen(found->data), e);
}

static int ssh_mount(struct stage *g, struct job *j, const struct df_mount *m, struct err *e)
{
	const char *id = m->id ?: "default", *socket = g->b->o->ssh ? strv_env_get(g->b->o->ssh, id) : NULL;
	const char *target = m->target ?: pool_printf(&g->pool, "/run/buildkit/ssh_agent.%zu", j->n);
	int r;

	if (!socket && m->required)
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "unset ssh forward key %s: give it with --ssh", id);
	if (!socket)
		return 0;
	r = strv_env_get(&j->env, "SSH_AUTH_SOCK") ? 0 : strv_pushf(&j->env, e, "SSH_AUTH_SOCK=%s", target);
	return r < 0 ? r : add_mount(j, socket, target, false, 0);
}

static int script_mount(struct stage *g, struct job *j, struct err *e)
{
	const char *path = pool_printf(&g->pool, "%s/script", g->dir);
	int r = file_replace(AT_FDCWD, path, j->script, strlen(j->script), 0755, false, e);

	return r < 0 ? r : add_mount(j, path, j->script_path, true, 0);
}

static int make_mounts(struct stage *g, struct job *j, struct err *e)
{
	int r = j->script ? script_mount(g, j, e) : 0;

	for (size_t i = 0; i < j->n_said && r >= 0; i++) {
		const struct df_mount *m = &j->said[i];

		switch (m->type) {
		case DF_MOUNT_BIND:
			r = bind_mount(g, j, m, e);
			break;
		case DF_MOUNT_CACHE:
			r = cache_mount(g, j, m, e);
			break;
		case DF_MOUNT_TMPFS:
			r = add_mount(j, NULL, m->target, false, m->size);
			break;
		case DF_MOUNT_SECRET:
			r = secret_mount(g, j, m, e);
			break;
		case DF_MOUNT_SSH:
			r = ssh_mount(g, j, m, e);
			break;
		}
	}
	return r;
}

/* --- mount points that must not stay -------------------------------------------------------------------------------------------- */

static void note_stubs(struct stage *g, struct job *j, int root, const char *target)
{
	for (size_t i = 1; target[0] == '/' && target[i - 1]; i++) {
		const char *part;
		int fd;

		if (target[i] && target[i] != '/')
			continue;
		part = pool_strn(&g->pool, target, i);
		fd = inroot_open_path(root, part, O_NOFOLLOW);
		if (fd == -ENOENT)
			pool_add(&g->pool, &j->stubs, part);
		fd_close(fd);
	}
}

/* What is not empty has come to mean something, and stays. */
static void drop_stubs(const struct job *j, int root)
{
	for (size_t i = j->stubs.n; i-- > 0;) {
		const char *name;
		_cleanup_close_ int dir = inroot_open_parent(root, j->stubs.v[i], false, &name);
		struct stat st;

		if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			unlinkat(dir, name, AT_REMOVEDIR);
		else if (S_ISREG(st.st_mode) && st.st_size == 0)
			unlinkat(dir, name, 0);
	}
}

/* --- all of it -------------------------------------------------------------------------------------------------------------------- */

static int failed(struct stage *g, const struct job *j, int code, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < j->argv.n; i++)
		buf_printf(&text, i ? " %s" : "%s", j->argv.v[i]);
	g->exit_code = code;
	return err_kind(e, ERR_STATE, -ECANCELED, "The command '%.500s' returned a non-zero code: %d", buf_str(&text),
			code);
}

static int attach_root(struct stage *g, int root, const char *path, struct err *e)
{
	_cleanup_close_ int target = -EBADF;
	int r = dir_make_all(path, 0700, e);

	(void)g;
	/* To us its set-id bits mean nothing; to the container they mean what they mean in every other: sudo, say. */
	if (r >= 0)
		r = mount_set(root, 0, MOUNT_ATTR_NOSUID, 0, false, e);
	if (r < 0)
		return r;
	target = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return target < 0 ? err_set(e, -errno, "open %s", path) : mount_attach(root, target, e);
}

/* What the instruction says, but for "default", which is what the build says. */
static const char *network_of(const struct stage *g, const struct df_instr *in)
{
	return in->network && !streq(in->network, "default") ? in->network : g->b->o->network ?: "default";
}

static int run(struct stage *g, int root, void *arg, struct err *e)
{
	static const char *const always[] = { "/proc", "/sys", "/dev", "/etc/resolv.conf", "/etc/hosts" };
	const struct build_host *h = g->b->o->host;
	struct job *j = arg;
	const char *path = pool_printf(&g->pool, "%s/rootfs", g->dir);
	struct build_run run = { .images = g->images,
				 .id = g->id,
				 .dir = g->dir,
				 .rootfs = path,
				 .argv = &j->argv,
				 .env = &j->env,
				 .cwd = isempty(g->s.config.config.working_dir) ? "/" : g->s.config.config.working_dir,
				 .user = g->s.config.config.user ?: "",
				 .network = network_of(g, j->in),
				 .add_hosts = g->b->o->add_hosts,
				 .limits = &g->b->o->limits,
				 .mounts = j->mounts,
				 .insecure = j->in->security && streq(j->in->security, "insecure") };
	int code = 0, r = make_mounts(g, j, e);

	if (r >= 0)
		r = attach_root(g, root, path, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(always); i++)
		note_stubs(g, j, root, always[i]);
	for (size_t i = 0; i < j->n; i++)
		note_stubs(g, j, root, j->mounts[i].target);
	run.n_mounts = j->n;
	stage_say(g, " ---> Running in %.12s\n", g->id);
	r = h->run ? h->run(h->arg, &run, &code, e) : err_kind(e, ERR_MISSING, -ENOTSUP, "RUN is not possible here");
	drop_stubs(j, root);
	sys_umount2(path, MNT_DETACH);
	if (r >= 0)
		stage_say(g, " ---> Removed intermediate container %.12s\n", g->id);
	if (r >= 0 && code != 0)
		r = failed(g, j, code, e);
	return r;
}

int step_run(struct stage *g, const struct df_instr *in, struct err *e)
{
	_cleanup_buf_ struct buf key = BUF_INIT, history = BUF_INIT;
	struct job *j = pool_alloc(&g->pool, sizeof(*j));
	struct step step = { .fn = run, .arg = j };
	int r;

	if (!j)
		return err_oom(e);
	j->in = in;
	if (in->security && streq(in->security, "insecure") && !g->b->o->allow_insecure)
		return err_kind(e, ERR_DENIED, -EPERM,
				"security.insecure is not allowed: build with --allow security.insecure");
	/* Docker has none without specifications of CDI, either. */
	if (in->devices.n)
		return err_kind(
			e, ERR_MISSING, -ENOTSUP,
			"RUN --device=%s: there are no devices of CDI here; give it to a container, by run --device",
			in->devices.v[0]);
	r = parse_mounts(g, j, e);
	if (r >= 0)
		r = make_argv(g, j, e);
	if (r >= 0)
		r = make_env(g, j, e);
	if (r >= 0) {
		describe(g, j, &history);
		buf_printf(&key, "RUN %s\nnetwork %s\nsecurity %s", buf_str(&history), network_of(g, in),
			   in->security ?: "");
		/* The history joins words by blanks; where one ends is part of what is run. */
		for (size_t i = 0; i < j->argv.n; i++)
			buf_printf(&key, " %zu", strlen(j->argv.v[i]));
		r = describe_mounts(g, j, &key, e);
	}
	if (r >= 0)
		r = buf_error(&key, e);
	step.key = buf_str(&key);
	step.history = buf_str(&history);
	if (r >= 0)
		r = step_do(g, &step, e);
	job_done(j);
	return r;
}
