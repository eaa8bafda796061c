# A user's rows and files: first backup, second after 5 % have changed, restore, export.
# Peers, on the same bytes in a folder (the rows as COPY wrote them): restic, tar | zstd -3.
# Our restore puts rows into their tables, with keys, indexes and WAL; restic's ends with a file of
# them.  "restore" compares these as they are; "restore_loaded" has psql load restic's file, too.
# MB=N   megabytes, a third of them rows (3072 is the size that the issue names)
MB=${MB:-120}
WITHOUT_NGINX=1 services_up

ROWS_MB=$((MB / 3)) FILES_MB=$((MB - MB / 3))
USER_ID=demoCreatorAlexRivera00000000001
PEER=$WORK/peer OUT=$WORK/out
mkdir -p "$PEER/files" "$OUT"
chown "$(id -un)" "$STORAGE"

note "making $ROWS_MB MB of rows and $FILES_MB MB of files"
psql_at pitchey -q <<SQL
CREATE TABLE doc (id bigint PRIMARY KEY, owner text NOT NULL, body text NOT NULL, data jsonb, at timestamptz);
INSERT INTO doc SELECT i, '$USER_ID', repeat(md5(i::text), 6), jsonb_build_object('n', i, 'k', md5((i % 5000)::text)),
    now() FROM generate_series(1, $ROWS_MB * 3300) i;
CREATE INDEX ON doc (owner);
VACUUM ANALYZE doc;
SQL
jq '.tables += [{schema: "public", table: "doc", purpose: "", own: [{column: "owner"}]}]' \
    "$SHARE/backup/datamap.json" > "$WORK/map" && mv "$WORK/map" "$SHARE/backup/datamap.json"

# a third each: noise, log lines, and both in base64; of 4 MB, and of 50 kB
make_file() { # N BYTES
    case $(($1 % 3)) in
    0) openssl enc -aes-128-ctr -K "$(printf '%032d' "$1")" -iv "$(printf '%032d' 0)" -in /dev/zero 2>/dev/null ;;
    1) awk -v s="$1" 'BEGIN { srand(s); for (n = 0; ; n++)
           printf "2026-01-01T%02d:%02d:%02dZ level=info id=%08x path=/api/jobs/%d status=%d ms=%d\n",
               n / 3600 % 24, n / 60 % 60, n % 60, rand() * 4294967295, rand() * 1e6,
               rand() < .9 ? 200 : 404, rand() * 300 }' 2>/dev/null ;;
    2) openssl enc -aes-128-ctr -K "$(printf '%032d' "$1")" -iv "$(printf '%032d' 1)" -in /dev/zero 2>/dev/null \
           | base64 -w 76 ;;
    esac | head -c "$2"
}

add_files() { # FROM COUNT BYTES
    local n sha id key

    for ((n = $1; n < $1 + $2; n++)); do
        id=$(cat /proc/sys/kernel/random/uuid) key=files/${id: -2}/$id
        mkdir -p "$STORAGE/files/${id: -2}"
        make_file "$n" "$3" > "$STORAGE/$key"
        sha=$(sha256sum < "$STORAGE/$key") && ln "$STORAGE/$key" "$PEER/files/$id"
        printf "%s\t$USER_ID\tf\tx\t%s\t\\\\\\\\x%s\t%s\n" "$id" "$3" "${sha%% *}" "$key"
    done | psql_at pitchey -qc "COPY pitchey.file (id, owner, name, media_type, size, sha256, key) FROM STDIN"
}

LARGE=$((FILES_MB * 9 / 10 / 4)) SMALL=$((FILES_MB * 1000 / 10 / 50))
add_files 0 $LARGE 4000000
add_files 1000000 $SMALL 50000
copy_rows() { psql_at pitchey -qc "COPY (SELECT * FROM doc ORDER BY id) TO STDOUT" > "$PEER/rows"; }
copy_rows

export PITCHEY_BACKUP_STORE=$WORK/store PITCHEY_BACKUP_KEY=$WORK/key PITCHEY_PLATFORM_DATABASE=$DATABASE_URL
export RESTIC_PASSWORD=peer RESTIC_CACHE_DIR=$WORK/restic-cache
openssl rand -hex 32 > "$PITCHEY_BACKUP_KEY"

run_job() { # ACTION PARAMS: MB/s into FILE, peak MiB into memory
    "$BIN/pitchey-backup" run "$1" --params - --out "$OUT" --share "$SHARE" --storage "$STORAGE" \
        --user $USER_ID <<< "$2" > "$WORK/answer" 2>/dev/null
    jq -e '.status == "succeeded"' "$WORK/answer" > /dev/null || { cat "$WORK/answer" >&2; die "$1 failed"; }
    jq '.usage.peak_bytes / 1048576' "$WORK/answer" >> "$WORK/memory"
}

timed() { # FILE COMMAND...: MB/s of all bytes
    local file=$1 start end; shift

    sync -f "$WORK"
    start=$(date +%s%N)
    "$@" > /dev/null || die "$* failed"
    end=$(date +%s%N)
    awk -v b="$(du -sb --apparent-size "$PEER" | cut -f1)" -v ns=$((end - start)) 'BEGIN { print b * 1000 / ns }' \
        >> "$WORK/$file"
}

tar_zstd() { tar -C "$PEER" -cf - . | zstd -3 -T2 -q -f -o "$WORK/tar.zst"; }
restic_loaded() {
    restic_restore && psql_at pitchey -qc "\\copy doc FROM '$WORK/x$PEER/rows'"
}
restic_restore() { rm -rf "$WORK/x"; restic -q -r "$WORK/repo" restore latest --target "$WORK/x"; }

for ((i = 0; i < REPS; i++)); do
    rm -rf "$PITCHEY_BACKUP_STORE" "$WORK/repo" "$RESTIC_CACHE_DIR"
    mkdir "$PITCHEY_BACKUP_STORE"
    restic init -q -r "$WORK/repo" > /dev/null
    cat "$PEER"/files/* > /dev/null

    timed first run_job backup-user-data '{"drill": false}'
    timed restic_first restic -q -r "$WORK/repo" backup "$PEER"

    # 5 % change: rows in place, files anew
    psql_at pitchey -qc "UPDATE doc SET body = md5(random()::text) || body WHERE id % 20 = $i"
    add_files $((2000000 + i * 100000)) $((LARGE / 20 + 1)) 4000000
    copy_rows
    timed second run_job backup-user-data '{"drill": false}'
    timed restic_second restic -q -r "$WORK/repo" backup "$PEER"

    timed export run_job export-user-data '{}'
    timed tar tar_zstd

    psql_at pitchey -qc "TRUNCATE doc" -c "DELETE FROM pitchey.file"
    find "$STORAGE/files" -type f -delete
    timed restore run_job restore-user-data '{}'
    timed restic_restore restic_restore
    psql_at pitchey -qc "TRUNCATE doc"
    timed restic_loaded restic_loaded
done

emit backup first MB/s "$WORK/first" restic "$WORK/restic_first"
emit backup second MB/s "$WORK/second" restic "$WORK/restic_second"
emit backup restore MB/s "$WORK/restore" restic "$WORK/restic_restore"
emit backup restore_loaded MB/s "$WORK/restore" "restic, then psql" "$WORK/restic_loaded"
emit backup export MB/s "$WORK/export" "tar | zstd -3 -T2" "$WORK/tar"
emit backup peak_memory MiB "$WORK/memory"
