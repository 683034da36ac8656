/* val_mount.c - "db:/data:ro". */
#include <ctype.h>
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "val.h"

static const char *const propagations[] = { "rprivate", "private", "rshared", "shared", "rslave", "slave",
	NULL };
/* Accepted and without meaning here: the first are of Docker Desktop, nosuid and friends of other engines. */
static const char *const ignored[] = { "cached", "delegated", "consistent", "", NULL };

static bool in_list(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (STREQ(*list, word))
			return true;
	return false;
}

/* Bytes of the letter that s starts with, 0: none. Beyond ASCII every character counts as one. */
static size_t letter(const char *s)
{
	if (isalpha((unsigned char)*s))
		return 1;
	return (unsigned char)*s < 0x80 ? 0 : str_utf8_len(s, strlen(s));
}

static bool is_drive(const char *start, const char *colon)
{
	size_t n = letter(start);

	return n && (size_t)(colon - start) == n;
}

static bool is_path(const char *s)
{
	size_t n = letter(s);

	return *s == '.' || *s == '/' || *s == '~' || str_starts(s, "\\\\") || (n && s[n] == ':');
}

/* The section at p ends at a colon that is neither a drive's nor in "${…}", or at the end. NULL: a brace is
 * not closed, so there is no end. */
static const char *section_end(const char *p)
{
	size_t depth = 0;

	for (const char *q = p;; q++) {
		if (!*q)
			return depth ? NULL : q;
		if (q[0] == '$' && q[1] == '{')
			depth++;
		else if (*q == '}' && depth)
			depth--;
		else if (*q == ':' && !depth && !is_drive(p, q))
			return q;
	}
}

/* All of them are told, as far as a message has room for them. */
static void take_unknown(struct arena *a, char *word, struct val_mount *m)
{
	enum { LONGEST = 300 };

	if (!m->unknown)
		m->unknown = word;
	else if (strlen(m->unknown) < LONGEST)
		m->unknown = arena_printf(a, "%s', '%s", m->unknown, word);
}

static void take_option(struct arena *a, char *word, struct val_mount *m)
{
	if (STREQ(word, "ro") || STREQ(word, "rw"))
		m->read_only = word[1] == 'o';
	else if (STREQ(word, "nocopy"))
		m->nocopy = true;
	else if (STREQ(word, "z") || STREQ(word, "Z"))
		m->selinux = word;
	else if (in_list(propagations, word))
		m->propagation = word;
	else if (!in_list(ignored, word))
		take_unknown(a, word, m);
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

/* "A:B:C" into ret_part. Returns how many there are, -1 and *ret_why. */
static int cut(struct arena *a, const char *text, char *ret_part[static 3], char **ret_why)
{
	const char *p = text;

	for (int n = 0;;) {
		const char *end = section_end(p);

		if (!end && n)
			return n;
		if (!end || end == p || n == 3) {
			*ret_why = arena_printf(a,
				!end	   ? "a brace is not closed in '%s'"
				: end == p ? "empty section between colons in '%s'"
					   : "too many colons in '%s'",
				text);
			return -1;
		}
		ret_part[n++] = arena_strndup(a, p, (size_t)(end - p));
		if (!*end)
			return n;
		p = end + 1;
	}
}

int val_mount(struct arena *a, const char *text, struct val_mount *ret, char **ret_why)
{
	struct val_mount m = { 0 };
	char *part[3] = { NULL };
	int n;

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
	n = cut(a, text, part, ret_why);
	if (n < 0)
		return -1;
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

/* The reference makes an anonymous volume with the target "v:/data" of "v:/data", and a bind of "v:/data" at
 * "ro" of "v:/data:ro". */
bool val_letter_mount(
	struct arena *a, const char *type, const char *source, const char *target, struct val_mount *ret)
{
	bool plain = STREQ(type, "volume") && !source;
	const char *text = plain ? target : source;
	struct val_mount m = { 0 };

	if (!target || (!plain && (!STREQ(type, "bind") || !source)))
		return false;
	if (!isalpha((unsigned char)text[0]) || text[1] != ':' || text[2] != '/')
		return false;
	if (!plain)
		take_options(a, target, &m);
	if (m.unknown)
		return false;
	m.source = arena_strndup(a, text, 1);
	m.target = val_path_clean(a, text + 2);
	*ret = m;
	return true;
}
