/*
 * FFmpeg's log, kept short.
 */

#include "video_log.h"

#include <ctype.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/log.h>


static void video_log_take(void *avcl, int level, const char *fmt,
    va_list args);


static pthread_mutex_t  video_log_lock = PTHREAD_MUTEX_INITIALIZER;
static char             video_log_lines[VIDEO_LOG_LINES][VIDEO_LOG_BYTES];
static unsigned         video_log_n;
static unsigned long    video_log_errors;


void
video_log_start(void)
{
    pthread_mutex_lock(&video_log_lock);
    video_log_n = 0;
    video_log_errors = 0;
    pthread_mutex_unlock(&video_log_lock);

    av_log_set_callback(video_log_take);
}


unsigned long
video_log_end(void (*line)(void *ctx, const char *text), void *ctx)
{
    unsigned       i;
    unsigned long  errors;

    pthread_mutex_lock(&video_log_lock);

    for (i = 0; i < video_log_n; i++) {
        line(ctx, video_log_lines[i]);
    }

    errors = video_log_errors;

    pthread_mutex_unlock(&video_log_lock);

    return errors;
}


/* any thread of FFmpeg's or ours */
static void
video_log_take(void *avcl, int level, const char *fmt, va_list args)
{
    int       n;
    char      text[VIDEO_LOG_BYTES], *p;
    unsigned  i;

    if (level > AV_LOG_ERROR) {
        return;
    }

    n = avcl ? snprintf(text, sizeof(text), "%s: ",
                        (*(AVClass **) avcl)->item_name(avcl))
             : 0;
    if (n < 0 || n >= (int) sizeof(text)) {
        n = 0;
    }

    vsnprintf(text + n, sizeof(text) - n, fmt, args);

    /* names from the file may be in it */
    for (p = text; *p; p++) {
        if (*p == '\n') {
            *p = '\0';
            break;
        }

        if (!isprint((unsigned char) *p)) {
            *p = '?';
        }
    }

    pthread_mutex_lock(&video_log_lock);

    video_log_errors++;

    for (i = 0; i < video_log_n; i++) {
        if (strcmp(video_log_lines[i], text) == 0) {
            break;
        }
    }

    if (i == video_log_n && i < VIDEO_LOG_LINES) {
        snprintf(video_log_lines[i], VIDEO_LOG_BYTES, "%s", text);
        video_log_n++;
    }

    pthread_mutex_unlock(&video_log_lock);
}
