/* ref.c - image references, read as Docker reads them.
 *
 * [registry/]repository[:tag][@digest]. The first part is a registry when it looks like a host: it has a '.'
 * or a ':', is "localhost", or has a capital letter. Everything else is a repository on docker.io, and one
 * without a '/' is below "library/". */
#include "image.h"

#include <ctype.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "store.h"

enum { NAME_MAX_LEN = 255, TAG_MAX_LEN = 128 };

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One '/'-separated part: runs of [a-z0-9] joined by ".", "_", "__" or any number of "-". */
static bool component_ok(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t from = i;
		while (i < n && is_lower_alnum(s[i]))
			i++;
		if (i == from)
			return false;
		if (i == n)
			return true;
		if (s[i] == '-')
			while (i < n && s[i] == '-')
				i++;
		else if (s[i] == '_')
			i += i + 1 < n && s[i + 1] == '_' ? 2 : 1;
		else if (s[i] == '.')
			i++;
		else
			return false;
	}
	return false;
}

static bool repository_ok(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "/");
		if (!component_ok(s, n))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

static bool label_ok(const char *s, size_t n)
{
	if (n == 0 || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-')
			return false;
	return true;
}

/* host, host:port, [v6], [v6]:port */
static bool registry_ok(const char *s)
{
	if (*s == '[') {
		size_t n = strspn(s + 1, "0123456789abcdefABCDEF:.");
		if (n == 0 || s[n + 1] != ']')
			return false;
		s += n + 2;
	} else {
		for (;;) {
			size_t n = strcspn(s, ".:");
			if (!label_ok(s, n))
				return false;
			s += n;
			if (*s != '.')
				break;
			s++;
		}
	}
	if (!*s)
		return true;
	return *s == ':' && s[1] && s[1 + strspn(s + 1, "0123456789")] == '\0';
}

/* Of what registry_ok() says is a registry. */
static bool port_ok(const char *s)
{
	const char *colon = strrchr(s, ':');
	unsigned port;

	return !colon || strchr(colon, ']') || str_uint(colon + 1, 1, 65535, &port) == 0;
}

static bool tag_ok(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > TAG_MAX_LEN || s[0] == '.' || s[0] == '-')
		return false;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_.-", s[i]))
			return false;
	return true;
}

/* The part before the first '/' that names a registry; 0: there is none. */
static size_t registry_len(const char *s)
{
	size_t n = strcspn(s, "/");

	if (!s[n])
		return 0;
	if (n == strlen("localhost") && memcmp(s, "localhost", n) == 0)
		return n;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || isupper((unsigned char)s[i]))
			return n;
	return 0;
}

static int bad(struct err *err, const char *text, const char *why)
{
	return err_set(err, ERR_INPUT, "image reference '%s' is not valid: %s", text, why);
}

/* As an address has one; skopeo's transports, too. */
static int has_scheme(const char *text, struct err *err)
{
	bad(err, text, "it begins with a scheme");
	return err_hint(err, "leave '%.*s' away: '%s'", (int)(strstr(text, "://") + 3 - text), text, strstr(text, "://") + 3);
}

/* name: what is left without tag and digest. */
static int split_name(const char *text, const char *name, struct image_ref *r, struct err *err)
{
	size_t n = registry_len(name);

	r->registry = n ? xstrndup(name, n) : xstrdup("docker.io");
	if (STREQ(r->registry, "index.docker.io")) {
		free(r->registry);
		r->registry = xstrdup("docker.io");
	}
	if (!registry_ok(r->registry))
		return bad(err, text, "the registry is not a host name");
	if (!port_ok(r->registry))
		return bad(err, text, "the port of the registry is not one of 1 to 65535");
	name += n ? n + 1 : 0;
	if (!*name)
		return bad(err, text, "the name is missing");
	if (STREQ(r->registry, "docker.io") && !strchr(name, '/'))
		r->repository = xasprintf("library/%s", name);
	else
		r->repository = xstrdup(name);
	for (const char *p = name; *p; p++)
		if (isupper((unsigned char)*p))
			return bad(err, text, "the name must be lower case");
	if (!repository_ok(r->repository))
		return bad(err, text, "a name consists of a-z, 0-9 and single separators . _ - /");
	if (strlen(r->registry) + 1 + strlen(r->repository) > NAME_MAX_LEN)
		return bad(err, text, "the name is longer than 255 characters");
	return 0;
}

static int ref_split(const char *text, struct image_ref *r, struct err *err)
{
	auto_free char *name = xstrdup(text);
	char *at = strchr(name, '@'), *colon, *slash;

	if (at) {
		*at = '\0';
		if (!digest_hex(at + 1))
			return bad(err, text, "a digest is sha256: and 64 hex digits");
		r->digest = xstrdup(at + 1);
	}
	slash = strrchr(name, '/');
	colon = strrchr(slash ? slash : name, ':');
	if (colon) {
		*colon = '\0';
		if (!tag_ok(colon + 1))
			return bad(err, text, "a tag has 1 to 128 letters, digits, '_', '.' or '-'");
		r->tag = xstrdup(colon + 1);
	} else if (!at) {
		r->tag = xstrdup("latest");
	}
	if (!*name)
		return bad(err, text, "the name is missing");
	if (strlen(name) == 64 && name[strspn(name, "0123456789abcdef")] == '\0')
		return bad(err, text, "64 hex digits are an image id, not a name");
	return split_name(text, name, r, err);
}

int ref_parse(const char *text, struct image_ref *ret, struct err *err)
{
	struct image_ref r = { 0 };

	if (!*text)
		return err_set(err, ERR_INPUT, "an image reference is empty");
	if (strlen(text) > 1024)
		return err_set(err, ERR_INPUT, "an image reference is longer than 1024 characters");
	if (strstr(text, "://"))
		return has_scheme(text, err);
	if (ref_split(text, &r, err) < 0) {
		ref_done(&r);
		return -1;
	}
	*ret = r;
	return 0;
}

static char *format_name(const struct image_ref *r, const char *prefix, const char *repository)
{
	return xasprintf("%s%s%s%s%s%s", prefix, repository, r->tag ? ":" : "", r->tag ? r->tag : "",
		r->digest ? "@" : "", r->digest ? r->digest : "");
}

char *ref_format(const struct image_ref *r)
{
	auto_free char *prefix = xasprintf("%s/", r->registry);

	return format_name(r, prefix, r->repository);
}

char *ref_familiar(const struct image_ref *r)
{
	const char *repository = r->repository;

	if (!STREQ(r->registry, "docker.io"))
		return ref_format(r);
	if (str_starts(repository, "library/") && !strchr(repository + strlen("library/"), '/'))
		repository += strlen("library/");
	return format_name(r, "", repository);
}

void ref_done(struct image_ref *r)
{
	free(r->registry);
	free(r->repository);
	free(r->tag);
	free(r->digest);
	*r = (struct image_ref){ 0 };
}

char *ref_normal(const char *name)
{
	struct image_ref r;
	char *text;

	if (!name || ref_parse(name, &r, NULL) < 0)
		return NULL;
	text = ref_format(&r);
	ref_done(&r);
	return text;
}
