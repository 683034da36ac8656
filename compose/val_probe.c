/* val_probe.c - what a probe asks for: "localhost:8080/healthz", "200-299". */
#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/str.h"
#include "val.h"

enum { PATH_LEN_MAX = 2048, HOST_LEN_MAX = 255 };

static int wrong(char **ret_why, char *why)
{
	*ret_why = why;
	return -1;
}

int val_http_path(struct arena *a, const char *path, char **ret_why)
{
	size_t n = strlen(path);

	if (*path != '/')
		return wrong(ret_why, arena_printf(a, "the path '%s' does not start with '/'", path));
	if (n > PATH_LEN_MAX)
		return wrong(ret_why, arena_printf(a, "the path is longer than %d bytes", PATH_LEN_MAX));
	for (const char *p = path; *p; p++) {
		if (*p > ' ' && *p < 0x7f && *p != '#')
			continue;
		return wrong(ret_why, arena_strdup(a, *p == '#' ? "the part after '#' is never sent to a server"
			: "a path has neither blanks nor letters beyond ASCII: write them as %20 and the like"));
	}
	return 0;
}

int val_http_host(struct arena *a, const char *host, char **ret_why)
{
	size_t n = strlen(host), name = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");
	unsigned port;

	if (name && n <= HOST_LEN_MAX && (!host[name] || (host[name] == ':' && str_uint(host + name + 1, 1, 65535, &port) == 0)))
		return 0;
	return wrong(ret_why, arena_printf(a, "'%s' is no name of a host", host));
}

/* The port at the start of text, up to the path. */
static int take_port(struct arena *a, const char *text, struct val_http *ret, char **ret_why)
{
	size_t n = strcspn(text, "/?#");
	const char *digits = arena_strndup(a, text, n);

	if (str_uint(digits, 1, 65535, &ret->port) == 0)
		return 0;
	return wrong(ret_why, arena_printf(a, "'%s' is no port (1-65535)", digits));
}

static bool all_digits(const char *s, size_t n)
{
	return n && strspn(s, "0123456789") >= n;
}

/* What stands before the path: nothing, ":PORT", "HOST" or "HOST:PORT"; a number alone is a port. */
static int take_authority(struct arena *a, const char *text, size_t n, struct val_http *ret, char **ret_why)
{
	const char *colon = memchr(text, ':', n);
	size_t name = colon ? (size_t)(colon - text) : n;

	if (all_digits(text, n) && !text[n])
		return take_port(a, text, ret, ret_why);
	if (colon && take_port(a, colon + 1, ret, ret_why) < 0)
		return -1;
	if (!name)
		return 0;
	if (all_digits(text, name))
		return wrong(ret_why, arena_printf(a, "is '%.*s' a port? then a ':' belongs before it", (int)name, text));
	ret->host = arena_strndup(a, text, n);
	return 0;
}

int val_http(struct arena *a, const char *text, struct val_http *ret, char **ret_why)
{
	size_t n;

	*ret = (struct val_http){ .port = 80 };
	if (strncasecmp(text, "https:", 6) == 0)
		return wrong(ret_why, arena_strdup(a, "https is not spoken by a probe: use 'tcp', or a command in 'healthcheck'"));
	if (strncasecmp(text, "http://", 7) == 0)
		text += 7;
	if (*text == '[')
		return wrong(ret_why, arena_strdup(a, "IPv6 is not probed: leave the address out, ':8080/…'"));
	if (!*text)
		return wrong(ret_why, arena_strdup(a, "it is empty: write ':8080/healthz'"));
	n = strcspn(text, "/?#");
	if (take_authority(a, text, n, ret, ret_why) < 0)
		return -1;
	ret->path = text[n] == '/' ? arena_strdup(a, text + n) : arena_printf(a, "/%s", text + n);
	if (ret->host && val_http_host(a, ret->host, ret_why) < 0)
		return -1;
	return val_http_path(a, ret->path, ret_why);
}

int val_http_status(struct arena *a, const char *text, unsigned *ret_min, unsigned *ret_max, char **ret_why)
{
	const char *dash = strchr(text, '-');
	const char *first = dash ? arena_strndup(a, text, (size_t)(dash - text)) : text, *last = dash ? dash + 1 : text;

	if (str_uint(first, 100, 599, ret_min) == 0 && str_uint(last, 100, 599, ret_max) == 0 && *ret_min <= *ret_max)
		return 0;
	return wrong(ret_why, arena_printf(a, "'%s' is no status of HTTP (100-599), nor a range of them such as 200-299", text));
}
