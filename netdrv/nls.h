/* nls.h - a netlink session: requests in batches, each acknowledged.
 *
 * Messages are built with libnl's nlmsg_ and nla_ functions and queued; nls_flush() sends what is queued in
 * few system calls and reads one acknowledgement per message. The socket belongs to the network namespace it
 * was opened in, so a session can be used from anywhere later. */
#pragma once

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../src/util/err.h"

struct nls_item {
	struct nl_msg *msg;
	char *what;   /* for the error message */
	int ok_errno; /* this failure is none; 0: there is no such */
	bool frame;   /* begins or ends a transaction: not acknowledged */
	int errnum;   /* the kernel's answer, after nls_flush() */
};

struct nls {
	int fd;
	uint32_t seq;
	struct nls_item *items;
	size_t n, cap;
};
#define NLS_INIT ((struct nls){ .fd = -1 })

int nls_open(struct nls *s, int protocol, struct err *err);
void nls_close(struct nls *s);
#define auto_nls __attribute__((cleanup(nls_close)))

/* A message of this type with its fixed header; NLM_F_REQUEST is added. */
struct nl_msg *nls_msg(int type, int flags, const void *header, size_t header_len);
/* Queues msg (taken); `what` says what was tried. */
void nls_queue(struct nls *s, struct nl_msg *msg, int ok_errno, const char *what, ...)
	__attribute__((format(printf, 4, 5)));

/* The begin or end of a transaction (nfnetlink), which the kernel answers only when it goes wrong. Both must
 * be in one flush of few messages. */
void nls_queue_frame(struct nls *s, struct nl_msg *msg);

/* Called for every message that is an answer; non-zero is a failure of the flush (fill err then). */
typedef int nls_fn(const struct nlmsghdr *nh, void *arg);
/* Sends the queue and empties it. 0, or -1 with the first failure. */
int nls_flush(struct nls *s, struct err *err);
/* One request with answers: a dump, or a get of one object. The message is taken. 0; NLS_INTERRUPTED: the
 * list changed while it was read, entries may be missing, to be asked again; -1. */
enum { NLS_INTERRUPTED = 1 };
int nls_ask(struct nls *s, struct nl_msg *msg, nls_fn *fn, void *arg, const char *what, struct err *err);

/* --- links, as far as the rest of the folder wants to know them --- */
struct nls_link {
	int index, master, peer; /* peer: IFLA_LINK, 0 none */
	uint32_t group;
	bool up;
	uint8_t mac[6];
	unsigned mtu;
	char name[16], kind[16];
	char *alias; /* owned, may be NULL */
};
struct nls_links {
	struct nls_link *v;
	size_t n, cap;
};
int nls_links(struct nls *s, struct nls_links *ret, struct err *err);
void nls_links_done(struct nls_links *l);
#define auto_links __attribute__((cleanup(nls_links_done)))
const struct nls_link *nls_link_find(const struct nls_links *l, const char *name);
/* The link of this name; 1 when there is none. */
int nls_link_get(struct nls *s, const char *name, struct nls_links *ret, struct err *err);
