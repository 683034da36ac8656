#include "touch.h"

#include "../util/clock.h"
#include "../util/json.h"
#include "../util/str.h"
#include "change.h"

static int touch_locked(struct change *c, const char *ref, const char *digest, struct err *err)
{
	struct entries l;
	bool found = false;
	char now[40];

	clock_format(clock_wall_ns(), now);
	entries_read(c, &l);
	for (size_t i = 0; i < l.n; i++) {
		if (!str_eq(l.v[i].ref, ref) || !str_eq(jx_str(l.v[i].desc, "digest"), digest))
			continue;
		jx_set_str(jx_obj(l.v[i].desc, "annotations"), PULLED_AT, now);
		found = true;
	}
	entries_done(&l);
	return found ? change_write(c, err) : TOUCH_LOST;
}

int pack_touch(const char *state_dir, const char *ref, const char *digest, struct err *err)
{
	struct change c;
	int r;

	if (change_begin(state_dir, &c, err) < 0)
		return -1;
	r = touch_locked(&c, ref, digest, err);
	change_end(&c);
	return r;
}
