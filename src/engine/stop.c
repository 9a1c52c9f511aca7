/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Stopping, rebooting, freezing: signals by pidfd to the process that the record names, never to a bare pid. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/internal.h"
#include "sys/proc.h"
#include "sys/syscalls.h"

#define FREEZE_TIMEOUT_MS 10000
#define KILL_TIMEOUT_MS	  60000
#define KILL_THAW_MS	  1000
#define START_TIMEOUT_MS  10000
#define REBOOT_DOWN_MAX	  1000 /* looks, of 10 ms each */

/* systemd as init takes SIGRTMIN+3 for halt; it is known by having it blocked for its signalfd. */
static bool blocks_signal(pid_t pid, int sig)
{
	char path[64], buf[4096], *p;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (file_read_small(AT_FDCWD, path, buf, sizeof(buf)) < 0)
		return false;
	p = strstr(buf, "\nSigBlk:");
	return p && (strtoull(p + strlen("\nSigBlk:"), NULL, 16) >> (sig - 1)) & 1;
}

static int halt_signal(const struct container *c)
{
	if (c->spec.process.sig_halt)
		return c->spec.process.sig_halt;
	if (c->rec.bundle)
		return SIGTERM; /* what stops those who are made by image and bundle */
	return blocks_signal(c->rec.pid, SIGRTMIN + 3) ? SIGRTMIN + 3 : SIGPWR;
}

static int send_signal(struct container *c, int sig, struct err *e)
{
	_cleanup_close_ int pidfd = proc_open(c->rec.pid, c->rec.pid_start);
	int r;

	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : err_set(e, pidfd, "open init of %s", c->name);
	r = sys_pidfd_send_signal(pidfd, sig);
	return r < 0 && r != -ESRCH ? err_set(e, r, "signal init of %s", c->name) : 0;
}

/* Nobody is left who would clean up: the keeper was killed. We do it. */
static int cleanup_orphan(struct container *c, struct err *e)
{
	_cleanup_close_ int lock = -EBADF, dirfd = -EBADF;
	int r;

	lock = record_lock(c->id, true, e);
	if (lock < 0)
		return lock;
	r = container_refresh(c, e);
	/* A new life may have begun meanwhile (a reboot, another command's start): that one's journal is not ours. */
	if (r < 0 || c->rec.state != RUN_STOPPED)
		return r;
	/* Whoever had it made is told that it has stopped, and deletes it. */
	if (c->rec.bundle)
		return 0;
	/* It has left no trace, and the lock that we have made shall be none. */
	if (!c->rec.id)
		return c->defined ? 0 : container_forget(c, e);
	dirfd = record_open_dir(c->id, false, e);
	if (dirfd < 0)
		return dirfd;
	if (!file_exists(dirfd, "journal"))
		return 0;
	return container_recover(c, dirfd, e);
}

static int wait_stopped(struct container *c, int timeout_ms, struct err *e)
{
	enum run_state s;
	int r = record_wait(c->id, 1u << RUN_STOPPED, timeout_ms, &s, e);

	if (r == 1) {
		int x = cleanup_orphan(c, e);

		return x < 0 ? x : 1;
	}
	return r;
}

static int kill_all(struct container *c, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	int sig = c->spec.process.sig_stop ?: SIGKILL, r;

	r = send_signal(c, sig, e);
	if (r < 0)
		return r;
	/* Without a pid name space of its own the others outlive init; frozen ones must be thawed to die. */
	if (sig == SIGKILL && c->rec.cgroup && container_cgroup(c, &g, NULL) == 0 &&
	    (!(c->rec.ns_cloned & (1u << NS_PID)) || c->rec.state == RUN_FROZEN)) {
		(void)cg_kill(g, NULL);
		(void)cg_freeze(g, false, FREEZE_TIMEOUT_MS, NULL);
	}
	return 0;
}

/* It does not die: somebody froze it behind our back, and v1's frozen processes take no signal. */
static void thaw(struct container *c)
{
	_cleanup_(cg_freep) struct cg *g = NULL;

	if (container_refresh(c, NULL) == 0 && container_cgroup(c, &g, NULL) == 0)
		(void)cg_freeze(g, false, FREEZE_TIMEOUT_MS, NULL);
}

/* The new life has begun: one more restart than before, and running. */
static int wait_reboot(struct container *c, int timeout_s, struct err *e)
{
	uint32_t before = c->rec.restarts;
	unsigned down = 0;

	for (int64_t i = 0; timeout_s < 0 || i < (int64_t)timeout_s * 100; i++) {
		struct timespec ts = { .tv_nsec = 10000000 };
		int r = container_refresh(c, e);

		if (r < 0)
			return r;
		if (c->rec.restarts > before && c->rec.state == RUN_RUNNING)
			return 0;
		if (!c->rec.id || (c->rec.restarts == before && c->rec.state == RUN_STOPPED))
			return err_kind(e, ERR_STATE, -ESRCH, "the container stopped instead of rebooting");
		/* Between two lives it is down for a moment; for longer means that the second failed. */
		down = c->rec.state == RUN_STOPPED ? down + 1 : 0;
		if (down > REBOOT_DOWN_MAX)
			return err_kind(e, ERR_STATE, -ESRCH, "the container went down and did not start again");
		nanosleep(&ts, NULL);
	}
	return err_kind(e, ERR_STATE, -ETIMEDOUT, "the container has not rebooted within %d seconds", timeout_s);
}

/* A container that starts has perhaps no init yet, and none that would understand: it is waited for; who wants it killed
 * need not wait once there is a process. */
static int wait_started(struct container *c, bool kill, struct err *e)
{
	const unsigned over = 1u << RUN_STOPPED | 1u << RUN_RUNNING;
	enum run_state s;
	int r;

	if (c->rec.state != RUN_STARTING || (kill && c->rec.pid > 0))
		return 0;
	r = record_wait(c->id, over, START_TIMEOUT_MS, &s, e);
	if (r >= 0)
		r = container_refresh(c, e);
	if (r == 0 && c->rec.state == RUN_STARTING && c->rec.pid <= 0)
		return err_kind(e, ERR_STATE, -EBUSY, "the container is still starting");
	return r;
}

int container_stop(struct container *c, const struct stop_opts *o, struct err *e)
{
	int r = container_refresh(c, e);

	if (r == 0 && !c->engine->dry_run)
		r = wait_started(c, o->kill, e);
	if (r < 0)
		return r;
	if (c->rec.state == RUN_STOPPED)
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	if (engine_dry(c->engine, "%s %s", o->kill ? "kill" : o->reboot ? "reboot" : "stop", c->name))
		return 0;
	if (!o->kill) {
		if (c->rec.state == RUN_FROZEN) {
			r = container_freeze(c, false, e);
			if (r < 0)
				return r;
		}
		r = send_signal(c, o->reboot ? (c->spec.process.sig_reboot ?: SIGINT) : halt_signal(c), e);
		if (r < 0 || o->nowait)
			return r;
		if (o->reboot)
			return wait_reboot(c, o->timeout_s, e);
		r = wait_stopped(c, o->timeout_s < 0 ? -1 : o->timeout_s * 1000, e);
		if (r != 0)
			return r < 0 ? r : 0;
		if (o->nokill)
			return err_kind(e, ERR_STATE, -ETIMEDOUT, "the container has not stopped within %d seconds",
					o->timeout_s);
	}
	r = kill_all(c, e);
	if (r < 0 || o->nowait)
		return r;
	r = wait_stopped(c, KILL_THAW_MS, e);
	if (r == 0) {
		thaw(c);
		r = wait_stopped(c, KILL_TIMEOUT_MS, e);
	}
	if (r == 0)
		return err_kind(e, ERR_STATE, -ETIMEDOUT, "the container did not die; a process hangs in the kernel");
	return r < 0 ? r : 0;
}

int container_signal(struct container *c, int sig, struct err *e)
{
	int r = container_refresh(c, e);

	if (r < 0)
		return r;
	if (c->rec.state == RUN_STOPPED)
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	return engine_dry(c->engine, "signal %d to %s", sig, c->name) ? 0 : send_signal(c, sig, e);
}

/* Frozen and known to be so, or neither: half of them frozen is no state to be left in. */
static int freeze_now(struct container *c, struct cg *g, int dirfd, struct err *e)
{
	int r = record_set_state(dirfd, &c->rec, RUN_FREEZING, e);

	if (r == 0)
		r = cg_freeze(g, true, FREEZE_TIMEOUT_MS, e);
	if (r == 0)
		r = record_set_state(dirfd, &c->rec, RUN_FROZEN, e);
	if (r < 0) {
		(void)cg_freeze(g, false, FREEZE_TIMEOUT_MS, NULL);
		(void)record_set_state(dirfd, &c->rec, RUN_RUNNING, NULL);
	}
	return r;
}

/* Nobody stays frozen because a disk is full. */
static int thaw_now(struct container *c, struct cg *g, int dirfd, struct err *e)
{
	int r;

	(void)record_set_state(dirfd, &c->rec, RUN_THAWED, NULL);
	r = cg_freeze(g, false, FREEZE_TIMEOUT_MS, e);
	if (r < 0) {
		(void)record_set_state(dirfd, &c->rec, RUN_FROZEN, NULL);
		return r;
	}
	return record_set_state(dirfd, &c->rec, RUN_RUNNING, e);
}

int container_freeze(struct container *c, bool freeze, struct err *e)
{
	_cleanup_close_ int dirfd = -EBADF, lock = -EBADF;
	_cleanup_(cg_freep) struct cg *g = NULL;
	int r;

	/* Under the lock: the record is written as a whole, and the end of the container writes it too. */
	if (!c->engine->dry_run) {
		lock = record_lock(c->id, true, e);
		if (lock < 0)
			return lock;
	}
	r = container_refresh(c, e);
	if (r == 0)
		r = container_cgroup(c, &g, e);
	if (r < 0)
		return r;
	if (engine_dry(c->engine, "%s %s", freeze ? "freeze" : "thaw", c->rec.cgroup))
		return 0;
	dirfd = record_open_dir(c->id, false, e);
	if (dirfd < 0)
		return dirfd;
	return freeze ? freeze_now(c, g, dirfd, e) : thaw_now(c, g, dirfd, e);
}
