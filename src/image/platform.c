/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Platforms: names as the kernel, Debian and Docker have them, and which of an index's entries runs here. */
#include <stdio.h>
#include <sys/utsname.h>

#include "base/macros.h"
#include "image/manifest.h"

void platform_done(struct platform *p)
{
	free(p->os);
	free(p->arch);
	free(p->variant);
	free(p->os_version);
	*p = (struct platform){ 0 };
}

/* Other names of an architecture. VARIANT: what the name says of it, NULL: nothing. */
struct alias {
	const char *name, *arch, *variant;
};
static const struct alias aliases[] = {
	{ "x86_64", "amd64", NULL },	  { "x86-64", "amd64", NULL },
	{ "i386", "386", NULL },	  { "i486", "386", NULL },
	{ "i586", "386", NULL },	  { "i686", "386", NULL },
	{ "aarch64", "arm64", NULL },	  { "armhf", "arm", "v7" },
	{ "armel", "arm", "v6" },	  { "armv7l", "arm", "v7" },
	{ "armv6l", "arm", "v6" },	  { "armv5tel", "arm", "v5" },
	{ "armv8l", "arm", "v8" },	  { "loongarch64", "loong64", NULL },
	{ "mips64el", "mips64le", NULL }, { "powerpc64le", "ppc64le", NULL },
};
static const char *const architectures[] = { "386",	 "amd64",  "arm",   "arm64",   "loong64", "mips",  "mips64",
					     "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm" };
static const char *const systems[] = {
	"linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "solaris", "wasip1"
};

static bool among(const char *const *list, size_t n, const char *s)
{
	for (size_t i = 0; i < n; i++)
		if (streq(list[i], s))
			return true;
	return false;
}

static int set(char **to, const char *s, struct err *e)
{
	char *copy = s ? strdup(s) : NULL;

	if (s && !copy)
		return err_oom(e);
	free(*to);
	*to = copy;
	return 0;
}

/* The names and variants that mean the same become one: arm64's v8 and amd64's v1 are not said, arm's v7 is. */
static int normalize(struct platform *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(aliases) && r == 0; i++)
		if (p->arch && streq(p->arch, aliases[i].name)) {
			if (!p->variant)
				r = set(&p->variant, aliases[i].variant, e);
			if (r == 0)
				r = set(&p->arch, aliases[i].arch, e);
		}
	if (r < 0 || !p->arch)
		return r;
	if (p->variant && p->variant[0] >= '0' && p->variant[0] <= '9') {
		char text[16];

		snprintf(text, sizeof(text), "v%.12s", p->variant);
		r = set(&p->variant, text, e);
	}
	if (r == 0 && streq(p->arch, "arm") && isempty(p->variant))
		r = set(&p->variant, "v7", e);
	if (r == 0 && p->variant &&
	    (!*p->variant || (streq(p->arch, "arm64") && streq(p->variant, "v8")) ||
	     (streq(p->arch, "amd64") && streq(p->variant, "v1"))))
		r = set(&p->variant, NULL, e);
	return r;
}

int platform_host(struct platform *ret, struct err *e)
{
	struct platform p = { 0 };
	struct utsname u;
	int r = uname(&u) < 0 ? err_set(e, -errno, "uname") : 0;

	if (r == 0)
		r = set(&p.os, "linux", e);
	if (r == 0)
		r = set(&p.arch, u.machine, e);
	if (r == 0)
		r = normalize(&p, e);
	if (r < 0) {
		platform_done(&p);
		return r;
	}
	*ret = p;
	return 0;
}

static bool word_valid(const char *s)
{
	return *s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == strlen(s);
}

/* One word: a system or an architecture. */
static int parse_one(const char *word, struct platform *p, struct err *e)
{
	struct platform host = { 0 };
	int r = set(&p->os, among(systems, ARRAY_SIZE(systems), word) ? word : "linux", e);

	if (r == 0 && streq(p->os, word)) {
		r = platform_host(&host, e);
		p->arch = TAKE_PTR(host.arch);
		p->variant = TAKE_PTR(host.variant);
		platform_done(&host);
		return r;
	}
	if (r == 0)
		r = set(&p->arch, word, e);
	if (r == 0)
		r = normalize(p, e);
	if (r == 0 && !among(architectures, ARRAY_SIZE(architectures), p->arch))
		r = err_kind(e, ERR_INVALID, -EINVAL,
			     "\"%s\": unknown operating system or architecture: invalid argument", word);
	return r;
}

int platform_parse(const char *s, struct platform *ret, struct err *e)
{
	_cleanup_(platform_done) struct platform p = { 0 };
	_cleanup_strv_ struct strv words = STRV_INIT;
	int r = strv_split(&words, s, "/", e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < words.n; i++)
		if (!word_valid(words.v[i]))
			return err_kind(e, ERR_INVALID, -EINVAL, "\"%s\" is an invalid component of \"%s\"", words.v[i],
					s);
	if (words.n < 1 || words.n > 3 || s[0] == '/' || s[strlen(s) - 1] == '/')
		return err_kind(e, ERR_INVALID, -EINVAL, "\"%s\": cannot parse platform specifier: invalid argument",
				s);
	if (words.n == 1) {
		r = parse_one(words.v[0], &p, e);
	} else {
		r = set(&p.os, words.v[0], e);
		if (r == 0)
			r = set(&p.arch, words.v[1], e);
		if (r == 0 && words.n == 3)
			r = set(&p.variant, words.v[2], e);
		if (r == 0)
			r = normalize(&p, e);
	}
	if (r < 0)
		return r;
	*ret = p;
	p = (struct platform){ 0 };
	return 0;
}

void platform_format(const struct platform *p, struct buf *out)
{
	buf_printf(out, "%s/%s", p->os ?: "linux", p->arch ?: "unknown");
	if (!isempty(p->variant))
		buf_printf(out, "/%s", p->variant);
}

/* --- which one of an index ------------------------------------------------------------------------------------------- */

/* How well HAVE runs where WANT is wanted: 0 best, -1 not at all. An older variant of arm does, and 386 on amd64. */
static int distance(const struct platform *have, const struct platform *want)
{
	unsigned h = 0, w = 0;

	if (!streq_ptr(have->os, want->os) || !have->arch)
		return -1;
	if (streq_ptr(want->arch, "arm") || streq_ptr(want->arch, "amd64")) {
		h = have->variant && have->variant[0] == 'v' ? (unsigned)strtoul(have->variant + 1, NULL, 10) : 1;
		w = want->variant && want->variant[0] == 'v' ? (unsigned)strtoul(want->variant + 1, NULL, 10) : 1;
	}
	if (streq(have->arch, want->arch)) {
		if (w)
			return h <= w && w - h < 16 ? (int)(w - h) : -1;
		return streq_ptr(have->variant, want->variant) ? 0 : -1;
	}
	if (streq(want->arch, "amd64") && streq(have->arch, "386"))
		return 32;
	if (streq(want->arch, "arm64") && streq(have->arch, "arm"))
		return 32 + (have->variant && streq(have->variant, "v8")   ? 0
			     : have->variant && streq(have->variant, "v7") ? 1
									   : 2);
	return -1;
}

const struct descriptor *image_index_pick(const struct image_index *x, const struct platform *p)
{
	_cleanup_(platform_done) struct platform host = { 0 };
	const struct descriptor *best = NULL;
	int at = INT32_MAX;

	if (!p && platform_host(&host, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < x->n; i++) {
		_cleanup_(platform_done) struct platform have = { 0 };
		const struct platform *q = &x->manifests[i].platform;
		int d;

		/* An index of one entry that says nothing of it. */
		if (!q->os && !q->arch && x->n == 1)
			return &x->manifests[i];
		if (set(&have.os, q->os, NULL) < 0 || set(&have.arch, q->arch, NULL) < 0 ||
		    set(&have.variant, q->variant, NULL) < 0 || normalize(&have, NULL) < 0)
			return NULL;
		d = distance(&have, p ?: &host);
		if (d >= 0 && d < at) {
			at = d;
			best = &x->manifests[i];
		}
	}
	return best;
}
