/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The data root, rows of containers and their state files. */

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/parse.h"
#include "engine/docker-inner.h"

#define STATE_MAX (64u << 10)

static const char *const schema[] = {
	"CREATE TABLE containers (id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, image TEXT NOT NULL, "
	"created INTEGER NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID",
	NULL,
};

const char *const docker_status_names[] = { "created",	"running", "paused", "restarting",
					    "removing", "exited",  "dead",   NULL };
const char *const docker_health_names[] = { "none", "starting", "healthy", "unhealthy", NULL };

struct docker *docker_free(struct docker *d)
{
	if (!d)
		return NULL;
	images_free(d->images);
	engine_free(d->engine);
	free(d->text);
	value_free(d->doc);
	free(d);
	return NULL;
}

int docker_open(const struct docker_opts *o, struct docker **ret, struct err *e)
{
	_cleanup_(docker_freep) struct docker *d = calloc(1, sizeof(*d));
	struct engine_opts go = { .log = o->log };
	int r;

	if (!d)
		return err_oom(e);
	d->log = o->log;
	d->registry = o->registry;
	r = images_open(o->root, o->driver, &d->images, e);
	if (r == 0)
		r = db_schema(d->images->db, "containers", schema, e);
	if (r == 0) {
		_cleanup_free_ char *dir = path_join(d->images->root, "containers");

		r = dir ? dir_make_all(dir, 0710, e) : err_oom(e);
	}
	if (r == 0)
		r = engine_open(&go, &d->engine, e);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

struct images *docker_images(struct docker *d)
{
	return d->images;
}

/* --- small things -------------------------------------------------------------------------------------------------------- */

int64_t docker_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

const char *docker_time(int64_t ns, char buf[static 40])
{
	time_t s = (time_t)(ns / 1000000000);
	long frac = (long)(ns % 1000000000);
	struct tm tm;
	size_t n;

	/* Go's zero */
	if (!ns)
		return memcpy(buf, "0001-01-01T00:00:00Z", sizeof("0001-01-01T00:00:00Z"));
	gmtime_r(&s, &tm);
	n = strftime(buf, 40, "%Y-%m-%dT%H:%M:%S", &tm);
	if (frac) {
		n += (size_t)snprintf(buf + n, 40 - n, ".%09ld", frac);
		while (buf[n - 1] == '0')
			n--;
	}
	buf[n++] = 'Z';
	buf[n] = '\0';
	return buf;
}

int docker_new_id(char ret[static 65], struct err *e)
{
	unsigned char bytes[32];

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return err_set(e, -errno, "get random bytes");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

char *docker_path(const struct docker *d, const char *id, const char *name)
{
	char *path;

	if (asprintf(&path, "%s/containers/%s%s%s", d->images->root, id, name ? "/" : "", name ?: "") < 0)
		return NULL;
	return path;
}

int docker_dir(const struct docker *d, const char *id, struct err *e)
{
	_cleanup_free_ char *path = docker_path(d, id, NULL);
	int fd;

	if (!path)
		return err_oom(e);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_set(e, -errno, "open %s", path) : fd;
}

/* --- rows ---------------------------------------------------------------------------------------------------------------- */

void docker_row_done(struct docker_row *c)
{
	free(c->id);
	free(c->name);
	free(c->image);
	free(c->text);
	value_free(c->doc);
	*c = (struct docker_row){ 0 };
}

int docker_row_parse(struct docker_row *c, struct err *e)
{
	int r = c->doc ? 0 : value_parse(c->text, strlen(c->text), "container", &c->doc, e);

	if (r == 0) {
		c->host = value_get(c->doc, "HostConfig");
		c->config = value_get(c->doc, "Config");
	}
	return r;
}

static int copy_row(const struct db_row *row, struct docker_row *ret)
{
	*ret = (struct docker_row){
		.id = strdup(db_text(row, 0)),
		.name = strdup(db_text(row, 1)),
		.image = strdup(db_text(row, 2)),
		.created_ns = db_int(row, 3),
		.text = strdup(db_text(row, 4)),
	};
	return ret->id && ret->name && ret->image && ret->text ? 0 : -ENOMEM;
}

/* C's document, which nobody changes: the one that was parsed last, where it is the same. */
static int parse_found(struct docker *d, struct docker_row *c, struct err *e)
{
	int r;

	if (d->doc && streq(d->text, c->text))
		c->doc = value_ref(d->doc);
	r = docker_row_parse(c, e);
	if (r < 0 || c->doc == d->doc)
		return r;
	free(d->text);
	d->doc = value_free(d->doc);
	d->text = strdup(c->text);
	if (d->text)
		d->doc = value_ref(c->doc);
	return 0;
}

#define COLUMNS "SELECT id, name, image, created, doc FROM containers "

struct finding {
	const char *want;
	struct docker_row row;
	unsigned n; /* that begin so */
	bool exact;
};

static int take_row(void *arg, const struct db_row *row)
{
	struct finding *f = arg;
	bool exact = streq(db_text(row, 0), f->want) || streq(db_text(row, 1), f->want);

	if (f->exact && !streq(db_text(row, 0), f->want))
		return 0;
	if (!exact && f->n++)
		return 0;
	docker_row_done(&f->row);
	f->exact |= exact;
	return copy_row(row, &f->row);
}

static bool is_hex(const char *s)
{
	return *s && strlen(s) <= 64 && strspn(s, "0123456789abcdef") == strlen(s);
}

static int find(struct docker *d, const char *id, bool names, struct docker_row *ret, struct err *e)
{
	const char *want = *id == '/' ? id + 1 : id;
	struct finding f = { .want = want };
	char top[68];
	int r;

	/* All that begin with these digits lie between them and them with a letter beyond f. */
	snprintf(top, sizeof(top), "%.64sg", want);
	if (!names)
		r = db_query(d->images->db, take_row, &f, e, COLUMNS "WHERE id >= ? AND id < ?", "ss", want, top);
	else if (is_hex(want))
		r = db_query(d->images->db, take_row, &f, e, COLUMNS "WHERE name = ? OR (id >= ? AND id < ?)", "sss",
			     want, want, top);
	else
		r = db_query(d->images->db, take_row, &f, e, COLUMNS "WHERE name = ?", "s", want);
	if (r == 0 && !f.exact && f.n > 1)
		r = err_kind(e, ERR_INVALID, -EINVAL, "multiple IDs found with provided prefix: %s", want);
	if (r == 0 && !f.row.id)
		r = err_kind(e, ERR_NOT_FOUND, -ENOENT, "No such container: %s", id);
	if (r == 0)
		r = parse_found(d, &f.row, e);
	if (r < 0) {
		docker_row_done(&f.row);
		return r == -ENOMEM ? err_oom(e) : r;
	}
	*ret = f.row;
	return 0;
}

int docker_find(struct docker *d, const char *id, struct docker_row *ret, struct err *e)
{
	int r = find(d, id, true, ret, e);
	_cleanup_(container_freep) struct container *lxc = r == -ENOENT && e ? docker_lxc_find(d, id, NULL) : NULL;

	/* Of interest where this request is none that can be made of such a one. */
	return lxc ? err_hint(e, r,
			      "%s is a container of LXC: this is done to it by lxc-copy, lxc-cgroup and their "
			      "neighbours",
			      id)
		   : r;
}

int docker_find_id(struct docker *d, const char *id, struct docker_row *ret, struct err *e)
{
	return find(d, id, false, ret, e);
}

struct rows {
	struct docker_row *v;
	size_t n, cap;
};

static int keep_row(void *arg, const struct db_row *row)
{
	struct rows *l = arg;

	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 32;
		struct docker_row *v = reallocarray(l->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->v = v;
		l->cap = cap;
	}
	return copy_row(row, &l->v[l->n++]);
}

/* Read as a whole first: what FN does may take the database, too. */
int docker_each(struct docker *d, int (*fn)(void *arg, struct docker_row *c), void *arg, struct err *e)
{
	struct rows l = { 0 };
	int r = db_query(d->images->db, keep_row, &l, e, COLUMNS "ORDER BY created DESC", "");

	if (r == -ENOMEM)
		err_oom(e);
	for (size_t i = 0; i < l.n; i++) {
		if (r == 0)
			r = fn(arg, &l.v[i]);
		docker_row_done(&l.v[i]);
	}
	free(l.v);
	return r;
}

static void put_text(struct buf *b, const char *key, const char *value)
{
	buf_printf(b, "%s=", key);
	for (; *value; value++)
		buf_putc(b, *value == '\n' ? ' ' : *value);
	buf_putc(b, '\n');
}

/* --- state --------------------------------------------------------------------------------------------------------------- */

void docker_state_done(struct docker_state *s)
{
	free(s->error);
	*s = (struct docker_state){ 0 };
}

int docker_state_write(int dirfd, const struct docker_state *s, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	/* What stays when the machine goes down. */
	bool stays = s->status == DS_CREATED || s->status == DS_EXITED || s->status == DS_DEAD;
	int r;

	buf_printf(&b, "status=%s\npid=%d\nexit=%d\nstarted=%" PRId64 "\nfinished=%" PRId64 "\n",
		   docker_status_names[s->status], s->pid, s->exit_code, s->started_ns, s->finished_ns);
	buf_printf(&b, "oom=%d\nstopped=%d\nrestarts=%d\nhealth=%s\n", s->oom, s->stopped, s->restarts,
		   docker_health_names[s->health]);
	if (s->down)
		buf_puts(&b, "down=1\n");
	if (s->kept)
		buf_puts(&b, "kept=1\n");
	if (s->volumes)
		buf_puts(&b, "volumes=1\n");
	if (s->error)
		put_text(&b, "error", s->error);
	r = buf_error(&b, e);
	if (r < 0)
		return r;
	return stays ? file_replace(dirfd, "state", buf_str(&b), b.len, 0600, false, e)
		     : file_replace_lazy(dirfd, "state", buf_str(&b), b.len, 0600, e);
}

static int index_of(const char *const *names, const char *s)
{
	for (int i = 0; names[i]; i++)
		if (streq(names[i], s))
			return i;
	return 0;
}

static void take_field(struct docker_state *s, const char *key, const char *value)
{
	const struct {
		const char *key;
		int *to;
	} numbers[] = { { "pid", &s->pid }, { "exit", &s->exit_code }, { "restarts", &s->restarts } };

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (streq(key, numbers[i].key))
			(void)parse_i32(value, numbers[i].to);
	if (streq(key, "status"))
		s->status = (enum docker_status)index_of(docker_status_names, value);
	else if (streq(key, "health"))
		s->health = (enum docker_health)index_of(docker_health_names, value);
	else if (streq(key, "started"))
		(void)parse_i64(value, &s->started_ns);
	else if (streq(key, "finished"))
		(void)parse_i64(value, &s->finished_ns);
	else if (streq(key, "oom"))
		s->oom = streq(value, "1");
	else if (streq(key, "down"))
		s->down = streq(value, "1");
	else if (streq(key, "kept"))
		s->kept = streq(value, "1");
	else if (streq(key, "volumes"))
		s->volumes = streq(value, "1");
	else if (streq(key, "stopped"))
		s->stopped = streq(value, "1");
	else if (streq(key, "error") && !s->error)
		s->error = strdup(value);
}

/* What the file says may be older than the last kill -9: a container runs while its processes do. */
static void look_at_it(const char *id, struct docker_state *s)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int run = -EBADF;

	if (s->status != DS_RUNNING && s->status != DS_PAUSED && s->status != DS_RESTARTING)
		return;
	run = record_open_dir(id, false, NULL);
	if (run >= 0 && record_read(run, &rec, NULL) == 0 && record_alive(&rec)) {
		s->status = rec.state == RUN_FROZEN ? DS_PAUSED : DS_RUNNING;
		s->pid = rec.pid;
		return;
	}
	s->pid = 0;
	/* Its keeper is about to say what became of it, or to start it again. */
	if (run >= 0 && record_kept(&rec))
		return;
	s->exit_code = s->status == DS_RESTARTING ? s->exit_code : 255;
	s->status = DS_EXITED;
	if (rec.exit_status != -1)
		s->exit_code =
			WIFSIGNALED(rec.exit_status) ? 128 + WTERMSIG(rec.exit_status) : WEXITSTATUS(rec.exit_status);
}

int docker_state_read(int dirfd, const char *id, struct docker_state *ret, struct err *e)
{
	_cleanup_free_ char *text = NULL;
	struct docker_state s = { 0 };
	char *save = NULL;
	int r = file_read(dirfd, "state", STATE_MAX, &text, NULL, e);

	if (r < 0)
		return r;
	/* The power failed while it ran: how it went is nobody's knowledge. */
	if (!*text)
		s = (struct docker_state){ .status = DS_EXITED, .exit_code = 255 };
	for (char *l = strtok_r(text, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
		char *eq = strchr(l, '=');

		if (!eq)
			continue;
		*eq = '\0';
		take_field(&s, l, eq + 1);
	}
	look_at_it(id, &s);
	*ret = s;
	return 0;
}

int docker_running(const struct docker_row *c, struct record *ret, struct err *e)
{
	_cleanup_close_ int run = record_open_dir(c->id, false, NULL);
	_cleanup_record_ struct record rec = { .exit_status = -1 };

	if (run < 0 || record_read(run, &rec, NULL) < 0 || !record_alive(&rec) || rec.state == RUN_STARTING)
		return err_kind(e, ERR_STATE, -ESRCH, "container %s is not running", c->id);
	*ret = rec;
	rec = (struct record){ .exit_status = -1 };
	return 0;
}
