/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * For callers of crun: the file "status" that crun keeps of a container, and that some who stand on it read. Nothing here
 * reads it back.
 */

#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file.h"
#include "engine/oci-internal.h"

/* What the streams are that the container was given, as checkpoints want to know it: a JSON array, in a string. */
static void put_streams(struct json *j)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json inner;

	json_init(&inner, &text, false);
	json_array(&inner);
	for (int i = 0; i < 3; i++) {
		char path[FD_PATH_MAX], link[PATH_MAX];
		ssize_t n = readlink(fd_path(i, path), link, sizeof(link) - 1);

		link[n < 0 ? 0 : n] = '\0';
		json_string(&inner, n < 0 ? "/dev/null" : link);
	}
	json_end_array(&inner);
	json_kv_string(j, "external_descriptors", buf_error(&text, NULL) < 0 ? "[]" : buf_str(&text));
}

int oci_crun_status(const struct oci_container *c, const struct record *rec, bool detached, struct err *e)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *rootfs = c->spec.rootfs.path ?: "";
	_cleanup_free_ char *group = NULL;
	time_t now = time(NULL);
	char created[64];
	struct json j;
	struct tm tm;
	int r;

	gmtime_r(&now, &tm);
	created[strftime(created, sizeof(created), "%Y-%m-%dT%H:%M:%SZ", &tm)] = '\0';
	if (rec->cgroup && asprintf(&group, "/%s", rec->cgroup) < 0)
		return err_oom(e);
	json_init(&j, &text, true);
	json_object(&j);
	json_kv_i64(&j, "pid", rec->pid);
	json_kv_u64(&j, "process-start-time", rec->pid_start);
	json_kv_string(&j, "cgroup-path", group ?: "");
	json_kv_string(&j, "scope", "");
	json_kv_string(&j, "intelrdt", "");
	json_kv_string(&j, "rootfs", startswith(rootfs, "dir:") ?: rootfs);
	json_kv_bool(&j, "systemd-cgroup", rec->systemd_cgroup);
	json_kv_string(&j, "bundle", rec->bundle);
	json_kv_string(&j, "created", created);
	json_kv_bool(&j, "detached", detached);
	put_streams(&j);
	json_end_object(&j);
	r = buf_error(&text, e);
	return r < 0 ? r : file_replace(c->dirfd, "status", buf_str(&text), text.len, 0600, false, e);
}
