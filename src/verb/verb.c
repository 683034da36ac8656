#include "verb.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/fd.h"
#include "../util/json.h"
#include "../util/log.h"
#include "../util/mem.h"
#include "../util/str.h"

enum { REQUEST_MAX = 16 << 20 };

static const struct verb *const verbs[] = {
	&verb_check,
	&verb_extract,
	&verb_import,
	&verb_load,
	&verb_login,
	&verb_logout,
	&verb_pull,
	&verb_push,
	&verb_remove,
	&verb_save,
	&verb_tag,
	&verb_take,
	&verb_unpack,
	&verb_usage,
};

static const char usage[] = "usage: davit-image VERB REQUEST-FD [OUTPUT-FD]\n"
			    "Internal to davit: see 'davit --help'.\n";

void verb_on_event(void *arg, const json_t *ev)
{
	auto_free char *line = json_dumps(ev, JSON_COMPACT);
	auto_buf struct buf b = BUF_INIT;

	if (!line)
		return;
	buf_str(&b, line);
	buf_char(&b, '\n');
	fd_write_all(STDOUT_FILENO, b.p, b.len);
}

void verb_emit(json_t *ev)
{
	verb_on_event(NULL, ev);
	json_decref(ev);
}

/* What fills up is the disk of the store, but for what goes where its user wants it. */
static void name_disk(const struct verb *v, const json_t *request, struct err *err)
{
	auto_free char *where = xasprintf("%s/images", jx_str(request, "state_dir"));

	if (v != &verb_save && v != &verb_extract)
		err_hint_room(err, where);
}

static int fail(const struct err *err)
{
	json_t *ev = json_object();

	jx_set_str(ev, "ev", "error");
	jx_set_str(ev, "kind", err_kind_str(err->kind));
	jx_set_str(ev, "msg", err_msg(err));
	jx_set_str(ev, "hint", err->hint);
	verb_emit(ev);
	return 1;
}

static int read_request(int fd, json_t **ret, struct err *err)
{
	auto_buf struct buf text = BUF_INIT;
	const char *state_dir;
	ssize_t n;
	int r;

	while ((n = read(fd, buf_room(&text, 64 << 10), 64 << 10)) > 0 && text.len <= REQUEST_MAX)
		text.len += (size_t)n;
	if (n < 0)
		return err_sys(err, errno, "read the request");
	if (text.len > REQUEST_MAX)
		return err_set(err, ERR_INPUT, "the request has more than %d MiB", REQUEST_MAX >> 20);
	r = jx_parse(text.p, text.len, ret, err);
	if (text.p)
		explicit_bzero(text.p, text.len);
	return r < 0 ? -1 : jx_need_str(*ret, "state_dir", &state_dir, err);
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
		if (STREQ(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

static int parse_fd(const char *text, int *ret)
{
	unsigned fd;

	if (str_uint(text, 3, INT32_MAX, &fd) < 0 || fd_cloexec((int)fd, 1) < 0)
		return -1;
	*ret = (int)fd;
	return 0;
}

int verb_main(int argc, char **argv)
{
	auto_err struct err err = ERR_INIT;
	auto_json json_t *request = NULL;
	const struct verb *v = argc > 2 && argc < 5 ? find_verb(argv[1]) : NULL;
	int in = -1, out = -1;

	if (argc == 2 && STREQ(argv[1], "--help"))
		return fputs(usage, stdout) < 0;
	if (!v || parse_fd(argv[2], &in) < 0 || (argc == 4 && parse_fd(argv[3], &out) < 0)) {
		fputs(usage, stderr);
		return 2;
	}
	signal(SIGXFSZ, SIG_IGN); /* a limit for files (ulimit -f) is then an error that names one */
	if (getenv("DAVIT_DEBUG"))
		log_to(STDERR_FILENO, LOG_DEBUG, 0);
	if (read_request(in, &request, &err) < 0)
		return fail(&err);
	close(in);
	if (v->run(request, out, &err) == 0)
		return 0;
	name_disk(v, request, &err);
	return fail(&err);
}
