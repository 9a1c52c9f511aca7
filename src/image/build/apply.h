/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Instructions of a Dockerfile that change nothing but an image's configuration; for builds, commit --change and import --change. */

#include "base/buf.h"
#include "image/build/dockerfile.h"
#include "image/manifest.h"

/* Whether KIND is one of them. */
bool config_applies(enum df_kind kind);

/* IN is expanded. *CMD_SET: a CMD has been in this file, so an ENTRYPOINT does not take the inherited one away. */
int config_apply(struct image_config *c, const struct df_instr *in, bool *cmd_set, struct err *e);

/* What stands in the history for it, and tells one from another: "CMD [\"sh\"]". */
void config_describe(const struct image_config *c, const struct df_instr *in, struct buf *out);

/* CHANGES: lines of a Dockerfile, as `docker commit --change` takes them; NULL-terminated. */
int config_changes(struct image_config *c, char *const *changes, struct err *e);

/* The shell that runs what is not JSON: SHELL's, or /bin/sh -c. */
int config_shell(const struct image_config *c, struct strv *ret, struct err *e);

/* PATH below the working directory, cleaned; free(). NULL when out of memory. */
char *config_path(const struct image_config *c, const char *path);

/* The whole state that later steps depend on, times left out. */
int config_fingerprint(const struct image_config *c, struct buf *out, struct err *e);
