/* Any bytes as a file of captions: read, cut up, written as WebVTT. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libavutil/mem.h>

#include "video_captions.h"
#include "video_log.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                   fd;
    char                  path[64];
    pt_err_t              err;
    video_info_t          info;
    video_report_t        report;
    video_captions_t      captions;
    video_caption_file_t  wanted = { .language = "en" };

    static char  folder[] = "/tmp/fuzz_captions.XXXXXX";
    static bool  made;

    if (!made && mkdtemp(folder) == NULL) {
        abort();
    }

    made = true;

    video_log_start();
    av_max_alloc(VIDEO_ALLOC_MAX);

    fd = memfd_create("captions", MFD_CLOEXEC);
    if (fd == -1 || write(fd, data, size) != (ssize_t) size) {
        abort();
    }

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

    memset(&info, 0, sizeof(info));
    info.duration_us = 60 * AV_TIME_BASE;

    video_report_init(&report);
    video_captions_init(&captions, &report);

    err = video_captions_file(&captions, path, &wanted);

    if (err != report.err || (err != PT_OK && report.reason[0] == '\0')) {
        abort();
    }

    if (err == PT_OK && (captions.n != 1 || captions.tracks[0].ncues == 0
                         || video_captions_write(&captions, folder, &info)
                            != PT_OK))
    {
        abort();
    }

    video_captions_done(&captions);
    video_report_done(&report);
    (void) close(fd);

    return 0;
}
