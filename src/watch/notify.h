/* notify.h - which files change below some paths: inotify, for whole trees.
 *
 * A path is a file or a directory; one that is not there yet is waited for, as long as its directory is there. New directories are watched
 * and what is in them is told, so that nothing is missed that was made before the watch was there. When the kernel has lost events (there
 * were more than fs.inotify.max_queued_events), everything is looked through again, and all that is there or was there is told. Links are
 * told, not followed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../util/err.h"
#include "../util/str.h"

enum { NOTIFY_FILES_MAX = 1000000 };

/* dir: whether anything below that directory matters; else whether that file does. */
typedef bool notify_wanted_fn(void *arg, const char *path, bool dir);

struct notify;
int notify_open(notify_wanted_fn *wanted, void *arg, struct notify **ret, struct err *err);
void notify_close(struct notify *n);
/* path: absolute and clean. */
int notify_add(struct notify *n, const char *path, struct err *err);
int notify_fd(const struct notify *n);           /* readable: notify_read() */
/* Takes what has happened, without blocking. */
int notify_read(struct notify *n, struct err *err);
size_t notify_pending(const struct notify *n);
/* The paths that were made, changed or removed since the last call, sorted, each once; a directory before what is in it. */
void notify_take(struct notify *n, struct strs *ret);
/* All files that are there and matter. */
void notify_files(const struct notify *n, struct strs *ret);
