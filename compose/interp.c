/* How it works: a text is scanned once from left to right; "${" is matched to its "}" by counting braces, and
 * what follows an operator inside is expanded by the same function, always, needed or not (the reference
 * does). Values of variables are never scanned. The walks over trees are in interp_tree.c. */
#include "interp.h"

#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "env.h"

enum { MAX_NESTING = 50, MAX_RESULT = 4 << 20 };

struct scan {
	struct arena *a;
	const struct env *env;
	const char *text; /* the whole text: offsets count from here */
	const struct interp_hooks *hooks;
	const struct env_var *last;
	enum interp_status status;
	bool changed, stopped; /* stopped: nothing behind can be made out, or it would be too much */
	unsigned depth;
};

static void expand(struct scan *s, const char *p, const char *end, struct buf *out);

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

/* The '}' that belongs to the '{' at p, on the same line. What follows a '{' is never looked at, as the
 * reference has it: "${A-{}}" gives "{}" by that alone. When braces do not add up, it is the last one of the
 * line. NULL: none. */
static const char *closing_brace(const char *p, const char *end)
{
	const char *last = NULL;
	unsigned open = 0;

	for (const char *q = p; q < end && *q != '\n'; q++) {
		if (*q == '}') {
			last = q;
			if (--open == 0)
				break;
		} else if (*q == '{') {
			open++;
			if (q + 1 < end && q[1] != '\n' && *++q == '}')
				last = q;
		}
	}
	return last;
}

static void problem(struct scan *s, struct interp_problem p, const char *at, const char *to)
{
	p.offset = (size_t)(at - s->text);
	p.span = (size_t)(to - at);
	s->status = INTERP_FAILED;
	if (s->hooks->problem)
		s->hooks->problem(s->hooks->arg, &p);
}

static void bad_format(struct scan *s, const char *at, const char *to, const char *msg)
{
	problem(s, (struct interp_problem){ .what = INTERP_BAD_FORMAT, .msg = msg }, at, to);
}

/* Nothing behind it is looked at any more. */
static void limit(struct scan *s, const char *at, const char *to, const char *msg)
{
	problem(s, (struct interp_problem){ .what = INTERP_LIMIT, .msg = msg }, at, to);
	s->stopped = true;
}

static void required(struct scan *s, const char *at, const char *close, const char *name,
	const struct env_var *v, const char *text)
{
	bool empty = v && v->value;
	struct interp_problem p = {
		.what = INTERP_REQUIRED,
		.msg = arena_printf(s->a, "required variable '%s' is %s%s%s", name,
			empty ? "empty" : "missing a value", *text ? ": " : "", text),
		.origin = empty ? env_origin(s->a, v) : NULL,
		.name = name,
	};

	problem(s, p, at, close + 1);
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

/* In a visit: tells of the use. */
static bool visited(const struct scan *s, const char *name, char op, const char *word, const char *end)
{
	struct interp_use use = { name, op, "" };

	if (!s->hooks->use)
		return false;
	if (end > word)
		use.word = arena_strndup(s->a, word, (size_t)(end - word));
	s->hooks->use(s->hooks->arg, &use);
	return true;
}

/* A variable that is set nowhere may stand in a file of variables that could not be read. */
static bool is_unknown(struct scan *s, const struct env_var *v)
{
	if ((v && v->value) || !env_is_partial(s->env))
		return false;
	if (s->status == INTERP_OK)
		s->status = INTERP_UNKNOWN;
	return true;
}

/* ${NAME op WORD}: at is the '$', close the '}'. */
static void expand_op(struct scan *s, const char *at, const char *name, char op, bool colon, const char *word,
	const char *close, struct buf *out)
{
	bool visit = visited(s, name, op, word, close);
	const struct env_var *last = s->last, *v = env_find(s->env, name);
	bool set = v && v->value && (!colon || *v->value);
	auto_buf struct buf expanded = BUF_INIT;
	const char *text;

	expand(s, word, close, &expanded);
	if (visit || is_unknown(s, v))
		return;
	text = expanded.p ? expanded.p : "";
	if (op == '?' && !set) {
		required(s, at, close, name, v, text);
	} else if (op == '+' ? set : !set) {
		buf_add(out, text, expanded.len);
		if (op == '+')
			s->last = v;
	} else {
		s->last = op == '+' ? last : v;
		if (op != '+')
			buf_str(out, v->value);
	}
}

/* at is the '$', to the end of what names the variable. */
static void expand_plain(struct scan *s, const char *at, const char *to, const char *name, struct buf *out)
{
	const struct env_var *v;

	if (visited(s, name, 0, at, at))
		return;
	v = env_find(s->env, name);
	if (is_unknown(s, v))
		return;
	if (v && v->value) {
		buf_str(out, v->value);
		s->last = v;
	} else if (s->hooks->missing) {
		s->hooks->missing(s->hooks->arg, name, (size_t)(at - s->text), (size_t)(to - at));
	}
}

/* `at` is the '$' of "${". Returns what is behind the '}'. */
static const char *expand_braced(struct scan *s, const char *at, const char *end, struct buf *out)
{
	const char *start = at + 2, *stop = name_end(start, end), *close = closing_brace(at + 1, end), *op,
		   *word;
	const char *name;
	bool colon;

	if (!close) {
		close = memchr(at, '\n', (size_t)(end - at));
		bad_format(s, at, close ? close : end, "'${' has no closing '}' on its line");
		s->stopped = true;
		return end;
	}
	if (stop == start) {
		bad_format(s, at, close + 1, "no variable name after '${'");
		return close + 1;
	}
	name = arena_strndup(s->a, start, (size_t)(stop - start));
	op = operator_at(stop, close, &colon, &word);
	if (stop == close)
		expand_plain(s, at, close + 1, name, out);
	else if (op)
		expand_op(s, at, name, *op, colon, word, close, out);
	else
		bad_format(s, at, close + 1,
			arena_printf(s->a, "'%.*s' cannot follow the variable name '%s'",
				(int)str_utf8_len(stop, (size_t)(end - stop)), stop, name));
	return close + 1;
}

/* One '$'. Returns where to go on. */
static const char *expand_dollar(struct scan *s, const char *at, const char *end, struct buf *out)
{
	const char *p = at + 1, *stop = name_end(p, end);

	if (p < end && (*p == '{' || *p == '$' || stop > p))
		s->changed = true;
	if (p < end && *p == '{')
		return expand_braced(s, at, end, out);
	if (stop > p) {
		expand_plain(s, at, stop, arena_strndup(s->a, p, (size_t)(stop - p)), out);
		return stop;
	}
	buf_char(out, '$');
	return p < end && *p == '$' ? p + 1 : p;
}

/* `out` has grown by `grown` bytes, from the text between start and end. */
static void check_growth(
	struct scan *s, const char *start, const char *end, const struct buf *out, size_t grown)
{
	size_t *spent = s->hooks->spent;

	if (spent)
		*spent += grown;
	if (out->len > MAX_RESULT)
		limit(s, start, end,
			arena_printf(s->a, "variables make the text grow beyond %d MiB", MAX_RESULT >> 20));
	else if (spent && *spent > INTERP_MAX_SPENT)
		limit(s, start, end,
			arena_printf(
				s->a, "variables make the files grow beyond %d MiB", INTERP_MAX_SPENT >> 20));
}

static void expand(struct scan *s, const char *p, const char *end, struct buf *out)
{
	const char *start = p;

	if (s->depth == MAX_NESTING)
		limit(s, p, end, arena_printf(s->a, "variables are nested more than %d deep", MAX_NESTING));
	s->depth++;
	while (p < end && !s->stopped) {
		const char *dollar = memchr(p, '$', (size_t)(end - p));
		size_t before = out->len;

		buf_add(out, p, (size_t)((dollar ? dollar : end) - p));
		p = dollar ? expand_dollar(s, dollar, end, out) : end;
		check_growth(s, start, end, out, out->len - before);
	}
	s->depth--;
}

enum interp_status interp_text(struct arena *a, const struct env *env, const char *text, size_t len,
	const struct interp_hooks *hooks, struct interp_result *ret)
{
	static const struct interp_hooks none;
	struct scan s = { .a = a, .env = env, .text = text, .hooks = hooks ? hooks : &none };
	auto_buf struct buf out = BUF_INIT;

	if (!memchr(text, '$', len)) {
		*ret = (struct interp_result){ .text = text, .len = len };
		return INTERP_OK;
	}
	expand(&s, text, text + len, &out);
	if (s.status == INTERP_OK)
		*ret = (struct interp_result){
			.text = arena_strndup(a, out.p ? out.p : "", out.len),
			.len = out.len,
			.origin = s.last ? env_origin(a, s.last) : NULL,
			.changed = s.changed,
		};
	return s.status;
}
