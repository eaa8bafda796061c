/*
 * What a run has to tell besides its files: the one reason why it failed, or
 * the warnings that go with a result.  Shared by all threads of a run; the
 * first reason is kept, later ones are its consequences.
 */

#ifndef VIDEO_REPORT_H
#define VIDEO_REPORT_H

#include <pthread.h>
#include "pt_err.h"


/* a file with more kinds of damage tells nobody more */
#define VIDEO_WARNINGS_MAX  16


typedef struct {
    const char       *code;        /* "truncated", static */
    char              detail[240]; /* a sentence for people */
} video_warning_t;


typedef struct {
    pthread_mutex_t   lock;
    pt_err_t          err;
    char              reason[240];
    video_warning_t   warnings[VIDEO_WARNINGS_MAX];
    unsigned          nwarnings;
} video_report_t;


void video_report_init(video_report_t *report);
void video_report_done(video_report_t *report);

/* the run fails with this reason; returns err */
pt_err_t video_fail(video_report_t *report, pt_err_t err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The same for a code of FFmpeg's: no memory and a full disk are ours, data
 * that make no sense are the input's.  Returns what it was mapped to.
 */
pt_err_t video_fail_av(video_report_t *report, int averr, const char *what);

pt_err_t video_report_err(video_report_t *report);

/* one warning for each code: the first detail is kept */
void video_warn(video_report_t *report, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));


#endif /* VIDEO_REPORT_H */
