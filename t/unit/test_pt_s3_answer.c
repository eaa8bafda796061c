/* What is found in an S3 server's XML. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "pt_s3_answer.h"


typedef struct {
    char  text[256];
} names_t;


static void
take(void *ctx, pt_str_t name)
{
    names_t  *names = ctx;

    strncat(names->text, name.data, name.len);
    strcat(names->text, " ");
}


static void
test_a_list_has_its_keys_and_then_its_folders(void **state)
{
    size_t   i;
    names_t  names;

    static const struct {
        const char  *answer;
        const char  *names;
    } cases[] = {
        { "", "" },
        { "<Prefix>a/</Prefix><Contents><Key>a/b</Key></Contents>", "b " },
        { "<CommonPrefixes><Prefix>a/d/</Prefix></CommonPrefixes>"
          "<Contents><Size>3</Size><Key>a/b</Key></Contents>", "b d/ " },
        { "<Contents><Key>a/b</Key></Contents><Contents></Contents>"
          "<Contents><Key>a/c</Key></Contents>", "b c " },
        { "<Contents><Key>a/</Key></Contents>", "" },
        { "<Contents><Key>a</Key></Contents>", "" },
        { "<Contents><Key>a/b</Key>", "" },
        { "<Contents><Key>a/b</Contents><Key>a/c</Key>", "" }
    };

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        names.text[0] = '\0';
        pt_s3_names(pt_str(cases[i].answer), 2, take, &names);
        assert_string_equal(names.text, cases[i].names);
    }
}


static void
test_an_id_is_a_word_that_has_room(void **state)
{
    size_t    i;
    pt_str_t  id;

    static const char *const  refused[] = {
        "", "<UploadId></UploadId>", "<UploadId>abc", "<UploadId>a b</UploadId>",
        "<UploadId>a\nb</UploadId>", "<UploadId>a&amp;b</UploadId>",
        "<UploadId>12345678</UploadId>"
    };

    (void) state;

    assert_true(pt_s3_upload_id(PT_STR("<a><UploadId>1234567</UploadId></a>"),
                                8, &id));
    assert_true(pt_str_eq(id, PT_STR("1234567")));

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        assert_false(pt_s3_upload_id(pt_str(refused[i]), 8, &id));
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_a_list_has_its_keys_and_then_its_folders),
        cmocka_unit_test(test_an_id_is_a_word_that_has_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
