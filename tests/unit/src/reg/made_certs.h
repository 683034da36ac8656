/* made_certs.h - certificates for a registry on loopback, made by openssl in the scratch directory of fake.h: good.crt and good.key by
 * ca.crt; expired.crt; name.crt, for another name; self.crt; client.crt by ca.crt. */
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "../../../../src/reg/env.h"
#include "fake.h"

/* One line of sh in the scratch directory; when it fails, the end of what it said is shown. */
static inline int certs_sh(const char *line)
{
	auto_free char *script = xasprintf("exec 3>&2; trap '[ $? = 0 ] || tail -n 5 openssl.log >&3' EXIT; cd %s; exec >>openssl.log 2>&1; %s",
						fake_top, line);
	const char *argv[] = { "sh", "-ec", script, NULL };
	struct spawn s = { .argv = argv, .stdio = { -1, 1, 2 } };
	auto_err struct err err = ERR_INIT;
	struct child child;
	int status;

	if (proc_spawn(&s, &child, &err) < 0 || proc_wait(&child, 30000, "openssl", &status, &err) < 0)
		fail_msg("%s", err_msg(&err));
	close(child.pidfd);
	return status == 0 ? 0 : -1;
}

/* `openssl ca` for the sake of the one that is expired: `x509` of 3.5 refuses to make such. */
static inline int make_certs(void)
{
	return certs_sh("key() { openssl ecparam -name prime256v1 -genkey -noout -out $1.key; };"
			"for n in ca self good expired name client; do key $n; done;"
			"openssl req -x509 -new -key ca.key -subj /CN=authority -days 2 -out ca.crt;"
			"openssl req -x509 -new -key self.key -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 -days 2 -out self.crt;"
			"sign() { openssl req -new -key $1.key -subj /CN=$2 -out $1.csr; printf \"subjectAltName=$3\" >$1.ext;"
			" openssl ca -batch -config ca.conf -in $1.csr -extfile $1.ext -notext ${4:--days 2} -out $1.crt; };"
			": >ca.db; printf '[ca]\\ndefault_ca=a\\n[a]\\ncertificate=ca.crt\\nprivate_key=ca.key\\ndatabase=ca.db\\nnew_certs_dir=.\\n"
			"rand_serial=yes\\nunique_subject=no\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' >ca.conf;"
			"sign good 127.0.0.1 IP:127.0.0.1;"
			"sign expired 127.0.0.1 IP:127.0.0.1 '-startdate 20200101000000Z -enddate 20200102000000Z';"
			"sign name elsewhere.example DNS:elsewhere.example; sign client me DNS:me");
}

/* The machine's files as they are below the scratch directory, and nobody's home. */
static inline struct reg_env certs_env(void)
{
	return (struct reg_env){ .root = xstrdup(fake_top), .docker = fake_path("nothing") };
}

/* Copies it to where the authorities for host lie. */
static inline void certs_for(const char *host, const char *file)
{
	auto_free char *line = xasprintf("mkdir -p etc/containers/certs.d/%s; cp %s etc/containers/certs.d/%s/", host, file, host);

	assert_int_equal(certs_sh(line), 0);
}

static inline int all_begin_with_certs(void **state)
{
	return all_begin(state) < 0 ? -1 : make_certs();
}
