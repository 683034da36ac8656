/* val.h - the small languages inside a compose file's strings. Pure; what is returned lives in the arena.
 *
 * All return 0, or -1 and *ret_why, a message for the user in our usual words. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model.h"

struct arena;
struct node;

/* "[IP:][HOST[-HOST]:]PORT[-PORT][/PROTOCOL]". With a range on both sides they have the same length; a range on the host side alone
 * means the first free one. */
struct val_port {
	char *host_ip;                  /* NULL: none given; without brackets */
	unsigned target_min, target_max;
	bool published;
	unsigned published_min, published_max;
	char *protocol;
	const char *ignored;            /* what the reference passes over: "-90" of "70-80-90"; NULL: nothing */
};
int val_port(struct arena *a, const char *text, struct val_port *ret, char **ret_why);
/* "8080" or "8080-8090" of the long form. */
int val_port_range(struct arena *a, const char *text, const char *what, unsigned *ret_min, unsigned *ret_max, char **ret_why);

/* Why nobody can publish a port in long form (its text is in the arena) and where it says so; NULL: it is all right. The reference
 * prints such a port. */
char *val_port_trouble(struct arena *a, const struct node *port, const struct node **ret_at);
/* "TCP": the protocol's name in lower case; NULL: unknown. */
char *val_protocol(struct arena *a, const char *text);
/* An IPv4 or IPv6 address, without brackets, zone or leading zeros. */
bool val_ip(const char *text);

/* "[SOURCE:]TARGET[:OPTION,…]". A one-letter source is a Windows drive, as for the reference. */
struct val_mount {
	bool bind;                      /* the source is a path */
	char *source, *target;          /* source NULL: anonymous */
	bool read_only, nocopy;
	char *propagation, *selinux;
	char *unknown;                  /* options that nobody knows, as "a', 'b", NULL: none */
	bool bare;                      /* so short that nothing was looked at */
};
int val_mount(struct arena *a, const char *text, struct val_mount *ret, char **ret_why);
/* Whether a mount in long form came from "v:/data[:OPTIONS]", where the user means a volume of one letter; then what they mean.
 * source and target may be NULL. */
bool val_letter_mount(struct arena *a, const char *type, const char *source, const char *target, struct val_mount *ret);

/* Splits a command as the reference does: quotes and backslashes like a shell, but an unquoted ; | & < > ends the command.
 * *ret_rest (may be NULL) is then what was left out, else NULL. */
int val_words(struct arena *a, const char *text, struct strv *ret, const char **ret_rest, char **ret_why);

/* true, yes, on, y and their opposites in any case. *ret_odd: it was none of true and false. */
int val_bool(const char *text, bool *ret, bool *ret_odd);
/* "host=ip", without the brackets of IPv6. The address may be anything, even empty. */
int val_host(struct arena *a, const char *host, const char *ip, char **ret, char **ret_why);
/* "host:ip", "host=ip", "host=ip,ip": such lines, one per address. */
int val_hosts(struct arena *a, const char *text, struct strv *ret, char **ret_why);
/* "SOURCE[:TARGET[:PERMISSIONS]]"; each may be empty. */
int val_device(struct arena *a, const char *text, struct device *ret, char **ret_why);
/* "0440", "440": octal, within 63 bits. */
int val_mode(const char *text, int64_t *ret);
/* Path without "//", "/./", "/../" and trailing slash. */
char *val_path_clean(struct arena *a, const char *path);
/* A scalar as Go would print it: 0755 is "493", 1.10 "1.1", 1e3 "1000". Strings are their text, null is "". */
const char *val_scalar_text(struct arena *a, const struct node *n);
/* The number of the fewest decimal digits that is the same as v in the precision of a float. Not finite when v is too large for one. */
double val_float32(double v);
/* "[http://][HOST][:PORT][/PATH]", a port alone, too. host: NULL when none is given, with the port when one is. The path starts with
 * '/', has no blanks, and the query still in it. */
struct val_http {
	char *host, *path;
	unsigned port;
};
int val_http(struct arena *a, const char *text, struct val_http *ret, char **ret_why);
/* The pieces by themselves: what may stand in a request as it is. */
int val_http_path(struct arena *a, const char *path, char **ret_why);
int val_http_host(struct arena *a, const char *host, char **ret_why);
/* "204", "200-299". */
int val_http_status(struct arena *a, const char *text, unsigned *ret_min, unsigned *ret_max, char **ret_why);
/* A number as Go's %v prints it, and as JSON does. */
char *val_float_text(struct arena *a, double v);
char *val_float_json(struct arena *a, double v);
