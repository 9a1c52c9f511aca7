/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The commands of Docker's client, as rows of the table of a program that has them. */

#include "cli/cli.h"

/* One a line: they are added to from many sides. */
extern const struct command cmd_docker_attach;
extern const struct command cmd_docker_boot;
extern const struct command cmd_docker_build;
extern const struct command cmd_docker_builder_du;
extern const struct command cmd_docker_builder_prune;
extern const struct command cmd_docker_commit;
extern const struct command cmd_docker_container_inspect;
extern const struct command cmd_docker_container_prune;
extern const struct command cmd_docker_context_inspect;
extern const struct command cmd_docker_context_ls;
extern const struct command cmd_docker_context_show;
extern const struct command cmd_docker_context_use;
extern const struct command cmd_docker_cp;
extern const struct command cmd_docker_create;
extern const struct command cmd_docker_diff;
extern const struct command cmd_docker_events;
extern const struct command cmd_docker_exec;
extern const struct command cmd_docker_export;
extern const struct command cmd_docker_history;
extern const struct command cmd_docker_image_inspect;
extern const struct command cmd_docker_image_prune;
extern const struct command cmd_docker_images;
extern const struct command cmd_docker_import;
extern const struct command cmd_docker_info;
extern const struct command cmd_docker_inspect;
extern const struct command cmd_docker_kill;
extern const struct command cmd_docker_load;
extern const struct command cmd_docker_login;
extern const struct command cmd_docker_logout;
extern const struct command cmd_docker_logs;
extern const struct command cmd_docker_network_connect;
extern const struct command cmd_docker_network_create;
extern const struct command cmd_docker_network_disconnect;
extern const struct command cmd_docker_network_inspect;
extern const struct command cmd_docker_network_ls;
extern const struct command cmd_docker_network_prune;
extern const struct command cmd_docker_network_rm;
extern const struct command cmd_docker_pause;
extern const struct command cmd_docker_port;
extern const struct command cmd_docker_ps;
extern const struct command cmd_docker_pull;
extern const struct command cmd_docker_push;
extern const struct command cmd_docker_rename;
extern const struct command cmd_docker_restart;
extern const struct command cmd_docker_rm;
extern const struct command cmd_docker_rmi;
extern const struct command cmd_docker_run;
extern const struct command cmd_docker_search;
extern const struct command cmd_docker_save;
extern const struct command cmd_docker_start;
extern const struct command cmd_docker_stats;
extern const struct command cmd_docker_stop;
extern const struct command cmd_docker_system_check;
extern const struct command cmd_docker_system_df;
extern const struct command cmd_docker_system_prune;
extern const struct command cmd_docker_tag;
extern const struct command cmd_docker_top;
extern const struct command cmd_docker_unpause;
extern const struct command cmd_docker_update;
extern const struct command cmd_docker_version;
extern const struct command cmd_docker_volume_create;
extern const struct command cmd_docker_volume_inspect;
extern const struct command cmd_docker_volume_ls;
extern const struct command cmd_docker_volume_prune;
extern const struct command cmd_docker_volume_rm;
extern const struct command cmd_docker_wait;

/* One a line, too: */
/* clang-format off */
/* What needs neither a registry nor the packing of layers: of creel-docker and creel-online. */
#define DOCKER_COMMANDS \
	&cmd_docker_run, \
	&cmd_docker_exec, \
	&cmd_docker_ps, \
	&cmd_docker_create, \
	&cmd_docker_start, \
	&cmd_docker_stop, \
	&cmd_docker_restart, \
	&cmd_docker_kill, \
	&cmd_docker_rm, \
	&cmd_docker_attach, \
	&cmd_docker_boot, \
	&cmd_docker_builder_du, \
	&cmd_docker_builder_prune, \
	&cmd_docker_logs, \
	&cmd_docker_inspect, \
	&cmd_docker_container_inspect, \
	&cmd_docker_container_prune, \
	&cmd_docker_context_inspect, \
	&cmd_docker_context_ls, \
	&cmd_docker_context_show, \
	&cmd_docker_context_use, \
	&cmd_docker_diff, \
	&cmd_docker_events, \
	&cmd_docker_history, \
	&cmd_docker_image_inspect, \
	&cmd_docker_image_prune, \
	&cmd_docker_images, \
	&cmd_docker_info, \
	&cmd_docker_network_connect, \
	&cmd_docker_network_create, \
	&cmd_docker_network_disconnect, \
	&cmd_docker_network_inspect, \
	&cmd_docker_network_ls, \
	&cmd_docker_network_prune, \
	&cmd_docker_network_rm, \
	&cmd_docker_pause, \
	&cmd_docker_port, \
	&cmd_docker_rename, \
	&cmd_docker_rmi, \
	&cmd_docker_stats, \
	&cmd_docker_system_df, \
	&cmd_docker_system_prune, \
	&cmd_docker_tag, \
	&cmd_docker_top, \
	&cmd_docker_unpause, \
	&cmd_docker_update, \
	&cmd_docker_version, \
	&cmd_docker_volume_create, \
	&cmd_docker_volume_inspect, \
	&cmd_docker_volume_ls, \
	&cmd_docker_volume_prune, \
	&cmd_docker_volume_rm, \
	&cmd_docker_wait,

/* Of creel-online alone. */
#define ONLINE_COMMANDS \
	&cmd_docker_build, \
	&cmd_docker_commit, \
	&cmd_docker_cp, \
	&cmd_docker_export, \
	&cmd_docker_import, \
	&cmd_docker_load, \
	&cmd_docker_login, \
	&cmd_docker_logout, \
	&cmd_docker_pull, \
	&cmd_docker_push, \
	&cmd_docker_save, \
	&cmd_docker_search, \
	&cmd_docker_system_check,
/* clang-format on */
