# How soon a film can be watched: from the submit to the first segment of the
# lowest rung, and of all rungs, over HTTP.  For the clip, and for one of ten
# minutes made of it.
clip=${CLIP:-${PITCHEY_MEDIA:-$SRC/../shared/media}/bbb_1080p24_h264_aac51_30s.mp4}
[ -r "$clip" ] || die "cannot read $clip, name a clip with CLIP="

bench_services

ffmpeg -v error -nostdin -y -stream_loop 19 -i "$(realpath "$clip")" -map 0:v:0 -map 0:a:0 -c copy "$WORK/long.mp4"

cat > "$WORK/play.py" <<'PY'
import json, re, sys, time, urllib.error, urllib.request
url, cookie, path, out, reps = sys.argv[1:6]

def ask(method, name, data=None, kind=None):
    request = urllib.request.Request(url + name, data=data, method=method, headers={"Cookie": cookie, **({"Content-Type": kind} if kind else {})})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            return None
        raise SystemExit(f"{method} {name}: {error.code} {error.read()[:300]}")

file = json.loads(ask("POST", "/files?name=clip.mp4", open(path, "rb").read(), "video/mp4"))["id"]
for n in range(int(reps)):
    begun = time.monotonic()
    # another number of pictures each time: no result is there already
    job = json.loads(ask("POST", "/video-processing/process", json.dumps({"file": file, "thumbnails": {"count": 10 + n}}).encode(), "application/json"))["id"]
    base, seen = f"/jobs/{job}/outputs/hls/", []
    while len(seen) < 3 and time.monotonic() < begun + 60:
        for name in ("480p", "720p", "1080p"):
            if name in seen or not (text := ask("GET", base + name + "/index.m3u8")):
                continue
            first = re.search(rb"^\d+\.m4s$", text, re.M)
            if first and ask("GET", base + name + "/init.mp4") and ask("GET", base + name + "/" + first.group().decode()):
                seen.append(name)
                if len(seen) in (1, 3):
                    which = "lowest" if len(seen) == 1 else "all"
                    print(time.monotonic() - begun, file=open(f"{out}.{which}", "a"))
        time.sleep(0.02)
    ask("DELETE", f"/jobs/{job}")
    while json.loads(ask("GET", f"/jobs/{job}"))["status"] in ("queued", "running"):
        time.sleep(0.1)
PY

for film in "$(realpath "$clip")" "$WORK/long.mp4"; do
    name=$([ "$film" = "$WORK/long.mp4" ] && echo ten_minutes || echo clip)
    note "firstplay: $name"
    python3 "$WORK/play.py" "$URL" "$COOKIE" "$film" "$WORK/$name" "$REPS" || die "cannot measure $name"
    emit firstplay "lowest_${name}_s" s "$WORK/$name.lowest"
    emit firstplay "all_${name}_s" s "$WORK/$name.all"
done
