/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What this host says of storage, as Docker's daemon.json does:
 *
 *   { "storage-driver": "thin", "storage-opts": ["thin.pool=/dev/mapper/vg-pool"] }
 *
 * Other members mean nothing here.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "dialect/docker/value.h"
#include "image/images-inner.h"
#include "sys/proc.h"

#include "config.h"

#define CONF_MAX (1u << 20)

static int read_conf(const char *path, struct buf *out, struct err *e)
{
	_cleanup_value_ struct json_c_value *v = NULL;
	const struct json_c_value *opts;
	_cleanup_free_ char *text = NULL;
	const char *driver;
	size_t len;
	int r = file_read(AT_FDCWD, path, CONF_MAX, &text, &len, e);

	if (r == -ENOENT || r == -ENOTDIR) {
		err_clear(e);
		return 0;
	}
	if (r == 0)
		r = value_parse(text, len, "storage", &v, e);
	if (r < 0)
		return err_wrap(e, r, "%s", path);
	driver = value_text(v, "storage-driver");
	opts = value_get(v, "storage-opts");
	if ((value_get(v, "storage-driver") && isempty(driver)) || (opts && isempty(driver)))
		return err_kind(e, ERR_INVALID, -EINVAL, "%s: storage-driver: expected a name", path);
	if (isempty(driver))
		return 0;
	buf_puts(out, driver);
	for (size_t i = 0; i < value_len(opts); i++) {
		const char *opt = value_text(value_elem(opts, i), NULL);

		if (!opt)
			return err_kind(e, ERR_INVALID, -EINVAL, "%s: storage-opts: expected texts", path);
		buf_printf(out, ",%s", opt);
	}
	return buf_error(out, e);
}

int storage_conf(const char *file, char **ret, struct err *e)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *own = NULL;
	int r = 0;

	if (file) {
		r = read_conf(file, &out, e);
	} else if (geteuid() != 0 || proc_user_entered()) {
		own = xdg && *xdg == '/'     ? path_join(xdg, "creel/daemon.json")
		      : home && *home == '/' ? path_join(home, ".config/creel/daemon.json")
					     : NULL;
		r = own ? read_conf(own, &out, e) : 0;
	} else {
		r = read_conf(CREEL_SYSCONFDIR "/creel/daemon.json", &out, e);
	}
	*ret = NULL;
	if (r < 0 || !out.len)
		return r;
	*ret = buf_take(&out);
	return *ret ? 0 : err_oom(e);
}
