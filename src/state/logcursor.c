/* logcursor.c - a cursor that outlives its process: LOGS/SLOT/cursor, one line of fixed length that is written over in place. So it needs
 * no room once it is there, and a kill leaves the old or the new one. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "logfile.h"
#include "logseg.h"

#define FORM_IN "%8" SCNu32 " %18" SCNd64 " %8" SCNu32 " %18" SCNd64 " %1[.]"
#define FORM_OUT "%08" PRIu32 " %018" PRId64 " %08" PRIu32 " %018" PRId64 " .\n"

enum { CURSOR_BYTES = 58 };

#define CURSOR_FILE "cursor"

int log_cursor_open(int logs_fd, const char *slot, struct log_cursor *ret, bool *ret_found)
{
	auto_close int dir_fd = seg_open_dir(logs_fd, slot);
	int fd = dir_fd < 0 ? -1 : openat(dir_fd, CURSOR_FILE, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char text[CURSOR_BYTES + 1] = "", dot[2];

	*ret = (struct log_cursor){ 0 };
	*ret_found = fd >= 0 && pread(fd, text, CURSOR_BYTES, 0) == CURSOR_BYTES &&
		     sscanf(text, FORM_IN, &ret->at[0].seq, &ret->at[0].offset, &ret->at[1].seq, &ret->at[1].offset, dot) == 5;
	if (!*ret_found)
		*ret = (struct log_cursor){ 0 };
	return fd;
}

void log_cursor_save(int fd, const struct log_cursor *c)
{
	char text[CURSOR_BYTES + 1];
	int n = snprintf(text, sizeof text, FORM_OUT, c->at[0].seq, c->at[0].offset, c->at[1].seq, c->at[1].offset);

	/* Without room the old one stays: what follows it is sent again. */
	if (fd >= 0 && n == CURSOR_BYTES && pwrite(fd, text, CURSOR_BYTES, 0) != CURSOR_BYTES)
		return;
}

void log_cursor_forget(int logs_fd, const char *slot)
{
	auto_close int dir_fd = seg_open_dir(logs_fd, slot);

	if (dir_fd >= 0)
		unlinkat(dir_fd, CURSOR_FILE, 0);
}
