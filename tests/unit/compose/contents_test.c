/* contents_test - what is in the files behind configs and secrets counts, and nothing else changes by that. */
#include "fx_model.h"

#include <sys/stat.h>
#include <unistd.h>

#include "../../../compose/project.h"

static const char text[] = "services:\n"
			   "  plain: {image: x, environment: {A: '1'}, labels: {k: v}, deploy: {replicas: 2, resources: {limits: {cpus: '1'}}},"
			   " restart: always, depends_on: [files]}\n"
			   "  files: {image: x, configs: [c], secrets: [s], ports: ['80:80'], deploy: {restart_policy: {condition: any}},"
			   " x-davit: {on_unhealthy: stop}}\n"
			   "configs: {c: {file: %s}}\n"
			   "secrets: {s: {environment: NOBODY}}\n";

static struct project *model(struct fx *fx, const char *file)
{
	char yaml[2048];

	snprintf(yaml, sizeof yaml, text, file);
	return fx_model(fx, yaml);
}

static void put(const char *file, const char *what)
{
	FILE *f = fopen(file, "w");

	assert_non_null(f);
	fputs(what, f);
	fclose(f);
}

/* As on the other side of the wire. */
static char *hash_of(struct project *p, const char *service)
{
	struct buf wire = BUF_INIT;
	struct project *q = NULL;
	char *ret;

	project_to_wire(p, &wire);
	assert_int_equal(project_from_wire(wire.p, wire.len, &q, NULL), 0);
	ret = strdup(project_service(q, service)->config_hash);
	project_free(q);
	buf_done(&wire);
	return ret;
}

static char *hash_with(struct fx *fx, const char *file, const char *service)
{
	struct project *p = model(fx, file);

	project_digest_contents(p);
	return hash_of(p, service);
}

/* Of davit 0.1.0 as it was before contents were known: an upgrade replaces no container. */
static void test_hashes_are_those_of_yesterday(void **state)
{
	struct project *p = model(*state, "/nowhere/c");
	char *plain = hash_of(p, "plain"), *files = hash_of(p, "files");

	assert_string_equal(plain, "8766c7bdc52c31d3297c324182d7b78e6147c44e1fa81695d8a89cfd0ea9f40a");
	assert_string_equal(files, "3d42f6e809b06a5a3533a22c052eecb3a57307e8c0e2070986b80f846b2b22d5");
	project_digest_contents(p);      /* there is no such file */
	free(files);
	files = hash_of(p, "files");
	assert_null(strchr(files, '.'));
	free(plain);
	free(files);
}

static void test_contents_count_for_who_uses_them(void **state)
{
	char file[] = "/tmp/contents-test-XXXXXX";
	struct project *p;
	struct buf json = BUF_INIT;
	char *one, *again, *two, *plain;

	close(mkstemp(file));
	put(file, "one");
	one = hash_with(*state, file, "files");
	again = hash_with(*state, file, "files");
	plain = hash_with(*state, file, "plain");
	put(file, "two");
	two = hash_with(*state, file, "files");
	assert_string_equal(one, again);
	assert_int_equal(strlen(one), 129);
	assert_int_equal(strncmp(one, two, 65), 0);
	assert_string_not_equal(one, two);
	assert_string_equal(plain, "8766c7bdc52c31d3297c324182d7b78e6147c44e1fa81695d8a89cfd0ea9f40a");
	p = model(*state, file);
	project_digest_contents(p);
	project_dump_json(p, &json, NULL);
	assert_null(strstr(json.p, "digest"));
	buf_done(&json);
	unlink(file);
	free(one);
	free(again);
	free(two);
	free(plain);
}

/* Nobody waits for a pipe, nor reads a device. */
static void test_what_is_no_file_has_none(void **state)
{
	char dir[] = "/tmp/contents-test-XXXXXX", fifo[64];
	const char *const odd[] = { fifo, dir, "/dev/zero" };

	assert_non_null(mkdtemp(dir));
	snprintf(fifo, sizeof fifo, "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < 3; i++) {
		char *hash = hash_with(*state, odd[i], "files");

		assert_int_equal(strlen(hash), 64);
		free(hash);
	}
	unlink(fifo);
	rmdir(dir);
}

/* More than is read: its size and time count. */
static void test_a_large_file(void **state)
{
	char file[] = "/tmp/contents-test-XXXXXX", *one, *two;
	int fd = mkstemp(file);

	assert_int_equal(ftruncate(fd, 20 << 20), 0);
	one = hash_with(*state, file, "files");
	assert_int_equal(ftruncate(fd, 21 << 20), 0);
	two = hash_with(*state, file, "files");
	assert_int_equal(strlen(one), 129);
	assert_string_not_equal(one, two);
	close(fd);
	unlink(file);
	free(one);
	free(two);
}

static void test_same(void **state)
{
	assert_true(config_same("a.1", "a.1"));
	assert_false(config_same("a.1", "a.2"));
	assert_false(config_same("a.1", "b.1"));
	assert_false(config_same("a", "ab"));
	assert_true(config_same("a", "a.2"));    /* made by who did not know contents */
	assert_true(config_same("a.1", "a"));
	assert_false(config_same(NULL, "a"));
	assert_true(config_same(NULL, NULL));
	assert_true(config_lacks_contents("a", "a.1"));
	assert_false(config_lacks_contents("a.1", "a.2"));
	assert_false(config_lacks_contents("b", "a.2"));
	assert_false(config_lacks_contents(NULL, "a.2"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(test_hashes_are_those_of_yesterday),
		FX_TEST(test_contents_count_for_who_uses_them),
		FX_TEST(test_what_is_no_file_has_none),
		FX_TEST(test_a_large_file),
		FX_TEST(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
