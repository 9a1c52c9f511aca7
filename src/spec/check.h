/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Grammars of single values, for the field table's .check column. Each returns 0, or -EINVAL with the message
 * "expected …, not '…'". They look at the text only: what exists on this host is the compiler of the plan's business.
 */

#include "base/err.h"

int check_hostname(const char *v, struct err *e);
int check_label(const char *v, struct err *e);	  /* no blank, no quote: it stands quoted among mount options */
int check_ifname(const char *v, struct err *e);	  /* 1–15 bytes, no blank, no slash */
int check_link(const char *v, struct err *e);	  /* the same, or PREFIX+ */
int check_hwaddr(const char *v, struct err *e);	  /* six pairs of hex digits or x */
int check_ipv4(const char *v, struct err *e);	  /* A[/P][ BROADCAST] */
int check_ipv6(const char *v, struct err *e);	  /* A[/P] */
int check_gateway4(const char *v, struct err *e); /* A, auto, dev */
int check_gateway6(const char *v, struct err *e);
int check_route4(const char *v, struct err *e); /* A/P */
int check_route6(const char *v, struct err *e);
int check_veth_vlan(const char *v, struct err *e);   /* none, 0–4094 */
int check_vlan(const char *v, struct err *e);	     /* 0–4094 */
int check_idmap(const char *v, struct err *e);	     /* NSID HOSTID RANGE */
int check_cpus(const char *v, struct err *e);	     /* "0-3,7" */
int check_syscall_arg(const char *v, struct err *e); /* INDEX OP VALUE [VALUE2] */
int check_id(const char *v, struct err *e);	     /* decimal, below 2^32 - 1 */
int check_env(const char *v, struct err *e);	     /* NAME[=VALUE] */
int check_kv(const char *v, struct err *e);	     /* NAME=VALUE */
int check_key_file(const char *v, struct err *e);    /* NAME=VALUE, NAME a dotted or slashed path without ".." */
int check_cap(const char *v, struct err *e);	     /* lower-case word, or number */
int check_cap_keep(const char *v, struct err *e);    /* the same, or none */
int check_mount_auto(const char *v, struct err *e);
int check_cgroup_dir(const char *v, struct err *e);  /* relative, no ".." */
int check_cgroup_key(const char *v, struct err *e);  /* one file name */
int check_component(const char *v, struct err *e);   /* one name of a path */
int check_time_offset(const char *v, struct err *e); /* [-]N UNIT */
int check_log_level(const char *v, struct err *e);
int check_rlimit(const char *v, struct err *e);
int check_proxy(const char *v, struct err *e); /* unix:PATH or unix:@NAME */
int check_word(const char *v, struct err *e);  /* no blanks */
int check_line(const char *v, struct err *e);  /* no control characters */
