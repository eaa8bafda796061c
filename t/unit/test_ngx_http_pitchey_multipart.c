/* Forms: cut into pieces at every byte, they are the same parts. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ngx_http_pitchey_multipart.h"


/* what a body gave, as text: <name|type>content; then "." at its end, "!" */
static void
parse(const char *type, const char *body, size_t len, size_t piece,
    size_t room, char *out)
{
    size_t                         n;
    pt_str_t                       data;
    const char                    *pos, *last, *end = body + len;
    ngx_http_pitchey_multipart_t   m;
    ngx_http_pitchey_multipart_e   event;

    if (!ngx_http_pitchey_multipart_init(&m, pt_str(type))) {
        strcpy(out, "?");
        return;
    }

    for (pos = body; pos < end; /* void */ ) {
        last = (size_t) (end - pos) < piece ? end : pos + piece;

        do {
            event = ngx_http_pitchey_multipart_next(&m, &pos, last, room,
                                                    &data);

            switch (event) {

            case NGX_HTTP_PITCHEY_MULTIPART_PART:
                n = (size_t) sprintf(out, "<%.*s|%.*s>",
                                     (int) m.name.len, m.name.data,
                                     (int) m.media_type.len,
                                     m.media_type.data ? m.media_type.data
                                                       : "");
                out += n;
                break;

            case NGX_HTTP_PITCHEY_MULTIPART_DATA:
                assert_true(data.len > 0 && data.len <= room);
                memcpy(out, data.data, data.len);
                out += data.len;
                break;

            case NGX_HTTP_PITCHEY_MULTIPART_PART_END:
                *out++ = ';';
                break;

            case NGX_HTTP_PITCHEY_MULTIPART_END:
                *out++ = '.';
                break;

            case NGX_HTTP_PITCHEY_MULTIPART_BROKEN:
                strcpy(out, "!");
                return;

            case NGX_HTTP_PITCHEY_MULTIPART_MORE:
                assert_ptr_equal(pos, last);
                break;
            }

        } while (event != NGX_HTTP_PITCHEY_MULTIPART_MORE);
    }

    *out = '\0';
}


#define H(name)  "Content-Disposition: form-data; name=\"" name "\"\r\n"

static const struct {
    const char  *body;
    const char  *parts;
} cases[] = {
    { "--b\r\n" H("file") "\r\nhello\r\n--b--\r\n", "<file|>hello;." },
    { "--b\r\n" H("file") "\r\n\r\n--b--", "<file|>;." },
    { "preamble\r\n--b  \r\n" H("a") "Content-Type:  text/plain \r\n\r\n1"
      "\r\n--b\t\r\nX: y\r\ncontent-disposition:form-data;x;name=c\r\n\r\n2"
      "\r\n--b--\r\n--b\r\nepilogue", "<a|text/plain>1;<c|>2;." },
    { "--b\r\n" H("f") "\r\n\r\r\n\r\n-\r\n--\r\n--x\r\n--b--",
      "<f|>\r\r\n\r\n-\r\n--\r\n--x;." },
    { "--b\r\n" H("f") "\r\nx\n--b\n--b--\r\n--b--", "<f|>x\n--b\n--b--;." },
    { "--b--", "." },
    { "", "" },
    { "nothing", "" },
    { "--b\r\n" H("f") "\r\nno end", "<f|>no end" },

    /* a delimiter that is longer than ours, a header that is none */
    { "--b\r\n" H("f") "\r\nx\r\n--bc", "<f|>x;!" },
    { "--b-x", "!" },
    { "--b \rx", "!" },
    { "--b\r\n\r\nx\r\n--b--", "!" },
    { "--b\r\n" "Content-Disposition: attachment; name=x\r\n\r\n", "!" },
    { "--b\r\n" "Content-Disposition: form-data; name=\"x\r\n\r\n", "!" },
    { "--b\r\n" H("f") H("g") "\r\n", "!" },
    { "--b\r\n" H("f") " folded\r\n\r\n", "!" },
    { "--b\r\n" "no colon\r\n" H("f") "\r\n", "!" },
    { "--b\r\nContent-Disposition: form-data; name=f\n\n", "!" }
};


static void
test_pieces_of_any_size_give_the_same_parts(void **state)
{
    char    out[4096];
    size_t  i, piece, room;

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (piece = 1; piece <= strlen(cases[i].body) + 1; piece++) {
            for (room = 1; room < 40; room += 3) {
                parse("multipart/form-data; boundary=b", cases[i].body,
                      strlen(cases[i].body), piece, room, out);
                assert_string_equal(out, cases[i].parts);
            }
        }
    }
}


static void
test_a_boundary_is_looked_at(void **state)
{
    char        out[64];
    size_t      i;
    static const struct {
        const char  *type;
        const char  *parts;
    } types[] = {
        { "multipart/form-data; boundary=b", "." },
        { "Multipart/Form-Data ;charset=utf-8;\tBOUNDARY=\"b\"", "." },
        { "multipart/form-data; x=\";boundary=c\"; boundary=b", "." },
        { "multipart/form-data", "?" },
        { "multipart/form-data;", "?" },
        { "multipart/form-data; boundary=", "?" },
        { "multipart/form-data; boundary=\"b", "?" },
        { "multipart/form-data; boundary=\"b \"", "?" },
        { "multipart/form-data; boundary=\"b\r\"", "?" },
        { "multipart/form-datax; boundary=b", "?" },
        { "multipart/mixed; boundary=b", "?" },
        { "multipart/form-data; boundary=0123456789012345678901234567890123456"
          "7890123456789012345678901234567890", "?" }
    };

    (void) state;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        parse(types[i].type, "--b--", 5, 5, 9, out);
        assert_string_equal(out, types[i].parts);
    }
}


static void
test_a_header_has_a_limit(void **state)
{
    char    body[2 * NGX_HTTP_PITCHEY_PART_HEADER_MAX], out[8192];
    size_t  n, pad;

    (void) state;

    /* "Content-Disposition..." and "X: " and two line ends, and the empty one */
    pad = NGX_HTTP_PITCHEY_PART_HEADER_MAX - strlen(H("f")) - 7;

    for (n = pad; n <= pad + 1; n++) {
        sprintf(body, "--b\r\n" H("f") "X: %0*d\r\n\r\nx\r\n--b--", (int) n, 0);
        parse("multipart/form-data; boundary=b", body, strlen(body), 1000, 100,
              out);
        assert_string_equal(out, n == pad ? "<f|>x;." : "!");
    }

    /* no NUL, either */
    parse("multipart/form-data; boundary=b", "--b\r\nX: \0\r\n", 11, 11, 9,
          out);
    assert_string_equal(out, "!");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_pieces_of_any_size_give_the_same_parts),
        cmocka_unit_test(test_a_boundary_is_looked_at),
        cmocka_unit_test(test_a_header_has_a_limit)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
