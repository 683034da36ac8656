#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/wait.h>

#include "../../../../src/image/image.h"
#include "../../../../src/image/store.h"
#include "../../../../src/pack/pack.h"
#include "made.h"
#include "made_top.h"

/* ------------------------------------------------------------------ helpers */

static struct buf archive_of(const char *tag, const char *text)
{
	struct tar *t = tar_new(M_PLAIN);
	struct made_layer layer = { .filter = M_GZIP };
	struct made_image image = { .tag = tag, .layers = &layer, .n = 1 };
	struct buf out;

	tar_file(t, "file", text);
	layer.tar = tar_end(t);
	out = made_docker(&image, M_PLAIN);
	buf_done(&layer.tar);
	return out;
}

static void load_with(const char *tag, const char *text, void (*on_event)(void *arg, const json_t *ev))
{
	auto_buf struct buf archive = archive_of(tag, text);
	auto_close int fd = made_fd(&archive);
	auto_err struct err err = ERR_INIT;
	struct pack_load req = { .state_dir = top, .fd = fd, .name = "test.tar", .limits = PACK_LIMITS, .on_event = on_event };

	if (pack_load(&req, &err) < 0)
		fail_msg("%s", err_msg(&err));
}

static void load(const char *tag, const char *text)
{
	load_with(tag, text, NULL);
}

static char *id_of(const char *name)
{
	struct image *i = top_find(name);
	char *id;

	assert_non_null(i);
	id = xstrdup(i->id);
	image_free(i);
	return id;
}

static bool has(const char *name)
{
	struct image *i = top_find(name);
	bool there = i != NULL;

	image_free(i);
	return there;
}

static size_t count(const char *dir)
{
	auto_closedir DIR *d = fdopendir(openat(top_fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	size_t n = 0;
	struct dirent *e;

	while ((e = readdir(d)))
		n += *e->d_name != '.' && !str_ends(e->d_name, ".json");
	return n;
}

/* Who uses what: nobody until the from-th time somebody asks. */
struct asked {
	unsigned times, from;
	const char *id, *ref;
};

static int who(void *arg, struct pack_uses *ret, struct err *err)
{
	struct asked *a = arg;

	if (a && ++a->times >= a->from)
		*XGROW(ret->v, ret->n, ret->cap) =
			(struct pack_use){ xstrdup("shop"), xstrdup("container 'shop-db-1'"), xstrdup(a->id), xstrdup(a->ref) };
	return 0;
}

static void collect_event(void *arg, const json_t *ev)
{
	auto_json json_t *copy = json_deep_copy(ev);

	json_array_append(arg, copy);
}

/* Removes one name, or (NULL) prunes all; the events. */
static json_t *remove_as(const char *name, bool force, struct asked *asked)
{
	auto_err struct err err = ERR_INIT;
	json_t *events = json_array();
	struct pack_remove req = { .state_dir = top, .names = &name, .n_names = name != NULL, .force = force, .all = true, .uses = who,
		.uses_arg = asked, .on_event = collect_event, .arg = events };

	if (pack_remove(&req, &err) < 0)
		fail_msg("%s", err_msg(&err));
	return events;
}

static const char *said(const json_t *events, const char *kind, const char *key)
{
	const json_t *ev;
	size_t i;

	json_array_foreach(events, i, ev)
		if (str_eq(jx_str(ev, "ev"), kind))
			return jx_str(ev, key);
	return NULL;
}

/* ------------------------------------------------------------------ tests */

static void who_comes_in_between_keeps_the_image(void **state)
{
	load("a:1", "a");
	auto_free char *id = id_of("a:1");
	struct asked late = { .from = 2, .id = id };
	auto_json json_t *events = remove_as("a:1", false, &late);

	assert_int_equal(late.times, 2);
	assert_string_equal(said(events, "refused", "msg"), "image 'a:1' is in use by container 'shop-db-1' of project 'shop'");
	assert_null(said(events, "untagged", "name"));
	assert_true(has("a:1"));
}

static void who_comes_in_between_by_name_keeps_it_from_a_prune(void **state)
{
	struct asked late = { .from = 2, .ref = "docker.io/library/a:1" };

	load("a:1", "a");
	load("b:1", "b");
	auto_json json_t *events = remove_as(NULL, false, &late);
	assert_true(has("a:1"));
	assert_false(has("b:1"));
	assert_string_equal(said(events, "untagged", "name"), "b:1");
}

static void force_takes_the_name_from_who_comes_in_between(void **state)
{
	load("a:1", "a");
	auto_free char *id = id_of("a:1");
	struct asked late = { .from = 2, .id = id };
	auto_json json_t *events = remove_as("a:1", true, &late);

	assert_string_equal(said(events, "untagged", "name"), "a:1");
	assert_null(said(events, "deleted", "digest"));
	assert_false(has("a:1"));
	assert_true(has(id));
}

static void on_present(void *arg, const json_t *ev)
{
	static bool once;

	if (once || !str_eq(jx_str(ev, "ev"), "layer") || !str_eq(jx_str(ev, "state"), "present"))
		return;
	once = true;
	json_decref(remove_as("a:1", true, NULL));
	assert_int_equal(count("images/layers"), 0);
}

static void a_load_gets_what_was_removed_behind_its_back(void **state)
{
	load("a:1", "a");
	load_with("a:1", "a", on_present);
	assert_true(has("a:1"));
	assert_int_equal(count("images/layers"), 1);
	assert_int_equal(count("images/blobs/sha256"), 3);
}

static void nobodys_parts_go_and_shared_ones_stay(void **state)
{
	load("a:1", "same");
	load("b:1", "same"); /* one config, one layer: one image */
	load("c:1", "other");
	assert_int_equal(count("images/layers"), 2);
	json_decref(remove_as("a:1", false, NULL));
	assert_true(has("b:1"));
	json_decref(remove_as("b:1", false, NULL));
	assert_int_equal(count("images/layers"), 1);
	assert_int_equal(count("images/l"), 1);
	assert_int_equal(count("images/blobs/sha256"), 3);
	assert_true(has("c:1"));
}

/* Into the pipe, in a process of its own. */
static pid_t start_saving(const char *name, int *ret_fd)
{
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct pack_save req = { .state_dir = top, .names = &name, .n_names = 1, .fd = ends[1] };

		close(ends[0]);
		_exit(pack_save(&req, NULL) < 0);
	}
	close(ends[1]);
	*ret_fd = ends[0];
	return pid;
}

static void what_is_being_saved_is_saved_whole(void **state)
{
	auto_free char *text = xcalloc(1, (1 << 20) + 1);
	auto_buf struct buf archive = BUF_INIT;
	auto_err struct err err = ERR_INIT;
	auto_close int fd = -1;
	int status;
	pid_t pid;
	ssize_t n;

	for (size_t i = 0; i < 1 << 20; i++) /* more than a pipe holds, however it is packed */
		text[i] = (char)('A' + (i * 2654435761u >> 17) % 50);
	load("a:1", text);
	pid = start_saving("a:1", &fd);
	assert_int_equal(read(fd, buf_room(&archive, 1), 1), 1); /* it writes */
	archive.len = 1;
	json_decref(remove_as("a:1", true, NULL));
	assert_int_equal(count("images/blobs/sha256"), 0);
	while ((n = read(fd, buf_room(&archive, 64 << 10), 64 << 10)) > 0)
		archive.len += (size_t)n;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	auto_close int in = made_fd(&archive);
	struct pack_load req = { .state_dir = top, .fd = in, .name = "test.tar", .limits = PACK_LIMITS };
	if (pack_load(&req, &err) < 0)
		fail_msg("%s", err_msg(&err));
	assert_true(has("a:1"));
}

static void write_index(json_t *manifests)
{
	auto_json json_t *index = json_pack("{s:i, s:o}", "schemaVersion", 2, "manifests", manifests);
	auto_close int fd = openat(top_fd, "images", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	assert_int_equal(jx_store(fd, "index.json", index, 0644, 0, NULL), 0);
}

static void another_tool_drops_an_image_that_is_used(void **state)
{
	load("a:1", "a");
	auto_free char *id = id_of("a:1");
	struct asked user = { .id = id };

	write_index(json_array());
	json_decref(remove_as(NULL, false, &user));
	assert_true(has(id)); /* it is in the index again, without a name */
	assert_false(has("a:1"));
	assert_int_equal(count("images/layers"), 1);
}

static void in_doubt_no_layer_goes(void **state)
{
	load("a:1", "a");
	auto_free char *id = id_of("a:1"), *config = xasprintf("images/blobs/sha256/%s", id + strlen("sha256:"));
	struct asked user = { .id = id };

	write_index(json_array());
	assert_int_equal(unlinkat(top_fd, config, 0), 0);
	json_decref(remove_as(NULL, false, &user));
	assert_int_equal(count("images/layers"), 1);
	json_decref(remove_as(NULL, false, NULL));
	assert_int_equal(count("images/layers"), 0);
	assert_int_equal(count("images/blobs/sha256"), 0);
}

static void a_document_that_an_annotation_names_stays(void **state)
{
	static const char text[] = "{\"manifests\":[]}";
	auto_json json_t *index = NULL;
	char hex[HASH_HEX_LEN + 1];

	load("a:1", "a");
	hash_sha256_hex(text, sizeof text - 1, hex);
	auto_free char *name = xasprintf("images/blobs/sha256/%s", hex), *digest = xasprintf("sha256:%s", hex);
	assert_int_equal(path_write(top_fd, name, text, sizeof text - 1, 0644, 0, NULL), 0);
	assert_int_equal(jx_load(top_fd, "images/index.json", 1 << 20, &index, NULL), 0);
	jx_set_str(jx_obj(json_array_get(jx_arr(index, "manifests"), 0), "annotations"), INDEX_DIGEST, digest);
	write_index(json_incref(jx_arr(index, "manifests")));
	json_decref(remove_as("absent", true, NULL));
	assert_int_equal(faccessat(top_fd, name, F_OK, 0), 0);
	json_decref(remove_as("a:1", false, NULL));
	assert_int_equal(faccessat(top_fd, name, F_OK, 0), -1);
}

static void a_tag_moves_and_leaves_what_it_stood_for(void **state)
{
	auto_err struct err err = ERR_INIT;

	load("a:1", "a");
	load("b:1", "b");
	auto_free char *a = id_of("a:1"), *b = id_of("b:1");
	assert_int_equal(pack_tag(top, "b:1", "a:1", &err), 0);
	auto_free char *now = id_of("a:1");
	assert_string_equal(now, b);
	assert_true(has(a));
	assert_int_equal(pack_tag(top, a, "c", &err), 0); /* by its id */
	auto_free char *c = id_of("c:latest");
	assert_string_equal(c, a);
	assert_int_equal(pack_tag(top, "absent", "d", &err), -1);
	assert_int_equal(err.kind, ERR_NOT_FOUND);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(who_comes_in_between_keeps_the_image), T(who_comes_in_between_by_name_keeps_it_from_a_prune),
		T(force_takes_the_name_from_who_comes_in_between), T(a_load_gets_what_was_removed_behind_its_back), T(what_is_being_saved_is_saved_whole),
		T(nobodys_parts_go_and_shared_ones_stay), T(another_tool_drops_an_image_that_is_used), T(in_doubt_no_layer_goes),
		T(a_document_that_an_annotation_names_stays), T(a_tag_moves_and_leaves_what_it_stood_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
