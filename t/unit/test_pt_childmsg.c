/* The protocol between a processor's parent and its children. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pt_childmsg.h"


static pt_childmsg_t sample(pt_childmsg_kind_t kind);
static void put_u32(pt_buf_t *b, uint32_t v);
static void begin(pt_buf_t *b, uint32_t len, uint8_t kind, uint64_t number);
static pt_err_t reads(pt_buf_t *b);


static void
test_every_message_survives_a_round_trip(void **state)
{
    int            kind;
    size_t         used;
    pt_buf_t       b;
    pt_childmsg_t  in, out;

    (void) state;

    for (kind = 0; kind < PT_CHILDMSG_COUNT_; kind++) {
        in = sample((pt_childmsg_kind_t) kind);

        pt_buf_init(&b, &pt_mem_heap, PT_CHILDMSG_MAX);
        pt_childmsg_write(&b, &in);
        pt_buf_add_text(&b, "the next one");
        assert_int_equal(b.err, PT_OK);

        assert_int_equal(pt_childmsg_read(pt_buf_str(&b), &out, &used), PT_OK);
        assert_int_equal(used, b.len - 12);
        assert_int_equal(out.kind, kind);
        assert_int_equal(out.number, in.number);
        assert_true(pt_str_eq(out.params, in.params));
        assert_true(pt_str_eq(out.name, in.name));
        assert_true(pt_str_eq(out.path, in.path));
        assert_true(pt_str_eq(out.entry, in.entry));
        assert_true(pt_str_eq(out.stage, in.stage));
        assert_true(pt_str_eq(out.text, in.text));
        assert_true(pt_str_eq(out.json, in.json));
        pt_buf_done(&b);
    }
}


static void
test_a_part_of_a_message_waits_for_the_rest(void **state)
{
    int            kind;
    size_t         cut, used;
    char          *exact;
    pt_buf_t       b;
    pt_childmsg_t  in, out = { .number = 77 };

    (void) state;

    for (kind = 0; kind < PT_CHILDMSG_COUNT_; kind++) {
        in = sample((pt_childmsg_kind_t) kind);
        pt_buf_init(&b, &pt_mem_heap, PT_CHILDMSG_MAX);
        pt_childmsg_write(&b, &in);

        for (cut = 0; cut < b.len; cut++) {
            /* in memory of its own: a read beyond it is seen */
            exact = malloc(cut ? cut : 1);
            memcpy(exact, b.data, cut);
            assert_int_equal(pt_childmsg_read((pt_str_t) { exact, cut }, &out,
                                              &used), PT_OK);
            assert_int_equal(used, 0);
            assert_int_equal(out.number, 77);
            free(exact);
        }

        pt_buf_done(&b);
    }
}


static void
test_lengths_that_do_not_add_up_are_refused(void **state)
{
    pt_buf_t  b;

    (void) state;

    pt_buf_init(&b, &pt_mem_heap, 4096);

    /* shorter than its head; longer than any */
    put_u32(&b, 8);
    assert_int_equal(reads(&b), PT_E_BAD_MESSAGE);
    put_u32(&b, 0xffffffff);
    assert_int_equal(reads(&b), PT_E_BAD_MESSAGE);

    /* an unknown kind; a number above its bound */
    begin(&b, 0, PT_CHILDMSG_COUNT_, 0);
    assert_int_equal(reads(&b), PT_E_BAD_MESSAGE);
    begin(&b, 5, PT_CHILDMSG_PROGRESS, 1001);
    put_u32(&b, 1);
    pt_buf_add_char(&b, 'x');
    assert_int_equal(reads(&b), PT_E_BAD_MESSAGE);

    /* a text that is missing, that leaves the message, that ends before it */
    begin(&b, 0, PT_CHILDMSG_LOG, 0);
    assert_int_equal(reads(&b), PT_E_BAD_MESSAGE);
    begin(&b, 5, PT_CHILDMSG_LOG, 0);
    put_u32(&b, 0xfffffffc);
    pt_buf_add_char(&b, 'x');
    assert_int_equal(reads(&b), PT_E_BAD_MESSAGE);
    begin(&b, 5, PT_CHILDMSG_LOG, 0);
    put_u32(&b, 0);
    pt_buf_add_char(&b, 'x');
    assert_int_equal(reads(&b), PT_E_BAD_MESSAGE);

    pt_buf_done(&b);
}


static void
test_texts_that_are_none_are_refused(void **state)
{
    size_t    i;
    pt_buf_t  b;

    static const char *const  bad[] = { "\xff", "a\0b", "\xed\xa0\x80" };
    static const uint32_t     len[] = { 1, 3, 3 };

    (void) state;

    pt_buf_init(&b, &pt_mem_heap, 4096);

    for (i = 0; i < 3; i++) {
        begin(&b, 4 + len[i], PT_CHILDMSG_LOG, 0);
        put_u32(&b, len[i]);
        pt_buf_add(&b, bad[i], len[i]);
        assert_int_equal(reads(&b), PT_E_BAD_MESSAGE);
    }

    /* one byte more than its field may have */
    begin(&b, 4 + PT_LINE_MAX + 1, PT_CHILDMSG_LOG, 0);
    put_u32(&b, PT_LINE_MAX + 1);

    for (i = 0; i < PT_LINE_MAX + 1; i++) {
        pt_buf_add_char(&b, 'x');
    }

    assert_int_equal(reads(&b), PT_E_BAD_MESSAGE);
    pt_buf_done(&b);
}


static void
test_what_may_not_be_read_is_not_written(void **state)
{
    pt_buf_t       b;
    pt_childmsg_t  m = { .kind = PT_CHILDMSG_LOG };

    (void) state;

    m.text = PT_STR("\xff");
    pt_buf_init(&b, &pt_mem_heap, 4096);
    pt_childmsg_write(&b, &m);
    assert_int_equal(b.err, PT_E_INVALID);
    pt_buf_done(&b);
}


static pt_childmsg_t
sample(pt_childmsg_kind_t kind)
{
    pt_childmsg_t  m = { .kind = kind };

    switch (kind) {

    case PT_CHILDMSG_JOB:
        m.number = 3;
        m.action = PT_STR("process");
        m.id = PT_STR("00000000-0000-0000-0000-000000000001");
        m.user = PT_STR("u1");
        m.role = PT_STR("user,admin");
        m.user_type = PT_STR("creator");
        m.params = PT_STR("{\"a\":\"\xc3\xa9\"}");
        m.inputs = PT_STR("[]");
        m.platform = PT_STR("{\"pitch\":1}");
        break;

    case PT_CHILDMSG_PROGRESS:
        m.number = 1000;
        m.stage = PT_STR("encode");
        break;

    case PT_CHILDMSG_OUTPUT:
        m.name = PT_STR("a/b.mp4");
        m.media_type = PT_STR("video/mp4");
        m.path = PT_STR("b.mp4");
        break;

    case PT_CHILDMSG_TREE:
        m.name = PT_STR("hls");
        m.entry = PT_STR("master.m3u8");
        m.path = PT_STR("hls");
        break;

    case PT_CHILDMSG_LOG:
        m.text = PT_STR("a line");
        break;

    case PT_CHILDMSG_DONE:
        m.json = PT_STR("{}");
        break;

    case PT_CHILDMSG_FAILED:
        m.number = PT_E_INPUT_BROKEN;
        m.text = PT_STR("no index");
        m.json = PT_STR("[]");
        break;

    default:
        break;
    }

    return m;
}


static void
put_u32(pt_buf_t *b, uint32_t v)
{
    pt_buf_add(b, &v, sizeof(v));
}


/* the head of a message whose texts have len bytes */
static void
begin(pt_buf_t *b, uint32_t len, uint8_t kind, uint64_t number)
{
    put_u32(b, 9 + len);
    pt_buf_add(b, &kind, 1);
    pt_buf_add(b, &number, sizeof(number));
}


/* reads what b holds, from memory of exactly that size, and empties it */
static pt_err_t
reads(pt_buf_t *b)
{
    char           *exact;
    size_t          used;
    pt_err_t        err;
    pt_childmsg_t   m;

    exact = malloc(b->len);
    memcpy(exact, b->data, b->len);
    err = pt_childmsg_read((pt_str_t) { exact, b->len }, &m, &used);
    free(exact);
    pt_buf_reset(b);

    return err;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_every_message_survives_a_round_trip),
        cmocka_unit_test(test_a_part_of_a_message_waits_for_the_rest),
        cmocka_unit_test(test_lengths_that_do_not_add_up_are_refused),
        cmocka_unit_test(test_texts_that_are_none_are_refused),
        cmocka_unit_test(test_what_may_not_be_read_is_not_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
