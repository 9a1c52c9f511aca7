/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* pull, push, login, logout, search. */

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "cli/docker/dcli.h"
#include "cli/docker/progress.h"

struct args {
	bool all_tags, quiet, trust, for_run, no_trunc, password_stdin;
	const char *platform, *format, *user, *password;
	int limit;
	struct strv filters;
};
#define AT(member) offsetof(struct args, member)

static struct registry_opts registry_opts_of(const struct cli *c)
{
	return (struct registry_opts){ .config_dir = c->docker->config };
}

static int fail(const struct cli *c, const struct args *a, const struct err *e)
{
	if (!a->for_run)
		return dk_fail(c, e);
	fprintf(stderr, "docker: Error response from daemon: %s.\nSee 'creel run --help'.\n", e->msg);
	return 125;
}

/* --- pull, push ----------------------------------------------------------------------------------------------------------------- */

static const struct opt pull_rows[] = {
	{ 'a', "all-tags", NULL, "All tags of the repository.", OPT_BOOL, AT(all_tags), 1 },
	{ 0, "disable-content-trust", NULL, "Accepted; signatures of Notary are not known.", OPT_BOOL, AT(trust), 1 },
	{ 0, "for-run", NULL, "On behalf of run.", OPT_BOOL, AT(for_run), 1, .flags = OPT_HIDDEN },
	{ 0, "platform", "OS/ARCH", "The image's platform; this machine's by default.", OPT_STR, AT(platform) },
	{ 'q', "quiet", NULL, "The image's name only.", OPT_BOOL, AT(quiet), 1 },
	OPT_END
};

static int parse_name(const struct cli *c, const struct args *a, struct reference *ref, bool say)
{
	struct err e = { 0 };

	if (reference_parse(c->operands.v[0], ref, &e) < 0)
		return a->for_run ? fail(c, a, &e) : dk_error(c, "%s", e.msg);
	if (a->all_tags && (ref->tag || ref->digest))
		return dk_error(c, "tag can't be used with --all-tags/-a");
	if (!a->all_tags && !ref->tag && !ref->digest) {
		if (say)
			printf("Using default tag: latest\n");
		fflush(stdout);
		if (reference_default_tag(ref, &e) < 0)
			return fail(c, a, &e);
	}
	return 0;
}

static int transfer(const struct cli *c, const struct args *a, bool push)
{
	_cleanup_reference_ struct reference ref = { 0 };
	_cleanup_(progress_view_freep) struct progress_view *view = NULL;
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct registry_opts ro = registry_opts_of(c);
	struct platform platform = { 0 };
	struct pull_opts o = { .registry = &ro, .all_tags = a->all_tags };
	_cleanup_buf_ struct buf name = BUF_INIT;
	struct err e = { 0 };
	int code = parse_name(c, a, &ref, !a->quiet && !a->for_run), r;

	if (code)
		return code;
	if (!isempty(a->platform)) {
		if (platform_parse(a->platform, &platform, &e) < 0)
			return fail(c, a, &e);
		o.platform = &platform;
	}
	if (dk_open(c, &d, &e) < 0 || progress_view_new(STDOUT_FILENO, a->quiet, &view, &e) < 0) {
		platform_done(&platform);
		return fail(c, a, &e);
	}
	r = push ? image_push(docker_images(d), &ref, &o, progress_view_get(view), &e)
		 : image_pull(docker_images(d), &ref, &o, progress_view_get(view), &e);
	platform_done(&platform);
	if (r < 0)
		return fail(c, a, &e);
	reference_full(&ref, &name);
	if (!a->for_run && (!push || a->quiet))
		printf("%s\n", buf_str(&name));
	return 0;
}

static int run_pull(struct cli *c)
{
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	return code >= 0 ? code : transfer(c, &a, false);
}

const struct command cmd_docker_pull = {
	.name = "pull",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] NAME[:TAG|@DIGEST]",
	.summary = "Download an image from a registry",
	.description =
		"Fetches an image, several layers at once, and unpacks it. What is here already is not fetched again.",
	.opts = pull_rows,
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-images(1), creel-push(1), creel-login(1)",
	.run = run_pull,
};

static const struct opt push_rows[] = {
	{ 'a', "all-tags", NULL, "All tags of the repository.", OPT_BOOL, AT(all_tags), 1 },
	{ 0, "disable-content-trust", NULL, "Accepted; signatures of Notary are not known.", OPT_BOOL, AT(trust), 1 },
	{ 'q', "quiet", NULL, "The image's name only.", OPT_BOOL, AT(quiet), 1 },
	OPT_END
};

static int run_push(struct cli *c)
{
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	return code >= 0 ? code : transfer(c, &a, true);
}

const struct command cmd_docker_push = {
	.name = "push",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] NAME[:TAG]",
	.summary = "Upload an image to a registry",
	.description = "Sends an image to the registry that its name begins with. Layers that are there are not sent.",
	.opts = push_rows,
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-tag(1), creel-login(1)",
	.run = run_push,
};

/* --- login, logout --------------------------------------------------------------------------------------------------------------- */

#define SECRET_MAX 65536

static const struct opt login_rows[] = {
	{ 'p', "password", "PASSWORD", "The password; --password-stdin keeps it out of ps(1).", OPT_STR, AT(password) },
	{ 0, "password-stdin", NULL, "The password is on standard input.", OPT_BOOL, AT(password_stdin), 1 },
	{ 'u', "username", "USER", "The user.", OPT_STR, AT(user) },
	OPT_END
};

/* What is typed, without its end of line. SECRET: not shown. free(), NULL: nothing. */
static char *ask(const char *prompt, bool secret)
{
	struct termios was, quiet;
	char line[4096], *got;
	bool hidden = secret && tcgetattr(STDIN_FILENO, &was) == 0;

	printf("%s", prompt);
	fflush(stdout);
	if (hidden) {
		quiet = was;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	got = fgets(line, sizeof(line), stdin);
	if (hidden) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		putchar('\n');
	}
	if (!got)
		return NULL;
	line[strcspn(line, "\r\n")] = '\0';
	got = strdup(line);
	explicit_bzero(line, sizeof(line));
	return got;
}

static char *password_of_stdin(void)
{
	char *text = calloc(1, SECRET_MAX + 1);
	ssize_t n = text ? fd_read_full(STDIN_FILENO, text, SECRET_MAX) : -1;

	if (n < 0) {
		free(text);
		return NULL;
	}
	text[strcspn(text, "\r\n")] = '\0';
	return text;
}

static void tell_stored(const char *file)
{
	if (!isempty(file))
		fprintf(stderr,
			"WARNING! Your password will be stored unencrypted in %s.\nConfigure a credential helper to "
			"remove this "
			"warning. "
			"See\nhttps://docs.docker.com/engine/reference/commandline/login/#credential-stores\n\n",
			file);
}

static int login(const struct cli *c, const struct args *a)
{
	const char *server = c->operands.n ? c->operands.v[0] : NULL;
	struct registry_opts ro = registry_opts_of(c);
	_cleanup_free_ char *user = NULL, *password = NULL, *file = NULL;
	struct err e = { 0 };

	if (a->password && a->password_stdin)
		return dk_error(c, "--password and --password-stdin are mutually exclusive");
	if (a->password)
		fprintf(stderr, "WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
	if (a->password_stdin && isempty(a->user))
		return dk_error(c, "Must provide --username with --password-stdin");
	if (!a->password && !a->password_stdin && !isatty(STDIN_FILENO))
		return dk_error(c, "Error: Cannot perform an interactive login from a non TTY device");
	user = isempty(a->user) ? ask("Username: ", false) : strdup(a->user);
	if (isempty(user))
		return dk_error(c, "Error: username is required");
	password = a->password	       ? strdup(a->password)
		   : a->password_stdin ? password_of_stdin()
				       : ask("Password: ", true);
	if (isempty(password))
		return dk_error(c, "Error: Password Required");
	if (registry_login(server, user, password, &ro, &file, &e) < 0)
		return dk_fail(c, &e);
	explicit_bzero(password, strlen(password));
	tell_stored(file);
	printf("Login Succeeded\n");
	return 0;
}

static int run_login(struct cli *c)
{
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	return code >= 0 ? code : login(c, &a);
}

const struct command cmd_docker_login = {
	.name = "login",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] [SERVER]",
	.summary = "Log in to a registry",
	.description = "Checks user and password with the registry, Docker Hub where none is named, and keeps them as "
		       "~/.docker/config.json says: in a credential helper, or in that file.",
	.opts = login_rows,
	.max_args = 1,
	.see_also = "creel-logout(1), creel-pull(1)",
	.run = run_login,
};

static int run_logout(struct cli *c)
{
	struct registry_opts ro = registry_opts_of(c);
	struct err e = { 0 };
	int code = dk_parse(c, NULL), r;
	const char *server;

	if (code >= 0)
		return code;
	server = c->operands.n ? c->operands.v[0] : NULL;
	r = registry_logout(server, &ro, &e);
	if (r < 0)
		return dk_fail(c, &e);
	printf(r ? "Removing login credentials for %s\n" : "Not logged in to %s\n",
	       server ?: "https://index.docker.io/v1/");
	return 0;
}

const struct command cmd_docker_logout = {
	.name = "logout",
	.flags = CMD_DOCKER,
	.synopsis = "[SERVER]",
	.summary = "Log out from a registry",
	.description = "Forgets what login has kept.",
	.max_args = 1,
	.see_also = "creel-login(1)",
	.run = run_logout,
};

/* --- search ----------------------------------------------------------------------------------------------------------------------- */

#define DESCRIPTION_MAX 45

static int add_filter(void *args, const char *arg, struct err *e)
{
	return dk_filter(args, &((struct args *)args)->filters, arg, e);
}

static const struct opt search_rows[] = {
	{ 'f', "filter", "NAME=VALUE", "Only those: is-official, is-automated, stars.", OPT_CALL, 0,
	  .parse = add_filter },
	{ 0, "format", "FORMAT", "table, json, or a template (creel(1)).", OPT_STR, AT(format) },
	{ 0, "limit", "N", "That many at most, 1 to 100.", OPT_INT, AT(limit) },
	{ 0, "no-trunc", NULL, "Cut nothing off.", OPT_BOOL, AT(no_trunc), 1 },
	OPT_END
};

static const struct column search_columns[] = { { "Description", "DESCRIPTION" }, { "IsAutomated", "AUTOMATED" },
						{ "IsOfficial", "OFFICIAL" },	  { "Name", "NAME" },
						{ "StarCount", "STARS" },	  { NULL, NULL } };

static bool wanted(struct json_object *o, const struct strv *filters)
{
	for (size_t i = 0; i < filters->n; i++) {
		const char *f = filters->v[i], *v = strchr(f, '=') + 1;
		int64_t stars;
		bool on;

		if (startswith(f, "stars=") && parse_i64(v, &stars) >= 0 && dk_int(o, "star_count") < stars)
			return false;
		if (startswith(f, "is-official=") && opt_go_bool(v, &on) >= 0 && dk_bool(o, "is_official") != on)
			return false;
		if (startswith(f, "is-automated=") && opt_go_bool(v, &on) >= 0 && dk_bool(o, "is_automated") != on)
			return false;
	}
	return true;
}

static struct json_object *search_row(struct json_object *o, bool no_trunc)
{
	struct json_object *row = json_object_new_object();
	_cleanup_buf_ struct buf text = BUF_INIT;
	char stars[24];

	for (const char *s = dk_text(o, "description"); *s; s++)
		buf_putc(&text, *s == '\n' || *s == '\r' ? ' ' : *s);
	if (!no_trunc && text.len > DESCRIPTION_MAX) {
		size_t n = DESCRIPTION_MAX - 1;

		while (n && (buf_str(&text)[n] & 0xc0) == 0x80)
			n--;
		text.len = n;
		text.data[n] = '\0';
		buf_puts(&text, "\342\200\246");
	}
	snprintf(stars, sizeof(stars), "%lld", (long long)dk_int(o, "star_count"));
	json_object_object_add(row, "Name", json_object_new_string(dk_text(o, "name")));
	json_object_object_add(row, "Description", json_object_new_string(buf_str(&text)));
	json_object_object_add(row, "StarCount", json_object_new_string(stars));
	json_object_object_add(row, "IsOfficial", json_object_new_string(dk_bool(o, "is_official") ? "[OK]" : ""));
	json_object_object_add(row, "IsAutomated", json_object_new_string(dk_bool(o, "is_automated") ? "[OK]" : ""));
	return row;
}

static int search(const struct cli *c, const struct args *a)
{
	static const struct listing l = { "{{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}",
					  search_columns, "" };
	struct registry_opts ro = registry_opts_of(c);
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_object *o, *list, *rows;
	struct err e = { 0 };
	int code;

	if (a->limit < 0 || a->limit > 100)
		return dk_error(c, "Error response from daemon: limit %d is outside the range of [1, 100]", a->limit);
	if (registry_search(c->operands.v[0], a->limit ? (unsigned)a->limit : 25, &ro, &text, &e) < 0)
		return dk_fail(c, &e);
	o = dk_json(c, &text);
	if (!o)
		return 1;
	list = dk_get(o, "results");
	rows = json_object_new_array();
	for (size_t i = 0; list && json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++)
		if (wanted(json_object_array_get_idx(list, i), &a->filters))
			json_object_array_add(rows, search_row(json_object_array_get_idx(list, i), a->no_trunc));
	code = dk_print_rows(c, a->format, &l, rows);
	json_object_put(rows);
	json_object_put(o);
	return code;
}

static int run_search(struct cli *c)
{
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	if (code < 0)
		code = search(c, &a);
	strv_done(&a.filters);
	return code;
}

const struct command cmd_docker_search = {
	.name = "search",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS] TERM",
	.summary = "Search Docker Hub for images",
	.description = "Asks Docker Hub, or the registry that TERM begins with (HOST/WORD), for images of that name.",
	.opts = search_rows,
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-pull(1)",
	.run = run_search,
};
