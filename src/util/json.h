/* json.h - jansson with checks.
 *
 * The getters return the default when the key is absent or of another type; where that matters use json_need_*, which fill err
 * ("field 'x' is missing", "field 'x' is not a string"). Strings are borrowed from the object. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"

static inline void auto_json_p(json_t **j)
{
	json_decref(*j);
}
#define auto_json __attribute__((cleanup(auto_json_p)))

const char *jx_str(const json_t *o, const char *key);                /* NULL when absent */
int64_t jx_int(const json_t *o, const char *key, int64_t otherwise);
bool jx_bool(const json_t *o, const char *key, bool otherwise);
json_t *jx_obj(const json_t *o, const char *key);                    /* NULL unless an object; borrowed */
json_t *jx_arr(const json_t *o, const char *key);                    /* NULL unless an array; borrowed */

int jx_need_str(const json_t *o, const char *key, const char **ret, struct err *err);
int jx_need_int(const json_t *o, const char *key, int64_t min, int64_t max, int64_t *ret, struct err *err);

/* An array of texts; NULL when one of them is not UTF-8, so that who packs it into an object gets none. New reference. */
json_t *jx_texts(char *const *v, size_t n);

/* Parses n bytes; depth is bounded by jansson, duplicate keys are refused. */
int jx_parse(const char *text, size_t n, json_t **ret, struct err *err);
int jx_load(int dir_fd, const char *name, size_t max, json_t **ret, struct err *err);
int jx_store(int dir_fd, const char *name, const json_t *j, mode_t mode, unsigned path_flags, struct err *err);
/* Sets key to a copy of s, or nothing when s is NULL. */
void jx_set_str(json_t *o, const char *key, const char *s);
void jx_set_int(json_t *o, const char *key, int64_t v);
void jx_set_bool(json_t *o, const char *key, bool v);
