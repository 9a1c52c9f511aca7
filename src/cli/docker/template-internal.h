/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A parsed template, between template-parse.c and template-exec.c. Everything lives until the template goes. */

#include "base/strv.h"
#include "cli/docker/template.h"

#define DEPTH_MAX 32	  /* of actions within actions, and of parentheses */
#define NODES_MAX 10000	  /* of one template */
#define STEPS_MAX 1000000 /* of one execution */
#define ARGS_MAX  32	  /* of one function */
#define VARS_MAX  64	  /* alive at once */
#define TEXT_MAX  (1u << 20)

enum arg_kind { ARG_DOT, ARG_FIELD, ARG_VAR, ARG_VALUE, ARG_FUNC, ARG_PIPE };

struct pipe;
struct arg {
	enum arg_kind kind;
	char *name;		   /* of a variable or a function */
	struct json_object *value; /* ARG_VALUE; NULL is nil */
	struct pipe *pipe;	   /* in parentheses */
	struct strv fields;	   /* .A.B behind it */
	struct arg *next;
};

struct cmd {
	struct arg *args;
	struct cmd *next;
};

struct pipe {
	char *vars[2]; /* "$x" that it declares or sets */
	unsigned n_vars;
	bool assigns;
	struct cmd *cmds;
};

enum node_kind { NODE_TEXT, NODE_PRINT, NODE_IF, NODE_WITH, NODE_RANGE, NODE_BREAK, NODE_CONTINUE };

struct node {
	enum node_kind kind;
	char *text;
	struct pipe *pipe;
	struct node *body, *otherwise, *next;
};

/* What was allocated, to be freed in one go. */
struct pool_item {
	struct pool_item *next;
	enum { POOL_NODE, POOL_PIPE, POOL_CMD, POOL_ARG } kind;
	union {
		struct node node;
		struct pipe pipe;
		struct cmd cmd;
		struct arg arg;
	};
};

struct template
{
	struct pool_item *pool;
	unsigned n;
	struct node *root;
};

/* A value: JSON, owned; or nothing at all. */
struct val {
	struct json_object *o;
	bool missing;
};

static inline void val_done(struct val *v)
{
	json_object_put(v->o);
	v->o = NULL;
}

bool val_true(const struct val *v);

/* --- template-func.c ------------------------------------------------------------------------------------------------- */

struct func {
	const char *name;
	unsigned min, max; /* arguments */
	int (*call)(const struct val *args, unsigned n, struct val *ret, struct err *e);
};
const struct func *func_find(const char *name);
