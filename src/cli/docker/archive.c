/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* save, load, import. */

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/docker/dcli.h"
#include "cli/docker/progress.h"
#include "image/pack.h"

struct args {
	bool quiet;
	const char *input, *output, *platform;
};
#define AT(member) offsetof(struct args, member)

static int to_fd(void *arg, const void *data, size_t len)
{
	return fd_write_all(*(int *)arg, data, len);
}

static const struct opt save_rows[] = { { 'o', "output", "FILE", "Into FILE, not to standard output.", OPT_STR,
					  AT(output), .complete = COMPLETE_FILE },
					OPT_END };

static int run_save(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct outfile out;
	struct pack_sink sink = { .write = to_fd, .arg = &out.fd };
	struct args a = { 0 };
	struct err e = { 0 };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	if (isempty(a.output) && isatty(STDOUT_FILENO))
		return dk_error(c, "cowardly refusing to save to a terminal. Use the -o flag or redirect");
	if (outfile_open(a.output, 0600, &out, &e) < 0)
		return dk_error(c, "failed to save image: %s", e.msg);
	code = dk_start(c, &d);
	if (code == 0 && images_save(docker_images(d), strv_get(&c->operands), &sink, &e) < 0)
		code = dk_fail(c, &e);
	return outfile_close(&out, code == 0, &e) < 0 ? dk_fail(c, &e) : code;
}

const struct command cmd_docker_save = {
	.name = "save",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Save one or more images to a tar archive (streamed to STDOUT by default)",
	.description = "Writes images with their names as an archive that load, Docker, podman and skopeo read.",
	.opts = save_rows,
	.min_args = 1,
	.max_args = ARGS_ANY,
	.see_also = "creel-load(1), creel-export(1)",
	.run = run_save,
};

static const struct opt load_rows[] = {
	{ 'i', "input", "FILE", "From FILE, not standard input.", OPT_STR, AT(input), .complete = COMPLETE_FILE },
	{ 0, "platform", "OS/ARCH", "Accepted.", OPT_STR, AT(platform), .flags = OPT_HIDDEN },
	{ 'q', "quiet", NULL, "Say nothing of how far it is.", OPT_BOOL, AT(quiet), 1 },
	OPT_END
};

static int run_load(struct cli *c)
{
	_cleanup_(progress_view_freep) struct progress_view *view = NULL;
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_strv_ struct strv done = STRV_INIT;
	_cleanup_close_ int file = -EBADF;
	struct args a = { 0 };
	struct err e = { 0 };
	int code = dk_parse(c, &a);

	if (code >= 0)
		return code;
	if (!isempty(a.input)) {
		file = open(a.input, O_RDONLY | O_CLOEXEC);
		if (file < 0)
			return dk_error(c, "open %s: %s", a.input,
					errno == ENOENT ? "no such file or directory" : "permission denied");
	} else if (isatty(STDIN_FILENO)) {
		return dk_error(c, "requested load from stdin, but stdin is empty");
	}
	code = dk_start(c, &d);
	if (code)
		return code;
	if (progress_view_new(STDOUT_FILENO, a.quiet || !isatty(STDOUT_FILENO), &view, &e) < 0 ||
	    images_load(docker_images(d), file >= 0 ? file : STDIN_FILENO, progress_view_get(view), &done, &e) < 0)
		code = dk_fail(c, &e);
	for (size_t i = 0; i < done.n; i++)
		printf("%s\n", done.v[i]);
	return code;
}

const struct command cmd_docker_load = {
	.name = "load",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Load an image from a tar archive or STDIN",
	.description = "Takes the images of an archive in: of docker save, of an OCI layout, compressed or not.",
	.opts = load_rows,
	.see_also = "creel-save(1), creel-import(1)",
	.run = run_load,
};

/* --- import --------------------------------------------------------------------------------------------------------------------- */

struct import_args {
	struct strv changes;
	const char *message, *platform;
};
#define IMPORT_AT(member) offsetof(struct import_args, member)
static const struct opt import_rows[] = {
	{ 'c', "change", "INSTRUCTION", "An instruction of a Dockerfile: CMD, ENV, EXPOSE …", OPT_LIST,
	  IMPORT_AT(changes) },
	{ 'm', "message", "TEXT", "What it is.", OPT_STR, IMPORT_AT(message) },
	{ 0, "platform", "OS/ARCH", "What it runs on; this machine by default.", OPT_STR, IMPORT_AT(platform) },
	OPT_END
};

static int import_config(const struct import_args *a, struct image_config *config, struct err *e)
{
	struct image_history h = { 0 };
	struct platform p = { 0 };
	time_t t = time(NULL);
	struct tm tm;
	char now[32];
	int r = isempty(a->platform) ? platform_host(&p, e) : platform_parse(a->platform, &p, e);

	if (r >= 0) {
		config->os = TAKE_PTR(p.os);
		config->architecture = TAKE_PTR(p.arch);
		config->variant = TAKE_PTR(p.variant);
		strftime(now, sizeof(now), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&t, &tm));
		config->created = strdup(now);
		h.comment = strdup(isempty(a->message) ? "Imported from -" : a->message);
		h.created = config->created;
		r = config->created && h.comment ? image_config_history(config, &h, e) : err_oom(e);
		config->comment = h.comment;
	}
	platform_done(&p);
	for (size_t i = 0; i < a->changes.n && r >= 0; i++)
		r = docker_change(&config->config, a->changes.v[i], e);
	return r;
}

static int import(const struct cli *c, const struct import_args *a)
{
	const char *from = c->operands.v[0];
	_cleanup_reference_ struct reference name = { 0 };
	_cleanup_image_config_ struct image_config config;
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_close_ int file = -EBADF;
	char id[DIGEST_MAX];
	struct err e = { 0 };
	bool named = c->operands.n > 1;
	int code;

	image_config_init(&config);
	if (startswith(from, "http://") || startswith(from, "https://"))
		return dk_error(c, "an archive is fetched by who knows how: curl %s | creel import -", from);
	if (named && (reference_parse(c->operands.v[1], &name, &e) < 0 || reference_default_tag(&name, &e) < 0))
		return dk_fail(c, &e);
	if (import_config(a, &config, &e) < 0)
		return dk_fail(c, &e);
	if (!streq(from, "-")) {
		file = open(from, O_RDONLY | O_CLOEXEC);
		if (file < 0)
			return dk_error(c, "open %s: %m", from);
	}
	code = dk_start(c, &d);
	if (code)
		return code;
	if (image_import(docker_images(d), file >= 0 ? file : STDIN_FILENO, &config, named ? &name : NULL, id, &e) < 0)
		return dk_fail(c, &e);
	printf("%s\n", id);
	return 0;
}

static int run_import(struct cli *c)
{
	struct import_args a = { 0 };
	int code = dk_parse(c, &a);

	if (code < 0)
		code = import(c, &a);
	strv_done(&a.changes);
	return code;
}

const struct command cmd_docker_import = {
	.name = "import",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] file|- [REPOSITORY[:TAG]]",
	.summary = "Import the contents from a tarball to create a filesystem image",
	.description = "Makes an image of one layer from a tar archive of a root file system, compressed or not, and "
		       "prints its "
		       "id.",
	.opts = import_rows,
	.min_args = 1,
	.max_args = 2,
	.examples = (const struct text_pair[]){ { "tar -C tree -c . | creel import - mine:1", "A folder as an image." },
						{ NULL, NULL } },
	.see_also = "creel-export(1), creel-load(1)",
	.run = run_import,
};
