/* env.c - the list of variables. */
#include "env.h"

#include <string.h>

#include "../src/util/arena.h"
#include "../src/util/auto.h"
#include "../src/util/str.h"

void env_init(struct env *e, struct arena *a)
{
	*e = (struct env){ .arena = a };
}

void env_done(struct env *e)
{
	map_done(&e->vars, NULL);
	*e = (struct env){ 0 };
}

const struct env_var *env_find(const struct env *e, const char *name)
{
	const struct env_var *v = e && e->first ? env_find(e->first, name) : NULL;

	if (v && v->value)
		return v;
	return e ? map_get(&e->vars, name) : NULL;
}

bool env_is_partial(const struct env *e)
{
	for (; e; e = e->first)
		if (e->partial)
			return true;
	return false;
}

const struct env_var *env_nearest(const struct env *e, const char *name)
{
	enum { SHORTEST = 4, MOST = 1000 }; /* the search takes its time */
	const char *near, *names[MOST + 1];
	size_t n = 0;

	if (strlen(name) < SHORTEST)
		return NULL;
	for (const struct env *at = e; at; at = at->first)
		map_each (&at->vars, it) {
			if (n < MOST && ((const struct env_var *)it->value)->value)
				names[n++] = it->key;
		}
	names[n] = NULL;
	near = str_nearest(name, names);
	return near ? env_find(e, near) : NULL;
}

const char *env_value(const struct env *e, const char *name)
{
	const struct env_var *v = env_find(e, name);

	return v ? v->value : NULL;
}

/* The texts are in the arena already. */
static void put(struct env *e, const char *name, const char *value, struct pos pos, bool overwrite)
{
	struct env_var *v = map_get(&e->vars, name);

	if (v && !overwrite)
		return;
	if (!v) {
		v = arena_alloc(e->arena, sizeof *v);
		v->name = name;
		map_set(&e->vars, name, v);
	}
	v->value = value;
	v->pos = pos;
}

void env_put(struct env *e, const char *name, const char *value, struct pos pos, bool overwrite)
{
	put(e, arena_strdup(e->arena, name), arena_strdup(e->arena, value), pos, overwrite);
}

void env_set(struct env *e, const char *name, const char *value, struct pos pos)
{
	put(e, name, value, pos, true);
}

void env_put_list(struct env *e, const char *const *list, bool overwrite)
{
	for (; list && *list; list++) {
		const char *eq = strchr(*list, '=');
		auto_free char *name = NULL;

		if (!eq || eq == *list)
			continue;
		name = strndup(*list, (size_t)(eq - *list));
		if (name)
			env_put(e, name, eq + 1, (struct pos){ 0 }, overwrite);
	}
}

void env_put_all(struct env *e, const struct env *from, bool overwrite)
{
	map_each (&from->vars, it) {
		const struct env_var *v = it->value;

		put(e, v->name, v->value, v->pos, overwrite);
	}
	e->partial |= from->partial;
	e->growth.spent += from->growth.spent;
	e->growth.read += from->growth.read;
	e->growth.vars += from->growth.vars;
}

const char *env_origin(struct arena *a, const struct env_var *v)
{
	if (!v->pos.file)
		return arena_printf(a, "%s is set in the environment", v->name);
	return arena_printf(a, "%s is set in %s:%u", v->name, v->pos.file, v->pos.line);
}
