/* logclock.h - an order of lines that no jump of the wall clock disturbs; private to the log's files.
 *
 * A key is CLOCK_BOOTTIME (which counts suspended time, too) plus a base that is one number for all logs of a
 * project for as long as the machine runs: the wall clock's idea of when it was booted, or more where older
 * keys are later than that. So keys grow from boot to boot, whatever the wall clock does, and those of all
 * slots compare. LOG_CLOCK_FILE holds the boot's id and the base.
 *
 * Records keep wall time, which is for showing; the index says by LOG_CLOCK records how far the key is from
 * it. Where there are none (logs of older writers) the key is the wall time. */
#pragma once

#include <stdint.h>

/* The base of this boot, read or made. When it cannot be written it holds for this process alone. */
int64_t log_clock_base(int logs_fd);
/* Now, by both clocks, read at the same moment. */
void log_clock_read(int64_t base_ns, int64_t *ret_wall, int64_t *ret_key);
