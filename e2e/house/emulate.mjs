// GitHub, Google and Slack as somebody else understood them: the npm package
// emulate. What it lacks of the real ones stands on the road to it, and is another
// name for what it has:
//
//   GitHub  /repositories/ID/… for /repos/OWNER/NAME/…, as in GitHub's own Link headers
//   Google  version 3 of userinfo
//   Slack   a GET with a query, where a method reads; users.conversations

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts, launch, node, until } from './program.mjs';

const program = new URL('../node_modules/emulate/dist/index.js', import.meta.url).pathname;
const roads = { github: byName, google: newest, slack: posted };

/** emulate starts a service with this content and returns its address. */
export async function emulate(t, service, content) {
  const [port, behind] = await freePorts(2);
  const folder = await mkdtemp(join(tmpdir(), 'deputy-emulate-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const seed = join(folder, 'seed.json');
  await writeFile(seed, JSON.stringify({ [service]: content }));
  const [url, there] = [`http://localhost:${port}`, `http://127.0.0.1:${behind}`];
  const emulator = launch(t, node, [program, 'start', '--service', service, '--port', String(behind), '--base-url', url, '--seed', seed]);
  await until(emulator, () => emulator.log().includes('Ready.'));
  await lead(t, port, there, roads[service]);
  return url;
}

// lead passes every request on to there, as way says.
async function lead(t, port, there, way) {
  const server = createServer(async (request, response) => {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const headers = { ...request.headers };
    for (const name of ['connection', 'content-length', 'host', 'accept-encoding']) delete headers[name];
    const call = { method: request.method, path: request.url, headers, body: chunks.length > 0 ? Buffer.concat(chunks) : undefined };
    await way(call, there);
    const answer = await fetch(there + call.path, { ...call, redirect: 'manual' });
    const told = [...answer.headers].filter(([name]) => !['connection', 'transfer-encoding', 'content-encoding', 'content-length'].includes(name));
    response.writeHead(answer.status, told).end(Buffer.from(await answer.arrayBuffer()));
  });
  await new Promise((resolve, reject) => { server.once('error', reject).listen(port, '127.0.0.1', resolve); });
  t.after(() => { server.closeAllConnections(); server.close(); });
}

async function byName(call, there) {
  const [, id, rest] = /^\/repositories\/(\d+)(\/.*)$/.exec(call.path) ?? [];
  if (!id) return;
  const { full_name: name } = await (await fetch(`${there}/repositories/${id}`, { headers: call.headers })).json();
  if (name) call.path = `/repos/${name}${rest}`;
}

function newest(call) { call.path = call.path.replace(/^\/oauth2\/v3\/userinfo/, '/oauth2/v2/userinfo'); }

function posted(call) {
  if (call.method !== 'GET' || !call.path.startsWith('/api/')) return;
  const [path, query = ''] = call.path.replace('/api/users.conversations', '/api/conversations.list').split('?');
  Object.assign(call, { method: 'POST', path, body: query });
  call.headers['content-type'] = 'application/x-www-form-urlencoded';
}
