# Ten thumbnails of a film, exact to the frame, against ffmpeg's fps filter and
# against a command with -ss for each of them.
clip=${CLIP:-${PITCHEY_MEDIA:-$SRC/../shared/media}/bbb_1080p24_h264_aac51_30s.mp4}
[ -r "$clip" ] || die "cannot read $clip, name a clip with CLIP="
clip=$(realpath "$clip")

printf '{"file":"0190a0a0-0000-7000-8000-000000000001","count":10,"width":320}' > "$WORK/params.json"
step=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$clip" | awk '{ printf "%.6f", $1 / 10 }')

ours() {
    "$BUILD/processors/video/pitchey-video" run thumbnails --params "$WORK/params.json" \
        --input "0190a0a0-0000-7000-8000-000000000001=$clip:video/mp4" --out "$WORK/ours" \
        --share "$SRC/conf" > "$WORK/ours.log" 2>&1
}

filter() {
    ffmpeg -v error -nostdin -y -i "$clip" -vf "fps=1/$step,scale=320:-2" -frames:v 10 -q:v 3 "$WORK/filter/%02d.jpg"
}

seeks() {
    local n
    for ((n = 0; n < 10; n++)); do
        ffmpeg -v error -nostdin -y -ss "$(awk -v n=$n -v s="$step" 'BEGIN { print (n + 0.5) * s }')" -i "$clip" \
            -frames:v 1 -vf scale=320:-2 -q:v 3 "$WORK/seeks/$n.jpg"
    done
}

run() { # NAME
    rm -rf "${WORK:?}/$1"
    mkdir -p "$WORK/$1"
    TIMEFORMAT='%R'
    { time "$1"; } 2> "$WORK/time" || { tail -n 5 "$WORK/$1.log" "$WORK/time" >&2; exit 1; }
    tail -n 1 "$WORK/time" >> "$WORK/$1.wall"
}

for ((i = 0; i < REPS; i++)); do
    note "thumbnails: run $((i + 1)) of $REPS"
    run ours
    run filter
    run seeks
done

emit thumbnails wall_s s "$WORK/ours.wall" "ffmpeg's fps filter" "$WORK/filter.wall"
emit thumbnails wall_s s "$WORK/ours.wall" "ffmpeg -ss for each" "$WORK/seeks.wall"
