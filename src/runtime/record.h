/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is known of a container while it runs: /run/creel/<id>/ (or $XDG_RUNTIME_DIR/creel/<id>/ for an ordinary user).
 *
 *   spec      the resolved model (spec_dump), written once before the first operation
 *   state     the record below, one "key=value" a line, replaced by rename at each change
 *   events    one line per state change, appended: "SEQ STATE UNIX_NS [STATUS]"; those who wait follow it (inotify)
 *   journal   what has been done to the host and how to undo it, appended before each operation
 *   seccomp   the compiled filter, for those who enter
 *   device-N  a node that is mounted where a user name space may make none
 *   sock      the keeper's socket (SOCK_SEQPACKET, mode 0600)
 *
 * After a stop only `state` (with the exit status) and `events` stay, until the container is destroyed, started again
 * or the host reboots; an undefined container (lxc-execute) leaves nothing. Everything that lists, enters, stops or
 * measures reads this and never the dialect the container came from.
 *
 * The id is the name for containers of the default lxcpath, NAME@<16 hex digits> (FNV-1a 64 of the path) for others.
 *
 * A container of an OCI runtime's own root (--root) has its directory there, ROOT/NAME, and a link to it among all the
 * others: /run/creel/NAME@<digits of ROOT>.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strv.h"

/* LXC's numbering (its command protocol and API carry it). */
enum run_state {
	RUN_STOPPED = 0,
	RUN_STARTING = 1,
	RUN_RUNNING = 2,
	RUN_STOPPING = 3,
	RUN_ABORTING = 4,
	RUN_FREEZING = 5,
	RUN_FROZEN = 6,
	RUN_THAWED = 7,
	RUN_STATE_MAX
};
extern const char *const run_state_names[];		 /* "STOPPED" …, NULL-terminated */
int run_state_parse(const char *s, enum run_state *ret); /* any case; 0 or -EINVAL */

struct record {
	char *id, *name, *lxcpath; /* lxcpath NULL: not an LXC container */
	char *config;		   /* the file it was loaded from, NULL: none */
	enum run_state state;
	pid_t pid;	    /* init, in the host's pid name space; 0: none */
	uint64_t pid_start; /* its start time: pid + start name a process for ever */
	pid_t keeper;	    /* 0: none */
	uint64_t keeper_start;
	int64_t started_ns; /* realtime */
	uint32_t ns_cloned; /* mask of NS_x that are the container's own */
	char *cgroup;	    /* payload path in every hierarchy */
	char *lsm_label;
	uint64_t cap_mask; /* bounding set */
	bool has_userns;
	uint32_t ttys;	      /* allocated */
	struct strv host_ifs; /* host ends of veth pairs, by interface index; "-" where there is none */
	struct strv links;   /* "PARENT NAME" of what lies on a device of the host or was one, "-": it is in host_ifs */
	int32_t exit_status; /* wait status of the last init, -1: none yet */
	uint32_t restarts;

	/* Of a container that an OCI runtime made; such a one has no lxcpath. */
	char *bundle;	     /* absolute; NULL: not one of those */
	char *version;	     /* ociVersion of its config.json */
	char *root;	     /* the runtime's --root, NULL: the run directory of all */
	int64_t created_ns;  /* realtime, 0: not yet */
	bool systemd_cgroup; /* its group is a scope of systemd's */

	char *data; /* data root of a container that an image was made into; such a one has no lxcpath. NULL: not one of those */
};

void record_done(struct record *r);
#define _cleanup_record_ _cleanup_(record_done)

/* Run directory of all containers ("/run/creel"), created 0711 where DO_MAKE. free(). */
int run_dir(bool do_make, char **ret, struct err *e);
/* Id of a container. free(). */
int record_id(const char *lxcpath, const char *name, char **ret, struct err *e);

/* FNV-1a 64 of a text. LXC's names of sockets have it, too. */
uint64_t record_hash(const char *s);

/* O_DIRECTORY fd of /run/creel/ID; -ENOENT when there is none. MAKE creates it (0700). */
int record_open_dir(const char *id, bool do_make, struct err *e);

/* The same for a container of an OCI runtime's ROOT: ROOT/NAME, made 0700 along with ROOT and with the link among the others.
 * MAKE: -EEXIST (ERR_EXISTS) when it is there already. */
int record_open_root(const char *root, const char *name, bool do_make, struct err *e);
/* Removes ROOT/NAME and the link to it. */
int record_forget_root(const char *root, const char *name, struct err *e);

/* -ENOENT: never started since boot. A record whose processes are gone reads as RUN_STOPPED. A record that is FROZEN or
 * RUNNING is not checked against the freezer: the engine does that. */
int record_read(int dirfd, struct record *ret, struct err *e);
int record_write(int dirfd, const struct record *r, struct err *e);

/* Sets state, writes the record and appends to events. */
int record_set_state(int dirfd, struct record *r, enum run_state s, struct err *e);

/* True while init is the process that the record names. */
bool record_alive(const struct record *r);
/* True while its keeper lives: it supervises, cleans up, or starts again. */
bool record_kept(const struct record *r);

/* Exclusive lock for life-cycle operations of ID; fd (closing it unlocks), -EWOULDBLOCK when WAIT is false and it is
 * taken. Lives in <run_dir>/locks, so that it outlives the container's own directory. */
int record_lock(const char *id, bool wait, struct err *e);

/* Whether it has a file, held or not. */
bool record_lock_exists(const char *id);
/* Whether somebody holds that lock now. Changes nothing. */
bool record_locked(const char *id);
/* Waits for whoever holds it now; false: nobody does. */
bool record_await(const char *id);

/* Waits until one of STATES (mask of 1 << RUN_x) is or has been reached since the call. TIMEOUT_MS -1: for ever.
 * 1 reached (*RET_STATE), 0 time-out. Also works for containers that are not there yet. */
int record_wait(const char *id, unsigned states, int timeout_ms, enum run_state *ret_state, struct err *e);
/* On behalf of CLIENT, a connection (or -EBADF): over as soon as there is something to read, such as its end. Returns 0 then. */
int record_wait_for(const char *id, unsigned states, int timeout_ms, int client, enum run_state *ret_state,
		    struct err *e);
