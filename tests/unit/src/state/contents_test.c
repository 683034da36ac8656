/* What was in the files of configs and secrets: kept, found, taken in place of the file, pruned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/state/contents.h"
#include "../../../../src/state/generation.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/hash.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"

struct place {
	char path[64], file[80];
	int fd;
};

static int place_up(void **state)
{
	static struct place p;

	snprintf(p.path, sizeof p.path, "/tmp/contents-test-XXXXXX");
	if (!mkdtemp(p.path))
		return -1;
	snprintf(p.file, sizeof p.file, "%s/app.conf", p.path);
	p.fd = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &p;
	return 0;
}

static int place_down(void **state)
{
	struct place *p = *state;

	close(p->fd);
	return path_remove_tree(AT_FDCWD, p->path, NULL);
}

/* Writes the file; its digest, in a buffer that the next call overwrites. */
static const char *write_file(const struct place *p, const char *text)
{
	static char hex[HASH_HEX_LEN + 1];

	assert_int_equal(path_write(p->fd, "app.conf", text, strlen(text), 0640, 0, NULL), 0);
	hash_sha256_hex(text, strlen(text), hex);
	return hex;
}

static void write_generation(const struct place *p, int64_t n, const char *digest)
{
	struct generation g = { .n = n, .model = json_object(), .contents = digest ? json_pack("[s]", digest) : NULL };

	assert_int_equal(generation_write(p->fd, &g, NULL), 0);
	generation_done(&g);
}

static void test_instead(void **state)
{
	const struct place *p = *state;
	auto_free char *one = xstrdup(write_file(p, "one")), *kept = NULL, *path = NULL;
	struct stat st;

	contents_keep(p->fd, one, p->file);
	assert_true(contents_are_kept(p->fd, one));
	assert_null(contents_instead(p->fd, one, p->file));
	write_file(p, "two");
	kept = contents_instead(p->fd, one, p->file);
	path = xasprintf("contents/%s", one);
	assert_string_equal(kept, path);
	assert_int_equal(fstatat(p->fd, kept, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(st.st_size, 3);
	unlink(p->file);
	free(take(kept));
	kept = contents_instead(p->fd, one, p->file);
	assert_string_equal(kept, path);
}

static void test_what_is_not_kept(void **state)
{
	const struct place *p = *state;
	auto_free char *two = xstrdup(write_file(p, "two")), *big = NULL, *text = NULL;

	write_file(p, "three");
	contents_keep(p->fd, two, p->file);          /* it is another one already */
	assert_false(contents_are_kept(p->fd, two));
	assert_null(contents_instead(p->fd, two, p->file));
	contents_keep(p->fd, "../app.conf", p->file);
	assert_false(contents_are_kept(p->fd, "../app.conf"));
	contents_keep(p->fd, NULL, p->file);
	text = xcalloc(CONTENTS_MAX + 2, 1);
	memset(text, 'x', CONTENTS_MAX + 1);
	big = xstrdup(write_file(p, text));
	contents_keep(p->fd, big, p->file);
	assert_false(contents_are_kept(p->fd, big));
	unlink(p->file);
	assert_int_equal(mkfifo(p->file, 0600), 0);  /* nobody is waited for */
	contents_keep(p->fd, two, p->file);
	assert_false(contents_are_kept(p->fd, two));
}

static void test_prune(void **state)
{
	const struct place *p = *state;
	auto_free char *one = xstrdup(write_file(p, "one")), *two = NULL;

	contents_prune(p->fd);                       /* there is nothing yet */
	contents_keep(p->fd, one, p->file);
	two = xstrdup(write_file(p, "two"));
	contents_keep(p->fd, two, p->file);
	write_generation(p, 1, one);
	write_generation(p, 2, NULL);
	contents_prune(p->fd);
	assert_true(contents_are_kept(p->fd, one));
	assert_false(contents_are_kept(p->fd, two));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_instead, place_up, place_down),
		cmocka_unit_test_setup_teardown(test_what_is_not_kept, place_up, place_down),
		cmocka_unit_test_setup_teardown(test_prune, place_up, place_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
