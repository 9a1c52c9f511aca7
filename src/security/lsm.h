/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside the LSM part: where its files lie, so that tests can bring their own, and what each module has to offer. */

#include "base/buf.h"
#include "security/security.h"

struct lsm_host {
	const char *sys;    /* sysfs, with securityfs and selinuxfs in their places */
	const char *proc;   /* procfs */
	const char *cache;  /* compiled profiles; a directory of ours, made when needed */
	const char *parser; /* apparmor_parser */
};
extern const struct lsm_host lsm_this_host;

enum lsm_kind lsm_active_on(const struct lsm_host *h);
int lsm_prepare_on(const struct lsm_host *h, const struct lsm_want *w, char **ret_label, char **ret_loaded,
		   struct err *e);
int lsm_unload_on(const struct lsm_host *h, const char *profile, struct err *e);

bool apparmor_active(const struct lsm_host *h);
int apparmor_prepare(const struct lsm_host *h, const struct lsm_want *w, char **ret_label, char **ret_loaded,
		     struct err *e);
int apparmor_unload(const struct lsm_host *h, const char *profile, struct err *e);

bool selinux_active(const struct lsm_host *h);
int selinux_prepare(const struct lsm_host *h, const struct lsm_want *w, char **ret_label, struct err *e);

/* Name and text of the profile that is made for a container. */
int apparmor_profile_name(const char *container, char **ret, struct err *e);
int apparmor_profile_text(const struct lsm_want *w, const char *name, struct buf *out, struct err *e);

/* The profile of containers that do without mounting: made when it is not loaded. */
#define APPARMOR_SHARED "creel-default"
int apparmor_shared_text(const char *name, struct buf *out, struct err *e);

/* Loads the profile NAME, compiling TEXT unless the same text was compiled before. */
int apparmor_load(const struct lsm_host *h, const char *name, const char *text, struct err *e);
