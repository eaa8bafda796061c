# How long a session is accepted after its row is gone: sign-outs under load,
# two workers, open streams, and with the listening connection cut.
REVOKES=${REVOKES:-1000}

NGINX_WORKERS=2 WITH_TEST_SERVICE=1 services_up
COOKIE=$(session_cookie alex.creator@demo.com)
RELAY=$(free_port)

job=$(curl_as "$COOKIE" -sS -H 'Content-Type: application/json' \
    -d '{"seconds":60,"steps":10}' "$URL/test-service/sleep" | jq -r .id)

NGINX_EXTRA="
        location = /in {
            pitchey_auth on;
            pitchey_auth_secret file:$DIR/secret;
            add_header X-Pid \$pid;
            empty_gif;
        }"
NGINX_WORKERS=2 nginx_configure
sed -i "s|^    pitchey_orchestrator|    pitchey_database_listen postgresql://postgres:$PG_PASSWORD@127.0.0.1:$RELAY/pitchey;\n&|" \
    "$DIR/nginx/nginx.conf"
nginx_up

PGPASSWORD=$PG_PASSWORD python3 "$SRC/t/bench/revoke.py" --port "$PORT" --database-port "$PG_PORT" \
    --relay "$RELAY" --secret "$DIR/secret" --job "$job" --revokes "$REVOKES" --out "$WORK" \
    || die "revoke failed"

curl_as "$COOKIE" -sS -o /dev/null -X DELETE "$URL/jobs/$job"

emit revoke p99_ms ms "$WORK/p99"
emit revoke max_ms ms "$WORK/max"
emit revoke streams_max_ms ms "$WORK/streams"
emit revoke unheard_max_ms ms "$WORK/unheard"
emit revoke load_per_second 1/s "$WORK/load"
