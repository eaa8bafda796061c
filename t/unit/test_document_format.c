/* Dates, numbers and money as the languages of templates write them. */

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "document_format.h"


typedef struct {
    const char  *language, *filter, *json;
    const char  *text;              /* NULL: refused */
} case_t;


static void test_filters(void **state);


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_filters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}


static void
test_filters(void **state)
{
    size_t      i;
    pt_buf_t    buf;
    pt_err_t    err;
    pt_json_t  *json;

    static const case_t  cases[] = {
        { "en-GB", "date", "\"2026-03-01\"", "1\u00a0March 2026" },
        { "en-US", "date", "\"2026-03-01\"", "March\u00a01, 2026" },
        { "de", "date", "\"2026-03-01\"", "1.\u00a0M\u00e4rz 2026" },
        { "fr-FR", "date", "\"2026-08-01\"", "1er\u00a0ao\u00fbt 2026" },
        { "fi", "date", "\"2026-08-01\"", NULL },
        { "en-GB", "date", "\"2026-13-01\"", NULL },
        { "en-GB", "number", "1234567.50", "1,234,567.5" },
        { "de-DE", "number", "1234567.5", "1.234.567,5" },
        { "fr", "number", "-1234", "\u22121\u00a0234" },
        { "en-GB", "number", "0.125", "0.125" },
        { "en-GB", "number", "1e3", "1,000" },
        { "en-GB", "number", "1.5e-3", NULL },
        { "en-GB", "number", "\"12\"", NULL },
        { "en-GB", "percent", "12.5", "12.5%" },
        { "de", "percent", "12.5", "12,5\u00a0%" },
        { "en-GB", "money", "{\"amount\":1250000,\"currency\":\"EUR\"}",
          "EUR\u00a01,250,000" },
        { "en-GB", "money", "{\"amount\":0.5,\"currency\":\"USD\"}",
          "USD\u00a00.50" },
        { "de", "money", "{\"amount\":1250000.05,\"currency\":\"EUR\"}",
          "1.250.000,05\u00a0EUR" },
        { "en-GB", "money", "{\"amount\":1.005,\"currency\":\"EUR\"}", NULL },
        { "en-GB", "money", "{\"amount\":-1,\"currency\":\"EUR\"}", NULL },
        { "en-GB", "money", "{\"currency\":\"EUR\"}", NULL },
        { "en-GB", "money-words",
          "{\"amount\":1250105.5,\"currency\":\"USD\"}",
          "one million two hundred and fifty thousand one hundred and five"
          " US dollars and fifty cents" },
        { "en-US", "money-words", "{\"amount\":105,\"currency\":\"USD\"}",
          "one hundred five US dollars" },
        { "en-GB", "money-words", "{\"amount\":1.01,\"currency\":\"GBP\"}",
          "one pound sterling and one penny" },
        { "en-GB", "money-words", "{\"amount\":1.01,\"currency\":\"JPY\"}",
          NULL },
        { "en-GB", "money-words", "{\"amount\":1,\"currency\":\"XXX\"}",
          NULL },
        { "de", "money-words", "{\"amount\":1,\"currency\":\"EUR\"}", NULL },
        { "en-GB", "money-words",
          "{\"amount\":999999999999999,\"currency\":\"EUR\"}", NULL },
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(pt_json_parse(pt_str(cases[i].json), &pt_mem_heap,
                                       &json, NULL), PT_OK);
        pt_buf_init(&buf, &pt_mem_heap, 1000);

        err = document_format(pt_str(cases[i].language),
                              pt_str(cases[i].filter), json, &buf);
        pt_buf_add_char(&buf, '\0');

        if (cases[i].text == NULL) {
            assert_int_equal(err, PT_E_INVALID);
        } else {
            assert_int_equal(err, PT_OK);
            assert_string_equal(buf.data, cases[i].text);
        }

        pt_buf_done(&buf);
        pt_json_free(json);
    }
}
