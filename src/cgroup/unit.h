/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Groups that are systemd's: transient scopes (or slices) made over D-Bus, as `--systemd-cgroup` wants them. Inside
 * src/cgroup only.
 *
 * A unit needs a process from its first moment, but creel makes the group before the container's first process (which
 * is then cloned into it). So unit_start() forks a holder, which does nothing, gives that to the unit, and cg_free()
 * ends it; it dies with us as well. All else (limits, attaching, statistics) is cgroupfs below the unit's directory,
 * which Delegate=yes makes ours; the limits are also said to systemd, which would otherwise overwrite them at its next
 * reload.
 *
 * unit.c converts names and values and needs no bus; bus.c speaks to systemd, in the D-Bus of dbus.c.
 */

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"

struct cg;
struct cg_host;
struct cg_item;

enum unit_type { UT_BOOL, UT_U32, UT_I32, UT_U64, UT_I64, UT_DOUBLE, UT_STRING, UT_STRINGS, UT_BYTES };

struct unit_prop {
	char *name;
	enum unit_type type;
	uint64_t n; /* numbers; signed ones as two's complement */
	double d;
	struct strv strings; /* UT_STRING: one */
	uint8_t *bytes;
	size_t n_bytes;
};

struct unit_props {
	struct unit_prop *v;
	size_t n, cap;
};

void unit_props_done(struct unit_props *p);
#define _cleanup_unit_props_ _cleanup_(unit_props_done)

/* A scope's or slice's name: what systemd takes for one, and no path. */
bool unit_name_ok(const char *name);
/* "a-b.slice" → "a.slice/a-b.slice"; "-.slice" is the root, "". */
int unit_slice_path(const char *slice, struct buf *out, struct err *e);
/* "slice:prefix:name" (NULL: all by default) to the path of its group, with its unit: see paths.c. */
int unit_path(const char *text, const char *id, bool user, char **ret, struct err *e);
/* The same without a bus: ROOT is the service manager's own group. */
int unit_path_below(const char *root, const char *text, const char *id, bool user, char **ret, struct err *e);

/* The properties that say ITEMS (in the words of either version) to a systemd of VERSION, START: to a new unit;
 * what systemd has no word for is passed over, since cgroupfs has it. */
int unit_resource_props(const struct cg_item *items, size_t n, bool start, unsigned version, struct unit_props *ret,
			struct err *e);
/* One annotation without its "org.systemd.property." prefix: "TimeoutStopUSec=uint64 5000000", in GVariant's text.
 * Names in "…Sec" with a number are turned into "…USec". */
int unit_annotation_prop(const char *assignment, struct unit_props *ret, struct err *e);

int unit_prop_add(struct unit_props *p, const char *name, enum unit_type type, uint64_t n, struct err *e);
int unit_prop_add_string(struct unit_props *p, const char *name, const char *s, struct err *e);

/* --- over the bus ---------------------------------------------------------------------------------------------------- */

/* -EBUSY when systemd has a unit of that name in use, wherever its group is. */
int unit_vacant(const struct cg *g, struct err *e);
int unit_start(struct cg *g, struct err *e);
/* Ends the holder. */
void unit_release(struct cg *g);
int unit_attach(const struct cg *g, pid_t pid, struct err *e);
int unit_set(const struct cg *g, const struct cg_item *items, size_t n, struct err *e);
/* Ends the unit and what is in it; forgets a failed one. Best effort. */
void unit_stop(struct cg *g);
