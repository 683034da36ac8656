/* node.h - the tree that the compose files are, from the first event to the canonical model.
 *
 * All nodes and texts live in one arena. Every node knows its place in the user's text and, when a variable
 * took part, where its value came from. Maps keep the order of the text; keys are unique. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "pos.h"

struct arena;

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_FLOAT, NODE_STR, NODE_SEQ, NODE_MAP };
/* What the text asked for with a tag; NODE_TIME only in what is printed: a string that stands for a point in time. */
enum node_tag { NODE_PLAIN, NODE_RESET, NODE_OVERRIDE, NODE_TIME };

struct node_pair;

/* Small, because there is one for every word of a file; what shares its place belongs to different kinds. */
struct node {
	enum node_kind kind : 8;
	enum node_tag tag : 8;
	bool quoted : 1; /* a scalar that was quoted or a block: always a string */
	bool marked : 1; /* as loaded: it, or something below, holds a tag or a '$'; the rest need not be looked through for them */
	bool wrong : 1;  /* reported already: a value that was taken out, or a list or map that may lack something */
	bool listed : 1; /* NODE_NULL: a NAME without value that stands in a list, not in a map */
	bool b : 1;      /* NODE_BOOL */
	bool is_u64 : 1; /* NODE_INT above LLONG_MAX: i holds the bits of an unsigned number */
	unsigned span;   /* length in the text, 0 when unknown */
	struct pos pos;
	const char *origin; /* "WEB_PORT is set in .env:3", NULL: the user's own text */
	const char *text;   /* scalars: the text as written (interpolated), never NULL; a port: its short form (canon_open_ports()) */
	size_t len;
	union {
		long long i;             /* NODE_INT */
		double f;                /* NODE_FLOAT */
		struct node **items;     /* NODE_SEQ: n */
		struct node_pair *pairs; /* NODE_MAP: n */
	};
	unsigned n, cap;          /* 0 for scalars */
	struct node_index *index; /* large maps: lookup by key; owned by node.c */
};

struct node_pair {
	const char *key;
	struct pos key_pos;
	struct node *value;
};

struct node *node_new(struct arena *a, enum node_kind kind, struct pos pos);
struct node *node_str(struct arena *a, const char *text, struct pos pos);
struct node *node_int(struct arena *a, long long v, struct pos pos);
struct node *node_bool(struct arena *a, bool v, struct pos pos);
struct node *node_float(struct arena *a, double v, struct pos pos);
/* Deep copy; positions and origins stay. */
struct node *node_copy(struct arena *a, const struct node *n);
/* Takes the value out of a node that was reported: what is left is empty, of that kind, and `wrong`. */
void node_spoil(struct node *n, enum node_kind kind);
size_t node_count(const struct node *n);                        /* with all that is below */
size_t node_bytes(const struct node *n);                        /* of the texts and keys in it */
struct node *node_get(const struct node *map, const char *key); /* NULL: absent (or not a map) */
struct node_pair *node_pair_get(const struct node *map, const char *key);
/* Sets or replaces; a new key goes to the end. Returns its pair. */
struct node_pair *node_set(struct arena *a, struct node *map, const char *key, struct pos key_pos,
	struct node *value);
/* The same for a key that the map does not have and that lives as long as the arena: it is neither looked up nor copied. */
void node_add(struct arena *a, struct node *map, const char *key, struct pos key_pos, struct node *value);
bool node_remove(struct node *map, const char *key);
/* After the pairs (or items) that stay were moved to the front of the array: n of them remain. */
void node_truncate(struct node *n, size_t count);
void node_push(struct arena *a, struct node *seq, struct node *item);
void node_sort_keys(struct node *map);
bool node_equal(const struct node *a, const struct node *b); /* by value, order of keys ignored */
const char *node_kind_str(enum node_kind kind);              /* "string", "number", "mapping", "list", … */
