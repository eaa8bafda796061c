/* Rows of COPY as CSV and JSON: what is escaped, what is NULL, what is cut. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backup_export_row.h"


static const export_value_t  kinds[] = {
    EXPORT_TEXT, EXPORT_NUMBER, EXPORT_BOOL, EXPORT_TIME, EXPORT_OTHER
};

static const pt_str_t  names[] = {
    { "{\"a\":", 5 }, { ",\"b\":", 5 }, { ",\"c\":", 5 }, { ",\"d\":", 5 },
    { ",\"e\":", 5 }
};


typedef struct {
    char    text[1u << 20];
    size_t  len;
} sink_t;


static sink_t  csv_text, json_text;


static pt_err_t
sink_flush(void *ctx, const void *data, size_t len)
{
    sink_t  *sink = ctx;

    assert_true(sink->len + len < sizeof(sink->text));
    memcpy(sink->text + sink->len, data, len);
    sink->len += len;

    return PT_OK;
}


/* in memory of its exact size, so that a sanitizer sees a byte too much */
static pt_err_t
told(const char *text, size_t len)
{
    char          *row = malloc(len + 1);
    pt_err_t       err;
    export_out_t   csv = { sink_flush, &csv_text, malloc(EXPORT_CHUNK), 0,
                           PT_OK };
    export_out_t   json = { sink_flush, &json_text, malloc(EXPORT_CHUNK), 0,
                            PT_OK };

    memcpy(row, text, len);
    row = realloc(row, len != 0 ? len : 1);
    csv_text.len = json_text.len = 0;

    err = backup_export_row(row, len, kinds, names, 5, &csv, &json);

    if (err == PT_OK) {
        assert_int_equal(sink_flush(&csv_text, csv.data, csv.len), PT_OK);
        assert_int_equal(sink_flush(&json_text, json.data, json.len), PT_OK);
        csv_text.text[csv_text.len] = json_text.text[json_text.len] = '\0';
    }

    free(csv.data);
    free(json.data);
    free(row);

    return err;
}


static void
test_each_kind_of_value(void **state)
{
    static const char  row[] = "a \\\"q\\\",\\n\\\\\t-1.5\tt\t"
        "2026-01-02 03:04:05+00 BC\t{1,2}\t[1,2]\n";

    (void) state;
    assert_int_equal(told(row, sizeof(row) - 1), PT_OK);
    assert_string_equal(csv_text.text, "\"a \"\"q\"\",\n\\\",-1.5,t,"
                        "2026-01-02 03:04:05+00 BC,\"{1,2}\"\n");
    assert_string_equal(json_text.text, "{\"a\":\"a \\\"q\\\",\\n\\\\\","
                        "\"b\":-1.5,\"c\":true,\"d\":"
                        "\"2026-01-02T03:04:05+00:00 BC\",\"e\":[1,2]}");
}


static void
test_null_is_not_empty(void **state)
{
    static const char  row[] = "\tNaN\t\\N\tinfinity\t\\N\t\\N\n";

    (void) state;
    assert_int_equal(told(row, sizeof(row) - 1), PT_OK);
    assert_string_equal(csv_text.text, "\"\",NaN,,infinity,\n");
    assert_string_equal(json_text.text, "{\"a\":\"\",\"b\":\"NaN\",\"c\":null,"
                        "\"d\":\"infinity\",\"e\":null}");
}


static void
test_a_value_larger_than_the_buffer(void **state)
{
    size_t  len = EXPORT_CHUNK + 77;
    char   *row = malloc(len + 32);

    (void) state;
    memset(row, 'x', len);
    memcpy(row + len, "\t1\tf\t\\N\tv\t\"v\"\n", 14);
    assert_int_equal(told(row, len + 14), PT_OK);
    assert_int_equal(csv_text.len, len + sizeof(",1,f,,v\n") - 1);
    assert_memory_equal(json_text.text + 6, row, len);
    free(row);
}


static void
test_rows_with_other_fields_are_refused(void **state)
{
    size_t             n;
    static const char  row[] = "a\\\\\t1\tt\t\\N\tb\tc\td\n";

    (void) state;
    assert_int_equal(told(row, sizeof(row) - 1), PT_E_DATABASE);

    for (n = 0; n < sizeof("a\\\\\t1\tt\t\\N\tb\t") - 1; n++) {
        assert_int_equal(told(row, n), PT_E_DATABASE);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_each_kind_of_value),
        cmocka_unit_test(test_null_is_not_empty),
        cmocka_unit_test(test_a_value_larger_than_the_buffer),
        cmocka_unit_test(test_rows_with_other_fields_are_refused)
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
