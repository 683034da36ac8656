/* reserve.h - room that the journal keeps for itself: a file of 128 KiB beside it, of which a page is given up whenever the disk is full,
 * so that what happens then is still remembered; and made as large again as soon as there is room. That is enough for some hundred
 * transitions; compaction, which is due early then, gives back what the journal has grown by. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct reserve {
	int dir_fd;                      /* borrowed */
	int64_t bytes;                   /* that it holds now */
	int64_t again_ns;                /* monotonic: not tried before */
};

/* Makes it as large as there is room; tried at most once a second, and costs nothing otherwise. */
void reserve_hold(struct reserve *r);
/* True when room was made: what failed may be tried again. */
bool reserve_give_up(struct reserve *r);
bool reserve_is_full(const struct reserve *r);
