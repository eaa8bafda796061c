# Liveness and readiness: GET /health, GET /health/ready.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $away = Pitchey::http_config('ipc:///nonexistent/edge.sock');

# open for a day: who waits for its end waits as long as it asked
our $open = '0198c3a2-0000-7000-8000-0000000000d1';
insert_job($open, $CREATOR, undef);

our $nobase = Pitchey::http_config();
$nobase =~ s{pitchey_database '[^']*'}{pitchey_database 'host=127.0.0.1 port=1'};

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('more_headers', "X-No-Cookie: 1\n")
        unless defined $block->more_headers;

    pitchey_defaults($block);
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: alive
--- request
GET /api/containers/health
--- response_body_like: ^\{"status":"ok","version":"[0-9.]+"\}$


=== TEST 2: ready, in each part, once the connection that listens has proven itself
--- request eval
["GET /api/containers/jobs/$::open", "GET /api/containers/health/ready"]
--- timeout: 10
--- more_headers eval
"Cookie: $ENV{PITCHEY_COOKIE_CREATOR}\nPrefer: wait=2"
--- response_body_like eval
['"status":"running"',
 '^{"status":"ready","revocations":"ok","orchestrator":"ok","database":"ok","storage":"ok"}$']


=== TEST 3: alive without an orchestrator
--- http_config eval: $::away
--- request
GET /api/containers/health
--- error_code: 200


=== TEST 4: but not ready; a balancer learns it soon, and what is missing
--- http_config eval: $::away
--- request
GET /api/containers/health/ready
--- timeout: 2
--- error_code: 503
--- response_headers_like
Retry-After: [0-9]+
--- response_body_like: "orchestrator":"unavailable","database":"ok","storage":"unknown"


=== TEST 5: a balancer may ask with HEAD
--- request
HEAD /api/containers/health/ready
--- error_code: 200


=== TEST 6: and not with POST
--- request
POST /api/containers/health
--- error_code: 405


=== TEST 7: sessions that cannot be read make it unready, too
--- http_config eval: $::nobase
--- request
GET /api/containers/health/ready
--- timeout: 10
--- error_code: 503
--- response_body_like: "orchestrator":"ok","database":"unavailable","storage":"ok"
--- no_error_log
[alert]


=== TEST 8: who hears of no revocations says so, and stays ready
A session is then asked for again after pitchey_session_recheck.
--- http_config eval
Pitchey::http_config() . "pitchey_database_listen 'host=127.0.0.1 port=1';"
--- request
GET /api/containers/health/ready
--- response_body: {"status":"ready","revocations":"unavailable","orchestrator":"ok","database":"ok","storage":"ok"}
--- no_error_log
[alert]
