// openid-client, unchanged, against the built program: what an ordinary app does
// with it. What only the stricter library below it can do is in
// oauth4webapi.test.mjs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Octokit } from '@octokit/rest';
import * as oauth from 'openid-client';
import { ask, callback, denied, discover, grants, notes, prepare, refused, register, registerNotes, repositories } from './house/app.mjs';
import { Person } from './house/person.mjs';
import { databases, demo } from './house/program.mjs';

for (const [database, flags] of databases) {
  test(`openid-client, ${database}`, async (t) => {
    const chosen = await flags(t);
    if (!chosen) return;
    const deputy = await demo(t, [...chosen, '--registration', 'public']);
    const api = await registerNotes(deputy);
    await t.test('a confidential app, from discovery to revocation', (t) => confidential(t, deputy));
    await t.test('a public app gets a new refresh token each time', () => publicApp(deputy));
    await t.test('fifty refreshes at the same time', () => races(deputy));
    await t.test('an app for itself, and an API that introspects', () => ownAPI(deputy, api));
    await t.test('a pushed request, and none in a JWT', () => pushed(deputy));
    await t.test('prompts, max_age and the ID token', () => signIn(deputy));
    await t.test('a device', (t) => device(t, deputy));
    await t.test('an app that registers itself', () => registersItself(deputy));
    await t.test('an app hands its agent a lesser token', () => subAgent(deputy));
    await t.test('resources by name', () => resources(deputy));
    await t.test('a sign-out', () => signOut(deputy));
  });
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
      await assert.rejects(read(deputy, renewed.access_token, 'acme/web'), { status: 401 });
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

async function ownAPI(deputy, api) {
  const app = await register(deputy, { flags: [...grants('client_credentials', 'authorization_code', 'refresh_token'), '--scope', 'mcp:read'] });
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const guard = await discover(deputy, api, oauth.ClientSecretBasic(api.client_secret));

  const own = await oauth.clientCredentialsGrant(config, { scope: 'mcp:read', resource: notes });
  assert.equal(own.refresh_token, undefined);
  const seen = await oauth.tokenIntrospection(guard, own.access_token);
  assert.equal(seen.active, true);
  assert.equal(seen.scope, 'mcp:read');
  assert.equal(seen.client_id, app.client_id);
  assert.equal([seen.aud].flat()[0], notes);
  await assert.rejects(oauth.clientCredentialsGrant(config, { scope: 'services.github.repositories.read' }), refused('invalid_scope', 400), 'no person, no service');

  const { request, checks } = await ask(config, { scope: 'mcp:read', resource: notes });
  const person = new Person();
  await person.open(request);
  await person.signIn();
  assert.match(person.text(), /Read your notes/);
  const tokens = await oauth.authorizationCodeGrant(config, await person.allow(callback), checks, { resource: notes });
  const about = await oauth.tokenIntrospection(guard, tokens.access_token);
  assert.equal(about.active, true);
  assert.ok(about.sub && about.sub !== app.client_id, 'it says whose it is');
  await assert.rejects(read(deputy, tokens.access_token, 'acme/web'), { status: 401 }, 'a token for one API is worth nothing at another');

  const other = await deputy.command(['resource-server', 'create', '--identifier', 'https://other.example', '--scope', 'other:read=Read other things', '--json']);
  const nosy = await discover(deputy, other, oauth.ClientSecretBasic(other.client_secret));
  assert.deepEqual(await oauth.tokenIntrospection(nosy, tokens.access_token), { active: false }, 'an API learns nothing about tokens for others');
}

// read reads a repository through the broker.
function read(deputy, token, repository) {
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  return new Octokit({ baseUrl: `${deputy.url}/api/github`, auth: token, log, retry: { enabled: false } }).request(`GET /repos/${repository}`);
}

async function races(deputy) {
  const app = await register(deputy, { type: 'public' });
  const config = await discover(deputy, app, oauth.None());
  const { request, checks } = await ask(config, { scope: 'profile offline_access' });
  let { refresh_token: token } = await oauth.authorizationCodeGrant(config, await new Person().approve(request, callback), checks);
  for (let round = 0; round < 3; round++) {
    const all = await Promise.all(Array.from({ length: 50 }, () => oauth.refreshTokenGrant(config, token)));
    const successors = new Set(all.map((answer) => answer.refresh_token));
    assert.equal(successors.size, 1, 'whoever of fifty is first, they all get the same successor');
    assert.equal(new Set(all.map((answer) => answer.access_token)).size, all.length, 'an access token each');
    assert.equal(successors.has(token), false);
    [token] = successors;
  }
}

async function pushed(deputy) {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretBasic(app.client_secret));
  const { parameters, checks } = await prepare({ scope: 'openid profile' });
  const request = await oauth.buildAuthorizationUrlWithPAR(config, parameters);
  assert.deepEqual([...request.searchParams.keys()].sort(), ['client_id', 'request_uri'], 'nothing of the request is in the address');
  const tokens = await oauth.authorizationCodeGrant(config, await new Person().approve(request, callback), checks);
  assert.equal(tokens.claims().nonce, checks.expectedNonce);
  const late = new Person();
  await late.open(request);
  assert.match(late.text(), /This request was answered already/, 'a pushed request is answered once');

  await assert.rejects(oauth.buildAuthorizationUrlWithPAR(config, { ...parameters, request_uri: request.searchParams.get('request_uri') }), refused('invalid_request'));
  await assert.rejects(oauth.buildAuthorizationUrlWithPAR(config, { ...parameters, scope: 'no.such.scope' }), refused('invalid_scope'));
  const { privateKey } = await oauth.randomDPoPKeyPair('ES256');
  const signed = await oauth.buildAuthorizationUrlWithJAR(config, parameters, privateKey);
  assert.equal(config.serverMetadata().request_parameter_supported, false);
  await assert.rejects(oauth.buildAuthorizationUrlWithPAR(config, signed.searchParams), refused('request_not_supported'));
  assert.equal((await new Person().approve(signed, callback)).searchParams.get('error'), 'request_not_supported');
}

async function signIn(deputy) {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  oauth.enableNonRepudiationChecks(config); // signatures of ID tokens, too
  const person = new Person();
  const answer = async (parameters, more) => {
    const { request, checks } = await ask(config, { scope: 'openid profile email', ...parameters });
    const back = await person.open(request, { stop: callback });
    const swap = (at) => oauth.authorizationCodeGrant(config, at, { ...checks, ...more });
    return { back, swap, checks, left: !(back instanceof URL) };
  };

  const stranger = await answer({ prompt: 'none' });
  await assert.rejects(stranger.swap(stranger.back), denied('login_required'));
  const first = await answer({});
  await person.signIn();
  const silent = await answer({ prompt: 'none' });
  await assert.rejects(silent.swap(silent.back), denied('consent_required'));
  await assert.rejects(first.swap(silent.back), (error) => /"state"/.test(error.cause?.message), 'an answer to another request');
  const tokens = await first.swap(await person.allow(callback));
  const claims = tokens.claims();
  assert.equal(claims.aud, app.client_id);
  assert.equal(claims.nonce, first.checks.expectedNonce);
  assert.ok(claims.at_hash && claims.auth_time && claims.exp > claims.iat, JSON.stringify(claims));
  const about = await oauth.fetchUserInfo(config, tokens.access_token, claims.sub);
  assert.deepEqual({ sub: about.sub, email: about.email, name: about.name }, { sub: claims.sub, email: 'ana@example.com', name: 'Ana Example' });

  const known = await answer({ prompt: 'none' }, { maxAge: 3600 });
  const again = await known.swap(known.back);
  assert.equal(again.claims().sub, claims.sub);
  assert.equal(again.claims().auth_time, claims.auth_time, 'nobody signed in meanwhile');
  const replayed = await answer({ prompt: 'none' }, { expectedNonce: oauth.randomNonce() });
  await assert.rejects(replayed.swap(replayed.back), (error) => /nonce/.test(error.cause?.message ?? error.message), 'the ID token has the nonce of its own request');

  for (const parameters of [{ prompt: 'login' }, { max_age: '0' }]) {
    const asked = await answer(parameters);
    assert.equal(person.heading(), 'Sign in', `${JSON.stringify(parameters)} asks who is there`);
    const fresh = await asked.swap(await person.signIn({ stop: callback }));
    assert.ok(fresh.claims().auth_time >= claims.auth_time);
  }
  const chosen = await answer({ prompt: 'select_account' });
  assert.equal(person.heading(), 'Choose an account');
  const same = await chosen.swap(await person.press('Continue', { stop: callback }));
  assert.equal(same.claims().sub, claims.sub);
  const both = await answer({ prompt: 'none', max_age: '0' });
  await assert.rejects(both.swap(both.back), denied('login_required'));
  const consent = await answer({ prompt: 'consent' });
  assert.ok(consent.left, 'prompt=consent shows the page, whatever was allowed before');
  await consent.swap(await person.press('Continue', { stop: callback }));
}

async function device(t, deputy) {
  const app = await register(deputy, { type: 'public', flags: grants('urn:ietf:params:oauth:grant-type:device_code', 'refresh_token') });
  const config = await discover(deputy, app, oauth.None());
  const begin = async () => {
    const answer = await oauth.initiateDeviceAuthorization(config, { scope: 'mcp:read', resource: notes });
    assert.equal(answer.interval, 5);
    return { ...answer, interval: 0.5 }; // the test has a quicker person
  };
  await t.test('gets its tokens once the person has said yes', async () => {
    const begun = await begin();
    const [tokens, page] = await Promise.all([
      oauth.pollDeviceAuthorizationGrant(config, begun),
      new Person().device(begun.verification_uri_complete, { mine: true }),
    ]);
    assert.equal(tokens.scope, 'mcp:read');
    assert.match(page.root.textContent, /Foreign/);
    await assert.rejects(oauth.pollDeviceAuthorizationGrant(config, begun), refused('invalid_grant'), 'a device code works once');
  });
  await t.test('is told no', async () => {
    const begun = await begin();
    await new Person().device(begun.verification_uri_complete, { mine: false });
    await assert.rejects(oauth.pollDeviceAuthorizationGrant(config, begun), refused('access_denied'));
  });
  await t.test('may not ask for changes', async () => {
    await assert.rejects(oauth.initiateDeviceAuthorization(config, { scope: 'services.github.issues.write' }), refused('invalid_scope'));
  });
}

async function registersItself(deputy) {
  const about = { client_name: 'Registered', redirect_uris: [callback], scope: 'openid profile', grant_types: ['authorization_code', 'refresh_token'], token_endpoint_auth_method: 'none' };
  const config = await oauth.dynamicClientRegistration(new URL(deputy.url), about, oauth.None(), { execute: [oauth.allowInsecureRequests] });
  const registered = config.clientMetadata();
  assert.equal(registered.token_endpoint_auth_method, 'none');
  assert.deepEqual(registered.redirect_uris, [callback]);
  const { request, checks } = await ask(config, { scope: 'openid profile' });
  const tokens = await oauth.authorizationCodeGrant(config, await new Person().approve(request, callback), checks);
  assert.ok(tokens.claims().sub);

  const manage = async (method, body) => {
    const headers = new Headers({ 'content-type': 'application/json' });
    const answer = await oauth.fetchProtectedResource(config, registered.registration_access_token, new URL(registered.registration_client_uri), method, body && JSON.stringify(body), headers);
    return answer.status === 204 ? null : answer.json();
  };
  assert.equal((await manage('GET')).client_name, 'Registered');
  assert.equal((await manage('PUT', { ...about, client_id: registered.client_id, client_name: 'Renamed' })).client_name, 'Renamed');
  assert.equal(await manage('DELETE'), null);
  await assert.rejects(oauth.refreshTokenGrant(config, tokens.refresh_token), (error) => ['invalid_client', 'invalid_grant'].includes(error.error) || error.status === 401, 'with the registration goes what people had allowed');
  await assert.rejects(manage('GET'), (error) => error.status === 401);
}

const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
const accessToken = 'urn:ietf:params:oauth:token-type:access_token';

async function subAgent(deputy) {
  const app = await register(deputy, { flags: grants('authorization_code', 'refresh_token', exchange) });
  const agent = await register(deputy, { flags: grants('client_credentials', exchange) });
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const its = await discover(deputy, agent, oauth.ClientSecretPost(agent.client_secret));
  assert.ok(config.serverMetadata().grant_types_supported.includes(exchange));
  const { request, checks } = await ask(config, { scope: `offline_access ${repositories}` });
  const tokens = await oauth.authorizationCodeGrant(config, await new Person().allowGitHub(request, callback, ['acme/web']), checks);
  const own = await oauth.clientCredentialsGrant(its);

  const handed = await oauth.genericGrantRequest(config, exchange, {
    subject_token: tokens.access_token, subject_token_type: accessToken, actor_token: own.access_token, actor_token_type: accessToken,
    scope: 'services.github.issues.read',
  });
  assert.equal(handed.issued_token_type, accessToken);
  assert.equal(handed.scope, 'services.github.issues.read');
  assert.equal(handed.refresh_token, undefined);
  const about = await oauth.tokenIntrospection(config, handed.access_token);
  assert.equal(about.act.sub, agent.client_id);
  assert.equal(about.client_id, app.client_id);
  assert.equal((await read(deputy, handed.access_token, 'acme/web')).status, 200);
  const code = (token) => fetch(`${deputy.url}/api/github/repos/acme/web/contents/package.json`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await code(tokens.access_token)).status, 200);
  assert.equal((await code(handed.access_token)).status, 403, 'reading code was not handed on');

  const lesser = { subject_token: handed.access_token, subject_token_type: accessToken };
  await assert.rejects(oauth.genericGrantRequest(its, exchange, { ...lesser, scope: repositories }), refused('invalid_scope'), 'never more than there is');
  await assert.rejects(oauth.genericGrantRequest(config, exchange, lesser), refused('invalid_request'), 'the app has handed it on');
  await oauth.tokenRevocation(config, tokens.refresh_token);
  assert.deepEqual(await oauth.tokenIntrospection(config, handed.access_token), { active: false }, 'it ends with what it came from');
}

async function resources(deputy) {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  assert.ok(config.serverMetadata().authorization_details_types_supported.includes('github.repository'));
  const { request, checks } = await ask(config, { scope: repositories });
  const tokens = await oauth.authorizationCodeGrant(config, await new Person().allowGitHub(request, callback, ['acme/web', 'acme/infra']), checks);
  const [web] = tokens.authorization_details;
  assert.deepEqual(Object.keys(web).sort(), ['actions', 'identifier', 'type']);
  const one = await oauth.refreshTokenGrant(config, tokens.refresh_token, { authorization_details: JSON.stringify([web]) });
  assert.deepEqual(one.authorization_details, [web]);
  assert.deepEqual((await oauth.tokenIntrospection(config, one.access_token)).authorization_details, [web]);
  const reached = await Promise.allSettled(['acme/web', 'acme/infra'].map((name) => read(deputy, one.access_token, name)));
  assert.deepEqual(reached.map((r) => r.status).sort(), ['fulfilled', 'rejected'], 'one of the two');
  const bad = JSON.stringify([{ type: 'github.secret', identifier: '1' }]);
  await assert.rejects(oauth.refreshTokenGrant(config, tokens.refresh_token, { authorization_details: bad }), refused('invalid_authorization_details'));
}

async function signOut(deputy) {
  const bye = 'https://app.example/bye';
  const app = await register(deputy, { flags: ['--post-logout-redirect-uri', bye] });
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const person = new Person();
  const { request, checks } = await ask(config, { scope: 'openid profile' });
  const tokens = await oauth.authorizationCodeGrant(config, await person.approve(request, callback), checks);
  const url = oauth.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: bye, state: 'so long' });
  assert.ok(!((await person.open(url, { stop: bye })) instanceof URL), 'the person is asked');
  assert.equal((await oauth.refreshTokenGrant(config, tokens.refresh_token)).scope, tokens.scope);
  const back = await person.press('Sign out', { stop: bye });
  assert.equal(back.searchParams.get('state'), 'so long');
  await assert.rejects(oauth.refreshTokenGrant(config, tokens.refresh_token), refused('invalid_grant'), 'without offline_access it ends with the sign-in');
}
