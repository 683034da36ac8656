/* program.h - where davit's programs are. All results are malloc'ed. */
#pragma once

/* The path of the running program, also when another one has taken that place since. */
char *program_self(void);
/* A helper of the davit at path: beside it, else where `make install` puts it. */
char *program_helper(const char *davit, const char *name);
/* "DEVICE:INODE" of the file at path, which tells two builds at one path apart; NULL: there is none. */
char *program_file(const char *path);
