/* interp.h - ${VAR:-…} in the strings of a tree, and what a variable's place was. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "node.h"

struct diag;
struct env;

enum { INTERP_MAX_SPENT = 16 << 20 };

/* Replaces variables in every string value of the tree (never in keys, nor where !reset drops them),
 * in place. A replaced scalar is a
 * NODE_STR whose origin says where the (last) variable was set; casting it to a number or boolean is canon's
 * work, by the attribute's type. Problems carry position and path; unset variables give a warning each. 0, or
 * -1 when there was an error. *spent counts what expansion makes, over all trees: INTERP_MAX_SPENT bytes. */
int interp_tree(struct arena *a, struct diag *d, struct node *root, const struct env *env, size_t *spent);

/* A variable as a text uses it: ${NAME}, or ${NAME op word} with op one of - + ?. */
struct interp_use {
	const char *name;
	char op;	  /* 0: none */
	const char *word; /* behind the operator, as it is written; "" without one */
};
typedef void interp_use_fn(void *arg, const struct interp_use *use);

/* One text. "$" before anything that is no name stays, as the reference has it. */
struct interp_result {
	const char *text; /* in the arena */
	size_t len;
	const char *origin; /* of the last variable that took part, NULL: none */
	bool changed;
};
enum interp_trouble { INTERP_BAD_FORMAT, INTERP_REQUIRED, INTERP_LIMIT };
struct interp_problem {
	enum interp_trouble what;
	size_t offset; /* of the '$' in the text */
	size_t span;
	const char *msg;    /* what is wrong, in the arena */
	const char *origin; /* of a value that will not do, NULL: there is none */
	const char *name;   /* INTERP_REQUIRED: the variable */
};
/* What is called on the way; each may be NULL. After a problem it goes on as far as the text can be made out.
 */
struct interp_hooks {
	/* a variable without a default is not set */
	void (*missing)(void *arg, const char *name, size_t offset, size_t span);
	void (*problem)(void *arg, const struct interp_problem *problem);
	interp_use_fn
		*use; /* set: this is a visit; nothing is looked up, nothing fails for want of a value */
	void *arg;
	size_t *spent; /* counts the bytes made over many texts, up to INTERP_MAX_SPENT */
};
/* INTERP_FAILED: a problem was told. INTERP_UNKNOWN: a variable may be set in a file that could not be read,
 * which was reported. *ret is only set for INTERP_OK. hooks may be NULL. */
enum interp_status { INTERP_OK, INTERP_FAILED = -1, INTERP_UNKNOWN = -2 };
enum interp_status interp_text(struct arena *a, const struct env *env, const char *text, size_t len,
	const struct interp_hooks *hooks, struct interp_result *ret);

/* Calls use() for each variable in the strings of a tree, those inside of words after the one around them;
 * wrong forms are left out. Nothing is looked up. */
void interp_visit(struct arena *a, const struct node *root, interp_use_fn *use, void *arg);
