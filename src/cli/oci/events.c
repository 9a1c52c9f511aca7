/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "cli/oci/oci-cli.h"
#include "sys/proc.h"

struct args {
	const char *interval;
	bool stats;
};

static const struct opt opts[] = {
	{ 0, "interval", "TIME", "How often to print figures: 5s by default, 500ms or 1m30s say.", OPT_STR,
	  offsetof(struct args, interval) },
	{ 0, "stats", NULL, "Print the figures once and end.", OPT_BOOL, offsetof(struct args, stats), 1 },
	OPT_END
};

/* A duration as Go writes it: "1m30s", "500ms", "0". */
static int parse_interval(const char *s, int64_t *ret_ms, struct err *e)
{
	static const struct {
		const char *unit;
		double ms;
	} units[] = {
		{ "ms", 1 }, { "us", 0.001 }, { "ns", 0.000001 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }
	};
	const char *p = s + (*s == '-' || *s == '+');
	double sum = 0;

	while (*p && !streq(p, "0")) {
		char *end;
		double v = strtod(p, &end);
		size_t i;

		for (i = 0; i < ARRAY_SIZE(units); i++)
			if (end != p && startswith(end, units[i].unit))
				break;
		if (i == ARRAY_SIZE(units))
			return err_kind(e, ERR_INVALID, -EINVAL, "invalid value \"%s\" for flag -interval: parse error",
					s);
		sum += v * units[i].ms;
		p = end + strlen(units[i].unit);
	}
	if (*s == '-' || !(sum > 0))
		return err_kind(e, ERR_INVALID, -EINVAL, "duration interval must be greater than 0");
	*ret_ms = sum < 1 ? 1 : sum > 1e12 ? (int64_t)1e12 : (int64_t)sum;
	return 0;
}

static int print_event(const struct cli *c, struct oci_container *ct, const char *type, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json j;
	int r = 0;

	json_init(&j, &out, false);
	json_object(&j);
	json_kv_string(&j, "type", type);
	json_kv_string(&j, "id", ct->name);
	if (streq(type, "stats")) {
		json_key(&j, "data");
		r = oci_stats(ct, &j, e);
	}
	json_end_object(&j);
	buf_putc(&out, '\n');
	if (r == 0)
		r = buf_error(&out, e);
	if (r == 0 && fd_write_all(STDOUT_FILENO, buf_str(&out), out.len) < 0)
		r = -EPIPE;
	return r;
}

static uint64_t oom_kills(struct cg *g)
{
	struct cg_stats s;

	return cg_stats(g, &s, NULL) < 0 || s.oom_kills == UINT64_MAX ? 0 : s.oom_kills;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* How long after the kernel has said that memory is short somebody may be killed for it, and how often is looked in that time. */
#define OOM_MS	    2000
#define OOM_LOOK_MS 20

/* Figures in intervals, and a word whenever somebody was killed for want of memory, until the container ends. */
static int follow(const struct cli *c, struct oci_container *ct, int64_t interval, struct err *e)
{
	_cleanup_(cg_freep) struct cg *g = NULL;
	_cleanup_close_ int oom = -EBADF, init = proc_open(ct->rec.pid, ct->rec.pid_start);
	uint64_t kills;
	int64_t next, short_until = 0;
	int r = oci_cgroup(ct, &g, e);

	if (r < 0)
		return r;
	if (cg_oom_fd(g, &oom, e) < 0)
		err_clear(e); /* no memory controller: figures only */
	kills = oom_kills(g);
	next = now_ms() + interval;
	while (init >= 0) {
		struct pollfd p[] = { { .fd = init, .events = POLLIN }, { .fd = oom, .events = POLLIN } };
		int64_t now_is = now_ms(), left = next - now_is;
		char drop[4096];
		uint64_t now;

		left = now_is < short_until && left > OOM_LOOK_MS ? OOM_LOOK_MS : left;
		if (left > 0 && poll(p, ARRAY_SIZE(p), left > 60000 ? 60000 : (int)left) < 0 && errno != EINTR)
			return err_set(e, -errno, "wait for events");
		if (p[1].revents && read(oom, drop, sizeof(drop)) <= 0 && !(p[0].revents & POLLIN))
			oom = fd_close(oom);
		/* Version 1 tells before it kills. */
		if (p[1].revents)
			short_until = now_ms() + OOM_MS;
		now = oom_kills(g);
		if (now > kills && print_event(c, ct, "oom", e) < 0)
			return 0;
		kills = now > kills ? now : kills;
		if (p[0].revents & POLLIN)
			break;
		if (now_ms() < next)
			continue;
		next = now_ms() + interval;
		r = print_event(c, ct, "stats", e);
		if (r == -EPIPE)
			return 0;
		if (r < 0 && proc_alive(ct->rec.pid, ct->rec.pid_start))
			return r;
	}
	return 0;
}

static int run(struct cli *c)
{
	_cleanup_(oci_freep) struct oci *rt = NULL;
	_cleanup_(oci_container_freep) struct oci_container *ct = NULL;
	struct args a = { .interval = "5s" };
	struct err e = { 0 };
	int64_t interval = 0;
	int code, r;

	code = verb_parse(c, &a, 1, 1);
	if (code >= 0)
		return code;
	r = verb_container(c, 0, &rt, &ct, &e);
	if (r == 0)
		r = parse_interval(a.interval, &interval, &e);
	if (r == 0 && ct->status == OCI_STOPPED)
		r = err_kind(&e, ERR_STATE, -ESRCH, "container with id %s is not running", ct->name);
	if (r == 0)
		r = a.stats ? print_event(c, ct, "stats", &e) : follow(c, ct, interval, &e);
	return r < 0 && r != -EPIPE ? verb_fail(c, NULL, &e, 1) : 0;
}

const struct command cmd_oci_events = {
	.name = "oci-events",
	.flags = CMD_OCI | CMD_NO_ENGINE,
	.synopsis = "[command options] <container-id>",
	.summary = "display container events such as OOM notifications, cpu, memory, and IO usage statistics",
	.description = "Prints the container's figures in intervals, and when it runs out of memory, as lines of JSON.",
	.opts = opts,
	.exits = (const struct text_pair[]){ { "0", "It has ended." },
					     { "1", "There is none, or it does not run." },
					     { NULL, NULL } },
	.see_also = "creel-oci(1), lxc-info(1)",
	.run = run,
};
