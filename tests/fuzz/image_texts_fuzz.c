/* Any text as the name of an image, a platform, the name of an entry in a layer, a line for import --change, and a Dockerfile. */
#include <jansson.h>
#include <stdlib.h>

#include "../../src/build/dockerfile.h"
#include "../../src/image/image.h"
#include "../../src/image/platform.h"
#include "../../src/pack/instruction.h"
#include "../../src/pack/name.h"
#include "../../src/util/auto.h"
#include "../../src/util/json.h"
#include "fuzz.h"

/* What it comes to is a name of the same image. */
static void ref(const char *text)
{
	auto_err struct err err = ERR_INIT;
	struct image_ref r, again;

	if (ref_parse(text, &r, &err) < 0) {
		require(err.kind == ERR_INPUT);
		return;
	}
	auto_free char *whole = ref_format(&r), *familiar = ref_familiar(&r), *once_more = NULL;

	require(!strstr(r.registry, "..") && !strstr(r.repository, "..") && ref_parse(familiar, &again, NULL) == 0);
	once_more = ref_format(&again);
	require(strcmp(whole, once_more) == 0);
	ref_done(&r);
	ref_done(&again);
}

static void platform(const char *text)
{
	auto_err struct err err = ERR_INIT;
	char formatted[PLATFORM_TEXT];
	struct platform p, again;

	if (platform_parse(text, &p, &err) < 0) {
		require(err.kind == ERR_INPUT);
		return;
	}
	platform_format(&p, formatted);
	require(platform_parse(formatted, &again, NULL) == 0 && platform_same(&p, &again));
}

static void name(const char *text)
{
	auto_free char *clean = NULL, *shown = name_show(text);
	auto_err struct err err = ERR_INIT;

	require(shown != NULL);
	if (name_clean(text, &clean, &err) < 0) {
		require(err.kind == ERR_INPUT);
		return;
	}
	require(*clean != '/' && strcmp(clean, "..") != 0 && !strstr(clean, "/../") && strncmp(clean, "../", 3) != 0);
}

static void instruction(const char *text)
{
	auto_json json_t *config = json_object();
	auto_err struct err err = ERR_INIT;

	require((instruction_apply(config, text, &err) < 0) == (err.msg != NULL));
}

static void dockerfile(const char *text)
{
	auto_strs struct strs args = STRS_INIT;
	struct dockerfile_bases bases = { 0 };

	strs_add(&args, "A=given");
	dockerfile_images(text, &args, "linux/arm64", &bases);
	for (size_t i = 0; i < bases.n; i++)
		require(*bases.v[i].name && strlen(bases.v[i].name) <= 1 << 20);
	dockerfile_bases_done(&bases);
	dockerfile_may_end_with(text, "stage");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new();
	const char *text = fuzz_text(a, data, size);

	ref(text);
	platform(text);
	name(text);
	instruction(text);
	dockerfile(text);
	arena_free(a);
	return 0;
}
