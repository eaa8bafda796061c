// The user's jobs, live: the newest first, each with its progress.

import { el, announce, seconds, time, words } from './dom.js';
import { api, title } from './api.js';

export const OVER = ['succeeded', 'failed', 'cancelled', 'expired'];

const FEW = 3000;                  // ms of progress before a guess is made

// How long a job may still take, from how fast it went since it was first seen.
export class Estimate {
    take(progress) {
        const now = performance.now();

        if (this.start === undefined || progress < this.from) {
            this.start = now;
            this.from = progress;
        }

        this.now = now;
        this.progress = progress;
    }

    text() {
        const took = this.now - this.start, done = this.progress - this.from;

        if (!(took > FEW && done > 0.01) || this.progress >= 1) {
            return '';
        }

        return `about ${seconds(Math.max(1, Math.round((1 - this.progress) / done * took / 1000)))} left`;
    }
}

export function badge(status) {
    return el('span', { class: `badge ${status}` }, status);
}

// Progress, stage and what is left, of a job that is not over.
export class Meter {
    constructor(label) {
        this.estimate = new Estimate();
        this.bar = el('progress', { max: 1, value: 0, 'aria-label': `Progress of ${label}` });
        this.text = el('span', { class: 'stage' });
        this.node = el('div', { class: 'meter' }, this.bar, this.text);
    }

    set({ status, progress, stage }) {
        this.node.hidden = status !== undefined && OVER.includes(status);

        if (progress !== undefined) {
            this.bar.value = progress;
            this.estimate.take(progress);
        }

        if (stage !== undefined) {
            this.stage = stage;
        }

        if (status === 'queued') {
            this.stage = 'waits for its turn';
        } else if (status === 'running' && this.stage === 'waits for its turn') {
            this.stage = null;
        }

        this.text.textContent = [`${Math.round(this.bar.value * 100)} %`, this.stage, this.estimate.text()].filter(Boolean).join(' · ');
    }
}

class Row {
    constructor(job, name) {
        this.meter = new Meter(name);
        this.badge = el('span');
        this.took = el('span', { class: 'dim' });
        this.node = el('li', { class: 'job', 'data-job': job.id },
            el('a', { href: `#/jobs/${job.id}` }, name),
            el('span', { class: 'dim' }, words(job.service)), this.badge,
            el('span', { class: 'dim when' }, time(job.created_at), ' ', this.took), this.meter.node);
        this.set(job);
    }

    set(job) {
        if (job.status && job.status !== this.status) {
            this.status = job.status;
            this.badge.replaceChildren(badge(job.status));
        }

        if (job.finished_at && job.started_at) {
            this.took.textContent = `· took ${seconds((new Date(job.finished_at) - new Date(job.started_at)) / 1000)}`;
        }

        this.meter.set(job);
    }
}

export async function jobs({ live, main, signal }) {
    const rows = new Map();
    const list = el('ul', { class: 'jobs' });
    const none = el('p', { hidden: true }, 'Nothing yet. ', el('a', { href: '#/' }, 'Start something.'));
    const more = el('button', { type: 'button', hidden: true }, 'Older ones');
    const error = el('p', { class: 'error', role: 'alert' });
    const filter = el('select', { id: 'filter', change: () => restart() },
        ['all', 'queued', 'running', ...OVER].map((s) => el('option', { value: s === 'all' ? '' : s }, words(s))));
    let cursor = '';

    main.replaceChildren(el('h1', { tabindex: -1 }, 'Jobs'),
        el('p', { class: 'tools' }, el('label', { for: 'filter' }, 'Show '), filter), list, none, error, more);
    more.addEventListener('click', page);

    async function page() {
        const status = filter.value ? `&status=${filter.value}` : '';

        try {
            const answer = await api(`/jobs?limit=20${status}${cursor && '&cursor=' + encodeURIComponent(cursor)}`, { signal });

            for (const job of answer.jobs) {
                show(job, await title(job), false);
            }

            cursor = answer.next || '';
            more.hidden = !cursor;
            none.hidden = rows.size > 0;
            error.textContent = '';
        } catch (e) {
            if (!signal.aborted) {
                error.textContent = e.message;
            }
        }
    }

    function restart() {
        rows.clear();
        list.replaceChildren();
        cursor = '';
        return page();
    }

    function show(job, name, front) {
        if (rows.has(job.id)) {
            rows.get(job.id).set(job);
            return;
        }

        const row = new Row(job, name);
        rows.set(job.id, row);
        front ? list.prepend(row.node) : list.append(row.node);
        none.hidden = true;
    }

    async function fresh(id) {
        try {
            const job = await api(`/jobs/${id}`, { signal });

            if (!filter.value || filter.value === job.status) {
                show(job, await title(job), true);
            }
        } catch {
            // another page by now, or the next news bring it
        }
    }

    const asked = new Set();

    const deaf = live.listen((m) => {
        if (m.type === 'jobs') {
            m.more ? restart() : m.jobs.forEach(({ job }) => fresh(job));
            return;
        }

        if (m.type !== 'event') {
            return;
        }

        const row = rows.get(m.job);

        if (row && (m.event === 'progress' || m.event === 'state')) {
            row.set(m.data);
        }

        if (!row && !asked.has(m.job)) {
            asked.add(m.job);
            fresh(m.job);
        }

        if (m.event === 'state' && OVER.includes(m.data.status)) {
            announce(`A job has ${m.data.status === 'failed' ? 'failed' : 'ended: ' + m.data.status}.`);
            fresh(m.job);
        }
    });

    signal.addEventListener('abort', deaf);
    await page();
}
