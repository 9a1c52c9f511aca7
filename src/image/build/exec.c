/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A whole build. Each stage is a process that has the result of those it needs from us; what it prints comes through a pipe and is
 * shown in the order of the stages, the first unfinished one's as it comes. Its result, or its error, comes through another pipe.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "image/build/check.h"
#include "image/build/inner.h"

#define JOBS_MAX 32

struct child {
	pid_t pid;
	int out, result;
	struct buf text, answer;
	bool done, started;
};

struct running {
	struct build *b;
	struct child *children; /* by stage */
	size_t n_running;
	int exit_code;
	int signals;
};

struct verdict {
	struct err err;
	int exit_code;
	bool ok;
};

/* Those that end us are read from an fd, so that what was begun can be cleaned up. */
static sigset_t signals(int how)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(how, &set, NULL);
	return set;
}

/* --- in the child ----------------------------------------------------------------------------------------------------------------- */

static _noreturn_ void child_main(struct build *b, size_t index, int out, int result)
{
	struct stage g = { .b = b, .st = b->df.stages[index], .lock = -EBADF, .out = out };
	struct verdict v = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), r;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signals(SIG_UNBLOCK);
	/* What the steps print goes the same way as what we say. */
	if (null < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(out, 2) < 0)
		_exit(1);
	r = stage_run(&g, &v.err);
	if (r >= 0)
		r = state_write(&g.s, &text, &v.err);
	v.ok = r >= 0;
	v.exit_code = g.exit_code;
	stage_done(&g);
	(void)fd_write_all(result, &v, sizeof(v));
	(void)fd_write_all(result, buf_str(&text), text.len);
	_exit(0);
}

/* --- in the parent ---------------------------------------------------------------------------------------------------------------- */

static int start(struct running *run, size_t index, struct err *e)
{
	struct child *c = &run->children[index];
	int out[2], result[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return err_set(e, -errno, "pipe");
	if (pipe2(result, O_CLOEXEC) < 0) {
		fds_close_many(out, 2);
		return err_set(e, -errno, "pipe");
	}
	c->pid = fork();
	if (c->pid == 0) {
		fd_close(out[0]);
		fd_close(result[0]);
		child_main(run->b, index, out[1], result[1]);
	}
	fd_close(out[1]);
	fd_close(result[1]);
	if (c->pid < 0) {
		fd_close(out[0]);
		fd_close(result[0]);
		return err_set(e, -errno, "fork");
	}
	c->out = out[0];
	c->result = result[0];
	c->started = true;
	run->n_running++;
	return 0;
}

static bool is_ready(const struct running *run, size_t index)
{
	const struct df_stage *st = run->b->df.stages[index];

	if (!st->needed || run->children[index].started)
		return false;
	for (size_t i = 0; i < index; i++)
		if (st->uses[i] && !run->children[i].done)
			return false;
	return true;
}

/* Shows what may be shown: of the first stage that is not done, all that has come, and then of the next. */
static void show(struct running *run)
{
	const struct build_host *h = run->b->o->host;

	for (size_t i = 0; i < run->b->df.n_stages; i++) {
		struct child *c = &run->children[i];

		if (!run->b->df.stages[i]->needed)
			continue;
		if (c->text.len)
			h->say(h->arg, buf_str(&c->text), c->text.len);
		buf_reset(&c->text);
		if (!c->done)
			return;
	}
}

static bool drain(int *fd, struct buf *to)
{
	char data[65536];
	ssize_t n = read(*fd, data, sizeof(data));

	if (n > 0) {
		buf_add(to, data, (size_t)n);
		return true;
	}
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	*fd = fd_close(*fd);
	return false;
}

static int finish(struct running *run, size_t index, struct err *e)
{
	struct child *c = &run->children[index];
	struct verdict v;
	int status = 0, r;

	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
	c->done = true;
	run->n_running--;
	if (c->answer.len < sizeof(v))
		return err_kind(e, ERR_SYSTEM, -EPIPE, "stage %zu was ended by signal %d", index,
				WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	memcpy(&v, buf_str(&c->answer), sizeof(v));
	if (!v.ok) {
		run->exit_code = v.exit_code;
		if (e)
			*e = v.err;
		return v.err.code < 0 ? v.err.code : -EIO;
	}
	r = state_read(&run->b->states[index], buf_str(&c->answer) + sizeof(v), c->answer.len - sizeof(v), e);
	buf_done(&c->answer);
	return r;
}

/* Waits for something to come from one of them. */
static int wait_some(struct running *run, struct err *e)
{
	struct pollfd fds[2 * JOBS_MAX + 1];
	size_t index[2 * JOBS_MAX], n = 0;
	int r = 0;

	for (size_t i = 0; i < run->b->df.n_stages && n < ARRAY_SIZE(index); i++) {
		struct child *c = &run->children[i];

		if (!c->started || c->done)
			continue;
		index[n] = i;
		fds[n++] = (struct pollfd){ .fd = c->out, .events = POLLIN };
		index[n] = i;
		fds[n++] = (struct pollfd){ .fd = c->result, .events = POLLIN };
	}
	fds[n] = (struct pollfd){ .fd = run->signals, .events = POLLIN };
	if (poll(fds, n + 1, -1) < 0)
		return errno == EINTR ? 0 : err_set(e, -errno, "poll");
	if (fds[n].revents) {
		struct signalfd_siginfo taken;

		/* It has been heard. */
		(void)read(run->signals, &taken, sizeof(taken));
		return err_kind(e, ERR_STATE, -EINTR, "the build was interrupted");
	}
	for (size_t i = 0; i < n && r >= 0; i++) {
		struct child *c = &run->children[index[i]];

		if (fds[i].fd < 0 || !fds[i].revents)
			continue;
		drain(i % 2 ? &c->result : &c->out, i % 2 ? &c->answer : &c->text);
		if (c->result < 0 && c->out < 0)
			r = finish(run, index[i], e);
	}
	show(run);
	return r;
}

static void end_all(struct running *run)
{
	for (size_t i = 0; i < run->b->df.n_stages; i++) {
		struct child *c = &run->children[i];

		if (c->started && !c->done) {
			/* What it was running would not hear of anything milder; clean_up() ends that, too. */
			kill(c->pid, SIGKILL);
			while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
				;
		}
		if (c->started) {
			fd_close(c->out);
			fd_close(c->result);
		}
		buf_done(&c->text);
		buf_done(&c->answer);
	}
	free(run->children);
}

static int run_stages(struct build *b, int *ret_exit, struct err *e)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	size_t jobs = b->o->jobs ? b->o->jobs : cpus > 0 ? (size_t)cpus : 1;
	struct running run = { .b = b, .children = calloc(b->df.n_stages, sizeof(struct child)) };
	sigset_t set = signals(SIG_BLOCK);
	int r = run.children ? 0 : err_oom(e);

	if (jobs > JOBS_MAX)
		jobs = JOBS_MAX;
	run.signals = signalfd(-1, &set, SFD_CLOEXEC);
	if (run.signals < 0)
		r = err_set(e, -errno, "signalfd");
	while (r >= 0 && !run.children[b->target].done) {
		for (size_t i = 0; i < b->df.n_stages && run.n_running < jobs && r >= 0; i++)
			if (is_ready(&run, i))
				r = start(&run, i, e);
		if (r >= 0)
			r = wait_some(&run, e);
	}
	*ret_exit = run.exit_code;
	if (run.children) {
		show(&run);
		end_all(&run);
	}
	fd_close(run.signals);
	signals(SIG_UNBLOCK);
	return r;
}

/* --- before and after -------------------------------------------------------------------------------------------------------------- */

static char *platform_text(const char *said, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct platform p = { 0 };
	int r = said ? platform_parse(said, &p, e) : platform_host(&p, e);

	if (r >= 0)
		platform_format(&p, &text);
	platform_done(&p);
	return r < 0 ? NULL : buf_take(&text);
}

static int count_steps(struct build *b, struct err *e)
{
	b->first_step = pool_alloc(&b->df.pool, sizeof(*b->first_step) * b->df.n_stages);
	b->states = pool_alloc(&b->df.pool, sizeof(*b->states) * b->df.n_stages);
	if (!b->first_step || !b->states)
		return err_oom(e);
	for (size_t i = 0; i < b->df.n_stages; i++) {
		b->first_step[i] = b->n_steps;
		if (b->df.stages[i]->needed)
			b->n_steps += 1 + b->df.stages[i]->n_instrs;
	}
	return 0;
}

/* For the checks. */
static int image_env(void *arg, const char *name, struct strv *ret, struct err *e)
{
	const struct build_opts *o = arg;
	_cleanup_image_config_ struct image_config config = { 0 };
	_cleanup_image_ struct image i = { 0 };
	struct images *images = NULL;
	int r;

	for (size_t k = 0; k < o->n_contexts; k++)
		if (streq(o->contexts[k].name, name)) {
			if (!o->contexts[k].image)
				return -ENOENT;
			name = o->contexts[k].image;
		}
	image_config_init(&config);
	r = images_open(o->data_root, o->driver, &images, e);
	if (r >= 0)
		r = image_find(images, name, &i, e);
	if (r >= 0)
		r = image_config_of(images, &i, &config, e);
	if (r >= 0)
		r = strv_copy(ret, &config.config.env, e);
	images_free(images);
	return r;
}

static int check(struct build *b, struct df_finding **ret, size_t *ret_n, struct err *e)
{
	const struct build_opts *o = b->o;
	const struct df_check_opts c = {
		.ignore = &b->ignore, .build_args = o->build_args, .env = image_env, .arg = (void *)o
	};

	return dockerfile_check(&b->df, &c, ret, ret_n, e);
}

/* What --check finds is an error where the file itself says so. */
static int check_strictly(struct build *b, struct err *e)
{
	struct df_finding *found;
	size_t n;
	int r = dockerfile_check_is_error(&b->df) ? check(b, &found, &n, e) : 0;

	if (r < 0 || !dockerfile_check_is_error(&b->df) || !n)
		return r;
	return err_kind(e, ERR_INVALID, -EINVAL, "lint violation found for rule %s, line %u: %s", found->rule,
			found->first, found->text);
}

/* All that comes before it is known how the stages hang together. */
static int parse(struct build *b, struct err *e)
{
	const struct build_opts *o = b->o;
	const char *checks = o->build_args ? strv_env_get(o->build_args, "BUILDKIT_DOCKERFILE_CHECK") : NULL;
	int r = dockerfile_parse(&b->df, o->dockerfile, o->dockerfile_len, e);

	if (checks)
		b->df.check = checks;
	if (r >= 0 && o->ignore)
		r = ignore_parse(&b->ignore, o->ignore, o->ignore_len, e);
	for (size_t i = 0; i < o->n_contexts && r >= 0; i++)
		r = strv_push(&b->context_names, o->contexts[i].name, e);
	if (r < 0)
		return r;
	b->platform = platform_text(o->platform, e);
	b->build_platform = b->platform ? platform_text(NULL, e) : NULL;
	if (!b->build_platform)
		return -EINVAL;
	b->plan = (struct df_plan_opts){ .build_args = o->build_args,
					 .contexts = &b->context_names,
					 .target = o->target,
					 .platform = b->platform,
					 .build_platform = b->build_platform };
	return 0;
}

static int plan(struct build *b, struct err *e)
{
	int r = parse(b, e);

	if (r >= 0)
		r = dockerfile_plan(&b->df, &b->plan, &b->target, e);
	if (r >= 0)
		r = check_strictly(b, e);
	return r < 0 ? r : count_steps(b, e);
}

/* What the stages make belongs to no image until the end, so nobody may sweep before. A handle of its own, as it goes through
 * forks, which a database's must not. */
static int hold(struct build *b, const struct images *s, struct err *e)
{
	int r = blobs_open(blobs_root(s->blobs), false, &b->held, e);

	return r < 0 ? r : blobs_hold(b->held, e);
}

static int open_data(struct build *b, struct images **ret, struct err *e)
{
	_cleanup_free_ char *cache = NULL;
	int r = images_open(b->o->data_root, b->o->driver, ret, e);

	if (r < 0)
		return r;
	b->dir = path_join((*ret)->root, "build");
	cache = b->dir ? path_join(b->dir, "cache") : NULL;
	if (!cache)
		return err_oom(e);
	r = dir_make_all(cache, 0700, e);
	if (r >= 0 && !b->held)
		r = hold(b, *ret, e);
	return r < 0 ? r : stages_sweep(b, *ret, e);
}

static int add_labels(struct build *b, struct state *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; b->o->labels && i < b->o->labels->n && r >= 0; i++)
		r = strv_env_set(&s->config.config.labels, b->o->labels->v[i], e);
	return r;
}

static int tag_all(struct build *b, struct images *images, const char *id, struct err *e)
{
	int r = 0;

	for (size_t i = 0; b->o->tags && i < b->o->tags->n && r >= 0; i++) {
		_cleanup_reference_ struct reference ref = { 0 };

		r = reference_parse(b->o->tags->v[i], &ref, e);
		if (r >= 0)
			r = reference_default_tag(&ref, e);
		if (r >= 0)
			r = image_tag(images, id, &ref, e);
	}
	return r;
}

/* All layers of OTHER are layers of S, too. */
static bool has_layers(const struct state *s, const struct state *other)
{
	const struct strv *a = &s->config.diff_ids, *b = &other->config.diff_ids;

	for (size_t i = 0; i < b->n; i++)
		if (i >= a->n || !streq(a->v[i], b->v[i]))
			return false;
	return true;
}

static int register_image(struct build *b, char ret_id[static DIGEST_MAX], struct err *e)
{
	struct state *s = &b->states[b->target];
	struct images *images = NULL;
	int r = images_open(b->o->data_root, b->o->driver, &images, e);

	if (r >= 0)
		r = add_labels(b, s, e);
	if (r >= 0 && cache_is_inline(b->o))
		r = cache_mark(s, e);
	/* Stages that are not the result keep their layers as Docker's do: as images without a name. */
	for (size_t i = 0; i < b->target && r >= 0; i++) {
		struct state *other = &b->states[i];
		char unused[DIGEST_MAX];

		if (b->df.stages[i]->needed && other->n_layers > other->n_base && !has_layers(s, other))
			r = image_add_local(images, &other->config, other->layers, other->n_layers, NULL, NULL, unused,
					    e);
	}
	if (r >= 0)
		r = image_add_local(images, &s->config, s->layers, s->n_layers, *s->parent ? s->parent : NULL, NULL,
				    ret_id, e);
	if (r >= 0)
		r = tag_all(b, images, ret_id, e);
	if (r >= 0)
		r = cache_export(b, images, ret_id, e);
	images_free(images);
	return r;
}

static int check_tags(const struct build_opts *o, struct err *e)
{
	int r = 0;

	for (size_t i = 0; o->tags && i < o->tags->n && r >= 0; i++) {
		_cleanup_reference_ struct reference ref = { 0 };

		r = reference_parse(o->tags->v[i], &ref, e);
		if (r < 0)
			err_wrap(e, r, "invalid argument \"%.100s\" for -t", o->tags->v[i]);
	}
	return r;
}

static void summary(struct build *b, const char *id)
{
	const struct build_host *h = b->o->host;
	_cleanup_buf_ struct buf text = BUF_INIT;

	buf_printf(&text, "Successfully built %.12s\n", digest_hex(id));
	for (size_t i = 0; b->o->tags && i < b->o->tags->n; i++) {
		_cleanup_reference_ struct reference ref = { 0 };

		if (reference_parse(b->o->tags->v[i], &ref, NULL) < 0 || reference_default_tag(&ref, NULL) < 0)
			continue;
		buf_puts(&text, "Successfully tagged ");
		reference_familiar(&ref, &text);
		buf_putc(&text, '\n');
	}
	h->say(h->arg, buf_str(&text), text.len);
}

void build_warn(struct build *b, const char *text)
{
	const struct build_host *h = b->o->host;
	_cleanup_buf_ struct buf line = BUF_INIT;

	buf_printf(&line, "[Warning] %s\n", text);
	h->say(h->arg, buf_str(&line), line.len);
}

/* Some ARG of the file asks for it, or any RUN gets it. */
static bool is_consumed(const struct build *b, const char *name)
{
	static const char *const known[] = { "HTTP_PROXY", "http_proxy", "HTTPS_PROXY",	     "https_proxy",
					     "FTP_PROXY",  "ftp_proxy",	 "NO_PROXY",	     "no_proxy",
					     "ALL_PROXY",  "all_proxy",	 "SOURCE_DATE_EPOCH" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (streq(known[i], name))
			return true;
	if (startswith(name, "BUILDKIT_"))
		return true;
	for (size_t i = 0; i <= b->df.n_stages; i++)
		for (const struct df_instr *in = i ? b->df.stages[i - 1]->instrs : b->df.meta; in; in = in->next)
			for (const struct df_pair *p = in->kind == DF_ARG ? in->pairs : NULL; p; p = p->next)
				if (streq(p->name, name))
					return true;
	return false;
}

static void warn_of_args(struct build *b)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; b->o->build_args && i < b->o->build_args->n; i++) {
		_cleanup_free_ char *name = strndup(b->o->build_args->v[i], strcspn(b->o->build_args->v[i], "="));

		if (name && !is_consumed(b, name))
			buf_printf(&text, text.len ? " %s" : "One or more build-args [%s", name);
	}
	if (text.len) {
		buf_puts(&text, "] were not consumed");
		build_warn(b, buf_str(&text));
	}
}

static void build_done(struct build *b)
{
	for (size_t i = 0; b->states && i < b->df.n_stages; i++)
		state_done(&b->states[i]);
	dockerfile_done(&b->df);
	ignore_done(&b->ignore);
	strv_done(&b->context_names);
	blobs_free(b->held);
	free(b->dir);
	free(b->platform);
	free(b->build_platform);
}

/* After a failure: of those that were ended something may run still. */
static void clean_up(struct build *b)
{
	struct images *images = NULL;

	if (images_open(b->o->data_root, b->o->driver, &images, NULL) >= 0)
		stages_sweep(b, images, NULL);
	images_free(images);
}

int build_image(const struct build_opts *o, char ret_id[static DIGEST_MAX], int *ret_exit, struct err *e)
{
	struct build b = { .o = o };
	struct images *images = NULL;
	int r = check_tags(o, e);

	*ret_exit = 0;
	if (r >= 0)
		r = plan(&b, e);
	if (r >= 0)
		r = open_data(&b, &images, e);
	if (r >= 0 && o->n_cache_from) {
		r = cache_open(images, e);
		if (r >= 0)
			cache_import(&b, images);
	}
	/* A database is never taken through a fork. */
	images_free(images);
	for (size_t i = 0; i < b.df.warnings.n && r >= 0; i++)
		build_warn(&b, b.df.warnings.v[i]);
	if (r >= 0) {
		r = run_stages(&b, ret_exit, e);
		if (r < 0)
			clean_up(&b);
	}
	if (r >= 0)
		r = register_image(&b, ret_id, e);
	if (r >= 0) {
		warn_of_args(&b);
		summary(&b, ret_id);
	}
	build_done(&b);
	return r;
}

int build_check(const struct build_opts *o, const char *file, struct buf *out, size_t *ret_n, struct err *e)
{
	struct build b = { .o = o };
	struct df_finding *found = NULL;
	struct err later = { 0 };
	int parsed = parse(&b, &later), r;

	/* What comes before a mistake is looked at all the same. */
	if (parsed >= 0)
		parsed = dockerfile_plan(&b.df, &b.plan, &b.target, &later);
	*ret_n = 0;
	r = check(&b, &found, ret_n, e);
	for (const struct df_finding *f = found; f && r >= 0; f = f->next)
		finding_print(&b.df, f, file, out);
	build_done(&b);
	if (r < 0 || parsed >= 0)
		return r;
	if (e)
		*e = later;
	return parsed;
}
