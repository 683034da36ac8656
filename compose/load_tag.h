/* load_tag.h - what the tags of a file do. Private to load. */
#pragma once

#include "load_tree.h"

/* Kind, value and tag of a scalar whose text is set. name is the tag, NULL without one; plain: the text
 * stands without quotes. */
void load_tag_scalar(struct loader *l, struct node *n, const char *name, bool plain);
/* The tag of a list or mapping. */
void load_tag_collection(struct loader *l, struct node *n, const char *name);
