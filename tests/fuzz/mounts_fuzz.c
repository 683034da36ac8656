/* Any text as a mount, a device and a path: refused with a reason, or parts that lie in the text. */
#include "../../compose/val.h"
#include "../../src/util/str.h"
#include "fuzz.h"

static void check_clean(struct arena *a, const char *path)
{
	const char *clean = val_path_clean(a, path);
	size_t n = strlen(clean);

	require(n > 0 && STREQ(val_path_clean(a, clean), clean));
	require(!strstr(clean, "//") && (n == 1 || clean[n - 1] != '/') && (*clean == '/') == (*path == '/'));
}

static void check_mount(struct arena *a, const char *text)
{
	struct val_mount m, letter;
	char *why = NULL;

	if (val_mount(a, text, &m, &why) < 0) {
		require(why != NULL);
		return;
	}
	require(m.target && (!m.source || *m.source) && (m.source || (!m.bind && !m.read_only && !m.nocopy)));
	if (val_letter_mount(a, m.bind ? "bind" : "volume", m.source, m.target, &letter))
		require(strlen(letter.source) == 1 && *letter.target == '/' && !letter.unknown);
}

static void check_device(struct arena *a, const char *text)
{
	struct device d;
	char *why = NULL;

	if (val_device(a, text, &d, &why) == 0)
		require(d.source && d.target && d.permissions && (*d.target || !*d.source));
	else
		require(why != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text = fuzz_text(a, data, size);

	check_mount(a, text);
	check_device(a, text);
	check_clean(a, text);
	arena_free(a);
	return 0;
}
