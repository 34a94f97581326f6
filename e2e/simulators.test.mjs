// The simulators of `deputy simulate`, driven by the providers' own SDKs: what
// those understand is what the providers say. And docs/simulators.md, run as
// written.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { calendar } from '@googleapis/calendar';
import { auth, drive } from '@googleapis/drive';
import { gmail } from '@googleapis/gmail';
import { APIErrorCode, Client, collectPaginatedAPI } from '@notionhq/client';
import { Octokit } from '@octokit/rest';
import { WebClient } from '@slack/web-api';
import Stripe from 'stripe';
import { audit, launch, watch } from './house/browser.mjs';
import { Person } from './house/person.mjs';
import { serve, simulate } from './house/program.mjs';

const callback = 'http://127.0.0.1:9/callback';
const app = { client_id: 'simulated-app', client_secret: 'simulated-secret' };
const scopes = ['drive', 'gmail.modify', 'calendar'].map((name) => `https://www.googleapis.com/auth/${name}`);
const tasks = '1a000000-0000-4000-8000-000000000009';

// agreed goes to a consent page as somebody and says yes; the code comes back.
async function agreed(url, path, query, who, yes, fields = {}) {
  const person = new Person();
  const request = new URL(path, url);
  request.search = new URLSearchParams({ client_id: app.client_id, redirect_uri: callback, state: 's', ...query });
  await person.open(request);
  await person.press('Sign in', { fields: { login: who, password: who } });
  const back = await person.press(yes, { fields, stop: callback });
  assert.equal(back.searchParams.get('state'), 's');
  return back.searchParams.get('code');
}

async function tokens(url, path, form, headers = {}) {
  const answer = await fetch(new URL(path, url), { method: 'POST', body: new URLSearchParams({ ...form, redirect_uri: callback }), headers: { Accept: 'application/json', ...headers } });
  return answer.json();
}

test('GitHub, by @octokit/rest', async (t) => {
  const { url } = await simulate(t, 'github', '--quirk', 'org-blocked=acme');
  const code = await agreed(url, '/login/oauth/authorize', { scope: 'repo' }, 'octocat', 'Authorize');
  const { access_token: token } = await tokens(url, '/login/oauth/access_token', { ...app, code });
  const octokit = new Octokit({ baseUrl: `${url}/api/v3`, auth: token, log: { debug() {}, info() {}, warn() {}, error() {} } });
  const mine = await octokit.paginate(octokit.rest.repos.listForAuthenticatedUser, { per_page: 10 });
  assert.equal(mine.length, 37);
  const { data: made } = await octokit.rest.issues.create({ owner: 'octocat', repo: 'hello-world', title: 'From an SDK' });
  assert.equal(made.title, 'From an SDK');
  await assert.rejects(octokit.rest.repos.get({ owner: 'acme', repo: 'web' }), { status: 403 });
});

test('Slack, by @slack/web-api', async (t) => {
  const { url } = await simulate(t, 'slack');
  const code = await agreed(url, '/oauth/v2_user/authorize', { scope: 'channels:read,channels:history,chat:write' }, 'ana', 'Allow');
  const { access_token: token } = await tokens(url, '/api/oauth.v2.user.access', { ...app, code });
  const slack = new WebClient(token, { slackApiUrl: `${url}/api/` });
  const names = [];
  for await (const page of slack.paginate('users.conversations', { limit: 2, exclude_archived: true })) names.push(...page.channels.map((c) => c.name));
  assert.deepEqual(names, ['general', 'releases', 'random', 'deploys']);
  const sent = await slack.chat.postMessage({ channel: 'C01GENERAL', text: 'From an SDK' });
  const { messages } = await slack.conversations.history({ channel: 'C01GENERAL', limit: 1 });
  assert.equal(messages[0].ts, sent.ts);
  await assert.rejects(slack.users.info({ user: 'U01BEN0002' }), (error) => error.data.error === 'missing_scope' && error.data.needed === 'users:read');
});

test('Google, by @googleapis/drive, gmail and calendar', async (t) => {
  const { url } = await simulate(t, 'google');
  const client = new auth.OAuth2({ clientId: app.client_id, clientSecret: app.client_secret, redirectUri: callback, endpoints: { oauth2TokenUrl: `${url}/token`, tokenInfoUrl: `${url}/tokeninfo` } });
  const code = await agreed(url, '/o/oauth2/v2/auth', { response_type: 'code', scope: scopes.join(' '), access_type: 'offline' }, 'ana', 'Continue', { ticked: 'all' });
  const { tokens: first } = await client.getToken(code);
  client.setCredentials({ refresh_token: first.refresh_token }); // the SDK refreshes by itself
  const rootUrl = `${url}/`;
  const options = (version) => ({ version, auth: client, rootUrl }); // the SDK keeps and changes what it gets

  const files = drive(options('v3')).files;
  const { data: list } = await files.list({ q: "'1AnaRelaunchFolder0000000000000000' in parents and trashed = false", fields: 'files(id,name,parents)' });
  assert.deepEqual(list.files.map((f) => f.name).sort(), ['Costs', 'Relaunch plan', 'logo.svg']);
  const { data: made } = await files.create({ requestBody: { name: 'sdk.txt', parents: ['1AnaRelaunchFolder0000000000000000'] }, media: { mimeType: 'text/plain', body: 'From an SDK' }, fields: 'id,size' },
    { rootUrl }); // for uploads the SDK wants it here as well
  assert.equal(made.size, '11');
  const { data: content } = await files.get({ fileId: made.id, alt: 'media' }, { responseType: 'text' });
  assert.equal(content, 'From an SDK');
  await assert.rejects(files.get({ fileId: 'nothing' }), (error) => error.status === 404 && error.response.data.error.errors[0].reason === 'notFound');

  const { messages, drafts } = gmail(options('v1')).users;
  const raw = Buffer.from('To: ben@northwind.example\r\nSubject: From an SDK\r\n\r\nHello').toString('base64url');
  const { data: draft } = await drafts.create({ userId: 'me', requestBody: { message: { raw } } });
  const { data: sent } = await drafts.send({ userId: 'me', requestBody: { id: draft.id } });
  const { data: mail } = await messages.get({ userId: 'me', id: sent.id });
  assert.equal(mail.payload.headers.find((h) => h.name === 'Subject').value, 'From an SDK');

  const { events, freebusy } = calendar(options('v3'));
  await events.insert({ calendarId: 'primary', requestBody: { id: 'sdk01', summary: 'From an SDK', start: { dateTime: '2031-01-01T10:00:00Z' }, end: { dateTime: '2031-01-01T11:00:00Z' } } });
  const { data: busy } = await freebusy.query({ requestBody: { timeMin: '2031-01-01T00:00:00Z', timeMax: '2031-01-02T00:00:00Z', items: [{ id: 'primary' }] } });
  assert.deepEqual(busy.calendars.primary.busy, [{ start: '2031-01-01T10:00:00Z', end: '2031-01-01T11:00:00Z' }]);
  await events.delete({ calendarId: 'primary', eventId: 'sdk01' });
  await assert.rejects(events.delete({ calendarId: 'primary', eventId: 'sdk01' }), { status: 410 });
});

test('Notion, by @notionhq/client', async (t) => {
  const { url } = await simulate(t, 'notion');
  const person = { response_type: 'code', owner: 'user' };
  const code = await agreed(url, '/v1/oauth/authorize', person, 'ana', 'Allow access', { picked: ['1a000000-0000-4000-8000-000000000007'] });
  const quiet = { baseUrl: url, logger: () => {}, retry: false };
  const first = await new Client(quiet).oauth.token({ ...app, grant_type: 'authorization_code', code, redirect_uri: callback });
  assert.equal(first.workspace_name, 'Northwind');
  const { access_token: token } = await new Client(quiet).oauth.token({ ...app, grant_type: 'refresh_token', refresh_token: first.refresh_token });
  const notion = new Client({ ...quiet, auth: token });
  const rows = await collectPaginatedAPI(notion.dataSources.query, { data_source_id: tasks, page_size: 50 });
  assert.equal(rows.length, 120);
  const page = await notion.pages.create({ parent: { data_source_id: tasks }, properties: { Name: { title: [{ text: { content: 'From an SDK' } }] } } });
  await notion.blocks.children.append({ block_id: page.id, children: [{ paragraph: { rich_text: [{ text: { content: 'Hello' } }] } }] });
  const { results } = await notion.blocks.children.list({ block_id: page.id });
  assert.equal(results[0].paragraph.rich_text[0].plain_text, 'Hello');
  await notion.comments.create({ parent: { page_id: page.id }, rich_text: [{ text: { content: 'Seen' } }] });
  const { results: found } = await notion.search({ query: 'From an SDK' });
  assert.deepEqual(found.map((f) => f.id), [page.id]);
  await assert.rejects(notion.pages.retrieve({ page_id: '1a000000-0000-4000-8000-000000000001' }), { code: APIErrorCode.ObjectNotFound });
});

test('Stripe, by stripe', async (t) => {
  const { url } = await simulate(t, 'stripe', '--client-secret', 'sk_test_app');
  const code = await agreed(url, '/oauth/v2/authorize', {}, 'ana', 'Install');
  const answer = await fetch(`${url}/v1/oauth/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'authorization_code', code }), headers: { Authorization: `Basic ${Buffer.from('sk_test_app:').toString('base64')}` } });
  const { access_token: token, stripe_user_id: account } = await answer.json();
  const { hostname: host, port } = new URL(url);
  const stripe = new Stripe(token, { host, port, protocol: 'http', maxNetworkRetries: 0, telemetry: false });
  assert.equal(account, 'acct_1NorthwindShop001');
  let count = 0;
  for await (const customer of stripe.customers.list({ limit: 20 })) count += customer.object === 'customer' ? 1 : 0;
  assert.equal(count, 45);
  const customer = await stripe.customers.create({ name: 'From an SDK', metadata: { order: '7' } }, { idempotencyKey: 'k' });
  const again = await stripe.customers.create({ name: 'From an SDK', metadata: { order: '7' } }, { idempotencyKey: 'k' });
  assert.equal(again.id, customer.id);
  await assert.rejects(stripe.customers.create({ name: 'Another' }, { idempotencyKey: 'k' }), { type: 'StripeIdempotencyError' });
  const { data: [intent] } = await stripe.paymentIntents.list({ limit: 1, customer: 'cus_NW000000000004', expand: ['data.customer'] });
  assert.equal(intent.customer.name, 'Customer 04');
  const refund = await stripe.refunds.create({ payment_intent: intent.id });
  assert.equal(refund.amount, 1400);
  await assert.rejects(stripe.refunds.create({ payment_intent: intent.id }), { code: 'charge_already_refunded' });
  const found = await stripe.customers.search({ query: "metadata['order']:'7'" });
  assert.deepEqual(found.data.map((c) => c.id), [customer.id]);
});

test('docs/simulators.md, run as written', async (t) => {
  const doc = await readFile(new URL('../docs/simulators.md', import.meta.url), 'utf8');
  const blocks = [...doc.matchAll(/^```\n(.*?)^```$/gms)].map((found) => found[1]);
  const commands = blocks.flatMap((block) => [...block.matchAll(/^bin\/deputy simulate (.*)$/gm)].map((found) => found[1]));
  assert.ok(commands.length >= 2, `the commands of the page: ${commands}`);
  for (const command of commands) {
    const { url } = await simulate(t, ...command.split(' '));
    const home = await (await fetch(url)).text();
    for (const [, quirk] of command.matchAll(/--quirk (\S+)/g)) assert.ok(home.includes(`<code>${quirk}</code>`), `${command}: the front page tells ${quirk}`);
  }
  const [, secret, registered] = doc.match(/^echo -n (\S+) \| bin\/deputy (provider set .*\\\n.*)$/m);
  const deputy = await serve(t, doc.match(/^bin\/deputy serve (.*)$/m)[1].split(' '));
  assert.match(await deputy.command(registered.replace('\\\n', '').split(/\s+/), secret), /connect\/github\/callback/);
  // Every address and account that the page names is there.
  for (const [, provider, , accounts, authorize, token] of doc.matchAll(/^\| `(\w+)` \| `([^|]*)` \| ([^|]*) \| ([^|]*) \| ([^|]*) \| [^|]* \|$/gm)) {
    const { url } = await simulate(t, provider);
    const home = await (await fetch(url)).text();
    for (const [, account] of accounts.matchAll(/`(\w+)`/g)) assert.ok(home.includes(`<code>${account}</code>`), `${provider} has the account ${account}`);
    for (const [, path] of authorize.matchAll(/`([^`]+)`/g)) assert.notEqual((await fetch(`${url}${path}?client_id=${app.client_id}`)).status, 404, `${provider} has ${path}`);
    for (const [, path] of token.matchAll(/`([^`]+)`/g)) assert.notEqual((await fetch(url + path, { method: 'POST' })).status, 404, `${provider} has ${path}`);
  }
});

test('the pages have nothing for axe to object to, light and dark, and fit 320 px', async (t) => {
  const chrome = await launch(t);
  const asks = {
    github: ['/login/oauth/authorize', { scope: 'repo' }], slack: ['/oauth/v2_user/authorize', { scope: 'chat:write' }],
    google: ['/o/oauth2/v2/auth', { response_type: 'code', scope: scopes.join(' ') }], notion: ['/v1/oauth/authorize', { response_type: 'code', owner: 'user' }], stripe: ['/oauth/v2/authorize', {}],
  };
  for (const [provider, [path, query]] of Object.entries(asks)) {
    const { url } = await simulate(t, provider, '--quirk', 'slow-token=1s');
    for (const colorScheme of ['light', 'dark']) {
      const context = await chrome.newContext({ viewport: { width: 320, height: 800 }, colorScheme });
      const page = await context.newPage();
      const found = [];
      watch(page, (problem) => found.push(problem));
      const look = async (where) => {
        assert.deepEqual([...await audit(page), ...found], [], `${provider}, ${colorScheme}: ${where}`);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${provider}: ${where} fits`);
      };
      await page.goto(url);
      await look('front page');
      await page.goto(`${url}${path}?${new URLSearchParams({ client_id: app.client_id, redirect_uri: callback, ...query })}`);
      await look('sign-in');
      const who = provider === 'github' ? 'octocat' : 'ana';
      await page.fill('#login', who);
      await page.fill('#password', who);
      await page.click('button.yes');
      await look('consent');
      await context.close();
    }
  }
});
