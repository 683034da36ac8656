#include "places.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "conf.h"

#define HUB "docker.io"
#define HUB_HOST "registry-1.docker.io"

void reg_place_done(struct reg_place *p)
{
	free(p->host);
	free(p->origin);
	ref_done(&p->ref);
	*p = (struct reg_place){ 0 };
}

void reg_places_done(struct reg_places *p)
{
	for (size_t i = 0; i < p->n; i++)
		reg_place_done(&p->v[i]);
	free(p->v);
	*p = (struct reg_places){ 0 };
}

/* --- which table --- */

/* How many characters of the host "*.DOMAIN" matches: all of it, 0 when it does not. */
static size_t match_wildcard(const char *domain, const char *name)
{
	size_t host = strcspn(name, "/:"), n = strlen(domain);

	return host > n && strncmp(name + host - n, domain, n) == 0 ? host : 0;
}

/* A prefix ends where a part of the name does. HOST is also one of HOST:PORT, as it is for podman and skopeo. */
static size_t match(const char *prefix, const char *name)
{
	size_t n = strlen(prefix);

	if (prefix[0] == '*')
		return match_wildcard(prefix + 1, name);
	return strncmp(prefix, name, n) == 0 && strchr("/:@", name[n]) ? n : 0;
}

const struct reg_table *conf_find(const struct reg_conf *c, const char *name, size_t *ret_len)
{
	const struct reg_table *best = NULL;
	size_t best_len = 0;

	for (size_t i = 0; i < c->tables.n; i++) {
		const struct reg_table *t = &c->tables.v[i];
		size_t len = match(t->prefix, name);
		bool more = len > best_len;

		/* as long as the other: a name goes before a wildcard, a longer wildcard before a shorter one */
		if (len && len == best_len)
			more = t->prefix[0] != '*' ||
			       (best->prefix[0] == '*' && strlen(t->prefix) > strlen(best->prefix));
		if (more) {
			best = t;
			best_len = len;
		}
	}
	*ret_len = best_len;
	return best;
}

/* --- what it makes of the name --- */

bool reg_is_loopback(const char *host)
{
	size_t n = host[0] == '[' ? strcspn(host, "]") : strcspn(host, ":");
	auto_free char *name = xstrndup(host + (host[0] == '['), host[0] == '[' ? n - 1 : n);
	struct in6_addr six;
	struct in_addr four;

	if (host[0] == '[')
		return host[n] && inet_pton(AF_INET6, name, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (STREQ(name, "localhost"))
		return true;
	return inet_pton(AF_INET, name, &four) == 1 && (ntohl(four.s_addr) >> 24) == 127;
}

/* Takes ref over. */
static void place_init(struct reg_place *p, struct image_ref *ref, bool insecure, const struct reg_at *at)
{
	p->ref = *ref;
	*ref = (struct image_ref){ 0 };
	p->host = xstrdup(STREQ(p->ref.registry, HUB) ? HUB_HOST : p->ref.registry);
	p->plain_http = insecure || reg_is_loopback(p->host);
	p->unverified = insecure;
	p->origin = at ? xasprintf("%s:%u", at->file, at->line) : NULL;
}

/* The same. */
static void add_place(struct reg_places *l, struct image_ref *ref, bool insecure, bool mirror, const struct reg_at *at)
{
	struct reg_place *p = XGROW(l->v, l->n, l->cap);

	place_init(p, ref, insecure, at);
	p->mirror = mirror;
}

static int blocked(const struct reg_table *t, struct err *err)
{
	err_set(err, ERR_PERM, "registry '%s' is blocked in %s:%u", t->prefix, t->at.file, t->at.line);
	return err_hint(err, "take 'blocked = true' away there, or use another registry");
}

static int bad_location(const char *location, const struct reg_at *at, struct err *err)
{
	return err_wrap(err, "%s:%u: location '%s'", at->file, at->line, location);
}

/* name with its first n characters replaced by the location. */
static int relocate(const char *name, size_t n, const char *location, const struct reg_at *at, struct image_ref *ret,
	struct err *err)
{
	auto_free char *moved = *location ? xasprintf("%s%s", location, name + n) : xstrdup(name);
	const size_t host = strcspn(moved, "/");
	struct image_ref there;

	if (ref_parse(moved, &there, err) < 0)
		return bad_location(location, at, err);
	/* ref_parse() takes what does not look like a host for a repository of docker.io */
	if (STREQ(there.registry, HUB) && (host < strlen(HUB) || memcmp(moved + host - strlen(HUB), HUB, strlen(HUB)) != 0)) {
		ref_done(&there);
		err_set(err, ERR_INPUT, "it does not begin with a host: that has a dot or a port, or is localhost");
		return bad_location(location, at, err);
	}
	*ret = there;
	return 0;
}

static bool mirror_serves(const struct reg_mirror *m, const struct image_ref *ref)
{
	return m->use == MIRROR_ALL || (m->use == MIRROR_DIGEST_ONLY) == (ref->digest != NULL);
}

static int add_mirrors(const struct reg_table *t, const struct image_ref *ref, const char *name, size_t n, bool unverified,
	struct reg_places *l, struct err *err)
{
	for (size_t i = 0; i < t->n_mirrors; i++) {
		const struct reg_mirror *m = &t->mirrors[i];
		struct image_ref there;

		if (!mirror_serves(m, ref))
			continue;
		if (relocate(name, n, m->location, &m->at, &there, err) < 0)
			return -1;
		add_place(l, &there, unverified || m->insecure, true, &m->at);
	}
	return 0;
}

static int add_all(const struct reg_conf *c, const struct image_ref *ref, unsigned flags, struct reg_places *l, struct err *err)
{
	const bool unverified = flags & REG_UNVERIFIED;
	auto_free char *name = ref_format(ref);
	struct image_ref there = { 0 };
	size_t n;
	const struct reg_table *t = conf_find(c, name, &n);

	if (t && t->blocked)
		return blocked(t, err);
	if (!t || flags & REG_PUSH) {
		if (ref_parse(name, &there, err) < 0)
			return -1;
		add_place(l, &there, unverified || (t && t->insecure), false, t && t->insecure ? &t->at : NULL);
		return 0;
	}
	if (add_mirrors(t, ref, name, n, unverified, l, err) < 0 || relocate(name, n, t->location, &t->at, &there, err) < 0)
		return -1;
	add_place(l, &there, unverified || t->insecure, false, &t->at);
	return 0;
}

int reg_conf_places(const struct reg_conf *c, const struct image_ref *ref, unsigned flags, struct reg_places *ret, struct err *err)
{
	struct reg_places l = { 0 };

	if (add_all(c, ref, flags, &l, err) < 0) {
		reg_places_done(&l);
		return -1;
	}
	*ret = l;
	return 0;
}

/* --- a registry --- */

/* Without scheme and path; docker.io's other names are its own. malloc'ed. */
static char *server_host(const char *server)
{
	const char *scheme = strstr(server, "://");
	const char *host = scheme ? scheme + 3 : server;
	char *name = xstrndup(host, strcspn(host, "/"));

	if (*server && !STREQ(name, "index.docker.io") && !STREQ(name, HUB_HOST))
		return name;
	free(name);
	return xstrdup(HUB);
}

int reg_server_name(const char *server, char **ret, struct err *err)
{
	auto_free char *host = server_host(server), *name = xasprintf("%s/x", host);
	struct image_ref ref = { 0 };
	bool good = ref_parse(name, &ref, NULL) == 0 && STREQ(ref.registry, host);

	ref_done(&ref);
	if (!good) {
		err_set(err, ERR_INPUT, "'%s' is not the name of a registry", server);
		return err_hint(err, "write HOST or HOST:PORT as in the names of images: with a dot or a port, or localhost");
	}
	*ret = take(host);
	return 0;
}

int reg_conf_server(const struct reg_conf *c, const char *server, unsigned flags, struct reg_place *ret, struct err *err)
{
	auto_free char *name = NULL;
	struct reg_place p = { 0 };
	const struct reg_table *t;
	struct image_ref ref;
	size_t n;

	if (reg_server_name(server, &name, err) < 0)
		return -1;
	t = conf_find(c, name, &n);
	if (t && t->blocked)
		return blocked(t, err);
	ref = (struct image_ref){ .registry = take(name), .repository = xstrdup("") };
	place_init(&p, &ref, flags & REG_UNVERIFIED || (t && t->insecure), t && t->insecure ? &t->at : NULL);
	*ret = p;
	return 0;
}
