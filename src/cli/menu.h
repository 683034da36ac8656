/* menu.h - the keys of `up --menu`, and the line at the bottom of the screen that tells of them.
 *
 * While it is there the terminal gives each key at once and does not show it; Ctrl-C and Ctrl-Z do what they always do. Without a terminal
 * for both standard input and output there is no menu. NULL is fine everywhere: no menu. */
#pragma once

#include <stdbool.h>

#include "ui.h"

struct menu;
/* NULL: there is no terminal. ui is borrowed. */
struct menu *menu_new(struct ui *ui);
/* Takes the line away; the terminal is as it was. */
void menu_free(struct menu *m);
/* The line comes and goes around what else is printed; twice is as good as once. */
void menu_show(struct menu *m);
void menu_hide(struct menu *m);
/* Readable when a key was pressed; -1: never. */
int menu_fd(const struct menu *m);
/* Takes the next key that was pressed; 0: none was. */
char menu_key(struct menu *m);
/* What the line says of w: from now on the sources are watched, are not, or there is nothing to watch, as at first. */
enum menu_watch { MENU_NO_WATCH, MENU_UNWATCHED, MENU_WATCHED };
void menu_tell_watch(struct menu *m, enum menu_watch is);
