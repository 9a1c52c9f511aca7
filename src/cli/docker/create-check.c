/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a single argument of `run` and `create` can have wrong, in the words of Docker's client. */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>

#include "base/parse.h"
#include "cli/docker/create.h"
#include "cli/docker/units.h"

#define BAD(...) err_kind(e, ERR_INVALID, -EINVAL, __VA_ARGS__)

int flag_env(const char *arg, struct err *e)
{
	return !*arg || *arg == '=' ? BAD("invalid environment variable: %s", arg) : 0;
}

int flag_label(const char *arg, struct err *e)
{
	return !*arg || *arg == '=' ? BAD("invalid label '%s': empty name", arg) : 0;
}

int flag_link(const char *arg, struct err *e)
{
	const char *colon = strchr(arg, ':');

	if (!*arg)
		return BAD("empty string specified for links");
	return colon && strchr(colon + 1, ':') ? BAD("bad format for links: %s", arg) : 0;
}

static bool is_address(const char *s)
{
	unsigned char a[16];

	return inet_pton(AF_INET, s, a) == 1 || inet_pton(AF_INET6, s, a) == 1;
}

int flag_ip(const char *arg, struct err *e)
{
	return is_address(arg) ? 0 : BAD("IP address is not correctly formatted: %s", arg);
}

int flag_add_host(const char *arg, struct err *e)
{
	size_t n = strcspn(arg, "=");
	const char *ip = arg + n;
	char plain[64];

	if (!*ip)
		ip = arg + strcspn(arg, ":");
	if (!*ip || ip == arg)
		return BAD("bad format for add-host: \"%s\"", arg);
	ip++;
	n = strlen(ip);
	if (n > 2 && n < sizeof(plain) && *ip == '[' && ip[n - 1] == ']') {
		memcpy(plain, ip + 1, n - 2);
		plain[n - 2] = '\0';
		ip = plain;
	}
	if (!streq(ip, "host-gateway") && !is_address(ip))
		return BAD("invalid IP address in add-host: \"%s\"", ip);
	return 0;
}

int flag_ulimit(const char *arg, struct err *e)
{
	static const char *const names[] = { "as",	"core",	    "cpu",	  "data",   "fsize", "locks",
					     "memlock", "msgqueue", "nice",	  "nofile", "nproc", "rss",
					     "rtprio",	"rttime",   "sigpending", "stack" };
	_cleanup_strv_ struct strv limits = STRV_INIT;
	const char *eq = strchr(arg, '=');
	int64_t v[2];
	bool known = false;

	if (!eq)
		return BAD("invalid ulimit argument: %s", arg);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		known = known || (strlen(names[i]) == (size_t)(eq - arg) && startswith(arg, names[i]));
	if (!known)
		return BAD("invalid ulimit type: %.*s", (int)(eq - arg), arg);
	if (strv_split(&limits, eq + 1, ":", e) < 0)
		return -ENOMEM;
	if (limits.n > 2)
		return BAD("too many limit value arguments - %s, can only have up to two, `soft[:hard]`", eq + 1);
	if (limits.n == 0)
		return BAD("strconv.ParseInt: parsing \"\": invalid syntax");
	for (size_t i = 0; i < limits.n; i++)
		if (parse_i64(limits.v[i], &v[i]) < 0)
			return BAD("strconv.ParseInt: parsing \"%s\": invalid syntax", limits.v[i]);
	if (limits.n == 2 && v[1] != -1 && (v[0] == -1 || v[0] > v[1]))
		return BAD("ulimit soft limit must be less than or equal to hard limit: %lld > %lld", (long long)v[0],
			   (long long)v[1]);
	return 0;
}

int flag_sysctl(const char *arg, struct err *e)
{
	static const char *const names[] = {
		"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem",
		"kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"
	};
	size_t len = strcspn(arg, "=");

	if (arg[len]) {
		if (startswith(arg, "net.") || startswith(arg, "fs.mqueue."))
			return 0;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (strlen(names[i]) == len && strncmp(names[i], arg, len) == 0)
				return 0;
	}
	return BAD("sysctl '%s' is not allowed", arg);
}

/* A number or a star; what follows it, or NULL. */
static const char *major_minor(const char *s)
{
	if (*s == '*')
		return s + 1;
	if (!isdigit((unsigned char)*s))
		return NULL;
	return s + strspn(s, "0123456789");
}

int flag_device_rule(const char *arg, struct err *e)
{
	const char *s = arg;

	s = strchr("acb", *s) && *s && s[1] == ' ' ? major_minor(s + 2) : NULL;
	s = s && *s == ':' ? major_minor(s + 1) : NULL;
	if (s && *s == ' ') {
		size_t n = strspn(s + 1, "rwm");

		if (n >= 1 && n <= 3 && !s[1 + n])
			return 0;
	}
	return BAD("invalid device cgroup format '%s'", arg);
}

/* "/dev/X:WHAT": WHAT in *RET. */
static int device_value(const char *arg, const char **ret, struct err *e)
{
	const char *colon = strchr(arg, ':');

	if (!colon || colon == arg || strchr(colon + 1, ':'))
		return BAD("bad format: %s", arg);
	if (!startswith(arg, "/dev/"))
		return BAD("bad format for device path: %s", arg);
	*ret = colon + 1;
	return 0;
}

int flag_weight(const char *arg, struct err *e)
{
	const char *text;
	uint64_t w;
	int r = device_value(arg, &text, e);

	if (r < 0)
		return r;
	if (parse_u64(text, &w) < 0 || (w != 0 && (w < 10 || w > 1000)))
		return BAD("invalid weight for device: %s", arg);
	return 0;
}

int flag_bps(const char *arg, struct err *e)
{
	const char *text;
	int64_t v;
	int r = device_value(arg, &text, e);

	if (r < 0)
		return r;
	if (unit_bytes(text, &v) < 0)
		return BAD("invalid rate for device: %s. The correct format is <device-path>:<number>[<unit>]. Number "
			   "must be a positive integer. Unit is optional and can be kb, mb, or gb",
			   arg);
	return 0;
}

int flag_iops(const char *arg, struct err *e)
{
	const char *text;
	uint64_t v;
	int r = device_value(arg, &text, e);

	if (r < 0)
		return r;
	if (parse_u64(text, &v) < 0)
		return BAD(
			"invalid rate for device: %s. The correct format is <device-path>:<number>. Number must be a "
			"positive integer",
			arg);
	return 0;
}

int flag_dns_search(const char *arg, struct err *e)
{
	const char *s = arg + strspn(arg, " \t");
	bool letter = false;

	if (streq(s, "."))
		return 0;
	for (const char *p = s; *p; p++) {
		if (!isalnum((unsigned char)*p) && !strchr("-_.", *p))
			return BAD("%s is not a valid domain", arg);
		letter = letter || isalpha((unsigned char)*p);
	}
	return letter && strlen(s) <= 255 && *s != '.' && *s != '-' ? 0 : BAD("%s is not a valid domain", arg);
}

/* A long form has NAME=VALUE somewhere; anything else is a network's name. */
static bool is_long_form(const char *s)
{
	for (const char *eq = strchr(s, '='); eq; eq = strchr(eq + 1, '='))
		if (eq > s && (isalnum((unsigned char)eq[-1]) || eq[-1] == '_') &&
		    (isalnum((unsigned char)eq[1]) || eq[1] == '_'))
			return true;
	return false;
}

int flag_network(const char *arg, struct err *e)
{
	static const char *const keys[] = {
		"name", "alias", "driver-opt", "link-local-ip", "mac-address", "ip", "ip6"
	};
	_cleanup_strv_ struct strv fields = STRV_INIT;
	int r;

	if (!is_long_form(arg))
		return 0;
	r = csv_split(arg, &fields, e);
	for (size_t i = 0; i < fields.n && r >= 0; i++) {
		const char *eq = strchr(fields.v[i], '=');
		bool known = false;

		if (!eq)
			return BAD("invalid field %s", fields.v[i]);
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			known = known ||
				(strlen(keys[k]) == (size_t)(eq - fields.v[i]) && startswith(fields.v[i], keys[k]));
		if (!known)
			return BAD("invalid field key %.*s", (int)(eq - fields.v[i]), fields.v[i]);
		if (startswith(fields.v[i], "driver-opt=") && !strchr(eq + 1, '='))
			return BAD("invalid key value pair format in driver options");
	}
	return r;
}

int flag_gpus(const char *arg, struct err *e)
{
	return BAD("no driver for GPUs is there; give the device nodes with --device");
}

int flag_attach(const char *arg, struct err *e)
{
	if (strcasecmp(arg, "stdin") == 0 || strcasecmp(arg, "stdout") == 0 || strcasecmp(arg, "stderr") == 0)
		return 0;
	return BAD("valid streams are STDIN, STDOUT and STDERR");
}

int size_option(const char *arg, bool unlimited, int64_t *ret, struct err *e)
{
	if (unlimited && streq(arg, "-1")) {
		*ret = -1;
		return 0;
	}
	return unit_bytes(arg, ret) < 0 ? BAD("invalid size: '%s'", arg) : 0;
}

int duration_option(const char *arg, int64_t *ret, struct err *e)
{
	return unit_duration(arg, ret) < 0 ? BAD("time: invalid duration \"%s\"", arg) : 0;
}

int cpus_option(const char *arg, int64_t *ret, struct err *e)
{
	int r = unit_nano(arg, ret);

	if (r == -ERANGE)
		return BAD("value is too precise");
	return r < 0 ? BAD("failed to parse %s as a rational number", arg) : 0;
}
