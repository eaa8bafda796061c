# Liveness and readiness: GET /health, GET /health/ready.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $away = Pitchey::http_config('ipc:///nonexistent/edge.sock');

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


=== TEST 2: ready, in each part
--- request
GET /api/containers/health/ready
--- response_body: {"status":"ready","orchestrator":"ok","database":"ok","storage":"ok"}


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
--- response_body_like: "orchestrator":"unavailable","database":"unknown","storage":"unknown"


=== TEST 5: a balancer may ask with HEAD
--- request
HEAD /api/containers/health/ready
--- error_code: 200


=== TEST 6: and not with POST
--- request
POST /api/containers/health
--- error_code: 405
