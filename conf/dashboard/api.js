// The API: requests and their problem documents, resumable uploads, and one
// WebSocket for all that is live.

import { words } from './dom.js';

const API = '/api/containers';

export class Problem extends Error {
    constructor(document) {
        super(document.detail || document.title);
        Object.assign(this, { errors: [] }, document);
    }
}

async function problem(response) {
    let document = {};

    try {
        document = await response.json();
    } catch {
        // a proxy's page, or nothing
    }

    return new Problem({ title: response.statusText || 'The request failed', status: response.status, ...document });
}

export async function api(path, { method = 'GET', body, signal } = {}) {
    let response;

    try {
        response = await fetch(API + path, {
            method, signal,
            headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
            body: body === undefined ? undefined : JSON.stringify(body)
        });
    } catch (error) {
        if (signal?.aborted) {
            throw error;
        }

        throw new Problem({ title: 'The server cannot be reached', status: 0 });
    }

    if (!response.ok) {
        throw await problem(response);
    }

    const type = response.headers.get('Content-Type') || '';
    return type.includes('json') ? response.json() : response.text();
}

// Whose session this is; null without one.  nginx writes it, escaped as in URLs.
export async function session() {
    const document = await (await fetch('session.json')).json();
    const user = Object.fromEntries(Object.entries(document).map(([k, v]) => [k, decodeURIComponent(v)]));

    return user.id ? user : null;
}

let contract;

export function openapi() {
    contract ??= api('/openapi.json').catch((error) => {
        contract = undefined;
        throw error;
    });

    return contract;
}

// What an action is called, as the contract has it.
export async function title({ service, action }) {
    return (await openapi()).paths[`/${service}/${action}`]?.post?.summary ?? words(action);
}

function encoded(path) {
    return path.split('/').map(encodeURIComponent).join('/');
}

export function output(job, name) {
    return `${API}/jobs/${job}/outputs/${encoded(name)}`;
}

export async function blob(url) {
    const response = await fetch(url);

    if (!response.ok) {
        throw await problem(response);
    }

    return response.blob();
}


// ---- tus ----

const CHUNK = 8 * 1024 * 1024;     // what a lost connection costs at most
const TRIES = 8;                   // in a row, without a byte of progress

const TUS = { 'Tus-Resumable': '1.0.0' };

function base64(text) {
    return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

// One request with an upload's progress, which fetch does not tell.
function patch(url, offset, chunk, signal, progress) {
    return new Promise((resolve, reject) => {
        const request = new XMLHttpRequest();
        const stop = () => request.abort();

        request.open('PATCH', url);
        request.setRequestHeader('Tus-Resumable', '1.0.0');
        request.setRequestHeader('Upload-Offset', offset);
        request.setRequestHeader('Content-Type', 'application/offset+octet-stream');
        request.upload.onprogress = (e) => progress(offset + e.loaded);
        request.onload = () => resolve(request);
        request.onerror = () => reject(new Problem({ title: 'The connection was lost', status: 0 }));
        request.onabort = () => reject(new DOMException('stopped', 'AbortError'));
        request.onloadend = () => signal.removeEventListener('abort', stop);
        signal.addEventListener('abort', stop);
        request.send(chunk);
    });
}

async function create(file) {
    const pairs = [`filename ${base64(file.name)}`];

    if (file.type) {
        pairs.push(`filetype ${base64(file.type)}`);
    }

    const response = await fetch(API + '/files/tus', {
        method: 'POST',
        headers: { ...TUS, 'Upload-Length': String(file.size), 'Upload-Metadata': pairs.join(',') }
    });

    if (response.status !== 201) {
        throw await problem(response);
    }

    return new URL(response.headers.get('Location'), location.href).pathname;
}

// Where the server is; null if it does not know the upload any more.
async function offset(url) {
    const response = await fetch(url, { method: 'HEAD', headers: TUS });

    if (response.status === 404 || response.status === 410) {
        return null;
    }

    if (!response.ok) {
        throw new Problem({ title: 'The upload cannot be continued now', status: response.status });
    }

    return Number(response.headers.get('Upload-Offset'));
}

function pause(ms, signal) {
    return new Promise((resolve, reject) => {
        const stop = () => {
            clearTimeout(timer);
            reject(new DOMException('stopped', 'AbortError'));
        };
        const timer = setTimeout(() => {
            signal.removeEventListener('abort', stop);
            resolve();
        }, ms);

        signal.addEventListener('abort', stop, { once: true });
    });
}

function recall(key, value) {
    try {
        if (value === undefined) {
            return localStorage.getItem(key);
        }

        return value === null ? localStorage.removeItem(key) : localStorage.setItem(key, value);
    } catch {
        return null;               // a browser that keeps nothing: no resume after a reload
    }
}

function lasting(status) {
    return status >= 400 && status < 500 && ![409, 423, 429].includes(status);
}

// Uploads a file, or goes on with one that was begun, in this page or before it
// was loaded again.  Resolves to the file's id.
export async function upload(file, user, { progress, signal }) {
    const key = `upload:${user}:${file.name}:${file.size}:${file.lastModified}`;
    let url = recall(key), at = url ? null : 0, failures = 0;

    for (;;) {
        try {
            url ??= await create(file);
            recall(key, url);
            at ??= await offset(url);

            if (at === null) {
                url = null;
                at = 0;
                continue;
            }

            progress(at);

            if (at >= file.size) {
                recall(key, null);
                return url.split('/').pop();
            }

            const answer = await patch(url, at, file.slice(at, at + CHUNK), signal, progress);

            if (answer.status !== 204) {
                let document = {};
                try {
                    document = JSON.parse(answer.responseText);
                } catch {
                    // not a problem document
                }
                throw new Problem({ title: 'The upload failed', status: answer.status, ...document });
            }

            at = Number(answer.getResponseHeader('Upload-Offset'));
            failures = 0;

        } catch (error) {
            if (signal.aborted || lasting(error.status) || ++failures >= TRIES) {
                if (lasting(error.status)) {
                    recall(key, null);
                }

                throw error;
            }

            await pause(Math.min(500 * 2 ** failures, 15000), signal);
            at = url ? null : 0;
        }
    }
}


// ---- live ----

const EVENTS = ['state', 'output', 'result', 'error', 'progress'];

// All events of one job from its first, until it has ended: f({event, seq, data}).
// Returns what stops it.  (The WebSocket below tells all jobs, from now on.)
export function follow(job, ended, f) {
    const source = new EventSource(`${API}/jobs/${job}/events`);

    for (const event of EVENTS) {
        source.addEventListener(event, (e) => {
            if (e.data === undefined) {
                return;                // the connection's own "error": it comes back by itself
            }

            const data = JSON.parse(e.data);

            if (event === 'state' && ended.includes(data.status)) {
                source.close();
            }

            f({ event, seq: Number(e.lastEventId), data });
        });
    }

    return () => source.close();
}

// All of a user's jobs over one WebSocket, which comes back by itself and then
// asks for what it has missed.
export class Live {
    constructor() {
        this.listeners = new Set();
        this.since = new Date(Date.now() - 60000).toISOString();
        this.state = 'connecting';
        this.failures = 0;
        this.open();
        addEventListener('online', () => this.socket || this.open());
    }

    // f({type: "event" | "jobs" | "state" | "error", ...}); returns what takes it away
    listen(f) {
        this.listeners.add(f);
        return () => this.listeners.delete(f);
    }

    tell(message) {
        for (const f of [...this.listeners]) {
            f(message);
        }
    }

    send(message) {
        if (this.socket?.readyState === WebSocket.OPEN) {
            this.socket.send(JSON.stringify(message));
        }
    }

    open() {
        clearTimeout(this.timer);
        this.socket = new WebSocket(new URL(API + '/ws', location.href.replace(/^http/, 'ws')));

        this.socket.onopen = () => {
            this.failures = 0;
            this.change('open');
            this.send({ type: 'subscribe', all: true, since: this.since });
        };

        this.socket.onmessage = (e) => this.take(JSON.parse(e.data));
        this.socket.onclose = (e) => this.closed(e.code);
    }

    take(message) {
        if (message.type === 'event' && message.data.at > this.since) {
            this.since = message.data.at;          // the server's clock, not this one's
        }

        this.tell(message);
    }

    closed(code) {
        this.socket = null;

        if (code === 4401) {
            this.change('signed-out');
            return;
        }

        this.change('lost');
        this.timer = setTimeout(() => this.again(),
            Math.min(500 * 2 ** this.failures++, 30000) * (0.5 + Math.random() / 2));
    }

    // A browser does not tell why a handshake failed: maybe there is no session.
    async again() {
        if (this.failures > 1) {
            const user = await session().catch(() => undefined);

            if (user === null) {
                this.change('signed-out');
                return;
            }
        }

        this.open();
    }

    change(state) {
        this.state = state;
        this.tell({ type: 'state', state });
    }
}
