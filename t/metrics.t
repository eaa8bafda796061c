# GET /metrics: Prometheus' text, for whom allow and deny let through.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

add_block_preprocessor(\&pitchey_defaults);

our $denied = <<'CONF';
    location /api/containers/ {
        pitchey on;

        location /api/containers/metrics { deny all; }
    }
CONF

our $allowed = $denied =~ s/deny all;/allow 127.0.0.1; deny all;/r;

our $job = '0198c3a2-0000-7000-8000-0000000000c1';

our @families = qw(
    pitchey_session_lookups_total
    pitchey_auth_failures_total
    pitchey_rate_limited_total
    pitchey_jobs_submitted_total
    pitchey_job_lookups_total
    pitchey_uploads_total
    pitchey_upload_bytes_total
    pitchey_downloads_total
    pitchey_download_bytes_total
    pitchey_orchestrator_calls_total
    pitchey_orchestrator_call_failures_total
    pitchey_event_streams_opened_total
    pitchey_jobs_accepted_total
    pitchey_jobs_cached_total
    pitchey_jobs_ended_total
    pitchey_attempts_repeated_total
    pitchey_accept_commit_seconds
    pitchey_job_wait_seconds
    pitchey_attempt_run_seconds
    pitchey_orchestrator_ready
    pitchey_processors
    pitchey_attempts_running
    pitchey_queue_jobs
    pitchey_queue_oldest_seconds
    pitchey_processor_slots
    pitchey_http_requests_total
    pitchey_http_responses_total
    pitchey_http_request_duration_seconds
    pitchey_event_streams
    pitchey_orchestrators_connected
);

insert_job($job, $CREATOR, 'succeeded');
insert_output($job, 'a.txt', 'text/plain', '0123456789');

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: every family has its help and its type, and no session is asked for
--- more_headers
X-No-Cookie: 1
--- request
GET /api/containers/metrics
--- response_headers
Content-Type: text/plain; version=0.0.4; charset=utf-8
--- response_body_like eval
qr/\A(?:# HELP (pitchey_\w+) [^\n]+\.\n# TYPE \1 (?:counter|gauge|histogram)\n(?:\1(?:_bucket|_sum|_count)?(?:\{[^\n]+\})? [\d.]+\n)*)+\z/


=== TEST 2: requests are counted by route and class
--- request eval
["GET /api/containers/jobs/0198c3a2-0000-7000-8000-0000000000cf",
 "GET /api/containers/nothing", "GET /api/containers/metrics"]
--- error_code eval
[404, 404, 200]
--- response_body_like eval
['', '', 'route="",status="4xx"\} \d.*route="/jobs/\{id\}",status="4xx"\} [12]\n']


=== TEST 3: bytes of downloads are counted without their headers
--- request eval
["GET /api/containers/jobs/$::job/outputs/a.txt", "GET /api/containers/metrics"]
--- response_body_like eval
['', 'pitchey_downloads_total ([12])\n.*pitchey_download_bytes_total \g{1}0\n']


=== TEST 4: bytes of uploads
--- request eval
["POST /api/containers/files\nhello", "GET /api/containers/metrics"]
--- error_code eval
[201, 200]
--- response_body_like eval
['', 'pitchey_uploads_total (?:1\n.*pitchey_upload_bytes_total 5|2\n.*pitchey_upload_bytes_total 10)\n']


=== TEST 5: how long a route takes, and what it answers
--- request eval
["GET /api/containers/jobs/$::job", "GET /api/containers/metrics"]
--- response_body_like eval
['', 'pitchey_http_responses_total\{status="200"\} [1-9].*'
 . 'pitchey_http_request_duration_seconds_bucket\{route="/jobs/\{id\}",le="0\.001"\} \d.*'
 . 'pitchey_http_request_duration_seconds_bucket\{route="/jobs/\{id\}",le="\+Inf"\} ([1-9]\d*)\n'
 . 'pitchey_http_request_duration_seconds_sum\{route="/jobs/\{id\}"\} \d+\.\d{3}\n'
 . 'pitchey_http_request_duration_seconds_count\{route="/jobs/\{id\}"\} \g{1}\n']


=== TEST 6: the orchestrator's stand beside the edge's
--- request eval
["GET /api/containers/jobs", "GET /api/containers/metrics"]
--- response_body_like eval
['', 'pitchey_http_requests_total.*pitchey_queue_jobs\{orchestrator="[^"]+",service="test-service",priority="normal"\} \d+\n']


=== TEST 7: without an orchestrator the edge's alone
--- http_config eval
Pitchey::http_config('ipc:///nonexistent/edge.sock')
--- request
GET /api/containers/metrics
--- response_body_like: pitchey_orchestrators_connected 0\n\z


=== TEST 8: denied by the operator
--- config eval
$::denied
--- request
GET /api/containers/metrics
--- error_code: 403
--- no_error_log
[crit]


=== TEST 9: allowed by the operator
--- config eval
$::allowed
--- request
GET /api/containers/metrics
--- response_body_like: pitchey_event_streams 0\n


=== TEST 10: a request without a session is counted
--- more_headers eval
["X-No-Cookie: 1", "X-No-Cookie: 1"]
--- request eval
["GET /api/containers/jobs", "GET /api/containers/metrics"]
--- error_code eval
[401, 200]
--- response_body_like eval
['', 'pitchey_auth_failures_total\{status="401"\} [12]\n']


=== TEST 11: the zone is too small for the counters
--- http_config eval
Pitchey::http_config() . "pitchey_stat_zone small:8k;"
--- request
GET /api/containers/metrics
--- must_die
--- error_log
pitchey_stat_zone


=== TEST 12: all families are there, those of the orchestrator too
An answer of the orchestrator means that it is connected.
--- request eval
["GET /api/containers/jobs/0198c3a2-0000-7000-8000-0000000000ce", "GET /api/containers/metrics"]
--- error_code eval
[404, 200]
--- response_body_like eval
my $all = join '', map { "(?=.*^# HELP $_ )" } @::families; ['', qr/\A$all/ms]
