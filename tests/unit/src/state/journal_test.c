#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/state/journal.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/fd.h"
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

	snprintf(p.path, sizeof p.path, "/tmp/journal-test-XXXXXX");
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

static void append_unit(struct journal *j, const char *slot, const char *st)
{
	auto_json json_t *u =
		json_pack("{s:s, s:s, s:s, s:i}", "slot", slot, "service", "web", "state", st, "index", 1);

	assert_int_equal(journal_append(j, "unit", u, NULL), 0);
}

static void append_raw(struct place *p, const char *text)
{
	int fd = openat(p->fd, "journal", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static off_t journal_size(struct place *p)
{
	struct stat st;

	return fstatat(p->fd, "journal", &st, 0) < 0 ? -1 : st.st_size;
}

static const char *state_of(const struct world *w, const char *slot)
{
	const struct unit_rec *r = map_get(&w->units, slot);

	return r ? r->state : NULL;
}

static void test_absent_journal_is_an_empty_world(void **state)
{
	struct place *p = *state;
	struct world w;

	assert_int_equal(world_load(p->fd, &w, NULL), 0);
	assert_int_equal(w.units.n, 0);
	assert_null(w.project);
	world_done(&w);
	assert_int_equal(world_load(-1, &w, NULL), 0);
	world_done(&w);
}

static void test_last_line_wins_and_absent_forgets(void **state)
{
	struct place *p = *state;
	struct journal *j;
	struct world w;
	auto_json json_t *project = json_pack("{s:s}", "name", "demo");
	auto_json json_t *project2 = json_pack("{s:s, s:i}", "name", "demo", "generation", 2);

	assert_int_equal(journal_open(p->fd, &j, NULL), 0);
	append_unit(j, "web-1", "creating");
	assert_int_equal(journal_append(j, "project", project, NULL), 0);
	append_unit(j, "db-1", "running");
	append_unit(j, "web-1", "running");
	assert_int_equal(journal_append(j, "project", project2, NULL), 0);
	append_unit(j, "db-1", "absent");
	append_unit(j, "old-1", "absent");
	append_unit(j, "old-1", "creating");
	append_unit(j, "a \"b\"\\", "running"); /* a name that has to be escaped */
	assert_int_equal(journal_append(j, "event", project, NULL), 0);
	assert_int_equal(world_load(p->fd, &w, NULL), 0);
	assert_int_equal(w.units.n, 3);
	assert_string_equal(state_of(&w, "web-1"), "running");
	assert_string_equal(state_of(&w, "old-1"), "creating");
	assert_string_equal(state_of(&w, "a \"b\"\\"), "running");
	assert_null(state_of(&w, "db-1"));
	assert_int_equal(jx_int(w.project, "generation", 0), 2);
	world_done(&w);
	journal_close(j);
}

static void test_torn_tail_is_ignored_and_cut_off(void **state)
{
	struct place *p = *state;
	struct journal *j;
	struct world w;
	off_t whole;

	assert_int_equal(journal_open(p->fd, &j, NULL), 0);
	append_unit(j, "web-1", "running");
	journal_close(j);
	whole = journal_size(p);
	append_raw(p, "{\"t\":1,\"unit\":{\"slot\":\"web-1\",\"service\":\"web\",\"state\":\"stopped\"}}");
	assert_int_equal(world_load(p->fd, &w, NULL), 0);
	assert_string_equal(state_of(&w, "web-1"), "running");
	world_done(&w);
	assert_int_equal(journal_open(p->fd, &j, NULL), 0);
	assert_int_equal(journal_size(p), whole);
	append_unit(j, "db-1", "running");
	journal_close(j);
	assert_int_equal(world_load(p->fd, &w, NULL), 0);
	assert_int_equal(w.units.n, 2);
	world_done(&w);
}

static void test_a_tail_torn_over_several_blocks(void **state)
{
	struct place *p = *state;
	auto_buf struct buf b = BUF_INIT;
	struct journal *j;

	append_raw(p, "{}\n");
	for (int i = 0; i < 3000; i++)
		buf_str(&b, "torn ");
	append_raw(p, b.p);
	assert_int_equal(journal_open(p->fd, &j, NULL), 0);
	assert_int_equal(journal_size(p), 3);
	journal_close(j);
	assert_int_equal(unlinkat(p->fd, "journal", 0), 0);
	append_raw(p, b.p);
	assert_int_equal(journal_open(p->fd, &j, NULL), 0);
	assert_int_equal(journal_size(p), 0);
	journal_close(j);
}

static void test_garbage_in_the_middle_settles_nothing(void **state)
{
	struct place *p = *state;
	struct world w;

	append_raw(p, "{\"t\":1,\"unit\":{\"slot\":\"web-1\",\"service\":\"web\",\"state\":\"running\"}}\n");
	append_raw(
		p, "\n\nrubbish\n{\"t\":2}\n[]\n7\n{\"t\":3,\"unit\":[]}\n{\"t\":3,\"unit\":{\"slot\":5}}\n");
	append_raw(p, "{\"t\":4,\"unit\":{\"slot\":\"web-1\",\"service\":\"web\",\"sta\n");
	append_raw(p, "{\"t\":4,\"unit\":{\"slot\":\"web-1\",\"state\":\"running\"}}\n");
	append_raw(p, "{\"t\":5,\"project\":\"no object\"}\n{\"t\":,,,,\"unit\":{\"slot\":\"\n");
	assert_int_equal(world_load(p->fd, &w, NULL), 0);
	assert_int_equal(w.units.n, 1);
	assert_string_equal(state_of(&w, "web-1"), "running");
	assert_null(w.project);
	world_done(&w);
}

static void test_compaction_keeps_the_world(void **state)
{
	struct place *p = *state;
	struct journal *j;
	struct world w;
	auto_json json_t *project = json_pack("{s:s}", "name", "demo");
	off_t before;

	assert_int_equal(journal_open(p->fd, &j, NULL), 0);
	assert_int_equal(journal_append(j, "project", project, NULL), 0);
	while (!journal_wants_compaction(j)) {
		append_unit(j, "web-1", "running");
		append_unit(j, "gone-1", "absent");
		append_unit(j, "db-1", "stopped");
	}
	before = journal_size(p);
	assert_true(before > 256 * 1024);
	assert_int_equal(world_load(p->fd, &w, NULL), 0);
	assert_int_equal(journal_compact_begin(j, &w, NULL), 0);
	world_done(&w);
	assert_false(journal_wants_compaction(j));
	append_unit(j, "new-1", "running"); /* while the disk is waited for */
	assert_int_equal(journal_compact_sync(j, NULL), 0);
	assert_true(journal_size(p) > before); /* the old one counts until the end */
	assert_int_equal(journal_compact_end(j, true, NULL), 0);
	assert_true(journal_size(p) < 1024);
	assert_false(journal_wants_compaction(j));
	append_unit(j, "db-1", "running"); /* goes to the new file */
	assert_int_equal(world_load(p->fd, &w, NULL), 0);
	assert_int_equal(w.units.n, 3);
	assert_string_equal(state_of(&w, "web-1"), "running");
	assert_string_equal(state_of(&w, "db-1"), "running");
	assert_string_equal(state_of(&w, "new-1"), "running");
	assert_string_equal(jx_str(w.project, "name"), "demo");
	world_done(&w);
	journal_close(j);
}

static void test_compaction_that_fails_or_is_killed_changes_nothing(void **state)
{
	struct place *p = *state;
	struct journal *j;
	struct world w, none = {0};

	assert_int_equal(journal_open(p->fd, &j, NULL), 0);
	append_unit(j, "web-1", "running");
	assert_int_equal(journal_compact_begin(j, &none, NULL), 0);
	append_unit(j, "db-1", "running");
	assert_int_equal(journal_compact_end(j, false, NULL), 0);
	append_unit(j, "db-2", "running");
	assert_int_equal(journal_compact_begin(j, &none, NULL), 0);
	journal_close(j);
	assert_int_equal(journal_open(p->fd, &j, NULL), 0);
	assert_int_equal(faccessat(p->fd, "journal.next", F_OK, 0), -1);
	assert_int_equal(world_load(p->fd, &w, NULL), 0);
	assert_int_equal(w.units.n, 3);
	world_done(&w);
	journal_close(j);
}

static void test_record_survives_the_way_through_text(void **state)
{
	struct unit_rec r =
				{
					.slot = xstrdup("web-2"),
					.service = xstrdup("web"),
					.index = 2,
					.id = xstrdup("ab"),
					.name = xstrdup("demo-web-2"),
					.image = xstrdup("nginx"),
					.image_id = xstrdup("sha256:00"),
					.config_hash = xstrdup("h"),
					.command = xstrdup("a b"),
					.state = xstrdup("running"),
					.proc = {12, 3456789012345ULL},
					.boot = xstrdup("boot"),
					.created_ns = 1767225600000000001,
					.started_ns = 2,
					.finished_ns = 3,
					.exit_code = 0,
					.oom = true,
					.restarts = 4,
					.health = xstrdup("healthy"),
					.health_said = xstrdup("no"),
					.health_fails = 5,
					.health_restarts = {6, 7},
					.n_health_restarts = 2,
					.init_of = xstrdup("web-1"),
					.init_step = 3,
					.pre_started = 4,
					.hooking = true,
					.post_started = 1,
					.pre_stopped = 2,
					.manual_stop = true,
					.error = xstrdup("näh"),
					.dns_udp = 5353,
					.dns_tcp = 5354,
					.labels = json_pack("{s:s}", "k", "v"),
				},
			back;
	json_t *first, *second;

	(void)state;
	r.n_addrs = r.n_ports = 1;
	r.addrs = xcalloc(1, sizeof *r.addrs);
	r.addrs[0] = (struct unit_addr){xstrdup("demo_default"), 0xac120002};
	r.ports = xcalloc(1, sizeof *r.ports);
	r.ports[0] = (struct unit_port){xstrdup("0.0.0.0"), 8080, 80, xstrdup("tcp")};
	strs_add(&r.anon_volumes, "/data=0123");
	first = unit_rec_to_json(&r);
	assert_int_equal(unit_rec_from_json(first, &back, NULL), 0);
	second = unit_rec_to_json(&back);
	assert_true(json_equal(first, second));
	assert_int_equal(json_object_size(first), 37);
	assert_int_equal(back.addrs[0].addr, 0xac120002);
	assert_int_equal(back.exit_code, 0);
	assert_int_equal(back.n_health_restarts, 2);
	assert_int_equal(back.health_restarts[1], 7);
	assert_true(back.proc.start == 3456789012345ULL);
	assert_null(back.more);
	json_decref(first);
	json_decref(second);
	unit_rec_done(&r);
	unit_rec_done(&back);
}

static void test_record_without_or_with_silly_fields(void **state)
{
	struct unit_rec r;
	auto_json json_t *least =
		json_pack("{s:s, s:s, s:s}", "slot", "a-1", "service", "a", "state", "running");
	auto_json json_t *silly = json_pack("{s:s, s:s, s:s, s:i, s:s, s:[i], s:[i], s:[i], s:i, s:[], s:I}",
		"slot", "a-1", "service", "a", "state", "running", "pid", -5, "index", "x", "ports", 1,
		"addrs", 2, "anon_volumes", 3, "dns_udp", 70000, "labels", "restarts", (json_int_t)1 << 40);
	auto_json json_t *none = json_pack("{s:s}", "slot", "a-1");

	(void)state;
	assert_int_equal(unit_rec_from_json(least, &r, NULL), 0);
	assert_int_equal(r.exit_code, -1);
	assert_null(r.id);
	assert_false(unit_rec_alive(&r));
	unit_rec_done(&r);
	assert_int_equal(unit_rec_from_json(silly, &r, NULL), 0);
	assert_int_equal(r.proc.pid, 0);
	assert_int_equal(r.dns_udp, 0);
	assert_int_equal(r.restarts, 0);
	assert_int_equal(r.n_ports, 1);
	assert_int_equal(r.anon_volumes.n, 0);
	assert_null(r.labels);
	unit_rec_done(&r);
	assert_int_equal(unit_rec_from_json(none, &r, NULL), -1);
	assert_int_equal(unit_rec_from_json(NULL, &r, NULL), -1);
}

/* What a newer davit has written is there again when it comes back, whatever the older one has written meanwhile. */
static void test_fields_of_a_newer_davit_are_kept(void **state)
{
	auto_json json_t *newer = json_pack("{s:s, s:s, s:s, s:i, s:{s:[i]}, s:s}", "slot", "a-1", "service", "a",
		"state", "running", "restarts", 3, "quota", "left", 5, "mood", "good");
	auto_json json_t *again = NULL;
	struct unit_rec r;

	(void)state;
	assert_int_equal(unit_rec_from_json(newer, &r, NULL), 0);
	assert_int_equal(json_object_size(r.more), 2);
	r.restarts = 4;
	again = unit_rec_to_json(&r);
	unit_rec_done(&r);
	json_object_set_new(newer, "restarts", json_integer(4));
	assert_true(json_equal(newer, again));
}

static void test_alive_is_this_process_in_this_boot(void **state)
{
	struct unit_rec r = {.boot = xstrdup(proc_boot_id())};

	(void)state;
	assert_int_equal(proc_identify(getpid(), &r.proc), 0);
	assert_true(unit_rec_alive(&r));
	r.proc.start++;
	assert_false(unit_rec_alive(&r));
	r.proc.start--;
	r.boot[0] = 'x';
	assert_false(unit_rec_alive(&r));
	unit_rec_done(&r);
}

/* --- exits, as the keeper writes them --- */

static void add(struct place *p, const char *name, const char *text)
{
	int fd = openat(p->fd, name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static void on_exit_add(const struct exit_rec *r, void *ctx)
{
	buf_printf(ctx, "%d:%d ", (int)r->proc.pid, r->status);
}

static void expect_exits(struct place *p, off_t *offset, const char *want)
{
	auto_buf struct buf got = BUF_INIT;

	assert_int_equal(exits_read(p->fd, offset, on_exit_add, &got, NULL), 0);
	assert_string_equal(got.p ? got.p : "", want);
}

static void test_exits_are_given_once(void **state)
{
	struct place *p = *state;
	off_t offset = 0;

	expect_exits(p, &offset, "");
	add(p, "exits", "= 0\n");
	expect_exits(p, &offset, "");
	add(p, "exits", "10 1 0 5\n11 1 137 6\n12 1 3");
	expect_exits(p, &offset, "10:0 11:137 ");
	add(p, "exits", " 7\n");
	expect_exits(p, &offset, "12:3 ");
	expect_exits(p, &offset, "");
	add(p, "exits",
		"nonsense\n1 2\n1 2 3 4 5\n-1 2 3 4\n99999999999 1 1 1\n1 1 1 99999999999999999999\n13 1 4 "
		"8\n");
	expect_exits(p, &offset, "13:4 ");
}

static void test_exits_over_a_rotation(void **state)
{
	struct place *p = *state;
	off_t offset = 0, fresh = 0, far = 5;

	add(p, "exits", "= 0\n10 1 0 5\n");
	expect_exits(p, &offset, "10:0 ");
	add(p, "exits", "11 1 1 5\n");
	renameat(p->fd, "exits", p->fd, "exits.old");
	expect_exits(p, &offset, "11:1 "); /* at the moment without a new file */
	add(p, "exits", "= 18\n12 1 2 5\n");
	expect_exits(p, &offset, "12:2 ");
	expect_exits(p, &fresh, "10:0 11:1 12:2 ");
	assert_int_equal(fresh, offset);
	renameat(p->fd, "exits", p->fd, "exits.old");
	add(p, "exits", "= 27\n13 1 3 5\n");
	expect_exits(p, &offset, "13:3 ");
	expect_exits(p, &far, "12:2 13:3 "); /* what was lost is lost, the rest comes */
	assert_int_equal(far, offset);
}

int main(void)
{
#define PLACED(t) cmocka_unit_test_setup_teardown(t, place_up, place_down)
	const struct CMUnitTest tests[] = {
		PLACED(test_absent_journal_is_an_empty_world),
		PLACED(test_last_line_wins_and_absent_forgets),
		PLACED(test_torn_tail_is_ignored_and_cut_off),
		PLACED(test_a_tail_torn_over_several_blocks),
		PLACED(test_garbage_in_the_middle_settles_nothing),
		PLACED(test_compaction_keeps_the_world),
		PLACED(test_compaction_that_fails_or_is_killed_changes_nothing),
		cmocka_unit_test(test_record_survives_the_way_through_text),
		cmocka_unit_test(test_fields_of_a_newer_davit_are_kept),
		cmocka_unit_test(test_record_without_or_with_silly_fields),
		cmocka_unit_test(test_alive_is_this_process_in_this_boot),
		PLACED(test_exits_are_given_once),
		PLACED(test_exits_over_a_rotation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
