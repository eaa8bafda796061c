// A form from a JSON Schema.  A field is {node, get(), visit(f)}: get() returns
// its value, undefined where nothing was entered.  What a form cannot show is
// entered as JSON; what is right is for the server to say.

import { el, unique, words, bytes, percent } from './dom.js';
import { api, upload } from './api.js';

// every job's, beside an action's own
const DELIVERY = ['priority', 'metadata', 'run_at', 'expires_at', 'webhook_url', 'max_attempts', 'timeout_s'];
const ROUTE = ['service', 'action'];

const LONG = 300;                  // from here on a text has several lines

// "#/a/b" of the document, with what stands beside the reference
function resolve(schema, document) {
    for (let depth = 0; schema.$ref && depth < 16; depth++) {
        const { $ref, ...beside } = schema;
        const found = $ref.slice(2).split('/').reduce(
            (at, part) => at?.[decodeURIComponent(part).replace(/~1/g, '/').replace(/~0/g, '~')], document);

        if (!found) {
            break;
        }

        schema = { ...found, ...beside };
    }

    return schema;
}

function joined(pointer, name) {
    return pointer + '/' + name.replace(/~/g, '~0').replace(/\//g, '~1');
}

// ---- single values ----

// Label, control, help and the place for an error, tied for a screen reader.
function labelled(context, control) {
    const { schema, title, required } = context;
    const id = unique('field'), help = unique('help'), error = unique('error');
    const example = schema.examples?.[0];

    control.id = id;
    control.setAttribute('aria-describedby', `${help} ${error}`);

    if (required) {
        control.required = true;
    }

    if (example !== undefined && typeof example !== 'object' && 'placeholder' in control) {
        control.placeholder = `e.g. ${example}`;
    }

    const node = el('div', { class: control.type === 'checkbox' ? 'field check' : 'field' },
        el('label', { for: id }, title, required && el('span', { class: 'required' }, ' (required)')),
        control,
        el('p', { id: help, class: 'help' }, schema.description),
        el('p', { id: error, class: 'error' }));

    return { node, control, error: node.lastChild };
}

function single(context, control, get) {
    const { node, error } = labelled(context, control);

    return { node, get, visit: (f) => f({ pointer: context.pointer(), control, error }) };
}

function choose(context) {
    const { schema, value, required } = context;
    const control = el('select', {},
        !(required && value !== undefined) && el('option', { value: '' }, required ? 'Please choose' : 'As usual'),
        schema.enum.map((v, i) => el('option', { value: i, selected: v === value },
            typeof v === 'string' ? v : JSON.stringify(v))));

    return single(context, control, () => control.value === '' ? undefined : schema.enum[Number(control.value)]);
}

function truth(context) {
    const { schema, value } = context;

    if (schema.default === undefined && value === undefined && !context.required) {
        return choose({ ...context, schema: { ...schema, enum: [true, false] } });
    }

    const control = el('input', { type: 'checkbox', checked: value ?? schema.default });

    // a box has no "required": unticked is an answer, too
    return single({ ...context, required: false }, control, () => control.checked);
}

function quantity(context) {
    const { schema, value } = context;
    const control = el('input', {
        type: 'number', inputmode: schema.type === 'integer' ? 'numeric' : 'decimal',
        min: schema.minimum, max: schema.maximum, step: schema.type === 'integer' ? 1 : 'any', value
    });

    // what is no number goes as it is, so that the server can say so
    return single(context, control, () => control.value === '' ? undefined : Number(control.value));
}

const INPUTS = { date: 'date', 'date-time': 'datetime-local', uri: 'url', email: 'email' };

function text(context) {
    const { schema, value } = context;
    const type = schema.writeOnly ? 'password' : INPUTS[schema.format] || 'text';
    const control = type === 'text' && schema.maxLength > LONG
        ? el('textarea', { rows: 3, maxlength: schema.maxLength }, value)
        : el('input', { type, maxlength: schema.maxLength, value, autocomplete: type === 'password' ? 'new-password' : 'off' });

    return single(context, control, () => {
        if (control.value === '') {
            return undefined;
        }

        return schema.format === 'date-time' ? new Date(control.value).toISOString() : control.value;
    });
}

function json(context) {
    const { schema, value } = context;
    const example = value ?? schema.examples?.[0];
    const control = el('textarea', { rows: 3, spellcheck: 'false', class: 'code' },
        value === undefined ? null : JSON.stringify(value, null, 2));

    const field = single({ ...context, title: `${context.title} (JSON)` }, control, () => {
        if (control.value.trim() === '') {
            return undefined;
        }

        try {
            return JSON.parse(control.value);
        } catch {
            throw Object.assign(new Error(`"${context.title}" is not JSON.`), { pointer: context.pointer() });
        }
    });

    if (example !== undefined) {
        control.placeholder = JSON.stringify(example);
    }

    return field;
}


// ---- files ----

// A file of the user's own, or a new one, which is uploaded at once and goes on
// after a lost connection.
function file(context) {
    const { user } = context;
    const select = el('select', {}, el('option', { value: '' }, 'Upload a new file'));
    const { node, error } = labelled(context, select);
    const inputs = unique('file');
    const input = el('input', { type: 'file', id: inputs });
    const bar = el('progress', { max: 1, value: 0, hidden: true, 'aria-label': `Upload of ${context.title}` });
    const state = el('p', { class: 'help', role: 'status' });
    const stop = el('button', { type: 'button', hidden: true }, 'Stop');
    const fresh = el('div', { class: 'upload' },
        el('label', { for: inputs, class: 'unseen' }, `New file for ${context.title}`), input, bar, stop);
    let aborter;

    node.insertBefore(fresh, error);
    node.insertBefore(state, error);

    api('/files').then(({ files }) => {
        for (const f of files) {
            select.append(el('option', { value: f.id, selected: f.id === context.value },
                `${f.name || f.id} (${f.media_type}, ${bytes(f.size)})`));
        }
        fresh.hidden = select.value !== '';
    }).catch((e) => {
        state.textContent = `Your files cannot be listed: ${e.message}`;
    });

    select.addEventListener('change', () => {
        fresh.hidden = select.value !== '';
    });

    async function start() {
        const chosen = input.files[0];

        if (!chosen) {
            return;
        }

        aborter?.abort();
        aborter = new AbortController();
        const mine = aborter;
        bar.hidden = stop.hidden = false;
        stop.textContent = 'Stop';
        error.textContent = '';

        try {
            const id = await upload(chosen, user.id, {
                signal: mine.signal,
                progress(at) {
                    bar.value = chosen.size ? at / chosen.size : 1;
                    state.textContent = `${bytes(at)} of ${bytes(chosen.size)}, ${percent(bar.value)}`;
                }
            });

            select.append(el('option', { value: id, selected: true }, `${chosen.name} (${bytes(chosen.size)})`));
            state.textContent = 'Uploaded.';
            fresh.hidden = true;
            bar.hidden = stop.hidden = true;

        } catch (e) {
            if (mine.signal.aborted) {
                state.textContent += '. Stopped.';
            } else {
                error.textContent = e.message;
            }

            stop.textContent = 'Go on';
        }
    }

    input.addEventListener('change', start);
    stop.addEventListener('click', () => stop.textContent === 'Stop' ? aborter.abort() : start());

    return {
        node,
        get: () => select.value || undefined,
        visit: (f) => f({ pointer: context.pointer(), control: select, error })
    };
}


// ---- what is made of others ----

function boxes(context, items) {
    const { schema, title, value } = context;
    const ticked = value ?? schema.default ?? [];
    const inputs = items.enum.map((v) => el('input', { type: 'checkbox', checked: ticked.includes(v) }));
    const error = el('p', { class: 'error' });
    const node = el('fieldset', { class: 'boxes' }, el('legend', {}, title),
        schema.description && el('p', { class: 'help' }, schema.description),
        el('div', {}, inputs.map((input, i) => el('label', {}, input, ' ', String(items.enum[i])))), error);

    return {
        node,
        get() {
            const values = items.enum.filter((v, i) => inputs[i].checked);
            return values.length ? values : undefined;
        },
        visit: (f) => f({ pointer: context.pointer(), control: inputs[0], error })
    };
}

function list(context, items) {
    const { schema, title, value } = context;
    const rows = el('div'), error = el('p', { class: 'error' });
    const fields = [];
    const more = el('button', { type: 'button', click: () => add().focus() }, `Add to ${title.toLowerCase()}`);

    function add(v) {
        const field = make({
            ...context, schema: items, value: v, required: false,
            title: items.title || `${title}: entry`,
            pointer: () => joined(context.pointer(), String(fields.indexOf(field)))
        });
        const row = el('div', { class: 'row' }, field.node, el('button', {
            type: 'button', 'aria-label': `Remove this entry of ${title}`,
            click() {
                fields.splice(fields.indexOf(field), 1);
                row.remove();
                more.focus();
            }
        }, 'Remove'));

        fields.push(field);
        rows.append(row);
        return row.querySelector('input, select, textarea');
    }

    (value ?? []).forEach(add);

    return {
        node: el('fieldset', {}, el('legend', {}, title), schema.description && el('p', { class: 'help' }, schema.description),
            rows, more, error),
        get() {
            const values = fields.map((field) => field.get()).filter((v) => v !== undefined);
            return values.length ? values : undefined;
        },
        visit(f) {
            f({ pointer: context.pointer(), control: more, error });
            fields.forEach((field) => field.visit(f));
        }
    };
}

// Whether a value is one of a case.  Of JSON Schema there is what tells cases
// apart; what else stands in an "if" is taken to hold.
function fits(schema, value) {
    return (schema.const === undefined || schema.const === value)
        && (!schema.enum || schema.enum.includes(value))
        && (schema.required || []).every((name) => value?.[name] !== undefined)
        && Object.entries(schema.properties || {}).every(([name, s]) => value?.[name] === undefined || fits(s, value[name]))
        && !(schema.not && fits(schema.not, value));
}

function merged(schema, part, document) {
    const properties = { ...schema.properties };

    for (const [name, s] of Object.entries(part.properties || {})) {
        properties[name] = merged(resolve(properties[name] ?? {}, document), s, document);
    }

    return {
        ...schema, ...part, required: [...new Set([...schema.required || [], ...part.required || []])],
        ...Object.keys(properties).length && { properties }
    };
}

// What is asked for in some case only, of the cases that a value is of.
function parts(schema, value) {
    return [schema, ...schema.allOf || []].filter((s) => s.if)
        .map((s) => fits(s.if, value) ? s.then : s.else).filter(Boolean);
}

// Moves only what is elsewhere: the focus stays where it is.
function arrange(place, nodes) {
    let at = place.firstChild;

    for (const node of nodes) {
        if (node === at) {
            at = at.nextSibling;
        } else {
            place.insertBefore(node, at);
        }
    }
}

function object(context, bare) {
    const { schema, document, title, required, value } = context;
    const names = Object.keys(schema.properties).filter((n) => !ROUTE.includes(n));
    const fields = new Map();
    const above = el('div'), below = el('div'), error = el('p', { class: 'error' });
    const more = el('details', {}, el('summary', {}, bare ? 'More to say' : `More of ${title.toLowerCase()}`), below);
    const running = bare && el('div');
    let drawing = false;

    function member(name, whole, value) {
        const own = schema.properties[name];
        const found = resolve(whole.properties[name], document);
        const called = own.title ?? (own.$ref ? words(name) : found.title);

        return make({
            ...context, schema: found, required: whole.required?.includes(name) ?? false, value,
            title: called || words(name), pointer: () => joined(context.pointer(), name)
        });
    }

    // The members as they are for a value: those whose schema is another one
    // than before are made again, those that are asked for stand above.
    function draw(value) {
        const on = parts(schema, value);
        const whole = on.reduce((s, part) => merged(s, part, document), schema);
        const first = (n) => whole.required?.includes(n) || on.some((part) => part.properties?.[n]?.properties);

        for (const name of names) {
            const key = JSON.stringify([whole.properties[name], whole.required?.includes(name)]);
            const old = fields.get(name);

            if (old?.key !== key) {
                fields.set(name, { key, field: member(name, whole, value?.[name]) });
                old?.field.node.remove();
            }
        }

        const nodes = (f) => names.filter(f).map((n) => fields.get(n).field.node);
        const late = (n) => bare && DELIVERY.includes(n) && !first(n);
        const some = nodes(first), other = nodes((n) => !first(n) && !late(n));

        arrange(above, some.length ? some : other);
        arrange(below, some.length ? other : []);
        bare && arrange(running, nodes(late));
        more.hidden = !below.firstChild;
    }

    function get(strict) {
        const result = {};

        for (const [name, { field }] of fields) {
            try {
                const v = field.get();

                if (v !== undefined) {
                    result[name] = v;
                }
            } catch (e) {
                if (strict) {
                    throw e;
                }
            }
        }

        return result;
    }

    // what is removed loses the focus, and tells of a change itself
    function redraw() {
        if (!drawing) {
            drawing = true;
            draw(get(false));
            drawing = false;
        }
    }

    draw(value);
    more.open = value !== undefined && [...fields].some(([n, { field }]) => value[n] !== undefined && below.contains(field.node));

    const inner = [
        schema.description && !bare && el('p', { class: 'help' }, schema.description), above, more,
        bare && el('details', {}, el('summary', {}, 'When and how it runs'), running), error
    ];
    const change = [schema, ...schema.allOf || []].some((s) => s.if) && redraw;

    return {
        node: bare ? el('div', { change }, ...inner)
                   : el('fieldset', { change }, el('legend', {}, title, required && el('span', { class: 'required' }, ' (required)')), ...inner),
        get() {
            const result = get(true);

            return Object.keys(result).length || required ? result : undefined;
        },
        visit(f) {
            f({ pointer: context.pointer(), control: null, error });
            fields.forEach(({ field }) => field.visit(f));
        }
    };
}

function kind(schema) {
    return schema.title || (schema.const !== undefined ? String(schema.const) : words(schema.type || 'other'));
}

// One of several forms: which, and then that one.
function variants(context, schemas) {
    const { title, value } = context;
    const place = el('div');
    const given = value === undefined ? -1
        : schemas.findIndex((s) => s.const === value) + 1 || schemas.findIndex((s) => s.const === undefined) + 1;
    let inner = null, constant;

    function take(value) {
        const schema = schemas[Number(control.value || -1)];

        constant = schema?.const;
        inner = !schema || constant !== undefined ? null
            : make({ ...context, schema, title: `${title}: ${kind(schema)}`, value, required: false });
        place.replaceChildren(...inner ? [inner.node] : []);
    }

    const control = el('select', { change: () => take() }, el('option', { value: '' }, context.required ? 'Please choose' : 'As usual'),
        schemas.map((schema, i) => el('option', { value: i, selected: i + 1 === given }, kind(schema))));
    const outer = single(context, control, () => inner ? inner.get() : constant);

    take(value);
    outer.node.append(place);

    return {
        node: outer.node,
        get: outer.get,
        visit(f) {
            outer.visit(f);
            inner?.visit(f);
        }
    };
}

function make(context) {
    const schema = resolve(context.schema, context.document);
    const items = schema.items && resolve(schema.items, context.document);
    const choice = (schema.anyOf || schema.oneOf)?.map((s) => resolve(s, context.document));

    context = { ...context, schema };

    if (schema.const !== undefined) {
        return { node: el('span', { hidden: true }), get: () => schema.const, visit() {} };
    }

    if (schema.enum) {
        return choose(context);
    }

    if (schema.type === 'object' && schema.properties) {
        return object(context);
    }

    if (choice && !schema.properties && choice.every((s) => s.const !== undefined || s.type)) {
        return variants(context, choice);
    }

    switch (schema.type) {
    case 'boolean':
        return truth(context);
    case 'integer':
    case 'number':
        return quantity(context);
    case 'string':
        return schema.format === 'file-id' ? file(context) : text(context);
    case 'array':
        return !items ? json(context) : items.enum ? boxes(context, items) : list(context, items);
    default:
        return json(context);
    }
}


// The whole: {node, get(), fail(problem)}.  fail() puts each violation at its
// field, and goes there.
export function form(schema, document, { values, user }) {
    const context = {
        schema: resolve(schema, document), document, user, value: values, required: true, title: '', pointer: () => ''
    };
    const root = context.schema.properties ? object(context, true) : json({ ...context, title: 'Request' });

    function places() {
        const all = [];

        root.visit((place) => all.push(place));
        return all;
    }

    return {
        node: root.node,

        get() {
            clear(places());
            return root.get();
        },

        fail(problem) {
            const all = places(), errors = problem.errors?.length ? problem.errors
                : [{ pointer: problem.pointer ?? '', detail: problem.message }];
            let first;

            clear(all);

            for (const { pointer, detail } of errors) {
                const at = all.filter((p) => pointer === p.pointer || pointer.startsWith(p.pointer + '/'))
                    .sort((a, b) => b.pointer.length - a.pointer.length)[0];

                at.error.textContent = (at.pointer === pointer ? '' : words(pointer.slice(at.pointer.length + 1)) + ': ') + detail;
                at.control?.setAttribute('aria-invalid', 'true');

                // the first on the page, in whatever order they are told
                if (!first || at.error.compareDocumentPosition(first.error) & Node.DOCUMENT_POSITION_FOLLOWING) {
                    first = at;
                }

                for (let d = at.error.closest('details'); d; d = d.parentElement.closest('details')) {
                    d.open = true;
                }
            }

            (first.control ?? first.error).focus?.();
            first.error.scrollIntoView({ block: 'center' });
        }
    };
}

function clear(places) {
    for (const { control, error } of places) {
        error.textContent = '';
        control?.removeAttribute('aria-invalid');
    }
}
