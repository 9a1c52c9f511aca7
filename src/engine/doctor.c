/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is left of containers that are dead: found by reading every run directory, compared with what lives. Only what
 * a journal names is ever removed; a container that somebody is working on (its lock is taken) is left alone.
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/copy-inner.h"
#include "net/nat.h"
#include "runtime/journal.h"
#include "sys/proc.h"
#include "sys/syscalls.h"

struct doctor {
	struct engine *g;
	bool fix;
	struct buf *report;
	unsigned found;
};

static void say(struct doctor *d, const char *id, const char *what)
{
	buf_printf(d->report, "%s: %s", id, what);
	d->found++;
}

/* The record of ID, or what can be made of its name. */
static void read_or_invent(int dirfd, const char *id, struct record *rec)
{
	if (record_read(dirfd, rec, NULL) == 0)
		return;
	rec->id = strdup(id);
	rec->name = strndup(id, strcspn(id, "@"));
}

/* Init lives but its keeper does not: nobody would clean up after it. */
static int orphan(struct doctor *d, int dirfd, struct record *rec, struct err *e)
{
	_cleanup_close_ int pidfd = -EBADF;
	_cleanup_(cg_freep) struct cg *cg = NULL;
	struct cg_host *h;

	say(d, rec->id, "the keeper is dead, the container runs unsupervised");
	buf_puts(d->report, d->fix ? ": killed\n" : "\n");
	if (!d->fix)
		return 0;
	pidfd = proc_open(rec->pid, rec->pid_start);
	if (pidfd >= 0)
		sys_pidfd_send_signal(pidfd, SIGKILL);
	/* A frozen one dies when it is thawed only. */
	if (rec->cgroup && engine_cgroups(d->g, &h, NULL) == 0 && cg_open(h, rec->cgroup, &cg, NULL) == 0)
		(void)cg_kill(cg, NULL);
	for (int i = 0; i < 500 && record_alive(rec); i++)
		usleep(10000);
	return 0;
}

/* What a start makes for its time only. */
static void drop_files(int dirfd)
{
	netns_unpin(dirfd);
	unlinkat(dirfd, "spec", 0);
	unlinkat(dirfd, "sock", 0);
	unlinkat(dirfd, "seccomp", 0);
	file_replace_sweep(dirfd);
}

static int clean(struct doctor *d, int dirfd, struct record *rec, struct err *e)
{
	_cleanup_buf_ struct buf lines = BUF_INIT;
	struct undo_ctx ctx = { .dirfd = dirfd, .id = rec->id, .log = d->g->log };
	unsigned n = 0;
	char *save = NULL;
	int r;

	r = journal_describe(dirfd, &lines, &n, e);
	if (r < 0)
		return r;
	if (!n) {
		/* At most a line that was not written to its end, on a full disk say: then nothing was done either. A start
		 * that is killed before its first line leaves its files only. */
		if (d->fix) {
			unlinkat(dirfd, "journal", 0);
			drop_files(dirfd);
		}
		return 0;
	}
	if (d->fix)
		r = journal_undo(&ctx, e);
	for (char *l = strtok_r(lines.data, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		say(d, rec->id, "left behind: ");
		buf_printf(d->report, "%s%s\n", l, !d->fix ? "" : r < 0 ? " (not removed)" : " (removed)");
	}
	if (r < 0) {
		if (e)
			buf_printf(d->report, "%s: %s\n", rec->id, e->msg);
		err_clear(e);
		return 0;
	}
	if (!d->fix)
		return 0;
	rec->pid = 0;
	rec->keeper = 0;
	drop_files(dirfd);
	return rec->lxcpath ? record_set_state(dirfd, rec, RUN_STOPPED, e) : 0;
}

/* Those of an OCI runtime have no keeper, and stay when they have stopped, until they are deleted. Only one that never
 * came to be is nobody's. */
static bool cared_for(const struct record *rec)
{
	return rec->bundle && rec->created_ns;
}

/* The directory of what is gone, with its link where it lies in a root of its own, and its lock. */
static void forget(struct doctor *d, const char *id)
{
	_cleanup_free_ char *dir = path_join(d->g->run_dir, id), *lock = NULL;
	char target[PATH_MAX];
	ssize_t n;

	if (!dir || asprintf(&lock, "%s/locks/%s", d->g->run_dir, id) < 0)
		return;
	/* What we wrote into the link, and not what somebody may have put there since. */
	n = readlink(dir, target, sizeof(target) - 1);
	if (n > 0) {
		target[n] = '\0';
		(void)tree_remove(AT_FDCWD, target, NULL);
	}
	(void)tree_remove(AT_FDCWD, dir, NULL);
	unlink(dir);
	unlink(lock);
}

static bool defined(const struct record *rec)
{
	_cleanup_free_ char *path = NULL;

	if (!rec->lxcpath || asprintf(&path, "%s/%s/config", rec->lxcpath, rec->name) < 0)
		return false;
	return file_exists(AT_FDCWD, path);
}

static int examine(struct doctor *d, int base, const char *id, struct err *e)
{
	/* Links lie in our own directory, and are ours: containers of an OCI runtime's own root. */
	_cleanup_close_ int dirfd = openat(base, id, O_RDONLY | O_DIRECTORY | O_CLOEXEC), lock = -EBADF;
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	bool keeper;
	int r;

	if (dirfd < 0 && errno == ENOENT) {
		/* Its root has been thrown away. */
		say(d, id, "link to a container that is gone");
		buf_puts(d->report, d->fix ? " (removed)\n" : "\n");
		if (d->fix)
			forget(d, id);
		return 0;
	}
	if (dirfd < 0)
		return 0;
	/* A start or a create that is under way holds the lock: it is nobody's remains. */
	if (!d->fix && record_locked(id))
		return 0;
	lock = d->fix ? record_lock(id, false, NULL) : -EBADF;
	if (d->fix && lock < 0)
		return 0;
	read_or_invent(dirfd, id, &rec);
	if (!rec.id || !rec.name)
		return err_oom(e);
	if (cared_for(&rec))
		return 0;
	keeper = record_kept(&rec);
	if (record_alive(&rec)) {
		if (keeper)
			return 0;
		r = orphan(d, dirfd, &rec, e);
		if (r < 0 || record_alive(&rec))
			return r;
	} else if (keeper) {
		return 0; /* it is cleaning up, or starting again */
	}
	r = clean(d, dirfd, &rec, e);
	if (r == 0 && d->fix && !defined(&rec))
		forget(d, id);
	return r;
}

int engine_doctor(struct engine *g, bool fix, struct buf *report, unsigned *ret_n, struct err *e)
{
	struct doctor d = { .g = g, .fix = fix && !g->dry_run, .report = report };
	_cleanup_strv_ struct strv ids = STRV_INIT;
	_cleanup_close_ int base = -EBADF;
	struct dirent *de;
	DIR *dir;
	int r = copy_doctor(g, d.fix, report, &d.found, e);

	if (r < 0)
		return r;
	dir = opendir(g->run_dir);
	if (!dir) {
		*ret_n = d.found;
		return errno == ENOENT ? 0 : err_set(e, -errno, "open %s", g->run_dir);
	}
	base = fcntl(dirfd(dir), F_DUPFD_CLOEXEC, 3);
	while (r == 0 && (de = readdir(dir)))
		if (de->d_name[0] != '.' && (de->d_type == DT_DIR || de->d_type == DT_LNK) &&
		    !streq(de->d_name, "locks") && !streq(de->d_name, "rootfs") && !streq(de->d_name, "net") &&
		    !streq(de->d_name, "cache"))
			r = strv_push(&ids, de->d_name, e);
	closedir(dir);
	strv_sort(&ids);
	for (size_t i = 0; i < ids.n && r == 0; i++)
		r = examine(&d, base, ids.v[i], e);
	*ret_n = d.found;
	return r;
}

/* --- the host's bridge -------------------------------------------------------------------------------------------------- */

int engine_net(struct engine *g, const char *verb, struct buf *report, struct err *e)
{
	_cleanup_free_ char *dir = path_join(g->run_dir, "net");
	struct net_bridge b;
	int r;

	if (!dir)
		return err_oom(e);
	r = net_bridge_conf("/etc/default/lxc-net", &b, e);
	if (r < 0)
		return r;
	if (streq(verb, "status")) {
		buf_printf(report, "%s: %s\n", b.bridge, net_bridge_is_up(&b, dir) ? "up" : "down");
		return 0;
	}
	if (!streq(verb, "up") && !streq(verb, "down")) {
		err_kind(e, ERR_INVALID, -EINVAL, "unknown verb '%s'", verb);
		return err_hint(e, -EINVAL, "known: up, down, status");
	}
	if (engine_dry(g, "net %s %s %s", verb, b.bridge, b.network))
		return 0;
	/* The networks of images' containers go with it; each comes up by itself when one is started. */
	r = streq(verb, "down") ? net_nat_down_idle(dir, e) : 0;
	if (r < 0)
		return r;
	if (!b.use)
		return err_kind(e, ERR_STATE, -EPERM,
				"the bridge is switched off (USE_LXC_BRIDGE in /etc/default/lxc-net)");
	r = dir_make_all(dir, 0755, e);
	if (r < 0)
		return r;
	return streq(verb, "up") ? net_bridge_up(&b, dir, e) : net_bridge_down(&b, dir, e);
}
