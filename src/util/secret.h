/* secret.h - memory that held passwords is wiped before it is anybody else's. */
#pragma once

struct buf;

void secret_free(char *s);              /* wipes the text and frees it; NULL is fine */
void secret_buf_done(struct buf *b);    /* the same for all the room it has; a buffer that grew left copies: make room first */
/* From here on jansson wipes what it frees, in this process, for good, and nothing of it goes into a core file. For programs that read or
 * write secrets as JSON. */
void secret_json(void);

static inline void secret_free_p(char **s)
{
	secret_free(*s);
}
#define auto_secret __attribute__((cleanup(secret_free_p)))
#define auto_secret_buf __attribute__((cleanup(secret_buf_done)))
