package Test::Nginx::Socket;

# A runner for the part of Test::Nginx's format that our t/*.t files use:
# nginx is started once per block with the block's configuration, the block's
# request is sent repeat_each() times, and the answer and the error log are
# compared with what the block says.  It is as strict as the real one: a list of
# requests wants lists of expectations, error_log and no_error_log look at the
# lines since the request before, and a connection has to be closed by nginx.
# It does not shuffle the blocks.
#
# It stands aside where the real one (openresty/test-nginx, on CPAN) is
# installed: the .t files append t/lib to @INC and never prepend it.
#
# What it reads
#   sections     main_config http_config config server_config user_files
#                request raw_request raw_request_middle_delay more_headers
#                response_body_unlike response_headers response_headers_like
#                raw_response_headers_like raw_response_headers_unlike
#                error_log no_error_log
#                must_die timeout wait abort ignore_response init
#                ONLY SKIP LAST
#   filters      eval chomp chop
#   variables    $TEST_NGINX_NAME in configurations, $TEST_NGINX_SERVER_PORT
#   environment  TEST_NGINX_BINARY TEST_NGINX_LOAD_MODULES TEST_NGINX_PORT
#                TEST_NGINX_SERVROOT TEST_NGINX_TIMEOUT

use strict;
use warnings;

use Cwd qw(cwd);
use File::Path qw(make_path remove_tree);
use IO::Select;
use IO::Socket::INET;
use POSIX qw(:sys_wait_h);
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
    plan run_tests repeat_each workers worker_connections master_on master_off
    log_level no_shuffle no_long_string no_root_location server_root server_port
    blocks add_block_preprocessor env_to_nginx add_cleanup_handler
    is ok like unlike diag is_deeply
);

our $RepeatEach = 1;
our $Workers = 1;
our $WorkerConnections = 64;
our $Master = 'on';
our $LogLevel = 'debug';
our $RootLocation = 1;
our $Port = $ENV{TEST_NGINX_PORT} || $ENV{TEST_NGINX_SERVER_PORT} || 1984;
our $Binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
our $Timeout = $ENV{TEST_NGINX_TIMEOUT} || 3;
our $ServRoot = $ENV{TEST_NGINX_SERVROOT} || cwd() . '/t/servroot';

my (@preprocessors, @cleanups, @env, @blocks, $pid, $log_read);


sub import {
    my ($class, @plan) = @_;
    my $caller = caller;

    strict->import;
    warnings->import;

    no strict 'refs';

    for my $name (@EXPORT) {
        *{"${caller}::$name"} = \&{$name};
    }

    if (@plan && $plan[0] ne 'no_plan') {
        Test::More::plan(@plan);
    }
}


sub repeat_each { $RepeatEach = shift if @_; $RepeatEach }
sub workers { $Workers = shift }
sub worker_connections { $WorkerConnections = shift }
sub master_on { $Master = 'on' }
sub master_off { $Master = 'off' }
sub log_level { $LogLevel = shift }
sub no_root_location { $RootLocation = 0 }
sub server_root { $ServRoot }
sub server_port { $Port }
sub env_to_nginx { push @env, @_ }
sub add_block_preprocessor { push @preprocessors, shift }
sub add_cleanup_handler { push @cleanups, shift }
sub no_shuffle { }
sub no_long_string { }
sub blocks { @blocks = read_blocks() unless @blocks; @blocks }


sub run_tests {
    my @run = blocks();
    my @only = grep { defined $_->{ONLY} } @run;

    @run = @only if @only;

    for my $block (@run) {
        if (defined $block->{SKIP}) {
            SKIP: { skip $block->{name}, 1 }
            next;
        }

        $_->(Test::Nginx::Socket::Block->wrap($block)) for @preprocessors;
        run_block($block);
        last if defined $block->{LAST};
    }

    $_->() for @cleanups;

    done_testing() unless Test::More->builder->has_plan;
}


# ---- reading the blocks behind __DATA__ ----

sub read_blocks {
    my ($text, @found);

    {
        no warnings 'once';
        local $/;
        $text = <main::DATA>;
    }

    for my $part (split /^(?==== )/m, $text) {
        next unless $part =~ s/\A===[ \t]*(.*)\n//;

        my %block = (name => $1);
        my ($head, @sections) = split /^---[ \t]+(?=\w)/m, $part;

        for my $section (@sections) {
            $section =~ s/\A(\w+)((?:[ \t]+[\w]+)*)[ \t]*(?:(:)[ \t]?([^\n]*))?\n?//
                or die "$block{name}: cannot read section: $section";

            my ($name, $filters, $inline, $value) = ($1, $2, $3, $4);

            # lines up to the next section; blank ones at the end are layout
            $value = $section unless defined $inline;
            $value =~ s/\n\s*\z/\n/ unless defined $inline;
            $value =~ s/^\\(?=[=#-])//mg;

            for my $filter (split ' ', $filters) {
                if ($filter eq 'eval') {
                    $value = eval "package main; no strict; $value";
                    die "$block{name}: $name: $@" if $@;

                } elsif ($filter eq 'chomp' || $filter eq 'chop') {
                    chomp $value;

                } else {
                    die "$block{name}: unknown filter $filter";
                }
            }

            $block{$name} = $value;
        }

        push @found, \%block;
    }

    return @found;
}


# ---- one block ----

sub run_block {
    my ($block) = @_;
    my $name = $block->{name};

    check_sections($block);
    stop_nginx();
    write_files($block);

    if (defined $block->{init}) {
        eval "package main; no strict; $block->{init}";
        die "$name: init: $@" if $@;
    }

    my $output = start_nginx();

    if (defined $block->{must_die}) {
        isnt($?, 0, "$name - nginx refuses the configuration");
        check_log($block, $name);
        return;
    }

    unless (defined $pid) {
        fail("$name - nginx starts");
        diag($output . error_log());
        return;
    }

    for my $round (1 .. $RepeatEach) {
        my @requests = requests($block);

        for my $n (0 .. $#requests) {
            my $i = @requests > 1 ? $n : undef;
            my $title = defined $i ? "$name - request $i" : $name;
            my $answer = exchange($block, $title, $requests[$n]);

            check_answer($block, $title, $answer, $i)
                unless defined $block->{ignore_response};

            sleep $block->{wait} if $block->{wait};
            check_log($block, $title);
        }
    }

    stop_nginx();

    my $log = error_log();
    unlike($log, qr/\[(?:alert|emerg)\]|ERROR: (?:Address|Leak|Undefined)|runtime error:/,
           "$name - no alert, crash or sanitizer report");
    diag(join "\n", grep { /\[(?:alert|emerg)\]|ERROR:|runtime error/ } split /\n/, $log)
        if $log =~ /\[(?:alert|emerg)\]|ERROR: (?:Address|Leak|Undefined)|runtime error:/;
}


# the real one reads the first of these that there is, and none of the others
sub check_sections {
    my ($block) = @_;

    for my $rivals ([qw(response_headers response_headers_like)],
                    [qw(response_body response_body_like response_body_unlike)])
    {
        my @given = grep { defined $block->{$_} } @$rivals;

        die "$block->{name}: @given exclude each other\n" if @given > 1;
    }
}


# what a section says of request $i, or of the only one
sub pick {
    my ($block, $section, $i) = @_;
    my $value = $block->{$section};

    return $value->[$i // 0] if ref $value eq 'ARRAY';

    die "$block->{name}: $section is no list, as the requests are\n"
        if defined $value && defined $i;

    return $value;
}


sub requests {
    my ($block) = @_;
    my @out;

    if (defined $block->{raw_request}) {
        my $raw = $block->{raw_request};
        my @pieces = ref $raw eq 'ARRAY' ? @$raw : ($raw);

        die "$block->{name}: a piece is no string\n" if grep { ref } @pieces;
        return \@pieces;
    }

    my $text = $block->{request};
    die "$block->{name}: no request" unless defined $text;

    my @texts = ref $text eq 'ARRAY' ? @$text : ($text);

    for my $i (0 .. $#texts) {
        my ($line, $body) = split /\n/, $texts[$i], 2;
        my $headers = $block->{more_headers} // '';

        $headers = $headers->[$i] // die "$block->{name}: more_headers lacks $i\n"
            if ref $headers;


        $line =~ s/\s+\z//;
        $line .= ' HTTP/1.1' unless $line =~ m{ HTTP/\d\.\d\z};

        my $out = "$line\r\nHost: localhost\r\nConnection: close\r\n";

        for my $header (split /\n/, $headers) {
            next unless length $header;

            if ($header =~ /\A(Host|Connection):/i) {
                my $key = $1;
                $out =~ s/^$key: [^\r]*\r\n//mi;
            }

            $out .= "$header\r\n";
        }

        if (defined $body && length $body && $headers !~ /^Content-Length:/mi
            && $headers !~ /^Transfer-Encoding:/mi)
        {
            $body =~ s/\A\s+|\s+\z//g;
            $out .= 'Content-Length: ' . length($body) . "\r\n";
        }

        push @out, ["$out\r\n" . ($body // '')];
    }

    return @out;
}


# sends the pieces, reads to the end of the connection
sub exchange {
    my ($block, $title, $pieces) = @_;
    my $limit = $block->{timeout} || $Timeout;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $Port, Proto => 'tcp', Timeout => $limit)
        or return undef;

    local $SIG{PIPE} = 'IGNORE';
    my $answer = '';

    for my $n (0 .. $#$pieces) {
        sleep $block->{raw_request_middle_delay} // 0 if $n;
        send_all($socket, $pieces->[$n]);
    }

    my $select = IO::Select->new($socket);

    while (1) {
        unless ($select->can_read($limit)) {
            fail("$title - client socket timed out")
                unless defined $block->{abort};
            last;
        }

        last unless sysread($socket, $answer, 65536, length $answer);
    }

    close $socket;

    return $answer;
}


sub send_all {
    my ($socket, $bytes) = @_;
    my $at = 0;

    while ($at < length $bytes) {
        my $n = syswrite($socket, $bytes, 65536, $at);
        last unless $n;
        $at += $n;
    }
}


sub check_answer {
    my ($block, $title, $answer, $i) = @_;

    unless (defined $answer
            && $answer =~ m{\A(HTTP/\d(?:\.\d)? (\d+)[^\r\n]*\r\n.*?\r\n)\r\n(.*)\z}s)
    {
        my $want = pick($block, 'error_code', $i);

        if (defined $want && $want =~ /\A\s*\z/) {
            pass("$title - no answer");
            return;
        }

        fail("$title - an answer comes");
        diag('got: ' . (defined $answer ? substr($answer, 0, 400) : 'no connection'));
        return;
    }

    my ($head, $code, $body) = ($1, $2, $3);
    my @headers = split /\r\n/, $head;

    if ($head =~ /^Transfer-Encoding:\s*chunked/mi) {
        $body = unchunk($body);
    }

    my $want = pick($block, 'error_code', $i);
    $want = 200 unless defined $want;
    $want =~ s/\s+//g;
    is($code, $want, "$title - status") or diag(substr $body, 0, 600);

    if (defined(my $text = pick($block, 'response_body', $i))) {
        is($body, expand($text), "$title - body");
    }

    if (defined(my $re = pick($block, 'response_body_like', $i))) {
        $re = expand_re($re);
        like($body, qr/$re/s, "$title - body like");
    }

    if (defined(my $re = pick($block, 'response_body_unlike', $i))) {
        $re = expand_re($re);
        unlike($body, qr/$re/s, "$title - body unlike");
    }

    if (defined(my $text = pick($block, 'response_headers', $i))) {
        for my $line (split /\n/, $text) {
            if ($line =~ /^\s*!\s*(\S+)/) {
                my $key = $1;
                is(scalar(grep { /^\Q$key\E:/i } @headers), 0, "$title - no header $key");

            } elsif ($line =~ /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/) {
                my ($key, $value) = ($1, expand($2));
                my @got = map { /^\Q$key\E:\s*(.*?)\s*$/i ? $1 : () } @headers;
                is(join(', ', @got), $value, "$title - header $key");
            }
        }
    }

    if (defined(my $text = pick($block, 'response_headers_like', $i))) {
        for my $line (split /\n/, $text) {
            next unless $line =~ /^\s*([^:\s]+)\s*:\s*(.*?)\s*$/;

            my ($key, $re) = ($1, $2);
            my @got = map { /^\Q$key\E:\s*(.*?)\s*$/i ? $1 : () } @headers;
            like(join(', ', @got), qr/^$re$/, "$title - header $key like");
        }
    }

    if (defined(my $re = pick($block, 'raw_response_headers_like', $i))) {
        $re = expand_re($re);
        like($head, qr/$re/s, "$title - headers like");
    }

    if (defined(my $re = pick($block, 'raw_response_headers_unlike', $i))) {
        $re = expand_re($re);
        unlike($head, qr/$re/s, "$title - headers unlike");
    }
}


sub unchunk {
    my ($in) = @_;
    my $out = '';

    while ($in =~ s/\A([0-9a-fA-F]+)[^\r\n]*\r\n//) {
        my $n = hex $1;

        last if $n == 0;
        $out .= substr($in, 0, $n, '');
        $in =~ s/\A\r\n//;
    }

    return $out;
}


# what nginx has logged since the last call
sub check_log {
    my ($block, $title) = @_;
    my $log = new_lines();
    my $end = time() + 0.5;

    # nginx logs some things after the client has its answer
    for my $pattern (patterns($block->{error_log})) {
        while ($log !~ $pattern && time() < $end) {
            sleep 0.01;
            $log .= new_lines();
        }

        ok($log =~ $pattern, "$title - error_log $pattern")
            or diag(join "\n", grep { !/\[debug\]/ } split /\n/, $log);
    }

    for my $pattern (patterns($block->{no_error_log})) {
        my @lines = grep { $_ =~ $pattern } split /\n/, $log;

        is(scalar @lines, 0, "$title - no_error_log $pattern")
            or diag(join "\n", @lines[0 .. ($#lines > 4 ? 4 : $#lines)]);
    }
}


sub patterns {
    my ($value) = @_;

    return () unless defined $value;

    my @patterns = ref $value eq 'ARRAY' ? @$value
                 : ref $value ? ($value)
                 : grep { length } split /\n/, $value;

    return map { ref $_ ? $_ : qr/\Q${\ expand($_) }\E/ } @patterns;
}


# ---- nginx ----

sub expand {
    my ($text) = @_;

    $text =~ s/\$TEST_NGINX_SERVER_PORT/$Port/g;
    $text =~ s/\$TEST_NGINX_SERVER_ROOT/$ServRoot/g;
    $text =~ s{\$(TEST_NGINX_[A-Z0-9_]+)}{
        $ENV{$1} // die "no environment variable $1\n" }gex;

    return $text;
}


sub expand_re {
    my ($re) = @_;

    return $re if ref $re;

    chomp $re;
    return $re;
}


sub write_files {
    my ($block) = @_;

    remove_tree($ServRoot);
    make_path("$ServRoot/conf", "$ServRoot/logs", "$ServRoot/html");
    chmod 0755, $ServRoot;

    my $files = $block->{user_files};

    if (defined $files && !ref $files) {
        my @parts = split /^>>>[ \t]*(\S+)[^\n]*\n/m, $files;
        shift @parts;
        $files = [];

        while (@parts) {
            my ($name, $text) = splice @parts, 0, 2;
            push @$files, [$name, $text // ''];
        }
    }

    for my $file (@{ $files || [] }) {
        my ($name, $text) = @$file;
        my $path = "$ServRoot/html/$name";

        (my $dir = $path) =~ s{/[^/]+\z}{};
        make_path($dir);
        spew($path, expand($text));
    }

    my $load = join '', map { "load_module $_;\n" }
               split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';
    my $env = join '', map { "env $_;\n" } @env;
    my $user = $> == 0 ? "user root;\n" : '';
    my $root = $RootLocation
               ? "location / { root $ServRoot/html; index index.html; }" : '';
    my ($main, $http, $config) = map { expand($_ // '') }
        @$block{qw(main_config http_config config)};
    my $temp = join "\n    ", map { "${_}_temp_path $ServRoot/${_}_temp;" }
               qw(client_body proxy fastcgi uwsgi scgi);

    spew("$ServRoot/conf/nginx.conf", <<"CONF");
${load}worker_processes $Workers;
daemon on;
master_process $Master;
error_log $ServRoot/logs/error.log $LogLevel;
pid $ServRoot/logs/nginx.pid;
env ASAN_OPTIONS;
env UBSAN_OPTIONS;
env LSAN_OPTIONS;
$env$user
$main

http {
    access_log off;
    $temp
    default_type text/plain;
    keepalive_timeout 68000ms;

$http

    server {
        listen $Port;
        server_name localhost;
        client_max_body_size 30M;

$config

        $root
    }
}

events {
    accept_mutex off;
    worker_connections $WorkerConnections;
}
CONF
}


sub spew {
    my ($path, $text) = @_;

    open my $out, '>:raw', $path or die "cannot write $path: $!\n";
    print $out $text;
    close $out or die "cannot write $path: $!\n";
}


# what nginx said on its standard error; $? is its exit status
sub start_nginx {
    my $output = `$Binary -p $ServRoot/ -c $ServRoot/conf/nginx.conf -e $ServRoot/logs/error.log 2>&1 </dev/null`;
    my $status = $?;

    undef $pid;
    $log_read = 0;

    if ($status == 0) {
        my $end = time() + 10;

        while (time() < $end) {
            if (open my $in, '<', "$ServRoot/logs/nginx.pid") {
                my $line = <$in>;

                if (defined $line && $line =~ /(\d+)/
                    && IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $Port))
                {
                    $pid = $1;
                    last;
                }
            }

            sleep 0.01;
        }
    }

    $? = $status;

    return $output;
}


sub stop_nginx {
    return unless defined $pid;

    my $end = time() + 10;

    kill 'QUIT', $pid;

    while (runs($pid)) {
        if (time() > $end) {
            fail('nginx ends by itself on QUIT');
            kill 'KILL', $pid;
            last;
        }

        sleep 0.01;
    }

    undef $pid;
}


# a zombie has ended, whenever its parent looks
sub runs {
    my ($pid) = @_;

    open my $in, '<', "/proc/$pid/stat" or return 0;

    return <$in> !~ /^.*\) Z/s;
}


sub error_log {
    open my $in, '<', "$ServRoot/logs/error.log" or return '';
    local $/;

    return scalar(<$in>) // '';
}


sub new_lines {
    my $new = substr error_log(), $log_read;

    $log_read += length $new;

    return $new;
}


END {
    my $status = $?;

    stop_nginx();
    $? = $status;
}


# what a block preprocessor is handed: accessors, and set_value()
package Test::Nginx::Socket::Block;

our $AUTOLOAD;

sub wrap { bless { block => $_[1] }, $_[0] }
sub name { $_[0]{block}{name} }
sub set_value { $_[0]{block}{ $_[1] } = $_[2] }

sub AUTOLOAD {
    my $self = shift;
    (my $section = $AUTOLOAD) =~ s/.*:://;

    return if $section eq 'DESTROY';
    return $self->{block}{$section};
}

1;
