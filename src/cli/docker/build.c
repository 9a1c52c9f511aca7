/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* build: options to struct build_opts, the context to a folder. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "cli/docker/build.h"
#include "cli/docker/units.h"
#include "image/build/check.h"
#include "image/build/ignore.h"

#define AT(member) offsetof(struct build_args, member)

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
	return bytes(&((struct build_args *)args)->memory, arg, e);
}

static int set_swap(void *args, const char *arg, struct err *e)
{
	return bytes(&((struct build_args *)args)->swap, arg, e);
}

static int set_shm(void *args, const char *arg, struct err *e)
{
	return bytes(&((struct build_args *)args)->shm, arg, e);
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
	{ 0, "cache-from", "WHERE",
	  "Steps that were done elsewhere: IMAGE, type=registry,ref=IMAGE, type=local,src=DIR.", OPT_LIST,
	  AT(cache_from) },
	{ 0, "cache-to", "WHERE",
	  "Keep steps for elsewhere: type=inline, type=registry,ref=IMAGE, type=local,dest=DIR; "
	  "mode=max: those of all stages.",
	  OPT_LIST, AT(cache_to) },
	{ 0, "cgroup-parent", "GROUP", "Control group above those of each RUN.", OPT_STR, AT(parent) },
	{ 0, "check", NULL,
	  "Only say what in the Dockerfile may be meant otherwise; ends with 1 where there is something.", OPT_BOOL,
	  AT(check), 1 },
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
	{ 0, "isolation", "HOW", "default is the only one there is.", OPT_STR, AT(isolation), .flags = OPT_HIDDEN },
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
	{ 'o', "output", "WHERE",
	  "Also its files: DIR, type=local,dest=DIR, type=tar,dest=FILE, - for an archive; or the image: "
	  "type=docker,dest=FILE, type=oci,dest=FILE, type=registry,name=NAME.",
	  OPT_LIST, AT(outputs) },
	{ 0, "platform", "OS/ARCH", "Of the images that it begins from.", OPT_STR, AT(platform) },
	{ 0, "progress", "HOW", "quiet: say nothing; plain, auto and tty are the same.", OPT_STR, AT(progress),
	  .complete = COMPLETE_WORDS, .words = "auto plain tty quiet" },
	{ 0, "provenance", "HOW", "Accepted, without effect.", OPT_STR, AT(ignored), .flags = OPT_HIDDEN },
	{ 0, "push", NULL, "Push its names afterwards.", OPT_BOOL, AT(push), 1 },
	{ 0, "pull", NULL, "Ask the registry for base images that are there, too.", OPT_BOOL, AT(pull), 1 },
	{ 'q', "quiet", NULL, "Print the image's id only.", OPT_BOOL, AT(quiet), 1 },
	{ 0, "rm", NULL, "Accepted: nothing of a step stays.", OPT_BOOL, AT(rm), 1 },
	{ 0, "sbom", "HOW", "Accepted, without effect.", OPT_STR, AT(ignored), .flags = OPT_HIDDEN },
	{ 0, "secret", "id=ID,src=FILE", "What RUN --mount=type=secret,id=ID sees; env=NAME for a variable of ours.",
	  OPT_LIST, AT(secrets) },
	{ 0, "security-opt", "WHAT", "Refused, as Docker does.", OPT_LIST, AT(security), .flags = OPT_HIDDEN },
	{ 0, "shm-size", "BYTES", "Size of /dev/shm.", OPT_CALL, 0, .parse = set_shm },
	{ 0, "squash", NULL, "One layer over the base image.", OPT_BOOL, AT(squash), 1 },
	{ 0, "ssh", "ID[=SOCKET]",
	  "What RUN --mount=type=ssh and ADD of a repository may use; $SSH_AUTH_SOCK by default.", OPT_LIST, AT(ssh) },
	{ 't', "tag", "NAME[:TAG]", "A name of the image; any number of them.", OPT_LIST, AT(tags) },
	{ 0, "target", "STAGE", "Build STAGE, and what it needs.", OPT_STR, AT(target) },
	{ 0, "ulimit", "NAME=SOFT[:HARD]", "A limit of the processes of each RUN.", OPT_LIST, AT(ulimits) },
	OPT_END
};

static void job_done(struct build_job *j)
{
	if (j->dir)
		tree_remove(AT_FDCWD, j->dir, NULL);
	free(j->dir);
	for (size_t i = 0; i < j->n_dirs; i++) {
		tree_remove(AT_FDCWD, j->dirs[i], NULL);
		free(j->dirs[i]);
	}
	free(j->dockerfile);
	free(j->ignore);
	strv_done(&j->build_args);
	strv_done(&j->ssh);
	for (size_t i = 0; i < j->n_texts; i++)
		free(j->texts[i]);
}

char *build_keep(struct build_job *j, char *text)
{
	if (text && j->n_texts < ARRAY_SIZE(j->texts))
		j->texts[j->n_texts++] = text;
	return text;
}

char *build_field(struct build_job *j, const char *list, const char *key)
{
	size_t n = strlen(key);

	while (*list) {
		size_t len = strcspn(list, ",");

		if (strncmp(list, key, n) == 0 && list[n] == '=')
			return build_keep(j, strndup(list + n + 1, len - n - 1));
		list += len + (list[len] == ',');
	}
	return NULL;
}

static int bad(const struct build_job *j, const struct err *e)
{
	return dk_error(j->c, "unable to prepare context: %s", e->msg);
}

/* --- options that are lists ------------------------------------------------------------------------------------------------ */

/* NAME without a value is that of our environment; nothing where there is none. */
static int take_args(struct build_job *j, struct err *e)
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

static int take_secrets(struct build_job *j, struct err *e)
{
	for (size_t i = 0; i < j->a->secrets.n; i++) {
		const char *text = j->a->secrets.v[i], *env;
		struct build_secret *s = &j->secrets[i];

		if (i == LIST_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d secrets", LIST_MAX);
		s->id = build_field(j, text, "id");
		s->file = build_field(j, text, "src") ?: build_field(j, text, "source");
		env = build_field(j, text, "env");
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

static int take_ssh(struct build_job *j, struct err *e)
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

static int take_contexts(struct build_job *j, struct err *e)
{
	for (size_t i = 0; i < j->a->contexts.n; i++) {
		const char *text = j->a->contexts.v[i], *sign = strchr(text, '=');
		struct build_context *c = &j->contexts[i];

		if (i == LIST_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d contexts", LIST_MAX);
		if (!sign || sign == text)
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid value %s: expected NAME=WHERE", text);
		c->name = build_keep(j, strndup(text, (size_t)(sign - text)));
		c->image = startswith(sign + 1, "docker-image://");
		if (startswith(sign + 1, "oci-layout://"))
			return err_kind(e, ERR_INVALID, -EINVAL,
					"build context %s: load the layout, and name the image: docker-image://IMAGE",
					c->name ?: "");
		if (!c->image && build_named_context(j, sign + 1, &c->dir, e) < 0)
			return err_wrap(e, e->code, "build context %s", c->name ?: "");
		j->o.n_contexts = i + 1;
	}
	j->o.contexts = j->contexts;
	return 0;
}

static void print(void *arg, const char *text, size_t len)
{
	const struct build_args *a = arg;

	FILE *to = a->to_stdout ? stderr : stdout;

	if (a->quiet || (a->progress && streq(a->progress, "quiet")))
		return;
	fwrite(text, 1, len, to);
	fflush(to);
}

static void warn(const struct build_args *a)
{
	if (a->attest.n || a->annotations.n)
		fprintf(stderr, "WARNING: attestations and annotations are not made\n");
}

/* What is not possible here, in Docker's words where it has some. */
static int check(const struct build_args *a, struct err *e)
{
	static const char *const modes[] = { "", "auto", "plain", "tty", "quiet" };
	bool known = !a->progress;

	for (size_t i = 0; i < ARRAY_SIZE(modes) && !known; i++)
		known = streq(a->progress, modes[i]);
	if (!known)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid progress mode %s: auto, plain, tty or quiet",
				a->progress);
	if (!isempty(a->isolation) && !streq(a->isolation, "default"))
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid isolation \"%s\": on Linux there is only default",
				a->isolation);
	if (a->security.n)
		return err_kind(e, ERR_INVALID, -EINVAL,
				"The daemon on this platform does not support setting security options on build");
	for (size_t i = 0; i < a->allow.n; i++)
		if (!streq(a->allow.v[i], "security.insecure") && !streq(a->allow.v[i], "network.host"))
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid entitlement \"%s\"", a->allow.v[i]);
	return 0;
}

/* "type=local,dest=DIR,mode=max", or a name of an image. */
static int take_cache(struct build_job *j, const char *text, bool to, struct build_cache *c, struct err *e)
{
	const char *type = strchr(text, '=') ? build_field(j, text, "type") : "registry", *mode;

	c->kind = BUILD_CACHE_IMAGE;
	c->where = strchr(text, '=') ? build_field(j, text, "ref") : text;
	if (!type)
		return err_kind(e, ERR_INVALID, -EINVAL, "type required form> \"%s\"", text);
	if (streq(type, "inline") && to) {
		c->kind = BUILD_CACHE_INLINE;
		return 0;
	}
	mode = build_field(j, text, "mode");
	c->max = mode && streq(mode, "max");
	if (streq(type, "local")) {
		c->kind = BUILD_CACHE_FOLDER;
		c->where = build_field(j, text, to ? "dest" : "src");
	} else if (!streq(type, "registry")) {
		return err_kind(e, ERR_INVALID, -EINVAL, "a cache of type %s is not known here: registry, local%s",
				type, to ? ", inline" : "");
	}
	return isempty(c->where) ? err_kind(e, ERR_INVALID, -EINVAL, "%s: %s is missing", text,
					    c->kind == BUILD_CACHE_IMAGE ? "ref=IMAGE"
					    : to			 ? "dest=DIR"
									 : "src=DIR")
				 : 0;
}

static int take_caches(struct build_job *j, struct err *e)
{
	int r = 0;

	if (j->a->cache_from.n > LIST_MAX || j->a->cache_to.n > LIST_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "more than %d caches", LIST_MAX);
	for (size_t i = 0; i < j->a->cache_from.n && r >= 0; i++)
		r = take_cache(j, j->a->cache_from.v[i], false, &j->cache_from[i], e);
	for (size_t i = 0; i < j->a->cache_to.n && r >= 0; i++)
		r = take_cache(j, j->a->cache_to.v[i], true, &j->cache_to[i], e);
	j->o.cache_from = j->cache_from;
	j->o.n_cache_from = j->a->cache_from.n;
	j->o.cache_to = j->cache_to;
	j->o.n_cache_to = j->a->cache_to.n;
	return r;
}

static int take_epoch(struct build_job *j, struct err *e)
{
	const char *text = strv_env_get(&j->build_args, "SOURCE_DATE_EPOCH") ?: getenv("SOURCE_DATE_EPOCH");

	j->o.epoch = -1;
	if (isempty(text))
		return 0;
	if (parse_i64(text, &j->o.epoch) < 0 || j->o.epoch < 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid SOURCE_DATE_EPOCH: %s", text);
	return 0;
}

static int fill(struct build_job *j, struct err *e)
{
	const struct build_args *a = j->a;
	struct build_opts *o = &j->o;
	int r = check(a, e);

	if (r >= 0)
		r = take_args(j, e);
	if (r >= 0)
		r = build_take_outputs(j, e);
	if (r >= 0)
		r = take_caches(j, e);

	o->data_root = isempty(j->c->docker->root) ? getenv("CREEL_ROOT") : j->c->docker->root;
	if (isempty(o->data_root))
		o->data_root = NULL;
	o->driver = j->c->docker->storage;
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

/* --check: nothing is built. */
static int lint(struct build_job *j)
{
	const char *file = isempty(j->a->file) || streq(j->a->file, "-") ? "Dockerfile" : j->a->file;
	_cleanup_buf_ struct buf found = BUF_INIT;
	struct err e = { 0 };
	size_t n = 0;
	int r = build_check(&j->o, file, &found, &n, &e);

	if (n)
		printf("Check complete, %zu warning%s been found!\n\n%s", n, n > 1 ? "s have" : " has",
		       buf_str(&found));
	else if (r >= 0)
		puts("Check complete, no warnings found.");
	return r < 0 ? fail(j->c, &e, 0) : n > 0;
}

static int build(struct build_job *j)
{
	char id[DIGEST_MAX] = "";
	struct err e = { 0 };
	int exit_code = 0;

	if (!known_network(j->a->network))
		return dk_error(j->c, "network mode \"%s\" is not possible here: default, host or none", j->a->network);
	if (fill(j, &e) < 0)
		return dk_error(j->c, "%s", e.msg);
	if (build_take_context(j, j->c->operands.v[0], &e) < 0)
		return bad(j, &e);
	if (j->a->check)
		return lint(j);
	warn(j->a);
	if (build_image(&j->o, id, &exit_code, &e) < 0)
		return fail(j->c, &e, exit_code);
	if (build_put_outputs(j, id, &e) < 0)
		return dk_error(j->c, "%s", e.msg);
	if (j->a->quiet)
		fprintf(j->a->to_stdout ? stderr : stdout, "%s\n", id);
	return 0;
}

static void args_done(struct build_args *a)
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
	struct build_args a = { 0 };
	const struct registry_opts registry = { .config_dir = c->docker->config };
	struct build_env env = { .log = &c->log, .registry = &registry, .say = print, .arg = &a };
	struct build_job *j = calloc(1, sizeof(*j));
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
