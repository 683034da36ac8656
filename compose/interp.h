/* interp.h - ${VAR:-…} in the strings of a tree, and what a variable's place was. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "node.h"

struct diag;
struct env;

/* Replaces variables in every string value of the tree (never in keys), in place. A replaced scalar is a
 * NODE_STR whose origin says where the (last) variable was set; casting it to a number or boolean is canon's
 * work, by the attribute's type. Problems carry position and path; unset variables give a warning each. 0, or
 * -1 when there was an error. */
int interp_tree(struct arena *a, struct diag *d, struct node *root, const struct env *env);

/* One text. `dollar_lone` tolerated as the reference does: "$" before anything that is no name stays. Used
 * for .env values too. */
struct interp_result {
	const char *text; /* in the arena */
	size_t len;
	const char *origin; /* of the last variable that took part, NULL: none */
	bool changed;
};
/* INTERP_UNKNOWN: a variable may be set in a file that could not be read, which was reported. */
enum interp_status { INTERP_OK, INTERP_BAD_FORMAT = -1, INTERP_REQUIRED = -2, INTERP_UNKNOWN = -3 };
struct interp_problem {
	size_t offset; /* of the '$' in the text */
	size_t span;
	const char *msg; /* what is wrong, in the arena */
	const char *name; /* INTERP_REQUIRED: the variable that is missing */
};
/* `missing` (may be NULL) is called for each unset variable without a default. */
typedef void interp_missing_fn(void *arg, const char *name, size_t offset);
enum interp_status interp_text(struct arena *a, const struct env *env, const char *text, size_t len,
	interp_missing_fn *missing, void *arg, struct interp_result *ret, struct interp_problem *ret_problem);

/* A variable as a text uses it: ${NAME}, or ${NAME op word} with op one of - + ?. */
struct interp_use {
	const char *name;
	char op;          /* 0: none */
	const char *word; /* behind the operator, as it is written; "" without one */
};
/* Calls use() for each variable in the strings of a tree, those inside of words after the one around them;
 * wrong forms are left out. Nothing is looked up. */
typedef void interp_use_fn(void *arg, const struct interp_use *use);
void interp_visit(struct arena *a, const struct node *root, interp_use_fn *use, void *arg);
