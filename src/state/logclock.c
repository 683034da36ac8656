/* logclock.c - the base of this boot's keys. */
#include "logclock.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/proc.h"
#include "../util/str.h"
#include "logfile.h"
#include "logseg.h"

enum { SAME_MOMENT_NS = 50 * 1000, TRIES = 5 };

static int64_t boot_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * SEC_NS + ts.tv_nsec;
}

void log_clock_read(int64_t base_ns, int64_t *ret_wall, int64_t *ret_key)
{
	for (int i = 0; i < TRIES; i++) { /* again when we were interrupted between the two */
		int64_t before = boot_ns();

		*ret_wall = clock_wall_ns();
		*ret_key = base_ns + before;
		if (boot_ns() - before < SAME_MOMENT_NS)
			return;
	}
}

/* "BOOT-ID BASE". False: there is none of this boot. */
static bool read_base(int logs_fd, int64_t *ret)
{
	auto_close int fd = openat(logs_fd, LOG_CLOCK_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char text[80] = "";
	size_t id = strlen(proc_boot_id());
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (n <= (ssize_t)id + 1 || text[n - 1] != '\n' || memcmp(text, proc_boot_id(), id) != 0 || text[id] != ' ')
		return false;
	text[n - 1] = '\0';
	return str_i64(text + id + 1, ret) == 0;
}

/* The key of the slot's last record, INT64_MIN: it has none. */
static int64_t last_key(int dir_fd)
{
	auto_free uint32_t *list = NULL;
	int64_t key = INT64_MIN;
	size_t n;

	if (seg_list(dir_fd, &list, &n) < 0)
		return key;
	while (n-- > 0 && key == INT64_MIN) {
		auto_close int fd = seg_open(dir_fd, list[n], -1, O_RDONLY);

		if (fd >= 0)
			seg_last_key(fd, &key);
	}
	return key;
}

static int64_t last_key_of_all(int logs_fd)
{
	int fd = openat(logs_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int64_t last = INT64_MIN;
	struct dirent *e;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (e = readdir(dir))) {
		auto_close int slot = e->d_name[0] == '.' ? -1 : seg_open_dir(logs_fd, e->d_name);
		int64_t key = slot < 0 ? INT64_MIN : last_key(slot);

		if (key > last)
			last = key;
	}
	return last;
}

/* Not beside and renamed: half of it is as good as none, and a half file of another name would stay. */
static void write_base(int logs_fd, int64_t base)
{
	auto_close int fd = openat(logs_fd, LOG_CLOCK_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0)
		dprintf(fd, "%s %" PRId64 "\n", proc_boot_id(), base);
}

int64_t log_clock_base(int logs_fd)
{
	int64_t base, last;

	if (read_base(logs_fd, &base))
		return base;
	base = clock_wall_ns() - boot_ns();
	last = last_key_of_all(logs_fd);
	if (last >= base)
		base = last + 1;
	write_base(logs_fd, base);
	return base;
}

int64_t log_now_ns(int logs_fd)
{
	int64_t base, wall, key;

	if (logs_fd < 0 || !read_base(logs_fd, &base))
		return clock_wall_ns();
	log_clock_read(base, &wall, &key);
	return key;
}
