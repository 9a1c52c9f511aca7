/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Plans as text, the handshake's messages, the hooks' words. Nothing of the host is changed. */

#include "runtime/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "dialect/lxc/lxc.h"
#include "runtime/hook.h"
#include "runtime/run.h"
#include "spec/field.h"
#include "unit/test.h"

static const struct plan_opts plain = {
	.id = "c1",
	.lxcpath = "/var/lib/lxc",
	.run_dir = "/run/creel",
	.config = "/var/lib/lxc/c1/config",
	.uid = -1,
	.gid = -1,
};

/* The plan of CONF as text, or the error's message. free() */
static char *plan_of(const char *conf, const struct plan_opts *o)
{
	_cleanup_(lxc_config_freep) struct lxc_config *c = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct plan p = { 0 };
	struct err e = { 0 };

	if (lxc_config_parse(conf, strlen(conf), "conf", &c, &e) < 0)
		return strdup(e.msg);
	if (plan_compile(lxc_config_spec(c), o, &p, &e) < 0) {
		CHECK(e.code < 0 && *e.msg && !p.ops);
		return strdup(e.msg);
	}
	plan_print(&p, &out);
	plan_done(&p);
	return buf_take(&out);
}

/* The same of a spec's own text, as an OCI runtime compiles it; GIVEN: what the caller holds, may be NULL. */
static char *oci_plan_of(const char *text, const struct plan_given *given)
{
	struct plan_opts o = plain;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_spec_ struct spec s;
	struct plan p = { 0 };
	struct err e = { 0 };

	o.oci = true;
	o.lxcpath = o.config = NULL;
	o.given = given;
	o.n_given = given != NULL;
	spec_init(&s);
	if (spec_load(&s, text, &e) < 0 || plan_compile(&s, &o, &p, &e) < 0)
		return strdup(e.msg);
	plan_print(&p, &out);
	plan_done(&p);
	return buf_take(&out);
}

/* PART is in TEXT with any run of blanks matching any other. */
static bool has(const char *text, const char *part)
{
	for (; *text; text++) {
		const char *a = text, *b = part;

		while (*b && (*a == *b)) {
			if (*a == ' ') {
				a += strspn(a, " ");
				b += strspn(b, " ");
			} else {
				a++;
				b++;
			}
		}
		if (!*b)
			return true;
	}
	return false;
}

#define ROOT "lxc.rootfs.path = dir:/srv/c1/rootfs\n"

/* Each: a configuration; what its plan must have, in this order; what it must not have. */
static const struct {
	const char *conf, *with[10], *without[6];
} plans[] = {
	{ ROOT,
	  { "host rootfs.open dir:/srv/c1/rootfs", "host clone first process, new: mnt pid uts ipc net", "child wait",
	    "child ns.cgroup", "child mount.slave", "child root.attach dir:/srv/c1/rootfs on /run/creel/rootfs",
	    "child pivot", "child ready", "child exec bounding set", "/sbin/init" },
	  { "cgroup.create", "idmap", "hook", "pidfile", "rlimit" } },
	{ ROOT "lxc.uts.name = box\nlxc.init.cmd = /bin/my 'init it' x\n",
	  { "child hostname box", "child exec", "/bin/my init it x" },
	  { "/sbin/init" } },
	{ ROOT "lxc.namespace.keep = net ipc\n",
	  { "host clone first process, new: mnt pid uts" },
	  { "uts ipc", "net.configure" } },
	{ ROOT "lxc.namespace.clone = mnt pid\n", { "new: mnt pid" }, { "new: mnt pid uts", "ns.cgroup", "hostname" } },
	{ ROOT "lxc.namespace.share.net = 1\n", { "host ns.open net of 1", "child ns.join net" }, { "net.configure" } },
	{ ROOT "lxc.net.0.type = none\n", { "new: mnt pid uts ipc" }, { "ipc net", "net.attach" } },
	{ ROOT "lxc.net.0.type = empty\n", { "net.configure lo" }, { "net.attach" } },
	{ ROOT "lxc.idmap = u 0 100000 65536\nlxc.idmap = g 0 100000 65536\n",
	  { "clone first process, new: user mnt", "parent idmap u 0 100000 65536, g 0 100000 65536",
	    "child root.attach", "child ids.root", "child pivot" },
	  { NULL } },
	{ ROOT "lxc.prlimit.nofile = 1024:2048\nlxc.sysctl.net.ipv4.ip_forward = 1\n",
	  { "child proc.open", "child sysctl sys/net/ipv4/ip_forward = 1", "child rlimit nofile 1024:2048",
	    "child pivot" },
	  { NULL } },
	{ ROOT "lxc.mount.auto = proc:rw sys:ro\n", { "mount proc", "mount sysfs", "on /sys ro" }, { "/proc/sys ro" } },
	{ ROOT "lxc.mount.entry = /srv/data data none bind,ro,create=dir 0 0\n",
	  { "child mount bind /srv/data on /data ro", "child pivot" },
	  { NULL } },
	{ ROOT
	  "lxc.hook.pre-start = /h/pre\nlxc.hook.start-host = /h/sh\nlxc.hook.mount = /h/m\nlxc.hook.start = /h/s\n",
	  { "host guard stop hooks [undo: hooks c1]", "host hook pre-start: /h/pre", "child hook mount: /h/m",
	    "child pivot", "child hook start: /h/s", "ready hook start-host: /h/sh" },
	  { NULL } },
	{ ROOT "lxc.hook.post-stop = /h/p\n", { "host guard stop hooks [undo: hooks c1]" }, { "/h/p" } },
	{ ROOT "lxc.tty.max = 3\nlxc.pty.max = 7\n",
	  { "dev.pts /dev/pts", "newinstance", "max=7", "dev.console", "tty1", "tty3" },
	  { NULL } },
	{ ROOT "lxc.console.path = none\n", { "dev.pts" }, { "dev.console" } },
	{ ROOT "lxc.autodev = 0\n", { "dev.open" }, { "dev.node", "tmpfs on /dev " } },
	{ ROOT "lxc.cap.drop = sys_admin\nlxc.no_new_privs = 1\nlxc.init.uid = 5\nlxc.init.gid = 6\n",
	  { "exec as 5:6 bounding set", "no new privileges" },
	  { NULL } },
	{ "lxc.uts.name = shared\n", { "child root.host", "child exec" }, { "pivot", "root.attach", "dev.pts" } },
	/* What cannot be is an error that names it, and there is no plan. */
	{ ROOT "lxc.sysctl.net.ipv4/../../kernel.x = 1\n", { "expected a name" }, { "exec" } },
	{ ROOT "lxc.mount.fstab = /nonexistent/fstab\n", { "fstab", "No such file" }, { "exec" } },
	{ ROOT "lxc.tty.max = 64\n", { "at most 63 terminals" }, { "exec" } },
	{ ROOT "lxc.seccomp.profile = /nonexistent/policy\n", { "/nonexistent/policy" }, { "exec" } },
};

static void check_order(const char *conf, const char *text, const char *const *with, size_t n)
{
	const char *from = text;

	for (size_t i = 0; i < n && with[i]; i++) {
		const char *at = from;

		/* On the line where the last was found, or below. */
		if (!has(at, with[i])) {
			printf("# of\n# %s# not there, or not in order: %s\n# in\n%s\n", conf, with[i], text);
			CHECK(!"the plan has it");
		}
		/* The first line that has it from FROM on. */
		for (at = from; strchr(at, '\n'); at = strchr(at, '\n') + 1) {
			_cleanup_free_ char *line = strndup(at, strcspn(at, "\n"));

			if (has(line, with[i]))
				break;
		}
		from = at;
	}
}

TEST(plans)
{
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		_cleanup_free_ char *text = plan_of(plans[i].conf, &plain), *again = plan_of(plans[i].conf, &plain);

		CHECK(text && again);
		CHECK_STR(text, again);
		check_order(plans[i].conf, text, plans[i].with, ARRAY_SIZE(plans[i].with));
		for (size_t k = 0; k < ARRAY_SIZE(plans[i].without) && plans[i].without[k]; k++)
			if (has(text, plans[i].without[k])) {
				printf("# of\n# %s# unwanted: %s\n", plans[i].conf, plans[i].without[k]);
				CHECK(!"the plan has it not");
			}
	}
}

TEST(plan_options)
{
	char *argv[] = { (char *)"echo", (char *)"a b", NULL };
	struct plan_opts o = plain;
	_cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;

	o.pidfile = "/tmp/x.pid";
	o.cgroup = "lxc.payload.c1";
	o.uid = 7;
	a = plan_of(ROOT "lxc.cgroup.memory.limit_in_bytes = 64M\n", &o);
	CHECK(has(a, "host cgroup.create lxc.payload.c1 [undo: cgroup lxc.payload.c1]"));
	CHECK(has(a, "cgroup.set memory.limit_in_bytes = 64M"));
	CHECK(has(a, "parent pidfile /tmp/x.pid [undo: file /tmp/x.pid]"));
	CHECK(has(a, "exec as 7:0"));
	/* A relative pid file becomes absolute: who removes it works elsewhere. */
	o.pidfile = "x.pid";
	b = plan_of(ROOT, &o);
	CHECK(has(b, "/x.pid [undo: file /") && !has(b, "pidfile x.pid"));
	o.argv = argv;
	o.execute = true;
	o.init_helper = "/opt/creel-init";
	c = plan_of(ROOT, &o);
	CHECK(has(c, "host init.open /opt/creel-init") && has(c, "creel-init --") && has(c, "echo a b"));
}

/* Every operation that changes the host for longer than its process lives carries its undo. */
TEST(changes_of_the_host_are_journalled)
{
	struct plan_opts o = plain;
	_cleanup_free_ char *text = NULL;
	char *save = NULL;

	o.cgroup = "lxc.payload.c1";
	o.pidfile = "/tmp/x.pid";
	text = plan_of(ROOT "lxc.hook.stop = /h\n", &o);
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save))
		if (has(l, " cgroup.create ") || has(l, " pidfile ") || has(l, " net.attach ") || has(l, " guard "))
			CHECK(strstr(l, "[undo: "));
}

/* --- compiling changes nothing: whoever tries is killed ------------------------------------------------------------ */

static void forbid_changes(void)
{
	static const int forbidden[] = {
		SYS_mkdirat,	 SYS_mknodat,	SYS_unlinkat,	   SYS_symlinkat,  SYS_linkat,	SYS_renameat2,
		SYS_fchmodat,	 SYS_fchownat,	SYS_ftruncate,	   SYS_mount,	   SYS_umount2, SYS_move_mount,
		SYS_fsopen,	 SYS_open_tree, SYS_mount_setattr, SYS_pivot_root, SYS_setns,	SYS_unshare,
		SYS_sethostname, SYS_kill,	SYS_clone3,	   SYS_execve,	   SYS_bind,	SYS_pidfd_send_signal,
		SYS_bpf,	 SYS_keyctl,	SYS_setxattr,	   SYS_truncate,
	};
	struct sock_filter f[2 * ARRAY_SIZE(forbidden) + 8];
	struct sock_fprog prog = { .filter = f };
	unsigned short n = 0;

	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < ARRAY_SIZE(forbidden); i++) {
		f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)forbidden[i], 0, 1);
		f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	}
	/* Opening to write, or to make. */
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 3);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2]));
	f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, O_WRONLY | O_RDWR | O_CREAT, 0, 1);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = n;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		_exit(3);
}

/* In a process under the filter; its wait status. */
static int filtered(bool misbehave)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		struct plan_opts o = plain;

		o.cgroup = "lxc.payload.c1";
		o.pidfile = "/tmp/x.pid";
		forbid_changes();
		for (size_t i = 0; i < ARRAY_SIZE(plans); i++)
			free(plan_of(plans[i].conf, &o));
		free(plan_of(ROOT "lxc.net.0.type = veth\nlxc.net.0.link = lo\n", &o));
		if (misbehave)
			close(open("/tmp/creel-no-such-file", O_WRONLY));
		_exit(0);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	return status;
}

TEST(compiling_changes_nothing)
{
	int status = filtered(true);

	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS); /* the filter works */
	CHECK(filtered(false) == 0);
}

/* --- the handshake --------------------------------------------------------------------------------------------------- */

static int pair[2] = { -EBADF, -EBADF };

static void new_pair(void)
{
	fds_close_many(pair, 2);
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
}

TEST(steps)
{
	struct err sent = { 0 }, got = { 0 };
	int fds[4], null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t n = 4;

	new_pair();
	CHECK(run_send_step(pair[0], STEP_READY, NULL, 0, NULL) == 0);
	CHECK(run_recv_step(pair[1], NULL, NULL, &got) == STEP_READY && !got.code);
	CHECK(run_send_step(pair[0], STEP_PTYS, &null, 1, NULL) == 0);
	CHECK(run_recv_step(pair[1], fds, &n, &got) == STEP_PTYS && n == 1);
	fd_close(fds[0]);
	/* No room for what comes along: it is closed, not kept. */
	CHECK(run_send_step(pair[0], STEP_PTYS, &null, 1, NULL) == 0);
	CHECK(run_recv_step(pair[1], NULL, NULL, &got) == STEP_PTYS);
	err_set(&sent, -ENOTDIR, "enter %s", "/x");
	err_hint(&sent, -ENOTDIR, "a hint");
	CHECK(run_send_step(pair[0], STEP_ERROR, NULL, 0, &sent) == 0);
	CHECK(run_recv_step(pair[1], NULL, NULL, &got) == -ENOTDIR);
	CHECK(got.code == -ENOTDIR);
	CHECK_STR(got.msg, sent.msg);
	CHECK_STR(got.hint, "a hint");
	fd_close(null);
}

TEST(steps_at_the_end)
{
	struct err e = { 0 };

	new_pair();
	pair[0] = fd_close(pair[0]);
	CHECK(run_recv_step(pair[1], NULL, NULL, &e) == -EPIPE && !e.code);
	CHECK(run_send_step(pair[1], STEP_READY, NULL, 0, NULL) == -EPIPE);
}

/* What the other side says is bounded, ended and an error before it is believed. */
TEST(steps_that_lie)
{
	char huge[sizeof(struct step_msg) + 64];
	struct step_msg m = { .step = STEP_ERROR };
	struct err e = { 0 };

	new_pair();
	CHECK(send(pair[0], "abc", 3, 0) == 3);
	CHECK(run_recv_step(pair[1], NULL, NULL, &e) == -EPROTO && e.code == -EPROTO);
	memset(huge, 'x', sizeof(huge));
	CHECK(send(pair[0], huge, sizeof(huge), 0) > 0);
	err_clear(&e);
	CHECK(run_recv_step(pair[1], NULL, NULL, &e) == -EMSGSIZE && e.code == -EMSGSIZE);
	memset(m.err.msg, 'm', sizeof(m.err.msg));
	memset(m.err.hint, 'h', sizeof(m.err.hint));
	m.err.code = 5;
	m.err.kind = (enum err_kind)77;
	CHECK(send(pair[0], &m, sizeof(m), 0) > 0);
	CHECK(run_recv_step(pair[1], NULL, NULL, &e) == -EIO && e.code == -EIO && e.kind == ERR_SYSTEM);
	CHECK(strlen(e.msg) == sizeof(e.msg) - 1 && strlen(e.hint) == sizeof(e.hint) - 1);
	m.err.code = INT32_MIN;
	CHECK(send(pair[0], &m, sizeof(m), 0) > 0);
	CHECK(run_recv_step(pair[1], NULL, NULL, &e) == -EIO);
	/* An error without its body is one all the same. */
	CHECK(send(pair[0], &m, offsetof(struct step_msg, err), 0) > 0);
	CHECK(run_recv_step(pair[1], NULL, NULL, &e) == -EIO);
}

/* --- hooks -------------------------------------------------------------------------------------------------------------- */

static const char *value(const struct strv *env, const char *key)
{
	return strv_env_get(env, key);
}

TEST(hook_words)
{
	static const char *const ns[] = { "mnt:/proc/9/fd/3", "net:/proc/9/fd/4", NULL };
	static const char conf[] = ROOT "lxc.hook.version = 1\nlxc.console.logfile = /log\n"
					"lxc.environment.hooks = EXTRA=yes\n";
	_cleanup_(lxc_config_freep) struct lxc_config *c0 = NULL, *c1 = NULL;
	_cleanup_buf_ struct buf a = BUF_INIT, b = BUF_INIT, d = BUF_INIT;
	_cleanup_strv_ struct strv env0 = STRV_INIT, env1 = STRV_INIT;
	struct hook_ctx h = { .name = "c1", .config = "/c", .rootfs_mount = "/m", .target = "stop", .ns_paths = ns };
	unsigned names = 0;

	CHECK(lxc_config_parse(ROOT, strlen(ROOT), "a", &c0, NULL) == 0);
	CHECK(lxc_config_parse(conf, strlen(conf), "b", &c1, NULL) == 0);
	/* Of an outer container's hook, say: they must not shine through. */
	setenv("LXC_NAME", "outer", 1);
	setenv("LXC_PID", "1", 1);
	h.spec = lxc_config_spec(c0);
	CHECK(hook_command(&h, HOOK_STOP, "/h/stop x", &a, NULL) == 0);
	CHECK_STR(buf_str(&a), "/h/stop x c1 lxc stop mnt:/proc/9/fd/3 net:/proc/9/fd/4");
	CHECK(hook_env(&h, HOOK_STOP, &env0, NULL) == 0);
	CHECK_STR(value(&env0, "LXC_NAME"), "c1");
	CHECK_STR(value(&env0, "LXC_HOOK_VERSION"), "0");
	CHECK_STR(value(&env0, "LXC_TARGET"), "stop");
	CHECK_STR(value(&env0, "LXC_ROOTFS_MOUNT"), "/m");
	CHECK_STR(value(&env0, "LXC_LOG_LEVEL"), "ERROR");
	CHECK_STR(value(&env0, "LXC_NET_NS"), "/proc/9/fd/4");
	CHECK(!value(&env0, "LXC_HOOK_TYPE") && !value(&env0, "LXC_PID"));
	for (size_t i = 0; i < env0.n; i++)
		names += startswith(env0.v[i], "LXC_NAME=") != NULL;
	CHECK(names == 1);
	/* Version 1: nothing on the command line, all in the environment. */
	h.spec = lxc_config_spec(c1);
	h.pid = 42;
	CHECK(hook_command(&h, HOOK_STOP, "/h/stop x", &b, NULL) == 0);
	CHECK_STR(buf_str(&b), "/h/stop x");
	CHECK(hook_env(&h, HOOK_STOP, &env1, NULL) == 0);
	CHECK_STR(value(&env1, "LXC_HOOK_TYPE"), "stop");
	CHECK_STR(value(&env1, "LXC_HOOK_SECTION"), "lxc");
	CHECK_STR(value(&env1, "LXC_HOOK_VERSION"), "1");
	CHECK_STR(value(&env1, "LXC_MNT_NS"), "/proc/9/fd/3");
	CHECK_STR(value(&env1, "LXC_NET_NS"), "/proc/9/fd/4");
	CHECK_STR(value(&env1, "LXC_CONSOLE_LOGPATH"), "/log");
	CHECK_STR(value(&env1, "LXC_PID"), "42");
	CHECK_STR(value(&env1, "EXTRA"), "yes");
	h.target = NULL;
	h.ns_paths = NULL;
	h.spec = lxc_config_spec(c0);
	CHECK(hook_command(&h, HOOK_PRE_START, "/h", &d, NULL) == 0);
	CHECK_STR(buf_str(&d), "/h c1 lxc pre-start");
}

TEST(hooks_that_fail)
{
	static const char conf[] = "lxc.hook.pre-start = exit 0;:\nlxc.hook.pre-start = echo why; exit 3;:\n"
				   "lxc.hook.pre-start = /nonexistent/hook\n";
	_cleanup_(lxc_config_freep) struct lxc_config *c = NULL;
	struct hook_ctx h = { .name = "c1" };
	struct err e = { 0 };

	CHECK(lxc_config_parse(conf, strlen(conf), "a", &c, NULL) == 0);
	h.spec = lxc_config_spec(c);
	CHECK(hooks_run(&h, HOOK_PRE_START, false, NULL, &e) == -ECANCELED && e.kind == ERR_STATE);
	CHECK(strstr(e.msg, "status 3") && strstr(e.msg, "why") && strstr(e.msg, "pre-start"));
	/* With GO_ON the first failure is told, not the last. */
	err_clear(&e);
	CHECK(hooks_run(&h, HOOK_PRE_START, true, NULL, &e) == -ECANCELED);
	CHECK(strstr(e.msg, "status 3"));
}

/* Who has the root mounted already says so: it is not mounted a second time. */
TEST(root_that_is_held)
{
	static const char spec[] = "rootfs.path=dir:/r\nprocess.args=sh\n";
	_cleanup_free_ char *own = oci_plan_of(spec, NULL), *held = oci_plan_of(spec, &(struct plan_given){ "/", 7 }),
			    *other = oci_plan_of(spec, &(struct plan_given){ "/data", 7 });

	CHECK(has(own, "host rootfs.open dir:/r") && !has(own, "mount.take"));
	CHECK(has(held, "host mount.take for /, which is held") && !has(held, "rootfs.open"));
	CHECK_STR(other, own);
}

/* What is a new file system gets the label, but for those whose labels are the kernel's. */
TEST(mounts_are_labelled)
{
	static const char label[] = "context=\"system_u:object_r:container_file_t:s0:c1,c2\"";
	static const char spec[] = "rootfs.path=dir:/r\nprocess.args=sh\nmounts_create=1\n"
				   "security.mount_label=system_u:object_r:container_file_t:s0:c1,c2\n"
				   "security.masked_paths=/proc/acpi\n";
	static const char *const mounts[][3] = {
		{ "proc", "/proc", "nosuid" },
		{ "tmpfs", "/dev", "nosuid,mode=755" },
		{ "devpts", "/dev/pts", "newinstance,gid=5" },
		{ "mqueue", "/dev/mqueue", "nosuid" },
		{ "sysfs", "/sys", "ro" },
		{ "bind", "/data", "bind,ro" },
		{ "tmpfs", "/own", "rootcontext=x" },
	};
	_cleanup_buf_ struct buf all = BUF_INIT;
	_cleanup_free_ char *text = NULL;
	char want[160];

	buf_puts(&all, spec);
	for (unsigned i = 0; i < ARRAY_SIZE(mounts); i++)
		buf_printf(&all,
			   "mounts.%u.fstype=%s\nmounts.%u.source=none\nmounts.%u.target=%s\nmounts.%u.options=%s\n", i,
			   mounts[i][0], i, i, mounts[i][1], i, mounts[i][2]);
	text = oci_plan_of(buf_str(&all), NULL);
	snprintf(want, sizeof(want), "(mode=755,%s)", label);
	CHECK(has(text, want));
	snprintf(want, sizeof(want), "(newinstance,gid=5,%s)", label);
	CHECK(has(text, want));
	snprintf(want, sizeof(want), "/proc/acpi (%s)", label);
	CHECK(has(text, want));
	CHECK(has(text, "label=system_u:object_r:container_file_t:s0:c1,c2"));
	CHECK(has(text, "(rootcontext=x)"));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		bool none = strstr(line, "on /proc ") || strstr(line, "on /sys") || strstr(line, "/data") ||
			    strstr(line, "/dev/mqueue");

		if (none && strstr(line, "context="))
			printf("# %s\n", line);
		CHECK(!none || !strstr(line, "context="));
	}
}
