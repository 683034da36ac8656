/* redirect.h - 127.0.0.11:53 in a slot's namespace leads to the resolver's sockets. (worker) */
#pragma once

#include <stdbool.h>

#include "../src/util/err.h"

/* In the namespace the thread is in. An earlier redirection is left alone when it is the same, else replaced;
 * fresh: there is none. */
int redirect_install(bool fresh, unsigned udp_port, unsigned tcp_port, struct err *err);
