/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Inside src/dialect/lxc only: lines of text into a spec, and the limits of what is read. */

#include "dialect/lxc/lxc.h"

#define LXC_LINE_MAX	  (1u << 20)
#define LXC_FILE_MAX	  (16u << 20)
#define LXC_INCLUDE_DEPTH 16
#define LXC_INCLUDE_FILES 1024

struct lxc_line {
	char *key, *value;
};

/* LINE (NUL-terminated, without its newline) taken apart in place: 1 with *RET filled, 0 for a comment, a blank line
 * or one that is not ours, -EINVAL. */
int lxc_line_split(char *line, struct lxc_line *ret, struct err *e);
/* The value as the reader takes it: blanks around it and one pair of quotes are gone. In place. */
char *lxc_value_trim(char *value);

/* One load: the file it begins with and all that is included. */
struct lxc_reader {
	unsigned depth, files;
	bool placed; /* the error has its FILE:LINE */
};

/* TEXT is scratch, NUL-terminated at LEN. */
int lxc_parse_text(struct spec *s, char *text, size_t len, const char *name, struct lxc_reader *reader, struct err *e);
int lxc_read(const char *path, char **ret, size_t *ret_len, struct err *e);
