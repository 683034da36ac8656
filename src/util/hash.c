#include "hash.h"

#include <nettle/sha2.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

static void to_hex(const uint8_t *bytes, size_t n, char *ret)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*ret++ = digit[bytes[i] >> 4];
		*ret++ = digit[bytes[i] & 15];
	}
	*ret = '\0';
}

void hash_sha256_hex(const void *data, size_t n, char ret[static HASH_HEX_LEN + 1])
{
	uint8_t digest[SHA256_DIGEST_SIZE];
	struct sha256_ctx ctx;

	sha256_init(&ctx);
	sha256_update(&ctx, n, data);
	sha256_digest(&ctx, sizeof digest, digest);
	to_hex(digest, sizeof digest, ret);
}

void hash_random_hex(size_t n, char *ret)
{
	uint8_t bytes[32];

	while (n > 0) {
		size_t part = n < sizeof bytes ? n : sizeof bytes;

		/* Up to 256 bytes come whole; without randomness no id would be safe. */
		if (getrandom(bytes, part, 0) != (ssize_t)part)
			abort();
		to_hex(bytes, part, ret);
		ret += 2 * part;
		n -= part;
	}
	*ret = '\0';
}
