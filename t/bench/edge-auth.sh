# pitchey_auth in front of nginx's own "return 200", against the same without.
bench_services

body='{"service":"studio","status":"ok","items":[1,2,3],"note":"what a back end would have said"}'
NGINX_EXTRA="
        location = /plain { default_type application/json; return 200 '$body'; }
        location = /guarded {
            pitchey_auth on;
            pitchey_auth_secret file:$DIR/secret;
            default_type application/json;
            return 200 '$body';
        }"
nginx_configure
nginx_up
sleep 1
wait_for 5 "the reloaded nginx" test -n "$(nginx_worker)"

URL=http://127.0.0.1:$PORT
[ "$(curl_as "$COOKIE" -sS "$URL/guarded")" = "$body" ] || die "the session is refused"
[ "$(curl -sS -o "$WORK/body" -w '%{http_code}' "$URL/guarded")" = 401 ] || die "nothing is guarded"

for ((i = 0; i < REPS; i++)); do
    note "edge-auth: run $((i + 1)) of $REPS"
    bench_get guarded "$URL/guarded"
    bench_get plain "$URL/plain"
done

emit edge-auth requests_per_second 1/s "$WORK/guarded.rps" "nginx return 200" "$WORK/plain.rps"
emit edge-auth cpu_us_per_request us "$WORK/guarded.cpu" "nginx return 200" "$WORK/plain.cpu"
