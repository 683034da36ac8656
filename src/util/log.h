/* log.h - one line per event, for whoever reads the supervisor's diary.
 *
 * The supervisor logs to a bounded file, a worker inherits it; the command line logs nothing unless DAVIT_DEBUG is set. Never
 * a place for what a user should know: that travels as err or event. */
#pragma once

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* fd is borrowed; -1 turns it off. When the file exceeds max_bytes it is emptied first (0: unbounded). */
void log_to(int fd, enum log_level level, long max_bytes);
void log_at(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
#define log_error(...) log_at(LOG_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_DEBUG, __VA_ARGS__)
