# An NDA of three pages.  First in one process, as a processor's child makes it,
# in turn with three others that set the very same text; then over HTTP: the
# processor's CPU time for each, and the time from submit to finish.

request='{"type":"mutual","disclosing_party":{"name":"Example Harbour Works Ltd","address":"1 Quay Street, Bristol BS1 4RN, United Kingdom","representative":{"name":"A. Harbour","title":"Director"}},"receiving_party":{"name":"Sample Orchard Systems GmbH","address":"Obstweg 2, 10115 Berlin, Germany","representative":{"name":"B. Orchard","title":"Managing Director"}},"project":{"title":"The Salt Line"},"effective_date":"2026-01-01","term_years":3,"governing_law":"England and Wales"}'

# pdfmake embeds Roboto, pdfkit has the built-in fonts and embeds none
peers=(pdfmake pdfkit chromium)
CHROMIUM=$(command -v chromium) && export CHROMIUM
need_packages chromium
command -v npm > /dev/null || need_packages nodejs npm
mkdir "$WORK/peer"
(cd "$WORK/peer" && npm init -y && npm install --no-audit --no-fund --ignore-scripts \
    pdfkit@0 pdfmake@0 puppeteer-core@24) > "$WORK/npm.log" 2>&1 \
    || { note "documents: the peers cannot be installed, going on without"; peers=(); }
export NODE_PATH=$WORK/peer/node_modules

printf '%s' "$request" > "$WORK/nda.json"
jq '.formats = ["html"]' "$WORK/nda.json" > "$WORK/html.json"
"$BUILD/processors/document/pitchey-document" run generate-nda --params "$WORK/html.json" --share "$SRC/conf" \
    --out "$WORK/out" > /dev/null 2>&1 || die "documents: no HTML"

for ((i = 0; i < REPS; i++)); do
    note "documents: run $((i + 1)) of $REPS, in one process"
    read -r rate p50 p99 mib _ pages _ < <("$BUILD/t/bench/documents_nda" "$SRC/conf" \
        "$WORK/nda.json" "$WORK/nda.pdf" 2)
    [ "$pages" = 3 ] || die "documents: $pages pages"
    echo "$rate" >> "$WORK/rate"
    echo "$p50" >> "$WORK/p50"
    echo "$p99" >> "$WORK/p99"
    echo "$mib" >> "$WORK/mib"

    for peer in "${peers[@]}"; do
        node "$SRC/t/bench/documents_peers.mjs" "$peer" "$WORK/out/nda.html" "$WORK/$peer.pdf" 2 \
            > "$WORK/line" || die "documents: $peer failed"
        cut -d' ' -f1 "$WORK/line" >> "$WORK/$peer.rate"
    done
done

emit documents docs_per_second "1/s of CPU" "$WORK/rate"
for peer in "${peers[@]}"; do
    emit documents docs_per_second "1/s of CPU" "$WORK/rate" "$peer" "$WORK/$peer.rate"
done
emit documents p50_in_process_ms "ms of CPU" "$WORK/p50"
emit documents p99_in_process_ms "ms of CPU" "$WORK/p99"
emit documents peak_mib MiB "$WORK/mib"

bench_services
rm "$WORK/p50" "$WORK/p99"
count=${COUNT:-100}

submit_one() {
    curl_as "$COOKIE" -sS -H 'Content-Type: application/json' -H 'Cache-Control: no-cache' -H 'Idempotency-Key: '"$1" \
        -d "$request" "$URL/document-generation/generate-nda" | jq -r .id
}

job_wait "$(submit_one warm-up)" || exit 1

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
    awk -v n="$count" 'NR == int(n * 0.5) { print $1 }' "$WORK/times" >> "$WORK/p50"
    awk -v n="$count" 'NR == int(n * 0.99) { print $1 }' "$WORK/times" >> "$WORK/p99"
done

emit documents http_docs_per_second "1/s of CPU" "$WORK/docs"
emit documents http_p50_ms ms "$WORK/p50"
emit documents http_p99_ms ms "$WORK/p99"
