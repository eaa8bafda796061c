# From a POST to the start of its action: at 100 jobs a second on a processor that
# runs, and where none runs.
JOBS=${JOBS:-1000}
NDA='{"type":"mutual","disclosing_party":{"name":"A","address":"1 A Street"},"receiving_party":{"name":"B","address":"2 B Street"},"project":{"title":"T"},"effective_date":"2026-11-23","term_years":3,"governing_law":"the State of California"}'

bench_services
export COOKIE

percentile() { # P FILE
    sort -g "$2" | awk -v p="$1" '{ a[NR] = $1 } END { i = int(NR * p / 100); print a[i < NR ? i + 1 : NR] }'
}

for ((i = 0; i < REPS; i++)); do
    note "dispatch: run $((i + 1)) of $REPS"
    python3 "$SRC/t/bench/dispatch.py" warm "$PORT" "$JOBS" > "$WORK/warm" || die "dispatch: a job failed"
    percentile 50 "$WORK/warm" >> "$WORK/p50"
    percentile 99 "$WORK/warm" >> "$WORK/p99"
done

emit dispatch warm_p50_ms ms "$WORK/p50"
emit dispatch warm_p99_ms ms "$WORK/p99"

for ((i = 0; i < REPS; i++)); do
    python3 "$SRC/t/bench/dispatch.py" zero "$PORT" 10 test-service/noop '{}' \
        "$BIN/pitchey-test" >> "$WORK/zero-noop" || die "dispatch: a job failed"
    python3 "$SRC/t/bench/dispatch.py" zero "$PORT" 10 document-generation/generate-nda "$NDA" \
        "$BIN/pitchey-document" >> "$WORK/zero-documents" || die "dispatch: a job failed"
done

# of the video processor's start most is the loading of FFmpeg's libraries
zero_video() {
    ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=s=320x180:r=24:d=1 -pix_fmt yuv420p "$WORK/clip.mp4"
    file=$(curl_as "$COOKIE" -sS -H 'Content-Type: video/mp4' --data-binary "@$WORK/clip.mp4" \
        "$URL/files?name=clip.mp4" | jq -r .id)
    for ((i = 0; i < REPS; i++)); do
        python3 "$SRC/t/bench/dispatch.py" zero "$PORT" 10 video-processing/analyze \
            "{\"file\":\"$file\"}" "$BIN/pitchey-video" >> "$WORK/zero-video" \
            || die "dispatch: a job failed"
    done
}

zero_video

percentile 99 "$WORK/zero-noop" > "$WORK/zero-noop-p99"
percentile 99 "$WORK/zero-documents" > "$WORK/zero-documents-p99"
percentile 99 "$WORK/zero-video" > "$WORK/zero-video-p99"
emit dispatch zero_noop_p99_ms ms "$WORK/zero-noop-p99"
emit dispatch zero_documents_p99_ms ms "$WORK/zero-documents-p99"
emit dispatch zero_video_p99_ms ms "$WORK/zero-video-p99"
