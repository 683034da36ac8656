/* prompt.h - a person types an answer. */
#pragma once

#include <stdbool.h>

#include "../util/err.h"

/* Reads a line from standard input, which must be a terminal; `text` stands before it, on standard output. hidden: what is typed does not
 * show. Whatever signal ends the wait, the terminal is as before then: Ctrl-C ends this process as it would without us, Ctrl-Z stops it,
 * and it asks anew when it goes on. *ret is malloc'ed, for secret_free(); ERR_INPUT: the input ended, or the line is too long. */
int prompt_line(const char *text, bool hidden, char **ret, struct err *err);
/* "TEXT.\nAre you sure? [yN] " on standard error; whatever is read from standard input that is not yes is no; when there is
 * nothing to read, that is said, for a script. Every command that asks has --force. */
bool prompt_sure(const char *text);
