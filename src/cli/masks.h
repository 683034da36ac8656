/* masks.h - what must not be given away, and how it is kept out of a text.
 *
 * A value is a secret when its name looks like one (DB_PASSWORD, api_token), when it is a URL with a password (that part of it), or when
 * whoever knows says so. Secrets are taken out of whole texts, wherever they occur: a container may have printed its password. Of a secret
 * of several lines each line counts. What is shorter than MASK_MIN_BYTES, or a word like "true", is not looked for in texts. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "../util/buf.h"
#include "../util/str.h"

enum { MASK_MIN_BYTES = 4 };
#define MASK "***"

struct masks {
	struct strs secrets;
};
void masks_done(struct masks *m);

/* Whether a value of that name is likely to be a secret; a NAME_FILE that is a path is none. value may be NULL. */
bool mask_name(const char *name, const char *value);
void masks_add(struct masks *m, const char *secret, size_t n);
/* Adds the value when its name looks like a secret, and the password of a URL in any case. NULL is no value. */
void masks_look(struct masks *m, const char *name, const char *value);

/* The same for what command lines and scripts are given: "--password=X", "--password X", "PASSWORD=X". What is a variable, a path or a
 * number is no secret here. */
void masks_look_words(struct masks *m, char *const *words, size_t n);

/* The same for every key of a tree that has a text. */
void masks_look_tree(struct masks *m, const json_t *tree);

/* Texts whose key looks like a secret become MASK, in place; so does every "content". */
void masks_tree(json_t *tree);
/* Replaces every secret in the text, as it is and as it stands in JSON. */
void masks_apply(struct masks *m, struct buf *text);
