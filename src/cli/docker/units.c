/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "cli/docker/units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "base/parse.h"

#define SECOND 1000000000LL

int unit_bytes(const char *s, int64_t *ret)
{
	static const char units[] = "kmgtp";
	const char *end = s, *u;
	double factor = 1, v;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	while (isdigit((unsigned char)*end) || (*end == '.' && isdigit((unsigned char)end[1])))
		end++;
	v = strtod(s, NULL);
	if (*end == ' ')
		end++;
	u = *end ? strchr(units, *end | 0x20) : NULL;
	if (u) {
		for (const char *p = units; p <= u; p++)
			factor *= 1024;
		end++;
		if ((*end | 0x20) == 'i')
			end++;
	}
	if ((*end | 0x20) == 'b')
		end++;
	if (*end)
		return -EINVAL;
	if (v * factor >= 9.2e18)
		return -ERANGE;
	*ret = (int64_t)(v * factor);
	return 0;
}

int unit_nano(const char *s, int64_t *ret)
{
	int64_t v = 0, unit = SECOND;
	bool digits = false;

	for (; isdigit((unsigned char)*s); s++, digits = true) {
		if (v > INT64_MAX / SECOND / 10 - 10)
			return -EINVAL;
		v = v * 10 + (*s - '0');
	}
	v *= SECOND;
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++, digits = true) {
			unit /= 10;
			if (unit == 0 && *s != '0')
				return -ERANGE;
			v += (*s - '0') * unit;
		}
	if (*s || !digits)
		return -EINVAL;
	*ret = v;
	return 0;
}

/* One "12.5ms" of S; advances it. Nanoseconds, or a negative number. */
static double duration_part(const char **s)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = { { "ns", 1 },   { "us", 1e3 }, { "\302\265s", 1e3 }, { "\316\274s", 1e3 },
		      { "ms", 1e6 }, { "s", 1e9 },  { "m", 60e9 },	  { "h", 3600e9 } };
	char number[40];
	size_t n = strspn(*s, "0123456789."), best = ARRAY_SIZE(units);

	if (n == 0 || n >= sizeof(number) || (n == 1 && **s == '.'))
		return -1;
	memcpy(number, *s, n);
	number[n] = '\0';
	*s += n;
	if (strchr(number, '.') != strrchr(number, '.'))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (startswith(*s, units[i].name) &&
		    (best == ARRAY_SIZE(units) || strlen(units[i].name) > strlen(units[best].name)))
			best = i;
	if (best == ARRAY_SIZE(units))
		return -1;
	*s += strlen(units[best].name);
	return strtod(number, NULL) * units[best].ns;
}

int unit_duration(const char *s, int64_t *ret)
{
	bool negative = *s == '-';
	double sum = 0;

	s += *s == '-' || *s == '+';
	if (streq(s, "0")) {
		*ret = 0;
		return 0;
	}
	if (!*s)
		return -EINVAL;
	while (*s) {
		double part = duration_part(&s);

		if (part < 0)
			return -EINVAL;
		sum += part;
	}
	if (sum >= 9.2e18)
		return -EINVAL;
	*ret = negative ? -(int64_t)sum : (int64_t)sum;
	return 0;
}

/* Fraction of a second behind the dot at S; advances it. */
static int64_t fraction(const char **s)
{
	int64_t ns = 0, unit = SECOND / 10;

	if (**s != '.')
		return 0;
	for ((*s)++; isdigit((unsigned char)**s); (*s)++, unit /= 10)
		ns += (**s - '0') * unit;
	return ns;
}

/* "Z", "+02:00", or nothing: the local zone where LOCAL. Seconds east of UTC. */
static int zone(const char *s, bool *ret_local, long *ret)
{
	int h, m, n = 0;

	*ret_local = !*s;
	*ret = 0;
	if (!*s || streq(s, "Z"))
		return 0;
	if ((*s != '+' && *s != '-') || sscanf(s + 1, "%2d:%2d%n", &h, &m, &n) != 2 || s[1 + n])
		return -EINVAL;
	*ret = (*s == '-' ? -1L : 1L) * (h * 3600L + m * 60L);
	return 0;
}

/* A date with as much of the time as is there. */
static int date(const char *s, int64_t *ret)
{
	static const char *const forms[] = { "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H", "%Y-%m-%d" };
	struct tm tm;
	bool local;
	long east;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		const char *end;
		int64_t ns, t;

		memset(&tm, 0, sizeof(tm));
		end = strptime(s, forms[i], &tm);
		if (!end)
			continue;
		ns = i == 0 ? fraction(&end) : 0;
		if (zone(end, &local, &east) < 0)
			return -EINVAL;
		tm.tm_isdst = -1;
		t = local ? mktime(&tm) : timegm(&tm) - east;
		if (t > INT64_MAX / SECOND - 1 || t < INT64_MIN / SECOND + 1)
			return -EINVAL;
		*ret = t * SECOND + ns;
		return 0;
	}
	return -EINVAL;
}

int unit_rfc3339(const char *s, int64_t *ret)
{
	return date(s, ret);
}

int unit_time(const char *s, int64_t now_ns, int64_t *ret)
{
	int64_t d, ns;
	const char *rest;
	char *end;
	long long seconds;

	if (unit_duration(s, &d) == 0 && !streq(s, "0")) {
		*ret = now_ns - d;
		return 0;
	}
	if (date(s, ret) == 0)
		return 0;
	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	seconds = strtoll(s, &end, 10);
	rest = end;
	ns = fraction(&rest);
	if (errno || *rest || seconds > INT64_MAX / SECOND - 1)
		return -EINVAL;
	*ret = seconds * SECOND + ns;
	return 0;
}

static const char *size_of(double v, double base, const char *const *units, unsigned digits,
			   char buf[static UNIT_TEXT_MAX])
{
	unsigned i = 0;

	for (; v >= base && units[i + 1]; i++)
		v /= base;
	snprintf(buf, UNIT_TEXT_MAX, "%.*g%s", (int)digits, v, units[i]);
	return buf;
}

const char *unit_size(double bytes, unsigned digits, char buf[static UNIT_TEXT_MAX])
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB", NULL };

	return size_of(bytes, 1000, units, digits, buf);
}

const char *unit_size_1024(double bytes, unsigned digits, char buf[static UNIT_TEXT_MAX])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", NULL };

	return size_of(bytes, 1024, units, digits, buf);
}

const char *unit_ago(int64_t ns, char buf[static UNIT_TEXT_MAX])
{
	int64_t s = ns / SECOND, m = s / 60, h = (m + 30) / 60;

	if (s < 1)
		snprintf(buf, UNIT_TEXT_MAX, "Less than a second");
	else if (s == 1)
		snprintf(buf, UNIT_TEXT_MAX, "1 second");
	else if (s < 60)
		snprintf(buf, UNIT_TEXT_MAX, "%lld seconds", (long long)s);
	else if (m == 1)
		snprintf(buf, UNIT_TEXT_MAX, "About a minute");
	else if (m < 60)
		snprintf(buf, UNIT_TEXT_MAX, "%lld minutes", (long long)m);
	else if (h == 1)
		snprintf(buf, UNIT_TEXT_MAX, "About an hour");
	else if (h < 48)
		snprintf(buf, UNIT_TEXT_MAX, "%lld hours", (long long)h);
	else if (h < 24 * 7 * 2)
		snprintf(buf, UNIT_TEXT_MAX, "%lld days", (long long)(h / 24));
	else if (h < 24 * 30 * 2)
		snprintf(buf, UNIT_TEXT_MAX, "%lld weeks", (long long)(h / 24 / 7));
	else if (h < 24 * 365 * 2)
		snprintf(buf, UNIT_TEXT_MAX, "%lld months", (long long)(h / 24 / 30));
	else
		snprintf(buf, UNIT_TEXT_MAX, "%lld years", (long long)(h / 24 / 365));
	return buf;
}

const char *unit_date(int64_t ns, char buf[static UNIT_TEXT_MAX])
{
	time_t t = (time_t)(ns / SECOND);
	struct tm tm;

	if (!localtime_r(&t, &tm) || strftime(buf, UNIT_TEXT_MAX, "%Y-%m-%d %H:%M:%S %z %Z", &tm) == 0)
		*buf = '\0';
	return buf;
}
