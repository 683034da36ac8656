/* dump.h - private: what `config` prints, as a tree, before it becomes text.
 *
 * The reference marshals structures of Go, and its two marshallers do not agree: JSON keeps empty structures and forgets nested x-
 * keys, YAML forgets empty structures and keeps x- keys; JSON sorts keys by their bytes, YAML as people number things. */
#pragma once

#include "model.h"

struct arena;
struct attr;
struct node;
struct buf;

enum dump_form { DUMP_JSON, DUMP_YAML };

/* What the reference prints in this form, in its order: a tree in `a` that shares parts with the project's, to be read only. */
struct node *dump_view(struct arena *a, const struct project *p, enum dump_form form);
/* The same for one row's value, as JSON. */
struct node *dump_value(struct arena *a, const struct attr *row, const struct node *n);

void dump_spaces(struct buf *out, int n);
/* As Go's encoding/json: `<`, `>` and `&` are escaped. indent < 0: everything on one line, without blanks. */
void dump_json(struct buf *out, struct arena *a, const struct node *n, int indent);
/* A whole document, with the newline at its end. */
void dump_yaml(struct buf *out, struct arena *a, const struct node *n);

/* Sorts the keys of one map as the reference's YAML does: "web2" before "web10", signs before letters. */
void dump_sort_naturally(struct node *map);
