/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/json.h"
#include "cli/lxc/top.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/sysinfo.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"

#define USER_HZ_NS 10000000

struct args {
	double delay;
	bool batch, reverse;
	char sort;
};

#define AT(member) offsetof(struct args, member)

static int parse_delay(void *args, const char *arg, struct err *e)
{
	char *end;
	double v = strtod(arg, &end);

	if (end == arg || *end || !(v > 0) || v > 86400)
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid delay '%s': seconds, more than 0", arg);
	((struct args *)args)->delay = v;
	return 0;
}

static bool sort_key(char k)
{
	return k && strchr("ncbmsk", k);
}

static int parse_sort(void *args, const char *arg, struct err *e)
{
	if (!sort_key(arg[0]) || arg[1])
		return err_kind(e, ERR_INVALID, -EINVAL, "invalid sort key '%s': one of n, c, b, m, s and k", arg);
	((struct args *)args)->sort = arg[0];
	return 0;
}

static const struct opt opts[] = {
	{ 'd', "delay", "SECONDS", "Between two looks; 3 by default.", OPT_CALL, .parse = parse_delay },
	{ 'b', "batch", NULL, "Lines of comma-separated values, for a file.", OPT_BOOL, AT(batch), 1 },
	{ 's', "sort", "KEY",
	  "By n: name (the default), c: CPU, b: block I/O, m: memory, s: memory and swap, k: kernel memory.", OPT_CALL,
	  .complete = COMPLETE_WORDS, .words = "n c b m s k", .parse = parse_sort },
	{ 'r', "reverse", NULL, "The other way round: the largest first.", OPT_BOOL, AT(reverse), 1 },
	OPT_END
};

struct top {
	struct cli *c;
	struct args *a;
	struct top_view view;
	int64_t last_ns; /* of the previous look */
	int sig_fd;
	struct termios saved;
	bool raw;
};

static int64_t clock_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void rows_free(struct top_row *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(rows[i].name);
	free(rows);
}

/* --- looking ------------------------------------------------------------------------------------------------------------ */

static const struct top_row *find_row(const struct top_row *rows, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (streq(rows[i].name, name))
			return &rows[i];
	return NULL;
}

/* What it has used since the row of the last look, if there was one. */
static void add_load(struct top_row *row, const struct top_row *before, int64_t passed_ns)
{
	row->load = -1;
	if (!before)
		return;
	memcpy(row->history, before->history, sizeof(row->history));
	row->n_history = before->n_history;
	if (passed_ns <= 0 || row->stats.cpu_ns == UINT64_MAX || row->stats.cpu_ns < before->stats.cpu_ns)
		return;
	row->load = (double)(row->stats.cpu_ns - before->stats.cpu_ns) / (double)passed_ns;
	if (row->n_history == TOP_HISTORY) {
		memmove(row->history, row->history + 1, (TOP_HISTORY - 1) * sizeof(*row->history));
		row->n_history--;
	}
	row->history[row->n_history++] = row->load;
}

static uint64_t with_swap(const struct cg_stats *s)
{
	return top_known(s->memory) + top_known(s->swap);
}

static uint64_t key_of(const struct top_row *row, char sort)
{
	switch (sort) {
	case 'c':
		return top_known(row->stats.cpu_ns);
	case 'b':
		return top_known(row->stats.blkio_bytes);
	case 'm':
		return top_known(row->stats.memory);
	case 's':
		return with_swap(&row->stats);
	case 'k':
		return top_known(row->stats.kernel_memory);
	default:
		return 0;
	}
}

static int compare(const void *a, const void *b, void *arg)
{
	const struct args *args = arg;
	const struct top_row *x = a, *y = b;
	uint64_t kx = key_of(x, args->sort), ky = key_of(y, args->sort);
	int r = kx < ky ? -1 : kx > ky;

	if (args->sort == 'n')
		r = strcmp(x->name, y->name);
	return args->reverse ? -r : r;
}

static int look(struct top *t, struct err *e)
{
	_cleanup_strv_ struct strv names = STRV_INIT, defined = STRV_INIT;
	int64_t now = clock_ns(CLOCK_MONOTONIC);
	struct top_row *rows;
	size_t n = 0;
	int r;

	r = engine_list(t->c->engine, LIST_ACTIVE, &names, e);
	if (r == 0)
		r = engine_list(t->c->engine, LIST_DEFINED | LIST_ACTIVE, &defined, e);
	if (r < 0)
		return r;
	rows = calloc(names.n + 1, sizeof(*rows));
	if (!rows)
		return err_oom(e);
	for (size_t i = 0; i < names.n; i++) {
		_cleanup_(container_freep) struct container *ct = NULL;

		/* It may have ended since. One without a control group that we may read is shown all the same. */
		if (container_open(t->c->engine, names.v[i], NULL, OPEN_NO_CONFIG, &ct, NULL) < 0 ||
		    !cli_is_running(ct))
			continue;
		if (container_stats(ct, &rows[n].stats, NULL) < 0)
			memset(&rows[n].stats, 0xff, sizeof(rows[n].stats));
		rows[n].name = TAKE_PTR(names.v[i]);
		add_load(&rows[n], find_row(t->view.rows, t->view.n, rows[n].name), now - t->last_ns);
		n++;
	}
	/* The list has holes now: only what was not taken is freed with it. */
	for (size_t i = 0; i < names.n; i++)
		free(names.v[i]);
	names.n = 0;
	qsort_r(rows, n, sizeof(*rows), compare, t->a);
	rows_free(t->view.rows, t->view.n);
	t->view.rows = rows;
	t->view.n = n;
	t->view.n_defined = defined.n;
	t->last_ns = now;
	return 0;
}

/* --- for a file --------------------------------------------------------------------------------------------------------- */

static void put_csv(const struct top_row *row, int64_t ms, struct buf *out)
{
	const struct cg_stats *s = &row->stats;

	buf_printf(out, "%lld,%s,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu\n", (long long)ms, row->name,
		   (unsigned long long)top_known(s->cpu_ns),
		   (unsigned long long)top_known(s->cpu_system_ns) / USER_HZ_NS,
		   (unsigned long long)top_known(s->cpu_user_ns) / USER_HZ_NS,
		   (unsigned long long)top_known(s->blkio_bytes), (unsigned long long)top_known(s->blkio_ios),
		   (unsigned long long)top_known(s->memory), (unsigned long long)with_swap(s),
		   (unsigned long long)top_known(s->kernel_memory));
}

static void json_known(struct json *j, const char *key, uint64_t v)
{
	if (v != UINT64_MAX)
		json_kv_u64(j, key, v);
}

static void put_json(const struct top_row *row, int64_t ms, struct buf *out)
{
	const struct cg_stats *s = &row->stats;
	struct json j;

	json_init(&j, out, false);
	json_object(&j);
	json_kv_i64(&j, "time_ms", ms);
	json_kv_string(&j, "container", row->name);
	json_known(&j, "cpu_ns", s->cpu_ns);
	json_known(&j, "cpu_system_ns", s->cpu_system_ns);
	json_known(&j, "cpu_user_ns", s->cpu_user_ns);
	json_known(&j, "blkio_bytes", s->blkio_bytes);
	json_known(&j, "blkio_ios", s->blkio_ios);
	json_known(&j, "memory_bytes", s->memory);
	json_known(&j, "swap_bytes", s->swap);
	json_known(&j, "kernel_memory_bytes", s->kernel_memory);
	json_end_object(&j);
	buf_putc(out, '\n');
}

static int batch(struct top *t, struct err *e)
{
	/* Says when nobody reads any more. */
	struct pollfd reader = { .fd = STDOUT_FILENO };
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r;

	if (!t->c->json)
		buf_puts(&out, "time_ms,container,cpu_nanos,cpu_sys_userhz,cpu_user_userhz,blkio_bytes,blkio_iops,"
			       "mem_used_bytes,memsw_used_bytes,kernel_mem_used_bytes\n");
	for (;;) {
		int64_t ms;

		r = look(t, e);
		if (r < 0)
			return r;
		ms = clock_ns(CLOCK_REALTIME) / 1000000;
		for (size_t i = 0; i < t->view.n; i++)
			if (t->c->json)
				put_json(&t->view.rows[i], ms, &out);
			else
				put_csv(&t->view.rows[i], ms, &out);
		r = buf_error(&out, e);
		if (r < 0)
			return r;
		r = fd_write_all(STDOUT_FILENO, buf_str(&out), out.len);
		if (r < 0)
			return r == -EPIPE ? 0 : err_set(e, r, "write to standard output");
		buf_reset(&out);
		if (poll(&reader, 1, (int)(t->a->delay * 1000)) > 0)
			return 0;
	}
}

/* --- on a terminal ------------------------------------------------------------------------------------------------------- */

static int screen_on(struct top *t, struct err *e)
{
	struct termios raw;
	sigset_t set;

	if (tcgetattr(STDIN_FILENO, &t->saved) < 0)
		return err_set(e, -errno, "read the terminal's settings");
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGWINCH);
	sigprocmask(SIG_BLOCK, &set, NULL);
	t->sig_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (t->sig_fd < 0)
		return err_set(e, -errno, "make a signal fd");
	raw = t->saved;
	raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return err_set(e, -errno, "set the terminal");
	t->raw = true;
	/* A screen of its own, without a cursor; what was there before comes back. */
	fd_write_all(STDOUT_FILENO, "\033[?1049h\033[?25l", 14);
	return 0;
}

static void screen_off(struct top *t)
{
	if (t->raw) {
		fd_write_all(STDOUT_FILENO, "\033[?25h\033[?1049l", 14);
		tcsetattr(STDIN_FILENO, TCSANOW, &t->saved);
	}
	fd_close(t->sig_fd);
}

static int draw(struct top *t, struct err *e)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct winsize ws = { 0 };
	struct sysinfo si;
	int r;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) < 0 || ws.ws_row == 0 || ws.ws_col == 0)
		ws = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	t->view.lines = ws.ws_row;
	t->view.columns = ws.ws_col;
	t->view.colour = cli_colour();
	if (sysinfo(&si) == 0)
		t->view.memory = (uint64_t)si.totalram * si.mem_unit;
	top_draw(&t->view, &out);
	r = buf_error(&out, e);
	if (r == 0 && fd_write_all(STDOUT_FILENO, buf_str(&out), out.len) < 0)
		r = err_set(e, -EIO, "write to the terminal");
	return r;
}

static void scroll(struct top *t, int by)
{
	size_t page = t->view.lines > 3 ? t->view.lines - 3 : 1, last = t->view.n > page ? t->view.n - page : 0;

	if (by < 0)
		t->view.first = t->view.first >= (size_t)-by ? t->view.first - (size_t)-by : 0;
	else
		t->view.first += (size_t)by;
	if (t->view.first > last)
		t->view.first = last;
}

/* Returns true for 'q'. */
static bool take_keys(struct top *t)
{
	char buf[64];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	/* A terminal that is gone stays readable. */
	if (n == 0)
		return true;
	for (ssize_t i = 0; i < n; i++) {
		if (buf[i] == '\033' && i + 2 < n && (buf[i + 1] == '[' || buf[i + 1] == 'O')) {
			if (buf[i + 2] == 'A' || buf[i + 2] == 'B')
				scroll(t, buf[i + 2] == 'A' ? -1 : 1);
			i += 2;
		} else if (buf[i] == 'q') {
			return true;
		} else if (buf[i] == 'r') {
			t->a->reverse = !t->a->reverse;
		} else if (sort_key(buf[i])) {
			t->a->sort = buf[i];
		}
	}
	qsort_r(t->view.rows, t->view.n, sizeof(*t->view.rows), compare, t->a);
	return false;
}

static int show(struct top *t, struct err *e)
{
	int r = screen_on(t, e);
	bool stale = true;

	while (r == 0) {
		struct pollfd p[] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = t->sig_fd, .events = POLLIN } };
		struct signalfd_siginfo si;
		int64_t left;

		if (stale)
			r = look(t, e);
		stale = false;
		if (r == 0)
			r = draw(t, e);
		if (r < 0)
			break;
		left = t->last_ns / 1000000 + (int64_t)(t->a->delay * 1000) - clock_ns(CLOCK_MONOTONIC) / 1000000;
		r = poll(p, ARRAY_SIZE(p), left < 0 ? 0 : (int)left);
		if (r < 0 && errno != EINTR)
			return err_set(e, -errno, "wait for keys");
		stale = r == 0;
		r = 0;
		if (p[1].revents && read(t->sig_fd, &si, sizeof(si)) == sizeof(si) && si.ssi_signo != SIGWINCH)
			break;
		if (p[0].revents && take_keys(t))
			break;
	}
	return r;
}

static int run(struct cli *c)
{
	struct args a = { .delay = 3, .sort = 'n' };
	struct top t = { .c = c, .a = &a, .sig_fd = -EBADF };
	struct err e = { 0 };
	int code = cli_parse(c, &a), r;

	if (code >= 0)
		return code;
	if (!a.batch && !c->json && (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)))
		return cli_error(c, "-b writes lines for a file", "this is no terminal");
	r = cli_open_engine(c, &e);
	if (r == 0)
		r = a.batch || c->json ? batch(&t, &e) : show(&t, &e);
	screen_off(&t);
	rows_free(t.view.rows, t.view.n);
	return r < 0 ? cli_fail(c, &e) : 0;
}

const struct command cmd_top = {
	.name = "lxc-top",
	.flags = CMD_LXC | CMD_JSON,
	.synopsis = "[OPTION...]",
	.summary = "watch what containers use",
	.description =
		"Shows the containers that run with what they use of the processors, of memory and of disks, and a "
		"line "
		"with the sum. The bars show the processor time of the last interval, where full is one whole "
		"processor, with a curve of the intervals before, and the memory, where full is the container's limit "
		"or "
		"the host's memory.\n\n"
		"Keys: n, c, b, m, s, k sort as -s does, r turns the order round, the arrows scroll, q ends it.\n\n"
		"With -b each look is a line a container, below one heading; as json an object a line.",
	.opts = opts,
	.examples = (const struct text_pair[]){ { "lxc-top -s m -r", "Who has the most memory, first." },
						{ "lxc-top -b -d 60 >>usage.csv", "A line a minute for each." },
						{ NULL, NULL } },
	.exits = (const struct text_pair[]){ { "0", "It was ended." },
					     { "1", "It failed, or is not on a terminal." },
					     { NULL, NULL } },
	.see_also = "lxc-info(1), lxc-ls(1)",
	.run = run,
};
