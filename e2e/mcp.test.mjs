// MCP clients that others wrote, unchanged, against the built program and the
// example MCP server: they find everything from a 401, get a token, are told that
// writing needs more, ask for it, and are out when the person says so.

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import * as v2 from '@modelcontextprotocol/client';
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio';
import * as v1auth from '@modelcontextprotocol/sdk/client/auth.js';
import * as v1 from '@modelcontextprotocol/sdk/client/index.js';
import * as v1http from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { neighbourhood } from './house/notes.mjs';
import { Person } from './house/person.mjs';
import { databases, launch, node, until } from './house/program.mjs';

const binaries = new URL('../bin/', import.meta.url).pathname;
const callback = 'http://127.0.0.1:33418/callback';
// What differs: how an answer is handed in, whether a refresh token is asked for, and
// that SDK 1 would rather refresh than ask for more, so its apps forget that token first.
const sdks = {
  'TypeScript SDK 1': { ...v1, ...v1auth, ...v1http, finish: (transport, back) => transport.finishAuth(back.get('code')), extra: [], forgets: true },
  'TypeScript SDK 2': { ...v2, finish: (transport, back) => transport.finishAuth(back), extra: ['offline_access'], forgets: false },
};

for (const [database, prepare] of databases) {
  test(`MCP clients, ${database}`, async (t) => {
    const flags = await prepare(t);
    if (!flags) return;
    const world = await neighbourhood(t, flags);
    await t.test('the challenges and documents of the example server', () => challenges(world));
    for (const [name, sdk] of Object.entries(sdks)) {
      await t.test(`${name}, registers itself`, () => typescript(world, sdk, `${name} registered`));
      await t.test(`${name}, shows its document`, () => typescript(world, sdk, `${name} documented`, publish(world, `${name} documented`)));
    }
    await t.test('Go SDK, registers itself', (t) => golang(t, world, 'Example client'));
    await t.test('Go SDK, shows its document', (t) => golang(t, world, 'Documented Go client', ['--client-id', publish(world, 'Documented Go client')]));
    await t.test('mcp-remote, registers itself', (t) => remote(t, world, 'MCP CLI Proxy'));
    await t.test('mcp-remote, shows its document', (t) => remote(t, world, 'Documented proxy', ['--client-metadata-url', publish(world, 'Documented proxy')]));
  });
}

test('MCP clients of a server that verifies signed tokens by itself', async (t) => {
  const world = await neighbourhood(t, [], { signed: true });
  for (const [name, sdk] of Object.entries(sdks)) await t.test(name, () => typescript(world, sdk, name, publish(world, name)));
});

async function challenges({ deputy, notes }) {
  const answer = await fetch(notes, { method: 'POST', body: '{}' });
  assert.equal(answer.status, 401);
  const metadata = new URL('/.well-known/oauth-protected-resource/mcp', notes).href;
  assert.equal(answer.headers.get('www-authenticate'), `Bearer realm="notes", scope="mcp:read", resource_metadata="${metadata}"`);
  const about = await (await fetch(metadata)).json();
  assert.deepEqual(about, {
    resource: notes, authorization_servers: [deputy.url], scopes_supported: ['mcp:read'], bearer_methods_supported: ['header'], resource_name: 'Notes',
  });
}

// App is all that an app of the TypeScript SDKs keeps: OAuthClientProvider.
class App {
  redirectUrl = callback;
  asked = null; // the address the person is to open

  constructor(client_name, document) {
    this.clientMetadata = { client_name, redirect_uris: [callback], grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none' };
    this.clientMetadataUrl = document;
  }

  state() { return 'a state of the app'; }
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  tokens() { return this.kept; }
  saveTokens(tokens) { this.kept = tokens; }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  redirectToAuthorization(url) { this.asked = url; }
  discoveryState() { return this.found; }
  saveDiscoveryState(found) { this.found = found; }
  invalidateCredentials(which) { if (which === 'all' || which === 'tokens') this.kept = undefined; }
}

// publish puts a client's metadata document on the site and returns its address. Its
// redirect URIs have no port: which one is free shows when the client runs.
function publish({ site }, client_name) {
  return site.publish(`/${encodeURIComponent(client_name)}.json`, {
    client_name, redirect_uris: ['http://127.0.0.1/callback', 'http://localhost/oauth/callback', 'http://127.0.0.1/oauth/callback'],
    grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none',
  });
}

async function typescript({ deputy, notes }, sdk, client_name, document) {
  const app = new App(client_name, document);
  const ana = new Person();
  let transport;
  const connect = async () => {
    transport = new sdk.StreamableHTTPClientTransport(new URL(notes), { authProvider: app });
    const client = new sdk.Client({ name: client_name, version: '1.0.0' });
    await client.connect(transport);
    return client;
  };
  const approve = async (...scopes) => {
    asksFor(app.asked, notes, [...scopes, ...sdk.extra]);
    const back = (await ana.approve(app.asked)).searchParams;
    assert.equal(back.get('state'), app.state());
    await sdk.finish(transport, back);
  };

  await assert.rejects(connect(), sdk.UnauthorizedError);
  assert.equal(app.client.client_id === document, document !== undefined, `client_id ${app.client.client_id}`);
  await approve('mcp:read');
  const client = await connect();
  await call(client, 'list_notes');
  const { refresh_token: first, ...rest } = app.kept;
  assert.ok(first, 'there is a refresh token');
  assert.deepEqual(rest.scope.split(' ').sort(), ['mcp:read', ...sdk.extra]);

  if (sdk.forgets) app.kept = rest;
  const text = `Buy milk with ${client_name}`;
  await assert.rejects(call(client, 'add_note', { text }), sdk.UnauthorizedError);
  await approve('mcp:read', 'mcp:write');
  assert.equal((await call(client, 'add_note', { text })).at(-1), text);

  const stepped = app.kept;
  app.kept = { ...stepped, access_token: `${stepped.access_token}x` };
  assert.equal((await call(client, 'list_notes')).at(-1), text, 'a token that is refused is refreshed');
  assert.notEqual(app.kept.access_token, stepped.access_token);
  assert.notEqual(app.kept.refresh_token, stepped.refresh_token, 'refresh tokens of public clients rotate');

  await ana.remove(deputy.url, client_name);
  if (app.kept.access_token.startsWith('dpa_')) await refused(notes, app.kept.access_token);
  else app.kept = { ...app.kept, access_token: 'one.that.ended' }; // a signed token is good until then
  app.asked = null;
  await assert.rejects(call(client, 'list_notes'), sdk.UnauthorizedError);
  assert.ok(app.asked, 'the person is asked anew');
}

// asksFor checks an authorization request: these scopes, for this server.
function asksFor(request, notes, scopes) {
  const asked = new URL(request).searchParams;
  assert.deepEqual(asked.get('scope').split(' ').sort(), scopes);
  assert.equal(asked.get('resource'), notes);
  assert.equal(asked.get('code_challenge_method'), 'S256');
}

// call calls a tool and returns the notes it answers with.
async function call(client, name, values = {}) {
  const result = await client.callTool({ name, arguments: values });
  assert.ok(!result.isError, JSON.stringify(result));
  return result.structuredContent.notes;
}

// refused waits until a token is out: the server may remember an answer half a second.
async function refused(notes, token) {
  const deadline = Date.now() + 2000;
  for (;;) {
    const answer = await fetch(notes, { method: 'POST', body: '{}', headers: { authorization: `Bearer ${token}` } });
    if (answer.status === 401) {
      assert.match(answer.headers.get('www-authenticate'), /error="invalid_token"/);
      return;
    }
    assert.ok(Date.now() < deadline, `two seconds after the person removed the app its token gets ${answer.status}`);
  }
}

// golang runs docs/examples/mcp-client, which is the official Go SDK.
async function golang(t, { deputy, notes }, name, flags = []) {
  const client = launch(t, `${binaries}mcp-client`, [...flags, notes]);
  const ana = new Person();
  let read = 0; // of what it has printed
  const prints = async (pattern, asked) => {
    const found = await until(client, () => { if (asked) client.say(asked); return pattern.exec(client.log().slice(read)); });
    read += found.index + found[0].length;
    return found[0];
  };
  const approve = async (scopes, asked) => {
    const request = await prints(/http:\S+\/oauth\/authorize\S+(?=\n)/, asked);
    asksFor(request, notes, scopes);
    const answer = await fetch(await ana.approve(request));
    assert.match(await answer.text(), /You can close this page/);
  };

  await approve(['mcp:read', 'offline_access']);
  await prints(/Connected\./);
  client.say('list_notes');
  await prints(/"notes":\[/);
  client.say(`add_note {"text": "Buy bread with ${name}"}`);
  await approve(['mcp:read', 'mcp:write', 'offline_access']);
  await prints(new RegExp(`"Buy bread with ${name}"\\]`));
  await ana.remove(deputy.url, name);
  await approve(['mcp:read', 'mcp:write', 'offline_access'], 'list_notes');
  await prints(/"notes":\[/);
  await ana.remove(deputy.url, name);
}

// remote runs mcp-remote as a desktop host does, with a browser that only notes the
// addresses it is to open.
async function remote(t, { deputy, notes }, name, flags = []) {
  const folder = await mkdtemp(join(tmpdir(), 'deputy-mcp-remote-'));
  const [browser, opened] = [join(folder, 'browser'), join(folder, 'opened')];
  await writeFile(opened, '');
  await writeFile(browser, `#!/bin/sh\necho "$1" >>'${opened}'\n`, { mode: 0o755 });
  const transport = new StdioClientTransport({
    command: node, args: [new URL('node_modules/mcp-remote/dist/proxy.js', import.meta.url).pathname, notes, ...flags], stderr: 'pipe',
    env: { PATH: process.env.PATH, BROWSER: browser, HOME: folder },
  });
  let said = '';
  transport.stderr.on('data', (text) => { said += text; });
  const ana = new Person();
  let answered = 0; // of what it has opened
  const approve = async (...scopes) => {
    const request = await until({ gone: () => false, log: () => said }, async () => (await readFile(opened, 'utf8')).split('\n')[answered]);
    answered++;
    asksFor(request, notes, scopes);
    assert.equal((await fetch(await ana.approve(request))).status, 200);
  };

  const client = new v2.Client({ name: 'a desktop host', version: '1.0.0' });
  t.after(async () => {
    await client.close();
    await rm(folder, { recursive: true, force: true });
  });
  await Promise.all([approve('mcp:read', 'offline_access'), client.connect(transport)]);
  await call(client, 'list_notes');
  const text = `Buy butter with ${name}`;
  const [, written] = await Promise.all([approve('mcp:read', 'mcp:write', 'offline_access'), call(client, 'add_note', { text })]);
  assert.equal(written.at(-1), text);
  await ana.remove(deputy.url, name);
  await sleep(1000); // the server may remember an answer half a second
  await Promise.all([approve('mcp:read', 'offline_access'), call(client, 'list_notes')]);
}
