/* parts.h - the keeper's inside. Only libc; no allocation. */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "keeper.h"

/* --- exits.c --- */
/* Opens RUN/exits; what fails is tried again at each record. run_fd is borrowed for life. */
void exits_open(int run_fd);
/* Writes the line of a child that ended and was not reaped. 0, or -1: it could not be written, try again
 * later. */
int exits_record(const siginfo_t *si);
/* -1 unless the text is a plain number, ended by a blank, a newline or its end. */
int64_t keeper_number(const char *s);

/* --- kept.c --- */
struct kept {
	int fd; /* -1: free */
	char name[KEEPER_NAME_MAX + 1];
};
/* Takes fd, in place of one of the same name; closes it when there is no room. */
void kept_add(const char *name, int fd);
void kept_drop(const char *name);
/* The i-th place, free or not; NULL: there are no more. */
const struct kept *kept_at(unsigned i);

/* --- program.c --- */
/* argv is borrowed for life. False: its path is too long. */
bool program_set(char **argv);
const char *program_path(void);
/* From the next start on it is this one, on trial. At most KEEPER_PATH_MAX bytes. */
void program_next(const char *path);
/* The running one does its work; fd is its file, taken. */
void program_well(int fd);
/* Just before each start. */
void program_starts(void);
/* The running one ended; true: it made room for another. */
bool program_ended(void);
bool program_on_trial(void);
/* The trial failed: it is the one before again. */
bool program_went_back(void);
/* Only returns when that fails, with errno. */
int program_exec(void);

/* --- link.c --- */
/* -1: none. */
int link_sock(void);
/* A new supervisor's: it is owed the kept descriptors and their end. */
void link_open(int sock);
/* What is only listened to: the descriptors that another keeper kept. */
void link_open_feed(int sock);
void link_hang_up(void);
/* Takes one message. False: no more for now. */
bool link_receive(void);
/* Something was added to exits; it is said once for many. */
void link_owe_notice(void);
bool link_owes(void);
/* When to send again; 0: when the socket is writable. */
int64_t link_again_ms(void);
/* Sends what is owed, as far as the socket takes it. */
void link_pay(void);

/* --- keeper.c --- */
int64_t keeper_now_ms(void); /* monotonic */
