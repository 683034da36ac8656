/* program.h - whether the kernel can execute a file, as far as its first bytes and the headers of an ELF file tell (execve(2),
 * Linux's fs/binfmt_script.c and fs/binfmt_elf.c). */
#pragma once

#include <stdbool.h>

enum program {
	PROGRAM_RUNS,                    /* or it is not for us to say */
	PROGRAM_NO_INTERPRETER,          /* that of its first line or ELF header is not there */
	PROGRAM_BAD_INTERPRETER,         /* it is there, and not executable */
	PROGRAM_FOREIGN,                 /* of another machine, or no program at all */
};

/* file_fd: a regular file, O_PATH will do. Interpreters are looked for below root_fd, relative ones from cwd. *ret_interpreter (malloc'ed):
 * the one that is amiss, else NULL. Where there are emulators nothing is foreign. */
enum program program_look(int root_fd, const char *cwd, int file_fd, char **ret_interpreter);
/* An O_PATH descriptor of `path` below root_fd, from cwd, and whether it could be executed by its kind and mode. -1 with errno: ENOEXEC when it
 * is there and could not. */
int program_open(int root_fd, const char *cwd, const char *path);
/* Whether binfmt_misc knows any: they may take what the kernel does not, by whatever bytes or suffix. */
bool program_emulators(void);
