#include "cli.h"

#include <string.h>
#include <unistd.h>

#include "../oci/oci.h"
#include "../util/auto.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "dry.h"
#include "manual.h"

const struct cmd *const cli_cmds[] = {
	&cmd_attach,
	&cmd_boot,
	&cmd_build,
	&cmd_builder,
	&cmd_bundle,
	&cmd_complete,
	&cmd_completion,
	&cmd_config,
	&cmd_cp,
	&cmd_create,
	&cmd_disable,
	&cmd_doctor,
	&cmd_down,
	&cmd_events,
	&cmd_enable,
	&cmd_exec,
	&cmd_export,
	&cmd_graph,
	&cmd_history,
	&cmd_image,
	&cmd_images,
	&cmd_kill,
	&cmd_load,
	&cmd_login,
	&cmd_logout,
	&cmd_logs,
	&cmd_ls,
	&cmd_man,
	&cmd_pause,
	&cmd_plan,
	&cmd_port,
	&cmd_ps,
	&cmd_pull,
	&cmd_push,
	&cmd_restart,
	&cmd_rm,
	&cmd_rollback,
	&cmd_run,
	&cmd_scale,
	&cmd_shutdown,
	&cmd_start,
	&cmd_stats,
	&cmd_stop,
	&cmd_system,
	&cmd_top,
	&cmd_unpause,
	&cmd_up,
	&cmd_upgrade,
	&cmd_version,
	&cmd_volumes,
	&cmd_wait,
	&cmd_watch,
	NULL
};

/* Commands of the reference that are not there: better said than guessed at. */
static const struct {
	const char *name, *instead;
} not_there[] = {
	{ "convert", "use 'davit config'" },
	{ "commit", "a Dockerfile and 'davit build' make images that can be made again" },
	{ "publish", "'davit push' sends the images; compose files travel as files, say in a repository" },
	{ "alpha", "'davit graph' draws the project as 'alpha viz' does; the rest of 'alpha' has no counterpart" },
	{ "viz", "use 'davit graph'" },
	{ "bridge", "'davit config' prints the project with everything resolved, for programs that convert it" },
	{ "rmi", "use 'davit image rm'" },
	{ "tag", "use 'davit image tag'" },
	{ "save", "use 'davit image save'" },
	{ "import", "use 'davit image import'" },
	{ "inspect", "use 'davit image inspect' for an image, 'davit ps --format json' for containers" },
	{ "container", "use 'davit ps', 'davit rm', 'davit logs' and the like, with the names of services" },
	{ "volume", "'davit volumes' lists them, 'davit down -v' removes them" },
	{ "network", "networks come with 'davit up' and go with 'davit down'; 'davit config --networks' lists them" },
	{ "prune", "use 'davit image prune'" },
};

/* Words that people type before the command out of habit. */
static const char *const habits[] = { "docker", "docker-compose", "compose", "podman", "podman-compose" };

#define G(field) offsetof(struct global_opts, field)
const struct opt cli_flags[] = {
	{ 'f', "file", OPT_STRS, G(files),
	  "compose file; more than one are merged; - is standard input", "FILE" },
	{ 'p', "project-name", OPT_STRING, G(project_name), "name of the project", "NAME" },
	{ 0, "project-directory", OPT_STRING, G(project_directory),
	  "directory that relative paths start from", "DIR" },
	{ 0, "env-file", OPT_STRS, G(env_files), "file of variables to read instead of .env", "FILE" },
	{ 0, "profile", OPT_STRS, G(profiles), "also enable the services of this profile", "NAME" },
	{ 0, "state-dir", OPT_STRING, G(state_dir), "where images, volumes and projects are kept", "DIR" },
	{ 0, "run-dir", OPT_STRING, G(run_dir),
	  "where sockets and what lives until a reboot are kept", "DIR" },
	{ 0, "runtime", OPT_STRING, G(runtime), "OCI runtime: crun, runc or a path", "NAME", "crun runc …" },
	{ 0, "ansi", OPT_STRING, G(ansi), "colours and redrawing: auto, always or never", "WHEN", "auto never always" },
	{ 0, "progress", OPT_STRING, G(progress), "auto, tty, plain, json or quiet", "KIND", "auto tty plain json quiet" },
	{ 'v', "version", OPT_BOOL, G(version), "print the version" },
	{ 0, "workdir", OPT_STRING, G(project_directory), NULL },
	{ 0, "verbose", OPT_IGNORED, 0, NULL },
	{ 'D', "debug", OPT_IGNORED, 0, NULL },
	{ 0, "no-ansi", OPT_BOOL, G(no_ansi), NULL },
	{ 0, "compatibility", OPT_BOOL, G(compatibility), NULL },
	{ 0, "dry-run", OPT_BOOL, G(dry_run), "show what the command would do, and do nothing; also behind the command" },
	{ 0, "parallel", OPT_STRING, G(parallel), "so many images are pulled, built or pushed and containers made or started at a time; -1: all", "N" },
	{ 0, "all-resources", OPT_BOOL, G(all_resources),
	  "'config': print also what no service uses" },
	{ 0 }
};

/* As with docker compose, this one may stand behind the command, too. */
static const struct opt inherited_flags[] = {
	{ 0, "dry-run", OPT_BOOL, G(dry_run), NULL },
	{ 0 }
};

static void help_all(struct ui *ui)
{
	ui_print(ui, "Usage: davit [OPTIONS] COMMAND\n\nRuns the containers that a compose file "
		     "describes.\n\nCommands:\n");
	cmd_list(ui, cli_cmds);
	ui_print(ui, "\nOptions (before the command):\n");
	opt_help(cli_flags, &ui->out);
	manual_help(ui);
}

static void help_cmd(struct ui *ui, const struct cmd *cmd)
{
	if (cmd->subs) {
		group_help(ui, cmd);
		return;
	}
	char first = (char)(cmd->summary[0] - ('a' - 'A'));

	ui_print(ui, "Usage: davit %s [OPTIONS]%s%s\n\n%c%s.\n", cmd->name, *cmd->args ? " " : "", cmd->args,
		 first, cmd->summary + 1);
	if (cmd->details)
		ui_print(ui, "%s\n", cmd->details);
	ui_print(ui, "\nOptions:\n");
	opt_help(cmd->opts, &ui->out);
	if (cmd->more_help)
		cmd->more_help(ui);
}

static bool is_habit(const char *word)
{
	for (size_t i = 0; word && i < ARRAY_LEN(habits); i++)
		if (STREQ(habits[i], word))
			return true;
	return false;
}

/* words: of the command line, from the one that is no command; NULL-terminated. */
static int unknown_cmd(char *const *words, struct err *err)
{
	const char *name = *words, *near = cmd_near(cli_cmds, name, "help");

	if (is_habit(name)) {
		while (is_habit(*words))
			words++;
		err_set(err, ERR_USAGE, "unknown command: '%s'", name);
		return *words && cmd_find(cli_cmds, *words)
			       ? err_hint(err, "davit takes the place of 'docker compose': 'davit %s'", *words)
			       : err_hint(err, "davit takes the place of 'docker compose': its commands follow at once, 'davit --help' lists them");
	}

	for (size_t i = 0; i < ARRAY_LEN(not_there); i++) {
		if (STREQ(not_there[i].name, name)) {
			err_set(err, ERR_USAGE, "the command '%s' is not supported", name);
			return err_hint(err, "%s", not_there[i].instead);
		}
	}
	err_set(err, ERR_USAGE, "unknown command: '%s'", name);
	return near ? err_hint(err, "did you mean '%s'?", near)
		    : err_hint(err, "'davit --help' lists the commands");
}

/* A flag that stands on the wrong side of the command is the commonest slip. */
static void hint_global(const char *const *argv, struct err *err)
{
	for (; err->kind == ERR_USAGE && !err->hint && *argv; argv++) {
		const char *name = *argv;
		const struct opt *o = NULL;

		if (str_starts(name, "--")) {
			auto_free char *bare = xstrndup(name + 2, strcspn(name + 2, "="));

			o = opt_find(cli_flags, bare, 0);
		} else if (name[0] == '-' && name[1]) {
			o = opt_find(cli_flags, NULL, name[1]);
		}
		if (o && o->help && str_starts(err_msg(err), "unknown flag")) {
			err_hint(err, "'--%s' is a global option: it stands before the command", o->name);
			return;
		}
	}
}

static int check_args(const struct cmd *cmd, const struct opt_args *args, struct err *err)
{
	if (args->n < cmd->min_args) {
		err_set(err, ERR_USAGE, "'%s' needs %s", cmd->name, cmd->args);
		return err_hint(err, "see 'davit %s --help'", cmd->name);
	}
	if (cmd->max_args >= 0 && args->n > (size_t)cmd->max_args) {
		err_set(err, ERR_USAGE, "'%s' does not take the argument '%s'", cmd->name,
			args->v[cmd->max_args]);
		return err_hint(err, "see 'davit %s --help'", cmd->name);
	}
	return 0;
}

/* With --dry-run nothing is run that is not known to leave all as it is. */
static int run_or_refrain(struct cli *c, const void *opts, struct err *err)
{
	if (c->g.dry_run && !(c->cmd->needs & (ONLY_LOOKS | CAN_DRY_RUN)))
		return dry_refrain(c);
	if (c->g.dry_run && (c->cmd->needs & ONLY_LOOKS))
		ui_warn(&c->ui, "--dry-run makes no difference to '%s': it changes nothing", c->cmd->name);
	return c->cmd->run(c, opts, err);
}

static int run_cmd(struct cli *c, char **argv, struct err *err)
{
	const struct cmd *cmd = c->cmd;
	auto_free void *opts = xcalloc(1, cmd->opts_size ? cmd->opts_size : 1);
	const struct opt_also also = { inherited_flags, &c->g };
	int r;

	if (cmd->defaults)
		memcpy(opts, cmd->defaults, cmd->opts_size);
	r = opt_parse(cmd->opts, opts, &also, argv, cmd->needs & STOP_AT_ARG, &c->args, err);
	if (r < 0) {
		hint_global((const char *const *)argv, err);
		err_hint(err, "see 'davit %s --help'", cmd->name);
	} else if (r == OPT_HELP) {
		help_cmd(&c->ui, cmd);
		r = 0;
	} else if (check_args(cmd, &c->args, err) < 0) {
		r = -1;
	} else {
		if (cmd->prepare)
			cmd->prepare(c, opts);
		r = cli_need(c, cmd->needs, err);
		if (r == 0)
			r = run_or_refrain(c, opts, err);
		if (r < 0 && err->kind == ERR_PERM && geteuid() != 0)
			err_hint(err, "run it with sudo: 'sudo davit %s …'", cmd->name);
	}
	opt_done(cmd->opts, opts);
	return r;
}

bool cli_env_true(const char *name)
{
	static const char *const yes[] = { "1", "t", "true", "y" };
	const char *value = getenv(name);

	for (size_t i = 0; value && i < ARRAY_LEN(yes); i++)
		if (strcasecmp(value, yes[i]) == 0)
			return true;
	return false;
}

static int check_number(const char *what, const char *value, struct err *err)
{
	int64_t n;

	if (!value || str_i64(value, &n) == 0)
		return 0;
	return err_set(err, ERR_USAGE, "%s must be a whole number, not '%s'", what, value);
}

int64_t cli_parallel(const struct cli *c)
{
	const char *text = c->g.parallel ? c->g.parallel : getenv("COMPOSE_PARALLEL_LIMIT");
	int64_t n;

	return text && str_i64(text, &n) == 0 ? n : 0;
}

/* Flags of the reference that mean something to `config` only, which changes nothing. */
static int check_globals(const struct cli *c, struct err *err)
{
	if (check_number("--parallel", c->g.parallel, err) < 0 ||
		check_number("COMPOSE_PARALLEL_LIMIT", getenv("COMPOSE_PARALLEL_LIMIT"), err) < 0)
		return -1;
	if (c->cmd == &cmd_config || c->g.version)
		return 0;
	if (oci_patience_check(err) < 0)
		return -1;
	if (c->g.compatibility)
		return err_set(err, ERR_USAGE, "--compatibility is not supported: davit names containers PROJECT-SERVICE-N always");
	if (c->g.all_resources)
		return err_set(err, ERR_USAGE, "--all-resources is for 'davit config'");
	return 0;
}

void cli_compose_opts(struct cli *c)
{
	c->compose = (struct compose_opts){
		.files = c->g.files, .env_files = c->g.env_files, .profiles = c->g.profiles,
		.project_name = c->g.project_name, .project_directory = c->g.project_directory,
		.all_resources = c->g.all_resources,
	};
}

static int dispatch(struct cli *c, const struct opt_args *words, struct err *err)
{
	const char *name = words->n ? words->v[0] : NULL;
	bool help = name && STREQ(name, "help");
	char **argv;
	int r;

	if (c->g.version)
		name = "version";
	else if (help && words->n > 1)
		name = words->v[1];
	else if (help || !name) {
		help_all(&c->ui);
		return 0;
	}
	c->cmd = cmd_find(cli_cmds, name);
	if (!c->cmd)
		return unknown_cmd(help ? words->v + 1 : words->v, err);
	argv = words->v + (c->g.version ? words->n : help ? 2 : 1);
	r = group_enter(&c->cmd, &argv, err);
	if (r < 0)
		return -1;
	if (help || r == OPT_HELP) {
		help_cmd(&c->ui, c->cmd);
		return 0;
	}
	if (check_globals(c, err) < 0)
		return -1;
	cli_compose_opts(c);
	if (c->g.runtime)                /* the supervisor inherits it */
		setenv("DAVIT_RUNTIME", c->g.runtime, 1);
	return run_cmd(c, argv, err);
}

static void cli_done(struct cli *c)
{
	project_free(c->project);
	world_done(&c->world);
	json_decref(c->origin);
	pdirs_done(&c->pdirs);
	dirs_done(&c->dirs);
	diag_done(&c->diag);
	opt_args_done(&c->args);
	opt_done(cli_flags, &c->g);
	free(c->name);
	free(c->dir);
	ui_done(&c->ui);
}

/* `config --format json` says even what is wrong with its own command line in JSON. */
static bool wants_json(char **argv)
{
	bool config = false, json = false;

	for (; *argv; argv++) {
		const char *format = str_starts(*argv, "--format=") ? *argv + strlen("--format=")
				     : STREQ(*argv, "--format")	    ? argv[1]
								    : NULL;

		config |= STREQ(*argv, cmd_config.name);
		if (config && format)
			json = STREQ(format, "json");
	}
	return config && json;
}

int cli_main(int argc, char **argv)
{
	struct cli c = { .pdirs = { .state_fd = -1, .run_fd = -1 } };
	auto_err struct err err = ERR_INIT;
	struct opt_args words = { 0 };
	int r;

	if (getenv("DAVIT_DEBUG"))
		log_to(STDERR_FILENO, LOG_DEBUG, 0);
	c.ui.json = argc > 0 && wants_json(argv + 1);
	r = opt_parse(cli_flags, &c.g, NULL, argc > 0 ? argv + 1 : argv, true, &words, &err);
	if (ui_init(&c.ui, c.g.no_ansi ? "never" : c.g.ansi, c.g.progress, r < 0 ? NULL : &err) < 0 && r >= 0)
		r = -1;
	if (r == OPT_HELP) {
		help_all(&c.ui);
		r = 0;
	} else if (r < 0) {
		err_hint(&err, "see 'davit --help'");
	} else {
		r = dispatch(&c, &words, &err);
	}
	if (ui_flush(&c.ui, r < 0 ? NULL : &err) < 0)
		r = -1;
	if (r < 0) {
		ui_err_at(&c.ui, &c.diag, c.err_pos, &err);
		r = err_exit_status(&err);
	}
	ui_json_end(&c.ui);
	opt_args_done(&words);
	cli_done(&c);
	return r;
}
