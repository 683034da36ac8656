/* boot.c - the host comes up, the host goes down.
 *
 * Down: `davit shutdown`, or systemd stopping the scope that the project lives in (SIGURG, see scope.c): everything is stopped in the order
 * of the graph, and what ran is remembered by unit_rec.resume; nothing counts as stopped by its user. Then the supervisor ends, its
 * keeper with it; all that is on disk stays. After a power cut there is no such note: what the journal says was running, was.
 *
 * Up: `davit boot` leaves a mark in the run directory before it wakes the supervisor, so that the first one of this boot knows that
 * the whole project is to come, in its order, before policies start what they want by themselves. The mark is gone once the request
 * is on disk (txn.json), which takes its place. */
#include "sup.h"

#include <signal.h>
#include <unistd.h>

#include "../util/json.h"
#include "../util/log.h"
#include "../util/proc.h"
#include "txn.h"

void boot_read_mark(struct super *s)
{
	s->booting = faccessat(s->p.run_fd, BOOT_MARK, F_OK, 0) == 0;
}

void boot_submit(struct super *s)
{
	if (!s->booting)
		return;
	log_info("bringing up what ran before the boot");
	txn_submit(s, NULL, json_pack("{s:s}", "op", "boot"));
}

void boot_on_disk(struct super *s)
{
	unlinkat(s->p.run_fd, BOOT_MARK, 0);
	s->booting = false;
}

void boot_note(struct unit *u, bool ran)
{
	u->rec.resume |= ran && !u->rec.manual_stop;
}

/* An interrupted one of another boot has done its work: the host is down, and up again. */
bool shutdown_is_over(const json_t *req)
{
	return jx_bool(req, "shutdown", false) && !str_eq(jx_str(req, "boot_id"), proc_boot_id());
}

static void on_going_down(evutil_socket_t sig, short what, void *arg)
{
	struct super *s = arg;

	log_info("the host stops this project");
	txn_submit(s, NULL, json_pack("{s:s,s:b}", "op", "stop", "shutdown", 1));
}

int boot_watch(struct super *s, struct err *err)
{
	struct event *ev = evsignal_new(s->base, SIGURG, on_going_down, s);

	return ev && event_add(ev, NULL) == 0 ? 0 : err_set(err, ERR_FAIL, "cannot watch for SIGURG");
}
