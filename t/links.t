# Signed links: POST /jobs/{id}/links, GET /links/{token}/{path}.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(encode_base64url);
use Pitchey;

our $job = '0198c3a2-0000-7000-8000-0000000000b1';
our $hers = '0198c3a2-0000-7000-8000-0000000000b2';
our $secret = 'link-secret-of-the-tests-0123456789';
our $old = 'an-older-secret-that-is-still-there-42';

insert_job($job, $CREATOR, 'succeeded');
insert_output($job, 'contract.pdf', 'application/pdf', '%PDF-1.7 contract');
insert_output($job, 'page.html', 'text/html', '<script>alert(1)</script>');
insert_tree($job, 'hls', 'master.m3u8', 'master.m3u8' => "#EXTM3U\n720p/seg_1.m4s\n",
            '720p/seg_1.m4s' => '0123456789');
insert_job($hers, $INVESTOR, 'succeeded');
insert_output($hers, 'contract.pdf', 'application/pdf', 'hers');

# as pt_link.h has it
sub token {
    my ($id, $expires, $key) = @_;
    my $signed = pack('C', 1) . pack('H*', $id =~ tr/-//dr) . pack('N', $expires);

    return encode_base64url($signed . substr(hmac_sha256("pitchey link$signed", $key // $secret), 0, 16));
}

our $token = token($job, time + 600);
our $base = "/api/containers/links/$token";

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('config', "location /api/containers/ { pitchey on; pitchey_link_secret $secret; "
                                . "pitchey_link_secret $old; pitchey_cors_origin https://app.example; }")
        unless defined $block->config;
    pitchey_defaults($block);
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: the owner of a job makes a link
--- request eval
"POST /api/containers/jobs/$::job/links\n{\"expires_in\":60}"
--- more_headers
Content-Type: application/json
--- error_code: 201
--- response_headers
Content-Type: application/json
Cache-Control: no-store
--- response_body_like chomp
\A\{"url":"/api/containers/links/[A-Za-z0-9_-]{50}/","expires_at":"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z"\}\z


=== TEST 2: without a body it lives an hour
--- request eval
"POST /api/containers/jobs/$::job/links"
--- error_code: 201
--- response_body_like: "url":"/api/containers/links/


=== TEST 3: nobody else does, and an admin does
--- request eval
["POST /api/containers/jobs/$::hers/links", "POST /api/containers/jobs/$::hers/links",
 "POST /api/containers/jobs/0198c3a2-0000-7000-8000-0000000000bf/links", "POST /api/containers/jobs/$::job/links"]
--- more_headers eval
["X: y", "Cookie: $ENV{PITCHEY_COOKIE_ADMIN}", "X: y", "X-No-Cookie: 1"]
--- error_code eval
[404, 201, 404, 401]


=== TEST 4: a life that is none
--- request eval
[map { "POST /api/containers/jobs/$::job/links\n$_" } '{"expires_in":0}', '{"expires_in":604801}', '{"expires_in":-5}',
 '{"expires_in":1.5}', '{"expires_in":"60"}', '{"expires":60}', '{"expires_in":60,"x":1}', '[]', '{', '60']
--- more_headers
Content-Type: application/json
--- error_code eval
[(422) x 10]


=== TEST 5: a form of another page is no JSON
--- request eval
"POST /api/containers/jobs/$::job/links\n{\"expires_in\":60}"
--- more_headers
Content-Type: text/plain
--- error_code: 415


=== TEST 6: without a secret there are no links
--- config
location /api/containers/ { pitchey on; }
--- request eval
["POST /api/containers/jobs/$::job/links", "GET $::base/contract.pdf"]
--- error_code eval
[501, 404]


=== TEST 7: who has the link needs no session
--- request eval
"GET $::base/contract.pdf"
--- more_headers
X-No-Cookie: 1
--- response_headers
Content-Type: application/pdf
ETag: "096d13eda09b562b3eaa39836d9d553d25c07a1d4877f59445bd0b0ed77a9745"
Content-Security-Policy: sandbox
Referrer-Policy: no-referrer
X-Content-Type-Options: nosniff
--- response_body chomp
%PDF-1.7 contract


=== TEST 8: ranges, and what could hold a script
--- request eval
["GET $::base/contract.pdf", "GET $::base/page.html"]
--- more_headers eval
["X-No-Cookie: 1\nRange: bytes=0-3", "X-No-Cookie: 1"]
--- error_code eval
[206, 200]
--- response_headers_like eval
["Content-Range: bytes 0-3/17", "Content-Disposition: attachment; .*"]


=== TEST 9: a playlist's relative URIs keep the token
--- request eval
["GET $::base/hls/master.m3u8", "GET $::base/hls/720p/seg_1.m4s"]
--- more_headers
X-No-Cookie: 1
--- response_body eval
["#EXTM3U\n720p/seg_1.m4s\n", "0123456789"]


=== TEST 10: pages of any origin read it, without credentials; listed ones as ever
--- request eval
["GET $::base/contract.pdf", "GET $::base/contract.pdf", "OPTIONS $::base/contract.pdf",
 "OPTIONS /api/containers/jobs/$::job/outputs/contract.pdf", "GET $::base/nothing.pdf"]
--- more_headers eval
["X-No-Cookie: 1\nOrigin: https://player.example", "X-No-Cookie: 1\nOrigin: https://app.example",
 "X-No-Cookie: 1\nOrigin: https://player.example\nAccess-Control-Request-Method: GET\nAccess-Control-Request-Headers: range",
 "X-No-Cookie: 1\nOrigin: https://player.example\nAccess-Control-Request-Method: GET",
 "X-No-Cookie: 1\nOrigin: https://player.example"]
--- error_code eval
[200, 200, 204, 204, 404]
--- raw_response_headers_like eval
['Access-Control-Allow-Origin: \*', 'Access-Control-Allow-Origin: https://app.example\r\nAccess-Control-Allow-Credentials: true',
 'Access-Control-Allow-Headers: range', 'Vary: Origin', 'Access-Control-Allow-Origin: \*']
--- raw_response_headers_unlike eval
['Credentials', 'Origin: \*', 'Credentials', 'Allow-Origin', 'Credentials']


=== TEST 11: its time over, it is gone
--- request eval
"GET /api/containers/links/" . main::token($::job, time - 1) . "/contract.pdf"
--- more_headers
X-No-Cookie: 1
--- error_code: 410
--- response_body_like: "code":"gone".*the link has expired


=== TEST 12: an older secret is believed, another one not
--- request eval
["GET /api/containers/links/" . main::token($::job, time + 600, $::old) . "/contract.pdf",
 "GET /api/containers/links/" . main::token($::job, time + 600, 'x' x 32) . "/contract.pdf"]
--- more_headers
X-No-Cookie: 1
--- error_code eval
[200, 404]


=== TEST 13: no other job, no later end, no other spelling
The expired one is not told from the forged one by its bytes, but by its signature.
--- request eval
my $later = MIME::Base64::decode_base64url($::token);
substr($later, 17, 4) = pack('N', time + 9999999);
my $other = MIME::Base64::decode_base64url($::token);
substr($other, 1, 16) = pack('H*', $::hers =~ tr/-//dr);
my $last = substr($::token, -1);
my %next = map { ('A'..'Z', 'a'..'z', 0..9, '-', '_')[$_] => ('A'..'Z', 'a'..'z', 0..9, '-', '_')[$_ ^ 1] } 0..63;
[map { "GET /api/containers/links/$_/contract.pdf" } MIME::Base64::encode_base64url($later),
 MIME::Base64::encode_base64url($other), substr($::token, 0, 49) . $next{$last}, substr($::token, 0, 49), "${main::token}A",
 lc $::token, "", "x" x 50, "x" x 5000]
--- more_headers
X-No-Cookie: 1
--- error_code eval
[(404) x 9]


=== TEST 14: no path leads out of the job
The second is no path at all; nginx has resolved the fifth to the job itself.
--- request eval
["GET $::base", "GET $::base/", "GET $::base/nothing.pdf", "GET $::base/hls/..%2f..%2fcontract.pdf",
 "GET $::base/%2e%2e/$::token/contract.pdf", "GET $::base/hls", "GET $::base/.hls", "POST $::base/contract.pdf\nx"]
--- more_headers
X-No-Cookie: 1
--- error_code eval
[404, 401, 404, 404, 200, 404, 404, 405]


=== TEST 15: it opens nothing else
--- request eval
["GET /api/containers/jobs/$::job?token=$::token", "GET /api/containers/files?token=$::token"]
--- more_headers
X-No-Cookie: 1
--- error_code eval
[401, 401]
