/* run.c - a template's tree over data. */
#include "parts.h"

#include <string.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"

struct run {
	const json_t *root;
	struct buf *out;
	struct err *err;
};

static int eval_pipe(const struct run *r, const struct pipe *p, const json_t *dot, json_t **ret);

/* ------------------------------------------------------------------ fields */

static int no_field(const struct run *r, const struct operand *o, const char *name)
{
	auto_strs struct strs names = STRS_INIT;
	auto_buf struct buf all = BUF_INIT;
	const char *key, *near;
	json_t *value;

	json_object_foreach((json_t *)r->root, key, value) {
		buf_printf(&all, "%s.%s", names.n ? ", " : "", key);
		strs_add(&names, key);
	}
	near = names.n ? str_nearest(name, (const char *const *)names.v) : NULL;
	err_set(r->err, ERR_USAGE, "template: character %zu: there is no field '%s'", o->at, name);
	return near ? err_hint(r->err, "did you mean '.%s'?", near) : err_hint(r->err, "there are %s", all.p ? all.p : "none");
}

static int follow(const struct run *r, const struct operand *o, const json_t *from, json_t **ret)
{
	const json_t *v = from;

	for (char **name = o->path; name && *name; name++) {
		const json_t *below = json_object_get(v, *name);

		if (!below && v == r->root)
			return no_field(r, o, *name);
		if (!below && !json_is_object(v) && !json_is_null(v))
			return err_set(r->err, ERR_USAGE, "template: character %zu: '%s' is looked for in what has no fields", o->at, *name);
		v = below ? below : json_null();
	}
	*ret = json_incref((json_t *)v);
	return 0;
}

/* "a=b,c=d" or an object */
static json_t *label(const json_t *labels, const char *key)
{
	const char *text = json_string_value(labels);
	size_t n = strlen(key);

	if (json_is_object(labels))
		return json_incref(json_object_get(labels, key) ? json_object_get(labels, key) : json_string(""));
	while (text && *text) {
		size_t len = strcspn(text, ",");

		if (len > n && !strncmp(text, key, n) && text[n] == '=')
			return json_stringn(text + n + 1, len - n - 1);
		text += len + (text[len] == ',');
	}
	return json_string("");
}

/* .Label "key", the one method that docker's listings have */
static int call_label(const struct run *r, const struct operand *o, const json_t *dot, const json_t *key, json_t **ret)
{
	const json_t *labels = json_object_get(dot, "Labels");

	if (!o->path || !o->path[0] || o->path[1] || !STREQ(o->path[0], "Label") || !labels || !json_is_string(key))
		return err_set(r->err, ERR_USAGE, "template: character %zu: a field takes no argument", o->at);
	*ret = label(labels, json_string_value(key));
	return 0;
}

/* ------------------------------------------------------------------ calls */

static int eval_operand(const struct run *r, const struct operand *o, const json_t *dot, json_t **ret)
{
	auto_json json_t *inner = NULL;

	switch (o->kind) {
	case OPERAND_CONSTANT:
		*ret = json_incref(o->constant);
		return 0;
	case OPERAND_FIELD:
		return follow(r, o, dot, ret);
	case OPERAND_ROOT:
		return follow(r, o, r->root, ret);
	case OPERAND_PIPE:
		return eval_pipe(r, o->pipe, dot, &inner) < 0 ? -1 : follow(r, o, inner, ret);
	case OPERAND_FUNC:
		break;
	}
	if (o->func->min > 0)
		return err_set(r->err, ERR_USAGE, "template: character %zu: '%s' needs an argument", o->at, o->func->name);
	return o->func->fn(NULL, 0, ret, r->err);
}

static int apply(const struct run *r, const struct operand *o, const json_t *dot, json_t **arg, size_t n, json_t **ret)
{
	if (o->kind == OPERAND_FIELD && n == 1)
		return call_label(r, o, dot, arg[0], ret);
	if (o->kind != OPERAND_FUNC)
		return err_set(r->err, ERR_USAGE, "template: character %zu: what stands here is no function, and is given something", o->at);
	if (n < o->func->min || n > o->func->max)
		return err_set(r->err, ERR_USAGE, "template: character %zu: '%s' takes %s%u argument%s, not %zu", o->at, o->func->name,
			       n < o->func->min && o->func->max > o->func->min ? "at least " : "", n < o->func->min ? o->func->min : o->func->max,
			       (n < o->func->min ? o->func->min : o->func->max) == 1 ? "" : "s", n);
	if (o->func->fn((const json_t *const *)arg, n, ret, r->err) == 0)
		return 0;
	return err_wrap(r->err, "template: character %zu: %s", o->at, o->func->name);
}

/* given: what comes through the pipe, the last argument; NULL: nothing. */
static int eval_call(const struct run *r, const struct call *c, const json_t *dot, json_t *given, json_t **ret)
{
	size_t n = 0, most = c->n - 1 + (given ? 1 : 0);
	auto_free json_t **arg = xcalloc(most + 1, sizeof *arg);
	int res = 0;

	if (most == 0)
		return eval_operand(r, &c->v[0], dot, ret);
	for (; res == 0 && n + 1 < c->n; n++)
		res = eval_operand(r, &c->v[n + 1], dot, &arg[n]);
	if (res == 0 && given)
		arg[n++] = json_incref(given);
	if (res == 0)
		res = apply(r, &c->v[0], dot, arg, n, ret);
	for (size_t i = 0; i < most; i++)
		json_decref(arg[i]);
	return res;
}

static int eval_pipe(const struct run *r, const struct pipe *p, const json_t *dot, json_t **ret)
{
	json_t *value = NULL;

	for (size_t i = 0; i < p->n; i++) {
		json_t *next = NULL;
		int res = eval_call(r, &p->v[i], dot, value, &next);

		json_decref(value);
		value = next;
		if (res < 0)
			return -1;
	}
	*ret = value;
	return 0;
}

/* ------------------------------------------------------------------ nodes */

static int run_nodes(const struct run *r, const struct node *n, const json_t *dot);

static int run_range(const struct run *r, const struct node *n, const json_t *over)
{
	const char *key;
	json_t *one;
	size_t i;

	if (!json_is_array(over) && !json_is_object(over) && !json_is_null(over))
		return err_set(r->err, ERR_USAGE, "template: 'range' needs a list");
	if (!value_true(over))
		return run_nodes(r, n->other, r->root);
	json_array_foreach(over, i, one)
		if (run_nodes(r, n->body, one) < 0)
			return -1;
	json_object_foreach((json_t *)over, key, one)
		if (run_nodes(r, n->body, one) < 0)
			return -1;
	return 0;
}

static int run_node(const struct run *r, const struct node *n, const json_t *dot)
{
	auto_json json_t *v = NULL;

	if (n->kind == NODE_TEXT) {
		buf_str(r->out, n->text);
		return 0;
	}
	if (eval_pipe(r, n->pipe, dot, &v) < 0)
		return -1;
	if (n->kind == NODE_PRINT)
		value_print(v, r->out);
	else if (n->kind == NODE_RANGE)
		return run_range(r, n, v);
	else if (!value_true(v))
		return run_nodes(r, n->other, dot);
	else
		return run_nodes(r, n->body, n->kind == NODE_WITH ? v : dot);
	return 0;
}

static int run_nodes(const struct run *r, const struct node *n, const json_t *dot)
{
	for (; n; n = n->next)
		if (run_node(r, n, dot) < 0)
			return -1;
	return 0;
}

int tmpl_run(const struct tmpl *t, const json_t *data, struct buf *out, struct err *err)
{
	const struct run r = { .root = data, .out = out, .err = err };

	return run_nodes(&r, t->first, data);
}
