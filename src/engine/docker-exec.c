/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * exec: a file DATA/containers/ID/execs/EXEC says what was asked and what has come of it. The first half of EXEC is that of the
 * container's id, so that it is found by EXEC alone. The process is the caller's child, with the caller's own descriptors.
 */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "dialect/oci/oci.h"
#include "engine/docker-inner.h"
#include "runtime/exec.h"
#include "spec/field.h"
#include "sys/passwd.h"
#include "sys/proc.h"
#include "sys/syscalls.h"

#define HALF	 32
#define EXEC_MAX (16u << 20)
#define KEPT_S	 300 /* as Docker */

struct exec {
	char id[65];
	struct docker_row c;
	struct json_c_value *doc; /* Body, Running, Pid, ExitCode */
	const struct json_c_value *body;
	int dirfd; /* execs */
};

static void exec_done(struct exec *x)
{
	docker_row_done(&x->c);
	value_free(x->doc);
	fd_close(x->dirfd);
}
#define _cleanup_exec_ _cleanup_(exec_done)
#define EXEC_INIT      ((struct exec){ .dirfd = -EBADF })

static int open_execs(struct docker *d, const char *id, struct err *e)
{
	_cleanup_close_ int dirfd = docker_dir(d, id, e);
	int fd;

	if (dirfd < 0)
		return dirfd;
	if (mkdirat(dirfd, "execs", 0700) < 0 && errno != EEXIST)
		return err_set(e, -errno, "create a folder for execs");
	fd = openat(dirfd, "execs", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_set(e, -errno, "open the folder of execs") : fd;
}

static int write_exec(const struct exec *x, const struct json_c_value *body, bool running, int pid, int code,
		      struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct json j;
	int r;

	json_init(&j, &b, false);
	json_object(&j);
	json_key(&j, "Body");
	value_write(body, &j);
	json_kv_bool(&j, "Running", running);
	json_kv_i64(&j, "Pid", pid);
	if (code >= 0)
		json_kv_i64(&j, "ExitCode", code);
	json_end_object(&j);
	r = buf_error(&b, e);
	return r < 0 ? r : file_replace(x->dirfd, x->id, buf_str(&b), b.len, 0600, false, e);
}

static int no_such(const char *exec, struct err *e)
{
	return err_kind(e, ERR_NOT_FOUND, -ENOENT, "No such exec instance: %s", exec);
}

static int find_exec(struct docker *d, const char *exec, struct exec *x, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char half[HALF + 1];
	size_t len;

	if (strlen(exec) != 64 || strspn(exec, "0123456789abcdef") != 64)
		return no_such(exec, e);
	memcpy(x->id, exec, 65);
	memcpy(half, exec, HALF);
	half[HALF] = '\0';
	if (docker_find_id(d, half, &x->c, e) < 0)
		return no_such(exec, e);
	x->dirfd = open_execs(d, x->c.id, e);
	if (x->dirfd < 0 || file_read(x->dirfd, exec, EXEC_MAX, &text, &len, NULL) < 0)
		return no_such(exec, e);
	if (value_parse(text, len, "exec", &x->doc, e) < 0)
		return -EINVAL;
	x->body = value_get(x->doc, "Body");
	return 0;
}

static void tell(struct docker *d, const struct exec *x, const char *what, const struct json_c_value *body)
{
	const struct json_c_value *cmd = value_get(body, "Cmd");
	_cleanup_buf_ struct buf action = BUF_INIT;
	char id[80];

	buf_printf(&action, "%s: ", what);
	for (size_t i = 0; i < value_len(cmd); i++)
		buf_printf(&action, "%s%s", i ? " " : "", value_text(value_elem(cmd, i), NULL) ?: "");
	snprintf(id, sizeof(id), "execID=%s", x->id);
	docker_event(d, &x->c, buf_str(&action), (const char *const[]){ id, NULL });
}

/* Nobody asks for it any more: it has ended, or who was to see its end has been killed. */
static bool is_over(int dirfd, const char *exec)
{
	_cleanup_value_ struct json_c_value *v = NULL;
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len;
	int pid;

	if (fstatat(dirfd, exec, &st, AT_SYMLINK_NOFOLLOW) < 0 || time(NULL) - st.st_mtime < KEPT_S ||
	    file_read(dirfd, exec, EXEC_MAX, &text, &len, NULL) < 0 || value_parse(text, len, "exec", &v, NULL) < 0)
		return false;
	pid = (int)value_int(v, "Pid", 0);
	return value_bool(v, "Running") ? pid <= 0 || (kill(pid, 0) < 0 && errno == ESRCH)
					: value_get(v, "ExitCode") != NULL;
}

/* A check that somebody runs each second would fill the disk with them. */
static void prune_execs(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	if (!dir)
		fd_close(fd);
	while (dir && (de = readdir(dir)))
		if (strlen(de->d_name) == 64 && is_over(dirfd, de->d_name))
			unlinkat(dirfd, de->d_name, 0);
	if (dir)
		closedir(dir);
}

int docker_exec_create(struct docker *d, const char *id, const char *body, struct buf *ret, struct err *e)
{
	_cleanup_value_ struct json_c_value *b = NULL;
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_exec_ struct exec x = EXEC_INIT;
	const char *keys;
	struct docker_keys parsed;
	struct json j;
	int r = value_parse(body, strlen(body), "exec", &b, e);

	if (r == 0)
		r = docker_find(d, id, &x.c, e);
	if (r == 0)
		r = docker_running(&x.c, &rec, e);
	if (r < 0)
		return r;
	if (rec.state == RUN_FROZEN)
		return err_kind(e, ERR_STATE, -EBUSY, "Container %s is paused, unpause the container before exec", id);
	keys = value_text(b, "DetachKeys");
	r = isempty(keys) ? 0 : docker_keys_parse(keys, &parsed, NULL);
	if (r < 0)
		return err_kind(e, ERR_INVALID, r, "Invalid escape keys (%s) provided", keys);
	if (!value_len(value_get(b, "Cmd")))
		return err_kind(e, ERR_INVALID, -EINVAL, "No exec command specified");
	r = docker_new_id(x.id, e);
	if (r < 0)
		return r;
	memcpy(x.id, x.c.id, HALF);
	x.dirfd = open_execs(d, x.c.id, e);
	if (x.dirfd >= 0)
		prune_execs(x.dirfd);
	r = x.dirfd < 0 ? x.dirfd : write_exec(&x, b, false, 0, -1, e);
	if (r < 0)
		return r;
	tell(d, &x, "exec_create", b);
	json_init(&j, ret, false);
	json_object(&j);
	json_kv_string(&j, "Id", x.id);
	json_end_object(&j);
	return buf_error(ret, e);
}

/* --- what is executed ----------------------------------------------------------------------------------------------------- */

/* --group-add is the container's, whoever it is. */
static int add_groups(const struct exec *x, int root, struct passwd_user *u, struct spec_process *p, struct err *e)
{
	const struct json_c_value *add = value_get(x->c.host, "GroupAdd");
	int r = 0;

	for (size_t i = 0; i < value_len(add) && r == 0; i++) {
		char group[300];

		snprintf(group, sizeof(group), ":%s", value_text(value_elem(add, i), NULL) ?: "");
		if (passwd_find(root, group, u, e) < 0)
			return err_kind(e, ERR_INVALID, -EINVAL,
					"Unable to find group %s: no matching entries in group file", group + 1);
		r = strv_pushf(&p->groups, e, "%u", u->gid);
	}
	return r;
}

/* By the files that the container has now. */
static int set_user(const struct exec *x, const struct record *rec, struct spec_process *p, struct err *e)
{
	_cleanup_free_ struct passwd_user *u = NULL;
	const char *user = value_text(x->body, "User");
	_cleanup_close_ int root = -EBADF;
	char path[64];
	int r;

	if (isempty(user))
		return 0;
	u = calloc(1, sizeof(*u));
	if (!u)
		return err_oom(e);
	snprintf(path, sizeof(path), "/proc/%d/root", rec->pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(e, -errno, "open the root of %s", x->c.name);
	r = docker_find_user(root, user, u, e);
	if (r < 0)
		return r;
	p->uid = u->uid;
	p->gid = u->gid;
	strv_done(&p->groups);
	for (size_t i = 0; i < u->n_groups && r == 0; i++)
		r = strv_pushf(&p->groups, e, "%u", u->groups[i]);
	return r == 0 ? add_groups(x, root, u, p, e) : r;
}

static int set_words(const struct exec *x, struct spec_process *p, struct err *e)
{
	const struct json_c_value *cmd = value_get(x->body, "Cmd"), *env = value_get(x->body, "Env");
	const char *cwd = value_text(x->body, "WorkingDir");
	bool tty = value_bool(x->body, "Tty");
	int r = 0;

	strv_done(&p->args);
	for (size_t i = 0; i < value_len(cmd) && r == 0; i++)
		r = strv_push(&p->args, value_text(value_elem(cmd, i), NULL) ?: "", e);
	if (r == 0 && tty && !strv_env_get(&p->env, "TERM"))
		r = strv_push(&p->env, "TERM=xterm", e);
	for (size_t i = 0; i < value_len(env) && r == 0; i++)
		if (strchr(value_text(value_elem(env, i), NULL) ?: "", '='))
			r = strv_env_set(&p->env, value_text(value_elem(env, i), NULL), e);
	if (r == 0 && !isempty(cwd)) {
		free(p->cwd);
		p->cwd = strdup(cwd);
		r = p->cwd ? 0 : err_oom(e);
	}
	p->terminal = tty ? TRI_YES : TRI_NO;
	p->rows = p->columns = UNSET32;
	if (tty && value_len(value_get(x->body, "ConsoleSize")) == 2) {
		int64_t rows = value_int(value_elem(value_get(x->body, "ConsoleSize"), 0), NULL, 0),
			columns = value_int(value_elem(value_get(x->body, "ConsoleSize"), 1), NULL, 0);

		if (rows > 0 && columns > 0 && rows < 65536 && columns < 65536) {
			p->rows = (uint32_t)rows;
			p->columns = (uint32_t)columns;
		}
	}
	return r;
}

static int all_caps(struct spec_process *p, struct err *e)
{
	struct strv *sets[] = { &p->cap_bounding, &p->cap_effective, &p->cap_permitted };
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
		strv_done(sets[i]);
		for (const struct oci_word *w = oci_caps; w->name && r == 0; w++)
			r = strv_push(sets[i], w->word, e);
	}
	return r;
}

/* The container's spec with another process. */
static int make_spec(const struct exec *x, int run, const struct record *rec, struct spec *s, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	int r = file_read(run, "spec", EXEC_MAX, &text, NULL, e);

	if (r == 0)
		r = spec_load(s, text, e);
	if (r == 0)
		r = set_words(x, &s->process, e);
	if (r == 0)
		r = set_user(x, rec, &s->process, e);
	if (r == 0 && value_bool(x->body, "Privileged")) {
		s->process.no_new_privs = TRI_UNSET;
		r = all_caps(&s->process, e);
	}
	return r;
}

/* --- running it ----------------------------------------------------------------------------------------------------------- */

struct ends {
	int in, out;
};

static bool gone(ssize_t n)
{
	return n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN);
}

static bool put_all(int fd, const char *p, size_t n)
{
	return fd < 0 || fd_write_all(fd, p, n) == 0;
}

/* Between the caller's fds and the terminal, until the other side of it is closed (0) or KEYS are typed (1). What is typed is
 * held until the terminal takes it: who waited for that would keep it from saying what it has to say first. */
static int relay_tty(int master, struct ends t, struct docker_keys *keys)
{
	unsigned char read_in[4096], typed[sizeof(read_in) + DOCKER_KEYS_MAX];
	char buf[4096];
	size_t at = 0, len = 0;
	bool leave = false;

	(void)fd_set_nonblock(master, true);
	for (;;) {
		struct pollfd p[] = { { .fd = master, .events = POLLIN | (at < len ? POLLOUT : 0) },
				      { .fd = at < len ? -1 : t.in, .events = POLLIN } };
		ssize_t n;

		if (poll(p, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return 0;
		}
		if (p[0].revents & ~POLLOUT) {
			n = read(master, buf, sizeof(buf));
			if (gone(n))
				return 0;
			if (n > 0 && !put_all(t.out, buf, (size_t)n))
				t.out = -1;
		}
		if (p[1].revents) {
			n = read(t.in, read_in, sizeof(read_in));
			at = len = 0;
			if (n > 0)
				leave = docker_keys_filter(keys, read_in, (size_t)n, typed, &len) == 1;
			if (gone(n))
				t.in = -1;
		}
		if (at < len) {
			n = write(master, typed + at, len - at);
			if (n < 0 && gone(n)) {
				/* Nobody reads any more; what was said is there still. */
				at = len;
				t.in = -1;
			}
			at += n > 0 ? (size_t)n : 0;
		}
		if (leave && at >= len)
			return 1;
	}
}

static int code_of(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int begin(struct docker *d, struct exec *x, const int stdio[3], pid_t *ret_pid, int *ret_master, struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int run = -EBADF, null = -EBADF;
	_cleanup_spec_ struct spec s;
	struct exec_req q = { .spec = &s, .log = d->log, .relayed = true, .no_new_keyring = true, .files_stay = true };
	int r = docker_running(&x->c, &rec, e);

	spec_init(&s);
	if (r < 0)
		return r;
	run = record_open_dir(x->c.id, false, e);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (run < 0 || null < 0)
		return run < 0 ? run : err_set(e, -errno, "open /dev/null");
	r = make_spec(x, run, &rec, &s, e);
	for (int i = 0; i < 3; i++)
		q.stdio[i] = stdio && stdio[i] >= 0 ? stdio[i] : null;
	q.no_seccomp = value_bool(x->body, "Privileged");
	return r == 0 ? exec_start(run, &rec, &q, ret_pid, ret_master, e) : r;
}

static int failed_code(int r)
{
	return r == -ENOENT ? 127 : 126;
}

static void tell_start(struct docker *d, struct exec *x, pid_t pid)
{
	(void)write_exec(x, x->body, true, pid, -1, NULL);
	tell(d, x, "exec_start", x->body);
}

/* One that was begun: its end. */
static int see_it_out(struct docker *d, struct exec *x, pid_t pid)
{
	char text[32];
	int status = 0;

	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	(void)write_exec(x, x->body, false, 0, code_of(status), NULL);
	snprintf(text, sizeof(text), "exitCode=%d", code_of(status));
	docker_event(d, &x->c, "exec_die", (const char *const[]){ text, NULL });
	return code_of(status);
}

/* What our caller had open is not ours to keep: a lock, a pipe that somebody reads to its end. All of our own is close-on-exec. */
static void drop_inherited(void)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *de;

	while (dir && (de = readdir(dir))) {
		int32_t fd;

		if (parse_i32(de->d_name, &fd) == 0 && fd > 2 && fd != dirfd(dir) && !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
			close(fd);
	}
	if (dir)
		closedir(dir);
}

/* As a process of its own, which the caller may forget: it begins, says so with the terminal on SOCK, shows the terminal to
 * nobody once the caller has gone, waits, and says the code. */
_noreturn_ static void waiter_main(struct docker *d, struct exec *x, int sock)
{
	struct docker_keys none = { 0 };
	struct err said = { 0 };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), master = -EBADF, code;
	struct pollfd p[] = { { .fd = sock, .events = POLLIN }, { .fd = -1 } };
	pid_t child;

	setsid();
	for (int i = 0; i < 3 && null >= 0; i++)
		dup2(null, i);
	drop_inherited();
	said.code = begin(d, x, NULL, &child, &master, &said);
	if (said.code < 0) {
		(void)fd_send(sock, &said, sizeof(said), NULL, 0);
		(void)write_exec(x, x->body, false, 0, failed_code(said.code), NULL);
		_exit(0);
	}
	tell_start(d, x, child);
	(void)fd_send(sock, &said, sizeof(said), &master, master >= 0);
	p[1].fd = sys_pidfd_open(child, 0);
	p[1].events = POLLIN;
	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	/* Nobody is there any more who reads. */
	if (p[0].revents && master >= 0)
		(void)relay_tty(master, (struct ends){ -1, -1 }, &none);
	code = see_it_out(d, x, child);
	(void)send(sock, &code, sizeof(code), MSG_NOSIGNAL);
	_exit(0);
}

/* A NULL: in the background. Returns 1 where the keys were typed to go away. */
static int run_apart(struct docker *d, struct exec *x, const struct docker_attach *a, struct docker_keys *keys,
		     int *ret_code, struct err *e)
{
	_cleanup_close_ int mine = -EBADF, theirs = -EBADF, master = -EBADF;
	struct err said = { 0 };
	size_t n_fds = 1;
	int p[2];
	ssize_t n;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p) < 0)
		return err_set(e, -errno, "make a socket pair");
	mine = p[0];
	theirs = p[1];
	pid = fork();
	if (pid < 0)
		return err_set(e, -errno, "fork");
	if (pid == 0) {
		if (fork() > 0)
			_exit(0);
		fd_close(mine);
		waiter_main(d, x, theirs);
	}
	theirs = fd_close(theirs);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	n = fd_recv(mine, &said, sizeof(said), &master, &n_fds);
	if (n != (ssize_t)sizeof(said))
		return err_kind(e, ERR_STATE, -ECHILD, "the process that was to run it was killed");
	if (n_fds == 0)
		master = -EBADF;
	if (said.code < 0) {
		*ret_code = failed_code(said.code);
		if (e)
			*e = said;
	}
	if (said.code < 0 || !a)
		return said.code;
	if (a->ready)
		a->ready(a->arg);
	if (master >= 0 && relay_tty(master, (struct ends){ a->in, a->out }, keys) == 1)
		return 1;
	master = fd_close(master);
	if (recv(mine, ret_code, sizeof(*ret_code), 0) != sizeof(*ret_code))
		return err_kind(e, ERR_STATE, -ECHILD, "the process that waited for it was killed");
	return 0;
}

/* It is started once, by whoever comes first. */
static int claim(const struct exec *x, struct err *e)
{
	_cleanup_value_ struct json_c_value *now = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = 0;

	while (flock(x->dirfd, LOCK_EX) < 0)
		if (errno != EINTR)
			return err_set(e, -errno, "lock the folder of execs");
	if (file_read(x->dirfd, x->id, EXEC_MAX, &text, &len, NULL) < 0)
		r = no_such(x->id, e);
	if (r == 0)
		r = value_parse(text, len, "exec", &now, e);
	if (r == 0 && (value_bool(now, "Running") || value_get(now, "ExitCode")))
		r = err_kind(e, ERR_STATE, -EALREADY, "exec %s has already been started", x->id);
	if (r == 0)
		r = write_exec(x, x->body, true, 0, -1, e);
	(void)flock(x->dirfd, LOCK_UN);
	return r;
}

int docker_exec_start(struct docker *d, const char *exec, const struct docker_attach *a, int *ret_code, struct err *e)
{
	_cleanup_exec_ struct exec x = EXEC_INIT;
	struct docker_keys keys = { 0 };
	int master = -EBADF; /* it has no terminal */
	pid_t pid;
	int r = find_exec(d, exec, &x, e);

	if (r == 0 && a)
		r = docker_keys_parse(a->detach_keys ?: value_text(x.body, "DetachKeys"), &keys, e);
	if (r == 0)
		r = claim(&x, e);
	if (r < 0)
		return r;
	if (!a || value_bool(x.body, "Tty"))
		return run_apart(d, &x, a, &keys, ret_code, e);
	r = begin(d, &x, (const int[]){ a->in, a->out, a->err }, &pid, &master, e);
	if (r < 0) {
		*ret_code = failed_code(r);
		(void)write_exec(&x, x.body, false, 0, *ret_code, NULL);
		return r;
	}
	tell_start(d, &x, pid);
	if (a->ready)
		a->ready(a->arg);
	*ret_code = see_it_out(d, &x, pid);
	return 0;
}

/* By its own standard input: whoever holds the master, that is the terminal. */
int docker_exec_resize(struct docker *d, const char *exec, unsigned rows, unsigned columns, struct err *e)
{
	struct winsize ws = { .ws_row = (unsigned short)rows, .ws_col = (unsigned short)columns };
	_cleanup_close_ int pidfd = -EBADF, tty = -EBADF;
	_cleanup_exec_ struct exec x = EXEC_INIT;
	int r = find_exec(d, exec, &x, e);

	if (r < 0)
		return r;
	pidfd = sys_pidfd_open((pid_t)value_int(x.doc, "Pid", 0), 0);
	tty = pidfd < 0 ? pidfd : sys_pidfd_getfd(pidfd, 0);
	if (tty < 0 || !value_bool(x.doc, "Running"))
		return err_kind(e, ERR_STATE, -ESRCH, "exec %s is not running", exec);
	return ioctl(tty, TIOCSWINSZ, &ws) < 0 ? err_set(e, -errno, "resize the terminal") : 0;
}

int docker_exec_inspect(struct docker *d, const char *exec, struct buf *ret, struct err *e)
{
	_cleanup_exec_ struct exec x = EXEC_INIT;
	const struct json_c_value *cmd;
	struct json j;
	int pid, r = find_exec(d, exec, &x, e);

	if (r < 0)
		return r;
	cmd = value_get(x.body, "Cmd");
	pid = (int)value_int(x.doc, "Pid", 0);
	json_init(&j, ret, false);
	json_object(&j);
	json_kv_string(&j, "ID", x.id);
	json_kv_bool(&j, "Running", value_bool(x.doc, "Running") && pid > 0 && kill(pid, 0) == 0);
	json_key(&j, "ExitCode");
	value_write(value_get(x.doc, "ExitCode"), &j);
	json_key(&j, "ProcessConfig");
	json_object(&j);
	json_kv_bool(&j, "tty", value_bool(x.body, "Tty"));
	json_kv_string(&j, "entrypoint", value_text(value_elem(cmd, 0), NULL) ?: "");
	json_key(&j, "arguments");
	json_array(&j);
	for (size_t i = 1; i < value_len(cmd); i++)
		json_string(&j, value_text(value_elem(cmd, i), NULL) ?: "");
	json_end_array(&j);
	json_kv_bool(&j, "privileged", value_bool(x.body, "Privileged"));
	if (!isempty(value_text(x.body, "User")))
		json_kv_string(&j, "user", value_text(x.body, "User"));
	json_end_object(&j);
	json_kv_bool(&j, "OpenStdin", value_bool(x.body, "AttachStdin"));
	json_kv_bool(&j, "OpenStderr", value_bool(x.body, "AttachStderr"));
	json_kv_bool(&j, "OpenStdout", value_bool(x.body, "AttachStdout"));
	json_kv_bool(&j, "CanRemove", false);
	json_kv_string(&j, "ContainerID", x.c.id);
	json_kv_string(&j, "DetachKeys", value_text(x.body, "DetachKeys") ?: "");
	json_kv_i64(&j, "Pid", pid);
	json_end_object(&j);
	return buf_error(ret, e);
}
