// One job: what happens to it, event by event, and what came of it, in place.

import { el, announce, bytes, seconds, time, words } from './dom.js';
import { api, blob, follow, output, title } from './api.js';
import { Meter, OVER, badge } from './jobs.js';
import { player } from './player.js';
import { results } from './results.js';

const LASTS = 3600;                // seconds of a signed link

// ---- outputs, by what they are ----

function video(job, entry, fallback) {
    return el('section', {}, el('h2', {}, 'Video'), player(output(job.id, entry), fallback && output(job.id, fallback)));
}

function images(job, list) {
    const name = (o) => words(o.name.split('/').pop().replace(/\.[a-z]+$/, ''));

    return el('section', {}, el('h2', {}, 'Images'),
        el('ul', { class: 'images' }, list.map((o) => el('li', {},
            el('a', { href: output(job.id, o.name), target: '_blank', rel: 'noopener' },
                el('img', { src: output(job.id, o.name), alt: name(o), loading: 'lazy' })),
            el('span', { class: 'dim' }, name(o))))));
}

// Outputs are served to be sandboxed, and a browser shows no PDF in a sandbox:
// the page hands it the bytes.  Phones have no viewer: there, the download is it.
function pdf(job, o, signal) {
    const place = el('div');
    const section = el('section', {}, el('h2', {}, o.name), place);

    if (!navigator.pdfViewerEnabled) {
        place.append(el('p', {}, 'This browser shows no PDF in a page. ', download(job, o)));
        return section;
    }

    blob(output(job.id, o.name)).then((data) => {
        const url = URL.createObjectURL(data);

        place.append(el('iframe', { src: url, title: o.name, class: 'pdf' }));
        signal.addEventListener('abort', () => URL.revokeObjectURL(url));
    }).catch((e) => place.append(el('p', { class: 'error' }, e.message)));

    return section;
}

function download(job, o) {
    return el('a', { href: output(job.id, o.name), download: o.name.split('/').pop() }, `Download ${o.name}`);
}

function downloads(job, list) {
    return list.length > 0 && el('section', {}, el('h2', {}, 'Files'), el('ul', { class: 'files' }, list.map((o) => el('li', {},
        download(job, o), ' ', el('span', { class: 'dim' }, `${o.media_type}, ${bytes(o.size)}`)))));
}

// The outputs of a job that has ended, the ones to look at first.
function outputs(job, signal) {
    const files = (job.outputs || []).filter((o) => o.kind === 'file');
    const tree = job.outputs?.find((o) => o.kind === 'tree' && o.entry?.endsWith('.m3u8'));
    const plain = files.find((o) => o.media_type === 'video/mp4');
    const pictures = files.filter((o) => o.media_type.startsWith('image/'));

    return [
        tree ? video(job, `${tree.name}/${tree.entry}`, plain?.name) : plain && video(job, null, plain.name),
        files.filter((o) => o.media_type === 'application/pdf').map((o) => pdf(job, o, signal)),
        pictures.length && images(job, pictures),
        job.result && results(job),
        downloads(job, files.filter((o) => !pictures.includes(o)))
    ].flat().filter(Boolean);
}


// ---- the timeline ----

function tell({ event, data }) {
    switch (event) {
    case 'state':
        return [badge(data.status), data.attempt > 1 && ` attempt ${data.attempt}`];
    case 'output':
        return [data.name, ' ', el('span', { class: 'dim' }, data.kind === 'tree'
            ? `${data.files} files, ${bytes(data.bytes)}` : `${data.media_type}, ${bytes(data.size)}`)];
    case 'error':
        return [el('strong', {}, data.title || data.code), ' ', data.detail];
    case 'result':
        return ['The result is there.'];
    default:
        return [words(event)];
    }
}

function problem(error) {
    return el('section', { class: 'problem' }, el('h2', {}, error.title || 'It failed'), el('p', {}, error.detail),
        error.errors?.length && el('ul', {}, error.errors.map((e) => el('li', {}, el('code', {}, e.pointer), ' ', e.detail))));
}

export async function job({ live, main, signal }, id) {
    const said = el('p', { class: 'error', role: 'alert' });
    let now = await api(`/jobs/${id}`, { signal });

    const name = await title(now);
    const status = el('span', {}, badge(now.status));
    const meter = new Meter(name);
    const buttons = el('div', { class: 'tools' });
    const place = el('div', { class: 'outputs' });
    const events = el('ol', { class: 'timeline' });
    const times = el('p', { class: 'dim' });
    const seen = new Set();

    main.replaceChildren(
        el('p', {}, el('a', { href: '#/jobs' }, '← All jobs')),
        el('h1', { tabindex: -1 }, name, ' ', status),
        times, meter.node, buttons, said, place,
        el('details', { class: 'events', open: true }, el('summary', {}, 'What happened'), events));

    async function act(f) {
        said.textContent = '';

        try {
            await f();
        } catch (e) {
            said.textContent = e.message;
        }
    }

    const cancel = () => act(() => api(`/jobs/${id}`, { method: 'DELETE' }));

    const retry = () => act(async () => {
        location.hash = `#/jobs/${(await api(`/jobs/${id}/retry`, { method: 'POST' })).id}`;
    });

    const link = () => act(async () => {
        const { url, expires_at } = await api(`/jobs/${id}/links`, { method: 'POST', body: { expires_in: LASTS } });
        const base = new URL(url, location.href);
        const first = now.outputs.find((o) => o.kind === 'tree' || o.media_type === 'application/pdf') ?? now.outputs[0];
        const path = first.kind === 'tree' ? `${first.name}/${first.entry}` : first.name;
        const field = el('input', { readonly: true, id: 'link', value: new URL(path, base).href });

        buttons.querySelector('.link')?.remove();
        buttons.append(el('div', { class: 'link field' }, el('label', { for: 'link' }, 'Whoever has it can read the outputs until ', time(expires_at)), field));
        field.select();
        announce('The link is made.');
    });

    function draw() {
        const over = OVER.includes(now.status);
        const when = [el('span', {}, `${words(now.service)} · made `, time(now.created_at))];

        if (now.started_at && now.finished_at) {
            when.push(` · took ${seconds((new Date(now.finished_at) - new Date(now.started_at)) / 1000)}`);
        }

        times.replaceChildren(...when);
        status.replaceChildren(badge(now.status));
        meter.set(now);
        buttons.replaceChildren(...[
            !over && el('button', { type: 'button', class: 'danger', click: cancel }, 'Cancel'),
            over && el('button', { type: 'button', click: retry }, now.status === 'succeeded' ? 'Do it again' : 'Try again'),
            over && now.outputs?.length > 0 && el('button', { type: 'button', click: link }, 'Make a link to share')
        ].filter(Boolean));

        if (over) {
            place.replaceChildren(...[now.error && problem(now.error), ...outputs(now, signal)].filter(Boolean));
            events.parentNode.open = now.status !== 'succeeded';
        }
    }

    function take(m) {
        if (m.event === 'progress') {
            meter.set(m.data);
            return;
        }

        if (seen.has(m.seq)) {
            return;                        // told again after a lost connection
        }

        seen.add(m.seq);
        events.append(el('li', {}, tell(m), m.data.at && el('span', { class: 'dim' }, ' ', time(m.data.at))));

        if (m.event !== 'state' || OVER.includes(now.status)) {
            return;
        }

        if (OVER.includes(m.data.status)) {
            end();
            return;
        }

        now = { ...now, status: m.data.status };
        draw();
        meter.set(m.data);
    }

    const end = () => act(async () => {
        now = await api(`/jobs/${id}`, { signal });
        announce(`${name}: ${now.status}`);
        draw();
    });

    // its stream may be refused for good while the server is away; news of all jobs are not
    const deaf = live.listen((m) => m.type === 'event' && m.job === id && m.event === 'state'
        && OVER.includes(m.data.status) && !OVER.includes(now.status) && end());
    const leave = follow(id, OVER, take);

    signal.addEventListener('abort', () => {
        deaf();
        leave();
    });

    draw();
}
