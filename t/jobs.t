# Jobs: GET /jobs, GET /jobs/{id}, DELETE /jobs/{id}.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $mine = '0198c3a2-0000-7000-8000-0000000000c1';
our $hers = '0198c3a2-0000-7000-8000-0000000000c2';
our $none = '0198c3a2-0000-7000-8000-0000000000cf';
our $jobs = '/api/containers/jobs';

our $investor = "Cookie: $ENV{PITCHEY_COOKIE_INVESTOR}";
our $admin = "Cookie: $ENV{PITCHEY_COOKIE_ADMIN}";

insert_job($mine, $CREATOR, 'succeeded');
insert_job($hers, $INVESTOR, 'failed');

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


=== TEST 11: a finished job cannot be cancelled
--- request eval
"DELETE $::jobs/$::mine"
--- error_code: 409
--- response_body_like: "code":"conflict"
