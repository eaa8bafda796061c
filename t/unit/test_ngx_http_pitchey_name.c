/* Names of uploads in and out, paths of outputs, storage keys. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "ngx_http_pitchey_name.h"


static void
test_a_disposition_gives_the_name(void **state)
{
    size_t    i;
    char      buf[NGX_HTTP_PITCHEY_NAME_LEN];
    pt_str_t  name;

    static const char *const  cases[][2] = {
        { "attachment; filename=\"a.mp4\"", "a.mp4" },
        { "attachment;FileName = a.mp4 ", "a.mp4" },
        { "attachment; filename=\"a;b=\\\"c\\\".mp4\"", "a;b=\"c\".mp4" },
        { "attachment; filename=\"C:\\films\\a.mp4\"", "a.mp4" },
        { "attachment; filename=\"../../etc/passwd\"", "passwd" },
        { "attachment; filename=\"..\"", "" },
        { "attachment; filename*=UTF-8''na%C3%AFve%20film.mp4",
          "na\xc3\xafve film.mp4" },
        { "attachment; filename=\"x\"; filename*=utf-8'en'y", "y" },
        { "attachment; filename*=utf-8'en'y; filename=\"x\"", "y" },
        { "attachment; filename=\"x\"; filename*=utf-8''..", "x" },
        { "attachment; filename=\"x\"; filename*=iso-8859-1''%E9", "x" },
        { "attachment; filename=\"x\"; filename*=UTF-8''%E9", "x" },
        { "attachment; filename=\"x\"; filename*=UTF-8''%4", "x" },
        { "attachment; filename=\"x\"; filename*=UTF-8''%zz", "x" },
        { "attachment; filename*=UTF-8''a%00b%0d%0ac%2fd%7f.mp4", "d.mp4" },
        { "attachment; filename=\"a\xc2\x85" "b\tc\"", "abc" },
        { "attachment; filename=\"never closed", "\"never closed" },
        { "attachment; filename=", "" },
        { "attachment; filename", "" },
        { "attachment", "" },
        { ";;;=;\"", "" },
        { "", "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        name = ngx_http_pitchey_name_parse(pt_str(cases[i][0]), buf);

        if (!pt_str_is(name, cases[i][1])) {
            fail_msg("%s: \"%.*s\", expected \"%s\"", cases[i][0],
                     PT_STR_ARG(name), cases[i][1]);
        }
    }
}


static void
test_a_long_name_is_cut_between_characters(void **state)
{
    size_t    i;
    char      name[601], buf[NGX_HTTP_PITCHEY_NAME_LEN];
    pt_str_t  clean;

    (void) state;

    for (i = 0; i + 2 <= 600; i += 2) {
        memcpy(name + i, "\xc3\xa4", 2);
    }

    clean = ngx_http_pitchey_name_clean((pt_str_t) { name, 600 }, buf);
    assert_int_equal(clean.len, 254);
    assert_true(pt_str_is_utf8(clean));

    name[0] = name[1] = 'a';
    clean = ngx_http_pitchey_name_clean((pt_str_t) { name + 1, 599 }, buf);
    assert_int_equal(clean.len, 255);
    assert_true(pt_str_is_utf8(clean));
}


static void
test_a_name_goes_out_as_it_came_in(void **state)
{
    size_t    i, len;
    char      out[2048], buf[NGX_HTTP_PITCHEY_NAME_LEN];
    pt_str_t  name;

    static const char *const  names[] = {
        "a.mp4", "a;b=\"c\".mp4", "100%.mp4", "na\xc3\xafve \xf0\x9f\x8e\xac",
        "back\xe2\x81\x84slash", "'quoted'", "a,b"
    };

    (void) state;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        len = ngx_http_pitchey_name_disposition(true, pt_str(names[i]), NULL);
        assert_in_range(len, 10, sizeof(out));
        assert_int_equal(len, ngx_http_pitchey_name_disposition(true,
                                                  pt_str(names[i]), out));

        name = ngx_http_pitchey_name_parse((pt_str_t) { out, len }, buf);
        assert_true(pt_str_is(name, names[i]));
    }

    len = ngx_http_pitchey_name_disposition(true, pt_str("n\xc3\xa4\"h.mp4"),
                                            out);
    assert_true(pt_str_is((pt_str_t) { out, len },
        "attachment; filename=\"n__h.mp4\"; filename*=UTF-8''n%C3%A4%22h.mp4"));

    len = ngx_http_pitchey_name_disposition(false, PT_STR(""), out);
    assert_true(pt_str_is((pt_str_t) { out, len }, "inline"));
}


static void
test_an_output_path_stays_below_its_folder(void **state)
{
    size_t    i;
    char      path[600];

    static const char *const  good[] = {
        "a", "contract.pdf", "hls/720p/seg-1.m4s", "a..b", "a._-0", "0/1/2"
    };

    static const char *const  bad[] = {
        "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b",
        "a/./b", ".hidden", "a/.hidden", "A", "a b", "a\\b", "a%2e", "a\n",
        "\xc3\xa4", "a:b", "~"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ngx_http_pitchey_name_is_output(pt_str(good[i])));
        assert_true(ngx_http_pitchey_name_is_key(pt_str(good[i])));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        if (ngx_http_pitchey_name_is_output(pt_str(bad[i]))
            || ngx_http_pitchey_name_is_key(pt_str(bad[i])))
        {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }

    assert_false(ngx_http_pitchey_name_is_output((pt_str_t) { "a\0b", 3 }));

    memset(path, 'a', sizeof(path));
    assert_true(ngx_http_pitchey_name_is_output((pt_str_t) { path, 255 }));
    assert_false(ngx_http_pitchey_name_is_output((pt_str_t) { path, 256 }));
    assert_true(ngx_http_pitchey_name_is_key((pt_str_t) { path, 512 }));
    assert_false(ngx_http_pitchey_name_is_key((pt_str_t) { path, 513 }));
}


static void
test_the_key_of_a_file_is_made_of_its_id(void **state)
{
    char      key[NGX_HTTP_PITCHEY_NAME_FILE_KEY_LEN];
    pt_id_t   id;

    (void) state;

    assert_int_equal(pt_id_parse(PT_STR("0198c3a2-7b1e-7d44-9c55-2f6a8e1b9dF3"),
                                 &id), PT_OK);

    ngx_http_pitchey_name_file_key(&id, key);

    assert_true(pt_str_is((pt_str_t) { key, sizeof(key) },
                          "files/f3/0198c3a2-7b1e-7d44-9c55-2f6a8e1b9df3"));
    assert_true(ngx_http_pitchey_name_is_key((pt_str_t) { key, sizeof(key) }));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_disposition_gives_the_name),
        cmocka_unit_test(test_a_long_name_is_cut_between_characters),
        cmocka_unit_test(test_a_name_goes_out_as_it_came_in),
        cmocka_unit_test(test_an_output_path_stays_below_its_folder),
        cmocka_unit_test(test_the_key_of_a_file_is_made_of_its_id)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
