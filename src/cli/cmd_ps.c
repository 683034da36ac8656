#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "view.h"

struct ps_opts {
	bool all, quiet, services, no_trunc, orphans;
	const char *format;
	struct strs status, filters;
};

#define P(field) offsetof(struct ps_opts, field)
static const struct opt ps_flags[] = {
	{ 'a', "all", OPT_BOOL, P(all), "also show containers that have stopped" },
	{ 'q', "quiet", OPT_BOOL, P(quiet), "print the ids only" },
	{ 0, "format", OPT_STRING, P(format), "table or json (one object per line)", "KIND" },
	{ 0, "services", OPT_BOOL, P(services), "print the names of the services only" },
	{ 0, "status", OPT_STRS, P(status),
	  "show those that are created, running, restarting, removing or exited", "STATUS" },
	{ 0, "filter", OPT_STRS, P(filters), "status=STATUS: the same", "FILTER" },
	{ 0, "no-trunc", OPT_BOOL, P(no_trunc), "do not shorten ids and commands" },
	{ 0, "orphans", OPT_BOOL, P(orphans), NULL },
	{ 0 }
};

enum { COMMAND_WIDTH = 20, MIN_WIDTH = 10, FULL_BYTES = 256 << 10 };

static int add_status(struct strs *wanted, const char *word, struct err *err)
{
	static const char *const known[] = {
		"created", "running", "restarting", "removing", "exited", "paused", "dead", NULL
	};

	for (size_t i = 0; known[i]; i++) {
		if (STREQ(known[i], word)) {
			strs_add(wanted, word);
			return 0;
		}
	}
	return err_set(err, ERR_USAGE, "unknown status '%s' (created, running, restarting, removing, exited)",
		       word);
}

static int wanted_states(const struct ps_opts *o, struct strs *wanted, struct err *err)
{
	for (size_t i = 0; i < o->status.n; i++)
		if (add_status(wanted, o->status.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < o->filters.n; i++) {
		const char *filter = o->filters.v[i];

		if (!str_starts(filter, "status="))
			return err_set(err, ERR_USAGE, "unknown filter '%s' (there is only status=…)",
				       filter);
		if (add_status(wanted, filter + strlen("status="), err) < 0)
			return -1;
	}
	if (wanted->n == 0 && !o->all) {
		strs_add(wanted, "running");
		strs_add(wanted, "restarting");
	}
	return 0;
}

static void add_command(const struct view *v, bool no_trunc, struct buf *out)
{
	const char *command = v->r->command ? v->r->command : "";
	auto_free char *cut = ui_ellipsis(command, no_trunc ? SIZE_MAX : COMMAND_WIDTH);

	buf_json(out, cut);
}

static void print_table(struct cli *c, const struct view *list, size_t n, const struct ps_opts *o)
{
	static const char *const heads[] = { "NAME",	"IMAGE",  "COMMAND", "SERVICE",
					     "CREATED", "STATUS", "PORTS",   NULL };
	int64_t now = clock_wall_ns();
	struct table t;

	table_init(&t, heads);
	for (size_t i = 0; i < n; i++) {
		auto_buf struct buf command = BUF_INIT, created = BUF_INIT, status = BUF_INIT,
				    ports = BUF_INIT;
		const struct unit_rec *r = list[i].r;

		add_command(&list[i], o->no_trunc, &command);
		view_ago(r->created_ns, now, &created);
		view_status(&list[i], now, &status);
		view_ports(&list[i], &ports);
		table_add(&t, r->name);
		table_add(&t, r->image);
		table_add(&t, command.p);
		table_add(&t, r->service);
		table_add(&t, created.p);
		table_add(&t, status.p);
		table_add(&t, ports.p);
	}
	table_format(&t, MIN_WIDTH, &c->ui.out);
	table_done(&t);
}

/* --- JSON: docker compose's keys, in its (alphabetical) order --- */

static void field(struct buf *out, const char *key, const char *value)
{
	buf_printf(out, "%s\"%s\":", out->len && out->p[out->len - 1] != '{' ? "," : "", key);
	buf_json(out, value ? value : "");
}

static void field_labels(struct buf *out, const struct unit_rec *r)
{
	auto_buf struct buf all = BUF_INIT;
	const char *key;
	json_t *value;

	json_object_foreach(r->labels, key, value)
		buf_printf(&all, "%s%s=%s", all.len ? "," : "", key,
			   json_is_string(value) ? json_string_value(value) : "");
	field(out, "Labels", all.p);
}

static void field_networks(struct buf *out, const struct unit_rec *r)
{
	auto_buf struct buf all = BUF_INIT;

	for (size_t i = 0; i < r->n_addrs; i++)
		buf_printf(&all, "%s%s", i ? "," : "", r->addrs[i].network);
	field(out, "Networks", all.p);
}

static void field_publishers(struct buf *out, const struct view *v)
{
	const struct unit_rec *r = v->r;

	buf_str(out, ",\"Publishers\":[");
	for (size_t i = 0; view_has_ports(v) && i < r->n_ports; i++) {
		const struct unit_port *p = &r->ports[i];

		buf_str(out, i ? ",{\"URL\":" : "{\"URL\":");
		buf_json(out, !p->host ? "" : p->host_ip && *p->host_ip ? p->host_ip : "0.0.0.0");
		buf_printf(out, ",\"TargetPort\":%u,\"PublishedPort\":%u,\"Protocol\":", p->target, p->host);
		buf_json(out, p->protocol ? p->protocol : "tcp");
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

static const char *created_at(const struct unit_rec *r, char text[static 64])
{
	time_t seconds = (time_t)(r->created_ns / SEC_NS);
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, 64, "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	return text;
}

static void print_json(const struct cli *c, const struct view *v, const struct ps_opts *o, struct buf *out)
{
	auto_buf struct buf one = BUF_INIT, command = BUF_INIT, age = BUF_INIT, status = BUF_INIT,
			    ports = BUF_INIT;
	int64_t now = clock_wall_ns();
	const struct unit_rec *r = v->r;
	char created[64], id[16];

	add_command(v, o->no_trunc, &command);
	view_ago(r->created_ns, now, &age);
	view_status(v, now, &status);
	view_ports(v, &ports);
	buf_char(&one, '{');
	field(&one, "Command", command.p);
	field(&one, "CreatedAt", created_at(r, created));
	buf_printf(&one, ",\"ExitCode\":%d",
		   STREQ(v->state, "exited") || STREQ(v->state, "restarting") ? v->exit_code : 0);
	field(&one, "Health", STREQ(v->state, "running") ? r->health : "");
	field(&one, "ID", o->no_trunc ? r->id : view_short_id(r->id, id));
	field(&one, "Image", r->image);
	field_labels(&one, r);
	field(&one, "LocalVolumes", "0");
	field(&one, "Mounts", "");
	field(&one, "Name", r->name);
	field(&one, "Names", r->name);
	field_networks(&one, r);
	buf_printf(&one, ",\"OOMKilled\":%s", r->oom ? "true" : "false");
	field(&one, "Ports", ports.p);
	field(&one, "Project", c->name);
	field_publishers(&one, v);
	field(&one, "Reason", view_reason(v));
	field(&one, "RunningFor", age.p);
	field(&one, "Service", r->service);
	field(&one, "Size", "0B");
	field(&one, "State", v->state);
	field(&one, "Status", status.p);
	buf_str(&one, "}\n");
	buf_add(out, one.p, one.len);
}

static void print_services(struct cli *c, const struct view *list, size_t n)
{
	auto_strs struct strs seen = STRS_INIT;

	for (size_t i = 0; i < n; i++) {
		if (!list[i].r->service || strs_has(&seen, list[i].r->service))
			continue;
		strs_add(&seen, list[i].r->service);
		ui_print(&c->ui, "%s\n", list[i].r->service);
	}
}

/* Containers go on, their logs lose what is oldest: who looks here should know. */
static void warn_of_full_disk(struct cli *c)
{
	struct statvfs fs;

	if (c->pdirs.state_fd >= 0 && fstatvfs(c->pdirs.state_fd, &fs) == 0 && fs.f_blocks && fs.f_bfree * fs.f_frsize < FULL_BYTES)
		ui_warn(&c->ui, "the disk of %s is full: containers run on, what is oldest of their logs is dropped", c->pdirs.state);
}

static int ps_run(struct cli *c, const void *opts, struct err *err)
{
	const struct ps_opts *o = opts;
	auto_strs struct strs wanted = STRS_INIT;
	auto_free struct view *list = NULL;
	bool json = o->format && STREQ(o->format, "json");
	size_t all, n = 0;

	if (o->format && !json && !STREQ(o->format, "table") && !STREQ(o->format, "pretty"))
		return err_set(err, ERR_USAGE, "unsupported format '%s': there are table and json",
			       o->format);
	if (wanted_states(o, &wanted, err) < 0)
		return -1;
	list = view_list(c, &all);
	for (size_t i = 0; i < all; i++)
		if (!wanted.n || strs_has(&wanted, list[i].state))
			list[n++] = list[i];
	if (o->quiet) {
		for (size_t i = 0; i < n; i++)
			ui_print(&c->ui, "%s\n", list[i].r->id ? list[i].r->id : "");
	} else if (o->services) {
		print_services(c, list, n);
	} else if (json) {
		for (size_t i = 0; i < n; i++)
			print_json(c, &list[i], o, &c->ui.out);
	} else {
		print_table(c, list, n, o);
	}
	if (n)
		warn_of_full_disk(c);
	cli_tell_nobody(c);
	return 0;
}

const struct cmd cmd_ps = {
	.name = "ps", .args = "[SERVICE...]", .summary = "list containers",
	.needs = NEED_NAME | ARGS_ARE_SERVICES, .max_args = -1,
	.opts = ps_flags, .opts_size = sizeof(struct ps_opts), .run = ps_run,
};
