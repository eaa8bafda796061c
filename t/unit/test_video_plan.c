/* What is made of which input: the ladder. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "video_plan.h"


typedef struct {
    int          width;
    int          height;
    const char  *rungs;
} video_case_t;


static const video_case_t  cases[] = {
    { 1920, 1080, "1080p 1920x1080, 720p 1280x720, 480p 854x480" },
    { 3840, 2160, "1080p 1920x1080, 720p 1280x720, 480p 854x480" },
    { 1280,  720, "720p 1280x720, 480p 854x480" },
    {  854,  480, "480p 854x480" },
    {  640,  360, "360p 640x360" },
    {  161,  121, "120p 160x120" },

    /* portrait: the box stands upright */
    { 1080, 1920, "1080p 1080x1920, 720p 720x1280, 480p 480x854" },
    {  720, 1280, "720p 720x1280, 480p 480x854" },

    /* film formats: as wide as the box, and less high */
    { 1920,  800, "1080p 1920x800, 720p 1280x534, 480p 854x356" },
    { 1920, 1036, "1080p 1920x1036, 720p 1280x690, 480p 854x460" },

    /* narrower than 16:9: as high as the box */
    { 1440, 1080, "1080p 1440x1080, 720p 960x720, 480p 640x480" },
    {  642,  642, "480p 480x480" },
    { 1024,  576, "480p 854x480" },

    { 2, 2, "2p 2x2" },
    { 1, 1, "2p 2x2" },
};


static void
plan(video_plan_t *p, int width, int height, const int *ladder, unsigned n,
    video_report_t *report)
{
    video_info_t     info;
    video_request_t  request;

    memset(&info, 0, sizeof(info));
    memset(&request, 0, sizeof(request));

    info.width = width;
    info.height = height;
    request.nladder = n;

    if (n > 0) {
        memcpy(request.ladder, ladder, n * sizeof(*ladder));
    }

    video_plan(p, &request, &info, report);
}


static void
text_of(const video_plan_t *p, char *text, size_t size)
{
    int       n;
    unsigned  i;

    n = 0;

    for (i = 0; i < p->nrungs; i++) {
        n += snprintf(text + n, size - n, "%s%s %dx%d", i ? ", " : "",
                      p->rungs[i].name, p->rungs[i].width,
                      p->rungs[i].height);
    }
}


static void
test_caps_grow_with_pixels_and_pictures(void **state)
{
    (void) state;

    assert_in_range(video_cap(1920, 1080, 24), 7900000, 8200000);
    assert_in_range(video_cap(1280, 720, 24), 4200000, 4600000);
    assert_in_range(video_cap(854, 480, 24), 2300000, 2600000);
    assert_in_range(video_cap(480, 854, 60), 3300000, 3900000);
    assert_in_range(video_cap(2, 2, 24), 64000, 70000);
}


static void
test_auto_fits_the_picture_into_each_box_it_reaches(void **state)
{
    char            text[256];
    size_t          i;
    video_plan_t    p;
    video_report_t  report;

    (void) state;

    video_report_init(&report);

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        plan(&p, cases[i].width, cases[i].height, NULL, 0, &report);
        text_of(&p, text, sizeof(text));
        assert_string_equal(text, cases[i].rungs);
    }

    assert_int_equal(report.nwarnings, 0);
    video_report_done(&report);
}


static void
test_nothing_is_enlarged_or_odd_at_any_size(void **state)
{
    int             w, h;
    unsigned        i;
    video_plan_t    p;
    video_report_t  report;

    (void) state;

    video_report_init(&report);

    for (w = 16; w <= 4100; w += 37) {
        for (h = 16; h <= 4100; h += 41) {
            plan(&p, w, h, NULL, 0, &report);
            assert_in_range(p.nrungs, 1, VIDEO_RUNGS_MAX);

            for (i = 0; i < p.nrungs; i++) {
                /* evening out may add one line to an odd size */
                assert_true(p.rungs[i].width <= w + 1);
                assert_true(p.rungs[i].height <= h + 1);
                assert_int_equal(p.rungs[i].width % 2, 0);
                assert_int_equal(p.rungs[i].height % 2, 0);
            }

            for (i = 1; i < p.nrungs; i++) {
                assert_true(p.rungs[i].width <= p.rungs[i - 1].width);
            }
        }
    }

    video_report_done(&report);
}


static void
test_a_list_is_made_largest_first_as_far_as_the_picture_reaches(
    void **state)
{
    int             ladder[] = { 480, 1080 };
    char            text[256];
    video_plan_t    p;
    video_report_t  report;

    (void) state;

    video_report_init(&report);

    plan(&p, 1920, 1080, ladder, 2, &report);
    text_of(&p, text, sizeof(text));
    assert_string_equal(text, "1080p 1920x1080, 480p 854x480");
    assert_int_equal(report.nwarnings, 0);

    plan(&p, 1280, 720, ladder, 2, &report);
    text_of(&p, text, sizeof(text));
    assert_string_equal(text, "480p 854x480");
    assert_int_equal(report.nwarnings, 1);
    assert_string_equal(report.warnings[0].code, "not_enlarged");

    plan(&p, 640, 360, ladder, 2, &report);
    text_of(&p, text, sizeof(text));
    assert_string_equal(text, "360p 640x360");

    video_report_done(&report);
}


static void
test_only_presets_that_exist_are_found(void **state)
{
    (void) state;

    assert_string_equal(video_preset("fast")->x264, "veryfast");
    assert_string_equal(video_preset("fast")->crf, "23");
    assert_non_null(video_preset("balanced"));
    assert_non_null(video_preset("quality"));
    assert_null(video_preset("fastest"));
    assert_null(video_preset(""));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_caps_grow_with_pixels_and_pictures),
        cmocka_unit_test(test_auto_fits_the_picture_into_each_box_it_reaches),
        cmocka_unit_test(test_nothing_is_enlarged_or_odd_at_any_size),
        cmocka_unit_test(
            test_a_list_is_made_largest_first_as_far_as_the_picture_reaches),
        cmocka_unit_test(test_only_presets_that_exist_are_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
