/* sides.c - a slot has two sides, "web-1" and "web-1+b": a successor that runs beside what it replaces needs a namespace, addresses and a
 * cgroup of its own. Which of them has the slot's container is in the records (unit_rec.rotation). No service is called so: names have no
 * "+". */
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "plan_ops.h"

#define SIDE "+b"

char *plan_other_side(const char *slot)
{
	size_t n = strlen(slot), k = strlen(SIDE);

	if (n > k && STREQ(slot + n - k, SIDE))
		return xstrndup(slot, n - k);
	return xasprintf("%s" SIDE, slot);
}

bool plan_is_held(const struct unit_rec *r)
{
	return r->rotation && STREQ(r->rotation, ROTATION_HELD);
}

/* Before the switch it is the old one, after it the new one; killed in between, both say they are: then the newer one is. */
bool plan_has_the_slot(const struct unit_rec *a, const struct unit_rec *b)
{
	if (!b || !b->id)
		return true;
	if (!a || !a->id)
		return false;
	if (plan_is_held(a) != plan_is_held(b))
		return plan_is_held(b);
	if (!a->rotation != !b->rotation)
		return !a->rotation;
	return a->created_ns >= b->created_ns;
}

char *plan_side_in_force(const struct world *w, const char *service, unsigned index)
{
	auto_free char *first = xasprintf("%s-%u", service, index), *second = plan_other_side(first);

	return plan_has_the_slot(map_get(&w->units, first), map_get(&w->units, second)) ? take(first) : take(second);
}
