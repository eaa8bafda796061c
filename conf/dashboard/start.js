// What a portal's users do first, all other services below, and the form of each.

import { el, words } from './dom.js';
import { api, openapi } from './api.js';
import { form } from './form.js';

const PDF = ['pdf'];

// service/action, what it is to this user, and what the form begins with
const REPORT = 'report-generation/generate-analytics';

const PORTALS = {
    creator: {
        title: 'Creator',
        first: [
            ['video-processing/process', 'Publish a clip', 'A video becomes a stream for every screen, with pictures and a poster.'],
            ['ai-analysis/analyze-pitch', 'Check a pitch', 'How it scores, what would raise it, and which films it is like.'],
            [REPORT, 'How my pitches do', 'Views, NDAs and investments of your pitches.', { report: 'creator-analytics', formats: PDF }]
        ]
    },
    investor: {
        title: 'Investor',
        first: [
            ['document-generation/generate-nda', 'Write an NDA', 'Before a script is read: mutual, or one-way.'],
            ['ai-analysis/assess-investment', 'Assess an investment', 'Odds, break-even and risks of an amount in a pitch.'],
            [REPORT, 'My portfolio', 'What you hold, by stage and genre, and what came back.', { report: 'investor-portfolio', formats: PDF }]
        ]
    },
    production: {
        title: 'Production',
        first: [
            [REPORT, 'The quarter', 'What was spent, how productions stand against their budgets.', { report: 'production-quarterly', formats: PDF }],
            ['ai-analysis/market-research', 'Look at the market', 'What films of a genre and budget have earned.'],
            ['document-generation/generate-nda', 'Write an NDA', 'Before a project is discussed.']
        ]
    },
    admin: {
        title: 'Administration',
        first: [
            [REPORT, 'The platform', 'Users, pitches and money, by month.', { report: 'platform-metrics', formats: PDF }],
            [REPORT, 'The services', 'Jobs, durations and errors, by service.', { report: 'service-performance', formats: PDF }]
        ]
    }
};

export function portal(user) {
    return PORTALS[user.role === 'admin' ? 'admin' : user.type] ?? PORTALS.creator;
}

// [[service/action, operation]] of the contract
function catalogue(contract) {
    return Object.entries(contract.paths)
        .filter(([path, item]) => /^\/[^/{]+\/[^/{]+$/.test(path) && item.post?.tags
                && contract.components.schemas[path.slice(1).replace('/', '.')])
        .map(([path, item]) => [path.slice(1), item.post]);
}

function card(href, title, text) {
    return el('li', { class: 'card' }, el('a', { href }, title), el('p', {}, text));
}

export async function start({ user, main, signal }) {
    const { title, first } = portal(user);
    const all = catalogue(await openapi());

    if (signal.aborted) {
        return;
    }

    const known = new Set(all.map(([path]) => path));
    const services = new Map();

    for (const [path, operation] of all) {
        const service = path.split('/')[0];
        services.set(service, [...services.get(service) ?? [], [path, operation]]);
    }

    main.replaceChildren(
        el('h1', { tabindex: -1 }, title),
        el('ul', { class: 'cards' }, first.map((f, i) => known.has(f[0]) && card(`#/new/${f[0]}?first=${i}`, f[1], f[2]))),
        el('h2', {}, 'All services'),
        ...[...services].map(([service, actions]) => el('section', {}, el('h3', {}, words(service)),
            el('ul', { class: 'cards small' }, actions.map(([path, o]) => card(`#/new/${path}`, o.summary, o.description?.split(/\.\s+(?=[A-Z])/)[0].replace(/\.?$/, '.')))))));
}

export async function request({ user, main, signal }, service, action, query) {
    const contract = await openapi();
    const path = `${service}/${action}`;
    const operation = contract.paths[`/${path}`]?.post;
    const schema = operation?.requestBody.content['application/json'].schema;

    if (signal.aborted) {
        return;
    }

    if (!schema) {
        throw new Error('There is no such service here.');
    }

    const preset = portal(user).first[Number(query.get('first') ?? -1)];
    const mine = preset?.[0] === path ? preset : null;
    const fields = form(schema, contract, { values: mine?.[3], user });
    const said = el('p', { class: 'error', role: 'alert' });
    const submit = el('button', { class: 'main' }, 'Submit');

    async function send(event) {
        event.preventDefault();
        said.textContent = '';
        submit.disabled = true;

        try {
            location.hash = `#/jobs/${(await api(`/${path}`, { method: 'POST', body: fields.get() })).id}`;

        } catch (e) {
            submit.disabled = false;
            said.textContent = e.errors?.length > 1 ? `${e.errors.length} members are not as they have to be.` : e.message;
            fields.fail(e);
        }
    }

    // what is missing is for the server to tell, in the same way as all else
    main.replaceChildren(
        el('p', {}, el('a', { href: '#/' }, '← All services')),
        el('h1', { tabindex: -1 }, mine?.[1] ?? operation.summary),
        el('p', { class: 'lead' }, operation.description),
        el('form', { novalidate: true, submit: send }, fields.node, said, submit));
}
