#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../../src/reg/places.h"
#include "../../../../src/util/buf.h"
#include "dir.h"

#define HEX "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define DIGEST "@sha256:" HEX

#define MAIN "root/etc/containers/registries.conf"
#define DROP "root/etc/containers/registries.conf.d/"
#define OWN "home/.config/containers/registries.conf"
#define OWN_DROP "home/.config/containers/registries.conf.d/"

/* "HOST REPOSITORY:TAG@DIGEST[ http][ unverified][ mirror], …"; what a message says of DIR is left out. */
static char *ask(const struct reg_env *env, const char *dir, const char *name, unsigned flags)
{
	auto_err struct err err = ERR_INIT;
	struct reg_places l = { 0 };
	struct reg_conf *c = NULL;
	struct buf b = BUF_INIT;
	struct image_ref ref;
	char *at;

	assert_int_equal(ref_parse(name, &ref, NULL), 0);
	if (reg_conf_load(env, &c, &err) < 0 || reg_conf_places(c, &ref, flags, &l, &err) < 0)
		buf_str(&b, err_msg(&err));
	for (size_t i = 0; i < l.n; i++) {
		const struct reg_place *p = &l.v[i];

		buf_printf(&b, "%s%s %s%s%s%s%s%s%s%s", i ? ", " : "", p->host, p->ref.repository, p->ref.tag ? ":" : "",
			p->ref.tag ? p->ref.tag : "", p->ref.digest ? "@" : "", p->ref.digest ? "D" : "",
			p->plain_http ? " http" : "", p->unverified ? " unverified" : "", p->mirror ? " mirror" : "");
	}
	while (b.p && (at = strstr(b.p, dir)))
		memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
	reg_places_done(&l);
	reg_conf_free(c);
	ref_done(&ref);
	return b.p ? b.p : buf_take(&b);
}

struct question {
	const char *name, *answer;
	unsigned flags;
};

static void expect_with(const struct reg_env *env, const char *dir, const struct question *q, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		auto_free char *got = ask(env, dir, q[i].name, q[i].flags);

		if (strcmp(got, q[i].answer) != 0)
			fail_msg("%s\ngives %s\nnot   %s", q[i].name, got, q[i].answer);
	}
}

/* With registries.conf saying `text`. */
static void expect(const char *text, const struct question *q, size_t n)
{
	char *dir = dir_make();
	auto_reg_env struct reg_env env;

	dir_env(dir, &env);
	if (text)
		dir_put(dir, MAIN, text);
	expect_with(&env, dir, q, n);
	dir_remove(dir);
}
#define EXPECT(text, ...) expect(text, (const struct question[]){ __VA_ARGS__ }, \
	sizeof((const struct question[]){ __VA_ARGS__ }) / sizeof(struct question))

static void test_without_configuration(void **state)
{
	EXPECT(NULL, { "redis", "registry-1.docker.io library/redis:latest" },
		{ "ghcr.io/a/b:1" DIGEST, "ghcr.io a/b:1@D" },
		{ "localhost:5000/a", "localhost:5000 a:latest http" },
		{ "127.0.0.1/a", "127.0.0.1 a:latest http" },
		{ "[::1]:5000/a", "[::1]:5000 a:latest http" },
		{ "127.0.0.1.example.com/a", "127.0.0.1.example.com a:latest" },
		{ "ghcr.io/a/b", "ghcr.io a/b:latest http unverified", REG_UNVERIFIED },
		{ "redis", "registry-1.docker.io library/redis:latest", REG_PUSH });
}

static void test_loopback(void **state)
{
	static const char *const yes[] = { "localhost", "LOCALHOST:5000", "127.0.0.1", "127.9.8.7:1", "[::1]", "[::1]:5000",
		"[0:0:0:0:0:0:0:1]" };
	static const char *const no[] = { "localhost.example.com", "128.0.0.1", "127.0.0.1.example.com", "[::2]", "[::1", "127.1",
		"example.com", "[::ffff:10.0.0.1]", "" };

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (!reg_is_loopback(yes[i]))
			fail_msg("%s", yes[i]);
	for (size_t i = 0; i < ARRAY_LEN(no); i++)
		if (reg_is_loopback(no[i]))
			fail_msg("%s", no[i]);
}

/* The example of containers-registries.conf(5). */
static void test_the_manuals_example(void **state)
{
	EXPECT("unqualified-search-registries = [\"example.com\"]\n"
	       "[[registry]]\nprefix = \"example.com/foo\"\ninsecure = false\nblocked = false\n"
	       "location = \"internal-registry-for-example.com/bar\"\n"
	       "[[registry.mirror]]\nlocation = \"example-mirror-0.local/mirror-for-foo\"\n"
	       "[[registry.mirror]]\nlocation = \"example-mirror-1.local/mirrors/foo\"\ninsecure = true\n"
	       "[[registry]]\nlocation = \"registry.com\"\n"
	       "[[registry.mirror]]\nlocation = \"mirror.registry.com\"\n",
		{ "example.com/foo/image:latest",
			"example-mirror-0.local mirror-for-foo/image:latest mirror, "
			"example-mirror-1.local mirrors/foo/image:latest http unverified mirror, "
			"internal-registry-for-example.com bar/image:latest" },
		{ "registry.com/image:latest", "mirror.registry.com image:latest mirror, registry.com image:latest" },
		{ "example.com/fool/image", "example.com fool/image:latest" },
		{ "example.com/foo/image", "example.com foo/image:latest", REG_PUSH },
		{ "image", "registry-1.docker.io library/image:latest" });
}

static void test_the_longest_prefix_counts(void **state)
{
	EXPECT("[[registry]]\nlocation = 'a.io'\n"
	       "[[registry]]\nprefix = 'a.io/x'\nlocation = 'x.io'\n"
	       "[[registry]]\nprefix = 'a.io/x/y:1'\nlocation = 'one.io/z:2'\n"
	       "[[registry]]\nprefix = 'a.io/x/y" DIGEST "'\nlocation = 'digest.io/q" DIGEST "'\n"
	       "[[registry]]\nprefix = '*.b.io'\nlocation = 'wild.io'\n"
	       "[[registry]]\nprefix = '*.c.b.io'\nlocation = 'wilder.io'\n"
	       "[[registry]]\nprefix = 'd.c.b.io'\nlocation = 'tame.io'\n"
	       "[[registry]]\nprefix = 'docker.io/library'\nlocation = 'mirror.io/hub/'\n",
		{ "a.io/q:1", "a.io q:1" },
		{ "a.io/x/y:2", "x.io y:2" },
		{ "a.io/x/y:1", "one.io z:2" },
		{ "a.io/x/y:12", "x.io y:12" },
		{ "a.io/x/y" DIGEST, "digest.io q@D" },
		{ "a.io:5000/x", "a.io:5000 x:latest" },
		{ "b.io/x", "b.io x:latest" },
		{ "q.b.io/x", "wild.io x:latest" },
		{ "r.q.b.io/x", "wild.io x:latest" },
		{ "q.c.b.io/x", "wilder.io x:latest" },
		{ "d.c.b.io/x", "tame.io x:latest" },
		{ "qb.io/x", "qb.io x:latest" },
		{ "b.io.example.com/q.b.io/x", "b.io.example.com q.b.io/x:latest" },
		{ "redis:7", "mirror.io hub/redis:7" },
		{ "a/b", "registry-1.docker.io a/b:latest" });
}

static void test_a_wildcard_without_location_leaves_the_name(void **state)
{
	EXPECT("[[registry]]\nprefix = '*.example.com'\ninsecure = true\n[[registry.mirror]]\nlocation = 'm.io/n'\n",
		{ "q.example.com/a/b:1", "m.io n/a/b:1 mirror, q.example.com a/b:1 http unverified" },
		{ "q.example.com/a/b:1", "q.example.com a/b:1 http unverified", REG_PUSH });
}

static void test_which_mirrors_serve(void **state)
{
	EXPECT("[[registry]]\nlocation = 'a.io'\n"
	       "mirror = [{location = 'all.io'}, {location = 'd.io', pull-from-mirror = 'digest-only'},\n"
	       "\t{location = 't.io', pull-from-mirror = 'tag-only'}, {location = 'e.io', pull-from-mirror = ''},\n"
	       "\t{location = 'f.io', pull-from-mirror = 'all'}]\n"
	       "[[registry]]\nlocation = 'b.io'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'm.io'\n",
		{ "a.io/x:1", "all.io x:1 mirror, t.io x:1 mirror, e.io x:1 mirror, f.io x:1 mirror, a.io x:1" },
		{ "a.io/x" DIGEST, "all.io x@D mirror, d.io x@D mirror, e.io x@D mirror, f.io x@D mirror, a.io x@D" },
		{ "b.io/x", "b.io x:latest" },
		{ "b.io/x:1" DIGEST, "m.io x:1@D mirror, b.io x:1@D" },
		{ "a.io/x:1",
			"all.io x:1 http unverified mirror, t.io x:1 http unverified mirror, e.io x:1 http unverified mirror, "
			"f.io x:1 http unverified mirror, a.io x:1 http unverified",
			REG_UNVERIFIED });
}

static void test_blocked(void **state)
{
	EXPECT("\n[[registry]]\nlocation = 'a.io'\nblocked = true\n[[registry]]\nlocation = 'a.io/good'\n",
		{ "a.io/bad", "registry 'a.io' is blocked in " MAIN ":2" },
		{ "a.io:5000/bad", "registry 'a.io' is blocked in " MAIN ":2" },
		{ "a.io/bad", "registry 'a.io' is blocked in " MAIN ":2", REG_PUSH | REG_UNVERIFIED },
		{ "a.io/good", "a.io good:latest" });
}

static void test_version_1(void **state)
{
	EXPECT("[registries.search]\nregistries = ['r1.com', 'r2.com']\n"
	       "[registries.insecure]\nregistries = ['r3.com///', 'r4.com']\n"
	       "[registries.block]\nregistries = ['bad.com', 'r4.com']\n",
		{ "x", "registry-1.docker.io library/x:latest" },
		{ "r3.com/x", "r3.com x:latest http unverified" },
		{ "bad.com/x", "registry 'bad.com' is blocked in " MAIN ":6" },
		{ "r4.com/x", "registry 'r4.com' is blocked in " MAIN ":6" });
}

static void test_mistakes_have_their_place(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "[[registry]]\nlocation = 'https://a.io'",
			":1:3: the registry's location 'https://a.io' is not HOST[:PORT][/PATH]: leave the scheme away; "
			"'insecure = true' allows plain http" },
		{ "[[registry]]\ninsecure = true", ":1:3: the registry's location is missing" },
		{ "[[registry]]\nlocation = ''", ":1:3: the registry's location is missing" },
		{ "[[registry]]\nprefix = 'a.io'", ":1:3: the registry's location is missing" },
		{ "[[registry]]\nprefix = '*.a.io/x'\nlocation = 'b.io'",
			":2:1: prefix '*.a.io/x': a wildcard stands as in '*.example.com', with nothing behind" },
		{ "[[registry]]\nprefix = 'x.*.io'\nlocation = 'b.io'",
			":2:1: prefix 'x.*.io': a wildcard stands as in '*.example.com', with nothing behind" },
		{ "[[registry]]\nlocation = '*.io'", ":1:3: a location has no wildcard" },
		{ "[[registry]]\nlocation = 'a.io'\nblocked = 1", ":3:1: 'blocked' must be true or false, not a number" },
		{ "[registry]\nlocation = 'a.io'", ":1:2: 'registry' must be an array, not a table" },
		{ "registry = ['a.io']", ":1:13: a registry must be a table, not a string" },
		{ "[[registry]]\nlocation = 'a.io'\nmirror = ['b.io']", ":3:11: a mirror must be a table, not a string" },
		{ "[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\n", ":3:12: the mirror's location is missing" },
		{ "[[registry]]\nlocation = 'a.io'\n[[registry.mirror]]\nlocation = 'b.io'\npull-from-mirror = 'no'",
			":5:1: 'pull-from-mirror' is one of all, digest-only, tag-only, not 'no'" },
		{ "[[registry]]\nlocation = 'a.io'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'b.io'\n"
		  "pull-from-mirror = 'all'",
			":6:1: 'pull-from-mirror' cannot stand where the registry says 'mirror-by-digest-only'" },
		{ "[[registry]]\nlocation = 'a.io'\n[[registry]]\nprefix = 'x.io'\nlocation = 'a.io'\ninsecure = true",
			":3:3: location 'a.io' stands here and in line 1, with another 'insecure'" },
		{ "[[registry]]\nlocation = 'a.io'\n[registries.block]\nregistries = ['b.io']",
			":3:2: [registries] is of version 1, [[registry]] of version 2: a file is of one of them" },
		{ "[registries.block]\nregistries = 'b.io'", ":2:1: 'registries' must be an array, not a string" },
		{ "[registries.block]\nregistries = [1]", ":2:15: a registry must be a string, not a number" },
		{ "[[registry]\n", ":1:11: ']]' is missing" },
		{ "[[registry]]\nprefix = 'redis.io'\nlocation = 'mirror/foo'",
			":1: location 'mirror/foo': it does not begin with a host: that has a dot or a port, or is localhost" },
		{ "[[registry]]\nprefix = 'redis.io'\nlocation = 'm.io/UP'",
			":1: location 'm.io/UP': image reference 'm.io/UP/x:latest' is not valid: the name must be lower case" },
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_free char *whole = xasprintf(MAIN "%s", cases[i].says);

		EXPECT(cases[i].text, { "redis.io/x", whole });
	}
}

static void test_drop_ins_go_over_the_main_file(void **state)
{
	char *dir = dir_make();
	auto_reg_env struct reg_env env;

	dir_env(dir, &env);
	dir_put(dir, MAIN, "[[registry]]\nlocation = 'a.io'\n[[registry]]\nlocation = 'b.io'\n[[registry.mirror]]\nlocation='m.io'\n");
	dir_put(dir, DROP "10-x.conf", "[[registry]]\nprefix = 'a.io'\nlocation = 'ten.io'\n");
	dir_put(dir, DROP "20-x.conf", "[[registry]]\nprefix = 'a.io'\nlocation = 'twenty.io'\n[aliases]\n'x' = 'y.io/x'\n");
	dir_put(dir, DROP "30-x.ignored", "[[");
	dir_put(dir, DROP "40.conf/x", "[[");
	dir_put(dir, OWN_DROP "05-x.conf", "[[registry]]\nlocation = 'b.io'\ninsecure = true\n");
	const struct question q[] = { { "a.io/x", "twenty.io x:latest" }, { "b.io/x", "b.io x:latest http unverified" } };
	expect_with(&env, dir, q, ARRAY_LEN(q));
	dir_put(dir, OWN_DROP "06-old.conf", "[registries.block]\nregistries = ['b.io']\n");
	const struct question old[] = { { "b.io/x",
		OWN_DROP "06-old.conf:1:2: [registries] is of version 1, which drop-in files cannot have" } };
	expect_with(&env, dir, old, ARRAY_LEN(old));
	dir_remove(dir);
}

static void test_the_users_own_file_takes_the_place_of_the_machines(void **state)
{
	char *dir = dir_make();
	auto_reg_env struct reg_env env;

	dir_env(dir, &env);
	dir_put(dir, MAIN, "[[registry]]\nlocation = 'a.io'\nblocked = true\n");
	dir_put(dir, DROP "x.conf", "[[registry]]\nlocation = 'b.io'\nblocked = true\n");
	dir_put(dir, OWN, "[[registry]]\nprefix = 'c.io'\nlocation = 'own.io'\n");
	dir_put(dir, OWN_DROP "x.conf", "[[registry]]\nprefix = 'd.io'\nlocation = 'drop.io'\n");
	const struct question q[] = { { "a.io/x", "a.io x:latest" }, { "b.io/x", "b.io x:latest" }, { "c.io/x", "own.io x:latest" },
		{ "d.io/x", "drop.io x:latest" } };
	expect_with(&env, dir, q, ARRAY_LEN(q));
	env.registries = xasprintf("%s/mine.conf", dir);
	const struct question gone[] = { { "a.io/x",
		"open 'mine.conf', which CONTAINERS_REGISTRIES_CONF names: No such file or directory" } };
	expect_with(&env, dir, gone, ARRAY_LEN(gone));
	dir_put(dir, "mine.conf", "[[registry]]\nprefix = 'c.io'\nlocation = 'mine.io'\n");
	const struct question mine[] = { { "c.io/x", "mine.io x:latest" }, { "a.io/x", "a.io x:latest" },
		{ "d.io/x", "drop.io x:latest" } };
	expect_with(&env, dir, mine, ARRAY_LEN(mine));
	dir_remove(dir);
}

static void test_what_has_no_effect_is_a_warning(void **state)
{
	char *dir = dir_make();
	auto_reg_env struct reg_env env;
	auto_free char *first = xasprintf("%s/" MAIN ":4:1: unknown key 'insecur' has no effect; did you mean 'insecure'?", dir);
	auto_free char *second = xasprintf("%s/" MAIN ":5:1: unknown key 'x\\x1b' has no effect", dir);
	auto_free char *helpers = xasprintf(
		"%s/" MAIN ":1:47: 'credential-helpers' has no effect; name them as 'credsStore' in docker's config.json", dir);
	struct reg_conf *c;

	dir_env(dir, &env);
	dir_put(dir, MAIN,
		"credential-helpers = ['containers-auth.json', 'pass']\n[[registry]]\nlocation = 'a.io'\ninsecur = true\n\"x\\u001b\" = [1]\n");
	assert_int_equal(reg_conf_load(&env, &c, NULL), 0);
	assert_int_equal(reg_conf_warnings(c)->n, 3);
	assert_string_equal(reg_conf_warnings(c)->v[0], helpers);
	assert_string_equal(reg_conf_warnings(c)->v[1], first);
	assert_string_equal(reg_conf_warnings(c)->v[2], second);
	reg_conf_free(c);
	dir_remove(dir);
}

static void test_origin_says_which_line(void **state)
{
	char *dir = dir_make();
	auto_reg_env struct reg_env env;
	auto_free char *mirror = xasprintf("%s/" MAIN ":3", dir), *table = xasprintf("%s/" MAIN ":1", dir);
	struct image_ref ref;
	struct reg_places l;
	struct reg_conf *c;

	dir_env(dir, &env);
	dir_put(dir, MAIN, "[[registry]]\nlocation = 'docker.io'\n[[registry.mirror]]\nlocation = 'm.io'\n");
	assert_int_equal(reg_conf_load(&env, &c, NULL), 0);
	assert_int_equal(ref_parse("redis", &ref, NULL), 0);
	assert_int_equal(reg_conf_places(c, &ref, 0, &l, NULL), 0);
	assert_string_equal(l.v[0].origin, mirror);
	assert_string_equal(l.v[0].ref.registry, "m.io");
	assert_string_equal(l.v[1].origin, table);
	assert_string_equal(l.v[1].host, "registry-1.docker.io");
	assert_string_equal(l.v[1].ref.registry, "docker.io");
	reg_places_done(&l);
	ref_done(&ref);
	reg_conf_free(c);
	dir_remove(dir);
}

static void test_servers(void **state)
{
	static const char *const cases[][2] = {
		/* as written; host, registry, what is allowed there */
		{ "", "registry-1.docker.io docker.io" },
		{ "docker.io", "registry-1.docker.io docker.io" },
		{ "index.docker.io", "registry-1.docker.io docker.io" },
		{ "registry-1.docker.io", "registry-1.docker.io docker.io" },
		{ "https://index.docker.io/v1/", "registry-1.docker.io docker.io" },
		{ "r.io", "r.io r.io" },
		{ "r.io:5000", "r.io:5000 r.io:5000" },
		{ "https://r.io/v2/", "r.io r.io" },
		{ "r.io/ns", "r.io r.io" },
		{ "http://localhost:5000", "localhost:5000 localhost:5000 http" },
		{ "[::1]:5000", "[::1]:5000 [::1]:5000 http" },
		{ "bad.io", "registry 'bad.io' is blocked in " MAIN ":1" },
		{ "q.loose.io", "q.loose.io q.loose.io http unverified" },
		{ "moved.io", "moved.io moved.io" },
		{ "registry", "'registry' is not the name of a registry" },
		{ "r .io", "'r .io' is not the name of a registry" },
		{ "r.io:x", "'r.io:x' is not the name of a registry" },
		{ "r.io@x", "'r.io@x' is not the name of a registry" },
		{ "u:p@r.io", "'u:p@r.io' is not the name of a registry" },
		{ "https://", "'https://' is not the name of a registry" },
		{ "../x", "'../x' is not the name of a registry" },
	};
	char *dir = dir_make();
	auto_reg_env struct reg_env env;
	struct reg_conf *c;

	dir_env(dir, &env);
	dir_put(dir, MAIN,
		"[[registry]]\nlocation = 'bad.io'\nblocked = true\n[[registry]]\nprefix = '*.loose.io'\ninsecure = true\n"
		"[[registry]]\nprefix = 'moved.io'\nlocation = 'm.io'\n[[registry]]\nlocation = 'r.io/x'\nblocked = true\n");
	assert_int_equal(reg_conf_load(&env, &c, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		auto_err struct err err = ERR_INIT;
		auto_free char *got = NULL;
		struct reg_place p = { 0 };
		char *at;

		if (reg_conf_server(c, cases[i][0], 0, &p, &err) < 0)
			got = xstrdup(err_msg(&err));
		else
			got = xasprintf("%s %s%s%s%s%s", p.host, p.ref.registry, p.plain_http ? " http" : "",
				p.unverified ? " unverified" : "", p.ref.repository, p.ref.tag ? p.ref.tag : "");
		while ((at = strstr(got, dir)))
			memmove(at, at + strlen(dir) + 1, strlen(at + strlen(dir) + 1) + 1);
		if (strcmp(got, cases[i][1]) != 0)
			fail_msg("%s\ngives %s\nnot   %s", cases[i][0], got, cases[i][1]);
		reg_place_done(&p);
	}
	reg_conf_free(c);
	dir_remove(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_configuration),
		cmocka_unit_test(test_loopback),
		cmocka_unit_test(test_the_manuals_example),
		cmocka_unit_test(test_the_longest_prefix_counts),
		cmocka_unit_test(test_a_wildcard_without_location_leaves_the_name),
		cmocka_unit_test(test_which_mirrors_serve),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_version_1),
		cmocka_unit_test(test_mistakes_have_their_place),
		cmocka_unit_test(test_drop_ins_go_over_the_main_file),
		cmocka_unit_test(test_the_users_own_file_takes_the_place_of_the_machines),
		cmocka_unit_test(test_what_has_no_effect_is_a_warning),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_origin_says_which_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
