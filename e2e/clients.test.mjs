// Clients that others wrote, unchanged, against the built program: openid-client
// as an app and as a resource server, Octokit and Slack's client with nothing but
// another base URL.
// (golang.org/x/oauth2 is the client of story.test.mjs and of xoauth2_test.go.)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Octokit } from '@octokit/rest';
import slackClient from '@slack/web-api';
import * as oauth from 'openid-client';
import { Person } from './house/person.mjs';
import { databases, demo } from './house/program.mjs';

const callback = 'https://app.example/callback';
const repositories = 'services.github.repositories.read services.github.issues.read';

for (const [database, prepare] of databases) {
  test(`foreign clients, ${database}`, async (t) => {
    const flags = await prepare(t);
    if (!flags) return;
    const deputy = await demo(t, flags);
    await t.test('openid-client: a confidential app, from discovery to revocation', (t) => confidential(t, deputy));
    await t.test('openid-client: a public app gets a new refresh token each time', () => publicApp(deputy));
    await t.test('openid-client: an app for itself, and an API that introspects', () => ownAPI(deputy));
    await t.test('Octokit: reads what was picked, page by page, and nothing else', () => octokit(deputy));
    await t.test("Slack's own client: the channels that were picked, and nothing else", () => slack(deputy));
  });
}

// register adds an app by command while the server runs.
function register(deputy, { type = 'confidential', flags = [] } = {}) {
  return deputy.command(['app', 'create', '--name', 'Foreign', '--publisher', 'Somebody Else', '--redirect-uri', callback, '--type', type, '--json', ...flags]);
}

function discover(deputy, app, authentication) {
  return oauth.discovery(new URL(deputy.url), app.client_id, app.client_secret, authentication, { execute: [oauth.allowInsecureRequests] });
}

// ask makes an authorization request and what is needed to check its answer.
async function ask(config, parameters) {
  const verifier = oauth.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: oauth.randomState() };
  if (parameters.scope.includes('openid')) checks.expectedNonce = oauth.randomNonce();
  const request = oauth.buildAuthorizationUrl(config, {
    redirect_uri: callback, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    state: checks.expectedState, ...(checks.expectedNonce && { nonce: checks.expectedNonce }), ...parameters,
  });
  return { request, checks };
}

// refused expects an OAuth error answer.
function refused(code, status) {
  return (error) => {
    assert.equal(error.error, code, String(error));
    assert.equal(error.status, status);
    return true;
  };
}

async function confidential(t, deputy) {
  const app = await register(deputy);
  for (const [style, authentication] of [['client_secret_basic', oauth.ClientSecretBasic], ['client_secret_post', oauth.ClientSecretPost]]) {
    await t.test(style, async () => {
      const config = await discover(deputy, app, authentication(app.client_secret));
      const about = config.serverMetadata();
      assert.equal(about.issuer, deputy.url);
      assert.deepEqual(about.code_challenge_methods_supported, ['S256']);
      assert.equal(about.authorization_response_iss_parameter_supported, true);

      const { request, checks } = await ask(config, { scope: `openid profile email offline_access ${repositories}` });
      const back = await new Person().allowGitHub(request, callback, ['acme/web']);
      assert.equal(back.searchParams.get('iss'), deputy.url, 'RFC 9207');
      const forged = new URL(back);
      forged.searchParams.set('iss', 'https://other.example');
      await assert.rejects(oauth.authorizationCodeGrant(config, forged, checks), (error) => /"iss"/.test(error.cause?.message));

      const tokens = await oauth.authorizationCodeGrant(config, back, { ...checks, idTokenExpected: true });
      assert.match(tokens.access_token, /^dpa_/);
      assert.equal(tokens.token_type, 'bearer');
      assert.equal(tokens.claims().iss, deputy.url);
      const person = await oauth.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
      assert.equal(person.email, 'ana@example.com');

      const renewed = await oauth.refreshTokenGrant(config, tokens.refresh_token);
      assert.notEqual(renewed.access_token, tokens.access_token);
      assert.equal((await oauth.tokenIntrospection(config, renewed.access_token)).active, true);
      await oauth.tokenRevocation(config, renewed.refresh_token, { token_type_hint: 'refresh_token' });
      assert.deepEqual(await oauth.tokenIntrospection(config, renewed.access_token), { active: false }, 'what came from a revoked refresh token is out too');
      await assert.rejects(oauth.refreshTokenGrant(config, renewed.refresh_token), refused('invalid_grant', 400));
      await assert.rejects(call(deputy, renewed.access_token, 'repos/acme/web'), { status: 401 });
    });
  }
  await t.test('a wrong secret', async () => {
    const config = await discover(deputy, app, oauth.ClientSecretBasic('not the secret'));
    await assert.rejects(oauth.refreshTokenGrant(config, 'dpr_anything'), (error) => {
      assert.equal(error.status, 401);
      assert.ok(error instanceof oauth.WWWAuthenticateChallengeError || error.error === 'invalid_client', String(error));
      return true;
    });
  });
}

async function publicApp(deputy) {
  const app = await register(deputy, { type: 'public' });
  assert.equal(app.client_secret, undefined, 'a public app has no secret');
  const config = await discover(deputy, app, oauth.None());
  const { request, checks } = await ask(config, { scope: `offline_access ${repositories}` });
  const back = await new Person().allowGitHub(request, callback, ['acme/web']);
  const first = await oauth.authorizationCodeGrant(config, back, checks);
  await assert.rejects(oauth.authorizationCodeGrant(config, back, checks), refused('invalid_grant', 400), 'a code works once');
  await assert.rejects(oauth.refreshTokenGrant(config, first.refresh_token), refused('invalid_grant', 400), 'a code that came twice ends what it gave (RFC 6749 section 4.1.2)');

  const again = await ask(config, { scope: `offline_access ${repositories}` });
  const person = new Person();
  await person.open(again.request);
  await person.signIn();
  assert.equal(person.heading(), 'Foreign wants to continue', 'whoever has the id of a public app can ask, so a person answers each time');
  const second = await oauth.authorizationCodeGrant(config, await person.press('Continue', { stop: callback }), again.checks);
  const third = await oauth.refreshTokenGrant(config, second.refresh_token);
  assert.notEqual(third.refresh_token, second.refresh_token);
  const lost = await oauth.refreshTokenGrant(config, second.refresh_token);
  assert.equal(lost.refresh_token, third.refresh_token, 'an answer that was lost is given once more');
  await oauth.refreshTokenGrant(config, third.refresh_token);
  await assert.rejects(oauth.refreshTokenGrant(config, second.refresh_token), refused('invalid_grant', 400), 'older ones are reuse');
  await assert.rejects(oauth.refreshTokenGrant(config, third.refresh_token), refused('invalid_grant', 400), 'and reuse ends the family');
}

async function ownAPI(deputy) {
  const identifier = 'https://notes.example/mcp';
  const api = await deputy.command(['resource-server', 'create', '--identifier', identifier, '--scope', 'mcp:read=Read your notes', '--json']);
  await listed(deputy, 'mcp:read');
  const app = await register(deputy, { flags: ['--grant-type', 'client_credentials', '--grant-type', 'authorization_code', '--grant-type', 'refresh_token', '--scope', 'mcp:read'] });
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const guard = await discover(deputy, api, oauth.ClientSecretBasic(api.client_secret));

  const own = await oauth.clientCredentialsGrant(config, { scope: 'mcp:read', resource: identifier });
  assert.equal(own.refresh_token, undefined);
  const seen = await oauth.tokenIntrospection(guard, own.access_token);
  assert.equal(seen.active, true);
  assert.equal(seen.scope, 'mcp:read');
  assert.equal(seen.client_id, app.client_id);
  assert.equal([seen.aud].flat()[0], identifier);
  await assert.rejects(oauth.clientCredentialsGrant(config, { scope: 'services.github.repositories.read' }), refused('invalid_scope', 400), 'no person, no service');

  const { request, checks } = await ask(config, { scope: 'mcp:read', resource: identifier });
  const person = new Person();
  await person.open(request);
  await person.signIn();
  assert.match(person.text(), /Read your notes/);
  const tokens = await oauth.authorizationCodeGrant(config, await person.allow(callback), checks, { resource: identifier });
  const about = await oauth.tokenIntrospection(guard, tokens.access_token);
  assert.equal(about.active, true);
  assert.ok(about.sub && about.sub !== app.client_id, 'it says whose it is');
  await assert.rejects(call(deputy, tokens.access_token, 'repos/acme/web'), { status: 401 }, 'a token for one API is worth nothing at another');

  const other = await deputy.command(['resource-server', 'create', '--identifier', 'https://other.example', '--scope', 'other:read=Read other things', '--json']);
  const nosy = await discover(deputy, other, oauth.ClientSecretBasic(other.client_secret));
  assert.deepEqual(await oauth.tokenIntrospection(nosy, tokens.access_token), { active: false }, 'an API learns nothing about tokens for others');
}

// listed waits until a running server knows a new scope: it may answer from a memory half a second old.
async function listed(deputy, scope) {
  for (let i = 0; i < 40; i++) {
    const { scopes_supported: scopes } = await (await fetch(`${deputy.url}/.well-known/oauth-authorization-server`)).json();
    if (scopes.includes(scope)) return;
    await sleep(50);
  }
  assert.fail(`two seconds after it was registered, ${scope} is not in the metadata`);
}

function client(deputy, token) {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  return new Octokit({ baseUrl: `${deputy.url}/api/github`, auth: token, log, retry: { enabled: false } });
}

function call(deputy, token, path) { return client(deputy, token).request(`GET /${path}`); }

async function octokit(deputy) {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const { request, checks } = await ask(config, { scope: `offline_access agents.jobs.background ${repositories}` });
  const { access_token: token } = await oauth.authorizationCodeGrant(config, await new Person().allowGitHub(request, callback, ['acme/web', 'acme/api']), checks);
  const { rest, paginate } = client(deputy, token);
  const web = { owner: 'acme', repo: 'web' };

  const repository = await rest.repos.get(web);
  assert.equal(repository.data.full_name, 'acme/web');
  assert.equal(repository.data.private, true);
  assert.equal(repository.data.temp_clone_token ?? '', '', 'a token to clone with is a token');
  const file = await rest.repos.getContent({ ...web, path: 'package.json' });
  assert.match(Buffer.from(file.data.content, 'base64').toString(), /"lodash"/);
  const first = await rest.issues.listForRepo({ ...web, per_page: 3 });
  assert.equal(first.data.length, 3);
  assert.ok(first.headers.link.includes(`${deputy.url}/api/github/`), `pages go on at Deputy: ${first.headers.link}`);
  const all = await paginate(rest.issues.listForRepo, { ...web, per_page: 3 });
  assert.ok(all.length > 6, `${all.length} issues`);
  assert.equal(new Set(all.map((issue) => issue.number)).size, all.length, 'no issue comes twice');
  const mine = await paginate(rest.repos.listForAuthenticatedUser, { per_page: 5 });
  assert.deepEqual(mine.map((r) => r.full_name).sort(), ['acme/api', 'acme/web'], 'of 45 repositories the app sees two');

  const missing = await rest.repos.get({ owner: 'acme', repo: 'infra' }).catch((error) => error);
  const absent = await rest.repos.get({ owner: 'acme', repo: 'no-such-thing' }).catch((error) => error);
  assert.equal(missing.status, 404);
  assert.deepEqual(shape(missing), shape(absent), 'what was not picked looks like what does not exist');
  await assert.rejects(rest.issues.create({ ...web, title: 'No' }), { status: 403 });
  await assert.rejects(rest.repos.delete(web), (error) => [403, 404, 405].includes(error.status));
}

async function slack(deputy) {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const { request, checks } = await ask(config, { scope: 'services.slack.channels.read services.slack.messages.read' });
  const { access_token: token } = await oauth.authorizationCodeGrant(config, await new Person().allowSlack(request, callback, ['#releases']), checks);
  const quiet = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, getLevel() { return 'error'; }, setName() {} };
  const web = new slackClient.WebClient(token, { slackApiUrl: `${deputy.url}/api/slack/`, logger: quiet, retryConfig: { retries: 0 } });

  const { channels } = await web.users.conversations();
  assert.deepEqual(channels.map((channel) => channel.name), ['releases'], 'of four channels the app sees one');
  const { messages } = await web.conversations.history({ channel: channels[0].id, limit: 5 });
  assert.ok(messages.length > 0 && messages.every((message) => message.text));
  await assert.rejects(web.conversations.history({ channel: 'C01GENERAL' }), 'a channel that was not picked');
  await assert.rejects(web.chat.postMessage({ channel: channels[0].id, text: 'No' }), 'nobody allowed it to write');
  await assert.rejects(web.admin.users.list({ team_id: 'T01NORTHWD' }), 'an operation that Deputy does not have');
}

// shape is an answer without what differs each time.
function shape({ status, response }) {
  const { reference, ...data } = response.data;
  return { status, data, headers: Object.keys(response.headers).filter((name) => name !== 'date' && name !== 'x-request-id').sort() };
}
