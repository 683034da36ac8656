/* http_pace.c - whether a request that goes on goes on fast enough.
 *
 * How it works: libcurl ends what is silent (http_request.c), but one byte a second is not silence. So from the first byte of the body that
 * is sent, and anew from the first line of the answer, the bytes of each window of time are counted: a document has to bring
 * DOC_RATE in each window_ms, which limits its whole time, since its size is limited; a blob BULK_RATE in BULK_WINDOWS times that. It is not
 * CURLOPT_TIMEOUT, which is about the whole of a request and knows nothing of sizes, nor CURLOPT_LOW_SPEED_LIMIT, which is
 * about the last few seconds and has one limit only. Waiting for a connection of our own does not count, as the request has not begun. */
#include <event2/event.h>
#include <inttypes.h>
#include <stdlib.h>

#include "http_parts.h"

enum { DOC_RATE = 4 << 10, BULK_RATE = 100, BULK_WINDOWS = 5 };

/* The answer to a blob that was sent is a document. */
static bool is_bulk(const struct http_req *r)
{
	return r->want.bulk && !(r->want.body && r->head_bytes > 0);
}

static uint64_t window_ms(const struct http_req *r)
{
	return (uint64_t)r->conf->window_ms * (is_bulk(r) ? BULK_WINDOWS : 1);
}

/* Heads, and what libcurl gave to and took from the connection of the bodies. */
static uint64_t count_moved(struct http_req *r)
{
	curl_off_t down = 0, up = 0;

	curl_easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	curl_easy_getinfo(r->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	return r->head_bytes + (uint64_t)down + (uint64_t)up;
}

/* What it was sent is there, and it has not begun to answer: it may need its time, and how long it may be silent libcurl knows. */
static bool is_thinking(struct http_req *r)
{
	curl_off_t up = 0;

	curl_easy_getinfo(r->easy, CURLINFO_SIZE_UPLOAD_T, &up);
	return r->head_bytes == 0 && (!r->want.body || (uint64_t)up >= r->want.body->size);
}

static void give_up(struct http_req *r, uint64_t in_window)
{
	int64_t size = r->head_told ? http_length(&r->answer) : -1;
	double window_s = (double)window_ms(r) / 1000;
	curl_off_t down = 0;

	r->fault = r->windows > 0 ? HTTP_BROKEN : HTTP_SLOW;
	curl_easy_getinfo(r->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
	if (r->head_bytes == 0)
		err_set(&r->err, ERR_TIMEOUT, "too slow: it took %" PRIu64 " bytes in %g s", in_window, window_s);
	else if (size < 0)
		err_set(&r->err, ERR_TIMEOUT, "too slow: %" PRIu64 " bytes in %g s (%" PRId64 " of its answer so far)", in_window, window_s,
			(int64_t)down);
	else
		err_set(&r->err, ERR_TIMEOUT, "too slow: %" PRIu64 " bytes in %g s (%" PRId64 " of the %" PRId64 " of its answer so far)",
			in_window, window_s, (int64_t)down, size);
	http_end(r);
}

static void open_window(struct http_req *r)
{
	const struct timeval in = { .tv_sec = (time_t)(window_ms(r) / 1000), .tv_usec = (suseconds_t)(window_ms(r) % 1000 * 1000) };

	r->moved = count_moved(r);
	if (evtimer_add(r->pace, &in) < 0)
		abort();
}

static void on_window(evutil_socket_t fd, short what, void *arg)
{
	struct http_req *r = arg;
	uint64_t moved = count_moved(r), least = window_ms(r) * (is_bulk(r) ? BULK_RATE : DOC_RATE) / 1000;

	if (r->state != REQ_RUNNING)
		return;
	if (moved >= r->moved && moved - r->moved < least && !is_thinking(r)) {
		give_up(r, moved - r->moved);
		return;
	}
	r->windows++;
	open_window(r);
}

void http_pace_begin(struct http_req *r)
{
	if (!r->pace && !(r->pace = evtimer_new(r->conf->base, on_window, r)))
		abort();
	r->windows = 0;
	open_window(r);
}

void http_pace_done(struct http_req *r)
{
	if (r->pace)
		event_free(r->pace);
	r->pace = NULL;
}
