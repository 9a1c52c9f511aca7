/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef __LXC_CONTAINER_H
#define __LXC_CONTAINER_H

/*
 * The C interface of liblxc.so.1: containers as objects with functions in them.
 *
 * Order: lxc_container_new() → the object's functions, its first argument always the object → lxc_container_put(). The
 * layout is liblxc's (it only ever grew at its end), so programs built with either header work with either library.
 *
 * Where no more is said a function returns true or 0 for success and false or a negative number for failure; then
 * error_num and error_string say what failed. Strings and arrays of strings that are returned are the caller's (free()),
 * const ones are not. Different threads may use different objects, and the same one.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <lxc/attach_options.h>

#ifdef __cplusplus
extern "C" {
#endif

/* clone(): flags */
#define LXC_CLONE_KEEPNAME	 (1 << 0) /* the host name in the root file system stays */
#define LXC_CLONE_KEEPMACADDR	 (1 << 1) /* hardware addresses stay */
#define LXC_CLONE_SNAPSHOT	 (1 << 2) /* share the original's storage */
#define LXC_CLONE_KEEPBDEVTYPE	 (1 << 3) /* the same kind of storage */
#define LXC_CLONE_MAYBE_SNAPSHOT (1 << 4) /* share where the storage can, else copy */
#define LXC_CLONE_MAXFLAGS	 (1 << 5)
#define LXC_CLONE_ALLOW_RUNNING	 (1 << 6) /* the original may run */

/* create(): flags */
#define LXC_CREATE_QUIET    (1 << 0) /* nothing of the template's output */
#define LXC_CREATE_MAXFLAGS (1 << 1)

#define LXC_MOUNT_API_V1    1

struct bdev_specs;
struct lxc_console_log;
struct lxc_lock;
struct lxc_snapshot;
struct migrate_opts;

struct lxc_mount {
	int version; /* LXC_MOUNT_API_V1 */
};

struct lxc_container {
	/* private */
	char *name;
	char *configfile;
	char *pidfile; /* where start() writes the supervisor's pid; free()d with the object */
	struct lxc_lock *slock;
	struct lxc_lock *privlock;
	int numthreads;		   /* references */
	struct lxc_conf *lxc_conf; /* NULL: no configuration in memory */

	/* public */
	char *error_string;
	int error_num;
	bool daemonize;
	char *config_path; /* the lxcpath */

	/* The configuration file exists. */
	bool (*is_defined)(struct lxc_container *c);
	/* "STOPPED", "STARTING", "RUNNING", "STOPPING", "ABORTING", "FREEZING", "FROZEN", "THAWED" */
	const char *(*state)(struct lxc_container *c);
	/* In any state but STOPPED. */
	bool (*is_running)(struct lxc_container *c);
	bool (*freeze)(struct lxc_container *c);
	bool (*unfreeze)(struct lxc_container *c);
	/* As the caller sees it, -1: it does not run. */
	pid_t (*init_pid)(struct lxc_container *c);
	/* Adds the file's configuration to that in memory. ALT_FILE NULL: the container's own. */
	bool (*load_config)(struct lxc_container *c, const char *alt_file);
	/* ARGV NULL: lxc.init.cmd, else /sbin/init. USEINIT: below creel's own init, as lxc-execute does it; ARGV NULL:
	 * lxc.execute.cmd. Detached (see want_daemonize) it returns when init runs; else when it has ended, with
	 * error_num what waitpid() would say of it. */
	bool (*start)(struct lxc_container *c, int useinit, char *const argv[]);
	bool (*startl)(struct lxc_container *c, int useinit, ...);
	/* By force. True as well when it did not run. */
	bool (*stop)(struct lxc_container *c);
	bool (*want_daemonize)(struct lxc_container *c, bool state);
	bool (*want_close_all_fds)(struct lxc_container *c, bool state);
	/* Path of the configuration file. */
	char *(*config_file_name)(struct lxc_container *c);
	/* STATE: names, joined by '|'. TIMEOUT in seconds, -1: for ever. False also for a time-out. */
	bool (*wait)(struct lxc_container *c, const char *state, int timeout);
	/* As a line "KEY = VALUE" would: what is a list gets longer, an empty VALUE clears. In memory only. */
	bool (*set_config_item)(struct lxc_container *c, const char *key, const char *value);
	/* It must not run, and nothing may depend on it. */
	bool (*destroy)(struct lxc_container *c);
	/* ALT_FILE NULL: the container's own; it is then defined. */
	bool (*save_config)(struct lxc_container *c, const char *alt_file);
	/* T: template, NULL: none. BDEVTYPE: "dir", "btrfs", …, NULL: "dir". The configuration in memory is what it begins
	 * with, or else that of lxc.default_config. ARGV (may be NULL): the template's own arguments. */
	bool (*create)(struct lxc_container *c, const char *t, const char *bdevtype, struct bdev_specs *specs,
		       int flags, char *const argv[]);
	bool (*createl)(struct lxc_container *c, const char *t, const char *bdevtype, struct bdev_specs *specs,
			int flags, ...);
	/* The object keeps the old name: make another for the new one. */
	bool (*rename)(struct lxc_container *c, const char *newname);
	/* Sends lxc.signal.reboot (SIGINT) and returns. */
	bool (*reboot)(struct lxc_container *c);
	/* Sends lxc.signal.halt (SIGPWR), waits TIMEOUT seconds (-1: for ever, 0: not at all) for its end. */
	bool (*shutdown)(struct lxc_container *c, int timeout);
	/* Forgets the configuration in memory. */
	void (*clear_config)(struct lxc_container *c);
	bool (*clear_config_item)(struct lxc_container *c, const char *key);
	/* At most INLEN bytes with the final NUL into RETV (NULL: nothing). Returns the length of the whole value, or a
	 * negative number for a key that does not exist. A list has one line for each element. */
	int (*get_config_item)(struct lxc_container *c, const char *key, char *retv, int inlen);
	/* What the running container was started with; NULL when it does not run. */
	char *(*get_running_config_item)(struct lxc_container *c, const char *key);
	/* Names of keys, a line each, as get_config_item gives values. KEY NULL: all; "lxc.hook": what follows it. */
	int (*get_keys)(struct lxc_container *c, const char *key, char *retv, int inlen);
	/* NULL-terminated, sorted; NULL when there are none. */
	char **(*get_interfaces)(struct lxc_container *c);
	/* INTERFACE NULL: all but lo. FAMILY: "inet", "inet6", NULL: both. SCOPE: of IPv6 addresses, 0: those that are
	 * not of one link, else an interface's index: those of its link. */
	char **(*get_ips)(struct lxc_container *c, const char *interface, const char *family, int scope);
	/* "memory.max": a file of its control group. Like get_config_item. */
	int (*get_cgroup_item)(struct lxc_container *c, const char *subsys, char *retv, int inlen);
	bool (*set_cgroup_item)(struct lxc_container *c, const char *subsys, const char *value);
	const char *(*get_config_path)(struct lxc_container *c);
	bool (*set_config_path)(struct lxc_container *c, const char *path);
	/* NEWNAME NULL: the same name (in another LXCPATH). LXCPATH NULL: the same. HOOKARGS: for lxc.hook.clone. */
	struct lxc_container *(*clone)(struct lxc_container *c, const char *newname, const char *lxcpath, int flags,
				       const char *bdevtype, const char *bdevdata, uint64_t newsize, char **hookargs);
	/* A terminal: *TTYNUM -1 the first that is free, and then which it is. *PTXFD is its master. Returns an fd that keeps
	 * it taken until it is closed, or -1. */
	int (*console_getfd)(struct lxc_container *c, int *ttynum, int *ptxfd);
	/* Joins a terminal (0: the console, -1: the first free) and three fds until ESCAPE (1: Ctrl-a … 26) and 'q' are
	 * typed or either side hangs up. */
	int (*console)(struct lxc_container *c, int ttynum, int stdinfd, int stdoutfd, int stderrfd, int escape);
	/* Runs EXEC_FUNCTION in a new process in the container. *ATTACHED_PROCESS is its pid, the caller's child: to be
	 * waited for. OPTIONS NULL: the defaults. */
	int (*attach)(struct lxc_container *c, lxc_attach_exec_t exec_function, void *exec_payload,
		      lxc_attach_options_t *options, pid_t *attached_process);
	/* Wait status of PROGRAM, or a negative number. */
	int (*attach_run_wait)(struct lxc_container *c, lxc_attach_options_t *options, const char *program,
			       const char *const argv[]);
	int (*attach_run_waitl)(struct lxc_container *c, lxc_attach_options_t *options, const char *program,
				const char *arg, ...);
	/* Number N of the new snapshot "snapN". COMMENTFILE (may be NULL) is copied. */
	int (*snapshot)(struct lxc_container *c, const char *commentfile);
	/* How many; *SNAPSHOTS: one array (free()), after calling free() of each. */
	int (*snapshot_list)(struct lxc_container *c, struct lxc_snapshot **snapshots);
	/* NEWNAME NULL or its own name: the container becomes the snapshot. */
	bool (*snapshot_restore)(struct lxc_container *c, const char *snapname, const char *newname);
	bool (*snapshot_destroy)(struct lxc_container *c, const char *snapname);
	/* The caller may do something with it; true as well when it does not run. */
	bool (*may_control)(struct lxc_container *c);
	/* DEST_PATH NULL: SRC_PATH. It must run. */
	bool (*add_device_node)(struct lxc_container *c, const char *src_path, const char *dest_path);
	bool (*remove_device_node)(struct lxc_container *c, const char *src_path, const char *dest_path);
	/* Moves an interface of the host in as DST_DEV (NULL: the same name); and out again. */
	bool (*attach_interface)(struct lxc_container *c, const char *dev, const char *dst_dev);
	bool (*detach_interface)(struct lxc_container *c, const char *dev, const char *dst_dev);
	bool (*checkpoint)(struct lxc_container *c, char *directory, bool stop, bool verbose);
	bool (*restore)(struct lxc_container *c, char *directory, bool verbose);
	bool (*destroy_with_snapshots)(struct lxc_container *c);
	bool (*snapshot_destroy_all)(struct lxc_container *c);
	/* CMD: MIGRATE_*. SIZE: of *OPTS as the caller knows it. */
	int (*migrate)(struct lxc_container *c, unsigned int cmd, struct migrate_opts *opts, unsigned int size);
	/* The last that the console showed, as much as lxc.console.buffer.size says. -EFAULT: no such buffer. -ENODATA: it
	 * is empty. */
	int (*console_log)(struct lxc_container *c, struct lxc_console_log *log);
	/* As shutdown, until it runs again. */
	bool (*reboot2)(struct lxc_container *c, int timeout);
	/* As mount(2), of a path on the host, into the running container. SOURCE NULL: a new FILESYSTEMTYPE. */
	int (*mount)(struct lxc_container *c, const char *source, const char *target, const char *filesystemtype,
		     unsigned long mountflags, const void *data, struct lxc_mount *mnt);
	int (*umount)(struct lxc_container *c, const char *target, unsigned long mountflags, struct lxc_mount *mnt);
	int (*seccomp_notify_fd)(struct lxc_container *c);
	int (*seccomp_notify_fd_active)(struct lxc_container *c);
	/* fds of the running container's, the caller's to close; negative: -errno */
	int (*init_pidfd)(struct lxc_container *c);
	int (*devpts_fd)(struct lxc_container *c);

	int rcv_timeout;
	/* How long a question may take, in seconds; -1: as long as it does. */
	bool (*set_timeout)(struct lxc_container *c, int timeout);
};

struct lxc_snapshot {
	char *name;
	char *comment_pathname;		      /* NULL: cannot be said */
	char *timestamp;		      /* "2024:05:31 12:00:00" */
	char *lxcpath;			      /* of the snapshots */
	void (*free)(struct lxc_snapshot *s); /* what is in it, not itself */
};

struct bdev_specs {
	char *fstype;
	uint64_t fssize; /* bytes */
	struct {
		char *zfsroot;
	} zfs;
	struct {
		char *vg;
		char *lv;
		char *thinpool;
	} lvm;
	char *dir;
	struct {
		char *rbdname;
		char *rbdpool;
		char *rbduser;
	} rbd;
};

enum {
	MIGRATE_PRE_DUMP,
	MIGRATE_DUMP,
	MIGRATE_RESTORE,
	MIGRATE_FEATURE_CHECK,
};

#define FEATURE_MEM_TRACK  (1ULL << 0)
#define FEATURE_LAZY_PAGES (1ULL << 1)

struct migrate_opts {
	char *directory;
	bool verbose;
	bool stop;	   /* after the dump */
	char *predump_dir; /* relative to .directory */
	char *pageserver_address;
	char *pageserver_port;
	bool preserves_inodes;
	char *action_script;
	bool disable_skip_in_flight;
	uint64_t ghost_limit; /* bytes of a deleted file that is kept */
	uint64_t features_to_check;
};

struct lxc_console_log {
	bool clear;
	bool read;
	uint64_t *read_max; /* in: at most, 0: all; out: how many */
	char *data;	    /* out: free() */
};

/* CONFIGPATH NULL: lxc.lxcpath. Loads the configuration when there is one; NULL when that is wrong. */
struct lxc_container *lxc_container_new(const char *name, const char *configpath);
/* One more reference: 1; 0 when the last one is going. */
int lxc_container_get(struct lxc_container *c);
/* One less: 1 when it was the last, 0 when not, -1 for NULL. */
int lxc_container_put(struct lxc_container *c);

/* How many states there are; STATES (may be NULL) has room for their names. */
int lxc_get_wait_states(const char **states);
/* An item of lxc.conf: "lxc.lxcpath". NULL: there is none of that name. */
const char *lxc_get_global_config_item(const char *key);
const char *lxc_get_version(void);

/* How many containers LXCPATH (NULL: the default) has, or -1. NAMES, CRET (each may be NULL): arrays of as many, sorted;
 * the caller's to free(), each element by free() or lxc_container_put(). */
int list_defined_containers(const char *lxcpath, char ***names, struct lxc_container ***cret);
int list_active_containers(const char *lxcpath, char ***names, struct lxc_container ***cret);
int list_all_containers(const char *lxcpath, char ***names, struct lxc_container ***cret);

struct lxc_log {
	const char *name; /* of the container, for the line's head */
	const char *lxcpath;
	const char *file;   /* NULL: none */
	const char *level;  /* "TRACE" … "FATAL"; NULL: ERROR */
	const char *prefix; /* of the program, for the line's head */
	bool quiet;	    /* errors are not printed as well */
};
/* For the whole process, until lxc_log_close(). 0, or -1. */
int lxc_log_init(struct lxc_log *log);
void lxc_log_close(void);

bool lxc_config_item_is_supported(const char *key);
bool lxc_has_api_extension(const char *extension);

#ifdef __cplusplus
}
#endif

#endif
