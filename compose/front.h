/* front.h - private to the front: how a set of compose files becomes one canonical tree (read.c, extend.c,
 * include.c, paths.c, resolve.c, select.c). */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../src/util/map.h"
#include "merge.h"
#include "stages.h"

struct env;

/* What a few lines can ask for many times over is counted for the whole project. */
struct front_totals {
	size_t includes; /* entries of `include` that were followed */
	size_t copied;   /* nodes of services that were extended from */
	size_t repeated; /* bytes of texts in them */
	size_t expanded; /* bytes that variables made */
};
enum { FRONT_MAX_INCLUDES = 1000, FRONT_MAX_COPIED = 1000000, FRONT_MAX_REPEATED = 64 << 20 };

/* One model being read: the project's own files, or those of one `include` entry. Lives during
 * compose_load(); texts are in the arena. */
struct front {
	struct stage_ctx *s;
	const struct env *env;      /* what interpolation looks into */
	const char *dir;            /* absolute: what relative names in these files belong to */
	const char *cwd;            /* names below it are shown relative to it */
	const struct front *parent; /* the model whose file includes this one */
	const char *main_file;      /* absolute name of its first file; for include cycles */
	struct front_totals *totals;
	struct map *bases; /* absolute name → struct ext_file: files that services are extended from */
};

struct found;

/* All files of a project that was found, as one canonical tree with its name (s->project_name and
 * COMPOSE_PROJECT_NAME are set). NULL: something is wrong (reported). */
struct node *project_read(struct found *f, struct stage_ctx *s);

/* How a file is called in messages: below cwd without it, else as it is. In the arena. */
const char *front_shown(const struct front *f, const char *path);
/* Did you mean? A file beside the one that is not there. */
void front_hint_file(const struct front *f, const char *path);
/* Makes a name of these files absolute. In the arena. */
const char *front_path(const struct front *f, const char *name);
/* The documents of a file that another file names in the node `named`, as they are. 0, or -1 when there is no such
 * file (reported). */
int read_docs(struct front *f, const char *path, const struct node *named, struct node ***ret, size_t *ret_n);
/* What comes before a document is made canonical: its variables are filled in, its tags taken out. -1 (reported):
 * it is no map. */
int read_raw(struct front *f, struct node *doc, struct merge_tags *ret);
/* One document onto base (NULL: none). Returns the merged tree. */
struct node *read_document(struct front *f, const char *path, struct node *base, struct node *doc);
/* All documents of a file onto base. *ret_root is NULL when it holds nothing. As read_docs(); other problems only
 * show in diag, and in a tree that is marked as wrong. */
int read_file(struct front *f, const char *path, const struct node *named, struct node *base,
	struct node **ret_root);

/* Replaces every service of a canonical document that extends another by what comes out. */
void extend_services(struct front *f, struct node *doc, const struct merge_tags *tags, const char *path);
/* Adds what the document includes, and removes `include`. */
void include_files(struct front *f, struct node *doc);

/* Puts dir before the relative paths of a canonical tree; "~/" becomes the home directory. */
void paths_resolve(const struct stage_ctx *s, struct node *root, const char *dir);

/* Names without a value in environment and build.args get the one that `env` has. */
void resolve_names(const struct stage_ctx *s, struct node *root, const struct env *env);
/* The same in an included model, with the variables of its own: those that stand in a list. What stands in a map, and
 * arguments, get what the project has (as the reference does it). */
void resolve_listed(const struct stage_ctx *s, struct node *root, const struct env *env);
/* Reads env_file and label_file of every service; both attributes vanish. */
void resolve_files(const struct stage_ctx *s, struct node *root);

/* Moves services that no profile enables to s->disabled. */
void select_profiles(struct stage_ctx *s, struct node *root, const char *const *profiles, size_t n);
/* Warns of profiles asked for that are nearly those of a service. After select_profiles(). */
void select_hint_profiles(
	const struct stage_ctx *s, const struct node *root, const char *const *profiles, size_t n);
/* Enables the services named with their profiles, then leaves only them and what they need. NULL or empty:
 * all. */
void select_services(struct stage_ctx *s, struct node *root, const char *const *profiles, size_t n,
	const char *const *services);
/* Did you mean? The nearest of the services, when there are not too many to look through. */
void select_hint(const struct stage_ctx *s, const struct node *services, const char *name);
/* Drops networks, volumes, configs, secrets and models that no service uses. */
/* Volumes of one letter, which the reference takes for drives of Windows: under a key that no file can have, for lower(). */
void select_letters(const struct stage_ctx *s, struct node *root);
void select_used(const struct stage_ctx *s, struct node *root);
