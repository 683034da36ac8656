/* journal.h - what happened, one JSON object per line, appended before anybody hears of it.
 *
 * STATE/projects/NAME/journal. Each line is complete in itself: replaying means that the last line about a
 * thing wins. A torn last line (power cut) is cut off at the next open for writing, and ignored by readers.
 * Readers need no lock. Compaction rewrites the file beside and renames it: one line per living thing.
 *
 * Lines: {"t": wall ns, "unit": {struct unit_rec …}}   a container as it is now; "state":"absent": forget it, unless there is "parked"
 *        {"t":…, "project": {…}}                       name, working_dir, files, generation (in force), dev, ino (origin.h)
 *        {"t":…, "event": {…}}                         for `events` only; dropped by compaction */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../util/err.h"
#include "../util/map.h"
#include "../util/proc.h"
#include "../util/str.h"

struct journal;
/* For writing; one writer (the supervisor). Repairs a torn tail. */
int journal_open(int state_fd, struct journal **ret, struct err *err);
void journal_close(struct journal *j);
/* Appends one line {"t":now, key: value}; value is borrowed. One write(2). On a full disk it takes what is kept for that (reserve.h);
 * when that is gone, too, -1: the caller still knows, and appends again later. */
int journal_append(struct journal *j, const char *key, const json_t *value, struct err *err);
bool journal_wants_compaction(const struct journal *j); /* larger than 256 KiB (on a full disk 32) and mostly old */

/* A container and all that is remembered of it. */
struct unit_port {
	char *host_ip;
	unsigned host, target;
	char *protocol;
};
struct unit_addr {
	char *network;
	uint32_t addr;
	char *mac; /* "02:42:…" when the user gave one, NULL: made of the address */
};
enum { HEALTH_RESTARTS = 5 }; /* that many in ten minutes */
struct unit_rec {
	char *slot; /* "web-1" */
	char *service;
	unsigned index;		/* from 1 */
	char *id;		/* 64 hex digits; NULL: no container, or none but `parked` */
	char *name;		/* "demo-web-1" or container_name */
	char *image, *image_id; /* as the user wrote it; "sha256:…" */
	char *config_hash;
	char *command;				     /* for ps: the arguments joined */
	char *mounts;				     /* for ps: names of volumes, paths of the host, with commas between; may be cut short */
	char *exposed;				     /* for ps: "6379/tcp 3000-3005/udp", of the file and the image; may be cut short */
	char *runtime;		  /* the OCI runtime that runs it: a name or a path */
	char *state;				     /* name of the state in src/super's table */
	struct proc_id proc;			     /* of the container's init while it runs */
	char *boot;				     /* boot id that proc and the monotonic times belong to */
	int64_t created_ns, started_ns, finished_ns; /* wall */
	int exit_code;				     /* of the last run; -1: none yet or unknown */
	bool oom;		  /* the last run ended for want of memory */
	int64_t ooms;		  /* processes of this run that the kernel killed for it */
	bool paused;		  /* its cgroup is frozen, or is about to be */
	bool restarting;	  /* its end is known and the policy brings it back */
	unsigned restarts;	   /* by policy, since the last manual start */
	unsigned attempts;	   /* of those the policy allows; a run longer than its window starts them over */
	int64_t backoff_ms;	   /* the last pause before a restart */
	/* Monotonic time of the boot that `boot` names, 0: not known. Nothing that acts is computed from wall time. */
	int64_t started_mono;	   /* when it was started */
	int64_t due_mono;	   /* when the state it is in is over: a pause, the grace of a stop */
	char *health;		   /* NULL: no check; "starting", "healthy", "unhealthy" */
	char *rotation;		   /* NULL: the slot is its own; one of two on the slot's sides (plan/sides.c): */
#define ROTATION_HELD "held"	   /* … the successor, which does not serve yet */
#define ROTATION_LEAVING "leaving" /* … what is replaced, and takes no new connections any more */
	char *init_of;		   /* the slot before whose start it runs as a step of pre_start; NULL: an ordinary container */
	unsigned init_step;	   /* index of that step */
	json_t *run;		   /* NULL: a container of the file's; else one of `davit run`: what was asked for (src/super/run.h) */
	unsigned pre_started;	   /* steps of pre_start that are over for this container, which never ran */
	bool hooking;		   /* post_start hooks are still to come: it does not count as started yet */
	unsigned post_started;	   /* of this run: post_start hooks that are over */
	unsigned pre_stopped;	   /* of this run: pre_stop hooks that are over; one more: the stop's signal was sent */
	char *health_said;	   /* why the last failed probe did, one line; NULL: not known */
	unsigned health_fails;	   /* failed probes in a row, as far as they decide anything */
	int64_t health_restarts[HEALTH_RESTARTS]; /* monotonic times of x-davit.on_unhealthy's */
	size_t n_health_restarts;
	bool manual_stop;	   /* stopped by its user: unless-stopped does not bring it back */
	char *waits;		   /* waiting: for what, "db to be healthy" */
	bool resume;		   /* it ran when the host went down: a boot of the whole project brings it back */
	char *error;		   /* why it could not be started */
	char *cause;		   /* why it was ended: "stopped by 'davit stop'"; "stopped: …" by the supervisor; NULL: by itself */
	unsigned dns_udp, dns_tcp; /* the resolver's ports in its namespace */
	struct unit_addr *addrs;
	size_t n_addrs;
	struct unit_port *ports;
	size_t n_ports;
	struct strs anon_volumes; /* names of its anonymous volumes, "TARGET=NAME" */
	json_t *labels;		  /* NULL or object */
	int64_t generation;	  /* which one made this container (generation.h); 0: one from before there were any */
	bool back;		  /* it ran before the request that stopped it, and is to run again when that is undone */
	bool pinned;		  /* configs and secrets are what its generation had (contents.h), whatever is in their files by now; restored: as
				     far as they are something else, which its next start finds out */
	struct unit_rec *parked;  /* the container that this slot had before, set aside until its successor is good; NULL: none.
				     With id NULL there is no successor yet. Has no parked of its own */
	bool replaced;		  /* of a parked one: its successor is good, there is no way back to it; it only waits to be removed */
	json_t *more;		  /* fields that only a newer davit knows, for as long as there is the container; NULL: none */
};
void unit_rec_done(struct unit_rec *r);
json_t *unit_rec_to_json(const struct unit_rec *r); /* new reference; absent fields are left out */
int unit_rec_from_json(const json_t *j, struct unit_rec *ret, struct err *err);
/* A copy that shares nothing with r; without its parked. */
struct unit_rec *unit_rec_copy(const struct unit_rec *r);
/* The container that is the slot's again when its successor does not get as far: what is set aside and not replaced for good; NULL: none. */
const struct unit_rec *unit_rec_way_back(const struct unit_rec *r);

/* What the journal says now. */
struct world {
	struct map units; /* slot → struct unit_rec *, living ones */
	json_t *project;  /* the last project line, or NULL */
};
/* An absent journal is an empty world. */
int world_load(int state_fd, struct world *ret, struct err *err);
void world_done(struct world *w);
/* Compaction: the journal becomes one line per living thing, in three steps, since a file that replaces everything there is has to be
 * on the disk before it does, and disks may be slow. begin writes the new file beside the old one, which goes on being written;
 * sync waits for the disk (for a worker: it blocks); end adds what was appended meanwhile and puts the new file in the old one's
 * place, or gives up when synced is false. Killed in between, the old file counts. */
int journal_compact_begin(struct journal *j, const struct world *w, struct err *err);
int journal_compact_sync(const struct journal *j, struct err *err);
int journal_compact_end(struct journal *j, bool synced, struct err *err);
/* Checks a record against the kernel: for a "running" one, whether its process is alive in this boot. */
bool unit_rec_alive(const struct unit_rec *r);

/* --- exits: what the keeper saw ---
 * RUN/projects/NAME/exits: lines "PID START STATUS WALLNS\n" (STATUS as from exit: 0-255, or 128 + signal),
 * each one write(2). */
struct exit_rec {
	struct proc_id proc;
	int status;
	int64_t at_ns;
};
/* Calls on_exit for each complete line from *offset on and moves it. An absent file has none. The keeper
 * bounds the file: beyond 1 MiB it becomes exits.old and a new one begins with a line "= BASE". The offset
 * counts bytes of records since the project's start, so it stays right across that, and starting at 0 gives
 * what is kept of both. */
int exits_read(int run_fd, off_t *offset, void (*on_exit)(const struct exit_rec *, void *ctx), void *ctx,
	struct err *err);
