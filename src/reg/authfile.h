/* authfile.h - within src/reg: config.json and auth.json, the files that hold credentials or name the helpers that do. */
#pragma once

#include <jansson.h>

#include "creds.h"

/* The document; an empty object when there is no such file. */
int authfile_read(const char *path, json_t **ret, struct err *err);
/* Between reading and writing nobody else of ours changes it; closing *ret_fd ends that. Makes the directory when there is none. ERR_BUSY
 * when another has it for too long. */
int authfile_lock(const char *path, int *ret_fd, struct err *err);
/* For who holds the lock. Written beside and renamed, mode 0600, owned as before; a symbolic link stays one. */
int authfile_write(int lock_fd, const char *path, const json_t *doc, struct err *err);

/* docker-credential-NAME that holds what belongs to the registry; NULL: the file itself. Borrowed. */
const char *authfile_helper(const json_t *doc, const char *registry);
/* What helpers and `auths` call the registry when davit writes: docker.io has a name of its own there. */
const char *authfile_server(const char *registry);

/* From `auths`. The first, what is there for HOST/NAMESPACE… , the most specific; the second, for the whole registry.
 * 1: found, 0: not there, -1: an entry is wrong. */
int authfile_scoped(const char *path, const json_t *doc, const char *registry, const char *repository, struct reg_creds *ret,
	struct err *err);
int authfile_whole(const char *path, const json_t *doc, const char *registry, struct reg_creds *ret, struct err *err);

/* Changes `auths`: c NULL leaves an empty entry, which says that a helper has it. */
int authfile_set(const char *path, json_t *doc, const char *registry, const struct reg_creds *c, struct err *err);
/* Takes every entry for the whole registry away, whoever wrote it; how many. */
int authfile_unset(json_t *doc, const char *registry);
