#include "rate.h"

#include <string.h>

#include "../util/clock.h"
#include "../util/str.h"

enum { POINT_MS = RATE_WINDOW_MS / (RATE_POINTS - 1), EARLY_MS = 500, FAR_S = 24 * 3600 };

void rate_add(struct rate *r, int64_t now_ns, uint64_t bytes)
{
	if (r->n && bytes < r->at[r->n - 1].bytes)
		r->n = 0;
	if (r->n > 1 && now_ns - r->at[r->n - 2].ns < POINT_MS * MS_NS) {   /* the last point is still moving */
		r->at[r->n - 1].ns = now_ns;
		r->at[r->n - 1].bytes = bytes;
		return;
	}
	if (r->n == RATE_POINTS) {
		memmove(r->at, r->at + 1, sizeof r->at - sizeof *r->at);
		r->n--;
	}
	r->at[r->n].ns = now_ns;
	r->at[r->n++].bytes = bytes;
}

double rate_per_s(const struct rate *r, int64_t now_ns)
{
	unsigned first = 0;
	int64_t took_ns;

	/* the newest that is old enough to have the window behind it */
	while (first + 1 < r->n && now_ns - r->at[first + 1].ns >= RATE_WINDOW_MS * MS_NS)
		first++;
	if (r->n < 2 || (took_ns = now_ns - r->at[first].ns) < EARLY_MS * MS_NS)
		return 0;
	return (double)(r->at[r->n - 1].bytes - r->at[first].bytes) / ((double)took_ns / SEC_NS);
}

int64_t rate_left_s(const struct rate *r, int64_t now_ns, uint64_t rest)
{
	double per_s = rate_per_s(r, now_ns), left;

	if (per_s < 1 || !rest || now_ns - r->at[0].ns < 2 * SEC_NS)
		return -1;
	left = (double)rest / per_s;
	return left < FAR_S ? (int64_t)(left + 0.999) : -1;
}

static void format_left(int64_t s, struct buf *out)
{
	buf_str(out, "  ");
	if (s >= 3600)
		buf_printf(out, "%dh%02dm left", (int)(s / 3600), (int)(s / 60 % 60));
	else if (s >= 60)
		buf_printf(out, "%dm%02ds left", (int)(s / 60), (int)(s % 60));
	else
		buf_printf(out, "%ds left", (int)s);
}

void rate_format(const struct rate *r, int64_t now_ns, uint64_t bytes, uint64_t size, struct buf *out)
{
	double per_s = rate_per_s(r, now_ns);
	int64_t left = rate_left_s(r, now_ns, size > bytes ? size - bytes : 0);
	char text[24];

	str_human_size((double)bytes, text);
	buf_printf(out, "%s/", text);
	str_human_size((double)size, text);
	buf_str(out, text);
	if (per_s >= 1 && bytes < size) {
		str_human_size(per_s, text);
		buf_printf(out, "  %s/s", text);
	}
	if (left >= 0)
		format_left(left, out);
}
