/* load_guess.h - private to load: what a text that is no YAML was meant to be. */
#pragma once

#include "load_tree.h"

/* Where libyaml stopped, and where what it was reading began (line 0: it does not say). */
struct broken {
	struct pos at, from;
};

/* Reports the mistake with its own place and words when it is one of those that people make; false: nothing was reported. */
typedef bool load_guess_fn(struct loader *l, const struct broken *b);
load_guess_fn guess_anywhere; /* a tab as indentation, a merge conflict */
load_guess_fn guess_key;      /* no key where one is wanted */
load_guess_fn guess_item;     /* no list item where one is wanted */
load_guess_fn guess_colon;    /* a ':' where none can be */
load_guess_fn guess_no_colon; /* a key without its ':' */
load_guess_fn guess_flow;     /* neither a ',' nor the bracket's end */
load_guess_fn guess_start;    /* a character that no text starts with */
load_guess_fn guess_name;     /* '*' or '&' without a name */
load_guess_fn guess_content;  /* no value where one is wanted */
load_guess_fn guess_escape;   /* "\p" */
load_guess_fn guess_quote;    /* the file ends in a quoted text */
load_guess_fn guess_dash;     /* a list item where none can be */
