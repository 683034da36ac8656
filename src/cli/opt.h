/* opt.h - options from tables.
 *
 * A row says everything that is known of a flag: parsing, `--help`, suggestions and the refusal of flags
 * that docker compose has and davit has not (yet) all read it. Syntax is that of the reference (GNU-like):
 * `--name VALUE`, `--name=VALUE`, `-nVALUE`, `-n VALUE`, `-n=VALUE`, clustered letters, `--bool=false`,
 * `--` ends the options; options may follow arguments unless the command says otherwise. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../util/buf.h"
#include "../util/err.h"

enum opt_type {
	OPT_BOOL,        /* bool */
	OPT_STRING,      /* const char *, borrowed from argv; the last one wins */
	OPT_STRS,        /* struct strs, may be given again; released by opt_done() */
	OPT_INT,         /* struct opt_int */
	OPT_SECONDS,     /* struct opt_int, not negative */
	OPT_REFUSED,     /* known and not there: `help` says why and what to do instead */
	OPT_IGNORED,     /* without effect here and harmless; takes no value */
};

struct opt_int {
	bool set;
	int64_t v;
};

struct opt {
	char letter;             /* 0: none */
	const char *name;        /* NULL ends the table */
	enum opt_type type;
	size_t offset;           /* into the command's struct of options */
	const char *help;        /* NULL: works, but is not shown */
	const char *arg;         /* what the value is called in the help; NULL: by type */
	const char *values;      /* what it may be, with spaces between; a last word "…": or something else; NULL: anything */
};

struct opt_args {
	char **v;                /* NULL-terminated; the array is owned, the texts are argv's */
	size_t n;
};

/* Long flags that are understood behind every command, beside its own. */
struct opt_also {
	const struct opt *table;
	void *into;
};

/* Parses argv (NULL-terminated, without the program's name) into `into` and *ret_args. 0; OPT_HELP: -h or
 * --help was given; -1 (ERR_USAGE). also may be NULL. stop_at_arg: the first argument ends the options (global
 * options; exec). *ret_args is to be freed in any case. */
enum { OPT_HELP = 1 };
int opt_parse(const struct opt *table, void *into, const struct opt_also *also, char **argv, bool stop_at_arg,
	      struct opt_args *ret_args, struct err *err);
void opt_args_done(struct opt_args *a);
void opt_done(const struct opt *table, void *into);
/* NULL: there is none. */
const struct opt *opt_find(const struct opt *table, const char *name, char letter);
/* The lines of the help, one option each, aligned. */
void opt_help(const struct opt *table, struct buf *out);
bool opt_takes_value(const struct opt *o);
/* What its value is called in the help; NULL: it takes none. */
const char *opt_value_name(const struct opt *o);
/* Whether the help speaks of it. */
bool opt_is_shown(const struct opt *o);
