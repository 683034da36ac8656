/* The copy of crun that is executed in its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/oci/oci.h"
#include "../../../../src/oci/runtime.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"

static char dir[] = "/tmp/sealed-XXXXXX";

/* Puts another program in the place of DIR/crun, as a package's update does. */
static void install(const char *program)
{
	auto_free char *text = xasprintf("cp -L /bin/%s %s/new && mv %s/new %s/crun", program, dir, dir, dir);
	const char *const argv[] = { "sh", "-c", text, NULL };
	struct spawn s = { .argv = argv, .stdio = { -1, -1, -1 } };
	struct child c;
	int status;

	assert_int_equal(proc_spawn(&s, &c, NULL), 0);
	assert_int_equal(proc_wait(&c, -1, "sh", &status, NULL), 0);
	assert_int_equal(status, 0);
	close(c.pidfd);
}

static struct oci_runtime runtime(const char *name)
{
	struct oci_runtime r = { .name = xstrdup(name), .path = xasprintf("%s/crun", dir) };

	oci_runtime_seal(&r);
	return r;
}

static int run(const struct oci_runtime *r)
{
	struct oci_call c = { .runtime = r, .root = "/nowhere", .id = "x", .verb = OCI_START, .stdio = { -1, -1, -1 } };
	struct child child;
	int status = -1;

	assert_int_equal(oci_start(&c, &child, NULL), 0);
	assert_int_equal(proc_wait(&child, -1, "crun", &status, NULL), 0);
	close(child.pidfd);
	return status;
}

static size_t count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void one_copy_is_made_and_is_sealed(void **state)
{
	size_t before = count_fds();
	struct oci_runtime r;
	auto_free char *first = NULL;
	int fd;

	install("true");
	r = runtime("crun");
	first = xstrdup(sealed_path(&r));
	assert_string_equal(sealed_path(&r), first);
	fd = open(first, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fcntl(fd, F_GET_SEALS), F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	close(fd);
	assert_int_equal(run(&r), 0);
	oci_runtime_done(&r);
	assert_int_equal(count_fds(), before);
}

static void a_program_that_was_replaced_is_copied_anew(void **state)
{
	size_t before;
	struct oci_runtime r;

	install("true");
	r = runtime("crun");
	assert_int_equal(run(&r), 0);
	before = count_fds();
	install("false");
	assert_int_equal(run(&r), 1);
	assert_int_equal(count_fds(), before);
	oci_runtime_done(&r);
}

static void where_a_copy_does_not_do_the_file_is_executed(void **state)
{
	static const char script[] = "#!/bin/sh\nexit 5\n";
	struct oci_runtime r;

	install("true");
	r = runtime("runc");
	assert_null(sealed_path(&r));
	assert_int_equal(run(&r), 0);
	oci_runtime_done(&r);
	auto_free char *path = xasprintf("%s/crun", dir);
	assert_int_equal(path_write(AT_FDCWD, path, script, strlen(script), 0755, 0, NULL), 0);
	r = runtime("crun");
	assert_null(sealed_path(&r));
	assert_int_equal(run(&r), 5);
	install("true");
	assert_non_null(sealed_path(&r));
	sealed_drop(r.sealed);                   /* it could not be executed */
	assert_null(sealed_path(&r));
	assert_int_equal(run(&r), 0);
	unlink(path);
	assert_null(sealed_path(&r));
	oci_runtime_done(&r);
}

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int drop_dir(void **state)
{
	return path_remove_tree(AT_FDCWD, dir, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_copy_is_made_and_is_sealed),
		cmocka_unit_test(a_program_that_was_replaced_is_copied_anew),
		cmocka_unit_test(where_a_copy_does_not_do_the_file_is_executed),
	};

	return cmocka_run_group_tests(tests, make_dir, drop_dir);
}
