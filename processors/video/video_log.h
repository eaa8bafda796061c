/*
 * FFmpeg's log, kept short: a damaged file makes it write a line for each
 * macroblock.  Its log is one for the process, and so is this.
 */

#ifndef VIDEO_LOG_H
#define VIDEO_LOG_H

#include <stddef.h>


#define VIDEO_LOG_LINES  6
#define VIDEO_LOG_BYTES  200


/* from here on errors are collected, and nothing goes to stderr */
void video_log_start(void);

/*
 * Errors since then.  line(): each of the first few different ones, printable
 * text without a line end.
 */
unsigned long video_log_end(void (*line)(void *ctx, const char *text),
    void *ctx);


#endif /* VIDEO_LOG_H */
