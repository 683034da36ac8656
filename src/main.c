/* davit's one visible program: the command line, and, when the keeper runs it so, the supervisor of a project. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "super/super.h"
#include "util/err.h"
#include "util/fd.h"

/* davit --supervise NAME [--state-dir DIR] [--run-dir DIR]: not for people, hence not in the tables. */
static int supervise(char **argv)
{
	const char *state = NULL, *run = NULL;
	struct dirs dirs = { 0 };
	struct err err = ERR_INIT;
	int r;

	for (char **p = argv + 3; p[0] && p[1]; p += 2) {
		if (strcmp(p[0], "--state-dir") == 0)
			state = p[1];
		else if (strcmp(p[0], "--run-dir") == 0)
			run = p[1];
	}
	if (dirs_init(state, run, &dirs, &err) < 0) {
		fprintf(stderr, "davit: error: %s\n", err_msg(&err));
		err_done(&err);
		return 1;
	}
	r = super_main(&dirs, argv[2]);
	dirs_done(&dirs);
	return r;
}

int main(int argc, char **argv)
{
	fd_fill_standard();
	if (argc > 2 && strcmp(argv[1], "--supervise") == 0)
		return supervise(argv);
	return cli_main(argc, argv);
}
