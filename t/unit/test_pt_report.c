/* Reports: numbered, in order, repeated until their ACK. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pt_report.h"


/* what was sent, as text: "O1:1 D1:2 " is job 1's output 1, done 2 */
typedef struct {
    char      log[512];
    unsigned  room;          /* messages that the connection still takes */
} wire_t;


static pt_id_t job(uint8_t n);
static void add(pt_reports_t *r, pt_command_t command, uint8_t n);
static pt_err_t wire_send(void *ctx, const pt_msg_t *m);
static const char *sends(pt_reports_t *r, uint64_t now_ms, unsigned room);


static void
test_reports_are_sent_once_and_again_after_a_while(void **state)
{
    pt_id_t       one = job(1);
    pt_reports_t  r;

    (void) state;

    pt_reports_init(&r);
    assert_int_equal(pt_reports_begin(&r, &one, 1), PT_OK);
    add(&r, PT_CMD_OUTPUT, 1);
    add(&r, PT_CMD_DONE, 1);

    assert_string_equal(sends(&r, 0, 9), "O1:1 D1:2 ");
    assert_string_equal(sends(&r, 999, 9), "");
    assert_string_equal(sends(&r, 1000, 9), "O1:1 D1:2 ");

    assert_int_equal(pt_reports_ack(&r, &one, 1, 1), PT_CMD_OUTPUT);
    assert_string_equal(sends(&r, 2000, 9), "D1:2 ");
    assert_int_equal(pt_reports_ack(&r, &one, 1, 2), PT_CMD_DONE);
    assert_string_equal(sends(&r, 3000, 9), "");
    assert_int_equal(r.n, 0);

    pt_reports_done(&r);
}


static void
test_nothing_overtakes_what_could_not_be_sent(void **state)
{
    pt_id_t       one = job(1);
    pt_reports_t  r;

    (void) state;

    pt_reports_init(&r);
    assert_int_equal(pt_reports_begin(&r, &one, 1), PT_OK);
    add(&r, PT_CMD_OUTPUT, 1);
    add(&r, PT_CMD_OUTPUT, 1);
    add(&r, PT_CMD_DONE, 1);

    assert_string_equal(sends(&r, 0, 1), "O1:1 ");
    assert_string_equal(sends(&r, 1, 1), "O1:2 ");
    assert_string_equal(sends(&r, 2, 9), "D1:3 ");

    pt_reports_done(&r);
}


/* it cannot be, but whose fault it is must not hurt the others */
static void
test_what_cannot_be_sent_stops_its_own_attempt_only(void **state)
{
    pt_id_t       one = job(1), two = job(2);
    pt_msg_t      m = { .command = PT_CMD_DONE };
    pt_reports_t  r;

    (void) state;

    pt_reports_init(&r);
    assert_int_equal(pt_reports_begin(&r, &one, 1), PT_OK);
    assert_int_equal(pt_reports_begin(&r, &two, 1), PT_OK);
    add(&r, PT_CMD_OUTPUT, 1);

    /* a result without a byte is none */
    m.u.done.job = one;
    m.u.done.attempt = 1;
    m.u.done.result = PT_STR("");
    m.u.done.usage = PT_STR("{}");
    assert_int_equal(pt_reports_add(&r, &m), PT_OK);
    add(&r, PT_CMD_DONE, 2);

    assert_string_equal(sends(&r, 0, 9), "O1:1 D2:1 ");
    assert_string_equal(sends(&r, 1000, 9), "O1:1 D2:1 ");

    pt_reports_done(&r);
}


static void
test_a_new_peer_hears_all_of_it_from_the_start(void **state)
{
    pt_id_t       one = job(1), two = job(2);
    pt_reports_t  r;

    (void) state;

    pt_reports_init(&r);
    assert_int_equal(pt_reports_begin(&r, &one, 1), PT_OK);
    assert_int_equal(pt_reports_begin(&r, &two, 1), PT_OK);
    assert_int_equal(pt_reports_begin(&r, &two, 1), PT_E_CONFLICT);
    add(&r, PT_CMD_OUTPUT, 1);
    add(&r, PT_CMD_FAILED, 2);
    assert_string_equal(sends(&r, 0, 9), "O1:1 F2:1 ");

    add(&r, PT_CMD_DONE, 1);
    pt_reports_unsend(&r);
    assert_string_equal(sends(&r, 1, 9), "O1:1 D1:2 F2:1 ");

    pt_reports_done(&r);
}


static void
test_an_ack_for_nothing_is_harmless(void **state)
{
    pt_id_t       one = job(1), two = job(2);
    pt_reports_t  r;

    (void) state;

    pt_reports_init(&r);
    assert_int_equal(pt_reports_begin(&r, &one, 1), PT_OK);
    add(&r, PT_CMD_OUTPUT, 1);

    assert_int_equal(pt_reports_ack(&r, &two, 1, 1), PT_CMD_COUNT_);
    assert_int_equal(pt_reports_ack(&r, &one, 2, 1), PT_CMD_COUNT_);
    assert_int_equal(pt_reports_ack(&r, &one, 1, 2), PT_CMD_COUNT_);
    assert_int_equal(pt_reports_ack(&r, &one, 1, 1), PT_CMD_OUTPUT);
    assert_int_equal(pt_reports_ack(&r, &one, 1, 1), PT_CMD_COUNT_);

    pt_reports_done(&r);
}


static void
test_what_was_dropped_takes_no_more_reports(void **state)
{
    pt_id_t       one = job(1);
    pt_msg_t      m = { .command = PT_CMD_OUTPUT };
    pt_reports_t  r;

    (void) state;

    pt_reports_init(&r);
    assert_int_equal(pt_reports_begin(&r, &one, 1), PT_OK);
    add(&r, PT_CMD_OUTPUT, 1);
    assert_int_equal(pt_reports_drop(&r, &one, 1), PT_CMD_OUTPUT);
    assert_int_equal(pt_reports_drop(&r, &one, 1), PT_CMD_COUNT_);

    m.u.output.job = one;
    m.u.output.attempt = 1;
    m.u.output.body = PT_STR("{}");
    assert_int_equal(pt_reports_add(&r, &m), PT_E_NOT_FOUND);
    assert_string_equal(sends(&r, 0, 9), "");

    pt_reports_done(&r);
}


static void
test_what_was_dropped_tells_how_it_had_ended(void **state)
{
    pt_id_t       one = job(1), two = job(2), three = job(3);
    pt_reports_t  r;

    (void) state;

    pt_reports_init(&r);
    assert_int_equal(pt_reports_begin(&r, &one, 1), PT_OK);
    assert_int_equal(pt_reports_begin(&r, &two, 1), PT_OK);
    assert_int_equal(pt_reports_begin(&r, &three, 1), PT_OK);
    add(&r, PT_CMD_OUTPUT, 1);
    add(&r, PT_CMD_DONE, 1);
    add(&r, PT_CMD_OUTPUT, 2);
    add(&r, PT_CMD_FAILED, 2);

    assert_int_equal(pt_reports_drop(&r, &one, 1), PT_CMD_DONE);
    assert_int_equal(pt_reports_drop(&r, &two, 1), PT_CMD_FAILED);
    assert_int_equal(pt_reports_drop(&r, &three, 1), PT_CMD_COUNT_);
    assert_int_equal(r.n, 0);

    pt_reports_done(&r);
}


static pt_id_t
job(uint8_t n)
{
    pt_id_t  id = { { 0 } };

    id.bytes[15] = n;
    return id;
}


/* from a buffer that is gone when it is sent */
static void
add(pt_reports_t *r, pt_command_t command, uint8_t n)
{
    char      text[] = "{\"a\":1}";
    pt_str_t  body = { text, 7 };
    pt_msg_t  m = { .command = command };

    m.u.output.job = job(n);
    m.u.output.attempt = 1;

    switch (command) {

    case PT_CMD_OUTPUT:
        m.u.output.body = body;
        break;

    case PT_CMD_DONE:
        m.u.done.result = body;
        m.u.done.usage = body;
        break;

    default:
        m.u.failed.code = PT_STR("internal");
        m.u.failed.message = body;
        m.u.failed.usage = body;
        break;
    }

    assert_int_equal(pt_reports_add(r, &m), PT_OK);
    memset(text, 'x', sizeof(text));
}


static pt_err_t
wire_send(void *ctx, const pt_msg_t *m)
{
    wire_t       *w = ctx;
    char          entry[16];
    pt_frames_t   frames;

    if (w->room == 0) {
        return PT_E_QUEUE_FULL;
    }

    w->room--;

    if (pt_wire_encode(m, &frames) != PT_OK) {
        return PT_E_INVALID;
    }

    assert_true(pt_str_is(m->command == PT_CMD_OUTPUT ? m->u.output.body
                          : m->command == PT_CMD_DONE ? m->u.done.usage
                          : m->u.failed.usage, "{\"a\":1}"));

    (void) snprintf(entry, sizeof(entry), "%c%u:%u ",
                    pt_command_name(m->command)[0],
                    m->u.output.job.bytes[15], (unsigned) m->u.output.n);
    (void) strcat(w->log, entry);

    return PT_OK;
}


static const char *
sends(pt_reports_t *r, uint64_t now_ms, unsigned room)
{
    static wire_t  w;

    w = (wire_t) { .room = room };
    pt_reports_send(r, now_ms, 1000, wire_send, &w);

    return w.log;
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_reports_are_sent_once_and_again_after_a_while),
        cmocka_unit_test(test_nothing_overtakes_what_could_not_be_sent),
        cmocka_unit_test(test_what_cannot_be_sent_stops_its_own_attempt_only),
        cmocka_unit_test(test_a_new_peer_hears_all_of_it_from_the_start),
        cmocka_unit_test(test_an_ack_for_nothing_is_harmless),
        cmocka_unit_test(test_what_was_dropped_takes_no_more_reports),
        cmocka_unit_test(test_what_was_dropped_tells_how_it_had_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
