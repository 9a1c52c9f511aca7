/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The D-Bus client against a real bus daemon, which throws out whoever sends it a message that is not well formed, and
 * units of systemd where it runs (the VM tier).
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "cgroup/dbus.h"
#include "cgroup/driver.h"
#include "cgroup/unit.h"
#include "unit/test.h"

static char folder[] = "/tmp/creel-dbus.XXXXXX", sock[64];
static pid_t daemon_pid;

/* Its file is there before anybody listens. */
static bool daemon_listens(void)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memcpy(sa.sun_path, sock, strlen(sock));
	return fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0;
}

static bool start_daemon(void)
{
	_cleanup_free_ char *program = spawn_find("dbus-daemon");
	char address[96];
	char *argv[] = { program, (char *)"--session", (char *)"--nofork", (char *)"--nosyslog", address, NULL };
	const struct spawn s = { .path = program, .argv = argv };

	if (!program || !mkdtemp(folder))
		return false;
	snprintf(sock, sizeof(sock), "%s/bus", folder);
	snprintf(address, sizeof(address), "--address=unix:path=%s", sock);
	if (spawn_start(&s, &daemon_pid, NULL) < 0)
		return false;
	for (int i = 0; i < 500; i++) {
		if (daemon_listens())
			return true;
		usleep(10000);
	}
	return false;
}

static void stop_daemon(void)
{
	if (daemon_pid > 0) {
		kill(daemon_pid, SIGKILL);
		waitpid(daemon_pid, NULL, 0);
	}
	daemon_pid = 0;
	unlink(sock);
	rmdir(folder);
}

#define DRIVER .to = "org.freedesktop.DBus", .path = "/org/freedesktop/DBus", .interface = "org.freedesktop.DBus"

/* One of everything that bus.c sends. */
static void fill(struct buf *body)
{
	size_t array, inner;

	dbus_put_string(body, "creel-x.scope");
	dbus_put_string(body, "fail");
	array = dbus_open_array(body, 8);
	dbus_put_struct(body);
	dbus_put_string(body, "Delegate");
	dbus_put_signature(body, "b");
	dbus_put_u32(body, 1);
	dbus_put_struct(body);
	dbus_put_string(body, "MemoryMax");
	dbus_put_signature(body, "t");
	dbus_put_u64(body, UINT64_MAX - 1);
	dbus_put_struct(body);
	dbus_put_string(body, "Bytes");
	dbus_put_signature(body, "ay");
	inner = dbus_open_array(body, 1);
	buf_add(body, "\1\2\3", 3);
	dbus_close_array(body, inner, 1);
	dbus_put_struct(body);
	dbus_put_string(body, "Strings");
	dbus_put_signature(body, "as");
	inner = dbus_open_array(body, 4);
	dbus_put_string(body, "one");
	dbus_put_string(body, "");
	dbus_close_array(body, inner, 4);
	dbus_close_array(body, array, 8);
	array = dbus_open_array(body, 8);
	dbus_close_array(body, array, 8);
}

/* A call that goes through the daemon, which checks all of it, to a process that only looks at it and goes. */
static void all_types(struct dbus *from)
{
	static const struct dbus_call request = { DRIVER, .member = "RequestName", .signature = "su" };
	static const struct dbus_call c = {
		.to = "a.b", .path = "/x", .interface = "a.b", .member = "Start", .signature = "ssa(sv)a(sa(sv))"
	};
	_cleanup_buf_ struct buf body = BUF_INIT, name = BUF_INIT;
	struct dbus to = { .fd = -EBADF };
	struct dbus_message m = { 0 };
	char error[128];
	const char *s;
	uint32_t n;
	pid_t pid;
	int status;

	CHECK(dbus_open(&to, sock, true, NULL) == 0);
	dbus_put_string(&name, "a.b");
	dbus_put_u32(&name, 0);
	CHECK(dbus_call(&to, &request, &name, &m, NULL, 0, NULL) == 0);
	CHECK(dbus_get_u32(&m, &n) == 0 && n == 1);
	pid = fork();
	if (pid == 0) {
		bool ok = false;

		while (!ok && dbus_receive(&to, cg_now_ms() + 5000, &m, NULL) == 0)
			ok = m.type == DBUS_CALL && streq(m.signature, c.signature) && dbus_get_string(&m, &s) == 0 &&
			     streq(s, "creel-x.scope");
		_exit(ok ? 0 : 1);
	}
	fill(&body);
	dbus_close(&to);
	CHECK(dbus_call(from, &c, &body, NULL, error, sizeof(error), NULL) < 0);
	CHECK_STR(error, "org.freedesktop.DBus.Error.NoReply");
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
}

TEST(daemon)
{
	static const struct dbus_call list = { DRIVER, .member = "GetId" };
	static const struct dbus_call owner = { DRIVER, .member = "GetNameOwner", .signature = "s" };
	static const struct dbus_call match = { DRIVER, .member = "AddMatch", .signature = "s" };
	static const struct dbus_call none = { DRIVER, .member = "NoSuchThing" };
	_cleanup_buf_ struct buf body = BUF_INIT, rule = BUF_INIT;
	struct dbus d = { .fd = -EBADF };
	struct dbus_message m;
	struct err e = { 0 };
	char name[128];
	const char *s;

	if (!start_daemon()) {
		stop_daemon();
		SKIP("no dbus-daemon");
	}
	CHECK(dbus_open(&d, sock, true, &e) == 0);
	CHECK(dbus_call(&d, &list, NULL, &m, NULL, 0, &e) == 0);
	CHECK_STR(m.signature, "s");
	CHECK(dbus_get_string(&m, &s) == 0 && strlen(s) == 32 && dbus_get_string(&m, &s) == -EBADMSG);
	dbus_put_string(&body, "org.freedesktop.DBus");
	CHECK(dbus_call(&d, &owner, &body, &m, NULL, 0, &e) == 0);
	CHECK(dbus_get_string(&m, &s) == 0);
	CHECK_STR(s, "org.freedesktop.DBus");
	dbus_put_string(&rule, "type='signal',interface='a.b',member='JobRemoved',path='/x'");
	CHECK(dbus_call(&d, &match, &rule, NULL, NULL, 0, &e) == 0);
	CHECK(dbus_call(&d, &none, NULL, NULL, name, sizeof(name), &e) == -EIO);
	CHECK_STR(name, "org.freedesktop.DBus.Error.UnknownMethod");
	CHECK(strstr(e.msg, "NoSuchThing"));
	all_types(&d);
	dbus_close(&d);
	stop_daemon();
}

TEST(systemd_unit)
{
	static const struct cg_item items[] = { { .version = 1, .key = "memory.limit_in_bytes", .value = "67108864" },
						{ .version = 1, .key = "pids.max", .value = "77" } };
	static const struct cg_item more[] = { { .version = 1, .key = "pids.max", .value = "78" } };
	char *argv[] = { (char *)"systemctl",
			 (char *)"show",
			 (char *)"-p",
			 (char *)"MemoryMax,TasksMax,ActiveState",
			 (char *)"creel-unit-test.scope",
			 NULL };
	const struct spawn show = { .path = "systemctl", .argv = argv };
	_cleanup_free_ char *first = NULL, *second = NULL, *last = NULL;
	struct cg_oci oci = { .systemd = true, .items = items, .n_items = ARRAY_SIZE(items) };
	struct cg_host host = { .v2 = -1, .oci = &oci };
	struct cg g = { .host = &host,
			.unit = "creel-unit-test.scope",
			.path = (char *)"system.slice/creel-unit-test.scope" };
	struct err e = { 0 };

	if (geteuid() != 0 || !file_exists(AT_FDCWD, "/run/systemd/system"))
		SKIP("systemd does not run here, or we are not root");
	CHECK(unit_start(&g, &e) == 0);
	CHECK(spawn_run(&show, &first, NULL) == 0);
	CHECK(strstr(first, "MemoryMax=67108864") && strstr(first, "TasksMax=77") &&
	      strstr(first, "ActiveState=active"));
	CHECK(unit_set(&g, more, ARRAY_SIZE(more), &e) == 0);
	CHECK(spawn_run(&show, &second, NULL) == 0 && strstr(second, "TasksMax=78"));
	/* The name is in use. */
	g.holder = 0;
	CHECK(unit_start(&g, &e) == -EBUSY);
	unit_stop(&g);
	CHECK(spawn_run(&show, &last, NULL) == 0 && strstr(last, "ActiveState=inactive"));
}
