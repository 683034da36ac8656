/* cli.h - the command line: what every command is given, and the rows that commands are.
 *
 * A command is one file and one row (STYLE 3.7); `--help`, suggestions and dispatch read the rows. What a
 * row says it needs is done before its run(): the project's name found, its records read, its files
 * loaded, the user checked. run() returns the exit status, or -1 with *err, which cli_main() prints.
 * Everything in struct cli belongs to it and lives until run() has returned. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "../../compose/diag.h"
#include "../../compose/project.h"
#include "../state/dirs.h"
#include "../state/journal.h"
#include "../util/err.h"
#include "../util/str.h"
#include "opt.h"
#include "ui.h"

enum cmd_needs {
	NEED_NAME = 1,	/* cli.name, cli.pdirs, cli.world: no compose file is needed with -p */
	NEED_MODEL = 2, /* also cli.project, from the compose files; all mistakes are printed when there are
			   any; arguments are services */
	NEED_ROOT = 4,	/* checked before anything is read */
	ARGS_ARE_SERVICES = 8, /* arguments are checked to be services of the project */
	STOP_AT_ARG = 16,      /* what follows the first argument is not ours */
	ONLY_LOOKS = 128,      /* changes nothing: with --dry-run it does what it does without */
	CAN_DRY_RUN = 256,     /* run() minds cli.g.dry_run itself; a row that says neither is not run then */
	NOT_IN_LIST = 32,      /* left out of the list of commands */
	AS_IF_ACTING = 512,    /* what it says is about a command that acts: not of a project that came from another directory */
	FROM_ANYWHERE = 64,    /* NEED_ROOT, and yet for a project that came from another directory, too: it does not act on that */
};

struct cli;
struct bundle;
struct cmd {
	const char *name, *args, *summary;
	const char *details;             /* further lines of the help, may be NULL */
	unsigned needs;
	unsigned min_args;
	int max_args;                    /* -1: any number */
	const struct opt *opts;
	size_t opts_size;
	const void *defaults;            /* opts_size bytes; NULL: zeroes */
	void (*prepare)(struct cli *c, void *opts);  /* before the needs: how files are to be read, what arguments mean; may be NULL */
	int (*run)(struct cli *c, const void *opts, struct err *err);
	void (*more_help)(struct ui *ui);        /* what the help says behind the options; may be NULL */
	const char *alias;               /* also understood as the last word of the name; NULL: none */
	const struct cmd *const *subs;   /* a group: its commands ("image ls" in "image"), NULL-terminated; only name and summary count then */
};

struct global_opts {
	struct strs files, env_files, profiles;
	const char *project_name, *project_directory, *state_dir, *run_dir, *runtime, *ansi, *progress, *parallel;
	bool version, dry_run, compatibility, all_resources, no_ansi;
};

struct cli {
	struct global_opts g;
	const struct cmd *cmd;
	struct opt_args args;
	struct ui ui;
	struct diag diag;
	struct dirs dirs;
	char *name, *dir;                /* the project's; dir is NULL when there is no file */
	struct pdirs pdirs;
	struct world world;
	bool adopt;                      /* up --adopt: a project that came from elsewhere becomes this directory's */
	json_t *origin;                  /* what requests say of ours; NULL: nothing, they go by name */
	struct project *project;
	bool runs;                       /* containers of `run` count, too; the command says so */
	struct bundle *bundle;           /* of an `up --bundle`; NULL: none is asked for */
	struct pos err_pos;              /* where the user's file speaks of what failed; file NULL: nowhere */
	unsigned replaced;               /* supervisors that were too old for us */
	struct compose_opts compose;     /* borrows from g and args; `config` adds to it before it loads */
};

int cli_main(int argc, char **argv);
/* The tables: commands, NULL-terminated, and the options before them. */
extern const struct cmd *const cli_cmds[];
extern const struct opt cli_flags[];
/* c->compose as the global options say. */
void cli_compose_opts(struct cli *c);

/* --- group.c: rows by name, and groups of rows --- */
const struct cmd *cmd_find(const struct cmd *const *list, const char *word);
/* The word that was meant, or `also` (may be NULL); NULL: nothing is near. */
const char *cmd_near(const struct cmd *const *list, const char *word, const char *also);
void cmd_list(struct ui *ui, const struct cmd *const *list);
/* While *cmd is a group, the next word of *argv says which of its commands. OPT_HELP: the group's help is asked for. */
int group_enter(const struct cmd **cmd, char ***argv, struct err *err);
void group_help(struct ui *ui, const struct cmd *group);

/* --- project.c: what the needs stand for --- */
int cli_need(struct cli *c, unsigned needs, struct err *err);
/* Fills c->project (and c->name) as c->compose says, printing mistakes and warnings. 0; CLI_PRINTED:
 * failed and said; -1. */
enum { CLI_PRINTED = 1 };
int cli_load(struct cli *c, struct err *err);
/* Refuses (ERR_EXISTS) to act on a project of that name which came from another directory; who only looks is told. Fills c->origin. */
int cli_check_origin(struct cli *c, unsigned needs, struct err *err);
/* Reads the journal again. */
int cli_reload_world(struct cli *c, struct err *err);
/* True when the project has anything on disk: a state or a run directory. */
bool cli_project_exists(const struct cli *c);
/* Warns when containers live and nobody supervises them; waits at most 150 ms to be sure of it. */
void cli_tell_nobody(struct cli *c);
/* Whether the unit belongs to a service named on the command line (or none was named), and is one of the file's or cli.runs is set. */
bool cli_selected(const struct cli *c, const struct unit_rec *r);
/* Adds the services that have containers and that the file does not have: none where there is no file, or none that can be read.
 * May fill c->project, quietly. */
void cli_orphans(struct cli *c, struct strs *ret);
/* Whether a variable of this process says yes: 1, t, true, y in any case. */
bool cli_env_true(const char *name);
/* --parallel, else COMPOSE_PARALLEL_LIMIT: how much may be under way at once of what they bound; 0 or less: as much as there is. */
int64_t cli_parallel(const struct cli *c);
/* A version as `davit version` shows it, "v0.1.0"; NULL: "(unknown)". malloc'ed. */
char *cli_version(const char *number);
/* Whether it has containers or is in the files, which are read for it when they can be: c->project is NULL else. */
bool cli_is_service(struct cli *c, const char *name);
/* Adds the nearest name of a service to *err. False: there is that service, or none like it. */
bool cli_hint_service(struct cli *c, const char *name, struct err *err);
/* ERR_NOT_FOUND "no such service: 'x'" with the nearest name. */
int cli_no_service(struct cli *c, const char *name, struct err *err);

extern const struct cmd cmd_build, cmd_builder, cmd_bundle, cmd_up, cmd_down, cmd_events, cmd_ps, cmd_logs, cmd_exec, cmd_start, cmd_stop, cmd_restart,
	cmd_kill, cmd_rm, cmd_run, cmd_attach, cmd_config, cmd_doctor, cmd_images, cmd_load, cmd_ls, cmd_pull, cmd_push, cmd_upgrade, cmd_version,
	cmd_image, cmd_system, cmd_boot, cmd_shutdown, cmd_enable, cmd_disable, cmd_login, cmd_logout, cmd_complete, cmd_completion, cmd_create, cmd_pause, cmd_plan, cmd_unpause, cmd_port, cmd_scale, cmd_stats, cmd_top, cmd_volumes, cmd_wait;
extern const struct cmd cmd_cp, cmd_export, cmd_graph, cmd_man;
extern const struct cmd cmd_watch;
extern const struct cmd cmd_history, cmd_rollback;
