// Chromium applies form-action to every redirect after a form (CSP 3 section
// 6.4.1): a consent page that did not name the app's return address would be
// answered, and the person would stay on it. Here the answer arrives at every
// kind of return address under the policy of production.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer as plain } from 'node:http';
import { createServer as secure } from 'node:https';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { launch } from './house/browser.mjs';
import { ana, demo } from './house/program.mjs';

const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'; // RFC 7636 appendix B

test('every kind of return address', async (t) => {
  const deputy = await demo(t);
  const chrome = await launch(t);
  const [https, http] = await Promise.all([listen(t, secure(certificate())), listen(t, plain())]);
  const addresses = { https: `https://127.0.0.1:${https}/callback`, loopback: `http://127.0.0.1:${http}/callback`, 'custom scheme': 'com.example.notes:/callback' };

  for (const [kind, address] of Object.entries(addresses)) {
    for (const [button, answer] of [['Do not allow', 'error=access_denied'], ['Allow', 'code=']]) {
      await t.test(`${kind}: ${button}`, async (t) => {
        const app = await deputy.command(['app', 'create', '--name', 'Notes', '--type', 'public', '--redirect-uri', address, '--json']);
        const visit = await open(t, chrome);
        await consent(visit, deputy, app, address);
        const to = await arrives(visit, address, () => visit.page.getByRole('button', { name: button, exact: true }).click());
        assert.ok(to.includes(answer), to);
        assert.deepEqual(visit.blocked, []);
      });
    }
  }

  await t.test('signing in goes on to an app that needs no answer', async (t) => {
    const address = addresses.https;
    const app = await deputy.command(['app', 'create', '--name', 'Known', '--type', 'confidential', '--redirect-uri', address, '--json']);
    const visit = await open(t, chrome);
    await consent(visit, deputy, app, address);
    await visit.page.getByRole('button', { name: 'Allow', exact: true }).click();
    await visit.page.waitForURL((url) => url.href.startsWith(address));
    await visit.page.context().clearCookies();
    await visit.page.goto(request(deputy, app, address));
    const to = await arrives(visit, address, () => signIn(visit.page));
    assert.ok(to.includes('code='), to);
    assert.deepEqual(visit.blocked, []);
  });

  await t.test('the browser would stop it without the address in the policy', async (t) => {
    const app = await deputy.command(['app', 'create', '--name', 'Stopped', '--type', 'public', '--redirect-uri', addresses.loopback, '--json']);
    const visit = await open(t, chrome);
    await visit.page.route(/\/consent\?/, async (route) => {
      const response = await route.fetch({ maxRedirects: 0 });
      const headers = response.headers();
      headers['content-security-policy'] = headers['content-security-policy'].replace(/form-action.*/, "form-action 'self'");
      await route.fulfill({ response, headers });
    });
    await consent(visit, deputy, app, addresses.loopback);
    await visit.page.reload(); // pages at the end of redirects are not intercepted
    await visit.page.getByRole('button', { name: 'Allow', exact: true }).click();
    await visit.page.waitForTimeout(500);
    assert.equal(visit.blocked.length > 0, true, 'Chromium says so');
    assert.ok(visit.page.url().startsWith(deputy.url), 'the person stays');
  });
});

async function open(t, chrome) {
  const context = await chrome.newContext({ ignoreHTTPSErrors: true });
  context.setDefaultTimeout(10_000);
  t.after(() => context.close());
  const page = await context.newPage();
  const blocked = [];
  page.on('console', (message) => { if (/Content Security Policy|form-action/.test(message.text())) blocked.push(message.text()); });
  return { page, blocked };
}

function request(deputy, app, address) {
  return `${deputy.url}/oauth/authorize?${new URLSearchParams({
    response_type: 'code', client_id: app.client_id, redirect_uri: address, scope: 'openid profile', state: 'of-the-app', code_challenge: challenge, code_challenge_method: 'S256',
  })}`;
}

async function signIn(page) {
  await page.getByLabel('E-mail', { exact: true }).fill(ana.email);
  await page.getByLabel('Password', { exact: true }).fill(ana.password);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

async function consent({ page }, deputy, app, address) {
  await page.goto(request(deputy, app, address));
  await signIn(page);
  await page.getByRole('heading', { level: 1, name: /asks for your permission/ }).waitFor();
}

// arrives returns the address that the answer redirects to. A browser asks the
// system to open a custom scheme, where nothing answers here; then the redirect
// itself, which the policy did not stop, is all there is to see.
async function arrives({ page }, address, act) {
  const redirect = page.waitForResponse((response) => (response.headers().location ?? '').startsWith(address));
  await act();
  const to = (await redirect).headers().location;
  if (address.startsWith('http')) await page.waitForURL((url) => url.href === to);
  else await page.waitForTimeout(300);
  return to;
}

async function listen(t, server) {
  server.on('request', (_, response) => response.end('back'));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return server.address().port;
}

function certificate() {
  const dir = mkdtempSync(join(tmpdir(), 'deputy-tls-'));
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const pair = { key: readFileSync(key), cert: readFileSync(cert) };
  rmSync(dir, { recursive: true });
  return pair;
}
