/* attr.h - THE attribute table: one row per key that a compose file may hold.
 *
 * One row feeds the type check, the long form, the merging of override files, what `config` prints and "did you mean". Rows are
 * tables of tables: an object's row names the rows of its keys, a list's or map's row names the row of its items.
 *
 * The canonical form, which is all that merge, check, lower and dump ever see:
 *   lists or maps of NAME=value      a map; the value is a string or null
 *   ports, volumes, devices, configs, secrets, env_file, gpus, include, develop.watch    a list of maps (long form)
 *   depends_on, networks, models     a map name → map (or null, where the user gave none)
 *   build, extends                   a map
 *   command, entrypoint, test        a list of strings, or null
 *   one-or-many strings              a list of strings
 *   extra_hosts                      a list of "host=ip"
 *   sizes                            a string of decimal digits (bytes)
 *   durations                        a string as Go prints it ("1m30s")
 *   external: {name: x}              external: true beside name: x
 *   numbers, booleans                NODE_INT, NODE_FLOAT, NODE_BOOL, whatever they were written as
 * `x-` keys stay as they are, wherever they stand.
 *
 * While variables are left alone (--no-interpolate) the tree is only ever printed, and as the reference prints it: values keep the
 * type they were written with, NAME=value lines stay a list where they were one, as does what AF_RAW marks; ssh becomes a map. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "node.h"

struct arena;
struct diag;

enum attr_type {
	A_STR,          /* a string */
	A_TEXT,         /* a string or a number; becomes a string */
	A_SCALAR,       /* a string, number or boolean; becomes a string */
	A_BOOL,
	A_INT,
	A_NUM,          /* integer or fraction, as precise as a float */
	A_SIZE, A_DUR,
	A_CMD,          /* words: a list, or a string that is split as a shell would */
	A_KV,           /* NAME=value lines or a map */
	A_SEQ,          /* a list; kids[0] is the row of the items */
	A_MAP,          /* a map with the user's keys; kids[0] is the row of the values */
	A_OBJ,          /* a map with the keys of kids */
};

/* What happens when two files have the key. "Earlier" is the base, "later" the override. A null on the later side changes nothing
 * unless the attribute is a command. */
enum attr_merge {
	M_REPLACE,      /* later wins as a whole */
	M_DEEP,         /* A_OBJ, A_MAP, A_KV: key by key, by the rows of the kids */
	M_APPEND,       /* lists: earlier then later */
	M_UNIQUE,       /* the same, equal items once; with an attr_item_key(), those of the same key (attr_unique) */
	M_REFUSE,       /* the same, an item in both is an error */
	M_BY_KEY,       /* lists of maps: an item of the same attr_item_key() takes the place of the earlier one (attr_unique) */
	M_SUBNETS,      /* lists of maps: the later one, completed by what the earlier one says of the same subnet */
	M_LOGGING,      /* M_DEEP when the drivers are equal or one is absent, else M_REPLACE */
};

enum attr_flag {
	AF_NULL   = 1 << 0,     /* may be null */
	AF_KEEP   = 1 << 1,     /* printed although it is empty, zero or false */
	AF_PATH   = 1 << 2,     /* a path on this host, relative to the directory of its file */
	AF_HIDE   = 1 << 3,     /* never printed */
	AF_NOTE   = 1 << 4,     /* accepted, without effect on a single Linux host */
	AF_ENUM   = 1 << 5,     /* words: one of these */
	AF_CTX    = 1 << 6,     /* a path that may also be a URL (build context) */
	AF_ONE    = 1 << 7,     /* A_SEQ: a single item may stand without the list */
	AF_POS    = 1 << 8,     /* numbers, bare sizes: must not be negative */
	AF_UNSET  = 1 << 9,    /* A_KV: a name without value stays null (environment, build args); else it is "" */
	AF_REQ    = 1 << 10,   /* must be there when its object is */
	AF_DOTTED = 1 << 11,   /* A_MAP: keys are names ([a-zA-Z0-9._-]+) */
	AF_NOX    = 1 << 12,   /* A_OBJ: x- keys are not allowed here */
	AF_SORT   = 1 << 13,   /* A_SEQ of strings: the order says nothing, it is printed sorted */
	AF_ZERO   = 1 << 14,   /* a limit, one number or two of them, with rules of its own for printing */
	AF_LATER  = 1 << 15,   /* understood and printed, not acted on yet */
	AF_QUOTED = 1 << 16,   /* A_SIZE: a string, never a bare number */
	AF_ALWAYS = 1 << 17,   /* printed although it is absent: null for a command, else nothing of its type */
	AF_SET    = 1 << 18,   /* A_KV: names that are set nowhere vanish (normalise.c) */
	AF_BARE   = 1 << 19,  /* A_BOOL, A_INT: no text, so neither quotes nor variables */
	AF_FRAC   = 1 << 20,  /* a number may have a fraction: A_TEXT keeps it, A_INT cuts it off, A_SIZE takes it for none */
	AF_ONCE   = 1 << 21,  /* lists, A_KV: the same line twice is an error */
	AF_OPEN   = 1 << 22,  /* A_OBJ: unknown keys are ignored, with a warning */
	AF_VALUE  = 1 << 23,  /* A_OBJ: JSON prints it even when it is empty, YAML does not */
	AF_XLESS  = 1 << 24,  /* A_OBJ: x- keys are allowed here, and printed nowhere */
	AF_YAML   = 1 << 25,  /* printed in YAML only */
	AF_RAW    = 1 << 26,  /* while variables are left alone, it stays as it was written: a string, a map, a number */
};

struct canon;
struct attr;
/* Turns a short form into the long one. Returns the node to go on with (may be n itself), NULL after it reported a problem. */
typedef struct node *attr_canon_fn(struct canon *c, const struct attr *row, struct node *n);
/* What identifies an item of a M_BY_KEY or M_UNIQUE list; NULL: nothing, never equal. In the arena. */
typedef const char *attr_key_fn(struct arena *a, const struct node *item);

struct attr {
	const char *key;                 /* NULL ends a table */
	enum attr_type type;
	enum attr_merge merge;
	unsigned flags;
	const struct attr *kids;
	attr_canon_fn *canon;
	attr_key_fn *item_key;
	const char *words;               /* AF_ENUM: "a|b|c" */
	int min, max;                    /* A_INT, A_NUM: the least and the greatest value, when max is not 0 */
	const char *print;               /* the key that `config` prints, NULL: key */
	const char *help;
};

extern const struct attr attr_root;      /* A_OBJ: the whole file */
extern const struct attr attr_service;   /* A_OBJ: one service */

/* The row for `key` in an object (or map: the row of its values). NULL: unknown key, or an x- key. */
const struct attr *attr_find(const struct attr *obj, const char *key);
bool attr_is_extension(const char *key);         /* x-… */

/* The item_key of lists whose items may be NAME=value: the name. */
attr_key_fn key_name;

/* Removes what the row's merge rule regards as the same item; the first place, the last content. For M_UNIQUE and M_BY_KEY. */
void attr_unique(struct arena *a, const struct attr *row, struct node *seq);
