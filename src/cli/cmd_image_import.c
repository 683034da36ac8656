#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/json.h"
#include "image_cmds.h"
#include "imager.h"

struct import_opts {
	struct strs changes;
	const char *message, *platform;
};

static const struct opt import_flags[] = {
	{ 'c', "change", OPT_STRS, offsetof(struct import_opts, changes), "line of a Dockerfile: CMD, ENV, EXPOSE, USER, WORKDIR, …", "LINE" },
	{ 'm', "message", OPT_STRING, offsetof(struct import_opts, message), "comment of the image" },
	{ 0, "platform", OPT_STRING, offsetof(struct import_opts, platform), "what the image is for; else this machine", "OS/ARCH" },
	{ 0 }
};

static int open_input(const char *file, int *ret_fd, struct err *err)
{
	auto_close int fd = -1;
	struct stat st;

	if (str_starts(file, "http://") || str_starts(file, "https://")) {
		err_set(err, ERR_USAGE, "'%s': nothing is fetched by import", file);
		return err_hint(err, "'curl -f %s | davit image import - NAME'", file);
	}
	if (STREQ(file, "-") && isatty(STDIN_FILENO)) {
		err_set(err, ERR_USAGE, "standard input is a terminal, not an archive");
		return err_hint(err, "name a file, or redirect one: < FILE");
	}
	fd = STREQ(file, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3) : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open '%s'", file);
	if (S_ISDIR(st.st_mode)) {
		err_set(err, ERR_INPUT, "'%s' is a directory, not an archive", file);
		return err_hint(err, "'tar -C %s -c . | davit image import - NAME'", file);
	}
	*ret_fd = take_fd(&fd);
	return 0;
}

static int on_event(void *arg, const json_t *ev, struct err *err)
{
	struct cli *c = arg;

	if (str_eq(jx_str(ev, "ev"), "warn"))
		ui_warn(&c->ui, "%s", jx_str(ev, "msg"));
	else if (str_eq(jx_str(ev, "ev"), "imported"))
		ui_print(&c->ui, "%s\n", jx_str(ev, "id"));
	return 0;
}

static int import_run(struct cli *c, const void *opts, struct err *err)
{
	const struct import_opts *o = opts;
	const char *file = c->args.v[0];
	struct imager what = {
		.verb = "import", .request = json_pack("{s:o}", "changes", jx_texts(o->changes.v, o->changes.n)),
		.output_fd = -1, .on_event = on_event, .arg = c,
	};
	auto_close int fd = -1;

	jx_set_str(what.request, "name", STREQ(file, "-") ? "-" : file);
	jx_set_str(what.request, "ref", c->args.n > 1 ? c->args.v[1] : NULL);
	jx_set_str(what.request, "message", o->message);
	jx_set_str(what.request, "platform", o->platform);
	if (open_input(file, &fd, err) < 0) {
		json_decref(what.request);
		return -1;
	}
	what.input_fd = fd;
	return imager_run(c, &what, err);
}

const struct cmd cmd_image_import = {
	.name = "image import", .args = "FILE|- [REPOSITORY[:TAG]]", .summary = "make an image of a root file system in a tar archive",
	.details = "The archive may be compressed with gzip, bzip2, xz or zstd.",
	.needs = NEED_ROOT, .min_args = 1, .max_args = 2, .opts = import_flags, .opts_size = sizeof(struct import_opts), .run = import_run,
};
