# An authenticated GET /jobs/{id} of a finished job against "return 200" with
# the same body in the same nginx.
bench_services

job=$(curl_as "$COOKIE" -sS -H 'Content-Type: application/json' \
    -d '{"message":"edge-status"}' "$URL/test-service/echo" | jq -r .id)
job_wait "$job" || exit 1
body=$(curl_as "$COOKIE" -sS "$URL/jobs/$job")

NGINX_EXTRA="
        location = /plain {
            default_type application/json;
            return 200 '${body//\'/\\\'}';
        }"
nginx_configure
nginx_up
sleep 1
wait_for 5 "the reloaded nginx" test -n "$(nginx_worker)"

[ "$(curl -sS "http://127.0.0.1:$PORT/plain")" = "$body" ] || die "the peer's body differs"

for ((i = 0; i < REPS; i++)); do
    note "edge-status: run $((i + 1)) of $REPS"
    bench_get status "$URL/jobs/$job"
    bench_get plain "http://127.0.0.1:$PORT/plain"
done

emit edge-status requests_per_second 1/s "$WORK/status.rps" "nginx return 200" "$WORK/plain.rps"
emit edge-status cpu_us_per_request us "$WORK/status.cpu" "nginx return 200" "$WORK/plain.cpu"
