/* holder.h - who holds a port of this host: for the message only, so every step may fail and all are bounded.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "nginx (pid 4711)" or "davit project 'shop'". False when it cannot be found out. */
bool holder_find(uint32_t host_addr, unsigned port, bool udp, char *ret, size_t size);
