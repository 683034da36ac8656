/* vol.h - named volumes: directories below STATE/volumes/NAME/_data with a meta.json beside; and what a
 * container needs mounted.
 *
 * Names are [a-zA-Z0-9][a-zA-Z0-9_.-]*, at most 255 bytes, used only relative to the store's descriptor.
 * Everything is idempotent and crash-safe: a volume exists when its meta.json does; it is made beside and
 * renamed. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "../src/util/err.h"

struct vol_spec {
	const char *name;		    /* full name: PROJECT_KEY */
	const char *project, *key;	    /* key NULL: anonymous (name is 64 hex digits) */
	const char *driver;		    /* NULL or "local"; anything else is refused */
	const json_t *labels;		    /* object of text */
	const json_t *driver_opts;	    /* the same; local's type/o/device is honoured at mount time */
	bool external;
};

struct vol_store;
int vol_open(const char *state_dir, struct vol_store **ret, struct err *err);
/* To look only (vol_path(), vol_list()): nothing is made. *ret is NULL when there never was a volume. */
int vol_look(const char *state_dir, struct vol_store **ret, struct err *err);
void vol_close(struct vol_store *s);

enum { VOL_EXISTS = 1 };
/* 0: made, VOL_EXISTS: it was there and belongs to this project (or is external), -1. A volume of another
 * project is used, too (docker compose does, with a warning): *ret_foreign says whose, malloc'ed ("" when it
 * is no project's), or NULL; ret_foreign itself may be NULL. External and absent: ERR_NOT_FOUND with a hint. */
int vol_create(struct vol_store *s, const struct vol_spec *spec, char **ret_foreign, struct err *err);
/* Absolute path of its _data directory, malloc'ed; NULL: there is none. */
char *vol_path(struct vol_store *s, const char *name);
/* 0 (also when absent) or -1. (worker: removes a tree) */
int vol_remove(struct vol_store *s, const char *name, struct err *err);
/* Takes away what a removal that was killed has left out of sight; vol_remove() does so, too. (worker) */
void vol_sweep(struct vol_store *s);
/* s NULL: an empty one. Array of {"name","project","key","driver","created","labels","mountpoint"}; project NULL: all. New
 * reference. */
json_t *vol_list(struct vol_store *s, const char *project);

/* First use: copies what the image has at `target` into the still empty volume (owners, modes, times, links,
 * xattrs; hard links inside it), then marks it as filled, so that a crash in between copies again from the
 * start. root_fd is the mounted rootfs; the walk stays in it. A target that the image lacks: the volume stays
 * empty and takes root:root 0755. (worker) */
int vol_copyup(struct vol_store *s, const char *name, int root_fd, const char *target, struct err *err);

/* A local volume with type/o/device options is mounted on its _data (once; idempotent), before it is bound
 * into a container. (worker) */
int vol_mount(struct vol_store *s, const char *name, struct err *err);

/* The other way round, when no container uses it any more: what vol_mount() mounted is unmounted; idempotent. (worker) */
int vol_let_go(struct vol_store *s, const char *name, struct err *err);

/* Secrets and configs as files: writes `data` to dir_fd/name with owner and mode; dir_fd is on tmpfs (the run
 * directory). */
int secret_write(int dir_fd, const char *name, const void *data, size_t n, unsigned uid, unsigned gid,
	unsigned mode, struct err *err);
