/* str.h - strict reading of numbers, sizes, durations; nearest words; small string helpers. All functions are pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREQ(a, b) (strcmp((a), (b)) == 0)
/* The same for long searches, where most texts differ in their first bytes. */
static inline bool str_same(const char *a, const char *b)
{
	return *a == *b && (!*a || (a[1] == b[1] && strcmp(a, b) == 0));
}

bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
bool str_eq(const char *a, const char *b);             /* both NULL is equal */

/* 0 and *ret, or -1: empty, sign (u64), leading blank, trailing garbage, out of range. Decimal only. */
int str_u64(const char *s, uint64_t *ret);
int str_i64(const char *s, int64_t *ret);
/* "12", "1.5", ".5", "5.", "1e3", "+1": what Go's ParseFloat takes, less hexadecimal, underscores, infinity and NaN. */
int str_f64(const char *s, double *ret);
int str_uint(const char *s, unsigned min, unsigned max, unsigned *ret);

/* "512m", "1.5GiB", "64kb", "1024", as docker's units.RAMInBytes reads it (powers of 1024, case ignored, blank before the unit
 * allowed). 0 or -1. */
int str_size(const char *s, int64_t *ret_bytes);
/* "1m30s", "100ms", "1.5h", "2d", "1w" as compose-go reads durations; "0" without unit is fine; may be negative. 0 or -1. */
int str_duration_ns(const char *s, int64_t *ret_ns);
/* The canonical text as Go prints a time.Duration: "1m30s", "2m0s", "100µs", "0s". */
void str_duration_format(int64_t ns, char buf[static 32]);
/* "10.5kB" as docker prints sizes (decimal units, 4 digits). */
void str_human_size(double bytes, char buf[static 24]);
/* "About a minute", "2 hours" as docker prints ages. */
void str_human_age(int64_t seconds, char buf[static 32]);

/* The word of the NULL-terminated list nearest to `word` by edit distance, NULL when none is near enough to suggest. Of very long
 * lists only the beginning is looked through. */
const char *str_nearest(const char *word, const char *const *list);
unsigned str_distance(const char *a, const char *b);

/* What an engine takes for the name of a container: [a-zA-Z0-9][a-zA-Z0-9_.-]+ */
bool str_is_container_name(const char *s);
bool str_is_utf8(const char *s, size_t n);
/* Bytes of the one UTF-8 character that s starts with (1 to 4), 0 when it is none or cut off after n bytes. */
size_t str_utf8_len(const char *s, size_t n);
/* That character, of those bytes. */
uint32_t str_utf8_decode(const char *s, size_t len);
/* How many characters begin in n bytes, which is what columns of the user's text count. */
size_t str_utf8_count(const char *s, size_t n);

/* An owned list of strings. v is NULL-terminated when not NULL, so it can be an argv. */
struct strs {
	char **v;
	size_t n, cap;
};
#define STRS_INIT ((struct strs){ 0 })
void strs_add(struct strs *l, const char *s);
void strs_addn(struct strs *l, const char *s, size_t n);
void strs_take(struct strs *l, char *s);               /* owns s from now on */
void strs_printf(struct strs *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool strs_has(const struct strs *l, const char *s);
void strs_done(struct strs *l);
#define auto_strs __attribute__((cleanup(strs_done)))
