/* `load` is done by davit-image, the one program that touches foreign archives; this side starts it and
 * says what it says. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../image/image.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/proc.h"
#include "view.h"

struct load_opts {
	const char *input;
	bool quiet;
};

static const struct opt load_flags[] = {
	{ 'i', "input", OPT_STRING, offsetof(struct load_opts, input),
	  "archive to read instead of standard input", "FILE" },
	{ 'q', "quiet", OPT_BOOL, offsetof(struct load_opts, quiet), "do not show the layers" },
	{ 0, "platform", OPT_REFUSED, 0, "davit loads the image for this machine" },
	{ 0 }
};

/* Beside this program, or where it was installed to. */
static int find_helper(char **ret, struct err *err)
{
	static const char *const places[] = { "davit-image", "../libexec/davit/davit-image" };
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	if (n < 0)
		return err_sys(err, errno, "find this program");
	self[n] = 0;
	slash = strrchr(self, '/');      /* also cuts off " (deleted)": replaced by a newer one meanwhile */
	if (slash)
		*slash = 0;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		auto_free char *path = xasprintf("%s/%s", self, places[i]);

		if (access(path, X_OK) == 0) {
			*ret = take(path);
			return 0;
		}
	}
	err_set(err, ERR_NOT_FOUND, "'davit-image' is not installed beside 'davit'");
	return err_hint(err, "install davit again: 'make install'");
}

static void on_loaded(struct cli *c, const json_t *ev)
{
	const char *name = jx_str(ev, "ref"), *id = jx_str(ev, "id");
	struct image_ref ref = { 0 };

	if (!name) {
		ui_print(&c->ui, "Loaded image ID: %s\n", id ? id : "");
		return;
	}
	if (ref_parse(name, &ref, NULL) == 0) {
		auto_free char *familiar = ref_familiar(&ref);

		ui_print(&c->ui, "Loaded image: %s\n", familiar);
		ref_done(&ref);
		return;
	}
	ui_print(&c->ui, "Loaded image: %s\n", name);
}

static int on_line(struct cli *c, struct progress *p, const char *line, size_t n, struct err *err)
{
	auto_json json_t *ev = NULL;
	const char *kind;
	char id[16];

	if (jx_parse(line, n, &ev, err) < 0)
		return err_wrap(err, "davit-image");
	kind = jx_str(ev, "ev");
	if (str_eq(kind, "layer") && p) {
		progress_step(p, "layer", view_short_id(jx_str(ev, "digest"), id),
			      str_eq(jx_str(ev, "state"), "present") ? "Exists" : "Unpacked", NULL);
		progress_draw(p);
	} else if (str_eq(kind, "warn")) {
		if (p)
			progress_hide(p);
		ui_warn(&c->ui, "%s", jx_str(ev, "msg") ? jx_str(ev, "msg") : "");
	} else if (str_eq(kind, "loaded")) {
		on_loaded(c, ev);
	} else if (str_eq(kind, "error")) {
		err_set(err, err_kind_parse(jx_str(ev, "kind") ? jx_str(ev, "kind") : ""), "%s",
			jx_str(ev, "msg") ? jx_str(ev, "msg") : "davit-image failed");
		return jx_str(ev, "hint") ? err_hint(err, "%s", jx_str(ev, "hint")) : -1;
	}
	return 0;
}

enum { LINE_MAX_BYTES = 1 << 20 };

static int read_lines(struct cli *c, struct progress *p, int fd, struct err *err)
{
	auto_buf struct buf in = BUF_INIT;
	char room[4096];
	ssize_t n;
	int r = 0;

	while ((n = read(fd, room, sizeof room)) != 0) {
		char *end;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "read from davit-image");
		buf_add(&in, room, (size_t)n);
		while (r == 0 && (end = memchr(in.p, '\n', in.len))) {
			r = on_line(c, p, in.p, (size_t)(end - in.p), err);
			buf_consume(&in, (size_t)(end - in.p) + 1);
		}
		if (r < 0 || in.len > LINE_MAX_BYTES)
			return r < 0 ? -1 : err_set(err, ERR_PROTO, "davit-image speaks nonsense");
	}
	return 0;
}

static int start(const char *program, const char *state, const struct load_opts *o, int *ret_fd,
		 struct child *ret, struct err *err)
{
	const char *argv[] = { program,
			       "load",
			       "--state-dir",
			       state,
			       "-i",
			       o->input ? o->input : "-",
			       o->quiet ? "--quiet" : NULL,
			       NULL };
	auto_close int in = -1, out = -1;
	int ends[2];
	struct spawn s;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	in = ends[0];
	out = ends[1];
	s = (struct spawn){ .argv = argv, .stdio = { STDIN_FILENO, out, STDERR_FILENO } };
	if (proc_spawn(&s, ret, err) < 0)
		return -1;
	*ret_fd = take_fd(&in);
	return 0;
}

static int load_run(struct cli *c, const void *opts, struct err *err)
{
	const struct load_opts *o = opts;
	auto_free char *program = NULL;
	auto_close int out = -1;
	struct progress *p = NULL;
	struct child child;
	int r, status = 0;

	if (find_helper(&program, err) < 0 || start(program, c->dirs.state, o, &out, &child, err) < 0)
		return -1;
	if (!o->quiet && c->ui.progress == PROGRESS_TTY)
		p = progress_new(&c->ui, "Loading");
	r = read_lines(c, p, out, err);
	progress_free(p);
	close(take_fd(&out));            /* what it still says is of no use */
	if (proc_wait(&child, -1, "davit-image", &status, r < 0 ? NULL : err) < 0 || r < 0)
		return -1;
	if (status)
		return err_set(err, ERR_FAIL, "davit-image ended with status %d", status);
	return 0;
}

const struct cmd cmd_load = {
	.name = "load",
	.args = "",
	.summary = "take images from an archive made by docker save, skopeo or buildah",
	.needs = NEED_ROOT,
	.opts = load_flags,
	.opts_size = sizeof(struct load_opts),
	.run = load_run,
};
