/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "security/lsm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "sys/syscalls.h"

#define LABEL_MAX 4096 /* the kernel takes a page */

const struct lsm_host lsm_this_host = {
	.sys = "/sys",
	.proc = "/proc",
	.cache = "/run/creel/apparmor-cache",
	.parser = "apparmor_parser",
};

enum lsm_kind lsm_active_on(const struct lsm_host *h)
{
	return apparmor_active(h) ? LSM_APPARMOR : selinux_active(h) ? LSM_SELINUX : LSM_NONE;
}

enum lsm_kind lsm_active(void)
{
	return lsm_active_on(&lsm_this_host);
}

int lsm_prepare_on(const struct lsm_host *h, const struct lsm_want *w, char **ret_label, char **ret_loaded,
		   struct err *e)
{
	_cleanup_free_ char *label = NULL, *loaded = NULL;
	int r = 0;

	switch (lsm_active_on(h)) {
	case LSM_NONE:
		break;
	case LSM_APPARMOR:
		r = apparmor_prepare(h, w, &label, &loaded, e);
		break;
	case LSM_SELINUX:
		r = selinux_prepare(h, w, &label, e);
		break;
	}
	if (r < 0)
		return r;
	*ret_label = TAKE_PTR(label);
	*ret_loaded = TAKE_PTR(loaded);
	return 0;
}

int lsm_prepare(const struct lsm_want *w, char **ret_label, char **ret_loaded_profile, struct err *e)
{
	return lsm_prepare_on(&lsm_this_host, w, ret_label, ret_loaded_profile, e);
}

int lsm_unload_on(const struct lsm_host *h, const char *profile, struct err *e)
{
	return apparmor_active(h) ? apparmor_unload(h, profile, e) : 0;
}

int lsm_unload(const char *profile, struct err *e)
{
	return lsm_unload_on(&lsm_this_host, profile, e);
}

/* Opens a file of one's own attributes. The label must reach the kernel: neither another file system in /proc's place
 * nor one mounted over the way there may take it (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881). */
static int open_attr(int proc_fd, const char *path)
{
	_cleanup_close_ int fd = sys_openat2(proc_fd, path, O_WRONLY | O_CLOEXEC, 0,
					     RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS);
	struct statfs fs;

	if (fd == -ENOSYS)
		fd = openat(proc_fd, path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return fd == -1 ? -errno : fd;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != PROC_SUPER_MAGIC)
		return -EXDEV;
	return TAKE_FD(fd);
}

/* What each module wants where: for the next exec, or at once. Where several modules run, attr/exec and attr/current
 * belong to one of them only. */
static const struct attr_file {
	const char *apparmor, *verb, *plain;
} attr_exec = { "self/attr/apparmor/exec", "exec ", "self/attr/exec" },
  attr_now = { "self/attr/apparmor/current", "changeprofile ", "self/attr/current" };

static int apply(const struct attr_file *file, enum lsm_kind kind, int proc_fd, const char *label)
{
	_cleanup_close_ int fd = -EBADF;
	char text[LABEL_MAX + sizeof("changeprofile ")];
	size_t len = strlen(label), at = 0;
	struct statfs fs;
	ssize_t n;

	if (kind == LSM_NONE)
		return -EOPNOTSUPP;
	if (len == 0 || len > LABEL_MAX)
		return -EINVAL;
	if (fstatfs(proc_fd, &fs) < 0)
		return -errno;
	if (fs.f_type != PROC_SUPER_MAGIC)
		return -EXDEV;
	if (kind == LSM_APPARMOR) {
		fd = open_attr(proc_fd, file->apparmor);
		at = strlen(file->verb);
		memcpy(text, file->verb, at);
	}
	if (kind == LSM_SELINUX || fd == -ENOENT)
		fd = open_attr(proc_fd, file->plain);
	if (fd < 0)
		return fd;
	/* The kernel takes it in one write; for that it stands in one buffer. */
	memcpy(text + at, label, len + 1);
	n = write(fd, text, at + len);
	return n < 0 ? -errno : (size_t)n == at + len ? 0 : -EIO;
}

int lsm_apply_exec(enum lsm_kind kind, int proc_fd, const char *label)
{
	return apply(&attr_exec, kind, proc_fd, label);
}

int lsm_apply_now(enum lsm_kind kind, int proc_fd, const char *label)
{
	return apply(&attr_now, kind, proc_fd, label);
}

int lsm_apply_keyring(int proc_fd, const char *label)
{
	_cleanup_close_ int fd = open_attr(proc_fd, "self/attr/keycreate");
	size_t len = strlen(label) + 1;
	ssize_t n;

	if (fd < 0)
		return fd;
	n = write(fd, label, len);
	return n < 0 ? -errno : (size_t)n == len ? 0 : -EIO;
}

static bool exists(pid_t pid)
{
	return kill(pid, 0) == 0 || errno == EPERM;
}

int lsm_label_of(pid_t pid, char **ret, struct err *e)
{
	static const char *const files[] = { "attr/apparmor/current", "attr/current" };
	ssize_t n = -ENOENT;
	char path[64], text[LABEL_MAX + 1], *mode, *copy = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(files) && n == -ENOENT; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, files[i]);
		n = file_read_small(AT_FDCWD, path, text, sizeof(text));
	}
	/* EINVAL is what the file says when no module answers, ENOENT what a kernel without any says. */
	if (n < 0 && n != -EINVAL && (n != -ENOENT || !exists(pid)))
		return err_set(e, (int)n, "read %s", path);
	if (n > 0) {
		text[strcspn(text, "\n")] = '\0';
		/* AppArmor: "name (enforce)" */
		mode = strstr(text, " (");
		if (mode)
			*mode = '\0';
		copy = strdup(text);
		if (!copy)
			return err_oom(e);
	}
	*ret = copy;
	return 0;
}
