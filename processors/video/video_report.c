/*
 * The reason of a failure and the warnings of a run, from any thread.
 */

#include "video_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libavutil/error.h>


static pt_err_t video_err_of_av(int averr);


void
video_report_init(video_report_t *report)
{
    memset(report, 0, sizeof(*report));
    pthread_mutex_init(&report->lock, NULL);
}


void
video_report_done(video_report_t *report)
{
    pthread_mutex_destroy(&report->lock);
}


pt_err_t
video_fail(video_report_t *report, pt_err_t err, const char *fmt, ...)
{
    va_list  args;

    pthread_mutex_lock(&report->lock);

    if (report->err == PT_OK) {
        va_start(args, fmt);
        vsnprintf(report->reason, sizeof(report->reason), fmt, args);
        va_end(args);
        report->err = err;
    }

    pthread_mutex_unlock(&report->lock);

    return err;
}


pt_err_t
video_fail_av(video_report_t *report, int averr, const char *what)
{
    char  text[AV_ERROR_MAX_STRING_SIZE];

    (void) av_strerror(averr, text, sizeof(text));

    return video_fail(report, video_err_of_av(averr), "%s: %s", what, text);
}


static pt_err_t
video_err_of_av(int averr)
{
    switch (averr) {
    case AVERROR(ENOMEM):
        return PT_E_NOMEM;

    case AVERROR(EIO):
    case AVERROR(ENOSPC):
    case AVERROR(EDQUOT):
    case AVERROR(EFBIG):
        return PT_E_IO;

    case AVERROR_INVALIDDATA:
    case AVERROR_EOF:
        return PT_E_INPUT_BROKEN;

    case AVERROR_DECODER_NOT_FOUND:
    case AVERROR_PATCHWELCOME:
        return PT_E_INPUT_UNSUPPORTED;

    default:
        return PT_E_INTERNAL;
    }
}


pt_err_t
video_report_err(video_report_t *report)
{
    pt_err_t  err;

    pthread_mutex_lock(&report->lock);
    err = report->err;
    pthread_mutex_unlock(&report->lock);

    return err;
}


void
video_warn(video_report_t *report, const char *code, const char *fmt, ...)
{
    va_list           args;
    unsigned          i;
    video_warning_t  *w;

    pthread_mutex_lock(&report->lock);

    for (i = 0; i < report->nwarnings; i++) {
        if (strcmp(report->warnings[i].code, code) == 0) {
            goto done;
        }
    }

    if (i == VIDEO_WARNINGS_MAX) {
        goto done;
    }

    w = &report->warnings[i];
    w->code = code;

    va_start(args, fmt);
    vsnprintf(w->detail, sizeof(w->detail), fmt, args);
    va_end(args);

    report->nwarnings++;

done:

    pthread_mutex_unlock(&report->lock);
}
