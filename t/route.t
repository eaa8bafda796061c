# Routes: what follows the location's prefix.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $job = '0198c3a2-0000-7000-8000-0000000000d1';

insert_job($job, $CREATOR, 'succeeded');

add_block_preprocessor(\&pitchey_defaults);

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: nothing there
--- request eval
["GET /api/containers/", "GET /api/containers/nothing", "GET /api/containers/jobs/$::job/nothing",
 "GET /api/containers/health/", "GET /api/containers/jobsx"]
--- error_code eval
[(404) x 5]
--- response_body_like eval
[('"code":"not_found"') x 5]


=== TEST 2: a method that the resource lacks, and those it has
--- request eval
["POST /api/containers/jobs/$::job", "PUT /api/containers/jobs", "GET /api/containers/test-service/noop"]
--- error_code eval
[405, 405, 405]
--- response_headers eval
["Allow: GET, HEAD, DELETE", "Allow: GET, HEAD, POST", "Allow: POST"]


=== TEST 3: the prefix with and without its slash has the same routes
--- config
location /a/ { pitchey on; }
location /b { pitchey on; }
--- request eval
["GET /a/jobs/$::job", "GET /b/jobs/$::job", "GET /bjobs/$::job"]
--- error_code eval
[200, 200, 404]


=== TEST 4: a path is read after it is decoded, once
--- request eval
["GET /api/containers/%6aobs/$::job", "GET /api/containers/x/../jobs/$::job",
 "GET /api/containers//jobs//$::job", "GET /api/containers/%256aobs/$::job",
 "GET /api/containers/jobs%2f$::job"]
--- error_code eval
[200, 200, 200, 404, 200]


=== TEST 5: characters that no name has
--- request eval
["GET /api/containers/jobs/$::job/outputs/a%20b", "GET /api/containers/jobs/$::job/outputs/a%0ab",
 "GET /api/containers/jobs/$::job/outputs/a%5cb", "GET /api/containers/jobs/$::job/outputs/%7f"]
--- error_code eval
[(404) x 4]


=== TEST 6: NUL is no character at all
--- request eval
"GET /api/containers/jobs/$::job%00"
--- error_code: 400


=== TEST 7: a route is not known without a session
--- more_headers
X-No-Cookie: 1
--- request eval
["GET /api/containers/nothing", "PUT /api/containers/jobs"]
--- error_code eval
[401, 401]


=== TEST 8: a body that nobody reads does not become the next request
--- more_headers
Content-Type: application/json
--- request eval
["POST /api/containers/nothing/here\n{}", "DELETE /api/containers/jobs\n{}", "GET /api/containers/jobs/$::job\n{}"]
--- error_code eval
[404, 405, 200]


=== TEST 9: what does not exist is told what does
--- request eval
["GET /api/containers/", "POST /api/containers/nothing/noop\n{}", "POST /api/containers/test-service/nothing\n{}",
 "GET /api/containers/test-service"]
--- error_code eval
[404, 404, 404, 404]
--- response_body_like eval
[('"services":\["[^]]*"document-generation",[^]]*"test-service"[^]]*"video-processing"') x 2,
 ('"actions":\[[^]]*"crash","echo",[^]]*"tree"\]\}$') x 2]
