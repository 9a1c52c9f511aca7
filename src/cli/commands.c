/* SPDX-License-Identifier: LGPL-2.1-or-later */
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
extern const struct command cmd_audit, cmd_doctor, cmd_exec, cmd_help, cmd_net, cmd_plan, cmd_ps, cmd_registry,
	cmd_show, cmd_start, cmd_stop, cmd_version;
extern const struct command cmd_oci_checkpoint, cmd_oci_create, cmd_oci_delete, cmd_oci_events, cmd_oci_exec,
	cmd_oci_features, cmd_oci_kill, cmd_oci_list, cmd_oci_pause, cmd_oci_ps, cmd_oci_restore, cmd_oci_resume,
	cmd_oci_run, cmd_oci_spec, cmd_oci_start, cmd_oci_state, cmd_oci_update;

const struct command *const commands[] = {
	&cmd_ps,
	&cmd_registry,
	&cmd_start,
	&cmd_stop,
	&cmd_exec,
	&cmd_plan,
	&cmd_show,
	&cmd_audit,
	&cmd_doctor,
	&cmd_net,
	&cmd_oci,
	&cmd_version,
	&cmd_help,

	&cmd_attach,
	&cmd_autostart,
	&cmd_cgroup,
	&cmd_checkconfig,
	&cmd_checkpoint,
	&cmd_config,
	&cmd_console,
	&cmd_copy,
	&cmd_create,
	&cmd_destroy,
	&cmd_device,
	&cmd_execute,
	&cmd_freeze,
	&cmd_info,
	&cmd_ls,
	&cmd_monitor,
	&cmd_monitord,
	&cmd_snapshot,
	&cmd_lxc_start,
	&cmd_lxc_stop,
	&cmd_top,
	&cmd_unfreeze,
	&cmd_unshare,
	&cmd_update_config,
	&cmd_usernsexec,
	&cmd_wait,

	&cmd_clone,
	&cmd_start_ephemeral,
	&cmd_kill,
	&cmd_list,
	&cmd_netstat,
	&cmd_lxc_ps,
	&cmd_restart,
	&cmd_setcap,
	&cmd_setuid,
	&cmd_shutdown,
	&cmd_lxc_version,

	&cmd_oci_checkpoint,
	&cmd_oci_create,
	&cmd_oci_delete,
	&cmd_oci_events,
	&cmd_oci_exec,
	&cmd_oci_features,
	&cmd_oci_kill,
	&cmd_oci_list,
	&cmd_oci_pause,
	&cmd_oci_ps,
	&cmd_oci_restore,
	&cmd_oci_resume,
	&cmd_oci_run,
	&cmd_oci_spec,
	&cmd_oci_start,
	&cmd_oci_state,
	&cmd_oci_update,
	NULL,
};

const struct command cmd_creel = {
	.name = "creel",
	.flags = CMD_HELP_FIRST | CMD_NO_ENGINE,
	.synopsis = "COMMAND [OPTION...] [ARGUMENT...]",
	.summary = "containers, by every tool's words",
	.description =
		"creel makes, starts, enters, limits and removes Linux containers. The commands of LXC are answered "
		"under "
		"their own names, with their options, texts and exit codes: creel is one program, and the name it is "
		"called by says which command it is.\n\n"
		"What a container should be is read from its configuration (lxc.container.conf(5)), turned into a plan "
		"of "
		"single steps, and the plan is executed. --dry-run prints that plan and changes nothing. Every step "
		"that "
		"touches the host is written down before it is taken, so that 'creel doctor --fix' can clear up after "
		"anything that was killed half-way.\n\n"
		"Errors say what failed, on which object and why, in one line; a second line that begins with 'hint:' "
		"names the likely cure.",
	.examples = (const struct text_pair[]){ { "creel ps -a", "All containers, running or not." },
						{ "creel lxc start web", "The same as lxc-start web." },
						{ "creel help lxc-start", "What lxc-start can do." },
						{ NULL, NULL } },
};

const struct command *command_find(const char *name)
{
	for (const struct command *const *p = commands; *p; p++)
		if (streq((*p)->name, name))
			return *p;
	return NULL;
}
