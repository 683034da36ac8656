/* tree.h - private: short ways to look into a canonical tree. All take NULL for "there is none". */
#pragma once

#include <stdbool.h>

#include "node.h"

/* The child when it is of that kind and not empty of meaning, else NULL. */
static inline struct node *tree_map(const struct node *map, const char *key)
{
	struct node *n = map ? node_get(map, key) : NULL;

	return n && n->kind == NODE_MAP ? n : NULL;
}

static inline struct node *tree_seq(const struct node *map, const char *key)
{
	struct node *n = map ? node_get(map, key) : NULL;

	return n && n->kind == NODE_SEQ ? n : NULL;
}

static inline const struct node *tree_str_node(const struct node *map, const char *key)
{
	const struct node *n = map ? node_get(map, key) : NULL;

	return n && n->kind == NODE_STR ? n : NULL;
}

/* The text of a string, NULL when it is absent or empty. */
static inline const char *tree_str(const struct node *map, const char *key)
{
	const struct node *n = tree_str_node(map, key);

	return n && *n->text ? n->text : NULL;
}

static inline bool tree_true(const struct node *map, const char *key)
{
	const struct node *n = map ? node_get(map, key) : NULL;

	return n && n->kind == NODE_BOOL && n->b;
}

/* Whether the absence of a key may come of something that was reported. */
static inline bool tree_wrong(const struct node *map, const char *key)
{
	const struct node *n = map ? node_get(map, key) : NULL;

	return (map && map->wrong) || (n && n->wrong);
}

/* for (struct node_pair *p …) over a map that may be NULL; for the items of a list likewise. */
#define tree_each(map, p) \
	for (struct node_pair *p = (map) ? (map)->pairs : NULL; p && p < (map)->pairs + (map)->n; p++)
#define tree_items(seq, it) \
	for (struct node **it = (seq) ? (seq)->items : NULL; it && it < (seq)->items + (seq)->n; it++)
