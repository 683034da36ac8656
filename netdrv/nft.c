#include "nft.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <nftables/libnftables.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "../src/util/auto.h"
#include "../src/util/mem.h"
#include "../src/util/str.h"
#include "nls.h"

struct nft_lib {
	__typeof__(nft_ctx_new) *ctx_new;
	__typeof__(nft_ctx_free) *ctx_free;
	__typeof__(nft_ctx_buffer_error) *buffer_error;
	__typeof__(nft_ctx_buffer_output) *buffer_output;
	__typeof__(nft_ctx_get_error_buffer) *error_text;
	__typeof__(nft_run_cmd_from_buffer) *run;
};

/* NULL with *err when it cannot be had. Kept for the worker's life: it runs once for each namespace. */
static const struct nft_lib *nft_load(struct err *err)
{
	static struct nft_lib l;
	if (l.run)
		return &l;
	void *h = dlopen("libnftables.so.1", RTLD_NOW | RTLD_LOCAL);
	if (!h) {
		err_set(err, ERR_NOT_FOUND, "libnftables cannot be loaded: %s", dlerror());
		err_hint(err, "install the package libnftables1");
		return NULL;
	}
	l = (struct nft_lib){
		.ctx_new = (__typeof__(l.ctx_new))dlsym(h, "nft_ctx_new"),
		.ctx_free = (__typeof__(l.ctx_free))dlsym(h, "nft_ctx_free"),
		.buffer_error = (__typeof__(l.buffer_error))dlsym(h, "nft_ctx_buffer_error"),
		.buffer_output = (__typeof__(l.buffer_output))dlsym(h, "nft_ctx_buffer_output"),
		.error_text = (__typeof__(l.error_text))dlsym(h, "nft_ctx_get_error_buffer"),
		.run = (__typeof__(l.run))dlsym(h, "nft_run_cmd_from_buffer"),
	};
	if (l.ctx_new && l.ctx_free && l.buffer_error && l.buffer_output && l.error_text && l.run)
		return &l;
	l.run = NULL;
	err_set(err, ERR_NOT_FOUND, "libnftables lacks a function that is needed");
	return NULL;
}

/* The first line says what; the rest is the command with a marker below. */
static int nft_failed(const struct nft_lib *lib, struct nft_ctx *ctx, struct err *err)
{
	const char *text = lib->error_text(ctx);
	if (!text || !*text)
		return err_set(err, ERR_FAIL, "the firewall rules were refused");
	return err_set(err, strstr(text, "not permitted") ? ERR_PERM : ERR_FAIL,
		"the firewall rules were refused: %.*s", (int)strcspn(text, "\n"), text);
}

int nft_run(const char *commands, struct err *err)
{
	const struct nft_lib *lib = nft_load(err);
	if (!lib)
		return -1;
	struct nft_ctx *ctx = lib->ctx_new(NFT_CTX_DEFAULT);
	if (!ctx)
		return err_set(err, ERR_FAIL, "libnftables cannot open its netlink socket");
	int r = 0;
	if (lib->buffer_error(ctx) || lib->buffer_output(ctx) || lib->run(ctx, commands))
		r = nft_failed(lib, ctx, err);
	lib->ctx_free(ctx);
	return r;
}

struct sighting {
	bool found, drops;
};

static int note(const struct nlmsghdr *nh, void *arg)
{
	struct sighting *seen = arg;
	struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	seen->found = true;
	if (nh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) &&
		nlmsg_parse((struct nlmsghdr *)nh, sizeof(struct nfgenmsg), tb, NFTA_CHAIN_MAX, NULL) == 0 &&
		tb[NFTA_CHAIN_POLICY])
		seen->drops = ntohl(nla_get_u32(tb[NFTA_CHAIN_POLICY])) == NF_DROP;
	return 0;
}

static int look(int family, const char *table, const char *chain, struct sighting *ret, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	if (nls_open(&s, NETLINK_NETFILTER, err) < 0)
		return -1;
	struct nfgenmsg gen = { .nfgen_family = (uint8_t)family };
	int what = chain ? NFT_MSG_GETCHAIN : NFT_MSG_GETTABLE;
	struct nl_msg *msg = nls_msg(NFNL_SUBSYS_NFTABLES << 8 | what, 0, &gen, sizeof gen);
	nla_put_string(msg, chain ? (int)NFTA_CHAIN_TABLE : (int)NFTA_TABLE_NAME, table);
	if (chain)
		nla_put_string(msg, NFTA_CHAIN_NAME, chain);
	auto_err struct err e = ERR_INIT;
	*ret = (struct sighting){ 0 };
	if (nls_ask(&s, msg, note, ret, "look at the firewall", &e) < 0 && e.errnum != ENOENT)
		return err_move(err, &e);
	return ret->found;
}

int nft_has(int family, const char *table, const char *chain, struct err *err)
{
	struct sighting seen;
	return look(family, table, chain, &seen, err);
}

int nft_chain_policy(int family, const char *table, const char *chain, bool *ret_drop, struct err *err)
{
	struct sighting seen;
	int there = look(family, table, chain, &seen, err);
	*ret_drop = there > 0 && seen.drops;
	return there;
}

struct search {
	const char *table, *prefix;
	char *ret;
	size_t size;
};

static int note_name(const struct nlmsghdr *nh, void *arg)
{
	struct search *k = arg;
	struct nlattr *tb[NFTA_CHAIN_MAX + 1];
	if (nh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN) ||
		nlmsg_parse((struct nlmsghdr *)nh, sizeof(struct nfgenmsg), tb, NFTA_CHAIN_MAX, NULL) < 0 ||
		!tb[NFTA_CHAIN_TABLE] || !tb[NFTA_CHAIN_NAME])
		return 0;
	if (STREQ(nla_get_string(tb[NFTA_CHAIN_TABLE]), k->table) &&
		str_starts(nla_get_string(tb[NFTA_CHAIN_NAME]), k->prefix))
		nla_strlcpy(k->ret, tb[NFTA_CHAIN_NAME], k->size);
	return 0;
}

int nft_find_chain(int family, const char *table, const char *prefix, char *ret, size_t size, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	if (nls_open(&s, NETLINK_NETFILTER, err) < 0)
		return -1;
	struct nfgenmsg gen = { .nfgen_family = (uint8_t)family };
	struct nl_msg *msg = nls_msg(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, NLM_F_DUMP, &gen, sizeof gen);
	struct search k = { table, prefix, ret, size };
	*ret = '\0';
	if (nls_ask(&s, msg, note_name, &k, "list the firewall's chains", err) < 0)
		return -1;
	return *ret != '\0';
}
