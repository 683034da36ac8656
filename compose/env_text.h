/* env_text.h - private: a file of variables while it is read (env_file.c, dotenv.c). */
#pragma once

#include <stddef.h>

#include "pos.h"

struct arena;
struct diag;
struct env;

struct env_text {
	struct env *into;
	const struct env *lookup; /* what a name alone takes its value from; may be NULL */
	struct diag *d;
	struct arena *a;
	const char *file, *p, *end;
	const char *mark, *line_start; /* a place passed already, and the start of its line */
	unsigned line;
};

/* What is told about the text from here on is told from t->p on. */
void env_text_mark(struct env_text *t);
/* The place of something behind the mark. */
struct pos env_text_place(const struct env_text *t, const char *at);
/* The text sets a variable. -1, and the end of the text: there are too many (reported). */
int env_text_set(struct env_text *t, const char *name, const char *value, struct pos pos);
/* Statements in the syntax of .env. 0 or -1. */
int dotenv_parse(struct env_text *t);
