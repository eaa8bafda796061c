/* What is known of an input before the work starts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "video_log.h"
#include "video_probe.h"


/* the eight ways to hold a camera, or a mirror: the matrix, and where it
 * takes the corners (0,0) and (1,0) of a picture */
typedef struct {
    int32_t  a, b, c, d;
    int      degrees;
} video_turn_t;

static const video_turn_t  turns[] = {
    {  1,  0,  0,  1,   0 }, { -1,  0,  0,  1,   0 },
    {  1,  0,  0, -1,   0 }, { -1,  0,  0, -1, 180 },
    {  0,  1,  1,  0,  90 }, {  0,  1, -1,  0,  90 },
    {  0, -1,  1,  0, 270 }, {  0, -1, -1,  0,  90 },
};


static void
test_every_orientation_takes_each_corner_where_the_matrix_does(void **state)
{
    int             p, q, x, y, u, v, swap;
    size_t          i;
    int32_t         m[9];
    video_orient_t  o;

    (void) state;

    for (i = 0; i < sizeof(turns) / sizeof(turns[0]); i++) {
        memset(m, 0, sizeof(m));
        m[0] = turns[i].a * 65536;
        m[1] = turns[i].b * 65536;
        m[3] = turns[i].c * 65536;
        m[4] = turns[i].d * 65536;
        m[8] = 1 << 30;

        o = video_orient(m);
        assert_int_equal(video_orient_degrees(o), turns[i].degrees);

        /* centred coordinates, so that there is no translation */
        for (p = -1; p <= 1; p += 2) {
            for (q = -1; q <= 1; q += 2) {
                x = turns[i].a * p + turns[i].c * q;
                y = turns[i].b * p + turns[i].d * q;

                u = p;
                v = q;

                if (o.transpose) {
                    swap = u;
                    u = v;
                    v = swap;
                }

                assert_int_equal(o.hflip ? -u : u, x);
                assert_int_equal(o.vflip ? -v : v, y);
            }
        }
    }
}


static void
test_a_matrix_that_is_absent_or_slanted_leaves_the_picture(void **state)
{
    video_orient_t        o;
    static const int32_t  slanted[9] = {
        46341, 46341, 0, -46341, 46341, 0, 0, 0, 1 << 30
    };
    static const int32_t  zero[9] = { 0 };

    (void) state;

    o = video_orient(NULL);
    assert_false(o.transpose || o.hflip || o.vflip);

    o = video_orient(slanted);
    assert_false(o.transpose || o.hflip || o.vflip);

    o = video_orient(zero);
    assert_false(o.transpose || o.hflip || o.vflip);
}


static void
test_measured_rates_become_the_broadcast_rate_nearby(void **state)
{
    (void) state;

    assert_int_equal(av_cmp_q(video_rate_snap(23.98, 0.005),
                              (AVRational) { 24000, 1001 }), 0);
    assert_int_equal(av_cmp_q(video_rate_snap(24.001, 0.005),
                              (AVRational) { 24, 1 }), 0);
    assert_int_equal(av_cmp_q(video_rate_snap(29.97, 0.005),
                              (AVRational) { 30000, 1001 }), 0);
    assert_int_equal(av_cmp_q(video_rate_snap(60, 0.005),
                              (AVRational) { 60, 1 }), 0);
    assert_true(av_q2d(video_rate_snap(16.4, 0.005)) > 16.3);
    assert_true(av_q2d(video_rate_snap(16.4, 0.005)) < 16.5);

    assert_true(video_rate_known(25));
    assert_true(video_rate_known(24000 / 1001.0));
    assert_false(video_rate_known(24.39));
}


typedef struct {
    const char  *bytes;
    size_t       len;
    pt_err_t     err;
} video_hostile_t;

#define HOSTILE(text, e)  { text, sizeof(text) - 1, e }

static const video_hostile_t  hostile[] = {
    HOSTILE("", PT_E_INPUT_BROKEN),
    HOSTILE("x", PT_E_INPUT_UNSUPPORTED),
    HOSTILE("<html><script>alert(1)</script></html>\n",
            PT_E_INPUT_UNSUPPORTED),
    HOSTILE("#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6,\n"
            "file:///etc/passwd\n#EXT-X-ENDLIST\n", PT_E_INPUT_UNSUPPORTED),
    HOSTILE("ffconcat version 1.0\nfile '/etc/passwd'\n",
            PT_E_INPUT_UNSUPPORTED),
    HOSTILE("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\n"
            "m=video 27099 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
            PT_E_INPUT_UNSUPPORTED),
    HOSTILE("\0\0\0\x20" "ftypisom\0\0\2\0isomiso2avc1mp41"
            "\0\0\0\x08" "free", PT_E_INPUT_BROKEN),
    HOSTILE("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0"
            "\x90wS\xde\0\0\0\0IEND\xae" "B`\x82", PT_E_INPUT_UNSUPPORTED),
};


static void
test_what_is_no_video_is_refused_with_a_reason(void **state)
{
    int             fd;
    char            path[] = "/tmp/pitchey-video-XXXXXX";
    size_t          i;
    video_info_t    info;
    video_report_t  report;

    (void) state;

    video_log_start();

    fd = mkstemp(path);
    assert_true(fd != -1);

    for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        assert_int_equal(ftruncate(fd, 0), 0);
        assert_int_equal(pwrite(fd, hostile[i].bytes, hostile[i].len, 0),
                         (ssize_t) hostile[i].len);

        video_report_init(&report);
        assert_int_equal(video_probe(&info, path, &report), hostile[i].err);
        assert_int_equal(report.err, hostile[i].err);
        assert_true(strlen(report.reason) > 10);
        video_report_done(&report);
    }

    close(fd);
    unlink(path);

    video_report_init(&report);
    assert_int_equal(video_probe(&info, path, &report), PT_E_IO);
    video_report_done(&report);
}


static void
test_times_that_cannot_be_are_none(void **state)
{
    size_t    i;
    AVPacket  packet = { 0 };

    static const struct {
        AVRational  tb;
        int64_t     ts;
        bool        good;
    } times[] = {
        { { 1, 90000 }, 0, true },
        { { 1, 90000 }, -90000, true },
        { { 1, 90000 }, INT64_C(1) << 33, true },

        /* of a live recording: since 1970 */
        { { 1, 1000000 }, INT64_C(1795000000000000), true },
        { { 1, INT32_MAX }, INT64_MAX / 4, true },

        { { 1, 90000 }, AV_NOPTS_VALUE, false },
        { { 1, 90000 }, INT64_MAX, false },
        { { 1, 90000 }, INT64_MIN + 1, false },
        { { 1, 90000 }, INT64_MAX / 4, false },
        { { 1, 90000 }, -INT64_MAX / 4, false },
        { { 1, INT32_MAX }, INT64_MAX / 4 + 1, false },
        { { 1, INT32_MAX }, INT64_MAX, false },
        { { INT32_MAX, 1 }, INT32_MAX, false },
        { { INT32_MAX, 1 }, INT64_MAX / 8, false }
    };

    (void) state;

    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        packet.pts = times[i].ts;
        packet.dts = times[i].ts;
        video_packet_check(&packet, times[i].tb);

        assert_int_equal(packet.pts, times[i].good ? times[i].ts
                                                   : AV_NOPTS_VALUE);
        assert_int_equal(packet.dts, packet.pts);
    }

    /* and a packet lasts no longer than a film may */
    packet.duration = 3600;
    video_packet_check(&packet, (AVRational) { 1, 1 });
    assert_int_equal(packet.duration, 3600);

    packet.duration = 4 * 3600 + 1;
    video_packet_check(&packet, (AVRational) { 1, 1 });
    assert_int_equal(packet.duration, 0);

    packet.duration = INT64_MAX;
    video_packet_check(&packet, (AVRational) { 1, 1000 });
    assert_int_equal(packet.duration, 0);

    packet.duration = -1;
    video_packet_check(&packet, (AVRational) { 1, 1000 });
    assert_int_equal(packet.duration, 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(
            test_every_orientation_takes_each_corner_where_the_matrix_does),
        cmocka_unit_test(
            test_a_matrix_that_is_absent_or_slanted_leaves_the_picture),
        cmocka_unit_test(test_measured_rates_become_the_broadcast_rate_nearby),
        cmocka_unit_test(test_what_is_no_video_is_refused_with_a_reason),
        cmocka_unit_test(test_times_that_cannot_be_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
