/* image_main.c - davit-image: the program that touches foreign archives. `davit` runs it; it says what
 *happens as one JSON object per line on standard output:
 *
 *	{"ev":"layer","digest":…,"state":"unpacked"|"present"}     not with --quiet
 *	{"ev":"warn","msg":…}
 *	{"ev":"loaded","ref":…,"id":…}                             without ref: the image has no name
 *	{"ev":"error","kind":…,"msg":…,"hint":…}                   last; exit status 1 */
#include <fcntl.h>
#include <sys/stat.h>

#include "pack/pack.h"
#include "util/auto.h"
#include "util/fd.h"
#include "util/json.h"
#include "util/log.h"
#include "util/str.h"

static const char usage[] = "usage: davit-image load --state-dir DIR [--quiet] -i FILE|-\n"
			    "Internal to davit: see 'davit load --help'.\n";

static void print_event(void *arg, const json_t *ev)
{
	const bool *quiet = arg;
	auto_free char *line = NULL;

	if (*quiet && str_eq(jx_str(ev, "ev"), "layer"))
		return;
	line = json_dumps(ev, JSON_COMPACT);
	if (line && fd_write_all(STDOUT_FILENO, line, strlen(line)) == 0)
		fd_write_all(STDOUT_FILENO, "\n", 1);
}

static int open_archive(const char *file, int *ret_fd, struct err *err)
{
	auto_close int fd = -1;
	struct stat st;

	if (STREQ(file, "-") && isatty(STDIN_FILENO)) {
		err_set(err, ERR_USAGE, "standard input is a terminal, not an archive");
		return err_hint(err, "name a file with -i FILE, or redirect one: < FILE");
	}
	fd = STREQ(file, "-") ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
			      : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "open '%s'", file);
	if (S_ISDIR(st.st_mode))
		return err_set(err, ERR_INPUT, "'%s' is a directory, not an archive", file);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int load(const char *state_dir, const char *file, bool quiet, struct err *err)
{
	auto_close int fd = -1;
	struct pack_load req = {
		.state_dir = state_dir,
		.name = STREQ(file, "-") ? "standard input" : file,
		.limits = PACK_LIMITS,
		.on_event = print_event,
		.arg = &quiet,
	};

	if (open_archive(file, &fd, err) < 0)
		return -1;
	req.fd = fd;
	return pack_load(&req, err);
}

static int fail(const struct err *err)
{
	auto_json json_t *ev = json_object();
	bool quiet = false;

	jx_set_str(ev, "ev", "error");
	jx_set_str(ev, "kind", err_kind_str(err->kind));
	jx_set_str(ev, "msg", err_msg(err));
	jx_set_str(ev, "hint", err->hint);
	print_event(&quiet, ev);
	return 1;
}

struct words {
	const char *state_dir, *file;
	bool quiet;
};

static int read_words(int argc, char **argv, struct words *w)
{
	if (argc < 2 || !STREQ(argv[1], "load"))
		return -1;
	for (int i = 2; i < argc; i++) {
		if (STREQ(argv[i], "--quiet"))
			w->quiet = true;
		else if (STREQ(argv[i], "--state-dir") && i + 1 < argc)
			w->state_dir = argv[++i];
		else if (STREQ(argv[i], "-i") && i + 1 < argc)
			w->file = argv[++i];
		else
			return -1;
	}
	return w->state_dir && w->file ? 0 : -1;
}

int main(int argc, char **argv)
{
	auto_err struct err err = ERR_INIT;
	struct words w = { 0 };

	if (argc == 2 && STREQ(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	if (read_words(argc, argv, &w) < 0) {
		fputs(usage, stderr);
		return 2;
	}
	if (getenv("DAVIT_DEBUG"))
		log_to(STDERR_FILENO, LOG_DEBUG, 0);
	return load(w.state_dir, w.file, w.quiet, &err) < 0 ? fail(&err) : 0;
}
