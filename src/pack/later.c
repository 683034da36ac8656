#include "later.h"

void later_add(struct later *l, json_t *ev)
{
	if (!l->kept)
		l->kept = json_array();
	json_array_append_new(l->kept, ev);
}

void later_tell(struct later *l)
{
	const json_t *ev;
	size_t i;

	json_array_foreach(l->kept, i, ev)
		if (l->on_event)
			l->on_event(l->arg, ev);
	json_decref(l->kept);
	l->kept = NULL;
}
