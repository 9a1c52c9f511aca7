/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* ps: containers of images, and those of LXC; prune. */

#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "engine/docker-inner.h"

struct listing {
	struct docker *d;
	const struct docker_list *o;
	struct json_c_value *filters;
	struct json j;
	struct err *e;
	int n;
	bool any_state;
	int64_t before_ns, since_ns;
	/* the one that is looked at */
	const struct docker_row *c;
	struct docker_state st;
	struct docker_row lxc; /* one of LXC's in place of a row: borrowed */
};

static const char *const known[] = { "ancestor",  "before",  "exited", "expose", "health",  "id",
				     "isolation", "is-task", "label",  "name",	 "network", "publish",
				     "since",	  "status",  "volume", NULL };

/* --- "Up 3 minutes" -------------------------------------------------------------------------------------------------------- */

/* As units.HumanDuration of Docker. */
static void duration(int64_t ns, struct buf *b)
{
	int64_t s = ns / 1000000000, m = s / 60, h = (m + 30) / 60, d = s / 86400;

	if (s < 1)
		buf_puts(b, "Less than a second");
	else if (s == 1)
		buf_puts(b, "1 second");
	else if (s < 60)
		buf_printf(b, "%" PRId64 " seconds", s);
	else if (m == 1)
		buf_puts(b, "About a minute");
	else if (m < 60)
		buf_printf(b, "%" PRId64 " minutes", m);
	else if (h == 1)
		buf_puts(b, "About an hour");
	else if (h < 48)
		buf_printf(b, "%" PRId64 " hours", h);
	else if (h < 24 * 7 * 2)
		buf_printf(b, "%" PRId64 " days", h / 24);
	else if (h < 24 * 30 * 2)
		buf_printf(b, "%" PRId64 " weeks", h / 24 / 7);
	else if (h < 24 * 365 * 2)
		buf_printf(b, "%" PRId64 " months", h / 24 / 30);
	else
		buf_printf(b, "%" PRId64 " years", d / 365);
}

static void status_text(const struct docker_state *st, struct buf *b)
{
	int64_t now = docker_now();

	switch (st->status) {
	case DS_RUNNING:
	case DS_PAUSED:
		buf_puts(b, "Up ");
		duration(now - st->started_ns, b);
		if (st->status == DS_PAUSED)
			buf_puts(b, " (Paused)");
		else if (st->health == DH_STARTING)
			buf_puts(b, " (health: starting)");
		else if (st->health != DH_NONE)
			buf_printf(b, " (%s)", docker_health_names[st->health]);
		break;
	case DS_CREATED:
		buf_puts(b, "Created");
		break;
	case DS_RESTARTING:
		buf_printf(b, "Restarting (%d) ", st->exit_code);
		duration(now - st->finished_ns, b);
		buf_puts(b, " ago");
		break;
	case DS_REMOVING:
		buf_puts(b, "Removal In Progress");
		break;
	case DS_DEAD:
		buf_puts(b, "Dead");
		break;
	default:
		buf_printf(b, "Exited (%d) ", st->exit_code);
		duration(now - st->finished_ns, b);
		buf_puts(b, " ago");
	}
}

/* --- filters ------------------------------------------------------------------------------------------------------------------ */

static bool like_id(void *arg, const char *want)
{
	return startswith(((struct listing *)arg)->c->id, want) != NULL;
}

static bool like_name(void *arg, const char *want)
{
	const char *name = ((struct listing *)arg)->c->name;
	_cleanup_free_ char *full = NULL;
	regex_t re;
	bool yes;

	if (asprintf(&full, "/%s", name) < 0 || regcomp(&re, want, REG_EXTENDED | REG_NOSUB) != 0)
		return strstr(name, want) != NULL;
	yes = regexec(&re, name, 0, NULL, 0) == 0 || regexec(&re, full, 0, NULL, 0) == 0;
	regfree(&re);
	return yes;
}

static bool like_label(void *arg, const char *want)
{
	return docker_label_match(value_get(((struct listing *)arg)->c->config, "Labels"), want);
}

static bool like_status(void *arg, const char *want)
{
	return streq(docker_status_names[((struct listing *)arg)->st.status], want);
}

static bool like_exited(void *arg, const char *want)
{
	const struct listing *l = arg;
	int32_t code;

	return l->st.status == DS_EXITED && parse_i32(want, &code) == 0 && code == l->st.exit_code;
}

static bool like_health(void *arg, const char *want)
{
	return streq(docker_health_names[((struct listing *)arg)->st.health], want);
}

static bool like_ancestor(void *arg, const char *want)
{
	const struct listing *l = arg;
	const char *image = value_text(l->c->config, "Image") ?: "";
	struct image i = { 0 };
	bool same;

	if (streq(image, want) || startswith(l->c->image, want))
		return true;
	if (image_find(l->d->images, want, &i, NULL) < 0)
		return false;
	same = streq(i.id, l->c->image);
	image_done(&i);
	return same;
}

static bool like_volume(void *arg, const char *want)
{
	const struct json_c_value *m = value_get(((struct listing *)arg)->c->doc, "Mounts");

	for (size_t i = 0; i < value_len(m); i++)
		if (streq(value_text(value_elem(m, i), "Name") ?: "", want) ||
		    streq(value_text(value_elem(m, i), "Destination") ?: "", want))
			return true;
	return false;
}

static bool like_network(void *arg, const char *want)
{
	const struct listing *l = arg;
	_cleanup_value_ struct json_c_value *settings = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json j;

	if (streq(value_text(l->c->host, "NetworkMode") ?: "", want) ||
	    value_get(value_at(l->c->doc, "Networks.EndpointsConfig"), want) != NULL)
		return true;
	if (!l->c->config || !l->c->host)
		return false;
	/* One that it was connected with since. */
	json_init(&j, &text, false);
	return docker_net_settings(l->d, l->c, NULL, true, &j, NULL) == 0 &&
	       value_parse(buf_str(&text), text.len, "networks", &settings, NULL) == 0 &&
	       value_get(value_get(settings, "Networks"), want) != NULL;
}

static bool port_in(const struct json_c_value *ports, const char *want)
{
	_cleanup_free_ char *tcp = NULL;

	if (value_get(ports, want))
		return true;
	return !strchr(want, '/') && asprintf(&tcp, "%s/tcp", want) > 0 && value_get(ports, tcp);
}

static bool like_expose(void *arg, const char *want)
{
	const struct listing *l = arg;
	struct json_c_value *exposed = value_get(l->c->config, "ExposedPorts");

	/* Without a value: a set. */
	return port_in(exposed, want) || port_in(value_get(l->c->host, "PortBindings"), want);
}

static bool like_publish(void *arg, const char *want)
{
	return port_in(value_get(((struct listing *)arg)->c->host, "PortBindings"), want);
}

/* There are no tasks of a swarm. */
static bool like_task(void *arg, const char *want)
{
	return streq(want, "false") || streq(want, "0");
}

static bool check_status(void *arg, const char *want)
{
	struct listing *l = arg;
	bool known_one = false;

	for (enum docker_status s = DS_CREATED; s <= DS_DEAD; s++)
		known_one |= streq(docker_status_names[s], want);
	if (!known_one)
		(void)err_kind(l->e, ERR_INVALID, -EINVAL, "invalid filter 'status=%s'", want);
	return true;
}

static bool check_exited(void *arg, const char *want)
{
	struct listing *l = arg;
	int32_t code;

	if (parse_i32(want, &code) < 0)
		(void)err_kind(l->e, ERR_INVALID, -EINVAL,
			       "invalid filter 'exited=%s': strconv.Atoi: parsing \"%s\": invalid syntax", want, want);
	return true;
}

static int check_values(struct listing *l)
{
	(void)docker_filter(l->filters, "status", check_status, l);
	(void)docker_filter(l->filters, "exited", check_exited, l);
	return l->e ? l->e->code : 0;
}

/* What is known without what was asked for: of many containers most are at rest. */
static bool hidden(const struct listing *l)
{
	return !l->o->all && !l->any_state && l->o->limit <= 0 && l->st.status != DS_RUNNING &&
	       l->st.status != DS_PAUSED && l->st.status != DS_RESTARTING;
}

static bool wanted(struct listing *l)
{
	static const struct {
		const char *name;
		bool (*fn)(void *arg, const char *want);
	} rows[] = {
		{ "id", like_id },
		{ "name", like_name },
		{ "label", like_label },
		{ "status", like_status },
		{ "exited", like_exited },
		{ "health", like_health },
		{ "ancestor", like_ancestor },
		{ "volume", like_volume },
		{ "network", like_network },
		{ "expose", like_expose },
		{ "publish", like_publish },
		{ "is-task", like_task },
	};

	if ((l->before_ns && l->c->created_ns >= l->before_ns) || (l->since_ns && l->c->created_ns <= l->since_ns))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!docker_filter(l->filters, rows[i].name, rows[i].fn, l))
			return false;
	return true;
}

/* --- output ----------------------------------------------------------------------------------------------------------------- */

static void command_text(const struct docker_row *c, struct buf *b)
{
	const char *names[] = { "Entrypoint", "Cmd" };

	for (size_t k = 0; k < 2; k++) {
		const struct json_c_value *l = value_get(c->config, names[k]);

		for (size_t i = 0; i < value_len(l); i++) {
			const char *word = value_text(value_elem(l, i), NULL) ?: "";

			buf_printf(b, strchr(word, ' ') ? "%s'%s'" : "%s%s", b->len ? " " : "", word);
		}
	}
}

static void list_mounts(const struct docker_row *c, struct json *j)
{
	const struct json_c_value *l = value_get(c->doc, "Mounts");
	static const char *const shown[] = { "Type", "Name", "Source", "Destination", "Driver", "Mode" };

	json_array(j);
	for (size_t i = 0; i < value_len(l); i++) {
		const struct json_c_value *m = value_elem(l, i);

		json_object(j);
		for (size_t k = 0; k < ARRAY_SIZE(shown); k++)
			if (value_text(m, shown[k]))
				json_kv_string(j, shown[k], value_text(m, shown[k]));
		json_kv_bool(j, "RW", value_bool(m, "RW"));
		json_kv_string(j, "Propagation", value_text(m, "Propagation") ?: "");
		json_end_object(j);
	}
	json_end_array(j);
}

static int put_row(struct listing *l, const struct docker_row *c)
{
	_cleanup_buf_ struct buf status = BUF_INIT, command = BUF_INIT, name = BUF_INIT;
	struct json *j = &l->j;
	bool alive = l->st.status == DS_RUNNING || l->st.status == DS_PAUSED;
	int r;

	status_text(&l->st, &status);
	command_text(c, &command);
	buf_printf(&name, "/%s", c->name);
	json_object(j);
	json_kv_string(j, "Id", c->id);
	json_key(j, "Names");
	json_array(j);
	json_string(j, buf_str(&name));
	json_end_array(j);
	json_kv_string(j, "Image", value_text(c->config, "Image") ?: "");
	json_kv_string(j, "ImageID", c->image);
	json_kv_string(j, "Command", buf_str(&command));
	json_kv_i64(j, "Created", c->created_ns / 1000000000);
	json_key(j, "Ports");
	r = docker_net_ports(l->d, c, alive, j, l->e);
	if (r == 0 && l->o->size) {
		uint64_t own = 0;

		(void)rootfs_size(l->d->images->layers, c->id, &own, NULL);
		json_kv_u64(j, "SizeRw", own);
		json_kv_u64(j, "SizeRootFs", own);
	}
	json_key(j, "Labels");
	if (value_is_object(value_get(c->config, "Labels"))) {
		value_write(value_get(c->config, "Labels"), j);
	} else {
		json_object(j);
		json_end_object(j);
	}
	json_kv_string(j, "State", docker_status_names[l->st.status]);
	json_kv_string(j, "Status", buf_str(&status));
	json_key(j, "HostConfig");
	json_object(j);
	json_kv_string(j, "NetworkMode", value_text(c->host, "NetworkMode") ?: "");
	json_end_object(j);
	json_key(j, "NetworkSettings");
	if (r == 0)
		r = docker_net_settings(l->d, c, NULL, true, j, l->e);
	json_key(j, "Mounts");
	list_mounts(c, j);
	json_end_object(j);
	return r;
}

static int list_row(void *arg, struct docker_row *c)
{
	struct listing *l = arg;
	_cleanup_close_ int dirfd = docker_dir(l->d, c->id, NULL);
	int r = 0;

	if (l->o->limit > 0 && l->n >= l->o->limit)
		return 0;
	l->c = c;
	l->st = (struct docker_state){ .status = DS_DEAD };
	if (dirfd >= 0 && docker_state_read(dirfd, c->id, &l->st, NULL) < 0)
		l->st.status = DS_DEAD;
	if (!docker_sweep_row(l->d, c, &l->st) && !hidden(l)) {
		r = docker_row_parse(c, l->e);
		if (r == 0 && wanted(l)) {
			l->n++;
			r = put_row(l, c);
		}
	}
	docker_state_done(&l->st);
	return r;
}

/* A container of LXC in the same words: it has no image. */
static int put_lxc(struct listing *l, const char *name)
{
	_cleanup_(container_freep) struct container *x = NULL;
	_cleanup_buf_ struct buf status = BUF_INIT, slash = BUF_INIT;
	struct json *j = &l->j;
	struct stat st;

	if (container_open(l->d->engine, name, NULL, OPEN_NO_CONFIG, &x, NULL) < 0 || x->rec.data || x->rec.bundle)
		return 0;
	l->lxc = (struct docker_row){ .id = x->id, .name = x->name, .image = (char *)"" };
	l->lxc.created_ns = stat(x->config, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000000 : x->rec.started_ns;
	l->st = (struct docker_state){ .started_ns = x->rec.started_ns, .pid = x->rec.pid };
	l->st.status = x->rec.state == RUN_STOPPED ? DS_EXITED : x->rec.state == RUN_FROZEN ? DS_PAUSED : DS_RUNNING;
	l->c = &l->lxc;
	if (hidden(l) || !wanted(l))
		return 0;
	if (l->st.status == DS_EXITED)
		buf_puts(&status, "Stopped");
	else
		status_text(&l->st, &status);
	buf_printf(&slash, "/%s", name);
	json_object(j);
	json_kv_string(j, "Id", x->id);
	json_key(j, "Names");
	json_array(j);
	json_string(j, buf_str(&slash));
	json_end_array(j);
	json_kv_string(j, "Image", "-");
	json_kv_string(j, "ImageID", "");
	json_kv_string(j, "Command", "");
	json_kv_i64(j, "Created", l->lxc.created_ns / 1000000000);
	json_key(j, "Ports");
	json_array(j);
	json_end_array(j);
	json_key(j, "Labels");
	json_object(j);
	json_kv_string(j, "creel.personality", "lxc");
	json_end_object(j);
	json_kv_string(j, "State", docker_status_names[l->st.status]);
	json_kv_string(j, "Status", buf_str(&status));
	json_key(j, "HostConfig");
	json_object(j);
	json_kv_string(j, "NetworkMode", "");
	json_end_object(j);
	json_key(j, "NetworkSettings");
	json_object(j);
	json_end_object(j);
	json_key(j, "Mounts");
	json_array(j);
	json_end_array(j);
	json_end_object(j);
	l->n++;
	return 0;
}

static int list_lxc(struct listing *l)
{
	_cleanup_strv_ struct strv names = STRV_INIT;
	int r = engine_list(l->d->engine, LIST_DEFINED | LIST_ACTIVE, &names, l->e);

	for (size_t i = 0; i < names.n && r == 0; i++)
		if (l->o->limit <= 0 || l->n < l->o->limit)
			r = put_lxc(l, names.v[i]);
	return r;
}

static bool find_created(void *arg, const char *want)
{
	struct listing *l = arg;
	_cleanup_row_ struct docker_row c = { 0 };

	if (docker_find(l->d, want, &c, l->e) == 0)
		l->before_ns = c.created_ns;
	return true;
}

static int created_filters(struct listing *l)
{
	(void)docker_filter(l->filters, "since", find_created, l);
	l->since_ns = l->before_ns;
	l->before_ns = 0;
	(void)docker_filter(l->filters, "before", find_created, l);
	return l->e && l->e->code ? l->e->code : 0;
}

int docker_list(struct docker *d, const struct docker_list *o, struct buf *ret, struct err *e)
{
	struct err own = { 0 };
	struct listing l = { .d = d, .o = o, .e = e ?: &own };
	int r = docker_filters_parse(o->filters, known, &l.filters, l.e);

	if (r == 0)
		r = created_filters(&l);
	if (r == 0)
		r = check_values(&l);
	if (r < 0) {
		value_free(l.filters);
		return r;
	}
	docker_sweep(d);
	l.any_state = docker_filter_said(l.filters, "status") || docker_filter_said(l.filters, "exited");
	json_init(&l.j, ret, false);
	json_array(&l.j);
	r = docker_each(d, list_row, &l, l.e);
	if (r == 0)
		r = list_lxc(&l);
	json_end_array(&l.j);
	value_free(l.filters);
	return r == 0 ? buf_error(ret, e) : r;
}

/* --- prune ---------------------------------------------------------------------------------------------------------------------- */

struct pruning {
	struct docker *d;
	struct json_c_value *filters;
	struct strv ids;
	uint64_t bytes;
	const struct docker_row *c;
	int64_t until_ns;
	struct err *e;
};

static bool prune_label(void *arg, const char *want)
{
	return docker_label_match(value_get(((struct pruning *)arg)->c->config, "Labels"), want);
}

/* A time in seconds since the epoch, or how long ago: "24h". */
static bool read_until(void *arg, const char *want)
{
	struct pruning *p = arg;
	char *end;
	double n = strtod(want, &end);
	int64_t unit = streq(end, "h") ? 3600 : streq(end, "m") ? 60 : streq(end, "s") ? 1 : 0;

	if (end != want && unit)
		p->until_ns = docker_now() - (int64_t)(n * (double)unit * 1e9);
	else if (end != want && !*end)
		p->until_ns = (int64_t)(n * 1e9);
	else
		err_kind(p->e, ERR_INVALID, -EINVAL, "invalid filter 'until=%s'", want);
	return true;
}

static int prune_row(void *arg, struct docker_row *c)
{
	struct pruning *p = arg;
	_cleanup_close_ int dirfd = docker_dir(p->d, c->id, NULL);
	_cleanup_state_ struct docker_state st = { .status = DS_DEAD };
	uint64_t bytes = 0;

	p->c = c;
	if (dirfd >= 0 && docker_state_read(dirfd, c->id, &st, NULL) < 0)
		st.status = DS_DEAD;
	if (st.status == DS_RUNNING || st.status == DS_PAUSED || st.status == DS_RESTARTING)
		return 0;
	if (docker_row_parse(c, p->e) < 0)
		return p->e->code;
	if (!docker_filter_labels(p->filters, prune_label, p) || (p->until_ns && c->created_ns > p->until_ns))
		return 0;
	(void)rootfs_size(p->d->images->layers, c->id, &bytes, NULL);
	/* One that cannot be removed is no reason to leave the others. */
	if (docker_remove(p->d, c->id, false, false, NULL) < 0)
		return 0;
	p->bytes += bytes;
	return strv_push(&p->ids, c->id, p->e);
}

int docker_prune(struct docker *d, const char *filters, struct buf *ret, struct err *e)
{
	static const char *const names[] = { "label", "label!", "until", NULL };
	struct err own = { 0 };
	struct pruning p = { .d = d, .e = e ?: &own };
	struct json j;
	int r = docker_filters_parse(filters, names, &p.filters, p.e);

	if (r == 0) {
		(void)docker_filter(p.filters, "until", read_until, &p);
		r = p.e->code;
	}
	if (r == 0)
		r = docker_each(d, prune_row, &p, p.e);
	json_init(&j, ret, false);
	json_object(&j);
	json_key(&j, "ContainersDeleted");
	json_array(&j);
	for (size_t i = 0; i < p.ids.n; i++)
		json_string(&j, p.ids.v[i]);
	json_end_array(&j);
	json_kv_u64(&j, "SpaceReclaimed", p.bytes);
	json_end_object(&j);
	strv_done(&p.ids);
	value_free(p.filters);
	return r == 0 ? buf_error(ret, e) : r;
}
