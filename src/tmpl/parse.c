/* parse.c - a template's text becomes a tree: text and actions, actions from tokens. */
#include "parts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/str.h"

struct parser {
	const char *text, *at;   /* behind what was read */
	struct lexer lex;        /* of the action at hand */
	struct token token;      /* its next one */
	unsigned depth;
	bool trim;               /* the last action ended with "-}}" */
};

/* Why a list of nodes ends. */
enum stop { STOP_EOF, STOP_END, STOP_ELSE, STOP_ELSE_IF };

static int parse_list(struct parser *p, struct node **ret, enum stop *stop, struct err *err);
static int parse_pipe(struct parser *p, struct pipe **ret, struct err *err);

/* ------------------------------------------------------------------ release */

static void pipe_free(struct pipe *p);

static void operand_done(struct operand *o)
{
	for (char **name = o->path; name && *name; name++)
		free(*name);
	free(o->path);
	json_decref(o->constant);
	pipe_free(o->pipe);
}

static void pipe_free(struct pipe *p)
{
	for (size_t i = 0; p && i < p->n; i++) {
		for (size_t k = 0; k < p->v[i].n; k++)
			operand_done(&p->v[i].v[k]);
		free(p->v[i].v);
	}
	if (p)
		free(p->v);
	free(p);
}

static void nodes_free(struct node *n)
{
	while (n) {
		struct node *next = n->next;

		free(n->text);
		pipe_free(n->pipe);
		nodes_free(n->body);
		nodes_free(n->other);
		free(n);
		n = next;
	}
}

void tmpl_free(struct tmpl *t)
{
	if (t)
		nodes_free(t->first);
	free(t);
}

/* ------------------------------------------------------------------ one action */

static int next(struct parser *p, struct err *err)
{
	json_decref(p->token.constant);
	p->token.constant = NULL;
	return lex_next(&p->lex, &p->token, err);
}

static bool is_word(const struct parser *p, const char *word)
{
	return p->token.kind == TOKEN_WORD && p->token.n == strlen(word) && !memcmp(p->token.p, word, p->token.n);
}

/* ".A.B" → A, B; "." → none */
static int split_path(const struct parser *p, const char *s, size_t n, char ***ret, struct err *err)
{
	auto_strs struct strs names = STRS_INIT;

	for (size_t i = n == 1 && *s == '.' ? 1 : 0; i < n;) {
		size_t len = 0;

		while (i + 1 + len < n && s[i + 1 + len] != '.')
			len++;
		if (s[i] != '.' || len == 0)
			return tmpl_wrong(p->text, s + i, err, "a field's name is missing behind '.'");
		strs_addn(&names, s + i + 1, len);
		i += 1 + len;
	}
	*ret = xcalloc(names.n + 1, sizeof **ret);
	for (size_t i = 0; i < names.n; i++)
		(*ret)[i] = xstrdup(names.v[i]);
	return 0;
}

static int parse_word(struct parser *p, struct operand *o, struct err *err)
{
	auto_free char *name = xstrndup(p->token.p, p->token.n);
	const char *near;

	if (is_word(p, "true") || is_word(p, "false") || is_word(p, "nil")) {
		o->kind = OPERAND_CONSTANT;
		o->constant = is_word(p, "nil") ? json_null() : json_boolean(is_word(p, "true"));
		return 0;
	}
	o->kind = OPERAND_FUNC;
	o->func = func_find(p->token.p, p->token.n);
	if (o->func)
		return 0;
	near = func_near(name);
	tmpl_wrong(p->text, p->token.p, err, "there is no function '%s'", name);
	return near ? err_hint(err, "did you mean '%s'?", near) : err_hint(err, "a field begins with a dot: '{{.%s}}'", name);
}

static int parse_group(struct parser *p, struct operand *o, struct err *err)
{
	const char *open = p->token.p;

	o->kind = OPERAND_PIPE;
	if (++p->depth > DEPTH_MAX)
		return tmpl_wrong(p->text, open, err, "it is nested more than %d deep", DEPTH_MAX);
	if (next(p, err) < 0 || parse_pipe(p, &o->pipe, err) < 0)
		return -1;
	p->depth--;
	if (p->token.kind != TOKEN_CLOSE)
		return tmpl_wrong(p->text, open, err, "the ')' to it is missing");
	if (next(p, err) < 0)
		return -1;
	if (p->token.kind != TOKEN_FIELD || p->token.spaced)
		return 0;
	return split_path(p, p->token.p, p->token.n, &o->path, err) < 0 ? -1 : next(p, err);
}

static int parse_operand(struct parser *p, struct call *call, struct err *err)
{
	struct operand *o = XGROW(call->v, call->n, call->cap);

	*o = (struct operand){ .at = (size_t)(p->token.p - p->text) + 1 };
	switch (p->token.kind) {
	case TOKEN_FIELD:
	case TOKEN_ROOT:
		o->kind = p->token.kind == TOKEN_ROOT ? OPERAND_ROOT : OPERAND_FIELD;
		if (p->token.kind == TOKEN_ROOT && p->token.n == 0)
			break;
		if (p->token.kind == TOKEN_ROOT && *p->token.p != '.')
			return tmpl_wrong(p->text, p->token.p, err, "there are no variables but '$'");
		if (split_path(p, p->token.p, p->token.n, &o->path, err) < 0)
			return -1;
		break;
	case TOKEN_CONSTANT:
		o->kind = OPERAND_CONSTANT;
		o->constant = take(p->token.constant);
		break;
	case TOKEN_WORD:
		if (parse_word(p, o, err) < 0)
			return -1;
		break;
	case TOKEN_OPEN:
		return parse_group(p, o, err);
	default:
		return tmpl_wrong(p->text, p->token.p, err, "something is missing here");
	}
	return next(p, err);
}

static bool ends_call(const struct parser *p)
{
	return p->token.kind == TOKEN_END || p->token.kind == TOKEN_PIPE || p->token.kind == TOKEN_CLOSE;
}

static int parse_pipe(struct parser *p, struct pipe **ret, struct err *err)
{
	struct pipe *pipe = *ret = xcalloc(1, sizeof *pipe);

	for (;;) {
		struct call *call = XGROW(pipe->v, pipe->n, pipe->cap);

		*call = (struct call){ 0 };
		do {
			if (parse_operand(p, call, err) < 0)
				return -1;
		} while (!ends_call(p));
		if (p->token.kind != TOKEN_PIPE)
			return 0;
		if (next(p, err) < 0)
			return -1;
	}
}

static int end_action(struct parser *p, struct err *err)
{
	if (p->token.kind == TOKEN_END)
		return 0;
	return tmpl_wrong(p->text, p->token.p, err, "this is too much");
}

/* ------------------------------------------------------------------ blocks */

/* Behind its keyword, up to its {{end}}. */
static int parse_block(struct parser *p, struct node *n, struct err *err)
{
	const char *begin = p->token.p;
	enum stop stop;

	if (++p->depth > DEPTH_MAX)
		return tmpl_wrong(p->text, begin, err, "it is nested more than %d deep", DEPTH_MAX);
	if (parse_pipe(p, &n->pipe, err) < 0 || end_action(p, err) < 0 || parse_list(p, &n->body, &stop, err) < 0)
		return -1;
	if (stop == STOP_ELSE_IF) {
		n->other = xcalloc(1, sizeof *n->other);
		n->other->kind = NODE_IF;
		if (parse_block(p, n->other, err) < 0)
			return -1;
		stop = STOP_END;
	} else if (stop == STOP_ELSE && parse_list(p, &n->other, &stop, err) < 0) {
		return -1;
	}
	p->depth--;
	return stop == STOP_END ? 0 : tmpl_wrong(p->text, begin, err, "its '{{end}}' is missing");
}

/* 1: the list ends here. */
static int parse_action(struct parser *p, struct node *n, enum stop *stop, struct err *err)
{
	static const struct { const char *word; enum node_kind kind; } blocks[] = {
		{ "if", NODE_IF }, { "range", NODE_RANGE }, { "with", NODE_WITH },
	};

	n->kind = NODE_PRINT;
	if (next(p, err) < 0)
		return -1;
	if (p->token.kind == TOKEN_END)
		return tmpl_wrong(p->text, p->lex.at, err, "there is nothing between the braces");
	if (is_word(p, "end")) {
		*stop = STOP_END;
		return next(p, err) < 0 || end_action(p, err) < 0 ? -1 : 1;
	}
	if (is_word(p, "else")) {
		if (next(p, err) < 0)
			return -1;
		*stop = is_word(p, "if") ? STOP_ELSE_IF : STOP_ELSE;
		if (*stop == STOP_ELSE_IF)
			return next(p, err) < 0 ? -1 : 1;
		return end_action(p, err) < 0 ? -1 : 1;
	}
	for (size_t i = 0; i < ARRAY_LEN(blocks); i++)
		if (is_word(p, blocks[i].word)) {
			n->kind = blocks[i].kind;
			return next(p, err) < 0 ? -1 : parse_block(p, n, err);
		}
	return parse_pipe(p, &n->pipe, err) < 0 ? -1 : end_action(p, err);
}

/* The end of an action that begins here: strings may hold braces. */
static const char *closing(const char *s)
{
	char quote = '\0';

	for (; *s; s++) {
		if (quote && *s == '\\' && quote == '"' && s[1])
			s++;
		else if (quote)
			quote = *s == quote ? '\0' : quote;
		else if (*s == '"' || *s == '`')
			quote = *s;
		else if (s[0] == '}' && s[1] == '}')
			return s;
	}
	return NULL;
}

/* Sets the lexer on what stands between the braces at p->at, and p->at behind them. 1: it is a comment. */
static int open_action(struct parser *p, struct err *err)
{
	const char *begin = p->at + 2, *end;
	bool comment;

	if (begin[0] == '-' && isspace((unsigned char)begin[1]))
		begin++;
	comment = str_starts(begin + strspn(begin, " \t"), "/*");
	end = comment ? strstr(begin, "*/") : NULL;
	end = comment ? (end ? strstr(end, "}}") : NULL) : closing(begin);
	if (!end)
		return tmpl_wrong(p->text, p->at, err, "the '}}' to it is missing");
	p->at = end + 2;
	p->trim = end > begin + 1 && end[-1] == '-' && isspace((unsigned char)end[-2]);
	p->lex = (struct lexer){ .text = p->text, .at = begin, .end = p->trim ? end - 1 : end };
	return comment;
}

static void add_text(struct parser *p, struct node ***last, const char *end, bool trim_end)
{
	const char *begin = p->at;
	struct node *n;

	while (p->trim && begin < end && isspace((unsigned char)*begin))
		begin++;
	while (trim_end && end > begin && isspace((unsigned char)end[-1]))
		end--;
	p->trim = false;
	if (begin == end)
		return;
	n = xcalloc(1, sizeof *n);
	n->text = xstrndup(begin, (size_t)(end - begin));
	**last = n;
	*last = &n->next;
}

static int parse_list(struct parser *p, struct node **ret, enum stop *stop, struct err *err)
{
	struct node **last = ret;
	int r = 0;

	*stop = STOP_EOF;
	while (r == 0) {
		const char *open = strstr(p->at, "{{"), *end = open ? open : p->at + strlen(p->at);
		struct node *n;

		add_text(p, &last, end, open && open[2] == '-' && isspace((unsigned char)open[3]));
		p->at = end;
		if (!open)
			return 0;
		r = open_action(p, err);
		if (r == 1) {
			r = 0;
			continue;
		}
		if (r < 0)
			return -1;
		n = xcalloc(1, sizeof *n);
		r = parse_action(p, n, stop, err);
		if (r == 0) {
			*last = n;
			last = &n->next;
		} else {
			nodes_free(n);
		}
	}
	return r < 0 ? -1 : 0;
}

int tmpl_parse(const char *text, struct tmpl **ret, struct err *err)
{
	struct parser p = { .text = text, .at = text };
	struct tmpl *t;
	enum stop stop;
	int r;

	if (strlen(text) > TMPL_MAX)
		return err_set(err, ERR_USAGE, "template: it is longer than %d bytes", TMPL_MAX);
	t = xcalloc(1, sizeof *t);
	r = parse_list(&p, &t->first, &stop, err);
	json_decref(p.token.constant);
	if (r == 0 && stop != STOP_EOF)
		r = tmpl_wrong(text, p.at, err, "'{{%s}}' belongs to no block", stop == STOP_END ? "end" : "else");
	if (r < 0) {
		tmpl_free(t);
		return -1;
	}
	*ret = t;
	return 0;
}
