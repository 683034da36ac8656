/* challenge.h - what registries say in header fields. Pure; every text is bounded, what is not well formed is refused or not there. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../util/err.h"

enum reg_scheme { REG_BASIC, REG_BEARER, REG_OTHER_SCHEME };
struct reg_challenge {	       /* owned texts; NULL: not given */
	enum reg_scheme scheme;
	char *realm, *service, *scope, *error;
};
struct reg_challenges {
	struct reg_challenge *v;
	size_t n, cap;
};
/* Adds the challenges of one WWW-Authenticate field (RFC 9110, 11.6.1; there may be several of either). ERR_PROTO says what is wrong;
 * the list is then as it was. At most 64 KiB, 16 challenges, 32 parameters each. */
int reg_challenges_add(struct reg_challenges *l, const char *value, struct err *err);
/* NULL: none of that scheme. */
const struct reg_challenge *reg_challenges_find(const struct reg_challenges *l, enum reg_scheme scheme);
void reg_challenges_done(struct reg_challenges *l);

/* Retry-After (RFC 9110, 10.2.3): seconds, or a date, which is compared with now_wall_ns. 0 and the milliseconds to wait, 0 or more
 * and at most REG_RETRY_MAX_MS; -1: it is neither. */
enum { REG_RETRY_MAX_MS = 24 * 3600 * 1000 };
int reg_retry_after_ms(const char *value, int64_t now_wall_ns, int64_t *ret_ms);
/* The target of rel="next" of a Link field (RFC 8288), as it stands there; malloc'ed, NULL: there is none. */
char *reg_link_next(const char *value);
/* Content-Range (RFC 9110, 14.4): "bytes FIRST-LAST/TOTAL"; an asterisk may stand for either side of the slash, not for both. */
struct reg_range {
	bool given;	     /* first and last are */
	uint64_t first, last;
	bool total_given;
	uint64_t total;
};
int reg_content_range(const char *value, struct reg_range *ret); /* 0 or -1: not understood */
