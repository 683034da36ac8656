/* origin.h - a project is its name and where it comes from: the directory that its files' relative paths start from.
 *
 * Two checkouts of one repository give their projects the same name; who stands in the second must not act on the first. The
 * supervisor journals where the last `up` came from (journal.h, "project"): "working_dir" and "files", absolute, and the directory's
 * device and inode, "dev" and "ino", which a davit before this had not. The same directory by another path (symbolic link, bind mount)
 * is the same; a directory that was moved is, too, by its inode. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum origin_is {
	ORIGIN_SAME,             /* or nobody knows where it came from */
	ORIGIN_GONE,             /* another, which is no more */
	ORIGIN_OTHER,            /* another, which is there */
};
/* Compares the journaled line (NULL: there is none) with the directory `dir`. Looks at both directories only when their paths differ. */
enum origin_is origin_compare(const json_t *line, const char *dir);

/* What a request says of its caller: {"dir", "dev", "ino", "seen": the working_dir of the line that the caller has judged, may be
 * absent}. New reference. */
json_t *origin_of(const char *dir, const json_t *line);
/* Whether the project's line is still one that the caller has judged, or his own. Pure. Either may be NULL: then nothing is against it. */
bool origin_holds(const json_t *line, const json_t *origin);
/* Adds to a new line what the request says of the directory. */
void origin_note(json_t *line, const json_t *origin);
