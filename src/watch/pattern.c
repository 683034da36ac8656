#include "pattern.h"

#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

/* ------------------------------------------------------------------ one */

/* Behind the class that begins at p; NULL: it has no end, and its bracket is a character like others. */
static const char *class_match(const char *p, char c, bool *ret)
{
	bool not = p[1] == '^' || p[1] == '!', found = false;
	const char *at = p + (not ? 2 : 1);

	for (bool first = true; *at && (*at != ']' || first); first = false) {
		char low = *at == '\\' && at[1] ? *++at : *at, high = low;

		at++;
		if (*at == '-' && at[1] && at[1] != ']') {
			high = at[1] == '\\' && at[2] ? *(at += 2) : *++at;
			at++;
		}
		found |= c >= low && c <= high;
	}
	if (*at != ']')
		return NULL;
	*ret = found != not && c != '/';
	return at + 1;
}

/* One character of the path against what is at *p, which moves on. */
static bool one(const char **p, char c)
{
	const char *at = *p, *end;
	bool found;

	switch (*at) {
	case '?':
		*p = at + 1;
		return c != '/';
	case '[':
		end = class_match(at, c, &found);
		if (end) {
			*p = end;
			return found;
		}
		break;
	case '\\':
		at += at[1] != '\0';
		break;
	}
	*p = at + 1;
	return *at == c;
}

/* Where a pattern may have taken too little: behind its last star, and in the path. */
struct again {
	const char *pattern, *path;  /* pattern NULL: nowhere */
};

/* The next place where what follows the stars may begin. False: there is none. */
static bool take_more(struct again *star, struct again *stars, bool whole_parts, const char **pattern, const char **path)
{
	if (star->pattern && *star->path && *star->path != '/') {
		*path = ++star->path;
		*pattern = star->pattern;
		return true;
	}
	star->pattern = NULL;
	if (!stars->pattern || !*stars->path)
		return false;
	if (whole_parts) {
		stars->path += strcspn(stars->path, "/");
		if (!*stars->path)
			return false;
	}
	*path = ++stars->path;
	*pattern = stars->pattern;
	return true;
}

/* A later star makes what an earlier one took irrelevant, and a later double star any star; so it is enough to remember the last of each,
 * and the time is at most that of the lengths multiplied. */
bool pattern_match(const char *pattern, const char *path)
{
	struct again star = { 0 }, stars = { 0 };
	bool whole_parts = false;            /* it was a double star with a slash behind: none or some whole directories */

	for (;;) {
		if (pattern[0] == '*' && pattern[1] == '*') {
			pattern += strspn(pattern, "*");
			whole_parts = *pattern == '/';
			pattern += whole_parts;
			star.pattern = NULL;
			stars = (struct again){ pattern, path };
			continue;
		}
		if (*pattern == '*') {
			star = (struct again){ ++pattern, path };
			continue;
		}
		if (!*pattern && !*path)
			return true;
		if (*pattern && *path && one(&pattern, *path)) {
			path++;
			continue;
		}
		if (!take_more(&star, &stars, whole_parts, &pattern, &path))
			return false;
	}
}

/* ------------------------------------------------------------------ lists of them */

void patterns_add(struct patterns *l, const char *text)
{
	auto_free char *own = NULL, *clean = NULL;
	bool back = *text == '!';
	size_t n;

	text += back;
	text += strspn(text, " \t");
	n = strlen(text);
	while (n > 0 && strchr(" \t\r", text[n - 1]))
		n--;
	if (n == 0)
		return;
	own = xstrndup(text, n);
	clean = path_join("/", own);     /* "./a//b/" is "a/b"; a slash at the beginning changes nothing */
	*XGROW(l->v, l->n, l->cap) = (struct pattern){ xstrdup(clean[1] ? clean + 1 : "."), back };
}

void patterns_add_file(struct patterns *l, const char *text)
{
	if (str_starts(text, "\xef\xbb\xbf"))
		text += strlen("\xef\xbb\xbf");
	while (*text) {
		size_t n = strcspn(text, "\n");
		auto_free char *line = xstrndup(text, n);

		if (*line != '#')
			patterns_add(l, line + strspn(line, " \t"));
		text += n + (text[n] == '\n');
	}
}

static bool matches_or_parent(const char *pattern, const char *path)
{
	auto_free char *part = xstrdup(path);

	if (pattern_match(pattern, path))
		return true;
	for (char *slash = strchr(part, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (pattern_match(pattern, part))
			return true;
		*slash = '/';
	}
	return false;
}

bool patterns_match(const struct patterns *l, const char *path)
{
	bool matched = false;

	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].back == matched && matches_or_parent(l->v[i].text, path))
			matched = !l->v[i].back;
	return matched;
}

bool patterns_match_below(const struct patterns *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].back)
			return false;
	return patterns_match(l, path);
}

void patterns_done(struct patterns *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].text);
	free(l->v);
	*l = (struct patterns){ 0 };
}
