/* Which picture makes the poster, and what is told of a run. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <libavutil/error.h>

#include "video_stills.h"


#define SIDE  64

static uint8_t  picture[SIDE * SIDE];


/* a checkerboard with steps of a given size, between two values */
static double
score_of(int step, int dark, int bright)
{
    int  x, y;

    for (y = 0; y < SIDE; y++) {
        for (x = 0; x < SIDE; x++) {
            picture[y * SIDE + x] = ((x / step + y / step) & 1) ? bright : dark;
        }
    }

    return video_poster_score(picture, SIDE, SIDE, SIDE);
}


static double
score_blurred(int step, int dark, int bright)
{
    int             x, y, i, k, sum;
    static uint8_t  soft[SIDE * SIDE];

    (void) score_of(step, dark, bright);

    for (y = 2; y < SIDE - 2; y++) {
        for (x = 2; x < SIDE - 2; x++) {
            sum = 0;

            for (i = -2; i <= 2; i++) {
                for (k = -2; k <= 2; k++) {
                    sum += picture[(y + i) * SIDE + x + k];
                }
            }

            soft[y * SIDE + x] = (uint8_t) (sum / 25);
        }
    }

    return video_poster_score(soft + 2 * SIDE + 2, SIDE, SIDE - 4, SIDE - 4);
}


static void
test_a_flat_picture_is_worth_nothing_at_any_level(void **state)
{
    (void) state;

    assert_true(score_of(8, 16, 16) < 0.001);
    assert_true(score_of(8, 110, 110) < 0.001);
    assert_true(score_of(8, 235, 235) < 0.001);
}


static void
test_sharp_and_well_exposed_wins(void **state)
{
    double  best;

    (void) state;

    best = score_of(8, 60, 160);

    assert_true(best > score_blurred(8, 60, 160) * 1.2);
    assert_true(best > score_of(8, 16, 40) * 2);        /* night */
    assert_true(best > score_of(8, 210, 235) * 2);      /* fog */
    assert_true(best > score_of(8, 105, 115) * 2);      /* no contrast */
}


static void
test_the_first_reason_of_a_failure_is_kept(void **state)
{
    video_report_t  report;

    (void) state;

    video_report_init(&report);

    assert_int_equal(video_fail(&report, PT_E_INPUT_LIMIT, "too %s", "long"),
                     PT_E_INPUT_LIMIT);
    assert_int_equal(video_fail_av(&report, AVERROR(ENOMEM), "later"),
                     PT_E_NOMEM);
    assert_int_equal(video_report_err(&report), PT_E_INPUT_LIMIT);
    assert_string_equal(report.reason, "too long");

    video_report_done(&report);
}


static void
test_codes_of_ffmpeg_tell_our_faults_from_the_input_s(void **state)
{
    size_t          i;
    video_report_t  report;
    static const struct { int av; pt_err_t err; }  codes[] = {
        { AVERROR(ENOSPC), PT_E_IO }, { AVERROR(EIO), PT_E_IO },
        { AVERROR_INVALIDDATA, PT_E_INPUT_BROKEN },
        { AVERROR_DECODER_NOT_FOUND, PT_E_INPUT_UNSUPPORTED },
        { AVERROR_BUG, PT_E_INTERNAL },
    };

    (void) state;

    for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        video_report_init(&report);
        assert_int_equal(video_fail_av(&report, codes[i].av, "x"),
                         codes[i].err);
        assert_true(strncmp(report.reason, "x: ", 3) == 0);
        video_report_done(&report);
    }
}


static void
test_warnings_are_one_for_each_code_and_bounded(void **state)
{
    unsigned        i;
    video_report_t  report;
    static char     codes[VIDEO_WARNINGS_MAX + 8][8];

    (void) state;

    video_report_init(&report);

    for (i = 0; i < VIDEO_WARNINGS_MAX + 8; i++) {
        snprintf(codes[i], sizeof(codes[i]), "c%u", i);
        video_warn(&report, codes[i], "first");
        video_warn(&report, codes[i], "second");
    }

    assert_int_equal(report.nwarnings, VIDEO_WARNINGS_MAX);
    assert_string_equal(report.warnings[0].detail, "first");

    video_report_done(&report);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_flat_picture_is_worth_nothing_at_any_level),
        cmocka_unit_test(test_sharp_and_well_exposed_wins),
        cmocka_unit_test(test_the_first_reason_of_a_failure_is_kept),
        cmocka_unit_test(test_codes_of_ffmpeg_tell_our_faults_from_the_input_s),
        cmocka_unit_test(test_warnings_are_one_for_each_code_and_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
