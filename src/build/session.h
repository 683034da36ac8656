/* session.h - where builds work, and what is left of those that were killed.
 *
 *	STATE/build/storage          buildah's storage
 *	            storage-OS-ARCH  the same for images of another platform: it would take their steps from its cache for those of this one
 *	            names            flock: somebody gives images names in a storage (base_import.c)
 *	            lock             flock: shared while somebody builds; who gets it alone may remove what lies below tmp
 *	            tmp/SESSION/JOB  temporary files, layouts
 *	RUN/build/SESSION/JOB        run roots of storage and runtime */
#pragma once

#include "build.h"

struct session {
	const struct build_host *host;
	char *tmp, *run;
	char *name;                      /* SESSION: PROJECT-RANDOM; control groups have it, too (groups.h) */
	int lock_fd;
};
/* Removes first what dead builds left, if nobody else builds. BUILD_STOPPED: stop_fd became readable while somebody else removed things. */
int session_begin(const struct build_host *host, const char *project, int stop_fd, struct session *ret, struct err *err);
/* The storage for a platform (NULL: this host's); malloc'ed. */
char *session_storage(const struct session *s, const char *platform);
/* What has to be said about how a storage keeps layers; NULL: nothing. Where overlayfs cannot be used, and there is no fuse-overlayfs, buildah
 * goes over to whole copies ("vfs"), but fails at its next command over the directory that its own try of overlayfs has left. */
const char *session_driver(const char *storage);
/* Each storage that there is below a state directory. Stops at the first that fn returns -1 for, and returns that. */
int session_each_storage(const char *state_dir, int (*fn)(void *arg, const char *storage), void *arg);
/* Removes its directories; broken: processes were killed, so there may be working containers, too. */
void session_end(struct session *s, bool broken);
struct session_job {
	char *tmp, *run, *cgroup;
};
/* Makes a job's directories. */
int session_job_init(const struct session *s, size_t number, struct session_job *ret, struct err *err);
void session_job_done(struct session_job *j);
/* Takes the lock alone and removes what dead builds left: nobody builds until *ret_fd is closed. ERR_BUSY: somebody builds. */
int session_alone(const struct build_host *host, int *ret_fd, struct err *err);
