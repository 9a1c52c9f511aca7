/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <ctype.h>
#include <errno.h>

#include "cli/docker/template-internal.h"

#define BAD(...) err_kind(e, ERR_INVALID, -EINVAL, "template: :1: " __VA_ARGS__)

static void item_done(struct pool_item *i)
{
	switch (i->kind) {
	case POOL_NODE:
		free(i->node.text);
		break;
	case POOL_PIPE:
		free(i->pipe.vars[0]);
		free(i->pipe.vars[1]);
		break;
	case POOL_ARG:
		free(i->arg.name);
		json_object_put(i->arg.value);
		strv_done(&i->arg.fields);
		break;
	case POOL_CMD:
		break;
	}
}

struct template *template_free(struct template *t)
{
	if (!t)
		return NULL;
	for (struct pool_item *i = t->pool, *next; i; i = next) {
		next = i->next;
		item_done(i);
		free(i);
	}
	free(t);
	return NULL;
}

/* The template in pieces: texts, with what is trimmed cut off, and what stands between {{ and }}. */
struct piece {
	bool action;
	const char *s, *end;
};

struct parser {
	struct template *t;
	struct piece *pieces;
	size_t n, next;
	const char *s, *end; /* of the action that is read */
	unsigned depth, in_range;
};

static struct pool_item *pool(struct parser *p, int kind, struct err *e)
{
	struct pool_item *i;

	if (p->t->n >= NODES_MAX) {
		err_kind(e, ERR_LIMIT, -E2BIG, "template: more than %d parts", NODES_MAX);
		return NULL;
	}
	i = calloc(1, sizeof(*i));
	if (!i) {
		err_oom(e);
		return NULL;
	}
	i->kind = kind;
	i->next = p->t->pool;
	p->t->pool = i;
	p->t->n++;
	return i;
}

/* --- inside an action --------------------------------------------------------------------------------------------------- */

static void blanks(struct parser *p)
{
	while (p->s < p->end && isspace((unsigned char)*p->s))
		p->s++;
}

static bool at_end(const struct parser *p)
{
	return p->s >= p->end;
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Length of the word at S. */
static size_t word_len(const struct parser *p, const char *s)
{
	size_t n = 0;

	while (s + n < p->end && is_word(s[n]))
		n++;
	return n;
}

static bool keyword(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	if (word_len(p, p->s) != n || strncmp(p->s, word, n) != 0)
		return false;
	p->s += n;
	blanks(p);
	return true;
}

static void utf8(struct buf *b, unsigned c)
{
	if (c < 0x80) {
		buf_putc(b, (char)c);
	} else if (c < 0x800) {
		buf_putc(b, (char)(0xc0 | c >> 6));
		buf_putc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_putc(b, (char)(0xe0 | (c >> 12 & 0xf)));
		buf_putc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_putc(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* What follows a backslash. */
static void escape(struct parser *p, struct buf *b)
{
	static const char from[] = "abfnrtv", to[] = "\a\b\f\n\r\t\v";
	const char *at = strchr(from, *p->s);
	unsigned digits = *p->s == 'x' ? 2 : *p->s == 'u' ? 4 : 0, c = 0;

	if (digits) {
		for (p->s++; digits && p->s < p->end && isxdigit((unsigned char)*p->s); digits--, p->s++)
			c = c * 16 +
			    (unsigned)(isdigit((unsigned char)*p->s) ? *p->s - '0' : (*p->s | 0x20) - 'a' + 10);
		utf8(b, c);
		return;
	}
	buf_putc(b, *p->s && at ? to[at - from] : *p->s);
	p->s++;
}

static int quoted(struct parser *p, struct arg *a, struct err *e)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	char quote = *p->s++;

	while (p->s < p->end && *p->s != quote) {
		if (*p->s == '\\' && quote != '`') {
			p->s++;
			if (p->s < p->end)
				escape(p, &b);
			continue;
		}
		buf_putc(&b, *p->s++);
	}
	if (at_end(p))
		return BAD("unterminated quoted string");
	p->s++;
	a->kind = ARG_VALUE;
	if (quote == '\'')
		a->value = json_object_new_int64((unsigned char)*buf_str(&b));
	else
		a->value = json_object_new_string_len(buf_str(&b), (int)b.len);
	return a->value ? buf_error(&b, e) : err_oom(e);
}

static int number(struct parser *p, struct arg *a, struct err *e)
{
	char text[48], *end;
	size_t n = 0;
	bool real;

	while (p->s + n < p->end && (is_word(p->s[n]) || strchr("+-.", p->s[n])))
		n++;
	if (n >= sizeof(text))
		return BAD("bad number syntax: \"%.*s\"", (int)sizeof(text) - 1, p->s);
	memcpy(text, p->s, n);
	text[n] = '\0';
	real = strpbrk(text, ".eE") && !startswith(text, "0x");
	errno = 0;
	a->kind = ARG_VALUE;
	a->value = real ? json_object_new_double(strtod(text, &end)) : json_object_new_int64(strtoll(text, &end, 0));
	if (!a->value)
		return err_oom(e);
	if (*end || errno)
		return BAD("bad number syntax: \"%s\"", text);
	p->s += n;
	return 0;
}

static char *take_word(struct parser *p)
{
	size_t n = word_len(p, p->s + 1) + 1; /* the first may be a $ */
	char *word = strndup(p->s, n);

	p->s += n;
	return word;
}

/* .A.B directly behind an operand. */
static int fields(struct parser *p, struct arg *a, struct err *e)
{
	while (p->s + 1 < p->end && *p->s == '.' && is_word(p->s[1])) {
		size_t n = word_len(p, p->s + 1);
		char *name = strndup(p->s + 1, n);
		int r = strv_push_take(&a->fields, name, e);

		if (r < 0)
			return r;
		p->s += n + 1;
	}
	return 0;
}

static int name_operand(struct parser *p, struct arg *a, struct err *e)
{
	a->name = take_word(p);
	if (!a->name)
		return err_oom(e);
	a->kind = ARG_VALUE;
	if (streq(a->name, "true") || streq(a->name, "false")) {
		a->value = json_object_new_boolean(*a->name == 't');
		return a->value ? 0 : err_oom(e);
	}
	if (streq(a->name, "nil"))
		return 0;
	a->kind = ARG_FUNC;
	if (!func_find(a->name))
		return BAD("function \"%s\" not defined", a->name);
	return 0;
}

static int pipeline(struct parser *p, struct pipe **ret, char close, struct err *e);

static int operand(struct parser *p, struct arg *a, struct err *e)
{
	char c = *p->s;
	int r = 0;

	if (c == '"' || c == '`' || c == '\'')
		return quoted(p, a, e);
	if (isdigit((unsigned char)c) || ((c == '-' || c == '+') && isdigit((unsigned char)p->s[1])))
		return number(p, a, e);
	if (c == '(') {
		if (++p->depth > DEPTH_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "template: nested too deeply");
		p->s++;
		a->kind = ARG_PIPE;
		r = pipeline(p, &a->pipe, ')', e);
		p->depth--;
	} else if (c == '$') {
		a->kind = ARG_VAR;
		a->name = take_word(p);
		r = a->name ? 0 : err_oom(e);
	} else if (c == '.') {
		a->kind = is_word(p->s[1]) && p->s + 1 < p->end ? ARG_FIELD : ARG_DOT;
		p->s += a->kind == ARG_DOT;
	} else if (isalpha((unsigned char)c) || c == '_') {
		return name_operand(p, a, e);
	} else {
		return BAD("unexpected \"%c\" in operand", c);
	}
	return r < 0 ? r : fields(p, a, e);
}

static int command(struct parser *p, struct cmd *cmd, char close, struct err *e)
{
	struct arg **tail = &cmd->args;
	unsigned n = 0;

	for (;;) {
		struct pool_item *i;
		int r;

		blanks(p);
		if (at_end(p) || *p->s == '|' || (close && *p->s == close))
			break;
		i = pool(p, POOL_ARG, e);
		if (!i)
			return -EINVAL;
		if (++n > ARGS_MAX)
			return err_kind(e, ERR_LIMIT, -E2BIG, "template: more than %d arguments", ARGS_MAX);
		r = operand(p, &i->arg, e);
		if (r < 0)
			return r;
		*tail = &i->arg;
		tail = &i->arg.next;
	}
	return n ? 0 : BAD("missing value for command");
}

/* "$x :=", "$x =", "$i, $x :=" at the beginning of a pipeline. */
static int declarations(struct parser *p, struct pipe *pipe, struct err *e)
{
	const char *start = p->s;

	while (p->s < p->end && *p->s == '$' && pipe->n_vars < 2) {
		char *name = take_word(p);

		if (!name)
			return err_oom(e);
		pipe->vars[pipe->n_vars++] = name;
		blanks(p);
		if (at_end(p) || *p->s != ',')
			break;
		p->s++;
		blanks(p);
	}
	if (pipe->n_vars && p->s + 1 < p->end && p->s[0] == ':' && p->s[1] == '=') {
		p->s += 2;
		return 0;
	}
	if (pipe->n_vars && p->s < p->end && *p->s == '=') {
		p->s++;
		pipe->assigns = true;
		return 0;
	}
	/* It was an operand. */
	for (unsigned i = 0; i < pipe->n_vars; i++) {
		free(pipe->vars[i]);
		pipe->vars[i] = NULL;
	}
	pipe->n_vars = 0;
	p->s = start;
	return 0;
}

/* Up to CLOSE, which is eaten; 0: to the end of the action. */
static int pipeline(struct parser *p, struct pipe **ret, char close, struct err *e)
{
	struct pool_item *i = pool(p, POOL_PIPE, e);
	struct cmd **tail;
	int r;

	if (!i)
		return -EINVAL;
	*ret = &i->pipe;
	tail = &i->pipe.cmds;
	blanks(p);
	r = declarations(p, &i->pipe, e);
	if (r < 0)
		return r;
	for (;;) {
		struct pool_item *c = pool(p, POOL_CMD, e);

		if (!c)
			return -EINVAL;
		r = command(p, &c->cmd, close, e);
		if (r < 0)
			return r;
		*tail = &c->cmd;
		tail = &c->cmd.next;
		if (at_end(p) || *p->s != '|')
			break;
		p->s++;
	}
	if (!close)
		return 0;
	if (at_end(p))
		return BAD("unclosed left paren");
	p->s++;
	return 0;
}

/* --- actions and the text between them --------------------------------------------------------------------------------- */

/* Finds the end of the action that begins at S, quotes skipped. NULL: there is none. */
static const char *action_end(const char *s)
{
	if (startswith(s + strspn(s, " \t\r\n"), "/*")) {
		s = strstr(s, "*/");
		return s ? strstr(s, "}}") : NULL;
	}
	for (; *s; s++) {
		char quote = *s;

		if (s[0] == '}' && s[1] == '}')
			return s;
		if (quote != '"' && quote != '\'' && quote != '`')
			continue;
		for (s++; *s && *s != quote; s++)
			if (*s == '\\' && quote != '`' && s[1])
				s++;
		if (!*s)
			return NULL;
	}
	return NULL;
}

static int add_piece(struct parser *p, bool action, const char *s, const char *end, struct err *e)
{
	struct piece *more;

	if (s >= end && !action)
		return 0;
	if (p->n >= NODES_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "template: more than %d parts", NODES_MAX);
	more = realloc(p->pieces, (p->n + 1) * sizeof(*more));
	if (!more)
		return err_oom(e);
	p->pieces = more;
	p->pieces[p->n++] = (struct piece){ action, s, end };
	return 0;
}

static int cut(struct parser *p, const char *s, struct err *e)
{
	bool trim = false;

	for (;;) {
		const char *open = strstr(s, "{{"), *end = open ?: s + strlen(s), *close;

		while (trim && s < end && isspace((unsigned char)*s))
			s++;
		if (open && open[2] == '-' && isspace((unsigned char)open[3]))
			while (end > s && isspace((unsigned char)end[-1]))
				end--;
		if (add_piece(p, false, s, end, e) < 0)
			return -EINVAL;
		if (!open)
			return 0;
		s = open + 2;
		if (*s == '-' && isspace((unsigned char)s[1]))
			s++;
		close = action_end(s);
		if (!close)
			return BAD("unclosed action");
		trim = close - s >= 2 && close[-1] == '-' && isspace((unsigned char)close[-2]);
		end = trim ? close - 1 : close;
		while (s < end && isspace((unsigned char)*s))
			s++;
		if (s == end)
			return BAD("missing value for command");
		if (!startswith(s, "/*") && add_piece(p, true, s, end, e) < 0)
			return -EINVAL;
		s = close + 2;
	}
}

enum stop { STOP_EOF, STOP_END, STOP_ELSE };

static int list(struct parser *p, struct node **ret, enum stop *ret_stop, struct err *e);

static int branch(struct parser *p, struct node *n, struct err *e);

/* Behind "else": "else if X" is "else", "if X" and one "end" for both. */
static int otherwise(struct parser *p, struct node *n, struct err *e)
{
	struct pool_item *i;
	enum stop stop;
	int r;

	if (!at_end(p)) {
		i = pool(p, POOL_NODE, e);
		if (!i)
			return -EINVAL;
		n->otherwise = &i->node;
		i->node.kind = keyword(p, "if") ? NODE_IF : NODE_WITH;
		if (i->node.kind == NODE_WITH && !keyword(p, "with"))
			return BAD("unexpected <%.*s> in else", (int)(p->end - p->s), p->s);
		return branch(p, &i->node, e);
	}
	r = list(p, &n->otherwise, &stop, e);
	if (r >= 0 && stop != STOP_END)
		return BAD("%s", stop == STOP_ELSE ? "expected end; found {{else}}" : "unexpected EOF");
	return r;
}

/* if, with, range: condition, body, else. */
static int branch(struct parser *p, struct node *n, struct err *e)
{
	enum stop stop;
	int r;

	if (++p->depth > DEPTH_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "template: nested too deeply");
	r = pipeline(p, &n->pipe, 0, e);
	if (r < 0)
		return r;
	p->in_range += n->kind == NODE_RANGE;
	r = list(p, &n->body, &stop, e);
	p->in_range -= n->kind == NODE_RANGE;
	if (r >= 0 && stop == STOP_EOF)
		r = BAD("unexpected EOF");
	if (r >= 0 && stop == STOP_ELSE)
		r = otherwise(p, n, e);
	p->depth--;
	return r;
}

static bool known_word(struct parser *p, enum node_kind *ret)
{
	static const struct {
		const char *word;
		enum node_kind kind;
	} words[] = { { "if", NODE_IF },
		      { "with", NODE_WITH },
		      { "range", NODE_RANGE },
		      { "break", NODE_BREAK },
		      { "continue", NODE_CONTINUE } };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (keyword(p, words[i].word)) {
			*ret = words[i].kind;
			return true;
		}
	return false;
}

static int action(struct parser *p, struct node *n, struct err *e)
{
	static const char *const refused[] = { "define", "template", "block" };

	for (size_t k = 0; k < ARRAY_SIZE(refused); k++)
		if (keyword(p, refused[k]))
			return BAD("{{%s}} is not supported", refused[k]);
	if (!known_word(p, &n->kind)) {
		n->kind = NODE_PRINT;
		return pipeline(p, &n->pipe, 0, e);
	}
	if (n->kind != NODE_BREAK && n->kind != NODE_CONTINUE)
		return branch(p, n, e);
	return p->in_range ? 0 : BAD("{{%s}} outside {{range}}", n->kind == NODE_BREAK ? "break" : "continue");
}

static int list(struct parser *p, struct node **ret, enum stop *ret_stop, struct err *e)
{
	*ret_stop = STOP_EOF;
	while (p->next < p->n) {
		const struct piece *piece = &p->pieces[p->next++];
		struct pool_item *i;
		int r = 0;

		p->s = piece->s;
		p->end = piece->end;
		if (piece->action && keyword(p, "end")) {
			*ret_stop = STOP_END;
			return at_end(p) ? 0 : BAD("unexpected <%.*s> in end", (int)(p->end - p->s), p->s);
		}
		if (piece->action && keyword(p, "else")) {
			*ret_stop = STOP_ELSE;
			return 0;
		}
		i = pool(p, POOL_NODE, e);
		if (!i)
			return -EINVAL;
		*ret = &i->node;
		ret = &i->node.next;
		if (piece->action) {
			r = action(p, &i->node, e);
		} else {
			i->node.kind = NODE_TEXT;
			i->node.text = strndup(piece->s, (size_t)(piece->end - piece->s));
			r = i->node.text ? 0 : err_oom(e);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

int template_parse(const char *text, struct template **ret, struct err *e)
{
	_cleanup_(template_freep) struct template *t = calloc(1, sizeof(*t));
	struct parser p = { .t = t };
	enum stop stop = STOP_EOF;
	int r;

	if (!t)
		return err_oom(e);
	if (strlen(text) > TEXT_MAX)
		return err_kind(e, ERR_LIMIT, -E2BIG, "template: too long");
	r = cut(&p, text, e);
	if (r >= 0)
		r = list(&p, &t->root, &stop, e);
	free(p.pieces);
	if (r < 0)
		return r;
	if (stop != STOP_EOF)
		return BAD("unexpected {{%s}}", stop == STOP_END ? "end" : "else");
	*ret = TAKE_PTR(t);
	return 0;
}
