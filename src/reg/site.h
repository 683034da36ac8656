/* site.h - within src/reg: what is known of a place that is asked: how it is spoken to, who we are there, how it wants to hear that. */
#pragma once

#include <sys/queue.h>

#include "certs.h"
#include "creds.h"
#include "http.h"
#include "places.h"
#include "token.h"

enum site_scheme { SITE_UNKNOWN, SITE_HTTPS, SITE_HTTP };
enum site_auth { SITE_OPEN, SITE_BASIC, SITE_BEARER }; /* SITE_OPEN: nothing was asked for so far */

struct site { /* owned texts */
	TAILQ_ENTRY(site) link;
	char *host, *registry, *repository; /* of its place */
	bool plain_http, unverified, mirror, optional;
	struct reg_creds creds;
	bool told; /* they are what reg_use_creds() said */
	struct reg_certs certs;
	int ca_fd; /* a file in memory with all authorities, -1: the system's do */
	char *ca_file; /* NULL: nobody knows where the system's lie */

	bool answered, realm_answered; /* at least once, whatever */
	int64_t quiet_until_ns; /* it wants to be left alone until then (Retry-After); monotonic */
	enum site_scheme scheme;
	enum site_auth auth;
	char *realm, *service; /* of SITE_BEARER; service may be NULL */
	struct tokens tokens;
};
TAILQ_HEAD(sites, site);

struct site *site_of(struct sites *all, const struct reg_place *at); /* found or made */
void site_free(struct site *s);
/* Blocks; see reg_prepare(). */
int site_prepare(struct site *s, const struct reg_env *env, struct err *err);
/* Base64 of "user:password", malloc'ed; NULL: we have none. */
char *site_basic(const struct site *s);
/* Whether we may go where the place sends us: over TLS, to this machine, or anywhere when the place need not be verified (insecure, or
 * --tls-verify=false). That the place itself is on this machine, and may speak plain http, says nothing of others. */
bool site_may_ask(const struct site *s, const struct url *at);
/* home: the address is the place itself, which our certificate is for. */
struct http_tls site_tls(const struct site *s, bool home);
