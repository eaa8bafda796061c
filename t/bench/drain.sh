# No-op jobs that were accepted over HTTP for one moment, from that moment until
# the last has ended, with all their events; against pg-boss on the same PostgreSQL.
JOBS=${JOBS:-20000}

bench_services

cat > "$WORK/fill.lua" <<LUA
local answers = 0
wrk.method = "POST"
wrk.path = "/api/containers/test-service/noop"
wrk.headers["Cookie"] = "$COOKIE"
wrk.headers["Content-Type"] = "application/json"
function request()
    return wrk.format(nil, nil, nil, '{"run_at":"' .. os.getenv("RUN_AT")
        .. '","metadata":{"note":"$(printf 'x%.0s' $(seq 64))"}}')
end
function response()
    answers = answers + 1
    if answers >= $JOBS then wrk.thread:stop() end
end
LUA

# seconds since 1970 when no job was open any more
drain_wait() {
    psql_at pitchey -qAt <<'SQL'
CREATE OR REPLACE FUNCTION pg_temp.wait() RETURNS float8 LANGUAGE plpgsql AS $$
BEGIN
    FOR i IN 1 .. 24000 LOOP
        EXIT WHEN NOT EXISTS (SELECT 1 FROM pitchey.queue);
        PERFORM pg_sleep(0.005);
    END LOOP;
    RETURN extract(epoch FROM clock_timestamp());
END $$;
SELECT pg_temp.wait();
SQL
}

drain_run() {
    local at before n end

    job_wait "$(curl_as "$COOKIE" -sS -H 'Content-Type: application/json' -d '{}' \
        "$URL/test-service/noop" | jq -r .id)" || die "drain: the first job did not end"

    before=$(psql_at pitchey -qAtc "SELECT count(*) FROM pitchey.job")
    at=$(($(date +%s) + ${FILL_SECONDS:-6}))
    RUN_AT=$(date -u -d "@$at" +%Y-%m-%dT%H:%M:%SZ) SCRIPT=$WORK/fill.lua \
        wrk_at -t1 -c64 -d"$((${FILL_SECONDS:-6} - 1))s" "http://127.0.0.1:$PORT/" > /dev/null
    n=$(psql_at pitchey -qAtc "SELECT count(*) - $before FROM pitchey.job")
    [ "$(date +%s)" -lt "$at" ] || die "drain: accepting $n jobs took too long, set FILL_SECONDS"
    end=$(drain_wait)

    awk -v n="$n" -v at="$at" -v end="$end" 'BEGIN { print n / (end - at) }'
}
