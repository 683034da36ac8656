#include "uses.h"

#include <stdlib.h>

#include "../util/str.h"

const struct pack_use *uses_of_id(const struct pack_uses *u, const char *id)
{
	for (size_t i = 0; id && i < u->n; i++)
		if (str_eq(u->v[i].image_id, id))
			return &u->v[i];
	return NULL;
}

const struct pack_use *uses_of_ref(const struct pack_uses *u, const char *ref)
{
	for (size_t i = 0; ref && i < u->n; i++)
		if (str_eq(u->v[i].ref, ref))
			return &u->v[i];
	return NULL;
}

void uses_done(struct pack_uses *u)
{
	for (size_t i = 0; i < u->n; i++) {
		free(u->v[i].project);
		free(u->v[i].what);
		free(u->v[i].image_id);
		free(u->v[i].ref);
	}
	free(u->v);
	*u = (struct pack_uses){ 0 };
}
