/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * All containers of one host: what every command, the API and liblxc call. No function here prints.
 *
 * Order: engine_open → container_open (loads the config when there is one) → operations → container_free → engine_free.
 * Unless a function says otherwise it returns 0 or a negative errno with *e filled.
 */

#include <signal.h>

#include "base/buf.h"
#include "base/log.h"
#include "cgroup/cgroup.h"
#include "runtime/record.h"
#include "spec/spec.h"

struct engine_opts {
	const char *lxcpath; /* NULL: lxc.lxcpath of lxc.conf, else /var/lib/lxc (user: ~/.local/share/lxc) */
	const struct log *log;
	bool dry_run; /* every mutating call appends what it would do to .plan and changes nothing */
	struct buf *plan;
};
struct engine;
int engine_open(const struct engine_opts *o, struct engine **ret, struct err *e);
struct engine *engine_free(struct engine *g);
DEFINE_CLEANUP(struct engine *, engine_free);
const char *engine_lxcpath(const struct engine *g);
/* lxc.conf items: "lxc.lxcpath", "lxc.default_config", …; NULL: unknown item. "" is a known one that is not set. */
const char *engine_global(struct engine *g, const char *item);

struct container {
	struct engine *engine;
	char *name, *lxcpath, *id;
	char *dir;	   /* LXCPATH/NAME */
	char *config;	   /* the file it was or would be loaded from */
	bool defined;	   /* the config file exists */
	struct spec spec;  /* loaded, or the running container's own when it was started from another file */
	struct record rec; /* as of container_open() or container_refresh() */
};

enum { OPEN_MUST_EXIST = 1, OPEN_NO_CONFIG = 2 };
/* RCFILE: another config file, or NULL. MUST_EXIST: neither defined nor running is ERR_NOT_FOUND "NAME: no such
 * container". NO_CONFIG: do not read the config file (for commands that need the record only). */
int container_open(struct engine *g, const char *name, const char *rcfile, unsigned flags, struct container **ret,
		   struct err *e);
struct container *container_free(struct container *c);
DEFINE_CLEANUP(struct container *, container_free);
int container_refresh(struct container *c, struct err *e);
/* The state as LXC names it, freezer included. */
enum run_state container_state(struct container *c);
bool container_has_data(const struct container *c); /* it is one of an image */

struct start_opts {
	char *const *argv; /* command instead of lxc.init.cmd; NULL */
	bool foreground;   /* the caller is the supervisor and its terminal the console */
	bool execute;	   /* under creel-init as pid 1 (lxc-execute) */
	bool no_terminal;  /* foreground: do not touch the caller's terminal */
	const char *pidfile, *console, *console_log;
	bool close_all_fds;
	const char *share[NS_MAX];  /* container name, pid or path for --share-* */
	const char *const *defines; /* "key=value" lxc.conf assignments, NULL-terminated */
	int64_t uid, gid;	    /* -1: as the spec says */
	int timeout_ms;		    /* until RUNNING; 0: 60 s */
};
#define START_OPTS_INIT ((struct start_opts){ .uid = -1, .gid = -1 })
/* Foreground: *RET_STATUS is init's wait status. Detached: returns when init has been executed. */
int container_start(struct container *c, const struct start_opts *o, int *ret_status, struct err *e);

struct stop_opts {
	bool kill; /* at once */
	bool reboot;
	bool nowait, nokill;
	bool nolock;
	int timeout_s; /* -1: for ever, before the kill */
};
/* Not running: ERR_STATE. */
int container_stop(struct container *c, const struct stop_opts *o, struct err *e);
int container_freeze(struct container *c, bool freeze, struct err *e);
/* To its first process. */
int container_signal(struct container *c, int sig, struct err *e);

struct attach_opts {
	char *const *argv;				  /* NULL: the login shell of uid in the container's passwd */
	unsigned namespaces;				  /* mask of 1 << NS_x; 0: all the container's own */
	bool elevated_cap, elevated_cgroup, elevated_lsm; /* keep the caller's */
	bool remount;					  /* private /proc and /sys of the joined name spaces */
	bool clear_env;
	const char *const *keep_vars, *const *set_vars; /* NULL-terminated, may be NULL */
	const char *pty_log, *arch, *label, *cwd;
	int64_t uid, gid; /* -1: root of the container */
	bool no_pty;

	/* For programs that have us as a library: */
	int (*fn)(void *arg); /* in place of a command, see attach_req.fn */
	void *arg;
	bool label_now, no_new_privs, no_personality, force_pty;
	const unsigned long *personality; /* NULL: .arch, else the container's */
	const gid_t *groups;		  /* supplementary; NULL: none */
	size_t n_groups;
	const int *stdio; /* three fds, NULL: the caller's own */
	int pty_log_fd;	  /* where positive, instead of .pty_log */
};
#define ATTACH_OPTS_INIT ((struct attach_opts){ .uid = -1, .gid = -1 })
/* Runs the command inside and waits. *RET_STATUS: wait status. */
int container_attach(struct container *c, const struct attach_opts *o, int *ret_status, struct err *e);
/* Does not wait: *RET_PID is the caller's child. Where it failed later, that child has been waited for. */
int container_attach_start(struct container *c, const struct attach_opts *o, pid_t *ret_pid, struct err *e);

/* Connects the caller's terminal. TTY: 0 console, -1 first free, else that one. ESCAPE: control character ('\1'), -1 none.
 * Says which one through NOTIFY once connected. Returns when detached or when the tty is gone. */
int container_console(struct container *c, int tty, int escape, void (*notify)(void *arg, int tty), void *arg,
		      struct err *e);
/* The same with other fds than 0 and 1. */
int container_console_at(struct container *c, int in, int out, int tty, int escape, struct err *e);
/* Takes a terminal (not the console) for the caller: the returned fd keeps it taken, *RET_MASTER is its master. */
int container_take_tty(struct container *c, int tty, int *ret_tty, int *ret_master, struct err *e);

/* 1 reached, 0 time-out. */
int container_wait(struct container *c, unsigned states, int timeout_ms, enum run_state *ret, struct err *e);

int container_cgroup_get(struct container *c, const char *key, struct buf *out, struct err *e);
int container_cgroup_set(struct container *c, const char *key, const char *value, struct err *e);
/* Every process in it, as the host counts them. *RET: free(). */
int container_pids(struct container *c, pid_t **ret, size_t *ret_n, struct err *e);
int container_stats(struct container *c, struct cg_stats *ret, struct err *e);
/* Addresses in the container's network name space, "IF FAMILY ADDRESS" lines: strv of "eth0 4 10.0.3.5". */
int container_ips(struct container *c, struct strv *ret, struct err *e);
/* Bytes through the interface NAME inside. */
int container_if_stats(struct container *c, const char *name, uint64_t *ret_rx, uint64_t *ret_tx, struct err *e);
/* Value of an lxc.conf key: of the running container when it runs, else of the config. One line per element. */
int container_config_get(struct container *c, const char *key, struct buf *out, struct err *e);

/* What personality(2) takes for an architecture as lxc.arch names it. */
int engine_personality(const char *arch, unsigned long *ret, struct err *e);

struct store_opts;
struct create_opts {
	const char *template;		/* name or absolute path; NULL: a configuration and no root file system */
	const char *config;		/* NULL: lxc.default_config */
	const char *text;		/* a configuration's text, in place of CONFIG; NULL */
	const char *bdev;		/* NULL: dir */
	const char *dir;		/* --dir */
	const struct store_opts *store; /* store/store.h; NULL: defaults of lxc.conf. Its dir does not count */
	char *const *argv;		/* the template's own arguments, may be NULL */
	bool quiet;
	bool adopt; /* a folder and a configuration that are there already are used, and stay when it fails */
};
/* The template's output goes to the caller's stdout and stderr. A failed or interrupted create leaves nothing; what
 * is left of one that was killed is no container, and goes with the next of that name. */
int container_create(struct container *c, const struct create_opts *o, struct err *e);
/* -EBUSY for one that is under way, or was killed half-way. */
int container_check_finished(const struct container *c, struct err *e);
/* The program behind a template's name, or an absolute path that is one. *RET: free(). */
int engine_template(const char *name, char **ret, struct err *e);
int container_destroy(struct container *c, bool force, struct err *e);
/* The plan of a start as text; changes nothing. */
int container_plan(struct container *c, const struct start_opts *o, struct buf *out, struct err *e);
/* The container in a dialect's words ("lxc", "oci"). What cannot be said there follows as comment lines, or where the
 * dialect has none is added to UNSAID, a "field=value" each. */
int container_show(struct container *c, const char *dialect, struct buf *out, struct strv *unsaid, struct err *e);

/* The keeper's helper (hidden command keeper-exit): init of the container with this id has gone with wait status STATUS.
 * Cleans up; after a reboot from inside starts again, handing over through the keeper's control socket CTL_FD. */
int engine_keeper_exit(const char *id, int status, int ctl_fd, const struct log *log, struct err *e);

/* For templates (hidden command copy-tree): copies FROM to TO, which must not exist; nothing is left on failure. */
int engine_copy_tree(const char *from, const char *to, struct err *e);

/* Names of this lxcpath's containers, sorted. WHICH: mask. */
enum { LIST_DEFINED = 1, LIST_ACTIVE = 2 };
int engine_list(struct engine *g, unsigned which, struct strv *ret, struct err *e);

/* What is left of dead containers; with FIX it is removed. One line per finding. *RET_N: how many. */
int engine_doctor(struct engine *g, bool fix, struct buf *report, unsigned *ret_n, struct err *e);
/* The host's bridge: "up", "down", "status". */
int engine_net(struct engine *g, const char *verb, struct buf *report, struct err *e);
