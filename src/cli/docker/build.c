/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* build: options to struct build_opts, the context to a folder. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "base/spawn.h"
#include "cli/docker/dcli.h"
#include "cli/docker/units.h"
#include "engine/build-host.h"
#include "image/build/dockerfile.h"
#include "sys/inroot.h"

#define LIST_MAX 128

struct args {
	struct strv tags, build_args, labels, add_hosts, secrets, ssh, contexts, outputs, no_cache_filter, ulimits,
		cache_from, cache_to, allow, annotations, attest, security;
	const char *file, *iidfile, *target, *platform, *network, *progress, *compression, *metadata, *ignored, *parent,
		*cpus, *mems, *isolation;
	bool quiet, no_cache, pull, squash, force_rm, rm, compress, load, push, trust;
	int64_t memory, swap, shm;
	int64_t period, quota, shares;
};
#define AT(member) offsetof(struct args, member)

static int bytes(int64_t *to, const char *arg, struct err *e)
{
	if (streq(arg, "-1")) {
		*to = -1;
		return 0;
	}
	return unit_bytes(arg, to) < 0 ? err_kind(e, ERR_INVALID, -EINVAL, "invalid size: '%s'", arg) : 0;
}

static int set_memory(void *args, const char *arg, struct err *e)
{
	return bytes(&((struct args *)args)->memory, arg, e);
}

static int set_swap(void *args, const char *arg, struct err *e)
{
	return bytes(&((struct args *)args)->swap, arg, e);
}

static int set_shm(void *args, const char *arg, struct err *e)
{
	return bytes(&((struct args *)args)->shm, arg, e);
}

static const struct opt rows[] = {
	{ 0, "add-host", "NAME:ADDRESS", "A further line of /etc/hosts while it is built.", OPT_LIST, AT(add_hosts) },
	{ 0, "allow", "WHAT", "What a Dockerfile may ask for: security.insecure. network.host is always allowed.",
	  OPT_LIST, AT(allow), .flags = OPT_HIDDEN },
	{ 0, "annotation", "K=V", "Accepted, without effect.", OPT_LIST, AT(annotations), .flags = OPT_HIDDEN },
	{ 0, "attest", "WHAT", "Accepted, without effect.", OPT_LIST, AT(attest), .flags = OPT_HIDDEN },
	{ 0, "build-arg", "NAME[=VALUE]", "The value of an ARG; without =VALUE that of our environment.", OPT_LIST,
	  AT(build_args) },
	{ 0, "build-context", "NAME=WHERE", "What FROM and --from mean by NAME: a folder, or docker-image://IMAGE.",
	  OPT_LIST, AT(contexts) },
	{ 0, "builder", "NAME", "Accepted, without effect.", OPT_STR, AT(ignored), .flags = OPT_HIDDEN },
	{ 0, "cache-from", "WHERE", "Accepted with a warning: the cache is this machine's own.", OPT_LIST,
	  AT(cache_from) },
	{ 0, "cache-to", "WHERE", "Accepted with a warning.", OPT_LIST, AT(cache_to), .flags = OPT_HIDDEN },
	{ 0, "cgroup-parent", "GROUP", "Control group above those of each RUN.", OPT_STR, AT(parent) },
	{ 0, "compress", NULL, "Accepted: the context is read where it is.", OPT_BOOL, AT(compress), 1 },
	{ 0, "compression", "HOW", "Of layers: gzip, zstd or none.", OPT_STR, AT(compression),
	  .complete = COMPLETE_WORDS, .words = "gzip zstd none" },
	{ 0, "cpu-period", "US", "Period of the processor limit of each RUN.", OPT_I64, AT(period) },
	{ 0, "cpu-quota", "US", "Processor time in a period.", OPT_I64, AT(quota) },
	{ 'c', "cpu-shares", "N", "Share of the processors.", OPT_I64, AT(shares) },
	{ 0, "cpuset-cpus", "LIST", "Processors that may be used.", OPT_STR, AT(cpus) },
	{ 0, "cpuset-mems", "LIST", "Memory nodes that may be used.", OPT_STR, AT(mems) },
	{ 0, "disable-content-trust", NULL, "Accepted.", OPT_BOOL, AT(trust), 1, .flags = OPT_HIDDEN },
	{ 'f', "file", "FILE", "The Dockerfile; - is standard input. PATH/Dockerfile by default.", OPT_STR, AT(file),
	  .complete = COMPLETE_FILE },
	{ 0, "force-rm", NULL, "Accepted: nothing of a step stays.", OPT_BOOL, AT(force_rm), 1 },
	{ 0, "iidfile", "FILE", "Write the image's id to FILE.", OPT_STR, AT(iidfile), .complete = COMPLETE_FILE },
	{ 0, "isolation", "HOW", "Accepted.", OPT_STR, AT(isolation), .flags = OPT_HIDDEN },
	{ 0, "label", "K=V", "A label of the image.", OPT_LIST, AT(labels) },
	{ 0, "load", NULL, "Accepted: an image is always kept.", OPT_BOOL, AT(load), 1, .flags = OPT_HIDDEN },
	{ 'm', "memory", "BYTES", "Memory limit of each RUN.", OPT_CALL, 0, .parse = set_memory },
	{ 0, "memory-swap", "BYTES", "The same with swap; -1 is no limit.", OPT_CALL, 0, .parse = set_swap },
	{ 0, "metadata-file", "FILE", "Write what was built to FILE, as JSON.", OPT_STR, AT(metadata),
	  .complete = COMPLETE_FILE },
	{ 0, "network", "MODE", "Network of each RUN: default, host or none.", OPT_STR, AT(network),
	  .complete = COMPLETE_WORDS, .words = "default host none" },
	{ 0, "no-cache", NULL, "Execute every step.", OPT_BOOL, AT(no_cache), 1 },
	{ 0, "no-cache-filter", "STAGE", "Execute every step of STAGE.", OPT_LIST, AT(no_cache_filter) },
	{ 'o', "output", "WHERE", "Also its files: DIR, type=local,dest=DIR, type=tar,dest=FILE, or - for an archive.",
	  OPT_LIST, AT(outputs) },
	{ 0, "platform", "OS/ARCH", "Of the images that it begins from.", OPT_STR, AT(platform) },
	{ 0, "progress", "HOW", "Accepted: always plain.", OPT_STR, AT(progress), .complete = COMPLETE_WORDS,
	  .words = "auto plain tty" },
	{ 0, "provenance", "HOW", "Accepted, without effect.", OPT_STR, AT(ignored), .flags = OPT_HIDDEN },
	{ 0, "pull", NULL, "Ask the registry for base images that are there, too.", OPT_BOOL, AT(pull), 1 },
	{ 'q', "quiet", NULL, "Print the image's id only.", OPT_BOOL, AT(quiet), 1 },
	{ 0, "rm", NULL, "Accepted: nothing of a step stays.", OPT_BOOL, AT(rm), 1 },
	{ 0, "sbom", "HOW", "Accepted, without effect.", OPT_STR, AT(ignored), .flags = OPT_HIDDEN },
	{ 0, "secret", "id=ID,src=FILE", "What RUN --mount=type=secret,id=ID sees; env=NAME for a variable of ours.",
	  OPT_LIST, AT(secrets) },
	{ 0, "security-opt", "WHAT", "Accepted, without effect.", OPT_LIST, AT(security), .flags = OPT_HIDDEN },
	{ 0, "shm-size", "BYTES", "Size of /dev/shm.", OPT_CALL, 0, .parse = set_shm },
	{ 0, "squash", NULL, "One layer over the base image.", OPT_BOOL, AT(squash), 1 },
	{ 0, "ssh", "ID[=SOCKET]", "What RUN --mount=type=ssh sees; $SSH_AUTH_SOCK by default.", OPT_LIST, AT(ssh) },
	{ 't', "tag", "NAME[:TAG]", "A name of the image; any number of them.", OPT_LIST, AT(tags) },
	{ 0, "target", "STAGE", "Build STAGE, and what it needs.", OPT_STR, AT(target) },
	{ 0, "ulimit", "NAME=SOFT[:HARD]", "A limit of the processes of each RUN.", OPT_LIST, AT(ulimits) },
	OPT_END
};

/* All that a build is made from, and lets go afterwards. */
struct job {
	struct cli *c;
	struct args *a;
	struct build_opts o;
	struct strv build_args, ssh;
	char *dockerfile, *ignore, *dir; /* DIR: a folder that was made for the context */
	struct build_secret secrets[LIST_MAX];
	char *texts[3 * LIST_MAX];
	size_t n_texts;
	struct build_context contexts[LIST_MAX];
};

static void job_done(struct job *j)
{
	if (j->dir)
		tree_remove(AT_FDCWD, j->dir, NULL);
	free(j->dir);
	free(j->dockerfile);
	free(j->ignore);
	strv_done(&j->build_args);
	strv_done(&j->ssh);
	for (size_t i = 0; i < j->n_texts; i++)
		free(j->texts[i]);
}

static int bad(const struct job *j, const struct err *e)
{
	return dk_error(j->c, "unable to prepare context: %s", e->msg);
}

/* --- options that are lists ------------------------------------------------------------------------------------------------ */

/* NAME without a value is that of our environment; nothing where there is none. */
static int take_args(struct job *j, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < j->a->build_args.n && r >= 0; i++) {
		const char *one = j->a->build_args.v[i], *v = strchr(one, '=') ? one : getenv(one);
		_cleanup_free_ char *text = NULL;

		if (!v)
			continue;
		if (asprintf(&text, v == one ? "%s%.0s" : "%s=%s", one, v) < 0) {
			text = NULL;
			return err_oom(e);
		}
		r = strv_env_set(&j->build_args, text, e);
	}
	return r;
}

static char *keep(struct job *j, char *text)
{
	if (text && j->n_texts < ARRAY_SIZE(j->texts))
		j->texts[j->n_texts++] = text;
	return text;
}

/* KEY's value of "KEY=VALUE,…"; NULL. */
static char *field(struct job *j, const char *list, const char *key)
{
	size_t n = strlen(key);

	while (*list) {
		size_t len = strcspn(list, ",");

		if (strncmp(list, key, n) == 0 && list[n] == '=')
			return keep(j, strndup(list + n + 1, len - n - 1));
		list += len + (list[len] == ',');
	}
	return NULL;
}

static int take_secrets(struct job *j, struct err *e)
{
	for (size_t i = 0; i < j->a->secrets.n; i++) {
		const char *text = j->a->secrets.v[i], *env;
		struct build_secret *s = &j->secrets[i];

		if (i == LIST_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d secrets", LIST_MAX);
		s->id = field(j, text, "id");
		s->file = field(j, text, "src") ?: field(j, text, "source");
		env = field(j, text, "env");
		if (!s->id)
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid secret %s: it has no id", text);
		if (!s->file && !env && getenv(s->id))
			env = s->id;
		if (s->file && access(s->file, R_OK) < 0)
			return err_set(e, -errno, "failed to stat %s", s->file);
		s->data = env ? getenv(env) : NULL;
		if (!s->file && !s->data)
			s->file = s->id;
		j->o.n_secrets = i + 1;
	}
	j->o.secrets = j->secrets;
	return 0;
}

static int take_ssh(struct job *j, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < j->a->ssh.n && r >= 0; i++) {
		const char *one = j->a->ssh.v[i], *socket = strchr(one, '=') ? one : getenv("SSH_AUTH_SOCK");

		if (!socket)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"invalid empty ssh agent socket: make sure SSH_AUTH_SOCK is set");
		r = socket == one ? strv_push(&j->ssh, one, e) : strv_pushf(&j->ssh, e, "%s=%s", one, socket);
	}
	j->o.ssh = &j->ssh;
	return r;
}

static int take_contexts(struct job *j, struct err *e)
{
	for (size_t i = 0; i < j->a->contexts.n; i++) {
		const char *text = j->a->contexts.v[i], *sign = strchr(text, '=');
		struct build_context *c = &j->contexts[i];

		if (i == LIST_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d contexts", LIST_MAX);
		if (!sign || sign == text)
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid value %s: expected NAME=WHERE", text);
		c->name = keep(j, strndup(text, (size_t)(sign - text)));
		c->image = startswith(sign + 1, "docker-image://");
		c->dir = c->image ? NULL : sign + 1;
		if (c->dir && access(c->dir, R_OK | X_OK) < 0)
			return err_set(e, -errno, "build context %s: %s", c->name ?: "", c->dir);
		j->o.n_contexts = i + 1;
	}
	j->o.contexts = j->contexts;
	return 0;
}

/* --- the context ------------------------------------------------------------------------------------------------------------ */

static int temporary(struct job *j, struct err *e)
{
	char path[] = "/var/tmp/creel-build-XXXXXX";

	if (!mkdtemp(path))
		return err_set(e, -errno, "make a folder in /var/tmp");
	j->dir = strdup(path);
	return j->dir ? 0 : err_oom(e);
}

/* A program that fills our folder; what it prints is the error. */
static int spawn(const char *const *argv, const char *input_file, struct err *e)
{
	_cleanup_free_ char *output = NULL;
	_cleanup_close_ int in = input_file ? open(input_file, O_RDONLY | O_CLOEXEC) : -EBADF;
	const struct spawn s = { .path = argv[0], .argv = (char *const *)argv, .stdin_fd = in >= 0 ? in : 0 };
	int r = spawn_run(&s, &output, e);

	return r > 0 ? err_kind(e, ERR_INVALID, -EIO, "%s: %.300s", argv[0], output) : r;
}

/* An archive in FILE, or the text of a Dockerfile: what it is its beginning says. */
static int unpack(struct job *j, const char *file, struct err *e)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC), dir = -EBADF;
	char link[FD_PATH_MAX];
	int r;

	unlink(file);
	dir = open(j->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || dir < 0)
		return err_set(e, -errno, "read the context");
	r = build_unpack(dir, fd, e);
	if (r != -ENOMSG)
		return r;
	err_clear(e);
	if (j->a->file)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"ambiguous Dockerfile source: both stdin and flag correspond to Dockerfiles");
	return file_read(AT_FDCWD, fd_path(fd, link), DF_SIZE_MAX, &j->dockerfile, &j->o.dockerfile_len, e);
}

static int from_stdin(struct job *j, struct err *e)
{
	_cleanup_free_ char *file = NULL;
	_cleanup_close_ int fd = -EBADF;
	char data[65536];
	ssize_t n;
	int r = temporary(j, e);

	file = r < 0 ? NULL : path_join(j->dir, ".stdin");
	if (!file)
		return r < 0 ? r : err_oom(e);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "make %s", file);
	while ((n = read(STDIN_FILENO, data, sizeof(data))) > 0 && r >= 0)
		r = fd_write_all(fd, data, (size_t)n);
	if (r < 0 || n < 0)
		return err_set(e, r < 0 ? r : -errno, "read standard input");
	return unpack(j, file, e);
}

/* The folder SUB of what was cloned: the repository's links lead nowhere else. */
static int sub_folder(struct job *j, const char *url, const char *sub, struct err *e)
{
	_cleanup_close_ int root = open(j->dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int fd = root < 0 ? -EBADF : inroot_open_path(root, *sub ? sub : "/", O_DIRECTORY);
	char link[FD_PATH_MAX], path[4096];
	ssize_t n;

	if (fd < 0)
		return err_set(e, root < 0 ? -errno : fd, "%s: no folder of the repository", url);
	n = readlink(fd_path(fd, link), path, sizeof(path) - 1);
	if (n < 0)
		return err_set(e, -errno, "%s: find its folder", url);
	path[n] = '\0';
	j->o.context = keep(j, strdup(path));
	return j->o.context ? 0 : err_oom(e);
}

static int from_git(struct job *j, const char *url, struct err *e)
{
	_cleanup_free_ char *repo = strndup(url, strcspn(url, "#")), *meta = NULL;
	const char *hash = strchr(url, '#');
	_cleanup_free_ char *ref = hash ? strndup(hash + 1, strcspn(hash + 1, ":")) : NULL;
	const char *argv[] = { "git", "clone", "--quiet", "--recursive", "--", repo, j->dir, NULL };
	const char *checkout[] = { "git", "-C", j->dir, "checkout", "--quiet", ref, NULL };
	int r = repo ? 0 : err_oom(e);

	if (ref && *ref == '-')
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: '%s' is no branch, tag or commit", url, ref);
	if (r >= 0)
		r = spawn(argv, NULL, e);
	if (r >= 0 && ref && *ref)
		r = spawn(checkout, NULL, e);
	meta = path_join(j->dir, ".git");
	if (r >= 0 && meta)
		r = tree_remove(AT_FDCWD, meta, e);
	return r >= 0 && hash && strchr(hash, ':') ? sub_folder(j, url, strchr(hash, ':') + 1, e) : r;
}

static int from_url(struct job *j, const char *url, struct err *e)
{
	_cleanup_free_ char *file = NULL;
	_cleanup_close_ int fd = -EBADF;
	int64_t mtime;
	int r = temporary(j, e);

	if (r < 0)
		return r;
	j->o.context = j->dir;
	if (startswith(url, "git@") || startswith(url, "git://") || strstr(url, ".git"))
		return from_git(j, url, e);
	file = path_join(j->dir, ".url");
	fd = file ? open(file, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600) : -EBADF;
	if (fd < 0)
		return err_set(e, -errno, "make a file in %s", j->dir);
	r = j->o.host->fetch(j->o.host->arg, url, fd, &mtime, e);
	return r < 0 ? r : unpack(j, file, e);
}

static bool is_url(const char *s)
{
	return startswith(s, "http://") || startswith(s, "https://") || startswith(s, "git://") ||
	       startswith(s, "git@");
}

/* A file of ours by its path; of a context that was fetched by its name there: its links lead nowhere else. */
static int read_named(struct job *j, const char *path, size_t max, char **ret, size_t *ret_len, struct err *e)
{
	_cleanup_close_ int root = -EBADF;

	if (!j->dir)
		return file_read(AT_FDCWD, path, max, ret, ret_len, e);
	root = open(j->o.context, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root < 0 ? err_set(e, -errno, "open %s", j->o.context)
			: inroot_read_file(root, path, max, ret, ret_len, e);
}

/* What need not be there. */
static int read_ignore_file(struct job *j, const char *path, struct err *e)
{
	int r = read_named(j, path, 1u << 20, &j->ignore, &j->o.ignore_len, e);

	if (r != -ENOENT)
		return r;
	err_clear(e);
	return 0;
}

static int read_dockerfile(struct job *j, struct err *e)
{
	const char *file = j->a->file;
	_cleanup_free_ char *path = NULL, *beside = NULL;
	int r;

	if (j->dockerfile)
		return 0;
	if (file && streq(file, "-")) {
		j->dockerfile = NULL;
		return file_read(AT_FDCWD, "/dev/stdin", DF_SIZE_MAX, &j->dockerfile, &j->o.dockerfile_len, e);
	}
	/* Of an archive or a repository the file's name is one in there. */
	path = file || j->dir ? strdup(file ?: "Dockerfile") : path_join(j->o.context, "Dockerfile");
	if (!path)
		return err_oom(e);
	r = read_named(j, path, DF_SIZE_MAX, &j->dockerfile, &j->o.dockerfile_len, e);
	if (r == -ENOENT)
		return err_kind(e, ERR_NOT_FOUND, r,
				"unable to evaluate symlinks in Dockerfile path: lstat %s: no such file or directory",
				path);
	if (r < 0)
		return r;
	if (asprintf(&beside, "%s.dockerignore", path) < 0) {
		beside = NULL;
		return err_oom(e);
	}
	return read_ignore_file(j, beside, e);
}

static int read_ignore(struct job *j, struct err *e)
{
	_cleanup_free_ char *path = j->dir	   ? strdup(".dockerignore")
				    : j->o.context ? path_join(j->o.context, ".dockerignore")
						   : NULL;

	return j->ignore || !path ? 0 : read_ignore_file(j, path, e);
}

static int take_context(struct job *j, const char *where, struct err *e)
{
	int r = 0;

	if (streq(where, "-")) {
		r = from_stdin(j, e);
		j->o.context = j->dir;
	} else if (is_url(where)) {
		r = from_url(j, where, e);
	} else if (access(where, F_OK) < 0) {
		r = err_kind(e, ERR_NOT_FOUND, -ENOENT, "path \"%s\" not found", where);
	} else {
		j->o.context = where;
	}
	if (r >= 0)
		r = read_dockerfile(j, e);
	if (r >= 0)
		r = read_ignore(j, e);
	j->o.dockerfile = j->dockerfile;
	j->o.ignore = j->ignore;
	return r;
}

/* --- what comes of it ------------------------------------------------------------------------------------------------------- */

static void print(void *arg, const char *text, size_t len)
{
	const struct args *a = arg;

	if (a->quiet)
		return;
	fwrite(text, 1, len, stdout);
	fflush(stdout);
}

/* One --output: our own store has the image in any case. */
static int output(struct job *j, const char *text, const char *id, struct err *e)
{
	const char *type = field(j, text, "type"), *dest = field(j, text, "dest");

	if (!strchr(text, '=')) {
		type = streq(text, "-") ? "tar" : "local";
		dest = text;
	}
	if (!type || streq(type, "docker") || streq(type, "image"))
		return 0;
	if (!streq(type, "local") && !streq(type, "tar"))
		return err_kind(e, ERR_INVALID, -EINVAL, "output of type %s is not known: local, tar, image or docker",
				type);
	if (!dest && streq(type, "local"))
		return err_kind(e, ERR_INVALID, -EINVAL, "dest is required for local output");
	return build_export(&j->o, id, streq(type, "tar"), dest ?: "-", e);
}

static int write_files(struct job *j, const char *id, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = 0;

	if (!isempty(j->a->iidfile))
		r = file_replace(AT_FDCWD, j->a->iidfile, id, strlen(id), 0644, false, e);
	if (r >= 0 && !isempty(j->a->metadata)) {
		buf_printf(&text,
			   "{\n  \"containerimage.config.digest\": \"%s\",\n  \"containerimage.digest\": \"%s\"\n}\n",
			   id, id);
		r = file_replace(AT_FDCWD, j->a->metadata, buf_str(&text), text.len, 0644, false, e);
	}
	for (size_t i = 0; i < j->a->outputs.n && r >= 0; i++)
		r = output(j, j->a->outputs.v[i], id, e);
	return r;
}

static void warn(const struct args *a)
{
	if (a->cache_from.n || a->cache_to.n)
		fprintf(stderr,
			"WARNING: --cache-from and --cache-to have no effect: the cache is this machine's own\n");
	if (a->attest.n || a->annotations.n)
		fprintf(stderr, "WARNING: attestations and annotations are not made\n");
	if (a->push)
		fprintf(stderr, "WARNING: --push is not done by build: push the image afterwards\n");
}

static int take_epoch(struct job *j, struct err *e)
{
	const char *text = strv_env_get(&j->build_args, "SOURCE_DATE_EPOCH") ?: getenv("SOURCE_DATE_EPOCH");

	j->o.epoch = -1;
	if (isempty(text))
		return 0;
	if (parse_i64(text, &j->o.epoch) < 0 || j->o.epoch < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid SOURCE_DATE_EPOCH: %s", text);
	return 0;
}

static int fill(struct job *j, struct err *e)
{
	const struct args *a = j->a;
	struct build_opts *o = &j->o;
	int r = take_args(j, e);

	o->data_root = isempty(j->c->docker->root) ? getenv("CREEL_ROOT") : j->c->docker->root;
	if (isempty(o->data_root))
		o->data_root = NULL;
	o->build_args = &j->build_args;
	o->labels = &a->labels;
	o->tags = &a->tags;
	o->add_hosts = &a->add_hosts;
	o->target = a->target;
	o->platform = isempty(a->platform) ? getenv("DOCKER_DEFAULT_PLATFORM") : a->platform;
	if (isempty(o->platform))
		o->platform = NULL;
	o->network = isempty(a->network) ? NULL : a->network;
	o->compression = isempty(a->compression) ? NULL : a->compression;
	o->no_cache_stages = &a->no_cache_filter;
	o->no_cache = a->no_cache;
	o->pull = a->pull;
	o->squash = a->squash;
	o->allow_insecure = strv_has(&a->allow, "security.insecure");
	o->limits = (struct build_limits){ .memory = a->memory,
					   .memory_swap = a->swap,
					   .cpu_period = a->period,
					   .cpu_quota = a->quota,
					   .cpu_shares = a->shares,
					   .shm_size = a->shm,
					   .cpuset_cpus = isempty(a->cpus) ? NULL : a->cpus,
					   .cpuset_mems = isempty(a->mems) ? NULL : a->mems,
					   .cgroup_parent = isempty(a->parent) ? NULL : a->parent,
					   .ulimits = &a->ulimits };
	if (r >= 0)
		r = take_epoch(j, e);
	if (r >= 0)
		r = take_secrets(j, e);
	if (r >= 0)
		r = take_ssh(j, e);
	return r < 0 ? r : take_contexts(j, e);
}

static bool known_network(const char *mode)
{
	return isempty(mode) || streq(mode, "default") || streq(mode, "host") || streq(mode, "none");
}

static int fail(const struct cli *c, const struct err *e, int exit_code)
{
	/* A command that failed is told as such, and its code is ours. */
	if (exit_code)
		fprintf(stderr, "%s\n", e->msg);
	else
		fprintf(stderr, "Error response from daemon: %s\n", e->msg);
	if (*e->hint)
		fprintf(stderr, "%s\n", e->hint);
	(void)c;
	return exit_code ? exit_code : 1;
}

static int build(struct job *j)
{
	char id[DIGEST_MAX] = "";
	struct err e = { 0 };
	int exit_code = 0;

	if (!known_network(j->a->network))
		return dk_error(j->c, "network mode \"%s\" is not possible here: default, host or none", j->a->network);
	if (fill(j, &e) < 0)
		return dk_error(j->c, "%s", e.msg);
	if (take_context(j, j->c->operands.v[0], &e) < 0)
		return bad(j, &e);
	warn(j->a);
	if (build_image(&j->o, id, &exit_code, &e) < 0)
		return fail(j->c, &e, exit_code);
	if (write_files(j, id, &e) < 0)
		return dk_error(j->c, "%s", e.msg);
	if (j->a->quiet)
		printf("%s\n", id);
	return 0;
}

static void args_done(struct args *a)
{
	struct strv *lists[] = { &a->tags,	 &a->build_args, &a->labels,  &a->add_hosts,	   &a->secrets,
				 &a->ssh,	 &a->contexts,	 &a->outputs, &a->no_cache_filter, &a->ulimits,
				 &a->cache_from, &a->cache_to,	 &a->allow,   &a->annotations,	   &a->attest,
				 &a->security };

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		strv_done(lists[i]);
}

static int run_build(struct cli *c)
{
	struct args a = { 0 };
	const struct registry_opts registry = { .config_dir = c->docker->config };
	struct build_env env = { .log = &c->log, .registry = &registry, .say = print, .arg = &a };
	struct job *j = calloc(1, sizeof(*j));
	struct build_host host;
	int code = j ? dk_parse(c, &a) : 1;

	if (code < 0) {
		build_host_init(&host, &env);
		j->c = c;
		j->a = &a;
		j->o.host = &host;
		code = build(j);
	}
	if (j)
		job_done(j);
	free(j);
	args_done(&a);
	return code;
}

static const struct text_pair examples[] = {
	{ "creel build -t web:1 .", "Builds the Dockerfile of this folder" },
	{ "creel build --target test --build-arg V=2 -f ci/Dockerfile .", "One stage of another file" },
	{ "SOURCE_DATE_EPOCH=0 creel build -q .", "The same digest on every machine" },
	{ NULL, NULL }
};

const struct command cmd_docker_build = {
	.name = "build",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] PATH | URL | -",
	.summary = "Build an image from a Dockerfile",
	.description = "Executes a Dockerfile: its whole language, BuildKit's parts included. PATH is the context that "
		       "COPY and ADD take "
		       "files from, less what .dockerignore leaves out; - is an archive or a Dockerfile on standard "
		       "input; URL an archive, a "
		       "Dockerfile or a repository of git.\n\n"
		       "Steps that were done before, from the same files, are taken from the cache. Stages that do not "
		       "need each other are "
		       "built at the same time. With SOURCE_DATE_EPOCH no time in the image is later, and the same "
		       "input gives the same "
		       "digest. What fails shows its line.",
	.opts = rows,
	.examples = examples,
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-run(1), creel-images(1)",
	.run = run_build,
};
