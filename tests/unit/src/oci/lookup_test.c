#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../../src/oci/lookup.h"
#include "../../../../src/oci/program.h"
#include "../../../../src/util/auto.h"
#include "../../../../src/util/json.h"
#include "../../../../src/util/path.h"

#if defined(__x86_64__)
enum { FIRST = 256, HERE = EM_X86_64, ELSEWHERE = EM_AARCH64 };
#else
enum { FIRST = 256, HERE = EM_AARCH64, ELSEWHERE = EM_X86_64 };
#endif

static char top[] = "/tmp/davit-lookup-XXXXXX";
static int root_fd;

static void make_of(const char *name, mode_t mode, const void *content, size_t n)
{
	auto_close int fd = openat(root_fd, name, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, mode);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, n), n);
	assert_int_equal(fchmod(fd, mode), 0);
}

static void make(const char *name, mode_t mode)
{
	Elf64_Ehdr e = { .e_ident = { 0177, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 }, .e_machine = HERE };

	make_of(name, mode, &e, sizeof e);
}

static void script(const char *name, const char *text)
{
	make_of(name, 0755, text, strlen(text));
}

/* A program that names its loader, in the second of its program headers. */
struct elf_file {
	Elf64_Ehdr e;
	Elf64_Phdr h[2];
	char name[64];
};

static struct elf_file dynamic(const char *loader)
{
	struct elf_file f = {
		.e = { .e_ident = { 0177, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 }, .e_machine = HERE,
		       .e_phoff = offsetof(struct elf_file, h), .e_phnum = 2, .e_phentsize = sizeof(Elf64_Phdr) },
		.h = { { .p_type = PT_LOAD }, { .p_type = PT_INTERP, .p_offset = offsetof(struct elf_file, name) } },
	};

	f.h[1].p_filesz = strlen(loader) + 1;
	snprintf(f.name, sizeof f.name, "%s", loader);
	return f;
}

static int set_up(void **state)
{
	if (!mkdtemp(top))
		return -1;
	root_fd = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	path_mkdirs(root_fd, "usr/bin", 0755, NULL);
	path_mkdirs(root_fd, "srv/tool", 0755, NULL);
	make("usr/bin/sh", 0755);
	make("usr/bin/data", 0644);
	make("srv/run", 0755);
	if (symlinkat("/usr/bin", root_fd, "bin") < 0 || symlinkat("/nowhere", root_fd, "usr/bin/gone") < 0)
		return -1;
	return 0;
}

static int tear_down(void **state)
{
	close(root_fd);
	return path_remove_tree(AT_FDCWD, top, NULL);
}

static void assert_found(const char *command, const char *cwd, const char *path, enum err_kind kind)
{
	auto_json json_t *process =
		json_pack("{s:[s],s:[s,s],s:s}", "args", command, "env", "A=b", path, "cwd", cwd);
	auto_err struct err err = ERR_INIT;

	assert_int_equal(lookup_command(root_fd, process, &err), kind ? -1 : 0);
	assert_int_equal(err.kind, kind);
	if (kind)
		assert_non_null(strstr(err_msg(&err), command));
}

static void looks_as_exec_does(void **state)
{
	assert_found("sh", "/", "PATH=/nowhere:/bin", ERR_NONE);
	assert_found("sh", "/", "B=c", ERR_NONE);
	assert_found("sh", "/usr", "PATH=bin", ERR_NONE);
	assert_found("run", "/srv", "PATH=", ERR_NONE);
	assert_found("/bin/sh", "/", "PATH=/x", ERR_NONE);
	assert_found("./run", "/srv", "PATH=/x", ERR_NONE);
	assert_found("nonesuch", "/", "PATH=/bin:/usr/bin", ERR_CMD_NOT_FOUND);
	assert_found("./nonesuch", "/", "PATH=/bin", ERR_CMD_NOT_FOUND);
	assert_found("gone", "/", "PATH=/bin", ERR_CMD_NOT_FOUND);
	assert_found("/usr/bin/sh/x", "/", "PATH=/bin", ERR_CMD_NOT_FOUND);
	assert_found("data", "/", "PATH=/bin", ERR_CMD_NOT_EXEC);
	assert_found("/srv/tool", "/", "PATH=/bin", ERR_CMD_NOT_EXEC);
}

#define RUNS(command) assert_found(command, "/srv", "PATH=/srv", ERR_NONE)
#define MISSES(command) assert_found(command, "/srv", "PATH=/srv", ERR_CMD_NOT_FOUND)
#define REFUSES(command) assert_found(command, "/srv", "PATH=/srv", ERR_CMD_NOT_EXEC)
#define IS_FOREIGN(command) assert_found(command, "/srv", "PATH=/srv", program_emulators() ? ERR_NONE : ERR_CMD_NOT_EXEC)

static void scripts_need_their_interpreter(void **state)
{
	char line[FIRST + 8];

	script("srv/good", "#!/bin/sh -e\n");
	RUNS("good");
	script("srv/blank", "#! \t/bin/sh");
	RUNS("blank");
	script("srv/relative", "#!run\n");              /* from the working directory, as the kernel has it */
	RUNS("relative");
	script("srv/bash", "#!/bin/bash\n");
	MISSES("bash");
	script("srv/carriage", "#!/bin/sh\r\n");
	MISSES("carriage");
	script("srv/data", "#!/bin/data\n");
	REFUSES("data");
	script("srv/of_bash", "#!/srv/bash\n");
	MISSES("of_bash");
	script("srv/itself", "#!/srv/itself\n");        /* what has no end is the kernel's to end */
	RUNS("itself");
	script("srv/nothing", "#!\n");
	RUNS("nothing");
	memset(line, 'x', sizeof line);
	memcpy(line, "#!/", 3);
	make_of("srv/long", 0755, line, sizeof line);   /* its name ends beyond what the kernel reads */
	RUNS("long");
	make_of("srv/cut", 0755, line, FIRST - 1);
	MISSES("cut");
}

static void elf_files_need_their_loader(void **state)
{
	struct elf_file f = dynamic("/bin/sh");

	make_of("srv/good.elf", 0755, &f, sizeof f);
	RUNS("good.elf");
	f = dynamic("/lib/ld-nowhere.so.1");
	make_of("srv/musl", 0755, &f, sizeof f);
	MISSES("musl");
	script("srv/of_musl", "#!/srv/musl\n");
	MISSES("of_musl");
	f.e.e_machine = ELSEWHERE;
	make_of("srv/far", 0755, &f, sizeof f);
	IS_FOREIGN("far");
	script("srv/of_far", "#!/srv/far\n");
	IS_FOREIGN("of_far");
	script("srv/text", "echo hello\n");
	IS_FOREIGN("text");
	script("srv/empty", "");
	IS_FOREIGN("empty");
	script("srv/short", "\177ELF\1\1\1");
	IS_FOREIGN("short");
}

/* Headers that lie: nothing is said of them, and nothing read beyond what is there. */
static void damaged_elf_files_are_left_to_the_kernel(void **state)
{
	const struct elf_file good = dynamic("/lib/ld-nowhere.so.1");
	struct elf_file bad[10];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		bad[i] = good;
	bad[0].e.e_phoff = UINT64_MAX;
	bad[1].e.e_phoff = sizeof good - 1;
	bad[2].e.e_phentsize = 1;
	bad[3].e.e_phnum = UINT16_MAX;
	bad[4].e.e_phnum = 0;
	bad[5].h[1].p_offset = UINT64_MAX;
	bad[6].h[1].p_filesz = UINT64_MAX;
	bad[7].h[1].p_filesz = 1;
	bad[8].h[1].p_filesz--;                          /* no NUL at its end */
	bad[9].h[1].p_offset = sizeof good - 2;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		make_of("srv/bad", 0755, &bad[i], sizeof bad[i]);
		RUNS("bad");
	}
	for (size_t n = sizeof good.e; n < sizeof good - sizeof good.name + good.h[1].p_filesz; n++) {
		make_of("srv/bad", 0755, &good, n);
		RUNS("bad");
	}
}

/* Nothing is opened that might keep us waiting, or lies outside. */
static void only_regular_files_are_opened(void **state)
{
	assert_int_equal(mkfifoat(root_fd, "srv/fifo", 0755), 0);
	REFUSES("/srv/fifo");
	script("srv/of_fifo", "#!/srv/fifo\n");
	REFUSES("of_fifo");
	assert_int_equal(symlinkat("/../../../../../bin/bash", root_fd, "srv/out"), 0);
	MISSES("/srv/out");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_as_exec_does),
		cmocka_unit_test(scripts_need_their_interpreter),
		cmocka_unit_test(elf_files_need_their_loader),
		cmocka_unit_test(damaged_elf_files_are_left_to_the_kernel),
		cmocka_unit_test(only_regular_files_are_opened),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
