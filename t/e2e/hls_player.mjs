// usage: node hls_player.mjs URL MODULES CHROMIUM
// Plays each rendition of URL/hls/master.m3u8 to its end in a headless browser
// and prints what the video element saw, as one line of JSON.
import { createRequire } from "node:module";

const [url, modules, executablePath] = process.argv.slice(2);
const { chromium } = createRequire(modules + "/")("playwright-core");

const browser = await chromium.launch({
    executablePath,
    args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"],
});

try {
    const page = await browser.newPage();
    const complaints = [];
    page.on("console", (m) => m.type() === "error" && complaints.push(m.text()));
    await page.goto(url + "/player.html");

    const play = (level) => page.evaluate((wanted) => new Promise((resolve) => {
        const video = document.createElement("video");
        const hls = new Hls({ startLevel: wanted, autoStartLoad: false });
        const errors = [], shown = [];
        const words = (cue) => cue.getCueAsHTML().textContent;
        const done = () => {
            const seen = {
                levels: hls.levels.length, ended: video.ended, errors,
                time: video.currentTime, duration: video.duration,
                width: video.videoWidth, height: video.videoHeight,
                audio: video.webkitAudioDecodedByteCount,
                captions: {
                    tracks: [...video.textTracks].map(({ kind, label, language, mode }) => ({ kind, label, language, mode })),
                    cues: [...video.textTracks].flatMap((t) => [...t.cues ?? []].map(
                        (c) => [c.startTime, c.endTime, words(c)])),
                    shown,
                },
            };
            hls.destroy();
            video.remove();
            resolve(seen);
        };

        video.textTracks.addEventListener("addtrack", ({ track }) => track.addEventListener("cuechange", () => {
            shown.push(...[...track.activeCues ?? []].map(words));
        }));
        video.muted = true;
        video.addEventListener("ended", done);
        hls.on(Hls.Events.ERROR, (_, e) => {
            errors.push(e.details);
            if (e.fatal) done();
        });
        hls.on(Hls.Events.MANIFEST_PARSED, () => {
            hls.currentLevel = wanted;
            hls.startLoad(0);
            video.playbackRate = 4;
            video.play();
        });
        setTimeout(done, 30000);

        document.body.append(video);
        hls.attachMedia(video);
        hls.loadSource("hls/master.m3u8");
    }), level);

    const runs = [await play(0)];
    for (let level = 1; level < runs[0].levels; level++) {
        runs.push(await play(level));
    }
    console.log(JSON.stringify({ runs, complaints }));
} finally {
    await browser.close();
}
