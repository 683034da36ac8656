/* Preloaded, it lets the wall clock jump by the seconds that stand in the file $CLOCK_JUMP, for tests; compiled by them. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t id, struct timespec *ts)
{
	const char *path = getenv("CLOCK_JUMP");
	char text[32] = "";
	int r = (int)syscall(SYS_clock_gettime, id, ts), fd;

	if (r < 0 || id != CLOCK_REALTIME || !path || (fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return r;
	if (read(fd, text, sizeof text - 1) > 0)
		ts->tv_sec += atol(text);
	close(fd);
	return r;
}
