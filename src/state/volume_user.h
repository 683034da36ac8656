/* volume_user.h - who has a volume, beside the project that made it. */
#pragma once

/* A container of another project that has the volume, running or not: "container 'b-web-1' of project 'b'", malloc'ed; NULL: none.
 * state_root: STATE. Reads what is recorded of each container when it is made. (worker: reads files of all projects) */
char *volume_user(const char *state_root, const char *but_project, const char *volume);
