/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <stdio.h>

#include "base/parse.h"
#include "cli/lxc/lxc-cli.h"

int lxc_check_defines(const struct cli *c, const struct strv *defines)
{
	for (size_t i = 0; i < defines->n; i++) {
		const char *d = defines->v[i], *eq = strchr(d, '=');

		if (!eq || eq == d)
			return cli_usage_error(c, "'%s': expected KEY=VALUE", d);
	}
	return -1;
}

const char *lxc_size(uint64_t bytes, bool raw, char buf[static 32])
{
	static const char *const units[] = { "KiB", "MiB", "GiB" };

	if (raw) {
		snprintf(buf, 32, "%llu", (unsigned long long)bytes);
		return buf;
	}
	for (int i = 2; i >= 0; i--) {
		unsigned shift = 10 * (i + 1);

		if (bytes > 1ULL << shift) {
			uint64_t rest = bytes & ((1ULL << shift) - 1);

			snprintf(buf, 32, "%llu.%02llu %s", (unsigned long long)(bytes >> shift),
				 (unsigned long long)((rest * 100) >> shift), units[i]);
			return buf;
		}
	}
	snprintf(buf, 32, "%llu bytes", (unsigned long long)bytes);
	return buf;
}

int lxc_parse_fssize(const char *arg, uint64_t *ret, struct err *e)
{
	uint64_t n;
	int r = parse_u64(arg, &n);

	if (r == 0)
		r = n > UINT64_MAX >> 20 ? -ERANGE : 0;
	if (r == 0)
		n <<= 20;
	else
		r = parse_size(arg, &n);
	if (r < 0 || !n)
		return err_kind(e, ERR_INVALID, -EINVAL, "size '%s': expected a number and a unit of bBkKmMgGtT", arg);
	*ret = n;
	return 0;
}

/* A line of container_ips(): "eth0 4 10.0.3.5". */
int lxc_addresses(const struct strv *ips, char family, struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < ips->n; i++) {
		const char *line = ips->v[i], *sp = strchr(line, ' ');
		int r;

		if (!sp || !sp[1] || sp[2] != ' ' || sp[1] != family)
			continue;
		r = strv_push(ret, sp + 3, e);
		if (r < 0)
			return r;
	}
	return 0;
}

char *lxc_join(const struct strv *l, const char *sep)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	for (size_t i = 0; i < l->n; i++) {
		if (i)
			buf_puts(&b, sep);
		buf_puts(&b, l->v[i]);
	}
	return strdup(buf_str(&b));
}

int lxc_parse_id(int64_t *ret, const char *what, const char *arg, struct err *e)
{
	uint32_t id;

	if (parse_u32(arg, &id) < 0 || id == UINT32_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid %s '%s'", what, arg);
	*ret = id;
	return 0;
}
