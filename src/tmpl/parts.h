/* parts.h - private to src/tmpl: what a template is made of. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "tmpl.h"

enum { DEPTH_MAX = 32 };

/* ------------------------------------------------------------------ lex.c: an action's words */

enum token_kind {
	TOKEN_END,       /* of the action */
	TOKEN_PIPE, TOKEN_OPEN, TOKEN_CLOSE,
	TOKEN_FIELD,     /* ".A.B", "." */
	TOKEN_ROOT,      /* "$", "$.A.B" */
	TOKEN_WORD,      /* a function, a keyword, true, false, nil */
	TOKEN_CONSTANT   /* a string or a number */
};

struct token {
	enum token_kind kind;
	const char *p;           /* the text: of a field from its first dot on */
	size_t n;
	json_t *constant;        /* TOKEN_CONSTANT: a new reference */
	bool spaced;             /* white space before it */
};

struct lexer {
	const char *text, *at, *end;     /* end: of the action, before "}}" or " -}}" */
};
/* *ret's constant is the caller's. */
int lex_next(struct lexer *l, struct token *ret, struct err *err);
/* ERR_USAGE "template: character 5: …"; -1. */
int tmpl_wrong(const char *text, const char *at, struct err *err, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* ------------------------------------------------------------------ parse.c */

struct func;
struct pipe;

enum operand_kind { OPERAND_FIELD, OPERAND_ROOT, OPERAND_CONSTANT, OPERAND_FUNC, OPERAND_PIPE };
struct operand {
	enum operand_kind kind;
	char **path;             /* NULL-terminated names behind it */
	json_t *constant;
	const struct func *func;
	struct pipe *pipe;
	size_t at;               /* where it stands, from 1 */
};
struct call {                    /* a function or a field, and what it is given */
	struct operand *v;
	size_t n, cap;
};
struct pipe {
	struct call *v;
	size_t n, cap;
};

enum node_kind { NODE_TEXT, NODE_PRINT, NODE_IF, NODE_RANGE, NODE_WITH };
struct node {
	enum node_kind kind;
	char *text;
	struct pipe *pipe;
	struct node *body, *other;       /* other: {{else}} */
	struct node *next;
};
struct tmpl {
	struct node *first;
};

/* ------------------------------------------------------------------ value.c */

bool value_true(const json_t *v);
/* As Go prints it: "[a b]", "map[a:1 b:2]", "<no value>" for null. */
void value_print(const json_t *v, struct buf *out);
/* <0, 0, >0; false: they cannot be compared. */
bool value_compare(const json_t *a, const json_t *b, int *ret);

/* ------------------------------------------------------------------ funcs.c */

/* *ret is a new reference; the arguments are borrowed, as many as the row allows. */
typedef int func_fn(const json_t *const *arg, size_t n, json_t **ret, struct err *err);
struct func {
	const char *name;
	unsigned min, max;
	func_fn *fn;
};
const struct func *func_find(const char *name, size_t n);
/* The name that was meant, NULL: none is near. */
const char *func_near(const char *name);
