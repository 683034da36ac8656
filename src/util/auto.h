/* auto.h - release on scope exit, hand over by name.
 *
 *	auto_free char *path = NULL;
 *	auto_close int fd = -1;
 *	...
 *	*ret_fd = take_fd(&fd);        the one way to keep it
 *
 * NULL and -1 are the empty values; every auto_ variable is declared initialised. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void auto_free_p(void *p)
{
	free(*(void **)p);
}

static inline void auto_close_p(int *fd)
{
	if (*fd >= 0) {
		int keep = errno;
		close(*fd);
		errno = keep;
	}
}

static inline void auto_closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

static inline void auto_fclose_p(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define auto_free __attribute__((cleanup(auto_free_p)))
#define auto_close __attribute__((cleanup(auto_close_p)))
#define auto_closedir __attribute__((cleanup(auto_closedir_p)))
#define auto_fclose __attribute__((cleanup(auto_fclose_p)))

/* Empties the variable and returns what it held. */
#define take(p) \
	({ \
		__typeof__(p) taken_ = (p); \
		(p) = NULL; \
		taken_; \
	})

static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

#define ARRAY_LEN(a) (sizeof(a) / sizeof *(a))
