/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside src/dialect/oci only: what the two files of `linux.resources` share. */

#include "dialect/oci/rows.h"

/* A control file in the words of version 1 or 2, after those there are. */
int oci_add_item(struct oci_reader *rd, uint32_t version, const char *key, const char *value, struct err *e);
int oci_add_itemf(struct oci_reader *rd, const char *key, struct err *e, const char *fmt, ...) _printf_(4, 5);

/* Its file; "" of one in other words, or of which only a half was said. */
const char *oci_item_key(const struct spec_cgroup_item *i, uint32_t version);

/* The save of any kind that is one number in the file .text. */
int oci_number_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e);

bool oci_is_hugepage(const char *key);

extern const struct oci_kind oci_kind_device_rules, oci_kind_hugepages, oci_kind_rdma;
extern const struct oci_row oci_rows_block_io[], oci_rows_network[];
