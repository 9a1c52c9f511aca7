/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/oci/oci-cli.h"

struct args {
	const char *bundle;
	bool rootless;
};

#define AT(member) offsetof(struct args, member)

static const struct opt opts[] = { { 'b', "bundle", "DIR", "The bundle's folder; the working directory by default.",
				     OPT_STR, AT(bundle), .complete = COMPLETE_DIR },
				   { 0, "rootless", NULL, "For an ordinary user: with a user name space that maps him.",
				     OPT_BOOL, AT(rootless), 1 },
				   OPT_END };

static int write_new(int dirfd, const struct buf *text, struct err *e)
{
	_cleanup_close_ int fd = openat(dirfd, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	int r;

	if (fd < 0 && errno == EEXIST)
		return err_kind(e, ERR_EXISTS, -EEXIST, "File config.json exists. Remove it first");
	if (fd < 0)
		return err_set(e, -errno, "create config.json");
	r = fd_write_all(fd, text->data, text->len);
	if (r < 0) {
		(void)unlinkat(dirfd, "config.json", 0);
		return err_set(e, r, "write config.json");
	}
	return 0;
}

static int run(struct cli *c)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_close_ int dir = -EBADF;
	struct args a = { 0 };
	struct err e = { 0 };
	int code, r;

	code = verb_parse(c, &a, 0, 0);
	if (code >= 0)
		return code;
	dir = open(isempty(a.bundle) ? "." : a.bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		r = err_set(&e, -errno, "chdir %s", a.bundle ?: ".");
	else
		r = oci_default(&text, a.rootless, geteuid(), getegid(), &e);
	if (r == 0)
		r = write_new(dir, &text, &e);
	return r < 0 ? verb_fail(c, NULL, &e, 1) : 0;
}

const struct command cmd_oci_spec = {
	.name = "oci-spec",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "[command options]",
	.summary = "create a new specification file",
	.description = "Writes an example config.json, that runs a shell in the folder rootfs, to begin a bundle with.",
	.opts = opts,
	.exits = (const struct text_pair[]){ { "0", "Written." },
					     { "1", "There is one already, or it cannot be written." },
					     { NULL, NULL } },
	.see_also = "creel-oci(1)",
	.run = run,
};
