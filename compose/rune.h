/* rune.h - private: the characters of a text beyond ASCII, and which of them are blanks or parts of a word. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The character at p < end and its bytes; one that is no UTF-8 is RUNE_BAD, of one byte. */
enum { RUNE_BAD = 0xfffd };
uint32_t rune_at(const char *p, const char *end, size_t *ret_len);
/* White space that does not end a line: ASCII's, U+0085 and the no-break space. */
bool rune_is_blank(uint32_t c);
/* Any white space. */
bool rune_is_space(uint32_t c);
/* A letter or a digit. Beyond ASCII: whatever is not known to be a sign, so that no script is left out. */
bool rune_is_word(uint32_t c);
