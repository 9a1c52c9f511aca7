/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "sys/bpf.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fd.h"

static int sys_bpf(enum bpf_cmd cmd, union bpf_attr *attr)
{
	long r = syscall(SYS_bpf, cmd, attr, sizeof(*attr));

	return r < 0 ? -errno : (int)r;
}

int bpf_device_prog_load(const struct bpf_insn *insns, size_t n, const char *name, struct err *e)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insn_cnt = (uint32_t)n,
		.insns = (uint64_t)(uintptr_t)insns,
		.license = (uint64_t)(uintptr_t) "LGPL-2.1-or-later",
	};
	int r;

	snprintf(attr.prog_name, sizeof(attr.prog_name), "%s", name);
	/* The verifier gives up with EAGAIN when it is interrupted by a signal. */
	for (unsigned i = 0; i < 5; i++) {
		r = sys_bpf(BPF_PROG_LOAD, &attr);
		if (r != -EAGAIN)
			break;
	}
	if (r >= 0)
		return r;
	err_set(e, r, "load a device program of %zu instructions", n);
	if (r == -EPERM)
		err_hint(e, r, "this needs CAP_BPF or CAP_SYS_ADMIN and, before Linux 5.11, 'ulimit -l' large enough");
	return r;
}

int bpf_device_prog_attach(int cgroup_fd, int prog_fd, int replace_fd, struct err *e)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_bpf_fd = (uint32_t)prog_fd,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI,
	};
	int r;

	if (replace_fd >= 0) {
		attr.attach_flags |= BPF_F_REPLACE;
		attr.replace_bpf_fd = (uint32_t)replace_fd;
	}
	r = sys_bpf(BPF_PROG_ATTACH, &attr);
	if (r == -EINVAL && replace_fd >= 0) {
		/* Before Linux 5.6 there is no replacing: the new one first, so that no moment is without rules. */
		attr.attach_flags = BPF_F_ALLOW_MULTI;
		attr.replace_bpf_fd = 0;
		r = sys_bpf(BPF_PROG_ATTACH, &attr);
		if (r >= 0)
			r = bpf_device_prog_detach(cgroup_fd, replace_fd, NULL);
	}
	return r < 0 ? err_set(e, r, "attach a device program") : 0;
}

int bpf_device_prog_find(int cgroup_fd, const char *name)
{
	uint32_t ids[64] = { 0 };
	union bpf_attr query = {
		.query.target_fd = (uint32_t)cgroup_fd,
		.query.attach_type = BPF_CGROUP_DEVICE,
		.query.prog_ids = (uint64_t)(uintptr_t)ids,
		.query.prog_cnt = ARRAY_SIZE(ids),
	};
	int r = sys_bpf(BPF_PROG_QUERY, &query);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < query.query.prog_cnt; i++) {
		struct bpf_prog_info info = { 0 };
		union bpf_attr by_id = { .prog_id = ids[i] }, get = { 0 };
		int fd = sys_bpf(BPF_PROG_GET_FD_BY_ID, &by_id);

		if (fd < 0)
			continue;
		get.info.bpf_fd = (uint32_t)fd;
		get.info.info_len = sizeof(info);
		get.info.info = (uint64_t)(uintptr_t)&info;
		if (sys_bpf(BPF_OBJ_GET_INFO_BY_FD, &get) == 0 && streq(info.name, name))
			return fd;
		fd_close(fd);
	}
	return -ENOENT;
}

int bpf_device_prog_detach(int cgroup_fd, int prog_fd, struct err *e)
{
	union bpf_attr attr = {
		.target_fd = (uint32_t)cgroup_fd,
		.attach_bpf_fd = (uint32_t)prog_fd,
		.attach_type = BPF_CGROUP_DEVICE,
	};
	int r = sys_bpf(BPF_PROG_DETACH, &attr);

	return r < 0 ? err_set(e, r, "detach a device program") : 0;
}
