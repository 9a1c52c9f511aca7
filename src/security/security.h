/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Policy: capabilities, seccomp, LSM labels, no_new_privs. Each is prepared on the host (may allocate, may fail with
 * a good message) into plain data, and applied on the child side by a function that neither allocates nor looks
 * names up. Order of application (design invariant 3): labels are written first, then bounding set, ids, the final
 * sets, no_new_privs and seccomp last.
 */

#include <linux/filter.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strv.h"

/* --- capabilities: masks of 1 << CAP_x ------------------------------------------------------------------------- */

/* "sys_admin", "cap_sys_admin", "CAP_SYS_ADMIN" or a number known to this kernel. */
int cap_parse(const char *name, unsigned *ret, struct err *e);
const char *cap_name(unsigned cap); /* "sys_admin"; NULL past the last */
unsigned cap_last(void);	    /* highest the running kernel knows */

/* Bounding set that results from a drop list or a keep list (one of them empty; keep of "none" is the empty set). */
int cap_mask(const struct strv *drop, const struct strv *keep, uint64_t *ret, struct err *e);

/* Child: drops what is not in MASK from the bounding set. */
int cap_apply_bounding(uint64_t mask);
/* Child: permitted = effective = MASK (limited to what is had), inheritable = ambient = 0. For uid 0 before exec. */
int cap_apply_final(uint64_t mask);
/* Child, last but seccomp: becomes UID with what it is due there: root the capabilities in MASK, anybody else none; nothing
 * inheritable, nothing ambient, whatever the caller had. FOR_SECCOMP keeps CAP_SYS_ADMIN until the exec, which loading
 * a filter without no_new_privs takes: the exec forgets it, given the bounding set and that nothing is inheritable. */
int cap_become(uid_t uid, uint64_t mask, bool for_seccomp);

/* The five sets one by one. Those of the first three that this process has not are not given; what is ambient must be
 * permitted and inheritable too, as the kernel has it. */
struct cap_five {
	uint64_t bounding, effective, permitted, inheritable, ambient;
};
/* The set that L lists ("none" or nothing: empty). What no kernel knows is left out: it can be given to nobody. */
int cap_list(const struct strv *l, uint64_t *ret, struct err *e);
/* Child: cap_become() for them; the bounding set has been applied by cap_apply_bounding(). After the exec anybody but root
 * is left with the ambient ones, unless the file says more. */
int cap_become_five(uid_t uid, const struct cap_five *c, bool for_seccomp);

/* The bounding set of a running process, from /proc/PID/status. */
int cap_bounding_of(pid_t pid, uint64_t *ret, struct err *e);

/* --- seccomp ---------------------------------------------------------------------------------------------------- */

struct seccomp_prog {
	struct sock_filter *insns; /* owned; NULL: no filter */
	unsigned short len;
	unsigned flags;	 /* SECCOMP_FILTER_FLAG_* */
	bool has_notify; /* a rule asks for the notify listener */
};
void seccomp_prog_done(struct seccomp_prog *p);

/* Compiles a policy file of LXC's version 1 or 2. Errors name file, line and what was expected. */
int seccomp_compile_file(const char *path, struct seccomp_prog *ret, struct err *e);
int seccomp_compile_text(const char *text, const char *path, struct seccomp_prog *ret, struct err *e);
/* The built-in policy for containers that name none but want one ("default"): refuses kernel modules, kexec, keyrings of
 * the host, AF_ALG and AF_VSOCK (also by socketcall), TIOCSTI/TIOCLINUX, userfaultfd, open_by_handle_at …
 * A filter cannot see what socketcall(2) is asked for, so that all its sockets are refused. C libraries of 32-bit x86
 * know no other way: a container of such programs wants the second form, which leaves socketcall alone. */
int seccomp_compile_default(struct seccomp_prog *ret, struct err *e);
int seccomp_compile_default_32bit(struct seccomp_prog *ret, struct err *e);
/* What P answers to a call: SECCOMP_RET_* with its data. */
struct seccomp_data;
uint32_t seccomp_verdict(const struct seccomp_prog *p, const struct seccomp_data *d);
/* Whether the call NAME is made, on this machine's own architecture. One that it has not is not. */
bool seccomp_lets_through(const struct seccomp_prog *p, const char *name, const uint64_t args[static 3]);
/* Child, last step: the caller has CAP_SYS_ADMIN in its user name space or no_new_privs set. *RET_NOTIFY_FD is the listener (O_CLOEXEC) when the policy has notify rules, else untouched. */
int seccomp_apply(const struct seccomp_prog *p, int *ret_notify_fd);
/* SECCOMP_FILTER_FLAG_* that this kernel takes, and whether it knows an action (SECCOMP_RET_*). */
unsigned seccomp_supported_flags(void);
bool seccomp_supports(uint32_t action);
/* One blob for the run directory, so that those who enter need no compiler: write/read in the caller's hands. */
int seccomp_prog_save(const struct seccomp_prog *p, int dirfd, const char *name, struct err *e);
int seccomp_prog_load(int dirfd, const char *name, struct seccomp_prog *ret, struct err *e); /* missing: empty, 0 */

/* --- LSM --------------------------------------------------------------------------------------------------------- */

enum lsm_kind { LSM_NONE, LSM_APPARMOR, LSM_SELINUX };
enum lsm_kind lsm_active(void);

/* Resolves what the container asks into the label to write, or NULL when nothing is to be written ("unchanged", no
 * LSM). NAME: "unconfined", "generated" (loads a profile made for CONTAINER; *RET_LOADED_PROFILE names what must be
 * unloaded afterwards), a profile; NULL: the default when it is loaded. Missing profile: error unless INCOMPLETE. */
struct lsm_want {
	const char *container;
	const char *apparmor_profile;
	bool apparmor_incomplete, apparmor_nesting;
	const struct strv *apparmor_raw;
	const char *selinux_context, *selinux_keyring;
};
int lsm_prepare(const struct lsm_want *w, char **ret_label, char **ret_loaded_profile, struct err *e);
int lsm_unload(const char *profile, struct err *e);

/* Child: writes LABEL for the next exec, below PROC_FD, a verified procfs directory fd (CVE-2019-16884). */
int lsm_apply_exec(enum lsm_kind kind, int proc_fd, const char *label);
/* The same, at once. */
int lsm_apply_now(enum lsm_kind kind, int proc_fd, const char *label);
/* Child: the label of keyrings that it makes until the next exec; SELinux only. */
int lsm_apply_keyring(int proc_fd, const char *label);
/* The label a process runs under now, free(). NULL when there is none. */
int lsm_label_of(pid_t pid, char **ret, struct err *e);
