/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options say the same as the resources object of --resources: they are written as one and read by the dialect. */

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parse.h"
#include "cli/oci/oci-cli.h"

enum {
	BLKIO,
	PERIOD,
	QUOTA,
	BURST,
	SHARE,
	RT_PERIOD,
	RT_RUNTIME,
	CPUS,
	MEMS,
	IDLE,
	KMEM,
	KMEM_TCP,
	MEMORY,
	RESERVATION,
	SWAP,
	PIDS,
	L3,
	MB,
	N_WORDS
};

struct args {
	const char *resources;
	const char *word[N_WORDS];
};

#define AT(i) offsetof(struct args, word) + sizeof(const char *) * (i)
#define ROW(i, name, arg, doc)                    \
	{                                         \
		0, name, arg, doc, OPT_STR, AT(i) \
	}

static const struct opt opts[] = {
	{ 'r', "resources", "FILE", "Read a resources object as of config.json from FILE, '-' for standard input.",
	  OPT_STR, offsetof(struct args, resources), .complete = COMPLETE_FILE },
	ROW(BLKIO, "blkio-weight", "N", "Block I/O weight, 10 to 1000."),
	ROW(PERIOD, "cpu-period", "USEC", "CPU period that the quota counts in."),
	ROW(QUOTA, "cpu-quota", "USEC", "CPU time in a period; -1 for no limit."),
	ROW(BURST, "cpu-burst", "USEC", "CPU time that may be saved up."),
	ROW(SHARE, "cpu-share", "N", "CPU shares beside other containers."),
	ROW(RT_PERIOD, "cpu-rt-period", "USEC", "Period of real-time scheduling."),
	ROW(RT_RUNTIME, "cpu-rt-runtime", "USEC", "Real-time CPU time in a period."),
	ROW(CPUS, "cpuset-cpus", "LIST", "CPUs to run on."),
	ROW(MEMS, "cpuset-mems", "LIST", "Memory nodes to use."),
	ROW(IDLE, "cpu-idle", "N", "1: runs only when nothing else does."),
	{ 0, "kernel-memory", "BYTES", "Ignored: no kernel has it any more.", OPT_STR, AT(KMEM), .flags = OPT_HIDDEN },
	{ 0, "kernel-memory-tcp", "BYTES", "Ignored: no kernel has it any more.", OPT_STR, AT(KMEM_TCP),
	  .flags = OPT_HIDDEN },
	ROW(MEMORY, "memory", "BYTES", "Memory limit; a unit (20M) may follow, -1 for none."),
	ROW(RESERVATION, "memory-reservation", "BYTES", "Memory that is left to it under pressure."),
	ROW(SWAP, "memory-swap", "BYTES", "Limit of memory and swap together; -1 for none."),
	ROW(PIDS, "pids-limit", "N", "How many tasks it may have; -1 for any number."),
	ROW(L3, "l3-cache-schema", "TEXT", "Refused: Intel RDT is not done."),
	ROW(MB, "mem-bw-schema", "TEXT", "Refused: Intel RDT is not done."),
	OPT_END
};

enum kind { NUMBER, SIZE, TEXT };
static const struct row {
	int word;
	const char *option, *group, *member;
	enum kind kind;
} rows[] = {
	{ MEMORY, "memory", "memory", "limit", SIZE },
	{ RESERVATION, "memory-reservation", "memory", "reservation", SIZE },
	{ SWAP, "memory-swap", "memory", "swap", SIZE },
	{ PERIOD, "cpu-period", "cpu", "period", NUMBER },
	{ QUOTA, "cpu-quota", "cpu", "quota", NUMBER },
	{ BURST, "cpu-burst", "cpu", "burst", NUMBER },
	{ SHARE, "cpu-share", "cpu", "shares", NUMBER },
	{ RT_PERIOD, "cpu-rt-period", "cpu", "realtimePeriod", NUMBER },
	{ RT_RUNTIME, "cpu-rt-runtime", "cpu", "realtimeRuntime", NUMBER },
	{ IDLE, "cpu-idle", "cpu", "idle", NUMBER },
	{ CPUS, "cpuset-cpus", "cpu", "cpus", TEXT },
	{ MEMS, "cpuset-mems", "cpu", "mems", TEXT },
	{ BLKIO, "blkio-weight", "blockIO", "weight", NUMBER },
	{ PIDS, "pids-limit", "pids", "limit", NUMBER },
};

static int put(struct json *j, const struct row *row, const char *said, struct err *e)
{
	int64_t n;
	uint64_t u;

	if (row->kind == TEXT) {
		json_kv_string(j, row->member, said);
		return 0;
	}
	if (parse_i64(said, &n) == 0) {
		json_kv_i64(j, row->member, n);
		return 0;
	}
	if (row->kind == NUMBER || parse_size(said, &u) < 0 || u > INT64_MAX)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid value for %s: '%s' is not a %s", row->option, said,
				row->kind == SIZE ? "size" : "number");
	json_kv_u64(j, row->member, u);
	return 0;
}

static int from_options(const struct args *a, struct buf *text, struct err *e)
{
	const char *group = NULL;
	struct json j;
	int r = 0;

	if (!isempty(a->word[L3]) || !isempty(a->word[MB]))
		return err_kind(e, ERR_MISSING, -EOPNOTSUPP,
				"Intel RDT: l3-cache-schema and mem-bw-schema are not done here");
	json_init(&j, text, false);
	json_object(&j);
	for (size_t i = 0; i < ARRAY_SIZE(rows) && r == 0; i++) {
		const char *said = a->word[rows[i].word];

		if (isempty(said))
			continue;
		if (!group || !streq(group, rows[i].group)) {
			if (group)
				json_end_object(&j);
			group = rows[i].group;
			json_key(&j, group);
			json_object(&j);
		}
		r = put(&j, &rows[i], said, e);
	}
	if (group)
		json_end_object(&j);
	json_end_object(&j);
	return r < 0 ? r : buf_error(text, e);
}

static int read_stdin(struct buf *text, struct err *e)
{
	char part[4096];
	ssize_t n;

	text->limit = OCI_TEXT_MAX;
	while ((n = read(STDIN_FILENO, part, sizeof(part))) != 0) {
		if (n < 0 && errno != EINTR)
			return err_set(e, -errno, "read standard input");
		if (n > 0)
			buf_add(text, part, (size_t)n);
	}
	return buf_error(text, e);
}

static int from_file(const char *path, struct buf *text, struct err *e)
{
	_cleanup_free_ char *data = NULL;
	size_t len;
	int r;

	if (streq(path, "-"))
		return read_stdin(text, e);
	r = file_read(AT_FDCWD, path, OCI_TEXT_MAX, &data, &len, e);
	if (r == 0)
		buf_add(text, data, len);
	return r;
}

/* What a wrong value is said to stand in. */
static const char *name_of(const struct args *a)
{
	if (!a->resources)
		return "resources";
	return streq(a->resources, "-") ? "standard input" : a->resources;
}

static int run(struct cli *c)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	_cleanup_oci_info_ struct oci_info info = { 0 };
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_spec_ struct spec s = { 0 };
	struct args a = { 0 };
	struct err e = { 0 };
	int code, r;

	code = verb_parse(c, &a, 1, 1);
	if (code >= 0)
		return code;
	spec_init(&s);
	r = verb_container(c, OCI_LOCK, &rt, &ct, &e);
	if (r == 0)
		r = a.resources ? from_file(a.resources, &text, &e) : from_options(&a, &text, &e);
	if (r == 0)
		r = oci_resources_load(buf_str(&text), text.len, name_of(&a), &s, &info, &e);
	if (r == 0) {
		verb_log_info(c, &info);
		r = oci_update(ct, &s, &e);
	}
	return r < 0 ? verb_fail(c, NULL, &e, 1) : 0;
}

const struct command cmd_oci_update = {
	.name = "oci-update",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "[command options] <container-id>",
	.summary = "update container resource constraints",
	.description =
		"Changes limits of a container that runs. With --resources all other options are ignored. What is not "
		"said, and a 0, stays as it is.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "creel-oci update --memory 64M web", "Limits its memory." },
						{ "echo '{\"pids\":{\"limit\":20}}' | creel-oci update -r - web",
						  "By JSON." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "Changed." }, { "1", "It failed." }, { NULL, NULL } },
	.see_also = "creel-oci(1), lxc-cgroup(1)",
	.run = run,
};
