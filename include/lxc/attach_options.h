/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __LXC_ATTACH_OPTIONS_H
#define __LXC_ATTACH_OPTIONS_H

/*
 * How a process enters a running container: the options of attach(), and two functions for it to run.
 *
 * The layout is liblxc's: programs built with either header work with either library.
 */

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum lxc_attach_env_policy_t {
	LXC_ATTACH_KEEP_ENV = 0,  /* the caller's environment, and what the container adds */
	LXC_ATTACH_CLEAR_ENV = 1, /* only that, extra_keep_env and extra_env_vars */
} lxc_attach_env_policy_t;
#define LXC_ATTACH_KEEP_ENV  LXC_ATTACH_KEEP_ENV
#define LXC_ATTACH_CLEAR_ENV LXC_ATTACH_CLEAR_ENV

/* attach_flags. The lower sixteen bits are on by default, the others off. */
enum {
	LXC_ATTACH_MOVE_TO_CGROUP = 0x00000001,	   /* into the container's control groups */
	LXC_ATTACH_DROP_CAPABILITIES = 0x00000002, /* no more of them than the container has */
	LXC_ATTACH_SET_PERSONALITY = 0x00000004,   /* see .personality */
	LXC_ATTACH_LSM_EXEC = 0x00000008,	   /* the container's security label, seccomp policy and
						      no_new_privs; the label from the next exec on */
	LXC_ATTACH_REMOUNT_PROC_SYS = 0x00010000,  /* /proc and /sys of the name spaces entered; without "mnt" only */
	LXC_ATTACH_LSM_NOW = 0x00020000,	   /* the label at once */
	LXC_ATTACH_NO_NEW_PRIVS = 0x00040000,	   /* no_new_privs, whatever the container says */
	LXC_ATTACH_TERMINAL = 0x00080000,	   /* a terminal of the container's, relayed to the caller's */
	LXC_ATTACH_LSM_LABEL = 0x00100000,	   /* .lsm_label instead of the container's */
	LXC_ATTACH_SETGROUPS = 0x00200000,	   /* .groups are the supplementary groups */
	LXC_ATTACH_DEFAULT = 0x0000FFFF,
};
#define LXC_ATTACH_MOVE_TO_CGROUP    LXC_ATTACH_MOVE_TO_CGROUP
#define LXC_ATTACH_DROP_CAPABILITIES LXC_ATTACH_DROP_CAPABILITIES
#define LXC_ATTACH_SET_PERSONALITY   LXC_ATTACH_SET_PERSONALITY
#define LXC_ATTACH_LSM_EXEC	     LXC_ATTACH_LSM_EXEC
#define LXC_ATTACH_REMOUNT_PROC_SYS  LXC_ATTACH_REMOUNT_PROC_SYS
#define LXC_ATTACH_LSM_NOW	     LXC_ATTACH_LSM_NOW
#define LXC_ATTACH_NO_NEW_PRIVS	     LXC_ATTACH_NO_NEW_PRIVS
#define LXC_ATTACH_TERMINAL	     LXC_ATTACH_TERMINAL
#define LXC_ATTACH_LSM_LABEL	     LXC_ATTACH_LSM_LABEL
#define LXC_ATTACH_SETGROUPS	     LXC_ATTACH_SETGROUPS
#define LXC_ATTACH_DEFAULT	     LXC_ATTACH_DEFAULT
#define LXC_ATTACH_LSM		     (LXC_ATTACH_LSM_EXEC | LXC_ATTACH_LSM_NOW | LXC_ATTACH_LSM_LABEL)

/* What the new process runs in the container; what it returns is the exit status. */
typedef int (*lxc_attach_exec_t)(void *payload);

typedef struct lxc_groups_t {
	size_t size;
	gid_t *list;
} lxc_groups_t;
#define LXC_ATTACH_DETECT_PERSONALITY ~0L

typedef struct lxc_attach_options_t {
	int attach_flags;
	int namespaces;	   /* CLONE_NEW… to enter; -1: all that the container has of its own */
	long personality;  /* LXC_ATTACH_DETECT_PERSONALITY: the container's */
	char *initial_cwd; /* in the container; NULL: the caller's path, else "/" */
	uid_t uid;	   /* (uid_t)-1: root of the container */
	gid_t gid;	   /* (gid_t)-1: the group of that */
	lxc_attach_env_policy_t env_policy;
	char **extra_env_vars; /* "NAME=VALUE", NULL-terminated */
	char **extra_keep_env; /* names that LXC_ATTACH_CLEAR_ENV leaves */
	int stdin_fd, stdout_fd, stderr_fd;
	int log_fd; /* with LXC_ATTACH_TERMINAL: what it shows is copied there; negative: nowhere */
	char *lsm_label;
	lxc_groups_t groups;
} lxc_attach_options_t;

/* clang-format off */
#define LXC_ATTACH_OPTIONS_DEFAULT                            \
	{                                                     \
		.attach_flags = LXC_ATTACH_DEFAULT,           \
		.namespaces = -1,                             \
		.personality = LXC_ATTACH_DETECT_PERSONALITY, \
		.initial_cwd = NULL,                          \
		.uid = (uid_t)-1,                             \
		.gid = (gid_t)-1,                             \
		.env_policy = LXC_ATTACH_KEEP_ENV,            \
		.extra_env_vars = NULL,                       \
		.extra_keep_env = NULL,                       \
		.stdin_fd = 0,                                \
		.stdout_fd = 1,                               \
		.stderr_fd = 2,                               \
		.log_fd = -EBADF,                             \
		.lsm_label = NULL,                            \
		.groups = { .size = 0, .list = NULL },        \
	}
/* clang-format on */

typedef struct lxc_attach_command_t {
	char *program;
	char **argv; /* argv[0] included, NULL-terminated */
} lxc_attach_command_t;

/* For attach(): executes the lxc_attach_command_t that PAYLOAD is; 127 when there is no such program, 126 when it cannot
 * be executed. */
extern int lxc_attach_run_command(void *payload);
/* For attach(): the login shell of the user, as the container's /etc/passwd has it, else /bin/sh. */
extern int lxc_attach_run_shell(void *payload);

#ifdef __cplusplus
}
#endif

#endif
