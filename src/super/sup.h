/* sup.h - private to src/super: the supervisor's world, and who owns what in it.
 *
 * One process, one libevent loop, no blocking call: what may block runs in a worker (util/proc.h) or is a runtime's process, each with a
 * deadline. A callback turns a descriptor, timer or reply into an event and posts it to a unit; after each turn the queue is drained, and
 * only unit_step() changes a unit's state (STYLE 3.6). Start-up is recovery: journal + kernel → units; a fresh project is empty in both.
 *
 * Lifetimes: struct super owns the units, the model and the transaction; a unit owns its activity (one runtime call or worker), its log,
 * its descriptors and timers; nothing outside the model's arena keeps pointers into the model: what a running container needs to be
 * remembered by is its struct launch. */
#pragma once

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../compose/model.h"
#include "../../netdrv/net.h"
#include "../../volumes/vol.h"
#include "../ctl/ctl.h"
#include "../image/image.h"
#include "../oci/oci.h"
#include "../plan/plan.h"
#include "../state/dirs.h"
#include "../state/events.h"
#include "../state/journal.h"
#include "../state/logfile.h"
#include "../state/logtee.h"
#include "../util/proc.h"
#include "launch.h"
#include "pace.h"

#define BOOT_MARK "boot"                 /* in the run directory, see boot.c */

struct super;
struct unit;
struct txn;
struct client;
struct health;
struct ship;
struct oom;
struct oom_watch;
struct hooks;
struct compaction;

/* ------------------------------------------------------------------ units */

enum ustate {
	U_ABSENT,      /* there is no container */
	U_PREPARING,   /* a worker makes its root, volumes, bundle */
	U_PREPARED,    /* it can be created */
	U_CREATING,    /* runtime create in flight */
	U_CREATED,     /* its init waits for start */
	U_STARTING,    /* runtime start in flight */
	U_RUNNING,
	U_STOPPING,    /* was asked to end; the grace timer runs */
	U_DELETING,    /* its init is gone (or must go): runtime delete in flight */
	U_EXITED,      /* nothing left at the runtime; what now? */
	U_BACKOFF,     /* will be started again when the timer says so */
	U_WAITING,     /* the pause is over: it is started when what it depends on allows (gate.c) */
	U_STOPPED,     /* ended and stays so; root and bundle are kept */
	U_FAILED,      /* could not be prepared, created or started; rec.error says why */
	U_REMOVING,    /* a worker takes root and bundle away */
	U_NSTATES
};

enum uevent {
	E_WANT,        /* u->want changed, or a resting state was reached: do what it asks for */
	E_OK,          /* the activity in flight succeeded */
	E_FAIL,        /* it failed; u->fail says why */
	E_EXIT,        /* init ended; rec.exit_code is set (-1: unknown) */
	E_TIMER,
	E_GO,          /* what it waited for is there */
	U_NEVENTS
};

/* W_AGAIN is the supervisor's own wish, never a request's: what runs is ended and started after a pause, what rests is started when
 * what it depends on allows. */
enum uwant { W_NOTHING, W_PREPARED, W_CREATED, W_RUNNING, W_AGAIN, W_STOPPED, W_ABSENT };

enum activity { ACT_NONE, ACT_PREPARE, ACT_CREATE, ACT_START, ACT_CLEAN, ACT_DELETE, ACT_REMOVE };

struct want_port {
	char *host_ip;                   /* NULL: all */
	unsigned min, max, target;       /* 0,0: any */
	bool udp;
};

struct unit {
	struct super *s;
	struct unit_rec rec;             /* what the journal remembers */
	enum ustate state;
	enum uwant want;
	struct launch launch;            /* valid while rec.id is set and prepared */
	bool have_launch;

	enum activity act;               /* in flight */
	struct child call;               /* ACT_CREATE, START, DELETE */
	struct worker worker;            /* ACT_PREPARE, REMOVE */
	struct event *act_ev, *act_timer;
	char *fail_attr;                 /* "command", "image", … of the failure */
	struct err fail;                 /* of the last failed activity */

	int pidfd;                       /* of the container's init, -1 */
	struct event *pid_ev, *timer;    /* timer: grace, kill, back-off, by state */
	struct event *exit_timer;        /* it ended, and nobody has said how yet */
	int64_t gone_mono;               /* since when */
	bool init_kept;                  /* the keeper has a pidfd of it, as it is not the keeper's child */
	bool cleaned;                    /* nothing of its cgroup is left: what `delete` says now is final */
	bool exit_pending;               /* E_EXIT came while start was in flight */
	unsigned kills;
	bool planned;                    /* a request is about to make it: its slot is needed */
	bool recreate;                   /* its removal makes room for a successor: log and addresses stay */
	bool unsaved;                    /* the journal could not take its record yet; it stays until it could */
	bool drop_volumes;               /* its removal takes the anonymous volumes along */
	bool park;                       /* its removal sets the container aside (park.h) */
	bool stuck;                      /* does not end, not even by SIGKILL */
	bool stop_asked;                 /* this stop was asked for: policy does not bring it back */
	bool counted;                    /* a predecessor counted the restart in the middle of which it died */
	int64_t grace_ms;                /* of the stop in progress, -1: the launch's */

	uint64_t told[EV_N_OF_CONTAINER];    /* events.c: by kind, what the last event was about; 0: none was told */
	struct proc_id run;              /* the last init that events were about */
	bool create_due;                 /* it is new, and nobody was told yet */
	bool making;                     /* it was when the request in progress began to prepare it */
	struct oom_watch *oom;           /* NULL: nobody would be killed for want of memory, or nobody could tell */
	const char *exit_source;         /* how its last end is known; NULL: from the keeper, or not */

	struct logw *log;
	int out_fd, err_fd, tty_fd;      /* readers of the FIFOs; pty master */
	struct event *out_ev, *err_ev, *tty_ev;
	struct event *log_timer;         /* the log could not take what there is: look again */
	bool log_due;                    /* after an adoption it could not be opened: try again */
	struct pace log_pace[2];         /* of what the container writes */
	size_t log_took;                 /* bytes, the last time */
	struct event *gather;            /* they have gathered for long enough */
	int64_t log_told_mono;           /* when that was said last, 0: never */
	bool log_dropped;                /* something of the log was dropped for it, and no event says so yet */
	int64_t log_event_mono;          /* when one said so last, 0: never */
	struct ship *ship;               /* sends the log on (ship.h), NULL: nowhere */
	int console_fd;                  /* listens for the pty master during create */
	struct want_port *want_ports;    /* what the service publishes; rec.ports is what it got */
	size_t n_want_ports;
	int *port_fds;                   /* reservations, one per rec.ports, -1: not held */
	bool dns_on;                     /* its resolver's sockets are open */
	struct health *health;           /* NULL: no check */
	struct hooks *hooks;             /* being executed, NULL: none */
	struct err hook_fail;            /* of this run's post_start */
	struct oci_runtime own_runtime;  /* of `runtime:`, looked up when first needed */
	char *gate;                      /* waiting: the slot whose news it waits for */
	uint64_t news, looked;           /* s->news when it was saved last; when gate_look() had it look last */
	unsigned queued;                 /* bit per event in the queue */
};

/* ------------------------------------------------------------------ the supervisor */

struct queue_item {
	struct unit *u;
	enum uevent ev;
};

struct super {
	struct dirs dirs;
	struct pdirs p;
	struct event_base *base;
	struct journal *journal;
	struct oom *oom;                 /* NULL: nothing is watched yet */
	struct events *events;           /* NULL: they cannot be written */
	bool took_over;                  /* there was something to adopt */
	struct project *model;           /* current generation, NULL: none yet */
	json_t *project_line;            /* the journal's, for compaction */
	struct oci_runtime runtime;
	struct image_store *images;
	struct vol_store *volumes;
	struct ipam *ipam;
	struct dns *dns;
	struct map units;                /* slot → struct unit * */
	struct net *nets;                /* of the model, in its order */
	size_t n_nets;
	struct queue_item *queue;
	size_t n_queue, cap_queue, queue_head;
	int logs_fd, fifo_fd;
	struct logtee *logtee;           /* for what floods any log */
	off_t exits_offset;
	int keeper_fd;
	int lock_fd;                     /* our own hold of the project's lock; -1: the keeper's only (an older one) */
	struct event *keeper_ev, *keeper_out_ev;
	struct keeper_msg *keeper_out;   /* what its socket could not take yet */
	bool keeper_tries;               /* it knows how to try another program */
	bool went_back;                  /* another program was to take over and did not come up */
	struct map kept_fds;             /* name → descriptor + 1, handed back by the keeper, until somebody takes them */
	int listen_fd;
	struct event *listen_ev;
	struct client *clients;
	struct txn *txn;                 /* in progress */
	uint64_t plans;                  /* how many were begun */
	struct txn *waiting;             /* in order of arrival */
	json_t *unfinished;              /* the request that the last supervisor did not finish, NULL: none */
	bool adopting;                   /* start-up: what runs is being taken over */
	bool booting;                    /* `davit boot` is about to ask for the whole project: nothing starts by itself before */
	bool trim_due;                   /* memory may have become free */
	bool resume_due;                 /* adopted: what was interrupted may go on */
	bool strays_due;                 /* there may be slots that are nobody's (network_strays) */
	uint64_t news, looked;           /* counts what unit_save() was told; as far as gate_look() has looked */
	bool owes_records;               /* some unit is unsaved … */
	int64_t pay_records_ns;          /* … and tried again at this monotonic time */
	bool finished;                   /* nothing left to supervise: end with 0 … */
	int64_t flush_until;             /* … when the clients have heard it, or at this monotonic time */
	const struct strs *doomed_volumes;   /* for the worker about to start */
	bool forget_volumes;             /* the same for park_forget_all() … */
	struct strs forget_left;         /* … and ids of containers that nobody has any more, whose files are still there */
	const struct plan *leasing;
	struct rotation {                /* rotation.c */
		uint64_t looked;         /* s->news when it looked last */
		char *dealt;             /* what the rules were told last, as text; NULL: nothing yet */
		bool busy;               /* they are being told */
	} rotation;
	int64_t ports_dropped_mono;      /* when a host port was last let go, 0: never */
	struct compaction *compaction;   /* compact.c: in progress, NULL: none */
	int64_t generation;              /* in force, 0: not known; and the images of its services (txn_generation.c) */
	json_t *generation_images;
	bool generation_known, generation_bad;   /* bad: it has not come to a good end (yet) */
	struct netjob *netjobs;          /* network.c: requests to the kernel, the first one in flight */
};

/* ------------------------------------------------------------------ super.c */
void super_post(struct unit *u, enum uevent ev);
/* Kills a child whose end does not matter, and reaps it when it comes. */
void super_let_go(struct super *s, struct child *c);
/* What a container needs beyond a reboot (upper, work, launch.json) is in STATE/projects/NAME/containers/ID; what is made anew for each
 * preparation (config.json, hosts, …) is in RUN/projects/NAME/bundle/ID. */
char *super_container_dir(const struct super *s, const char *id);
char *super_run_path(const struct super *s, const char *kind, const char *slot);   /* RUN/projects/NAME/KIND/SLOT */

/* ------------------------------------------------------------------ timer.c */
/* From now on, so many milliseconds; a timer that is armed already starts over. */
void timer_arm(struct event *ev, int64_t ms);

/* ------------------------------------------------------------------ unit.c: the table */
const char *ustate_str(enum ustate st);
int ustate_parse(const char *word);      /* -1: unknown */
struct unit *unit_get(struct super *s, const char *slot);            /* NULL: there is none */
/* That of a service's container, whichever side of its slot that is on (plan/sides.c); NULL: there is none. */
struct unit *service_unit(struct super *s, const char *service, unsigned index);
/* The slot it is in or would be; malloc'ed. */
char *slot_of(struct super *s, const char *service, unsigned index);
struct unit *unit_make(struct super *s, const char *slot, const char *service, unsigned index);
void unit_free(struct unit *u);
void unit_step(struct unit *u, enum uevent ev);
void unit_want(struct unit *u, enum uwant want);
/* Writes the record; called by unit_step before anybody hears of a transition, and by who changes rec otherwise. */
void unit_save(struct unit *u);
/* Each turn: what the journal could not take (a full disk) is written again, once a second. */
void units_save_owed(struct super *s);
/* It has a place in the networks: it exists, or a request is about to make it, and it is not on its way out. */
bool unit_is_placed(const struct unit *u);
/* True for states in which a process of the container may exist. */
bool unit_has_process(enum ustate st);

/* ------------------------------------------------------------------ act.c: what the table names */
void act_settle(struct unit *u);
void act_prepare(struct unit *u);
void act_prepared(struct unit *u);
void act_create(struct unit *u);
void act_created(struct unit *u);
void act_start(struct unit *u);
void act_running(struct unit *u);
void act_term(struct unit *u);
void act_kill(struct unit *u);
void act_exited(struct unit *u);
void act_delete(struct unit *u);
void act_delete_half(struct unit *u);
void act_after_exit(struct unit *u);
void act_backoff(struct unit *u);
void act_gate(struct unit *u);
void act_failed(struct unit *u);
void act_remove_failed(struct unit *u);
void act_remove(struct unit *u);
void act_forget(struct unit *u);
/* Nothing of a container in the record; what is the slot's stays. */
void act_empty_record(struct unit *u);
/* (worker) The container has ended: its cgroup, the mount of its root and its pipes go. */
int act_leave_root(struct unit *u, struct err *err);
/* (worker) RUN/…/KIND/NAME with what is mounted below. */
int act_drop_pins(struct super *s, const char *kind, const char *name, struct err *err);
void act_exit_early(struct unit *u);
void act_none(struct unit *u);
/* Signals the container's init through its pidfd. */
int unit_signal(struct unit *u, int sig, struct err *err);
/* It is being stopped, and its process outlives SIGKILL. */
bool unit_is_undying(const struct unit *u);
/* The error that says so; returns -1. */
int unit_undying(const struct unit *u, struct err *err);
/* The signal that asks it to stop. */
void unit_send_stop(struct unit *u);
/* Whether its init is still the runtime's own, waiting to become the container's program. */
bool unit_waits_for_start(const struct unit *u);
/* One that waits no longer, or should not: its start may have been cut short. */
void unit_nudge(const struct unit *u);
/* Before another start of an init that a start which was killed may have left in circles over its fifo: it bears a second one. */
void unit_steady(const struct unit *u);
/* The runtime of this container: its own or the supervisor's. */
const struct oci_runtime *unit_runtime(struct unit *u);
void unit_timer(struct unit *u, int64_t ms);     /* -1: off */
/* The same, and known to the next supervisor from the next unit_save() on. */
void unit_due(struct unit *u, int64_t ms);

/* ------------------------------------------------------------------ streams.c: logs, pty */
const char *unit_log_slot(const struct unit *u);                     /* whose log its output goes into: its own, or its container's */
int streams_open(struct unit *u, int stdio[3], struct err *err);     /* before create; stdio is the container's side */
void streams_adopt(struct unit *u);                                  /* readers of what runs already, on; tried again until they are */
int streams_writers(const struct unit *u, int stdio[3], struct err *err);   /* ends of its own log's streams for a command in it; the caller closes them */
void streams_watch(struct unit *u);                                  /* readers on */
char *streams_kept_name(const struct unit *u, const char *suffix);   /* under which the keeper has the reader of "out", "err"; malloc'ed */
void streams_go_on(struct unit *u);                                  /* who held them up does so no more */
void streams_console(struct unit *u);                                /* after create: fetch the pty master */
void streams_catch_up(struct unit *u);                               /* what is in its pipes now is in the log */
void streams_drain(struct unit *u);                                  /* after exit */
void streams_close(struct unit *u);

/* ------------------------------------------------------------------ inits.c: how they end */
/* The pidfd of rec.proc, which is held until unwatch_init(): 0; -1: it is gone, and nobody has a pidfd of it. */
int watch_init(struct unit *u);
void unwatch_init(struct unit *u);
/* Under which the keeper has the pidfd of one that is not its child; malloc'ed. */
char *init_name(const struct unit *u);
void exits_collect(struct super *s);

/* ------------------------------------------------------------------ health.c */
void health_start(struct unit *u);
void health_stop(struct unit *u);
/* A new run of the container: nothing is known of its health. */
void health_reset(struct unit *u);

/* ------------------------------------------------------------------ health_conf.c: the service's check, its image's, or a probe */
bool health_wanted(const struct service *svc, const struct image *img);     /* img NULL: not known */
/* The command of the check; empty: there is none, or a probe takes its place. */
struct strs health_command(const struct service *svc, const struct image *img);
/* Times and retries, into l. */
void health_times(const struct service *svc, const struct image *img, struct launch *l);

/* ------------------------------------------------------------------ ending.c: what follows a container's end */
/* Called by whoever learns of it; posts E_EXIT. status -1: unknown. */
void unit_ended(struct unit *u, int status, int64_t at_ns);
/* The policy in force: the file's as of the last `up`, else that of its birth. */
const struct restart_policy *unit_policy(const struct unit *u);
/* Ends a running container as a stop does, and starts it again whatever its policy says: with the policy's pause. One that does not
 * run is left alone. why goes into the supervisor's log. */
void unit_restart_now(struct unit *u, const char *why);

/* ------------------------------------------------------------------ gate.c: depends_on, when nobody asked for a start */
/* At the end of a turn: those that wait look at what has changed. */
void gate_look(struct super *s);
/* What is not a unit's own has changed (a request is over): all of them look again. */
void gate_look_all(struct super *s);

/* ------------------------------------------------------------------ restart.c: policies, pure */
enum restart_verdict { RESTART_STAY, RESTART_AFTER };
/* What the policy says about a container that just exited (r->exit_code) after ran_ms. RESTART_AFTER: it is counted, and r->backoff_ms
 * is the pause before it is started again. asked: its end was. */
enum restart_verdict restart_decide(const struct restart_policy *p, struct unit_rec *r, int64_t ran_ms, bool asked);
/* The next pause, into r->backoff_ms. */
void restart_pause(const struct restart_policy *p, struct unit_rec *r, int64_t ran_ms);
/* Whether it is to be started after a boot; ran: it did when the host went down. As Docker's daemon does at its start, `always` brings
 * back also what its user stopped. */
bool restart_at_boot(const struct restart_policy *p, const struct unit_rec *r, bool ran);

/* ------------------------------------------------------------------ network.c: one worker at a time, in order */
typedef void network_done_fn(struct super *s, void *arg, const json_t *result, const struct err *err);
void network_submit(struct super *s, worker_fn *fn, network_done_fn *done, void *arg);
/* This process is about to make room: the worker in flight is ended, as the next supervisor does its work anew. */
void network_cut_short(struct super *s);
/* A network of the model by its full name, NULL: there is none. */
const struct net *network_called(const struct super *s, const char *name);
/* Bridges, slots and rules of everything that exists now. */
void network_setup(struct super *s, network_done_fn *done, void *arg);
/* Addresses and namespaces of slots that are nobody's any more. */
void network_strays(struct super *s);
void network_teardown(struct super *s, network_done_fn *done, void *arg);
/* Removes the volumes named; the list is read when the worker starts. */
void network_volumes(struct super *s, const struct strs *names, network_done_fn *done, void *arg);

/* ------------------------------------------------------------------ books.c */
/* Volumes and networks of the model, and addresses for what the plan (may be NULL) prepares: entries in the stores, nothing in the kernel yet. */
void network_books(struct super *s, const struct plan *leasing, network_done_fn *done, void *arg);
/* Takes the worker's result over; -1: it failed, though what it made before counts (result: "service", "attr"). */
int network_apply_books(struct super *s, const json_t *result, struct strs *new_volumes, struct err *err);
void network_forget_nets(struct super *s);
/* (worker) Gives a unit's addresses back. */
void network_release(struct super *s, struct unit *u);
/* The addresses of all slots of the project but those that `keeps` wants; in a worker. */
void network_release_others(struct super *s, bool (*keeps)(struct super *s, const char *slot));
/* Path of the namespace a service's containers live in: its slot's, another slot's, or NULL for the host's; malloc'ed. */
/* The slot of a container of this project by the container's name or id, NULL: there is none. */
const char *network_slot_of_container(struct super *s, const char *name);
/* "service:NAME", "container:NAME": the slot whose namespace is joined; malloc'ed, NULL: none. */
char *network_joined_slot(struct super *s, const struct service *svc);
char *network_netns(struct super *s, const struct service *svc, const char *slot);

/* ------------------------------------------------------------------ ports.c */
void network_want_ports(struct unit *u, const struct service *svc);
/* Just those that the record tells of, which it had once. */
void network_want_again(struct unit *u, const struct unit_rec *had);
/* Whether it holds the i-th of the ports that it wants. */
bool network_holds_port(const struct unit *u, size_t i);
/* Lets go of what it holds and does not want any more. */
void network_shed_ports(struct unit *u);
/* Binds on the host what the unit wants and does not hold yet; ERR_BUSY says who has a port; *ret_index: which one. */
int network_take_ports(struct unit *u, size_t *ret_index, struct err *err);
void network_drop_ports(struct unit *u);
/* Under which the keeper has the i-th reservation; malloc'ed. */
char *network_port_name(const struct unit *u, size_t i);
/* A port was let go so recently that "taken" may be by ourselves: worth another try. */
bool network_ports_in_flux(const struct super *s);
void network_free_ports(struct unit *u);
/* After a restart of the supervisor: descriptors from the keeper, else bound anew. */
void network_adopt_ports(struct unit *u);
void network_dns_on(struct unit *u);
void network_dns_off(struct unit *u);

/* ------------------------------------------------------------------ rotation.c: which replicas a host port leads to */
/* What is to be published now; malloc'ed. (worker or loop) */
size_t rotation_ports(struct super *s, struct net_publish **ret);
/* Tells the rules anew, whether or not the picture is another. */
void rotation_tell(struct super *s, network_done_fn *done, void *arg);
/* That failed: they are told again when something has changed. */
void rotation_untold(struct super *s);
/* Sets rec.rotation (NULL, ROTATION_HELD, ROTATION_LEAVING), and the name that goes with it, and saves both. */
void unit_rotate(struct unit *u, const char *rotation);
/* The name it has when it is the only one of its slot; malloc'ed. */
char *unit_lasting_name(const struct unit *u);
/* At the end of a turn: the rules follow when other replicas are fit than before. */
void rotation_look(struct super *s);

/* ------------------------------------------------------------------ txn_queue.c, txn.c, exec_plan.c, txn_up.c */
/* Takes over the request (a new reference) for the client (may be NULL). */
void txn_submit(struct super *s, struct client *c, json_t *req);
void txn_on_unit(struct super *s, struct unit *u);
/* Whether the request in progress is still to start it. */
bool txn_will_start(const struct super *s, const struct unit *u);
void txn_client_gone(struct super *s, struct client *c);
void txn_read_unfinished(struct super *s);
void txn_resume(struct super *s);
/* txn_answer.c: true: it has ended before, and its client, who asks again, was told how. */
bool answer_again(struct super *s, struct client *c, const json_t *req);
int txn_load_model(struct super *s, struct err *err);
struct client *txn_client(const struct super *s);                    /* of the transaction in progress */

/* ------------------------------------------------------------------ ctl_server.c */
int ctl_server_start(struct super *s, struct err *err);
/* Whether the request is about the service: it is named, or none is. */
bool ctl_names_service(const json_t *req, const char *service);
/* No more requests: the project is gone; who comes now starts another supervisor. */
void ctl_server_deaf(struct super *s);
void client_send(struct client *c, json_t *event);                  /* steals the event; c NULL is fine */
/* The same with a descriptor, of which a copy goes along; -1: none. At most one that was not sent yet. */
void client_send_fd(struct client *c, json_t *event, int fd);
/* The client stays, attached to the container (attend.h). */
void client_attend(struct client *c, struct unit *u);
/* Whether anybody is attached to it. */
bool client_attends(const struct unit *u);
/* Whether somebody is attached who has to read first what moving more into the container's log would push out. */
bool client_holds(const struct unit *u);
/* Its connection ends only when the keeper has ended, too. */
void client_outlives_keeper(struct client *c);
void client_done(struct client *c);                                  /* sends "done" */
void client_fail(struct client *c, const struct err *err, const char *service, const char *attr);
/* To the client of the transaction and to subscribers. */
void publish_step(struct super *s, struct client *c, const char *kind, const char *name, const char *service,
		  const char *status, const char *text);
/* An event, which is taken; u NULL: it is not about a container. To subscribers only. */
void publish_event(struct super *s, struct unit *u, json_t *event);
void publish_warn(struct super *s, struct client *c, const char *service, const char *msg);
/* Some container is in another state: who waits for an end may have it. */
void waiters_check(struct super *s);
bool clients_have_output(const struct super *s);

/* ------------------------------------------------------------------ oom.c */
/* From when its init is there; adopted: its record says how many were told of. */
void oom_watch(struct unit *u, bool adopted);
void oom_unwatch(struct unit *u);
/* Its init has ended with this status: whether it was killed for want of memory, or went with one that was. Before its cgroup is removed. */
bool oom_ended(struct unit *u, int status);
/* ------------------------------------------------------------------ events.c: state/events.h, each told once */
/* After the units are made from the journal and before any of them does something: what was told already, and what is to be made up for. */
void events_begin(struct super *s);
/* detail: what EV_ON_CHANGE compares, and the status of EV_HEALTH; more: attributes (text), taken; both may be NULL. */
void unit_event(struct unit *u, enum event_kind k, int64_t at_ns, const char *detail, json_t *more);
void super_event(struct super *s, enum event_kind k, const char *id, json_t *attributes);
void unit_event_signal(struct unit *u, int sig, int64_t at_ns);
void unit_event_backoff(struct unit *u);
void unit_event_started(struct unit *u);
/* What was set aside has gone. */
void unit_event_replaced(struct unit *u);
/* While rec.proc is still known. */
void unit_event_die(struct unit *u);
/* What the runtime knew of it is gone. */
void unit_event_rests(struct unit *u);
/* Why it is about to be ended, as people read it: "stopped by 'davit stop'"; NULL: nobody wants it ended. The first word counts:
 * "restarted" means that its start is under way, "replaced" and "removed" that its removal is, "killed" that this is no stop. Saved with the next unit_save(). */
void unit_cause(struct unit *u, const char *cause);
/* Adoption: a start that the predecessor did not tell of; who took over. */
void events_adopt_start(struct unit *u);
void events_adopted(struct super *s);
/* ------------------------------------------------------------------ adopt.c */
int adopt_world(struct super *s, struct err *err);
/* launch.json of the container that the record names. */
void unit_load_launch(struct unit *u);
/* ------------------------------------------------------------------ boot.c */
void boot_read_mark(struct super *s);
/* The request that the mark stands for, if there is one. */
void boot_submit(struct super *s);
/* The request is in txn.json. */
void boot_on_disk(struct super *s);
/* Whether it ran when the host went down, as far as the journal knows. */
void boot_note(struct unit *u, bool ran);
bool shutdown_is_over(const json_t *req);
/* systemd says by SIGURG that the project's scope is to end: no program minds that signal unless it asked for it. */
int boot_watch(struct super *s, struct err *err);

/* ------------------------------------------------------------------ keeper_link.c */
/* Takes the lock that the keeper passed on; before anything else is opened, which might get its number. */
void keeper_link_lock(struct super *s);
void keeper_link_start(struct super *s);
void keeper_store_fd(struct super *s, const char *name, int fd);
void keeper_drop_fd(struct super *s, const char *name);
/* For a new keeper: everything that the last one kept, as messages that wait in a socket, which survives an exec; -1: nothing. */
int keeper_feed(struct super *s);
/* What the last supervisor left and nobody took. */
void keeper_drop_unclaimed(struct super *s);
int keeper_take_fd(struct super *s, const char *name);               /* -1: it has none of that name */
/* All is adopted: this program does its work. */
void keeper_well(struct super *s);
/* Makes room for another program; does not return. */
void keeper_next(struct super *s, const char *program) __attribute__((noreturn));
/* For the command that waits for a supervisor, when this one cannot start (spawn.c). */
void super_say_why_not(const struct pdirs *p, const struct err *err);
/* Executes the davit-keeper of that davit in the place of this process. */
void super_become_keeper(struct super *s, const char *program) __attribute__((noreturn));
/* ------------------------------------------------------------------ replace.c */
/* The request `upgrade`. */
void replace_request(struct client *c, struct super *s, const json_t *req);
/* The answer to `ping`. */
json_t *replace_about(struct super *s);
/* ------------------------------------------------------------------ origin.c */
/* ERR_EXISTS: the project is another directory's than the request says. */
int origin_check(const struct super *s, const json_t *req, struct err *err);
/* ------------------------------------------------------------------ compact.c */
/* Begins to make the journal small when it has grown; called at the end of each turn. */
void compact_if_due(struct super *s);
/* ------------------------------------------------------------------ names.c */
extern const struct dns_ops names_ops;
