#include "unit_file.h"

#include <string.h>

#include "../../compose/graph.h"
#include "../util/auto.h"
#include "../util/clock.h"
#include "../util/mem.h"

enum { GRACE_S = 10, CLEAN_S = 2, SLACK_S = 30 };

/* ------------------------------------------------------------------ text */

/* One word of a unit file; `exec`: of a command line, where $ is special, too. */
static void put_word(struct buf *b, const char *s, bool exec)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@+=,";
	bool quoted = !*s || s[strspn(s, plain)];

	buf_str(b, quoted ? " \"" : " ");
	for (; *s; s++) {
		if (*s == '%' || (exec && *s == '$'))
			buf_char(b, *s);
		else if (*s == '"' || *s == '\\')
			buf_char(b, '\\');
		buf_char(b, *s);
	}
	if (quoted)
		buf_char(b, '"');
}

static void put_command(const struct unit_file *u, const char *key, const char *command, struct buf *b)
{
	const char *const words[] = { "--state-dir", u->state_dir, "--run-dir", u->run_dir, u->runtime ? "--runtime" : NULL, u->runtime,
				      "--project-name", u->project, command };

	buf_printf(b, "%s=", key);
	auto_buf struct buf line = BUF_INIT;
	put_word(&line, u->program, true);
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i])
			put_word(&line, words[i], true);
	buf_printf(b, "%s\n", line.p + 1);
}

void unit_file_text(const struct unit_file *u, struct buf *b)
{
	buf_printf(b, "# Written by 'davit enable', and again by 'davit up -d' when the project changes; 'davit disable' removes it.\n"
		      "[Unit]\n"
		      "Description=davit project '%s'\n"
		      "Wants=network-online.target\n"
		      "After=network-online.target remote-fs.target local-fs.target davit-%s.scope\n", u->project, u->project);
	if (u->mounts.n) {
		buf_str(b, "RequiresMountsFor=");
		auto_buf struct buf line = BUF_INIT;
		for (size_t i = 0; i < u->mounts.n; i++)
			put_word(&line, u->mounts.v[i], false);
		buf_printf(b, "%s\n", line.p + 1);
	}
	buf_str(b, "\n[Service]\n"
		   "Type=notify\n"
		   "RemainAfterExit=yes\n");
	put_command(u, "ExecStart", "boot", b);
	put_command(u, "ExecStop", "shutdown", b);
	buf_printf(b, "TimeoutStartSec=300\n"
		      "TimeoutStopSec=%lld\n"
		      "KillSignal=SIGURG\n"
		      "Delegate=yes\n"
		      "TasksMax=infinity\n"
		      "OOMPolicy=continue\n"
		      "\n[Install]\n"
		      "WantedBy=multi-user.target\n", (long long)u->stop_s);
}

/* ------------------------------------------------------------------ what it needs to know of the model */

/* A path that a unit file cannot hold on one line is left out. */
static void add_path(struct strs *l, const char *path)
{
	if (path && *path == '/' && !strpbrk(path, "\n\r") && !strs_has(l, path))
		strs_add(l, path);
}

static void add_files(struct strs *l, const struct file_object *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add_path(l, v[i].file);
}

void unit_file_mounts(const struct project *p, struct strs *ret)
{
	add_path(ret, p->working_dir);
	for (size_t i = 0; i < p->n_services; i++)
		for (size_t k = 0; k < p->services[i].n_mounts; k++)
			if (p->services[i].mounts[k].type == MOUNT_BIND)
				add_path(ret, p->services[i].mounts[k].source);
	add_files(ret, p->configs, p->n_configs);
	add_files(ret, p->secrets, p->n_secrets);
}

static int64_t own_s(const struct service *s)
{
	int64_t grace = s->stop_grace_ns >= 0 ? s->stop_grace_ns / SEC_NS + (s->stop_grace_ns % SEC_NS != 0) : GRACE_S;

	return grace * (s->n_pre_stop ? 2 : 1) + CLEAN_S;
}

int64_t unit_file_stop_s(const struct project *p)
{
	const struct graph *g = graph_new(p);
	auto_free int64_t *until = xcalloc(p->n_services + 1, sizeof *until);
	int64_t longest = 0;

	for (size_t k = p->n_services; k-- > 0;) {       /* dependents come last in the order */
		size_t i = g->order[k];
		int64_t before = 0;
		for (size_t e = 0; e < g->v[i].n_needed; e++)
			if (until[g->v[i].needed[e].to] > before)
				before = until[g->v[i].needed[e].to];
		until[i] = before + own_s(&p->services[i]);
		if (until[i] > longest)
			longest = until[i];
	}
	return longest + SLACK_S;
}
