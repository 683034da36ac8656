/* man: manual pages in the man macros of roff (man(7)), made of the rows that parse and help, for `make man`. A page for davit, and one for
 * each command; those of a group are sections of the group's page. */
#include <ctype.h>
#include <string.h>

#include "../util/auto.h"
#include "../util/mem.h"
#include "../util/version.h"
#include "manual.h"

/* Text as it is: roff's own characters do not count, and a hyphen is what people type. */
static void put(struct buf *out, const char *text)
{
	bool fresh = !out->len || out->p[out->len - 1] == '\n';

	for (const char *p = text; *p; p++) {
		if (fresh && (*p == '.' || *p == '\''))
			buf_str(out, "\\&");
		fresh = *p == '\n';
		if (*p == '\\')
			buf_str(out, "\\e");
		else if (*p == '-')
			buf_str(out, "\\-");
		else
			buf_char(out, *p);
	}
}

enum { LINE = 79 };

/* Breaks lines that are too long, as roff fills them anew anyway; but not before its own characters. */
static void fold(struct buf *out, size_t from)
{
	size_t begin = from, space = 0;

	for (size_t i = from; i < out->len; i++) {
		if (i - begin >= LINE && space) {
			out->p[space] = '\n';
			begin = space + 1;
			space = 0;
		}
		if (out->p[i] == '\n') {
			begin = i + 1;
			space = 0;
		} else if (out->p[i] == ' ' && !strchr(".'", out->p[i + 1])) {
			space = i;
		}
	}
}

static void put_line(struct buf *out, const char *text)
{
	size_t begin = out->len;

	while (begin && out->p[begin - 1] != '\n')
		begin--;
	put(out, text);
	buf_char(out, '\n');
	fold(out, begin);
}

/* "stop services" → "Stop services." */
static void put_sentence(struct buf *out, const char *text)
{
	auto_free char *copy = xstrdup(text);

	copy[0] = (char)toupper((unsigned char)copy[0]);
	auto_free char *sentence = xasprintf("%s%s", copy, strchr(".!?", copy[strlen(copy) - 1]) ? "" : ".");
	put_line(out, sentence);
}


static void put_bold(struct buf *out, const char *text)
{
	buf_str(out, "\\fB");
	put(out, text);
	buf_str(out, "\\fR");
}

/* The words of a usage: capitals are what the reader fills in. */
static void put_args(struct buf *out, const char *args)
{
	for (const char *p = args; *p;) {
		size_t n = strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_");
		auto_free char *word = xstrndup(p, n ? n : strcspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"));

		buf_str(out, n ? "\\fI" : "");
		put(out, word);
		buf_str(out, n ? "\\fR" : "");
		p += strlen(word);
	}
}

static void put_flag(struct buf *out, char letter, const char *name, const char *value)
{
	buf_str(out, ".TP\n");
	if (letter) {
		auto_free char *dashed = xasprintf("-%c", letter);

		put_bold(out, dashed);
		buf_str(out, ", ");
	}
	auto_free char *dashed = xasprintf("--%s", name);
	put_bold(out, dashed);
	if (value) {
		buf_str(out, " \\fI");
		put(out, value);
		buf_str(out, "\\fR");
	}
	buf_char(out, '\n');
}

static void put_options(struct buf *out, const struct opt *table)
{
	for (const struct opt *o = table; o && o->name; o++) {
		if (!opt_is_shown(o))
			continue;
		put_flag(out, o->letter, o->name, opt_value_name(o));
		put_line(out, o->help);
	}
	if (!opt_find(table, "help", 0)) {
		put_flag(out, 'h', "help", NULL);
		put_line(out, "print this help");
	}
}

static void put_rows(struct buf *out, const struct manual_row *rows)
{
	for (; rows->what; rows++) {
		buf_str(out, ".TP\n");
		put_bold(out, rows->what);
		buf_char(out, '\n');
		put_line(out, rows->text);
	}
}

static void put_exits(struct buf *out)
{
	buf_str(out, ".SH EXIT STATUS\n");
	put_rows(out, manual_exits);
	buf_str(out, ".PP\n");
	put_line(out, manual_exits_more);
}

/* "image ls" → "davit-image-ls" */
static char *page_of(const char *name)
{
	char *page = xasprintf("davit-%s", name);

	for (char *p = page; *p; p++)
		if (*p == ' ')
			*p = '-';
	return page;
}

static void put_title(struct buf *out, const char *page, const char *summary)
{
	auto_free char *upper = xstrdup(page);

	for (char *p = upper; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	buf_printf(out, ".\\\" Made by 'make man' of the tables of commands and flags.\n.TH \"%s\" 1 \"%s\" \"davit %s\" \"User commands\"\n.SH NAME\n",
		   upper, davit_version.date, davit_version.number);
	put(out, page);
	buf_str(out, " \\- ");
	put_line(out, summary);
}

static void put_synopsis(struct buf *out, const struct cmd *cmd)
{
	auto_free char *words = xasprintf("davit %s", cmd->name);

	put_bold(out, words);
	if (!cmd->subs) {
		buf_str(out, " [\\fIOPTIONS\\fR]");
		buf_str(out, *cmd->args ? " " : "");
		put_args(out, cmd->args);
	} else {
		buf_str(out, " \\fICOMMAND\\fR");
	}
	buf_char(out, '\n');
}

/* What a help says behind the options: its lines as they are. */
static void put_more(struct buf *out, const struct cmd *cmd)
{
	struct ui ui = { 0 };

	cmd->more_help(&ui);
	buf_str(out, ".PP\n.nf\n");
	put(out, ui.out.p ? ui.out.p + strspn(ui.out.p, "\n") : "");
	buf_str(out, ".fi\n");
	buf_done(&ui.out);
}

static void put_body(struct buf *out, const struct cmd *cmd)
{
	put_sentence(out, cmd->summary);
	if (cmd->details) {
		buf_str(out, ".PP\n");
		put_line(out, cmd->details + strspn(cmd->details, "\n"));
	}
}

static void put_sub(struct buf *out, const struct cmd *cmd)
{
	buf_str(out, ".SS ");
	put_synopsis(out, cmd);
	put_body(out, cmd);
	put_options(out, cmd->opts);
}

static void put_cmd(struct buf *out, const struct cmd *cmd)
{
	auto_free char *page = page_of(cmd->name);

	put_title(out, page, cmd->summary);
	buf_str(out, ".SH SYNOPSIS\n");
	put_synopsis(out, cmd);
	buf_str(out, ".SH DESCRIPTION\n");
	put_body(out, cmd);
	if (cmd->subs) {
		buf_str(out, ".SH COMMANDS\n");
		for (const struct cmd *const *sub = cmd->subs; *sub; sub++)
			if (!((*sub)->needs & NOT_IN_LIST))
				put_sub(out, *sub);
	} else {
		buf_str(out, ".SH OPTIONS\nThose that stand before the command are in\n.BR davit (1).\n");
		put_options(out, cmd->opts);
	}
	if (cmd->more_help)
		put_more(out, cmd);
	put_exits(out);
	buf_str(out, ".SH SEE ALSO\n.BR davit (1)\n");
}

static void put_davit(struct buf *out)
{
	put_title(out, "davit", "runs the containers that a compose file describes");
	buf_str(out, ".SH SYNOPSIS\n\\fBdavit\\fR [\\fIOPTIONS\\fR] \\fICOMMAND\\fR\n.SH DESCRIPTION\n");
	put_line(out, "davit reads the compose file that docker compose reads, makes its networks and volumes, starts its containers in the order of "
		      "their dependencies through an OCI runtime, and leaves behind one small supervisor for that project.\n"
		      "There is no daemon for the whole machine.");
	buf_str(out, ".SH COMMANDS\n");
	for (const struct cmd *const *cmd = cli_cmds; *cmd; cmd++) {
		auto_free char *page = page_of((*cmd)->name);

		if ((*cmd)->needs & NOT_IN_LIST)
			continue;
		buf_str(out, ".TP\n.BR ");
		put(out, page);
		buf_str(out, " (1)\n");
		put_line(out, (*cmd)->summary);
	}
	buf_str(out, ".SH OPTIONS\nThey stand before the command.\n");
	put_options(out, cli_flags);
	put_exits(out);
	buf_str(out, ".SH FILES\n");
	put_rows(out, manual_files);
	buf_str(out, ".SH ENVIRONMENT\n");
	put_rows(out, manual_env);
}

static int man_run(struct cli *c, const void *opts, struct err *err)
{
	const char *page = c->args.n ? c->args.v[0] : NULL;

	if (page && STREQ(page, "davit")) {
		put_davit(&c->ui.out);
		return 0;
	}
	if (!page)
		ui_print(&c->ui, "davit\n");
	for (const struct cmd *const *cmd = cli_cmds; *cmd; cmd++) {
		auto_free char *name = page_of((*cmd)->name);

		if ((*cmd)->needs & NOT_IN_LIST)
			continue;
		if (!page)
			ui_print(&c->ui, "%s\n", name);
		else if (STREQ(page, name)) {
			put_cmd(&c->ui.out, *cmd);
			return 0;
		}
	}
	return page ? err_set(err, ERR_USAGE, "there is no page '%s'", page) : 0;
}

const struct cmd cmd_man = {
	.name = "__man",
	.args = "[PAGE]",
	.summary = "print a page of the manual, or the names of the pages",
	.needs = NOT_IN_LIST | ONLY_LOOKS,
	.max_args = 1,
	.run = man_run,
};
