/* Headers of tar archives, byte for byte where it matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "../../../../src/copy/tarhead.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/mem.h"

static unsigned sum_of(const char *block)
{
	unsigned sum = 0;

	for (int i = 0; i < TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)block[i];
	return sum;
}

/* Whole blocks, each header's sum as it says. Returns the last block. */
static const char *check(const struct buf *out)
{
	const char *last = out->p + out->len - TAR_BLOCK;

	assert_int_equal(out->len % TAR_BLOCK, 0);
	assert_int_equal(strtoul(last + 148, NULL, 8), sum_of(last));
	assert_string_equal(last + 257, "ustar");
	if (out->len > TAR_BLOCK) {
		assert_int_equal(strtoul(out->p + 148, NULL, 8), sum_of(out->p));
		assert_int_equal(out->p[156], 'x');
	}
	return last;
}

static void test_plain(void **state)
{
	auto_buf struct buf out = BUF_INIT;
	struct tarhead h = { .path = "a/b", .st = { .st_mode = S_IFREG | 04755, .st_uid = 12, .st_gid = 34, .st_size = 1234, .st_mtim.tv_sec = 99 } };
	const char *b;

	tarhead(&h, &out);
	assert_int_equal(out.len, TAR_BLOCK);
	b = check(&out);
	assert_string_equal(b, "a/b");
	assert_string_equal(b + 100, "0004755");
	assert_string_equal(b + 108, "0000014");
	assert_string_equal(b + 116, "0000042");
	assert_string_equal(b + 124, "00000002322");
	assert_string_equal(b + 136, "00000000143");
	assert_int_equal(b[156], '0');
}

static void test_kinds(void **state)
{
	static const struct { mode_t mode; bool hard; char type; const char *name; } kinds[] = {
		{ S_IFDIR | 0755, false, '5', "x/" }, { S_IFLNK | 0777, false, '2', "x" }, { S_IFREG, true, '1', "x" },
		{ S_IFCHR, false, '3', "x" }, { S_IFBLK, false, '4', "x" }, { S_IFIFO, false, '6', "x" },
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		auto_buf struct buf out = BUF_INIT;
		struct tarhead h = { .path = "x", .link = "to", .hard = kinds[i].hard,
				     .st = { .st_mode = kinds[i].mode, .st_size = 77, .st_rdev = makedev(8, 3) } };
		const char *b;

		tarhead(&h, &out);
		b = check(&out);
		assert_int_equal(b[156], kinds[i].type);
		assert_string_equal(b, kinds[i].name);
		assert_string_equal(b + 124, "00000000000");     /* nothing but a file of its own has content */
		assert_string_equal(b + 157, "to");
		if (S_ISCHR(kinds[i].mode) || S_ISBLK(kinds[i].mode)) {
			assert_string_equal(b + 329, "0000010");
			assert_string_equal(b + 337, "0000003");
		}
	}
}

static void has_record(const struct buf *out, const char *record)
{
	assert_non_null(memmem(out->p, out->len, record, strlen(record)));
}

static void test_large(void **state)
{
	auto_buf struct buf out = BUF_INIT;
	char name[151];
	struct tarhead h = { .path = name, .link = name, .hard = true,
			     .st = { .st_mode = S_IFREG, .st_uid = 3000000000u, .st_gid = 2097152, .st_mtim.tv_sec = -5 } };
	struct tarhead huge = { .path = "huge", .st = { .st_mode = S_IFREG, .st_size = 1LL << 40 } };

	memset(name, 'n', sizeof name);
	name[150] = '\0';
	tarhead(&h, &out);
	check(&out);
	has_record(&out, "160 path=nnn");        /* "path=", 150, a blank and a new line, and the three digits themselves */
	has_record(&out, "uid=3000000000\n");
	has_record(&out, "gid=2097152\n");
	has_record(&out, "mtime=-5\n");
	buf_done(&out);
	tarhead(&huge, &out);
	check(&out);
	has_record(&out, "22 size=1099511627776\n");
}

static void test_record_lengths(void **state)
{
	for (size_t n = 0; n < 2000; n++) {
		auto_buf struct buf records = BUF_INIT;
		auto_free char *value = xcalloc(n + 1, 1);

		memset(value, 'v', n);
		tarhead_record(&records, "key", value, n);
		assert_int_equal(strtoul(records.p, NULL, 10), records.len);
		assert_int_equal(records.p[records.len - 1], '\n');
	}
}

static void test_no_utf8(void **state)
{
	auto_buf struct buf out = BUF_INIT;
	char name[120];
	struct tarhead h = { .path = name, .st.st_mode = S_IFREG };

	memset(name, 0xff, sizeof name);
	name[119] = '\0';
	tarhead(&h, &out);
	check(&out);
	has_record(&out, "hdrcharset=BINARY\n");
}

static void test_padding(void **state)
{
	assert_int_equal(tar_padding(0), 0);
	assert_int_equal(tar_padding(1), 511);
	assert_int_equal(tar_padding(512), 0);
	assert_int_equal(tar_padding(513), 511);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_record_lengths),
		cmocka_unit_test(test_no_utf8),
		cmocka_unit_test(test_padding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
