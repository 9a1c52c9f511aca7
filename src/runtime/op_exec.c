/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The last steps of the first process: who it is, what it may, the program it becomes. Policy comes last. */

#include <fcntl.h>
#include <grp.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/fd.h"
#include "runtime/child.h"
#include "runtime/ops.h"
#include "runtime/run.h"
#include "sys/inroot.h"
#include "sys/passwd.h"
#include "sys/syscalls.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void none_describe(const struct op *op, struct buf *out)
{
}

static int lsm_apply(const struct op *op, struct run *run, struct err *e)
{
	int r;

	if (!run->lsm_label)
		return 0;
	r = lsm_apply_exec(run->lsm, run->proc_fd, run->lsm_label);
	return r < 0 ? err_set(e, r, "set security label '%s'", run->lsm_label) : 0;
}

const struct op_kind op_lsm_apply = { "lsm.apply", none_describe, lsm_apply };

/* --- between fork and exec -------------------------------------------------------------------------------------------- */

/* Where a user name space has one group, setgroups(2) is denied, and there is nothing to set. */
static bool only_own_group(const struct op_exec *x)
{
	for (size_t i = 0; i < x->n_groups; i++)
		if (x->groups[i] != x->gid)
			return false;
	return true;
}

int child_become(const struct op_exec *x, bool filter, struct err *e)
{
	bool keep_admin = filter && !x->no_new_privs;
	int r;

	r = cap_apply_bounding(x->caps.bounding);
	if (r < 0)
		return err_set(e, r, "limit the capabilities");
	if (x->set_groups && setgroups(x->n_groups, x->groups) < 0 && (errno != EPERM || !only_own_group(x)))
		return err_set(e, -errno, "set supplementary groups");
	if (setresgid(x->gid, x->gid, x->gid) < 0)
		return err_set(e, -errno, "become group %u", x->gid);
	r = x->five_caps ? cap_become_five(x->uid, &x->caps, keep_admin)
			 : cap_become(x->uid, x->caps.bounding, keep_admin);
	return r < 0 ? err_set(e, r, "become user %u", x->uid) : 0;
}

int child_own_stdio(const struct op_exec *x, struct err *e)
{
	for (int i = 0; i < 3; i++) {
		struct stat st;

		/* Devices are everybody's; what belongs to the user already needs nothing (CVE-2026-88265: by the device, not by
		 * a name). */
		if (fstat(i, &st) < 0 || st.st_uid == x->uid || (x->files_stay && S_ISREG(st.st_mode)) ||
		    (S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
			continue;
		if (fchown(i, x->uid, (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM && errno != EROFS &&
		    errno != EBADF)
			return err_set(e, -errno, "give standard stream %d to user %u", i, x->uid);
	}
	return 0;
}

int child_enter_cwd(const struct op_exec *x, struct err *e)
{
	char cwd[4096];
	long n;

	if (chdir(x->cwd) < 0)
		return err_set(e, -errno, "change to the working directory %s", x->cwd);
	n = syscall(SYS_getcwd, cwd, sizeof(cwd));
	if (n < 0 || cwd[0] != '/')
		return err_kind(e, ERR_DENIED, -EPERM, "the working directory %s is outside the container", x->cwd);
	return 0;
}

void child_reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Calls TRY on every place where the program may be; its first success, or the errno that says most. */
static int search(const struct op_exec *x, int (*try)(const struct op_exec *x, const char *path))
{
	const char *path = DEFAULT_PATH;
	int found = -ENOENT;

	if (strchr(x->argv[0], '/'))
		return try(x, x->argv[0]);
	for (char *const *p = x->envp; *p; p++)
		if (startswith(*p, "PATH="))
			path = *p + strlen("PATH=");
	while (*path) {
		size_t n = strcspn(path, ":");
		char full[4096];

		if (n && snprintf(full, sizeof(full), "%.*s/%s", (int)n, path, x->argv[0]) < (int)sizeof(full)) {
			int r = try(x, full);

			if (r == 0)
				return 0;
			if (r != -ENOENT && r != -ENOTDIR)
				found = r;
		}
		path += n + (path[n] == ':');
	}
	return found;
}

static int try_exec(const struct op_exec *x, const char *path)
{
	execve(path, x->argv, x->envp);
	return -errno;
}

int child_exec(const struct op_exec *x)
{
	return search(x, try_exec);
}

/* Could be executed by whom we are. */
static int try_look(const struct op_exec *x, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int child_lookup(const struct op_exec *x, struct err *e)
{
	int r = search(x, try_look);

	if (r == -ENOENT && !strchr(x->argv[0], '/'))
		return err_kind(e, ERR_NOT_FOUND, r, "exec: \"%s\": executable file not found in $PATH", x->argv[0]);
	if (r == -ENOENT)
		return err_kind(e, ERR_NOT_FOUND, r, "exec: \"%s\": stat %s: no such file or directory", x->argv[0],
				x->argv[0]);
	if (r == -EACCES)
		return err_kind(e, ERR_DENIED, r, "exec: \"%s\": permission denied", x->argv[0]);
	if (r == -EISDIR)
		return err_kind(e, ERR_INVALID, r, "exec: \"%s\": is a directory", x->argv[0]);
	return r < 0 ? err_set(e, r, "exec: \"%s\"", x->argv[0]) : 0;
}

void child_set_home(const struct op_exec *x, int passwd)
{
	if (x->home)
		passwd_home(passwd, x->uid, x->home, x->home_size);
}

/* --- exec ------------------------------------------------------------------------------------------------------------- */

static void exec_describe(const struct op *op, struct buf *out)
{
	const struct op_exec *x = op->exec;

	if (x->uid || x->gid)
		buf_printf(out, "as %u:%u ", x->uid, x->gid);
	buf_printf(out, "bounding set %016" PRIx64 "%s, ", x->caps.bounding,
		   x->no_new_privs ? ", no new privileges" : "");
	if (x->init_helper)
		buf_puts(out, "creel-init --");
	for (size_t i = 0; x->argv[i]; i++)
		buf_printf(out, "%s%s", i || x->init_helper ? " " : "", x->argv[i]);
}

/* What must come before the filter, which need not permit it; FIRST is the first fd that ends with the exec. */
static int load_filter(const struct op_exec *x, struct run *run, unsigned first, struct err *e)
{
	if (x->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(e, -errno, "set no_new_privs");
	child_reset_signals();
	/* Whatever was open is closed by the exec; only the sync socket must live until then, to carry an error. */
	sys_close_range(first, ~0u, CLOSE_RANGE_CLOEXEC);
	return child_load_filter(&run->plan->seccomp, run->child_sync, e);
}

static int execute(const struct op_exec *x, struct run *run, struct err *e)
{
	int r;

	if (x->init_helper) {
		r = sys_execveat(run->init_helper_fd, "", x->argv, x->envp, AT_EMPTY_PATH);
		return err_set(e, r, "execute the init helper");
	}
	r = child_exec(x);
	if (run->opts->oci && r == -ENOENT)
		err_kind(e, ERR_SYSTEM, r, "exec %s: no such file or directory", x->argv[0]); /* runc's words */
	else
		err_set(e, r, "execute %s", x->argv[0]);
	if (r == -ENOENT)
		err_hint(e, r, "the program (or its interpreter) is not in the container's root file system");
	return r;
}

static int exec_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct op_exec *x = op->exec;
	int r;

	umask(022);
	r = child_enter_cwd(x, e);
	if (r == 0)
		r = child_become(x, run->plan->seccomp.insns, e);
	if (r < 0)
		return r;
	prctl(PR_SET_PDEATHSIG, run->spec->monitor_pdeath > 0 ? run->spec->monitor_pdeath : SIGKILL);
	r = load_filter(x, run, 3, e);
	return r == 0 ? execute(x, run, e) : r;
}

const struct op_kind op_exec = { "exec", exec_describe, exec_apply };

/* --- the same in steps, for a life that may wait between them ------------------------------------------------------- */

static void become_describe(const struct op *op, struct buf *out)
{
	const struct op_exec *x = op->exec;

	buf_printf(out,
		   "%u:%u in %s, umask %04o, bounding %" PRIx64 " permitted %" PRIx64 " effective %" PRIx64
		   " inheritable %" PRIx64 " ambient %" PRIx64,
		   x->uid, x->gid, x->cwd, x->umask, x->caps.bounding, x->caps.permitted, x->caps.effective,
		   x->caps.inheritable, x->caps.ambient);
}

/* Ids, capabilities, umask and working directory. */
static int become_apply(const struct op *op, struct run *run, struct err *e)
{
	const struct op_exec *x = op->exec;
	_cleanup_close_ int passwd = x->home ? inroot_open(run->root_fd, "/etc/passwd", O_RDONLY, 0) : -EBADF;
	int r, cwd;

	child_set_home(x, passwd);
	umask((mode_t)x->umask);
	r = child_own_stdio(x, e);
	if (r < 0)
		return r;
	/* A directory that the user may not enter is given by whoever asks for it; root's own rights end at file systems of the
	 * network, where only the user may. */
	cwd = child_enter_cwd(x, e);
	if (cwd < 0 && cwd != -EACCES)
		return cwd;
	err_clear(e);
	r = child_become(x, run->plan->seccomp.insns, e);
	return r == 0 && cwd < 0 ? child_enter_cwd(x, e) : r;
}

const struct op_kind op_become = { "become", become_describe, become_apply };

static void lookup_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, op->exec->argv[0]);
}

static int lookup_apply(const struct op *op, struct run *run, struct err *e)
{
	return child_lookup(op->exec, e);
}

const struct op_kind op_lookup = { "lookup", lookup_describe, lookup_apply };

static void filter_describe(const struct op *op, struct buf *out)
{
	buf_puts(out, "the policy; it holds for what follows, too");
}

static int filter_apply(const struct op *op, struct run *run, struct err *e)
{
	return load_filter(op->exec, run, 3 + run->opts->preserve_fds, e);
}

const struct op_kind op_filter = { "seccomp", filter_describe, filter_apply };

static void launch_describe(const struct op *op, struct buf *out)
{
	const struct op_exec *x = op->exec;

	buf_puts(out, x->no_new_privs ? "no new privileges, " : "");
	for (size_t i = 0; x->argv[i]; i++)
		buf_printf(out, "%s%s", i ? " " : "", x->argv[i]);
}

static int launch_apply(const struct op *op, struct run *run, struct err *e)
{
	int r;

	/* Our life does not hang on that of the command any more, unless it is to. */
	prctl(PR_SET_PDEATHSIG, run->spec->monitor_pdeath > 0 ? run->spec->monitor_pdeath : 0);
	if (run->opts->wait_start) {
		/* Before the filter, which need not let us speak. */
		r = run_send_step(run->child_sync, STEP_LAUNCH, NULL, 0, NULL);
		if (r < 0)
			return err_set(e, r, "report");
	}
	r = run->plan->seccomp_early ? 0 : load_filter(op->exec, run, 3 + run->opts->preserve_fds, e);
	return r == 0 ? execute(op->exec, run, e) : r;
}

const struct op_kind op_launch = { "launch", launch_describe, launch_apply };
