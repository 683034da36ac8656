/* scan.h - within src/reg: the words that header fields are made of (RFC 9110, 5.6). Each function moves *p behind what it took, and
 * leaves it alone when that is not there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

bool scan_is_token(char c);
size_t scan_token(const char **p, const char **ret_start); /* its length, 0: no token here */
void scan_space(const char **p);			   /* blanks and tabs */
void scan_comma(const char **p);			   /* any number of commas and blanks: list elements may be empty */
bool scan_char(const char **p, char c);
/* "…" with \ before any character; malloc'ed without them. NULL: it does not begin here, does not end, or has control characters. */
char *scan_quoted(const char **p);
/* token or "…"; malloc'ed or NULL. */
char *scan_value(const char **p);
