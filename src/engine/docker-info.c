/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* info, version and df: the whole of it. */

#include <fcntl.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "config.h"
#include "engine/docker-inner.h"

#define API_VERSION	"1.45"
#define API_MIN_VERSION "1.24"

static const char *architecture(const char *machine)
{
	return streq(machine, "x86_64") ? "amd64" : streq(machine, "aarch64") ? "arm64" : machine;
}

struct counts {
	struct docker *d;
	int all, running, paused;
};

static int count(void *arg, struct docker_row *c)
{
	struct counts *n = arg;
	_cleanup_close_ int dirfd = docker_dir(n->d, c->id, NULL);
	_cleanup_state_ struct docker_state st = { 0 };

	n->all++;
	if (dirfd < 0 || docker_state_read(dirfd, c->id, &st, NULL) < 0)
		return 0;
	n->running += st.status == DS_RUNNING || st.status == DS_RESTARTING;
	n->paused += st.status == DS_PAUSED;
	return 0;
}

/* PRETTY_NAME of os-release. */
static void put_system(struct json *j)
{
	_cleanup_free_ char *text = NULL;
	char *at, *end;

	if (file_read(AT_FDCWD, "/etc/os-release", 65536, &text, NULL, NULL) < 0 ||
	    !(at = strstr(text, "PRETTY_NAME="))) {
		json_kv_string(j, "OperatingSystem", "Linux");
		return;
	}
	at += strlen("PRETTY_NAME=");
	at += *at == '"';
	end = at + strcspn(at, "\"\n");
	*end = '\0';
	json_kv_string(j, "OperatingSystem", at);
}

static void put_list(struct json *j, const char *key, const char *const *words)
{
	json_key(j, key);
	json_array(j);
	for (; *words; words++)
		json_string(j, *words);
	json_end_array(j);
}

static size_t count_images(struct docker *d)
{
	struct image *l = NULL;
	size_t n = 0;

	if (image_list(d->images, &l, &n, NULL) < 0)
		return 0;
	for (size_t i = 0; i < n; i++)
		image_done(&l[i]);
	free(l);
	return n;
}

static void put_host(struct docker *d, struct json *j)
{
	enum cg_layout layout = CG_NONE;
	struct cg_host *h;

	if (engine_cgroups(d->engine, &h, NULL) == 0)
		layout = cg_host_layout(h);
	json_kv_string(j, "CgroupDriver", layout == CG_NONE ? "none" : "cgroupfs");
	json_kv_string(j, "CgroupVersion", layout == CG_V2 ? "2" : "1");
	json_kv_bool(j, "MemoryLimit", layout != CG_NONE);
	json_kv_bool(j, "SwapLimit", layout != CG_NONE);
	json_kv_bool(j, "CpuCfsPeriod", layout != CG_NONE);
	json_kv_bool(j, "CpuCfsQuota", layout != CG_NONE);
	json_kv_bool(j, "CPUShares", layout != CG_NONE);
	json_kv_bool(j, "CPUSet", layout != CG_NONE);
	json_kv_bool(j, "PidsLimit", layout != CG_NONE);
	json_kv_bool(j, "OomKillDisable", layout != CG_V2 && layout != CG_NONE);
}

struct figures {
	struct json *j;
	bool loop;
};

static void put_figure(void *arg, const char *name, const char *value)
{
	struct figures *f = arg;

	json_array(f->j);
	json_string(f->j, name);
	json_string(f->j, value);
	json_end_array(f->j);
	f->loop |= streq(name, "Data loop file");
}

int docker_info(struct docker *d, struct buf *ret, struct err *e)
{
	static const char *const logs[] = { "json-file", "local", "none", NULL }, *const volumes[] = { "local", NULL },
				 *const networks[] = { "bridge", "host", "ipvlan", "macvlan", "null", NULL },
				 *const security[] = { "name=seccomp,profile=builtin", "name=cgroupns", NULL };
	struct counts n = { .d = d };
	const char *driver = layers_driver(d->images->layers);
	struct utsname u;
	char now[40];
	struct json j;
	struct figures figures = { .j = &j };
	int r = docker_each(d, count, &n, e);

	if (r < 0)
		return r;
	uname(&u);
	json_init(&j, ret, false);
	json_object(&j);
	json_kv_string(&j, "ID", d->images->root);
	json_kv_i64(&j, "Containers", n.all);
	json_kv_i64(&j, "ContainersRunning", n.running);
	json_kv_i64(&j, "ContainersPaused", n.paused);
	json_kv_i64(&j, "ContainersStopped", n.all - n.running - n.paused);
	json_kv_u64(&j, "Images", count_images(d));
	json_kv_string(&j, "Driver", streq(driver, "overlay") ? "overlay2" : driver);
	json_key(&j, "DriverStatus");
	json_array(&j);
	r = layers_figures(d->images->layers, put_figure, &figures, e);
	json_end_array(&j);
	json_key(&j, "Plugins");
	json_object(&j);
	put_list(&j, "Volume", volumes);
	put_list(&j, "Network", networks);
	json_key(&j, "Authorization");
	json_null(&j);
	put_list(&j, "Log", logs);
	json_end_object(&j);
	put_host(d, &j);
	json_kv_bool(&j, "IPv4Forwarding", true);
	json_kv_bool(&j, "Debug", false);
	json_kv_i64(&j, "NFd", 0);
	json_kv_i64(&j, "NGoroutines", 0);
	json_kv_string(&j, "SystemTime", docker_time(docker_now(), now));
	json_kv_string(&j, "LoggingDriver", "json-file");
	json_kv_i64(&j, "NEventsListener", 0);
	json_kv_string(&j, "KernelVersion", u.release);
	put_system(&j);
	json_kv_string(&j, "OSType", "linux");
	json_kv_string(&j, "Architecture", u.machine);
	json_kv_string(&j, "IndexServerAddress", "https://index.docker.io/v1/");
	json_kv_i64(&j, "NCPU", sysconf(_SC_NPROCESSORS_ONLN));
	json_kv_i64(&j, "MemTotal", sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
	json_kv_string(&j, "DockerRootDir", d->images->root);
	json_kv_string(&j, "Name", u.nodename);
	json_key(&j, "Labels");
	json_array(&j);
	json_end_array(&j);
	json_kv_bool(&j, "ExperimentalBuild", false);
	json_kv_string(&j, "ServerVersion", DOCKER_INTERFACE_VERSION);
	json_key(&j, "Runtimes");
	json_object(&j);
	json_key(&j, "creel");
	json_object(&j);
	json_kv_string(&j, "path", "creel");
	json_end_object(&j);
	json_end_object(&j);
	json_kv_string(&j, "DefaultRuntime", "creel");
	json_key(&j, "Swarm");
	json_object(&j);
	json_kv_string(&j, "NodeID", "");
	json_kv_string(&j, "LocalNodeState", "inactive");
	json_end_object(&j);
	json_kv_bool(&j, "LiveRestoreEnabled", true);
	json_kv_string(&j, "InitBinary", "creel-init");
	put_list(&j, "SecurityOptions", security);
	json_key(&j, "Warnings");
	json_array(&j);
	if (figures.loop)
		json_string(
			&j,
			"WARNING: the thin pool is a file of this host's file system, by way of loop devices: slow, "
			"and for tests only. Give one by --storage-opt thin.pool=DEVICE");
	json_end_array(&j);
	json_end_object(&j);
	return r < 0 ? r : buf_error(ret, e);
}

int docker_version(struct docker *d, struct buf *ret, struct err *e)
{
	struct utsname u;
	struct json j;

	uname(&u);
	json_init(&j, ret, false);
	json_object(&j);
	json_key(&j, "Platform");
	json_object(&j);
	json_kv_string(&j, "Name", "creel " CREEL_VERSION);
	json_end_object(&j);
	json_key(&j, "Components");
	json_array(&j);
	json_object(&j);
	json_kv_string(&j, "Name", "Engine");
	json_kv_string(&j, "Version", DOCKER_INTERFACE_VERSION);
	json_key(&j, "Details");
	json_object(&j);
	json_kv_string(&j, "ApiVersion", API_VERSION);
	json_kv_string(&j, "Arch", architecture(u.machine));
	json_kv_string(&j, "MinAPIVersion", API_MIN_VERSION);
	json_kv_string(&j, "Os", "linux");
	json_end_object(&j);
	json_end_object(&j);
	json_end_array(&j);
	json_kv_string(&j, "Version", DOCKER_INTERFACE_VERSION);
	json_kv_string(&j, "ApiVersion", API_VERSION);
	json_kv_string(&j, "MinAPIVersion", API_MIN_VERSION);
	json_kv_string(&j, "GitCommit", "");
	json_kv_string(&j, "GoVersion", "");
	json_kv_string(&j, "Os", "linux");
	json_kv_string(&j, "Arch", architecture(u.machine));
	json_kv_string(&j, "KernelVersion", u.release);
	json_kv_string(&j, "BuildTime", "");
	json_end_object(&j);
	return buf_error(ret, e);
}

/* An answer of another function as a member. */
static int put_answer(struct json *j, const char *key, const char *member, const struct buf *text, struct err *e)
{
	_cleanup_value_ struct json_c_value *v = NULL;
	_cleanup_buf_ struct buf wrapped = BUF_INIT;
	int r;

	buf_printf(&wrapped, "{\"a\":%s}", buf_str(text));
	r = value_parse(buf_str(&wrapped), wrapped.len, key, &v, e);
	if (r < 0)
		return r;
	json_key(j, key);
	value_write(member ? value_get(value_get(v, "a"), member) : value_get(v, "a"), j);
	return 0;
}

int docker_df(struct docker *d, struct buf *ret, struct err *e)
{
	_cleanup_buf_ struct buf images = BUF_INIT, containers = BUF_INIT, volumes = BUF_INIT, cache = BUF_INIT;
	struct docker_list o = { .all = true, .size = true };
	uint64_t layers = 0;
	struct json j;
	int r = docker_image_list(d, true, false, NULL, &images, e);

	if (r == 0)
		r = docker_list(d, &o, &containers, e);
	if (r == 0)
		r = docker_volume_list(d, NULL, true, &volumes, e);
	if (r == 0)
		r = docker_build_cache(d, &cache, e);
	if (r == 0)
		r = images_layers_size(d->images, &layers, e);
	json_init(&j, ret, false);
	json_object(&j);
	json_kv_u64(&j, "LayersSize", layers);
	if (r == 0)
		r = put_answer(&j, "Images", NULL, &images, e);
	if (r == 0)
		r = put_answer(&j, "Containers", NULL, &containers, e);
	if (r == 0)
		r = put_answer(&j, "Volumes", "Volumes", &volumes, e);
	if (r == 0)
		r = put_answer(&j, "BuildCache", NULL, &cache, e);
	json_end_object(&j);
	return r == 0 ? buf_error(ret, e) : r;
}
