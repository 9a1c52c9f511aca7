/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "store/block.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"

#define FS_LIST_MAX 65536
#define WAIT_MS	    5000

int store_tool(const char *package, char **ret_output, struct err *e, const char *prog, ...)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	_cleanup_free_ char *out = NULL;
	struct spawn s = { .path = prog };
	const char *arg;
	va_list ap;
	int r = strv_push(&argv, prog, e);

	va_start(ap, prog);
	while (r == 0 && (arg = va_arg(ap, const char *)))
		r = strv_push(&argv, arg, e);
	va_end(ap);
	if (r < 0)
		return r;
	s.argv = argv.v;
	r = spawn_run(&s, &out, e);
	if (r < 0)
		return err_hint(e, r, "install the package %s", package);
	if (r > 0) {
		const char *said = out ? out + strspn(out, " \t\n") : "";

		return err_kind(e, ERR_STATE, -EIO, "%s failed with status %d%s%.*s", prog, r, *said ? ": " : "",
				(int)strcspn(said, "\n"), said);
	}
	if (ret_output)
		*ret_output = TAKE_PTR(out);
	return 0;
}

int store_need(const char *package, const char *prog, struct err *e)
{
	_cleanup_free_ char *path = spawn_find(prog);

	if (path)
		return 0;
	err_kind(e, ERR_MISSING, -ENOENT, "program '%s' is not installed", prog);
	return err_hint(e, -ENOENT, "install the package %s", package);
}

/* --- what is on a device -------------------------------------------------------------------------------------------- */

const char *block_fs_type(int fd)
{
	static const struct {
		const char *name;
		off_t at;
		const char *magic;
		size_t len;
	} kinds[] = {
		{ "ext4", 0x438, "\x53\xef", 2 }, /* ext2 and ext3, too: its driver reads them */
		{ "xfs", 0, "XFSB", 4 },
		{ "btrfs", 0x10040, "_BHRfS_M", 8 },
		{ "squashfs", 0, "hsqs", 4 },
		{ "erofs", 1024, "\xe2\xe1\xf5\xe0", 4 },
		{ "f2fs", 1024, "\x10\x20\xf5\xf2", 4 },
	};
	char buf[8];

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (pread(fd, buf, kinds[i].len, kinds[i].at) == (ssize_t)kinds[i].len &&
		    memcmp(buf, kinds[i].magic, kinds[i].len) == 0)
			return kinds[i].name;
	return NULL;
}

static int mount_as(const char *dev, const char *type, const struct mount_opts *o, bool ro, struct err *e)
{
	char data[sizeof(o->data) + 16];

	/* A snapshot has the UUID of what it was taken of, which xfs would refuse beside it. */
	snprintf(data, sizeof(data), "%s%s%s", o->data, *o->data && streq(type, "xfs") ? "," : "",
		 streq(type, "xfs") ? "nouuid" : "");
	return mount_new(type, dev, *data ? data : NULL, 0, ro || o->fs_ro, e);
}

/* One that we do not know: whichever the kernel takes it for. */
static int mount_any(const char *dev, const struct mount_opts *o, bool ro, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	char *save = NULL;
	int r = file_read(AT_FDCWD, "/proc/filesystems", FS_LIST_MAX, &text, NULL, e);

	if (r < 0)
		return r;
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		if (*l != '\t')
			continue; /* nodev */
		r = mount_as(dev, l + 1, o, ro, NULL);
		if (r >= 0)
			return r;
	}
	return err_kind(e, ERR_INVALID, -EINVAL, "no file system that this kernel knows");
}

int block_open_tree(const char *dev, const char *what, const char *options, bool ro, struct err *e)
{
	_cleanup_close_ int fd = -EBADF, mnt = -EBADF;
	struct mount_opts o;
	const char *type;
	int r = mount_opts_parse(options, &o, e);

	if (r < 0)
		return r;
	fd = open(dev, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "root file system %s: open %s", what, dev);
	type = block_fs_type(fd);
	mnt = type ? mount_as(dev, type, &o, ro, e) : mount_any(dev, &o, ro, e);
	if (mnt < 0)
		return err_wrap(e, mnt, "root file system %s", what);
	r = store_finish_tree(mnt, &o, e);
	return r < 0 ? err_wrap(e, r, "root file system %s", what) : TAKE_FD(mnt);
}

uint64_t block_size(const char *dev)
{
	_cleanup_close_ int fd = open(dev, O_RDONLY | O_CLOEXEC);
	uint64_t n = 0;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return 0;
	if (S_ISREG(st.st_mode))
		return (uint64_t)st.st_size;
	return ioctl(fd, BLKGETSIZE64, &n) < 0 ? 0 : n;
}

int block_mkfs(const char *dev, const struct store_opts *o, struct err *e)
{
	const char *type = o->fstype ?: "ext4";
	bool ext = startswith(type, "ext") != NULL;
	char prog[64];
	int r;

	if (!path_is_component(type) || strlen(type) > 32)
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no type of file system", type);
	snprintf(prog, sizeof(prog), "mkfs.%s", type);
	/* All of them ask before they write over something, and ext also when it is no device. */
	if (ext)
		r = store_tool("e2fsprogs", NULL, e, prog, "-q", "-F", dev, NULL);
	else if (streq(type, "xfs") || streq(type, "btrfs"))
		r = store_tool(streq(type, "xfs") ? "xfsprogs" : "btrfs-progs", NULL, e, prog, "-q", "-f", dev, NULL);
	else
		r = store_tool("with that program", NULL, e, prog, dev, NULL);
	return r < 0 ? err_wrap(e, r, "make a file system on %s", dev) : 0;
}

int block_wait(const char *dev, struct err *e)
{
	for (int ms = 0; ms < WAIT_MS; ms += 10) {
		if (file_exists(AT_FDCWD, dev))
			return 0;
		usleep(10000);
	}
	return err_kind(e, ERR_STATE, -ENODEV, "the device %s does not appear", dev);
}
