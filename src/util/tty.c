#include "tty.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "str.h"

#include <string.h>

int tty_width(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize ws;
	unsigned n;

	if (columns && str_uint(columns, 1, 10000, &n) == 0)
		return (int)n;
	if (ioctl(fd, TIOCGWINSZ, &ws) == 0)
		return ws.ws_col;
	return 0;
}

bool tty_colour(int fd, const char *mode)
{
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (mode && STREQ(mode, "never"))
		return false;
	if (mode && STREQ(mode, "always"))
		return true;
	if (no && *no)
		return false;
	return isatty(fd) && term && !STREQ(term, "dumb");
}
