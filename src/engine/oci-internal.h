/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between the engine's OCI files. */

#include "engine/internal.h"
#include "engine/oci.h"

struct oci {
	char *root;  /* absolute */
	bool shared; /* the run directory of all */
	const struct log *log;
	bool systemd_cgroup, no_cgroup, crun;
	struct cg_oci cg_oci;	 /* how its groups are made */
	struct cg_host *cg_host; /* probed on first use */
};

int oci_cgroups(struct oci *r, struct cg_host **ret, struct err *e);

/* As runc has it: letters, digits and "+-._", not "." nor "..", at most 1024; and a file's name. */
int oci_name_check(const char *name, struct err *e);

/* The state directory of NAME: ROOT/NAME. *RET_ID: its id among all, free(). MAKE: -EEXIST when there is one. */
int oci_open_dir(struct oci *r, const char *name, bool make, struct err *e);
int oci_id(struct oci *r, const char *name, char **ret, struct err *e);
int oci_dir_path(struct oci *r, const char *name, const char *id, char **ret, struct err *e);
/* Removes it, and the lock's file. The lock is the caller's. */
int oci_forget(struct oci *r, const char *name, const char *id, struct err *e);

/* Kills what is left of a container that ends, undoes its journal, removes its directory. */
int oci_destroy(struct oci_container *c, struct err *e);

/* The poststart hooks of a container that was just started. One that fails ends it, as it does with runc. */
int oci_poststart(struct oci *r, const struct spec *spec, const struct record *rec, struct err *e);

/* --- oci-io.c: what is handed to the caller ------------------------------------------------------------------------- */

/* Address of a socket, "@NAME" an abstract one. *RET_AT: an fd that it needs, or -EBADF; the caller's. */
struct sockaddr_un;
int oci_address(const char *socket, struct sockaddr_un *ret, unsigned *ret_len, int *ret_at, struct err *e);
/* Connects to SOCKET. An fd. */
int oci_connect(const char *socket, const char *what, struct err *e);
/* One message: NAME, and FD along with it. */
int oci_send_fd(int sock, const char *name, int fd, const char *what, struct err *e);
/* Name of the terminal whose master is FD, in its own instance. */
void oci_pts_name(int fd, char buf[static 32]);
/* PID as text, in a file that appears whole. */
int oci_write_pidfile(const char *path, pid_t pid, struct err *e);
/* What a seccomp listener is told of process PID, and its fd. FD is ours: closed in any case. */
int oci_send_listener(const struct oci *r, const struct spec *spec, const struct record *rec, const char *status,
		      pid_t pid, int fd, struct err *e);
/* Waits for PID, a child, and passes on to it what signals we get; all are blocked. With REAP also what else becomes our
 * child. MASTER: of its terminal, relayed to ours, -EBADF: none. NOTIFY may be NULL. Wait status. */
struct oci_notify;
int oci_wait_child(pid_t pid, bool reap, int master, struct oci_notify *notify);
/* LISTEN_FDS of the environment, 0 where it is not for us. */
unsigned oci_listen_fds(void);
/* The N fds after those of LISTEN_FDS are open. (Of the latter nobody has said that they are.) */
int oci_check_fds(unsigned n, struct err *e);

/* --- oci-crun.c ---------------------------------------------------------------------------------------------------- */

int oci_crun_status(const struct oci_container *c, const struct record *rec, bool detached, struct err *e);

/* --- oci-notify.c: sd_notify(3) of a container ------------------------------------------------------------------------ */

/* Between the container and the NOTIFY_SOCKET that our caller gave us. */
struct oci_notify {
	int fd;		  /* what the container says; -EBADF: nobody asked */
	const char *host; /* who is told */
	const struct log *log;
	bool told;
};
/* S gets the mount of DIR/notify, and the environment, for a container that we are asked to listen to. 1 then, else 0. */
int oci_notify_spec(struct spec *s, const char *dir, bool crun, struct err *e);
int oci_notify_make_dir(int dirfd, struct err *e);
/* Listens, where S says that there is a place for it in the container's state directory. */
int oci_notify_listen(struct oci_notify *n, const struct spec *s, int dirfd, const struct log *log, struct err *e);
/* Reads what has come; once it says that it is ready, that and MAIN_PID are told. */
void oci_notify_take(struct oci_notify *n, pid_t main_pid, bool barrier);
/* Until the container is ready, or its first process gone. */
void oci_notify_wait(struct oci_notify *n, const struct record *rec);
void oci_notify_done(struct oci_notify *n);
