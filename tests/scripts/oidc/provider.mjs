// An OpenID provider, certified and real, on a free port of 127.0.0.1.
//
// usage: node provider.mjs, in the folder where scripts/test-tools has put node_modules
//
// Prints {"issuer": …} once it is ready. From then on a line of JSON on standard input is a command, and is answered with
// a line: see COMMANDS. It ends with its standard input.
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { interact } from './interact.mjs';

// Standard output is for answers.
console.info = console.error;

const require = createRequire(`${process.cwd()}/`);
const { Provider } = require('oidc-provider');
const { createMemoryAdapter } = require('oidc-provider/lib/adapters/memory_adapter.js');

const accounts = new Map();
const requests = new Map();
// What a provider is made anew with when its keys or its configuration change.
const adapter = createMemoryAdapter();
const cookieKeys = [randomBytes(32).toString('base64url')];
let keys = newKeys();
let changes = {};
let provider;
let refusal = null;

function newKeys() {
  const pairs = [generateKeyPairSync('rsa', { modulusLength: 2048 }), generateKeyPairSync('ec', { namedCurve: 'P-256' })];
  return pairs.map(({ privateKey }) => ({ ...privateKey.export({ format: 'jwk' }), use: 'sig' }));
}

function rebuild() {
  provider = new Provider(issuer, {
    adapter,
    jwks: { keys },
    cookies: { keys: cookieKeys },
    pkce: { required: () => true },
    ttl: { AccessToken: 3600, AuthorizationCode: 60, Grant: 3600, IdToken: 3600, Interaction: 3600, Session: 3600 },
    features: { devInteractions: { enabled: false }, revocation: { enabled: true } },
    claims: {
      openid: ['sub'],
      profile: ['name', 'preferred_username'],
      email: ['email', 'email_verified'],
      groups: ['groups'],
    },
    findAccount: (_, sub) => accounts.has(sub) ? { accountId: sub, claims: () => accounts.get(sub) } : undefined,
    renderError: (ctx, out) => { ctx.body = out; },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    ...changes,
  });
  provider.on('server_error', (_, error) => console.error(error));
}

const COMMANDS = {
  // A client's metadata, as a registration would have them; replaces the client of that client_id.
  client: (metadata) => adapter('Client').upsert(metadata.client_id, metadata),
  // The claims of an account, `sub` among them; replaces the account of that sub.
  account: (claims) => { accounts.set(claims.sub, claims); },
  // Takes the account of this sub away.
  forget: (sub) => { accounts.delete(sub); },
  // New keys from now on; the earlier ones are published on, or not.
  rotate: ({ keep }) => {
    keys = [...newKeys(), ...(keep ? keys : [])];
    rebuild();
  },
  // Settings of oidc-provider that replace those above.
  configure: (settings) => {
    changes = { ...changes, ...settings };
    rebuild();
  },
  // Every request is answered with this status; or, with null, as it should.
  refuse: (status) => { refusal = status; },
  // How often this path was asked for.
  count: (path) => requests.get(path) ?? 0,
};

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, issuer);
  requests.set(pathname, (requests.get(pathname) ?? 0) + 1);
  if (refusal !== null) {
    response.writeHead(refusal).end();
  } else if (pathname.startsWith('/interaction/')) {
    interact(provider, accounts, request, response).catch((error) => {
      console.error(error);
      response.writeHead(400).end(String(error));
    });
  } else {
    provider.callback()(request, response);
  }
});
await new Promise((listening) => { server.listen(0, '127.0.0.1', listening); });
const issuer = `http://127.0.0.1:${server.address().port}`;
rebuild();
console.log(JSON.stringify({ issuer }));

for await (const line of createInterface({ input: process.stdin })) {
  const [[command, argument]] = Object.entries(JSON.parse(line));
  console.log(JSON.stringify({ done: await COMMANDS[command](argument) ?? null }));
}
process.exit();
