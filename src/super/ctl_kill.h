/* ctl_kill.h - the request "kill".
 *
 * It is carried out at once, past any transaction: it is what ends one that hangs in a grace period. SIGKILL is done when what it was
 * sent to has ended, any other signal when it was sent. */
#pragma once

#include <jansson.h>

struct client;
struct killing;
struct super;

/* Sends what the request asks for. The client, which has to outlive what is returned, is told of each container, and "done" (perhaps
 * before this returns), or an "error" that names a container which has not ended within 10 s. The caller owns what is returned; NULL: the
 * request was refused. */
struct killing *killing_begin(struct super *s, struct client *c, const json_t *req);
/* To be called when containers may have ended, as long as the client has not been told "done" or "error". */
void killing_look(struct killing *k);
void killing_free(struct killing *k);    /* NULL is fine */
