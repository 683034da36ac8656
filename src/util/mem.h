/* mem.h - memory that is there or the process is not.
 *
 * Out of memory aborts with one line on standard error: recovery is the normal start (DESIGN, "Settled"). The keeper does not
 * use this. xrealloc_array checks the product. Returned memory is released with free(). */
#pragma once

#include <stddef.h>

void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc_array(void *p, size_t n, size_t size);
char *xstrdup(const char *s);                  /* NULL stays NULL */
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Makes room for one more in a growing array of *n items with capacity *cap and returns the new item, zeroed:
 *	struct port *p = XGROW(s->ports, s->n_ports, s->cap_ports); */
#define XGROW(v, n, cap) \
	(xgrow_room((void **)&(v), (n), &(cap), sizeof *(v)), &(v)[(n)++])
void xgrow_room(void **v, size_t n, size_t *cap, size_t size);
