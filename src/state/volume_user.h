/* volume_user.h - who has a volume, beside those that are about to go. */
#pragma once

/* A container that has the volume, running or not: "container 'b-web-1' of project 'b'", malloc'ed; NULL: none. Those of the project itself do
 * not count, or, when services (NULL-terminated) are given, those of these services. state_root: STATE. Reads what is recorded of each
 * container when it is made. (worker: reads files of all projects) */
char *volume_user(const char *state_root, const char *project, const char *const *services, const char *volume);
