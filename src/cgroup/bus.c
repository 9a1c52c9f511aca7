/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * systemd over D-Bus (dbus.c).
 *
 * Root speaks to process 1 by its private socket, as systemctl does: no bus daemon in between, which small machines do
 * not have. Where there is none, and for an ordinary user without a service manager's socket, the bus.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parse.h"
#include "cgroup/dbus.h"
#include "cgroup/driver.h"
#include "cgroup/unit.h"
#include "sys/syscalls.h"

#define BUS_NAME     "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER	     "org.freedesktop.systemd1.Manager"
#define PROPERTIES   "org.freedesktop.DBus.Properties"
#define UNIT	     "org.freedesktop.systemd1.Unit"
#define UNIT_EXISTS  BUS_NAME ".UnitExists"
#define NO_SUCH_UNIT BUS_NAME ".NoSuchUnit"
#define JOB_MS	     30000
#define END_MS	     500 /* a scope whose last process has gone ends a moment later */

struct bus {
	struct dbus d;
	bool real; /* a bus, whose signals one has to ask for */
	/* The job waited for; and those that ended before the reply said what its name is. */
	char job[128], result[32];
	struct strv early;
	bool done;
};

#define BUS_INIT ((struct bus){ .d.fd = -EBADF })

static void bus_close(struct bus *b)
{
	dbus_close(&b->d);
	strv_done(&b->early);
}
#define _cleanup_bus_ _cleanup_(bus_close)

/* The socket in an address like "unix:path=/run/user/1000/bus,guid=...;...": the first that we can use. */
static bool socket_of(const char *address, char *ret, size_t size)
{
	static const char *const kinds[] = { "unix:path=", "unix:abstract=" };

	for (size_t i = 0; address && i < ARRAY_SIZE(kinds); i++) {
		const char *at = strstr(address, kinds[i]);

		if (at) {
			at += strlen(kinds[i]);
			snprintf(ret, size, "%s%.*s", i == 1 ? "@" : "", (int)strcspn(at, ",;"), at);
			return true;
		}
	}
	return false;
}

static int open_real(struct bus *b, bool user, const char *runtime, struct err *e)
{
	char path[PATH_MAX] = "/run/dbus/system_bus_socket";

	if (!socket_of(getenv(user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS"), path, sizeof(path)) &&
	    user)
		snprintf(path, sizeof(path), "%s/bus", runtime && *runtime == '/' ? runtime : "/nonexistent");
	b->real = true;
	return dbus_open(&b->d, path, true, e);
}

static int bus_open(struct bus *b, bool user, struct err *e)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char path[PATH_MAX] = "/run/systemd/private";
	int r = -ENOENT;

	if (!file_exists(AT_FDCWD, "/run/systemd/system")) {
		err_kind(e, ERR_MISSING, -ENOENT, "systemd does not run this host");
		return err_hint(e, -ENOENT, "do without --systemd-cgroup");
	}
	if (user)
		snprintf(path, sizeof(path), "%s/systemd/private",
			 runtime && *runtime == '/' ? runtime : "/nonexistent");
	if (file_exists(AT_FDCWD, path))
		r = dbus_open(&b->d, path, false, NULL);
	if (r < 0)
		r = open_real(b, user, runtime, e);
	if (r < 0) {
		err_wrap(e, r, "the %s bus, for systemd's control groups", user ? "user's" : "system");
		return user ? err_hint(e, r, "is XDG_RUNTIME_DIR set, and does 'systemctl --user status' answer?") : r;
	}
	return 0;
}

/* --- messages -------------------------------------------------------------------------------------------------------- */

static int call(struct bus *b, const char *member, const char *signature, const struct buf *body,
		struct dbus_message *ret, char *ret_name, size_t size, const char *what, struct err *e)
{
	const struct dbus_call c = {
		.to = BUS_NAME, .path = MANAGER_PATH, .interface = MANAGER, .member = member, .signature = signature
	};
	int r = dbus_call(&b->d, &c, body, ret, ret_name, size, e);

	return r < 0 ? err_wrap(e, r, "%s: systemd says", what) : 0;
}

/* A property of the manager's, or of one unit's, that is a string. free(). */
static int get_property_of(struct bus *b, const char *path, const char *interface, const char *name, char **ret,
			   struct err *e)
{
	const struct dbus_call get = {
		.to = BUS_NAME, .path = path, .interface = PROPERTIES, .member = "Get", .signature = "ss"
	};
	_cleanup_buf_ struct buf body = BUF_INIT;
	const char *type, *value = "";
	struct dbus_message reply;
	int r;

	dbus_put_string(&body, interface);
	dbus_put_string(&body, name);
	r = dbus_call(&b->d, &get, &body, &reply, NULL, 0, e);
	if (r < 0)
		return r;
	if (dbus_get_signature(&reply, &type) < 0 || !streq(type, "s") || dbus_get_string(&reply, &value) < 0)
		return err_kind(e, ERR_SYSTEM, -EBADMSG, "systemd's %s is no string", name);
	*ret = strdup(value);
	return *ret ? 0 : err_oom(e);
}

static int get_property(struct bus *b, const char *name, char **ret, struct err *e)
{
	return get_property_of(b, MANAGER_PATH, MANAGER, name, ret, e);
}

static void put_strings(struct buf *b, const struct strv *v)
{
	size_t array = dbus_open_array(b, 4);

	for (size_t i = 0; i < v->n; i++)
		dbus_put_string(b, v->v[i]);
	dbus_close_array(b, array, 4);
}

static void put_bytes(struct buf *b, const uint8_t *bytes, size_t n)
{
	size_t array = dbus_open_array(b, 1);

	buf_add(b, bytes, n);
	dbus_close_array(b, array, 1);
}

/* (sv) */
static void put_prop(struct buf *b, const struct unit_prop *p)
{
	static const char *const signatures[] = {
		[UT_BOOL] = "b",   [UT_U32] = "u",    [UT_I32] = "i",	   [UT_U64] = "t",    [UT_I64] = "x",
		[UT_DOUBLE] = "d", [UT_STRING] = "s", [UT_STRINGS] = "as", [UT_BYTES] = "ay",
	};
	uint64_t bits;

	dbus_put_struct(b);
	dbus_put_string(b, p->name);
	dbus_put_signature(b, signatures[p->type]);
	switch (p->type) {
	case UT_BOOL:
	case UT_U32:
	case UT_I32:
		dbus_put_u32(b, (uint32_t)p->n);
		break;
	case UT_U64:
	case UT_I64:
		dbus_put_u64(b, p->n);
		break;
	case UT_DOUBLE:
		memcpy(&bits, &p->d, sizeof(bits));
		dbus_put_u64(b, bits);
		break;
	case UT_STRING:
		dbus_put_string(b, p->strings.v[0]);
		break;
	case UT_STRINGS:
		put_strings(b, &p->strings);
		break;
	case UT_BYTES:
		put_bytes(b, p->bytes, p->n_bytes);
		break;
	}
}

/* a(sv), and one more for PIDS where there is one. */
static void put_props(struct buf *b, const struct unit_props *p, pid_t pid)
{
	size_t array = dbus_open_array(b, 8), pids;

	for (size_t i = 0; i < p->n; i++)
		put_prop(b, &p->v[i]);
	if (pid > 0) {
		dbus_put_struct(b);
		dbus_put_string(b, "PIDs");
		dbus_put_signature(b, "au");
		pids = dbus_open_array(b, 4);
		dbus_put_u32(b, (uint32_t)pid);
		dbus_close_array(b, pids, 4);
	}
	dbus_close_array(b, array, 8);
}

/* --- jobs ------------------------------------------------------------------------------------------------------------ */

/* JobRemoved(uoss): id, job, unit, result. */
static void job_removed(void *arg, struct dbus_message *m)
{
	const char *job, *unit, *result;
	struct bus *b = arg;
	uint32_t id;

	if (!streq(m->member, "JobRemoved") || !streq(m->interface, MANAGER) || dbus_get_u32(m, &id) < 0 ||
	    dbus_get_string(m, &job) < 0 || dbus_get_string(m, &unit) < 0 || dbus_get_string(m, &result) < 0)
		return;
	if (!*b->job) {
		strv_pushf(&b->early, NULL, "%s %s", job, result);
	} else if (streq(job, b->job)) {
		snprintf(b->result, sizeof(b->result), "%s", result);
		b->done = true;
	}
}

static int watch_jobs(struct bus *b, struct err *e)
{
	static const struct dbus_call match = {
		.to = "org.freedesktop.DBus",
		.path = "/org/freedesktop/DBus",
		.interface = "org.freedesktop.DBus",
		.member = "AddMatch",
		.signature = "s",
	};
	_cleanup_buf_ struct buf body = BUF_INIT;
	int r = 0;

	b->d.signal = job_removed;
	b->d.arg = b;
	dbus_put_string(&body, "type='signal',interface='" MANAGER "',member='JobRemoved',path='" MANAGER_PATH "'");
	/* A private socket tells everything anyway. */
	if (b->real)
		r = dbus_call(&b->d, &match, &body, NULL, NULL, 0, e);
	return r < 0 ? err_wrap(e, r, "listen to systemd's jobs") : 0;
}

/* The job has ended before we knew that it is ours? */
static void look_back(struct bus *b)
{
	size_t len = strlen(b->job);

	for (size_t i = 0; i < b->early.n; i++)
		if (strncmp(b->early.v[i], b->job, len) == 0 && b->early.v[i][len] == ' ') {
			snprintf(b->result, sizeof(b->result), "%s", b->early.v[i] + len + 1);
			b->done = true;
		}
}

/* Calls what starts a job and waits for its end. */
static int run_job(struct bus *b, const char *member, const char *signature, const struct buf *body, char *name,
		   size_t size, const char *what, struct err *e)
{
	int64_t until = cg_now_ms() + JOB_MS;
	struct dbus_message m;
	const char *job;
	int r;

	b->done = false;
	*b->job = '\0';
	r = call(b, member, signature, body, &m, name, size, what, e);
	if (r < 0)
		return r;
	if (dbus_get_string(&m, &job) < 0)
		return err_kind(e, ERR_SYSTEM, -EBADMSG, "%s: systemd names no job", what);
	snprintf(b->job, sizeof(b->job), "%s", job);
	look_back(b);
	while (r == 0 && !b->done)
		r = dbus_receive(&b->d, until, &m, e);
	if (r < 0)
		return err_wrap(e, r, "%s", what);
	return streq(b->result, "done")
		       ? 0
		       : err_kind(e, ERR_STATE, -EIO, "%s: systemd's job ended with '%s'", what, b->result);
}

static void reset_failed(struct bus *b, const char *unit)
{
	_cleanup_buf_ struct buf body = BUF_INIT;

	dbus_put_string(&body, unit);
	call(b, "ResetFailedUnit", "s", &body, NULL, NULL, 0, "forget a failed unit", NULL);
}

static unsigned manager_version(struct bus *b)
{
	_cleanup_free_ char *text = NULL;

	/* "252.39-1~deb12u2", "v245". */
	if (get_property(b, "Version", &text, NULL) < 0)
		return 0;
	return (unsigned)strtoul(text + strcspn(text, "0123456789"), NULL, 10);
}

/* Only few things depend on it: not asked without need. */
static unsigned version_for(struct bus *b, const struct cg_item *items, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (streq(items[i].key, "cpu.idle") || streq(items[i].key, "memory.oom.group"))
			return manager_version(b);
	return 0;
}

/* --- what the group asks for ----------------------------------------------------------------------------------------- */

int unit_path(const char *text, const char *id, bool user, char **ret, struct err *e)
{
	_cleanup_bus_ struct bus b = BUS_INIT;
	_cleanup_free_ char *root = NULL;
	int r;

	if (!user)
		return unit_path_below("", text, id, false, ret, e);
	/* The user's service manager has a group of its own, and all its units are below. */
	r = bus_open(&b, true, e);
	if (r < 0)
		return r;
	r = get_property(&b, "ControlGroup", &root, e);
	if (r < 0)
		return err_wrap(e, r, "ask the user's service manager for its control group");
	return unit_path_below(root, text, id, true, ret, e);
}

/* Its only business is to be in the group. No exit signal: nobody who waits for children hears of it. */
static int holder_start(struct cg *g, struct err *e)
{
	struct clone_args args = { 0 };
	pid_t parent = getpid(), pid = sys_clone3(&args);

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "creel-holder");
		close_range(0, ~0u, 0);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	if (pid < 0)
		return err_set(e, pid, "start a process for unit %s", g->unit);
	g->holder = pid;
	return 0;
}

void unit_release(struct cg *g)
{
	if (g->holder <= 0)
		return;
	kill(g->holder, SIGKILL);
	waitpid(g->holder, NULL, __WALL);
	g->holder = 0;
}

/* The unit's own properties; its slice is the last one above it in the path. */
static int start_props(const struct cg *g, struct bus *b, struct unit_props *p, struct err *e)
{
	static const char *const on[] = { "MemoryAccounting", "CPUAccounting", "IOAccounting", "TasksAccounting" };
	const struct cg_oci *o = g->host->oci;
	bool scope = strstr(g->unit, ".scope") != NULL;
	char slice[CG_PATH_MAX + 1] = "";
	const char *name;
	int r;

	cg_parent(g->path, 1, slice);
	name = strrchr(slice, '/') ? strrchr(slice, '/') + 1 : slice;
	r = unit_prop_add_string(p, "Description", o && o->description ? o->description : g->unit, e);
	if (r == 0 && scope)
		r = unit_prop_add_string(p, "Slice", *name ? name : "-.slice", e);
	if (r == 0 && scope)
		r = unit_prop_add(p, "Delegate", UT_BOOL, 1, e);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(on); i++)
		r = unit_prop_add(p, on[i], UT_BOOL, 1, e);
	if (r == 0)
		r = unit_prop_add(p, "DefaultDependencies", UT_BOOL, 0, e);
	if (r == 0 && o)
		r = unit_resource_props(o->items, o->n_items, true, version_for(b, o->items, o->n_items), p, e);
	for (size_t i = 0; r == 0 && o && o->unit_props && i < o->unit_props->n; i++)
		r = unit_annotation_prop(o->unit_props->v[i], p, e);
	return r;
}

static int unit_taken(const struct cg *g, struct err *e)
{
	err_kind(e, ERR_EXISTS, -EBUSY, "container's cgroup is not empty: systemd has a unit %s", g->unit);
	return err_hint(e, -EBUSY, "another container's, or a service's: linux.cgroupsPath has to name a new one");
}

/* 1 when systemd has it and it is neither dead nor failed. */
static int unit_in_use(struct bus *b, const char *unit, struct err *e)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_free_ char *path = NULL, *state = NULL;
	struct dbus_message reply;
	char name[128] = "";
	const char *object;
	int r;

	dbus_put_string(&body, unit);
	r = call(b, "GetUnit", "s", &body, &reply, name, sizeof(name), unit, e);
	if (r < 0 && streq(name, NO_SUCH_UNIT)) {
		err_clear(e);
		return 0;
	}
	if (r < 0)
		return r;
	if (dbus_get_string(&reply, &object) < 0)
		return err_kind(e, ERR_SYSTEM, -EBADMSG, "%s: systemd names no object", unit);
	path = strdup(object);
	if (!path)
		return err_oom(e);
	/* Gone since: then it is not in use. */
	if (get_property_of(b, path, UNIT, "ActiveState", &state, NULL) < 0)
		return 0;
	return !streq(state, "inactive") && !streq(state, "failed");
}

int unit_vacant(const struct cg *g, struct err *e)
{
	_cleanup_bus_ struct bus b = BUS_INIT;
	int64_t until = cg_now_ms() + END_MS;
	int r = bus_open(&b, g->unit_user, e);

	while (r == 0 && (r = unit_in_use(&b, g->unit, e)) == 1 && cg_now_ms() < until) {
		cg_sleep_us(20000);
		r = 0;
	}
	return r == 1 ? unit_taken(g, e) : r;
}

static int start_once(struct cg *g, struct bus *b, const struct unit_props *p, char *name, size_t size, struct err *e)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	size_t aux;

	dbus_put_string(&body, g->unit);
	dbus_put_string(&body, "fail");
	put_props(&body, p, g->holder);
	aux = dbus_open_array(&body, 8);
	dbus_close_array(&body, aux, 8);
	return run_job(b, "StartTransientUnit", "ssa(sv)a(sa(sv))", &body, name, size, g->unit, e);
}

int unit_start(struct cg *g, struct err *e)
{
	_cleanup_unit_props_ struct unit_props p = { 0 };
	_cleanup_bus_ struct bus b = BUS_INIT;
	bool scope = strstr(g->unit, ".scope") != NULL;
	char name[128] = "";
	int r;

	r = bus_open(&b, g->unit_user, e);
	if (r == 0)
		r = start_props(g, &b, &p, e);
	if (r == 0)
		r = watch_jobs(&b, e);
	if (r == 0 && scope)
		r = holder_start(g, e);
	if (r < 0)
		return r;
	r = start_once(g, &b, &p, name, sizeof(name), e);
	/* A failed unit of an earlier life keeps its name until somebody says that he has seen it. */
	if (r < 0 && streq(name, UNIT_EXISTS)) {
		reset_failed(&b, g->unit);
		err_clear(e);
		r = start_once(g, &b, &p, name, sizeof(name), e);
		if (r < 0 && streq(name, UNIT_EXISTS))
			r = unit_taken(g, e);
	}
	if (r < 0)
		unit_release(g);
	return r;
}

int unit_attach(const struct cg *g, pid_t pid, struct err *e)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_bus_ struct bus b = BUS_INIT;
	size_t pids;
	int r = bus_open(&b, g->unit_user, e);

	if (r < 0)
		return r;
	dbus_put_string(&body, g->unit);
	dbus_put_string(&body, "");
	pids = dbus_open_array(&body, 4);
	dbus_put_u32(&body, (uint32_t)pid);
	dbus_close_array(&body, pids, 4);
	return call(&b, "AttachProcessesToUnit", "ssau", &body, NULL, NULL, 0, "move the process into its unit", e);
}

int unit_set(const struct cg *g, const struct cg_item *items, size_t n, struct err *e)
{
	_cleanup_unit_props_ struct unit_props p = { 0 };
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_bus_ struct bus b = BUS_INIT;
	int r = bus_open(&b, g->unit_user, e);

	if (r == 0)
		r = unit_resource_props(items, n, false, version_for(&b, items, n), &p, e);
	if (r < 0 || p.n == 0)
		return r;
	dbus_put_string(&body, g->unit);
	/* Until the unit ends, not on disk. */
	dbus_put_u32(&body, 1);
	put_props(&body, &p, 0);
	return call(&b, "SetUnitProperties", "sba(sv)", &body, NULL, NULL, 0, "set the unit's properties", e);
}

void unit_stop(struct cg *g)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	_cleanup_bus_ struct bus b = BUS_INIT;

	unit_release(g);
	if (bus_open(&b, g->unit_user, NULL) < 0 || watch_jobs(&b, NULL) < 0)
		return;
	dbus_put_string(&body, g->unit);
	dbus_put_string(&body, "replace");
	/* Mostly it is gone already: a scope ends with its last process. */
	run_job(&b, "StopUnit", "ss", &body, NULL, 0, "stop the unit", NULL);
	reset_failed(&b, g->unit);
}
