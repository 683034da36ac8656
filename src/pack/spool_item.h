/* spool_item.h - shared by spool.c and outline.c: what is told about an entry of the outer archive. */
#pragma once

#include <archive.h>
#include <archive_entry.h>
#include <jansson.h>

#include "spool.h"

enum { SPOOL_ENTRIES_MAX = 8192 };
enum { SPOOL_OTHER, SPOOL_LINK, SPOOL_FILE };
/* Sets "name", and of a link "link", its clean target. SPOOL_OTHER: a directory or the like, which is passed over; SPOOL_FILE: the caller
 * adds where its content is. */
int spool_item(struct archive_entry *e, json_t *item, size_t number, struct err *err);
