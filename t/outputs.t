# What a job has made: GET /jobs/{id}/outputs/{path}.

BEGIN { push @INC, 't/lib' }
use Test::Nginx::Socket 'no_plan';
use Pitchey;

our $job = '0198c3a2-0000-7000-8000-0000000000a1';
our $running = '0198c3a2-0000-7000-8000-0000000000a2';
our $hers = '0198c3a2-0000-7000-8000-0000000000a3';
our $base = "/api/containers/jobs/$job/outputs";

insert_job($job, $CREATOR, 'succeeded');
insert_output($job, 'contract.pdf', 'application/pdf', '%PDF-1.7 contract');
insert_output($job, 'page.html', 'text/html', '<script>alert(1)</script>');
insert_output($job, 'withdrawn.pdf', 'application/pdf', 'x', withdrawn => 1);
insert_output($job, 'lost.pdf', 'application/pdf', 'x', lost => 1);
insert_output($job, 'evil.pdf', "application/pdf\r\nX-Evil: 1", 'x');
insert_tree($job, 'hls', 'master.m3u8', 'master.m3u8' => "#EXTM3U\n",
            '720p/seg_1.m4s' => '0123456789', 'poster.jpg' => 'jpeg');

# what a processor that was taken over could leave in its tree
symlink '/etc/passwd',
    "$ENV{TEST_NGINX_PITCHEY_STORAGE}/" . Pitchey::job_key($job) . 'hls/link.jpg';
symlink '/etc',
    "$ENV{TEST_NGINX_PITCHEY_STORAGE}/" . Pitchey::job_key($job) . 'hls/etc';

insert_job($running, $CREATOR, undef);
insert_tree($running, 'hls', 'master.m3u8', 'master.m3u8' => "#EXTM3U\n",
            'seg_1.m4s' => 'first attempt');

insert_job($hers, $INVESTOR, 'succeeded');
insert_output($hers, 'contract.pdf', 'application/pdf', 'hers');

add_block_preprocessor(\&pitchey_defaults);

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: an output, with its hash, shown in the browser's own window
--- request eval
"GET $::base/contract.pdf"
--- response_headers
Content-Type: application/pdf
Content-Length: 17
ETag: "096d13eda09b562b3eaa39836d9d553d25c07a1d4877f59445bd0b0ed77a9745"
Content-Disposition: inline; filename="contract.pdf"
Cache-Control: private, max-age=31536000, immutable
Content-Security-Policy: sandbox
X-Content-Type-Options: nosniff
Accept-Ranges: bytes
--- response_body chomp
%PDF-1.7 contract


=== TEST 2: what could hold a script is an attachment
--- request eval
"GET $::base/page.html"
--- response_headers
Content-Type: text/html
Content-Disposition: attachment; filename="page.html"
Content-Security-Policy: sandbox


=== TEST 3: a playlist is asked for again each time
--- request eval
"GET $::base/hls/master.m3u8"
--- response_headers
Content-Type: application/vnd.apple.mpegurl
Cache-Control: private, no-cache
--- response_body
#EXTM3U


=== TEST 4: a segment never
--- request eval
"GET $::base/hls/720p/seg_1.m4s"
--- response_headers
Content-Type: video/iso.segment
Cache-Control: private, max-age=31536000, immutable
--- response_body chomp
0123456789


=== TEST 5: a range of a segment
--- more_headers
Range: bytes=4-5
--- request eval
"GET $::base/hls/720p/seg_1.m4s"
--- error_code: 206
--- response_headers
Content-Range: bytes 4-5/10
--- response_body chomp
45


=== TEST 6: a range behind its end is no answer for good
--- more_headers
Range: bytes=10-
--- request eval
"GET $::base/hls/720p/seg_1.m4s"
--- error_code: 416
--- response_headers
Content-Range: bytes */10
--- raw_response_headers_unlike: immutable


=== TEST 7: what another one has already
--- more_headers
If-None-Match: "x", "096d13eda09b562b3eaa39836d9d553d25c07a1d4877f59445bd0b0ed77a9745"
--- request eval
"GET $::base/contract.pdf"
--- error_code: 304
--- response_body:


=== TEST 8: its head
--- request eval
"HEAD $::base/contract.pdf"
--- response_headers
Content-Length: 17
--- response_body:


=== TEST 9: the outputs of a running job are there as well
--- request eval
"GET /api/containers/jobs/$::running/outputs/hls/master.m3u8"
--- response_body
#EXTM3U


=== TEST 10: a withdrawn output is gone
--- request eval
"GET $::base/withdrawn.pdf"
--- error_code: 410
--- response_headers
Content-Type: application/problem+json


=== TEST 11: so is one whose bytes are lost, and somebody is told
--- request eval
"GET $::base/lost.pdf"
--- error_code: 410
--- error_log
is missing


=== TEST 12: a name that the job has not made
--- request eval
"GET $::base/nothing.pdf"
--- error_code: 404


=== TEST 13: nor is it in the tree
--- request eval
"GET $::base/hls/nothing.m4s"
--- error_code: 404


=== TEST 14: a folder of the tree is no file
--- request eval
"GET $::base/hls/720p"
--- error_code: 404


=== TEST 15: a link in a tree is not followed
--- request eval
"GET $::base/hls/link.jpg"
--- error_code: 404
--- error_log
is not followed


=== TEST 16: nor is a folder that is one
--- request eval
"GET $::base/hls/etc/passwd"
--- error_code: 404


=== TEST 17: no path leads out of the tree
The first stays in the job, the third is nginx's before it could be ours.
--- request eval
["GET $::base/hls/%2e%2e/contract.pdf",
 "GET $::base/hls/..%2f..%2f..%2fcontract.pdf",
 "GET $::base/hls/%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd",
 "GET $::base/hls\\..\\..",
 "GET $::base/.hls",
 "GET $::base/HLS/master.m3u8",
 "GET $::base/hls/a%20b",
 "GET $::base/" . "a" x 256]
--- error_code eval
[200, 404, 404, 404, 404, 404, 404, 404]
--- no_error_log
[crit]


=== TEST 18: a NUL is refused by nginx itself
--- request eval
"GET $::base/hls/master.m3u8%00.pdf"
--- error_code: 400
--- no_error_log
[crit]


=== TEST 19: another user's output is not found
--- request eval
"GET /api/containers/jobs/$::hers/outputs/contract.pdf"
--- error_code: 404
--- response_body_like eval
qr/\A\{"type":"urn:pitchey:problem:not_found","title":"Not Found","status":404,"code":"not_found","detail":"no such output","request_id":"[0-9a-f]{32}"\}\z/


=== TEST 20: in the very words of one that does not exist
--- request
GET /api/containers/jobs/0198c3a2-0000-7000-8000-0000000000af/outputs/contract.pdf
--- error_code: 404
--- response_body_like eval
qr/\A\{"type":"urn:pitchey:problem:not_found","title":"Not Found","status":404,"code":"not_found","detail":"no such output","request_id":"[0-9a-f]{32}"\}\z/


=== TEST 21: not even from what the workers remember of it
The owner's request puts it there first.
--- request eval
["GET $::base/contract.pdf", "GET $::base/contract.pdf", "GET $::base/contract.pdf"]
--- more_headers eval
["Cookie: $ENV{PITCHEY_COOKIE_CREATOR}", "Cookie: $ENV{PITCHEY_COOKIE_INVESTOR}",
 "Cookie: $ENV{PITCHEY_COOKIE_ADMIN}"]
--- error_code eval
[200, 404, 200]


=== TEST 22: without a session
--- more_headers
X-No-Cookie: 1
--- request eval
"GET $::base/contract.pdf"
--- error_code: 401


=== TEST 23: under nginx's cache of open files
--- http_config eval
Pitchey::http_config() . "open_file_cache max=16; open_file_cache_errors on;"
--- request eval
["GET $::base/hls/720p/seg_1.m4s", "GET $::base/hls/720p/seg_1.m4s"]
--- error_code eval
[200, 200]


=== TEST 24: which does not lead to a link, either
--- http_config eval
Pitchey::http_config() . "open_file_cache max=16; open_file_cache_errors on;"
--- request eval
["GET $::base/hls/link.jpg", "GET $::base/hls/link.jpg"]
--- error_code eval
[404, 404]
--- error_log
is not followed


=== TEST 24: no line end of a media type becomes one of the header
--- request eval
"GET $::base/evil.pdf"
--- error_code: 500
--- raw_response_headers_unlike: X-Evil
--- error_log
cannot use the orchestrator's answer


=== TEST 25: a segment of a job that runs: the next attempt may make another
--- request eval
"GET /api/containers/jobs/$::running/outputs/hls/seg_1.m4s"
--- response_headers
Cache-Control: private, no-cache
--- response_body chomp
first attempt


=== TEST 26: without a storage no file of this machine is one
--- http_config eval
my $conf = Pitchey::http_config();
$conf =~ s/pitchey_storage[^;]*;//;
$conf
--- request eval
"GET $::base/contract.pdf"
--- error_code: 503
--- response_body_like: "code":"storage"
--- error_log
no "pitchey_storage" for a stored file


=== TEST 27: ranges, as they are asked for
--- more_headers eval
[map { "Range: $_" } 'bytes=0-0', 'bytes=2-', 'bytes=-4', 'bytes=-99', 'bytes=3-99', 'bytes=0-0,9-9', 'bytes=0-,0-,0-',
 'bytes=10-', 'bytes=-0', 'bytes=5-2', 'bytes=', 'bytes=a-b', 'bytes=1', 'items=0-1', 'bytes=0-18446744073709551616',
 'bytes=18446744073709551615-18446744073709551616', 'bytes=-18446744073709551616', 'bytes=' . join(',', map { "$_-$_" } (0..9) x 50)]
--- request eval
[("GET $::base/hls/720p/seg_1.m4s") x 18]
--- error_code eval
[206, 206, 206, 206, 206, 206, 200, 416, 416, 416, 200, 416, 416, 200, 416, 416, 416, 200]


=== TEST 28: conditions, as a player that resumes sends them
--- more_headers eval
my $etag = '"096d13eda09b562b3eaa39836d9d553d25c07a1d4877f59445bd0b0ed77a9745"';
["Range: bytes=0-3\nIf-Range: $etag", "Range: bytes=0-3\nIf-Range: \"other\"",
 "Range: bytes=0-3\nIf-Range: Thu, 01 Jan 1970 00:00:00 GMT",
 "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT", "If-Modified-Since: Thu, 01 Jan 1970 00:00:00 GMT",
 "If-None-Match: *", "If-None-Match: W/$etag", "If-Match: $etag", "If-Match: \"other\"",
 "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT"]
--- request eval
[("GET $::base/contract.pdf") x 10]
--- error_code eval
[206, 200, 200, 200, 200, 304, 304, 200, 412, 412]


=== TEST 29: what another one has of a tree's file
--- request eval
"HEAD $::base/hls/720p/seg_1.m4s"
--- response_headers_like
ETag: "[0-9a-f]+-a-[0-9a-f]+"
Last-Modified: .* GMT
