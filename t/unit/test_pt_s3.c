/*
 * Signatures against the examples that AWS publishes for S3 ("Authenticating
 * Requests", AWS Signature Version 4); places and credentials as written.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "pt_s3.h"


#define MAY_24_2013  1369353600       /* 20130524T000000Z */


static pt_err_t
parse(const char *text, pt_s3_t *s3)
{
    char        *rest, copy[512];
    size_t       n = 0;
    pt_str_t     words[16];
    const char  *why, *word;

    (void) snprintf(copy, sizeof(copy), "%s", text);

    for (word = strtok_r(copy, " ", &rest); word;
         word = strtok_r(NULL, " ", &rest))
    {
        words[n++] = pt_str(word);
    }

    return pt_s3_parse(words, n, s3, &why);
}


static void
example(pt_s3_t *s3)
{
    assert_int_equal(parse("s3://examplebucket style=host "
                           "endpoint=https://s3.amazonaws.com", s3), PT_OK);
    strcpy(s3->access, "AKIAIOSFODNN7EXAMPLE");
    strcpy(s3->secret, "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
}


static void
signs(const pt_s3_request_t *request, const char *target,
    const char *authorization)
{
    pt_s3_t   s3;
    pt_buf_t  t, h;

    example(&s3);
    pt_buf_init(&t, &pt_mem_heap, 4096);
    pt_buf_init(&h, &pt_mem_heap, 4096);

    assert_int_equal(pt_s3_sign(&s3, request, MAY_24_2013, &t, &h), PT_OK);
    pt_buf_add_char(&t, '\0');

    assert_string_equal(t.data, target);
    assert_string_equal(h.data, authorization);

    pt_buf_done(&t);
    pt_buf_done(&h);
}


#define BEGIN(headers)                                                       \
    "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/"       \
    "20130524/us-east-1/s3/aws4_request,SignedHeaders=" headers ",Signature="


static void
test_get_object(void **state)
{
    (void) state;

    signs(&(pt_s3_request_t) { .method = "GET", .key = "test.txt",
                               .range = "bytes=0-9",
                               .payload = PT_S3_EMPTY_SHA256 },
          "/test.txt",
          BEGIN("host;range;x-amz-content-sha256;x-amz-date")
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}


static void
test_subresource(void **state)
{
    (void) state;

    signs(&(pt_s3_request_t) { .method = "GET",
                               .query = { { "lifecycle", NULL } },
                               .nquery = 1, .payload = PT_S3_EMPTY_SHA256 },
          "/?lifecycle=",
          BEGIN("host;x-amz-content-sha256;x-amz-date")
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}


static void
test_list_objects(void **state)
{
    (void) state;

    /* given in the other order */
    signs(&(pt_s3_request_t) { .method = "GET",
                               .query = { { "prefix", "J" },
                                          { "max-keys", "2" } },
                               .nquery = 2, .payload = PT_S3_EMPTY_SHA256 },
          "/?max-keys=2&prefix=J",
          BEGIN("host;x-amz-content-sha256;x-amz-date")
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}


static void
test_presign(void **state)
{
    pt_s3_t   s3;
    pt_buf_t  t;

    (void) state;

    example(&s3);
    pt_buf_init(&t, &pt_mem_heap, 4096);

    assert_int_equal(pt_s3_presign(&s3, &(pt_s3_request_t) {
                                       .method = "GET", .key = "test.txt" },
                                   MAY_24_2013, 86400, &t), PT_OK);
    pt_buf_add_char(&t, '\0');

    assert_string_equal(t.data,
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="
        "AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");

    pt_buf_done(&t);
}


static void
test_places(void **state)
{
    pt_s3_t   s3;
    pt_buf_t  t;

    (void) state;

    assert_int_equal(parse("s3://media/pitchey// endpoint=http://127.0.0.1:9000"
                           " region=auto payload=unsigned etag=opaque", &s3),
                     PT_OK);
    assert_string_equal(s3.scheme, "http");
    assert_string_equal(s3.host, "127.0.0.1:9000");
    assert_string_equal(s3.bucket, "media");
    assert_string_equal(s3.prefix, "pitchey/");
    assert_string_equal(s3.region, "auto");
    assert_true(s3.unsigned_payload && s3.etag_opaque && !s3.host_style);

    /* the path has bucket and prefix */
    pt_buf_init(&t, &pt_mem_heap, 4096);
    assert_int_equal(pt_s3_presign(&s3, &(pt_s3_request_t) {
                                       .method = "PUT", .key = "a/b c" },
                                   0, 60, &t), PT_OK);
    assert_memory_equal(t.data, "/media/pitchey/a/b%20c?X-Amz-Algorithm", 38);
    pt_buf_done(&t);

    assert_int_equal(parse("s3://bucket region=eu-north-1", &s3), PT_OK);
    assert_string_equal(s3.host, "s3.eu-north-1.amazonaws.com");
    assert_string_equal(s3.scheme, "https");

    assert_int_equal(parse("/var/lib/pitchey", &s3), PT_E_INVALID);
    assert_int_equal(parse("s3://", &s3), PT_E_INVALID);
    assert_int_equal(parse("s3://No_Bucket", &s3), PT_E_INVALID);
    assert_int_equal(parse("s3://bucket/a?b", &s3), PT_E_INVALID);
    assert_int_equal(parse("s3://bucket endpoint=ftp://x", &s3), PT_E_INVALID);
    assert_int_equal(parse("s3://bucket endpoint=http://x/y", &s3),
                     PT_E_INVALID);
    assert_int_equal(parse("s3://bucket style=neither", &s3), PT_E_INVALID);
    assert_int_equal(parse("s3://bucket acl=public", &s3), PT_E_INVALID);
    assert_int_equal(parse("s3://bucket credentials=here", &s3), PT_E_INVALID);
    assert_int_equal(parse("s3://bucket ca=here.pem", &s3), PT_E_INVALID);
    assert_int_equal(parse("s3://bucket ca=/etc/ca.pem", &s3), PT_OK);
    assert_string_equal(s3.ca, "/etc/ca.pem");
}


static void
test_credentials(void **state)
{
    int          fd;
    char         path[] = "/tmp/test_pt_s3.XXXXXX";
    char         text[] = "# rotated weekly\naccess_key_id AKID\n"
                          "aws_secret_access_key = s+/=e\r\n";
    pt_s3_t      s3;
    const char  *why;

    (void) state;

    assert_int_equal(parse("s3://bucket", &s3), PT_OK);
    unsetenv("AWS_ACCESS_KEY_ID");
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    assert_int_equal(pt_s3_credentials(&s3, &why), PT_E_NOT_FOUND);

    setenv("AWS_ACCESS_KEY_ID", "id", 1);
    setenv("AWS_SESSION_TOKEN", "token", 1);
    assert_int_equal(pt_s3_credentials(&s3, &why), PT_OK);
    assert_string_equal(s3.access, "id");
    assert_string_equal(s3.secret, "secret");
    assert_string_equal(s3.token, "token");

    fd = mkstemp(path);
    assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
    close(fd);

    assert_int_equal(parse("s3://bucket", &s3), PT_OK);
    strcpy(s3.credentials, path);
    assert_int_equal(pt_s3_credentials(&s3, &why), PT_OK);
    assert_string_equal(s3.access, "AKID");
    assert_string_equal(s3.secret, "s+/=e");
    assert_string_equal(s3.token, "");
    unlink(path);

    assert_int_equal(pt_s3_credentials(&s3, &why), PT_E_NOT_FOUND);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_get_object),
        cmocka_unit_test(test_subresource),
        cmocka_unit_test(test_list_objects),
        cmocka_unit_test(test_presign),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_credentials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
