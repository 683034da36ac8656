/* boot_mark.c - the mark that `davit boot` leaves for the supervisor (boot.c); apart, because the command line links no more of it. */
#include "super.h"

#include "../util/path.h"
#include "sup.h"

int super_mark_boot(const struct dirs *d, const char *project, struct err *err)
{
	struct pdirs p;
	int r;

	if (pdirs_open(d, project, true, &p, err) < 0)
		return -1;
	r = path_write(p.run_fd, BOOT_MARK, "", 0, 0600, 0, err);
	pdirs_done(&p);
	return r;
}
