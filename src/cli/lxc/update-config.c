/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/lxc/lxc-cli.h"
#include "dialect/lxc/update.h"

#define CONFIG_MAX (16u << 20)

struct args {
	const char *config;
};

static const struct opt opts[] = { { 'c', "config", "FILE", "The configuration to convert.", OPT_STR,
				     offsetof(struct args, config), .complete = COMPLETE_FILE },
				   OPT_END };

/* The old text beside it, then the new one in its place, each whole; mode and owner stay. */
static int replace(const char *path, const char *old, size_t len, const struct buf *text, struct err *e)
{
	_cleanup_free_ char *backup = NULL;
	struct stat st;
	int r;

	if (asprintf(&backup, "%s.backup", path) < 0)
		return err_oom(e);
	if (stat(path, &st) < 0)
		return err_set(e, -errno, "look at %s", path);
	r = file_replace(AT_FDCWD, backup, old, len, st.st_mode & 07777, true, e);
	if (r == 0)
		r = file_replace(AT_FDCWD, path, buf_str(text), text->len, st.st_mode & 07777, true, e);
	if (r == 0 && (st.st_uid != geteuid() || st.st_gid != getegid()) &&
	    (lchown(path, st.st_uid, st.st_gid) < 0 || lchown(backup, st.st_uid, st.st_gid) < 0))
		return err_set(e, -errno, "give %s its owner back", path);
	return r;
}

static int update(const char *file, struct err *e)
{
	/* A link stays one: what it leads to is converted. */
	_cleanup_free_ char *path = realpath(file, NULL), *old = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	unsigned changed = 0;
	size_t len;
	int r;

	if (!path)
		return err_set(e, -errno, "open %s", file);
	r = file_read(AT_FDCWD, path, CONFIG_MAX, &old, &len, e);
	if (r == 0)
		r = lxc_update_text(old, len, &text, &changed, e);
	/* The backup of an earlier run is the original: a second one leaves it alone. */
	return r < 0 || !changed ? r : replace(path, old, len, &text, e);
}

static int run(struct cli *c)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct args a = { 0 };
	struct err e = { 0 };
	int code = cli_parse(c, &a);

	if (code >= 0)
		return code;
	if (!a.config && c->operands.n == 0) {
		help_text(c->cmd, &out);
		return cli_print(c, &out, 0);
	}
	if (c->operands.n > (a.config ? 0 : 1))
		return cli_usage_error(c, "one file at a time");
	return update(a.config ?: c->operands.v[0], &e) < 0 ? cli_fail(c, &e) : 0;
}

const struct command cmd_update_config = {
	.name = "lxc-update-config",
	.flags = CMD_LXC | CMD_NO_ENGINE,
	.synopsis = "-c FILE",
	.summary = "convert a configuration from before LXC 2.1",
	.description =
		"Writes the configuration FILE anew in the words of today: keys that had other names up to LXC 2.1 get "
		"those they have now, interfaces their numbers, the root file system its type. Comments and order "
		"stay; what "
		"it was is kept as FILE.backup. A file that says nothing of old is not touched. Files that it includes "
		"are "
		"converted one by one.\n\n"
		"creel reads either: this is for those who give the file to somebody else.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-update-config -c /var/lib/lxc/web/config", "One container." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Converted, or nothing to convert." },
					     { "1", "It could not be read or written." },
					     { NULL, NULL } },
	.see_also = "lxc.container.conf(5)",
	.run = run,
};
