/* changes.c - the list of what changes: the data type. */
#include "explain.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"

static const char *const resource_str[] = {
	[CHANGE_IMAGE] = "image", [CHANGE_VOLUME] = "volume", [CHANGE_NETWORK] = "network", [CHANGE_CONTAINER] = "container",
	[CHANGE_SERVICE] = "service",
};
static_assert(ARRAY_LEN(resource_str) == CHANGE_NRESOURCES, "a name for every resource");

static const char *const action_str[] = {
	[CHANGE_BUILD] = "build", [CHANGE_PULL] = "pull", [CHANGE_CREATE] = "create", [CHANGE_RECREATE] = "recreate",
	[CHANGE_START] = "start", [CHANGE_RESTART] = "restart", [CHANGE_STOP] = "stop", [CHANGE_REMOVE] = "remove",
	[CHANGE_KILL] = "kill", [CHANGE_PAUSE] = "pause", [CHANGE_UNPAUSE] = "unpause", [CHANGE_PUSH] = "push", [CHANGE_UPDATE] = "update", [CHANGE_KEEP] = "keep",
};
static_assert(ARRAY_LEN(action_str) == CHANGE_NACTIONS, "a name for every action");

const char *change_resource_str(enum change_resource r)
{
	return resource_str[r];
}

const char *change_action_str(enum change_action a)
{
	return action_str[a];
}

struct change *changes_add(struct changes *c, enum change_resource resource, enum change_action action, const char *name,
			   const char *service, const char *why)
{
	struct change *it = XGROW(c->v, c->n, c->cap);

	it->resource = resource;
	it->action = action;
	it->name = xstrdup(name);
	it->service = xstrdup(service);
	it->why = xstrdup(why);
	it->rank = c->n;
	return it;
}

/* What a container holds is free before others are made; the books of volumes are written before anything is touched. */
static int stage(const struct change *c)
{
	switch (c->resource) {
	case CHANGE_IMAGE:
		return c->action == CHANGE_REMOVE ? 8 : 0;
	case CHANGE_VOLUME:
		return c->action == CHANGE_REMOVE ? 7 : 1;
	case CHANGE_NETWORK:
		return c->action == CHANGE_REMOVE ? 6 : 3;
	case CHANGE_SERVICE:
		return 4;
	default:
		return (c->action == CHANGE_REMOVE && !c->late) || c->action == CHANGE_STOP ? 2 : 5;
	}
}

static int by_time(const void *a, const void *b)
{
	const struct change *x = a, *y = b;

	if (stage(x) != stage(y))
		return stage(x) < stage(y) ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

void changes_sort(struct changes *c)
{
	if (c->n)
		qsort(c->v, c->n, sizeof *c->v, by_time);
}

size_t changes_count(const struct changes *c, enum change_action action)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->v[i].action == action;
	return n;
}

bool changes_any(const struct changes *c)
{
	return changes_count(c, CHANGE_KEEP) != c->n;
}

void changes_done(struct changes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].name);
		free(c->v[i].service);
		free(c->v[i].why);
		fields_done(&c->v[i].fields);
	}
	free(c->v);
	*c = (struct changes){ 0 };
}
