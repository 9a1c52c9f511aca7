/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The dialect's keys for those who explain them: manual pages, completions. From the tables that the reader uses. */

#include "spec/field.h"

struct lxc_doc {
	const char *key;	   /* "lxc.cap.drop"; of a family it ends in '.': "lxc.cgroup2." */
	const char *def;	   /* NULL: not set */
	const struct field *field; /* meaning and kind; NULL: none (lxc.include, lxc.hook) */
	const char *now;	   /* legacy: the key of today; "" when there is none any more */
};

/* The Ith key, in the order of the table; -ENOENT past the last. */
int lxc_doc_key(size_t i, struct lxc_doc *ret);
/* The Ith key below lxc.net.N, without that: "ipv4.address". */
int lxc_doc_net_key(size_t i, struct lxc_doc *ret);
