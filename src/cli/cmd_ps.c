#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"
#include "list.h"
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
	{ 0, "format", OPT_STRING, P(format), LIST_FORMAT_HELP, "FORMAT", LIST_FORMATS },
	{ 0, "services", OPT_BOOL, P(services), "print the names of the services only" },
	{ 0, "status", OPT_STRS, P(status),
	  "show those that are created, running, paused, restarting, removing or exited", "STATUS", "created running paused restarting removing exited dead" },
	{ 0, "filter", OPT_STRS, P(filters), "status=STATUS: the same", "FILTER", "status= …" },
	{ 0, "no-trunc", OPT_BOOL, P(no_trunc), "do not shorten ids and commands" },
	{ 0, "orphans", OPT_BOOL, P(orphans), "=false: leave out services that the file does not have" },
	{ 0 }
};

enum { COMMAND_WIDTH = 20, MOUNT_WIDTH = 15, PORTS_MAX = 4096, MIN_WIDTH = 10, FULL_BYTES = 256 << 10 };

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
	return err_set(err, ERR_USAGE, "unknown status '%s' (created, running, paused, restarting, removing, exited)",
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
		strs_add(wanted, "paused");
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

static const struct list_column columns[] = {
	{ "Name", "NAME", .name = true },	    { "Image", "IMAGE" },   { "Command", "COMMAND" }, { "Service", "SERVICE" },
	{ "RunningFor", "CREATED" }, { "Status", "STATUS" }, { "Ports", "PORTS" },    { "ID", "CONTAINER ID", true },
	{ NULL },
};

static void add_labels(json_t *row, const struct unit_rec *r)
{
	auto_buf struct buf all = BUF_INIT;
	const char *key;
	json_t *value;

	json_object_foreach(r->labels, key, value)
		buf_printf(&all, "%s%s=%s", all.len ? "," : "", key,
			   json_is_string(value) ? json_string_value(value) : "");
	list_set(row, "Labels", all.p);
}

static void add_networks(json_t *row, const struct unit_rec *r)
{
	auto_buf struct buf all = BUF_INIT;

	for (size_t i = 0; i < r->n_addrs; i++)
		buf_printf(&all, "%s%s", i ? "," : "", r->addrs[i].network);
	list_set(row, "Networks", all.p);
}

/* Whatever does not begin like a path is a volume. */
static void add_mounts(json_t *row, const struct unit_rec *r, bool no_trunc)
{
	auto_buf struct buf shown = BUF_INIT;
	unsigned volumes = 0;

	for (const char *p = r->mounts ? r->mounts : ""; *p; p += strcspn(p, ","), p += *p == ',') {
		auto_free char *whole = xstrndup(p, strcspn(p, ",")), *cut = ui_ellipsis(whole, no_trunc ? SIZE_MAX : MOUNT_WIDTH);

		volumes += *whole != '/';
		buf_printf(&shown, "%s%s", shown.len ? "," : "", cut);
	}
	list_setf(row, "LocalVolumes", "%u", volumes);
	list_set(row, "Mounts", shown.p);
}

static void add_publishers(json_t *row, const struct view *v)
{
	auto_free struct unit_port *ports = NULL;
	json_t *all = json_array();
	size_t n = view_port_list(v, &ports);

	for (size_t i = 0; i < n && i < PORTS_MAX; i++) {
		const struct unit_port *p = &ports[i];
		json_t *one = json_object();

		list_set(one, "URL", !p->host ? "" : p->host_ip && *p->host_ip ? p->host_ip : "0.0.0.0");
		json_object_set_new(one, "TargetPort", json_integer(p->target));
		json_object_set_new(one, "PublishedPort", json_integer(p->host));
		list_set(one, "Protocol", p->protocol ? p->protocol : "tcp");
		json_array_append_new(all, one);
	}
	json_object_set_new(row, "Publishers", all);
}

static const char *created_at(const struct unit_rec *r, char text[static 64])
{
	time_t seconds = (time_t)(r->created_ns / SEC_NS);
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(text, 64, "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	return text;
}

/* docker compose's keys, in its (alphabetical) order */
static void add_row(struct list *l, const struct cli *c, const struct view *v, const struct ps_opts *o)
{
	auto_buf struct buf command = BUF_INIT, age = BUF_INIT, status = BUF_INIT, ports = BUF_INIT;
	bool ended = STREQ(v->state, "exited") || STREQ(v->state, "restarting");
	int64_t now = clock_wall_ns();
	const struct unit_rec *r = v->r;
	json_t *row = list_row(l);
	char created[64], id[16];

	add_command(v, o->no_trunc, &command);
	view_ago(r->created_ns, now, &age);
	view_status(v, now, &status);
	view_ports(v, &ports);
	list_set(row, "Command", command.p);
	list_set(row, "CreatedAt", created_at(r, created));
	json_object_set_new(row, "ExitCode", json_integer(ended ? v->exit_code : 0));
	list_set(row, "Health", view_up(v) ? r->health : "");
	list_set(row, "ID", o->no_trunc ? r->id : view_short_id(r->id, id));
	list_set(row, "Image", r->image);
	add_labels(row, r);
	add_mounts(row, r, o->no_trunc);
	list_set(row, "Name", r->name);
	list_set(row, "Names", r->name);
	add_networks(row, r);
	json_object_set_new(row, "OOMKilled", json_boolean(r->oom));
	list_set(row, "Ports", ports.p);
	list_set(row, "Project", c->name);
	add_publishers(row, v);
	list_set(row, "Reason", view_reason(v));
	list_set(row, "RunningFor", age.p);
	list_set(row, "Service", r->service);
	list_set(row, "Size", "0B");
	list_set(row, "State", v->state);
	list_set(row, "Status", status.p);
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
	auto_strs struct strs wanted = STRS_INIT, left_out = STRS_INIT;
	auto_free struct view *list = NULL;
	struct list rows = { .columns = columns, .min_width = MIN_WIDTH, .whole = o->no_trunc };
	size_t all, n = 0;
	int r = 0;

	if (list_check(o->format, err) < 0 || wanted_states(o, &wanted, err) < 0)
		return -1;
	if (!o->orphans)
		cli_orphans(c, &left_out);
	c->runs = o->all;
	list = view_list(c, &all);
	for (size_t i = 0; i < all; i++)
		if ((!wanted.n || strs_has(&wanted, list[i].state)) && !strs_has(&left_out, list[i].r->service))
			list[n++] = list[i];
	if (o->quiet) {
		for (size_t i = 0; i < n; i++)
			ui_print(&c->ui, "%s\n", list[i].r->id ? list[i].r->id : "");
	} else if (o->services) {
		print_services(c, list, n);
	} else {
		for (size_t i = 0; i < n; i++)
			add_row(&rows, c, &list[i], o);
		r = list_print(c, &rows, o->format, err);
	}
	list_done(&rows);
	if (n)
		warn_of_full_disk(c);
	cli_tell_nobody(c);
	return r;
}

const struct cmd cmd_ps = {
	.name = "ps", .args = "[SERVICE...]", .summary = "list containers",
	.needs = NEED_NAME | ARGS_ARE_SERVICES | ONLY_LOOKS, .max_args = -1,
	.opts = ps_flags, .opts_size = sizeof(struct ps_opts), .defaults = &(const struct ps_opts){ .orphans = true }, .run = ps_run,
};
