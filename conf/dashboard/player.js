// A ladder plays by hls.js where the browser has Media Source Extensions, for
// the choice of quality, captions and sound; else natively; else there is the MP4.

import { el } from './dom.js';

async function library() {
    try {
        return (await import('./vendor/hls.js')).default;
    } catch {
        return null;                   // it was not installed
    }
}

// One of several, with its label; returns what shows that another one is on.
function choice(place, id, label, options, chosen, take) {
    const select = el('select', { id, change: () => take(Number(select.value)) },
        options.map(([value, text]) => el('option', { value, selected: value === chosen }, text)));

    place.append(el('label', { for: id }, label), select);
    return (value) => {
        select.value = String(value);
    };
}

function called(track) {
    return track.name || track.lang || `${track.id + 1}`;
}

// What can be chosen of a presentation, each where there is a choice.
function choices(hls, place) {
    const playing = el('span', { class: 'dim' });

    place.replaceChildren();
    choice(place, 'quality', 'Quality', [[-1, 'As the connection allows'],
        ...hls.levels.map((level, i) => [i, `${level.height} lines, ${(level.bitrate / 1e6).toFixed(1)} Mbit/s`])], -1,
    (level) => {
        hls.nextLevel = level;
    });
    place.append(playing);

    return (level) => {
        playing.textContent = `now ${hls.levels[level].height} lines`;
    };
}

function captions(hls, place) {
    return hls.subtitleTracks.length > 0 && choice(place, 'captions', 'Captions',
        [[-1, 'None'], ...hls.subtitleTracks.map((track, i) => [i, called(track)])], hls.subtitleTrack,
        (track) => {
            hls.subtitleDisplay = track >= 0;
            hls.subtitleTrack = track;
        });
}

function sounds(hls, place) {
    return hls.audioTracks.length > 1 && choice(place, 'sound', 'Sound',
        hls.audioTracks.map((track, i) => [i, called(track)]), hls.audioTrack,
        (track) => {
            hls.audioTrack = track;
        });
}

async function play(video, place, playlist, fallback) {
    const Hls = playlist && await library();

    if (Hls?.isSupported()) {
        // no worker: segments are MP4 already, and the policy allows none
        const hls = new Hls({ enableWorker: false });
        const parts = [el('span'), el('span'), el('span')];
        let playing, caption, sound;

        place.append(...parts);
        hls.on(Hls.Events.MANIFEST_PARSED, () => {
            playing = choices(hls, parts[0]);
        });
        hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, () => {
            parts[1].replaceChildren();
            caption = captions(hls, parts[1]);
        });
        hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, () => {
            parts[2].replaceChildren();
            sound = sounds(hls, parts[2]);
        });
        hls.on(Hls.Events.LEVEL_SWITCHED, (e, { level }) => playing?.(level));

        // the browser's own controls have the same choice
        hls.on(Hls.Events.SUBTITLE_TRACK_SWITCH, (e, { id }) => caption && caption(id));
        hls.on(Hls.Events.AUDIO_TRACK_SWITCHED, (e, { id }) => sound && sound(id));
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
