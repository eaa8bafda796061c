# What workers remember of jobs: GET /jobs/{id} out of shared memory.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $done = '0198c3a2-0000-7000-8000-0000000000b1';
our $running = '0198c3a2-0000-7000-8000-0000000000b2';
our $large = '0198c3a2-0000-7000-8000-0000000000b3';
our $huge = '0198c3a2-0000-7000-8000-0000000000b4';
our $path = "/api/containers/jobs/$done";
our $unfinished = "/api/containers/jobs/$running";

insert_job($done, $CREATOR, 'succeeded');
insert_job($running, $CREATOR, undef);
insert_job($large, $CREATOR, 'succeeded',
           result => '{"text":"' . 'x' x 20000 . '"}');
insert_job($huge, $CREATOR, 'succeeded',
           result => '{"text":"' . 'x' x 70000 . '"}');

add_block_preprocessor(\&pitchey_defaults);
workers(2);

our $ours = "Cookie: $ENV{PITCHEY_COOKIE_CREATOR}";
our $hers = "Cookie: $ENV{PITCHEY_COOKIE_INVESTOR}";
our $admins = "Cookie: $ENV{PITCHEY_COOKIE_ADMIN}";

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: a finished job is asked for once
--- request eval
["GET $::path", "GET $::path", "GET $::path", "GET /api/containers/metrics"]
--- response_body_like eval
[('"status": ?"succeeded"') x 3,
 'pitchey_job_lookups_total\{from="zone"\} [25]\npitchey_job_lookups_total\{from="orchestrator"\} 1\n']


=== TEST 2: a poller is told that nothing has changed
--- request eval
["GET $::path", "GET $::path"]
--- more_headers eval
[$::ours, "$::ours\nIf-None-Match: *"]
--- error_code eval
[200, 304]
--- response_headers eval
["Cache-Control: private, no-cache\nContent-Type: application/json",
 "Cache-Control: private, no-cache"]


=== TEST 3: another user does not find what is remembered for its owner
--- request eval
["GET $::path", "GET $::path"]
--- more_headers eval
[$::ours, $::hers]
--- error_code eval
[200, 404]


=== TEST 4: an admin does
--- request eval
["GET $::path", "GET $::path"]
--- more_headers eval
[$::ours, $::admins]


=== TEST 5: what an admin asked for is not taken for the admin's own
--- request eval
["GET $::path", "GET $::path", "GET $::path"]
--- more_headers eval
[$::admins, $::hers, $::ours]
--- error_code eval
[200, 404, 200]


=== TEST 6: a running job is believed for a quarter of a second
--- request eval
["GET $::unfinished", "GET $::unfinished", "GET /api/containers/metrics"]
--- response_body_like eval
['"status": ?"running"', '"status": ?"running"',
 'pitchey_job_lookups_total\{from="zone"\} [1-3]\npitchey_job_lookups_total\{from="orchestrator"\} [1-3]\n']


=== TEST 7: and no longer
--- request eval
["GET $::unfinished", "GET $::unfinished", "GET /api/containers/metrics"]
--- response_body_like eval
['"status": ?"running"', '"status": ?"running"',
 'pitchey_job_lookups_total\{from="zone"\} 0\npitchey_job_lookups_total\{from="orchestrator"\} [24]\n']
--- wait: 0.3


=== TEST 8: a job with a large result is asked for each time
--- request eval
["GET /api/containers/jobs/$::large", "GET /api/containers/jobs/$::large",
 "GET /api/containers/metrics"]
--- response_body_like eval
['x{20000}', 'x{20000}',
 'pitchey_job_lookups_total\{from="zone"\} 0\n']


=== TEST 9: a zone with room for little forgets, and goes on
--- http_config eval
Pitchey::http_config() . "pitchey_job_zone small:32k;"
--- request eval
["GET $::path", "GET /api/containers/jobs/$::running", "GET $::path"]
--- error_code eval
[200, 200, 200]


=== TEST 10: the head of a job
--- request eval
["HEAD $::path", "HEAD $::path"]
--- response_body eval
['', '']


=== TEST 10: a job too large to hash has no ETag
--- request eval
"GET /api/containers/jobs/$::huge"
--- response_headers
! ETag
Content-Type: application/json
--- response_body_like: "succeeded"
