/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "security/security.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "security/bpf.h"
#include "security/policy.h"

#define POLICY_FILE_MAX (1u << 20)

/* What stands before the instructions in a saved program. Read back on the machine that wrote it, in its byte order. */
struct saved_head {
	char magic[8];
	uint32_t flags;
	uint16_t len;
	uint8_t has_notify, pad;
};
static const char saved_magic[8] = "SECBPF1";

void seccomp_prog_done(struct seccomp_prog *p)
{
	free(p->insns);
	*p = (struct seccomp_prog){ 0 };
}

int seccomp_compile_text(const char *text, const char *path, struct seccomp_prog *ret, struct err *e)
{
	_cleanup_policy_ struct policy p = { 0 };
	int r = policy_parse(text, path, &p, e);

	return r < 0 ? r : policy_compile(&p, ret, e);
}

int seccomp_compile_file(const char *path, struct seccomp_prog *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	size_t len;
	int r = file_read(AT_FDCWD, path, POLICY_FILE_MAX, &text, &len, e);

	if (r < 0)
		return err_wrap(e, r, "seccomp policy");
	if (strlen(text) != len)
		return err_kind(e, ERR_INVALID, -EINVAL, "seccomp policy %s is not a text file", path);
	return seccomp_compile_text(text, path, ret, e);
}

unsigned seccomp_supported_flags(void)
{
	unsigned known = 0;

	/* Flags are looked at before the program: EFAULT says that this one is known. */
	for (unsigned flag = 1; flag && flag <= SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV; flag <<= 1) {
		unsigned with = flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;

		if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag | with, NULL) < 0 && errno == EFAULT)
			known |= flag;
	}
	return known;
}

bool seccomp_supports(uint32_t action)
{
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

int seccomp_apply(const struct seccomp_prog *p, int *ret_notify_fd)
{
	struct sock_fprog f = { .len = p->len, .filter = p->insns };
	long r;

	if (!p->insns)
		return 0;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->flags, &f);
	if (r < 0)
		return -errno;
	if (p->has_notify)
		*ret_notify_fd = (int)r;
	return 0;
}

int seccomp_prog_save(const struct seccomp_prog *p, int dirfd, const char *name, struct err *e)
{
	struct saved_head head = { .flags = p->flags, .len = p->len, .has_notify = p->has_notify };
	size_t size = p->len * sizeof(*p->insns);
	_cleanup_free_ char *blob = NULL;

	if (!p->insns) {
		if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
			return err_set(e, -errno, "remove %s", name);
		return 0;
	}
	blob = malloc(sizeof(head) + size);
	if (!blob)
		return err_oom(e);
	memcpy(head.magic, saved_magic, sizeof(head.magic));
	memcpy(blob, &head, sizeof(head));
	memcpy(blob + sizeof(head), p->insns, size);
	return file_replace(dirfd, name, blob, sizeof(head) + size, 0600, false, e);
}

/* Whoever can write the file decides what a container may do. */
static int check_owner(int fd, const char *name, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(e, -errno, "stat %s", name);
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022))
		return err_kind(e, ERR_DENIED, -EPERM, "saved seccomp program %s could have been written by others",
				name);
	return 0;
}

int seccomp_prog_load(int dirfd, const char *name, struct seccomp_prog *ret, struct err *e)
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	_cleanup_free_ struct sock_filter *insns = NULL;
	struct saved_head head;
	size_t size = BPF_PROGRAM_MAX * sizeof(*insns);
	ssize_t n;
	int r;

	if (fd < 0) {
		if (errno != ENOENT)
			return err_set(e, -errno, "open saved seccomp program %s", name);
		*ret = (struct seccomp_prog){ 0 };
		return 0;
	}
	r = check_owner(fd, name, e);
	if (r < 0)
		return r;
	n = fd_read_full(fd, &head, sizeof(head));
	if (n < 0)
		return err_set(e, (int)n, "read saved seccomp program %s", name);
	if (n != sizeof(head) || memcmp(head.magic, saved_magic, sizeof(head.magic)) != 0 || head.len == 0)
		return err_kind(e, ERR_INVALID, -EPROTO, "%s is not a saved seccomp program", name);
	/* One more than the largest: a longer file is noticed as well as a shorter one. */
	insns = malloc(size + 1);
	if (!insns)
		return err_oom(e);
	n = fd_read_full(fd, insns, size + 1);
	if (n < 0)
		return err_set(e, (int)n, "read saved seccomp program %s", name);
	if ((size_t)n != head.len * sizeof(*insns) || (size_t)n > size)
		return err_kind(e, ERR_INVALID, -EPROTO, "saved seccomp program %s has been cut or grown", name);
	*ret = (struct seccomp_prog){
		.insns = TAKE_PTR(insns), .len = head.len, .flags = head.flags, .has_notify = head.has_notify
	};
	return 0;
}
