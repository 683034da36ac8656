#include "masks.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"

void masks_done(struct masks *m)
{
	strs_done(&m->secrets);
}

/* ------------------------------------------------------------------ what is one */

/* Parts of names, in small letters. */
static const char *const telling[] = {
	"pass", "pwd",	"secret", "token", "key",    "cred",	"auth",	   "private", "salt",	"signature",
	"cookie", "session", "dsn", "conn",  "webhook", "license", "licence", "bearer", "jwt", "pin",
};

bool mask_name(const char *name, const char *value)
{
	auto_free char *small = xstrdup(name);
	size_t len = strlen(small);

	for (char *p = small; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (value && value[0] == '/' && len > 5 && STREQ(small + len - 5, "_file"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(telling); i++)
		if (strstr(small, telling[i]))
			return true;
	return false;
}

/* Nobody's secret, and in every second line. */
static bool is_common(const char *text, size_t n)
{
	static const char *const words[] = { "true", "false", "none", "null", "always", "never" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strlen(words[i]) == n && strncasecmp(text, words[i], n) == 0)
			return true;
	return n < MASK_MIN_BYTES;
}

static void add_one(struct masks *m, const char *text, size_t n)
{
	auto_free char *copy = NULL;

	while (n && isspace((unsigned char)text[n - 1]))
		n--;
	for (; n && isspace((unsigned char)*text); n--)
		text++;
	copy = xstrndup(text, n);
	if (!is_common(text, n) && !strs_has(&m->secrets, copy))
		strs_add(&m->secrets, copy);
}

void masks_add(struct masks *m, const char *secret, size_t n)
{
	for (const char *end = secret + n; secret < end;) {
		const char *stop = memchr(secret, '\n', (size_t)(end - secret));
		const char *nul = memchr(secret, '\0', (size_t)(end - secret));

		stop = stop && (!nul || stop < nul) ? stop : nul ? nul : end;
		add_one(m, secret, (size_t)(stop - secret));
		secret = stop + 1;
	}
}

/* "postgres://user:PASSWORD@host/" */
static void add_password_of_url(struct masks *m, const char *value)
{
	const char *from = strstr(value, "://"), *at, *colon;

	while (from) {
		from += strlen("://");
		at = from + strcspn(from, "/ \"'\n");
		at = memrchr(from, '@', (size_t)(at - from));
		colon = at ? memchr(from, ':', (size_t)(at - from)) : NULL;
		if (colon)
			masks_add(m, colon + 1, (size_t)(at - colon - 1));
		from = strstr(from, "://");
	}
}

void masks_look(struct masks *m, const char *name, const char *value)
{
	if (!value)
		return;
	if (mask_name(name, value))
		masks_add(m, value, strlen(value));
	add_password_of_url(m, value);
}

static bool may_be_secret(const char *text, size_t n)
{
	return n && !strchr("$/-", *text) && strspn(text, "0123456789") < n;
}

/* The name of "--NAME" or "NAME=…" tells; *ret: what stands behind the '=', NULL: there is none. */
static bool tells(const char *token, size_t n, const char **ret)
{
	size_t dashes = strspn(token, "-"), len;
	auto_free char *name = NULL;

	*ret = memchr(token, '=', n);
	len = *ret ? (size_t)(*ret - token) : n;
	if (*ret)
		++*ret;
	if (len <= dashes || (!*ret && !dashes))
		return false;
	name = xstrndup(token + dashes, len - dashes);
	return mask_name(name, NULL);
}

void masks_look_words(struct masks *m, char *const *words, size_t n)
{
	static const char between[] = " \t\n;|&()`'\"";
	bool awaited = false;

	for (size_t i = 0; i < n; i++) {
		add_password_of_url(m, words[i]);
		for (const char *p = words[i] + strspn(words[i], between); *p; p += strspn(p, between)) {
			size_t len = strcspn(p, between);
			const char *value, *end = p + len;
			bool told = tells(p, len, &value);

			if (awaited && may_be_secret(p, len))
				masks_add(m, p, len);
			awaited = told && (!value || value == end);
			if (told && value && may_be_secret(value, (size_t)(end - value)))
				masks_add(m, value, (size_t)(end - value));
			p = end;
		}
	}
}

void masks_look_tree(struct masks *m, const json_t *tree)
{
	const char *key;
	json_t *value;
	size_t i;

	json_object_foreach((json_t *)tree, key, value) {
		if (json_is_string(value))
			masks_look(m, key, json_string_value(value));
		else
			masks_look_tree(m, value);
	}
	json_array_foreach(tree, i, value)
		masks_look_tree(m, value);
}

/* ------------------------------------------------------------------ keeping it out */

void masks_tree(json_t *tree)
{
	const char *key;
	json_t *value;
	void *next;
	size_t i;

	json_object_foreach_safe(tree, next, key, value) {
		if (json_is_string(value) && (STREQ(key, "content") || mask_name(key, json_string_value(value))))
			json_object_set_new(tree, key, json_string(MASK));
		else
			masks_tree(value);
	}
	json_array_foreach(tree, i, value)
		masks_tree(value);
}

static void replace_all(struct buf *text, const char *what, size_t n)
{
	auto_buf struct buf out = BUF_INIT;
	const char *from = text->p, *end = text->p + text->len, *hit;

	if (!text->len || !n || !memmem(from, text->len, what, n))
		return;
	while ((hit = memmem(from, (size_t)(end - from), what, n))) {
		buf_add(&out, from, (size_t)(hit - from));
		buf_str(&out, MASK);
		from = hit + n;
	}
	buf_add(&out, from, (size_t)(end - from));
	buf_done(text);
	*text = out;
	out = BUF_INIT;
}

static int longest_first(const void *a, const void *b)
{
	size_t x = strlen(*(char *const *)a), y = strlen(*(char *const *)b);

	return x < y ? 1 : x > y ? -1 : 0;
}

void masks_apply(struct masks *m, struct buf *text)
{
	if (m->secrets.n)
		qsort(m->secrets.v, m->secrets.n, sizeof *m->secrets.v, longest_first);
	for (size_t i = 0; i < m->secrets.n; i++) {
		auto_buf struct buf quoted = BUF_INIT;
		const char *secret = m->secrets.v[i];

		buf_json(&quoted, secret);
		replace_all(text, secret, strlen(secret));
		replace_all(text, quoted.p + 1, quoted.len - 2);
	}
}
