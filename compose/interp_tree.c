/* interp_tree.c - variables in all texts of a tree: what is wrong is told with place and path. */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "diag.h"
#include "env.h"
#include "interp.h"
#include "rune.h"
#include "trail.h"

struct walk {
	struct arena *a;
	struct diag *d;
	const struct env *env;
	struct buf path;
	const struct node *node; /* the scalar being expanded */
	struct interp_hooks hooks;
	bool failed;
};

/* ------------------------------------------------------------------ places */

/* Where in the source a scalar begins: behind "|" or ">" it is the next line. NULL: not known. */
static const char *scalar_start(
	const struct diag *d, const struct node *n, struct pos *ret_pos, size_t *ret_len)
{
	const char *p = diag_text_from(d, n->pos.file, n->pos.line, ret_len), *end = p ? p + *ret_len : NULL;

	size_t len;

	*ret_pos = n->pos;
	for (unsigned col = 1; p && p < end && col < n->pos.col; col++, p += len)
		rune_at(p, end, &len);
	if (p && p < end && (*p == '|' || *p == '>')) {
		p = memchr(p, '\n', (size_t)(end - p));
		p = p ? p + 1 : NULL;
		*ret_pos = (struct pos){ n->pos.file, n->pos.line + 1, 1 };
	}
	*ret_len = p ? (size_t)(end - p) : 0;
	return p;
}

/* The place of the '$' at an offset of a scalar: as many '$' are before it in the source as in the text. It
 * is the scalar's own place when what follows there is another text (an escape made it). */
static struct pos dollar_place(const struct diag *d, const struct node *n, size_t offset)
{
	const char *want = n->text + offset, *from = n->text, *p, *end;
	size_t before = 0, len, same;
	struct pos pos;

	if (d->n >= DIAG_MAX)
		return n->pos;
	while ((from = memchr(from, '$', (size_t)(want - from)))) {
		from++;
		before++;
	}
	p = scalar_start(d, n, &pos, &len);
	for (end = p + len; p && p < end; p += len, pos.col++) {
		if (*p == '$' && before-- == 0)
			break;
		if (*p == '\n')
			pos = (struct pos){ pos.file, pos.line + 1, 0 };
		rune_at(p, end, &len);
	}
	same = strcspn(want, "\n}");
	return p && p < end && (size_t)(end - p) >= same && memcmp(p, want, same) == 0 ? pos : n->pos;
}

/* Columns to underline: to the end of the line. */
static unsigned line_span(const struct node *n, size_t offset, size_t span)
{
	const char *at = n->text + offset, *nl = memchr(at, '\n', span);

	return (unsigned)str_utf8_count(at, nl ? (size_t)(nl - at) : span);
}

/* ------------------------------------------------------------------ what is wrong */

/* A variable that is set and has nearly that name. */
static void hint_near(struct walk *w, const char *name)
{
	const struct env_var *near = w->d->dropping ? NULL : env_nearest(w->env, name);

	if (near)
		diag_hint(w->d, "did you mean '%s'? %s", near->name, env_origin(w->a, near));
}

static void on_missing(void *arg, const char *name, size_t offset, size_t span)
{
	struct walk *w = arg;

	diag_warn(w->d, dollar_place(w->d, w->node, offset),
		"the variable '%s' is not set, an empty text is used", name);
	diag_where(w->d, trail_text(&w->path), NULL, (unsigned)span);
	hint_near(w, name);
}

static void on_problem(void *arg, const struct interp_problem *p)
{
	struct walk *w = arg;
	const char *at = w->node->text + p->offset;
	struct pos pos = dollar_place(w->d, w->node, p->offset);
	unsigned span = line_span(w->node, p->offset, p->span);

	if (p->what == INTERP_BAD_FORMAT)
		diag_error(w->d, pos, "invalid variable '%.*s': %s", (int)p->span, at, p->msg);
	else
		diag_error(w->d, pos, "%s", p->msg);
	diag_where(w->d, trail_text(&w->path), p->origin, span);
	if (p->name && !p->origin)
		hint_near(w, p->name);
	else if (p->what == INTERP_BAD_FORMAT && memmem(at, p->span, ":=", 2))
		diag_hint(w->d, "a default is given with ':-', as in ${NAME:-default}");
	else if (p->what == INTERP_BAD_FORMAT)
		diag_hint(w->d, "a '$' that is meant as such is written '$$'");
}

/* ------------------------------------------------------------------ the walk */

static void walk_scalar(struct walk *w, struct node *n)
{
	struct interp_result r;

	if (n->kind != NODE_STR || !memchr(n->text, '$', n->len))
		return;
	w->node = n;
	if (interp_text(w->a, w->env, n->text, n->len, &w->hooks, &r) != INTERP_OK) {
		w->failed = true;
		node_spoil(n, NODE_NULL);
		return;
	}
	if (!r.changed)
		return;
	n->text = r.text;
	n->len = r.len;
	n->origin = r.origin;
	n->quoted = true; /* what a variable gave is a text; canon casts it where the attribute wants
			     something else */
}

static void walk(struct walk *w, struct node *n)
{
	if (!n->marked || n->tag == NODE_RESET || *w->hooks.spent > INTERP_MAX_SPENT)
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

int interp_tree(struct arena *a, struct diag *d, struct node *root, const struct env *env, size_t *spent)
{
	struct walk w = { .a = a, .d = d, .env = env };

	w.hooks = (struct interp_hooks){
		.missing = on_missing, .problem = on_problem, .arg = &w, .spent = spent
	};
	walk(&w, root);
	buf_done(&w.path);
	return w.failed ? -1 : 0;
}

void interp_visit(struct arena *a, const struct node *n, interp_use_fn *use, void *arg)
{
	struct interp_hooks hooks = { .use = use, .arg = arg };
	struct interp_result r;

	for (size_t i = 0; n->kind == NODE_MAP && i < n->n; i++)
		interp_visit(a, n->pairs[i].value, use, arg);
	for (size_t i = 0; n->kind == NODE_SEQ && i < n->n; i++)
		interp_visit(a, n->items[i], use, arg);
	if (n->kind == NODE_STR)
		interp_text(a, NULL, n->text, n->len, &hooks, &r);
}
