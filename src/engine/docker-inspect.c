/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* inspect: what was asked, and what is. */

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/docker-inner.h"

static void write_state(int dirfd, const struct docker_state *st, struct json *j)
{
	char start[40], end[40];
	bool alive = st->status == DS_RUNNING || st->status == DS_PAUSED;

	json_object(j);
	json_kv_string(j, "Status", docker_status_names[st->status]);
	json_kv_bool(j, "Running", alive || st->status == DS_RESTARTING);
	json_kv_bool(j, "Paused", st->status == DS_PAUSED);
	json_kv_bool(j, "Restarting", st->status == DS_RESTARTING);
	json_kv_bool(j, "OOMKilled", st->oom);
	json_kv_bool(j, "Dead", st->status == DS_DEAD);
	json_kv_i64(j, "Pid", alive ? st->pid : 0);
	json_kv_i64(j, "ExitCode", alive ? 0 : st->exit_code);
	json_kv_string(j, "Error", st->error ?: "");
	json_kv_string(j, "StartedAt", docker_time(st->started_ns, start));
	json_kv_string(j, "FinishedAt", docker_time(st->finished_ns, end));
	if (st->health != DH_NONE) {
		json_key(j, "Health");
		docker_health_write(dirfd, st, j);
	}
	json_end_object(j);
}

static void write_command(const struct docker_row *c, struct json *j)
{
	const struct json_c_value *lists[] = { value_get(c->config, "Entrypoint"), value_get(c->config, "Cmd") };
	const char *path = "";
	size_t first = 0;

	for (size_t k = 0; k < 2 && !*path; k++)
		if (value_len(lists[k])) {
			path = value_text(value_elem(lists[k], 0), NULL) ?: "";
			first = k;
		}
	json_kv_string(j, "Path", path);
	json_key(j, "Args");
	json_array(j);
	for (size_t k = first; k < 2; k++)
		for (size_t i = k == first; i < value_len(lists[k]); i++)
			json_string(j, value_text(value_elem(lists[k], i), NULL) ?: "");
	json_end_array(j);
}

static void path_member(const struct docker *d, const struct docker_row *c, const char *name, const char *file,
			struct json *j)
{
	_cleanup_free_ char *path = docker_path(d, c->id, file);

	json_kv_string(j, name, path && file_exists(AT_FDCWD, path) ? path : "");
}

/* What is the engine's own of a mount is nobody else's business. */
static int put_member(void *arg, const char *name, struct json_c_value *v)
{
	static const char *const own[] = { "Options", "NonRecursive", "Shallow", "Make", "Mounted", "Subpath" };

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (streq(name, own[i]))
			return 0;
	json_key(arg, name);
	value_write(v, arg);
	return 0;
}

static void write_mounts(const struct docker_row *c, struct json *j)
{
	const struct json_c_value *l = value_get(c->doc, "Mounts");

	json_array(j);
	for (size_t i = 0; i < value_len(l); i++) {
		json_object(j);
		(void)value_each(value_elem(l, i), put_member, j);
		json_end_object(j);
	}
	json_end_array(j);
}

static int put_exec_ids(const struct docker *d, const struct docker_row *c, struct json *j)
{
	_cleanup_free_ char *path = docker_path(d, c->id, "execs");
	DIR *dir = path ? opendir(path) : NULL;
	struct dirent *de;
	bool any = false;

	while (dir && (de = readdir(dir))) {
		if (strlen(de->d_name) != 64)
			continue;
		if (!any)
			json_array(j);
		any = true;
		json_string(j, de->d_name);
	}
	if (dir)
		closedir(dir);
	if (any)
		json_end_array(j);
	else
		json_null(j);
	return 0;
}

static int write_sizes(struct docker *d, const struct docker_row *c, struct json *j, struct err *e)
{
	uint64_t own, image = 0;
	struct image i = { 0 };
	int r = rootfs_size(d->images->layers, c->id, &own, e);

	if (r < 0)
		return r;
	if (image_find(d->images, c->image, &i, NULL) == 0) {
		image = i.size;
		image_done(&i);
	}
	json_kv_u64(j, "SizeRw", own);
	json_kv_u64(j, "SizeRootFs", own + image);
	return 0;
}

static void write_driver(const struct docker_row *c, struct json *j)
{
	const char *driver = value_text(c->doc, "Driver") ?: "";

	json_key(j, "GraphDriver");
	json_object(j);
	json_kv_string(j, "Name", streq(driver, "overlay") ? "overlay2" : driver);
	json_key(j, "Data");
	json_object(j);
	json_kv_string(j, "Rootfs", value_text(c->doc, "Rootfs") ?: "");
	json_end_object(j);
	json_end_object(j);
}

static int write_all(struct docker *d, struct docker_row *c, int dirfd, const struct docker_state *st, bool size,
		     struct json *j, struct err *e)
{
	_cleanup_record_ struct record rec = { .exit_status = -1 };
	_cleanup_free_ char *name = NULL, *log = docker_log_path(d, c);
	bool alive = docker_running(c, &rec, NULL) == 0;
	char when[40];
	int r;

	if (asprintf(&name, "/%s", c->name) < 0)
		return err_oom(e);
	json_object(j);
	json_kv_string(j, "Id", c->id);
	json_kv_string(j, "Created", docker_time(c->created_ns, when));
	write_command(c, j);
	json_key(j, "State");
	write_state(dirfd, st, j);
	json_kv_string(j, "Image", c->image);
	path_member(d, c, "ResolvConfPath", "resolv.conf", j);
	path_member(d, c, "HostnamePath", "hostname", j);
	path_member(d, c, "HostsPath", "hosts", j);
	json_kv_string(j, "LogPath", log && file_exists(AT_FDCWD, log) ? log : "");
	json_kv_string(j, "Name", name);
	json_kv_i64(j, "RestartCount", st->restarts);
	json_kv_string(j, "Driver",
		       streq(value_text(c->doc, "Driver") ?: "", "overlay") ? "overlay2"
									    : value_text(c->doc, "Driver"));
	json_kv_string(j, "Platform", "linux");
	json_kv_string(j, "MountLabel", "");
	json_kv_string(j, "ProcessLabel", "");
	json_kv_string(j, "AppArmorProfile", rec.lsm_label ?: "");
	json_key(j, "ExecIDs");
	(void)put_exec_ids(d, c, j);
	json_key(j, "HostConfig");
	value_write(c->host, j);
	write_driver(c, j);
	r = size ? write_sizes(d, c, j, e) : 0;
	json_key(j, "Mounts");
	write_mounts(c, j);
	json_key(j, "Config");
	value_write(c->config, j);
	json_key(j, "NetworkSettings");
	if (r == 0)
		r = docker_net_settings(d, c, alive ? &rec : NULL, false, j, e);
	json_end_object(j);
	return r;
}

int docker_inspect(struct docker *d, const char *id, bool size, struct buf *ret, struct err *e)
{
	_cleanup_row_ struct docker_row c = { 0 };
	_cleanup_state_ struct docker_state st = { .status = DS_DEAD };
	_cleanup_(container_freep) struct container *lxc = NULL;
	_cleanup_close_ int dirfd = -EBADF;
	struct json j;
	int r = docker_find(d, id, &c, e);

	if (r == -ENOENT && (lxc = docker_lxc_load(d, id, e)))
		return docker_lxc_inspect(lxc, ret, e);
	if (r < 0)
		return r;
	/* One whose removal was interrupted has no folder, maybe. */
	dirfd = docker_dir(d, c.id, NULL);
	if (dirfd >= 0 && docker_state_read(dirfd, c.id, &st, NULL) < 0)
		st.status = DS_DEAD;
	json_init(&j, ret, false);
	r = write_all(d, &c, dirfd, &st, size, &j, e);
	return r == 0 ? buf_error(ret, e) : r;
}
