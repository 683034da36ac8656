#include "manual.h"

#include <string.h>

const struct manual_row manual_exits[] = {
	{ "0", "done" },
	{ "1", "it failed, the compose file is wrong, or so is the command line; standard error says which" },
	{ "2", "of 'plan': something would change" },
	{ "125", "of 'run': its container could not be made" },
	{ "126", "a container's command cannot be executed" },
	{ "127", "a container's command does not exist" },
	{ "130", "interrupted with Ctrl-C" },
	{ NULL }
};

const char manual_exits_more[] =
	"'run', 'exec', 'wait' and 'up --exit-code-from' give the status of the command in the container: 128 and the signal's number\n"
	"when a signal ended it.";

const struct manual_row manual_files[] = {
	{ "compose.yaml, compose.yml, docker-compose.yaml, docker-compose.yml", "with their .override, and .env: in or above the working directory" },
	{ "/var/lib/davit", "images, volumes, logs and records (--state-dir, DAVIT_STATE_DIR)" },
	{ "/run/davit", "sockets, locks, namespaces (--run-dir, DAVIT_RUN_DIR)" },
	{ NULL }
};

const struct manual_row manual_env[] = {
	{ "COMPOSE_FILE, COMPOSE_PATH_SEPARATOR, COMPOSE_PROJECT_NAME, COMPOSE_PROFILES, COMPOSE_ENV_FILES, COMPOSE_DISABLE_ENV_FILE, "
	  "COMPOSE_ANSI, COMPOSE_PROGRESS, COMPOSE_REMOVE_ORPHANS, COMPOSE_IGNORE_ORPHANS, COMPOSE_MENU, DOCKER_DEFAULT_PLATFORM",
	  "as for docker compose" },
	{ "COMPOSE_PARALLEL_LIMIT", "as --parallel" },
	{ "DAVIT_STATE_DIR, DAVIT_RUN_DIR, DAVIT_RUNTIME", "defaults of the options" },
	{ "DAVIT_RUNTIME_TIMEOUT", "for a runtime that is slow: 2m (one minute)" },
	{ "DAVIT_BUILDER", "buildah or buildkit, as 'build --builder'" },
	{ "NO_COLOR", "no colours" },
	{ NULL }
};

enum { NARROW = 30, LINE = 110 };

/* Words of a list, broken where a line is full. */
static void print_words(struct ui *ui, const char *text)
{
	size_t column = 0;

	for (const char *p = text; *p;) {
		size_t n = strcspn(p, " ");

		ui_print(ui, "%s%.*s", !column ? "  " : column + n > LINE ? "\n  " : " ", (int)n, p);
		column = column + n > LINE ? n : column + n + 1;
		p += n + (p[n] == ' ');
	}
}

static void print_rows(struct ui *ui, const char *head, const struct manual_row *rows, int width)
{
	ui_print(ui, "\n%s:\n", head);
	for (; rows->what; rows++) {
		if (strlen(rows->what) < (size_t)width) {
			ui_print(ui, "  %-*s %s\n", width, rows->what, rows->text);
			continue;
		}
		print_words(ui, rows->what);
		ui_print(ui, "\n  %-*s %s\n", width, "", rows->text);
	}
}

void manual_help(struct ui *ui)
{
	ui_print(ui, "\n'davit COMMAND --help' says more about a command.\n");
	print_rows(ui, "Exit status", manual_exits, 5);
	ui_print(ui, "%s\n", manual_exits_more);
	print_rows(ui, "Files", manual_files, NARROW);
	print_rows(ui, "Environment", manual_env, NARROW);
}
