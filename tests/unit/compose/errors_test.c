/* errors_test - the words and places of the user's mistakes, as text.
 *
 * Each folder of tests/golden/errors is a project and the file `expected` in it what is to be said about it: to who is about to run it, or,
 * with a file `printed` beside it, to who has it printed.
 * With GOLDEN_UPDATE set in the environment the files are written instead of compared. Runs from the top of
 * the tree, as the units do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../compose/project.h"
#include "../../../src/util/auto.h"
#include "../../../src/util/buf.h"

static const char root[] = "tests/golden/errors";

static void print_pos(struct buf *out, struct pos pos)
{
	buf_printf(out, "%s:%u:%u: ", pos.file ? pos.file : "-", pos.line, pos.col);
}

static void print_item(struct buf *out, const struct diag_item *it)
{
	print_pos(out, it->pos);
	buf_printf(out, "%s: %s\n", it->level == DIAG_ERROR ? "error" : "warning", it->msg);
	if (it->path)
		buf_printf(out, "    at %s, %u wide%s%s\n", it->path, it->span, it->origin ? "; " : "",
			it->origin ? it->origin : "");
	for (size_t i = 0; i < it->n_notes; i++) {
		buf_str(out, it->notes[i].hint ? "    hint: " : "    note: ");
		if (it->notes[i].pos.file)
			print_pos(out, it->notes[i].pos);
		buf_printf(out, "%s\n", it->notes[i].msg);
	}
}

/* What is said about the project in the current directory. */
static char *problems(void)
{
	static const char *const no_environ[] = { NULL };
	struct compose_opts opts = { .project_name = "demo", .environ = no_environ, .effects = EFFECTS_WARNED };
	struct diag d = DIAG_INIT;
	struct project *p = NULL;
	struct buf out = BUF_INIT;

	if (access("printed", F_OK) == 0)
		opts.effects = EFFECTS_UNTOLD;
	buf_str(&out, compose_load(&opts, &d, &p) == 0 ? "accepted\n" : "refused\n");
	for (size_t i = 0; i < d.n; i++)
		print_item(&out, &d.items[i]);
	project_free(p);
	diag_done(&d);
	return buf_take(&out);
}

static char *read_expected(void)
{
	auto_fclose FILE *f = fopen("expected", "re");
	struct buf b = BUF_INIT;
	char part[4096];
	size_t n;

	while (f && (n = fread(part, 1, sizeof part, f)) > 0)
		buf_add(&b, part, n);
	return buf_take(&b);
}

static void write_expected(const char *text)
{
	auto_fclose FILE *f = fopen("expected", "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
}

/* 1 when the folder says something else than expected. */
static int run_folder(const char *name)
{
	auto_free char *got = NULL, *want = NULL;
	int differs;

	assert_int_equal(chdir(name), 0);
	got = problems();
	if (getenv("GOLDEN_UPDATE"))
		write_expected(got);
	want = read_expected();
	differs = strcmp(got, want) != 0;
	if (differs)
		print_message("%s/%s: expected\n%sbut it is\n%s", root, name, want, got);
	assert_int_equal(chdir(".."), 0);
	return differs;
}

static void test_folders(void **state)
{
	auto_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *dir = opendir(root);
	int different = 0, folders = 0;
	struct dirent *e;

	if (!dir)
		fail_msg("'%s' is not here: run this from the top of the tree", root);
	assert_int_equal(chdir(root), 0);
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.') {
			different += run_folder(e->d_name);
			folders++;
		}
	assert_int_equal(fchdir(here), 0);
	assert_true(folders > 0);
	assert_int_equal(different, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_folders) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
