/* A layer is unpacked while its blob is still being written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>

#include "../../../../src/pack/grow.h"
#include "../../../../src/pack/unpack.h"
#include "../../../../src/util/proc.h"
#include "made.h"
#include "made_top.h"

static int set_up_tree(void **state)
{
	return set_up(state) < 0 ? -1 : mkdirat(top_fd, "tree", 0755);
}

enum { NOISE = 700000 };

static void make_noise(unsigned char *p)
{
	unsigned x = 12345;

	for (size_t i = 0; i < NOISE; i++) {
		x = x * 1103515245 + 12345;
		p[i] = (unsigned char)(x >> 16);
	}
}

/* The blob, and the hash of what it holds. */
static struct buf layer(enum made_filter f, char diff[static HASH_HEX_LEN + 1])
{
	static unsigned char noise[NOISE];
	struct buf out = BUF_INIT;

	make_noise(noise);
	for (int round = 0; round < 2; round++) {
		struct tar *t = tar_new(round == 0 ? M_PLAIN : f);
		buf_done(&out);
		tar_dir(t, "d");
		tar_bytes(t, "d/noise", noise, sizeof noise);
		tar_file(t, "d/small", "small");
		tar_bytes(t, "more", noise, sizeof noise);
		out = tar_end(t);
		if (round == 0)
			hash_sha256_hex(out.p, out.len, diff);
	}
	return out;
}

struct growing {
	struct grow grow;
	struct unpack unpack;
	struct worker worker;
	int fd;
};

static void begin(struct growing *g, const char *diff)
{
	*g = (struct growing){ .grow = GROW_NONE };
	assert_int_equal(grow_init(&g->grow, NULL), 0);
	g->fd = openat(top_fd, "blob", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(g->fd >= 0);
	g->unpack = (struct unpack){
		.stage_fd = top_fd, .blob = "blob", .dir = "tree", .growing = &g->grow, .diff_hex = diff, .limits = PACK_LIMITS };
	assert_int_equal(worker_start(unpack_work, &g->unpack, &g->worker, NULL), 0);
}

static int end(struct growing *g, json_t **ret, struct err *err)
{
	struct pollfd p = { .fd = g->worker.fd, .events = POLLIN };

	while (worker_read(&g->worker) == 0)
		assert_true(poll(&p, 1, 30000) > 0);
	close(g->fd);
	grow_done(&g->grow);
	return worker_finish(&g->worker, ret, err);
}

/* Writes [from, to) and says so. */
static void feed(struct growing *g, const struct buf *blob, size_t from, size_t to)
{
	assert_int_equal(pwrite(g->fd, blob->p + from, to - from, (off_t)from), to - from);
	grow_tell(&g->grow, to);
}

static void feed_pieces(struct growing *g, const struct buf *blob, size_t upto, unsigned seed)
{
	for (size_t at = 0; at < upto;) {
		size_t n = (size_t)rand_r(&seed) % (seed % 3 ? 200000 : 500) + 1, to = at + n < upto ? at + n : upto;
		feed(g, blob, at, to);
		if (seed % 5 == 0)
			usleep(seed % 3000);
		at = to;
	}
}

static void check_unpacked(void)
{
	static unsigned char noise[NOISE];
	static const char *const names[] = { "tree/d/noise", "tree/more" };

	make_noise(noise);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		auto_buf struct buf b = BUF_INIT;
		assert_int_equal(path_read(top_fd, names[i], NOISE, &b, NULL), 0);
		assert_int_equal(b.len, NOISE);
		assert_memory_equal(b.p, noise, NOISE);
	}
}

static void test_in_random_pieces(void **state)
{
	for (unsigned seed = 0; seed < 12; seed++) {
		char diff[HASH_HEX_LEN + 1];
		auto_buf struct buf blob = layer((enum made_filter)(seed % 3), diff);
		auto_err struct err err = ERR_INIT;
		auto_json json_t *answer = NULL;
		struct growing g;

		begin(&g, diff);
		feed_pieces(&g, &blob, blob.len, seed);
		grow_end(&g.grow, blob.len);
		if (end(&g, &answer, &err) < 0)
			fail_msg("seed %u: %s", seed, err_msg(&err));
		assert_int_equal(jx_int(answer, "bytes", 0), 2 * NOISE + 5);
		check_unpacked();
		assert_int_equal(path_remove_tree(top_fd, "tree", NULL), 0);
		assert_int_equal(mkdirat(top_fd, "tree", 0755), 0);
	}
}

static bool noise_is_there(void)
{
	struct stat st;

	return fstatat(top_fd, "tree/d/noise", &st, 0) == 0 && st.st_size == NOISE;
}

/* What there is, is unpacked before the rest has come. */
static void test_begins_before_the_end(void **state)
{
	char diff[HASH_HEX_LEN + 1];
	auto_buf struct buf blob = layer(M_GZIP, diff);
	size_t part = blob.len * 3 / 4;
	struct growing g;

	begin(&g, diff);
	feed(&g, &blob, 0, part);
	for (int i = 0; i < 3000 && !noise_is_there(); i++)
		usleep(10000);
	assert_true(noise_is_there());
	assert_int_equal(worker_read(&g.worker), 0);
	feed(&g, &blob, part, blob.len);
	grow_end(&g.grow, blob.len);
	assert_int_equal(end(&g, NULL, NULL), 0);
	check_unpacked();
}

static void test_cut_short(void **state)
{
	for (int f = M_PLAIN; f <= M_ZSTD; f++) {
		char diff[HASH_HEX_LEN + 1];
		auto_buf struct buf blob = layer((enum made_filter)f, diff);
		auto_err struct err err = ERR_INIT;
		struct growing g;

		begin(&g, diff);
		feed_pieces(&g, &blob, blob.len / 2, 1);
		grow_end(&g.grow, blob.len / 2);
		assert_int_equal(end(&g, NULL, &err), -1);
		if (!strstr(err_msg(&err), "damaged"))
			fail_msg("%s", err_msg(&err));
	}
}

static void test_shorter_than_told(void **state)
{
	char diff[HASH_HEX_LEN + 1];
	auto_buf struct buf blob = layer(M_GZIP, diff);
	auto_err struct err err = ERR_INIT;
	struct growing g;

	begin(&g, diff);
	feed(&g, &blob, 0, 1000);
	grow_end(&g.grow, blob.len);
	assert_int_equal(end(&g, NULL, &err), -1);
	if (!strstr(err_msg(&err), "shorter than was told"))
		fail_msg("%s", err_msg(&err));
}

static void test_other_content(void **state)
{
	char diff[HASH_HEX_LEN + 1];
	auto_buf struct buf blob = layer(M_ZSTD, diff);
	auto_err struct err err = ERR_INIT;
	struct growing g;

	diff[0] = diff[0] == '0' ? '1' : '0';
	begin(&g, diff);
	feed(&g, &blob, 0, blob.len);
	grow_end(&g.grow, blob.len);
	assert_int_equal(end(&g, NULL, &err), -1);
	if (!strstr(err_msg(&err), "not what the image's config says"))
		fail_msg("%s", err_msg(&err));
}

static void test_how_far_the_reader_is(void **state)
{
	char diff[HASH_HEX_LEN + 1];
	auto_buf struct buf blob = layer(M_PLAIN, diff);
	struct growing g;

	begin(&g, diff);
	assert_int_equal(grow_read(&g.grow), 0);
	feed(&g, &blob, 0, blob.len / 2);
	for (int i = 0; i < 3000 && grow_read(&g.grow) < blob.len / 2; i++)
		usleep(10000);
	assert_int_equal(grow_read(&g.grow), blob.len / 2);
	worker_abort(&g.worker);
	close(g.fd);
	grow_done(&g.grow);
	grow_done(&g.grow); /* once more is fine */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_random_pieces, set_up_tree, tear_down),
		cmocka_unit_test_setup_teardown(test_begins_before_the_end, set_up_tree, tear_down),
		cmocka_unit_test_setup_teardown(test_cut_short, set_up_tree, tear_down),
		cmocka_unit_test_setup_teardown(test_shorter_than_told, set_up_tree, tear_down),
		cmocka_unit_test_setup_teardown(test_other_content, set_up_tree, tear_down),
		cmocka_unit_test_setup_teardown(test_how_far_the_reader_is, set_up_tree, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
