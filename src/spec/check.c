/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "spec/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/log.h"
#include "base/names.h"
#include "base/parse.h"

#define DIGITS "0123456789"
#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static int expected(struct err *e, const char *what, const char *v)
{
	return err_kind(e, ERR_INVALID, -EINVAL, "expected %s, not '%.200s'", what, v);
}

static bool has_control(const char *v)
{
	for (; *v; v++)
		if ((unsigned char)*v < ' ' || *v == 0x7f)
			return true;
	return false;
}

int check_line(const char *v, struct err *e)
{
	for (; *v; v++)
		if (*v == '\n')
			return expected(e, "one line", v);
	return 0;
}

int check_word(const char *v, struct err *e)
{
	if (!*v || v[strcspn(v, " \t")] || has_control(v))
		return expected(e, "one word", v);
	return 0;
}

int check_label(const char *v, struct err *e)
{
	return !*v || v[strcspn(v, " \t\"\\")] || has_control(v) ? expected(e, "a label without blanks and quotes", v)
								 : 0;
}

int check_hostname(const char *v, struct err *e)
{
	size_t n = strlen(v);

	if (!n || n > 64 || v[strspn(v, LOWER UPPER DIGITS "-._")])
		return expected(e, "a host name of at most 64 letters, digits, '-', '.' or '_'", v);
	return 0;
}

int check_component(const char *v, struct err *e)
{
	if (!path_is_component(v) || has_control(v))
		return expected(e, "a name without '/'", v);
	return 0;
}

int check_ifname(const char *v, struct err *e)
{
	/* The kernel's dev_valid_name(): no slash, colon or blank, not "." or "..", shorter than IFNAMSIZ. */
	if (!path_is_component(v) || strlen(v) > 15 || strpbrk(v, ": \t") || has_control(v))
		return expected(e, "an interface name of at most 15 bytes", v);
	return 0;
}

int check_link(const char *v, struct err *e)
{
	return check_ifname(v, e);
}

int check_hwaddr(const char *v, struct err *e)
{
	size_t i;

	for (i = 0; i < 17; i++) {
		if (i % 3 == 2 ? v[i] != ':' : !v[i] || !strchr(DIGITS "abcdefABCDEFxX", v[i]))
			return expected(e, "a hardware address like 10:66:6a:xx:xx:xx", v);
	}
	return v[17] ? expected(e, "a hardware address like 10:66:6a:xx:xx:xx", v) : 0;
}

/* Is V[0..N) an address of FAMILY, with /P when PREFIX is 1, perhaps with it when -1? */
static bool is_addr(int family, const char *v, size_t n, int prefix)
{
	unsigned char raw[16];
	char text[INET6_ADDRSTRLEN + 8], *slash;
	uint32_t bits;

	if (n >= sizeof(text))
		return false;
	memcpy(text, v, n);
	text[n] = '\0';
	slash = strchr(text, '/');
	if (slash) {
		*slash = '\0';
		if (!prefix || parse_u32(slash + 1, &bits) < 0 || bits > (family == AF_INET ? 32u : 128u))
			return false;
	} else if (prefix > 0) {
		return false;
	}
	return inet_pton(family, text, raw) == 1;
}

int check_ipv4(const char *v, struct err *e)
{
	size_t n = strcspn(v, " \t");
	const char *brd = v + n + strspn(v + n, " \t");

	if (!is_addr(AF_INET, v, n, -1) || (*brd && !is_addr(AF_INET, brd, strlen(brd), 0)))
		return expected(e, "an IPv4 address A[/PREFIX] [BROADCAST]", v);
	return 0;
}

int check_ipv6(const char *v, struct err *e)
{
	return is_addr(AF_INET6, v, strlen(v), -1) ? 0 : expected(e, "an IPv6 address A[/PREFIX]", v);
}

static int check_gateway(int family, const char *v, struct err *e)
{
	if (streq(v, "auto") || streq(v, "dev") || is_addr(family, v, strlen(v), 0))
		return 0;
	return expected(e, family == AF_INET ? "an IPv4 address, 'auto' or 'dev'" : "an IPv6 address, 'auto' or 'dev'",
			v);
}

int check_gateway4(const char *v, struct err *e)
{
	return check_gateway(AF_INET, v, e);
}

int check_gateway6(const char *v, struct err *e)
{
	return check_gateway(AF_INET6, v, e);
}

int check_route4(const char *v, struct err *e)
{
	return is_addr(AF_INET, v, strlen(v), 1) ? 0 : expected(e, "an IPv4 network A/PREFIX", v);
}

int check_route6(const char *v, struct err *e)
{
	return is_addr(AF_INET6, v, strlen(v), 1) ? 0 : expected(e, "an IPv6 network A/PREFIX", v);
}

int check_vlan(const char *v, struct err *e)
{
	uint32_t id;

	if (parse_u32(v, &id) < 0 || id > 4094)
		return expected(e, "a VLAN id from 0 to 4094", v);
	return 0;
}

int check_veth_vlan(const char *v, struct err *e)
{
	uint32_t id;

	if (!streq(v, "none") && (parse_u32(v, &id) < 0 || id > 4094))
		return expected(e, "'none' or a VLAN id from 0 to 4094", v);
	return 0;
}

int check_id(const char *v, struct err *e)
{
	uint32_t id;

	/* 2^32 - 1 means "no change" to the kernel's set*id calls. */
	if (parse_u32(v, &id) < 0 || id == UINT32_MAX)
		return expected(e, "a number below 4294967295", v);
	return 0;
}

int check_env(const char *v, struct err *e)
{
	if (!*v || *v == '=')
		return expected(e, "NAME=VALUE or NAME", v);
	return 0;
}

int check_kv(const char *v, struct err *e)
{
	const char *eq = strchr(v, '=');

	if (!eq || eq == v)
		return expected(e, "NAME=VALUE", v);
	return 0;
}

int check_key_file(const char *v, struct err *e)
{
	const char *eq = strchr(v, '=');
	const char *dots;

	if (!eq || eq == v)
		return expected(e, "NAME=VALUE", v);
	/* NAME becomes a path below /proc. */
	dots = strstr(v, "..");
	if (*v == '/' || *v == '.' || (dots && dots < eq))
		return expected(e, "a name without '..', '.' or '/' at its start", v);
	return 0;
}

static bool is_cap(const char *v)
{
	return *v && !v[strspn(v, LOWER DIGITS "_")] && !startswith(v, "cap_") && strlen(v) < 32;
}

int check_cap(const char *v, struct err *e)
{
	return is_cap(v) && !streq(v, "none") ? 0 : expected(e, "a capability like sys_admin", v);
}

int check_cap_keep(const char *v, struct err *e)
{
	return is_cap(v) ? 0 : expected(e, "a capability like sys_admin, or 'none'", v);
}

int check_mount_auto(const char *v, struct err *e)
{
	static const char *const words[] = {
		"proc",
		"proc:mixed",
		"proc:rw",
		"sys",
		"sys:ro",
		"sys:mixed",
		"sys:rw",
		"cgroup",
		"cgroup:mixed",
		"cgroup:ro",
		"cgroup:rw",
		"cgroup:force",
		"cgroup:mixed:force",
		"cgroup:ro:force",
		"cgroup:rw:force",
		"cgroup-full",
		"cgroup-full:mixed",
		"cgroup-full:ro",
		"cgroup-full:rw",
		"cgroup-full:force",
		"cgroup-full:mixed:force",
		"cgroup-full:ro:force",
		"cgroup-full:rw:force",
		"cgroup2",
		"cgroup2:ro",
		"cgroup2:rw",
		"cgroup2:force",
		"cgroup2:ro:force",
		"cgroup2:rw:force",
	};
	const char *host = startswith(v, "shmounts:");

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(v, words[i]))
			return 0;
	if (host && *host == '/' && !strpbrk(host, " \t"))
		return 0;
	return expected(e, "proc, sys, cgroup, cgroup-full or cgroup2 with :ro, :mixed, :rw, :force, or shmounts:HOST",
			v);
}

int check_cgroup_dir(const char *v, struct err *e)
{
	for (const char *p = v;; p++) {
		size_t n = strcspn(p, "/");

		if ((n == 2 && p[0] == '.' && p[1] == '.') || *v == '/' || has_control(v) || strlen(v) > 3000)
			return expected(e, "a relative path without '..'", v);
		p += n;
		if (!*p)
			return 0;
	}
}

int check_cgroup_key(const char *v, struct err *e)
{
	if (!path_is_component(v) || *v == '.' || v[strspn(v, LOWER UPPER DIGITS "._-")])
		return expected(e, "the name of a control file like memory.max", v);
	return 0;
}

int check_time_offset(const char *v, struct err *e)
{
	static const char *const units[] = { "h", "m", "s", "ms", "us", "ns" };
	const char *p = v + (*v == '-' || *v == '+');
	size_t n = strspn(p, DIGITS);

	if (n && n < 19)
		for (size_t i = 0; i < ARRAY_SIZE(units); i++)
			if (streq(p + n, units[i]))
				return 0;
	return expected(e, "a number with one of the units h m s ms us ns", v);
}

int check_log_level(const char *v, struct err *e)
{
	enum log_level l;

	if (log_level_parse(v, &l) < 0 && !streq(v, "9"))
		return expected(e, "0 to 9, TRACE, DEBUG, INFO, NOTICE, WARN, ERROR, CRIT, ALERT or FATAL", v);
	return 0;
}

int check_rlimit(const char *v, struct err *e)
{
	static const char *const names[] = { "as",	"core",	    "cpu",	  "data",   "fsize", "locks",
					     "memlock", "msgqueue", "nice",	  "nofile", "nproc", "rss",
					     "rtprio",	"rttime",   "sigpending", "stack" };
	const char *near;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (streq(v, names[i]))
			return 0;
	near = nearest(v, names, ARRAY_SIZE(names));
	r = expected(e, "a resource of prlimit(1) like nofile", v);
	return near ? err_hint(e, r, "did you mean '%s'?", near) : r;
}

int check_proxy(const char *v, struct err *e)
{
	const char *p = startswith(v, "unix:");

	if (!p || (*p != '/' && *p != '@') || !p[1] || strlen(p) > 107)
		return expected(e, "unix:PATH or unix:@NAME", v);
	return 0;
}

int check_idmap(const char *v, struct err *e)
{
	char words[3][16], rest;
	uint32_t n[3];

	if (sscanf(v, "%15s %15s %15s %c", words[0], words[1], words[2], &rest) != 3)
		return expected(e, "NSID HOSTID RANGE", v);
	for (size_t i = 0; i < 3; i++)
		if (parse_u32(words[i], &n[i]) < 0)
			return expected(e, "NSID HOSTID RANGE", v);
	return 0;
}

/* The kernel's list format: N or N-M, comma-separated. */
int check_cpus(const char *v, struct err *e)
{
	const char *p = v;

	for (;;) {
		size_t digits = strspn(p, DIGITS);

		if (!digits || digits > 7)
			return expected(e, "a list like 0-3,7", v);
		p += digits;
		if (*p == '-') {
			digits = strspn(++p, DIGITS);
			if (!digits || digits > 7)
				return expected(e, "a list like 0-3,7", v);
			p += digits;
		}
		if (!*p)
			return 0;
		if (*p++ != ',')
			return expected(e, "a list like 0-3,7", v);
	}
}

int check_syscall_arg(const char *v, struct err *e)
{
	static const char *const ops[] = { "eq", "ne", "lt", "le", "gt", "ge", "masked_eq" };
	char index[4], op[16], value[2][24], rest;
	int n = sscanf(v, "%3s %15s %23s %23s %c", index, op, value[0], value[1], &rest);
	uint64_t x;

	if (n != 3 && n != 4)
		return expected(e, "INDEX OP VALUE [VALUE2]", v);
	if (parse_u64(index, &x) < 0 || x > 5)
		return expected(e, "an argument's index, 0 to 5, first", v);
	for (int i = 0; i < n - 2; i++)
		if (parse_u64(value[i], &x) < 0)
			return expected(e, "INDEX OP VALUE [VALUE2]", v);
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++)
		if (streq(ops[i], op))
			return i + 1 < ARRAY_SIZE(ops) || n == 4 ? 0 : expected(e, "masked_eq with mask and value", v);
	return expected(e, "one of eq ne lt le gt ge masked_eq", v);
}
