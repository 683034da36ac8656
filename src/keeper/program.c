/* program.c - which program is the supervisor.
 *
 * A supervisor that is well says so and leaves its own program's descriptor: that one can be executed again whatever becomes
 * of its path. Another program, asked for by name, is on trial until it is well. One that ends TRIES times without that
 * makes room for the last one that was; on trial it stays so until somebody asks again, else the two take turns. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "parts.h"

enum { TRIES = 3 };

extern char **environ;

static struct {
	char **argv;                         /* as the keeper was given it; [0] is set at each start */
	char path[KEEPER_PATH_MAX + 1];      /* to be executed */
	char well_path[KEEPER_PATH_MAX + 1]; /* what the one was called that was well last */
	int well_fd;                         /* its file; -1: none was well yet */
	bool trial, asked, back;             /* asked: the trial's first start is still to come */
	bool said_well;                      /* the running one did */
	unsigned failures;
} prog = {.well_fd = -1};

bool program_set(char **argv)
{
	size_t n = strlen(argv[0]);

	if (n > KEEPER_PATH_MAX)
		return false;
	memcpy(prog.path, argv[0], n + 1);
	prog.argv = argv;
	return true;
}

const char *program_path(void)
{
	return prog.path;
}

void program_next(const char *path)
{
	memcpy(prog.path, path, strlen(path) + 1);
	prog.trial = prog.asked = true;
	prog.back = false;
	prog.failures = 0;
}

static bool use_last(void)
{
	return prog.well_fd >= 0 && (prog.back || prog.failures / TRIES % 2 == 1);
}

bool program_went_back(void)
{
	return prog.back;
}

bool program_on_trial(void)
{
	return prog.trial && !prog.asked;
}

void program_starts(void)
{
	prog.asked = prog.said_well = false;
	if (prog.trial && use_last()) {
		prog.back = true;
		prog.trial = false;
	}
}

void program_well(int fd)
{
	if (fd < 0 || prog.asked) {             /* asked: it speaks for the one before */
		if (fd >= 0)
			close(fd);
		return;
	}
	if (prog.well_fd >= 0)
		close(prog.well_fd);
	if (!use_last())
		memcpy(prog.well_path, prog.path, sizeof prog.path);
	prog.well_fd = fd;
	prog.said_well = true;
	prog.trial = false;
	prog.failures = 0;
}

bool program_ended(void)
{
	if (!prog.asked && !prog.said_well)
		prog.failures++;
	return prog.asked;
}

int program_exec(void)
{
	if (!use_last()) {
		prog.argv[0] = prog.path;
		execv(prog.path, prog.argv);
	} else {
		prog.argv[0] = prog.well_path;
		syscall(SYS_execveat, prog.well_fd, "", prog.argv, environ, AT_EMPTY_PATH);
	}
	return errno;
}
