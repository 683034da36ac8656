/* exits.c - the file of exits, as src/state/exits.c reads it.
 *
 * "PID START STATUS WALLNS" lines, each one write(2). A file of 1 MiB becomes exits.old; the first line of
 * the new one says how many bytes of records were written before it, so that a reader's offset goes on
 * counting. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "parts.h"

enum { EXITS_MAX = 1 << 20 };

static struct {
	int run_fd;
	int fd;		    /* -1: could not be opened yet */
	int64_t base;	    /* bytes of records before this file's own */
	int64_t head, size; /* of the first line; of the file */
} x = {.run_fd = -1, .fd = -1};

static int64_t wall_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t keeper_number(const char *s)
{
	char *end;
	int64_t v;

	if (*s < '0' || *s > '9')
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	return errno || (*end && *end != '\n' && *end != ' ') ? -1 : v;
}

/* Writes all or nothing at the file's end. */
static int exits_write(const char *text, size_t n)
{
	ssize_t done = write(x.fd, text, n);

	if (done == (ssize_t)n) {
		x.size += done;
		return 0;
	}
	if (done > 0 && ftruncate(x.fd, x.size) < 0)
		x.size += done; /* a torn line, which the next one joins: readers skip it */
	return -1;
}

/* The base that a file's first line says, and the length of that line. */
static void read_head(int fd, int64_t *ret_base, int64_t *ret_head)
{
	char head[32] = "";
	const char *nl;

	*ret_base = *ret_head = 0;
	if (pread(fd, head, sizeof head - 1, 0) < 3 || head[0] != '=' || head[1] != ' ')
		return;
	nl = strchr(head, '\n');
	if (!nl || keeper_number(head + 2) < 0)
		return;
	*ret_base = keeper_number(head + 2);
	*ret_head = nl + 1 - head;
}

/* How many bytes of records were written before a file that is to be made now. */
static int64_t base_after(const char *name)
{
	int64_t base = 0, head = 0;
	struct stat st;
	int fd = openat(x.run_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return 0;
	if (fstat(fd, &st) == 0) {
		read_head(fd, &base, &head);
		base += st.st_size - head;
	}
	close(fd);
	return base;
}

/* Makes an empty file with its first line under `name`. */
static int make_exits(const char *name, int64_t base)
{
	char head[32];
	int n = snprintf(head, sizeof head, "= %lld\n", (long long)base);
	int fd = openat(x.run_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -1;
	if (write(fd, head, (size_t)n) != n) {
		close(fd);
		unlinkat(x.run_fd, name, 0);
		return -1;
	}
	return fd;
}

/* Opens what an earlier keeper left, or makes it (after exits.old, when that one died in the middle of
 * rotate()). */
static void open_exits(void)
{
	struct stat st;
	char last = '\n';
	int fd = openat(x.run_fd, "exits", O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		fd = make_exits("exits", base_after("exits.old"));
	if (fd < 0)
		return;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return;
	}
	x.fd = fd;
	x.size = st.st_size;
	read_head(fd, &x.base, &x.head);
	if (st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n')
		exits_write("\n", 1);
}

/* The full file becomes exits.old, and exits starts anew where that one ends. Readers find a moment without
 * exits; they then see the old one whole. When anything fails the full file simply grows on. */
static void rotate(void)
{
	int64_t base = x.base + x.size - x.head;
	int fd = make_exits("exits.new", base);

	if (fd < 0)
		return;
	if (renameat(x.run_fd, "exits", x.run_fd, "exits.old") < 0 ||
		renameat(x.run_fd, "exits.new", x.run_fd, "exits") < 0) {
		close(fd);
		return;
	}
	close(x.fd);
	x.fd = fd;
	x.base = base;
	x.head = x.size = lseek(fd, 0, SEEK_END);
}

/* Field 22 of /proc/PID/stat. The second field, the name, may hold anything, but it ends with the last ')'.
 * 0: not known. */
static uint64_t start_time(pid_t pid)
{
	char path[32], text[1024];
	ssize_t n;
	char *p;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p + 1, NULL, 10) : 0;
}

int exits_record(const siginfo_t *si)
{
	int status = si->si_code == CLD_EXITED ? si->si_status : 128 + si->si_status;
	char line[96];
	int n;

	if (x.fd < 0)
		open_exits();
	if (x.fd < 0)
		return -1;
	if (x.size > EXITS_MAX)
		rotate();
	n = snprintf(line, sizeof line, "%d %llu %d %lld\n", (int)si->si_pid,
		(unsigned long long)start_time(si->si_pid), status, (long long)wall_ns());
	return exits_write(line, (size_t)n);
}

void exits_open(int run_fd)
{
	x.run_fd = run_fd;
	open_exits();
}
