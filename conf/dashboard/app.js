// The page's frame: who is here, and which view the address names.

import { el, announce } from './dom.js';
import { Live, session } from './api.js';
import { admin, usage } from './admin.js';
import { job } from './job.js';
import { jobs } from './jobs.js';
import { request, start, portal } from './start.js';

const ROUTES = [
    [/^\/$/, start],
    [/^\/new\/([a-z0-9-]+)\/([a-z0-9-]+)$/, request],
    [/^\/jobs$/, jobs],
    [/^\/jobs\/([0-9a-f-]{36})$/, job],
    [/^\/usage$/, usage],
    [/^\/admin$/, admin]
];

const main = document.getElementById('main');
let leave = new AbortController();

function navigation(user) {
    const items = [['#/', 'Start'], ['#/jobs', 'Jobs'], ['#/usage', 'Usage']];

    if (user.role === 'admin') {
        items.push(['#/admin', 'Operation']);
    }

    return el('ul', {}, items.map(([href, text]) => el('li', {}, el('a', { href }, text))));
}

function mark(path) {
    for (const a of document.querySelectorAll('#nav a')) {
        a.toggleAttribute('aria-current', a.getAttribute('href') === '#' + path);
        a.hasAttribute('aria-current') && a.setAttribute('aria-current', 'page');
    }
}

function stranger() {
    document.getElementById('nav').replaceChildren();
    document.getElementById('who').replaceChildren();
    main.replaceChildren(el('h1', { tabindex: -1 }, 'Please sign in'),
        el('p', {}, 'This page goes by the platform\'s session. Sign in there, then come back.'),
        el('p', {}, el('a', { href: location.pathname }, 'Try again')));
    document.title = 'Please sign in · Pitchey';
}

async function show(user, live, focus) {
    const [path, query] = (location.hash.slice(1) || '/').split('?');
    const [view, found] = ROUTES.map(([r, v]) => [v, r.exec(path)]).find(([, f]) => f) ?? [];

    leave.abort();
    leave = new AbortController();

    const { signal } = leave;

    mark(path);
    main.setAttribute('aria-busy', 'true');

    try {
        if (!view) {
            throw new Error('There is no such page.');
        }

        await view({ user, live, main, signal }, ...found.slice(1), new URLSearchParams(query));

    } catch (e) {
        if (signal.aborted) {
            return;
        }

        if (e.status === 401) {
            return stranger();
        }

        main.replaceChildren(el('h1', { tabindex: -1 }, e.status === 404 ? 'Not found' : 'This did not work'),
            el('p', { class: 'error' }, e.message));
    }

    if (signal.aborted) {
        return;
    }

    main.removeAttribute('aria-busy');
    const title = main.querySelector('h1');
    document.title = `${title.firstChild.textContent.trim()} · Pitchey`;

    if (focus) {
        scrollTo(0, 0);
        title.focus({ preventScroll: true });
    }
}

async function begin() {
    const user = await session();

    if (!user) {
        return stranger();
    }

    const state = el('span', { class: 'live', role: 'img', 'aria-label': 'Connecting' });
    const live = new Live();

    live.listen((m) => {
        if (m.type !== 'state') {
            return;
        }

        state.dataset.state = m.state;
        state.setAttribute('aria-label', { open: 'Live', lost: 'The connection is lost, trying again' }[m.state] ?? m.state);

        if (m.state === 'lost') {
            announce('The connection is lost, trying again.');
        } else if (m.state === 'signed-out') {
            leave.abort();
            stranger();
        }
    });

    document.getElementById('nav').replaceChildren(navigation(user));
    document.getElementById('who').replaceChildren(state, ` ${user.email} · ${portal(user).title}`);
    addEventListener('hashchange', () => show(user, live, true));
    await show(user, live, false);
}

// with a real address for the skip link, the router would take it for a view
document.querySelector('.skip').addEventListener('click', (e) => {
    e.preventDefault();
    main.focus();
});

begin().catch((e) => main.replaceChildren(el('h1', {}, 'This did not work'), el('p', { class: 'error' }, e.message)));
