// A ladder plays by hls.js where the browser has Media Source Extensions, for
// the choice of a quality; else natively; else there is the MP4.

import { el } from './dom.js';

async function library() {
    try {
        return (await import('./vendor/hls.js')).default;
    } catch {
        return null;                   // it was not installed
    }
}

function qualities(hls, place) {
    const id = 'quality';
    const select = el('select', {
        id, change: () => {
            hls.nextLevel = Number(select.value);
        }
    }, el('option', { value: -1 }, 'As the connection allows'),
        hls.levels.map((level, i) => el('option', { value: i },
            `${level.height} lines, ${(level.bitrate / 1e6).toFixed(1)} Mbit/s`)));

    const playing = el('span', { class: 'dim' });

    place.replaceChildren(el('label', { for: id }, 'Quality '), select, ' ', playing);
    return (level) => {
        playing.textContent = `now ${hls.levels[level].height} lines`;
    };
}

async function play(video, place, playlist, fallback) {
    const Hls = playlist && await library();

    if (Hls?.isSupported()) {
        // no worker: segments are MP4 already, and the policy allows none
        const hls = new Hls({ enableWorker: false });
        let playing;

        hls.on(Hls.Events.MANIFEST_PARSED, () => {
            playing = qualities(hls, place);
        });
        hls.on(Hls.Events.LEVEL_SWITCHED, (e, { level }) => playing?.(level));
        hls.on(Hls.Events.ERROR, (e, { fatal, details }) => {
            if (fatal) {
                hls.destroy();
                fallback ? video.src = fallback : place.textContent = `It does not play: ${details}`;
            }
        });
        hls.loadSource(playlist);
        hls.attachMedia(video);
        // the page is left: nothing is loaded any more
        addEventListener('hashchange', () => hls.destroy(), { once: true });
        return;
    }

    video.src = playlist && video.canPlayType('application/vnd.apple.mpegurl') ? playlist : fallback ?? playlist;
}

export function player(playlist, fallback) {
    const video = el('video', { controls: true, playsinline: true, preload: 'metadata', 'aria-label': 'The video' });
    const place = el('p', { class: 'quality' });

    play(video, place, playlist, fallback);
    return el('div', { class: 'player' }, video, place);
}
