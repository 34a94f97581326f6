// Every screen in every state, as package templates writes its examples, served
// under the policy that production sends.

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';

const root = new URL('../../', import.meta.url).pathname;

// The content security policy of every page, and what a page with our script has
// before it, read from where they are set.
const headers = readFileSync(join(root, 'internal/web/headers.go'), 'utf8');
const policy = /basePolicy = "([^"]+)"/.exec(headers)[1];
const scripted = /"(script-src [^"]+)"\+h\.Get/.exec(headers.replaceAll(' + ', '+'))[1];

/** The language that package templates makes up: longer, and from right to left. */
export const madeUp = 'ar-XB';

/** written writes the examples and returns { dir, names, languages }: a page is dir/language/name.html. */
export async function written(t) {
  const dir = await mkdtemp(join(tmpdir(), 'deputy-pages-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  execFileSync('go', ['test', '-tags', 'nomsgpack', '-trimpath', '-count=1', '-run', '^TestWritePages$', './templates'], { cwd: root, env: { ...process.env, DEPUTY_PAGES: dir } });
  const languages = (await readdir(dir)).filter((name) => name !== 'assets');
  const names = (await readdir(join(dir, 'en'))).map((file) => file.replace(/\.html$/, ''));
  return { dir, names, languages };
}

// What a picture of a person or an app looks like here.
const picture = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M/wHwAEBgIApD5fRAAAAABJRU5ErkJggg==', 'base64');

const types = { '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8' };

/** served serves a directory with the headers of production and returns its origin. */
export async function served(t, dir) {
  const server = createServer(async (request, response) => {
    const path = new URL(request.url, 'http://here').pathname;
    if (/^\/(pictures|logos)\//.test(path)) return response.writeHead(200, { 'Content-Type': 'image/png' }).end(picture);
    const file = join(dir, path);
    const body = await readFile(file).catch(() => null);
    response.writeHead(body ? 200 : 404, {
      'Content-Security-Policy': (body?.includes('<script ') ? scripted : '') + policy, 'X-Content-Type-Options': 'nosniff',
      'Content-Type': types[extname(file)] ?? 'text/html; charset=utf-8',
    });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}`;
}
