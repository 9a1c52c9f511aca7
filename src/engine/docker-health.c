/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Health checks. The keeper has the clock, and runs one `creel keeper-probe ID` at a time; that executes the check inside,
 * writes what came of it, and tells the keeper when the next is due.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/docker-inner.h"
#include "runtime/exec.h"
#include "runtime/keeper_proto.h"
#include "runtime/relay.h"
#include "spec/field.h"

#define SECOND	   1000000000ll
#define NS_PER_MS  1000000ll
#define TIME_MAX   (INT32_MAX * NS_PER_MS) /* what the keeper is told of */
#define OUTPUT_MAX 4096
#define LOG_MAX	   5
#define HEALTH_MAX (64u << 10)

static bool has_check(const struct container_config *c)
{
	return c->has_health && c->health.test.n && !streq(c->health.test.v[0], "NONE");
}

/* An image says what it likes: no time at all, or more than fits. */
static int64_t or_default(int64_t ns, int64_t def)
{
	return ns <= 0 ? def : ns < NS_PER_MS ? NS_PER_MS : ns > TIME_MAX ? TIME_MAX : ns;
}

int64_t docker_health_first(const struct container_config *c)
{
	int64_t every = or_default(c->health.interval_ns, 30 * SECOND);

	if (!has_check(c))
		return 0;
	if (c->health.start_period_ns > 0)
		every = or_default(c->health.start_interval_ns, every < 5 * SECOND ? every : 5 * SECOND);
	return every;
}

/* --- one check --------------------------------------------------------------------------------------------------------------- */

struct result {
	int64_t start, end;
	int code;
	struct buf output;
};

static int check_args(const struct container_config *c, struct strv *args, struct err *e)
{
	const struct strv *t = &c->health.test;
	bool shell = streq(t->v[0], "CMD-SHELL");
	int r = 0;

	if (shell && c->shell.n)
		for (size_t i = 0; i < c->shell.n && r == 0; i++)
			r = strv_push(args, c->shell.v[i], e);
	else if (shell) {
		r = strv_push(args, "/bin/sh", e);
		if (r == 0)
			r = strv_push(args, "-c", e);
	}
	for (size_t i = 1; i < t->n && r == 0; i++)
		r = strv_push(args, t->v[i], e);
	return r;
}

static int64_t left_ms(int64_t until)
{
	int64_t left = (until - docker_now()) / 1000000;

	return left < 0 ? 0 : left > 3600000 ? 3600000 : left;
}

/* What it prints, until it ends or its time is over. */
static void watch_it(struct result *x, int out, pid_t pid, int64_t until)
{
	char buf[1024];
	int status = 0;
	bool late = false;

	for (;;) {
		struct pollfd p = { .fd = out, .events = POLLIN };
		ssize_t n;

		if (poll(&p, 1, (int)left_ms(until)) == 0) {
			late = true;
			break;
		}
		n = read(out, buf, sizeof(buf));
		if (n <= 0)
			break;
		if (x->output.len < OUTPUT_MAX)
			buf_add(&x->output, buf,
				(size_t)n < OUTPUT_MAX - x->output.len ? (size_t)n : OUTPUT_MAX - x->output.len);
	}
	while (!late && waitpid(pid, &status, WNOHANG) == 0) {
		if (left_ms(until) == 0)
			late = true;
		else
			poll(NULL, 0, 5);
	}
	if (late) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		buf_reset(&x->output);
		buf_puts(&x->output, "Health check exceeded timeout");
		x->code = -1;
		return;
	}
	x->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_check(const struct docker_row *c, const struct container_config *conf, struct result *x, struct err *e)
{
	_cleanup_close_ int run = record_open_dir(c->id, false, e), out = -EBADF, in = -EBADF, null = -EBADF;
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_free_ char *text = NULL;
	_cleanup_spec_ struct spec s;
	struct exec_req q = { .spec = &s, .no_new_keyring = true };
	int p[2], r, master = -EBADF;
	pid_t pid;

	spec_init(&s);
	if (run < 0)
		return run;
	r = record_read(run, &rec, e);
	if (r == 0)
		r = file_read(run, "spec", 16u << 20, &text, NULL, e);
	if (r == 0)
		r = spec_load(&s, text, e);
	strv_done(&s.process.args);
	if (r == 0)
		r = check_args(conf, &s.process.args, e);
	if (r < 0)
		return r;
	s.process.terminal = TRI_NO;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_set(e, -errno, "make a pipe");
	out = p[0];
	in = p[1];
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	q.stdio[0] = null;
	q.stdio[1] = q.stdio[2] = in;
	r = exec_start(run, &rec, &q, &pid, &master, e);
	in = fd_close(in);
	if (r < 0)
		return r;
	watch_it(x, out, pid, x->start + or_default(conf->health.timeout_ns, 30 * SECOND));
	return 0;
}

/* --- what it means ------------------------------------------------------------------------------------------------------------ */

static void write_entry(struct json *j, const struct result *x)
{
	char start[40], end[40];

	json_object(j);
	json_kv_string(j, "Start", docker_time(x->start, start));
	json_kv_string(j, "End", docker_time(x->end, end));
	json_kv_i64(j, "ExitCode", x->code);
	json_kv_string(j, "Output", buf_str(&x->output));
	json_end_object(j);
}

static int write_health(int dirfd, const struct json_c_value *old, int streak, const struct result *x, struct err *e)
{
	const struct json_c_value *log = value_get(old, "Log");
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct json j;
	size_t n = value_len(log);
	int r;

	json_init(&j, &b, false);
	json_object(&j);
	json_kv_i64(&j, "FailingStreak", streak);
	json_key(&j, "Log");
	json_array(&j);
	for (size_t i = n >= LOG_MAX ? n - LOG_MAX + 1 : 0; i < n; i++)
		value_write(value_elem(log, i), &j);
	write_entry(&j, x);
	json_end_array(&j);
	json_end_object(&j);
	r = buf_error(&b, e);
	return r < 0 ? r : file_replace(dirfd, "health", buf_str(&b), b.len, 0600, false, e);
}

static struct json_c_value *read_health(int dirfd)
{
	_cleanup_free_ char *text = NULL;
	struct json_c_value *v = NULL;
	size_t len;

	if (file_read(dirfd, "health", HEALTH_MAX, &text, &len, NULL) == 0)
		(void)value_parse(text, len, "health", &v, NULL);
	return v;
}

void docker_health_write(int dirfd, const struct docker_state *st, struct json *out)
{
	_cleanup_value_ struct json_c_value *v = read_health(dirfd);

	json_object(out);
	json_kv_string(out, "Status", docker_health_names[st->health]);
	json_kv_i64(out, "FailingStreak", value_int(v, "FailingStreak", 0));
	json_key(out, "Log");
	if (value_is_array(value_get(v, "Log"))) {
		value_write(value_get(v, "Log"), out);
	} else {
		json_array(out);
		json_end_array(out);
	}
	json_end_object(out);
}

static int judge(struct docker *d, struct docker_row *c, int dirfd, const struct container_config *conf,
		 const struct result *x, int64_t *ret_next, struct err *e)
{
	_cleanup_value_ struct json_c_value *old = read_health(dirfd);
	_cleanup_state_ struct docker_state st = { 0 };
	_cleanup_close_ int lock = record_lock(c->id, true, e);
	int retries = conf->health.retries > 0 ? conf->health.retries : 3, streak, r;
	bool young;

	if (lock < 0)
		return lock;
	r = docker_state_read(dirfd, c->id, &st, e);
	if (r < 0 || st.status != DS_RUNNING)
		return r;
	young = st.health == DH_STARTING && docker_now() - st.started_ns < conf->health.start_period_ns;
	streak = x->code == 0 || young ? 0 : (int)value_int(old, "FailingStreak", 0) + 1;
	r = write_health(dirfd, old, streak, x, e);
	if (r == 0 && (x->code == 0 ? st.health != DH_HEALTHY : streak >= retries && st.health != DH_UNHEALTHY)) {
		st.health = x->code == 0 ? DH_HEALTHY : DH_UNHEALTHY;
		r = docker_state_write(dirfd, &st, e);
		docker_event(d, c, x->code == 0 ? "health_status: healthy" : "health_status: unhealthy", NULL);
	}
	*ret_next = or_default(conf->health.interval_ns, 30 * SECOND);
	if (st.health == DH_STARTING && docker_now() - st.started_ns < conf->health.start_period_ns)
		*ret_next = docker_health_first(conf);
	return r;
}

static void tell_next(const char *id, int64_t ns)
{
	_cleanup_close_ int run = record_open_dir(id, false, NULL), sock = -EBADF;
	struct keeper_req q = { .type = KR_PROBE, .arg = (int32_t)(ns / NS_PER_MS) };

	sock = run < 0 ? -EBADF : keeper_connect(run, NULL);
	if (sock >= 0)
		(void)send(sock, &q, sizeof(q), MSG_NOSIGNAL);
}

int docker_keeper_probe(const char *id, const struct log *log, struct err *e)
{
	_cleanup_close_ int run = record_open_dir(id, false, e), dirfd = -EBADF;
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_row_ struct docker_row c = { 0 };
	struct container_config conf;
	struct result x = { .start = docker_now(), .code = -1, .output = BUF_INIT };
	struct docker_opts o = { .log = log };
	struct err failed = { 0 };
	int64_t next = 30 * SECOND;
	int r = run < 0 ? run : record_read(run, &rec, e);

	if (r < 0)
		return r;
	o.root = rec.data;
	r = rec.data ? docker_open(&o, &d, e) : -EINVAL;
	if (r == 0)
		r = docker_find(d, id, &c, e);
	if (r < 0)
		return r;
	dirfd = docker_dir(d, c.id, e);
	if (dirfd < 0)
		return dirfd;
	r = docker_config(&c, &conf, e);
	if (r == 0 && has_check(&conf)) {
		if (run_check(&c, &conf, &x, &failed) < 0)
			buf_puts(&x.output, failed.msg);
		x.end = docker_now();
		r = judge(d, &c, dirfd, &conf, &x, &next, e);
		tell_next(id, next);
	}
	buf_done(&x.output);
	container_config_done(&conf);
	return r;
}
