/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every kind of operation there is. A new one is a new row here and its describe and apply in the family's file. */

#include "runtime/plan.h"

/* op_host.c: on the host */
extern const struct op_kind op_hook, op_cgroup_create, op_cgroup_set, op_cgroup_devices, op_cgroup_chown,
	op_cgroup_lend, op_rootfs_open, op_rootfs_idmap, op_mount_idmap, op_net_script, op_cgroup_inner,
	op_cgroup_monitor, op_bind_open, op_bind_given, op_lsm_prepare, op_pidfile, op_ns_open, op_clone,
	op_idmap_write, op_cgroup_attach, op_proc_write, op_net_attach, op_net_publish, op_init_open, op_guard;

/* op_user_net.c */
extern const struct op_kind op_user_net;

/* op_mount.c: the container's mounts */
extern const struct op_kind op_private, op_root_attach, op_root_place, op_root_over, op_root_host, op_mount, op_pivot,
	op_mask, op_readonly, op_root_ro, op_chroot, op_mount_ro, op_move_root, op_hide, op_propagation;

/* op_dev.c: /dev and terminals */
extern const struct op_kind op_null_open, op_dev_open, op_node, op_link, op_dir, op_devpts, op_console, op_ttys;

/* op_device.c: nodes and links anywhere in the root */
extern const struct op_kind op_device, op_device_make, op_symlink, op_ptmx, op_pts_open, op_core_link, op_make_dir;

/* op_proc.c: the process */
extern const struct op_kind op_join, op_wait_mapped, op_ids_root, op_cgroupns, op_timens, op_hostname, op_domainname,
	op_net_configure, op_sysctl, op_rlimit, op_personality, op_keyring, op_sched_core, op_ready, op_proc_open,
	op_stdio, op_child_hook, op_self_write;

/* op_exec.c: its last steps */
extern const struct op_kind op_lsm_apply, op_become, op_lookup, op_launch, op_filter, op_exec;

/* exec_hook.c: the programs of the OCI runtime specification's moments */
extern const struct op_kind op_moment, op_mounted;

/* launch.c: between create and start */
extern const struct op_kind op_start_listen, op_start_wait, op_no_process, op_cgroup_share;
