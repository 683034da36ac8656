/* Any bytes as a compose file, through all of `config`: refused with a reason, or a model that can be printed and that its wire form
 * gives back. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../compose/project.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
	if (!ok)
		__builtin_trap();
}

/* A name under which the bytes can be read as a file. */
static const char *as_file(const uint8_t *data, size_t size)
{
	static char name[64];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("compose.yaml", MFD_CLOEXEC);
		snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	}
	require(fd >= 0 && ftruncate(fd, 0) == 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	return name;
}

static void check_project(const struct project *p)
{
	struct buf json = BUF_INIT, yaml = BUF_INIT, wire = BUF_INIT, again = BUF_INIT;
	struct project *back = NULL;
	struct err err = ERR_INIT;

	project_dump_json(p, &json, NULL);
	project_dump_yaml(p, &yaml);
	project_to_wire(p, &wire);
	require(project_from_wire(wire.p, wire.len, &back, &err) == 0);
	project_to_wire(back, &again);
	require(again.len == wire.len && memcmp(again.p, wire.p, wire.len) == 0);
	project_free(back);
	buf_done(&json);
	buf_done(&yaml);
	buf_done(&wire);
	buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const environ_list[] = { "TAG=1.2", "PORT=8080", "EMPTY=", NULL };
	struct compose_opts opts = { .project_name = "fuzz", .project_directory = "/nowhere", .environ = environ_list };
	struct diag d = DIAG_INIT;
	struct project *p = NULL;
	int r;

	strs_add(&opts.files, as_file(data, size));
	r = compose_load(&opts, &d, &p);
	require((r < 0) == diag_failed(&d));
	if (r == 0) {
		check_project(p);
		project_free(p);
	}
	diag_done(&d);
	strs_done(&opts.files);
	return 0;
}
