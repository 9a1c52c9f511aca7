/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What happens to an OCI container once it is there. Signals go by pidfd to the process that the record names. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/oci-internal.h"
#include "runtime/hook.h"
#include "runtime/journal.h"
#include "runtime/run.h"
#include "spec/field.h"
#include "sys/proc.h"
#include "sys/syscalls.h"

#define FREEZE_TIMEOUT_MS 10000
#define KILL_TIMEOUT_MS	  10000

static int not_running(struct err *e)
{
	return err_kind(e, ERR_STATE, -ESRCH, "container not running");
}

static int notify(void *arg, const struct record *rec, int fd, struct err *e)
{
	const struct oci_container *c = arg;

	return oci_send_listener(c->oci, &c->spec, rec, "creating", rec->pid, fd, e);
}

int oci_poststart(struct oci *r, const struct spec *spec, const struct record *rec, struct err *e)
{
	const struct moment_ctx m = { .pid = rec->pid, .version = rec->version, .bundle = rec->bundle };
	int x = moments_run(spec, "poststart", &m, false, r->log, e);

	if (x < 0) {
		_cleanup_close_ int init = proc_open(rec->pid, rec->pid_start);

		if (init >= 0)
			(void)sys_pidfd_send_signal(init, SIGKILL);
	}
	return x;
}

static int start(struct oci_container *c, struct err *e)
{
	struct oci_notify n;
	int r = oci_notify_listen(&n, &c->spec, c->dirfd, c->oci->log, e);

	if (r == 0)
		r = run_start(c->dirfd, &c->rec, notify, c, e);
	if (r == 0)
		r = oci_poststart(c->oci, &c->spec, &c->rec, e);
	if (r == 0 && n.fd >= 0) {
		/* It may be killed meanwhile, by others too. */
		c->lock = fd_close(c->lock);
		oci_notify_wait(&n, &c->rec);
	}
	oci_notify_done(&n);
	return r;
}

int oci_start(struct oci_container *c, struct err *e)
{
	switch (c->status) {
	case OCI_CREATED:
		return start(c, e);
	case OCI_STOPPED:
		return err_kind(e, ERR_STATE, -ESRCH, "cannot start a container that has stopped");
	case OCI_CREATING:
		return err_kind(e, ERR_STATE, -EBUSY, "cannot start a container that is still being created");
	default:
		return err_kind(e, ERR_STATE, -EALREADY, "cannot start an already running container");
	}
}

/* What is frozen by the first version dies when it is thawed only. */
static void thaw(struct oci_container *c)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	bool frozen = false;

	if (oci_cgroup(c, &g, NULL) == 0 && cg_is_frozen(g, &frozen, NULL) == 0 && frozen)
		(void)cg_freeze(g, false, FREEZE_TIMEOUT_MS, NULL);
}

static int kill_all(struct oci_container *c, int sig, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0;
	int r = oci_cgroup(c, &g, e);

	if (r < 0 && c->status == OCI_STOPPED)
		return err_clear(e), 0;
	if (r == 0 && sig == SIGKILL) {
		r = cg_kill(g, e);
		thaw(c);
		return r;
	}
	if (r == 0)
		r = cg_pids(g, &pids, &n, e);
	for (size_t i = 0; i < n && r == 0; i++)
		if (kill(pids[i], sig) < 0 && errno != ESRCH)
			r = err_set(e, -errno, "signal process %d", pids[i]);
	return r;
}

/* Others than its init live on without it, where the pid name space is not the container's. */
static bool outlived(struct oci_container *c)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_free_ pid_t *pids = NULL;
	size_t n = 0;

	return !(c->rec.ns_cloned & (1u << NS_PID)) && c->rec.cgroup && oci_cgroup(c, &g, NULL) == 0 &&
	       cg_pids(g, &pids, &n, NULL) == 0 && n > 0;
}

int oci_kill(struct oci_container *c, int sig, bool all, struct err *e)
{
	_cleanup_close_ int init = -EBADF;
	int r;

	/* Without a group its init stands for all. */
	if (all && c->rec.cgroup)
		return kill_all(c, sig, e);
	if (c->status == OCI_STOPPED)
		return sig == SIGKILL && outlived(c) ? kill_all(c, sig, e) : not_running(e);
	init = proc_open(c->rec.pid, c->rec.pid_start);
	if (init == -ESRCH)
		return not_running(e);
	if (init < 0)
		return err_set(e, init, "open init of %s", c->name);
	r = sys_pidfd_send_signal(init, sig);
	if (r == -ESRCH)
		return not_running(e);
	if (r < 0)
		return err_set(e, r, "signal init of %s", c->name);
	if (sig == SIGKILL) {
		/* Those who are in no pid name space of the container's own do not go with its init. */
		if (!(c->rec.ns_cloned & (1u << NS_PID)) && c->rec.cgroup)
			return kill_all(c, sig, e);
		if (c->rec.state == RUN_FROZEN)
			thaw(c);
	}
	return 0;
}

/* --- the end -------------------------------------------------------------------------------------------------------------- */

int oci_destroy(struct oci_container *c, struct err *e)
{
	struct undo_ctx ctx = { .dirfd = c->dirfd, .id = c->id, .log = c->oci->log };
	int r;

	/* Probed already where this process has made the container. */
	c->oci->cg_oci.systemd = c->rec.systemd_cgroup;
	(void)oci_cgroups(c->oci, &ctx.cg_host, NULL);
	r = journal_undo(&ctx, e);
	if (r < 0)
		return r;
	netns_unpin(c->dirfd);
	return oci_forget(c->oci, c->name, c->id, e);
}

static int kill_and_wait(struct oci_container *c, struct err *e)
{
	struct pollfd p = { .events = POLLIN };
	int r;

	p.fd = proc_open(c->rec.pid, c->rec.pid_start);
	if (p.fd < 0)
		return 0;
	(void)sys_pidfd_send_signal(p.fd, SIGKILL);
	if (c->status == OCI_PAUSED || c->rec.state == RUN_FROZEN || c->rec.state == RUN_RUNNING)
		thaw(c);
	do
		r = poll(&p, 1, KILL_TIMEOUT_MS);
	while (r < 0 && errno == EINTR);
	fd_close(p.fd);
	return r == 0 ? err_kind(e, ERR_STATE, -ETIMEDOUT, "container init still running") : 0;
}

int oci_delete(struct oci_container *c, bool force, struct err *e)
{
	int r = 0;

	/* Its keeper cleans up after it, and its definition is not ours to remove. */
	if (c->rec.lxcpath)
		return err_kind(e, ERR_STATE, -EPERM,
				"%s is a container of LXC's: stop it with lxc-stop, remove it with lxc-destroy",
				c->name);
	if (c->status == OCI_STOPPED || c->status == OCI_CREATED || force)
		r = c->status == OCI_STOPPED ? 0 : kill_and_wait(c, e);
	else {
		oci_container_freezer(c, NULL);
		r = err_kind(e, ERR_STATE, -EBUSY, "cannot delete container %s that is not stopped: %s", c->name,
			     oci_status_names[c->status]);
	}
	return r < 0 ? r : oci_destroy(c, e);
}

/* --- limits and rest -------------------------------------------------------------------------------------------------- */

int oci_pause(struct oci_container *c, bool pause, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	enum run_state back;
	int r;

	if (!pause && c->status != OCI_PAUSED)
		return err_kind(e, ERR_STATE, -EINVAL, "container not paused");
	if (pause && c->status != OCI_RUNNING && c->status != OCI_CREATED)
		return not_running(e);
	r = oci_cgroup(c, &g, e);
	if (r < 0)
		return r;
	/* One that waits for its start does so after it was paused, too. */
	back = file_exists(c->dirfd, RUN_START_NAME) ? RUN_STARTING : RUN_RUNNING;
	r = cg_freeze(g, pause, FREEZE_TIMEOUT_MS, e);
	if (r < 0) {
		if (pause)
			(void)cg_freeze(g, false, FREEZE_TIMEOUT_MS, NULL);
		return r;
	}
	return record_set_state(c->dirfd, &c->rec, pause ? RUN_FROZEN : back, e);
}

/* The same setting: of the same device, too, where the file has a line for each. */
static bool same_item(const struct spec_cgroup_item *a, const struct spec_cgroup_item *b)
{
	size_t n = strcspn(a->value, " ");

	if (a->version != b->version || !streq(a->key, b->key) || startswith(a->key, "devices."))
		return false;
	return !a->value[n] || (strncmp(a->value, b->value, n) == 0 && b->value[n] == ' ');
}

/* What has been asked for last, last: what is kept of the container says what it has. */
static int keep_items(struct oci_container *c, const struct spec *s, struct err *e)
{
	const struct field *items = field_row(spec_fields, "cgroup.items", strlen("cgroup.items"));
	struct list *kept = &c->spec.cgroup.items;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r = 0;

	LIST_EACH(i, &s->cgroup.items, struct spec_cgroup_item) {
		for (size_t k = kept->n; k-- > 0;)
			if (same_item(i, LIST_AT(kept, struct spec_cgroup_item, k)))
				field_list_remove(items, &c->spec, k);
		void *item = field_list_add(items, &c->spec, e);

		r = item ? fields_copy(items->sub, item, i, e) : -ENOMEM;
		if (r < 0)
			return r;
	}
	r = spec_dump(&c->spec, &text, e);
	return r < 0 ? r : file_replace(c->dirfd, "spec", buf_str(&text), text.len, 0600, false, e);
}

int oci_update(struct oci_container *c, const struct spec *s, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_free_ struct cg_item *items = NULL;
	size_t n = 0;
	int r;

	if (c->status == OCI_STOPPED)
		return not_running(e);
	if (!s->cgroup.items.n)
		return 0;
	items = calloc(s->cgroup.items.n, sizeof(*items));
	if (!items)
		return err_oom(e);
	LIST_EACH(i, &s->cgroup.items, struct spec_cgroup_item)
		items[n++] = (struct cg_item){ i->version, i->key, i->value };
	r = oci_container_spec(c, true, e);
	if (r == 0)
		r = oci_cgroup(c, &g, e);
	if (r == 0)
		r = cg_apply(g, items, n, e);
	return r < 0 ? r : keep_items(c, s, e);
}
