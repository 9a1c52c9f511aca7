/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ~/.docker/config.json: "auths" holds credentials by server, "credHelpers" names a program for a server, "credsStore" one for
 * all others. All else in the file is somebody else's and stays as it is.
 */
#include "image/auth.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"

#define CONFIG_MAX   (4u << 20)
#define CONFIG_DEPTH 32
#define HELPER_MAX   (1u << 20)
#define TOKEN_USER   "<token>" /* with helpers: the secret is an identity token */

static void drop_json(struct json_object **v)
{
	json_object_put(*v);
}
#define _cleanup_json_ _cleanup_(drop_json)

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void wipep(char **s)
{
	wipe(*s);
}

void credential_done(struct credential *c)
{
	wipe(c->user);
	wipe(c->secret);
	wipe(c->identity_token);
	wipe(c->registry_token);
	*c = (struct credential){ 0 };
}

/* --- names of servers -------------------------------------------------------------------------------------------------------- */

/* "https://host:port/v2/" and "host:port" are the same server. */
static char *host_of(const char *server)
{
	const char *s = startswith(server, "https://") ?: startswith(server, "http://") ?: server;

	return strndup(s, strcspn(s, "/"));
}

char *auth_server_name(const char *server)
{
	static const char *const hub[] = { "docker.io", "index.docker.io", "registry-1.docker.io" };
	_cleanup_free_ char *host = isempty(server) ? strdup(hub[0]) : host_of(server);

	for (size_t i = 0; host && i < ARRAY_SIZE(hub); i++)
		if (streq(host, hub[i]))
			return strdup(DOCKER_HUB_SERVER);
	return TAKE_PTR(host);
}

/* As NAME, or any key with the same host. NULL: none. */
static const char *key_of(struct json_object *map, const char *name)
{
	_cleanup_free_ char *host = host_of(name);
	const char *found = NULL;

	if (!json_object_is_type(map, json_type_object) || !host)
		return NULL;
	json_object_object_foreach(map, key, v)
	{
		_cleanup_free_ char *other = host_of(key);

		(void)v;
		if (streq(key, name))
			return key;
		if (!found && other && streq(other, host))
			found = key;
	}
	return found;
}

/* --- JSON ---------------------------------------------------------------------------------------------------------------------- */

static int parse(const char *text, size_t len, const char *what, struct json_object **ret, struct err *e)
{
	struct json_tokener *tok = json_tokener_new_ex(CONFIG_DEPTH);
	_cleanup_json_ struct json_object *v = NULL;
	enum json_tokener_error why;
	size_t end;

	if (!tok)
		return err_oom(e);
	if (len > CONFIG_MAX) {
		json_tokener_free(tok);
		return err_kind(e, ERR_LIMIT, -E2BIG, "%s: larger than %u bytes", what, CONFIG_MAX);
	}
	v = json_tokener_parse_ex(tok, text, (int)len);
	why = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	json_tokener_free(tok);
	while (why == json_tokener_success && end < len && strchr(" \t\r\n", text[end]) && text[end])
		end++;
	if (why != json_tokener_success || end < len)
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: %s", what,
				why == json_tokener_success    ? "more than one JSON value"
				: why == json_tokener_continue ? "the JSON text ends too early"
							       : json_tokener_error_desc(why));
	if (!json_object_is_type(v, json_type_object))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: expected a JSON object", what);
	*ret = TAKE_PTR(v);
	return 0;
}

/* The member's text, NULL where it is none, or empty. */
static const char *text_of(struct json_object *o, const char *name)
{
	struct json_object *v;
	const char *s;

	if (!json_object_is_type(o, json_type_object) || !json_object_object_get_ex(o, name, &v) ||
	    !json_object_is_type(v, json_type_string))
		return NULL;
	s = json_object_get_string(v);
	/* A NUL in it would cut it short. */
	return *s && strlen(s) == (size_t)json_object_get_string_len(v) ? s : NULL;
}

static int copy(char **to, const char *from, struct err *e)
{
	if (!from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : err_oom(e);
}

/* "auth": base64 of USER:PASSWORD. */
static int split_auth(const char *auth, struct credential *c, struct err *e)
{
	_cleanup_(wipep) char *plain = NULL;
	char *colon;
	size_t len;
	int r = base64_decode(auth, strlen(auth), &plain, &len);

	if (r == -ENOMEM)
		return err_oom(e);
	colon = r < 0 ? NULL : strchr(plain, ':');
	if (!colon || strlen(plain) != len)
		return err_kind(e, ERR_INVALID, -EINVAL, "member 'auth' is not base64 of USER:PASSWORD");
	*colon = '\0';
	r = copy(&c->user, plain, e);
	return r < 0 ? r : copy(&c->secret, colon + 1, e);
}

static int from_entry(struct json_object *entry, struct credential *ret, struct err *e)
{
	_cleanup_credential_ struct credential c = { 0 };
	const char *auth = text_of(entry, "auth");
	int r = auth ? split_auth(auth, &c, e) : copy(&c.user, text_of(entry, "username"), e);

	if (r >= 0 && !auth)
		r = copy(&c.secret, text_of(entry, "password"), e);
	if (r >= 0)
		r = copy(&c.identity_token, text_of(entry, "identitytoken"), e);
	if (r >= 0)
		r = copy(&c.registry_token, text_of(entry, "registrytoken"), e);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct credential){ 0 };
	return credential_is_empty(ret) ? 0 : 1;
}

static int entry_of(struct json_object *config, const char *name, struct credential *ret, struct err *e)
{
	struct json_object *auths = json_object_object_get(config, "auths");
	const char *key = key_of(auths, name);
	int r;

	if (!key)
		return 0;
	r = from_entry(json_object_object_get(auths, key), ret, e);
	return r < 0 ? err_wrap(e, r, "credentials of '%s'", key) : r;
}

/* --- helpers -------------------------------------------------------------------------------------------------------------------- */

/* The helper for NAME, or NULL. */
static const char *helper_for(struct json_object *config, const char *name)
{
	struct json_object *helpers = json_object_object_get(config, "credHelpers");
	const char *key = key_of(helpers, name);

	return (key ? text_of(helpers, key) : NULL) ?: text_of(config, "credsStore");
}

/* A helper is looked for as its user has it, unlike programs of our own. */
static char *find_helper(const char *program)
{
	const char *path = getenv("PATH") ?: "/usr/local/bin:/usr/bin:/bin";

	while (*path) {
		_cleanup_free_ char *dir = strndup(path, strcspn(path, ":"));
		_cleanup_free_ char *full = dir && *dir == '/' ? path_join(dir, program) : NULL;

		if (full && access(full, X_OK) == 0)
			return TAKE_PTR(full);
		path += strcspn(path, ":");
		path += *path == ':';
	}
	return NULL;
}

/* What it says on standard output; the other stream is for people and goes nowhere. */
static int run_helper(const char *helper, const char *verb, const char *input, char **ret, struct err *e)
{
	_cleanup_free_ char *full = NULL;
	_cleanup_close_ int out = -EBADF;
	char program[256], word[16];
	char *argv[] = { program, word, NULL };
	pid_t pid;
	int r, status;

	if (!path_is_component(helper) || strlen(helper) > 128)
		return err_kind(e, ERR_INVALID, -EINVAL, "'%s' is no name of a credential helper", helper);
	snprintf(program, sizeof(program), "docker-credential-%s", helper);
	snprintf(word, sizeof(word), "%s", verb);
	full = find_helper(program);
	if (!full)
		return err_kind(e, ERR_MISSING, -ENOENT, "credential helper '%s' is not installed", program);
	out = memfd_create("helper", MFD_CLOEXEC);
	if (out < 0)
		return err_set(e, -errno, "prepare for credential helper '%s'", program);
	r = spawn_start(&(struct spawn){ .path = full, .argv = argv, .input = input, .stdout_fd = out }, &pid, e);
	if (r < 0)
		return r;
	status = spawn_wait(pid, e);
	if (status < 0)
		return status;
	r = file_read(AT_FDCWD, fd_path(out, (char[FD_PATH_MAX]){ 0 }), HELPER_MAX, ret, NULL, e);
	return r < 0 ? r : status;
}

static int helper_failed(const char *helper, const char *verb, char *said, int status, struct err *e)
{
	said[strcspn(said, "\r\n")] = '\0';
	return err_kind(e, ERR_SYSTEM, -EIO, "credential helper 'docker-credential-%s' %s failed with status %d: %s",
			helper, verb, status, said);
}

static int helper_get(const char *helper, const char *name, struct credential *ret, struct err *e)
{
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_(wipep) char *said = NULL;
	const char *user;
	int r = run_helper(helper, "get", name, &said, e);

	if (r < 0)
		return r;
	if (r > 0)
		return strstr(said, "credentials not found") ? 0 : helper_failed(helper, "get", said, r, e);
	r = parse(said, strlen(said), "what the credential helper said", &o, e);
	if (r < 0)
		return r;
	user = text_of(o, "Username");
	if (!user)
		return 0;
	if (streq(user, TOKEN_USER))
		r = copy(&ret->identity_token, text_of(o, "Secret"), e);
	else if ((r = copy(&ret->user, user, e)) >= 0)
		r = copy(&ret->secret, text_of(o, "Secret") ?: "", e);
	return r < 0 ? r : 1;
}

static int helper_store(const char *helper, const char *name, const struct credential *c, struct err *e)
{
	_cleanup_json_ struct json_object *o = json_object_new_object();
	_cleanup_(wipep) char *said = NULL;
	int r;

	json_object_object_add(o, "ServerURL", json_object_new_string(name));
	json_object_object_add(o, "Username", json_object_new_string(c->identity_token ? TOKEN_USER : c->user));
	json_object_object_add(o, "Secret", json_object_new_string(c->identity_token ?: c->secret ?: ""));
	r = run_helper(helper, "store",
		       json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE),
		       &said, e);
	return r > 0 ? helper_failed(helper, "store", said, r, e) : r;
}

static int helper_erase(const char *helper, const char *name, struct err *e)
{
	_cleanup_free_ char *said = NULL;
	int r = run_helper(helper, "erase", name, &said, e);

	if (r <= 0)
		return r < 0 ? r : 1;
	return strstr(said, "credentials not found") ? 0 : helper_failed(helper, "erase", said, r, e);
}

/* --- the text ------------------------------------------------------------------------------------------------------------------ */

int auth_text_get(const char *text, size_t len, const char *server, struct credential *ret, struct err *e)
{
	_cleanup_json_ struct json_object *config = NULL;
	_cleanup_free_ char *name = auth_server_name(server);
	int r = parse(text, len, "config.json", &config, e);

	if (r < 0)
		return r;
	return name ? entry_of(config, name, ret, e) : err_oom(e);
}

static int new_entry(const struct credential *c, struct json_object **ret, struct err *e)
{
	_cleanup_buf_ struct buf plain = BUF_INIT, auth = BUF_INIT;
	struct json_object *entry = json_object_new_object();

	if (c->user) {
		buf_printf(&plain, "%s:%s", c->user, c->identity_token ? "" : c->secret ?: "");
		base64_encode(buf_str(&plain), plain.len, false, &auth);
		json_object_object_add(entry, "auth", json_object_new_string(buf_str(&auth)));
		if (plain.data)
			explicit_bzero(plain.data, plain.len);
	}
	if (c->identity_token)
		json_object_object_add(entry, "identitytoken", json_object_new_string(c->identity_token));
	*ret = entry;
	return buf_error(&auth, e);
}

/* C NULL: forget. 1 when something changed. */
static int change(struct json_object *config, const char *name, const struct credential *c, struct err *e)
{
	struct json_object *auths = json_object_object_get(config, "auths"), *entry = NULL;
	const char *key;
	int r, changed = 0;

	if (auths && !json_object_is_type(auths, json_type_object))
		return err_kind(e, ERR_INVALID, -EINVAL, "config.json: member 'auths' is not an object");
	if (!c) {
		while ((key = key_of(auths, name))) {
			json_object_object_del(auths, key);
			changed = 1;
		}
		return changed;
	}
	r = new_entry(c, &entry, e);
	if (r < 0) {
		json_object_put(entry);
		return r;
	}
	if (!auths) {
		auths = json_object_new_object();
		json_object_object_add(config, "auths", auths);
	}
	json_object_object_add(auths, name, entry);
	return 1;
}

static int write_text(struct json_object *config, struct buf *out, struct err *e)
{
	const char *s = json_object_to_json_string_ext(config, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_PRETTY_TAB |
								       JSON_C_TO_STRING_SPACED |
								       JSON_C_TO_STRING_NOSLASHESCAPE);

	if (!s)
		return err_oom(e);
	buf_puts(out, s);
	buf_putc(out, '\n');
	return buf_error(out, e);
}

int auth_text_change(const char *text, size_t len, const char *server, const struct credential *c, struct buf *out,
		     struct err *e)
{
	_cleanup_json_ struct json_object *config = NULL;
	_cleanup_free_ char *name = auth_server_name(server);
	int r = parse(text, len, "config.json", &config, e);

	if (r >= 0)
		r = name ? change(config, name, c, e) : err_oom(e);
	return r < 0 ? r : write_text(config, out, e);
}

int auth_header_decode(const char *value, struct credential *ret, struct err *e)
{
	_cleanup_json_ struct json_object *o = NULL;
	_cleanup_(wipep) char *text = NULL;
	size_t len;
	int r = base64_decode(value, strlen(value), &text, &len);

	if (r < 0)
		return r == -ENOMEM ? err_oom(e) : err_kind(e, ERR_INVALID, r, "X-Registry-Auth is not base64");
	r = parse(text, len, "X-Registry-Auth", &o, e);
	if (r >= 0)
		r = from_entry(o, ret, e);
	return r < 0 ? r : 0;
}

/* --- the file ------------------------------------------------------------------------------------------------------------------- */

/* Where the file is, links followed: what they point to is replaced, not they. */
static int config_path(const char *dir, char **ret, struct err *e)
{
	_cleanup_free_ char *home = NULL, *path = NULL;
	char *real;

	if (!dir)
		dir = getenv("DOCKER_CONFIG");
	if (isempty(dir)) {
		home = path_join(getenv("HOME") ?: "/", ".docker");
		dir = home;
	}
	path = dir ? path_join(dir, "config.json") : NULL;
	if (!path)
		return err_oom(e);
	real = realpath(path, NULL);
	*ret = real ?: TAKE_PTR(path);
	return 0;
}

/* A missing or empty file is an empty object. */
static int load(const char *path, struct json_object **ret, struct err *e)
{
	_cleanup_(wipep) char *text = NULL;
	size_t len = 0;
	int r = file_read(AT_FDCWD, path, CONFIG_MAX, &text, &len, e);

	if (r == -ENOENT || r == -ENOTDIR || (r >= 0 && len == 0)) {
		err_clear(e);
		*ret = json_object_new_object();
		return *ret ? 0 : err_oom(e);
	}
	return r < 0 ? r : parse(text, len, path, ret, e);
}

static int save(const char *path, struct json_object *config, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r = write_text(config, &out, e);

	if (r >= 0)
		r = file_replace(AT_FDCWD, path, buf_str(&out), out.len, 0600, true, e);
	if (out.data)
		explicit_bzero(out.data, out.len);
	return r;
}

int auth_get(const char *dir, const char *server, struct credential *ret, struct err *e)
{
	_cleanup_json_ struct json_object *config = NULL;
	_cleanup_free_ char *path = NULL, *name = auth_server_name(server);
	const char *helper;
	int r = name ? config_path(dir, &path, e) : err_oom(e);

	if (r >= 0)
		r = load(path, &config, e);
	if (r < 0)
		return r;
	helper = helper_for(config, name);
	r = helper ? helper_get(helper, name, ret, e) : 0;
	if (r != 0)
		return r;
	r = entry_of(config, name, ret, e);
	return r < 0 ? err_wrap(e, r, "%s", path) : r;
}

/* Two who log in at once: one after the other. */
static int lock_folder(const char *path, struct err *e)
{
	_cleanup_free_ char *dir = strdup(path);
	_cleanup_close_ int fd = -EBADF;
	int r;

	if (!dir)
		return err_oom(e);
	*strrchr(dir, '/') = '\0';
	r = dir_make_all(*dir ? dir : "/", 0700, e);
	if (r < 0)
		return r;
	fd = open(*dir ? dir : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_set(e, -errno, "lock %s", dir);
	return TAKE_FD(fd);
}

int auth_store(const char *dir, const char *server, const struct credential *c, char **ret_plain_file, struct err *e)
{
	_cleanup_json_ struct json_object *config = NULL;
	_cleanup_free_ char *path = NULL, *name = auth_server_name(server);
	static const struct credential none = { 0 };
	_cleanup_close_ int lock = -EBADF;
	const char *helper;
	int r = name ? config_path(dir, &path, e) : err_oom(e);

	if (r >= 0)
		r = lock = lock_folder(path, e);
	if (r >= 0)
		r = load(path, &config, e);
	if (r < 0)
		return r;
	helper = helper_for(config, name);
	if (helper) {
		r = helper_store(helper, name, c, e);
		if (r < 0)
			return r;
	}
	/* An entry without a secret says that there is one with the helper. */
	r = change(config, name, helper ? &none : c, e);
	if (r >= 0)
		r = save(path, config, e);
	if (r >= 0 && ret_plain_file)
		*ret_plain_file = helper ? NULL : TAKE_PTR(path);
	return r < 0 ? r : 0;
}

int auth_erase(const char *dir, const char *server, struct err *e)
{
	_cleanup_json_ struct json_object *config = NULL;
	_cleanup_free_ char *path = NULL, *name = auth_server_name(server);
	_cleanup_close_ int lock = -EBADF;
	const char *helper;
	int r = name ? config_path(dir, &path, e) : err_oom(e), changed, erased = 0;

	if (r >= 0 && !file_exists(AT_FDCWD, path))
		return 0;
	if (r >= 0)
		r = lock = lock_folder(path, e);
	if (r >= 0)
		r = load(path, &config, e);
	if (r < 0)
		return r;
	helper = helper_for(config, name);
	if (helper) {
		erased = helper_erase(helper, name, e);
		if (erased < 0)
			return erased;
	}
	changed = change(config, name, NULL, e);
	if (changed > 0)
		changed = save(path, config, e) ?: 1;
	return changed < 0 ? changed : changed || erased;
}
