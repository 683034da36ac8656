/* places.h - where an image is asked for: its registry, or what containers-registries.conf(5) puts in its place or before it.
 *
 * Read are, as that manual and containers-registries.conf.d(5) say: $CONTAINERS_REGISTRIES_CONF, else
 * ~/.config/containers/registries.conf, else /etc/containers/registries.conf; and after it the drop-ins *.conf of
 * /etc/containers/registries.conf.d (unless the user's own file was read) and ~/.config/containers/registries.conf.d, in which a
 * [[registry]] replaces the earlier one of the same prefix. What belongs to short names is not used: names are normalised as Docker
 * does. Version 1 ([registries.insecure], [registries.block]) is read in the main file.
 *
 * Errors in these files are ERR_INPUT, "FILE:LINE:COLUMN: …". */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../image/image.h"
#include "../util/err.h"
#include "../util/str.h"
#include "env.h"

struct reg_place {
	char *host;	      /* what is connected to, HOST or HOST:PORT; docker.io is at registry-1.docker.io. Owned */
	struct image_ref ref; /* the image as it is named there; ref.registry is what credentials and certificates are
				 filed under ("docker.io"). Owned */
	bool plain_http;      /* may be spoken to without TLS, when it does not speak TLS: a loopback address, or insecure */
	bool unverified;      /* whatever certificate it shows is taken: insecure */
	bool mirror;	      /* one of [[registry.mirror]]; failing that, the next place is asked */
	bool optional;	      /* the caller's: there is another way to what it has, so who does not answer is asked once, and not for long */
	char *origin;	      /* "FILE:LINE" of what made this place other than its name says; NULL: nothing. Owned */
};
struct reg_places {
	struct reg_place *v; /* in the order in which they are asked; at least one */
	size_t n, cap;
};
void reg_places_done(struct reg_places *p);

enum {
	REG_PUSH = 1,	    /* for writing: the registry itself, neither mirrors nor another location (as the manual says) */
	REG_UNVERIFIED = 2, /* --tls-verify=false: every place counts as insecure */
};

struct reg_conf;
/* Files that are absent are empty; $CONTAINERS_REGISTRIES_CONF must be there. Bounded: 1 MiB and 256 drop-ins, 4096 tables. */
int reg_conf_load(const struct reg_env *env, struct reg_conf **ret, struct err *err);
void reg_conf_free(struct reg_conf *c);
/* What was read and has no effect ("FILE:LINE:COLUMN: unknown key 'insecur' …"), for a warning. Borrowed. */
const struct strs *reg_conf_warnings(const struct reg_conf *c);
/* ERR_PERM when the files block it: "registry 'x.example' is blocked in /etc/containers/registries.conf:7". */
int reg_conf_places(const struct reg_conf *c, const struct image_ref *ref, unsigned flags, struct reg_places *ret, struct err *err);

/* What the registry is called in names of images, as credentials are filed, when people write it for login: HOST[:PORT], maybe with a scheme
 * before and a path behind; "" is docker.io. malloc'ed; ERR_INPUT when it is none. */
int reg_server_name(const char *server, char **ret, struct err *err);
/* The place of that registry. ret->ref has an empty repository and no tag. */
int reg_conf_server(const struct reg_conf *c, const char *server, unsigned flags, struct reg_place *ret, struct err *err);
void reg_place_done(struct reg_place *p);

/* 127.0.0.0/8, [::1] or localhost, with or without a port. */
bool reg_is_loopback(const char *host);
