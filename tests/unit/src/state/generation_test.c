/* Generations: written, read, ended, counted, pruned; and a record that has another one set aside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../../../src/state/generation.h"
#include "../../../../src/state/journal.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"

struct place {
	char path[64];
	int fd;
};

static int place_up(void **state)
{
	static struct place p;

	snprintf(p.path, sizeof p.path, "/tmp/generation-test-XXXXXX");
	if (!mkdtemp(p.path))
		return -1;
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

static void write_one(const struct place *p, int64_t n, enum generation_outcome o)
{
	struct generation g = {
		.n = n, .at_ns = 1000 + n, .command = xstrdup("up"), .outcome = o, .model = json_pack("{s:s}", "name", "p"),
		.images = json_pack("{s:{s:s,s:s}}", "web", "ref", "busybox", "id", "sha256:00"),
	};

	assert_int_equal(generation_write(p->fd, &g, NULL), 0);
	generation_done(&g);
}

static void test_none_yet(void **state)
{
	const struct place *p = *state;
	auto_err struct err err = ERR_INIT;
	struct generations l;
	struct generation g;

	generations_list(p->fd, &l);
	assert_int_equal(l.n, 0);
	generations_done(&l);
	assert_int_equal(generation_last(p->fd), 0);
	assert_int_equal(generation_last(-1), 0);
	assert_int_equal(generation_read(p->fd, 1, &g, &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

static void test_written_is_read(void **state)
{
	const struct place *p = *state;
	struct generation g;

	write_one(p, 12, GENERATION_UNFINISHED);
	assert_int_equal(generation_end(p->fd, 12, GENERATION_FAILED, "it was too late", NULL), 0);
	assert_int_equal(generation_read(p->fd, 12, &g, NULL), 0);
	assert_int_equal(g.outcome, GENERATION_FAILED);
	assert_string_equal(g.why, "it was too late");
	assert_string_equal(g.command, "up");
	assert_int_equal(g.at_ns, 1012);
	assert_null(g.services);
	assert_string_equal(generation_image(g.images, "web"), "sha256:00");
	assert_null(generation_image(g.images, "db"));
	assert_string_equal(jx_str(g.model, "name"), "p");
	generation_done(&g);
}

/* A torn one is as good as absent; its number stays used. What is no generation's name is nobody's. */
static void test_order_and_junk(void **state)
{
	const struct place *p = *state;
	struct generations l;

	write_one(p, 10, GENERATION_GOOD);
	write_one(p, 9, GENERATION_GOOD);
	write_one(p, 11, GENERATION_FAILED);
	assert_int_equal(path_write(p->fd, "generations/12.json", "{\"n\":", 5, 0600, 0, NULL), 0);
	assert_int_equal(path_write(p->fd, "generations/x.json", "{}", 2, 0600, 0, NULL), 0);
	assert_int_equal(path_write(p->fd, "generations/-3.json", "{}", 2, 0600, 0, NULL), 0);
	generations_list(p->fd, &l);
	assert_int_equal(l.n, 3);
	assert_int_equal(l.v[0].n, 9);
	assert_int_equal(generations_good_before(&l, 99)->n, 10);
	assert_int_equal(generations_good_before(&l, 10)->n, 9);
	assert_null(generations_good_before(&l, 9));
	generations_done(&l);
	assert_int_equal(generation_last(p->fd), 12);
}

static bool made_three(void *arg, int64_t n)
{
	return n == 3;
}

/* The last ten good ones, what came after the oldest of these, the one in force, and one that a container is of. */
static void test_pruned(void **state)
{
	const struct place *p = *state;
	struct generations l;

	for (int64_t n = 1; n <= 20; n++) {
		assert_int_equal(generations_are_many(p->fd), n > GENERATIONS_KEPT + 1);
		write_one(p, n, n % 4 == 0 ? GENERATION_FAILED : GENERATION_GOOD);
	}
	generations_prune(p->fd, 1, made_three, NULL);
	generations_list(p->fd, &l);
	assert_int_equal(l.n, 2 + 14);
	assert_int_equal(l.v[0].n, 1);
	assert_int_equal(l.v[1].n, 3);
	assert_int_equal(l.v[2].n, 7);
	generations_done(&l);
}

/* Nobody knows in which order a directory is read: with many there, too, a new one takes no other's number. */
static void test_in_vain(void **state)
{
	const struct place *p = *state;
	struct generations l;

	write_one(p, 1, GENERATION_GOOD);
	for (int64_t n = 2; n <= 300; n++)
		write_one(p, n, GENERATION_FAILED);
	assert_int_equal(generation_last(p->fd), 300);
	generations_prune(p->fd, 1, made_three, NULL);
	generations_list(p->fd, &l);
	assert_int_equal(l.n, 2 + GENERATIONS_MAX);
	assert_int_equal(l.v[0].n, 1);
	assert_int_equal(l.v[1].n, 3);
	assert_int_equal(l.v[l.n - 1].n, 300);
	generations_done(&l);
}

static struct unit_rec *record(const char *id)
{
	struct unit_rec *r = xcalloc(1, sizeof *r);

	*r = (struct unit_rec){ .slot = xstrdup("web-1"), .service = xstrdup("web"), .index = 1, .state = xstrdup("running"),
				.id = xstrdup(id), .exit_code = -1, .generation = 3, .back = true };
	strs_add(&r->anon_volumes, "/data=0123");
	return r;
}

static void record_free(struct unit_rec *r)
{
	unit_rec_done(r);
	free(r);
}

/* With what is set aside in it, and without a container of its own: it lives all the same. */
static void test_set_aside_survives(void **state)
{
	const struct place *p = *state;
	struct unit_rec *r = record("ab"), *copy;
	const struct unit_rec *found;
	auto_json json_t *j = NULL, *again = NULL;
	struct journal *journal;
	struct unit_rec back;
	struct world w;

	r->parked = record("cd");
	assert_ptr_equal(unit_rec_way_back(r), r->parked);
	r->parked->replaced = true;
	assert_null(unit_rec_way_back(r));
	copy = unit_rec_copy(r);
	assert_null(copy->parked);
	assert_string_equal(copy->id, "ab");
	record_free(copy);
	j = unit_rec_to_json(r);
	assert_int_equal(unit_rec_from_json(j, &back, NULL), 0);
	again = unit_rec_to_json(&back);
	assert_true(json_equal(j, again));
	assert_string_equal(back.parked->id, "cd");
	assert_true(back.parked->back);
	assert_true(back.parked->replaced);
	unit_rec_done(&back);

	json_object_del(j, "id");
	jx_set_str(j, "state", "absent");
	assert_int_equal(journal_open(p->fd, &journal, NULL), 0);
	assert_int_equal(journal_append(journal, "unit", j, NULL), 0);
	assert_int_equal(world_load(p->fd, &w, NULL), 0);
	found = map_get(&w.units, "web-1");
	assert_non_null(found);
	assert_null(found->id);
	assert_string_equal(found->parked->id, "cd");
	world_done(&w);
	json_object_del(j, "parked");
	assert_int_equal(journal_append(journal, "unit", j, NULL), 0);
	assert_int_equal(world_load(p->fd, &w, NULL), 0);
	assert_int_equal(w.units.n, 0);
	world_done(&w);
	journal_close(journal);
	record_free(r);
}

int main(void)
{
#define PLACED(t) cmocka_unit_test_setup_teardown(t, place_up, place_down)
	const struct CMUnitTest tests[] = {
		PLACED(test_none_yet), PLACED(test_written_is_read), PLACED(test_order_and_junk), PLACED(test_pruned), PLACED(test_in_vain),
		PLACED(test_set_aside_survives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
