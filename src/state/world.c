/* world.c - what the journal says now.
 *
 * Only the last line about a thing counts, so the lines are taken from the end: a line about a slot that is
 * settled already is passed over unparsed, which makes reading as fast as the world is small, not as the
 * journal is long. A line that cannot be read settles nothing: the one before it about the same thing then
 * counts. */
#include "journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/path.h"

enum { JOURNAL_MAX = 64 << 20, SLOT_MAX = 512 };

static char absent[] = "absent"; /* a mark, compared by address */

static void unit_free(void *p)
{
	struct unit_rec *r = p;

	if (!r)
		return;
	unit_rec_done(r);
	free(r);
}

void world_done(struct world *w)
{
	map_done(&w->units, unit_free);
	json_decref(w->project);
	*w = (struct world){0};
}

/* The part of a line after {"t":NUMBER, or NULL when it does not look as journal_append() writes it. */
static const char *after_time(const char *line, size_t n)
{
	const char *comma;

	if (n < 6 || memcmp(line, "{\"t\":", 5) != 0)
		return NULL;
	comma = memchr(line, ',', n < 32 ? n : 32);
	return comma ? comma + 1 : NULL;
}

static bool is_event(const char *line, size_t n)
{
	static const char key[] = "\"event\":";
	const char *p = after_time(line, n);

	return p && (size_t)(line + n - p) > sizeof key && memcmp(p, key, sizeof key - 1) == 0;
}

/* The slot a unit's line is about, when that can be told at a glance. */
static bool glance_slot(const char *line, size_t n, char ret[static SLOT_MAX])
{
	static const char key[] = "\"unit\":{\"slot\":\"";
	const char *p = after_time(line, n), *end;

	if (!p || (size_t)(line + n - p) < sizeof key || memcmp(p, key, sizeof key - 1) != 0)
		return false;
	p += sizeof key - 1;
	end = memchr(p, '"', (size_t)(line + n - p));
	if (!end || end - p >= SLOT_MAX || memchr(p, '\\', (size_t)(end - p)))
		return false;
	memcpy(ret, p, (size_t)(end - p));
	ret[end - p] = '\0';
	return true;
}

/* seen: slot → its record, or `absent`. */
static int settle_unit(struct map *seen, const json_t *unit, struct err *err)
{
	struct unit_rec *r;
	const char *slot, *state = jx_str(unit, "state");

	if (jx_need_str(unit, "slot", &slot, err) < 0)
		return -1;
	if (map_has(seen, slot))
		return 0;
	if (state && STREQ(state, absent) && !jx_obj(unit, "parked")) {
		map_set(seen, slot, absent);
		return 0;
	}
	r = xcalloc(1, sizeof *r);
	if (unit_rec_from_json(unit, r, err) < 0) {
		free(r);
		return -1;
	}
	map_set(seen, slot, r);
	return 0;
}

static int take_line(struct world *w, struct map *seen, const char *line, size_t n, struct err *err)
{
	auto_json json_t *j = NULL;
	json_t *unit, *project;
	char slot[SLOT_MAX];

	if (is_event(line, n) || (glance_slot(line, n, slot) && map_has(seen, slot)))
		return 0;
	if (jx_parse(line, n, &j, err) < 0)
		return -1;
	unit = json_object_get(j, "unit");
	if (unit)
		return settle_unit(seen, unit, err);
	project = jx_obj(j, "project");
	if (project && !w->project)
		w->project = json_incref(project);
	return 0;
}

static void take_lines(struct world *w, struct map *seen, const char *text, size_t len)
{
	const char *end = len ? memrchr(text, '\n', len) : NULL; /* what follows it is torn */

	while (end) {
		const char *nl = memrchr(text, '\n', (size_t)(end - text));
		const char *line = nl ? nl + 1 : text;
		auto_err struct err why = ERR_INIT;

		if (end > line && take_line(w, seen, line, (size_t)(end - line), &why) < 0)
			log_warn("journal: the line at byte %zu is skipped: %s", (size_t)(line - text),
				err_msg(&why));
		end = nl;
	}
}

static int by_service(const void *a, const void *b)
{
	const struct unit_rec *l = *(struct unit_rec *const *)a, *r = *(struct unit_rec *const *)b;
	int order = strcmp(l->service, r->service);

	if (!order && l->index != r->index)
		order = l->index < r->index ? -1 : 1;
	return order ? order : strcmp(l->slot, r->slot);
}

/* Moves the living ones into the world, in an order that does not depend on who changed last. */
static void fill_units(struct world *w, struct map *seen)
{
	struct unit_rec **list = xcalloc(seen->n + 1, sizeof *list);
	size_t n = 0;

	map_each(seen, it)
	{
		if (it->value != absent)
			list[n++] = it->value;
	}
	qsort(list, n, sizeof(struct unit_rec *), by_service);
	for (size_t i = 0; i < n; i++)
		map_set(&w->units, list[i]->slot, list[i]);
	free(list);
}

int world_load(int state_fd, struct world *ret, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	auto_err struct err why = ERR_INIT;
	struct map seen = MAP_INIT;
	struct world w = {0};

	if (state_fd < 0) { /* a project that has only a run directory left */
		*ret = w;
		return 0;
	}
	if (path_read(state_fd, "journal", JOURNAL_MAX, &text, &why) < 0 && why.errnum != ENOENT)
		return err_move(err, &why);
	take_lines(&w, &seen, text.p, text.len);
	fill_units(&w, &seen);
	map_done(&seen, NULL);
	*ret = w;
	return 0;
}
