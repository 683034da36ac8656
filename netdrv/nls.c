/* How it works: messages wait in s->items until nls_flush() joins them into chunks of at most CHUNK_MESSAGES.
 * The kernel works on a chunk inside sendto(), so that all its acknowledgements are in the receive buffer
 * when it returns; the bound keeps them from overflowing it. Sequence numbers find the message an answer
 * belongs to. */
#include "nls.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "../src/util/auto.h"
#include "../src/util/buf.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"

enum { CHUNK_MESSAGES = 64, RECEIVE_BYTES = 64 * 1024, ANSWER_TIMEOUT_S = 5, DUMP_TRIES = 20 };

#ifndef NLMSGERR_ATTR_MSG
#define NLMSGERR_ATTR_MSG 1
#endif

int nls_open(struct nls *s, int protocol, struct err *err)
{
	*s = NLS_INIT;
	auto_close int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return err_sys(err, errno, "open a netlink socket");
	struct timeval patience = { .tv_sec = ANSWER_TIMEOUT_S };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	/* both are niceties: short acknowledgements, and the kernel's own words for a refusal */
	int on = 1;
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
	s->fd = take_fd(&fd);
	return 0;
}

static void items_clear(struct nls *s)
{
	for (size_t i = 0; i < s->n; i++) {
		nlmsg_free(s->items[i].msg);
		free(s->items[i].what);
	}
	s->n = 0;
}

void nls_close(struct nls *s)
{
	items_clear(s);
	free(s->items);
	if (s->fd >= 0)
		close(s->fd);
	*s = NLS_INIT;
}

struct nl_msg *nls_msg(int type, int flags, const void *header, size_t header_len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST);
	if (!msg || nlmsg_append(msg, (void *)header, header_len, NLMSG_ALIGNTO) < 0)
		abort();
	return msg;
}

void nls_queue(struct nls *s, struct nl_msg *msg, int ok_errno, const char *what, ...)
{
	struct nls_item *it = XGROW(s->items, s->n, s->cap);
	struct buf text = BUF_INIT;
	va_list ap;
	va_start(ap, what);
	buf_vprintf(&text, what, ap);
	va_end(ap);
	*it = (struct nls_item){ .msg = msg, .what = buf_take(&text), .ok_errno = ok_errno, .errnum = -1 };
}

void nls_queue_frame(struct nls *s, struct nl_msg *msg)
{
	struct nls_item *it = XGROW(s->items, s->n, s->cap);
	*it = (struct nls_item){ .msg = msg, .what = xstrdup("transaction"), .frame = true, .errnum = -1 };
}

/* What the kernel says beside the number, NULL when nothing. */
static const char *ext_ack(const struct nlmsghdr *nh, size_t n)
{
	if (!(nh->nlmsg_flags & NLM_F_ACK_TLVS) || !(nh->nlmsg_flags & NLM_F_CAPPED))
		return NULL;
	size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nlmsgerr));
	if (n <= head)
		return NULL;
	const struct nlattr *a = nla_find(
		(const struct nlattr *)((const char *)nh + head), (int)(n - head), NLMSGERR_ATTR_MSG);
	if (!a || nla_len(a) < 1 || memchr(nla_data(a), 0, (size_t)nla_len(a)) == NULL)
		return NULL;
	return nla_data(a);
}

/* What is being waited for: items [at, end) of which the first has sequence number seq. */
struct wait {
	struct nls *s;
	size_t at, end, left;
	uint32_t seq;
	nls_fn *fn;
	void *arg;
	struct err *err;
	bool failed, interrupted;
};

static void answer(struct wait *w, struct nls_item *it, const struct nlmsghdr *nh)
{
	if (it->errnum >= 0)
		return;
	int error = 0;
	if (nh->nlmsg_len >= NLMSG_HDRLEN + sizeof(int32_t))
		error = -*(const int32_t *)NLMSG_DATA(nh);
	it->errnum = error > 0 ? error : 0;
	if (!it->frame)
		w->left--;
	else if (it->errnum)
		w->left = 0; /* nothing more comes when the whole was refused */
	if (!it->errnum || it->errnum == it->ok_errno || w->failed)
		return;
	w->failed = true;
	const char *more = nh->nlmsg_type == NLMSG_ERROR ? ext_ack(nh, nh->nlmsg_len) : NULL;
	if (more)
		err_sys(w->err, it->errnum, "%s (%s)", it->what, more);
	else
		err_sys(w->err, it->errnum, "%s", it->what);
}

static void take_message(struct wait *w, const struct nlmsghdr *nh)
{
	uint32_t nth = nh->nlmsg_seq - w->seq;
	if (nth >= w->end - w->at)
		return; /* a late answer to a request that was given up */
	struct nls_item *it = &w->s->items[w->at + nth];
	if (nh->nlmsg_flags & NLM_F_DUMP_INTR)
		w->interrupted = true;
	if (nh->nlmsg_type == NLMSG_ERROR || nh->nlmsg_type == NLMSG_DONE)
		answer(w, it, nh);
	else if (w->fn && !w->failed && w->fn(nh, w->arg))
		w->failed = true;
}

static int receive(struct wait *w, char *buf)
{
	ssize_t n;
	do
		n = recv(w->s->fd, buf, RECEIVE_BYTES, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return err_set(w->err, ERR_TIMEOUT, "%s: the kernel did not answer within %d s",
			w->s->items[w->at].what, ANSWER_TIMEOUT_S);
	if (n < 0)
		return err_sys(w->err, errno, "%s: read the kernel's answer", w->s->items[w->at].what);
	int left = (int)n;
	for (struct nlmsghdr *nh = (struct nlmsghdr *)buf; nlmsg_ok(nh, left); nh = nlmsg_next(nh, &left))
		take_message(w, nh);
	return 0;
}

static int send_chunk(struct nls *s, size_t at, size_t end, uint32_t *ret_seq, struct err *err)
{
	auto_buf struct buf out = BUF_INIT;
	static const char zero[NLMSG_ALIGNTO];
	*ret_seq = s->seq + 1;
	for (size_t i = at; i < end; i++) {
		struct nlmsghdr *nh = nlmsg_hdr(s->items[i].msg);
		nh->nlmsg_seq = ++s->seq;
		buf_add(&out, nh, nh->nlmsg_len);
		buf_add(&out, zero, NLMSG_ALIGN(nh->nlmsg_len) - nh->nlmsg_len);
	}
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t n = sendto(s->fd, out.p, out.len, 0, (struct sockaddr *)&kernel, sizeof kernel);
	if (n < 0)
		return err_sys(err, errno, "%s", s->items[at].what);
	return 0;
}

static int flush_with(struct nls *s, nls_fn *fn, void *arg, struct err *err)
{
	auto_free char *buf = xmalloc(RECEIVE_BYTES);
	int r = 0;
	for (size_t at = 0; at < s->n && r == 0; at += CHUNK_MESSAGES) {
		size_t end = at + CHUNK_MESSAGES < s->n ? at + CHUNK_MESSAGES : s->n;
		struct wait w = { .s = s, .at = at, .end = end, .fn = fn, .arg = arg, .err = err };
		for (size_t i = at; i < end; i++)
			w.left += !s->items[i].frame;
		r = send_chunk(s, at, end, &w.seq, err);
		while (r == 0 && w.left)
			r = receive(&w, buf);
		if (w.failed)
			r = -1;
		else if (w.interrupted && r == 0)
			r = NLS_INTERRUPTED;
	}
	items_clear(s);
	return r;
}

int nls_flush(struct nls *s, struct err *err)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->items[i].frame)
			nlmsg_hdr(s->items[i].msg)->nlmsg_flags |= NLM_F_ACK;
	return flush_with(s, NULL, NULL, err);
}

int nls_ask(struct nls *s, struct nl_msg *msg, nls_fn *fn, void *arg, const char *what, struct err *err)
{
	struct nlmsghdr *nh = nlmsg_hdr(msg);
	if ((nh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		nh->nlmsg_flags |= NLM_F_ACK;
	nls_queue(s, msg, 0, "%s", what);
	return flush_with(s, fn, arg, err);
}

/* --- links --- */

static void link_kind(struct nls_link *l, struct nlattr *info)
{
	struct nlattr *kind = info ? nla_find(nla_data(info), nla_len(info), IFLA_INFO_KIND) : NULL;
	if (kind)
		nla_strlcpy(l->kind, kind, sizeof l->kind);
}

static int take_link(const struct nlmsghdr *nh, void *arg)
{
	struct nls_links *list = arg;
	struct nlattr *tb[IFLA_MAX + 1];
	struct ifinfomsg *ifi = NLMSG_DATA(nh);
	if (nh->nlmsg_type != RTM_NEWLINK ||
		nlmsg_parse((struct nlmsghdr *)nh, sizeof *ifi, tb, IFLA_MAX, NULL) < 0 || !tb[IFLA_IFNAME])
		return 0;
	struct nls_link *l = XGROW(list->v, list->n, list->cap);
	l->index = ifi->ifi_index;
	l->up = ifi->ifi_flags & IFF_UP;
	nla_strlcpy(l->name, tb[IFLA_IFNAME], sizeof l->name);
	if (tb[IFLA_MASTER])
		l->master = (int)nla_get_u32(tb[IFLA_MASTER]);
	if (tb[IFLA_LINK])
		l->peer = (int)nla_get_u32(tb[IFLA_LINK]);
	if (tb[IFLA_GROUP])
		l->group = nla_get_u32(tb[IFLA_GROUP]);
	if (tb[IFLA_MTU])
		l->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == sizeof l->mac)
		memcpy(l->mac, nla_data(tb[IFLA_ADDRESS]), sizeof l->mac);
	if (tb[IFLA_IFALIAS])
		l->alias = xstrndup(nla_data(tb[IFLA_IFALIAS]), (size_t)nla_len(tb[IFLA_IFALIAS]));
	link_kind(l, tb[IFLA_LINKINFO]);
	return 0;
}

int nls_links(struct nls *s, struct nls_links *ret, struct err *err)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	int r = NLS_INTERRUPTED;
	*ret = (struct nls_links){ 0 };
	for (int tries = 0; r == NLS_INTERRUPTED && tries < DUMP_TRIES; tries++) {
		nls_links_done(ret);
		r = nls_ask(s, nls_msg(RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof ifi), take_link, ret,
			"list network interfaces", err);
	}
	if (r == NLS_INTERRUPTED)
		return err_set(
			err, ERR_BUSY, "the list of network interfaces changes faster than it can be read");
	return r;
}

void nls_links_done(struct nls_links *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].alias);
	free(l->v);
	*l = (struct nls_links){ 0 };
}

const struct nls_link *nls_link_find(const struct nls_links *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (STREQ(l->v[i].name, name))
			return &l->v[i];
	return NULL;
}

int nls_link_get(struct nls *s, const char *name, struct nls_links *ret, struct err *err)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *msg = nls_msg(RTM_GETLINK, 0, &ifi, sizeof ifi);
	nla_put_string(msg, IFLA_IFNAME, name);
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK;
	*ret = (struct nls_links){ 0 };
	nls_queue(s, msg, ENODEV, "look up interface '%s'", name);
	if (flush_with(s, take_link, ret, err) < 0)
		return -1;
	return ret->n ? 0 : 1;
}
