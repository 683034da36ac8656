/* What happens under the store's lock: nobody is told anything, and nothing goes that somebody begins to use. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/file.h>

#include "../../../../src/pack/pack.h"
#include "made.h"
#include "made_top.h"

static void load(const char *tag, const char *text)
{
	struct tar *t = tar_new(M_PLAIN);
	struct made_layer layer = { .filter = M_GZIP };
	struct made_image image = { .tag = tag, .layers = &layer, .n = 1 };
	auto_buf struct buf archive = BUF_INIT;
	auto_err struct err err = ERR_INIT;

	tar_file(t, "file", text);
	layer.tar = tar_end(t);
	archive = made_docker(&image, M_PLAIN);
	buf_done(&layer.tar);
	auto_close int fd = made_fd(&archive);
	struct pack_load req = { .state_dir = top, .fd = fd, .name = "test.tar", .limits = PACK_LIMITS };
	if (pack_load(&req, &err) < 0)
		fail_msg("%s", err_msg(&err));
}

/* "images/layers/CHAIN/file" of the first layer; malloc'ed. */
static char *file_of_layer(void)
{
	auto_closedir DIR *d = fdopendir(openat(top_fd, "images/layers", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	struct dirent *e;

	while ((e = readdir(d)))
		if (strlen(e->d_name) == HASH_HEX_LEN)
			return xasprintf("images/layers/%s/file", e->d_name);
	fail_msg("no layer");
	return NULL;
}

static void spoil(void)
{
	auto_free char *file = file_of_layer();

	assert_int_equal(path_write(top_fd, file, "spoilt", 6, 0644, 0, NULL), 0);
}

static bool is_spoilt(void)
{
	auto_free char *file = file_of_layer();
	auto_buf struct buf text = BUF_INIT;

	assert_int_equal(path_read(top_fd, file, 100, &text, NULL), 0);
	return str_eq(text.p, "spoilt");
}

/* Who uses what: nobody until the from-th time somebody asks. */
struct asked {
	unsigned times, from;
	const char *ref;
	bool container;
};

static int who(void *arg, struct pack_uses *ret, struct err *err)
{
	struct asked *a = arg;

	if (a && ++a->times >= a->from)
		*XGROW(ret->v, ret->n, ret->cap) =
			(struct pack_use){ xstrdup("shop"), xstrdup("container 'shop-db-1'"), NULL, xstrdup(a->ref), a->container };
	return 0;
}

/* ------------------------------------------------------------------ events */

static size_t n_told;

static void with_the_lock_free(void *arg, const json_t *ev)
{
	auto_close int fd = openat(top_fd, "images/.lock", O_RDONLY | O_CLOEXEC);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
		fail_msg("'%s' is told under the lock", jx_str(ev, "ev"));
	n_told++;
}

static void nobody_is_told_anything_under_the_lock(void **state)
{
	const char *names[] = { "a:1", "absent:1" };
	struct pack_remove rm = { .state_dir = top, .names = names, .n_names = 2, .uses = who, .on_event = with_the_lock_free };
	struct pack_remove prune = { .state_dir = top, .all = true, .uses = who, .on_event = with_the_lock_free };
	struct pack_check check = { .state_dir = top, .repair = true, .limits = PACK_LIMITS, .uses = who, .on_event = with_the_lock_free };
	struct pack_usage usage = { .state_dir = top, .uses = who, .on_event = with_the_lock_free };

	load("a:1", "a");
	load("b:1", "b");
	spoil();
	n_told = 0;
	assert_int_equal(pack_check(&check, NULL), 0);
	assert_int_equal(n_told, 6 + 2 + 1 + 1); /* blobs, layers, what differs, the summary */
	assert_int_equal(pack_usage(&usage, NULL), 0);
	assert_int_equal(n_told, 10 + 2 + 1);
	assert_int_equal(pack_remove(&rm, NULL), PACK_REFUSED);
	assert_int_equal(n_told, 13 + 5); /* untagged, two times deleted, refused, reclaimed */
	assert_int_equal(pack_remove(&prune, NULL), 0);
	assert_int_equal(n_told, 18 + 4);
}

/* ------------------------------------------------------------------ who begins to use a layer that is to be mended */

static int64_t repaired;

static void on_summary(void *arg, const json_t *ev)
{
	if (str_eq(jx_str(ev, "ev"), "summary"))
		repaired = jx_int(ev, "repaired", -1);
}

static void repair(struct asked *asked)
{
	struct pack_check check = { .state_dir = top, .repair = true, .limits = PACK_LIMITS, .uses = who, .uses_arg = asked, .on_event = on_summary };
	auto_err struct err err = ERR_INIT;

	if (pack_check(&check, &err) < 0)
		fail_msg("%s", err_msg(&err));
}

static void a_layer_comes_back_to_who_began_to_use_it(void **state)
{
	struct asked late = { .from = 2, .ref = "docker.io/library/a:1", .container = true };

	load("a:1", "a");
	spoil();
	repair(&late);
	assert_int_equal(late.times, 2);
	assert_int_equal(repaired, 0);
	assert_true(is_spoilt());
	repair(NULL);
	assert_int_equal(repaired, 1);
	assert_false(is_spoilt());
}

static void a_name_in_a_file_is_no_use_of_a_layer(void **state)
{
	struct asked file = { .from = 1, .ref = "docker.io/library/a:1" };

	load("a:1", "a");
	spoil();
	repair(&file);
	assert_int_equal(repaired, 1);
	assert_false(is_spoilt());
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(nobody_is_told_anything_under_the_lock), T(a_layer_comes_back_to_who_began_to_use_it), T(a_name_in_a_file_is_no_use_of_a_layer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
