// Better Auth's own library on the demo's database, driven by lines on standard
// input: each line is a command, each answer a line of JSON.
import { createRequire } from 'node:module';
import readline from 'node:readline';

const require = createRequire(process.env.NODE_MODULES + '/');
const { betterAuth } = await import(require.resolve('better-auth'));
const { admin, bearer } = await import(require.resolve('better-auth/plugins'));
const { Pool } = require('pg');

const auth = betterAuth({
  baseURL: 'http://127.0.0.1',
  secret: process.env.BETTER_AUTH_SECRET,
  database: new Pool({ connectionString: process.env.DATABASE_URL }),
  emailAndPassword: { enabled: true },
  user: { additionalFields: { userType: { type: 'string', required: false, defaultValue: 'creator' } } },
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  plugins: [admin(), bearer()],
});

async function call(path, { cookie, body } = {}) {
  const headers = { 'content-type': 'application/json', origin: 'http://127.0.0.1' };
  if (cookie) headers.cookie = cookie;
  const answer = await auth.handler(new Request(`http://127.0.0.1/api/auth${path}`,
    { method: body ? 'POST' : 'GET', headers, body: body && JSON.stringify(body) }));
  const cookies = answer.headers.getSetCookie().map((c) => c.split(';')[0]);
  return { status: answer.status, cookie: cookies.find((c) => c.includes('session_token')),
    bearer: answer.headers.get('set-auth-token'), body: await answer.json().catch(() => null) };
}

const commands = {
  'sign-up': (a) => call('/sign-up/email', { body: { name: a.name, email: a.email, password: a.password } }),
  'sign-in': (a) => call('/sign-in/email', { body: { email: a.email, password: a.password } }),
  'sign-out': (a) => call('/sign-out', { cookie: a.cookie, body: {} }),
  'get-session': (a) => call('/get-session', { cookie: a.cookie }),
  'ban': (a) => call('/admin/ban-user', { cookie: a.cookie, body: { userId: a.user } }),
};

for await (const line of readline.createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  try {
    console.log(JSON.stringify(await commands[command](rest)));
  } catch (error) {
    console.log(JSON.stringify({ status: 0, error: String(error) }));
  }
}
process.exit(0);
