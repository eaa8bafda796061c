# Rate limits where jobs are submitted: policies of services, and of requests.
# That they are exact over workers is t/e2e/rates'.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $jobs = '/api/containers/jobs';
our $noop = '/api/containers/test-service/noop';
our $old = '0198c3a2-0000-7000-8000-0000000000d1';
our $later = '"run_at":"2099-01-01T00:00:00Z"';

insert_job($old, $CREATOR, 'succeeded');

# what is taken stays taken: each block is asked once, and has a policy of its own
sub policy {
    my ($name, $more) = @_;
    return "location /api/containers/ { pitchey on; pitchey_rate name=$name $more; }";
}

sub noops {
    return '{"jobs":[' . join(',', ('{"service":"test-service","action":"noop",' . $later . '}') x $_[0]) . ']}';
}

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('more_headers', "Content-Type: application/json\n")
        unless defined $block->more_headers;

    pitchey_defaults($block);
});

repeat_each(1);
run_tests();

__DATA__

=== TEST 1: jobs of a service are counted, however they are submitted
--- config eval: main::policy('one', 'rate=1r/m burst=3 service=test-service')
--- request eval
["POST $::noop\n{$::later}", "GET $::jobs", "POST $::jobs\n" . '{"service":"test-service","action":"noop",' . $::later . '}',
 "POST $::jobs\n" . main::noops(3), "POST $::jobs\n" . main::noops(1), "POST $::jobs/$::old/retry", "POST $::noop\n{$::later}"]
--- error_code eval
[202, 200, 202, 429, 202, 202, 429]
--- response_headers_like eval
['RateLimit-Policy: "one";q=4;w=240', 'Content-Type: application/json', 'RateLimit: "one";r=2;t=120',
 'RateLimit: "one";r=2;t=120', 'RateLimit: "one";r=1;t=180', 'RateLimit: "one";r=0;t=240', 'Retry-After: [0-9]+']
--- response_body_like eval
['queued', 'jobs', 'queued', '"code":"rate_limited"', 'queued', 'queued', '"code":"rate_limited","detail":"The policy ..one.. allows 1r/m, and 4 at once."']


=== TEST 2: a batch larger than all that is allowed is told so
--- config eval: main::policy('two', 'rate=1r/m burst=3 service=test-service')
--- request eval
"POST $::jobs\n" . main::noops(5)
--- error_code: 429
--- response_headers
! Retry-After
--- response_body_like: allows 4 at once, and these are 5


=== TEST 3: jobs of other services, and wrong ones, cost nothing
--- config eval: main::policy('three', 'rate=1r/m service=video-processing')
--- request eval
["POST $::noop\n{$::later}", "POST /api/containers/video-processing/process\n{}",
 "POST /api/containers/video-processing/process\n{}"]
--- error_code eval
[202, 422, 422]


=== TEST 4: two policies are one list
--- config
location /api/containers/ {
    pitchey on;
    pitchey_rate name=all rate=1r/s burst=59;
    pitchey_rate name=test rate=1r/m burst=9 service=test-service;
}
--- request eval
"POST $::noop\n{$::later}"
--- error_code: 202
--- response_headers
RateLimit-Policy: "all";q=60;w=60, "test";q=10;w=600
RateLimit: "all";r=59;t=1, "test";r=9;t=60


=== TEST 5: a reading is refused too, where requests are counted
--- config eval: main::policy('five', 'rate=1r/m')
--- request eval
["GET $::jobs", "GET $::jobs", "GET /api/containers/health", "GET /api/containers/metrics"]
--- error_code eval
[200, 429, 200, 200]
--- response_body_like eval
['jobs', 'rate_limited', '', 'pitchey_rate_limited_total 1\n']


=== TEST 6: a rate is a number in seconds or minutes
--- config eval: main::policy('six', 'rate=1r/h')
--- must_die
--- error_log
invalid parameter "rate=1r/h" of "pitchey_rate"


=== TEST 7: one name has one rate
--- config eval: main::policy('seven', 'rate=1r/m; pitchey_rate name=seven rate=2r/m')
--- must_die
--- error_log
stands for another rate elsewhere


=== TEST 8: a policy has a name
--- config
location /api/containers/ { pitchey on; pitchey_rate rate=1r/m; }
--- must_die
--- error_log
needs "name=" and "rate="
