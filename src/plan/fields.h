/* fields.h - how two definitions differ, one line for each place, in the words of the user's file. Pure.
 *
 * A path is written as one would find the place: services.web.ports[1].published, services.web.labels["com.example.x"]. Values are JSON.
 * Lists whose order says nothing are compared as sets; where their items have a name of some kind (a port's target, a mount's path), by
 * that. Lists of words that belong together (command) are one value. */
#pragma once

#include <jansson.h>
#include <stddef.h>

struct field {
	char *path;
	char *from, *to;         /* JSON; NULL: it was not, or is not, there */
	char *note;              /* takes the place of the values: "contents changed"; else NULL */
};
struct fields {
	struct field *v;
	size_t n, cap;
};
/* Adds what differs between the two values (NULL: absent) at that path. */
void fields_compare(struct fields *f, const char *path, const json_t *from, const json_t *to);
/* from, to: texts, not yet JSON; either may be NULL. */
void fields_add_text(struct fields *f, const char *path, const char *from, const char *to);
void fields_add_note(struct fields *f, const char *path, const char *note);
void fields_done(struct fields *f);
