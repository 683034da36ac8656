/* keeper.h - what the keeper and its supervisor agree on.
 *
 * davit-keeper RUN/projects/NAME LOCK_FD [FEED_FD] -- PROGRAM ARGS…     is the subreaper of a project. It
 *   - keeps LOCK_FD (the project's flock) open for life,
 *   - runs PROGRAM (the supervisor) with descriptors KEEPER_FD, one end of a SOCK_SEQPACKET pair, KEEPER_LOCK_FD, the
 *     same lock, and /dev/null: as long as one of the two lives, or something that the supervisor has forked, nobody
 *     else starts a keeper,
 *   - for every child that ends: appends "PID START STATUS WALLNS\n" to RUN/…/exits before it is reaped, then
 *     sends KEEPER_EXIT (one for many, if the supervisor is slow to read),
 *   - keeps descriptors that the supervisor hands it (pty masters, …) under a name, and gives all of them to the
 *     next supervisor,
 *   - restarts the supervisor when it ends with anything but 0 (at once, then with a growing pause up to 1 s
 *     while it lives less than 10 s),
 *   - starts another program in its place when a supervisor asks for that, and goes back to the last one that was well
 *     when the new one ends three times before it is well, or is not within KEEPER_TRIAL_MS,
 *   - ends when the supervisor ends with 0 (unless it is on trial), or by SIGKILL; every other signal is blocked.
 * It parses nothing, allocates nothing after its start and links only libc. Exit status: 0, 125 for wrong
 * arguments, 127 when PROGRAM could not be executed the first time (and there is no child to keep).
 *
 * Messages on KEEPER_FD are one byte, then a text; names have at most 255 bytes. Both ends ignore what they do not know:
 *   keeper → supervisor:
 *     'x'        something was added to exits
 *     'f' NAME   and one descriptor: kept for you
 *     '.' TEXT   that was all of them (always sent once at start); KEEPER_TRIES: it knows 'p' and 'w', KEEPER_BACK: a
 *                program that was to take over did not, and you are the one before again
 *   supervisor → keeper:
 *     'f' NAME   and one descriptor: keep this (replaces one of the same name)
 *     'd' NAME   close it
 *     'p' PATH   start this program from now on, on trial; end with KEEPER_STATUS_NEXT, and it is started at once
 *     'w'        and one descriptor: I am well, this is my program
 * When the keeper dies, KEEPER_FD reaches its end: the supervisor then executes davit-keeper in its own place (with
 * its own hold of the lock; a supervisor that an older keeper started has none, and takes it),
 * which starts over with a fresh supervisor; its children stay its children.
 * FEED_FD is then one end of a SOCK_SEQPACKET pair whose other end is closed, with a KEEPER_FD_IS message for each
 * descriptor that the dead keeper kept. */
#pragma once

enum {
	KEEPER_FD = 3,
	KEEPER_LOCK_FD = 4,
	KEEPER_NAME_MAX = 255,
	KEEPER_PATH_MAX = 1023,
	KEEPER_FDS_MAX = 4096,
	KEEPER_STATUS_NEXT = 75,
	KEEPER_TRIAL_MS = 60000,
};
#define KEEPER_EXIT    'x'
#define KEEPER_FD_IS   'f'
#define KEEPER_FD_DROP 'd'
#define KEEPER_FD_END  '.'
#define KEEPER_NEXT    'p'
#define KEEPER_WELL    'w'
#define KEEPER_TRIES   '1'
#define KEEPER_BACK    'b'
