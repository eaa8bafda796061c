# NDAs over HTTP: the processor's CPU time for each, and the time from submit
# to finish of one after the other.
bench_services

request='{"type":"mutual","disclosing_party":{"name":"Example Harbour Works Ltd","address":"1 Quay Street, Bristol BS1 4RN, United Kingdom","representative":{"name":"A. Harbour","title":"Director"}},"receiving_party":{"name":"Sample Orchard Systems GmbH","address":"Obstweg 2, 10115 Berlin, Germany","representative":{"name":"B. Orchard","title":"Managing Director"}},"project":{"title":"The Salt Line"},"effective_date":"2026-01-01","term_years":3,"governing_law":"England and Wales"}'
count=${COUNT:-100}

submit_one() {
    curl_as "$COOKIE" -sS -H 'Content-Type: application/json' -H 'Idempotency-Key: '"$1" \
        -d "$request" "$URL/document-generation/generate-nda" | jq -r .id
}

job_wait "$(submit_one warm-up)" || exit 1
processor=$(pgrep -f "^$BIN/pitchey-document" | head -n 1)

# the processor's and all its descendants' CPU time
tree_cpu_us() {
    local pid total=0

    for pid in $(pgrep -f "^$BIN/pitchey-document"); do
        total=$(awk -v t="$total" -v c="$(cpu_us "$pid")" 'BEGIN { print t + c }')
    done
    echo "$total"
}

for ((i = 0; i < REPS; i++)); do
    note "documents: run $((i + 1)) of $REPS, $count documents"
    before=$(tree_cpu_us)

    for ((k = 0; k < count; k++)); do
        submit_one "run-$i-$k"
    done > "$WORK/jobs"

    while read -r job; do
        job_wait "$job" || exit 1
        job_field "$job" '([.created_at, .finished_at] | map(.[0:19] + "Z" | fromdate)) as $s
            | ([.created_at, .finished_at] | map(.[20:23] | tonumber)) as $ms
            | ($s[1] - $s[0]) * 1000 + $ms[1] - $ms[0]'
    done < "$WORK/jobs" | sort -g > "$WORK/times"

    awk -v n="$count" -v a="$before" -v b="$(tree_cpu_us)" 'BEGIN { print n * 1000000 / (b - a) }' >> "$WORK/docs"
    awk -v n="$count" 'NR == int(n * 0.99) { print $1 }' "$WORK/times" >> "$WORK/p99"
done

[ -n "$processor" ] || exit 1
emit documents docs_per_second "1/s of CPU" "$WORK/docs"
emit documents p99_ms ms "$WORK/p99"
