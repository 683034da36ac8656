/* partial.h - what pulls that ended too early had fetched of layers' blobs: STATE/images/partial/HEX, for the next pull to go on with.
 *
 * A pull fetches into its own staging directory, whose flock tells the living from the dead (stage.h). When it ends, or when somebody finds it
 * dead, what it has of blobs comes here by rename, and a later pull takes it by rename into its own staging directory: nobody ever writes a
 * file that somebody else has, and no lock but that one is needed. Of two of the same blob the larger stays.
 *
 * Nothing here is believed. Who takes it hashes what is there and compares the whole with its digest (src/transfer/fetch.c); so none of it is
 * fsynced either: what a power cut has left of it is found to be wrong then, and is fetched anew.
 *
 * No image refers to it, so it goes by itself: a week after it came, or when the store has the blob, whenever the store is opened for
 * writing; and with a prune. */
#pragma once

#include <stdint.h>

#define PARTIAL_DIR "partial" /* of the store; stage_store() makes it */
enum { PARTIAL_DAYS = 7 };

/* What a blob that is to be kept so is called in a staging directory; malloc'ed. */
char *partial_file(const char *hex);
/* All of that name in a staging directory whose lock the caller has. What cannot be kept stays where it is, to go with the directory. */
void partial_keep(int images_fd, int stage_fd);
/* Takes what there is of that blob into the staging directory. Returns how many bytes; 0: none. What has more than max is no part of it and is removed. */
uint64_t partial_take(int images_fd, int stage_fd, const char *hex, uint64_t max);
/* Removes what is too old, or not needed any more. */
void partial_expire(int images_fd);
uint64_t partial_bytes(int images_fd);
/* Removes all. Returns how many bytes that were. */
uint64_t partial_drop(int images_fd);
