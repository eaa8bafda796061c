# analyze-pitch: CPU time of one pitch in a process, and pitches a second as
# batches of 500 over HTTP, all accepted for one moment, until all have ended.
JOBS=${JOBS:-5000}

cc -O2 -ffp-contract=off -D_GNU_SOURCE -o "$WORK/analysis_pitch" "$SRC/t/bench/analysis_pitch.c" \
    -I"$SRC/processors/analysis" -I"$SRC/processors/common/base" -I"$SRC/processors/common/runtime" \
    "$BUILD/processors/analysis/libpt_analysis.a" "$BUILD/processors/common/base/libpt_base.a" \
    -lstemmer -lutf8proc -llzma -lyajl -lpcre2-8 -lm || die "analysis_pitch.c does not compile"

bench_services
job_wait "$(curl_as "$COOKIE" -sS -H 'Content-Type: application/json' \
    -d '{"title":"x","logline":"a drowned captain"}' "$URL/ai-analysis/analyze-pitch" | jq -r .id)" || exit 1

# five hundred different pitches: a body is at most 1 MiB
batch() { # FIRST RUN_AT
    awk -v first="$1" -v at="$2" 'BEGIN {
        n = split("detective killer love war ship family robot haunted sheriff dance secret school boy" \
                  " alien murder wedding soldier escape prison music king must who before", w, " ")
        srand(first)
        printf "{\"jobs\":["
        for (i = 0; i < 500; i++) {
            text = ""
            for (k = 0; k < 120; k++) text = text w[int(rand() * n) + 1] (k % 9 ? " of the " : ". ")
            printf "%s{\"service\":\"ai-analysis\",\"action\":\"analyze-pitch\",\"run_at\":\"%s\"," \
                "\"title\":\"Pitch %d\",\"logline\":\"%s\",\"genres\":[\"Drama\"],\"budget_usd\":%d}", \
                i ? "," : "", at, first + i, text, 1000000 + 1000 * (first + i)
        }
        printf "]}"
    }'
}

analysis_run() { # RUN
    local k at end before n

    before=$(psql_at pitchey -qAtc "SELECT count(*) FROM pitchey.job WHERE status = 'succeeded'")
    at=$(($(date +%s) + ${FILL_SECONDS:-12}))

    for ((k = 0; k < JOBS; k += 500)); do
        batch $(($1 * 1000000 + k)) "$(date -u -d "@$at" +%Y-%m-%dT%H:%M:%SZ)" > "$WORK/batch"
        [ "$(curl_as "$COOKIE" -sS -o "$WORK/answer" -w '%{http_code}' -H 'Content-Type: application/json' \
            --data-binary @"$WORK/batch" "$URL/jobs")" = 202 ] || die "analysis: a batch was refused: $(head -c 300 "$WORK/answer")"
    done
    [ "$(date +%s)" -lt "$at" ] || die "analysis: accepting took too long, set FILL_SECONDS"

    end=$(psql_at pitchey -qAt <<'SQL'
DO $$ BEGIN
    FOR i IN 1 .. 12000 LOOP
        EXIT WHEN NOT EXISTS (SELECT 1 FROM pitchey.queue);
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;
SELECT extract(epoch FROM clock_timestamp());
SQL
    )
    n=$(psql_at pitchey -qAtc "SELECT count(*) - $before FROM pitchey.job WHERE status = 'succeeded'")
    [ "$n" -eq "$JOBS" ] || die "analysis: $n of $JOBS pitches were analysed"
    awk -v n="$n" -v at="$at" -v end="$end" 'BEGIN { print n / (end - at) }'
}

for ((i = 0; i < REPS; i++)); do
    note "analysis: run $((i + 1)) of $REPS"
    read -r mean p99 mib <<< "$("$WORK/analysis_pitch" "$SHARE")"
    echo "$mean" >> "$WORK/mean"; echo "$p99" >> "$WORK/p99"; echo "$mib" >> "$WORK/mib"
    analysis_run "$i" >> "$WORK/rate"
done

emit analysis cpu_mean us "$WORK/mean"
emit analysis cpu_p99 us "$WORK/p99"
emit analysis memory MiB "$WORK/mib"
emit analysis pitches_per_second 1/s "$WORK/rate"
