/* near.h - private: files that may have been meant by a name that is none. Directories are looked through up to a limit. */
#pragma once

struct arena;

/* The name of a file beside `path` that is nearly called so, as `path` says it; in the arena, NULL: there is none. */
const char *near_file(struct arena *a, const char *path);
/* The name of a file in `dir` that is nearly called like one of the names (NULL-terminated); likewise. */
const char *near_names(struct arena *a, const char *dir, const char *const *names);
