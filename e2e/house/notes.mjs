// The example MCP server of docs/examples behind `deputy serve`, with a person, and
// a site that serves a client's metadata document: all on free loopback ports.

import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ana, freePorts, launch, serve, until } from './program.mjs';

const binaries = new URL('../../bin/', import.meta.url).pathname;

/**
 * neighbourhood starts all of it and returns { deputy, notes, site }: notes is the
 * URL of the MCP server, site where clients publish documents; see newSite. With
 * signed, the MCP server verifies signed tokens by itself.
 */
export async function neighbourhood(t, flags = [], { signed = false } = {}) {
  const site = await newSite(t);
  // The site has a certificate like any other; what is special is that it is on this computer.
  const deputy = await serve(t, ['--registration', 'public', '--allow-loopback', ...flags], { SSL_CERT_FILE: site.certificate });
  await deputy.command(['user', 'create', '--email', ana.email, '--name', 'Ana', '--password-stdin'], ana.password);
  const notes = await newNotes(t, deputy, signed);
  return { deputy, notes, site };
}

async function newNotes(t, deputy, signed) {
  const [port] = await freePorts(1);
  const url = `http://localhost:${port}/mcp`;
  const { client_id: id, client_secret: secret } = await deputy.command(['resource-server', 'create', '--identifier', url,
    '--scope', 'mcp:read=Read your notes', '--write-scope', 'mcp:write=Add notes', '--token-format', signed ? 'jwt' : 'opaque', '--json']);
  const program = launch(t, `${binaries}mcp-server`, ['--listen', `127.0.0.1:${port}`, '--url', url, '--issuer', deputy.url, ...(signed ? ['--signed'] : ['--client-id', id])], { NOTES_SECRET: secret });
  await until(program, async () => (await fetch(url).catch(() => null))?.status === 401);
  await until(deputy, async () => {
    const about = await (await fetch(`${deputy.url}/.well-known/oauth-authorization-server`)).json();
    return about.scopes_supported.includes('mcp:write');
  });
  return url;
}

/**
 * newSite starts an https server and returns { certificate, publish(path, metadata) }:
 * the file with its certificate, and a way to publish a client's metadata document
 * that returns its address, the client_id.
 */
async function newSite(t) {
  const folder = await mkdtemp(join(tmpdir(), 'deputy-site-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')];
  await promisify(execFile)('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate]);
  const pages = new Map();
  const server = createServer({ key: await readFile(key), cert: await readFile(certificate) }, (request, answer) => {
    const page = pages.get(request.url);
    answer.writeHead(page ? 200 : 404, { 'content-type': 'application/json' }).end(page ?? '{}');
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => { server.closeAllConnections(); server.close(); });
  return {
    certificate,
    publish(path, metadata) {
      const address = `https://localhost:${server.address().port}${path}`;
      pages.set(path, JSON.stringify({ client_id: address, ...metadata }));
      return address;
    },
  };
}
