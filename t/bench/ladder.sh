# The ladder against one ffmpeg command with the same encoder settings: x264
# veryfast, crf 23, a key frame every 2 s, AAC 128 kb/s, HLS of 6 s in fMP4,
# ten thumbnails.
clip=${CLIP:-${PITCHEY_MEDIA:-$SRC/../shared/media}/bbb_1080p24_h264_aac51_30s.mp4}
[ -r "$clip" ] || die "cannot read $clip, name a clip with CLIP="
clip=$(realpath "$clip")

printf '{"file":"0190a0a0-0000-7000-8000-000000000001","thumbnails":{"count":10,"width":320}}' > "$WORK/params.json"
step=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$clip" | awk '{ printf "%.6f", $1 / 10 }')

ours() {
    "$BUILD/processors/video/pitchey-video" run process --params "$WORK/params.json" \
        --input "0190a0a0-0000-7000-8000-000000000001=$clip:video/mp4" --out "$WORK/ours" \
        --share "$SRC/conf" > "$WORK/ours.log" 2>&1
}

peer() {
    ffmpeg -v error -nostdin -y -i "$clip" -filter_complex "[0:v]split=4[a][b][c][t];[a]scale=-2:1080[v1];[b]scale=-2:720[v2];[c]scale=-2:480[v3];[t]fps=1/$step,scale=320:-2[th]" \
        -map '[v1]' -map 0:a:0 -map '[v2]' -map 0:a:0 -map '[v3]' -map 0:a:0 \
        -c:v libx264 -preset veryfast -crf 23 -pix_fmt yuv420p \
        -maxrate:v:0 8064k -bufsize:v:0 16128k -maxrate:v:1 4418k -bufsize:v:1 8836k -maxrate:v:2 2445k -bufsize:v:2 4890k \
        -force_key_frames 'expr:gte(t,n_forced*2)' -sc_threshold 0 -c:a aac -b:a 128k -ar 48000 -ac 2 \
        -f hls -hls_time 6 -hls_playlist_type vod -hls_segment_type fmp4 -hls_flags independent_segments \
        -master_pl_name master.m3u8 -var_stream_map 'v:0,a:0 v:1,a:1 v:2,a:2' \
        -hls_segment_filename "$WORK/peer/v%v/s%03d.m4s" "$WORK/peer/v%v/index.m3u8" \
        -map '[th]' -frames:v 10 -q:v 3 "$WORK/peer/th%02d.jpg"
}

run() { # NAME
    rm -rf "${WORK:?}/$1"
    mkdir -p "$WORK/$1"
    TIMEFORMAT='%R %U %S'
    { time "$1"; } 2> "$WORK/time" || { tail -n 5 "$WORK/$1.log" "$WORK/time" >&2; exit 1; }
    tail -n 1 "$WORK/time" | awk '{ print $1 }' >> "$WORK/$1.wall"
    tail -n 1 "$WORK/time" | awk '{ print $2 + $3 }' >> "$WORK/$1.cpu"
}

for ((i = 0; i < REPS; i++)); do
    note "ladder: run $((i + 1)) of $REPS"
    run ours
    run peer
done

emit ladder wall_s s "$WORK/ours.wall" "ffmpeg one command" "$WORK/peer.wall"
emit ladder cpu_s s "$WORK/ours.cpu" "ffmpeg one command" "$WORK/peer.cpu"
