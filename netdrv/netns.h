/* netns.h - network namespaces, pinned by a bind mount.
 *
 * netns_new() and netns_enter() move the calling thread; netns_back() returns it or ends the process, since
 * to go on in a container's namespace without knowing would be worse. */
#pragma once

#include "../src/util/err.h"

/* The namespace the thread is in; -1 with *err. */
int netns_here(struct err *err);
/* Makes a namespace, enters it and pins it at pin (a stale file there is replaced). 0 and its descriptor. */
int netns_new(const char *pin, int *ret_fd, struct err *err);
/* Opens a pinned namespace. 0 and its descriptor, 1 when there is none, -1. */
int netns_open(const char *pin, int *ret_fd, struct err *err);
int netns_enter(int fd, struct err *err);
void netns_back(int home_fd);
/* Unpins; the namespace goes when the last process in it did. An absent one is fine. */
int netns_drop(const char *pin, struct err *err);
/* Writes a net.* sysctl ("net.ipv4.ip_forward") of the namespace the thread is in. 1: this kernel has none of
 * that name. */
int netns_sysctl(const char *name, const char *value, struct err *err);
