/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* logs and events. */

#include <json-c/json.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/parse.h"
#include "cli/docker/dcli.h"
#include "cli/docker/template.h"
#include "cli/docker/units.h"

struct args {
	bool details, follow, timestamps;
	const char *since, *until, *tail, *format;
	struct strv filters;
};
#define AT(member) offsetof(struct args, member)

static const struct opt log_rows[] = {
	{ 0, "details", NULL, "With the attributes that --log-opt names.", OPT_BOOL, AT(details), 1 },
	{ 'f', "follow", NULL, "Go on as more comes.", OPT_BOOL, AT(follow), 1 },
	{ 0, "since", "TIME", "From then on: a date, or how long ago (42m).", OPT_STR, AT(since) },
	{ 'n', "tail", "N", "The last N lines; all by default.", OPT_STR, AT(tail) },
	{ 't', "timestamps", NULL, "With the time of each line.", OPT_BOOL, AT(timestamps), 1 },
	{ 0, "until", "TIME", "Up to then.", OPT_STR, AT(until) },
	OPT_END
};

static int time_of(const struct cli *c, const char *text, const char *what, int64_t *ret)
{
	*ret = 0;
	if (isempty(text) || streq(text, "0") || unit_time(text, dk_now(), ret) >= 0)
		return 0;
	if (*what)
		return dk_error(c, "invalid value for \"%s\": failed to parse value as time or duration: \"%s\"", what,
				text);
	return dk_error(c, "failed to parse value as time or duration: \"%s\"", text);
}

static int show(void *arg, int stream, const void *data, size_t len)
{
	return fd_write_all(stream == 2 ? STDERR_FILENO : STDOUT_FILENO, data, len);
}

static int run_logs(struct cli *c)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	struct docker_sink sink = { .write = show };
	struct docker_logs o = { .out = true, .err = true, .tail = -1 };
	struct args a = { 0 };
	struct err e = { 0 };
	int code = dk_parse(c, &a), r;

	if (code >= 0)
		return code;
	if (time_of(c, a.since, "since", &o.since_ns) || time_of(c, a.until, "until", &o.until_ns))
		return 1;
	/* What is no number means all, as the server has it. */
	if (!isempty(a.tail) && !streq(a.tail, "all") && (parse_i64(a.tail, &o.tail) < 0 || o.tail < 0))
		o.tail = -1;
	o.follow = a.follow;
	o.timestamps = a.timestamps;
	o.details = a.details;
	code = dk_start(c, &d);
	if (code)
		return code;
	r = docker_logs(d, c->operands.v[0], &o, &sink, &e);
	return r < 0 && r != -EPIPE ? dk_fail(c, &e) : 0;
}

const struct command cmd_docker_logs = {
	.name = "logs",
	.flags = CMD_DOCKER | CMD_NAMES,
	.synopsis = "[OPTIONS] CONTAINER",
	.summary = "Fetch the logs of a container",
	.description = "Prints what the container has said, on standard output and standard error as it did. Of a "
		       "container of "
		       "LXC it is the file that lxc.console.logfile names.",
	.opts = log_rows,
	.min_args = 1,
	.max_args = 1,
	.see_also = "creel-attach(1), creel-events(1)",
	.run = run_logs,
};

/* --- events ------------------------------------------------------------------------------------------------------------------ */

static int add_filter(void *args, const char *arg, struct err *e)
{
	return dk_filter(args, &((struct args *)args)->filters, arg, e);
}

static const struct opt event_rows[] = {
	{ 'f', "filter", "NAME=VALUE", "Only those: type, event, container, image, label, network, volume.", OPT_CALL,
	  0, .parse = add_filter },
	{ 0, "format", "FORMAT", "json, or a template (creel(1)).", OPT_STR, AT(format) },
	{ 0, "since", "TIME", "What has been since then, too.", OPT_STR, AT(since) },
	{ 0, "until", "TIME", "Up to then, and no longer.", OPT_STR, AT(until) },
	OPT_END
};

static void event_text(struct json_object *o, struct buf *out)
{
	struct json_object *attributes = dk_get(o, "Actor.Attributes"), *sorted;
	int64_t ns = dk_int(o, "timeNano") ?: dk_int(o, "time") * 1000000000;
	time_t t = (time_t)(ns / 1000000000);
	char date[64], zone[8];
	struct tm tm;
	bool first = true;

	localtime_r(&t, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	if (streq(zone, "+0000"))
		snprintf(zone, sizeof(zone), "Z");
	buf_printf(out, "%s.%09lld%.3s%s%s %s %s %s", date, (long long)(ns % 1000000000), zone, *zone == 'Z' ? "" : ":",
		   *zone == 'Z' ? "" : zone + 3, dk_text(o, "Type"), dk_text(o, "Action"), dk_text(o, "Actor.ID"));
	if (attributes && json_object_object_length(attributes)) {
		sorted = dk_sorted(attributes);
		json_object_object_foreach(sorted, key, value)
		{
			buf_printf(out, "%s%s=%s", first ? " (" : ", ", key, json_object_get_string(value));
			first = false;
		}
		buf_putc(out, ')');
		json_object_put(sorted);
	}
	buf_putc(out, '\n');
}

struct event_sink {
	const struct template *t;
	bool whole; /* as it is, not field by field */
	struct err e;
};

/* A template asks for fields of Go's, whose maps are in order. */
static void in_go_names(struct json_object *o, bool whole)
{
	static const char *const names[][2] = {
		{ "Status", "status" }, { "ID", "id" },	    { "From", "from" },
		{ "Scope", "scope" },	{ "Time", "time" }, { "TimeNano", "timeNano" }
	};
	struct json_object *actor = dk_get(o, "Actor"), *attributes = dk_get(o, "Actor.Attributes"), *v;

	if (attributes)
		json_object_object_add(actor, "Attributes", dk_sorted(attributes));
	for (size_t i = 0; i < ARRAY_SIZE(names) && !whole; i++)
		if (json_object_object_get_ex(o, names[i][1], &v))
			json_object_object_add(o, names[i][0], json_object_get(v));
}

static int event(void *arg, int stream, const void *data, size_t len)
{
	struct event_sink *s = arg;
	_cleanup_buf_ struct buf text = BUF_INIT, out = BUF_INIT;
	struct json_object *o;
	int r = 0;

	buf_add(&text, data, len);
	o = json_tokener_parse(buf_str(&text));
	if (!o)
		return 0;
	if (s->t) {
		in_go_names(o, s->whole);
		r = template_execute(s->t, o, 0, &out, &s->e);
		buf_putc(&out, '\n');
	} else {
		event_text(o, &out);
	}
	json_object_put(o);
	return r < 0 ? r : fd_write_all(STDOUT_FILENO, buf_str(&out), out.len);
}

static int events(const struct cli *c, const struct args *a)
{
	_cleanup_(docker_freep) struct docker *d = NULL;
	_cleanup_(template_freep) struct template *t = NULL;
	_cleanup_buf_ struct buf filters = BUF_INIT;
	struct event_sink s = { 0 };
	struct docker_sink sink = { .write = event, .arg = &s };
	int64_t since, until;
	struct err e = { 0 };
	int code, r;

	if (time_of(c, a->since, "", &since) || time_of(c, a->until, "", &until))
		return 1;
	if (!isempty(a->format)) {
		_cleanup_free_ char *text = dk_unescape(streq(a->format, "json") ? "{{json .}}" : a->format);

		if (!text || template_parse(text, &t, &e) < 0)
			return dk_error(c, "Error parsing format: %s", e.msg), 64;
	}
	s.t = t;
	s.whole = a->format && streq(a->format, "json");
	if (dk_filters(&a->filters, &filters, &e) < 0)
		return dk_fail(c, &e);
	code = dk_start(c, &d);
	if (code)
		return code;
	r = docker_events(d, since, until, filters.len ? buf_str(&filters) : NULL, &sink, &e);
	if (s.e.code)
		return dk_error(c, "%s", s.e.msg);
	return r < 0 && r != -EPIPE ? dk_fail(c, &e) : 0;
}

static int run_events(struct cli *c)
{
	struct args a = { 0 };
	int code = dk_parse(c, &a);

	if (code < 0)
		code = events(c, &a);
	strv_done(&a.filters);
	return code;
}

const struct command cmd_docker_events = {
	.name = "events",
	.flags = CMD_DOCKER,
	.synopsis = "[OPTIONS]",
	.summary = "Get real time events from the server",
	.description = "Prints what happens to containers, images, networks and volumes, as it happens.",
	.opts = event_rows,
	.see_also = "creel-logs(1), lxc-monitor(1)",
	.run = run_events,
};
