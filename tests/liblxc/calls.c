/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * calls LXCPATH: every function of liblxc's interface at least once, its result checked. TAP. Built with our header and,
 * unchanged, with the one that the distribution has (LXC 5: without the functions of LXC 6).
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <lxc/lxccontainer.h>
#include <lxc/version.h>

static int n_tests, n_failed;
static const char *lxcpath;
static struct lxc_container *c;

static void check_at(int line, const char *text, bool ok)
{
	printf("%sok %d - %s\n", ok ? "" : "not ", ++n_tests, text);
	if (!ok) {
		printf("# line %d: %s\n", line, c && c->error_string ? c->error_string : "no error is said");
		n_failed++;
	}
	fflush(stdout);
}
#define CHECK(x) check_at(__LINE__, #x, x)

static bool is(const char *got, const char *want)
{
	bool same = got && strcmp(got, want) == 0;

	if (!same)
		printf("# '%s' is not '%s'\n", got ? got : "(null)", want);
	return same;
}

static bool has(char **list, const char *want)
{
	bool found = false;

	for (char **p = list; p && *p; p++) {
		found |= strcmp(*p, want) == 0;
		free(*p);
	}
	free(list);
	return found;
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* --- without a container ------------------------------------------------------------------------------------------------ */

static void library(void)
{
	const char *states[16];
	struct lxc_container *none, **objects;
	struct lxc_log log = { .name = "calls", .level = "NONSENSE" };
	char **names;

	CHECK(lxc_get_version()[0] >= '5');
	CHECK(lxc_get_wait_states(NULL) == 8);
	CHECK(lxc_get_wait_states(states) == 8 && is(states[6], "FROZEN"));
	CHECK(lxc_has_api_extension("mount_injection") && !lxc_has_api_extension("nonsense"));
	CHECK(lxc_config_item_is_supported("lxc.uts.name") && !lxc_config_item_is_supported("lxc.nonsense"));
	CHECK(lxc_get_global_config_item("lxc.lxcpath") != NULL);
	CHECK(!lxc_get_global_config_item("lxc.nonsense"));
	CHECK(lxc_log_init(&log) < 0);
	log.level = "ERROR";
	log.quiet = true;
	CHECK(lxc_log_init(&log) == 0);
	lxc_log_close();
	CHECK(lxc_container_new(NULL, lxcpath) == NULL);
	CHECK(lxc_container_put(NULL) == -1 && lxc_container_get(NULL) == 0);
	CHECK(list_defined_containers("/proc/nonexistent", &names, NULL) == -1);
	CHECK(list_all_containers(lxcpath, &names, &objects) == 0);
	none = lxc_container_new("none", lxcpath);
	CHECK(none && !none->is_defined(none) && is(none->state(none), "STOPPED") && !none->is_running(none));
	CHECK(none->init_pid(none) == -1 && none->init_pidfd(none) < 0 && none->devpts_fd(none) < 0);
	CHECK(!none->startl(none, 0, NULL) && none->error_num == 1 && none->error_string);
	CHECK(none->stop(none) && none->shutdown(none, 1) && !none->reboot(none) && none->reboot2(none, 1));
	CHECK(!none->load_config(none, NULL) && !none->destroy(none) && none->may_control(none));
	CHECK(none->get_ips(none, NULL, NULL, 0) == NULL && none->get_interfaces(none) == NULL);
	CHECK(lxc_container_get(none) == 1 && none->numthreads == 2);
	CHECK(lxc_container_put(none) == 0 && lxc_container_put(none) == 1);
}

/* --- its configuration ---------------------------------------------------------------------------------------------------- */

static void configuration(void)
{
	char buf[256], small[4];
	char *name = c->config_file_name(c), *other;

	CHECK(name && strstr(name, "/calls/config"));
	free(name);
	CHECK(is(c->get_config_path(c), lxcpath));
	CHECK(c->set_config_path(c, "/elsewhere") && is(c->get_config_path(c), "/elsewhere"));
	CHECK(c->set_config_path(c, lxcpath));
	CHECK(c->set_config_item(c, "lxc.uts.name", "hostname1"));
	CHECK(c->get_config_item(c, "lxc.uts.name", NULL, 0) == 9);
	CHECK(c->get_config_item(c, "lxc.uts.name", small, sizeof(small)) == 9 && is(small, "hos"));
	CHECK(!c->set_config_item(c, "lxc.nonsense", "1") && c->error_num == ENOENT);
	CHECK(c->get_config_item(c, "lxc.nonsense", buf, sizeof(buf)) < 0);
	CHECK(c->set_config_item(c, "lxc.environment", "A=b") && c->set_config_item(c, "lxc.environment", "C=d"));
	CHECK(c->get_config_item(c, "lxc.environment", buf, sizeof(buf)) == 8 && is(buf, "A=b\nC=d\n"));
	CHECK(c->clear_config_item(c, "lxc.environment"));
	CHECK(c->get_config_item(c, "lxc.environment", buf, sizeof(buf)) == 0);
	CHECK(c->set_config_item(c, "lxc.net.0.type", "empty") && c->set_config_item(c, "lxc.tty.max", "2"));
	CHECK(c->set_config_item(c, "lxc.console.buffer.size", "auto") && c->set_config_item(c, "lxc.pty.max", "16"));
	CHECK(c->get_keys(c, "lxc.net.0", buf, sizeof(buf)) > 0 && strstr(buf, "type\n"));
	CHECK(c->get_keys(c, "lxc.cap", buf, sizeof(buf)) > 0 && strstr(buf, "drop\n"));
	CHECK(c->get_keys(c, NULL, NULL, 0) > 500);
	CHECK(asprintf(&other, "%s/copy.conf", lxcpath) > 0 && c->save_config(c, other) && access(other, F_OK) == 0);
	c->clear_config(c);
	CHECK(!c->lxc_conf && c->get_config_item(c, "lxc.uts.name", buf, sizeof(buf)) < 0);
	CHECK(c->load_config(c, other) && c->get_config_item(c, "lxc.uts.name", buf, sizeof(buf)) == 9);
	CHECK(!c->is_defined(c) && !c->get_running_config_item(c, "lxc.uts.name"));
	unlink(other);
	free(other);
}

/* --- a life ------------------------------------------------------------------------------------------------------------------ */

static int answer(void *arg)
{
	char host[64] = "";

	gethostname(host, sizeof(host));
	return getpid() > 1 && strcmp(host, "hostname1") == 0 && getenv("EXTRA") ? *(int *)arg : 1;
}

static int exit_of(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void entering(void)
{
	lxc_attach_options_t o = LXC_ATTACH_OPTIONS_DEFAULT;
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)"echo $EXTRA; id -u; exit 9", NULL };
	char *extra[] = { (char *)"EXTRA=there", NULL };
	lxc_attach_command_t cmd = { argv[0], argv };
	int pipefd[2], want = 42;
	char buf[64] = "";
	pid_t pid = -1;

	o.extra_env_vars = extra;
	CHECK(c->attach(c, answer, &want, &o, &pid) == 0 && exit_of(pid) == 42);
	CHECK(pipe2(pipefd, O_CLOEXEC) == 0);
	o.stdout_fd = pipefd[1];
	o.uid = 1000;
	o.gid = 1000;
	CHECK(c->attach(c, lxc_attach_run_command, &cmd, &o, &pid) == 0 && exit_of(pid) == 9);
	close(pipefd[1]);
	CHECK(read(pipefd[0], buf, sizeof(buf) - 1) > 0 && is(buf, "there\n1000\n"));
	close(pipefd[0]);
	CHECK(WEXITSTATUS(c->attach_run_waitl(c, NULL, "true", "true", NULL)) == 0);
	CHECK(WEXITSTATUS(c->attach_run_wait(c, NULL, "nosuch", (const char *const[]){ "nosuch", NULL })) == 127);
	o = (lxc_attach_options_t)LXC_ATTACH_OPTIONS_DEFAULT;
	o.stdin_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	CHECK(c->attach(c, lxc_attach_run_shell, NULL, &o, &pid) == 0 && exit_of(pid) == 0);
	close(o.stdin_fd);
	/* The caller is where he was, in one name space only. */
	o = (lxc_attach_options_t)LXC_ATTACH_OPTIONS_DEFAULT;
	o.namespaces = CLONE_NEWUTS;
	CHECK(c->attach_run_waitl(c, &o, "test", "test", "-e", "/proc/self/exe", NULL) == 0 &&
	      access("/proc", F_OK) == 0);
}

static void terminals(void)
{
	struct lxc_console_log log = { .read = true };
	int tty = -1, master = -1, fd, in[2], out;
	uint64_t max = 0;

	fd = c->console_getfd(c, &tty, &master);
	CHECK(fd >= 0 && tty == 1 && isatty(master));
	close(master);
	tty = 1;
	CHECK(c->console_getfd(c, &tty, &master) == -1);
	close(fd);
	CHECK(pipe2(in, O_CLOEXEC) == 0 && (out = open("/dev/null", O_WRONLY | O_CLOEXEC)) >= 0);
	CHECK(write(in[1], "\1q", 2) == 2 && c->console(c, 0, in[0], out, out, 1) == 0);
	close(in[0]);
	close(in[1]);
	close(out);
	CHECK(c->attach_run_waitl(c, NULL, "sh", "sh", "-c", "echo hello from inside >/dev/console", NULL) == 0);
	for (int i = 0; i < 50 && (log.read_max = &max, c->console_log(c, &log)) != 0; i++)
		usleep(100000);
	CHECK(log.data && memmem(log.data, max, "hello from inside", 17));
	free(log.data);
	log.read = false;
	log.clear = true;
	CHECK(c->console_log(c, &log) == 0);
	free(log.data);
	log.read = true;
	CHECK(c->console_log(c, &log) == -ENODATA && max == 0 && !log.data);
}

static void plugging(void)
{
	struct lxc_mount api = { .version = LXC_MOUNT_API_V1 };
	char dir[4096];

	CHECK(c->add_device_node(c, "/dev/full", "/dev/sub/full"));
	CHECK(c->attach_run_waitl(c, NULL, "test", "test", "-c", "/dev/sub/full", NULL) == 0);
	CHECK(c->remove_device_node(c, "/dev/full", "/dev/sub/full"));
	CHECK(c->attach_run_waitl(c, NULL, "test", "test", "-e", "/dev/sub/full", NULL) != 0);
	CHECK(!c->add_device_node(c, "/etc/passwd", NULL) && c->error_num == EINVAL);
	CHECK(c->attach_interface(c, "lxt0", "inside0"));
	CHECK(has(c->get_interfaces(c), "inside0"));
	CHECK(c->detach_interface(c, "inside0", "lxt0"));
	CHECK(!c->detach_interface(c, "inside0", NULL) && c->error_num == ENODEV);
	snprintf(dir, sizeof(dir), "%s/shared", lxcpath);
	CHECK(mkdir(dir, 0755) == 0 && c->mount(c, dir, "/mnt/here", NULL, MS_BIND | MS_RDONLY, NULL, &api) == 0);
	CHECK(c->attach_run_waitl(c, NULL, "touch", "touch", "/mnt/here/x", NULL) != 0);
	CHECK(c->umount(c, "/mnt/here", 0, &api) == 0 && c->umount(c, "/mnt/here", 0, &api) < 0);
	CHECK(c->mount(c, NULL, "/mnt/tmp", "tmpfs", 0, "size=64k", &api) == 0);
	CHECK(c->attach_run_waitl(c, NULL, "touch", "touch", "/mnt/tmp/x", NULL) == 0 &&
	      access("/mnt/tmp/x", F_OK) != 0);
	CHECK(rmdir(dir) == 0);
}

static void life(void)
{
	struct lxc_container **objects = NULL;
	char buf[256], **names = NULL, *text;
	int fd;

	CHECK(c->want_daemonize(c, true) && c->want_close_all_fds(c, true));
	CHECK(c->create(c, "busybox", NULL, NULL, LXC_CREATE_QUIET, NULL) && c->is_defined(c));
	/* The template has named it. */
	CHECK(c->set_config_item(c, "lxc.uts.name", "hostname1") && c->save_config(c, NULL));
	CHECK(!c->createl(c, "busybox", NULL, NULL, LXC_CREATE_QUIET, NULL) && c->is_defined(c));
	CHECK(list_defined_containers(lxcpath, &names, NULL) == 1 && has(names, "calls"));
	CHECK(list_active_containers(lxcpath, NULL, NULL) == 0);
	CHECK(c->start(c, 0, NULL) && is(c->state(c), "RUNNING") && c->is_running(c));
	CHECK(c->wait(c, "RUNNING|FROZEN", 5) && !c->wait(c, "FROZEN", 0) && !c->wait(c, "NONSENSE", 1));
	CHECK(!c->startl(c, 0, NULL) && !c->destroy(c) && c->is_defined(c));
	CHECK(list_active_containers(lxcpath, &names, &objects) == 1 && is(objects[0]->name, "calls"));
	CHECK(has(names, "calls") && lxc_container_put(objects[0]) == 1);
	free(objects);
	CHECK(c->init_pid(c) > 1 && kill(c->init_pid(c), 0) == 0 && c->may_control(c));
	text = c->get_running_config_item(c, "lxc.uts.name");
	CHECK(is(text, "hostname1"));
	free(text);
	CHECK((fd = c->init_pidfd(c)) >= 0 && close(fd) == 0);
	CHECK((fd = c->devpts_fd(c)) >= 0 && faccessat(fd, "ptmx", F_OK, 0) == 0 && close(fd) == 0);
	CHECK(has(c->get_interfaces(c), "lo"));
	CHECK(has(c->get_ips(c, "lo", "inet", 0), "127.0.0.1") && c->get_ips(c, NULL, NULL, 0) == NULL);
	CHECK(c->get_cgroup_item(c, "devices.list", buf, sizeof(buf)) > 0 ||
	      c->get_cgroup_item(c, "memory.max", buf, sizeof(buf)) > 0);
	CHECK(!c->set_cgroup_item(c, "nonsense.key", "1"));
	CHECK(c->set_cgroup_item(c, "devices.allow", "c 1:11 r"));
	CHECK(c->freeze(c) && is(c->state(c), "FROZEN") && c->unfreeze(c) && is(c->state(c), "RUNNING"));
	CHECK(c->seccomp_notify_fd(c) == -EBADF && c->seccomp_notify_fd_active(c) == -EBADF);
	CHECK(lxc_has_api_extension("seccomp_notify_fd_active"));
	entering();
	terminals();
	plugging();
}

static void *in_thread(void *arg)
{
	char name[32];
	struct lxc_container *t;
	bool ok;

	snprintf(name, sizeof(name), "thread%d", *(int *)arg);
	t = lxc_container_new(name, lxcpath);
	ok = t && t->set_config_item(t, "lxc.net.0.type", "empty") &&
	     t->createl(t, "busybox", NULL, NULL, LXC_CREATE_QUIET, NULL) && t->startl(t, 0, NULL) &&
	     t->wait(t, "RUNNING", 10) && t->attach_run_waitl(t, NULL, "true", "true", NULL) == 0 && t->stop(t) &&
	     t->destroy(t);
	if (!ok)
		printf("# %s: %s\n", name, t ? t->error_string : "none");
	lxc_container_put(t);
	return ok ? arg : NULL;
}

static void threads(void)
{
	int numbers[4], good = 0;
	pthread_t ids[4];

	for (int i = 0; i < 4; i++) {
		numbers[i] = i;
		pthread_create(&ids[i], NULL, in_thread, &numbers[i]);
	}
	for (int i = 0; i < 4; i++) {
		void *ret = NULL;

		pthread_join(ids[i], &ret);
		good += ret == &numbers[i];
	}
	CHECK(good == 4);
}

/* An init that has just begun does not hear it yet: it is said again. */
static bool reboot_from(struct lxc_container *o, pid_t pid)
{
	for (int i = 0; i < 300 && (o->init_pid(o) == pid || o->init_pid(o) < 0); i++) {
		if (i % 30 == 0)
			(void)o->reboot(o);
		usleep(100000);
	}
	return o->init_pid(o) > 1 && o->init_pid(o) != pid;
}

static void ending(void)
{
	pid_t pid = c->init_pid(c);

	CHECK(c->reboot2(c, 30) && c->init_pid(c) > 1 && c->init_pid(c) != pid);
	pid = c->init_pid(c);
	CHECK(reboot_from(c, pid));
	CHECK(c->init_pid(c) > 1 && c->init_pid(c) != pid && c->wait(c, "RUNNING", 10));
	/* The first signal may come before the new init has a handler for it. */
	CHECK((c->shutdown(c, 3) || c->shutdown(c, 30)) && is(c->state(c), "STOPPED"));
	CHECK(c->startl(c, 1, "sh", "-c", "sleep 100", NULL) && c->is_running(c) && c->stop(c));
	CHECK(c->wait(c, "STOPPED", 10));
	CHECK(c->want_daemonize(c, false) && c->startl(c, 1, "sh", "-c", "exit 5", NULL));
	CHECK(WIFEXITED(c->error_num) && WEXITSTATUS(c->error_num) == 5 && c->want_daemonize(c, true));
}

/* One that has no file starts again as it was started. */
static void unsaved(void)
{
	struct lxc_container *u = lxc_container_new("unsaved", lxcpath);
	char root[4096];
	pid_t pid;

	snprintf(root, sizeof(root), "dir:%s/calls/rootfs", lxcpath);
	CHECK(u && u->set_config_item(u, "lxc.rootfs.path", root) && u->set_config_item(u, "lxc.net.0.type", "empty") &&
	      u->set_config_item(u, "lxc.uts.name", "nowhere") &&
	      u->set_config_item(u, "lxc.signal.reboot", "SIGTERM"));
	CHECK(u->start(u, 0, NULL) && !u->is_defined(u) && (pid = u->init_pid(u)) > 1);
	CHECK(reboot_from(u, pid) && u->wait(u, "RUNNING", 10));
	CHECK(u->attach_run_waitl(u, NULL, "sh", "sh", "-c", "test $(hostname) = nowhere", NULL) == 0);
	CHECK(u->stop(u) && lxc_container_put(u) == 1);
}

/* Init waits in mkdir() until somebody has taken the listener and answered: here that nobody has a domain. */
static void notifying(void)
{
	char path[4096], notif[512] = "", resp[512] = "", *status;
	struct seccomp_notif *n = (void *)notif;
	struct seccomp_notif_resp *a = (void *)resp;
	struct pollfd p = { .events = POLLIN };
	FILE *f;

	snprintf(path, sizeof(path), "%s/notify", lxcpath);
	f = fopen(path, "we");
	CHECK(f && fputs("2\ndenylist\nmkdir notify\nmkdirat notify\n", f) >= 0 && fclose(f) == 0);
	CHECK(c->set_config_item(c, "lxc.seccomp.profile", path) && c->seccomp_notify_fd_active(c) == -ECONNREFUSED);
	CHECK(c->startl(c, 0, "sh", "-c", "mkdir /tmp/noted; echo $? >/tmp/noted.status; exec sleep 100", NULL));
	p.fd = c->seccomp_notify_fd_active(c);
	CHECK(p.fd >= 0 && poll(&p, 1, 10000) == 1 && p.revents & POLLIN);
	CHECK(ioctl(p.fd, SECCOMP_IOCTL_NOTIF_RECV, n) == 0 && n->pid > 0);
	a->id = n->id;
	a->error = -EDOM;
	CHECK(ioctl(p.fd, SECCOMP_IOCTL_NOTIF_SEND, a) == 0);
	snprintf(path, sizeof(path), "%s/calls/rootfs/tmp/noted.status", lxcpath);
	for (int i = 0; i < 100 && access(path, F_OK) < 0; i++)
		usleep(50000);
	f = fopen(path, "re");
	status = f ? fgets(resp, sizeof(resp), f) : NULL;
	CHECK(status && is(status, "1\n"));
	if (f)
		fclose(f);
	close(p.fd);
	CHECK(c->stop(c) && c->seccomp_notify_fd_active(c) == -ECONNREFUSED);
	CHECK(c->clear_config_item(c, "lxc.seccomp.profile"));
	snprintf(path, sizeof(path), "%s/notify", lxcpath);
	unlink(path);
}

/* --- copies ------------------------------------------------------------------------------------------------------------------- */

static void copies(void)
{
	struct lxc_snapshot *l = NULL;
	struct lxc_container *d;
	struct migrate_opts m = { 0 };
	char comment[4096];
	FILE *f;
	int n;

	snprintf(comment, sizeof(comment), "%s/comment", lxcpath);
	f = fopen(comment, "we");
	CHECK(f && fputs("why", f) >= 0 && fclose(f) == 0);
	CHECK(c->snapshot(c, comment) == 0 && c->snapshot(c, NULL) == 1);
	n = c->snapshot_list(c, &l);
	CHECK(n == 2 && is(l[0].name, "snap0") && strlen(l[0].timestamp) == 19 &&
	      access(l[0].comment_pathname, F_OK) == 0);
	for (int i = 0; i < n; i++)
		l[i].free(&l[i]);
	free(l);
	unlink(comment);
	CHECK(!c->destroy(c) && c->is_defined(c));
	CHECK(c->snapshot_restore(c, "snap1", "restored") && !c->snapshot_restore(c, "snap9", NULL));
	CHECK(c->snapshot_destroy(c, "snap1") && !c->snapshot_destroy(c, "snap1"));
	d = lxc_container_new("restored", lxcpath);
	CHECK(d && d->is_defined(d) && d->rename(d, "renamed") && !d->is_defined(d));
	lxc_container_put(d);
	d = lxc_container_new("renamed", lxcpath);
	CHECK(d && d->is_defined(d) && d->destroy(d));
	lxc_container_put(d);
	CHECK(c->snapshot_destroy_all(c));
	d = c->clone(c, "cloned", NULL, LXC_CLONE_SNAPSHOT | LXC_CLONE_MAYBE_SNAPSHOT, NULL, NULL, 0, NULL);
	CHECK(d && d->is_defined(d) && d->startl(d, 0, NULL) && d->stop(d) && d->destroy_with_snapshots(d));
	lxc_container_put(d);
	CHECK(!c->clone(c, "bad/name", NULL, 0, NULL, NULL, 0, NULL));
	CHECK(!c->checkpoint(c, (char *)"/tmp", false, false) && c->error_num == EOPNOTSUPP);
	CHECK(!c->restore(c, (char *)"/tmp", false) && strstr(c->error_string, "restore"));
	CHECK(c->migrate(c, MIGRATE_DUMP, &m, sizeof(m)) < 0 && c->migrate(c, 99, &m, sizeof(m)) == -EINVAL);
}

#if LXC_VERSION_MAJOR >= 6
static void time_out(void)
{
	CHECK(c->set_timeout(c, 5) && c->set_timeout(c, -1) && !c->set_timeout(c, 0));
}
#else
static void time_out(void)
{
	/* LXC 5 has none. */
}
#endif

int main(int argc, char **argv)
{
	int fds;

	if (argc != 2)
		return 2;
	lxcpath = argv[1];
	library();
	fds = open_fds();
	c = lxc_container_new("calls", lxcpath);
	CHECK(c != NULL);
	if (!c)
		return 1;
	configuration();
	time_out();
	life();
	ending();
	unsaved();
	notifying();
	threads();
	copies();
	CHECK(c->destroy(c) && !c->is_defined(c));
	CHECK(lxc_container_put(c) == 1);
	c = NULL;
	CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	CHECK(open_fds() == fds);
	printf("1..%d\n", n_tests);
	return n_failed != 0;
}
