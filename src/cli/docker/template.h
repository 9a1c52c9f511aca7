/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Go's text/template over JSON, as far as --format needs it: fields, pipelines, variables, if, with, range, else, break and
 * continue, comments, {{- trimming -}}, and the functions and or not eq ne lt le gt ge len index slice print printf println
 * json join split upper lower title truncate pad html urlquery. Not there: define, template, block, call, methods.
 *
 * A template comes from whoever types it and the data from containers' names and labels, so both are bounded: nesting,
 * size, and the steps that one execution may take.
 */

#include <json-c/json.h>

#include "base/buf.h"

struct template;
int template_parse(const char *text, struct template **ret, struct err *e);
struct template *template_free(struct template *t);
DEFINE_CLEANUP(struct template *, template_free);

enum {
	TEMPLATE_HEADER = 1, /* functions give back what they are given: for a table's first row */
	TEMPLATE_LENIENT =
		2, /* what is not there prints as "<no value>", as in a map; else it is an error, as in a struct */
};
/* DATA is only read. A member "X()" of an object is a method: .X "key" is that member's KEY, or "". */
int template_execute(const struct template *t, struct json_object *data, unsigned flags, struct buf *out,
		     struct err *e);

/* A value as Go's %v prints it. */
void template_print(struct json_object *o, struct buf *out);
