/* creds.h - who we are for a registry: what `login` of davit, docker and podman has stored, and credential helpers.
 *
 * $REGISTRY_AUTH_FILE, when it is set, alone; else these, the first that has an answer: config.json of $DOCKER_CONFIG or ~/.docker
 * (which is what `davit login` writes), $XDG_RUNTIME_DIR/containers/auth.json or /run/containers/UID/auth.json,
 * ~/.config/containers/auth.json. See containers-auth.json(5) and Docker's "docker login".
 *
 * In each: `auths` by the most specific key, HOST/NAMESPACE/REPOSITORY down to HOST, `credHelpers` and `credsStore` for the host. Both
 * run docker-credential-NAME, once for a registry and a struct reg_env; it may ask a person and so take its time: REG_HELPER_S at most, and
 * never in a loop. So the engine
 * asks for all its places before its loop starts.
 *
 * Of an entry `auth`, or `username` and `password`, and `identitytoken` count. `registrytoken` does not: no login writes it, it would be a
 * bearer token without an end that is known, and podman, buildah and skopeo leave it alone, too. Nor does ~/.dockercfg, which docker itself
 * has not read since 23.0 (docs.docker.com, "Deprecated Engine features").
 *
 * What is secret is wiped when it is released and stands in no message. */
#pragma once

#include <stdbool.h>

#include "../util/err.h"
#include "env.h"

enum { REG_HELPER_S = 60 };

struct reg_creds {	      /* owned */
	char *user, *password;	  /* for Basic, and for asking the realm for a token; NULL: identity_token is it */
	char *identity_token;	  /* an OAuth2 refresh token for the realm; NULL: user and password are it */
	char *from;		  /* "/root/.docker/config.json" or "docker-credential-pass": for messages */
};
void reg_creds_done(struct reg_creds *c);
#define auto_reg_creds __attribute__((cleanup(reg_creds_done)))

/* registry and repository: reg_place's ref.registry and ref.repository; repository NULL: only what holds for the whole registry.
 * Blocks. 1: found, 0: there are none (asked anonymously), -1: a file is wrong, a helper fails or does not end. */
int reg_creds_find(const struct reg_env *env, const char *registry, const char *repository, struct reg_creds *ret, struct err *err);

/* For login and logout, in $REGISTRY_AUTH_FILE or Docker's config.json, with whatever `credHelpers` and `credsStore` there say; what
 * else the file says stays as it is. Blocks. *ret_where: where it went, as reg_creds.from; malloc'ed. */
int reg_creds_store(const struct reg_env *env, const char *registry, const struct reg_creds *c, char **ret_where, struct err *err);
/* 0: erased; 1: there was nothing. */
int reg_creds_erase(const struct reg_env *env, const char *registry, char **ret_where, struct err *err);
