# Durable accepts over HTTP against the one-row inserts that the same
# PostgreSQL takes from pgbench.  The jobs are for tomorrow, so that accepting
# alone is measured.
bench_services

cat > "$WORK/submit.lua" <<LUA
wrk.method = "POST"
wrk.path = "/api/containers/test-service/noop"
wrk.headers["Cookie"] = "$COOKIE"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"run_at":"$(date -u -d tomorrow +%Y-%m-%dT%H:%M:%SZ)","metadata":{"note":"$(printf 'x%.0s' $(seq 64))"}}'
LUA

psql_at postgres -qc 'DROP DATABASE IF EXISTS ceiling' -c 'CREATE DATABASE ceiling'
psql_at ceiling -q <<'SQL'
CREATE TABLE job (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), user_id text NOT NULL,
    type text NOT NULL, status text NOT NULL DEFAULT 'queued', payload jsonb NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX ON job (status, created_at);
SQL
echo "INSERT INTO job (user_id, type, payload) VALUES ('u1', 'video', '{\"source\":\"s3://bucket/in/abc.mp4\",\"preset\":\"hls-1080p\",\"priority\":5}') RETURNING id;" \
    > "$WORK/insert.sql"

for ((i = 0; i < REPS; i++)); do
    note "submit: run $((i + 1)) of $REPS"

    read -r n seconds p99 errors < <(SCRIPT=$WORK/submit.lua wrk_at -t1 -c64 -d"${SECS}s" "http://127.0.0.1:$PORT/")
    [ "$errors" = 0 ] || die "submit: $errors of $n were not accepted"
    awk -v n="$n" -v s="$seconds" 'BEGIN { print n / s }' >> "$WORK/accepts"
    awk -v p="$p99" 'BEGIN { print p / 1000 }' >> "$WORK/p99"

    PGPASSWORD=$PG_PASSWORD "$PGBIN/pgbench" -h 127.0.0.1 -p "$PG_PORT" -U postgres -n \
        -M prepared -T "$SECS" -c 16 -j 1 -f "$WORK/insert.sql" ceiling 2>/dev/null \
        | awk '/^tps/ { print $3 }' >> "$WORK/inserts"
done

# every 202 is a row
accepted=$(psql_at pitchey -Atc "SELECT count(*) FROM pitchey.job WHERE action = 'noop'")
note "submit: $accepted jobs are in the database"

emit submit accepts_per_second 1/s "$WORK/accepts" "pgbench 16" "$WORK/inserts"
emit submit p99_ms ms "$WORK/p99"
