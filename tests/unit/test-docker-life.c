/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The life of a container of an image, through the engine's own calls: with a keeper, control groups and all. This program is
 * also what the keeper executes at the end of a life. As root, with a static busybox.
 */

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "base/spawn.h"
#include "engine/docker.h"
#include "unit/test.h"

static char root[] = "/var/tmp/creel-docker-XXXXXX";
static struct docker *d;
static struct err e;

__attribute__((__constructor__)) static void be_helper(int argc, char **argv)
{
	if (argc == 5 && streq(argv[1], "keeper-exit"))
		_exit(docker_keeper_exit(argv[2], atoi(argv[3]), atoi(argv[4]), NULL, NULL) < 0);
	if (argc == 3 && streq(argv[1], "keeper-probe"))
		_exit(docker_keeper_probe(argv[2], NULL, NULL) < 0);
}

static void drop_root(void)
{
	docker_free(d);
	(void)tree_remove(AT_FDCWD, root, NULL);
}

static void shell(const char *command)
{
	char *const argv[] = { (char *)"sh", (char *)"-c", (char *)command, NULL };
	char *text = NULL;
	int r = spawn_run(&(struct spawn){ .path = "sh", .argv = argv }, &text, NULL);

	if (r != 0)
		printf("# %s: %d: %s\n", command, r, text ?: "");
	free(text);
	CHECK(r == 0);
}

/* One image for all: busybox, a user by the name of a number, a folder that becomes a volume. */
static void make_image(void)
{
	_cleanup_image_config_ struct image_config c;
	_cleanup_reference_ struct reference name = { 0 };
	_cleanup_close_ int tar = -EBADF;
	struct docker_opts o = { .root = root };
	char command[1024], image[DIGEST_MAX];

	image_config_init(&c);
	if (geteuid() != 0)
		SKIP("not root");
	if (access("/usr/bin/busybox", X_OK) < 0)
		SKIP("no busybox");
	if (d)
		return;
	CHECK(mkdtemp(root));
	CHECK(chmod(root, 0755) == 0);
	CHECK(docker_open(&o, &d, &e) == 0);
	atexit(drop_root);
	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p t/bin t/etc t/data t/tmp && cp /usr/bin/busybox t/bin && for a in sh cat echo id "
		 "sleep head "
		 "mount hostname mkdir ls ln grep kill true; do ln -s busybox t/bin/$a; done && echo inside > t/data/f "
		 "&& "
		 "printf 'root:x:0:0::/:/bin/sh\\n7:x:1000:1000::/:/bin/sh\\n' > t/etc/passwd && "
		 "echo root:x:0: > t/etc/group && tar -C t -cf t.tar .",
		 root);
	shell(command);
	snprintf(command, sizeof(command), "%s/t.tar", root);
	tar = open(command, O_RDONLY | O_CLOEXEC);
	CHECK(strv_push(&c.config.cmd, "sh", &e) == 0);
	c.config.cmd_set = true;
	CHECK(reference_parse("busybox:latest", &name, &e) == 0);
	CHECK(image_import(docker_images(d), tar, &c, &name, image, &e) == 0);
}

/* --- one container -------------------------------------------------------------------------------------------------------- */

static char id[65];
static int started;

static void create(const char *body)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	int r = docker_create(d, NULL, body, NULL, &b, &e);

	if (r < 0)
		printf("# %s\n", e.msg);
	CHECK(r == 0);
	CHECK(sscanf(buf_str(&b), "{\"Id\":\"%64[0-9a-f]", id) == 1);
}

static void start_it(void *arg)
{
	started = docker_start(d, id, &e);
}

static int text_fd(const char *text)
{
	int fd = memfd_create("text", MFD_CLOEXEC);

	CHECK(fd >= 0 && fd_write_all(fd, text, strlen(text)) == 0);
	lseek(fd, 0, SEEK_SET);
	return fd;
}

static char *text_of(int fd)
{
	static char text[1 << 20];
	ssize_t n;

	lseek(fd, 0, SEEK_SET);
	n = fd_read_full(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

/* Runs it to its end, connected. Exit code. */
static int run(const char *body, int in, int out, int err)
{
	struct docker_attach a = { .in = in, .out = out, .err = err, .stream = true, .ready = start_it };
	int code = -1;

	create(body);
	started = -1;
	CHECK(docker_attach(d, id, &a, &e) == 0);
	if (started < 0)
		return started;
	CHECK(docker_wait(d, id, "not-running", &code, &e) == 0);
	return code;
}

/* MEMBER of inspect, "State.ExitCode", as text. */
static const char *inspect(const char *name)
{
	static char text[256];
	_cleanup_buf_ struct buf b = BUF_INIT;
	char want[64];
	const char *at;

	CHECK(docker_inspect(d, id, false, &b, &e) == 0);
	snprintf(want, sizeof(want), "\"%s\":", name);
	at = strstr(buf_str(&b), want);
	CHECK(at);
	at += strlen(want);
	at += *at == '"';
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(at, "\",}"), at);
	return text;
}

static int exec(const char *body, int out)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct docker_attach a = { .in = -EBADF, .out = out, .err = -EBADF, .stream = true };
	char x[65];
	int code = -1;

	CHECK(docker_exec_create(d, id, body, &b, &e) == 0);
	CHECK(sscanf(buf_str(&b), "{\"Id\":\"%64[0-9a-f]", x) == 1);
	(void)docker_exec_start(d, x, &a, &code, &e);
	return code;
}

static void gone(void)
{
	char path[256];

	CHECK(docker_remove(d, id, true, true, &e) == 0);
	snprintf(path, sizeof(path), "%s/containers/%s", root, id);
	CHECK(access(path, F_OK) < 0);
	snprintf(path, sizeof(path), "/run/creel/%s", id);
	CHECK(access(path, F_OK) < 0);
	snprintf(path, sizeof(path), "%s/layers/roots/%s", root, id);
	CHECK(access(path, F_OK) < 0);
}

#define NONE "\"HostConfig\":{\"NetworkMode\":\"none\""

static int add_line(void *arg, int stream, const void *data, size_t len)
{
	buf_printf(arg, "%d:%.*s", stream, (int)len, (const char *)data);
	return 0;
}

static int add_raw(void *arg, int stream, const void *data, size_t len)
{
	buf_add(arg, data, len);
	return 0;
}

TEST(each_stream_by_itself_and_both_in_the_log)
{
	int out = text_fd(""), err = text_fd("");
	_cleanup_buf_ struct buf log = BUF_INIT;
	struct docker_sink sink = { .write = add_line, .arg = &log };
	struct docker_logs all = { .out = true, .err = true, .tail = -1 }, last = { .out = true, .tail = 1 };

	make_image();
	CHECK(run("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"echo 'a<b'; echo c >&2; echo last; exit 7\"]," NONE
		  "}}",
		  -EBADF, out, err) == 7);
	CHECK_STR(text_of(out), "a<b\nlast\n");
	CHECK_STR(text_of(err), "c\n");
	CHECK_STR(inspect("Status"), "exited");
	CHECK_STR(inspect("ExitCode"), "7");
	CHECK(docker_logs(d, id, &all, &sink, &e) == 0);
	CHECK(strstr(buf_str(&log), "1:a<b\n") && strstr(buf_str(&log), "1:last\n") && strstr(buf_str(&log), "2:c\n"));
	buf_reset(&log);
	CHECK(docker_logs(d, id, &last, &sink, &e) == 0);
	CHECK_STR(buf_str(&log), "1:last\n");
	gone();
}

TEST(input_goes_in_whole_and_ends)
{
	int out = text_fd(""), in;
	char *big = malloc(400001);

	make_image();
	memset(big, 'x', 400000);
	big[400000] = '\0';
	in = text_fd(big);
	CHECK(run("{\"Image\":\"busybox\",\"OpenStdin\":true,\"StdinOnce\":true,\"Cmd\":[\"cat\"]," NONE "}}", in, out,
		  -EBADF) == 0);
	CHECK_STR(text_of(out), big);
	close(in);
	free(big);
	gone();
}

TEST(what_cannot_be_executed)
{
	make_image();
	CHECK(run("{\"Image\":\"busybox\",\"Cmd\":[\"nosuch\"]," NONE "}}", -EBADF, -EBADF, -EBADF) == -ENOENT);
	CHECK_STR(e.msg, "exec: \"nosuch\": executable file not found in $PATH");
	CHECK_STR(inspect("ExitCode"), "127");
	CHECK_STR(inspect("Status"), "created");
	gone();
	CHECK(run("{\"Image\":\"busybox\",\"Cmd\":[\"/etc\"]," NONE "}}", -EBADF, -EBADF, -EBADF) == -EACCES);
	CHECK_STR(inspect("ExitCode"), "126");
	gone();
}

TEST(bad_requests_leave_nothing)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	static const struct {
		const char *body, *msg;
		enum err_kind kind;
	} bad[] = {
		{ "{\"Image\":\"nope\"}", "No such image: nope", ERR_NOT_FOUND },
		{ "{\"Image\":\"busybox\",\"WorkingDir\":\"x\"}", "the working directory 'x' is invalid", ERR_INVALID },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"Memory\":4096}}", "Minimum memory limit allowed is 6MB",
		  ERR_INVALID },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"x\"}}}",
		  "invalid restart policy", ERR_INVALID },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"Binds\":[\"a:b:c:d\"]}}", "invalid volume specification",
		  ERR_INVALID },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"Binds\":7}}", "invalid JSON", ERR_INVALID },
		/* What is the host's is not for a container to set. */
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"Sysctls\":{\"kernel.core_pattern\":\"|/x\"}}}", "sysctl",
		  ERR_INVALID },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"Sysctls\":{\"net./../kernel/core_pattern\":\"|/x\"}}}",
		  "sysctl", ERR_INVALID },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"DeviceCgroupRules\":[\"a\"]}}",
		  "invalid device cgroup rule", ERR_INVALID },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/"
		  "tmp\",\"Target\":\"/t\","
		  "\"BindOptions\":{\"Propagation\":\"private,suid\"}}]}}",
		  "invalid mount config", ERR_INVALID },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"DeviceRequests\":[{\"Driver\":\"\",\"Count\":-1,"
		  "\"Capabilities\":[[\"gpu\"]]}]}}",
		  "could not select device driver \"\" with capabilities: [[gpu]]", ERR_INVALID },
		{ "{\"Image\":\"busybox\",\"HostConfig\":{\"SecurityOpt\":[\"foo\"]}}",
		  "invalid --security-opt 1: \"foo\"", ERR_INVALID },
		{ "{\"Image\":", "invalid JSON", ERR_INVALID },
	};

	make_image();
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char path[256];

		CHECK(docker_create(d, "x_y", bad[i].body, NULL, &b, &e) < 0);
		printf("# %s\n", e.msg);
		CHECK(startswith(e.msg, bad[i].msg) && e.kind == bad[i].kind);
		snprintf(path, sizeof(path), "%s/making", root);
		CHECK(rmdir(path) == 0 || errno == ENOENT);
	}
	CHECK(docker_create(d, "a b", "{\"Image\":\"busybox\"}", NULL, &b, &e) == -EINVAL);
}

TEST(a_container_gets_no_more_than_dockers_default)
{
	int out = text_fd("");

	make_image();
	CHECK(run("{\"Image\":\"busybox\",\"User\":\"7\",\"Cmd\":[\"sh\",\"-c\",\"id -u; grep -E "
		  "'CapBnd|CapEff|Seccomp:' "
		  "/proc/self/status; mount -t tmpfs x /tmp || echo refused; ls /proc/kcore >/dev/null; head -c1 "
		  "/proc/kcore | "
		  "grep -c . ; hostname\"]," NONE "}}",
		  -EBADF, out, -EBADF) == 0);
	/* Digits are a number, whoever is called by them. */
	{
		char want[400];

		snprintf(want, sizeof(want),
			 "7\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb\nSeccomp:\t2\nrefused\n0\n%.12s\n",
			 id);
		CHECK_STR(text_of(out), want);
	}
	gone();
}

TEST(restarted_as_often_as_the_policy_says)
{
	int code;

	make_image();
	create("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"exit 3\"],\"HostConfig\":{\"NetworkMode\":\"none\","
	       "\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":2}}}");
	CHECK(docker_start(d, id, &e) == 0);
	CHECK(docker_wait(d, id, "not-running", &code, &e) == 0);
	CHECK(code == 3);
	CHECK_STR(inspect("RestartCount"), "2");
	gone();
}

TEST(stopped_by_somebody_it_stays_so)
{
	make_image();
	create("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"trap 'exit 5' TERM; while :; do sleep 0.05; "
	       "done\"],\"HostConfig\":"
	       "{\"NetworkMode\":\"none\",\"RestartPolicy\":{\"Name\":\"always\"}}}");
	CHECK(docker_start(d, id, &e) == 0);
	CHECK(docker_start(d, id, &e) == 1);
	CHECK(docker_pause(d, id, true, &e) == 0);
	CHECK_STR(inspect("Status"), "paused");
	CHECK(docker_remove(d, id, false, false, &e) == -EBUSY);
	CHECK(docker_pause(d, id, false, &e) == 0);
	CHECK(docker_stop(d, id, NULL, 10, &e) == 0);
	CHECK_STR(inspect("ExitCode"), "5");
	CHECK_STR(inspect("Status"), "exited");
	CHECK(docker_stop(d, id, NULL, 10, &e) == 1);
	CHECK(docker_kill(d, id, NULL, &e) < 0 && e.kind == ERR_STATE);
	gone();
}

TEST(exec_and_cp_stay_inside)
{
	_cleanup_buf_ struct buf stat = BUF_INIT, tar = BUF_INIT;
	struct docker_sink sink = { .write = add_raw, .arg = &tar };
	int out = text_fd(""), in;
	char command[512];

	make_image();
	create("{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"]," NONE "}}");
	CHECK(docker_start(d, id, &e) == 0);
	CHECK(exec("{\"Cmd\":[\"sh\",\"-c\",\"id -u; echo $A; exit 9\"],\"User\":"
		   "\"7\",\"Env\":[\"A=b\"]}",
		   out) == 9);
	CHECK_STR(text_of(out), "7\nb\n");
	CHECK(exec("{\"Cmd\":[\"nosuch\"]}", -EBADF) == 127);
	CHECK(exec("{\"Cmd\":[\"sh\",\"-c\",\"ln -s /../../../../etc /out; mkdir /dir\"]}", -EBADF) == 0);
	/* A link that climbs ends in the container's own /etc. */
	CHECK(docker_archive_get(d, id, "/out/group", &stat, &sink, &e) == 0);
	CHECK(tar.len > 522 && memcmp(tar.data + 512, "root:x:0:\n", 10) == 0);
	snprintf(command, sizeof(command),
		 "cd %s && mkdir -p p && echo evil > p/creel-cp-test && : > p/dir && tar -C p -cf p.tar .", root);
	shell(command);
	snprintf(command, sizeof(command), "%s/p.tar", root);
	in = open(command, O_RDONLY | O_CLOEXEC);
	/* Nor is a folder replaced by a file. */
	CHECK(docker_archive_put(d, id, "/", in, true, false, &e) == -EISDIR);
	lseek(in, 0, SEEK_SET);
	CHECK(docker_archive_put(d, id, "/out", in, true, false, &e) == 0);
	close(in);
	CHECK(access("/etc/creel-cp-test", F_OK) < 0);
	CHECK(exec("{\"Cmd\":[\"grep\",\"-q\",\"evil\",\"/etc/creel-cp-test\"]}", -EBADF) == 0);
	gone();
}

TEST(volumes_begin_with_what_the_image_has)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	int out = text_fd("");

	make_image();
	CHECK(run("{\"Image\":\"busybox\",\"Volumes\":{\"/data\":{}},\"Cmd\":[\"cat\",\"/data/f\"]," NONE
		  ",\"Binds\":[\"named:/bin2\"]}}",
		  -EBADF, out, -EBADF) == 0);
	CHECK_STR(text_of(out), "inside\n");
	CHECK(docker_volume_remove(d, "named", false, &e) == -EBUSY);
	gone();
	/* The one without a name has gone along. */
	CHECK(docker_volume_list(d, NULL, false, &b, &e) == 0);
	CHECK(strstr(buf_str(&b), "\"Name\":\"named\"") && !strstr(buf_str(&b), "anonymous"));
	CHECK(docker_volume_remove(d, "named", false, &e) == 0);
}

static bool becomes(const char *member, const char *want)
{
	for (int i = 0; i < 500; i++, usleep(10000))
		if (streq(inspect(member), want))
			return true;
	return false;
}

TEST(an_image_boots_its_init)
{
	int out = text_fd("");

	make_image();
	/* The image's shell is not what --system means; its init is looked for. */
	CHECK(run("{\"Image\":\"busybox\",\"HostConfig\":{\"NetworkMode\":\"none\",\"Annotations\":{\"creel.system\":"
		  "\"1\"}}}",
		  -EBADF, -EBADF, -EBADF) == -ENOENT);
	CHECK(strstr(e.msg, "/sbin/init"));
	gone();
	CHECK(run("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"echo $container; grep -c -E ' /(run|tmp|run/lock) "
		  "tmpfs rw' "
		  "/proc/mounts\"],\"HostConfig\":{\"NetworkMode\":\"none\",\"Annotations\":{\"creel.system\":\"1\"}}}",
		  -EBADF, out, -EBADF) == 0);
	CHECK_STR(text_of(out), "creel\n3\n");
	gone();
	/* It reboots, which is its next life, and halts, which is no failure. */
	create("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"[ -e /again ] && exit 3; echo > /again; reboot -f\"],"
	       "\"HostConfig\":{\"NetworkMode\":\"none\",\"Annotations\":{\"creel.system\":\"1\"}}}");
	CHECK(docker_start(d, id, &e) == 0);
	CHECK(becomes("ExitCode", "3"));
	gone();
	create("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"poweroff -f\"],"
	       "\"HostConfig\":{\"NetworkMode\":\"none\",\"Annotations\":{\"creel.system\":\"1\"}}}");
	CHECK(docker_start(d, id, &e) == 0);
	CHECK(becomes("Status", "exited"));
	CHECK_STR(inspect("ExitCode"), "0");
	gone();
}

TEST(health_is_looked_after)
{
	make_image();
	create("{\"Image\":\"busybox\",\"Healthcheck\":{\"Test\":[\"CMD\",\"grep\",\"-q\",\"x\",\"/"
	       "ok\"],\"Interval\":20000000,"
	       "\"Retries\":2},\"Cmd\":[\"sleep\",\"1000\"]," NONE "}}");
	CHECK(docker_start(d, id, &e) == 0);
	CHECK(becomes("Health\":{\"Status", "unhealthy"));
	CHECK(exec("{\"Cmd\":[\"sh\",\"-c\",\"echo x > /ok\"]}", -EBADF) == 0);
	CHECK(becomes("Health\":{\"Status", "healthy"));
	gone();
}

static int entries(const char *name)
{
	char command[256];
	_cleanup_free_ char *text = NULL;
	char *const argv[] = { (char *)"sh", (char *)"-c", command, NULL };

	snprintf(command, sizeof(command), "ls %s/%s 2>/dev/null | wc -l", root, name);
	CHECK(spawn_run(&(struct spawn){ .path = "sh", .argv = argv }, &text, NULL) == 0);
	return atoi(text);
}

static void take_id(const char *from)
{
	CHECK(sscanf(from, "{\"Id\":\"%64[0-9a-f]", id) == 1);
}

/* A command that is killed at any moment leaves containers that are whole, or nothing. */
TEST(kills_leave_nothing)
{
	static const char body[] =
		"{\"Image\":\"busybox\",\"Volumes\":{\"/data\":{}},\"Cmd\":[\"sleep\",\"1000\"]," NONE "}}";

	make_image();
	for (unsigned i = 0; i < 12; i++) {
		struct docker_opts o = { .root = root };
		pid_t pid = fork();

		CHECK(pid >= 0);
		if (pid == 0) {
			struct docker *own = NULL;
			_cleanup_buf_ struct buf b = BUF_INIT;

			if (docker_open(&o, &own, NULL) == 0 && docker_create(own, NULL, body, NULL, &b, NULL) == 0 &&
			    sscanf(buf_str(&b), "{\"Id\":\"%64[0-9a-f]", id) == 1 && docker_start(own, id, NULL) == 0)
				(void)docker_remove(own, id, true, true, NULL);
			_exit(0);
		}
		usleep(i * 2500);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	for (int i = 0; i < 40; i++) {
		_cleanup_buf_ struct buf b = BUF_INIT, made = BUF_INIT;
		struct docker_list all = { .all = true, .filters = "{\"ancestor\":[\"busybox\"]}" };

		CHECK(docker_list(d, &all, &b, &e) == 0);
		if (streq(buf_str(&b), "[]"))
			break;
		buf_puts(&made, buf_str(&b) + 1);
		take_id(buf_str(&made));
		CHECK(docker_remove(d, id, true, true, &e) == 0);
	}
	printf("# left: %d containers, %d roots, %d volumes, %d in the making\n", entries("containers"),
	       entries("layers/roots"), entries("volumes"), entries("making"));
	CHECK(entries("containers") == 0 && entries("layers/roots") == 0);
	CHECK(entries("volumes") == 0 && entries("making") == 0);
}

TEST(a_keeper_that_is_killed)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_close_ int run_fd = -EBADF;

	make_image();
	create("{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"]," NONE "}}");
	CHECK(docker_start(d, id, &e) == 0);
	run_fd = record_open_dir(id, false, &e);
	CHECK(run_fd >= 0 && record_read(run_fd, &rec, &e) == 0);
	CHECK(kill(rec.keeper, SIGKILL) == 0);
	CHECK(kill(rec.pid, SIGKILL) == 0);
	for (int i = 0; i < 500 && record_alive(&rec); i++)
		usleep(10000);
	CHECK_STR(inspect("Status"), "exited");
	CHECK(docker_start(d, id, &e) == 0);
	CHECK_STR(inspect("Status"), "running");
	gone();
}

/* Creates and runs BODY in the foreground; the exit code of the process is the container's. */
static _noreturn_ void run_and_see_to_the_end(const char *body)
{
	struct docker_opts o = { .root = root };
	_cleanup_buf_ struct buf b = BUF_INIT;
	int code = 125, null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct docker_attach a = {
		.in = -EBADF, .out = null, .err = null, .stream = true, .ready = start_it, .ret_code = &code
	};

	d = NULL;
	if (docker_open(&o, &d, NULL) == 0 && docker_create(d, NULL, body, NULL, &b, NULL) == 0 &&
	    sscanf(buf_str(&b), "{\"Id\":\"%64[0-9a-f]", id) == 1)
		(void)docker_attach(d, id, &a, NULL);
	_exit(code);
}

/* All containers, and what they have, within ten seconds. Those that were never started are nobody's but ours. */
static void all_gone(void)
{
	for (int i = 0; i < 1000 && (entries("containers") || entries("making")); i++) {
		_cleanup_buf_ struct buf b = BUF_INIT, one = BUF_INIT;
		struct docker_list created = { .all = true, .filters = "{\"status\":[\"created\"]}" };

		CHECK(docker_list(d, &created, &b, &e) == 0);
		if (streq(buf_str(&b), "[]")) {
			usleep(10000);
			continue;
		}
		buf_puts(&one, buf_str(&b) + 1);
		take_id(buf_str(&one));
		CHECK(docker_remove(d, id, true, true, &e) == 0);
	}
	CHECK(entries("containers") == 0 && entries("layers/roots") == 0 && entries("making") == 0);
}

/* The one that there is; ID is its. Whoever starts it has done so. */
static void await_running(void)
{
	for (int i = 0; i < 1000; i++) {
		_cleanup_buf_ struct buf b = BUF_INIT, one = BUF_INIT;

		CHECK(docker_list(d, &(struct docker_list){ 0 }, &b, &e) == 0);
		if (streq(buf_str(&b), "[]")) {
			usleep(10000);
			continue;
		}
		buf_puts(&one, buf_str(&b) + 1);
		take_id(buf_str(&one));
		if (!record_locked(id))
			return;
	}
	CHECK(false);
}

#define ONCE "\"HostConfig\":{\"NetworkMode\":\"none\",\"AutoRemove\":true}}"

static void start_and_change(void *arg)
{
	_cleanup_buf_ struct buf b = BUF_INIT;

	start_it(arg);
	CHECK(docker_update(d, id, "{\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":1}}", &b, &e) ==
	      0);
}

/* Who runs it in the foreground cleans up: it is all gone when he knows the code. */
TEST(who_runs_it_sees_to_its_end)
{
	_cleanup_(docker_waiter_freep) struct docker_waiter *w = NULL;
	struct docker_attach a = { .in = -EBADF, .out = -EBADF, .err = -EBADF, .stream = true, .ready = start_it };
	char path[256];
	int code = -1, waited = -1;

	make_image();
	a.ret_code = &code;
	create("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"exit 7\"]," ONCE);
	CHECK(docker_wait_begin(d, id, "removed", &w, &e) == 0);
	CHECK(docker_attach(d, id, &a, &e) == 0);
	CHECK(code == 7);
	CHECK(entries("containers") == 0 && entries("layers/roots") == 0);
	CHECK(docker_wait_end(w, &waited, &e) == 0 && waited == 7);
	snprintf(path, sizeof(path), "/run/creel/locks/%s", id);
	CHECK(access(path, F_OK) < 0);
	/* One that may be started again is its keeper's business. */
	code = -1;
	create("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"exit 3\"],\"HostConfig\":{\"NetworkMode\":\"none\","
	       "\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":1}}}");
	CHECK(docker_attach(d, id, &a, &e) == 0);
	CHECK(code == -1);
	gone();
	create("{\"Image\":\"busybox\",\"Cmd\":[\"sh\",\"-c\",\"sleep 1; exit 3\"]," NONE "}}");
	a.ready = start_and_change;
	CHECK(docker_attach(d, id, &a, &e) == 0);
	CHECK(code == -1);
	CHECK(docker_wait(d, id, "not-running", &waited, &e) == 0 && waited == 3);
	CHECK_STR(inspect("RestartCount"), "1");
	gone();
}

/* And when he is killed, or sleeps, the keeper's helper does. */
TEST(who_runs_it_is_killed)
{
	int status;
	pid_t pid;

	make_image();
	for (unsigned i = 0; i < 12; i++) {
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			run_and_see_to_the_end("{\"Image\":\"busybox\",\"Cmd\":[\"true\"]," ONCE);
		usleep(8000 + i * 4000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	all_gone();
	pid = fork();
	if (pid == 0)
		run_and_see_to_the_end("{\"Image\":\"busybox\",\"Cmd\":[\"sleep\",\"1000\"]," ONCE);
	await_running();
	CHECK(kill(pid, SIGSTOP) == 0);
	CHECK(docker_kill(d, id, NULL, &e) == 0);
	all_gone();
	CHECK(kill(pid, SIGCONT) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 125);
}
