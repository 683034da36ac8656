/* pos.h - where in the user's text something stands. libyaml counts from 0; only compose/load knows that. */
#pragma once

struct pos {
	const char *file;       /* as the user wrote it or as it was found; borrowed from the arena; NULL: nowhere */
	unsigned line, col;     /* from 1; 0: unknown */
};
