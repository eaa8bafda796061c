# The ladder against ffmpeg with the same encoder settings: x264 veryfast, crf
# 23 below the same caps, a key frame every 2 s, AAC 128 kb/s, HLS of 6 s in
# fMP4 (our first segment has 2 s, its key frames are the same), ten
# thumbnails.  Once in one command with "split", once in a command for each
# rendition and one for the thumbnails.
clip=${CLIP:-${PITCHEY_MEDIA:-$SRC/../shared/media}/bbb_1080p24_h264_aac51_30s.mp4}
[ -r "$clip" ] || die "cannot read $clip, name a clip with CLIP="
clip=$(realpath "$clip")

printf '{"file":"0190a0a0-0000-7000-8000-000000000001","thumbnails":{"count":10,"width":320},"poster":false,"mp4":false,"copy":false}' > "$WORK/params.json"
step=$(ffprobe -v error -show_entries format=duration -of csv=p=0 "$clip" | awk '{ printf "%.6f", $1 / 10 }')

x264=(-c:v libx264 -preset veryfast -crf 23 -pix_fmt yuv420p -force_key_frames 'expr:gte(t,n_forced*2)' -sc_threshold 0 -c:a aac -b:a 128k -ar 48000 -ac 2)
hls=(-f hls -hls_time 6 -hls_playlist_type vod -hls_segment_type fmp4 -hls_flags independent_segments)

ours() {
    "$BUILD/processors/video/pitchey-video" run process --params "$WORK/params.json" \
        --input "0190a0a0-0000-7000-8000-000000000001=$clip:video/mp4" --out "$WORK/ours" \
        --share "$SRC/conf" > "$WORK/ours.log" 2>&1
}

peer() {
    ffmpeg -v error -nostdin -y -i "$clip" -filter_complex "[0:v]split=4[a][b][c][t];[a]scale=-2:1080[v1];[b]scale=-2:720[v2];[c]scale=-2:480[v3];[t]fps=1/$step,scale=320:-2[th]" \
        -map '[v1]' -map 0:a:0 -map '[v2]' -map 0:a:0 -map '[v3]' -map 0:a:0 "${x264[@]}" \
        -maxrate:v:0 8064k -bufsize:v:0 16128k -maxrate:v:1 4418k -bufsize:v:1 8836k -maxrate:v:2 2445k -bufsize:v:2 4890k \
        "${hls[@]}" -master_pl_name master.m3u8 -var_stream_map 'v:0,a:0 v:1,a:1 v:2,a:2' \
        -hls_segment_filename "$WORK/peer/v%v/s%03d.m4s" "$WORK/peer/v%v/index.m3u8" \
        -map '[th]' -frames:v 10 -q:v 3 "$WORK/peer/th%02d.jpg"
}

each() {
    local lines rate
    while read -r lines rate; do
        mkdir -p "$WORK/each/$lines"
        ffmpeg -v error -nostdin -y -i "$clip" -map 0:v:0 -map 0:a:0 -vf "scale=-2:$lines" "${x264[@]}" -maxrate "${rate}k" -bufsize "$((2 * rate))k" \
            "${hls[@]}" -hls_segment_filename "$WORK/each/$lines/s%03d.m4s" "$WORK/each/$lines/index.m3u8" || return
    done <<< $'1080 8064\n720 4418\n480 2445'
    ffmpeg -v error -nostdin -y -i "$clip" -vf "fps=1/$step,scale=320:-2" -frames:v 10 -q:v 3 "$WORK/each/th%02d.jpg"
}

# wall and CPU seconds, and the largest process's memory in MB
cat > "$WORK/measure.py" <<'PY'
import resource, subprocess, sys, time
begun = time.monotonic()
status = subprocess.run(sys.argv[2:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
for name, value in (("wall", time.monotonic() - begun), ("cpu", used.ru_utime + used.ru_stime), ("mb", used.ru_maxrss / 1024)):
    print(value, file=open(f"{sys.argv[1]}.{name}", "a"))
sys.exit(status)
PY
export -f ours peer each
export WORK BUILD SRC clip step

run() { # NAME
    rm -rf "${WORK:?}/$1"
    mkdir -p "$WORK/$1"
    python3 "$WORK/measure.py" "$WORK/$1" bash -c "$(declare -p x264 hls); $1" || { tail -n 5 "$WORK/$1.log" >&2; exit 1; }
}

for ((i = 0; i < REPS; i++)); do
    note "ladder: run $((i + 1)) of $REPS"
    run ours
    run peer
    run each
done

emit ladder wall_s s "$WORK/ours.wall" "ffmpeg one command" "$WORK/peer.wall"
emit ladder wall_s s "$WORK/ours.wall" "ffmpeg one command each" "$WORK/each.wall"
emit ladder cpu_s s "$WORK/ours.cpu" "ffmpeg one command" "$WORK/peer.cpu"
emit ladder memory_mb MB "$WORK/ours.mb" "ffmpeg one command" "$WORK/peer.mb"

psnr_of() { # PLAYLIST SCALE
    ffmpeg -v info -nostdin -i "$1" -i "$clip" -filter_complex "[1:v:0]scale=$2[r];[0:v:0][r]psnr" -an -f null - 2>&1 | sed -n 's/.*average:\([0-9.]*\).*/\1/p'
}

# pictures alone: ours have the sound beside them
bytes_of() { # PLAYLIST
    ffprobe -v error -select_streams v:0 -show_entries packet=size -of csv=p=0 "$1" | awk '{ s += $1 } END { print s }'
}

n=0
for name in 1080p:1920:1080 720p:1280:720 480p:854:480; do
    IFS=: read -r name width height <<< "$name"
    for what in psnr_of bytes_of; do
        $what "$WORK/ours/hls/$name/index.m3u8" "$width:$height" > "$WORK/ours.$what"
        $what "$WORK/peer/v$n/index.m3u8" "$width:$height" > "$WORK/peer.$what"
    done
    emit ladder "psnr_${name}_db" dB "$WORK/ours.psnr_of" "ffmpeg one command" "$WORK/peer.psnr_of"
    emit ladder "picture_${name}_bytes" B "$WORK/ours.bytes_of" "ffmpeg one command" "$WORK/peer.bytes_of"
    n=$((n + 1))
done
