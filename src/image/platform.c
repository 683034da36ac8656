#include "platform.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "../util/auto.h"
#include "../util/buf.h"
#include "../util/json.h"
#include "../util/mem.h"
#include "../util/str.h"

/* What people and kernels call architectures; a variant that follows from the name, or that is the plain one. */
static const struct {
	const char *name, *arch, *variant;
} arch_names[] = {
	{ "x86_64", "amd64", "" },
	{ "x86-64", "amd64", "" },
	{ "aarch64", "arm64", "" },
	{ "i386", "386", "" },
	{ "i486", "386", "" },
	{ "i586", "386", "" },
	{ "i686", "386", "" },
	{ "armhf", "arm", "v7" },
	{ "armel", "arm", "v6" },
	{ "armv8l", "arm", "v8" },
	{ "armv7l", "arm", "v7" },
	{ "armv6l", "arm", "v6" },
	{ "armv5tel", "arm", "v5" },
	{ "loongarch64", "loong64", "" },
	{ "mips64", "mips64le", "" }, /* as uname(2) says it on what is in use, which is little-endian */
};

/* What counts when it stands alone; with both said, anything does, as it does for docker. */
static const char *const known_archs[] = { "386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x", "wasm" };
static const char *const known_oses[] = { "linux", "windows", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly", "solaris", "illumos",
	"aix", "plan9", "android", "ios", "js", "wasip1" };

static bool is_one_of(const char *word, const char *const *known, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (STREQ(word, known[i]))
			return true;
	return false;
}

/* Letters, digits, '_', '-' and '.'; small letters in ret. */
static int part(const char *s, size_t n, char ret[static PLATFORM_PART])
{
	if (n == 0 || n >= PLATFORM_PART)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && !memchr("_-.", s[i], 3))
			return -1;
		ret[i] = (char)tolower((unsigned char)s[i]);
	}
	ret[n] = '\0';
	return 0;
}

static void normalise(struct platform *p)
{
	char digits[PLATFORM_PART];

	for (size_t i = 0; i < ARRAY_LEN(arch_names); i++) {
		if (!STREQ(p->arch, arch_names[i].name))
			continue;
		snprintf(p->arch, sizeof p->arch, "%s", arch_names[i].arch);
		if (*arch_names[i].variant)
			snprintf(p->variant, sizeof p->variant, "%s", arch_names[i].variant);
	}
	if (STREQ(p->os, "macos"))
		snprintf(p->os, sizeof p->os, "darwin");
	if (isdigit((unsigned char)p->variant[0]) && strlen(p->variant) < sizeof digits - 1) {
		snprintf(digits, sizeof digits, "%.30s", p->variant);
		snprintf(p->variant, sizeof p->variant, "v%.30s", digits);
	}
	if (STREQ(p->arch, "arm") && !*p->variant)
		snprintf(p->variant, sizeof p->variant, "v7");
	if ((STREQ(p->arch, "arm64") && (STREQ(p->variant, "v8") || STREQ(p->variant, "v8.0"))) ||
	    (STREQ(p->arch, "amd64") && STREQ(p->variant, "v1")) || STREQ(p->arch, "386"))
		p->variant[0] = '\0';
}

void platform_host(struct platform *ret)
{
	struct utsname u;

	*ret = (struct platform){ .os = "linux" };
	if (uname(&u) < 0 || part(u.machine, strlen(u.machine), ret->arch) < 0)
		snprintf(ret->arch, sizeof ret->arch, "amd64");
	normalise(ret);
}

static int unknown_word(const char *text, struct err *err)
{
	auto_buf struct buf known = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(known_oses); i++)
		buf_printf(&known, "%s%s", i ? ", " : "", known_oses[i]);
	buf_str(&known, "; of architectures ");
	for (size_t i = 0; i < ARRAY_LEN(known_archs); i++)
		buf_printf(&known, "%s%s", i ? ", " : "", known_archs[i]);
	err_set(err, ERR_INPUT, "'%.100s' is not a platform: it is neither an operating system nor an architecture", text);
	return err_hint(err, "write OS/ARCHITECTURE[/VARIANT], or one of them; known as operating systems are %s", known.p);
}

/* "linux" alone or "arm64" alone. */
static int complete_one(struct platform *p, const char *text, struct err *err)
{
	struct platform host, arch = { 0 };

	platform_host(&host);
	memcpy(arch.arch, p->os, sizeof arch.arch);
	normalise(&arch);
	if (is_one_of(arch.arch, known_archs, ARRAY_LEN(known_archs))) {
		*p = arch;
		memcpy(p->os, host.os, sizeof p->os);
		return 0;
	}
	normalise(p);
	if (!is_one_of(p->os, known_oses, ARRAY_LEN(known_oses)))
		return unknown_word(text, err);
	memcpy(p->arch, host.arch, sizeof p->arch);
	memcpy(p->variant, host.variant, sizeof p->variant);
	return 0;
}

int platform_parse(const char *text, struct platform *ret, struct err *err)
{
	struct platform p = { 0 };
	char *const to[] = { p.os, p.arch, p.variant };
	const char *s = text;
	size_t parts = 0;

	do {
		size_t n = strcspn(s, "/");
		if (parts == ARRAY_LEN(to) || part(s, n, to[parts]) < 0) {
			err_set(err, ERR_INPUT, "'%.100s' is not a platform", text);
			return err_hint(err, "write OS/ARCHITECTURE[/VARIANT], linux/amd64 or linux/arm/v7");
		}
		parts++;
		s += n;
	} while (*s++ == '/');
	if (parts == 1 && complete_one(&p, text, err) < 0)
		return -1;
	normalise(&p);
	*ret = p;
	return 0;
}

int platform_read(const json_t *o, struct platform *ret)
{
	const char *os = jx_str(o, "os"), *arch = jx_str(o, "architecture"), *variant = jx_str(o, "variant");
	struct platform p = { 0 };

	if (!os || !arch || part(os, strlen(os), p.os) < 0 || part(arch, strlen(arch), p.arch) < 0)
		return -1;
	if (variant && *variant && part(variant, strlen(variant), p.variant) < 0)
		return -1;
	normalise(&p);
	*ret = p;
	return 0;
}

json_t *platform_json(const struct platform *p)
{
	json_t *o = json_object();

	jx_set_str(o, "architecture", p->arch);
	jx_set_str(o, "os", p->os);
	if (*p->variant)
		jx_set_str(o, "variant", p->variant);
	return o;
}

bool platform_same(const struct platform *a, const struct platform *b)
{
	return STREQ(a->os, b->os) && STREQ(a->arch, b->arch) && STREQ(a->variant, b->variant);
}

void platform_format(const struct platform *p, char ret[static PLATFORM_TEXT])
{
	snprintf(ret, PLATFORM_TEXT, "%s/%s%s%s", p->os, p->arch, *p->variant ? "/" : "", p->variant);
}

/* ------------------------------------------------------------------ what runs where */

/* "v7" → 7; none is that number of the plain one. 0: another kind of variant. */
static unsigned version(const struct platform *p)
{
	unsigned v;

	if (!*p->variant)
		return STREQ(p->arch, "arm64") ? 8 : STREQ(p->arch, "amd64") ? 1 : 0;
	return p->variant[0] == 'v' && str_uint(p->variant + 1, 1, 99, &v) == 0 ? v : 0;
}

unsigned platform_score(const struct platform *want, const struct platform *have)
{
	enum { SAME = 1000, OLDER = 500, OTHER = 100 };
	unsigned can = version(want), needs = version(have);

	if (!STREQ(want->os, have->os))
		return 0;
	if (STREQ(want->arch, have->arch)) {
		if (STREQ(want->variant, have->variant))
			return SAME;
		return needs && needs < can ? OLDER + needs : 0;
	}
	if (STREQ(want->arch, "amd64") && STREQ(have->arch, "386"))
		return OTHER;
	if (STREQ(want->arch, "arm64") && STREQ(have->arch, "arm") && needs)
		return needs <= 8 ? OTHER + needs : 0;
	return 0;
}

const json_t *platform_pick(const json_t *descs, const struct platform *want)
{
	const json_t *desc, *best = NULL;
	unsigned best_score = 0;
	size_t i;

	json_array_foreach(descs, i, desc) {
		struct platform have;
		unsigned score = platform_read(jx_obj(desc, "platform"), &have) < 0 ? 0 : platform_score(want, &have);
		if (score > best_score) {
			best = desc;
			best_score = score;
		}
	}
	return best;
}

char *platform_list(const json_t *descs)
{
	enum { SHOWN = 20 };
	auto_buf struct buf out = BUF_INIT;
	const json_t *desc;
	size_t i, n = 0;

	json_array_foreach(descs, i, desc) {
		struct platform p;
		char text[PLATFORM_TEXT] = "an unknown platform";
		if (platform_read(jx_obj(desc, "platform"), &p) == 0)
			platform_format(&p, text);
		if (STREQ(text, "unknown/unknown")) /* attestations stand among the images */
			continue;
		if (++n <= SHOWN)
			buf_printf(&out, "%s%s", out.len ? ", " : "", text);
	}
	if (n > SHOWN)
		buf_printf(&out, " and %zu more", n - SHOWN);
	if (!out.len)
		buf_str(&out, "nothing");
	return buf_take(&out);
}
