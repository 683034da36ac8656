/* stages.h - the seams between the front (text → merged tree) and the back (tree → model).
 *
 *   for each file: load → interp → canon_tree → include, extends (merge_trees in canonical form; paths_resolve for what comes from
 *   another directory) → merge_trees with the files before
 *   then: resolve_env → normalise → resolve_files → check_tree → select_services → lower
 *
 * All of it happens in one arena, and everything goes on after a problem as far as it can: ask diag_failed() between the stages. The
 * trees given to the back are canonical and hold no !reset or !override any more. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "diag.h"
#include "model.h"
#include "node.h"

struct arena;

/* The interpolation environment: value of a variable, NULL when it is not set. *ret_origin (may be NULL) says where it is set, in
 * words ("set in .env:3"). */
struct env_lookup {
	const char *(*get)(void *ctx, const char *name, const char **ret_origin);
	void *ctx;
};

struct stage_ctx {
	struct arena *a;
	struct diag *d;
	struct env_lookup env;
	const char *project_name;
	const char *working_dir;         /* absolute: the project directory */
	const char *home;                /* of the user, for "~/…"; may be NULL */
	bool no_interpolate;             /* "${X}" may stand where a number is wanted */
	bool no_normalize, no_path_resolution, no_env_resolution, no_consistency, all_resources;
};

/* One file's tree (interpolated, before extends): types are checked and cast, short forms become long ones, unknown keys and wrong
 * types are reported. Returns the new root (parts of the old one may be used in it), NULL when it is no map at all. */
struct node *canon_tree(const struct stage_ctx *s, struct node *root);

/* Makes the relative paths of a canonical tree (or of one service of it) relative to `dir`: joined with it when dir is relative,
 * absolute when dir is. "~/" becomes the home directory. Paths that are absolute already stay. */
void paths_resolve(const struct stage_ctx *s, struct node *root, const char *dir);
void paths_resolve_service(const struct stage_ctx *s, struct node *service, const char *dir);

/* Names without value in environment and build.args are looked up in s->env. For an included project this is called with its own
 * environment before it is merged. */
void resolve_env(const struct stage_ctx *s, struct node *root);
/* Reads env_file and label_file of every service: file contents first, then environment; the attributes vanish. Files of services
 * that are disabled by profiles are not read: called after select_services(). */
void resolve_files(const struct stage_ctx *s, struct node *root);

/* Default network, implied depends_on, names PROJECT_KEY, defaults of build, absolute paths. */
void normalise(const struct stage_ctx *s, struct node *root);
/* References, duplicates, conflicts, cycles, ranges. */
void check_tree(const struct stage_ctx *s, struct node *root);

/* Which services remain. `profiles` holds the active ones ("*": all); `services` (NULL or NULL-terminated) those asked for: they are
 * enabled with their profiles and only they and what they need remain. Removed services go to *ret_disabled (a map, in the arena);
 * unused networks, volumes, configs and secrets are dropped unless all_resources. */
void select_services(const struct stage_ctx *s, struct node *root, const char *const *profiles, size_t n_profiles,
		     const char *const *services, struct node **ret_disabled);

/* The model of a checked tree. `root` is kept in it; the arena belongs to the project from now on. disabled may be NULL. */
struct project *lower(const struct stage_ctx *s, struct node *root, struct node *disabled, const struct strv *files);
