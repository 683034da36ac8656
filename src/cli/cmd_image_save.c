#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/hash.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "image_cmds.h"
#include "imager.h"

struct save_opts {
	const char *output, *platform;
};

static const struct opt save_flags[] = {
	{ 'o', "output", OPT_STRING, offsetof(struct save_opts, output), "file to write instead of standard output", "FILE" },
	{ 0, "platform", OPT_STRING, offsetof(struct save_opts, platform), "of an image that is there for several: this one", "OS/ARCH" },
	{ 0 }
};

static int save_to(struct cli *c, const struct save_opts *o, int fd, struct err *err)
{
	struct imager what = { .verb = "save", .request = json_pack("{s:o}", "names", jx_texts(c->args.v, c->args.n)), .input_fd = -1, .output_fd = fd };

	jx_set_str(what.request, "platform", o->platform);
	return imager_run(c, &what, err);
}

/* What has no name yet goes with whoever is killed; where the file system knows no such files, it has one. */
static int open_beside(const char *output, const char *beside, bool *ret_named)
{
	const char *slash = strrchr(output, '/');
	auto_free char *dir = slash ? xstrndup(output, (size_t)(slash - output) + 1) : xstrdup(".");
	int fd = open(dir, O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);

	*ret_named = fd < 0;
	return fd >= 0 ? fd : open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
}

static int name_it(int fd, const char *beside, const char *output, bool *named)
{
	auto_free char *path = xasprintf("/proc/self/fd/%d", fd);

	if (!*named && linkat(AT_FDCWD, path, AT_FDCWD, beside, AT_SYMLINK_FOLLOW) < 0)
		return -1;
	*named = true;
	return rename(beside, output);
}

/* A file is whole or not there: it is written beside, and renamed. */
static int save_to_file(struct cli *c, const struct save_opts *o, struct err *err)
{
	auto_free char *beside = NULL;
	auto_close int fd = -1;
	char random[17];
	bool named;

	hash_random_hex(8, random);
	beside = xasprintf("%s.%s", o->output, random);
	fd = open_beside(o->output, beside, &named);
	if (fd < 0)
		return err_sys(err, errno, "write '%s'", o->output);
	if (save_to(c, o, fd, err) == 0 && name_it(fd, beside, o->output, &named) == 0)
		return 0;
	if (!err->kind)
		err_sys(err, errno, "write '%s'", o->output);
	if (named)
		unlink(beside);
	return -1;
}

/* A device or a pipe, say. */
static int save_to_other(struct cli *c, const struct save_opts *o, struct err *err)
{
	auto_close int fd = open(o->output, O_WRONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return err_sys(err, errno, "write '%s'", o->output);
	return save_to(c, o, fd, err);
}

static int save_run(struct cli *c, const void *opts, struct err *err)
{
	const struct save_opts *o = opts;
	auto_close int fd = -1;
	struct stat st;

	if (o->output && !STREQ(o->output, "-"))
		return stat(o->output, &st) < 0 || S_ISREG(st.st_mode) ? save_to_file(c, o, err) : save_to_other(c, o, err);
	if (isatty(STDOUT_FILENO)) {
		err_set(err, ERR_USAGE, "standard output is a terminal: no archive is written to it");
		return err_hint(err, "name a file with -o FILE, or redirect it: > FILE");
	}
	fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);   /* its own one is where events come */
	return fd < 0 ? err_sys(err, errno, "standard output") : save_to(c, o, fd, err);
}

const struct cmd cmd_image_save = {
	.name = "image save", .args = "IMAGE...", .summary = "write images to an archive that davit, docker, podman and skopeo load",
	.needs = NEED_ROOT, .min_args = 1, .max_args = -1, .opts = save_flags, .opts_size = sizeof(struct save_opts), .run = save_run,
};
