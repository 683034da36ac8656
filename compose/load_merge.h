/* load_merge.h - `<<`, and what becomes of tags that are repeated. Private to load. */
#pragma once

#include "load_tree.h"

/* Adds to a map, which has all its own keys by now, what its `<<` says. */
void load_merge(struct loader *l, struct node *map, const struct node *value);
/* Takes out of a copied anchor what is tagged !reset in it: for the reference it was gone before it could be
 * repeated. */
void load_drop_resets(struct loader *l, struct node *copy);
