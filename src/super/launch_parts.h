/* launch_parts.h - private to src/super: a container in the making, in the worker that makes it.
 *
 * The worker may block, and its memory ends with it, so nothing is released one by one. `attr` always names the attribute that the step
 * at hand is about: a failure is shown at its place in the user's file. */
#pragma once

#include "sup.h"

struct making {
	struct super *s;
	struct unit *u;
	const struct service *svc;
	struct image *img;
	const char *attr;                /* what the step at hand is about */
	char *dir, *bundle, *mountpoint;
	int dir_fd, bundle_fd, root_fd;
	struct image_user user;
	struct strs args, env, anon;
	struct oci_mount *mounts;
	size_t n_mounts, cap_mounts;
	unsigned n_subpaths;             /* pinned so far */
	json_t *contents;                /* launch_contents.c; NULL: none */
	bool pinned;                     /* it has contents that were kept in place of a file */
	struct launch launch;
	json_t *warnings;
};

/* launch_work.c: the directory it starts in, as the container sees it */
const char *making_cwd(const struct making *c);

/* launch_args.c: what Docker makes of the image's configuration and the service's attributes */
int making_args(struct making *c, struct err *err);
void making_env(struct making *c);
char *making_hostname(const struct making *c);
void making_add_all(struct strs *to, char *const *v, size_t n);

/* launch_mounts.c: volumes, binds, tmpfs; and what others bind */
int making_volumes(struct making *c, struct err *err);
void making_bind(struct making *c, const char *source, const char *target, bool read_only);
bool making_covers(const struct making *c, const char *target);

/* launch_files.c: secrets, configs, and the files of /etc that every container gets */
int making_files(struct making *c, const struct file_ref *refs, size_t n_refs, const struct file_object *objs, size_t n_objs,
		 const char *what, const char *where, unsigned base, struct err *err);
int making_etc(struct making *c, struct err *err);

/* launch_contents.c: the file to take for a config or secret; that it is bound in as it is; a container that was made before has what it had */
const char *making_file(struct making *c, const struct file_object *o);
void making_note_file(struct making *c, const struct file_object *o, const char *bound);
int making_pin(struct making *c, json_t *launch, struct err *err);

/* launch_hooks.c: a process file for each post_start and pre_stop; config.json is there already */
int making_hooks(struct making *c, struct err *err);

/* launch_seen.c: "mounts" and "exposed" of its record; both texts are bounded */
void making_seen(struct making *c, json_t *ret);

/* launch_note.c: what the supervisor has to remember */
int making_note(struct making *c, struct err *err);
