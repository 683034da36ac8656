#include "fx.h"

#include "../../../src/util/buf.h"

static void positions_count_from_one(void **state)
{
	struct fx *fx = *state;
	struct node *n = fx_load(fx, "services:\n  web:\n    image: \"nginx\"\n    ports: [80, 81]\n");

	assert_int_equal(node_pair_get(fx_at(n, "services"), "web")->key_pos.line, 2);
	assert_int_equal(node_pair_get(fx_at(n, "services"), "web")->key_pos.col, 3);
	assert_int_equal(fx_at(n, "services/web/image")->pos.col, 12);
	assert_int_equal(fx_at(n, "services/web/image")->span, 7);
	assert_int_equal(fx_at(n, "services/web/ports/1")->pos.line, 4);
	assert_int_equal(fx_at(n, "services/web/ports/1")->pos.col, 17);
	assert_string_equal(n->pos.file, "c.yaml");
}

static void check_int(struct fx *fx, const char *text, long long want)
{
	struct node *n = fx_at(fx_load(fx, text), "v");

	assert_int_equal(n->kind, NODE_INT);
	assert_int_equal(n->i, want);
}

static void integers(void **state)
{
	struct fx *fx = *state;

	check_int(fx, "v: 0755", 493);
	check_int(fx, "v: 0o755", 493);
	check_int(fx, "v: 0x1F", 31);
	check_int(fx, "v: 0b101", 5);
	check_int(fx, "v: 1_000_000", 1000000);
	check_int(fx, "v: -0", 0);
	check_int(fx, "v: +5", 5);
	check_int(fx, "v: 007", 7);
	check_int(fx, "v: -9223372036854775808", INT64_MIN);
	check_int(fx, "v: !!int 12", 12);
	assert_true(fx_at(fx_load(fx, "v: 18446744073709551615"), "v")->is_u64);
}

static void check_kind(struct fx *fx, const char *text, enum node_kind want)
{
	assert_int_equal(fx_at(fx_load(fx, text), "v")->kind, want);
}

static void other_scalars(void **state)
{
	struct fx *fx = *state;

	check_kind(fx, "v: 089", NODE_FLOAT);
	check_kind(fx, "v: 1e3", NODE_FLOAT);
	check_kind(fx, "v: .5", NODE_FLOAT);
	check_kind(fx, "v: -.inf", NODE_FLOAT);
	check_kind(fx, "v: 99999999999999999999", NODE_FLOAT);
	check_kind(fx, "v: True", NODE_BOOL);
	check_kind(fx, "v: ~", NODE_NULL);
	check_kind(fx, "v:", NODE_NULL);
	check_kind(fx, "v: yes", NODE_STR);
	check_kind(fx, "v: 12:30:45", NODE_STR);
	check_kind(fx, "v: 1.2.3", NODE_STR);
	check_kind(fx, "v: '12'", NODE_STR);
	check_kind(fx, "v: !!str 12", NODE_STR);
	check_kind(fx, "v: +", NODE_STR);
	check_kind(fx, "v: 0x", NODE_STR);
	check_kind(fx, "v: 1e", NODE_STR);
}

static void dates_are_told_from_texts(void **state)
{
	struct fx *fx = *state;

	assert_true(load_is_timestamp(fx_at(fx_load(fx, "v: 2024-01-02"), "v")));
	assert_true(load_is_timestamp(fx_at(fx_load(fx, "v: 2024-01-02T10:00:00Z"), "v")));
	assert_true(load_is_timestamp(fx_at(fx_load(fx, "v: 2024-1-2 1:2:3.5"), "v")));
	assert_false(load_is_timestamp(fx_at(fx_load(fx, "v: '2024-01-02'"), "v")));
	assert_false(load_is_timestamp(fx_at(fx_load(fx, "v: 2024-02-30"), "v")));
	assert_false(load_is_timestamp(fx_at(fx_load(fx, "v: 2024-01-02x"), "v")));
}

static void merge_keys(void **state)
{
	struct fx *fx = *state;
	struct node *n =
		fx_load(fx, "a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\n"
			    "one: {y: own, <<: *a}\ntwo: {<<: [*a, *b]}\nthree: {<<: [*b, *a], x: own}\n");

	assert_string_equal(fx_text(n, "one/y"), "own");
	assert_string_equal(fx_text(n, "one/x"), "1");
	assert_string_equal(fx_text(n, "two/y"), "1");
	assert_string_equal(fx_text(n, "two/z"), "2");
	assert_string_equal(fx_text(n, "three/y"), "2");
	assert_string_equal(fx_text(n, "three/x"), "own");
	assert_null(fx_at(n, "two/<<"));
}

static void aliases_are_copies(void **state)
{
	struct fx *fx = *state;
	struct node *n = fx_load(fx, "a: &a [1]\nb: *a\n");

	assert_ptr_not_equal(fx_at(n, "a"), fx_at(n, "b"));
	assert_true(node_equal(fx_at(n, "a"), fx_at(n, "b")));
	assert_int_equal(fx_at(n, "b/0")->pos.line, 1);
}

static void several_documents(void **state)
{
	struct fx *fx = *state;
	const char *text = "a: &x 1\n---\n# more\nb: 2\nc: *x\n...\n";
	struct node **docs;
	size_t n;

	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text, strlen(text), &docs, &n), 0);
	assert_int_equal(n, 2);
	assert_string_equal(fx_text(docs[1], "b"), "2");
	assert_string_equal(fx_text(docs[1], "c"), "1");
	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", "# no\n", 5, &docs, &n), 0);
	assert_int_equal(n, 0);
}

static void apostrophes_may_be_escaped(void **state)
{
	struct fx *fx = *state;
	struct node *n = fx_load(fx, "# it\\'s\na: [\"é\\'\\\"\\'\", 'b\\', c\\'d, \"\\\\'\", \"\\'\"]\n");

	assert_string_equal(fx_text(n, "a/0"), "é'\"'");
	assert_string_equal(fx_text(n, "a/1"), "b\\");
	assert_string_equal(fx_text(n, "a/2"), "c\\'d");
	assert_string_equal(fx_text(n, "a/3"), "\\'");
	assert_string_equal(fx_text(n, "a/4"), "'");
	assert_int_equal(fx_at(n, "a/4")->pos.col, 35);
	assert_int_equal(fx_at(n, "a/4")->span, 4);
}

static void texts_in_braces_may_end_with_a_colon(void **state)
{
	struct fx *fx = *state;
	struct node *n = fx_load(fx, "a: {é:, b: c:}\nd: [e:, \":,\\'\", f]\n");

	assert_int_equal(node_get(fx_at(n, "a"), "é:")->kind, NODE_NULL);
	assert_string_equal(fx_text(n, "a/b"), "c:");
	assert_string_equal(fx_text(n, "d/0"), "e:");
	assert_string_equal(fx_text(n, "d/1"), ":,'");
	assert_int_equal(fx_at(n, "d/2")->pos.col, 17);
	fx_problem(fx, DIAG_WARNING, "the ':' is a part of 'c:'");
}

static void tags_are_kept(void **state)
{
	struct fx *fx = *state;
	struct node *n = fx_load(fx, "a: !reset null\nb: !override [1]\nc: !reset\nd: !override {x: 1}\n");

	assert_int_equal(fx_at(n, "a")->tag, NODE_RESET);
	assert_int_equal(fx_at(n, "b")->tag, NODE_OVERRIDE);
	assert_int_equal(fx_at(n, "c")->tag, NODE_RESET);
	assert_int_equal(fx_at(n, "d")->tag, NODE_OVERRIDE);
}

static void refused(struct fx *fx, const char *text, size_t len, const char *part, unsigned line,
	unsigned col)
{
	struct node **docs;
	size_t n;

	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text, len, &docs, &n), -1);
	fx_error_at(fx, part, line, col);
	diag_done(&fx->d);
}

static void memory_is_bounded(void **state)
{
	struct fx *fx = *state;

	arena_alloc(fx->a, LOAD_MAX_MEMORY);
	refused(fx, "a: b\n", 5, "256 MiB", 0, 0);
}

#define REFUSED(fx, text, part, line, col) refused(fx, text, sizeof(text) - 1, part, line, col)

static void bad_yaml_has_a_place(void **state)
{
	struct fx *fx = *state;

	REFUSED(fx, "a: 1\n---\n# nothing\n---\nb: 2\n", "nothing is behind", 2, 1);
	REFUSED(fx, "a:\n\tb: 1\n", "a tab is used for indentation", 2, 1);
	REFUSED(fx, "a: [1 2, \"x\" 3]\n", "a ',' or ']' is missing here", 1, 14);
	REFUSED(fx, "a: x\0y\n", "NUL", 1, 5);
	REFUSED(fx, "a: 1\nb: \"\xff\"\n", "not valid UTF-8", 2, 5);
	REFUSED(fx, "a: \x01\n", "control character", 1, 4);
	REFUSED(fx, "a: é\nb: é\xef\xbf\xbf\n", "U+FFFF", 2, 5);
	REFUSED(fx, "a: \"\\0\"\n", "NUL", 1, 4);
	REFUSED(fx, "a: 1\nb: 2\na: 3\n", "the key 'a' is there twice", 3, 1);
	REFUSED(fx, "a:\n  1: x\n", "the key '1' is a number", 2, 3);
	REFUSED(fx, "true: x\n", "the key 'true' is a boolean", 1, 1);
	REFUSED(fx, "? [a]\n: x\n", "a key must be a string, not a list", 1, 3);
	REFUSED(fx, "a: *none\n", "the anchor 'none' is not known", 1, 4);
	REFUSED(fx, "a: &a [*a]\n", "the anchor 'a' holds itself", 1, 8);
	REFUSED(fx, "a: !rest x\n", "the tag '!rest' is not known", 1, 4);
	REFUSED(fx, "%YAML 1.2\n---\na: 1\n", "%YAML", 1, 1);
	REFUSED(fx, "a: {<<: 1}\n", "'<<' takes a mapping", 1, 9);
}

/* libyaml stops where its rules break; the user is told where the mistake is. */
static void mistakes_have_their_own_place(void **state)
{
	struct fx *fx = *state;

	REFUSED(fx, "a: 1\n b: 2\n", "indented deeper than the one above", 2, 2);
	REFUSED(fx, "a:\n  b:\n    c: 1\n   d: 2\n", "indented by 3, which fits no line above", 4, 4);
	REFUSED(fx, "a:\n  - b\n    - c: 1\n", "indented deeper than the one above", 3, 5);
	REFUSED(fx, "a:\n  b\n    c: 1\n", "a ':' is missing after 'b'", 2, 3);
	REFUSED(fx, "a:\n  b: 1\n  é\n", "a ':' is missing after 'é'", 3, 3);
	REFUSED(fx, "a:\n  b:1\n  c: 2\n", "a blank is missing after the ':' in 'b:1'", 2, 3);
	REFUSED(fx, "a:\n  b: 1\n  C=2\n", "'C=2' is no 'key: value'", 3, 3);
	REFUSED(fx, "a: 1\nb: [1, 2\nc: 3\n", "this '[' is not closed", 2, 4);
	REFUSED(fx, "a: 1]\nb: [1]]\n", "this ']' closes nothing", 2, 7);
	REFUSED(fx, "a: \"x\nb: 1\n", "the quote \" is never closed", 1, 4);
	REFUSED(fx, "a: \"x\nb: \"1\"\n", "is closed in line 2 only", 1, 4);
	REFUSED(fx, "a: 'it's'\n", "more text after the closing quote", 1, 8);
	REFUSED(fx, "é: b: 1\n", "a ': ' cannot stand inside", 1, 5);
	REFUSED(fx, "a: @x\n", "cannot start with '@'", 1, 4);
	REFUSED(fx, "a: * x\n", "no name behind '*'", 1, 4);
	REFUSED(fx, "a: |\nb\nc: 1\n", "the text of a '|' must be indented", 2, 1);
	REFUSED(fx, "a: - b\n", "a list cannot start in the line of its key", 1, 4);
	REFUSED(fx, "a: \"\\p\"\n", "'\\p' means nothing", 1, 5);
	REFUSED(fx, "a: 1\n<<<<<<< x\nb: 1\n", "a merge conflict", 2, 1);
	REFUSED(fx, "a: [1,,2]\n", "a value is missing before this ','", 1, 7);
}

/* What was read before the text broke off is used, what was open is marked. */
static void the_beginning_of_a_broken_text_is_kept(void **state)
{
	static const char text[] = "a: {b: 1}\nc:\n  d: {e: 1}\n  f: 2\n g: 3\n";
	struct fx *fx = *state;
	struct node **docs;
	size_t n;

	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text, sizeof text - 1, &docs, &n), -1);
	assert_true(docs[0]->wrong);
	assert_false(fx_at(docs[0], "a")->wrong);
	assert_true(fx_at(docs[0], "c")->wrong);
	assert_string_equal(fx_text(docs[0], "c/d/e"), "1");
	assert_null(fx_at(docs[0], "c/f"));
	assert_true(docs[n - 1]->wrong);
}

static void notes_point_at_the_other_end(void **state)
{
	struct fx *fx = *state;
	struct node **docs;
	size_t n;

	load_text(fx->a, &fx->d, "c.yaml", "a: 'x' y\n", 9, &docs, &n);
	assert_string_equal(fx->d.items[0].notes[0].msg, "the quote is opened here");
	assert_int_equal(fx->d.items[0].notes[0].pos.col, 4);
	diag_done(&fx->d);
	load_text(fx->a, &fx->d, "c.yaml", "a:\n    b: 1\n  c: 1\n", 19, &docs, &n);
	assert_int_equal(fx->d.items[0].n_notes, 2);
	assert_string_equal(fx->d.items[0].notes[1].msg, "this line is indented by 4");
	assert_int_equal(fx->d.items[0].notes[1].pos.line, 2);
	assert_int_equal(fx->d.items[0].notes[1].pos.col, 5);
}

static void several_mistakes_are_all_told(void **state)
{
	struct fx *fx = *state;
	const char *text = "a: *x\nb: *y\nc: 1\nc: 2\n";
	struct node **docs;
	size_t n;

	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text, strlen(text), &docs, &n), -1);
	assert_int_equal(fx->d.n_errors, 3);
	/* and reading it again fails again, though it says nothing new */
	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text, strlen(text), &docs, &n), -1);
}

/* Nine levels of nine aliases are 10^9 nodes; the limit stops it at once. */
static void alias_bombs_are_refused(void **state)
{
	struct fx *fx = *state;
	char text[2048];
	int len = snprintf(text, sizeof text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
	struct node **docs;
	size_t n;

	for (int i = 1; i <= 9; i++) {
		len += snprintf(text + len, sizeof text - (size_t)len, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			len += snprintf(text + len, sizeof text - (size_t)len, "%s*a%d", k ? "," : "", i - 1);
		len += snprintf(text + len, sizeof text - (size_t)len, "]\n");
	}
	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text, (size_t)len, &docs, &n), -1);
	fx_problem(fx, DIAG_ERROR, "more than 1000000 nodes");
}

/* Appends the text with n times c in place of each '@'. */
static void repeat(struct buf *out, const char *text, char c, int n)
{
	for (; *text; text++) {
		for (int i = 0; *text == '@' && i < n; i++)
			buf_char(out, c);
		if (*text != '@')
			buf_char(out, *text);
	}
}

static void depth_is_bounded(void **state)
{
	struct fx *fx = *state;
	struct buf text = BUF_INIT;
	struct node **docs;
	size_t n;

	repeat(&text, "a: @", '[', 300);
	repeat(&text, "@", ']', 300);
	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text.p, text.len, &docs, &n), -1);
	fx_error_at(fx, "more than 200 levels", 1, 203);
	diag_done(&fx->d);
	buf_done(&text);
	/* an alias adds the height of what it repeats */
	repeat(&text, "a: &a @", '[', 150);
	repeat(&text, "@\nb: ", ']', 150);
	repeat(&text, "@*a", '[', 100);
	repeat(&text, "@\n", ']', 100);
	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text.p, text.len, &docs, &n), -1);
	fx_problem(fx, DIAG_ERROR, "more than 200 levels");
	buf_done(&text);
}

static void sizes_are_bounded(void **state)
{
	struct fx *fx = *state;
	size_t len = (size_t)LOAD_MAX_BYTES + 1;
	char *text = malloc(len);
	struct node **docs;
	size_t n;

	memset(text, ' ', len);
	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text, len, &docs, &n), -1);
	fx_problem(fx, DIAG_ERROR, "larger than 16 MiB");
	memset(text, 'x', len);
	memcpy(text, "a: ", 3);
	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text, LOAD_MAX_SCALAR + 100, &docs, &n), -1);
	fx_problem(fx, DIAG_ERROR, "longer than the limit of 1048576");
	free(text);
}

/* Each of these takes libyaml, or us, time by the square of the length when nobody stops it. */
static void work_is_bounded(void **state)
{
	struct fx *fx = *state;
	struct buf text = BUF_INIT;
	struct node **docs;
	size_t n;

	for (int i = 0; i < 101; i++)
		buf_printf(&text, "%%TAG !a%d! tag:x:\n", i);
	refused(fx, text.p, text.len, "more than 100 %TAG directives", 101, 1);
	text.len = 0;
	repeat(&text, "@", '{', 1000);
	refused(fx, text.p, text.len, "nested more than 200 levels", 1, 201);
	text.len = 0;
	for (int i = 0; i < 100000; i++)
		buf_str(&text, "- \"\\'\"\n");
	assert_int_equal(load_text(fx->a, &fx->d, "c.yaml", text.p, text.len, &docs, &n), -1);
	fx_problem(fx, DIAG_ERROR, "means nothing in double quotes");
	buf_done(&text);
}

static void files_that_are_none(void **state)
{
	struct fx *fx = *state;
	struct node **docs;
	size_t n;

	assert_int_equal(load_file(fx->a, &fx->d, "/nonexistent/c.yaml", "c.yaml", &docs, &n), -1);
	fx_problem(fx, DIAG_ERROR, "No such file");
	assert_int_equal(load_file(fx->a, &fx->d, "/", "dir", &docs, &n), -1);
	fx_problem(fx, DIAG_ERROR, "is a directory");
	assert_string_equal(fx->d.items[1].pos.file, "dir");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(positions_count_from_one),
		FX_TEST(integers),
		FX_TEST(other_scalars),
		FX_TEST(dates_are_told_from_texts),
		FX_TEST(merge_keys),
		FX_TEST(aliases_are_copies),
		FX_TEST(several_documents),
		FX_TEST(apostrophes_may_be_escaped),
		FX_TEST(texts_in_braces_may_end_with_a_colon),
		FX_TEST(tags_are_kept),
		FX_TEST(bad_yaml_has_a_place),
		FX_TEST(mistakes_have_their_own_place),
		FX_TEST(the_beginning_of_a_broken_text_is_kept),
		FX_TEST(notes_point_at_the_other_end),
		FX_TEST(several_mistakes_are_all_told),
		FX_TEST(alias_bombs_are_refused),
		FX_TEST(memory_is_bounded),
		FX_TEST(depth_is_bounded),
		FX_TEST(sizes_are_bounded),
		FX_TEST(work_is_bounded),
		FX_TEST(files_that_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
