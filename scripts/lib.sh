# Shared by the scripts: packages, build, and one private set of services
# (PostgreSQL, orchestrator with its processors, nginx) in one folder.
# Sourced, never run.
#
#   services_configure DIR   sets the paths of the set in DIR
#   services_up              starts what does not run yet, waits until ready
#   services_down            ends exactly what services_up started
#
# Who runs what: as root, PostgreSQL is run by "postgres", the daemons and
# nginx's workers by "www-data"; else all of it by the caller.

set -u

# nginx lies where only root's PATH looks
PATH=$PATH:/usr/sbin:/sbin

SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${PITCHEY_BUILD:-$SRC/build}
PGBIN=/usr/lib/postgresql/15/bin

# what a bare Debian 12 lacks: for building, and for running
PACKAGES_BUILD=(gcc libc6-dev make meson ninja-build pkg-config nginx-dev
    libpq-dev libyajl-dev libzmq3-dev libuv1-dev uthash-dev libssl-dev
    libpcre2-dev libavformat-dev libavcodec-dev libavfilter-dev libavutil-dev
    libswscale-dev libswresample-dev libhpdf-dev libpng-dev libmd4c-dev libharfbuzz-dev
    libunistring-dev libhyphen-dev libfontconfig-dev libsodium-dev zlib1g-dev
    libxlsxwriter-dev libstemmer-dev libutf8proc-dev liblzma-dev
    libisal-dev libzstd-dev
    libwslay-dev libseccomp-dev libcurl4-openssl-dev libcmocka-dev
    libarchive-dev)
PACKAGES_RUN=(nginx postgresql-15 tzdata curl file jq openssl perl procps
    fonts-sil-gentiumplus fonts-open-sans fonts-dejavu-core fonts-dejavu-extra
    hyphen-en-us hyphen-en-gb
    icc-profiles-free)

say()  { printf '%s\n' "$*"; }
note() { printf '%s\n' "$*" >&2; }
die()  { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

is_root() { [ "$(id -u)" = 0 ]; }


# ---- packages and build ----

# Installs those that are missing.  Services that come with a package are not
# started, so the machine's own nginx and PostgreSQL stay as they are.
need_packages() {
    local p missing=()

    for p in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] \
            || missing+=("$p")
    done

    [ ${#missing[@]} -gt 0 ] || return 0
    is_root || die "packages are missing, and only root can install them: ${missing[*]}"
    note "installing packages: ${missing[*]}"

    # a subshell of its own, so that its trap takes both guards away again
    (
        log=$(mktemp) guards=()
        trap 'rm -f "$log" "${guards[@]}"' EXIT
        trap 'exit 130' INT TERM

        if [ ! -e /usr/sbin/policy-rc.d ]; then
            guards+=(/usr/sbin/policy-rc.d)
            install -m 755 /dev/stdin /usr/sbin/policy-rc.d <<< $'#!/bin/sh\nexit 101'
        fi

        if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
            guards+=(/etc/postgresql-common/createcluster.conf)
            install -D -m 644 /dev/stdin /etc/postgresql-common/createcluster.conf \
                <<< 'create_main_cluster = false'
        fi

        if ! { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install \
               -y -qq --no-install-recommends "${missing[@]}"; } > "$log" 2>&1
        then
            tail -n 20 "$log" >&2
            exit 1
        fi
    ) || die "could not install packages"
}

# Configures $BUILD once (arguments: options of meson), then brings it up to date.
build_all() {
    local log=$BUILD/build.log

    mkdir -p "$BUILD" || exit 1

    if [ ! -f "$BUILD/build.ninja" ]; then
        (cd "$SRC" && meson setup "$BUILD" "$@") > "$log" 2>&1 \
            || { tail -n 20 "$log" >&2; die "meson failed, see $log"; }
    fi

    ninja -C "$BUILD" > "$log" 2>&1 \
        || { grep -m3 -A12 -E 'error|FAILED' "$log" >&2; die "the build failed, see $log"; }
}


# ---- users, processes, waiting ----

# as USER COMMAND...
as() {
    local user=$1; shift

    if [ "$user" = "$(id -un)" ]; then
        "$@"
    else
        setpriv --reuid="$user" --regid="$user" --init-groups -- "$@"
    fi
}

free_port() {
    perl -MIO::Socket::INET -e 'print IO::Socket::INET->new(Listen => 1,
        LocalAddr => "127.0.0.1", LocalPort => 0)->sockport'
}

# of a zombie it is empty: it has ended, whenever its parent looks
start_time() { # PID
    sed 's/^.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'
}

# A process is remembered with its start time, for a pid alone comes back.
pid_save() { # NAME PID
    printf '%s %s\n' "$2" "$(start_time "$2")" > "$PIDS/$1.pid"
}

pid_of() { # NAME: its pid, if it runs
    local pid start

    read -r pid start 2>/dev/null < "$PIDS/$1.pid" || return 1
    [ -n "$start" ] && [ "$(start_time "$pid")" = "$start" ] && echo "$pid"
}

pid_end() { # NAME SIGNAL SECONDS
    local i pid

    if pid=$(pid_of "$1"); then
        kill -"$2" "$pid"

        for ((i = 0; i < $3 * 20; i++)); do
            pid_of "$1" > /dev/null || break
            sleep 0.05
        done

        if pid=$(pid_of "$1"); then
            note "$1 did not end within $3 s, killing it"
            kill -KILL "$pid"
        fi
    fi

    rm -f "$PIDS/$1.pid"
}

wait_for() { # SECONDS WHAT COMMAND...
    local i seconds=$1 what=$2; shift 2

    for ((i = 0; i < seconds * 10; i++)); do
        "$@" > /dev/null 2>&1 && return 0
        sleep 0.1
    done

    note "$what: not within $seconds s; the logs are in $LOG"
    tail -n 15 "$LOG"/*.log >&2
    return 1
}


# ---- one set of services ----

services_configure() { # DIR
    DIR=$(realpath -m -- "$1")
    BIN=$DIR/bin SHARE=$DIR/share LOG=$DIR/log PIDS=$DIR/pid
    SOCKETS=$DIR/socket STORAGE=$DIR/storage SCRATCH=$DIR/scratch
    EDGE=ipc://$SOCKETS/edge.sock
    PROCESSORS=ipc://$SOCKETS/processors.sock
    PG_USER=$(id -un) DAEMON_USER=$(id -un)

    if is_root; then
        PG_USER=postgres DAEMON_USER=www-data
    fi

    case $DIR in *[!a-zA-Z0-9/._+-]*)
        die "please a folder of letters, digits and . _ + - only: $DIR" ;;
    esac

    # a Unix socket's name has 107 bytes at most
    [ ${#SOCKETS} -le 90 ] || die "the folder's name is too long for sockets in it: $DIR"
}

# Remembers a server by its own pid file, if it is one that runs from DIR: also
# one whose start was not waited for to the end.
pid_adopt() { # NAME FILE
    local pid

    pid_of "$1" > /dev/null && return
    pid=$(head -n 1 "$2" 2>/dev/null) || return 0
    [ -n "$pid" ] && tr '\0' ' ' < "/proc/$pid/cmdline" 2>/dev/null | grep -qF "$DIR/" \
        && pid_save "$1" "$pid"
    return 0
}

# Reads what an earlier services_up left in DIR.
services_read() {
    [ -s "$DIR/secret" ] && [ -s "$DIR/postgres-port" ] || return 1
    SECRET=$(cat "$DIR/secret")
    PG_PORT=$(cat "$DIR/postgres-port")
    PG_PASSWORD=$(cat "$DIR/postgres-password")
    DATABASE_URL=postgresql://postgres:$PG_PASSWORD@127.0.0.1:$PG_PORT/pitchey
}

# Every folder down to DIR must let the unprivileged users through; what does
# not is the caller's to change.
services_check_access() {
    local user path part

    mkdir -p "$DIR" || exit 1
    is_root || return 0

    for user in "$PG_USER" "$DAEMON_USER"; do
        path=

        while read -r part; do
            path=$path/$part

            if ! (cd / && as "$user" test -x "$path"); then
                note "${0##*/}: user \"$user\" cannot enter $path"
                note "choose another folder with --dir, or allow it: chmod o+x $path"
                exit 2
            fi
        done < <(tr / '\n' <<< "${DIR#/}")
    done
}

# What is said of a package of npm in conf/dashboard/package.json: its version
npm_version() { # NAME
    jq -r --arg n "$1" '.dependencies[$n] // .devDependencies[$n]' "$SRC/conf/dashboard/package.json"
}

# Puts packages of npm, in the versions of conf/dashboard/package.json, into a
# folder's node_modules; one at a time, for tests start services side by side.
npm_packages() ( # DIR NAME...
    dir=$1 want=(); shift

    mkdir -p "$dir"
    exec 7> "$dir/.lock"
    flock 7

    for name in "$@"; do
        [ "$(jq -r .version "$dir/node_modules/$name/package.json" 2>/dev/null)" = "$(npm_version "$name")" ] \
            || want+=("$name@$(npm_version "$name")")
    done

    [ ${#want[@]} -gt 0 ] || exit 0
    command -v npm > /dev/null || need_packages npm
    [ -f "$dir/package.json" ] || echo '{"private":true}' > "$dir/package.json"
    npm install --prefix "$dir" --no-audit --no-fund --ignore-scripts --fetch-retries=1 \
        --fetch-timeout=20000 "${want[@]}" > "$dir/npm.log" 2>&1
)

# hls.js for the dashboard.  Without it videos play as MP4, without a choice of
# quality: no reason not to start.
dashboard_vendor() { # DIR
    if npm_packages "$BUILD/npm" hls.js; then
        install -D -m 644 "$BUILD/npm/node_modules/hls.js/dist/hls.min.mjs" "$1/hls.js"
    else
        note "hls.js could not be had from npm, see $BUILD/npm/npm.log: the dashboard plays MP4 only"
    fi
}

# Binaries and files are copied, so that a running set does not change under
# a build.
services_install() {
    local f

    CHANGED=

    mkdir -p "$BIN" "$LOG" "$PIDS" "$SOCKETS" "$STORAGE" "$SCRATCH" "$DIR/nginx"
    chmod 755 "$BIN" "$LOG" "$PIDS" "$DIR/nginx"

    for f in "$BUILD"/processors/*/pitchey-* "$BUILD"/t/processor/pitchey-* \
             "$BUILD"/ngx_pitchey_module/ngx_http_pitchey_module.so
    do
        [ -f "$f" ] || continue
        cmp -s "$f" "$BIN/${f##*/}" && continue
        install -m 755 "$f" "$BIN/.new" && mv -f "$BIN/.new" "$BIN/${f##*/}"
        CHANGED=1
    done

    rm -rf "$SHARE.new"
    cp -r "$SRC/conf" "$SHARE.new"
    [ -n "${WITHOUT_NGINX:-}" ] || dashboard_vendor "$SHARE.new/dashboard/vendor"
    [ -z "${WITH_TEST_SERVICE:-}" ] || cp -r "$SRC/t/schemas/." "$SHARE.new/schemas/"
    chmod -R a+rX "$SHARE.new"
    rm -rf "$SHARE"
    mv "$SHARE.new" "$SHARE"

    is_root && chown "$DAEMON_USER": "$SOCKETS" "$STORAGE" "$SCRATCH"
    chmod 750 "$SOCKETS" "$STORAGE" "$SCRATCH"

    [ -s "$DIR/secret" ] \
        || (umask 077; openssl rand -base64 33 | tr -d '\n' > "$DIR/secret")
    [ -s "$DIR/link-secret" ] \
        || (umask 077; openssl rand -base64 33 | tr -d '\n' > "$DIR/link-secret")
    [ -s "$DIR/postgres-port" ] || free_port > "$DIR/postgres-port"
    [ -s "$DIR/postgres-password" ] \
        || (umask 077; openssl rand -hex 16 > "$DIR/postgres-password")

    services_read
}

psql_at() { # DATABASE PSQL-OPTION...
    local db=$1; shift

    PGPASSWORD=$PG_PASSWORD psql -X -v ON_ERROR_STOP=1 -h 127.0.0.1 \
        -p "$PG_PORT" -U postgres -d "$db" "$@"
}

pg_ctl_at() { # PG_CTL-OPTION...
    (cd / && as "$PG_USER" "$PGBIN/pg_ctl" -D "$DIR/postgres" -s -w -t 60 "$@")
}

postgres_up() {
    if [ ! -s "$DIR/postgres/PG_VERSION" ]; then
        rm -rf "$DIR/postgres"
        install -d -m 700 -o "$PG_USER" "$DIR/postgres"

        install -m 600 -o "$PG_USER" "$DIR/postgres-password" "$DIR/.initdb-password"
        (cd / && as "$PG_USER" "$PGBIN/initdb" -D "$DIR/postgres" -U postgres \
            -A scram-sha-256 --pwfile="$DIR/.initdb-password" -E UTF8 --locale=C.UTF-8) \
            > "$LOG/initdb.log" 2>&1 \
            || { tail -n 5 "$LOG/initdb.log" >&2; die "initdb failed"; }
        rm -f "$DIR/.initdb-password"

        printf '%s\n' "listen_addresses = '127.0.0.1'" "port = $PG_PORT" \
            "unix_socket_directories = ''" "max_connections = 80" \
            >> "$DIR/postgres/postgresql.conf"
    fi

    pid_adopt postgres "$DIR/postgres/postmaster.pid"

    if ! pid_of postgres > /dev/null; then
        install -m 640 -o "$PG_USER" /dev/null "$LOG/postgres.log"
        pg_ctl_at -l "$LOG/postgres.log" start \
            || { tail -n 10 "$LOG/postgres.log" >&2; die "PostgreSQL did not start"; }
        pid_save postgres "$(head -n 1 "$DIR/postgres/postmaster.pid")"
    fi

    if [ -z "$(psql_at postgres -Atc "SELECT 1 FROM pg_database WHERE datname = 'pitchey'")" ]; then
        psql_at postgres -qc 'CREATE DATABASE pitchey' || die "could not create the database"
    fi
}

orchestrator_configure() {
    # whoever has the key and the store has everybody's data: not in one place
    # but in a demo
    [ -s "$DIR/backup-key" ] || (umask 077; openssl rand -hex 32 > "$DIR/backup-key")
    mkdir -p "$DIR/backup" && chmod 700 "$DIR/backup"
    is_root && chown "$DAEMON_USER": "$DIR/backup" "$DIR/backup-key"

    install -m 640 /dev/null "$DIR/orchestrator.conf"
    is_root && chgrp "$DAEMON_USER" "$DIR/orchestrator.conf"

    # signs webhooks; what receives them has the same
    [ -s "$DIR/webhook-secret" ] \
        || (umask 077; printf 'whsec_%s\n' "$(openssl rand -base64 32)" > "$DIR/webhook-secret")
    is_root && chown "$DAEMON_USER" "$DIR/webhook-secret" "$DIR/link-secret"

    # seals what actions keep secret; one file for all of them, as one user
    [ -s "$DIR/sealing-keys" ] || "$BIN/pitchey-orchestrator" sealkey "$DIR/sealing-keys" \
        || die "could not make a key"
    is_root && chown "$DAEMON_USER" "$DIR/sealing-keys"

    cat > "$DIR/orchestrator.conf" <<CONF
database          $DATABASE_URL
edge_listen       $EDGE
processor_listen  $PROCESSORS
storage           $STORAGE
scratch           $SCRATCH
share             $SHARE
webhook_secret    file:$DIR/webhook-secret
${SEALING-sealing           $DIR/sealing-keys}
link_secret       file:$DIR/link-secret
link_base         http://localhost:${PORT:-8080}/api/containers
processor video-processing     $BIN/pitchey-video     max=1 idle=60s
processor document-generation  $BIN/pitchey-document  max=1 idle=60s
processor report-generation    $BIN/pitchey-report    max=1 idle=60s
processor ai-analysis          $BIN/pitchey-analysis  max=1 idle=60s
processor backup-service       $BIN/pitchey-backup    max=1 idle=60s
environment PITCHEY_BACKUP_STORE $DIR/backup
environment PITCHEY_BACKUP_KEY   $DIR/backup-key
${ORCHESTRATOR_EXTRA:-}
CONF
    if [ -n "${WITH_TEST_SERVICE:-}" ]; then
        mkdir -p "$DIR/test-folder"
        is_root && chown "$DAEMON_USER": "$DIR/test-folder"

        cat >> "$DIR/orchestrator.conf" <<CONF
environment PITCHEY_TEST_FOLDER $DIR/test-folder
processor test-service $BIN/pitchey-test max=2 idle=60s
processor test-database $BIN/pitchey-test-database max=1 idle=60s
CONF
    fi
}

database_migrate() {
    "$BIN/pitchey-orchestrator" -c "$DIR/orchestrator.conf" migrate > "$LOG/migrate.log" 2>&1 \
        || { tail -n 5 "$LOG/migrate.log" >&2; die "the migration failed"; }

    psql_at pitchey -q -f "$SHARE/sql/demo/platform.sql" -f "$SHARE/sql/demo/data.sql" \
        -f "$SHARE/sql/better-auth/revocation.sql" > "$LOG/demo.log" 2>&1 \
        || { tail -n 5 "$LOG/demo.log" >&2; die "could not load the demo data"; }
}

# Keeps an orchestrator running: one that dies is started again.
orchestrator_up() {
    local keeper

    if keeper=$(pid_of keeper); then
        # new binaries: the keeper starts the orchestrator again, with them
        [ -z "$CHANGED" ] || pkill -TERM -P "$keeper"
        return 0
    fi

    [ -f "$LOG/orchestrator.log" ] \
        || install -m 640 -o "$DAEMON_USER" /dev/null "$LOG/orchestrator.log"

    cat > "$BIN/keeper" <<'KEEPER'
#!/bin/bash
# usage: keeper COMMAND...; runs it, again whenever it dies, until TERM
stop=
trap 'stop=1; kill -TERM "$child" 2>/dev/null' TERM INT

while [ -z "$stop" ]; do
    "$@" &
    child=$!

    while kill -0 "$child" 2>/dev/null; do
        wait "$child"
    done

    [ -n "$stop" ] || { echo "keeper: ${1##*/} ended, starting it again" >&2; sleep 0.3; }
done
KEEPER
    chmod 755 "$BIN/keeper"

    # landlock_create_ruleset(): processors refuse to start without, but to try
    # things out on an old kernel is better than not to
    if ! perl -e 'exit(syscall(444, 0, 0, 1) > 0 ? 0 : 1)'; then
        note "this kernel has no Landlock: jobs run with less of a cage"
        export PITCHEY_WITHOUT_LANDLOCK=1
    fi

    # in a session of its own, which no terminal ends; each of these becomes the
    # next, so that $! is the keeper's pid
    (cd / && exec setsid $(is_root && echo setpriv --reuid="$DAEMON_USER" \
            --regid="$DAEMON_USER" --init-groups --) \
        "$BIN/keeper" "$BIN/pitchey-orchestrator" -c "$DIR/orchestrator.conf") \
        >> "$LOG/orchestrator.log" 2>&1 < /dev/null &
    pid_save keeper $!
    disown
}

nginx_configure() {
    local user=
    is_root && user="user $DAEMON_USER;"

    install -m 600 /dev/null "$DIR/nginx/nginx.conf"
    cat > "$DIR/nginx/nginx.conf" <<CONF
load_module $BIN/ngx_http_pitchey_module.so;
$user
worker_processes ${NGINX_WORKERS:-2};
pid $DIR/nginx/nginx.pid;
error_log $LOG/nginx.log notice;

events {
    worker_connections 8192;
}

http {
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path $DIR/nginx/body;
    proxy_temp_path $DIR/nginx/proxy;
    fastcgi_temp_path $DIR/nginx/fastcgi;
    uwsgi_temp_path $DIR/nginx/uwsgi;
    scgi_temp_path $DIR/nginx/scgi;
    keepalive_requests 1000000;

    pitchey_database $DATABASE_URL;
    pitchey_orchestrator $EDGE;
    ${NGINX_HTTP:-}

    server {
        listen 127.0.0.1:$PORT;
        server_name localhost;

        location /api/containers/ {
            pitchey on;
            pitchey_auth_secret file:$DIR/secret;
            pitchey_link_secret file:$DIR/link-secret;
            pitchey_schemas $SHARE/schemas;
            pitchey_storage $STORAGE;
            pitchey_cors_origin http://localhost:3000;
            pitchey_upload_max 8g;
        }

        include $DIR/nginx/dashboard.conf;
        include $DIR/nginx/demo-links.conf;
${NGINX_EXTRA:-}
    }
}
CONF

    sed -e "s|/usr/share/pitchey/|$SHARE/|" -e "s|/etc/pitchey/better-auth-secret|$DIR/secret|" \
        "$SRC/conf/nginx/dashboard.conf" > "$DIR/nginx/dashboard.conf"

    # whoever follows a link is signed in: for this machine alone, whatever
    # else this server is made to listen on
    cat > "$DIR/nginx/demo-links.conf" <<CONF
location /pitchey/demo/ {
    allow 127.0.0.1;
    deny all;
    proxy_pass http://unix:$SOCKETS/demo-links.sock;
    proxy_set_header Host \$http_host;
    proxy_connect_timeout 5s;
    proxy_read_timeout 5s;
}
CONF
}

# Signs in who follows a link of demo_link: a process of its own, for nginx
# alone cannot forget what it has given away.
demo_links_up() {
    ! pid_of demo-links > /dev/null || return 0
    install -d -m 700 "$DIR/links"
    is_root && chown "$DAEMON_USER": "$DIR/links"
    install -m 755 "$SRC/scripts/demo-links" "$BIN/demo-links"

    (cd / && exec setsid $(is_root && echo setpriv --reuid="$DAEMON_USER" \
            --regid="$DAEMON_USER" --init-groups --) \
        "$BIN/demo-links" "$SOCKETS/demo-links.sock" "$DIR/links") \
        >> "$LOG/demo-links.log" 2>&1 < /dev/null &
    pid_save demo-links $!
    disown
    wait_for 5 "the sign-in links" test -S "$SOCKETS/demo-links.sock" || exit 1
}

# A link that signs an account in, once, within the next hour, on this machine.
demo_link() { # EMAIL BASE
    local token cookie

    cookie=$(session_cookie "$1") || return 1
    token=$(LC_ALL=C tr -dc 'a-zA-Z0-9' < /dev/urandom | head -c 32)
    (umask 077; printf '%s\n' "$cookie" > "$DIR/links/.$token") || return 1
    is_root && chown "$DAEMON_USER": "$DIR/links/.$token"
    mv "$DIR/links/.$token" "$DIR/links/$token" || return 1
    printf '%s/pitchey/demo/%s\n' "$2" "$token"
}

nginx_at() { # NGINX-OPTION...
    # by its full name: a binary upgrade executes it again
    "$(command -v nginx)" -p "$DIR/nginx" -e "$LOG/nginx.log" -c "$DIR/nginx/nginx.conf" "$@"
}

nginx_up() {
    pid_adopt nginx "$DIR/nginx/nginx.pid"

    if pid_of nginx > /dev/null; then
        nginx_at -s reload || die "nginx refused to reload"
        return
    fi

    nginx_at || die "nginx did not start, see $LOG/nginx.log"
    wait_for 5 "nginx's pid" test -s "$DIR/nginx/nginx.pid" || exit 1
    pid_save nginx "$(cat "$DIR/nginx/nginx.pid")"
}

services_ready() {
    [ "$(curl -s -o /dev/null -w '%{http_code}' -m 3 \
        "http://127.0.0.1:$PORT/api/containers/health/ready")" = 200 ]
}

# PORT is nginx's; WITHOUT_NGINX=1 leaves nginx to the caller, and
# WITH_TEST_SERVICE=1 adds the processor of the tests.
services_up() {
    services_check_access
    services_install
    postgres_up
    orchestrator_configure
    database_migrate
    orchestrator_up

    [ -z "${WITHOUT_NGINX:-}" ] || return 0

    nginx_configure
    nginx_up
    wait_for 30 "readiness" services_ready || exit 1
}

services_processes() { # pids of the daemons of this set
    local pid

    for pid in $(pgrep -f "^$BIN/pitchey-"); do
        case $(readlink "/proc/$pid/exe") in "$BIN"/pitchey-*) echo "$pid" ;; esac
    done
}

services_down() {
    local i pid pids

    [ -d "$PIDS" ] || return 0

    pid_adopt nginx "$DIR/nginx/nginx.pid"
    pid_adopt postgres "$DIR/postgres/postmaster.pid"

    # the second signal for streams that are still open
    if pid=$(pid_of nginx); then
        kill -QUIT "$pid"
        for ((i = 0; i < 100; i++)); do
            pid_of nginx > /dev/null || break
            sleep 0.05
        done
    fi
    pid_end nginx TERM 10
    pid_end demo-links TERM 5
    pid_end keeper TERM 20

    # processors outlive an orchestrator that was killed
    for ((i = 0; i < 100; i++)); do
        pids=$(services_processes)
        [ -n "$pids" ] || break
        [ $((i % 60)) -ne 0 ] || kill -TERM $pids 2>/dev/null
        sleep 0.1
    done

    [ -z "$pids" ] || kill -KILL $pids 2>/dev/null

    if pid_of postgres > /dev/null; then
        pg_ctl_at -m fast stop || pid_end postgres QUIT 10
        rm -f "$PIDS/postgres.pid"
    fi
}


# ---- sessions of the demo ----

# Secrets never stand in an argument, where ps shows them.
curl_as() { # COOKIE CURL-OPTION...
    local cookie=$1; shift

    curl -K <(printf 'cookie = "%s"\n' "$cookie") "$@"
}

# A new session of an account as Better Auth makes it: a row, and the signed
# cookie as name=value.
session_cookie() { # EMAIL
    local token

    token=$(LC_ALL=C tr -dc 'a-zA-Z0-9' < /dev/urandom | head -c 32)

    [ "$(psql_at pitchey -qAt -v email="$1" <<SQL
\\set token $token
INSERT INTO "session" (id, "expiresAt", token, "updatedAt", "userAgent", "userId")
SELECT replace(gen_random_uuid()::text, '-', ''), now() + interval '30 days',
       :'token', now(), 'demo-session', id
  FROM "user" WHERE email = :'email'
RETURNING 1;
SQL
    )" = 1 ] || { note "no account has the address \"$1\""; return 1; }

    perl -MDigest::SHA=hmac_sha256 -MMIME::Base64 -e '
        chomp(my ($token, $secret) = <STDIN>);
        my $signature = encode_base64(hmac_sha256($token, $secret), "");
        $signature =~ s/([+\/=])/sprintf "%%%02X", ord $1/ge;
        print "better-auth.session_token=$token.$signature\n"' \
        <<< "$token"$'\n'"$SECRET"
}
