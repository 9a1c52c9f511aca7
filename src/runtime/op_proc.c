/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Operations of the first process on itself, up to and including exec. Order is the plan's; policy comes last. */

#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/magic.h>

#include "base/fd.h"
#include "base/file.h"
#include "runtime/ops.h"
#include "runtime/run.h"
#include "spec/field.h"
#include "sys/inroot.h"
#include "sys/mount.h"
#include "sys/ns.h"
#include "sys/syscalls.h"

#define KEY_USR_SEARCH 0x00080000

#ifndef PR_SCHED_CORE
#define PR_SCHED_CORE	     62
#define PR_SCHED_CORE_CREATE 1
#endif

static void describe_ab(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s%s%s", op->args.a ?: "", op->args.b ? " = " : "", op->args.b ?: "");
}

/* --- name spaces of others: all but pid (that was the clone's business) ------------------------------------------- */

static void join_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s", ns_table[op->args.n].name);
}

static int join_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct ns_info *ns = &ns_table[op->args.n];

	if (setns(run->share_fds[op->args.n], (int)ns->flag) < 0)
		return err_set(e, -errno, "join the %s name space", ns->name);
	return 0;
}

const struct op_kind op_join = { "ns.join", join_describe, join_apply };

static void wait_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "until id maps, control group and devices are in place");
}

static int wait_apply(const struct op *op, struct run *run, struct err *e)
{
	int r = run_recv_step(run->child_sync, NULL, NULL, e);

	if (r == STEP_MAPPED) {
		/* Until exec nobody of lesser rights may look at us: we hold fds of the host. Not before the maps are written:
		 * the files of an undumpable process belong to root. */
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		return 0;
	}
	return r < 0 ? r : err_kind(e, ERR_STATE, -EPROTO, "unexpected step %d", r);
}

const struct op_kind op_wait_mapped = { "wait", wait_describe, wait_apply };

static void ids_root_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "become root of the user name space");
}

static int ids_root_apply(const struct op *op, struct run *run, struct err *e)
{
	/* setgroups may be denied (a single mapping): then there is nothing to drop that we could drop. */
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return err_set(e, -errno, "drop supplementary groups");
	if (setresgid(0, 0, 0) < 0)
		return err_set(e, -errno, "become group 0 of the user name space");
	if (setresuid(0, 0, 0) < 0)
		return err_set(e, -errno, "become user 0 of the user name space");
	/* The change of ids dropped the parent-death signal and dumpability. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

const struct op_kind op_ids_root = { "ids.root", ids_root_describe, ids_root_apply };

static void none_describe(const struct op *op, struct buf *out)
{
}

static int cgroupns_apply(const struct op *op, struct run *run, struct err *e)
{
	/* After the attach, so that the container's group is the root it sees. */
	if (unshare(CLONE_NEWCGROUP) < 0)
		return err_set(e, -errno, "new cgroup name space");
	return 0;
}

const struct op_kind op_cgroupns = { "ns.cgroup", none_describe, cgroupns_apply };

/* a: text of timens_offsets */
static int timens_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (unshare(CLONE_NEWTIME) < 0)
		return err_set(e, -errno, "new time name space");
	r = file_write_raw(AT_FDCWD, "/proc/self/timens_offsets", op->args.a, strlen(op->args.a));
	if (r < 0)
		return err_set(e, r, "write clock offsets");
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWTIME) < 0)
		return err_set(e, -errno, "enter the new time name space");
	return 0;
}

const struct op_kind op_timens = { "ns.time", describe_ab, timens_apply };

/* --- names ------------------------------------------------------------------------------------------------------------ */

static int hostname_apply(const struct op *op, struct run *run, struct err *e)
{
	return sethostname(op->args.a, strlen(op->args.a)) < 0 ? err_set(e, -errno, "set the host name") : 0;
}

const struct op_kind op_hostname = { "hostname", describe_ab, hostname_apply };

static int domainname_apply(const struct op *op, struct run *run, struct err *e)
{
	return setdomainname(op->args.a, strlen(op->args.a)) < 0 ? err_set(e, -errno, "set the domain name") : 0;
}

const struct op_kind op_domainname = { "domainname", describe_ab, domainname_apply };

static void netconf_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "lo");
	for (unsigned i = 0; i < op->nets.n; i++)
		buf_printf(out, " %s(%u addresses%s)", op->nets.devs[i].name, op->nets.devs[i].n_addrs,
			   op->nets.devs[i].up ? ", up" : "");
}

static int netconf_apply(const struct op *op, struct run *run, struct err *e)
{
	return net_configure(op->nets.devs, op->nets.n, true, e);
}

const struct op_kind op_net_configure = { "net.configure", netconf_describe, netconf_apply };

/* --- kernel settings ------------------------------------------------------------------------------------------------- */

/* A procfs of our own, mounted nowhere: what is written below it cannot be redirected by the container's mounts. */
static int proc_open_apply(const struct op *op, struct run *run, struct err *e)
{
	struct statfs sf;

	run->proc_fd = mount_new("proc", "proc", NULL, 0, false, e);
	if (run->proc_fd == -EPERM) {
		/* A user name space under a masked /proc may not make one: the host's own, still ours at this point. */
		err_clear(e);
		run->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (run->proc_fd < 0)
			return err_set(e, -errno, "open /proc");
	}
	if (run->proc_fd < 0)
		return err_wrap(e, run->proc_fd, "private procfs");
	if (fstatfs(run->proc_fd, &sf) < 0 || sf.f_type != PROC_SUPER_MAGIC)
		return err_kind(e, ERR_STATE, -EXDEV, "/proc is not a procfs");
	return 0;
}

const struct op_kind op_proc_open = { "proc.open", none_describe, proc_open_apply };

/* a: path below /proc/sys, b: value */
static int sysctl_apply(const struct op *op, struct run *run, struct err *e)
{
	_cleanup_close_ int fd = sys_openat2(run->proc_fd, op->args.a, O_WRONLY | O_CLOEXEC, 0,
					     RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
	int r;

	if (fd < 0)
		return err_set(e, fd, "open /proc/%s", op->args.a);
	r = fd_write_all(fd, op->args.b, strlen(op->args.b));
	return r < 0 ? err_set(e, r, "write '%s' to /proc/%s", op->args.b, op->args.a) : 0;
}

const struct op_kind op_sysctl = { "sysctl", describe_ab, sysctl_apply };

static void rlimit_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s %" PRIu64 ":%" PRIu64, op->rlimit.name, op->rlimit.soft, op->rlimit.hard);
}

static int rlimit_apply(const struct op *op, struct run *run, struct err *e)
{
	struct rlimit l = { .rlim_cur = op->rlimit.soft, .rlim_max = op->rlimit.hard };

	if (setrlimit((__rlimit_resource_t)op->rlimit.resource, &l) < 0)
		return err_set(e, -errno, "set limit %s", op->rlimit.name);
	return 0;
}

const struct op_kind op_rlimit = { "rlimit", rlimit_describe, rlimit_apply };

static int personality_apply(const struct op *op, struct run *run, struct err *e)
{
	return personality((unsigned long)op->args.n) < 0 ? err_set(e, -errno, "set personality %s", op->args.a) : 0;
}

const struct op_kind op_personality = { "personality", describe_ab, personality_apply };

/* SELinux: a label that is said for it; for OCI that of the process. */
static int keyring_label(const struct run *run, struct err *e)
{
	const char *label = run->spec->security.selinux_keyring;
	int r;

	if (run->lsm != LSM_SELINUX || run->proc_fd < 0)
		return 0;
	if (isempty(label) && run->opts && run->opts->oci)
		label = run->lsm_label;
	if (isempty(label))
		return 0;
	r = lsm_apply_keyring(run->proc_fd, label);
	return r < 0 ? err_set(e, r, "set SELinux label '%s' for the keyring", label) : 0;
}

/* a: its name, NULL: none */
static int keyring_apply(const struct op *op, struct run *run, struct err *e)
{
	unsigned perm = 0;
	char text[512];
	int fields = 0;
	long n, ring = keyring_label(run, e);

	if (ring < 0)
		return (int)ring;
	ring = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, op->args.a);
	/* Without keyrings in the kernel, or over quota, the container merely keeps none of its own. */
	if (ring < 0)
		return errno == ENOSYS || errno == EDQUOT || errno == EPERM ? 0
									    : err_set(e, -errno, "new session keyring");
	if (!op->args.a)
		return 0;
	/* "keyring;UID;GID;PERM;NAME": whoever joins later may find it as its user. */
	n = syscall(SYS_keyctl, KEYCTL_DESCRIBE, ring, text, sizeof(text) - 1);
	if (n <= 0 || n >= (long)sizeof(text))
		return 0;
	text[n] = '\0';
	for (char *p = text; *p && !perm; p++)
		if (*p == ';' && ++fields == 3)
			perm = (unsigned)strtoul(p + 1, NULL, 16);
	if (perm)
		(void)syscall(SYS_keyctl, KEYCTL_SETPERM, ring, perm | KEY_USR_SEARCH);
	return 0;
}

const struct op_kind op_keyring = { "keyring", none_describe, keyring_apply };

static int sched_core_apply(const struct op *op, struct run *run, struct err *e)
{
	if (prctl(PR_SCHED_CORE, PR_SCHED_CORE_CREATE, 0, 1, 0) < 0)
		return err_set(e, -errno, "core scheduling");
	return 0;
}

const struct op_kind op_sched_core = { "sched.core", none_describe, sched_core_apply };

/* a: file of /proc/self, b: value */
static int self_write_apply(const struct op *op, struct run *run, struct err *e)
{
	char path[300];
	int r;

	snprintf(path, sizeof(path), "/proc/self/%s", op->args.a);
	r = file_write_raw(AT_FDCWD, path, op->args.b, strlen(op->args.b));
	return r < 0 ? err_set(e, r, "write '%s' to %s", op->args.b, path) : 0;
}

const struct op_kind op_self_write = { "proc.self", describe_ab, self_write_apply };

/* --- hooks inside: a command line, b unused, n type --------------------------------------------------------------- */

static void child_hook_describe(const struct op *op, struct buf *out)
{
	buf_printf(out, "%s: %s", spec_hook_names[op->args.n], op->args.a);
}

static int child_hook_apply(const struct op *op, struct run *run, struct err *e)
{
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)op->args.a, NULL };
	char *const *envp = (char *const *)(uintptr_t)op->args.m;
	sigset_t none;
	pid_t pid;
	int status;

	pid = fork();
	if (pid < 0)
		return err_set(e, -errno, "fork for a hook");
	if (pid == 0) {
		/* Who supervises in the foreground has all signals blocked, and so have we. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int sig = 1; sig <= SIGRTMAX; sig++)
			signal(sig, SIG_DFL);
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		sys_close_range(3, ~0u, 0);
		execve("/bin/sh", argv, envp);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(e, -errno, "wait for a hook");
	if (status != 0)
		return err_kind(e, ERR_STATE, -ECANCELED, "%s hook '%s' failed with status %d",
				spec_hook_names[op->args.n], op->args.a,
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

const struct op_kind op_child_hook = { "hook", child_hook_describe, child_hook_apply };

/* --- the last step before policy ------------------------------------------------------------------------------------ */

static void ready_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "terminals go to the supervisor; wait for its word");
}

static int ready_apply(const struct op *op, struct run *run, struct err *e)
{
	int r;

	for (unsigned i = 0; i < run->n_masters; i += FD_PASS_MAX) {
		unsigned n = run->n_masters - i < FD_PASS_MAX ? run->n_masters - i : FD_PASS_MAX;

		r = run_send_step(run->child_sync, STEP_PTYS, run->masters + i, n, NULL);
		if (r < 0)
			return err_set(e, r, "hand over the terminals");
	}
	fds_close_many(run->masters, run->n_masters);
	run->n_masters = 0;
	r = run_send_step(run->child_sync, STEP_READY, NULL, 0, NULL);
	if (r < 0)
		return err_set(e, r, "report");
	r = run_recv_step(run->child_sync, NULL, NULL, e);
	if (r == STEP_EXEC)
		return 0;
	return r < 0 ? r : err_kind(e, ERR_STATE, -EPROTO, "unexpected step %d", r);
}

const struct op_kind op_ready = { "ready", ready_describe, ready_apply };

/* --- standard streams: each is the caller's, or the console, or /dev/null ----------------------------------------- */

static void stdio_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "standard streams");
}

static int stdio_apply(const struct op *op, struct run *run, struct err *e)
{
	for (int i = 0; i < 3; i++) {
		int from = run->stdio[i] >= 0	     ? run->stdio[i]
			   : run->console_slave >= 0 ? run->console_slave
						     : run->null_fd;

		if (from != i && dup2(from, i) < 0)
			return err_set(e, -errno, "set up standard stream %d", i);
		if (from == i)
			fd_set_cloexec(i, false);
	}
	if (run->opts->oci && run->console_slave < 0)
		(void)setsid(); /* no signal of the caller's terminal reaches init, nor init that terminal */
	if (run->console_slave >= 0) {
		if (setsid() < 0 && errno != EPERM)
			return err_set(e, -errno, "new session");
		if (ioctl(run->console_slave, TIOCSCTTY, 0) < 0 && errno != EPERM)
			return err_set(e, -errno, "controlling terminal");
	}
	return 0;
}

const struct op_kind op_stdio = { "stdio", stdio_describe, stdio_apply };
