/* project.h - the face of compose/: files in, model out; model out as text.
 *
 * Stages (HOUSE, "the one-way journey"): load → interp → merge/extends/include → canonical (short forms
 * become long ones, driven by the attribute table) → check → lower. No network, no root, no side effects;
 * reads the named files, `.env` and env_files. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../src/util/buf.h"
#include "../src/util/err.h"
#include "../src/util/str.h"
#include "diag.h"
#include "model.h"

struct compose_opts {
	struct strs
		files; /* -f, in order; "-" is standard input; empty: COMPOSE_FILE, else discovery upwards */
	struct strs
		env_files;    /* --env-file; empty: COMPOSE_ENV_FILES, else `.env` of the project directory */
	struct strs profiles; /* --profile; empty: COMPOSE_PROFILES; "*" is all */
	const char *project_name;      /* -p; NULL: COMPOSE_PROJECT_NAME, `name:`, the directory's name */
	const char *project_directory; /* --project-directory */
	const char *const *environ;    /* NAME=value list, NULL-terminated; NULL: the process' */
	const char *const *services;   /* only these and what they need (NULL-terminated, NULL: all) */
	bool no_interpolate, no_normalize, no_path_resolution, no_env_resolution, no_consistency;
	bool all_resources;
	bool whole;                    /* all there is in the files, whether it is enabled, used and consistent or not */
	enum compose_effects effects;  /* for who is about to run the project */
	bool default_platform;         /* DOCKER_DEFAULT_PLATFORM counts */
};

/* 0 and *ret_project (project_free it), or -1 with the reasons in d. Warnings may be in d in both cases. */
int compose_load(const struct compose_opts *opts, struct diag *d, struct project **ret_project);
/* Only finds out the project's name and directory, as compose_load would, without reading more than it needs
 * (for ps, logs, down with a project that is only known by name: opts->project_name given means no file is
 * needed at all). *ret_name and *ret_dir are malloc'ed; *ret_dir is NULL when there is no file. */
int compose_find(const struct compose_opts *opts, struct diag *d, char **ret_name, char **ret_dir);

/* What interpolation looks into, as NAME=value sorted by name: `config --environment`. The project's name is given,
 * since standard input can only be read once. ret is added to. 0 or -1. */
int compose_environment(const struct compose_opts *opts, const char *name, struct diag *d, struct strs *ret);

/* The variables that the files use, sorted by name: `config --variables`. */
struct compose_variable {
	char *name;
	bool required;   /* ${NAME?…} or ${NAME:?…} */
	char *fallback;  /* ${NAME:-…}, never NULL */
	char *alternate; /* ${NAME:+…}, never NULL */
};
/* 0 and a list to be given to compose_variables_free(), or -1. */
int compose_variables(const struct compose_opts *opts, struct diag *d, struct compose_variable **ret,
	size_t *ret_n);
void compose_variables_free(struct compose_variable *v, size_t n);

/* What `davit config` prints: the canonical model, equal to the reference's, quirks included, to the byte: JSON has no newline at its
 * end. -1: JSON has no word for .inf and .nan, of which *ret_bad is the place; nothing is printed then, or `null` when ret_bad is NULL. */
int project_dump_json(const struct project *p, struct buf *out, struct pos *ret_bad);
void project_dump_yaml(const struct project *p, struct buf *out);

/* The hash of an enabled service that `docker compose config --hash` prints (of a project loaded with no_env_resolution); malloc'ed. */
char *project_service_digest(const struct project *p, const char *service);

/* What an enabled service is, for whoever compares two models: JSON on one line, {} when there is no such service.
 *
 *	{"container": what its containers are made from, in the long forms that `config` prints, with "x-davit",
 *	 "policy": what is applied to containers that are there (restart, depends_on, parts of deploy),
 *	 "networks", "volumes", "configs", "secrets": what it uses of the project's: {KEY: {"name", "file", …}}; "content" is a hash} */
void project_definition(const struct project *p, const char *service, struct buf *out);

/* Whether they say the same: wherever that stands in which file, however it is written, in whatever order keys come. Of two that came over
 * the wire, since only those know what their services' contents are. */
bool project_same(const struct project *a, const struct project *b);

/* The wire form: JSON, complete, no quirks; project_from_wire(project_to_wire(p)) is p (positions are kept,
 * too). */
void project_to_wire(const struct project *p, struct buf *out);
int project_from_wire(const char *json, size_t len, struct project **ret_project, struct err *err);
