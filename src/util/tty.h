/* tty.h - what the terminal can do. */
#pragma once

#include <stdbool.h>

/* Columns of the terminal behind fd, 0 when it is none. COLUMNS wins. */
int tty_width(int fd);
/* Whether to colour what goes to fd: a terminal, NO_COLOR unset, TERM not dumb; mode "never", "always", "auto" (NULL). */
bool tty_colour(int fd, const char *mode);
