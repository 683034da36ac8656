/* nobody.c - whether those who only look should know that nobody supervises what they see.
 *
 * The keeper holds the project's lock for life. When it is killed the supervisor takes its place within milliseconds, and a keeper brings
 * up another supervisor as fast; so a free lock counts only when it is found free again and again. No supervisor is asked anything. */
#include "cli.h"

#include <time.h>
#include <unistd.h>

#include "../util/clock.h"

enum { LOOKS = 4, PAUSE_MS = 50 };

static bool anything_lives(const struct cli *c)
{
	map_each(&c->world.units, it)
		if (unit_rec_alive(it->value))
			return true;
	return false;
}

void cli_tell_nobody(struct cli *c)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * MS_NS };

	if (geteuid() != 0 || !anything_lives(c))        /* others may not look at the lock */
		return;
	for (int i = 0; i < LOOKS; i++) {
		if (i)
			nanosleep(&pause, NULL);
		if (lock_held(&c->pdirs))
			return;
	}
	if (anything_lives(c))           /* still: it is not that the project was taken down meanwhile */
		ui_warn(&c->ui, "nobody supervises project '%s': health is not probed, nothing is logged or restarted; any command that acts, "
			"'davit start' say, brings a supervisor back", c->name);
}
