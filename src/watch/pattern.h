/* pattern.h - the patterns of .dockerignore, as docker reads them. Pure.
 *
 * `*` and `?` stop at a slash, `**` does not, `[a-z]` and `[^a-z]` are classes, `\` takes the next character as it is. A pattern without a
 * slash is about the top directory only. What matches a directory matches all below it. `!` takes back what earlier ones matched; the last
 * one that says something counts. Source: docs.docker.com/build/concepts/context (.dockerignore), Go's filepath.Match. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct pattern {
	char *text;
	bool back;           /* it began with ! */
};
struct patterns {
	struct pattern *v;
	size_t n, cap;
};
/* One as it is written; an empty one is none. */
void patterns_add(struct patterns *l, const char *text);
/* Each line of a .dockerignore; # begins a comment. */
void patterns_add_file(struct patterns *l, const char *text);
/* path: relative to what the patterns are about, "a/b" or "." for itself. */
bool patterns_match(const struct patterns *l, const char *path);
/* The same for a directory and all that may ever be below it. */
bool patterns_match_below(const struct patterns *l, const char *path);
void patterns_done(struct patterns *l);

/* One pattern, one path, without their parents. */
bool pattern_match(const char *pattern, const char *path);
