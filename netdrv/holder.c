/* Two ways to a holder. A socket that listens or talks is in /proc/net/{tcp,udp}[6] with its inode, and some
 * process has it among its descriptors. A reservation of ours only is bound, which no table shows: each davit
 * supervisor is asked for its sockets (pidfd_getfd) instead. */
#include "holder.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/path.h"
#include "../src/util/str.h"

enum { MAX_FDS = 200000, MAX_SUPERVISOR_FDS = 8192 };

struct search {
	uint32_t addr;
	unsigned port;
	bool udp;
	uint64_t inode; /* of the socket, 0: not in the tables */
	unsigned fds_left;
	char *ret;
	size_t size;
};

/* --- the tables --- */

/* One line: "sl: LOCAL:PORT REMOTE:PORT ST … inode". Addresses are hex words in the order of the machine. */
static bool line_holds(const struct search *s, const char *line, bool v6, uint64_t *ret_inode)
{
	char local[33] = "";
	unsigned port, state;
	uint64_t inode;
	if (sscanf(line, " %*u: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %" SCNu64,
		    local, &port, &state, &inode) != 4 ||
		port != s->port || !inode)
		return false;
	if (!s->udp && state != 0x0A) /* TCP_LISTEN; established ones share the port without holding it */
		return false;
	/* a v6 socket at :: holds the v4 port too; others do when they are mapped addresses, which is told by
	 * the last word */
	const char *word = v6 && strlen(local) == 32 ? local + 24 : local;
	uint32_t addr = ntohl((uint32_t)strtoul(word, NULL, 16));
	if (v6 && addr && strncasecmp(local, "0000000000000000FFFF0000", 24) != 0)
		return false;
	*ret_inode = inode;
	return !addr || !s->addr || addr == s->addr;
}

static bool find_inode(struct search *s, const char *table, bool v6)
{
	char path[64], line[512];
	snprintf(path, sizeof path, "/proc/thread-self/net/%s%s", table, v6 ? "6" : "");
	auto_fclose FILE *f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		if (line_holds(s, line, v6, &s->inode))
			return true;
	s->inode = 0;
	return false;
}

/* --- processes --- */

/* A davit supervisor is `davit … --supervise NAME`; NAME into ret. */
static bool supervisor_name(int proc_fd, char *ret, size_t size)
{
	auto_buf struct buf b = BUF_INIT;
	if (path_read(proc_fd, "cmdline", 64 * 1024, &b, NULL) < 0 || !b.p)
		return false;
	bool next = false;
	for (size_t at = 0; at < b.len; at += strlen(b.p + at) + 1) {
		if (next) {
			snprintf(ret, size, "%s", b.p + at);
			return true;
		}
		next = STREQ(b.p + at, "--supervise");
	}
	return false;
}

static void describe(struct search *s, int proc_fd, const char *pid)
{
	char project[128];
	auto_buf struct buf comm = BUF_INIT;
	if (supervisor_name(proc_fd, project, sizeof project)) {
		snprintf(s->ret, s->size, "davit project '%s'", project);
		return;
	}
	path_read(proc_fd, "comm", 64, &comm, NULL);
	if (comm.p)
		comm.p[strcspn(comm.p, "\n")] = 0;
	snprintf(s->ret, s->size, "%s (pid %s)", comm.p && *comm.p ? comm.p : "a process", pid);
}

static DIR *open_fds(int proc_fd)
{
	int fd = openat(proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d && fd >= 0)
		close(fd);
	return d;
}

static bool has_inode(struct search *s, int proc_fd)
{
	char wanted[40], target[64];
	snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", s->inode);
	auto_closedir DIR *d = open_fds(proc_fd);
	struct dirent *e;
	while (d && s->fds_left && (e = readdir(d))) {
		s->fds_left--;
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
		if (n > 0 && (target[n] = 0, STREQ(target, wanted)))
			return true;
	}
	return false;
}

static bool socket_holds(const struct search *s, int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof a, tlen = sizeof(int);
	int type = 0;
	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &tlen) == 0 &&
	       type == (s->udp ? SOCK_DGRAM : SOCK_STREAM) &&
	       getsockname(fd, (struct sockaddr *)&a, &len) == 0 && a.sin_family == AF_INET &&
	       ntohs(a.sin_port) == s->port &&
	       (!s->addr || !a.sin_addr.s_addr || ntohl(a.sin_addr.s_addr) == s->addr);
}

static bool supervisor_holds(struct search *s, int proc_fd, int pid)
{
	char project[128], target[64];
	if (!supervisor_name(proc_fd, project, sizeof project))
		return false;
	auto_close int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	auto_closedir DIR *d = pidfd < 0 ? NULL : open_fds(proc_fd);
	unsigned left = MAX_SUPERVISOR_FDS;
	struct dirent *e;
	while (d && left-- && (e = readdir(d))) {
		unsigned number;
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof target - 1);
		if (n <= 0 || (target[n] = 0, !str_starts(target, "socket:")) ||
			str_uint(e->d_name, 0, INT32_MAX, &number) < 0)
			continue;
		auto_close int fd = (int)syscall(SYS_pidfd_getfd, pidfd, number, 0);
		if (fd >= 0 && socket_holds(s, fd))
			return true;
	}
	return false;
}

static bool search_processes(struct search *s)
{
	auto_closedir DIR *d = opendir("/proc");
	struct dirent *e;
	while (d && s->fds_left && (e = readdir(d))) {
		unsigned pid;
		if (!isdigit((unsigned char)e->d_name[0]) || str_uint(e->d_name, 1, INT32_MAX, &pid) < 0)
			continue;
		auto_close int proc_fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (proc_fd < 0)
			continue;
		if (s->inode ? !has_inode(s, proc_fd) : !supervisor_holds(s, proc_fd, (int)pid))
			continue;
		describe(s, proc_fd, e->d_name);
		return true;
	}
	return false;
}

bool holder_find(uint32_t host_addr, unsigned port, bool udp, char *ret, size_t size)
{
	struct search s = {
		.addr = host_addr, .port = port, .udp = udp, .fds_left = MAX_FDS, .ret = ret, .size = size
	};
	const char *table = udp ? "udp" : "tcp";
	if (!find_inode(&s, table, false))
		find_inode(&s, table, true);
	return search_processes(&s);
}
