/* verb_load.c - an archive of images goes into the store.
 *
 *	"file": its name, or "-" for standard input
 *	"platform": the one to take of several, "linux/arm64"; absent: this machine's
 *
 *	{"ev":"layer","digest","state":"unpacked"|"present"}
 *	{"ev":"warn","msg"}
 *	{"ev":"loaded","ref","id"}                                 without ref: the image has no name */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../pack/pack.h"
#include "../util/auto.h"
#include "../util/json.h"
#include "../util/str.h"
#include "verb.h"

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

static int load_run(const json_t *request, int output_fd, struct err *err)
{
	auto_close int fd = -1;
	struct pack_load what = { .limits = PACK_LIMITS, .on_event = verb_on_event };
	const char *file, *platform = jx_str(request, "platform");
	struct platform want;

	if (jx_need_str(request, "file", &file, err) < 0 || open_archive(file, &fd, err) < 0)
		return -1;
	if (platform && platform_parse(platform, &want, err) < 0)
		return -1;
	what.platform = platform ? &want : NULL;
	what.state_dir = jx_str(request, "state_dir");
	what.name = STREQ(file, "-") ? "standard input" : file;
	what.fd = fd;
	return pack_load(&what, err);
}

const struct verb verb_load = { "load", load_run };
