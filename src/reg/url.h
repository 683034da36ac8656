/* url.h - within src/reg: addresses of http and https (RFC 3986) that we make or a registry names.
 *
 * One with a user or a password in it is refused: credentials come from nowhere but creds.h. At most URL_MAX bytes. */
#pragma once

#include <stdbool.h>

#include "../util/err.h"

enum { URL_MAX = 16 << 10 };

struct url {	/* owned texts */
	char *text; /* all of it, without a fragment */
	char *host; /* "[::1]" with its brackets; without a user, for messages */
	unsigned port;
	bool tls;
};
/* base: what a relative one begins at; NULL: it must be absolute. ERR_PROTO. */
int url_parse(const char *base, const char *text, struct url *ret, struct err *err);
void url_done(struct url *u);
/* Scheme, host and port are the same. */
bool url_same_origin(const struct url *a, const struct url *b);
/* malloc'ed: url with "key=value" added to its query, value percent-encoded. */
char *url_with(const char *url, const char *key, const char *value);
