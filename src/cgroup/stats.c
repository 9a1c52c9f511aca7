/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Figures from whichever version has them, one row a figure and version. */

#include <errno.h>
#include <stddef.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "cgroup/driver.h"

#define TEXT_MAX     8192
#define V1_UNLIMITED 0x7ffffffffffff000ULL

enum how {
	NUMBER, /* the file is the number, or "max" */
	LINE,	/* the line "WORD N" */
	SUM,	/* all "WORD=N" of v2's io.stat; all "DEV WORD N" of v1's blkio */
};

static const struct figure {
	unsigned version;
	enum cg_ctrl ctrl;
	const char *file;
	enum how how;
	const char *word, *word2;
	unsigned scale;
	size_t offset;
} figures[] = {
#define F(f) offsetof(struct cg_stats, f)
	{ 1, CC_CPUACCT, "cpuacct.usage", NUMBER, NULL, NULL, 1, F(cpu_ns) },
	{ 1, CC_CPUACCT, "cpuacct.usage_user", NUMBER, NULL, NULL, 1, F(cpu_user_ns) },
	{ 1, CC_CPUACCT, "cpuacct.usage_sys", NUMBER, NULL, NULL, 1, F(cpu_system_ns) },
	{ 1, CC_MEMORY, "memory.usage_in_bytes", NUMBER, NULL, NULL, 1, F(memory) },
	{ 1, CC_MEMORY, "memory.limit_in_bytes", NUMBER, NULL, NULL, 1, F(memory_max) },
	{ 1, CC_MEMORY, "memory.max_usage_in_bytes", NUMBER, NULL, NULL, 1, F(memory_peak) },
	{ 1, CC_MEMORY, "memory.stat", LINE, "total_swap", NULL, 1, F(swap) },
	{ 1, CC_MEMORY, "memory.kmem.usage_in_bytes", NUMBER, NULL, NULL, 1, F(kernel_memory) },
	{ 1, CC_MEMORY, "memory.oom_control", LINE, "oom_kill", NULL, 1, F(oom_kills) },
	{ 1, CC_IO, "blkio.throttle.io_service_bytes_recursive", SUM, "Read", "Write", 1, F(blkio_bytes) },
	{ 1, CC_IO, "blkio.throttle.io_serviced_recursive", SUM, "Read", "Write", 1, F(blkio_ios) },
	{ 1, CC_PIDS, "pids.current", NUMBER, NULL, NULL, 1, F(pids) },
	{ 1, CC_PIDS, "pids.max", NUMBER, NULL, NULL, 1, F(pids_max) },
	{ 2, CC_CPUACCT, "cpu.stat", LINE, "usage_usec", NULL, 1000, F(cpu_ns) },
	{ 2, CC_CPUACCT, "cpu.stat", LINE, "user_usec", NULL, 1000, F(cpu_user_ns) },
	{ 2, CC_CPUACCT, "cpu.stat", LINE, "system_usec", NULL, 1000, F(cpu_system_ns) },
	{ 2, CC_MEMORY, "memory.current", NUMBER, NULL, NULL, 1, F(memory) },
	{ 2, CC_MEMORY, "memory.max", NUMBER, NULL, NULL, 1, F(memory_max) },
	{ 2, CC_MEMORY, "memory.peak", NUMBER, NULL, NULL, 1, F(memory_peak) },
	{ 2, CC_MEMORY, "memory.swap.current", NUMBER, NULL, NULL, 1, F(swap) },
	{ 2, CC_MEMORY, "memory.stat", LINE, "kernel", NULL, 1, F(kernel_memory) },
	{ 2, CC_MEMORY, "memory.events", LINE, "oom_kill", NULL, 1, F(oom_kills) },
	{ 2, CC_IO, "io.stat", SUM, "rbytes", "wbytes", 1, F(blkio_bytes) },
	{ 2, CC_IO, "io.stat", SUM, "rios", "wios", 1, F(blkio_ios) },
	{ 2, CC_PIDS, "pids.current", NUMBER, NULL, NULL, 1, F(pids) },
	{ 2, CC_PIDS, "pids.max", NUMBER, NULL, NULL, 1, F(pids_max) },
#undef F
};

static bool number_at(const char *s, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(s, &end, 10);
	return end != s && errno == 0;
}

/* WORD as a whole word, followed by a blank or '=' and a number. */
static const char *find_word(const char *text, const char *word, uint64_t *ret)
{
	size_t n = strlen(word);

	for (const char *s = text; (s = strstr(s, word)); s += n) {
		if (s != text && !strchr(" \n", s[-1]))
			continue;
		if ((s[n] == ' ' || s[n] == '=') && number_at(s + n + 1, ret))
			return s + n;
	}
	return NULL;
}

static uint64_t sum_word(const char *text, const char *word)
{
	uint64_t sum = 0, n;

	while ((text = find_word(text, word, &n)))
		sum += n;
	return sum;
}

static uint64_t figure_value(const struct figure *f, const char *text)
{
	uint64_t n = UINT64_MAX;

	switch (f->how) {
	case NUMBER:
		if (!number_at(text, &n) || n >= V1_UNLIMITED)
			return UINT64_MAX;
		break;
	case LINE:
		if (!find_word(text, f->word, &n))
			return UINT64_MAX;
		break;
	case SUM:
		n = sum_word(text, f->word) + sum_word(text, f->word2);
		break;
	}
	return n * f->scale;
}

int cg_stats(const struct cg *g, struct cg_stats *ret, struct err *e)
{
	char p[PATH_MAX], text[TEXT_MAX];
	const char *last = NULL;
	struct cg_stats s;
	ssize_t n = -1;

	memset(&s, 0xff, sizeof(s));
	for (unsigned i = 0; i < ARRAY_SIZE(figures); i++) {
		const struct figure *f = &figures[i];
		const struct cg_hier *h = cg_hier_for(g, f->ctrl);

		if (!h || h->ops->version != f->version)
			continue;
		/* Rows of one file stand together: it is read once. */
		if (last != f->file)
			n = file_read_small(h->fd, cg_file(cg_at(g, h), f->file, p), text, sizeof(text));
		last = f->file;
		if (n >= 0)
			*(uint64_t *)((char *)&s + f->offset) = figure_value(f, text);
	}
	/* A group that is gone answers nothing at all. */
	if (!cg_hier_main(g) || !file_exists(cg_hier_main(g)->fd, cg_at(g, cg_hier_main(g))))
		return err_kind(e, ERR_NOT_FOUND, -ENOENT, "there is no control group %s", g->path);
	*ret = s;
	return 0;
}

int cg_oom_fd(const struct cg *g, int *ret, struct err *e)
{
	const struct cg_hier *h = cg_hier_for(g, CC_MEMORY);

	if (!h)
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP, "this host has no memory controller mounted");
	return h->ops->oom_fd(g, h, ret, e);
}
