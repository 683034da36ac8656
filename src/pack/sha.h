/* sha.h - SHA-256 of what streams by. */
#pragma once

#include <nettle/sha2.h>
#include <stdio.h>

#include "../util/hash.h"

static inline void sha_hex(struct sha256_ctx *ctx, char ret[static HASH_HEX_LEN + 1])
{
	unsigned char digest[SHA256_DIGEST_SIZE];

	sha256_digest(ctx, sizeof digest, digest);
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(ret + 2 * i, 3, "%02x", digest[i]);
}
