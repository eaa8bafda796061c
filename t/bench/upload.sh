# POST /files of one large file, hashed and synced, against nginx's own dav PUT
# into the same file system: as it is, which leaves the bytes to the kernel, and
# with a sync of the file, which ours includes.
SIZE=${SIZE:-1024}

bench_services

note "upload: making a file of $SIZE MiB"
openssl enc -aes-128-ctr -nosalt -K 00112233445566778899aabbccddeeff -iv 0 -in /dev/zero 2> /dev/null \
    | head -c "${SIZE}M" > "$WORK/body"
[ "$(stat -c %s "$WORK/body")" = $((SIZE << 20)) ] || die "could not make the file"
sha256=$(sha256sum < "$WORK/body" | cut -d ' ' -f 1)

install -d -m 777 "$STORAGE/dav" "$STORAGE/dav-temp"
NGINX_EXTRA="
        location /dav/ {
            alias $STORAGE/dav/;
            dav_methods PUT;
            client_max_body_size 0;
            client_body_temp_path $STORAGE/dav-temp;
        }"
nginx_configure
sed -i 's/client_body_temp_path .*nginx.body;/&\n    client_max_body_size 0;/' "$DIR/nginx/nginx.conf"
nginx_up
sleep 1
wait_for 5 "the reloaded nginx" test -n "$(nginx_worker)"

# mib_per_second NAME SECONDS
mib_per_second() { awk -v n="$SIZE" -v s="$2" 'BEGIN { print n / s }' >> "$WORK/$1"; }

seconds_since() { awk -v a="$1" -v b="$(date +%s.%N)" 'BEGIN { print b - a }'; }

for ((i = 0; i < REPS; i++)); do
    note "upload: run $((i + 1)) of $REPS"
    worker=$(nginx_worker)

    # the peak of this run alone
    echo 5 > "/proc/$worker/clear_refs"
    before=$(cpu_us "$worker")
    start=$(date +%s.%N)
    answer=$(curl_as "$COOKIE" -sS -T "$WORK/body" -X POST -H 'Expect:' "$URL/files?name=body")
    mib_per_second ours "$(seconds_since "$start")"
    [ "$(jq -r .sha256 <<< "$answer")" = "$sha256" ] || die "the upload was answered $answer"
    awk -v a="$before" -v b="$(cpu_us "$worker")" 'BEGIN { print (b - a) / 1e6 }' >> "$WORK/cpu"
    awk '/^VmHWM/ { print $2 / 1024 }' "/proc/$worker/status" >> "$WORK/peak"
    curl_as "$COOKIE" -sS -X DELETE "$URL/files/$(jq -r .id <<< "$answer")"
    sync "$STORAGE"

    before=$(cpu_us "$worker")
    start=$(date +%s.%N)
    curl -sSf -T "$WORK/body" -H 'Expect:' "http://127.0.0.1:$PORT/dav/body" > /dev/null || die "the PUT failed"
    mib_per_second put "$(seconds_since "$start")"
    sync "$STORAGE/dav/body"
    mib_per_second put_synced "$(seconds_since "$start")"
    awk -v a="$before" -v b="$(cpu_us "$worker")" 'BEGIN { print (b - a) / 1e6 }' >> "$WORK/put_cpu"
    rm "$STORAGE/dav/body"
    sync "$STORAGE"
done

emit upload mib_per_second MiB/s "$WORK/ours" "nginx dav PUT" "$WORK/put"
emit upload mib_per_second MiB/s "$WORK/ours" "nginx dav PUT, synced" "$WORK/put_synced"
emit upload cpu_seconds s "$WORK/cpu" "nginx dav PUT" "$WORK/put_cpu"
emit upload worker_peak_mib MiB "$WORK/peak"
