/* kept.c - descriptors that are kept for the next supervisor, in a table of fixed size. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "parts.h"

static struct kept kept[KEEPER_FDS_MAX];
static unsigned n_kept; /* used ones are below this */

static struct kept *kept_find(const char *name)
{
	for (unsigned i = 0; i < n_kept; i++)
		if (kept[i].fd >= 0 && strcmp(kept[i].name, name) == 0)
			return &kept[i];
	return NULL;
}

static struct kept *kept_room(void)
{
	for (unsigned i = 0; i < n_kept; i++)
		if (kept[i].fd < 0)
			return &kept[i];
	if (n_kept == KEEPER_FDS_MAX)
		return NULL;
	return &kept[n_kept++];
}

void kept_add(const char *name, int fd)
{
	struct kept *e = kept_find(name);

	if (e)
		close(e->fd);
	else
		e = kept_room();
	if (!e) {
		close(fd);
		return;
	}
	e->fd = fd;
	memcpy(e->name, name, strlen(name) + 1);
}

void kept_drop(const char *name)
{
	struct kept *e = kept_find(name);

	if (!e)
		return;
	close(e->fd);
	e->fd = -1;
	while (n_kept && kept[n_kept - 1].fd < 0)
		n_kept--;
}

const struct kept *kept_at(unsigned i)
{
	return i < n_kept ? &kept[i] : NULL;
}
