/* fake.h - tests/fake/registry beside a test, on loopback, and a client that asks it: `fake` and `reg` below, made anew for each test but
 * for the first process, which all tests of a program share. Texts of JSON are written with ' for ", so that they can be read. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <event2/event.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/reg/creds.h"
#include "../../../../src/reg/places.h"
#include "../../../../src/reg/reg.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/buf.h"
#include "../../../../src/util/clock.h"
#include "../../../../src/util/hash.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/mem.h"
#include "../../../../src/util/path.h"
#include "../../../../src/util/proc.h"
#include "../../../../src/util/str.h"

enum { BLOB_SIZE = 1 << 20, WAIT_S = 30 };

struct fake {
	char name[16];     /* of its files below the scratch directory */
	struct child child;
	unsigned port;
	char host[64];     /* "127.0.0.1:PORT" */
};
static char fake_top[64];
static struct fake fake;
static char blob_digest[80], manifest_digest[80];
static char *blob_text;

static struct event_base *base;
static struct reg *reg;
static struct reg_place at; /* fake, repository "app" */
static struct buf told;

/* ------------------------------------------------------------------ files */

static inline char *fake_path(const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT;
	va_list ap;

	buf_printf(&b, "%s/", fake_top);
	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	return buf_take(&b);
}

static inline void fake_write(const char *name, const void *text, size_t n)
{
	auto_free char *path = fake_path("%s", name), *dir = xstrdup(path);

	*strrchr(dir, '/') = 0;
	assert_int_equal(path_mkdirs(AT_FDCWD, dir, 0755, NULL), 0);
	assert_int_equal(path_write(AT_FDCWD, path, text, n, 0644, 0, NULL), 0);
}

static inline void fake_blob(const char *repository, const void *text, size_t n, char digest[static 80])
{
	char hex[HASH_HEX_LEN + 1];
	auto_free char *name = NULL;

	hash_sha256_hex(text, n, hex);
	snprintf(digest, 80, "sha256:%s", hex);
	name = xasprintf("data/%s/blobs/sha256/%s", repository, hex);
	fake_write(name, text, n);
}

/* Repository "app": tag "1" is a manifest, and there is a blob of BLOB_SIZE. */
static inline void fake_layout(void)
{
	const char *text = "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\"}";
	auto_free char *index = NULL;
	uint32_t seed = 1;

	blob_text = xmalloc(BLOB_SIZE);
	for (size_t i = 0; i < BLOB_SIZE; i++)
		blob_text[i] = (char)((seed = seed * 1664525 + 1013904223) >> 24);
	fake_blob("app", blob_text, BLOB_SIZE, blob_digest);
	fake_blob("app", text, strlen(text), manifest_digest);
	index = xasprintf("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":"
			  "\"%s\",\"size\":%zu,\"annotations\":{\"org.opencontainers.image.ref.name\":\"1\"}}]}",
		manifest_digest, strlen(text));
	fake_write("data/app/index.json", index, strlen(index));
}

/* ------------------------------------------------------------------ the process */

static inline void conf_of(const struct fake *f, const char *text)
{
	auto_free char *json = xstrdup(text), *name = xasprintf("%s.conf", f->name);

	for (char *p = json; *p; p++)
		*p = *p == '\'' ? '"' : *p;
	fake_write(name, json, strlen(json));
}

static inline void conf(const char *fmt, ...)
{
	auto_buf struct buf b = BUF_INIT;
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&b, fmt, ap);
	va_end(ap);
	conf_of(&fake, b.p);
}

/* more: further arguments, NULL-terminated. */
static inline void fake_start(struct fake *f, const char *name, const char *address, const char *const *more)
{
	auto_free char *conf_file = fake_path("%s.conf", name), *log = fake_path("%s.log", name), *data = fake_path("data");
	const char *argv[24] = { "tests/fake/registry", "--conf", conf_file, "--log", log, "--host", address };
	struct spawn s = { .argv = argv, .stdio = { -1, -1, 2 }, .die_with_parent = true };
	auto_err struct err err = ERR_INIT;
	size_t n = 7, len = 0;
	char line[64];
	ssize_t got;
	int out[2];

	while (more && *more)
		argv[n++] = *more++;
	argv[n] = data;
	snprintf(f->name, sizeof f->name, "%s", name);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	s.stdio[1] = out[1];
	if (proc_spawn(&s, &f->child, &err) < 0)
		fail_msg("%s", err_msg(&err));
	close(out[1]);
	while (!memchr(line, '\n', len) && (got = read(out[0], line + len, sizeof line - 1 - len)) > 0)
		len += (size_t)got;
	close(out[0]);
	line[len] = 0;
	assert_int_equal(sscanf(line, "port %u", &f->port), 1);
	snprintf(f->host, sizeof f->host, "%s:%u", address, f->port);
}

static inline void fake_stop(struct fake *f)
{
	int status;

	proc_pidfd_signal(f->child.pidfd, SIGKILL);
	proc_wait(&f->child, -1, f->name, &status, NULL);
	close(f->child.pidfd);
}

/* ------------------------------------------------------------------ what it was asked */

static inline json_t *log_of(const struct fake *f)
{
	auto_free char *name = fake_path("%s.log", f->name);
	auto_buf struct buf text = BUF_INIT;
	json_t *all = json_array();

	if (path_read(AT_FDCWD, name, 64 << 20, &text, NULL) < 0 || !text.p)
		return all;
	for (char *line = text.p, *end; (end = strchr(line, '\n')); line = end + 1) {
		json_t *j = NULL;

		assert_int_equal(jx_parse(line, (size_t)(end - line), &j, NULL), 0);
		json_array_append_new(all, j);
	}
	return all;
}

static inline void log_clear(const struct fake *f)
{
	auto_free char *name = fake_path("%s.log", f->name);

	if (truncate(name, 0) < 0)
		unlink(name);
}

static inline bool is_asked(const json_t *line, const char *what)
{
	auto_free char *text = xasprintf("%s %s", jx_str(line, "method"), jx_str(line, "path"));

	return strstr(text, what) != NULL;
}

/* How often something was asked whose "METHOD PATH" contains what. */
static inline int count_asked(const struct fake *f, const char *what)
{
	auto_json json_t *all = log_of(f);
	const json_t *line;
	size_t i;
	int n = 0;

	json_array_foreach (all, i, line)
		n += is_asked(line, what);
	return n;
}

/* A field of the n-th such request, counted from 0; malloc'ed; NULL: it had none. */
static inline char *field_of(const struct fake *f, const char *what, int n, const char *field)
{
	auto_json json_t *all = log_of(f);
	const json_t *line;
	size_t i;

	json_array_foreach (all, i, line)
		if (is_asked(line, what) && n-- == 0)
			return xstrdup(jx_str(jx_obj(line, "headers"), field));
	fail_msg("nobody asked for %s so often", what);
	return NULL;
}

/* ------------------------------------------------------------------ calls and their ends */

struct end {
	bool come;
	struct err err;
	struct buf text;   /* of a document */
	char type[128], hex[65];
	struct reg_call *call;
};

static inline void end_done(struct end *e)
{
	err_done(&e->err);
	buf_done(&e->text);
}
#define auto_end __attribute__((cleanup(end_done)))

static inline void on_end(void *arg, const struct err *err)
{
	struct end *e = arg;

	assert_false(e->come);
	e->come = true;
	if (err)
		err_copy(&e->err, err);
}

static inline void on_doc(void *arg, const struct reg_doc *doc, const struct err *err)
{
	struct end *e = arg;

	on_end(arg, err);
	assert_true(!doc == !!err);
	if (doc && doc->text)
		buf_add(&e->text, doc->text, doc->size);
	if (doc) {
		snprintf(e->type, sizeof e->type, "%s", doc->type);
		snprintf(e->hex, sizeof e->hex, "%s", doc->hex);
	}
}

static inline void wait_end(struct end *e)
{
	int64_t until = clock_mono_in(WAIT_S * 1000);

	while (!e->come) {
		struct timeval in = { 1, 0 };

		event_base_loopexit(base, &in);
		event_base_loop(base, EVLOOP_ONCE);
		if (clock_mono_ns() > until)
			fail_msg("no end after %d s", WAIT_S);
	}
}

static inline const char *text_of(struct end *e)
{
	return e->err.kind ? err_msg(&e->err) : "";
}

static inline void assert_good(struct end *e)
{
	wait_end(e);
	if (e->err.kind)
		fail_msg("%s", err_msg(&e->err));
}

static inline void assert_bad(struct end *e, enum err_kind kind, const char *words)
{
	wait_end(e);
	if (!e->err.kind || !strstr(err_msg(&e->err), words))
		fail_msg("'%s' is not in '%s'", words, text_of(e));
	if (e->err.kind != kind)
		fail_msg("'%s' is %s", err_msg(&e->err), err_kind_str(e->err.kind));
}

static inline void get_manifest(struct end *e, const struct reg_place *where, const char *what)
{
	auto_err struct err err = ERR_INIT;

	if (reg_get_manifest(reg, where, what, on_doc, e, &e->call, &err) < 0)
		fail_msg("%s", err_msg(&err));
	assert_false(e->come);
}

static inline int memory_file(void)
{
	return memfd_create("blob", MFD_CLOEXEC);
}

static inline void assert_is_blob(int fd)
{
	auto_free char *text = xmalloc(BLOB_SIZE + 1);

	assert_int_equal(pread(fd, text, BLOB_SIZE + 1, 0), BLOB_SIZE);
	assert_memory_equal(text, blob_text, BLOB_SIZE);
}

static inline void get_blob(struct end *e, const struct reg_place *where, int fd)
{
	struct reg_blob b = { .at = where, .digest = blob_digest, .size = BLOB_SIZE, .fd = fd, .done = on_end, .arg = e };
	auto_err struct err err = ERR_INIT;

	if (reg_get_blob(reg, &b, &e->call, &err) < 0)
		fail_msg("%s", err_msg(&err));
	assert_false(e->come);
}

/* ------------------------------------------------------------------ set-up */

static inline void on_told(void *arg, const char *text)
{
	buf_printf(&told, "%s\n", text);
}

static inline struct reg_place place(const struct fake *f, const char *repository)
{
	return (struct reg_place){ .host = (char *)f->host,
		.ref = { .registry = (char *)f->host, .repository = (char *)repository, .tag = (char *)"1" },
		.plain_http = true };
}

/* Anew, with these limits; the usual ones are long enough for a busy machine. */
static inline void new_reg_with(unsigned connect_s, unsigned idle_s, unsigned window_ms)
{
	struct reg_opts opts = { base, on_told, NULL, connect_s, idle_s, window_ms, 20 };

	reg_free(reg);
	assert_int_equal(reg_new(&opts, &reg, NULL), 0);
}

static inline void new_reg(void)
{
	new_reg_with(20, 20, 0);
}

static inline int each_begin(void **state)
{
	conf("{}");
	log_clear(&fake);
	base = event_base_new();
	new_reg();
	at = place(&fake, "app");
	return 0;
}

static inline int each_end(void **state)
{
	reg_free(reg);
	reg = NULL;
	event_base_free(base);
	buf_done(&told);
	return 0;
}

static inline int all_begin(void **state)
{
	snprintf(fake_top, sizeof fake_top, "/tmp/reg-test-XXXXXX");
	if (!mkdtemp(fake_top))
		return -1;
	fake_layout();
	fake_start(&fake, "one", "127.0.0.1", NULL);
	return 0;
}

static inline int all_end(void **state)
{
	fake_stop(&fake);
	free(blob_text);
	return path_remove_tree(AT_FDCWD, fake_top, NULL);
}

static inline void be(const struct reg_place *where, const char *user, const char *password)
{
	struct reg_creds c = { .user = (char *)user, .password = (char *)password, .from = (char *)"the test" };

	reg_use_creds(reg, where, &c);
}

#define reg_test(f) cmocka_unit_test_setup_teardown(f, each_begin, each_end)
