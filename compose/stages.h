/* stages.h - the seams between the front (text → merged tree) and the back (tree → model).
 *
 *   for each document of each file: load → interp → merge_take_tags → canon_tree → extends, include → merge_trees with those before → complete_tree
 *   once: names without value → default_values, default_maps → paths → normalise → x-davit → profiles → check_tree → services asked for → env files → lower
 *
 * All of it happens in one arena, and everything goes on after a problem as far as it can: ask diag_failed() between the stages.
 * The trees given to the back hold no !reset or !override any more. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "diag.h"
#include "model.h"
#include "node.h"

struct arena;
struct env;

/* What a few words of a file can make much of, over all files. */
struct stage_totals {
	size_t ports;  /* of ranges */
	size_t values; /* bytes of variables that are named without a value */
};

struct stage_ctx {
	struct arena *a;
	struct diag *d;
	const struct env *env;           /* what interpolation looks into, for configs and secrets made of a variable; may be NULL */
	const char *project_name;
	const char *working_dir;         /* absolute: the project directory */
	struct stage_totals *totals;     /* NULL: nobody counts */
	struct node *disabled;           /* services that profiles took out of the tree (NODE_MAP); NULL: none */
	bool no_interpolate;             /* "${X}" may stand where a number is wanted */
	bool no_normalize, no_path_resolution, no_env_resolution, no_consistency, all_resources;
	enum compose_effects effects;
};

/* Neither variables nor what is implied are filled in: nothing is to be in the tree that is not in the files. */
static inline bool stage_as_written(const struct stage_ctx *s)
{
	return s->no_interpolate && s->no_normalize;
}

/* One document (maybe a part only: an override): types are checked and cast, short forms become long ones, unknown keys and wrong
 * types are reported and taken out. `root` is a map; returns the new one (parts of the old one may be used in it). */
struct node *canon_tree(const struct stage_ctx *s, struct node *root);
/* The same for a single service (of a file that others extend from). */
struct node *canon_service(const struct stage_ctx *s, const char *name, struct node *service);
/* While variables are left alone, once the service's ports of a document are merged: with one short form that nobody can read, those
 * that were not made long by an earlier document are short again. */
void canon_open_ports(const struct stage_ctx *s, struct node *service);
/* After each merge of canonical trees: nulls where there must be a value and keys that must be there are reported. */
void complete_tree(const struct stage_ctx *s, struct node *root);

/* What a model means where it says nothing: build.context ".", required: true. To be called before paths become absolute, on the
 * merged project and on each included model. */
void default_values(const struct stage_ctx *s, struct node *root);
/* What the whole project means: empty maps where there are none. Not for included models, as what they define is compared with
 * what the including file says. */
void default_maps(const struct stage_ctx *s, struct node *root);
/* Default network, implied depends_on, names PROJECT_KEY, dockerfile; with no_normalize only the project's name. */
void normalise(const struct stage_ctx *s, struct node *root);
/* x-davit of each service (x_davit.c): its canonical form is made beside it, under `$davit`; what is wrong in it is reported. The key itself
 * stays as it is, as other tools print it. Nothing while variables are left alone. */
void x_davit_tree(const struct stage_ctx *s, struct node *root);
/* A platform for services without one (platform.c), for who is about to run the project. */
void default_platform(const struct stage_ctx *s, struct node *root);
/* References, duplicates, conflicts, cycles, ranges. Does less with no_consistency. */
void check_tree(const struct stage_ctx *s, struct node *root);

/* The model of a checked tree. `root` is kept in it; the arena belongs to the project from now on. disabled may be NULL. */
struct project *lower(const struct stage_ctx *s, struct node *root, struct node *disabled, const struct strv *files);
