/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The configuration in memory: loaded, asked, changed, saved. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "liblxc/liblxc.h"
#include "spec/field.h"

int config_name(struct lxc_container *c, struct err *e)
{
	char *name;

	if (asprintf(&name, "%s/%s/config", c->config_path, c->name) < 0)
		return err_oom(e);
	free(c->configfile);
	c->configfile = name;
	return 0;
}

/* With the lock held: there is one in memory. */
static int need(struct lxc_container *c, struct err *e)
{
	struct lxc_conf *conf;
	int r;

	if (c->lxc_conf)
		return 0;
	conf = calloc(1, sizeof(*conf));
	if (!conf)
		return err_oom(e);
	r = lxc_config_new(&conf->config, e);
	if (r < 0) {
		free(conf);
		return r;
	}
	c->lxc_conf = conf;
	return 0;
}

/* What is in memory is what FILE says. */
static bool is_loaded(const struct lxc_config *conf, const char *file)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *there = NULL;
	size_t len;

	return file_read(AT_FDCWD, file, 16u << 20, &there, &len, NULL) == 0 &&
	       lxc_config_text(conf, &text, NULL) == 0 && text.len && text.len == len &&
	       memcmp(text.data, there, len) == 0;
}

int config_load(struct lxc_container *c, const char *file, struct err *e)
{
	int r;

	api_lock(c);
	r = need(c, e);
	/* Loading it once more would make every list twice as long. */
	if (r == 0 && !is_loaded(c->lxc_conf->config, file))
		r = lxc_config_read(c->lxc_conf->config, file, e);
	api_unlock(c);
	return r;
}

static const char *default_config(void)
{
	return lxc_get_global_config_item("lxc.default_config");
}

static bool load_config(struct lxc_container *c, const char *alt_file)
{
	struct err e = { 0 };

	if (!c || (!alt_file && !c->configfile))
		return false;
	return config_load(c, alt_file ?: c->configfile, &e) == 0 || api_fail(c, &e);
}

static void clear_config(struct lxc_container *c)
{
	struct lxc_conf *conf;

	if (!c)
		return;
	api_lock(c);
	conf = c->lxc_conf;
	c->lxc_conf = NULL;
	api_unlock(c);
	if (conf)
		lxc_config_free(conf->config);
	free(conf);
}

static bool is_defined(struct lxc_container *c)
{
	bool yes;

	if (!c)
		return false;
	api_lock(c);
	yes = c->configfile && access(c->configfile, F_OK) == 0;
	api_unlock(c);
	return yes;
}

/* DIR exists, made as create makes it. */
static int make_dir(const char *path, struct err *e)
{
	_cleanup_free_ char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;

	if (!slash)
		return err_oom(e);
	*slash = '\0';
	return dir_make_all(dir, 0770, e);
}

static int save(struct lxc_container *c, const char *alt_file, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *file = NULL;
	bool own;
	int r;

	if (!c->lxc_conf && default_config() && access(default_config(), F_OK) == 0) {
		r = config_load(c, default_config(), e);
		if (r < 0)
			return r;
	}
	api_lock(c);
	file = strdup(alt_file ?: c->configfile);
	own = streq_ptr(file, c->configfile);
	r = need(c, e);
	if (r == 0)
		r = lxc_config_text(c->lxc_conf->config, &text, e);
	if (r == 0)
		r = make_dir(c->configfile, e);
	api_unlock(c);
	if (r == 0 && !file)
		r = err_oom(e);
	if (r < 0)
		return r;
	/* Another's file is written as it is: it may be a device or a pipe. */
	if (!own && access(file, F_OK) == 0) {
		_cleanup_close_ int fd = open(file, O_WRONLY | O_TRUNC | O_CLOEXEC);

		r = fd < 0 ? -errno : fd_write_all(fd, buf_str(&text), text.len);
		return r < 0 ? err_set(e, r, "write %s", file) : 0;
	}
	return file_replace(AT_FDCWD, file, buf_str(&text), text.len, 0640, true, e);
}

static bool save_config(struct lxc_container *c, const char *alt_file)
{
	struct err e = { 0 };

	return c && c->configfile && (save(c, alt_file, &e) == 0 || api_fail(c, &e));
}

static bool set_config_item(struct lxc_container *c, const char *key, const char *value)
{
	struct err e = { 0 };
	int r;

	if (!c || !key)
		return false;
	api_lock(c);
	r = need(c, &e);
	if (r == 0)
		r = lxc_config_set(c->lxc_conf->config, key, value ?: "", &e);
	api_unlock(c);
	return r == 0 || api_fail(c, &e);
}

static bool clear_config_item(struct lxc_container *c, const char *key)
{
	struct err e = { 0 };
	int r;

	if (!c || !key || !c->lxc_conf)
		return false;
	api_lock(c);
	r = c->lxc_conf ? lxc_config_clear(c->lxc_conf->config, key, &e) : err_oom(&e);
	api_unlock(c);
	return r == 0 || api_fail(c, &e);
}

static int get_config_item(struct lxc_container *c, const char *key, char *retv, int inlen)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct err e = { 0 };
	int r = -EINVAL;

	if (!c || !key || !c->lxc_conf)
		return -1;
	api_lock(c);
	if (c->lxc_conf)
		r = lxc_key_get(lxc_config_spec(c->lxc_conf->config), key, &text, &e);
	api_unlock(c);
	if (r < 0) {
		api_fail(c, &e);
		return r;
	}
	return api_copy_out(buf_str(&text), retv, inlen);
}

/* What it was started with lies in its run directory. */
static int running_spec(struct lxc_container *c, struct spec *ret, struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int dirfd = -EBADF;
	_cleanup_free_ char *text = NULL;
	int r = view_record(c, &rec, &dirfd, e);

	if (r == -ENOENT || (r == 0 && rec.state == RUN_STOPPED))
		return err_kind(e, ERR_STATE, -ESRCH, "container is not running");
	if (r == 0)
		r = file_read(dirfd, "spec", 16u << 20, &text, NULL, e);
	return r < 0 ? r : spec_load(ret, text, e);
}

static char *get_running_config_item(struct lxc_container *c, const char *key)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_spec_ struct spec s;
	struct err e = { 0 };
	int r;

	if (!c || !key || !c->lxc_conf)
		return NULL;
	spec_init(&s);
	r = running_spec(c, &s, &e);
	if (r == 0)
		r = lxc_key_get(&s, key, &text, &e);
	if (r < 0) {
		api_fail(c, &e);
		return NULL;
	}
	/* As LXC's: what has no value is NULL. */
	return text.len ? buf_take(&text) : NULL;
}

static int get_keys(struct lxc_container *c, const char *key, char *retv, int inlen)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_spec_ struct spec none;
	struct err e = { 0 };
	int r = 0;

	if (!c || (key && !c->lxc_conf))
		return -1;
	spec_init(&none);
	api_lock(c);
	r = lxc_key_list(c->lxc_conf ? lxc_config_spec(c->lxc_conf->config) : &none, key ?: "", &names, &e);
	api_unlock(c);
	if (r == 0 && key && !names.n)
		r = err_kind(&e, ERR_NOT_FOUND, -ENOENT, "%s: no key begins with it", key);
	for (size_t i = 0; i < names.n && r == 0; i++)
		buf_printf(&text, "%s\n", names.v[i]);
	if (r == 0)
		r = buf_error(&text, &e);
	if (r < 0) {
		api_fail(c, &e);
		return -1;
	}
	return api_copy_out(buf_str(&text), retv, inlen);
}

/* --- where it is ---------------------------------------------------------------------------------------------------------- */

static char *config_file_name(struct lxc_container *c)
{
	char *name;

	if (!c)
		return NULL;
	api_lock(c);
	name = c->configfile ? strdup(c->configfile) : NULL;
	api_unlock(c);
	return name;
}

static const char *get_config_path(struct lxc_container *c)
{
	return c ? c->config_path : NULL;
}

static bool set_config_path(struct lxc_container *c, const char *path)
{
	struct err e = { 0 };
	char *copy, *old;
	int r;

	if (!c || isempty(path))
		return false;
	copy = strdup(path);
	if (!copy)
		return false;
	api_lock(c);
	old = c->config_path;
	c->config_path = copy;
	r = config_name(c, &e);
	if (r < 0)
		c->config_path = old;
	api_unlock(c);
	free(r < 0 ? copy : old);
	return r == 0 || api_fail(c, &e);
}

static bool want_daemonize(struct lxc_container *c, bool state)
{
	if (!c || !c->lxc_conf)
		return false;
	c->daemonize = state;
	return true;
}

/* Nothing of the caller's goes into a container in any case. */
static bool want_close_all_fds(struct lxc_container *c, bool state)
{
	return c && c->lxc_conf;
}

void methods_config(struct lxc_container *c)
{
	c->is_defined = is_defined;
	c->load_config = load_config;
	c->save_config = save_config;
	c->clear_config = clear_config;
	c->set_config_item = set_config_item;
	c->clear_config_item = clear_config_item;
	c->get_config_item = get_config_item;
	c->get_running_config_item = get_running_config_item;
	c->get_keys = get_keys;
	c->config_file_name = config_file_name;
	c->get_config_path = get_config_path;
	c->set_config_path = set_config_path;
	c->want_daemonize = want_daemonize;
	c->want_close_all_fds = want_close_all_fds;
}

PUBLIC bool lxc_config_item_is_supported(const char *key)
{
	return key && lxc_key_known(key);
}
