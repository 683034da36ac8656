/* ui_progress.h - within ui_progress.c and ui_block.c only: what progress consists of. */
#pragma once

#include "../util/map.h"
#include "ui.h"

enum entry_state { WORKING, DONE, WARNED, FAILED };

struct entry {
	char *title;                     /* "Container demo-web-1"; of a part its name */
	char *status, *text;
	enum entry_state state;
	int64_t began_ns, ended_ns;
	int64_t told_ns;                 /* of a part: when its bytes were last told in JSON */
	uint64_t bytes, size;            /* of a part; size 0: nothing to measure */
	struct map parts;                /* name → struct entry, which have none themselves */
	bool shown;                      /* there is a line for it; changes with each drawing */
};

struct progress {
	struct ui *ui;
	const char *verb;
	struct map entries;              /* title → struct entry */
	size_t *drawn, n_drawn;          /* widths of the lines on the screen */
	bool dirty;
};

/* ui_block.c: the lines of the block. `widths` (room for one per entry, part and two more) is filled with their columns. Returns how many. */
size_t block_format(const struct progress *p, size_t width, size_t rows, int64_t now_ns, size_t *widths, struct buf *out);
/* How many widths that may be. */
size_t block_lines_max(const struct progress *p);
