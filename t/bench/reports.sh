# A table of 20 columns as CSV against COPY TO, as XLSX against a bare loop over
# libxlsxwriter that reads the same rows; and ten pages with twelve charts, whose
# queries are taken off.
bench_services

rows=${ROWS:-1000000}
conninfo="host=127.0.0.1 port=$PG_PORT user=postgres password=$PG_PASSWORD dbname=pitchey"
share=$WORK/share definition=$WORK/share/reports/wide

columns=
for ((i = 1; i <= 20; i++)); do
    case $((i % 5)) in
    0) columns+=", md5((n * $i)::text) AS c$i" ;;
    1) columns+=", n * $i AS c$i" ;;
    2) columns+=", (n * $i % 100000) / 100.0 AS c$i" ;;
    3) columns+=", '2020-01-01'::date + n % 2000 AS c$i" ;;
    4) columns+=", 'text ' || n % 1000 AS c$i" ;;
    esac
done

note "reports: a table of $rows rows"
psql_at pitchey -qc "CREATE UNLOGGED TABLE wide AS SELECT ${columns#, } FROM generate_series(1, $rows) AS n" \
    -c 'ANALYZE wide'

mkdir -p "$definition"
cp "$SRC/conf/reports/report.schema.json" "$share/reports/"
echo 'SELECT * FROM wide' > "$definition/wide.sql"
cat > "$definition/report.json" <<'JSON'
{"title":"Wide","for":["*"],"parameters":{"type":"object"},
 "datasets":{"wide":{"sql":"wide.sql","limit":50000000}},
 "sections":[{"type":"text","text":"{{wide.rows}} rows"}]}
JSON

cc -O2 -o "$WORK/bare_xlsx" "$SRC/t/bench/bare_xlsx.c" -I/usr/include/postgresql -lpq -lxlsxwriter \
    || die "could not build the bare loop"

report() { # FORMAT SHARE NAME PARAMETERS USER
    rm -rf "$WORK/out" && mkdir "$WORK/out"
    PITCHEY_PLATFORM_DATABASE=$conninfo /usr/bin/env time -f '%M' -o "$WORK/peak" \
        "$BUILD/processors/report/pitchey-report" run generate-analytics --share "$2" --out "$WORK/out" \
        --user "$5" --role admin --params <(echo "{\"report\":\"$3\",\"formats\":[\"$1\"],\"parameters\":$4}") \
        > "$WORK/log" 2>&1 || { tail -n 5 "$WORK/log" >&2; die "the report failed"; }
}

timed() { # FILE COMMAND...
    local file=$1 TIMEFORMAT=%R; shift
    { time "$@"; } 2> "$WORK/time" || { cat "$WORK/time" >&2; exit 1; }
    tail -n 1 "$WORK/time" >> "$WORK/$file"
}

copy_to() { psql_at pitchey -qc 'COPY (SELECT * FROM wide) TO STDOUT CSV HEADER' > "$WORK/copy.csv"; }
bare()    { "$WORK/bare_xlsx" "$conninfo" 'SELECT * FROM wide' "$WORK/bare.xlsx"; }

for ((i = 0; i < REPS; i++)); do
    note "reports: run $((i + 1)) of $REPS"
    timed csv  report csv "$share" wide '{}' x
    timed copy copy_to
    cat "$WORK/peak" >> "$WORK/peaks"
    timed xlsx report xlsx "$share" wide '{}' x
    timed bare bare
    cat "$WORK/peak" >> "$WORK/peaks"
done

# rates, so that more is better in both
for f in csv copy; do
    awk -v n="$rows" '{ print n / $1 }' "$WORK/$f" > "$WORK/$f.rate"
done

emit reports csv_rows_per_second 1/s "$WORK/csv.rate" "COPY TO" "$WORK/copy.rate"
emit reports xlsx_s s "$WORK/xlsx" "bare libxlsxwriter loop" "$WORK/bare"
emit reports peak_KiB KiB "$WORK/peaks"

# ten pages with twelve charts; the job's CPU time with queries and all, and
# less that of the same rows as CSV
definition=$WORK/share/reports/book
mkdir -p "$definition"

python3 - "$definition" <<'PY'
import json, sys
kinds = ["line", "area", "bar", "stacked", "scatter", "sparkline"]
sql = {"days": "SELECT '2026-01-01'::date + c1 AS x, c1 AS a, c2 * 400 AS b, c7 AS c FROM wide WHERE c1 <= 9 ORDER BY 1",
       "parts": "SELECT c4 AS x, c1 AS a, c2 * 400 AS b, c7 AS c FROM wide WHERE c1 <= 9 ORDER BY c1"}
for name, text in sql.items():
    open(f"{sys.argv[1]}/{name}.sql", "w").write(text)
charts = [{"type": "chart", "title": f"{kind.capitalize()} {i}", "kind": kind, "x": "x", "y": ["a", "b", "c"][:1 if kind == "sparkline" else 3],
           "dataset": "parts" if kind in ("bar", "stacked") else "days"} for i in (1, 2) for kind in kinds]
tiles = [{"title": f"Figure {i}", "value": {"dataset": "days", "fn": "sum", "column": "a"}} for i in range(6)]
json.dump({"title": "Book", "for": ["*"], "parameters": {"type": "object"}, "datasets": {n: {"sql": n + ".sql"} for n in sql},
           "sections": [{"type": "kpis", "title": "Figures", "items": tiles}, *charts, {"type": "table", "title": "Days", "dataset": "days"}]},
          open(f"{sys.argv[1]}/report.json", "w"))
PY

for ((i = 0; i < REPS; i++)); do
    for f in csv pdf; do
        report "$f" "$share" book '{}' x
        sed -n 's/.*"cpu_ms":\([0-9]*\).*/\1/p' "$WORK/log" >> "$WORK/$f.cpu"
    done
done

grep -q '"pages":10,' "$WORK/log" || die "the book has not ten pages: $(grep -o '"pages":[0-9]*' "$WORK/log")"
paste "$WORK/pdf.cpu" "$WORK/csv.cpu" | awk '{ print $1 - $2 }' > "$WORK/pages"
emit reports book_cpu_ms "ms of CPU, 10 pages and 12 charts, with queries" "$WORK/pdf.cpu"
emit reports book_pages_cpu_ms "ms of CPU, less queries" "$WORK/pages"
