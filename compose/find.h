/* find.h - private to the front: which files make up the project, its directory, its name and its variables.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "env.h"
#include "node.h"

struct arena;
struct compose_opts;
struct diag;

struct found {
	struct arena *a;
	struct diag *d;
	const struct compose_opts *opts;
	const char *cwd;    /* absolute */
	const char *dir;    /* the project directory, absolute */
	const char **files; /* absolute, or "-" */
	size_t n_files;
	const char **env_files; /* absolute; none: .env */
	size_t n_env_files;
	struct env env;  /* the process' environment, then .env or the env files */
	struct env bare; /* what the reference knows of all that while variables are left alone: the project's name */
};

/* Fills in everything; found_done() in the end, also after a failure. No file at all is no failure:
 * n_files is 0. Nor is a broken file of variables, which is reported: ask diag_failed(). */
int find_project(struct found *f, struct arena *a, struct diag *d, const struct compose_opts *opts);
void found_done(struct found *f);
/* "No file at all" as an error with the names that were looked for. */
int find_no_file(const struct found *f);
/* The active profiles: those of the options, else COMPOSE_PROFILES; in the arena. An empty list has one item, "": so
 * `profiles: ["${DEBUG-}"]` is active while nothing is asked for. */
const char *const *find_profiles(const struct found *f, size_t *ret_n);

/* The name from -p or COMPOSE_PROJECT_NAME; *ret is NULL when there is none. -1 when it is not a valid name.
 */
int find_given_name(const struct found *f, const char **ret);
/* The name from `name:` of the documents (the last one counts), else from the directory. -1 when nothing
 * usable is left. */
int find_name(const struct found *f, struct node *const *docs, size_t n, const char **ret);
