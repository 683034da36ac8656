#include "program.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/path.h"
#include "../util/str.h"

enum {
	FIRST_BYTES = 256,               /* BINPRM_BUF_SIZE: all that the kernel reads of a script */
	SCRIPTS_MAX = 5,                 /* interpreters that are scripts themselves */
	HEADERS_MAX = 1024,
};

#if defined(__x86_64__)
static const unsigned machines[] = { EM_X86_64, EM_386 };
#elif defined(__aarch64__)
static const unsigned machines[] = { EM_AARCH64, EM_ARM };
#else
#error "add the architecture's own ELF machines, with those that its kernel may run besides"
#endif

int program_open(int root_fd, const char *cwd, const char *path)
{
	auto_free char *whole = path_join(cwd, path);
	int fd = path_open_in_root(root_fd, whole, O_PATH, 0);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || (S_ISREG(st.st_mode) && (st.st_mode & 0111)))
		return fd;
	close(fd);
	errno = ENOEXEC;
	return -1;
}

/* Nothing there: nobody has mounted it. */
bool program_emulators(void)
{
	auto_closedir DIR *d = opendir("/proc/sys/fs/binfmt_misc");
	bool found = !d && errno != ENOENT;

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		found |= e->d_name[0] != '.' && !STREQ(e->d_name, "register") && !STREQ(e->d_name, "status");
	return found;
}

/* ------------------------------------------------------------------ scripts */

/* What stands behind "#!" (binfmt_script.c); NULL: nothing, or more than the kernel reads. buf has FIRST_BYTES and a NUL. */
static char *script_interpreter(const char *buf)
{
	const char *from = buf + 2 + strspn(buf + 2, " \t");
	size_t n = strcspn(from, " \t\n");

	return n && from + n < buf + FIRST_BYTES ? xstrndup(from, n) : NULL;
}

/* ------------------------------------------------------------------ ELF */

struct elf {
	unsigned machine;
	uint64_t headers;                /* where the program headers are */
	size_t n, size;                  /* how many, of how many bytes */
};

static bool read_at(int fd, void *to, size_t n, uint64_t at)
{
	return at <= INT64_MAX - n && pread(fd, to, n, (off_t)at) == (ssize_t)n;
}

/* buf: as of script_interpreter(). */
static struct elf elf_header(const char *buf)
{
	Elf64_Ehdr e;
	Elf32_Ehdr s;

	if (buf[EI_CLASS] == ELFCLASS64) {
		memcpy(&e, buf, sizeof e);
		return (struct elf){ e.e_machine, e.e_phoff, e.e_phnum, e.e_phentsize == sizeof(Elf64_Phdr) ? sizeof(Elf64_Phdr) : 0 };
	}
	memcpy(&s, buf, sizeof s);
	return (struct elf){ s.e_machine, s.e_phoff, s.e_phnum, s.e_phentsize == sizeof(Elf32_Phdr) ? sizeof(Elf32_Phdr) : 0 };
}

static bool is_ours(const char *buf)
{
	const unsigned machine = elf_header(buf).machine;
	bool ours = false;

	for (size_t i = 0; i < ARRAY_LEN(machines); i++)
		ours |= machine == machines[i];
	return ours && buf[EI_DATA] == (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB);
}

/* A program header, of which only these fields matter here. */
static bool read_header(int fd, const struct elf *e, size_t i, Elf64_Phdr *ret)
{
	Elf32_Phdr s;

	if (e->size == sizeof *ret)
		return read_at(fd, ret, sizeof *ret, e->headers + i * e->size);
	if (!read_at(fd, &s, sizeof s, e->headers + i * e->size))
		return false;
	*ret = (Elf64_Phdr){ .p_type = s.p_type, .p_offset = s.p_offset, .p_filesz = s.p_filesz };
	return true;
}

/* The loader that it names; NULL: none, or the file is not as it should be, which is the kernel's to say. */
static char *elf_interpreter(int fd, const char *buf)
{
	const struct elf e = elf_header(buf);
	char name[PATH_MAX];
	Elf64_Phdr h;

	if (!e.size || e.n > HEADERS_MAX || e.headers > INT32_MAX)
		return NULL;
	for (size_t i = 0; i < e.n; i++) {
		if (!read_header(fd, &e, i, &h))
			return NULL;
		if (h.p_type != PT_INTERP)
			continue;
		if (h.p_filesz < 2 || h.p_filesz > sizeof name || !read_at(fd, name, h.p_filesz, h.p_offset) || name[h.p_filesz - 1])
			return NULL;
		return xstrdup(name);
	}
	return NULL;
}

/* ------------------------------------------------------------------ both */

/* Only what is known to be a regular file is opened: that cannot block, and nothing happens by it. */
static int first_bytes(int file_fd, int *ret_fd, char buf[static FIRST_BYTES + 1])
{
	auto_free char *path = xasprintf("/proc/self/fd/%d", file_fd);

	memset(buf, 0, FIRST_BYTES + 1);
	*ret_fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	return *ret_fd < 0 || pread(*ret_fd, buf, FIRST_BYTES, 0) < 0 ? -1 : 0;
}

static enum program look(int root_fd, const char *cwd, int file_fd, int depth, char **ret_interpreter)
{
	char buf[FIRST_BYTES + 1];
	auto_free char *name = NULL;
	auto_close int fd = -1, next_fd = -1;
	bool script;
	int why;

	if (depth > SCRIPTS_MAX || first_bytes(file_fd, &fd, buf) < 0)
		return PROGRAM_RUNS;
	script = str_starts(buf, "#!");
	if (!script && (memcmp(buf, ELFMAG, SELFMAG) != 0 || !is_ours(buf)))
		return program_emulators() ? PROGRAM_RUNS : PROGRAM_FOREIGN;
	name = script ? script_interpreter(buf) : elf_interpreter(fd, buf);
	if (!name)
		return PROGRAM_RUNS;
	next_fd = program_open(root_fd, cwd, name);
	if (next_fd >= 0)
		return script ? look(root_fd, cwd, next_fd, depth + 1, ret_interpreter) : PROGRAM_RUNS;
	why = errno;
	if (why != ENOENT && why != ENOTDIR && why != ENOEXEC)
		return PROGRAM_RUNS;
	*ret_interpreter = take(name);
	return why == ENOEXEC ? PROGRAM_BAD_INTERPRETER : PROGRAM_NO_INTERPRETER;
}

enum program program_look(int root_fd, const char *cwd, int file_fd, char **ret_interpreter)
{
	*ret_interpreter = NULL;
	return look(root_fd, cwd, file_fd, 0, ret_interpreter);
}
