/* The codec of PJP1, and the ids and strings that it stands on. */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "pt_mem.h"
#include "pt_wire.h"


/* a message of each command with every field set */
static pt_msg_t sample(pt_command_t command);

/* the frames of t/vectors/<command>.hex, whose bytes go into room */
static size_t read_vector(const char *command, pt_str_t *frames, uint8_t *room,
    size_t size);
static FILE *open_vector(const char *name);
static pt_str_t sample_jobs(size_t n);
static size_t read_hex(const char *line, uint8_t *bytes, size_t size);

static const uint8_t  hash[32] = { 1, 2, 3 };
static const char     twenty[] = "0123456789abcdef\0\0\0\7";


static void
test_every_command_survives_a_round_trip(void **state)
{
    int          c;
    size_t       i;
    pt_msg_t     in, out;
    uint64_t     rid;
    pt_frames_t  first, second;

    (void) state;

    for (c = 0; c < PT_CMD_COUNT_; c++) {
        in = sample((pt_command_t) c);

        assert_int_equal(pt_wire_encode(&in, &first), PT_OK);
        assert_int_equal(pt_wire_decode(first.frames, first.n, &out, &rid),
                         PT_OK);
        assert_int_equal(out.command, c);
        assert_int_equal(pt_wire_encode(&out, &second), PT_OK);
        assert_int_equal(first.n, second.n);

        for (i = 0; i < first.n; i++) {
            assert_true(pt_str_eq(first.frames[i], second.frames[i]));
        }
    }
}


static void
test_every_command_rejects_a_missing_or_surplus_frame(void **state)
{
    int          c;
    pt_msg_t     in, out;
    pt_frames_t  f;

    (void) state;

    for (c = 0; c < PT_CMD_COUNT_; c++) {
        in = sample((pt_command_t) c);
        assert_int_equal(pt_wire_encode(&in, &f), PT_OK);

        assert_int_equal(pt_wire_decode(f.frames, f.n - 1, &out, NULL),
                         PT_E_BAD_MESSAGE);

        f.frames[f.n] = PT_STR("");
        assert_int_equal(pt_wire_decode(f.frames, f.n + 1, &out, NULL),
                         PT_E_BAD_MESSAGE);
    }
}


static void
test_submit_rejects_every_frame_of_a_wrong_length(void **state)
{
    size_t       i;
    pt_msg_t     in, out;
    pt_str_t     kept;
    pt_frames_t  f;

    /* text and ids accept other lengths; numbers, id and hash do not */
    static const size_t  fixed[] = { 2, 3, 6, 9, 14, 16, 20, 21, 23, 24 };

    (void) state;

    in = sample(PT_CMD_SUBMIT);
    assert_int_equal(pt_wire_encode(&in, &f), PT_OK);

    for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
        kept = f.frames[fixed[i]];

        f.frames[fixed[i]].len--;
        assert_int_equal(pt_wire_decode(f.frames, f.n, &out, NULL),
                         PT_E_BAD_MESSAGE);
        f.frames[fixed[i]] = kept;
    }

    assert_int_equal(pt_wire_decode(f.frames, f.n, &out, NULL), PT_OK);
}


static void
test_numbers_above_their_bound_are_refused(void **state)
{
    pt_msg_t     in, out;
    uint8_t      two = 2;
    pt_frames_t  f;

    (void) state;

    in = sample(PT_CMD_SUBMIT);
    in.u.submit.priority = 4;
    assert_int_equal(pt_wire_encode(&in, &f), PT_E_INVALID);

    in = sample(PT_CMD_GET);
    assert_int_equal(pt_wire_encode(&in, &f), PT_OK);
    f.frames[6] = (pt_str_t) { (char *) &two, 1 };          /* admin */
    assert_int_equal(pt_wire_decode(f.frames, f.n, &out, NULL),
                     PT_E_BAD_MESSAGE);
}


static void
test_text_with_nul_or_bad_utf8_is_refused(void **state)
{
    size_t       i;
    pt_msg_t     in, out;
    pt_frames_t  f;

    static const pt_str_t  bad[] = {
        { "a\0b", 3 },
        { "\xc0\xaf", 2 },              /* overlong */
        { "\xed\xa0\x80", 3 },          /* surrogate */
        { "\xf4\x90\x80\x80", 4 },      /* beyond U+10FFFF */
        { "\xe2\x82", 2 },              /* cut */
        { "\xff", 1 }
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        in = sample(PT_CMD_GET);
        assert_int_equal(pt_wire_encode(&in, &f), PT_OK);
        f.frames[4] = bad[i];
        assert_int_equal(pt_wire_decode(f.frames, f.n, &out, NULL),
                         PT_E_BAD_MESSAGE);

        in.u.request.user = bad[i];
        assert_int_equal(pt_wire_encode(&in, &f), PT_E_INVALID);
    }
}


static void
test_absent_and_empty_differ(void **state)
{
    pt_msg_t     in, out;
    pt_frames_t  f;

    (void) state;

    in = sample(PT_CMD_SUBMIT);
    in.u.submit.idempotency_key = PT_STR_NULL;
    in.u.request.tier = PT_STR("");
    memset(&in.u.submit.batch, 0, sizeof(pt_id_t));

    assert_int_equal(pt_wire_encode(&in, &f), PT_OK);
    assert_int_equal(pt_wire_decode(f.frames, f.n, &out, NULL), PT_OK);
    assert_null(out.u.submit.idempotency_key.data);
    assert_non_null(out.u.request.tier.data);
    assert_true(pt_id_is_zero(&out.u.submit.batch));
}


static void
test_a_failure_keeps_the_request_id_and_nothing_else(void **state)
{
    pt_msg_t     in, out, before;
    uint64_t     rid;
    pt_frames_t  f;

    (void) state;

    in = sample(PT_CMD_GET);
    assert_int_equal(pt_wire_encode(&in, &f), PT_OK);

    memset(&out, 0x5a, sizeof(out));
    before = out;

    f.frames[1] = PT_STR("FLY");
    assert_int_equal(pt_wire_decode(f.frames, f.n, &out, &rid),
                     PT_E_UNKNOWN_COMMAND);
    assert_int_equal(rid, 77);
    assert_memory_equal(&out, &before, sizeof(out));

    f.frames[0] = PT_STR("PJP2");
    assert_int_equal(pt_wire_decode(f.frames, f.n, &out, &rid),
                     PT_E_BAD_MESSAGE);
    assert_int_equal(pt_wire_decode(f.frames, 0, &out, &rid),
                     PT_E_BAD_MESSAGE);
}


static void
test_marks_are_read_as_written(void **state)
{
    pt_id_t   id = { { 9 } }, got;
    uint8_t   marks[2 * PT_MARK_LEN];
    uint32_t  n;

    (void) state;

    pt_mark_write(marks, &id, 1);
    id.bytes[15] = 3;
    pt_mark_write(marks + PT_MARK_LEN, &id, 0xfffffffe);

    pt_mark_read((pt_str_t) { (char *) marks, sizeof(marks) }, 1, &got, &n);
    assert_true(pt_id_eq(&id, &got));
    assert_int_equal(n, 0xfffffffe);
}


static void
test_ids_are_uuidv7_and_carry_their_time(void **state)
{
    char      text[PT_ID_TEXT_LEN];
    pt_id_t   id, again;
    uint8_t   noise[10];

    (void) state;

    memset(noise, 0xff, sizeof(noise));
    id = pt_id_make(0x0123456789abULL, noise);
    pt_id_format(&id, text);

    assert_memory_equal(text, "01234567-89ab-7fff-bfff-ffffffffffff", 36);
    assert_int_equal(pt_id_time_ms(&id), 0x0123456789abULL);
    assert_int_equal(pt_id_parse((pt_str_t) { text, 36 }, &again), PT_OK);
    assert_true(pt_id_eq(&id, &again));
}


static void
test_ids_of_another_form_are_refused(void **state)
{
    size_t   i;
    pt_id_t  id;

    static const char *const  bad[] = {
        "", "0123", "01234567-89ab-7fff-bfff-fffffffffff",
        "01234567-89ab-7fff-bfff-ffffffffffff0",
        "01234567089ab-7fff-bfff-ffffffffffff",
        "0123456g-89ab-7fff-bfff-ffffffffffff",
        "{1234567-89ab-7fff-bfff-fffffffffff}"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(pt_id_parse(pt_str(bad[i]), &id), PT_E_INVALID);
    }
}


static void
test_error_codes_are_unique_and_read_back(void **state)
{
    int  i;

    (void) state;

    for (i = 0; i < PT_E_COUNT_; i++) {
        assert_int_equal(pt_err_from_code(pt_str(pt_err_code((pt_err_t) i))),
                         i);
    }

    assert_int_equal(pt_err_from_code(PT_STR("no_such_code")), PT_E_INTERNAL);
}


static void
test_a_buffer_stops_at_its_maximum_and_remembers(void **state)
{
    pt_buf_t  b;

    (void) state;

    pt_buf_init(&b, &pt_mem_heap, 10);
    pt_buf_add_text(&b, "12345");
    pt_buf_printf(&b, "%s", "678");
    assert_int_equal(b.err, PT_OK);
    pt_buf_add_text(&b, "9ab");
    assert_int_equal(b.err, PT_E_TOO_LARGE);
    pt_buf_add_text(&b, "9");
    assert_int_equal(b.len, 8);
    pt_buf_done(&b);
}


static void
test_every_command_has_a_vector_that_survives_a_round_trip(void **state)
{
    int          c;
    size_t       i, n;
    uint8_t      room[4096];
    pt_str_t     frames[PT_WIRE_FRAMES_MAX];
    pt_msg_t     msg;
    pt_frames_t  again;

    (void) state;

    for (c = 0; c < PT_CMD_COUNT_; c++) {
        n = read_vector(pt_command_name((pt_command_t) c), frames, room,
                        sizeof(room));

        assert_int_equal(pt_wire_decode(frames, n, &msg, NULL), PT_OK);
        assert_int_equal(msg.command, c);
        assert_int_equal(pt_wire_encode(&msg, &again), PT_OK);
        assert_int_equal(again.n, n);

        for (i = 0; i < n; i++) {
            assert_true(pt_str_eq(frames[i], again.frames[i]));
        }
    }
}


/* the round trip would not notice two fields that change places */
static void
test_vectors_mean_what_their_comments_say(void **state)
{
    size_t    n;
    uint8_t   room[4096];
    pt_id_t   id;
    pt_str_t  frames[PT_WIRE_FRAMES_MAX];
    pt_msg_t  m;

    (void) state;

    assert_int_equal(pt_id_parse(PT_STR("0198c0de-1111-7222-8333-444455556666"),
                                 &id), PT_OK);

    n = read_vector("SUBMIT", frames, room, sizeof(room));
    assert_int_equal(pt_wire_decode(frames, n, &m, NULL), PT_OK);
    assert_int_equal(m.u.request.rid, 1001);
    assert_int_equal(m.u.request.deadline_ms, 5000);
    assert_true(pt_str_is(m.u.request.user, "usr_ann"));
    assert_true(pt_str_is(m.u.request.role, "user,admin"));
    assert_int_equal(m.u.request.admin, 1);
    assert_true(pt_str_is(m.u.request.tier, "pro"));
    assert_true(pt_id_eq(&m.u.submit.job, &id));
    assert_true(pt_id_is_zero(&m.u.submit.batch));
    assert_true(pt_str_is(m.u.submit.service, "document-generation"));
    assert_true(pt_str_is(m.u.submit.action, "generate-nda"));
    assert_true(pt_str_is(m.u.submit.user_type, "investor"));
    assert_int_equal(m.u.submit.priority, 2);
    assert_true(pt_str_is(m.u.submit.idempotency_key, "nda-2026-11-23"));
    assert_int_equal(m.u.submit.body_sha256[0], 0x9f);
    assert_true(pt_str_is(m.u.submit.params,
                          "{\"kind\":\"mutual\",\"party\":"
                          "\"Zo\xc3\xab M\xc3\xbcller\",\"password\":null}"));
    assert_true(pt_str_is(m.u.submit.secrets,
                          "{\"/password\":\"correct horse\"}"));
    assert_true(pt_str_is(m.u.submit.metadata, "{\"pitch\":7}"));
    assert_int_equal(m.u.submit.inputs.len, 16);
    assert_int_equal(m.u.submit.run_at, 0);
    assert_int_equal(m.u.submit.expires_at, 1795435200123LL);
    assert_true(pt_str_is(m.u.submit.webhook_url, "https://example.com/hook"));
    assert_int_equal(m.u.submit.max_attempts, 3);
    assert_int_equal(m.u.submit.timeout_s, 60);
    assert_true(pt_id_is_zero(&m.u.submit.retry_of));
    assert_int_equal(m.u.submit.no_cache, 1);

    n = read_vector("SCHEDULE_ADD", frames, room, sizeof(room));
    assert_int_equal(pt_wire_decode(frames, n, &m, NULL), PT_OK);
    assert_true(pt_id_eq(&m.u.schedule_add.id, &id));
    assert_true(pt_str_is(m.u.schedule_add.name, "weekly backup"));
    assert_true(pt_str_is(m.u.schedule_add.cron, "30 9 * * mon"));
    assert_true(pt_str_is(m.u.schedule_add.time_zone, "Pacific/Auckland"));
    assert_true(pt_str_is(m.u.schedule_add.service, "backup-service"));
    assert_true(pt_str_is(m.u.schedule_add.action, "backup-user-data"));
    assert_true(pt_str_is(m.u.schedule_add.user_type, "investor"));
    assert_int_equal(m.u.schedule_add.max_attempts, 3);
    assert_int_equal(m.u.schedule_add.timeout_s, 60);

    n = read_vector("SCALE", frames, room, sizeof(room));
    assert_int_equal(pt_wire_decode(frames, n, &m, NULL), PT_OK);
    assert_true(pt_str_is(m.u.scale.service, "video-processing"));
    assert_int_equal(m.u.scale.min, 1);
    assert_int_equal(m.u.scale.max, 4);

    n = read_vector("FAILED", frames, room, sizeof(room));
    assert_int_equal(pt_wire_decode(frames, n, &m, NULL), PT_OK);
    assert_true(pt_id_eq(&m.u.failed.job, &id));
    assert_int_equal(m.u.failed.attempt, 2);
    assert_int_equal(m.u.failed.n, 1);
    assert_true(pt_str_is(m.u.failed.code, "input_broken"));
    assert_true(pt_str_is(m.u.failed.message, "the file ends inside a frame"));
    assert_int_equal(m.u.failed.retryable, 0);

    n = read_vector("READY", frames, room, sizeof(room));
    assert_int_equal(pt_wire_decode(frames, n, &m, NULL), PT_OK);
    assert_true(pt_str_is(m.u.ready.service, "video-processing"));
    assert_int_equal(m.u.ready.slots, 2);
    assert_int_equal(m.u.ready.group, 1);
    assert_int_equal(m.u.ready.pid, 4242);
    assert_int_equal(m.u.ready.start_time, 8675309);
    assert_int_equal(pt_marks_count(m.u.ready.running), 1);

    n = read_vector("PROGRESS", frames, room, sizeof(room));
    assert_int_equal(pt_wire_decode(frames, n, &m, NULL), PT_OK);
    assert_int_equal(m.u.progress.attempt, 1);
    assert_int_equal(m.u.progress.permille, 425);
    assert_true(pt_str_is(m.u.progress.stage, "encode 720p"));
}


static void
test_no_vector_is_of_an_unknown_command(void **state)
{
    int             c, files = 0;
    DIR            *dir;
    char           *folder, *dot;
    struct dirent  *file;
    const char     *source = getenv("PITCHEY_SOURCE");

    (void) state;

    assert_true(asprintf(&folder, "%s/t/vectors", source ? source : ".") > 0);
    dir = opendir(folder);
    assert_non_null(dir);

    while ((file = readdir(dir)) != NULL) {
        dot = strstr(file->d_name, ".hex");

        if (dot == NULL || dot[4] != '\0') {
            continue;
        }

        *dot = '\0';
        files++;

        for (c = 0; c < PT_CMD_COUNT_; c++) {
            if (strcmp(file->d_name, pt_command_name((pt_command_t) c)) == 0) {
                break;
            }
        }

        assert_true(c < PT_CMD_COUNT_);
    }

    assert_int_equal(files, PT_CMD_COUNT_);

    closedir(dir);
    free(folder);
}


static size_t
read_vector(const char *command, pt_str_t *frames, uint8_t *room, size_t size)
{
    char    line[2048];
    FILE   *f;
    size_t  n = 0, len;

    f = open_vector(command);

    while (fgets(line, sizeof(line), f) != NULL) {
        if (*line == '#' || *line == '\n') {
            continue;
        }

        assert_true(n < PT_WIRE_FRAMES_MAX);

        len = read_hex(line, room, size);
        frames[n++] = (pt_str_t) { (char *) room, len };
        room += len;
        size -= len;
    }

    fclose(f);

    return n;
}


static FILE *
open_vector(const char *name)
{
    char        *path;
    FILE        *f;
    const char  *source = getenv("PITCHEY_SOURCE");

    assert_true(asprintf(&path, "%s/t/vectors/%s.hex", source ? source : ".",
                         name) > 0);

    f = fopen(path, "r");
    if (f == NULL) {
        fail_msg("no vector \"%s\"", path);
    }

    free(path);

    return f;
}


/* of a line "504a5031  # comment", or "-  # comment" for no bytes */
static size_t
read_hex(const char *line, uint8_t *bytes, size_t size)
{
    size_t    n = 0;
    unsigned  byte;

    while (*line != '-' && *line != ' ' && *line != '\n') {
        assert_int_equal(sscanf(line, "%2x", &byte), 1);
        assert_true(n < size);
        bytes[n++] = (uint8_t) byte;
        line += 2;
    }

    return n;
}


/* n jobs of a batch; valid until the next call */
static pt_str_t
sample_jobs(size_t n)
{
    static char  room[16384];

    size_t    i;
    pt_buf_t  buf;
    pt_msg_t  m = sample(PT_CMD_SUBMIT);

    pt_buf_init(&buf, &pt_mem_heap, sizeof(room));

    for (i = 0; i < n; i++) {
        pt_batch_job_write(&buf, &m.u.submit);
    }

    assert_int_equal(buf.err, PT_OK);
    memcpy(room, buf.data, buf.len);
    n = buf.len;
    pt_buf_done(&buf);

    return (pt_str_t) { room, n };
}


static pt_msg_t
sample(pt_command_t command)
{
    pt_id_t   id = { { 1, 2, 3 } };
    pt_msg_t  m;

    memset(&m, 0, sizeof(m));
    m.command = command;

    if (pt_command_is_request(command)) {
        m.u.request = (pt_request_t) { 77, 1000, PT_STR("u1"), PT_STR("user"),
            1, PT_STR("pro"), PT_STR("00-0af7-00f0-01") };
    }

    switch (command) {

    case PT_CMD_SUBMIT:
        m.u.submit.job = id;
        m.u.submit.batch = id;
        m.u.submit.service = PT_STR("document-generation");
        m.u.submit.action = PT_STR("generate-nda");
        m.u.submit.user_type = PT_STR("investor");
        m.u.submit.priority = 3;
        m.u.submit.idempotency_key = PT_STR("k");
        m.u.submit.body_sha256 = hash;
        m.u.submit.params = PT_STR("{\"a\":\"\xc3\xa9\"}");
        m.u.submit.metadata = PT_STR("{}");
        m.u.submit.inputs = (pt_str_t) { twenty, 16 };
        m.u.submit.run_at = -1;
        m.u.submit.expires_at = 1;
        m.u.submit.webhook_url = PT_STR("https://example.com/");
        m.u.submit.max_attempts = 3;
        m.u.submit.timeout_s = 60;
        m.u.submit.retry_of = id;
        m.u.submit.no_cache = 1;
        break;

    case PT_CMD_SUBMIT_BATCH:
        m.u.submit_batch.batch = id;
        m.u.submit_batch.user_type = PT_STR("creator");
        m.u.submit_batch.idempotency_key = PT_STR("k");
        m.u.submit_batch.body_sha256 = hash;
        m.u.submit_batch.jobs = sample_jobs(2);
        m.u.submit_batch.no_cache = 1;
        break;

    case PT_CMD_RETRY:
        m.u.retry.job = id;
        m.u.retry.retry_of = id;
        m.u.retry.user_type = PT_STR("creator");
        m.u.retry.body_sha256 = hash;
        break;

    case PT_CMD_GET:
    case PT_CMD_CANCEL:
    case PT_CMD_BATCH:
    case PT_CMD_FILE_GET:
    case PT_CMD_SCHEDULE_GET:
    case PT_CMD_DELIVERIES:
    case PT_CMD_FILE_DELETE:
        m.u.get.id = id;
        break;

    case PT_CMD_FILE_FETCH:
        m.u.file_fetch.id = id;
        m.u.file_fetch.size = 54321;
        break;

    case PT_CMD_LIST:
        m.u.list.cursor = PT_STR("c");
        m.u.list.limit = 20;
        m.u.list.status = PT_STR("queued,running");
        m.u.list.batch = id;
        m.u.list.owner = PT_STR("u2");
        break;

    case PT_CMD_OPEN:
        m.u.open.kind = PT_OPEN_FILE;
        m.u.open.id = id;
        m.u.open.name = PT_STR("hls/master.m3u8");
        break;

    case PT_CMD_FILE_ADD:
        m.u.file_add.id = id;
        m.u.file_add.name = PT_STR("clip.mp4");
        m.u.file_add.media_type = PT_STR("video/mp4");
        m.u.file_add.size = 1ULL << 40;
        m.u.file_add.sha256 = hash;
        m.u.file_add.key = PT_STR("files/ab/x");
        break;

    case PT_CMD_FILE_LIST:
        m.u.file_list.cursor = PT_STR("c");
        m.u.file_list.limit = 20;
        break;

    case PT_CMD_EVENTS:
        m.u.events.job = id;
        m.u.events.after = 4;
        break;

    case PT_CMD_WATCH:
    case PT_CMD_UNWATCH:
        m.u.watch.job = id;
        break;

    case PT_CMD_SYNC:
        m.u.sync.jobs = (pt_str_t) { twenty, 20 };
        break;

    case PT_CMD_CHANGED:
        m.u.changed.since = 1795348800123;
        break;

    case PT_CMD_SCHEDULE_ADD:
        m.u.schedule_add.id = id;
        m.u.schedule_add.name = PT_STR("weekly");
        m.u.schedule_add.cron = PT_STR("@weekly");
        m.u.schedule_add.time_zone = PT_STR("Europe/Berlin");
        m.u.schedule_add.service = PT_STR("backup-service");
        m.u.schedule_add.action = PT_STR("backup-user-data");
        m.u.schedule_add.user_type = PT_STR("creator");
        m.u.schedule_add.priority = 3;
        m.u.schedule_add.params = PT_STR("{}");
        m.u.schedule_add.metadata = PT_STR("{}");
        m.u.schedule_add.inputs = (pt_str_t) { twenty, 16 };
        m.u.schedule_add.webhook_url = PT_STR("https://example.com/");
        m.u.schedule_add.max_attempts = 3;
        m.u.schedule_add.timeout_s = 60;
        break;

    case PT_CMD_SCHEDULE_CHANGE:
        m.u.schedule_change.id = id;
        m.u.schedule_change.change = PT_SCHEDULE_RUN;
        m.u.schedule_change.job = id;
        m.u.schedule_change.user_type = PT_STR("creator");
        break;

    case PT_CMD_SCALE:
        m.u.scale.service = PT_STR("video-processing");
        m.u.scale.min = 1;
        m.u.scale.max = 4;
        break;

    case PT_CMD_RESTART:
        m.u.restart.service = PT_STR("video-processing");
        break;

    case PT_CMD_OK:
        m.u.ok = (pt_ok_t) { 77, PT_STR("\xff\0binary") };
        break;

    case PT_CMD_PROBLEM:
        m.u.problem = (pt_problem_t) { 77, PT_STR("queue_full"), PT_STR("full"),
            2, PT_STR("[]") };
        break;

    case PT_CMD_EVENT:
        m.u.event = (pt_event_t) { id, PT_STR("u1"), 5, PT_STR("state"),
            PT_STR("{}") };
        break;

    case PT_CMD_READY:
        m.u.ready = (pt_ready_t) { PT_STR("s"), PT_STR("[]"), 2, 1, 99, 12345,
            { twenty, 20 } };
        break;

    case PT_CMD_PROGRESS:
        m.u.progress = (pt_progress_t) { id, 1, 1000, PT_STR("encode") };
        break;

    case PT_CMD_OUTPUT:
        m.u.output = (pt_output_t) { id, 1, 1, PT_STR("{}") };
        break;

    case PT_CMD_DONE:
        m.u.done = (pt_done_t) { id, 1, 2, PT_STR("{}"), PT_STR("{}") };
        break;

    case PT_CMD_FAILED:
        m.u.failed = (pt_failed_t) { id, 1, 2, PT_STR("input_broken"),
            PT_STR("no index"), 0, PT_STR("[]"), PT_STR("{}") };
        break;

    case PT_CMD_ASSIGN:
        m.u.assign = (pt_assign_t) { id, 1, PT_STR("process"), PT_STR("{}"),
            60000, PT_STR("u1"), PT_STR("user"), PT_STR("creator"),
            PT_STR_NULL, PT_STR("[]") };
        break;

    case PT_CMD_CANCEL_ATTEMPT:
    case PT_CMD_ACK:
        m.u.attempt = (pt_attempt_ref_t) { id, 1, 2 };
        break;

    case PT_CMD_PACK:
        m.u.pack.messages = PT_STR("\1\0\0\0\3WHO");
        break;

    default:
        break;
    }

    return m;
}


/* as one side packs them and the other takes them out */
static void
test_a_pack_gives_back_every_message_in_order(void **state)
{
    int          k;
    size_t       i, n;
    pt_buf_t     buf;
    pt_msg_t     m, got;
    pt_str_t     rest, frames[PT_WIRE_FRAMES_MAX];
    pt_frames_t  f;

    (void) state;

    pt_buf_init(&buf, &pt_mem_heap, PT_PACK_MAX);

    for (k = 0; k < PT_CMD_PACK; k++) {
        m = sample((pt_command_t) k);
        assert_int_equal(pt_wire_encode(&m, &f), PT_OK);
        i = buf.len;
        pt_pack_add(&buf, &f);
        assert_int_equal(buf.len - i, pt_pack_len(&f));
    }

    assert_int_equal(buf.err, PT_OK);
    rest = pt_buf_str(&buf);

    for (k = 0; k < PT_CMD_PACK; k++) {
        m = sample((pt_command_t) k);
        assert_int_equal(pt_wire_encode(&m, &f), PT_OK);
        assert_int_equal(pt_pack_next(&rest, frames, &n), PT_OK);
        assert_int_equal(pt_wire_decode(frames, n, &got, NULL), PT_OK);
        assert_int_equal(got.command, k);
        assert_int_equal(n, f.n);

        for (i = 0; i < n; i++) {
            assert_true(pt_str_eq(frames[i], f.frames[i]));
        }
    }

    assert_int_equal(rest.len, 0);
    pt_buf_done(&buf);
}


static void
test_a_broken_pack_is_refused_where_it_breaks(void **state)
{
    size_t    i, n;
    pt_str_t  rest, frames[PT_WIRE_FRAMES_MAX];

    static const pt_str_t  bad[] = {
        { "", 0 }, { "\0", 1 }, { "\1", 1 }, { "\1\0\0\0", 4 },
        { "\1\0\0\0\4WHO", 8 }, { "\1\377\377\377\377WHO", 8 },
        { "\2\0\0\0\3WHO", 8 }, { "\40\0\0\0\3WHO", 8 },
        { "\2\0\0\0\4PACK\0\0\0\0", 13 }
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        rest = bad[i];
        assert_int_equal(pt_pack_next(&rest, frames, &n), PT_E_BAD_MESSAGE);
        assert_true(rest.data == bad[i].data && rest.len == bad[i].len);
    }
}


static void
test_the_jobs_of_a_batch_are_read_as_written(void **state)
{
    pt_msg_t     submit;
    pt_str_t     jobs;
    pt_submit_t  job;

    (void) state;

    submit = sample(PT_CMD_SUBMIT);
    jobs = sample_jobs(2);

    assert_true(pt_batch_job_read(&jobs, &job));
    assert_true(pt_id_eq(&job.job, &submit.u.submit.job));
    assert_true(pt_str_eq(job.params, submit.u.submit.params));
    assert_true(pt_str_eq(job.inputs, submit.u.submit.inputs));
    assert_int_equal(job.priority, 3);
    assert_int_equal(job.run_at, -1);
    assert_int_equal(job.timeout_s, 60);

    /* what is the whole batch's is not in it */
    assert_null(job.idempotency_key.data);
    assert_true(pt_id_is_zero(&job.batch));

    assert_true(pt_batch_job_read(&jobs, &job));
    assert_int_equal(jobs.len, 0);
    assert_false(pt_batch_job_read(&jobs, &job));
}


static void
test_a_batch_rejects_every_cut_and_too_many_jobs(void **state)
{
    size_t       i, whole;
    pt_buf_t     many;
    pt_msg_t     in, out, submit;
    pt_frames_t  f;

    (void) state;

    in = sample(PT_CMD_SUBMIT_BATCH);
    assert_int_equal(pt_wire_encode(&in, &f), PT_OK);
    whole = f.frames[f.n - 2].len;

    for (i = 0; i < whole; i++) {
        f.frames[f.n - 2].len = i;
        assert_int_equal(pt_wire_decode(f.frames, f.n, &out, NULL),
                         i == whole / 2 ? PT_OK : PT_E_BAD_MESSAGE);
    }

    submit = sample(PT_CMD_SUBMIT);
    pt_buf_init(&many, &pt_mem_heap, PT_JSON_FRAME_MAX);

    for (i = 0; i < PT_BATCH_MAX; i++) {
        pt_batch_job_write(&many, &submit.u.submit);
    }

    in.u.submit_batch.jobs = pt_buf_str(&many);
    assert_int_equal(pt_wire_encode(&in, &f), PT_OK);

    pt_batch_job_write(&many, &submit.u.submit);
    in.u.submit_batch.jobs = pt_buf_str(&many);
    assert_int_equal(pt_wire_encode(&in, &f), PT_E_INVALID);

    submit.u.submit.priority = 4;
    pt_batch_job_write(&many, &submit.u.submit);
    assert_int_equal(many.err, PT_E_INVALID);

    pt_buf_done(&many);
}


static void
test_a_media_type_is_two_tokens_and_no_more(void **state)
{
    size_t  i;
    char    type[160];

    static const char *const  good[] = {
        "application/pdf", "video/mp4", "a/b", "image/svg+xml",
        "application/vnd.apple.mpegurl", "X-A!#$%&'*/+-.^_`|~9"
    };
    static const char *const  bad[] = {
        "", "/", "text", "text/", "/plain", "text//plain", "text/plain/x",
        "text/plain\r\nSet-Cookie: a=b", "text/plain; charset=utf-8",
        "text/ plain", "text/pl\tain", "text/\"x\"", "te\xc3\xa9/x",
        "text/plain\x7f", "a,b/c"
    };

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(pt_media_type_is_good(pt_str(good[i])));
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(pt_media_type_is_good(pt_str(bad[i])));
    }

    assert_false(pt_media_type_is_good(PT_STR_NULL));
    assert_false(pt_media_type_is_good((pt_str_t) { "text/\0html", 10 }));

    memset(type, 'x', sizeof(type));
    type[1] = '/';
    assert_true(pt_media_type_is_good((pt_str_t) { type, 127 }));
    assert_false(pt_media_type_is_good((pt_str_t) { type, 128 }));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_every_command_survives_a_round_trip),
        cmocka_unit_test(test_every_command_rejects_a_missing_or_surplus_frame),
        cmocka_unit_test(test_submit_rejects_every_frame_of_a_wrong_length),
        cmocka_unit_test(test_numbers_above_their_bound_are_refused),
        cmocka_unit_test(test_text_with_nul_or_bad_utf8_is_refused),
        cmocka_unit_test(test_absent_and_empty_differ),
        cmocka_unit_test(test_a_failure_keeps_the_request_id_and_nothing_else),
        cmocka_unit_test(test_marks_are_read_as_written),
        cmocka_unit_test(test_ids_are_uuidv7_and_carry_their_time),
        cmocka_unit_test(test_ids_of_another_form_are_refused),
        cmocka_unit_test(test_error_codes_are_unique_and_read_back),
        cmocka_unit_test(test_a_buffer_stops_at_its_maximum_and_remembers),
        cmocka_unit_test(
            test_every_command_has_a_vector_that_survives_a_round_trip),
        cmocka_unit_test(test_vectors_mean_what_their_comments_say),
        cmocka_unit_test(test_a_pack_gives_back_every_message_in_order),
        cmocka_unit_test(test_a_broken_pack_is_refused_where_it_breaks),
        cmocka_unit_test(test_no_vector_is_of_an_unknown_command),
        cmocka_unit_test(test_the_jobs_of_a_batch_are_read_as_written),
        cmocka_unit_test(test_a_batch_rejects_every_cut_and_too_many_jobs),
        cmocka_unit_test(test_a_media_type_is_two_tokens_and_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
