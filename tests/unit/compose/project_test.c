/* The pipeline from files on disk to the model: each test works in a directory of its own. */
#include "fx.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../compose/project.h"
#include "../../../src/util/path.h"

struct place {
	struct diag d;
	struct project *p;
	struct compose_opts o;
	const char *environ[8];
	char dir[64];
	int old_cwd;
};

static int setup(void **state)
{
	struct place *x = calloc(1, sizeof *x);

	snprintf(x->dir, sizeof x->dir, "%s", "/tmp/compose-test-XXXXXX");
	x->old_cwd = open(".", O_DIRECTORY | O_CLOEXEC);
	if (!mkdtemp(x->dir) || chdir(x->dir) < 0)
		return -1;
	x->environ[0] = "HOME=/home/u";
	x->o.environ = x->environ;
	*state = x;
	return 0;
}

static int teardown(void **state)
{
	struct place *x = *state;
	int r = fchdir(x->old_cwd);

	close(x->old_cwd);
	r |= path_remove_tree(AT_FDCWD, x->dir, NULL);
	project_free(x->p);
	diag_done(&x->d);
	strs_done(&x->o.files);
	strs_done(&x->o.profiles);
	strs_done(&x->o.env_files);
	free(x);
	return r;
}

#define PLACE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static void put(const char *name, const char *text)
{
	const char *slash = strrchr(name, '/');
	char *dir = slash ? strndup(name, (size_t)(slash - name)) : strdup(".");

	assert_int_equal(path_mkdirs(AT_FDCWD, dir, 0755, NULL), 0);
	assert_int_equal(path_write(AT_FDCWD, name, text, strlen(text), 0644, 0, NULL), 0);
	free(dir);
}

static void loads(struct place *x)
{
	int r = compose_load(&x->o, &x->d, &x->p);

	for (size_t i = 0; r < 0 && i < x->d.n; i++)
		print_message("%s:%u: %s\n", x->d.items[i].pos.file, x->d.items[i].pos.line,
			x->d.items[i].msg);
	assert_int_equal(r, 0);
}

/* It does not load, and the first problem that holds `part` is at the place. */
static const struct diag_item *refused(struct place *x, const char *part, const char *file, unsigned line,
	unsigned col)
{
	assert_int_equal(compose_load(&x->o, &x->d, &x->p), -1);
	for (size_t i = 0; i < x->d.n; i++) {
		const struct diag_item *it = &x->d.items[i];

		if (!strstr(it->msg, part))
			continue;
		if (file)
			assert_string_equal(it->pos.file, file);
		assert_int_equal(it->pos.line, line);
		assert_int_equal(it->pos.col, col);
		return it;
	}
	for (size_t i = 0; i < x->d.n; i++)
		print_message("%s:%u: %s\n", x->d.items[i].pos.file, x->d.items[i].pos.line,
			x->d.items[i].msg);
	fail_msg("nothing says '%s'", part);
	return NULL;
}

static void no_file_at_all(void **state)
{
	struct place *x = *state;
	const struct diag_item *it = refused(x, "no configuration file provided: not found", NULL, 0, 0);

	assert_true(it->n_notes == 1 && it->notes[0].hint && strstr(it->notes[0].msg, "compose.yaml"));
}

static void the_name(void **state)
{
	struct place *x = *state;
	char *name = NULL, *dir = NULL;

	put("My Proj.v2/compose.yaml", "services: {a: {image: x}}\n");
	strs_add(&x->o.files, "My Proj.v2/compose.yaml");
	assert_int_equal(compose_find(&x->o, &x->d, &name, &dir), 0);
	assert_string_equal(name, "myprojv2");
	assert_true(str_ends(dir, "/My Proj.v2"));
	free(name), free(dir);
	put("My Proj.v2/.env", "COMPOSE_PROJECT_NAME=from-dotenv\n");
	assert_int_equal(compose_find(&x->o, &x->d, &name, &dir), 0);
	assert_string_equal(name, "from-dotenv");
	free(name), free(dir);
	x->o.project_name = "given";
	loads(x);
	assert_string_equal(x->p->name, "given");
}

static void a_given_name_needs_no_file(void **state)
{
	struct place *x = *state;
	char *name = NULL, *dir = NULL;

	x->o.project_name = "known";
	assert_int_equal(compose_find(&x->o, &x->d, &name, &dir), 0);
	assert_string_equal(name, "known");
	assert_null(dir);
	free(name);
	x->o.project_name = "Bad.Name";
	assert_int_equal(compose_find(&x->o, &x->d, &name, &dir), -1);
	assert_true(strstr(x->d.items[0].msg, "'Bad.Name'") != NULL);
}

static void mistakes_in_several_files_come_in_order(void **state)
{
	struct place *x = *state;

	put("b.yaml", "services:\n  a:\n    imag: x\n");
	put("a.yaml", "services:\n  b:\n    image: [x]\n    port: 1\n");
	strs_add(&x->o.files, "b.yaml");
	strs_add(&x->o.files, "a.yaml");
	assert_int_equal(compose_load(&x->o, &x->d, &x->p), -1);
	assert_int_equal(x->d.n, 3);
	assert_string_equal(x->d.items[0].pos.file, "b.yaml");
	assert_int_equal(x->d.items[1].pos.line, 3);
	assert_int_equal(x->d.items[2].pos.line, 4);
}

static void the_origin_of_a_wrong_value_is_told(void **state)
{
	struct place *x = *state;
	const struct diag_item *it;

	put(".env", "# ports\nWEB_PORT=80800\n");
	put("compose.yaml", "services:\n  web:\n    image: x\n    ports:\n      - \"${WEB_PORT}:80\"\n");
	it = refused(x, "80800", "compose.yaml", 5, 9);
	assert_string_equal(it->origin, "WEB_PORT is set in .env:2");
	assert_string_equal(it->path, "services.web.ports[0]");
}

static void extending_in_a_circle(void **state)
{
	struct place *x = *state;

	put("compose.yaml", "services:\n  a:\n    image: x\n    extends: b\n  b:\n    extends: {file: "
			    "o.yaml, service: c}\n");
	put("o.yaml", "services:\n  c:\n    extends: {file: compose.yaml, service: a}\n");
	refused(x, "services extend each other: ", "o.yaml", 3, 44);
}

static void extending_what_is_not_there(void **state)
{
	struct place *x = *state;

	put("compose.yaml",
		"services:\n  a: {image: x, extends: none}\n  b: {extends: {file: no.yaml, service: y}}\n");
	assert_int_equal(compose_load(&x->o, &x->d, &x->p), -1);
	assert_true(strstr(x->d.items[0].msg, "cannot extend 'none'") != NULL);
	assert_int_equal(x->d.items[0].pos.col, 26);
	assert_true(strstr(x->d.items[1].msg, "no.yaml") != NULL);
	assert_int_equal(x->d.items[1].pos.line, 3);
}

static void a_long_chain_of_extends(void **state)
{
	struct place *x = *state;
	struct buf text = BUF_INIT;

	buf_str(&text, "services:\n  s0: {image: x, labels: {l0: ''}}\n");
	for (int i = 1; i < 300; i++)
		buf_printf(&text, "  s%d: {extends: s%d, labels: {l%d: ''}}\n", i, i - 1, i);
	put("compose.yaml", text.p);
	buf_done(&text);
	loads(x);
	assert_int_equal(project_service(x->p, "s299")->labels.n, 300);
}

static void including_in_a_circle(void **state)
{
	struct place *x = *state;

	put("compose.yaml", "include: [sub/a.yaml]\nservices: {x: {image: x}}\n");
	put("sub/a.yaml", "include:\n  - ../compose.yaml\n");
	refused(x, "compose.yaml → sub/a.yaml → compose.yaml", "sub/a.yaml", 2, 5);
}

static void including_the_same_name(void **state)
{
	struct place *x = *state;
	const struct diag_item *it;

	put("compose.yaml", "include: [sub.yaml]\nservices:\n  db: {image: x}\n");
	put("sub.yaml", "services:\n  db: {image: y}\n");
	it = refused(x, "'services.db' is defined here", "compose.yaml", 3, 3);
	assert_string_equal(it->notes[0].pos.file, "sub.yaml");
}

static void selected_services_bring_what_they_need(void **state)
{
	struct place *x = *state;
	const char *const names[] = { "web", NULL };

	put("compose.yaml",
		"services:\n  web: {image: x, depends_on: [db]}\n  db: {image: x, depends_on: [disk]}\n"
		"  disk: {image: x}\n  other: {image: x}\n");
	x->o.services = names;
	loads(x);
	assert_int_equal(x->p->n_services, 3);
	assert_null(project_service(x->p, "other"));
	assert_int_equal(x->p->n_disabled, 1);
}

static void an_unknown_service_is_named(void **state)
{
	struct place *x = *state;
	const char *const names[] = { "wbe", NULL };
	const struct diag_item *it;

	put("compose.yaml", "services:\n  web: {image: x}\n");
	x->o.services = names;
	it = refused(x, "no such service: 'wbe'", NULL, 0, 0);
	assert_string_equal(it->notes[0].msg, "did you mean 'web'?");
}

static void files_of_variables(void **state)
{
	struct place *x = *state;
	const struct service *a;

	put("compose.yaml",
		"services:\n  a: {image: x, env_file: [e/one.env], environment: {B: own, C: , D: }}\n");
	put("e/one.env", "A=1\nB=file\nE=${B}${A}\n");
	x->environ[1] = "C=shell";
	loads(x);
	a = project_service(x->p, "a");
	assert_int_equal(a->environment.n, 5);
	assert_string_equal(a->environment.v[1].value, "own");
	assert_string_equal(a->environment.v[2].value, "shell");
	assert_null(a->environment.v[3].value);
	assert_string_equal(a->environment.v[4].value, "own1");
}

static void an_env_file_that_is_missing_or_wrong(void **state)
{
	struct place *x = *state;

	put("compose.yaml",
		"services:\n  a:\n    image: x\n    env_file:\n      - none.env\n      - bad.env\n");
	put("bad.env", "A=1\nB C=2\n");
	assert_int_equal(compose_load(&x->o, &x->d, &x->p), -1);
	assert_int_equal(x->d.n, 2);
	assert_true(strstr(x->d.items[0].msg, "none.env' does not exist") != NULL);
	assert_int_equal(x->d.items[0].pos.line, 5);
	assert_true(str_ends(x->d.items[1].pos.file, "bad.env"));
	assert_int_equal(x->d.items[1].pos.line, 2);
}

static void what_interpolation_sees(void **state)
{
	struct place *x = *state;
	auto_strs struct strs env = STRS_INIT;

	put("compose.yaml", "name: n-${DOT}\nservices: {}\n");
	put(".env", "DOT=1\nHOME=/other\n");
	assert_int_equal(compose_environment(&x->o, "n-1", &x->d, &env), 0);
	assert_int_equal(env.n, 4);
	assert_string_equal(env.v[0], "COMPOSE_PROJECT_NAME=n-1");
	assert_string_equal(env.v[1], "DOT=1");
	assert_string_equal(env.v[2], "HOME=/home/u");
	assert_true(str_starts(env.v[3], "PWD="));
}

static void what_the_files_use(void **state)
{
	struct place *x = *state;
	struct compose_variable *v = NULL;
	size_t n = 0;

	put("compose.yaml",
		"services:\n  a:\n    image: \"demo/a:${TAG:-1}\"\n    hostname: \"${H?needed}\"\n"
		"    command: \"$PLAIN ${ALT:+x} $TAG\"\n");
	assert_int_equal(compose_variables(&x->o, &x->d, &v, &n), 0);
	assert_int_equal(n, 4);
	assert_string_equal(v[0].name, "ALT");
	assert_string_equal(v[0].alternate, "x");
	assert_true(v[1].required);
	assert_string_equal(v[3].name, "TAG");
	assert_string_equal(v[3].fallback, "1");
	compose_variables_free(v, n);
}

static void a_file_that_may_not_be_read(void **state)
{
	struct place *x = *state;

	put("dir.yaml/x", "");
	strs_add(&x->o.files, "dir.yaml");
	refused(x, "is a directory", "dir.yaml", 0, 0);
}

/* Each of forty files includes the next one twice. */
static void includes_are_bounded(void **state)
{
	struct place *x = *state;
	char name[32], text[64];

	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof name, "f%d.yaml", i);
		snprintf(text, sizeof text, "include: [f%d.yaml, f%d.yaml]\n", i + 1, i + 1);
		put(name, text);
	}
	put("f40.yaml", "services: {a: {image: x}}\n");
	strs_add(&x->o.files, "f0.yaml");
	assert_int_equal(compose_load(&x->o, &x->d, &x->p), -1);
	assert_true(strstr(x->d.items[0].msg, "more than 1000 files are included") != NULL);
}

/* A large base, extended by many. */
static void copies_of_bases_are_bounded(void **state)
{
	struct place *x = *state;
	struct buf text = BUF_INIT;

	buf_str(&text, "services:\n  base:\n    image: x\n    labels:\n");
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "      l%d: v\n", i);
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "  s%d: {extends: base}\n", i);
	put("compose.yaml", text.p);
	buf_done(&text);
	assert_int_equal(compose_load(&x->o, &x->d, &x->p), -1);
	assert_true(strstr(x->d.items[0].msg, "beyond 1000000 nodes") != NULL);
}

static void texts_made_by_variables_are_bounded(void **state)
{
	struct place *x = *state;
	struct buf text = BUF_INIT;

	buf_str(&text, "A=");
	for (int i = 0; i < 1 << 20; i++)
		buf_char(&text, 'a');
	put(".env", text.p);
	buf_done(&text);
	buf_str(&text, "services: {}\nx-list:\n");
	for (int i = 0; i < 100; i++)
		buf_str(&text, "  - $A\n");
	put("compose.yaml", text.p);
	buf_done(&text);
	refused(x, "beyond 16 MiB", "compose.yaml", 19, 5);
}

static void long_text(struct buf *text)
{
	for (int i = 0; i < 1000000; i++)
		buf_char(text, 'a');
}

/* What is written once and named a thousand times, by each means that there is. */
static void repeated_texts_are_bounded(void **state)
{
	struct place *x = *state;
	struct buf text = BUF_INIT, services = BUF_INIT;

	buf_str(&text, "x-a: &a ");
	long_text(&text);
	buf_str(&text, "\nx-b:\n");
	for (int i = 0; i < 20; i++)
		buf_str(&text, "- *a\n");
	put("compose.yaml", text.p);
	buf_done(&text);
	refused(x, "aliases repeat more than 16 MiB", "compose.yaml", 19, 3);

	buf_str(&text, "services:\n  base: {image: x, user: ");
	long_text(&text);
	buf_str(&text, "}\n");
	for (int i = 0; i < 68; i++)
		buf_printf(&text, "  s%d: {extends: base}\n", i);
	put("compose.yaml", text.p);
	buf_done(&text);
	refused(x, "repeat more than 64 MiB of text by extending", "compose.yaml", 70, 18);

	buf_str(&text, "A=");
	long_text(&text);
	put(".env", text.p);
	buf_done(&text);
	buf_str(&services, "services:\n");
	for (int i = 0; i < 17; i++)
		buf_printf(&services, "  s%d: {image: x, environment: [A]}\n", i);
	put("compose.yaml", services.p);
	buf_done(&services);
	refused(x, "without a value come to more than 16 MiB", "compose.yaml", 18, 33);
}

static void ranges_of_ports_are_bounded(void **state)
{
	struct place *x = *state;
	struct buf text = BUF_INIT;

	buf_str(&text, "services:\n");
	for (int i = 0; i < 6; i++)
		buf_printf(&text, "  s%d: {image: x, ports: [1-60000]}\n", i);
	put("compose.yaml", text.p);
	buf_done(&text);
	assert_int_equal(compose_load(&x->o, &x->d, &x->p), -1);
	assert_true(strstr(x->d.items[0].msg, "more than 262144 ports") != NULL);
	assert_int_equal(x->d.items[0].pos.line, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_TEST(no_file_at_all),
		PLACE_TEST(the_name),
		PLACE_TEST(a_given_name_needs_no_file),
		PLACE_TEST(mistakes_in_several_files_come_in_order),
		PLACE_TEST(the_origin_of_a_wrong_value_is_told),
		PLACE_TEST(extending_in_a_circle),
		PLACE_TEST(extending_what_is_not_there),
		PLACE_TEST(a_long_chain_of_extends),
		PLACE_TEST(including_in_a_circle),
		PLACE_TEST(including_the_same_name),
		PLACE_TEST(selected_services_bring_what_they_need),
		PLACE_TEST(an_unknown_service_is_named),
		PLACE_TEST(files_of_variables),
		PLACE_TEST(an_env_file_that_is_missing_or_wrong),
		PLACE_TEST(what_interpolation_sees),
		PLACE_TEST(what_the_files_use),
		PLACE_TEST(a_file_that_may_not_be_read),
		PLACE_TEST(includes_are_bounded),
		PLACE_TEST(copies_of_bases_are_bounded),
		PLACE_TEST(texts_made_by_variables_are_bounded),
		PLACE_TEST(repeated_texts_are_bounded),
		PLACE_TEST(ranges_of_ports_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
