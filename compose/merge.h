/* merge.h - one tree over another, by the rules of the attribute table.
 *
 * Both trees are canonical (canon_tree() was run on each): a list that is merged by key is a list of long
 * forms, environment and its like are maps. So merging never has to know a short form (merge_lines.h says what is different while
 * variables are left alone). `!reset` and
 * `!override` are taken out of a document before it is made canonical (merge_take_tags) and act on what the
 * document is merged onto (merge_apply_tags), so that nobody between has to look at node tags. */
#pragma once

#include <stddef.h>

#include "node.h"

struct arena;
struct stage_ctx;

/* The place of a tag: the keys from the root ("services", "web", "ports"). */
struct merge_tag {
	const char **keys;
	size_t n;
};
/* A document's tags in the order of its text, so that those of one service stand together. */
struct merge_tags {
	struct merge_tag *v;
	size_t n, cap;
};

/* Removes what is tagged !reset from the tree and notes the places of both sorts. A document that is itself
 * tagged has no place. */
void merge_take_tags(struct arena *a, struct node *doc, struct merge_tags *ret);
/* Removes the noted places from base, which stands `skip` keys below the root. */
void merge_apply_tags(struct node *base, const struct merge_tags *tags, size_t skip);
/* Merges `over` into base, which is changed and returned; nodes of `over` are used in it. A null over something
 * that is there changes nothing, but for commands. base NULL: over itself. */
struct node *merge_trees(const struct stage_ctx *s, struct node *base, struct node *over);
/* The same for two services (for extends); `name` is for messages. */
struct node *merge_services(const struct stage_ctx *s, const char *name, struct node *base, struct node *over);
