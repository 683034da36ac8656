/* buf.h - a growing text.
 *
 * `p` is always a valid NUL-terminated string once something was added, NULL before; `len` does not count the NUL. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

struct buf {
	char *p;
	size_t len, cap;
};

#define BUF_INIT ((struct buf){ 0 })

void buf_add(struct buf *b, const void *data, size_t n);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));
/* Appends s; bytes that are not UTF-8 become U+FFFD. */
void buf_utf8(struct buf *b, const char *s);
size_t buf_utf8_char(struct buf *b, const char *s);    /* only the first character; returns its bytes; s is not empty */
/* Appends s as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD. */
void buf_json(struct buf *b, const char *s);
/* Makes room for n bytes (and a NUL) behind the text and returns where they go; add to len what was really put there. */
char *buf_room(struct buf *b, size_t n);
void buf_consume(struct buf *b, size_t n);     /* drops the first n bytes */
/* Hands the text over (never NULL) and empties b. */
char *buf_take(struct buf *b);
void buf_done(struct buf *b);

#define auto_buf __attribute__((cleanup(buf_done)))
