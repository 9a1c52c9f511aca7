/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The commands that need no images, as rows of the table of a program that has them. */

#include "cli/cli.h"

/* One a line: they are added to from many sides. */
extern const struct command cmd_attach;
extern const struct command cmd_autostart;
extern const struct command cmd_cgroup;
extern const struct command cmd_checkconfig;
extern const struct command cmd_checkpoint;
extern const struct command cmd_clone;
extern const struct command cmd_config;
extern const struct command cmd_console;
extern const struct command cmd_copy;
extern const struct command cmd_create;
extern const struct command cmd_destroy;
extern const struct command cmd_device;
extern const struct command cmd_execute;
extern const struct command cmd_freeze;
extern const struct command cmd_info;
extern const struct command cmd_kill;
extern const struct command cmd_list;
extern const struct command cmd_ls;
extern const struct command cmd_lxc_ps;
extern const struct command cmd_lxc_start;
extern const struct command cmd_lxc_stop;
extern const struct command cmd_lxc_version;
extern const struct command cmd_monitor;
extern const struct command cmd_monitord;
extern const struct command cmd_netstat;
extern const struct command cmd_restart;
extern const struct command cmd_setcap;
extern const struct command cmd_setuid;
extern const struct command cmd_shutdown;
extern const struct command cmd_snapshot;
extern const struct command cmd_start_ephemeral;
extern const struct command cmd_top;
extern const struct command cmd_unfreeze;
extern const struct command cmd_unshare;
extern const struct command cmd_update_config;
extern const struct command cmd_usernsexec;
extern const struct command cmd_wait;
extern const struct command cmd_audit, cmd_doctor, cmd_help, cmd_net, cmd_plan, cmd_registry, cmd_show, cmd_version;
extern const struct command cmd_oci_checkpoint, cmd_oci_create, cmd_oci_delete, cmd_oci_events, cmd_oci_exec,
	cmd_oci_features, cmd_oci_kill, cmd_oci_list, cmd_oci_pause, cmd_oci_ps, cmd_oci_restore, cmd_oci_resume,
	cmd_oci_run, cmd_oci_spec, cmd_oci_start, cmd_oci_state, cmd_oci_update;

#define CORE_COMMANDS                                                                                                 \
	&cmd_registry, &cmd_plan, &cmd_show, &cmd_audit, &cmd_doctor, &cmd_net, &cmd_oci, &cmd_help, &cmd_attach,     \
		&cmd_autostart, &cmd_cgroup, &cmd_checkconfig, &cmd_checkpoint, &cmd_config, &cmd_console, &cmd_copy, \
		&cmd_create, &cmd_destroy, &cmd_device, &cmd_execute, &cmd_freeze, &cmd_info, &cmd_ls, &cmd_monitor,  \
		&cmd_monitord, &cmd_snapshot, &cmd_lxc_start, &cmd_lxc_stop, &cmd_top, &cmd_unfreeze, &cmd_unshare,   \
		&cmd_update_config, &cmd_usernsexec, &cmd_wait, &cmd_clone, &cmd_start_ephemeral, &cmd_kill,          \
		&cmd_list, &cmd_netstat, &cmd_lxc_ps, &cmd_restart, &cmd_setcap, &cmd_setuid, &cmd_shutdown,          \
		&cmd_lxc_version, &cmd_oci_checkpoint, &cmd_oci_create, &cmd_oci_delete, &cmd_oci_events,             \
		&cmd_oci_exec, &cmd_oci_features, &cmd_oci_kill, &cmd_oci_list, &cmd_oci_pause, &cmd_oci_ps,          \
		&cmd_oci_restore, &cmd_oci_resume, &cmd_oci_run, &cmd_oci_spec, &cmd_oci_start, &cmd_oci_state,       \
		&cmd_oci_update,
