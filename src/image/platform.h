/* platform.h - which machines an image is for: "linux/amd64", "linux/arm/v7". Pure, but for platform_host().
 *
 * Written, normalised and preferred as containerd does it (its package platforms, which docker and BuildKit use, too): x86_64 is amd64,
 * aarch64 is arm64, arm without a variant is v7, arm64/v8 and amd64/v1 are the plain ones. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

#include "../util/err.h"

enum { PLATFORM_PART = 32, PLATFORM_TEXT = 3 * PLATFORM_PART };

struct platform { /* normalised; variant "": none */
	char os[PLATFORM_PART], arch[PLATFORM_PART], variant[PLATFORM_PART];
};

/* "linux/arm64/v8", "linux/amd64"; also "arm64" and "linux", the rest being this machine's. ERR_INPUT with the reason. */
int platform_parse(const char *text, struct platform *ret, struct err *err);
/* This machine's. */
void platform_host(struct platform *ret);
/* Of an object with "os", "architecture" and perhaps "variant": an image's config, or "platform" of a descriptor. -1: it does not say
 * (NULL is fine), or not in words that fit. */
int platform_read(const json_t *o, struct platform *ret);
json_t *platform_json(const struct platform *p); /* such an object; new reference */
bool platform_same(const struct platform *a, const struct platform *b);
void platform_format(const struct platform *p, char ret[static PLATFORM_TEXT]);

/* How well an image for `have` serves who wants `want`; higher is better, 0: it does not run there. Older variants do (arm/v6 for
 * arm/v7, amd64/v2 for amd64/v3), and at last 386 for amd64 and arm for arm64. */
unsigned platform_score(const struct platform *want, const struct platform *have);
/* The best of a list of descriptors by their "platform", the first of equals; NULL: none of them says that it runs there. */
const json_t *platform_pick(const json_t *descs, const struct platform *want);
/* "linux/arm64, linux/s390x": what the descriptors are for, for messages; what they say is shown without control characters. malloc'ed. */
char *platform_list(const json_t *descs);
