/* How it works: a text is scanned once from left to right; "${" is matched to its "}" by counting braces, and
 * what follows an operator inside is expanded by the same function, always, needed or not (the reference
 * does). Values of variables are never scanned. The tree walk keeps the path for messages. */
#include "interp.h"

#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "diag.h"
#include "env.h"
#include "trail.h"

enum { MAX_NESTING = 50, MAX_RESULT = 4 << 20, MAX_TOTAL = 64 << 20 };

struct scan {
	struct arena *a;
	const struct env *env;
	const char *text; /* the whole text: offsets count from here */
	interp_missing_fn *missing;
	interp_use_fn *use; /* set: this is a visit, nothing fails for want of a value */
	void *arg;
	const struct env_var *last;
	bool changed;
	struct interp_problem *problem;
	unsigned depth;
};

static enum interp_status expand(struct scan *s, const char *p, const char *end, struct buf *out);

static bool is_name_start(char c)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *name_end(const char *p, const char *end)
{
	if (p == end || !is_name_start(*p))
		return p;
	while (p < end && (is_name_start(*p) || (*p >= '0' && *p <= '9')))
		p++;
	return p;
}

/* The '}' that belongs to the '{' at p; when braces do not add up, the last one there is. NULL: none. */
static const char *closing_brace(const char *p, const char *end)
{
	unsigned open = 0;

	for (const char *q = p; q < end; q++) {
		if (*q == '{')
			open++;
		else if (*q == '}' && --open == 0)
			return q;
	}
	return memrchr(p, '}', (size_t)(end - p));
}

static enum interp_status bad_format(struct scan *s, const char *at, const char *to, const char *msg)
{
	*s->problem = (struct interp_problem){ (size_t)(at - s->text), (size_t)(to - at), msg };
	return INTERP_BAD_FORMAT;
}

static void note_missing(struct scan *s, const char *name, const char *at)
{
	if (s->missing)
		s->missing(s->arg, name, (size_t)(at - s->text));
}

/* The operator at p: one of - + ?, after an optional colon. NULL when there is none; *ret_rest is what
 * follows it. */
static const char *operator_at(const char *p, const char *end, bool *ret_colon, const char **ret_rest)
{
	*ret_colon = p < end && *p == ':';
	if (*ret_colon)
		p++;
	if (p == end || !strchr("-+?", *p))
		return NULL;
	*ret_rest = p + 1;
	return p;
}

static enum interp_status required(struct scan *s, const char *at, const char *close, const char *name,
	const char *msg)
{
	*s->problem = (struct interp_problem){
		.offset = (size_t)(at - s->text),
		.span = (size_t)(close + 1 - at),
		.name = name,
		.msg = arena_printf(s->a, "required variable '%s' is missing a value%s%s", name,
			*msg ? ": " : "", msg),
	};
	return INTERP_REQUIRED;
}

static void note_use(struct scan *s, const char *name, char op, const char *word, const char *end)
{
	struct interp_use use = { name, op, arena_strndup(s->a, word, (size_t)(end - word)) };

	s->use(s->arg, &use);
}

/* A variable that is set nowhere may stand in a file of variables that could not be read. */
static bool is_unknown(const struct scan *s, const struct env_var *v)
{
	return !s->use && (!v || !v->value) && env_is_partial(s->env);
}

/* ${NAME op WORD}: at is the '$', close the '}'. */
static enum interp_status expand_op(struct scan *s, const char *at, const char *name, char op, bool colon,
	const char *word, const char *close, struct buf *out)
{
	const struct env_var *last = s->last, *v = env_find(s->env, name);
	bool set = v && v->value && (!colon || *v->value);
	auto_buf struct buf expanded = BUF_INIT;
	enum interp_status st;
	const char *text;

	if (s->use)
		note_use(s, name, op, word, close);
	st = expand(s, word, close, &expanded);
	if (st != INTERP_OK || s->use)
		return st;
	if (is_unknown(s, v))
		return INTERP_UNKNOWN;
	text = expanded.p ? expanded.p : "";
	if (op == '?' && !set)
		return required(s, at, close, name, text);
	if (op == '+' ? set : !set) {
		buf_add(out, text, expanded.len);
		if (op == '+')
			s->last = v;
		return INTERP_OK;
	}
	s->last = last;
	if (op == '+')
		return INTERP_OK;
	buf_str(out, v->value);
	s->last = v;
	return INTERP_OK;
}

static enum interp_status expand_plain(struct scan *s, const char *at, const char *name, struct buf *out)
{
	const struct env_var *v;

	if (s->use) {
		note_use(s, name, 0, at, at);
		return INTERP_OK;
	}
	v = env_find(s->env, name);
	if (is_unknown(s, v))
		return INTERP_UNKNOWN;
	if (!v || !v->value) {
		note_missing(s, name, at);
		return INTERP_OK;
	}
	buf_str(out, v->value);
	s->last = v;
	return INTERP_OK;
}

/* `at` is the '$' of "${"; *ret_next is behind the '}'. */
static enum interp_status expand_braced(struct scan *s, const char *at, const char *end, struct buf *out,
	const char **ret_next)
{
	const char *start = at + 2, *stop = name_end(start, end), *close = closing_brace(at + 1, end), *op,
		   *word;
	const char *name;
	bool colon;

	if (!close)
		return bad_format(s, at, end, "'${' has no closing '}'");
	if (stop == start)
		return bad_format(s, at, close + 1, "no variable name after '${'");
	name = arena_strndup(s->a, start, (size_t)(stop - start));
	*ret_next = close + 1;
	if (stop == close)
		return expand_plain(s, at, name, out);
	op = operator_at(stop, close, &colon, &word);
	if (!op)
		return bad_format(s, at, close + 1,
			arena_printf(s->a, "'%c' cannot follow the variable name '%s'", *stop, name));
	return expand_op(s, at, name, *op, colon, word, close, out);
}

/* One '$'; *ret_next is where to go on. */
static enum interp_status expand_dollar(struct scan *s, const char *at, const char *end, struct buf *out,
	const char **ret_next)
{
	const char *p = at + 1, *stop;

	if (p < end && *p == '{') {
		s->changed = true;
		return expand_braced(s, at, end, out, ret_next);
	}
	if (p < end && *p == '$') {
		s->changed = true;
		buf_char(out, '$');
		*ret_next = p + 1;
		return INTERP_OK;
	}
	stop = name_end(p, end);
	*ret_next = stop;
	if (stop == p) {
		buf_char(out, '$');
		return INTERP_OK;
	}
	s->changed = true;
	return expand_plain(s, at, arena_strndup(s->a, p, (size_t)(stop - p)), out);
}

static enum interp_status expand(struct scan *s, const char *p, const char *end, struct buf *out)
{
	const char *start = p;

	if (++s->depth > MAX_NESTING)
		return bad_format(s, p, end, "variables are nested too deeply");
	while (p < end) {
		const char *dollar = memchr(p, '$', (size_t)(end - p));
		enum interp_status st;

		buf_add(out, p, (size_t)((dollar ? dollar : end) - p));
		if (!dollar)
			break;
		st = expand_dollar(s, dollar, end, out, &p);
		if (st != INTERP_OK)
			return st;
		if (out->len > MAX_RESULT)
			return bad_format(s, start, end, "the text grows beyond 4 MiB by its variables");
	}
	s->depth--;
	return INTERP_OK;
}

enum interp_status interp_text(struct arena *a, const struct env *env, const char *text, size_t len,
	interp_missing_fn *missing, void *arg, struct interp_result *ret, struct interp_problem *ret_problem)
{
	struct scan s = { .a = a,
		.env = env,
		.text = text,
		.missing = missing,
		.arg = arg,
		.problem = ret_problem };
	auto_buf struct buf out = BUF_INIT;
	enum interp_status st;

	if (!memchr(text, '$', len)) {
		*ret = (struct interp_result){ .text = text, .len = len };
		return INTERP_OK;
	}
	st = expand(&s, text, text + len, &out);
	if (st != INTERP_OK)
		return st;
	*ret = (struct interp_result){
		.text = arena_strndup(a, out.p ? out.p : "", out.len),
		.len = out.len,
		.origin = s.last ? env_origin(a, s.last) : NULL,
		.changed = s.changed,
	};
	return INTERP_OK;
}

/* ------------------------------------------------------------------ trees */

struct walk {
	struct arena *a;
	struct diag *d;
	const struct env *env;
	struct buf path;
	const struct node *node; /* the scalar being expanded */
	size_t total;            /* bytes that variables made */
	bool failed;
};

static unsigned characters(const char *p, size_t n)
{
	unsigned count = 0;

	for (size_t i = 0; i < n; i++)
		count += ((unsigned char)p[i] & 0xc0) != 0x80;
	return count;
}

/* Where the piece at `offset` of a text stands in its source: looked for line by line, since the text may be
 * a block or hold escapes. Stays at the text when it is not there as it is. */
static struct pos find_piece(const struct walk *w, const struct node *n, size_t offset, size_t len)
{
	enum { LINES = 1000 };
	const char *piece = n->text + offset, *line, *hit, *nl = memchr(piece, '\n', len);
	struct pos pos = n->pos;
	size_t line_len, from;

	if (nl)
		len = (size_t)(nl - piece);
	for (const char *p = n->text; p < piece && !n->span; p++)
		pos.line += *p == '\n'; /* in a block, so many lines below its first */
	for (unsigned i = 0; i < LINES; i++, pos.line++) {
		line = diag_line(w->d, pos.file, pos.line, &line_len);
		if (!line)
			break;
		hit = memmem(line, line_len, piece, len);
		from = hit ? characters(line, (size_t)(hit - line)) + 1 : 0;
		if (from > (pos.line == n->pos.line ? n->pos.col : 0))
			return (struct pos){ pos.file, pos.line, (unsigned)from };
	}
	return n->pos;
}

/* The place of a piece of a scalar: known when the text stands on one line as it is. */
static struct pos pos_at(const struct walk *w, const struct node *n, size_t offset, size_t len)
{
	struct pos pos = n->pos;

	if (n->span == n->len)
		pos.col += (unsigned)offset;
	else if (n->quoted && n->span == n->len + 2)
		pos.col += 1 + (unsigned)offset;
	else
		pos = find_piece(w, n, offset, len);
	return pos;
}

/* How far the variable at `at` reaches, for underlining. */
static unsigned use_span(const char *at, const char *end)
{
	const char *close = at + 1 < end && at[1] == '{' ? closing_brace(at + 1, end) : NULL;

	return (unsigned)((close ? close + 1 : name_end(at + 1, end)) - at);
}

/* A variable that is set and has nearly that name. */
static void hint_near(struct walk *w, const char *name)
{
	const struct env_var *near = env_nearest(w->env, name);

	if (near)
		diag_hint(w->d, "did you mean '%s'? %s", near->name, env_origin(w->a, near));
}

static void on_missing(void *arg, const char *name, size_t offset)
{
	struct walk *w = arg;
	const struct node *n = w->node;

	unsigned span = use_span(n->text + offset, n->text + n->len);

	diag_warn(w->d, pos_at(w, n, offset, span), "the variable '%s' is not set, an empty text is used",
		name);
	diag_where(w->d, trail_text(&w->path), NULL, span);
	hint_near(w, name);
}

static void report(struct walk *w, const struct node *n, enum interp_status st,
	const struct interp_problem *p)
{
	const char *at = n->text + p->offset;
	const struct pos pos = pos_at(w, n, p->offset, p->span);

	if (st == INTERP_BAD_FORMAT) {
		diag_error(w->d, pos, "invalid variable '%.*s': %s", (int)p->span, at, p->msg);
		diag_where(w->d, trail_text(&w->path), NULL, characters(at, p->span));
		if (memmem(at, p->span, ":=", 2))
			diag_hint(w->d, "a default is given with ':-', as in ${NAME:-default}");
		else
			diag_hint(w->d, "a '$' that is meant as such is written '$$'");
		return;
	}
	diag_error(w->d, pos, "%s", p->msg);
	diag_where(w->d, trail_text(&w->path), NULL, characters(at, p->span));
	if (p->name)
		hint_near(w, p->name);
}

static void walk_scalar(struct walk *w, struct node *n)
{
	struct interp_problem problem;
	struct interp_result r;
	enum interp_status st;

	if (n->kind != NODE_STR || !memchr(n->text, '$', n->len))
		return;
	w->node = n;
	st = interp_text(w->a, w->env, n->text, n->len, on_missing, w, &r, &problem);
	if (st != INTERP_OK) {
		if (st != INTERP_UNKNOWN)
			report(w, n, st, &problem);
		w->failed = true;
		node_spoil(n, NODE_NULL);
		return;
	}
	if (!r.changed)
		return;
	w->total += r.len;
	if (w->total > MAX_TOTAL) {
		w->failed = true;
		diag_error(w->d, n->pos, "variables make the file grow beyond %d MiB", MAX_TOTAL >> 20);
		return;
	}
	n->text = r.text;
	n->len = r.len;
	n->origin = r.origin;
	n->quoted = true; /* what a variable gave is a text; canon casts it where the attribute wants
			     something else */
}

static void walk(struct walk *w, struct node *n)
{
	if (!n->marked || w->total > MAX_TOTAL)
		return;
	if (n->kind == NODE_MAP) {
		for (size_t i = 0; i < n->n; i++) {
			size_t mark = trail_key(&w->path, n->pairs[i].key);

			walk(w, n->pairs[i].value);
			trail_back(&w->path, mark);
		}
	} else if (n->kind == NODE_SEQ) {
		for (size_t i = 0; i < n->n; i++) {
			size_t mark = trail_index(&w->path, i);

			walk(w, n->items[i]);
			trail_back(&w->path, mark);
		}
	} else {
		walk_scalar(w, n);
	}
}

int interp_tree(struct arena *a, struct diag *d, struct node *root, const struct env *env)
{
	struct walk w = { .a = a, .d = d, .env = env };

	walk(&w, root);
	buf_done(&w.path);
	return w.failed ? -1 : 0;
}

void interp_visit(struct arena *a, const struct node *n, interp_use_fn *use, void *arg)
{
	struct interp_problem problem;
	auto_buf struct buf out = BUF_INIT;
	struct scan s = { .a = a, .use = use, .arg = arg, .problem = &problem };

	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		interp_visit(a, n->pairs[i].value, use, arg);
	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		interp_visit(a, n->items[i], use, arg);
	if (n->kind != NODE_STR)
		return;
	s.text = n->text;
	expand(&s, n->text, n->text + n->len, &out);
}
