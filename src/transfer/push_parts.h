/* push_parts.h - within push*.c only: what is under way. */
#pragma once

#include <event2/event.h>

#include "../image/image.h"
#include "../image/store.h"
#include "../reg/places.h"
#include "../reg/reg.h"
#include "push.h"

enum blob_state {
	BLOB_ASKED,                      /* whether it is there */
	BLOB_HELD,                       /* it is not, and waits for its turn */
	BLOB_SENT,                       /* on its way */
	BLOB_THERE,
	BLOB_GIVEN_UP,                   /* it failed, or nobody wants it any more */
};
struct push_blob {                       /* of one repository */
	struct push *p;
	const struct reg_place *at;      /* borrowed from the first image that wants it */
	char *digest, *from;             /* from: the repository to mount it from, NULL: none */
	uint64_t size, sent;
	enum blob_state state;
	int fd;                          /* while it is on its way; -1 */
	struct reg_call *call;
	int64_t told_ns;
};
struct push_doc {                        /* a manifest or an index */
	char *text, *type, *digest;
	size_t size;
};
struct push_one {                        /* an image */
	struct push *p;
	const struct push_image *what;
	struct image_ref ref;
	struct reg_places places;
	struct push_doc *docs;           /* in the order in which they go; the last one gets the name */
	size_t n_docs, cap_docs, n_put;
	struct push_blob **blobs;        /* borrowed from push.blobs */
	size_t n_blobs, cap_blobs;
	struct reg_call *call;           /* of a document */
	bool sending, ended;             /* sending: its documents */
	bool absent;                     /* the store has no such image */
};
struct push {
	const struct push_req *req;
	struct event_base *base;
	struct reg *reg;
	struct reg_conf *conf;
	struct reg_env env;
	struct image_store *store;
	json_t *index;                   /* of the store */
	struct push_one *v;              /* req->n of them */
	struct push_blob **blobs;
	size_t n_blobs, cap_blobs;
	bool begun;                      /* all images are read: it is known who wants what */
};

/* push_image.c: what an image consists of and where it goes. Fills all of `o` but calls; its blobs join p->blobs. */
int push_image_read(struct push *p, struct push_one *o, struct err *err);
/* Adds a document of the store, and, when it is a manifest, the blobs that it names. */
int push_image_add(struct push *p, struct push_one *o, const char *digest, struct err *err);
struct image;
/* push_index.c: the image of that name; without a platform this machine's, else any that is there. */
int push_look(struct push *p, const struct push_image *what, struct image **ret, struct err *err);
/* The digest of the index that an image of the store is part of when the store has all of it; NULL: there is none, or a part is
 * missing. manifests: those that it names. malloc'ed. */
char *push_index_of(struct push *p, const struct image *img, struct strs *manifests);
/* Another repository of the blob's registry that has it, as the names in the store say; NULL: none is known. malloc'ed. */
char *push_known_in(const struct push *p, const struct push_blob *b);
void push_one_done(struct push_one *o);
void push_blob_free(struct push_blob *b);
