/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * cp and export. What is copied is a tar stream in both directions: the container's side is the engine's, ours is tar(1) of
 * the host in a child, with the stream in a pipe.
 */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "cli/docker/dcli.h"

struct args {
	bool archive, follow, quiet;
	const char *output;
};
#define AT(member) offsetof(struct args, member)

static int to_fd(void *arg, int stream, const void *data, size_t len)
{
	return fd_write_all(*(int *)arg, data, len);
}

/* --- export ------------------------------------------------------------------------------------------------------------------- */

static const struct opt export_rows[] = { { 'o', "output", "FILE", "Into FILE, not to standard output.", OPT_STR,
					    AT(output), .complete = COMPLETE_FILE },
					  OPT_END };

static int run_export(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct outfile out;
	struct docker_sink sink = { .write = to_fd, .arg = &out.fd };
	struct args a = { 0 };
	struct err e = { 0 };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	if (isempty(a.output) && isatty(STDOUT_FILENO))
		return dk_error(c, "cowardly refusing to save to a terminal. Use the -o flag or redirect");
	if (outfile_open(a.output, 0600, &out, &e) < 0)
		return dk_error(c, "failed to export container: %s", e.msg);
	code = dk_start(c, &d);
	if (code == 0 && docker_export(d, c->operands.v[0], &sink, &e) < 0)
		code = dk_fail(c, &e);
	return outfile_close(&out, code == 0, &e) < 0 ? dk_fail(c, &e) : code;
}

const struct command cmd_docker_export = {
	.name = "export",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "[OPTIONS] CONTAINER",
	.summary = "Export a container's filesystem as a tar archive",
	.description = "Writes the root file system as a tar archive.",
	.opts = export_rows,
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-import(1), creel-cp(1)",
	.run = run_export,
};

/* --- cp: what is meant by two paths -------------------------------------------------------------------------------------------- */

static const struct opt cp_rows[] = {
	{ 'a', "archive", NULL, "Into a container: owned by the container's user; out of it: owner and group are kept.",
	  OPT_BOOL, AT(archive), 1 },
	{ 'L', "follow-link", NULL, "Copy what a link points to.", OPT_BOOL, AT(follow), 1 },
	{ 'q', "quiet", NULL, "Do not say what was copied.", OPT_BOOL, AT(quiet), 1 },
	OPT_END
};

/* "NAME:PATH": the two; else *RET_PATH is S. An absolute or dotted path with a colon is a path of ours. */
static char *split(const char *s, const char **ret_path)
{
	const char *colon = strchr(s, ':');

	*ret_path = s;
	if (*s == '/' || *s == '.' || !colon || colon == s)
		return NULL;
	*ret_path = colon + 1;
	return strndup(s, (size_t)(colon - s));
}

static const char *base_of(const char *path)
{
	const char *end = path + strlen(path), *s;

	while (end > path + 1 && end[-1] == '/')
		end--;
	for (s = end; s > path && s[-1] != '/'; s--)
		;
	return s;
}

/* Without slashes at the end. free() */
static char *trimmed(const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return strndup(path, n);
}

/* Cuts the last component off a path without slashes at its end, in place. */
static void parent_of(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash)
		path[0] = '.', path[1] = '\0';
	else
		slash[slash == path] = '\0';
}

static bool contents_only(const char *path)
{
	size_t n = strlen(path);

	return streq(path, ".") || (n >= 2 && streq(path + n - 2, "/."));
}

static bool ends_in_slash(const char *path)
{
	size_t n = strlen(path);

	return n > 0 && path[n - 1] == '/';
}

/* How what is named OLD in a stream is to be called NEW: tar's --transform, with what it takes for special masked. */
static int transform(struct strv *argv, const char *old, const char *new, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	buf_puts(&b, "--transform=flags=rh;s,^");
	for (; *old; old++)
		buf_printf(&b, strchr(".[]*^$\\,", *old) ? "\\%c" : "%c", *old);
	buf_puts(&b, "\\(/\\|$\\),");
	for (; *new; new ++)
		buf_printf(&b, strchr("&\\,", *new) ? "\\%c" : "%c", *new);
	buf_puts(&b, "\\1,");
	return buf_error(&b, e) < 0 ? -ENOMEM : strv_push(argv, buf_str(&b), e);
}

/* --- out of a container ----------------------------------------------------------------------------------------------------------- */

struct out {
	struct json_object *stat;
	const char *dir;  /* to be unpacked in */
	const char *as;	  /* what it is to be called, NULL: as it is */
	const char *name; /* what it is called in the stream */
};

/* Where on our side, by cp's rules: into a directory, under a new name in one, over a file. */
static int place(const struct cli *c, const char *from, const char *to, struct out *o, char **ret_dir)
{
	bool is_dir = dk_int(o->stat, "mode") & (1LL << 31), slash = ends_in_slash(to);
	struct stat st;

	o->name = is_dir && contents_only(from) ? "." : dk_text(o->stat, "name");
	if (stat(to, &st) == 0 && S_ISDIR(st.st_mode)) {
		*ret_dir = strdup(to);
		/* "DIR/." is what is in it. */
		o->as = is_dir && contents_only(from) ? "." : NULL;
		return *ret_dir ? 0 : 1;
	}
	if (stat(to, &st) == 0 && is_dir)
		return dk_error(c, "cannot copy directory");
	if (slash && !is_dir)
		return dk_error(c, "no such directory");
	*ret_dir = trimmed(to);
	if (!*ret_dir)
		return 1;
	o->as = base_of(to);
	parent_of(*ret_dir);
	if (stat(*ret_dir, &st) < 0 || !S_ISDIR(st.st_mode))
		return dk_error(c, "invalid output path: directory \"%s\" does not exist", *ret_dir);
	return 0;
}

/* tar(1) as a child with one end of a pipe. FD: the other. */
static int tar(const struct strv *argv, bool reads, pid_t *ret_pid, int *ret_fd, struct err *e)
{
	int pipe[2], r;
	struct spawn s = { .path = "tar", .argv = strv_get(argv), .inherit_stdio = false, .stderr_fd = STDERR_FILENO };

	if (pipe2(pipe, O_CLOEXEC) < 0)
		return err_set(e, -errno, "make a pipe");
	if (reads)
		s.stdin_fd = pipe[0];
	else
		s.stdout_fd = pipe[1];
	r = spawn_start(&s, ret_pid, e);
	fd_close(pipe[reads ? 0 : 1]);
	*ret_fd = pipe[reads ? 1 : 0];
	if (r < 0)
		fd_close(*ret_fd);
	return r;
}

static int copy_out(const struct cli *c, struct docker *d, const struct args *a, const char *id, const char *from,
		    const char *to)
{
	_cleanup_buf_ struct buf stat_text = BUF_INIT, again = BUF_INIT;
	_cleanup_strv_ struct strv argv = STRV_INIT;
	_cleanup_free_ char *dir = NULL;
	struct out o = { 0 };
	int fd = STDOUT_FILENO, code, r;
	struct docker_sink sink = { .write = to_fd, .arg = &fd };
	struct err e = { 0 };
	pid_t pid;

	if (streq(to, "-"))
		return docker_archive_get(d, id, from, &again, &sink, &e) < 0 ? dk_fail(c, &e) : 0;
	if (docker_archive_stat(d, id, from, &stat_text, &e) < 0)
		return dk_fail(c, &e);
	o.stat = dk_json(c, &stat_text);
	if (!o.stat)
		return 1;
	code = place(c, from, to, &o, &dir);
	if (code == 0 && (strv_push(&argv, "tar", &e) < 0 || strv_push(&argv, "-x", &e) < 0 ||
			  strv_push(&argv, "-C", &e) < 0 || strv_push(&argv, dir, &e) < 0 ||
			  strv_push(&argv, a->archive ? "--same-owner" : "--no-same-owner", &e) < 0 ||
			  (o.as && !streq(o.as, ".") && transform(&argv, o.name, o.as, &e) < 0)))
		code = dk_fail(c, &e);
	json_object_put(o.stat);
	if (code)
		return code;
	if (tar(&argv, true, &pid, &fd, &e) < 0)
		return dk_error(c, "%s", e.msg);
	r = docker_archive_get(d, id, from, &again, &sink, &e);
	fd_close(fd);
	code = spawn_wait(pid, NULL);
	if (r < 0)
		return dk_fail(c, &e);
	return code == 0 ? 0 : dk_error(c, "tar could not unpack what came");
}

/* --- into a container ---------------------------------------------------------------------------------------------------------------- */

/* Where in the container: an existing directory, or a new name in one. *RET_AS NULL: it keeps its name. */
static int place_in(const struct cli *c, struct docker *d, const char *id, const char *from, bool from_dir,
		    const char *to, char **ret_dir, const char **ret_as)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *o;
	struct err e = { 0 };
	int64_t mode;
	int r = docker_archive_stat(d, id, to, &text, &e);

	*ret_as = NULL;
	if (r >= 0) {
		o = dk_json(c, &text);
		mode = dk_int(o, "mode");
		json_object_put(o);
		if (mode & (1LL << 31)) {
			*ret_dir = strdup(to);
			if (from_dir && contents_only(from))
				*ret_as = ".";
			return *ret_dir ? 0 : 1;
		}
		if (from_dir)
			return dk_error(c, "cannot copy directory");
	} else if ((e.kind != ERR_NOT_FOUND && e.code != -ENOTDIR) || startswith(e.msg, "No such container")) {
		return dk_fail(c, &e);
	} else if (ends_in_slash(to) && !from_dir) {
		return dk_error(c, "no such directory");
	}
	*ret_dir = trimmed(to);
	if (!*ret_dir)
		return 1;
	*ret_as = base_of(to);
	parent_of(*ret_dir);
	return 0;
}

/* tar(1) that writes NAME, which lies in SOURCE's folder, or all that SOURCE has (".") as AS. */
static int pack_command(const struct args *a, const char *name, const char *source, const char *as, struct strv *argv,
			struct err *e)
{
	_cleanup_free_ char *parent = streq(name, ".") ? strdup(source) : strndup(source, (size_t)(name - source));
	int r;

	if (!parent)
		return err_oom(e);
	r = strv_push(argv, "tar", e);
	if (r >= 0)
		r = strv_push(argv, "-c", e);
	if (r >= 0)
		r = strv_pushf(argv, e, "--directory=%s", *parent ? parent : ".");
	if (r >= 0 && a->follow)
		r = strv_push(argv, "-h", e);
	if (r >= 0)
		r = strv_push(argv, "--numeric-owner", e);
	if (r >= 0 && as && !streq(as, name))
		r = transform(argv, name, as, e);
	if (r >= 0)
		r = strv_push(argv, "--", e);
	return r < 0 ? r : strv_push(argv, streq(name, "/") ? "." : name, e);
}

static int copy_in(const struct cli *c, struct docker *d, const struct args *a, const char *from, const char *id,
		   const char *to)
{
	_cleanup_strv_ struct strv argv = STRV_INIT;
	_cleanup_free_ char *dir = NULL, *source = trimmed(from);
	struct err e = { 0 };
	const char *as;
	struct stat st;
	pid_t pid;
	int code, fd, r;

	if (streq(from, "-")) {
		if (docker_archive_put(d, id, to, STDIN_FILENO, true, a->archive, &e) >= 0)
			return 0;
		return e.code == -ENOTDIR || startswith(e.msg, "Could not find the file")
			       ? dk_error(c, "destination \"%s:%s\" must be a directory", id, to)
			       : dk_fail(c, &e);
	}
	if (!source || (a->follow ? stat(source, &st) : lstat(source, &st)) < 0)
		return dk_error(c, "lstat %s: no such file or directory", source ?: from);
	code = place_in(c, d, id, from, S_ISDIR(st.st_mode), to, &dir, &as);
	if (code)
		return code;
	if (pack_command(a, contents_only(from) ? "." : base_of(source), source, as, &argv, &e) < 0)
		return dk_error(c, "%s", e.msg);
	if (tar(&argv, false, &pid, &fd, &e) < 0)
		return dk_error(c, "%s", e.msg);
	r = docker_archive_put(d, id, dir, fd, true, a->archive, &e);
	fd_close(fd);
	code = spawn_wait(pid, NULL);
	if (r < 0)
		return dk_fail(c, &e);
	return code == 0 ? 0 : dk_error(c, "tar could not read %s", from);
}

static int run_cp(struct cli *c)
{
	_cleanup_free_ char *from_id = NULL, *to_id = NULL;
	_cleanup_(docker_freep) struct docker *d = NULL;
	const char *from, *to;
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	from_id = split(c->operands.v[0], &from);
	to_id = split(c->operands.v[1], &to);
	if (from_id && to_id)
		return dk_error(c, "copying between containers is not supported");
	if (!from_id && !to_id)
		return dk_error(c, "must specify at least one container source");
	if (!*from)
		return dk_error(c, "source can not be empty");
	if (!*to)
		return dk_error(c, "destination can not be empty");
	code = dk_start(c, &d);
	if (code)
		return code;
	code = from_id ? copy_out(c, d, &a, from_id, from, to) : copy_in(c, d, &a, from, to_id, to);
	if (code == 0 && !a.quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "Successfully copied to %s\n", c->operands.v[1]);
	return code;
}

const struct command cmd_docker_cp = {
	.name = "cp",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tcreel cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH",
	.summary = "Copy files/folders between a container and the local filesystem",
	.description = "Copies as cp -r does, into or out of a container that runs or not. DIR/. is what is in DIR; - "
		       "is a tar "
		       "stream on standard input or output.",
	.opts = cp_rows,
	.min_args = 2,
	.max_args = 2,
	.examples = (const struct text_pair[]){ { "creel cp web:/etc/nginx .", "A folder." },
						{ "creel cp web:/var/log - | tar t", "A stream." },
						{ NULL, NULL } },
	.see_also = "creel-export(1)",
	.run = run_cp,
};
