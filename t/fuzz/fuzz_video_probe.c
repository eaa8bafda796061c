/* Any bytes as a video: opened, sniffed, demuxed to the end, planned for. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <libavutil/mem.h>

#include "video_log.h"
#include "video_plan.h"


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int              fd;
    char             path[64];
    unsigned         i;
    pt_err_t         err;
    video_info_t     info;
    video_plan_t     plan;
    video_report_t   report;
    video_request_t  request = { .thumbs.count = 10 };

    video_log_start();
    av_max_alloc(VIDEO_ALLOC_MAX);

    fd = memfd_create("video", MFD_CLOEXEC);
    if (fd == -1 || write(fd, data, size) != (ssize_t) size) {
        abort();
    }

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);

    video_report_init(&report);
    err = video_probe(&info, path, &report);

    if (err != report.err || (err != PT_OK && report.reason[0] == '\0')) {
        abort();
    }

    if (err == PT_OK) {
        video_plan(&plan, &request, &info, &report);

        if (plan.nrungs == 0 || info.end_us < info.start_us
            || info.start_us < 0
            || info.duration_us > VIDEO_SECONDS_MAX * (int64_t) 1000000)
        {
            abort();
        }

        for (i = 0; i < plan.nrungs; i++) {
            if (plan.rungs[i].width < 2 || plan.rungs[i].height < 2) {
                abort();
            }
        }
    }

    video_report_done(&report);
    close(fd);

    return 0;
}
