/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Inside src/dialect/oci only: the tables.
 *
 * One table an object of the specification, one row a member: its name, the kind of its value, the field of the model
 * that it stands for. The order of the rows is the order in which members are read, whatever their order in the text,
 * and written. A kind is a pair of functions that read and write; what is odd about a member is its kind.
 */

#include "base/json.h"
#include "dialect/oci/json-c.h"
#include "dialect/oci/oci.h"
#include "spec/field.h"

#define OCI_ROWS_MAX 64 /* of one table */

struct oci_row;

/* What a table's rows write to: a spec, or an element of one of its lists. */
struct oci_obj {
	const struct field *fields;
	void *p;
};

/* Where in the text: "linux.devices[3].path" from the inside out. */
struct oci_frame {
	const struct oci_frame *up;
	const char *name; /* NULL: element INDEX of an array */
	size_t index;
};

struct oci_reader {
	const char *name, *bundle;
	struct oci_info *info; /* NULL: nobody asks */
	struct spec *spec;
	const struct oci_frame *at;
	struct strv unknown_caps;
	unsigned minor; /* of the version that config.json is of: "1.MINOR.0" */
	bool update;	/* resources of a running container */
	bool placed;	/* the error says where */
};

struct oci_writer {
	struct json j;
	const struct spec *spec;
	struct strv *unsaid; /* NULL: nobody asks */
	uint64_t said[4];    /* bit i: row i of spec_fields has been written */
};

struct oci_kind {
	/* V is never null. */
	int (*load)(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		    struct err *e);
	/* Key and value, or nothing when O does not say it. */
	int (*save)(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e);
};

struct oci_row {
	const char *name;
	const struct oci_kind *kind;
	const char *field;	      /* of the object's field table */
	const struct oci_row *sub;    /* members of an object, or of each element */
	const struct oci_word *words; /* oci_kind_words */
	const char *text;	      /* the kind's own */
	bool required;
};

/* --- read.c --------------------------------------------------------------------------------------------------------- */

int oci_parse(const char *text, size_t len, const char *name, struct json_c_value **ret, struct err *e);
int oci_load_object(struct oci_reader *rd, const struct oci_row *rows, struct json_c_value *v, const struct oci_obj *o,
		    struct err *e);
/* "expected a string, not a number" unless V is of TYPE. */
int oci_expect(struct json_c_value *v, enum json_type type, struct err *e);
/* Text of a string without NUL bytes, owned by V. */
int oci_string(struct json_c_value *v, const char **ret, struct err *e);
int oci_i64(struct json_c_value *v, int64_t min, int64_t max, int64_t *ret, struct err *e);
int oci_u64(struct json_c_value *v, uint64_t max, uint64_t *ret, struct err *e);
int oci_missing(struct oci_reader *rd, const char *member, struct err *e);
int oci_expected(struct err *e, const char *what, const char *value);
/* Calls FN for each element of an array or each member of an object (KEY not NULL), the place of it being known. */
typedef int (*oci_each_fn)(struct oci_reader *rd, const struct oci_row *row, const char *key, struct json_c_value *v,
			   const struct oci_obj *o, struct err *e);
int oci_each(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, enum json_type type,
	     const struct oci_obj *o, oci_each_fn fn, struct err *e);
/* Puts "NAME: PATH: " before the error, once. Returns R. */
int oci_place(struct oci_reader *rd, int r, struct err *e);
int oci_note_ignored(struct oci_reader *rd, struct err *e); /* the place where it is */
int oci_warn(struct oci_reader *rd, struct err *e, const char *fmt, ...) _printf_(3, 4);
const struct field *oci_row_field(const struct oci_row *row, const struct oci_obj *o);
/* One element of the list F of O: a new one, read by ROWS. */
int oci_load_element(struct oci_reader *rd, const struct field *f, const struct oci_row *rows, struct json_c_value *v,
		     const struct oci_obj *o, struct oci_obj *ret, struct err *e);

/* --- kinds.c -------------------------------------------------------------------------------------------------------- */

extern const struct oci_kind oci_kind_plain;   /* as the field's type is */
extern const struct oci_kind oci_kind_words;   /* string, or array of them, out of .words */
extern const struct oci_kind oci_kind_object;  /* .sub: members of the same object of the model */
extern const struct oci_kind oci_kind_list;    /* array of objects: .sub describes an element of the list .field */
extern const struct oci_kind oci_kind_ignored; /* of another system */
extern const struct oci_kind oci_kind_refused; /* cannot be done: .text says why */
extern const struct oci_kind oci_kind_no_effect;

/* For kinds that are odd on one side only. */
int oci_plain_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		   struct err *e);
int oci_plain_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e);
int oci_words_load(struct oci_reader *rd, const struct oci_row *row, struct json_c_value *v, const struct oci_obj *o,
		   struct err *e);
/* Lists of K=V as an object of strings. */
int oci_save_map(struct oci_writer *w, const char *name, const struct strv *l, struct err *e);
int oci_list_save(struct oci_writer *w, const struct oci_row *row, const struct oci_obj *o, struct err *e);

const char *oci_word(const struct oci_word *words, const char *name, bool any_case);
int oci_read_word(const struct oci_word *words, struct json_c_value *v, const char **ret, struct err *e);
const char *oci_word_name(const struct oci_word *words, const char *word);

int oci_save_object(struct oci_writer *w, const struct oci_row *rows, const struct oci_obj *o, struct err *e);
/* The member NAME, an object; nothing at all when it has no members. */
int oci_save_member(struct oci_writer *w, const char *name, const struct oci_row *rows, const struct oci_obj *o,
		    struct err *e);
int oci_save_element(struct oci_writer *w, const struct oci_row *rows, const struct field *list, const void *element,
		     struct err *e);
/* Marks the row of spec_fields as written, or names one ("field" or "field=value") as one that cannot be. */
void oci_said(struct oci_writer *w, const char *field);
int oci_unsaid(struct oci_writer *w, struct err *e, const char *fmt, ...) _printf_(3, 4);

/* Tables, by file. */
extern const struct oci_row oci_rows_config[], oci_rows_process[], oci_rows_linux[], oci_rows_resources[];
extern const struct oci_kind oci_kind_seccomp, oci_kind_resources, oci_kind_mount_idmaps;
extern const struct oci_word oci_sched_policies[], oci_sched_flags[], oci_ioprio_classes[], oci_mem_modes[],
	oci_mem_flags[], oci_rlimits[], oci_propagations[];

/* What the parts find when all is read. */
int oci_finish_process(struct oci_reader *rd, struct err *e);
int oci_no_caps(struct spec *s, struct err *e); /* where none are said */
int oci_finish_linux(struct oci_reader *rd, struct err *e);
int oci_finish_devices(struct oci_reader *rd, struct err *e);
