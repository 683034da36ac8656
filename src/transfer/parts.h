/* parts.h - within src/transfer: what a pull is made of.
 *
 * An item is an image that was asked for. Its layers (struct layer: something to unpack, known by blob and chain id) and their blobs (struct
 * fetch: something to download) belong to the run, since items share them. Who has come to an end says so to the item by item_fail() or
 * item_step(), and to nobody else; what no living item needs any more is ended by run_release().
 *
 * Memory: all of it lives as long as the run. Callbacks of the registry and of workers come from the loop only. */
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include "../pack/choose.h"
#include "../pack/grow.h"
#include "../pack/publish.h"
#include "../pack/unpack.h"
#include "../reg/places.h"
#include "../reg/reg.h"
#include "../util/proc.h"
#include "pull.h"

struct run;
struct item;

enum fetch_state { FETCH_WAITING, FETCH_RUNNING, FETCH_DONE, FETCH_FAILED };
struct fetch {
	struct run *run;
	struct staged_blob blob; /* file NULL: the store has it */
	char *digest;		 /* "sha256:…" */
	struct item *item;	 /* whose places are asked, */
	size_t place;		 /* and which of them */
	enum fetch_state state;
	struct reg_call *call;
	int fd;
	uint64_t bytes; /* that are there, hashed or being fetched */
	uint64_t have;	/* what it begins with: an earlier pull, or another place, has brought it; it is looked through first */
	uint64_t had;	/* of these, what an earlier pull has brought */
	struct hashed *hashed;
	void (*on_hashed)(struct fetch *f, const struct err *err);
	struct worker hasher;
	struct event hasher_event;
	bool wanted;   /* run_release()'s mark */
	bool gone;     /* nobody may take it for theirs any more */
	bool useless;  /* it is right, but no layer: it is not kept */
	bool in_hands; /* it is being published: its file may be in either place */
};

enum layer_state { LAYER_WAITING, LAYER_RUNNING, LAYER_DONE, LAYER_PRESENT, LAYER_FAILED };
struct layer {
	struct run *run;
	struct fetch *fetch;
	struct pack_layer pack;	    /* its blob is the fetch's */
	struct layer *other;	    /* unpacks the same chain from another blob; NULL: nobody does */
	bool hash_only;		    /* the chain is unpacked, or other does it: the blob is only looked through */
	enum layer_state state;
	struct grow grow;
	struct unpack unpack;
	struct worker worker;
	struct event event;
	struct staged_layer staged; /* dir is owned */
	bool published, wanted, gone;
	struct err err; /* what the worker failed with, while its blob may yet turn out to be to blame */
};

/* What of a layer was told about last. */
struct told {
	const char *state;
	uint64_t bytes, unpacked;
};

enum item_state { ITEM_WAITING, ITEM_RESOLVING, ITEM_PULLING, ITEM_WHOLE, ITEM_PUBLISHING, ITEM_DONE, ITEM_FAILED };
struct item {
	struct run *run;
	const struct pull_image *want;
	struct image_ref ref;
	char *name; /* what it is called in the store: NAME:TAG or NAME@DIGEST */
	struct platform platform;
	bool wished; /* for that platform */
	struct reg_places places;
	size_t place;
	enum item_state state;
	unsigned number, tries;
	struct reg_call *call;
	char *have;	     /* the digest by which the store knows what it has by this name, NULL: it has nothing, */
	char *have_manifest; /* its manifest's, and */
	char *have_id;	     /* its id */
	bool current;	     /* and the registry has nothing else */
	struct staged_blob index, manifest, config;
	json_t *doc; /* the manifest */
	int depth;   /* of indexes that led to it */
	char *config_digest; /* while the config is fetched, into */
	int config_fd;
	struct pack_image image;
	struct strs warnings;
	struct layer **layers; /* lowest first */
	size_t n_layers;
	struct told *told;
	struct err err;
};

struct run {
	const struct pull *what;
	struct event_base *base;
	struct reg_env env;
	struct reg_conf *conf;
	struct reg *reg;
	struct stage stage;
	struct image_store *store;
	struct item *items;
	size_t n_items;
	struct fetch **fetches;
	size_t n_fetches, cap_fetches;
	struct layer **layers;
	size_t n_layers, cap_layers;
	unsigned n_fetching, n_dirs, n_cpus;
	bool started; /* the loop runs, or is about to */
	bool no_room; /* the disk was full: nothing that is not whole is kept */
	struct item *publishing;
	struct staged_layer *staged; /* what goes with it */
	size_t n_staged;
	struct worker publisher;
	struct event publisher_event;
	struct event *tick;
	struct map told; /* what the registry client said → when (malloc'ed int64_t, monotonic) */
};

/* --- item.c: the way of an image --- */
void item_init(struct item *it, struct run *run, const struct pull_image *want);
void item_done(struct item *it);
void item_begin(struct item *it);			    /* names, what the store has, places; may block: before the loop */
void item_resolve(struct item *it);			    /* asks its present place, from the manifest on */
void items_start_some(struct run *run);			    /* resolves as many as may be under way at once */
void item_step(struct item *it);			    /* one of its layers or blobs has come to its end */
void item_fail(struct item *it, const struct err *why);	    /* copied */
void item_published(struct item *it, bool lost);
bool item_lives(const struct item *it);
bool item_uses(const struct item *it, const struct fetch *f);
/* Its present place failed: true when another one is asked instead. */
bool item_next_place(const struct item *it, size_t *place, const struct err *why);

void item_get(struct item *it, const char *what);	    /* the manifest of that name or digest; item_take_doc() follows */
void item_wrong(struct item *it, const struct err *why);    /* what its place says cannot be used: the next one, or it fails */

/* --- plan.c: from the manifest to layers --- */
void item_take_doc(struct item *it, const struct reg_doc *doc);
/* Whether the store has all layers of an image of its own: `system check --repair` takes damaged ones away, for the next pull to bring. */
bool plan_blobs_there(const struct item *it, const char *manifest_digest);

/* --- fetch.c --- */
struct fetch *fetch_get(struct item *it, const char *hex, uint64_t size, struct err *err);
void fetch_start_some(struct run *run);
void fetch_stop(struct fetch *f);

/* --- resume.c: what is there of a blob --- */
/* What the staging directory or an earlier pull has of it: f->have. */
void resume_find(struct fetch *f);
/* A worker hashes the f->have bytes of f->fd; done() follows, unless resume_stop() comes first. */
int resume_begin(struct fetch *f, void (*done)(struct fetch *f, const struct err *err), struct err *err);
void resume_stop(struct fetch *f);
/* After done: their hash, until resume_stop(). */
const struct sha256_ctx *resume_hash(const struct fetch *f);
/* They are all of it, and what they have to be. */
bool resume_is_whole(const struct fetch *f);

/* --- layer.c --- */
struct layer *layer_get(struct item *it, struct fetch *f, const struct pack_layer *pack, struct err *err);
void layer_start_some(struct run *run);
void layer_again(struct layer *l);  /* what was unpacked does not count */
void layer_ended(struct fetch *f);  /* the blob is whole and right */
void layer_stop(struct layer *l);
void layer_done(struct layer *l);
bool layer_settled(const struct layer *l); /* done, present or failed */

/* --- finish.c --- */
void finish_some(struct run *run);
void finish_stop(struct run *run);

/* --- space.c --- */
/* Whether there is room for all that is still to be written by what is under way, asked before more is begun. */
int space_check(const struct run *run, struct err *err);

/* --- report.c --- */
void report_image(const struct item *it, const char *state);
void report_layers(struct run *run);
void report_warn(const struct run *run, const char *text);
void report_registry(void *run, const char *text); /* of struct reg_opts */

/* --- pull.c --- */
void run_release(struct run *run); /* ends what no living item needs */
