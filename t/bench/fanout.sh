# Ten messages of 240 bytes a second to 5,000 subscribers of one job, one
# worker, as server-sent events and as WebSockets; peer: nchan's event source.
# Also what an idle subscriber costs the worker.
need_packages libnginx-mod-nchan python3 python3-zmq

gcc -O2 -D_GNU_SOURCE -o "$WORK/fan" "$SRC/t/bench/fan.c" || die "fan.c does not compile"
chmod 755 "$WORK"
ulimit -n "$(ulimit -Hn)"

for ((i = 0; i < REPS; i++)); do
    note "fanout: run $((i + 1)) of $REPS"
    mkdir -m 755 "$WORK/$i"
    /usr/bin/python3 "$SRC/t/bench/fanout.py" "$WORK/fan" "$WORK/$i" \
        "${SUBSCRIBERS:-5000}" $((10 * SECS)) nchan sse ws > "$WORK/$i/results" 2> "$WORK/$i/errors" \
        || { tail -n 5 "$WORK/$i/errors" >&2; die "fanout: no result"; }

    while read -r kind share p50 p99 max kib us; do
        [ "$share" = 1.0000 ] || note "fanout: $kind delivered $share of the messages"
        echo "$p50" >> "$WORK/$kind.p50"
        echo "$p99" >> "$WORK/$kind.p99"
        echo "$max" >> "$WORK/$kind.max"
        echo "$kib" >> "$WORK/$kind.kib"
        echo "$us" >> "$WORK/$kind.us"
    done < "$WORK/$i/results"
done

for kind in sse ws; do
    emit fanout ${kind}_p50_ms ms "$WORK/$kind.p50" nchan "$WORK/nchan.p50"
    emit fanout ${kind}_p99_ms ms "$WORK/$kind.p99" nchan "$WORK/nchan.p99"
    emit fanout ${kind}_idle_kib KiB "$WORK/$kind.kib" nchan "$WORK/nchan.kib"
    emit fanout ${kind}_cpu_us us "$WORK/$kind.us" nchan "$WORK/nchan.us"
done
