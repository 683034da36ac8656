/* later.h - events that come about while the store's lock is held: they are told when it is released. Whoever reads them may be slow, or
 * stopped, and all others would wait for the lock as long as he does not read. */
#pragma once

#include <jansson.h>

struct later {
	void (*on_event)(void *arg, const json_t *ev); /* may be NULL */
	void *arg;
	json_t *kept; /* NULL: none yet */
};
/* Keeps it; takes it. */
void later_add(struct later *l, json_t *ev);
/* Tells what was kept, in its order. Not under the lock. */
void later_tell(struct later *l);
