/* authfile.c - what the files say. Keys are written in several ways: docker writes a host, or a URL for what is old and for docker.io;
 * podman, skopeo and buildah write a host or a host with a path. */
#include "authfile.h"

#include <nettle/base64.h>
#include <strings.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/secret.h"
#include "../util/str.h"

#define HUB_SERVER "https://index.docker.io/v1/"

/* By each of these names it is asked, and found: the first one is written. */
static const char *const hub_names[] = { HUB_SERVER, "docker.io", "index.docker.io", "registry-1.docker.io" };

static bool is_hub(const char *registry)
{
	for (size_t i = 0; i < ARRAY_LEN(hub_names); i++)
		if (STREQ(registry, hub_names[i]))
			return true;
	return false;
}

const char *authfile_server(const char *registry)
{
	return is_hub(registry) ? HUB_SERVER : registry;
}

/* The i-th name that a registry has, NULL after the last. */
static const char *name_of(const char *registry, size_t i)
{
	if (is_hub(registry))
		return i < ARRAY_LEN(hub_names) ? hub_names[i] : NULL;
	return i == 0 ? registry : NULL;
}

const char *authfile_helper(const json_t *doc, const char *registry)
{
	const json_t *helpers = jx_obj(doc, "credHelpers");
	const char *name, *helper = NULL;

	for (size_t i = 0; !helper && (name = name_of(registry, i)); i++)
		helper = jx_str(helpers, name);
	if (!helper)
		helper = jx_str(doc, "credsStore");
	return helper && *helper ? helper : NULL;
}

/* --- one entry --- */

static int bad_auth(const char *path, const char *key, struct err *err)
{
	err_set(err, ERR_INPUT, "%s: 'auth' of '%s' is not USER:PASSWORD in base64", path, key);
	return err_hint(err, "log in again: davit login");
}

/* Splits "USER:PASSWORD". */
static int decode_auth(const char *path, const char *key, const char *auth, struct reg_creds *c, struct err *err)
{
	const size_t n = strlen(auth);
	auto_secret_buf struct buf text = BUF_INIT;
	struct base64_decode_ctx ctx;
	size_t len = BASE64_DECODE_LENGTH(n);
	char *colon;

	buf_room(&text, len);
	base64_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &len, (uint8_t *)text.p, n, auth) || !base64_decode_final(&ctx))
		return bad_auth(path, key, err);
	text.p[len] = '\0';
	while (len && !text.p[len - 1]) /* docker allows for zeros behind */
		len--;
	colon = memchr(text.p, ':', len);
	if (!colon || colon == text.p || strlen(text.p) != len)
		return bad_auth(path, key, err);
	c->user = xstrndup(text.p, (size_t)(colon - text.p));
	c->password = xstrdup(colon + 1);
	return 0;
}

static bool given(const char *s)
{
	return s && *s;
}

/* 1: it says who we are, 0: it is empty, as it is when a helper holds what belongs to it. */
static int read_entry(const char *path, const char *key, const json_t *entry, struct reg_creds *ret, struct err *err)
{
	const char *auth = jx_str(entry, "auth"), *token = jx_str(entry, "identitytoken");
	const char *user = jx_str(entry, "username"), *password = jx_str(entry, "password");
	auto_reg_creds struct reg_creds c = { 0 };

	if (given(auth)) {
		if (decode_auth(path, key, auth, &c, err) < 0)
			return -1;
	} else if (given(user)) {
		c.user = xstrdup(user);
		c.password = xstrdup(password ? password : "");
	}
	if (given(token)) {
		c.identity_token = xstrdup(token);
		secret_free(take(c.password));
	}
	if (!c.user && !c.identity_token)
		return 0;
	c.from = xstrdup(path);
	*ret = c;
	c = (struct reg_creds){ 0 };
	return 1;
}

/* --- which entry --- */

int authfile_scoped(const char *path, const json_t *doc, const char *registry, const char *repository, struct reg_creds *ret,
	struct err *err)
{
	const json_t *auths = jx_obj(doc, "auths");
	auto_free char *key = xasprintf("%s/%s", registry, repository);
	int r = 0;

	while (r == 0 && strlen(key) > strlen(registry)) {
		r = read_entry(path, key, json_object_get(auths, key), ret, err);
		*strrchr(key, '/') = '\0';
	}
	return r;
}

/* The host in "http://HOST/…", which stands for the whole registry, or the key itself. malloc'ed. */
static char *host_of(const char *key)
{
	const char *host = strncasecmp(key, "https://", 8) == 0 ? key + 8 : strncasecmp(key, "http://", 7) == 0 ? key + 7 : NULL;

	return host ? xstrndup(host, strcspn(host, "/")) : xstrdup(key);
}

static bool stands_for(const char *key, const char *registry)
{
	auto_free char *host = host_of(key);
	const char *name;

	for (size_t i = 0; (name = name_of(registry, i)); i++)
		if (STREQ(key, name) || STREQ(host, name))
			return true;
	return false;
}

int authfile_whole(const char *path, const json_t *doc, const char *registry, struct reg_creds *ret, struct err *err)
{
	json_t *auths = jx_obj(doc, "auths"), *entry;
	const char *name, *key;
	int r = 0;

	for (size_t i = 0; r == 0 && (name = name_of(registry, i)); i++)
		r = read_entry(path, name, json_object_get(auths, name), ret, err);
	if (r)
		return r;
	json_object_foreach(auths, key, entry) {
		r = stands_for(key, registry) ? read_entry(path, key, entry, ret, err) : 0;
		if (r)
			return r;
	}
	return 0;
}

/* --- changes --- */

static char *encode_auth(const struct reg_creds *c)
{
	auto_secret char *both = xasprintf("%s:%s", c->user ? c->user : "", c->password ? c->password : "");
	const size_t n = strlen(both);
	char *text = xcalloc(BASE64_ENCODE_RAW_LENGTH(n) + 1, 1);

	base64_encode_raw(text, n, (const uint8_t *)both);
	return text;
}

int authfile_unset(json_t *doc, const char *registry)
{
	json_t *auths = jx_obj(doc, "auths"), *entry;
	const char *key;
	void *next;
	int n = 0;

	json_object_foreach_safe(auths, next, key, entry) {
		if (stands_for(key, registry)) {
			json_object_del(auths, key);
			n++;
		}
	}
	return n;
}

int authfile_set(const char *path, json_t *doc, const char *registry, const struct reg_creds *c, struct err *err)
{
	json_t *entry = json_object(), *auths = json_object_get(doc, "auths");

	if (c) {
		auto_secret char *auth = encode_auth(c);

		json_object_set_new(entry, "auth", json_string(auth));
		if (c->identity_token)
			json_object_set_new(entry, "identitytoken", json_string(c->identity_token));
	}
	if (!auths || json_is_null(auths)) {
		auths = json_object();
		json_object_set_new(doc, "auths", auths);
	}
	authfile_unset(doc, registry);
	if (json_object_set_new(auths, authfile_server(registry), entry) < 0)
		return err_set(err, ERR_INPUT, "%s: 'auths' is not an object", path);
	return 0;
}
