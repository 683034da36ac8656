/* The text of /etc/hosts and /etc/resolv.conf of a container, line for line as people's scripts know them. */
#include <string.h>

#include "../src/util/buf.h"
#include "../src/util/str.h"
#include "net.h"

static void add_own_names(struct buf *b, uint32_t addr, const char *hostname, const char *domainname)
{
	char ip[16];
	net_addr_format(addr, ip);
	buf_printf(b, "%s\t", ip);
	if (domainname && *domainname)
		buf_printf(b, "%s.%s ", hostname, domainname);
	buf_str(b, hostname);
	size_t dot = strcspn(hostname, ".");
	if (hostname[dot]) /* of a full name the first part is one, too */
		buf_printf(b, " %.*s", (int)dot, hostname);
	buf_char(b, '\n');
}

char *hosts_text(const char *hostname, const char *domainname, const uint32_t *addrs, size_t n_addrs,
	const struct hosts_entry *extra, size_t n_extra)
{
	struct buf b = BUF_INIT;
	buf_str(&b, "127.0.0.1\tlocalhost\n"
		    "::1\tlocalhost ip6-localhost ip6-loopback\n"
		    "fe00::\tip6-localnet\n"
		    "ff00::\tip6-mcastprefix\n"
		    "ff02::1\tip6-allnodes\n"
		    "ff02::2\tip6-allrouters\n");
	for (size_t i = 0; i < n_extra; i++)
		buf_printf(&b, "%s\t%s\n", extra[i].ip, extra[i].name);
	for (size_t i = 0; hostname && *hostname && i < n_addrs; i++)
		add_own_names(&b, addrs[i], hostname, domainname);
	return buf_take(&b);
}

static void add_words(struct buf *b, const char *const *words)
{
	for (; words && *words; words++)
		buf_printf(b, " %s", *words);
}

static bool has_ndots(const char *const *options)
{
	for (; options && *options; options++)
		if (str_starts(*options, "ndots:"))
			return true;
	return false;
}

char *resolv_text(bool internal_resolver, const char *const *servers, const char *const *search,
	const char *const *options)
{
	struct buf b = BUF_INIT;
	/* all names go to our resolver as they are first: those with few dots too, they may be the project's
	 */
	bool as_they_are = internal_resolver && !has_ndots(options);
	if (internal_resolver)
		buf_str(&b, "nameserver 127.0.0.11\n");
	for (; !internal_resolver && servers && *servers; servers++)
		buf_printf(&b, "nameserver %s\n", *servers);
	if (search && *search) {
		buf_str(&b, "search");
		add_words(&b, search);
		buf_char(&b, '\n');
	}
	if (as_they_are || (options && *options)) {
		buf_str(&b, "options");
		add_words(&b, options);
		buf_str(&b, as_they_are ? " ndots:0\n" : "\n");
	}
	return buf_take(&b);
}
