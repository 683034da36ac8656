/* What a child that has become an archive's says of the files that it has written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/pack/answer.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char top[] = "/tmp/answer-test-XXXXXX";
static struct stage stage;

static int set_up(void **state)
{
	return mkdtemp(top) && (stage.fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0 &&
			       path_write(stage.fd, "file", "four", 4, 0644, 0, NULL) == 0 && symlinkat("file", stage.fd, "link") == 0 &&
			       mkdirat(stage.fd, "dir", 0755) == 0
		       ? 0
		       : -1;
}

static int tear_down(void **state)
{
	close(stage.fd);
	return path_remove_tree(AT_FDCWD, top, NULL);
}

static int answer(const char *file, const char *hex, int64_t size, int64_t kind, struct staged_blob *ret)
{
	auto_json json_t *o = json_object();
	auto_err struct err err = ERR_INIT;
	int r;

	jx_set_str(o, "hex", hex);
	jx_set_int(o, "size", size);
	jx_set_int(o, "kind", kind);
	r = answer_blob(&stage, file ? xstrdup(file) : NULL, o, ret, &err);
	assert_int_equal(err.kind, r < 0 ? ERR_PROTO : ERR_NONE);
	return r;
}

static void test_a_file_that_is_there(void **state)
{
	struct staged_blob b;

	assert_int_equal(answer("file", HEX, 4, BLOB_GZIP, &b), 0);
	assert_string_equal(b.file, "file");
	assert_string_equal(b.hex, HEX);
	assert_int_equal(b.size, 4);
	assert_int_equal(b.kind, BLOB_GZIP);
	free(b.file);
}

/* Its digest becomes the name of a blob, its file is moved into the store. */
static void test_nonsense(void **state)
{
	static const char *const hexes[] = { NULL, "", "0123", "../../../../../../../../../../../../../../../../etc/cron.d/davit-wa",
		"0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef", HEX "0" };
	static const char *const files[] = { NULL, "none", "link", "dir", "../../etc/passwd" };
	struct staged_blob b;

	for (size_t i = 0; i < sizeof hexes / sizeof *hexes; i++)
		assert_int_equal(answer("file", hexes[i], 4, BLOB_PLAIN, &b), -1);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		assert_int_equal(answer(files[i], HEX, 4, BLOB_PLAIN, &b), -1);
	assert_int_equal(answer("file", HEX, 5, BLOB_PLAIN, &b), -1);
	assert_int_equal(answer("file", HEX, -1, BLOB_PLAIN, &b), -1);
	assert_int_equal(answer("file", HEX, 4, BLOB_ZSTD + 1, &b), -1);
	assert_int_equal(answer("file", HEX, 4, -1, &b), -1);
}

static int answer_of_part(int64_t at, int64_t size, int kind, struct staged_blob *ret)
{
	auto_json json_t *o = json_object();

	jx_set_int(o, "at", at);
	jx_set_int(o, "size", size);
	jx_set_int(o, "kind", kind);
	return answer_part(o, ret, NULL);
}

static void test_parts_of_an_archive(void **state)
{
	struct staged_blob b;

	assert_int_equal(answer_of_part(512, 1024, BLOB_ZSTD, &b), 0);
	assert_true(b.part && !b.file && !*b.hex);
	assert_int_equal(b.at, 512);
	assert_int_equal(b.size, 1024);
	assert_int_equal(b.kind, BLOB_ZSTD);
	assert_int_equal(answer_of_part(-1, 1024, BLOB_PLAIN, &b), -1);
	assert_int_equal(answer_of_part(512, -1, BLOB_PLAIN, &b), -1);
	assert_int_equal(answer_of_part(512, 1024, BLOB_ZSTD + 1, &b), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_that_is_there),
		cmocka_unit_test(test_nonsense),
		cmocka_unit_test(test_parts_of_an_archive),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
