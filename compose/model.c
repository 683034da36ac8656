/* model.c - finding things in a project, and letting go of it. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "../src/util/arena.h"

static const void *find(const void *items, size_t n, size_t size, size_t offset, const char *key)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		const char *item = (const char *)items + mid * size;
		int order = strcmp(key, *(char *const *)(const void *)(item + offset));

		if (order == 0)
			return item;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct service *project_service(const struct project *p, const char *name)
{
	return find(p->services, p->n_services, sizeof *p->services, offsetof(struct service, name), name);
}

const struct network *project_network(const struct project *p, const char *key)
{
	return find(p->networks, p->n_networks, sizeof *p->networks, offsetof(struct network, key), key);
}

const struct volume *project_volume(const struct project *p, const char *key)
{
	return find(p->volumes, p->n_volumes, sizeof *p->volumes, offsetof(struct volume, key), key);
}

void project_free(struct project *p)
{
	if (p)
		arena_free(p->arena);
}
