/* The ZeroMQ socket in a libuv loop: nothing is lost, nothing blocks. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <zmq.h>

#include "pt_zloop.h"


/* more than one turn of the loop takes */
#define MESSAGES  1000


typedef struct {
    uv_loop_t    loop;
    uv_timer_t   deadline;
    void        *zctx;
    pt_zloop_t  *server;
    pt_zloop_t  *client;
    char         endpoint[64];

    unsigned     asked;
    unsigned     answered;
    unsigned     surplus;
    unsigned     unsent;
    bool         late;
} pair_t;


static void
on_deadline(uv_timer_t *timer)
{
    pair_t  *p = timer->data;

    p->late = true;
    uv_stop(&p->loop);
}


static void
on_request(void *ctx, pt_str_t peer, const pt_str_t *frames, size_t n)
{
    pair_t    *p = ctx;
    pt_msg_t   in, out = { .command = PT_CMD_OK };

    if (pt_wire_decode(frames, n, &in, NULL) != PT_OK) {
        p->surplus++;
        uv_stop(&p->loop);
        return;
    }

    if (in.command == PT_CMD_HEARTBEAT) {
        uv_stop(&p->loop);
        return;
    }

    assert_int_equal(in.u.request.rid, p->asked);
    p->asked++;

    out.u.ok.rid = in.u.request.rid;
    out.u.ok.body = PT_STR("{}");
    assert_int_equal(pt_zloop_send(p->server, peer, &out), PT_OK);
}


static void
on_answer(void *ctx, pt_str_t peer, const pt_str_t *frames, size_t n)
{
    pair_t    *p = ctx;
    pt_msg_t   in;

    assert_null(peer.data);
    assert_int_equal(pt_wire_decode(frames, n, &in, NULL), PT_OK);
    assert_int_equal(in.u.ok.rid, p->answered);

    if (++p->answered == MESSAGES) {
        uv_stop(&p->loop);
    }
}


static void
on_unsent(void *ctx, pt_str_t peer)
{
    pair_t  *p = ctx;

    assert_true(pt_str_is(peer, "nobody"));
    p->unsent++;
    uv_stop(&p->loop);
}


static void
pair_open(pair_t *p)
{
    memset(p, 0, sizeof(*p));
    uv_loop_init(&p->loop);
    uv_timer_init(&p->loop, &p->deadline);
    p->deadline.data = p;
    p->zctx = zmq_ctx_new();
    snprintf(p->endpoint, sizeof(p->endpoint), "ipc:///tmp/pt-zloop-%d.sock",
             (int) getpid());

    assert_int_equal(pt_zloop_open(&p->loop, p->zctx, &(pt_zloop_options_t) {
        .type = ZMQ_ROUTER, .bind = true, .endpoint = p->endpoint,
        .send_max = 2 * MESSAGES, .receive_max = 2 * MESSAGES,
        .on_message = on_request, .on_unsent = on_unsent, .ctx = p },
        &p->server), PT_OK);

    assert_int_equal(pt_zloop_open(&p->loop, p->zctx, &(pt_zloop_options_t) {
        .type = ZMQ_DEALER, .endpoint = p->endpoint,
        .send_max = 2 * MESSAGES, .receive_max = 2 * MESSAGES,
        .on_message = on_answer, .ctx = p }, &p->client), PT_OK);
}


static void
pair_run(pair_t *p, unsigned limit_ms)
{
    uv_timer_start(&p->deadline, on_deadline, limit_ms, 0);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    uv_timer_stop(&p->deadline);
}


static void
pair_close(pair_t *p)
{
    pt_zloop_close(p->client);
    pt_zloop_close(p->server);
    uv_close((uv_handle_t *) &p->deadline, NULL);
    uv_run(&p->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&p->loop), 0);
    zmq_ctx_term(p->zctx);
    unlink(p->endpoint + strlen("ipc://"));
}


/* ZMQ_IMMEDIATE: the queue exists once the connection does */
static void
pair_connect(pair_t *p)
{
    int       tries;
    pt_msg_t  m = { .command = PT_CMD_HEARTBEAT };

    for (tries = 0; tries < 200; tries++) {
        if (pt_zloop_send(p->client, PT_STR_NULL, &m) == PT_OK) {
            pair_run(p, 2000);
            assert_int_equal(p->asked, 0);
            return;
        }

        usleep(10000);
    }

    fail_msg("no connection");
}


static void
test_every_message_arrives_in_order_and_is_answered(void **state)
{
    pair_t    p;
    pt_msg_t  m = { .command = PT_CMD_HEALTH };
    unsigned  i;

    (void) state;

    pair_open(&p);
    pair_connect(&p);

    m.u.request.user = PT_STR("u");
    m.u.request.role = PT_STR("");
    m.u.request.tier = PT_STR("");

    for (i = 0; i < MESSAGES; i++) {
        m.u.request.rid = i;
        assert_int_equal(pt_zloop_send(p.client, PT_STR_NULL, &m), PT_OK);
    }

    pair_run(&p, 5000);

    assert_false(p.late);
    assert_int_equal(p.asked, MESSAGES);
    assert_int_equal(p.answered, MESSAGES);

    pair_close(&p);
}


/* posted ones in packs, and one that is sent does not overtake them */
static void
test_a_crowd_arrives_in_order_and_is_answered(void **state)
{
    char     *big;
    pair_t    p;
    pt_msg_t  m = { .command = PT_CMD_HEALTH };
    unsigned  i;

    (void) state;

    pair_open(&p);
    pair_connect(&p);

    big = malloc(PT_PACK_MAX);
    memset(big, 'x', PT_PACK_MAX);
    m.u.request.user = PT_STR("u");
    m.u.request.role = PT_STR("");
    m.u.request.tier = PT_STR("");

    for (i = 0; i < MESSAGES; i++) {
        m.u.request.rid = i;
        m.command = PT_CMD_HEALTH;

        /* longer than a pack may be */
        if (i % 400 == 10) {
            m.command = PT_CMD_SYNC;
            m.u.sync.jobs = (pt_str_t) { big, PT_PACK_MAX / PT_MARK_LEN
                                              * PT_MARK_LEN };
        }

        assert_int_equal(i % 100 == 99
                         ? pt_zloop_send(p.client, PT_STR_NULL, &m)
                         : pt_zloop_post(p.client, PT_STR_NULL, &m), PT_OK);
    }

    pair_run(&p, 5000);
    free(big);

    assert_false(p.late);
    assert_int_equal(p.asked, MESSAGES);
    assert_int_equal(p.answered, MESSAGES);

    pair_close(&p);
}


static void
test_what_was_posted_to_nobody_is_told_once_and_later(void **state)
{
    int       i;
    pair_t    p;
    pt_msg_t  m = { .command = PT_CMD_WHO };

    (void) state;

    pair_open(&p);

    for (i = 0; i < 3; i++) {
        assert_int_equal(pt_zloop_post(p.server, PT_STR("nobody"), &m),
                         PT_OK);
    }

    assert_int_equal(p.unsent, 0);
    pair_run(&p, 2000);
    assert_int_equal(p.unsent, 1);
    pair_close(&p);
}


static void
test_a_peer_that_does_not_exist_is_an_error_at_once(void **state)
{
    pair_t    p;
    pt_msg_t  m = { .command = PT_CMD_WHO };

    (void) state;

    pair_open(&p);
    assert_int_equal(pt_zloop_send(p.server, PT_STR("nobody"), &m),
                     PT_E_UNAVAILABLE);
    pair_close(&p);
}


static void
test_a_message_against_the_grammar_is_not_sent(void **state)
{
    pair_t    p;
    pt_msg_t  m = { .command = PT_CMD_GET };

    (void) state;

    pair_open(&p);
    assert_int_equal(pt_zloop_send(p.server, PT_STR("nobody"), &m),
                     PT_E_INVALID);
    pair_close(&p);
}


static void
test_a_message_of_too_many_frames_is_delivered_as_one_that_is_bad(
    void **state)
{
    int      i;
    void    *raw;
    pair_t   p;

    (void) state;

    pair_open(&p);
    raw = zmq_socket(p.zctx, ZMQ_DEALER);
    assert_int_equal(zmq_connect(raw, p.endpoint), 0);

    for (i = 0; i < 100; i++) {
        assert_int_equal(zmq_send(raw, "PJP1", 4, ZMQ_SNDMORE), 4);
    }

    assert_int_equal(zmq_send(raw, "", 0, 0), 0);
    pair_run(&p, 5000);
    assert_int_equal(p.surplus, 1);

    zmq_close(raw);
    pair_close(&p);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_every_message_arrives_in_order_and_is_answered),
        cmocka_unit_test(test_a_crowd_arrives_in_order_and_is_answered),
        cmocka_unit_test(test_what_was_posted_to_nobody_is_told_once_and_later),
        cmocka_unit_test(test_a_peer_that_does_not_exist_is_an_error_at_once),
        cmocka_unit_test(test_a_message_against_the_grammar_is_not_sent),
        cmocka_unit_test(
            test_a_message_of_too_many_frames_is_delivered_as_one_that_is_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
