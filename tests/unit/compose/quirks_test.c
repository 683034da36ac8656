/* quirks_test - where `config` prints what the reference prints and something more sensible runs: both, side by side, and that the
 * user is told where the difference has an effect. */
#include "fx.h"

#include <fcntl.h>
#include <unistd.h>

#include "../../../compose/project.h"
#include "../../../src/util/path.h"

struct quirk {
	struct fx *fx;
	struct project *p;
	const struct service *s;
	struct buf json;
};

/* The project of a file whose only service is `a`, with these lines. */
static struct quirk quirk_of(struct fx *fx, const char *lines)
{
	char dir[] = "/tmp/quirks-test-XXXXXX", *text = arena_printf(fx->a, "name: q\nservices:\n  a:\n    image: i\n%s", lines),
	     *file;
	static const char *const environ_list[] = { "HOME=/home/u", NULL };
	struct compose_opts o = { .environ = environ_list };
	struct quirk q = { .fx = fx };

	assert_non_null(mkdtemp(dir));
	file = arena_printf(fx->a, "%s/compose.yaml", dir);
	assert_int_equal(path_write(AT_FDCWD, file, text, strlen(text), 0644, 0, NULL), 0);
	strs_add(&o.files, file);
	for (int r = compose_load(&o, &fx->d, &q.p), i = 0; r < 0; i++)
		fail_msg("%s", fx->d.items[i].msg);
	strs_done(&o.files);
	unlink(file);
	rmdir(dir);
	q.s = &q.p->services[0];
	project_dump_json(q.p, &q.json, NULL);
	return q;
}

static void done(struct quirk *q)
{
	buf_done(&q->json);
	project_free(q->p);
}

static void prints(const struct quirk *q, const char *part)
{
	if (!strstr(q->json.p, part))
		fail_msg("'%s' is not in %s", part, q->json.p);
}

/* NULL: of nothing. */
static void warns(const struct quirk *q, const char *part)
{
	for (size_t i = 0; i < q->fx->d.n; i++)
		if (!part || strstr(q->fx->d.items[i].msg, part)) {
			if (!part)
				fail_msg("%s", q->fx->d.items[i].msg);
			return;
		}
	if (part)
		fail_msg("no warning says '%s'", part);
}

static void is_volume(const struct quirk *q, const struct mount *m, const char *key, const char *name, const char *target)
{
	const struct volume *v = project_volume(q->p, key);

	assert_int_equal(m->type, MOUNT_VOLUME);
	assert_string_equal(m->source, key);
	assert_string_equal(m->target, target);
	assert_non_null(v);
	assert_string_equal(v->name, name);
	assert_true(v->hidden);
}

static void test_letters(void **state)
{
	struct quirk q = quirk_of(*state, "    volumes: ['v:/data', 'w:/logs:ro,nocopy', 'x:/y/']\n"
					  "volumes: {v: {name: vee}, w: }\n");

	prints(&q, "\"target\": \"v:/data\"");
	prints(&q, "\"source\": \"w:/logs\"");
	assert_null(strstr(q.json.p, "vee"));
	assert_int_equal(q.p->n_volumes, 3);
	is_volume(&q, &q.s->mounts[0], "v", "vee", "/data");
	is_volume(&q, &q.s->mounts[1], "w", "q_w", "/logs");
	is_volume(&q, &q.s->mounts[2], "x", "q_x", "/y");
	assert_true(q.s->mounts[1].read_only && q.s->mounts[1].nocopy);
	warns(&q, "volume 'v' at /data");
	done(&q);
}

static void test_letters_on_the_wire(void **state)
{
	struct quirk q = quirk_of(*state, "    volumes: ['v:/data']\nvolumes: {v: {name: vee}}\n");
	struct buf wire = BUF_INIT;
	struct project *back;
	struct err err = ERR_INIT;

	project_to_wire(q.p, &wire);
	assert_int_equal(project_from_wire(wire.p, wire.len, &back, &err), 0);
	assert_int_equal(back->n_volumes, 1);
	assert_string_equal(back->volumes[0].name, "vee");
	assert_string_equal(back->services[0].mounts[0].source, "v");
	project_free(back);
	buf_done(&wire);
	done(&q);
}

/* What is a path of Windows, and no volume. */
static void test_drives(void **state)
{
	struct quirk q = quirk_of(*state, "    volumes: ['C:\\data:/data', 'D:/x:/y']\n");

	assert_int_equal(q.p->n_volumes, 0);
	assert_int_equal(q.s->mounts[0].type, MOUNT_BIND);
	assert_string_equal(q.s->mounts[1].source, "D:/x");
	done(&q);
}

static void test_ports(void **state)
{
	struct quirk q = quirk_of(*state,
		"    ports:\n      - {target: 80, published: 8080, mode: host}\n      - 8080:80\n      - {target: 81, published: 9-1}\n"
		"      - {target: 82, published: '82', protocol: UDP}\n");

	prints(&q, "\"published\": \"9-1\"");
	prints(&q, "\"protocol\": \"UDP\"");
	assert_int_equal(q.s->n_ports, 2);
	assert_int_equal(q.s->ports[0].published_min, 8080);
	assert_int_equal(q.s->ports[1].target, 82);
	assert_string_equal(q.s->ports[1].protocol, "udp");
	warns(&q, "it is not published");
	done(&q);
}

static void test_command(void **state)
{
	struct quirk q = quirk_of(*state, "    command: echo one && echo two\n");

	assert_int_equal(q.s->command.n, 2);
	warns(&q, "dropped");
	done(&q);
}

/* Printed oddly, or not at all, and meant as it is written. */
static void test_same_effect(void **state)
{
	struct quirk q = quirk_of(*state, "    ulimits: {core: 0}\n    mem_swappiness: 60\n    volumes: ['/a:/b:cached']\n"
					  "    x-note: {deep: 1}\n    develop: {}\n");

	prints(&q, "\"core\": {}");
	prints(&q, "\"mem_swappiness\": \"60\"");
	assert_int_equal(q.s->n_ulimits, 1);
	assert_int_equal(q.s->ulimits[0].soft, 0);
	assert_int_equal(q.s->ulimits[0].hard, 0);
	assert_int_equal(q.s->limits.mem_swappiness, 60);
	assert_string_equal(q.s->mounts[0].source, "/a");
	warns(&q, NULL);
	done(&q);
}

static void test_modes(void **state)
{
	struct quirk q = quirk_of(*state, "    configs: [{source: c, mode: 400}, {source: c, target: /t, mode: 0400},\n"
					  "      {source: c, target: /u, mode: 256}]\nconfigs: {c: {content: x}}\n");

	prints(&q, "\"mode\": \"0620\"");
	assert_int_equal(q.s->configs[0].mode, 0620);
	assert_int_equal(q.s->configs[1].mode, 0400);
	assert_int_equal(q.s->configs[2].mode, 0400);
	assert_int_equal(q.fx->d.n, 1);
	warns(&q, "'mode: 400' is a decimal number");
	done(&q);
}

static void test_device(void **state)
{
	struct quirk q = quirk_of(*state, "    volumes: ['one:/one']\n    devices: [':/dev/b', /dev/a]\n"
					  "volumes: {one: {driver_opts: {type: none, o: bind, device: ./here}}}\n");

	prints(&q, "\"device\": \"./here\"");
	for (size_t i = 0; i < q.p->volumes[0].driver_opts.n; i++)
		if (strcmp(q.p->volumes[0].driver_opts.v[i].key, "device") == 0)
			assert_int_equal(q.p->volumes[0].driver_opts.v[i].value[0], '/');
	assert_int_equal(q.s->n_devices, 1);
	warns(&q, "left out");
	done(&q);
}

static void test_empty_name(void **state)
{
	struct quirk q = quirk_of(*state, "    volumes: ['data:/d']\nvolumes: {data: {name: ''}}\n");

	prints(&q, "\"data\": {}");
	assert_string_equal(q.p->volumes[0].name, "q_data");
	warns(&q, "an empty name: 'q_data' is used");
	done(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		FX_TEST(test_letters),
		FX_TEST(test_letters_on_the_wire),
		FX_TEST(test_drives),
		FX_TEST(test_ports),
		FX_TEST(test_command),
		FX_TEST(test_same_effect),
		FX_TEST(test_modes),
		FX_TEST(test_device),
		FX_TEST(test_empty_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
