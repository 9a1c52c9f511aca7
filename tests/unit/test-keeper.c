/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The keeper's loop in a process of its own, with real ptys; the test is its runtime and its clients. */

#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "runtime/keeper_proto.h"
#include "unit/test.h"

#define INIT_STATUS 7
#define WAIT_MS	    5000

/* One keeper; what an earlier test that failed left of it is ended by the next start. */
static struct {
	pid_t keeper, init;
	int ctl, listen, life, result; /* life: closing it ends init */
	int console;		       /* the slave */
	int master;		       /* its other end, as the keeper has it */
	struct sockaddr_un addr;
	socklen_t addr_len;
	char dir[64];
} rig = { .ctl = -EBADF, .listen = -EBADF, .life = -EBADF, .result = -EBADF, .console = -EBADF, .master = -EBADF };

static void rig_end(void)
{
	if (rig.keeper > 0) {
		kill(rig.keeper, SIGKILL);
		kill(rig.init, SIGKILL);
		waitpid(rig.keeper, NULL, 0);
	}
	rig.keeper = 0;
	rig.ctl = fd_close(rig.ctl);
	rig.listen = fd_close(rig.listen);
	rig.life = fd_close(rig.life);
	rig.result = fd_close(rig.result);
	rig.console = fd_close(rig.console);
	rig.master = fd_close(rig.master);
	if (*rig.dir)
		tree_remove(AT_FDCWD, rig.dir, NULL);
	*rig.dir = '\0';
}

static _noreturn_ void keeper_process(int ctl, int lis, int life_rd, int life_wr, int result)
{
	struct keeper k;
	pid_t init;
	int status;
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	init = fork();
	if (init == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(life_wr);
		_exit(read(life_rd, &c, 1) == 0 ? INIT_STATUS : 1);
	}
	close(life_wr);
	keeper_init(&k);
	k.ctl = ctl;
	k.listen = lis;
	if (keeper_signals(&k) < 0 || write(result, &init, sizeof(init)) < 0)
		_exit(1);
	status = keeper_run(&k);
	_exit(write(result, &status, sizeof(status)) < 0);
}

static void rig_start(void)
{
	int pair[2], life[2], result[2];

	rig_end();
	strcpy(rig.dir, "/tmp/creel-keeper-test.XXXXXX");
	CHECK(mkdtemp(rig.dir));
	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	CHECK(pipe2(life, O_CLOEXEC) == 0 && pipe2(result, O_CLOEXEC) == 0);
	rig.listen = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* A name of the kernel's choice, on no file system. */
	rig.addr = (struct sockaddr_un){ .sun_family = AF_UNIX };
	CHECK(bind(rig.listen, (struct sockaddr *)&rig.addr, sizeof(sa_family_t)) == 0);
	rig.addr_len = sizeof(rig.addr);
	CHECK(getsockname(rig.listen, (struct sockaddr *)&rig.addr, &rig.addr_len) == 0);
	CHECK(listen(rig.listen, 64) == 0);
	rig.keeper = fork();
	if (rig.keeper == 0) {
		close(pair[0]);
		keeper_process(pair[1], rig.listen, life[0], life[1], result[1]);
	}
	close(pair[1]);
	close(life[0]);
	close(result[1]);
	rig.ctl = pair[0];
	rig.life = life[1];
	rig.result = result[0];
	CHECK(read(rig.result, &rig.init, sizeof(rig.init)) == (ssize_t)sizeof(rig.init));
}

static void say(struct keeper_msg *m, const int *fds, unsigned n)
{
	m->n = n;
	CHECK(fd_send(rig.ctl, m, sizeof(*m), fds, n) == (ssize_t)sizeof(*m));
}

static void say_init(void)
{
	struct keeper_msg m = { .type = KM_INIT, .pid = rig.init };
	int fd = (int)syscall(SYS_pidfd_open, rig.init, 0);

	CHECK(fd >= 0);
	say(&m, &fd, 1);
	close(fd);
}

static void say_go(void)
{
	struct keeper_msg m = { .type = KM_GO };

	say(&m, NULL, 0);
	CHECK(fd_recv(rig.ctl, &m, sizeof(m), NULL, NULL) == (ssize_t)sizeof(m));
	CHECK(m.type == KM_ACK);
}

/* A raw pty; the slave is returned. */
static int make_pty(int *ret_master)
{
	struct termios t;
	int slave;

	CHECK(openpty(ret_master, &slave, NULL, NULL, NULL) == 0);
	CHECK(tcgetattr(slave, &t) == 0);
	cfmakeraw(&t);
	CHECK(tcsetattr(slave, TCSANOW, &t) == 0);
	fcntl(slave, F_SETFD, FD_CLOEXEC);
	return slave;
}

/* Init, a console and N terminals; the terminals' slaves are kept open in SLAVES. */
static void hand_over(unsigned n, int *slaves)
{
	struct keeper_msg m = { .type = KM_PTYS, .flags = 1 };
	int masters[9];

	CHECK(n < 9);
	rig.console = make_pty(&masters[0]);
	rig.master = fcntl(masters[0], F_DUPFD_CLOEXEC, 3);
	for (unsigned i = 0; i < n; i++)
		slaves[i] = make_pty(&masters[i + 1]);
	say_init();
	say(&m, masters, n + 1);
	fds_close_many(masters, n + 1);
	say_go();
}

static int client(void)
{
	struct timeval limit = { .tv_sec = WAIT_MS / 1000 };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&rig.addr, rig.addr_len) == 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	return fd;
}

/* The reply's ret; the value and the fd that came with it. */
static int ask(int fd, uint32_t type, int arg, int *ret_value, int *ret_fd)
{
	struct keeper_req q = { .type = type, .arg = arg };
	struct keeper_rep rep = { 0 };
	size_t n = 1;
	int got[1] = { -EBADF };

	CHECK(fd_send(fd, &q, sizeof(q), NULL, 0) >= 0);
	CHECK(fd_recv(fd, &rep, sizeof(rep), got, &n) == (ssize_t)sizeof(rep));
	if (ret_value)
		*ret_value = rep.value;
	if (ret_fd)
		*ret_fd = n ? got[0] : -EBADF;
	else if (n)
		close(got[0]);
	return rep.ret;
}

static void send_data(int fd, const char *text)
{
	char buf[sizeof(struct keeper_req) + 64];
	struct keeper_req q = { .type = KR_DATA };

	memcpy(buf, &q, sizeof(q));
	memcpy(buf + sizeof(q), text, strlen(text));
	CHECK(send(fd, buf, sizeof(q) + strlen(text), 0) > 0);
}

/* Reads console output of a client until WANT bytes came or nothing more does. */
static size_t take_data(int fd, char *out, size_t want)
{
	size_t have = 0;

	while (have < want) {
		char buf[sizeof(struct keeper_req) + KEEPER_DATA_MAX];
		ssize_t n = recv(fd, buf, sizeof(buf), 0), body = n - (ssize_t)sizeof(struct keeper_req);

		if (body <= 0)
			break;
		if ((size_t)body > want - have)
			body = (ssize_t)(want - have);
		if (out)
			memcpy(out + have, buf + sizeof(struct keeper_req), (size_t)body);
		have += (size_t)body;
	}
	return have;
}

/* Ends init and returns the wait status that the keeper's loop told. */
static int end_init(void)
{
	struct pollfd p = { .fd = rig.result, .events = POLLIN };
	int status = -1;

	rig.life = fd_close(rig.life);
	CHECK(poll(&p, 1, WAIT_MS) == 1);
	CHECK(read(rig.result, &status, sizeof(status)) == (ssize_t)sizeof(status));
	waitpid(rig.keeper, NULL, 0);
	rig.keeper = 0;
	return status;
}

TEST(init_and_its_status)
{
	rig_start();
	hand_over(0, NULL);
	CHECK(end_init() == INIT_STATUS << 8);
	rig_end();
}

/* A runtime that dies before it has a container: the loop ends, nobody waits for ever. */
TEST(runtime_dies_first)
{
	int status = -1;

	rig_start();
	rig.ctl = fd_close(rig.ctl);
	CHECK(read(rig.result, &status, sizeof(status)) == (ssize_t)sizeof(status));
	CHECK(status == 0);
	rig_end();
}

TEST(terminals)
{
	int slaves[2], a, b, c, fd, fd2, value, tries = 0;

	rig_start();
	hand_over(2, slaves);
	a = client();
	b = client();
	c = client();
	CHECK(ask(a, KR_PING, 0, &value, NULL) == 0 && value == rig.init);
	CHECK(ask(a, KR_TTY, -1, &value, &fd) == 0 && value == 1 && isatty(fd));
	CHECK(write(slaves[0], "x", 1) == 1);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	CHECK(poll(&p, 1, WAIT_MS) == 1);
	CHECK(ask(a, KR_TTY, 2, &value, NULL) == -EALREADY && value == 1);
	CHECK(ask(b, KR_TTY, 1, &value, NULL) == -EBUSY);
	CHECK(ask(b, KR_TTY, -1, &value, &fd2) == 0 && value == 2);
	CHECK(ask(c, KR_TTY, -1, &value, NULL) == -EBUSY && value == 2);
	CHECK(ask(c, KR_TTY, 3, &value, NULL) == -ENODEV && value == 2);
	CHECK(ask(c, KR_TTY, 0, &value, NULL) == -ENODEV);
	CHECK(ask(c, KR_TTY, -7, &value, NULL) == -ENODEV);
	/* Free again once its client has gone. */
	close(fd);
	close(a);
	while (ask(c, KR_TTY, 1, &value, &fd) == -EBUSY && tries++ < 1000)
		usleep(1000);
	CHECK(value == 1 && isatty(fd));
	close(fd);
	close(fd2);
	close(b);
	close(c);
	fds_close_many(slaves, 2);
	CHECK(end_init() == INIT_STATUS << 8);
	rig_end();
}

TEST(console_to_two_and_from_both)
{
	char buf[16] = "";
	int a, b;

	rig_start();
	hand_over(0, NULL);
	a = client();
	b = client();
	CHECK(ask(a, KR_CONSOLE, 0, NULL, NULL) == 0);
	CHECK(ask(b, KR_CONSOLE, 0, NULL, NULL) == 0);
	CHECK(write(rig.console, "hello", 5) == 5);
	CHECK(take_data(a, buf, 5) == 5 && memcmp(buf, "hello", 5) == 0);
	CHECK(take_data(b, buf, 5) == 5 && memcmp(buf, "hello", 5) == 0);
	send_data(a, "one");
	CHECK(fd_read_full(rig.console, buf, 3) == 3 && memcmp(buf, "one", 3) == 0);
	send_data(b, "two");
	CHECK(fd_read_full(rig.console, buf, 3) == 3 && memcmp(buf, "two", 3) == 0);
	/* An init opens it for each line. It is not hung up meanwhile, or the keeper could not wait for the next one. */
	rig.console = fd_close(rig.console);
	CHECK(poll(&(struct pollfd){ .fd = rig.master, .events = POLLIN }, 1, 0) == 0);
	close(a);
	close(b);
	rig_end();
}

/* Who has not asked for the console cannot type into it. */
TEST(data_without_console)
{
	struct pollfd p;
	int a;

	rig_start();
	hand_over(0, NULL);
	a = client();
	send_data(a, "reboot\n");
	CHECK(ask(a, KR_PING, 0, NULL, NULL) == 0);
	p = (struct pollfd){ .fd = rig.console, .events = POLLIN };
	CHECK(poll(&p, 1, 50) == 0);
	close(a);
	rig_end();
}

TEST(slow_client_blocks_nobody)
{
	static char chunk[4096];
	int slow, status;
	pid_t writer;

	rig_start();
	hand_over(0, NULL);
	slow = client();
	CHECK(ask(slow, KR_CONSOLE, 0, NULL, NULL) == 0);
	memset(chunk, 'x', sizeof(chunk));
	writer = fork();
	if (writer == 0) {
		alarm(WAIT_MS / 1000);
		for (int i = 0; i < 512; i++)
			if (fd_write_all(rig.console, chunk, sizeof(chunk)) < 0)
				_exit(1);
		_exit(0);
	}
	/* 2 MiB go through although SLOW reads none of it. */
	CHECK(waitpid(writer, &status, 0) == writer && status == 0);
	/* The slow one is still there, with what its queue holds. */
	CHECK(take_data(slow, NULL, 1) == 1);
	close(slow);
	rig_end();
}

static void say_log(const char *name, uint64_t max, unsigned flags)
{
	struct keeper_msg m = { .type = KM_LOG, .max = max, .flags = flags };
	int fd;

	snprintf(m.path, sizeof(m.path), "%s/%s", rig.dir, name);
	fd = open(m.path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	say(&m, &fd, 1);
	close(fd);
	say_go();
}

static off_t size_of(const char *name)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/%s", rig.dir, name);
	return stat(path, &st) < 0 ? -1 : st.st_size;
}

/* Writes N times 80 bytes to the console, each seen by a client before the next. */
static void chatter(int watcher, int n)
{
	char line[80];

	memset(line, 'l', sizeof(line));
	for (int i = 0; i < n; i++) {
		CHECK(fd_write_all(rig.console, line, sizeof(line)) == 0);
		CHECK(take_data(watcher, NULL, sizeof(line)) == sizeof(line));
	}
}

TEST(log_limits)
{
	int a;

	rig_start();
	hand_over(0, NULL);
	a = client();
	CHECK(ask(a, KR_CONSOLE, 0, NULL, NULL) == 0);
	say_log("free", 0, 0);
	chatter(a, 4);
	CHECK(size_of("free") == 320);
	say_log("cut", 100, 0);
	chatter(a, 3);
	CHECK(size_of("cut") == 80);
	say_log("turn", 170, 1);
	chatter(a, 3);
	CHECK(size_of("turn") == 80 && size_of("turn.1") == 160);
	chatter(a, 2);
	CHECK(size_of("turn") == 80 && size_of("turn.1") == 160);
	close(a);
	rig_end();
}

/* What was there already counts. */
TEST(log_goes_on_at_its_end)
{
	char path[128];
	int a, fd;

	rig_start();
	hand_over(0, NULL);
	snprintf(path, sizeof(path), "%s/old", rig.dir);
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 90) == 0);
	close(fd);
	a = client();
	CHECK(ask(a, KR_CONSOLE, 0, NULL, NULL) == 0);
	say_log("old", 100, 1);
	chatter(a, 1);
	CHECK(size_of("old") == 80 && size_of("old.1") == 90);
	close(a);
	rig_end();
}

/* What the buffer has, oldest first; negative: the refusal. */
static int ask_log(int fd, int what, uint64_t max, char *text, size_t size)
{
	struct keeper_log_req q = { .head = { .type = KR_LOG, .arg = what }, .max = max };
	struct keeper_rep rep = { 0 };
	int got[1] = { -EBADF };
	ssize_t len = 0;
	size_t n = 1;

	CHECK(fd_send(fd, &q, sizeof(q), NULL, 0) >= 0);
	CHECK(fd_recv(fd, &rep, sizeof(rep), got, &n) == (ssize_t)sizeof(rep));
	if (n) {
		len = fd_read_full(got[0], text, size - 1);
		close(got[0]);
	}
	CHECK(len >= 0);
	text[len] = '\0';
	return rep.ret < 0 ? rep.ret : (int)len;
}

TEST(ring_keeps_the_newest)
{
	struct keeper_msg m = { .type = KM_RING, .max = 10 };
	int a, b;
	char text[64];

	rig_start();
	hand_over(0, NULL);
	a = client();
	b = client();
	CHECK(ask(a, KR_CONSOLE, 0, NULL, NULL) == 0);
	CHECK(ask_log(b, KEEPER_LOG_READ, 0, text, sizeof(text)) == -EFAULT);
	say(&m, NULL, 0);
	say_go();
	CHECK(ask_log(b, KEEPER_LOG_READ, 0, text, sizeof(text)) == -ENODATA);
	CHECK(ask_log(b, KEEPER_LOG_CLEAR, 0, text, sizeof(text)) == 0);
	CHECK(fd_write_all(rig.console, "0123456", 7) == 0 && take_data(a, NULL, 7) == 7);
	CHECK(fd_write_all(rig.console, "789abcd", 7) == 0 && take_data(a, NULL, 7) == 7);
	CHECK(ask_log(b, KEEPER_LOG_READ, 4, text, sizeof(text)) == 4 && streq(text, "4567"));
	CHECK(ask_log(b, KEEPER_LOG_READ, 0, text, sizeof(text)) == 6 && streq(text, "89abcd"));
	CHECK(ask_log(b, KEEPER_LOG_READ, 0, text, sizeof(text)) == -ENODATA);
	CHECK(fd_write_all(rig.console, "0123456789abcdefghij", 20) == 0 && take_data(a, NULL, 20) == 20);
	CHECK(ask_log(b, KEEPER_LOG_READ | KEEPER_LOG_CLEAR, 3, text, sizeof(text)) == 3 && streq(text, "abc"));
	CHECK(ask_log(b, KEEPER_LOG_READ, 0, text, sizeof(text)) == -ENODATA);
	/* More than there may be is refused, and the keeper lives. */
	m = (struct keeper_msg){ .type = KM_RING, .max = 1ULL << 40 };
	say(&m, NULL, 0);
	say_go();
	CHECK(ask_log(b, KEEPER_LOG_READ, 0, text, sizeof(text)) == -ENODATA);
	close(a);
	close(b);
	rig_end();
}

/* Given to whoever asks, until who answers there has gone. */
TEST(seccomp_listener_is_kept)
{
	struct keeper_msg m = { .type = KM_SECCOMP };
	struct keeper k;
	int fd, a, got = -EBADF, status;

	rig_start();
	hand_over(0, NULL);
	a = client();
	CHECK(ask(a, KR_SECCOMP, 0, NULL, NULL) == -EBADF);
	fd = memfd_create("listener", MFD_CLOEXEC);
	CHECK(fd >= 0 && fd_write_all(fd, "it", 2) == 0);
	say(&m, &fd, 1);
	say_go();
	CHECK(ask(a, KR_SECCOMP, 0, NULL, &got) == 0 && got >= 0 && lseek(got, 0, SEEK_END) == 2);
	close(got);
	CHECK(ask(a, KR_SECCOMP, 0, NULL, &got) == 0 && got >= 0);
	close(got);
	close(a);
	rig_end();
	/* In a process of its own, whose children are none but these. */
	m.pid = fork();
	if (m.pid == 0) {
		keeper_init(&k);
		if (keeper_signals(&k) < 0)
			_exit(2);
		m.pid = fork();
		if (m.pid == 0)
			_exit(0);
		k.helper = fork();
		if (k.helper == 0) {
			usleep(200000);
			_exit(0);
		}
		if (keeper_take(&k, &m, &fd, 1) < 0 || k.seccomp != fd)
			_exit(3);
		(void)keeper_wait_helper(&k);
		_exit(k.seccomp < 0 && k.proxy == 0 ? 0 : 1);
	}
	CHECK(waitpid(m.pid, &status, 0) == m.pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
	close(fd);
}

TEST(console_is_drained_at_the_end)
{
	static char big[3000];

	rig_start();
	hand_over(0, NULL);
	say_log("last", 0, 0);
	memset(big, 'z', sizeof(big));
	CHECK(fd_write_all(rig.console, big, sizeof(big)) == 0);
	CHECK(end_init() == INIT_STATUS << 8);
	CHECK(size_of("last") == sizeof(big));
	rig_end();
}

TEST(window_size)
{
	struct winsize ws = { 0 };
	int a;

	rig_start();
	hand_over(0, NULL);
	a = client();
	struct keeper_req q = { .type = KR_WINSIZE, .arg = 45 << 16 | 123 };
	CHECK(send(a, &q, sizeof(q), 0) == (ssize_t)sizeof(q));
	CHECK(ask(a, KR_PING, 0, NULL, NULL) == 0);
	CHECK(ioctl(rig.console, TIOCGWINSZ, &ws) == 0 && ws.ws_row == 45 && ws.ws_col == 123);
	close(a);
	rig_end();
}

/* A regular file as peer is written, and what it holds is not typed. */
TEST(peer_file)
{
	struct keeper_msg m = { .type = KM_PEER };
	struct pollfd p;
	char path[128];
	int fd, a;

	rig_start();
	hand_over(0, NULL);
	snprintf(path, sizeof(path), "%s/peer", rig.dir);
	fd = open(path, O_RDWR | O_CREAT | O_APPEND, 0600);
	CHECK(fd >= 0 && write(fd, "rm -rf /\n", 9) == 9 && lseek(fd, 0, SEEK_SET) == 0);
	say(&m, &fd, 1);
	close(fd);
	say_go();
	p = (struct pollfd){ .fd = rig.console, .events = POLLIN };
	CHECK(poll(&p, 1, 100) == 0);
	a = client();
	CHECK(ask(a, KR_CONSOLE, 0, NULL, NULL) == 0);
	chatter(a, 1);
	CHECK(size_of("peer") == 89);
	close(a);
	rig_end();
}

/* A pipe that nobody reads may lose, never block. */
TEST(peer_that_does_not_read)
{
	struct keeper_msg m = { .type = KM_PEER };
	int pair[2], a;

	rig_start();
	hand_over(0, NULL);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	say(&m, &pair[1], 1);
	close(pair[1]);
	say_go();
	a = client();
	CHECK(ask(a, KR_CONSOLE, 0, NULL, NULL) == 0);
	chatter(a, 8000);
	close(a);
	close(pair[0]);
	rig_end();
}

TEST(strangers_are_hung_up_on)
{
	int status;
	pid_t pid;

	if (geteuid() != 0)
		SKIP("needs root to become somebody else");
	rig_start();
	hand_over(0, NULL);
	pid = fork();
	if (pid == 0) {
		struct keeper_req q = { .type = KR_PING };
		char buf[64];
		int fd;

		if (setresgid(65534, 65534, 65534) < 0 || setresuid(65534, 65534, 65534) < 0)
			_exit(2);
		fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		if (connect(fd, (struct sockaddr *)&rig.addr, rig.addr_len) < 0)
			_exit(3);
		alarm(5);
		(void)!send(fd, &q, sizeof(q), MSG_NOSIGNAL);
		_exit(recv(fd, buf, sizeof(buf), 0) > 0 ? 4 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	rig_end();
}

TEST(many_clients)
{
	int fds[KEEPER_CLIENTS], extra, tries = 0;
	struct keeper_rep rep;

	rig_start();
	hand_over(0, NULL);
	for (int i = 0; i < KEEPER_CLIENTS; i++) {
		fds[i] = client();
		CHECK(ask(fds[i], KR_PING, 0, NULL, NULL) == 0);
	}
	extra = client();
	/* It is told, and then left. */
	CHECK(recv(extra, &rep, sizeof(rep), 0) == sizeof(rep) && rep.ret == -EUSERS && rep.value == KEEPER_CLIENTS);
	CHECK(recv(extra, &rep, sizeof(rep), 0) <= 0);
	close(extra);
	close(fds[3]);
	/* The place is free when the keeper has seen the hang-up. */
	do {
		struct keeper_req q = { .type = KR_PING };

		extra = client();
		(void)!send(extra, &q, sizeof(q), MSG_NOSIGNAL);
		if (recv(extra, &rep, sizeof(rep), 0) == sizeof(rep) && rep.ret == 0)
			break;
		close(extra);
		extra = -EBADF;
	} while (tries++ < 100);
	CHECK(extra >= 0);
	close(extra);
	for (int i = 0; i < KEEPER_CLIENTS; i++)
		if (i != 3)
			close(fds[i]);
	rig_end();
}

static unsigned long keeper_figure(const char *key)
{
	char path[64], text[4096], *p;

	snprintf(path, sizeof(path), "/proc/%d/status", rig.keeper);
	CHECK(file_read_small(AT_FDCWD, path, text, sizeof(text)) > 0);
	p = strstr(text, key);
	CHECK(p);
	return strtoul(p + strlen(key), NULL, 10);
}

/* Nobody has the console open: its pty answers with a hang-up for ever, and the keeper sleeps all the same. */
TEST(no_busy_loop)
{
	unsigned long before, after;
	int a;

	rig_start();
	hand_over(0, NULL);
	rig.console = fd_close(rig.console);
	a = client();
	CHECK(ask(a, KR_PING, 0, NULL, NULL) == 0);
	before = keeper_figure("\nvoluntary_ctxt_switches:");
	usleep(700000);
	after = keeper_figure("\nvoluntary_ctxt_switches:");
	CHECK(after - before <= 3);
	before = keeper_figure("\nnonvoluntary_ctxt_switches:");
	usleep(200000);
	CHECK(keeper_figure("\nnonvoluntary_ctxt_switches:") - before <= 3);
	close(a);
	rig_end();
}

static unsigned fd_count(void)
{
	unsigned n = 0;

	for (int i = 0; i < 256; i++) {
		char path[64];
		struct stat st;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", rig.keeper, i);
		n += lstat(path, &st) == 0;
	}
	return n;
}

/* What is malformed changes nothing and keeps no fd. */
TEST(malformed_messages)
{
	char huge[sizeof(struct keeper_msg) + 100] = "";
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), two[2] = { null, null };
	struct keeper_msg m = { .type = KM_INIT, .pid = 1 };
	unsigned before;
	int a;

	rig_start();
	hand_over(0, NULL);
	a = client();
	CHECK(ask(a, KR_PING, 0, NULL, NULL) == 0);
	before = fd_count();
	CHECK(fd_send(rig.ctl, &m, 5, two, 1) == 5);
	m.type = KM_INIT;
	CHECK(fd_send(rig.ctl, &m, sizeof(m), two, 2) > 0);
	CHECK(fd_send(rig.ctl, &m, sizeof(m), NULL, 0) > 0);
	m.type = KM_LOG;
	CHECK(fd_send(rig.ctl, &m, sizeof(m), two, 2) > 0);
	m.type = KM_PEER;
	CHECK(fd_send(rig.ctl, &m, sizeof(m), NULL, 0) > 0);
	m.type = KM_GO;
	CHECK(fd_send(rig.ctl, &m, sizeof(m), two, 2) > 0);
	m.type = 4711;
	CHECK(fd_send(rig.ctl, &m, sizeof(m), two, 1) > 0);
	memcpy(huge, &m, sizeof(m));
	CHECK(fd_send(rig.ctl, huge, sizeof(huge), two, 1) > 0);
	say_go();
	CHECK(fd_count() == before);
	CHECK(ask(a, 99, 0, NULL, NULL) == -EOPNOTSUPP);
	/* A request that is cut short costs its client the connection, and nobody else anything. */
	CHECK(send(a, "abc", 3, 0) == 3);
	CHECK(recv(a, huge, sizeof(huge), 0) <= 0);
	close(a);
	a = client();
	int value;
	CHECK(ask(a, KR_PING, 0, &value, NULL) == 0 && value == rig.init);
	close(a);
	close(null);
	CHECK(end_init() == INIT_STATUS << 8);
	rig_end();
}

/* The keeper's wait for its helper: over when the helper ends, a new life when it hands one over. */
static int wait_with_helper(bool new_life)
{
	int pair[2], status;
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	pid = fork();
	if (pid == 0) {
		struct keeper k;

		alarm(10);
		keeper_init(&k);
		k.ctl = pair[0];
		if (keeper_signals(&k) < 0)
			_exit(9);
		k.helper = fork();
		if (k.helper == 0) {
			struct keeper_msg m = { .type = KM_INIT, .pid = getpid() };
			int fd = open("/dev/null", O_RDONLY);

			usleep(20000);
			if (new_life && fd_send(pair[1], &m, sizeof(m), &fd, 1) < 0)
				_exit(1);
			_exit(0);
		}
		_exit(keeper_wait_helper(&k));
	}
	close(pair[0]);
	close(pair[1]);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	return WEXITSTATUS(status);
}

TEST(helper)
{
	CHECK(wait_with_helper(false) == 0);
	CHECK(wait_with_helper(true) == 1);
}

/* A client that sees to the end hears of it after all output; the keeper's answer: whether he has done so. */
static int hand_over_end(const char *answer)
{
	struct keeper_req said = { .type = KR_ENDED };
	struct keeper_ended end = { 0 };
	struct keeper_rep rep = { .ret = -1 };
	char out[8] = "";
	int pair[2], status;
	pid_t pid;

	CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
	pid = fork();
	if (pid == 0) {
		struct keeper_msg init = { .type = KM_INIT }, streams = { .type = KM_STREAMS, .flags = KEEPER_OUT },
				  him = { .type = KM_CLIENT, .flags = KEEPER_OUT | KEEPER_ENDS };
		struct keeper k;
		int p[2], fd;

		alarm(10);
		close(pair[1]);
		keeper_init(&k);
		if (keeper_signals(&k) < 0 || pipe2(p, O_CLOEXEC) < 0)
			_exit(9);
		init.pid = fork();
		if (init.pid == 0)
			_exit(write(p[1], "out", 3) == 3 ? INIT_STATUS : 1);
		close(p[1]);
		fd = (int)syscall(SYS_pidfd_open, init.pid, 0);
		if (keeper_take(&k, &init, &fd, 1) < 0 || keeper_take(&k, &streams, p, 1) < 0 ||
		    keeper_take(&k, &him, pair, 1) < 0 || keeper_run(&k) != INIT_STATUS << 8)
			_exit(8);
		status = keeper_hand_over(&k);
		keeper_finish(&k);
		_exit(status);
	}
	close(pair[0]);
	CHECK(recv(pair[1], &rep, sizeof(rep), 0) == (ssize_t)sizeof(rep) && rep.ret == 0);
	CHECK(take_data(pair[1], out, 3) == 3 && memcmp(out, "out", 3) == 0);
	CHECK(recv(pair[1], &end, sizeof(end), 0) == (ssize_t)sizeof(end));
	CHECK(end.head.type == KR_ENDED && end.head.arg == INIT_STATUS << 8 && end.keeper == pid);
	if (streq(answer, "done"))
		CHECK(send(pair[1], &said, sizeof(said), 0) == (ssize_t)sizeof(said));
	if (!streq(answer, "silence"))
		close(pair[1]);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status));
	if (streq(answer, "silence"))
		close(pair[1]);
	return WEXITSTATUS(status);
}

TEST(the_end_is_handed_to_a_client)
{
	CHECK(hand_over_end("done") == 1);
	CHECK(hand_over_end("death") == 0);
	CHECK(hand_over_end("silence") == 0);
}

/* Init can be dead and reaped before the keeper hears of it: a start that fails kills it. That life is over at once. */
TEST(init_dead_before_it_is_handed_over)
{
	struct keeper_msg m = { .type = KM_INIT };
	struct keeper k;
	int fd;

	keeper_init(&k);
	m.pid = fork();
	if (m.pid == 0)
		_exit(0);
	fd = (int)syscall(SYS_pidfd_open, m.pid, 0);
	CHECK(fd >= 0 && waitpid(m.pid, NULL, 0) == m.pid);
	CHECK(keeper_take(&k, &m, &fd, 1) == 0);
	CHECK(k.init == 0 && k.generation == 1);
	alarm(10);
	CHECK(WIFSIGNALED(keeper_run(&k)));
	alarm(0);
	close(k.init_fd);
}

/* A signal that is not for the keeper goes to init. */
TEST(signals_go_to_init)
{
	rig_start();
	hand_over(0, NULL);
	CHECK(kill(rig.keeper, SIGUSR1) == 0);
	struct pollfd p = { .fd = rig.result, .events = POLLIN };
	int status = 0;
	CHECK(poll(&p, 1, WAIT_MS) == 1);
	CHECK(read(rig.result, &status, sizeof(status)) == (ssize_t)sizeof(status));
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGUSR1);
	rig_end();
}
