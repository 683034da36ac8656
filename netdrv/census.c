/* census.c - what of davit's the kernel has in this network namespace, whosever it is. */
#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "../src/util/auto.h"
#include "../src/util/json.h"
#include "../src/util/str.h"
#include "net.h"
#include "nls.h"
#include "owner.h"

static const char table_prefix[] = "davit-";

static void add(json_t *list, const char *kind, const char *name, const char *project, const char *of, const struct nls_link *l)
{
	json_t *o = json_object();
	jx_set_str(o, "kind", kind);
	jx_set_str(o, "name", name);
	jx_set_str(o, "project", project);
	jx_set_str(o, "of", of);
	if (!l) {
		jx_set_int(o, "rules", 0);
	} else {
		jx_set_bool(o, "up", l->up);
		jx_set_bool(o, "bridged", l->master != 0);
	}
	json_array_append_new(list, o);
}

static void add_link(json_t *list, const struct nls_link *l)
{
	char project[OWNER_ALIAS_MAX];
	if (!owner_project(l->alias, project, sizeof project))
		return;
	/* the project's name is followed by " NETWORK" or "/SLOT" */
	const char *rest = strstr(l->alias, project) + strlen(project);
	add(list, *rest == '/' ? "veth" : "bridge", l->name, project, rest + 1, l);
}

static int add_links(json_t *list, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	auto_links struct nls_links all = { 0 };
	if (nls_open(&s, NETLINK_ROUTE, err) < 0 || nls_links(&s, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < all.n; i++)
		add_link(list, &all.v[i]);
	return 0;
}

static int add_table(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *tb[NFTA_TABLE_MAX + 1];
	if (nh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE) ||
		nlmsg_parse((struct nlmsghdr *)nh, sizeof(struct nfgenmsg), tb, NFTA_TABLE_MAX, NULL) < 0 || !tb[NFTA_TABLE_NAME])
		return 0;
	const char *name = nla_get_string(tb[NFTA_TABLE_NAME]);
	if (str_starts(name, table_prefix))
		add(arg, "table", name, name + strlen(table_prefix), NULL, NULL);
	return 0;
}

static int count_rule(const struct nlmsghdr *nh, void *arg)
{
	struct nlattr *tb[NFTA_RULE_MAX + 1];
	json_t *o;
	size_t i;
	if (nh->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) ||
		nlmsg_parse((struct nlmsghdr *)nh, sizeof(struct nfgenmsg), tb, NFTA_RULE_MAX, NULL) < 0 || !tb[NFTA_RULE_TABLE])
		return 0;
	json_array_foreach((json_t *)arg, i, o)
		if (str_eq(jx_str(o, "kind"), "table") && str_eq(jx_str(o, "name"), nla_get_string(tb[NFTA_RULE_TABLE])))
			jx_set_int(o, "rules", jx_int(o, "rules", 0) + 1);
	return 0;
}

/* A kernel without nftables has no tables. */
static int add_tables(json_t *list, struct err *err)
{
	auto_nls struct nls s = NLS_INIT;
	struct nfgenmsg gen = { .nfgen_family = NFPROTO_INET };
	auto_err struct err e = ERR_INIT;
	if (nls_open(&s, NETLINK_NETFILTER, NULL) < 0)
		return 0;
	struct nl_msg *msg = nls_msg(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETTABLE, NLM_F_DUMP, &gen, sizeof gen);
	int r = nls_ask(&s, msg, add_table, list, "list the firewall's tables", &e);
	if (r == 0) {
		msg = nls_msg(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP, &gen, sizeof gen);
		r = nls_ask(&s, msg, count_rule, list, "list the firewall's rules", &e);
	}
	if (r < 0 && e.errnum != ENOENT && e.errnum != EINVAL)
		return err_move(err, &e);
	return 0;
}

json_t *net_census(struct err *err)
{
	auto_json json_t *list = json_array();
	if (add_links(list, err) < 0 || add_tables(list, err) < 0)
		return NULL;
	return take(list);
}
