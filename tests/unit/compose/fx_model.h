/* fx_model.h - a text to a model without the front's discovery: one document, made canonical, normalised, checked, lowered. */
#pragma once

#include "fx.h"

#include "../../../compose/stages.h"

static inline struct stage_ctx fx_stage(struct fx *fx)
{
	return (struct stage_ctx){ .a = fx->a, .d = &fx->d, .project_name = "demo", .working_dir = "/srv/demo" };
}

/* What is left after check; NULL only when the text is no mapping. Problems are in fx->d. */
static inline struct node *fx_canon(struct fx *fx, const char *text)
{
	struct stage_ctx s = fx_stage(fx);
	struct node *root = canon_tree(&s, fx_load(fx, text));

	if (root && !diag_failed(&fx->d)) {
		default_values(&s, root);
		default_maps(&s, root);
		normalise(&s, root);
		x_davit_tree(&s, root);
		check_tree(&s, root);
	}
	return root;
}

/* The model; belongs to the fixture's arena, so it is not released. */
static inline struct project *fx_model(struct fx *fx, const char *text)
{
	struct stage_ctx s = fx_stage(fx);
	struct node *root = fx_canon(fx, text);
	struct project *p;

	for (size_t i = 0; i < fx->d.n; i++)
		if (fx->d.items[i].level == DIAG_ERROR)
			print_message("%u:%u %s\n", fx->d.items[i].pos.line, fx->d.items[i].pos.col, fx->d.items[i].msg);
	assert_false(diag_failed(&fx->d));
	p = lower(&s, root, NULL, NULL);
	project_hash(p);
	return p;
}
