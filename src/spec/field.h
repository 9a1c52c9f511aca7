/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The field table: the only place an option exists. One row names a member of struct spec, its type, offset, limits
 * and meaning; get, set, clear, list, copy, free, compare, dump and load, and docs walk it.
 *
 * Names are dotted ("process.cwd", "net.0.ipv4"). A row of type FT_LIST has a table of its own for the elements;
 * the element's number is the name's next part. Values are text in one canonical form, the same that set() takes.
 */

#include "base/buf.h"
#include "spec/spec.h"

enum field_type {
	FT_STRING,  /* char * */
	FT_PATH,    /* char *, absolute when F_ABS */
	FT_TRI,	    /* enum tri: "0" | "1" */
	FT_U32,	    /* uint32_t, UNSET32 (or 0 when F_ZERO_UNSET) */
	FT_I32,	    /* int32_t, 0 unset */
	FT_U64,	    /* uint64_t, UNSET64 */
	FT_STRV,    /* struct strv */
	FT_ENUM,    /* char *, one of .names */
	FT_NS_MASK, /* uint32_t mask of NS_x: "user mnt pid" */
	FT_SIGNAL,  /* int32_t: "SIGPWR", "SIGRTMIN+3", "9" */
	FT_CHAR,    /* char */
	FT_LIST,    /* struct list; .sub describes an element */
};

enum {
	F_ABS = 1,	  /* FT_PATH: must be absolute */
	F_ZERO_UNSET = 2, /* FT_U32: 0 means "not said" */
	F_INTERNAL = 4,	  /* no key of lxc.conf leads here: made by the engine or by other dialects */
	F_UNIT = 8,	  /* FT_U64: bytes, set() takes a unit ("1M") */
};

struct field {
	const char *name;
	unsigned len; /* of the name: look-ups compare it first */
	enum field_type type;
	size_t offset;
	const char *doc;
	unsigned flags;
	uint64_t min, max;	  /* numbers; 0, 0: no limit */
	const char *const *names; /* FT_ENUM, NULL-terminated */
	const struct field *sub;  /* FT_LIST, ended by a NULL name */
	size_t sub_size;
	/* Grammar of one value (FT_STRING, FT_PATH) or one element (FT_STRV); its message is "expected …, not '…'". */
	int (*check)(const char *value, struct err *e);
};

/* All rows, ended by a NULL name. */
extern const struct field spec_fields[];

/* Row of NAME and the object (struct spec or list element) that holds it. With CREATE an element one past the end of
 * a list is added. -ENOENT names the nearest field. */
int field_find(struct spec *s, const char *name, bool create, const struct field **ret, void **ret_obj, struct err *e);

/* Text in and out. set on FT_STRV and FT_LIST appends; an empty value clears. get: one line per element. */
int field_set(const struct field *f, void *obj, const char *value, struct err *e);
int field_get(const struct field *f, const void *obj, struct buf *out, struct err *e);
void field_clear(const struct field *f, void *obj);
bool field_is_set(const struct field *f, const void *obj);
int field_copy(const struct field *f, void *to, const void *from, struct err *e); /* TO: it is not set there */

/* The same over a whole table: OBJ is a struct spec (spec_fields) or a list element (row's .sub). init: every member
 * "not said", what OBJ held is forgotten, not freed. clear: frees. */
void fields_init(const struct field *table, void *obj);
void fields_clear(const struct field *table, void *obj);
int fields_copy(const struct field *table, void *to, const void *from, struct err *e); /* TO: initialised */
bool fields_equal(const struct field *table, const void *a, const void *b);
/* A row of one table by its name, NULL when there is none. */
const struct field *field_row(const struct field *table, const char *name, size_t len);

/* FT_LIST: a new element at the end with every member "not said" (list_add() alone zeroes). Removal of element I. */
void *field_list_add(const struct field *f, void *obj, struct err *e);
void field_list_remove(const struct field *f, void *obj, size_t i);

/* Whole-spec forms: one "name=value" line per set field, '\n' and '\\' escaped. load() refuses unknown names. This is
 * what a run directory keeps of a running container, read back by everything that enters, lists or stops it. */
int spec_dump(const struct spec *s, struct buf *out, struct err *e);
int spec_load(struct spec *s, const char *text, struct err *e);
/* Without the fields whose names begin with SKIP, for who has no use for them. */
int spec_load_without(struct spec *s, const char *text, const char *skip, struct err *e);

bool spec_equal(const struct spec *a, const struct spec *b);

/* Name tables that more than one dialect needs. */
extern const char *const spec_ns_names[];	       /* by enum spec_ns, NULL-terminated: "user", "mnt", … */
extern const char *const spec_hook_names[];	       /* by enum spec_hook: "pre-start", … */
extern const char *const spec_moment_names[];	       /* of exec_hooks: "prestart", "createRuntime", … */
extern const char *const spec_seccomp_actions[];       /* "allow", "errno", … */
extern const char *const spec_net_type_names[];	       /* by enum spec_net_type: "none", "empty", "veth", … */
extern const char *const spec_arch_names[];	       /* personalities lxc.arch takes */
int spec_net_type(const char *name);		       /* enum spec_net_type, or -EINVAL */
int signal_parse(const char *s, int *ret);	       /* number, [SIG]NAME, [SIG]RTMIN+n, [SIG]RTMAX-n; 0 or -EINVAL */
const char *signal_name(int sig, char buf[static 16]); /* "SIGPWR", "SIGRTMIN+3" */
