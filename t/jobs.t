# Jobs: listed, looked at, cancelled, done again.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $mine = '0198c3a2-0000-7000-8000-0000000000c1';
our $hers = '0198c3a2-0000-7000-8000-0000000000c2';
our $open = '0198c3a2-0000-7000-8000-0000000000c3';
our $again = '0198c3a2-0000-7000-8000-0000000000c4';
our $gone = '0198c3a2-0000-7000-8000-0000000000c5';
our $run = $$ . time;
our $none = '0198c3a2-0000-7000-8000-0000000000cf';
our $jobs = '/api/containers/jobs';

# the month of these ids, whatever else a user has in this database
our $old = 'created_after=2025-08-01T00:00:00Z&created_before=2025-09-01T00:00:00Z';

our $investor = "Cookie: $ENV{PITCHEY_COOKIE_INVESTOR}";
our $admin = "Cookie: $ENV{PITCHEY_COOKIE_ADMIN}";

insert_job($mine, $CREATOR, 'succeeded');
insert_job($hers, $INVESTOR, 'failed');
insert_job($open, $CREATOR, undef);
insert_job($again, $CREATOR, 'succeeded');
insert_job($gone, $CREATOR, 'succeeded');
sql("update pitchey.job set action = 'gone' where id = '$gone'");

add_cleanup_handler(sub {
    is((sql("select count(distinct job) from pitchey.idempotency where key = 'retry-$run'"))[0], 1,
       'retries of one Idempotency-Key are one job');
});

add_block_preprocessor(\&pitchey_defaults);

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: one's own job
--- request eval
"GET $::jobs/$::mine"
--- response_headers
Content-Type: application/json
--- response_body_like: ^\{"id": ?"0198c3a2-0000-7000-8000-0000000000c1".*"status": ?"succeeded"


=== TEST 2: HEAD has the headers of GET
--- request eval
"HEAD $::jobs/$::mine"
--- error_code: 200
--- response_headers_like
ETag: "[0-9a-f]+"


=== TEST 3: another user's job is answered like none at all
--- request eval
["GET $::jobs/$::hers", "GET $::jobs/$::none", "DELETE $::jobs/$::hers",
 "DELETE $::jobs/$::none", "GET $::jobs/$::hers/events", "GET $::jobs/$::none/events"]
--- error_code eval
[404, 404, 404, 404, 404, 404]
--- response_body_like eval
[('^\{"type":"urn:pitchey:problem:not_found","title":"Not Found","status":404,'
  . '"code":"not_found","detail":"no such job","request_id":"[0-9a-f]{32}"\}$') x 6]


=== TEST 4: an admin sees it
--- request eval
"GET $::jobs/$::hers"
--- more_headers eval: $::admin
--- response_body_like: "status": ?"failed"


=== TEST 5: an id in capitals is the same id
--- request eval
"GET $::jobs/" . uc $::mine
--- error_code: 200


=== TEST 6: what is no id is no job
--- request eval
["GET $::jobs/17", "GET $::jobs/00000000-0000-0000-0000-000000000000",
 "GET $::jobs/${\$::mine}x", "GET $::jobs/"]
--- error_code eval
[404, 404, 404, 404]


=== TEST 7: the list has one's own jobs only
--- request eval
["GET $::jobs?limit=100", "GET $::jobs?limit=100"]
--- more_headers eval
["", $::investor]
--- response_body_unlike eval
["$::hers", "$::mine"]


=== TEST 8: by status and service
--- request eval
["GET $::jobs?status=failed", "GET $::jobs?status=failed&service=test-service",
 "GET $::jobs?status=failed&service=other"]
--- more_headers eval: $::investor
--- response_body_like eval
[("$::hers") x 2, '"jobs": ?\[\]']


=== TEST 9: a page at a time
--- request eval
"GET $::jobs?limit=1"
--- response_body_like: ^\{"jobs": ?\[\{.*\}\],"next": ?("|null)


=== TEST 10: arguments out of bounds
--- request eval
["GET $::jobs?limit=0", "GET $::jobs?limit=101", "GET $::jobs?limit=x",
 "GET $::jobs?status=", "GET $::jobs?service=%20", "GET $::jobs?cursor=" . 'a' x 129,
 "GET $::jobs?state=failed", "GET $::jobs?limit=1&=", "GET $::jobs?&&limit=1&"]
--- error_code eval
[(400) x 8, 200]


=== TEST 11: each wrong argument is named
--- request eval
"GET $::jobs?limit=0&state=x&status=queued,done&created_after=now&batch=1&cursor=%zz&service=A&limit=5"
--- error_code: 400
--- response_headers
Content-Type: application/problem+json
--- response_body_like eval
'"errors":\[' . join ',', map { '\{"parameter":"' . $_ . '","detail":"[^"]+"\}' }
qw(limit state status created_after batch cursor service limit)


=== TEST 12: by several states, action, range of creation and batch
--- request eval
["GET $::jobs?status=failed,queued&action=noop", "GET $::jobs?status=failed&status=running",
 "GET $::jobs?status=queued&status=running", "GET $::jobs?status=failed&action=echo",
 "GET $::jobs?created_before=2025-09-01T00:00:00%2b01:00&created_after=2025-08-01T00:00:00+01:00",
 "GET $::jobs?created_after=2025-09-01T00:00:00Z&created_before=2025-09-02T00:00:00Z",
 "GET $::jobs?batch=0198c3a2-0000-7000-8000-00000000ba7c"]
--- more_headers eval: $::investor
--- response_body_like eval
[("$::hers") x 2, ('"jobs": ?\[\]') x 2, "$::hers", ('"jobs": ?\[\]') x 2]


=== TEST 13: only an admin lists another's
--- request eval
["GET $::jobs?user=$::CREATOR&$::old", "GET $::jobs?user=$::CREATOR&$::old",
 "GET $::jobs?user=$::INVESTOR&$::old"]
--- more_headers eval
[$::investor, $::admin, $::investor]
--- error_code eval
[403, 200, 200]
--- response_body_like eval
['"code":"forbidden"', $::mine, $::hers]


=== TEST 14: a finished job is done again, and knows which
--- request eval
"POST $::jobs/$::mine/retry"
--- error_code: 202
--- response_headers_like
Location: /api/containers/jobs/[0-9a-f-]{36}
--- response_body_like eval
qr/"status": ?"queued".*"retry_of": ?"$::mine"/


=== TEST 15: not another's, nor one that has not ended
--- request eval
["POST $::jobs/$::hers/retry", "POST $::jobs/$::none/retry", "POST $::jobs/$::open/retry",
 "GET $::jobs/$::mine/retry"]
--- error_code eval
[404, 404, 409, 405]


=== TEST 16: one Idempotency-Key is one retry
--- request eval
["POST $::jobs/$::mine/retry", "POST $::jobs/$::mine/retry", "POST $::jobs/$::again/retry"]
--- more_headers eval: "Idempotency-Key: retry-$::run"
--- error_code eval
[202, 202, 422]


=== TEST 17: a job whose action has gone stays what it is
--- request eval
"POST $::jobs/$::gone/retry"
--- error_code: 409


=== TEST 18: a finished job cannot be cancelled
--- request eval
"DELETE $::jobs/$::mine"
--- error_code: 409
--- response_body_like: "code":"conflict"
