/* rule.h - one rule of develop.watch: which files it is about, and where they are in a container. Pure. */
#pragma once

#include <stdbool.h>

#include "pattern.h"

struct rule {
	char *service;
	unsigned number;             /* the how-manieth of its service */
	char *path;                  /* absolute, without a slash at its end; a file or a directory */
	bool is_file;
	char *target;                /* NULL: nothing is synchronised */
	struct patterns include, ignore;     /* relative to path */
	char *context;               /* absolute; NULL: there is none */
	struct patterns context_ignore;      /* its .dockerignore */
};
void rule_done(struct rule *r);

/* Whether a change of that file or directory is one for the rule. Of what editors leave beside a file for a moment, and of .git, none is. */
bool rule_matches(const struct rule *r, const char *path);
/* Whether nothing below that directory ever will be. */
bool rule_never_below(const struct rule *r, const char *dir);
/* Whether path is what the rule names, not something in it. */
bool rule_is_top(const struct rule *r, const char *path);
/* Where that file is in the container; malloc'ed. */
char *rule_target(const struct rule *r, const char *path);

/* What follows dir in a path below it ("." for itself), borrowed from path; NULL: it is not below. */
const char *rule_relative(const char *dir, const char *path);
