// The conformance suite of the Model Context Protocol for authorization servers,
// unchanged, with every way a public client gets its identity. One with a secret
// cannot take part: where a server also knows clients without a secret, the suite
// leaves it out, and Deputy refuses that (OAuth 2.1 section 2.4).

import assert from 'node:assert/strict';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { neighbourhood } from './house/notes.mjs';
import { Person } from './house/person.mjs';
import { freePorts, launch, node, until } from './house/program.mjs';

const suite = new URL('node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url).pathname;

test('MCP conformance of the authorization server', async (t) => {
  const world = await neighbourhood(t);
  for (const [how, identity] of Object.entries({ registered, registersItself, showsItsDocument })) {
    await t.test(how, async (t) => {
      const [port] = await freePorts(1);
      await passes(t, world, port, await identity(world, `http://127.0.0.1:${port}/callback`));
    });
  }
});

async function registered({ deputy }, callback) {
  const app = await deputy.command(['app', 'create', '--name', 'Conformance', '--publisher', 'MCP', '--type', 'public', '--redirect-uri', callback, '--scope', 'mcp:read', '--json']);
  return app.client_id;
}

async function registersItself({ deputy }, callback) {
  const { registration_endpoint: endpoint } = await (await fetch(`${deputy.url}/.well-known/oauth-authorization-server`)).json();
  const answer = await fetch(endpoint, {
    method: 'POST', headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ client_name: 'Conformance', redirect_uris: [callback], token_endpoint_auth_method: 'none', scope: 'mcp:read' }),
  });
  assert.equal(answer.status, 201);
  return (await answer.json()).client_id;
}

function showsItsDocument({ site }) {
  return site.publish('/conformance.json', { client_name: 'Conformance', redirect_uris: ['http://127.0.0.1/callback'], token_endpoint_auth_method: 'none', scope: 'mcp:read' });
}

// passes runs the suite as a client and expects every check to succeed: a check that
// was skipped or only warns has not.
async function passes(t, { deputy, notes }, port, client) {
  const results = await mkdtemp(join(tmpdir(), 'deputy-conformance-'));
  t.after(() => rm(results, { recursive: true, force: true }));
  const run = launch(t, node, [suite, 'authorization', '--url', deputy.url, '--client-id', client, '--resource', notes, '--port', String(port), '--output-dir', results]);
  const [request] = await until(run, () => /http:\S+\/oauth\/authorize\S+(?=\n)/.exec(run.log()));
  const back = await new Person().approve(request);
  assert.equal(back.searchParams.get('iss'), deputy.url);
  assert.equal((await fetch(back)).status, 200);
  assert.equal(await run.ended, 0, run.log());
  const files = (await readdir(results, { recursive: true })).filter((name) => name.endsWith('checks.json'));
  const checks = (await Promise.all(files.map(async (name) => JSON.parse(await readFile(join(results, name), 'utf8'))))).flat();
  assert.deepEqual(checks.map(({ id, status }) => `${id} ${status}`).sort(), [
    'authorization-code-grant SUCCESS', 'authorization-server-metadata SUCCESS', 'authorization-server-metadata-cimd SUCCESS',
  ], run.log());
}
