# Problem documents: each status that nginx itself answers with has its code
# where "pitchey on" is, and codes that no other file names.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

add_block_preprocessor(\&pitchey_defaults);

our %codes = (
    400 => 'bad_request', 405 => 'method_not_allowed', 406 => 'not_acceptable',
    411 => 'length_required', 412 => 'precondition_failed',
    414 => 'uri_too_long', 416 => 'range_not_satisfiable', 417 => 'expectation_failed',
    421 => 'misdirected_request', 426 => 'upgrade_required', 429 => 'too_many_requests',
    501 => 'not_implemented', 502 => 'bad_gateway', 504 => 'timeout',
    505 => 'http_version_not_supported'
);

our @statuses = sort keys %codes;
our $locations = "location /api/containers/ { pitchey on;\n"
    . join('', map { "    location /api/containers/$_ { return $_; }\n" } @statuses) . "}\n";

our $job = '0198c3a2-0000-7000-8000-0000000000d7';

insert_job($job, $CREATOR, 'succeeded');

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: what nginx answers is a problem with the code of its status
--- config eval
$::locations
--- request eval
[map { "GET /api/containers/$_" } @::statuses]
--- error_code eval
[@::statuses]
--- response_headers eval
[("Content-Type: application/problem+json") x @::statuses]
--- response_body_like eval
[map { qr/"status":$_,.*"code":"$::codes{$_}"/ } @::statuses]


=== TEST 2: links where nothing signs them
--- config
location /api/containers/ { pitchey on; }
--- more_headers
Content-Type: application/json
--- request eval
"POST /api/containers/jobs/$::job/links\n{}"
--- error_code: 501
--- response_body_like: "code":"no_links"


=== TEST 3: a piece of an upload that does not say where it belongs
--- more_headers
Tus-Resumable: 1.0.0
Content-Type: application/offset+octet-stream
--- request eval
"PATCH /api/containers/files/tus/$::job\nx"
--- error_code: 400
--- response_body_like: "code":"bad_upload_offset"
