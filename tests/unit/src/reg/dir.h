/* dir.h - a directory of a test's own, with files. */
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "../../../../src/reg/env.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"

/* malloc'ed. */
static inline char *dir_make(void)
{
	char *dir = xstrdup("/tmp/reg-test-XXXXXX");

	assert_non_null(mkdtemp(dir));
	return dir;
}

static inline void dir_remove(char *dir)
{
	assert_int_equal(path_remove_tree(AT_FDCWD, dir, NULL), 0);
	free(dir);
}

/* A file below it, with the directories on its way. */
static inline void dir_put(const char *dir, const char *name, const char *text)
{
	auto_free char *path = xasprintf("%s/%s", dir, name), *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	assert_int_equal(path_mkdirs(AT_FDCWD, parent, 0755, NULL), 0);
	assert_int_equal(path_write(AT_FDCWD, path, text, strlen(text), 0644, 0, NULL), 0);
}

/* The machine is DIR/root, the user DIR/home. */
static inline void dir_env(const char *dir, struct reg_env *ret)
{
	*ret = (struct reg_env){
		.root = xasprintf("%s/root", dir),
		.home = xasprintf("%s/home", dir),
		.config_home = xasprintf("%s/home/.config", dir),
		.auth_run = xasprintf("%s/root/run/containers/0/auth.json", dir),
		.docker = xasprintf("%s/home/.docker", dir),
	};
}
