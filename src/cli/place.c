#include "place.h"

#include <limits.h>
#include <string.h>

#include "../../compose/node.h"
#include "../util/auto.h"
#include "../util/mem.h"

static const struct node *item_of(const struct node *seq, const char *word)
{
	unsigned i;

	return seq->kind == NODE_SEQ && str_uint(word, 0, UINT_MAX, &i) == 0 && i < seq->n ? seq->items[i] : NULL;
}

struct place place_of(const struct project *p, const struct service *s, const char *where, bool is_key)
{
	const struct node *services = node_get(p->root, "services"), *n = services ? node_get(services, s->name) : NULL;
	struct place at = { .pos = s->pos };

	for (const char *w = where; n && *w; w += strcspn(w, "/"), w += *w == '/') {
		auto_free char *word = xstrndup(w, strcspn(w, "/"));
		const struct node_pair *pair = node_pair_get(n, word);

		if (pair && is_key && !w[strlen(word)])
			return (struct place){ pair->key_pos, (unsigned)strlen(word), NULL };
		n = pair ? pair->value : item_of(n, word);
		if (n && n->pos.file)
			at = (struct place){ n->pos, n->span, n->origin };
	}
	return at;
}

void place_say(struct diag *found, enum diag_level level, const struct place *at, const struct service *s, const struct err *why)
{
	if (level == DIAG_ERROR)
		diag_error(found, at->pos, "service '%s': %s", s->name, err_msg(why));
	else
		diag_warn(found, at->pos, "service '%s': %s", s->name, err_msg(why));
	diag_where(found, NULL, at->origin, at->span);
	if (why->hint)
		diag_hint(found, "%s", why->hint);
}

int place_print(struct cli *c, struct diag *found)
{
	auto_buf struct buf b = BUF_INIT;
	bool failed = diag_failed(found);
	struct diag shown;

	diag_sort(found);
	shown = *found;
	shown.sources = c->diag.sources; /* borrowed: the text of the files is there */
	shown.n_sources = c->diag.n_sources;
	ui_diag_format(&shown, c->ui.colour_err, &b);
	if (found->n)
		ui_stderr(&b);
	diag_done(found);
	*found = DIAG_INIT;
	return failed ? CLI_PRINTED : 0;
}
