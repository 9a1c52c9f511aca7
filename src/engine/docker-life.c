/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* stop, kill, pause, rename, update, remove; and the end of a life, which the keeper's helper sees to. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "engine/docker-inner.h"
#include "spec/field.h"
#include "sys/proc.h"
#include "sys/syscalls.h"

#define KILL_TIMEOUT_MS 10000
#define BACKOFF_MS	100
#define BACKOFF_MAX_MS	60000
#define STEADY_NS	(10ll * 1000000000) /* it ran so long: the next restart is at once again */

int docker_signal(const char *s, int *ret, struct err *e)
{
	bool number = *s && s[strspn(s, "0123456789")] == '\0';

	if (signal_parse(s, ret) >= 0 && *ret >= 1 && *ret <= 64)
		return 0;
	return err_kind(e, ERR_INVALID, -EINVAL,
			number && strspn(s, "0") != strlen(s) ? "the linux daemon does not support signal %s"
							      : "invalid signal: %s",
			s);
}

/* One container, open for a change of life. */
struct target {
	struct docker_row c;
	struct docker_state st;
	int dirfd, lock;
};

static void target_done(struct target *t)
{
	docker_row_done(&t->c);
	docker_state_done(&t->st);
	fd_close(t->dirfd);
	fd_close(t->lock);
}
#define _cleanup_target_ _cleanup_(target_done)
#define TARGET_INIT	 ((struct target){ .dirfd = -EBADF, .lock = -EBADF })

static int read_state(struct target *t, struct err *e)
{
	docker_state_done(&t->st);
	return docker_state_read(t->dirfd, t->c.id, &t->st, e);
}

static int open_target(struct docker *d, const char *id, bool lock, struct target *t, struct err *e)
{
	int r = docker_find(d, id, &t->c, e);

	if (r < 0)
		return r;
	if (lock) {
		t->lock = record_lock(t->c.id, true, e);
		if (t->lock < 0)
			return t->lock;
	}
	t->dirfd = docker_dir(d, t->c.id, e);
	if (t->dirfd < 0)
		return t->dirfd;
	return read_state(t, e);
}

/* Who wants its end, and what for. */
enum wish {
	WISH_STOP,
	WISH_DOWN,    /* the host's */
	WISH_RESTART, /* it is started again by whoever ends it, and so not removed, whatever it was run with */
};

/* Whoever looks at it while it is not locked: the lock is taken for the change alone. */
static int mark_held(struct target *t, enum wish wish, struct err *e)
{
	_cleanup_close_ int lock = record_lock(t->c.id, true, e);
	int r;

	if (lock < 0)
		return lock;
	r = read_state(t, e);
	if (r < 0)
		return r;
	if (wish == WISH_DOWN)
		t->st.down = true;
	else
		t->st.stopped = true;
	t->st.kept = wish == WISH_RESTART;
	return docker_state_write(t->dirfd, &t->st, e);
}

static bool runs(const struct docker_state *s)
{
	return s->status == DS_RUNNING || s->status == DS_PAUSED || s->status == DS_RESTARTING;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Until the container has ended and been cleaned up; 1, or 0 at the time's end (-1: never). */
static int await_end(struct target *t, int timeout_ms, struct err *e)
{
	_cleanup_close_ int ino = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int64_t end = now_ms() + timeout_ms;
	char path[FD_PATH_MAX], waste[4096];

	if (ino < 0 || inotify_add_watch(ino, fd_path(t->dirfd, path), IN_MOVED_TO | IN_DELETE_SELF | IN_DELETE) < 0)
		return err_set(e, -errno, "watch the container");
	for (;;) {
		struct pollfd p = { .fd = ino, .events = POLLIN };
		int64_t left = end - now_ms();
		int r = read_state(t, e);

		if (r == -ENOENT) {
			err_clear(e);
			return 1; /* it is being removed */
		}
		if (r < 0)
			return r;
		if (!runs(&t->st))
			return 1;
		if (timeout_ms >= 0 && left <= 0)
			return 0;
		/* A kill -9 of the keeper is told by nobody. */
		(void)poll(&p, 1, timeout_ms >= 0 && left < 1000 ? (int)left : 1000);
		while (read(ino, waste, sizeof(waste)) > 0)
			;
	}
}

static int send_signal(const struct docker_row *c, int sig, struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int pidfd = -EBADF;
	int r = docker_running(c, &rec, e);

	if (r < 0)
		return r;
	pidfd = proc_open(rec.pid, rec.pid_start);
	if (pidfd == -ESRCH)
		return 0;
	r = pidfd < 0 ? pidfd : sys_pidfd_send_signal(pidfd, sig);
	return r < 0 && r != -ESRCH ? err_set(e, r, "send signal %d to %s", sig, c->name) : 0;
}

static int thaw(struct docker *d, struct docker_row *c, bool freeze, struct err *e)
{
	struct container x = { .engine = d->engine, .id = c->id, .name = c->name };
	int r = container_freeze(&x, freeze, e);

	record_done(&x.rec);
	return r;
}

static void tell_signal(struct docker *d, const struct docker_row *c, int sig)
{
	char text[32];

	snprintf(text, sizeof(text), "signal=%d", sig);
	docker_event(d, c, "kill", (const char *const[]){ text, NULL });
}

/* --- stop ----------------------------------------------------------------------------------------------------------------- */

static int stop_signal(const struct docker_row *c, const char *said, int *ret, struct err *e)
{
	const char *own = value_text(c->config, "StopSignal");

	*ret = SIGTERM;
	/* systemd halts on this one; to it SIGTERM is another request. */
	if (isempty(said) && isempty(own) && docker_is_system(c->host))
		own = "SIGRTMIN+3";
	return docker_signal(!isempty(said) ? said : !isempty(own) ? own : "SIGTERM", ret, e);
}

/* 1: it has ended. */
static int ask_to_end(struct docker *d, struct target *t, int sig, enum wish wish, struct err *e)
{
	int r = mark_held(t, wish, e);

	if (r == 0 && !runs(&t->st))
		return 1;
	if (r == 0 && t->st.status == DS_PAUSED)
		r = thaw(d, &t->c, false, e);
	if (r < 0 || t->st.status == DS_RESTARTING)
		return r;
	r = send_signal(&t->c, sig, e);
	tell_signal(d, &t->c, sig);
	if (r == -ESRCH)
		err_clear(e);
	return r == -ESRCH ? 0 : r;
}

static int see_it_end(struct docker *d, struct target *t, int ms, struct err *e)
{
	int r = await_end(t, ms, e);

	if (r == 0) {
		(void)send_signal(&t->c, SIGKILL, NULL);
		tell_signal(d, &t->c, SIGKILL);
		r = await_end(t, KILL_TIMEOUT_MS, e);
	}
	if (r == 0)
		return err_kind(e, ERR_STATE, -ETIMEDOUT,
				"cannot stop container: %s: tried to kill container, but did not "
				"receive an exit event",
				t->c.name);
	return r < 0 ? r : 0;
}

/* -1: for ever, and so are too many for milliseconds. SAID -2: as the container says. */
static int timeout_ms(const struct target *t, int said)
{
	int64_t s = said == -2 ? value_int(t->c.config, "StopTimeout", 10) : said;

	return s < 0 || s > INT32_MAX / 1000 ? -1 : (int)s * 1000;
}

/* 1: it did not run. */
static int stop(struct docker *d, struct target *t, const char *signal, int timeout_s, enum wish wish, struct err *e)
{
	int sig, r = stop_signal(&t->c, signal, &sig, e);

	if (r < 0)
		return r;
	if (!runs(&t->st))
		return 1;
	r = ask_to_end(d, t, sig, wish, e);
	return r == 0 ? see_it_end(d, t, timeout_ms(t, timeout_s), e) : r < 0 ? r : 0;
}

int docker_stop(struct docker *d, const char *id, const char *signal, int timeout_s, struct err *e)
{
	_cleanup_target_ struct target t = TARGET_INIT;
	_cleanup_(container_freep) struct container *lxc = NULL;
	int r = open_target(d, id, false, &t, e);

	if (r == -ENOENT && (lxc = docker_lxc_load(d, id, e)))
		return docker_lxc_stop(lxc, signal, timeout_s, e);
	if (r == 0)
		r = stop(d, &t, signal, timeout_s, WISH_STOP, e);
	if (r == 0)
		docker_event(d, &t.c, "stop", NULL);
	return r;
}

int docker_down_begin(struct docker *d, const char *id, struct err *e)
{
	_cleanup_target_ struct target t = TARGET_INIT;
	int sig, r = open_target(d, id, false, &t, e);

	if (r == 0 && !runs(&t.st))
		return 1;
	if (r == 0)
		r = stop_signal(&t.c, NULL, &sig, e);
	return r == 0 ? ask_to_end(d, &t, sig, WISH_DOWN, e) : r;
}

int docker_down_end(struct docker *d, const char *id, int64_t since_ms, struct err *e)
{
	_cleanup_target_ struct target t = TARGET_INIT;
	int r = open_target(d, id, false, &t, e), ms;

	/* --rm */
	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	ms = timeout_ms(&t, -2);
	if (ms >= 0) {
		int64_t left = since_ms + ms - now_ms();

		ms = left < 0 ? 0 : (int)left;
	}
	return see_it_end(d, &t, ms, e);
}

int docker_restart(struct docker *d, const char *id, const char *signal, int timeout_s, struct err *e)
{
	_cleanup_target_ struct target t = TARGET_INIT;
	_cleanup_(container_freep) struct container *lxc = NULL;
	int r = open_target(d, id, false, &t, e);

	if (r == -ENOENT && (lxc = docker_lxc_load(d, id, e))) {
		r = docker_lxc_stop(lxc, signal, timeout_s, e);
		/* By the configuration as it is now. */
		return r < 0 ? r : docker_start(d, id, e);
	}
	if (r == 0)
		r = stop(d, &t, signal, timeout_s, WISH_RESTART, e);
	if (r >= 0)
		r = docker_start(d, t.c.id, e);
	if (r >= 0)
		docker_event(d, &t.c, "restart", NULL);
	return r < 0 ? r : 0;
}

int docker_kill(struct docker *d, const char *id, const char *signal, struct err *e)
{
	_cleanup_target_ struct target t = TARGET_INIT;
	_cleanup_(container_freep) struct container *lxc = NULL;
	int sig = SIGKILL, own = SIGTERM, r = open_target(d, id, false, &t, e);

	if (r == -ENOENT)
		lxc = docker_lxc_find(d, id, e);
	r = lxc ? 0 : r;
	if (r == 0 && !isempty(signal))
		r = docker_signal(signal, &sig, e);
	if (r == 0 && lxc)
		return container_signal(lxc, sig, e);
	if (r < 0)
		return err_wrap(e, r, "cannot kill container: %s", id);
	(void)stop_signal(&t.c, NULL, &own, NULL);
	if (t.st.status != DS_RUNNING && t.st.status != DS_PAUSED)
		return err_kind(e, ERR_STATE, -ESRCH, "cannot kill container: %s: container %s is not running", id,
				t.c.id);
	/* What is to end it is a wish that it stays so. */
	r = sig == SIGKILL || sig == SIGTERM || sig == own ? mark_held(&t, false, e) : 0;
	if (r == 0 && t.st.status == DS_PAUSED && sig == SIGKILL)
		r = thaw(d, &t.c, false, e);
	if (r == 0)
		r = send_signal(&t.c, sig, e);
	if (r < 0)
		return err_wrap(e, r, "cannot kill container: %s", id);
	tell_signal(d, &t.c, sig);
	if (sig == SIGKILL)
		r = await_end(&t, KILL_TIMEOUT_MS, e);
	return r < 0 ? r : 0;
}

int docker_pause(struct docker *d, const char *id, bool pause, struct err *e)
{
	_cleanup_target_ struct target t = TARGET_INIT;
	_cleanup_(container_freep) struct container *lxc = NULL;
	int r = open_target(d, id, false, &t, e);

	if (r == -ENOENT && (lxc = docker_lxc_find(d, id, e)))
		return container_freeze(lxc, pause, e);
	if (r < 0)
		return r;
	if (!runs(&t.st) || t.st.status == DS_RESTARTING)
		return err_kind(e, ERR_STATE, -ESRCH, "container %s is not running", t.c.id);
	if (pause == (t.st.status == DS_PAUSED))
		return err_kind(e, ERR_STATE, -EALREADY,
				pause ? "Container %s is already paused" : "Container %s is not paused", t.c.id);
	r = thaw(d, &t.c, pause, e);
	if (r == 0)
		docker_event(d, &t.c, pause ? "pause" : "unpause", NULL);
	return r;
}

/* --- names and limits ------------------------------------------------------------------------------------------------------- */

int docker_rename(struct docker *d, const char *id, const char *name, struct err *e)
{
	_cleanup_target_ struct target t = TARGET_INIT;
	_cleanup_free_ char *old = NULL;
	int r = open_target(d, id, true, &t, e);

	if (r < 0)
		return r;
	name += *name == '/';
	if (!*name)
		return err_kind(e, ERR_INVALID, -EINVAL, "Neither old nor new names may be empty");
	if (!docker_name_valid(name))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed", name);
	if (streq(name, t.c.name))
		return err_kind(e, ERR_INVALID, -EINVAL, "Renaming a container with the same name as its current name");
	r = db_begin(d->images->db, e);
	if (r < 0)
		return r;
	r = docker_name_free(d, name, e);
	if (r < 0)
		(void)err_wrap(e, r, "Error when allocating new name");
	if (r == 0)
		r = db_exec(d->images->db, e, "UPDATE containers SET name = ? WHERE id = ?", "ss", name, t.c.id);
	if (r == 0)
		r = docker_net_renamed(d, t.c.id, name, e);
	r = db_end(d->images->db, r, e);
	if (r < 0)
		return r;
	{
		_cleanup_record_ struct record rec = { .exit_status = -1 };
		_cleanup_close_ int run = record_open_dir(t.c.id, false, NULL);

		if (run >= 0 && record_read(run, &rec, NULL) == 0 && rec.data) {
			free(rec.name);
			rec.name = strdup(name);
			if (rec.name)
				(void)record_write(run, &rec, NULL);
		}
	}
	if (asprintf(&old, "oldName=/%s", t.c.name) < 0)
		old = NULL;
	free(t.c.name);
	t.c.name = strdup(name);
	if (t.c.name && old)
		docker_event(d, &t.c, "rename", (const char *const[]){ old, NULL });
	return docker_net_names(d, t.c.id, e);
}

struct merge {
	const struct json_c_value *over;
	struct json *out;
};

/* What an update is about. Anything else was decided when it was created: rights, mounts, name spaces. */
static bool can_change(const char *name)
{
	static const char *const names[] = {
		"BlkioWeight", "CpuPeriod",	"CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime", "CpuShares",
		"CpusetCpus",  "CpusetMems",	"Memory",   "MemoryReservation", "MemorySwap",	       "NanoCpus",
		"PidsLimit",   "RestartPolicy",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(names[i], name))
			return true;
	return false;
}

/* Members of an update that say something, in place of those that were there. */
static int merge_member(void *arg, const char *name, struct json_c_value *v)
{
	struct merge *m = arg;
	const struct json_c_value *over = can_change(name) ? value_get(m->over, name) : NULL;
	bool said = over && !(value_text(over, NULL) && !*value_text(over, NULL)) &&
		    !(value_is_array(over) && !value_len(over));

	if (streq(name, "RestartPolicy"))
		said = over && !isempty(value_text(over, "Name"));
	else if (said && !value_text(over, NULL) && !value_is_array(over) && !value_is_object(over))
		said = value_int(over, NULL, 0) != 0;
	json_key(m->out, name);
	value_write(said ? over : v, m->out);
	return 0;
}

static int merge_doc(struct docker_row *c, const struct json_c_value *body, struct buf *out, struct err *e)
{
	_cleanup_buf_ struct buf host = BUF_INIT, merged = BUF_INIT;
	_cleanup_value_ struct json_c_value *whole = NULL;
	struct json j;
	int r;

	json_init(&j, &merged, false);
	json_object(&j);
	(void)value_each(c->host, merge_member, &(struct merge){ body, &j });
	json_end_object(&j);
	r = buf_error(&merged, e);
	if (r == 0)
		r = value_parse(buf_str(&merged), merged.len, "update", &whole, e);
	json_init(&j, &host, false);
	if (r == 0)
		r = docker_host_write(whole, &j, e);
	if (r == 0)
		r = docker_check_machine(whole, e);
	value_free(whole);
	whole = NULL;
	if (r == 0)
		r = buf_error(&host, e);
	if (r == 0)
		r = value_parse(buf_str(&host), host.len, "update", &whole, e);
	if (r < 0)
		return r;
	json_init(&j, out, false);
	json_object(&j);
	json_key(&j, "Config");
	value_write(c->config, &j);
	json_key(&j, "HostConfig");
	value_write(whole, &j);
	json_key(&j, "Networks");
	value_write(value_get(c->doc, "Networks"), &j);
	json_key(&j, "Mounts");
	value_write(value_get(c->doc, "Mounts"), &j);
	json_kv_string(&j, "Rootfs", value_text(c->doc, "Rootfs"));
	json_kv_string(&j, "Driver", value_text(c->doc, "Driver"));
	json_end_object(&j);
	return buf_error(out, e);
}

int docker_update(struct docker *d, const char *id, const char *body, struct buf *ret, struct err *e)
{
	_cleanup_target_ struct target t = TARGET_INIT;
	_cleanup_value_ struct json_c_value *v = NULL;
	_cleanup_buf_ struct buf doc = BUF_INIT;
	int r = value_parse(body, strlen(body), "update", &v, e);

	if (r == 0)
		r = open_target(d, id, true, &t, e);
	if (r == 0 && value_bool(t.c.host, "AutoRemove") &&
	    !isempty(value_text(value_get(v, "RestartPolicy"), "Name")) &&
	    !streq(value_text(value_get(v, "RestartPolicy"), "Name"), "no"))
		r = err_kind(e, ERR_INVALID, -EINVAL,
			     "Restart policy cannot be updated because AutoRemove is enabled for the container");
	if (r == 0 && value_int(t.c.host, "NanoCpus", 0) &&
	    (value_int(v, "CpuQuota", 0) || value_int(v, "CpuPeriod", 0)))
		r = err_kind(e, ERR_INVALID, -EINVAL,
			     "Cannot update container %s: Conflicting options: CPU %s cannot be updated as NanoCPUs "
			     "has already "
			     "been set",
			     t.c.id, value_int(v, "CpuQuota", 0) ? "Quota" : "Period");
	if (r == 0)
		r = merge_doc(&t.c, v, &doc, e);
	if (r == 0 && runs(&t.st) && t.st.status != DS_RESTARTING)
		r = docker_limits_apply(d, &t.c, v, e);
	if (r == 0)
		r = db_exec(d->images->db, e, "UPDATE containers SET doc = ? WHERE id = ?", "ss", buf_str(&doc),
			    t.c.id);
	if (r < 0)
		return r;
	docker_event(d, &t.c, "update", NULL);
	buf_puts(ret, "{\"Warnings\":[]}");
	return buf_error(ret, e);
}

/* --- removal ------------------------------------------------------------------------------------------------------------------ */

int docker_recover(struct docker *d, const char *id, struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int run = record_open_dir(id, false, NULL);
	_cleanup_free_ char *dir = NULL;
	int r;

	if (run < 0)
		return 0;
	if (record_read(run, &rec, NULL) < 0) {
		rec.id = strdup(id);
		rec.name = strdup(id);
		if (!rec.id || !rec.name)
			return err_oom(e);
	}
	/* Its keeper was killed, and it lives on: nobody holds its streams any more. */
	if (record_alive(&rec))
		kill(rec.pid, SIGKILL);
	r = run_cleanup(run, &rec, NULL, NULL, d->log, e);
	if (r < 0)
		return err_wrap(e, r, "clean up after an earlier life");
	dir = path_join(d->engine->run_dir, id);
	return dir ? tree_remove(AT_FDCWD, dir, e) : err_oom(e);
}

/* What is interrupted is seen to be so, and can be done again. */
static void mark_removing(int dirfd, int code, bool volumes)
{
	struct docker_state st = { .status = DS_REMOVING, .exit_code = code, .volumes = volumes };

	(void)docker_state_write(dirfd, &st, NULL);
	/* Who waits for its start waits in vain. */
	(void)docker_give_clients(dirfd, -EBADF, NULL);
}

/* Of its last life there is nothing left but that mark. */
static int remove_rest(struct docker *d, struct docker_row *c, bool volumes, struct err *e)
{
	struct db *db = d->images->db;
	_cleanup_free_ char *dir = docker_path(d, c->id, NULL), *lock = NULL;
	int r = dir ? 0 : err_oom(e);

	if (r == 0)
		r = rootfs_remove(d->images->layers, c->id, e);
	if (r == 0 && value_len(value_get(c->doc, "Mounts")))
		r = docker_volumes_leave(d, c->id, volumes, e);
	/* From here on it is as one that never came to be. */
	if (r == 0)
		(void)docker_making_begin(d, c->id, NULL);
	if (r == 0)
		r = db_begin(db, e);
	if (r < 0)
		return r;
	docker_net_removed(d, c->id);
	r = image_unuse(d->images, c->id, e);
	if (r == 0)
		r = db_exec(db, e, "DELETE FROM containers WHERE id = ?", "s", c->id);
	r = db_end(db, r, e);
	if (r == 0)
		r = tree_remove(AT_FDCWD, dir, e);
	if (r == 0)
		docker_making_end(d, c->id);
	if (r == 0)
		docker_event(d, c, "destroy", NULL);
	if (r == 0 && asprintf(&lock, "%s/locks/%s", d->engine->run_dir, c->id) > 0)
		unlink(lock);
	return r;
}

int docker_remove_locked(struct docker *d, struct docker_row *c, bool volumes, struct err *e)
{
	_cleanup_close_ int dirfd = docker_dir(d, c->id, NULL);
	int r = docker_recover(d, c->id, e);

	docker_volumes_unmount(d, c);
	if (dirfd >= 0) {
		_cleanup_state_ struct docker_state was = { 0 };

		(void)docker_state_read(dirfd, c->id, &was, NULL);
		mark_removing(dirfd, was.exit_code, volumes);
	}
	return r == 0 ? remove_rest(d, c, volumes, e) : r;
}

int docker_kill_wait(struct docker *d, const struct docker_row *c, int timeout_ms, struct err *e)
{
	struct target t = TARGET_INIT;
	int r = open_target(d, c->id, false, &t, e);

	if (r == 0 && runs(&t.st)) {
		r = mark_held(&t, false, e);
		if (r == 0 && t.st.status == DS_PAUSED)
			r = thaw(d, &t.c, false, e);
		if (r == 0)
			(void)send_signal(&t.c, SIGKILL, NULL);
		tell_signal(d, &t.c, SIGKILL);
		r = r == 0 ? await_end(&t, timeout_ms, e) : r;
		if (r == 0)
			r = err_kind(e, ERR_STATE, -ETIMEDOUT, "the container did not die");
	}
	target_done(&t);
	return r < 0 ? r : 0;
}

static int it_runs(const struct docker_row *c, const struct docker_state *st, struct err *e)
{
	const char *what = st->status == DS_PAUSED ? "paused" : st->status == DS_RESTARTING ? "restarting" : "running";

	return err_kind(e, ERR_STATE, -EBUSY, "cannot remove container \"/%s\": container is %s%s", c->name, what,
			st->status == DS_PAUSED ? " and must be unpaused first"
						: ": stop the container before removing or force remove");
}

int docker_remove(struct docker *d, const char *id, bool force, bool volumes, struct err *e)
{
	_cleanup_row_ struct docker_row c = { 0 };
	_cleanup_close_ int lock = -EBADF, dirfd = -EBADF;
	_cleanup_state_ struct docker_state st = { 0 };
	_cleanup_(container_freep) struct container *lxc = NULL;
	int r = docker_find(d, id, &c, e);

	if (r == -ENOENT && (lxc = docker_lxc_find(d, id, e)))
		return err_kind(e, ERR_INVALID, -EINVAL,
				"%s is a container of LXC: lxc-destroy removes it, with all that it has", id);
	if (r < 0)
		return r;
	dirfd = docker_dir(d, c.id, NULL);
	r = dirfd < 0 ? 0 : docker_state_read(dirfd, c.id, &st, NULL);
	if (r == 0 && dirfd >= 0 && runs(&st) && !force)
		return it_runs(&c, &st, e);
	if (r == 0 && dirfd >= 0 && runs(&st))
		r = docker_kill_wait(d, &c, KILL_TIMEOUT_MS, e);
	if (r < 0 && r != -ENOENT)
		return r;
	lock = record_lock(c.id, true, e);
	if (lock < 0)
		return lock;
	/* --rm was quicker, or somebody else. */
	{
		_cleanup_free_ char *there = NULL;

		r = db_one(d->images->db, &there, e, "SELECT id FROM containers WHERE id = ?", "s", c.id);
		if (r <= 0)
			return r;
	}
	/* Somebody may have started it before the lock was ours. */
	docker_state_done(&st);
	if (!force && dirfd >= 0 && docker_state_read(dirfd, c.id, &st, NULL) == 0 && runs(&st))
		return it_runs(&c, &st, e);
	err_clear(e);
	return docker_remove_locked(d, &c, volumes, e);
}

/* --- the end of a life --------------------------------------------------------------------------------------------------------- */

/* An init's reboot(2): SIGHUP where it is to begin again, SIGINT where it is to end. No other of these ends the first process of a pid
 * name space. */
static bool is_reboot(const struct docker_row *c, int status, int sig)
{
	return docker_is_system(c->host) && WIFSIGNALED(status) && WTERMSIG(status) == sig;
}

static int code_of(const struct docker_row *c, int status)
{
	if (is_reboot(c, status, SIGHUP) || is_reboot(c, status, SIGINT))
		return 0;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void tell_death(struct docker *d, const struct docker_row *c, const struct docker_state *st)
{
	char code[32], run[48];

	if (st->oom)
		docker_event(d, c, "oom", NULL);
	snprintf(code, sizeof(code), "exitCode=%d", st->exit_code);
	snprintf(run, sizeof(run), "execDuration=%lld",
		 (long long)(st->finished_ns > st->started_ns ? (st->finished_ns - st->started_ns) / 1000000000 : 0));
	docker_event(d, c, "die", (const char *const[]){ run, code, NULL });
}

static bool ran_out_of_memory(struct docker *d, const struct docker_row *c, const struct record *rec)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	struct cg_host *h;
	struct cg_stats s;

	if (!rec->cgroup || value_int(c->host, "Memory", 0) <= 0 || engine_cgroups(d->engine, &h, NULL) < 0 ||
	    cg_open(h, rec->cgroup, &g, NULL) < 0 || cg_stats(g, &s, NULL) < 0)
		return false;
	return s.oom_kills != UINT64_MAX && s.oom_kills > 0;
}

/* Somebody asked for its end, or the whole host's. */
static bool is_held(const struct docker_state *st)
{
	return st->stopped || st->down;
}

static bool goes_on(const struct docker_row *c, const struct docker_state *st, bool reboot)
{
	int64_t max;

	if (is_held(st))
		return false;
	switch (docker_restart_policy(c->host, &max)) {
	case RESTART_ALWAYS:
	case RESTART_UNLESS_STOPPED:
		return true;
	case RESTART_ON_FAILURE:
		return st->exit_code != 0 && (!max || st->restarts < max);
	default:
		return reboot;
	}
}

/* 1: it is still to be started when the time is over. */
static int wait_backoff(struct target *t, int ms, struct err *e)
{
	_cleanup_close_ int ino = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	int64_t end = now_ms() + ms;
	char path[FD_PATH_MAX], waste[4096];

	if (ino < 0 || inotify_add_watch(ino, fd_path(t->dirfd, path), IN_MOVED_TO | IN_DELETE_SELF) < 0)
		return err_set(e, -errno, "watch the container");
	for (;;) {
		struct pollfd p = { .fd = ino, .events = POLLIN };
		int64_t left = end - now_ms();
		int r = read_state(t, e);

		if (r < 0)
			return r;
		if (is_held(&t->st) || t->st.status != DS_RESTARTING)
			return 0;
		if (left <= 0)
			return 1;
		(void)poll(&p, 1, (int)left);
		while (read(ino, waste, sizeof(waste)) > 0)
			;
	}
}

/* The helper's own record says which restarts came in quick succession. */
static int backoff(struct target *t)
{
	_cleanup_free_ char *text = NULL;
	int32_t ms = 0;
	char next[16];

	if (t->st.finished_ns - t->st.started_ns < STEADY_NS &&
	    file_read(t->dirfd, "backoff", 64, &text, NULL, NULL) == 0)
		(void)parse_i32(text, &ms);
	ms = ms ? ms * 2 : BACKOFF_MS;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	snprintf(next, sizeof(next), "%d", ms);
	(void)file_replace(t->dirfd, "backoff", next, strlen(next), 0600, false, NULL);
	return ms;
}

static int start_again_later(struct docker *d, struct target *t, int ctl_fd, struct err *e)
{
	int ms = backoff(t), r;

	t->lock = fd_close(t->lock);
	r = wait_backoff(t, ms, e);
	t->lock = record_lock(t->c.id, true, e);
	if (r < 0 || t->lock < 0)
		return r < 0 ? r : t->lock;
	r = read_state(t, e);
	if (r < 0)
		return r;
	if (is_held(&t->st) || t->st.status != DS_RESTARTING) {
		if (t->st.status == DS_RESTARTING) {
			t->st.status = DS_EXITED;
			return docker_state_write(t->dirfd, &t->st, e);
		}
		return 0;
	}
	t->st.restarts++;
	r = docker_start_locked(d, &t->c, t->dirfd, &t->st, ctl_fd, e);
	if (r < 0) {
		t->st.status = DS_EXITED;
		(void)docker_state_write(t->dirfd, &t->st, NULL);
	}
	return r;
}

static int ended(struct docker *d, struct target *t, struct record *rec, int run, int status, int ctl_fd, struct err *e)
{
	_cleanup_free_ char *dir = path_join(d->engine->run_dir, t->c.id);
	bool oom = ran_out_of_memory(d, &t->c, rec), again, removed;
	int r;

	if (!dir)
		return err_oom(e);
	/* Who asks in between learns it from here. */
	rec->exit_status = status;
	(void)record_set_state(run, rec, RUN_STOPPING, NULL);
	r = run_cleanup(run, rec, NULL, NULL, d->log, e);
	docker_volumes_unmount(d, &t->c);
	t->st.exit_code = code_of(&t->c, status);
	t->st.oom = oom;
	t->st.pid = 0;
	t->st.finished_ns = docker_now();
	t->st.health = t->st.health == DH_NONE ? DH_NONE : DH_UNHEALTHY;
	again = r == 0 && goes_on(&t->c, &t->st, is_reboot(&t->c, status, SIGHUP));
	t->st.status = again ? DS_RESTARTING : DS_EXITED;
	removed = r == 0 && !again && !t->st.kept && value_bool(t->c.host, "AutoRemove");
	if (!removed)
		docker_net_stopped(d, t->c.id);
	tell_death(d, &t->c, &t->st);
	if (removed) {
		mark_removing(t->dirfd, t->st.exit_code, true);
		r = tree_remove(AT_FDCWD, dir, e);
		if (r == 0)
			r = remove_rest(d, &t->c, true, e);
		if (r < 0)
			docker_net_stopped(d, t->c.id);
		return r;
	}
	(void)docker_state_write(t->dirfd, &t->st, NULL);
	if (r == 0 && again)
		r = start_again_later(d, t, ctl_fd, e);
	return again && (r < 0 || runs(&t->st)) ? r : tree_remove(AT_FDCWD, dir, e);
}

bool docker_ends_for_good(const struct docker_row *c)
{
	int64_t max;

	return docker_restart_policy(c->host, &max) == RESTART_NO && !docker_is_system(c->host);
}

/* RUN: its run directory as KEEPER, who has seen init die, knew it. */
static int end_life(struct docker *d, const char *id, int run, int status, pid_t keeper, int ctl_fd, int *ret_code,
		    struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_target_ struct target t = TARGET_INIT;
	int r = open_target(d, id, true, &t, e);

	if (r == 0)
		r = record_read(run, &rec, e);
	if (r < 0 || rec.keeper != keeper)
		return r;
	/* It may have been given another policy while it ran: a next life is its keeper's. */
	if (ctl_fd < 0 && !docker_ends_for_good(&t.c))
		return -EAGAIN;
	if (ret_code)
		*ret_code = code_of(&t.c, status);
	r = ended(d, &t, &rec, run, status, ctl_fd, e);
	/* Of several that end at once each finds the others busy; the last one that has let go finds nobody. */
	t.lock = fd_close(t.lock);
	docker_volumes_release(d, &t.c);
	return r;
}

int docker_end_life(struct docker *d, const char *id, int status, pid_t keeper, int *ret_code, struct err *e)
{
	_cleanup_close_ int run = record_open_dir(id, false, e);

	return run < 0 ? run : end_life(d, id, run, status, keeper, -EBADF, ret_code, e);
}

int docker_keeper_exit(const char *id, int status, int ctl_fd, const struct log *log, struct err *e)
{
	_cleanup_record_ struct record known = { .exit_status = -1 };
	_cleanup_close_ int run = record_open_dir(id, false, NULL);
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct docker_opts o = { .log = log };
	int r;

	/* A start that failed has cleaned up itself. */
	if (run < 0)
		return 0;
	r = record_read(run, &known, e);
	if (r < 0)
		return r;
	if (!known.data)
		return engine_keeper_exit(id, status, ctl_fd, log, e);
	o.root = known.data;
	r = docker_open(&o, &d, e);
	return r < 0 ? r : end_life(d, id, run, status, getppid(), ctl_fd, NULL, e);
}
