# What the benches share.  Each file t/bench/NAME.sh is a bench: it measures
# REPS times in turn with its peer and calls emit.
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

REPS=${REPS:-5}
SECS=${SECS:-5}

bench_open() {
    WORK=$(mktemp -d) && chmod 755 "$WORK"
    services_configure "$WORK/services"
    PORT=$(free_port)
    URL=http://127.0.0.1:$PORT/api/containers
}

bench_close() {
    services_down
    rm -rf "$WORK"
}

# one nginx worker, so that the other core is the load generator's; also where
# a bench configures it once more
bench_services() {
    NGINX_WORKERS=1
    WITH_TEST_SERVICE=1 services_up
    COOKIE=$(session_cookie alex.creator@demo.com)
}

median() { # numbers, one a line
    sort -g | awk '{ a[NR] = $1 }
        END { printf "%.6g", NR % 2 ? a[(NR + 1) / 2] : (a[NR / 2] + a[NR / 2 + 1]) / 2 }'
}

# emit BENCH METRIC UNIT FILE [PEER FILE]: medians of the files' numbers
emit() {
    local peer=null peer_value=null ratio=null value
    value=$(median < "$4")

    if [ $# -gt 4 ]; then
        peer=\"$5\"
        peer_value=$(median < "$6")
        ratio=$(awk -v a="$value" -v b="$peer_value" 'BEGIN { printf "%.4g", a / b }')
    fi

    printf '{"bench":"%s","metric":"%s","value":%s,"unit":"%s","peer":%s,"peer_value":%s,"ratio":%s}\n' \
        "$1" "$2" "$value" "$3" "$peer" "$peer_value" "$ratio"
}

# CPU time of a process in microseconds; of its children that have ended, too
cpu_us() { # PID
    sed 's/^.*) //' "/proc/$1/stat" | awk -v hz="$(getconf CLK_TCK)" \
        '{ print ($12 + $13 + $14 + $15) * 1000000 / hz }'
}

# wrk's results as "requests seconds p99_us errors"
wrk_at() { # WRK-OPTION...
    cat > "$WORK/report.lua" <<'LUA'
done = function(summary, latency, requests)
    local e = summary.errors
    io.write(string.format("RESULT %d %.6f %d %d\n", summary.requests,
        summary.duration / 1e6, latency:percentile(99),
        e.connect + e.read + e.write + e.status + e.timeout))
end
LUA
    cat "$WORK/report.lua" "${SCRIPT:-/dev/null}" > "$WORK/wrk.lua"
    wrk -s "$WORK/wrk.lua" "$@" | sed -n 's/^RESULT //p'
}

# the youngest: after a reload the one before may still be on its way out
nginx_worker() { pgrep -n -P "$(cat "$DIR/nginx/nginx.pid")" -f "^nginx: worker process$"; }

# what the scheduler gave a process, in microseconds: not by ticks, which tell
# little of a second that is shared
run_us() { awk '{ printf "%.0f", $1 / 1000 }' "/proc/$1/schedstat"; }

# requests of one URL for SECS, and the worker's CPU time for each
bench_get() { # NAME URL
    local worker before n seconds p99 errors

    worker=$(nginx_worker)
    before=$(run_us "$worker")
    read -r n seconds p99 errors < <(wrk_at -t1 -c64 -d"${SECS}s" -H "Cookie: $COOKIE" "$2")
    [ "$errors" = 0 ] || die "$1: $errors errors"
    awk -v n="$n" -v s="$seconds" 'BEGIN { print n / s }' >> "$WORK/$1.rps"
    awk -v a="$before" -v b="$(run_us "$worker")" -v n="$n" 'BEGIN { print (b - a) / n }' >> "$WORK/$1.cpu"
}

job_field() { # JOB JQ
    curl_as "$COOKIE" -sS "$URL/jobs/$1" | jq -r "$2"
}

job_wait() { # JOB
    for _ in $(seq 600); do
        case $(job_field "$1" .status) in
        succeeded) return 0 ;;
        failed|cancelled|expired) note "job $1 ended badly"; return 1 ;;
        esac
        sleep 0.05
    done
    return 1
}
