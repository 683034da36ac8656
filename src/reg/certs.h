/* certs.h - certificates for one registry, as containers-certs.d(5) and Docker lay them down: HOST[:PORT]/{*.crt,*.cert,*.key}. */
#pragma once

#include "../util/err.h"
#include "../util/str.h"
#include "env.h"

struct reg_certs {	/* owned; paths */
	struct strs ca; /* *.crt: authorities that count besides the system's, sorted by name */
	char *cert;	/* NAME.cert with which we show who we are, NULL: none */
	char *key;	/* its NAME.key */
};
/* registry: reg_place's ref.registry. The first of these directories that is there is used, alone: certs.d in
 * ~/.config/containers, /etc/containers, /etc/docker. ERR_INPUT: a certificate without its key, a key without its certificate, or
 * more than one pair. */
int reg_certs_find(const struct reg_env *env, const char *registry, struct reg_certs *ret, struct err *err);
void reg_certs_done(struct reg_certs *c);
