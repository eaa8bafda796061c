# pitchey_auth in front of the cheapest content that nginx has, against the same
# without.  Not of "return": that answers before the phase in which a request is
# asked who it is.
bench_services

NGINX_EXTRA="
        location = /plain { empty_gif; }
        location = /guarded {
            pitchey_auth on;
            pitchey_auth_secret file:$DIR/secret;
            empty_gif;
        }"
nginx_configure
nginx_up
sleep 1
wait_for 5 "the reloaded nginx" test -n "$(nginx_worker)"

site=http://127.0.0.1:$PORT
[ "$(curl_as "$COOKIE" -sS -o "$WORK/gif" -w '%{http_code}' "$site/guarded")" = 200 ] || die "the session is refused"
[ "$(curl -sS -o "$WORK/gif" -w '%{http_code}' "$site/guarded")" = 401 ] || die "nothing is guarded"

for ((i = 0; i < REPS; i++)); do
    note "edge-auth: run $((i + 1)) of $REPS"
    bench_get guarded "$site/guarded"
    bench_get plain "$site/plain"
done

emit edge-auth requests_per_second 1/s "$WORK/guarded.rps" "nginx empty_gif" "$WORK/plain.rps"
emit edge-auth cpu_us_per_request us "$WORK/guarded.cpu" "nginx empty_gif" "$WORK/plain.cpu"
