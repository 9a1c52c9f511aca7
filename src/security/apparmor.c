/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "security/lsm.h"

#define PROFILES_MAX (8u << 20)
#define PROFILE_MAX  (1u << 20)

/* Those that distributions load for containers that name no profile, the better one first. */
static const char *const defaults[] = { "lxc-container-default-cgns", "lxc-container-default" };

static int policy_path(const struct lsm_host *h, const char *file, char *buf, size_t size, struct err *e)
{
	if ((size_t)snprintf(buf, size, "%s/kernel/security/apparmor/%s", h->sys, file) >= size)
		return err_set(e, -ENAMETOOLONG, "path of AppArmor's %s", file);
	return 0;
}

bool apparmor_active(const struct lsm_host *h)
{
	char path[256], text[16];

	snprintf(path, sizeof(path), "%s/module/apparmor/parameters/enabled", h->sys);
	return file_read_small(AT_FDCWD, path, text, sizeof(text)) > 0 && *text == 'Y';
}

/* 1: loaded, 0: not, -ENOENT: nobody can tell, since securityfs is not mounted here. */
static int is_loaded(const struct lsm_host *h, const char *name, struct err *e)
{
	_cleanup_free_ char *list = NULL;
	size_t len = strcspn(name, " ");
	char path[256];
	int r;

	/* Of "a//&b" the first is looked for. */
	if (strstr(name, "//&"))
		len = (size_t)(strstr(name, "//&") - name);
	r = policy_path(h, "profiles", path, sizeof(path), e);
	if (r < 0)
		return r;
	r = file_read(AT_FDCWD, path, PROFILES_MAX, &list, NULL, e);
	if (r < 0)
		return r;
	for (const char *line = list; *line; line += strcspn(line, "\n"), line += *line == '\n')
		if (strncmp(line, name, len) == 0 && strncmp(line + len, " (", 2) == 0)
			return 1;
	return 0;
}

/* Without these files the kernel would let mounts pass whatever a profile says. */
static int check_mediation(const struct lsm_host *h, struct err *e)
{
	char path[256];
	int r = policy_path(h, "features/mount/mask", path, sizeof(path), e);

	if (r < 0 || file_exists(AT_FDCWD, path))
		return r;
	err_kind(e, ERR_MISSING, -EOPNOTSUPP, "this kernel's AppArmor does not confine mounts");
	return err_hint(e, -EOPNOTSUPP, "lxc.apparmor.allow_incomplete = 1 starts the container all the same");
}

static int want_label(const char *label, char **ret, struct err *e)
{
	char *copy = strdup(label);

	if (!copy)
		return err_oom(e);
	*ret = copy;
	return 0;
}

static int prepare_default(const struct lsm_host *h, char **ret_label)
{
	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		if (is_loaded(h, defaults[i], NULL) == 1)
			return want_label(defaults[i], ret_label, NULL);
	return 0;
}

static int prepare_generated(const struct lsm_host *h, const struct lsm_want *w, char **ret_label, char **ret_loaded,
			     struct err *e)
{
	_cleanup_free_ char *name = NULL, *label = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	r = apparmor_profile_name(w->container, &name, e);
	if (r == 0)
		r = apparmor_profile_text(w, name, &text, e);
	if (r == 0)
		r = want_label(name, &label, e);
	if (r == 0)
		r = apparmor_load(h, name, buf_str(&text), e);
	if (r < 0)
		return r;
	*ret_label = TAKE_PTR(label);
	*ret_loaded = TAKE_PTR(name);
	return 0;
}

/* The one that all containers of images have: loaded by the first, and left. Where nothing compiles it they go without, as with
 * Docker. */
static int prepare_shared(const struct lsm_host *h, const struct lsm_want *w, char **ret_label, struct err *e)
{
	_cleanup_free_ char *parser = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	int r;

	if (is_loaded(h, w->apparmor_profile, NULL) != 1) {
		parser = spawn_find(h->parser);
		if (!parser)
			return 0;
		r = apparmor_shared_text(w->apparmor_profile, &text, e);
		if (r == 0)
			r = apparmor_load(h, w->apparmor_profile, buf_str(&text), e);
		if (r < 0)
			return r;
	}
	return want_label(w->apparmor_profile, ret_label, e);
}

static int prepare_named(const struct lsm_host *h, const struct lsm_want *w, char **ret_label, struct err *e)
{
	const char *name = w->apparmor_profile;
	struct err quiet = { 0 };
	int r = is_loaded(h, name, &quiet);

	if (r == 0) {
		if (w->apparmor_incomplete)
			return 0;
		err_kind(e, ERR_NOT_FOUND, -ENOENT, "AppArmor profile '%s' is not loaded", name);
		return err_hint(e, -ENOENT, "load it with: apparmor_parser -r /etc/apparmor.d/FILE");
	}
	return want_label(name, ret_label, e);
}

int apparmor_prepare(const struct lsm_host *h, const struct lsm_want *w, char **ret_label, char **ret_loaded,
		     struct err *e)
{
	const char *name = w->apparmor_profile;
	int r;

	if (streq_ptr(name, "unchanged"))
		return 0;
	if (streq_ptr(name, "unconfined"))
		return want_label("unconfined", ret_label, e);
	if (streq_ptr(name, APPARMOR_SHARED))
		return prepare_shared(h, w, ret_label, e);
	r = isempty(name) || w->apparmor_incomplete ? 0 : check_mediation(h, e);
	if (r < 0)
		return r;
	if (isempty(name))
		return prepare_default(h, ret_label);
	if (streq(name, "generated"))
		return prepare_generated(h, w, ret_label, ret_loaded, e);
	return prepare_named(h, w, ret_label, e);
}

/* A directory that nobody else can have prepared. */
static int open_cache(const char *path, struct err *e)
{
	_cleanup_close_ int fd = -EBADF;
	struct stat st;
	int r = dir_make_all(path, 0700, e);

	if (r < 0)
		return r;
	fd = open(path, O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(e, -errno, "open %s", path);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_kind(e, ERR_DENIED, -EPERM, "%s could have been written by others", path);
	return TAKE_FD(fd);
}

static bool same_text(int dirfd, const char *file, const char *text)
{
	_cleanup_free_ char *old = NULL;

	return file_read(dirfd, file, PROFILE_MAX, &old, NULL, NULL) == 0 && streq(old, text);
}

/* apparmor_parser from the text's file to the binary's; both names below the cache. */
static int compile(const struct lsm_host *h, const char *source, const char *binary, struct err *e)
{
	_cleanup_free_ char *from = path_join(h->cache, source), *to = path_join(h->cache, binary), *output = NULL;
	_cleanup_strv_ struct strv args = STRV_INIT;
	const char *const options[] = { h->parser, "--skip-kernel-load", "--skip-cache", "--ofile", to, from };
	int r = from && to ? 0 : err_oom(e);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(options); i++)
		r = strv_push(&args, options[i], e);
	if (r < 0)
		return r;
	r = spawn_run(&(struct spawn){ .path = h->parser, .argv = strv_get(&args) }, &output, e);
	if (r < 0)
		return err_hint(e, r, "install the package apparmor, or set lxc.apparmor.profile = unconfined");
	if (r > 0)
		return err_kind(e, ERR_INVALID, -EINVAL, "apparmor_parser: %.*s", (int)strcspn(output ?: "", "\n"),
				output ?: "");
	return 0;
}

int apparmor_load(const struct lsm_host *h, const char *name, const char *text, struct err *e)
{
	_cleanup_close_ int cache = open_cache(h->cache, e);
	_cleanup_free_ char *blob = NULL;
	char source[300], binary[300], fresh[300], path[256];
	size_t len;
	int r;

	if (cache < 0)
		return cache;
	snprintf(source, sizeof(source), "%.255s.txt", name);
	snprintf(binary, sizeof(binary), "%.255s.bin", name);
	snprintf(fresh, sizeof(fresh), "%.255s.new", name);
	/* Compiling takes a hundred times as long as loading. The text is named last: found, it has its binary. */
	if (!same_text(cache, source, text) || !file_exists(cache, binary)) {
		r = file_replace(cache, fresh, text, strlen(text), 0600, false, e);
		if (r == 0)
			r = compile(h, fresh, binary, e);
		if (r == 0 && renameat(cache, fresh, cache, source) < 0)
			r = err_set(e, -errno, "rename %s/%s", h->cache, fresh);
		if (r < 0) {
			unlinkat(cache, fresh, 0);
			return err_wrap(e, r, "AppArmor profile %s", name);
		}
	}
	r = file_read(cache, binary, PROFILES_MAX, &blob, &len, e);
	if (r == 0)
		r = policy_path(h, ".replace", path, sizeof(path), e);
	if (r < 0)
		return r;
	r = file_write_raw(AT_FDCWD, path, blob, len);
	return r < 0 ? err_set(e, r, "load AppArmor profile %s", name) : 0;
}

int apparmor_unload(const struct lsm_host *h, const char *profile, struct err *e)
{
	char path[256];
	int r = policy_path(h, ".remove", path, sizeof(path), e);

	if (r < 0)
		return r;
	r = file_write_raw(AT_FDCWD, path, profile, strlen(profile));
	/* Gone already, or on a kernel whose policy is not to be seen from here. */
	return r < 0 && r != -ENOENT ? err_set(e, r, "unload AppArmor profile %s", profile) : 0;
}
