/* copy.h - file trees from here to there, where "there" may be a container that means harm.
 *
 * A tree is walked by descriptors (walk.c) and handed, entry by entry, to a sink: a directory (dir.c) or a tar stream (tar.c). What a
 * path means is decided once, by docker's rules (place.c); from then on nothing is used by a name of more than one part, and no link is
 * followed. So whatever a process does meanwhile to the directories on the way, nothing is read or written outside the two trees.
 *
 * Only regular files are ever opened; devices and fifos are made anew, sockets left out. Directories of the kernel's own file systems
 * (proc, sysfs and the like) come out empty, as mount points are in docker's archives.
 *
 * Memory does not grow with the tree but for the names of files with several links, 64 MiB of them: those beyond become files of their own. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "../util/err.h"

/* What paths are relative to. The host's own: fd AT_FDCWD. Else a directory that nothing leads out of, absolute links and ".." neither. */
struct copy_root {
	int fd;              /* borrowed */
	const char *name;    /* what messages put before a path: "web:"; "" for the host's */
};

/* --- place.c: docker's rules for the two paths of `cp` --- */
struct copy_source {
	int fd;              /* O_PATH, the thing itself */
	struct stat st;
	char *name;          /* the name it has in a directory that is there; NULL: only what is in it goes there ("DIR/.") */
	char *shown;         /* for messages */
};
/* follow: a link at the end of the path is followed; it keeps its own name. */
int copy_source_open(const struct copy_root *root, const char *path, bool follow, struct copy_source *ret, struct err *err);
void copy_source_done(struct copy_source *s);

struct copy_place {
	int dir_fd;          /* O_PATH, a directory that is there */
	char *name;          /* what the source is called in it; NULL: what is in the source goes into it */
	char *shown;
};
/* Where `what` goes when it is copied to path. A link there is followed, also one that leads nowhere yet. */
int copy_place_open(const struct copy_root *root, const char *path, const struct copy_source *what, struct copy_place *ret, struct err *err);
/* For a tar stream: a directory that is there. */
int copy_place_dir(const struct copy_root *root, const char *path, struct copy_place *ret, struct err *err);
void copy_place_done(struct copy_place *p);

/* --- what becomes of owners and privileges --- */
struct copy_rules {
	bool keep_owner;     /* else all is uid:gid's */
	uid_t uid;
	gid_t gid;
	bool keep_privilege; /* set-id bits and capabilities; without it they are dropped, and device nodes are for their owner only */
};

struct copy_count {
	uint64_t entries, bytes;     /* of file content */
	uint64_t sockets;            /* left out */
	uint64_t kernels;            /* directories and files of the kernel's, whose content was left out */
};

/* Copies. What is there is replaced: a file by a rename, so that nobody sees half of one; directories are joined; a directory never takes a
 * file's place or a file a directory's. On failure what was copied before it stays, which *count says. */
int copy_tree(const struct copy_source *from, const struct copy_place *to, const struct copy_rules *rules, struct copy_count *count,
	      struct err *err);
/* Writes a tar archive (pax) to fd, as docker does: entries begin with the source's name, times are of whole seconds. with_top: what is
 * copied for its content only has an entry itself, "./". */
int copy_tar(const struct copy_source *from, int fd, bool with_top, struct copy_count *count, struct err *err);

/* Set by who wants an end to it, in a signal handler, say: the copy fails soon, with what it was at taken away. */
extern volatile sig_atomic_t copy_stop;
int copy_stopped(struct err *err);
