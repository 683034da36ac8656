/* hash.h - SHA-256 (nettle) and random ids. */
#pragma once

#include <stddef.h>

#define HASH_HEX_LEN 64
/* Lower-case hex with NUL. */
void hash_sha256_hex(const void *data, size_t n, char ret[static HASH_HEX_LEN + 1]);
/* 2*n hex digits of randomness from getrandom(2), with NUL. */
void hash_random_hex(size_t n, char *ret);
