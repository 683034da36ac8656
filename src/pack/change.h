/* change.h - a change of the store that brings nothing new: names are taken away or given, and what nobody refers to any more is
 * removed. All of it under the store's lock.
 *
 * Order, so that a kill or power cut at any moment leaves the old or the new: index.json is on the disk before anything that it spoke of
 * goes. What goes is renamed into STATE/images/.gone-RANDOM first, so that a layer is there whole or not at all; the tree is removed when
 * the lock is released already. Who dies before leaves the directory, and whoever opens the store next removes it. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "../image/store.h"
#include "stage.h"

struct change {
	struct stage stage;
	struct image_store store; /* borrows from stage */
	json_t *index;
	int lock_fd;
	int gone_fd; /* -1: nothing has gone yet */
	char gone[32];
};
/* Takes the lock, at most 10 s, and reads the index. */
int change_begin(const char *state_dir, struct change *ret, struct err *err);
/* The same for who only looks, where nothing can be written, too. */
int change_look(const char *state_dir, struct change *ret, struct err *err);
/* change_begin() without an index, which is for the caller to set. */
int change_lock(const char *state_dir, bool look, struct change *ret, struct err *err);
/* index.json as it is now, on the disk when this returns. */
int change_write(struct change *c, struct err *err);
/* Takes dir/name out of the store. An absent one is fine. */
int change_away(struct change *c, const char *dir, const char *name, struct err *err);
/* What was taken out comes back. */
int change_back(struct change *c, const char *dir, const char *name, struct err *err);
/* Releases the lock, then removes what has gone. */
void change_end(struct change *c);

/* A descriptor of the index. */
struct entry {
	json_t *desc;	 /* owned, as the index had it when it was read */
	char *ref, *id;	 /* its name, normalised, and its image id; NULL: it has none, or the manifest cannot be read */
	enum { ENTRY_KEPT, ENTRY_NAMELESS, ENTRY_DROPPED } state;
};
struct entries {
	struct entry *v;
	size_t n;
};
void entries_read(const struct change *c, struct entries *ret);
/* The index becomes what the states say. A nameless one stays only where no other entry has its digest. True: that changes it. */
bool entries_apply(struct change *c, const struct entries *l);
void entries_done(struct entries *l);
/* A descriptor of the list has this digest. */
bool descs_have(const json_t *list, const char *digest);
