# Answers that wait for their job: Prefer: wait, and events as the answer to a
# submission.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $done = '0198c3a2-0000-7000-8000-0000000000d1';
our $open = '0198c3a2-0000-7000-8000-0000000000d2';
our $hers = '0198c3a2-0000-7000-8000-0000000000d3';
our $jobs = '/api/containers/jobs';
our $json = 'Content-Type: application/json';

insert_job($done, $CREATOR, 'succeeded');
insert_job($hers, $INVESTOR, 'succeeded');
insert_job($open, $CREATOR);
for ($done, $open, $hers) {
    sql("delete from pitchey.event where job = '$_'");
    sql("insert into pitchey.event (job, seq, type, body)
         values ('$_', 1, 'state', '{\"status\":\"" . ($_ eq $open ? 'running' : 'succeeded') . "\"}')");
    sql("update pitchey.job set last_seq = 1 where id = '$_' and status is not null");
}

add_block_preprocessor(\&pitchey_defaults);

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: a submission that prefers to wait is answered with the finished job
--- request eval
"POST /api/containers/test-service/echo\n{\"text\":\"once\"}"
--- more_headers eval
"$::json\nPrefer: wait=10"
--- error_code: 200
--- response_headers_like
Location: /api/containers/jobs/[0-9a-f-]{36}
Preference-Applied: wait=10
--- response_body_like: "status":"succeeded".*"text":"once"


=== TEST 2: one that is not done by then is 202, as it is
--- request eval
"POST /api/containers/test-service/sleep\n{\"seconds\":3}"
--- more_headers eval
"$::json\nPrefer: respond-async, wait=1"
--- error_code: 202
--- response_headers_like
Location: /api/containers/jobs/[0-9a-f-]{36}
Preference-Applied: wait=1
--- response_body_like: "status":"(queued|running)"


=== TEST 3: pitchey_wait_max bounds it, and 0 is none
--- config eval
"location /api/containers/ { pitchey on; pitchey_wait_max 300ms; }
 location /never/ { pitchey on; pitchey_wait_max 0; }"
--- request eval
["GET $::jobs/$::open", "GET /never/jobs/$::open"]
--- more_headers eval
["Prefer: wait=3600", "Prefer: wait=3600"]
--- timeout: 3
--- error_code eval
[200, 200]
--- response_body_like eval
['"status":"running"', '"status":"running"']


=== TEST 4: looking at a job waits, too
--- request eval
["GET $::jobs/$::done", "GET $::jobs/$::hers", "GET $::jobs/$::open"]
--- more_headers eval
["Prefer: wait=20", "Prefer: wait=20", "Prefer: wait=1"]
--- timeout: 5
--- error_code eval
[200, 404, 200]


=== TEST 5: what is no preference to wait
--- request eval
["GET $::jobs/$::open", "GET $::jobs/$::open", "GET $::jobs/$::open", "GET $::jobs/$::open"]
--- more_headers eval
["Prefer: wait=", "Prefer: wait=x", "Prefer: waiting=9", "Prefer: ,,, return=minimal"]
--- timeout: 2
--- error_code eval
[200, 200, 200, 200]


=== TEST 6: a submission that accepts events is answered with the job's, from the first on
--- request eval
"POST /api/containers/test-service/echo\n{\"text\":\"twice\"}"
--- more_headers eval
"$::json\nAccept: text/event-stream"
--- error_code: 200
--- response_headers_like
Location: /api/containers/jobs/[0-9a-f-]{36}
Content-Type: text/event-stream
--- response_body_like eval
qr/^retry: 1000\n\nid: 1\nevent: state\n.*"text":"twice".*"status":"succeeded"[^\n]*\n\n$/s


=== TEST 7: one that accepts JSON as well gets that
--- request eval
"POST /api/containers/test-service/noop\n{}"
--- more_headers eval
"$::json\nAccept: application/json, text/event-stream"
--- error_code: 202


=== TEST 8: a submission that is refused is refused
--- request eval
"POST /api/containers/test-service/sleep\n{\"seconds\":\"x\"}"
--- more_headers eval
"$::json\nAccept: text/event-stream\nPrefer: wait=5"
--- error_code: 422


=== TEST 9: what was done is served again, unless the client says Cache-Control: no-cache
The first request of each round has it done, however often it was done before.
--- request eval
["POST /api/containers/test-service/echo\n{\"text\":\"again\",\"n\":1}",
 "POST /api/containers/test-service/echo\n{\"n\":1.0,\"text\":\"again\",\"metadata\":{\"mine\":1}}",
 "POST /api/containers/test-service/echo\n{\"text\":\"again\",\"n\":1}",
 "POST /api/containers/test-service/echo\n{\"text\":\"again\",\"n\":1}"]
--- more_headers eval
["$::json\nPrefer: wait=10\nCache-Control: no-cache",
 "$::json\nPrefer: wait=10",
 "$::json\nPrefer: wait=10\nCache-Control: max-age=0, No-Cache",
 "$::json\nPrefer: wait=10\nCache-Control: no-cached"]
--- error_code eval
[200, 200, 200, 200]
--- response_body_like eval
['"cached":false', '"cached":true', '"cached":false', '"cached":true']
