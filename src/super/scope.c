/* scope.c - into the project's unit: joined where it lives, made where it does not.
 *
 * A scope that lives on with containers in it, though keeper and supervisor were killed, cannot be made again (UnitExists): we write
 * ourselves into its cgroup, which is ours by delegation. */
#include "scope.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"

enum { CONNECT_MS = 2000, ARRIVE_MS = 5000, TRIES = 3 };

/* A connection to the systemd that runs this host; -1: there is none, or it lives in another pid namespace, where ours mean nothing. */
static int connect_systemd(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX, .sun_path = "/run/systemd/private" };
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval limit = { .tv_sec = CONNECT_MS / 1000 };    /* of connect() too, when its queue is full */
	struct ucred peer;
	socklen_t n = sizeof peer;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
	    connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
		return -1;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0 || peer.pid != 1)
		return -1;
	return take_fd(&fd);
}

/* systemd answers when it has a job for it; the job moves us. */
static int await_arrival(const char *project, struct err *err)
{
	const struct timespec pause = { .tv_nsec = 200 * 1000 };
	int64_t deadline = clock_mono_ns() + ARRIVE_MS * MS_NS;

	while (!cgroup_in_unit(project)) {
		if (clock_mono_ns() > deadline)
			return err_set(err, ERR_TIMEOUT, "systemd did not make the scope within %d s", ARRIVE_MS / 1000);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int make(const char *project, struct err *err)
{
	auto_free char *unit = xasprintf("davit-%s.scope", project), *what = xasprintf("davit project '%s'", project);
	auto_close int fd = connect_systemd();
	int r;

	if (fd < 0)
		return err_set(err, ERR_NOT_FOUND, "systemd does not listen");
	r = scope_ask(fd, unit, (uint32_t)getpid(), what, err);
	return r ? r : await_arrival(project, err);
}

/* Whoever joins may find that the last process has just left: then the unit goes, and can be made anew. */
int scope_enter(const char *project, struct err *err)
{
	auto_close int there = -1;
	int r;

	if (geteuid() != 0 || oci_host()->mode != CGROUP_V2 || access("/run/systemd/system", F_OK) < 0)
		return SCOPE_NONE;
	there = connect_systemd();
	if (there < 0)
		return SCOPE_NONE;
	if (cgroup_in_unit(project))
		return 0;
	for (int i = 0; i < TRIES; i++) {
		if (cgroup_join_unit(project) == 0)
			return 0;
		r = make(project, err);
		if (r != SCOPE_EXISTS)
			return r;
		nanosleep(&(struct timespec){ .tv_nsec = 50 * MS_NS }, NULL);
	}
	return err_set(err, ERR_BUSY, "davit-%s.scope exists and cannot be joined", project);
}
