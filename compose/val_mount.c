/* val_mount.c - "db:/data:ro". */
#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "val.h"

static const char *const propagations[] = { "rprivate", "private", "rshared", "shared", "rslave", "slave",
	NULL };
/* Accepted and without meaning here: the first are of Docker Desktop, nosuid and friends of other engines. */
static const char *const ignored[] = { "rw", "cached", "delegated", "consistent", "", NULL };

static bool in_list(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (STREQ(*list, word))
			return true;
	return false;
}

static bool is_drive(const char *start, const char *colon)
{
	return colon - start == 1 && isalpha((unsigned char)*start);
}

static bool is_path(const char *s)
{
	return *s == '.' || *s == '/' || *s == '~' || str_starts(s, "\\\\") ||
	       (isalpha((unsigned char)s[0]) && s[1] == ':');
}

/* The section at p ends at a colon that is not a drive's, or at the end. */
static const char *section_end(const char *p)
{
	for (const char *q = p;; q++)
		if (!*q || (*q == ':' && !is_drive(p, q)))
			return q;
}

static void take_option(struct arena *a, char *word, struct val_mount *m)
{
	if (STREQ(word, "ro"))
		m->read_only = true;
	else if (STREQ(word, "nocopy"))
		m->nocopy = true;
	else if (STREQ(word, "z") || STREQ(word, "Z"))
		m->selinux = word;
	else if (in_list(propagations, word))
		m->propagation = word;
	else if (!in_list(ignored, word))
		m->unknown = word;
}

static void take_options(struct arena *a, const char *text, struct val_mount *m)
{
	for (;;) {
		const char *comma = strchrnul(text, ',');

		take_option(a, arena_strndup(a, text, (size_t)(comma - text)), m);
		if (!*comma)
			return;
		text = comma + 1;
	}
}

int val_mount(struct arena *a, const char *text, struct val_mount *ret, char **ret_why)
{
	struct val_mount m = { 0 };
	const char *p = text;
	char *part[3] = { NULL };
	size_t n = 0;

	if (!*text) {
		*ret_why = arena_strdup(a, "a volume must not be empty");
		return -1;
	}
	if (strlen(text) <= 2) {
		m.target = arena_strdup(a, text);
		m.bare = true;
		*ret = m;
		return 0;
	}
	for (;;) {
		const char *end = section_end(p);

		if (end == p || n == 3) {
			*ret_why = arena_printf(a,
				end == p ? "empty section between colons in '%s'" : "too many colons in '%s'",
				text);
			return -1;
		}
		part[n++] = arena_strndup(a, p, (size_t)(end - p));
		if (!*end)
			break;
		p = end + 1;
	}
	m.target = val_path_clean(a, part[n == 1 ? 0 : 1]);
	if (n > 1) {
		m.source = part[0];
		m.bind = is_path(part[0]);
	}
	if (n == 3)
		take_options(a, part[2], &m);
	*ret = m;
	return 0;
}
