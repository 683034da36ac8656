#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"

static int log_fd = -1;
static enum log_level log_level = LOG_INFO;
static long log_max_bytes;

void log_to(int fd, enum log_level level, long max_bytes)
{
	log_fd = fd;
	log_level = level;
	log_max_bytes = max_bytes;
}

/* What comes from a container or a peer must not make lines of its own. */
static void one_line(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			*s = ' ';
}

static void keep_bounded(void)
{
	struct stat st;

	if (log_max_bytes <= 0 || fstat(log_fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		st.st_size <= log_max_bytes)
		return;
	if (ftruncate(log_fd, 0) == 0)
		lseek(log_fd, 0, SEEK_SET);
}

void log_at(enum log_level level, const char *fmt, ...)
{
	static const char *const word[] = { "error", "warn", "info", "debug" };
	int keep_errno = errno;
	char line[2048], when[40];
	va_list ap;
	size_t n;

	if (log_fd < 0 || level > log_level)
		return;
	clock_format(clock_wall_ns(), when);
	n = (size_t)snprintf(line, sizeof line, "%s %d %s: ", when, (int)getpid(), word[level]);
	va_start(ap, fmt);
	vsnprintf(line + n, sizeof line - n - 1, fmt, ap);
	va_end(ap);
	one_line(line + n);
	n += strlen(line + n);
	line[n++] = '\n';
	keep_bounded();
	if (write(log_fd, line, n) < 0)
		log_fd = errno == EBADF ? -1 : log_fd; /* nobody could be told about the rest */
	errno = keep_errno;
}
