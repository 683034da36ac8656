/* dump.h - private: what `config` prints, as a tree, before it becomes text. */
#pragma once

#include "model.h"

struct arena;
struct node;
struct buf;

/* A new tree in `a` with what the reference prints, in its order, dollars doubled. */
struct node *dump_view(struct arena *a, const struct project *p);
/* The same for one row's value (no dollars doubled); NULL: it is not printed. */
struct attr;
struct node *dump_value(struct arena *a, const struct attr *row, const struct node *n, bool raw);
void dump_json(struct buf *out, struct arena *a, const struct node *n, int indent);
