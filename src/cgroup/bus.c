/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * systemd over D-Bus, by libsystemd's sd-bus.
 *
 * The library is loaded when it is first needed: it brings five others along, which no start without systemd should pay
 * for. Its calls are declared here, as they have been since version 221, so that building needs no headers.
 *
 * Root speaks to process 1 by its private socket, as systemctl does: no bus daemon in between, which small machines do
 * not have. Where there is none, and for an ordinary user without a service manager's socket, the bus.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/parse.h"
#include "cgroup/driver.h"
#include "cgroup/unit.h"
#include "sys/syscalls.h"

#define LIBRARY	     "libsystemd.so.0"
#define BUS_NAME     "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER	     "org.freedesktop.systemd1.Manager"
#define CALL_USEC    (25u * 1000000)
#define JOB_MS	     30000

typedef struct sd_bus sd_bus;
typedef struct sd_bus_message sd_bus_message;
typedef struct sd_bus_slot sd_bus_slot;
typedef struct {
	const char *name, *message;
	int need_free;
} sd_bus_error;
typedef int (*sd_bus_handler)(sd_bus_message *m, void *arg, sd_bus_error *ret);

/* The calls used, in a table: one line each. */
#define CALLS(X)                                                                                                       \
	X(int, sd_bus_new, (sd_bus * *ret))                                                                            \
	X(int, sd_bus_set_address, (sd_bus * bus, const char *address))                                                \
	X(int, sd_bus_start, (sd_bus * bus))                                                                           \
	X(int, sd_bus_open_system, (sd_bus * *ret))                                                                    \
	X(int, sd_bus_open_user, (sd_bus * *ret))                                                                      \
	X(sd_bus *, sd_bus_unref, (sd_bus * bus))                                                                      \
	X(void, sd_bus_close, (sd_bus * bus))                                                                          \
	X(int, sd_bus_add_match, (sd_bus * bus, sd_bus_slot * *slot, const char *match, sd_bus_handler fn, void *arg)) \
	X(int, sd_bus_process, (sd_bus * bus, sd_bus_message * *ret))                                                  \
	X(int, sd_bus_wait, (sd_bus * bus, uint64_t usec))                                                             \
	X(int, sd_bus_call,                                                                                            \
	  (sd_bus * bus, sd_bus_message * m, uint64_t usec, sd_bus_error * ret_error, sd_bus_message * *ret))          \
	X(int, sd_bus_get_property_string,                                                                             \
	  (sd_bus * bus, const char *to, const char *path, const char *interface, const char *member,                  \
	   sd_bus_error *ret_error, char **ret))                                                                       \
	X(int, sd_bus_message_new_method_call,                                                                         \
	  (sd_bus * bus, sd_bus_message * *ret, const char *to, const char *path, const char *interface,               \
	   const char *member))                                                                                        \
	X(int, sd_bus_message_append, (sd_bus_message * m, const char *types, ...))                                    \
	X(int, sd_bus_message_append_array, (sd_bus_message * m, char type, const void *data, size_t size))            \
	X(int, sd_bus_message_append_strv, (sd_bus_message * m, char **strings))                                       \
	X(int, sd_bus_message_open_container, (sd_bus_message * m, char type, const char *contents))                   \
	X(int, sd_bus_message_close_container, (sd_bus_message * m))                                                   \
	X(int, sd_bus_message_read, (sd_bus_message * m, const char *types, ...))                                      \
	X(sd_bus_message *, sd_bus_message_unref, (sd_bus_message * m))                                                \
	X(void, sd_bus_error_free, (sd_bus_error * e))

struct calls {
#define X(ret, name, args) ret(*name) args;
	CALLS(X)
#undef X
};

struct bus {
	void *library;
	struct calls c;
	sd_bus *bus;
	/* The job waited for. */
	char job[128], result[32];
	bool done;
};

static void bus_close(struct bus *b)
{
	if (b->bus) {
		b->c.sd_bus_close(b->bus);
		b->c.sd_bus_unref(b->bus);
	}
	if (b->library)
		dlclose(b->library);
	*b = (struct bus){ 0 };
}
#define _cleanup_bus_ _cleanup_(bus_close)

static int load(struct bus *b, struct err *e)
{
	static const struct {
		const char *name;
		size_t offset;
	} names[] = {
#define X(ret, name, args) { #name, offsetof(struct calls, name) },
		CALLS(X)
#undef X
	};

	b->library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!b->library) {
		err_kind(e, ERR_MISSING, -ENOENT, "systemd's control groups need " LIBRARY ": %.256s", dlerror());
		return err_hint(e, -ENOENT, "install libsystemd0, or do without --systemd-cgroup");
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		void *fn = dlsym(b->library, names[i].name);

		if (!fn)
			return err_kind(e, ERR_MISSING, -ENOSYS, LIBRARY " has no %s", names[i].name);
		memcpy((char *)&b->c + names[i].offset, &fn, sizeof(fn));
	}
	return 0;
}

static int connect_private(struct bus *b, const char *socket)
{
	char address[PATH_MAX];
	int r;

	if (!file_exists(AT_FDCWD, socket))
		return -ENOENT;
	snprintf(address, sizeof(address), "unix:path=%s", socket);
	r = b->c.sd_bus_new(&b->bus);
	if (r >= 0)
		r = b->c.sd_bus_set_address(b->bus, address);
	if (r >= 0)
		r = b->c.sd_bus_start(b->bus);
	if (r < 0)
		b->bus = b->c.sd_bus_unref(b->bus);
	return r;
}

static int bus_open(struct bus *b, bool user, struct err *e)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char socket[PATH_MAX] = "/run/systemd/private";
	int r = load(b, e);

	if (r < 0)
		return r;
	if (!file_exists(AT_FDCWD, "/run/systemd/system")) {
		err_kind(e, ERR_MISSING, -ENOENT, "systemd does not run this host");
		return err_hint(e, -ENOENT, "do without --systemd-cgroup");
	}
	if (user)
		snprintf(socket, sizeof(socket), "%s/systemd/private",
			 runtime && *runtime == '/' ? runtime : "/nonexistent");
	r = connect_private(b, socket);
	if (r < 0)
		r = user ? b->c.sd_bus_open_user(&b->bus) : b->c.sd_bus_open_system(&b->bus);
	if (r < 0) {
		err_set(e, r, "connect to the %s bus for systemd's control groups", user ? "user's" : "system");
		return user ? err_hint(e, r, "is XDG_RUNTIME_DIR set, and does 'systemctl --user status' answer?") : r;
	}
	return 0;
}

/* --- messages -------------------------------------------------------------------------------------------------------- */

struct message {
	struct bus *bus;
	sd_bus_message *m;
	int r; /* the first failure */
};

static void message_done(struct message *m)
{
	if (m->m)
		m->bus->c.sd_bus_message_unref(m->m);
}
#define _cleanup_message_ _cleanup_(message_done)

static struct message message_to_manager(struct bus *b, const char *member)
{
	struct message m = { .bus = b };

	m.r = b->c.sd_bus_message_new_method_call(b->bus, &m.m, BUS_NAME, MANAGER_PATH, MANAGER, member);
	return m;
}

#define ADD(msg, fn, ...)                                                   \
	do {                                                                \
		if ((msg)->r >= 0)                                          \
			(msg)->r = (msg)->bus->c.fn((msg)->m, __VA_ARGS__); \
	} while (0)

static void close_container(struct message *m)
{
	if (m->r >= 0)
		m->r = m->bus->c.sd_bus_message_close_container(m->m);
}

static void add_prop(struct message *m, const struct unit_prop *p)
{
	static const char *const signatures[] = {
		[UT_BOOL] = "b",   [UT_U32] = "u",    [UT_I32] = "i",	   [UT_U64] = "t",    [UT_I64] = "x",
		[UT_DOUBLE] = "d", [UT_STRING] = "s", [UT_STRINGS] = "as", [UT_BYTES] = "ay",
	};
	const char *type = signatures[p->type];

	ADD(m, sd_bus_message_open_container, 'r', "sv");
	ADD(m, sd_bus_message_append, "s", p->name);
	ADD(m, sd_bus_message_open_container, 'v', type);
	switch (p->type) {
	case UT_BOOL:
	case UT_U32:
	case UT_I32:
		ADD(m, sd_bus_message_append, type, (int)p->n);
		break;
	case UT_U64:
	case UT_I64:
		ADD(m, sd_bus_message_append, type, p->n);
		break;
	case UT_DOUBLE:
		ADD(m, sd_bus_message_append, type, p->d);
		break;
	case UT_STRING:
		ADD(m, sd_bus_message_append, type, p->strings.v[0]);
		break;
	case UT_STRINGS:
		ADD(m, sd_bus_message_append_strv, p->strings.v);
		break;
	case UT_BYTES:
		ADD(m, sd_bus_message_append_array, 'y', p->bytes, p->n_bytes);
		break;
	}
	close_container(m);
	close_container(m);
}

/* Sends; *RET_REPLY may be NULL. The error is systemd's own words. *RET_NAME: the D-Bus error's name, for a decision. */
static int call(struct message *m, sd_bus_message **ret_reply, char *ret_name, size_t size, const char *what,
		struct err *e)
{
	struct bus *b = m->bus;
	sd_bus_error error = { 0 };
	int r = m->r;

	if (r >= 0)
		r = b->c.sd_bus_call(b->bus, m->m, CALL_USEC, &error, ret_reply);
	if (ret_name)
		snprintf(ret_name, size, "%s", r < 0 && error.name ? error.name : "");
	if (r < 0 && error.message)
		err_kind(e, r == -EACCES || r == -EPERM ? ERR_DENIED : ERR_SYSTEM, r, "%s: systemd says: %.400s", what,
			 error.message);
	else if (r < 0)
		err_set(e, r, "%s over D-Bus", what);
	b->c.sd_bus_error_free(&error);
	return r < 0 ? r : 0;
}

/* --- jobs ------------------------------------------------------------------------------------------------------------ */

/* JobRemoved(uoss): id, job, unit, result. */
static int job_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct bus *b = arg;
	const char *job, *unit, *result;
	uint32_t id;

	if (b->c.sd_bus_message_read(m, "uoss", &id, &job, &unit, &result) < 0 || !streq(job, b->job))
		return 0;
	snprintf(b->result, sizeof(b->result), "%s", result);
	b->done = true;
	return 0;
}

static int watch_jobs(struct bus *b, struct err *e)
{
	/* On a private socket nobody has a name, so none is said. */
	int r = b->c.sd_bus_add_match(
		b->bus, NULL, "type='signal',interface='" MANAGER "',member='JobRemoved',path='" MANAGER_PATH "'",
		job_removed, b);

	return r < 0 ? err_set(e, r, "listen to systemd's jobs") : 0;
}

/* Calls what starts a job and waits for its end. */
static int run_job(struct message *m, char *name, size_t size, const char *what, struct err *e)
{
	struct bus *b = m->bus;
	sd_bus_message *reply = NULL;
	int64_t until = cg_now_ms() + JOB_MS;
	const char *job;
	int r = call(m, &reply, name, size, what, e);

	if (r < 0)
		return r;
	r = b->c.sd_bus_message_read(reply, "o", &job);
	if (r >= 0)
		snprintf(b->job, sizeof(b->job), "%s", job);
	b->c.sd_bus_message_unref(reply);
	while (r >= 0 && !b->done) {
		int64_t left = until - cg_now_ms();

		r = b->c.sd_bus_process(b->bus, NULL);
		if (r != 0)
			continue;
		if (left <= 0)
			return err_kind(e, ERR_STATE, -ETIMEDOUT, "%s: systemd does not answer", what);
		r = b->c.sd_bus_wait(b->bus, (uint64_t)left * 1000);
	}
	if (r < 0)
		return err_set(e, r, "%s over D-Bus", what);
	return streq(b->result, "done")
		       ? 0
		       : err_kind(e, ERR_STATE, -EIO, "%s: systemd's job ended with '%s'", what, b->result);
}

static void reset_failed(struct bus *b, const char *unit)
{
	_cleanup_message_ struct message m = message_to_manager(b, "ResetFailedUnit");

	ADD(&m, sd_bus_message_append, "s", unit);
	call(&m, NULL, NULL, 0, "forget a failed unit", NULL);
}

static unsigned manager_version(struct bus *b)
{
	sd_bus_error error = { 0 };
	char *text = NULL;
	unsigned v = 0;

	/* "252.39-1~deb12u2", "v245". */
	if (b->c.sd_bus_get_property_string(b->bus, BUS_NAME, MANAGER_PATH, MANAGER, "Version", &error, &text) >= 0)
		v = (unsigned)strtoul(text + strcspn(text, "0123456789"), NULL, 10);
	b->c.sd_bus_error_free(&error);
	free(text);
	return v;
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
	_cleanup_bus_ struct bus b = { 0 };
	sd_bus_error error = { 0 };
	char *root = NULL;
	int r;

	if (!user)
		return unit_path_below("", text, id, false, ret, e);
	/* The user's service manager has a group of its own, and all its units are below. */
	r = bus_open(&b, true, e);
	if (r < 0)
		return r;
	r = b.c.sd_bus_get_property_string(b.bus, BUS_NAME, MANAGER_PATH, MANAGER, "ControlGroup", &error, &root);
	if (r < 0)
		err_set(e, r, "ask the user's service manager for its control group: %.300s", error.message ?: "");
	b.c.sd_bus_error_free(&error);
	if (r >= 0)
		r = unit_path_below(root, text, id, true, ret, e);
	free(root);
	return r < 0 ? r : 0;
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

static int start_once(struct cg *g, struct bus *b, const struct unit_props *p, char *name, size_t size, struct err *e)
{
	_cleanup_message_ struct message m = message_to_manager(b, "StartTransientUnit");
	uint32_t pid = (uint32_t)g->holder;

	ADD(&m, sd_bus_message_append, "ss", g->unit, "fail");
	ADD(&m, sd_bus_message_open_container, 'a', "(sv)");
	for (size_t i = 0; i < p->n; i++)
		add_prop(&m, &p->v[i]);
	if (pid)
		ADD(&m, sd_bus_message_append, "(sv)", "PIDs", "au", 1, pid);
	close_container(&m);
	ADD(&m, sd_bus_message_append, "a(sa(sv))", 0);
	b->done = false;
	return run_job(&m, name, size, g->unit, e);
}

int unit_start(struct cg *g, struct err *e)
{
	_cleanup_unit_props_ struct unit_props p = { 0 };
	_cleanup_bus_ struct bus b = { 0 };
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
	if (r < 0 && streq(name, BUS_NAME ".UnitExists")) {
		reset_failed(&b, g->unit);
		err_clear(e);
		r = start_once(g, &b, &p, name, sizeof(name), e);
		if (r < 0 && streq(name, BUS_NAME ".UnitExists")) {
			err_kind(e, ERR_EXISTS, -EBUSY, "container's cgroup is not empty: systemd has a unit %s",
				 g->unit);
			r = -EBUSY;
		}
	}
	if (r < 0)
		unit_release(g);
	return r;
}

int unit_attach(const struct cg *g, pid_t pid, struct err *e)
{
	_cleanup_bus_ struct bus b = { 0 };
	int r = bus_open(&b, g->unit_user, e);

	if (r < 0)
		return r;
	_cleanup_message_ struct message m = message_to_manager(&b, "AttachProcessesToUnit");
	ADD(&m, sd_bus_message_append, "ssau", g->unit, "", 1, (uint32_t)pid);
	return call(&m, NULL, NULL, 0, "move the process into its unit", e);
}

int unit_set(const struct cg *g, const struct cg_item *items, size_t n, struct err *e)
{
	_cleanup_unit_props_ struct unit_props p = { 0 };
	_cleanup_bus_ struct bus b = { 0 };
	int r = bus_open(&b, g->unit_user, e);

	if (r == 0)
		r = unit_resource_props(items, n, false, version_for(&b, items, n), &p, e);
	if (r < 0 || p.n == 0)
		return r;
	_cleanup_message_ struct message m = message_to_manager(&b, "SetUnitProperties");
	/* Until the unit ends, not on disk. */
	ADD(&m, sd_bus_message_append, "sb", g->unit, 1);
	ADD(&m, sd_bus_message_open_container, 'a', "(sv)");
	for (size_t i = 0; i < p.n; i++)
		add_prop(&m, &p.v[i]);
	close_container(&m);
	return call(&m, NULL, NULL, 0, "set the unit's properties", e);
}

void unit_stop(struct cg *g)
{
	_cleanup_bus_ struct bus b = { 0 };

	unit_release(g);
	if (bus_open(&b, g->unit_user, NULL) < 0 || watch_jobs(&b, NULL) < 0)
		return;
	_cleanup_message_ struct message m = message_to_manager(&b, "StopUnit");
	ADD(&m, sd_bus_message_append, "ss", g->unit, "replace");
	/* Mostly it is gone already: a scope ends with its last process. */
	run_job(&m, NULL, 0, "stop the unit", NULL);
	reset_failed(&b, g->unit);
}
