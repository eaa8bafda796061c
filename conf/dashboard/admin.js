// For administrators: what waits, how long things take, who runs it, what has
// failed; asked for again and again while the page is looked at.

import { el, announce, bytes, number, seconds, time, words } from './dom.js';
import { api } from './api.js';
import { bars, lines, tiles } from './charts.js';
import { badge } from './jobs.js';

const EVERY = 3000;                // ms
const KEPT = 100;                  // samples: five minutes

// Prometheus' text: [{name, labels, value}]
function samples(text) {
    const result = [];

    for (const line of text.split('\n')) {
        const found = /^([a-z_]+)(?:\{(.*)\})? (\S+)$/.exec(line);

        if (found) {
            const labels = Object.fromEntries([...(found[2] ?? '').matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((m) => [m[1], m[2]]));
            result.push({ name: found[1], labels, value: Number(found[3].replace('+Inf', 'Infinity')) });
        }
    }

    return result;
}

function sum(all, name, label) {
    const result = new Map();

    for (const s of all.filter((x) => x.name === name)) {
        result.set(s.labels[label], (result.get(s.labels[label]) ?? 0) + s.value);
    }

    return result;
}

// A quantile of a histogram over all its series, as Prometheus guesses it.
function quantile(all, name, q) {
    const buckets = [...sum(all, name + '_bucket', 'le')].map(([le, n]) => [le === '+Inf' ? Infinity : Number(le), n]).sort((a, b) => a[0] - b[0]);
    const total = buckets.at(-1)?.[1];
    let low = 0, below = 0;

    if (!total) {
        return null;
    }

    for (const [le, n] of buckets) {
        if (n >= q * total) {
            return le === Infinity ? low : low + (le - low) * (q * total - below) / (n - below || 1);
        }

        [low, below] = [le, n];
    }
}

const LATENCIES = {
    pitchey_http_request_duration_seconds: 'A request, to its last byte',
    pitchey_accept_commit_seconds: 'Accepting a job, to its commit',
    pitchey_job_wait_seconds: 'A job, waiting for a processor',
    pitchey_attempt_run_seconds: 'A job, running'
};

function table(caption, head, rows) {
    return el('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': caption },
        el('table', {}, el('caption', {}, caption),
            el('thead', {}, el('tr', {}, head.map((h) => el('th', { scope: 'col' }, h)))),
            el('tbody', {}, rows.map((r) => el('tr', {}, r.map((c, i) => el(i ? 'td' : 'th', i ? {} : { scope: 'row' }, c)))))));
}

// What was unfolded stays so when a place is drawn again, and the focus where it was.
function redraw(place, ...children) {
    const open = [...place.querySelectorAll('details')].map((d) => d.open);

    const label = place.contains(document.activeElement) && document.activeElement.getAttribute('aria-label');

    place.replaceChildren(...children.filter(Boolean));
    place.querySelectorAll('details').forEach((d, i) => {
        d.open = open[i] ?? false;
    });

    if (label) {
        place.querySelector(`[aria-label="${CSS.escape(label)}"]`)?.focus();
    }
}

function queues(all, history) {
    const waiting = sum(all, 'pitchey_queue_jobs', 'service');
    const names = [...waiting.keys()];
    const depth = { at: new Date(), waiting };

    history.push(depth);
    history.splice(0, Math.max(0, history.length - KEPT));

    return [
        tiles([['Jobs that wait', number([...waiting.values()].reduce((a, b) => a + b, 0))],
            ['Attempts that run', number([...sum(all, 'pitchey_attempts_running', 'service').values()].reduce((a, b) => a + b, 0))],
            ['Streams that are open', number(sum(all, 'pitchey_event_streams').get(undefined) ?? 0)]]),
        history.length > 1 && lines('Jobs that wait, since this page is open', history.map((h) => h.at.toLocaleTimeString()),
            names.map((n) => ({ label: words(n), values: history.map((h) => h.waiting.get(n) ?? 0) })))
    ];
}

function latencies(all) {
    const rows = Object.entries(LATENCIES).flatMap(([name, label]) => [[0.5, 'half'], [0.95, '95 %']]
        .map(([q, of]) => [label, of, quantile(all, name, q)]))
        .filter(([, , v]) => v !== null);

    return rows.length && bars('Shorter than', rows.map(([label, of, v]) => ({ label: `${label} (${of})`, value: v, text: seconds(v) })));
}

function pools(instances, act) {
    const scale = (pool) => {
        const max = el('input', { type: 'number', min: 0, max: 1000, value: pool.max, 'aria-label': `Most processes of ${words(pool.service)}` });

        return el('div', { class: 'tools' }, max,
            el('button', { type: 'button', 'aria-label': `Set the most processes of ${words(pool.service)}`, click: () => act('scale', { service: pool.service, min: Math.min(pool.min, Number(max.value)), max: Number(max.value) }) }, 'Set'));
    };

    return [
        table('Pools', ['Service', 'Processes', 'Waiting', 'Most', ''], instances.pools.map((p) => [
            words(p.service), `${p.processes}`, `${p.waiting_jobs}`, scale(p),
            el('button', { type: 'button', disabled: p.restarting, 'aria-label': `Restart ${words(p.service)}`, click: () => act('restart', { service: p.service }) },
                p.restarting ? 'Restarting' : 'Restart')])),
        instances.instances.length > 0 && table('Processors', ['Service', 'State', 'Running', 'Process', 'Since'], instances.instances.map((i) => [
            words(i.service), i.state, `${i.running} of ${i.slots}`, i.remote ? 'remote' : `${i.pid}`, time(i.since)]))
    ];
}

// ---- what has failed ----

function redrive(signal) {
    const user = el('input', { id: 'of-user', autocomplete: 'off', placeholder: 'yours' });
    const place = el('div'), said = el('p', { role: 'status' });

    async function retry(jobs) {
        let done = 0;

        try {
            for (const job of jobs) {
                await api(`/jobs/${job.id}/retry`, { method: 'POST' });
                done++;
            }
        } catch (e) {
            said.textContent = e.message;
        }

        announce(`${done} submitted again.`);
        said.textContent = `${done} of ${jobs.length} submitted again. ${said.textContent}`;
    }

    async function look(event) {
        event.preventDefault();
        said.textContent = '';

        try {
            const of = user.value.trim() ? `&user=${encodeURIComponent(user.value.trim())}` : '';
            const { jobs } = await api(`/jobs?status=failed&limit=100${of}`, { signal });

            place.replaceChildren(...jobs.length ? [
                el('p', {}, el('button', { type: 'button', click: () => retry(jobs) }, `Try all ${jobs.length} again`)),
                table('Failed jobs', ['Job', 'Error', 'When', ''], jobs.map((j) => [
                    el('a', { href: `#/jobs/${j.id}` }, words(j.action)), [badge(j.status), ' ', j.error?.code ?? ''], time(j.created_at),
                    el('button', { type: 'button', 'aria-label': `Try ${words(j.action)} of ${j.created_at} again`, click: () => retry([j]) }, 'Again')]))
            ] : [el('p', {}, 'Nothing has failed.')]);
        } catch (e) {
            said.textContent = e.message;
        }
    }

    return el('section', {}, el('h2', {}, 'Failed jobs'),
        el('form', { class: 'tools', submit: look }, el('label', { for: 'of-user' }, 'Of the user with the id '), user, el('button', {}, 'Look')),
        said, place);
}

export async function usage({ main, signal }) {
    const use = await api('/usage', { signal });

    main.replaceChildren(el('h1', { tabindex: -1 }, 'What I have used'),
        el('p', { class: 'dim' }, 'From ', time(use.from), ' to ', time(use.to)),
        el('section', {}, tiles([['Files', number(use.stored.files)], ['They take', bytes(use.stored.file_bytes)],
            ['Outputs take', bytes(use.stored.output_bytes)],
            ['Quota', use.stored.file_bytes_max === null ? 'none' : bytes(use.stored.file_bytes_max)]]),
        use.services.length ? bars('CPU time by service', use.services.map((s) => ({
            label: `${words(s.service)} (${s.jobs} ${s.jobs === 1 ? 'job' : 'jobs'}, ${s.failed} failed)`, value: s.cpu_seconds, text: seconds(s.cpu_seconds)
        })), { value: 'CPU' }) : el('p', {}, 'No job has ended in this time.')));
}

// What each user has used in a month: the ten with the most CPU time as bars.
function spent(signal) {
    const month = el('input', { id: 'of-month', type: 'month', value: new Date().toISOString().slice(0, 7), change: look });
    const place = el('div'), said = el('p', { class: 'error', role: 'alert' });

    async function look() {
        said.textContent = '';

        try {
            const { users } = await api(`/usage/users?month=${encodeURIComponent(month.value)}`, { signal });

            place.replaceChildren(...users.length ? [
                bars('CPU time by user', users.slice(0, 10).map((u) => ({ label: u.user, value: u.cpu_seconds, text: seconds(u.cpu_seconds) })), { value: 'CPU' }),
                table('Usage by user', ['User', 'Jobs', 'Succeeded', 'Failed', 'CPU'], users.map((u) =>
                    [u.user, number(u.jobs), number(u.succeeded), number(u.failed), seconds(u.cpu_seconds)]))
            ] : [el('p', {}, 'Nobody has used anything in this month.')]);
        } catch (e) {
            if (!signal.aborted) {
                said.textContent = e.message;
            }
        }
    }

    look();
    return el('section', {}, el('h2', {}, 'Usage'),
        el('p', { class: 'tools' }, el('label', { for: 'of-month' }, 'In the month '), month), said, place);
}

export async function admin({ main, signal }) {
    const error = el('p', { class: 'error', role: 'alert' });
    const depth = el('section'), late = el('section'), who = el('section');
    const history = [];

    main.replaceChildren(el('h1', { tabindex: -1 }, 'Operation'), error, depth, late, who, spent(signal), redrive(signal));

    async function act(what, body) {
        try {
            await api(`/instances/${what}`, { method: 'POST', body });
            announce(`${words(what)}: done`);
            await poll();
        } catch (e) {
            error.textContent = e.message;
        }
    }

    async function poll() {
        if (document.hidden) {
            return;
        }

        try {
            const instances = await api('/instances', { signal });

            // a field that is being filled in is left alone
            if (!who.querySelector('input:focus')) {
                redraw(who, el('h2', {}, 'Processors'), ...pools(instances, act));
            }

            error.textContent = '';
        } catch (e) {
            if (!signal.aborted) {
                error.textContent = e.message;
            }
        }

        try {
            const all = samples(await api('/metrics', { signal }));

            redraw(depth, el('h2', {}, 'Queues'), ...queues(all, history));
            redraw(late, el('h2', {}, 'Latencies'), latencies(all));
        } catch (e) {
            if (!signal.aborted) {
                depth.replaceChildren(el('p', { class: 'dim' }, `Metrics are not for this page: ${e.message}`));
            }
        }
    }

    const timer = setInterval(poll, EVERY);

    signal.addEventListener('abort', () => clearInterval(timer));
    await poll();
}
