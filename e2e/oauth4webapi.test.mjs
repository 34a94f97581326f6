// oauth4webapi, unchanged, against the built program: the library below
// openid-client, one request and one strictly checked answer at a time. Here are
// keys: client assertions and DPoP; and the answers a loop would hide.

import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { callback, grants, notes, register, registerNotes, repositories } from './house/app.mjs';
import { Person } from './house/person.mjs';
import { databases, demo } from './house/program.mjs';

const plain = { [oauth.allowInsecureRequests]: true };
const code = ['authorization_code', 'refresh_token'];
const deviceCode = 'urn:ietf:params:oauth:grant-type:device_code';

for (const [database, flags] of databases) {
  test(`oauth4webapi, ${database}`, async (t) => {
    const chosen = await flags(t);
    if (!chosen) return;
    const deputy = await demo(t, chosen);
    const api = await registerNotes(deputy);
    const server = await discover(deputy);
    await t.test('discovery, of the server and of its API', () => discovery(deputy, server));
    for (const alg of ['ES256', 'PS256', 'Ed25519', 'RS256']) await t.test(`private_key_jwt with ${alg}`, () => assertions(deputy, server, alg));
    await t.test('DPoP: tokens that work with one key', () => bound(deputy, server));
    await t.test('DPoP: a code that works with one key', () => boundCode(deputy, server));
    await t.test('DPoP: a clock that is wrong', () => wrongClock(deputy, server));
    await t.test('the answers a device gets', () => device(deputy, server));
    await t.test('what revoking ends, and what it leaves', () => revocation(deputy, server, api));
    await t.test('the ID token, and who the person is', () => identity(deputy, server));
  });
}

// discover reads RFC 8414 or, as algorithm, 'oidc': both documents say the same.
async function discover(deputy, algorithm = 'oauth2') {
  const issuer = new URL(deputy.url);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm, ...plain }));
}

// known expects the library's own error for a refusal, which it gives only when
// status, media type and body are as the RFCs have them.
function known(code, status = 400) {
  return (error) => {
    assert.equal(error.code, oauth.RESPONSE_BODY_ERROR, String(error.cause ?? error));
    assert.equal(error.error, code, error.error_description);
    assert.equal(error.status, status);
    return true;
  };
}

// challenged expects a WWW-Authenticate that the library could read.
function challenged(status, scheme, code) {
  return (error) => {
    assert.equal(error.code, oauth.WWW_AUTHENTICATE_CHALLENGE, String(error));
    assert.equal(error.status, status);
    const said = error.cause.find((challenge) => challenge.scheme === scheme);
    assert.ok(said, `a challenge for ${scheme}: ${JSON.stringify(error.cause)}`);
    assert.equal(said.parameters.error, code);
    return true;
  };
}

// unproven expects that the app could not say who it is.
const unproven = challenged(401, 'basic', undefined);

// App is a registered app with one way to say who it is.
class App {
  constructor(server, registered, authentication) {
    Object.assign(this, { server, client: { client_id: registered.client_id }, authentication });
  }

  /** begin returns an authorization request, pushed when asked, and finish, which swaps its answer for tokens. */
  async begin(scope, { push = false, dpop, more = {} } = {}) {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const nonce = scope.includes('openid') ? oauth.generateRandomNonce() : undefined;
    const parameters = {
      client_id: this.client.client_id, redirect_uri: callback, response_type: 'code', scope, state, ...(nonce && { nonce }),
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...more,
    };
    const request = new URL(this.server.authorization_endpoint);
    request.search = new URLSearchParams(push ? await this.#push(parameters, dpop) : parameters);
    const finish = async (back, options = {}) => {
      const answer = oauth.validateAuthResponse(this.server, this.client, back, state);
      const response = await oauth.authorizationCodeGrantRequest(this.server, this.client, this.authentication, answer, callback, verifier, { ...plain, ...options });
      const tokens = await oauth.processAuthorizationCodeResponse(this.server, this.client, response, { expectedNonce: nonce, requireIdToken: Boolean(nonce) });
      if (nonce) await oauth.validateApplicationLevelSignature(this.server, response, plain);
      return tokens;
    };
    return { request, finish };
  }

  async #push(parameters, dpop) {
    const response = await oauth.pushedAuthorizationRequest(this.server, this.client, this.authentication, parameters, { ...plain, DPoP: dpop });
    const { request_uri: uri } = await oauth.processPushedAuthorizationResponse(this.server, this.client, response);
    return { client_id: this.client.client_id, request_uri: uri };
  }

  /** allowed goes the whole way with a person who says yes. */
  async allowed(scope, { person = new Person(), dpop, ...options } = {}) {
    const { request, finish } = await this.begin(scope, { dpop, ...options });
    return finish(await person.approve(request, callback), { DPoP: dpop });
  }

  async refresh(token, dpop) {
    const response = await oauth.refreshTokenGrantRequest(this.server, this.client, this.authentication, token, { ...plain, DPoP: dpop });
    return oauth.processRefreshTokenResponse(this.server, this.client, response);
  }

  async own(parameters, dpop) {
    const response = await oauth.clientCredentialsGrantRequest(this.server, this.client, this.authentication, parameters, { ...plain, DPoP: dpop });
    return oauth.processClientCredentialsResponse(this.server, this.client, response);
  }

  async introspect(token) {
    return oauth.processIntrospectionResponse(this.server, this.client, await oauth.introspectionRequest(this.server, this.client, this.authentication, token, plain));
  }

  async revoke(token) {
    await oauth.processRevocationResponse(await oauth.revocationRequest(this.server, this.client, this.authentication, token, plain));
  }

  async userinfo(token, subject, dpop) {
    const response = await oauth.userInfoRequest(this.server, this.client, token, { ...plain, DPoP: dpop });
    return oauth.processUserInfoResponse(this.server, this.client, subject, response);
  }

  async device(scope, more = {}) {
    const response = await oauth.deviceAuthorizationRequest(this.server, this.client, this.authentication, { scope, ...more }, plain);
    return oauth.processDeviceAuthorizationResponse(this.server, this.client, response);
  }

  async poll(deviceCode) {
    const response = await oauth.deviceCodeGrantRequest(this.server, this.client, this.authentication, deviceCode, plain);
    return oauth.processDeviceCodeResponse(this.server, this.client, response);
  }
}

async function publicApp(deputy, server, ...types) {
  return new App(server, await register(deputy, { type: 'public', flags: grants(...types) }), oauth.None());
}

async function secretApp(deputy, server, authentication = oauth.ClientSecretBasic) {
  const registered = await register(deputy);
  return new App(server, registered, authentication(registered.client_secret));
}

async function discovery(deputy, server) {
  assert.deepEqual(await discover(deputy, 'oidc'), server);
  const other = new URL('http://127.0.0.1');
  other.port = new URL(deputy.url).port;
  await assert.rejects(oauth.processDiscoveryResponse(other, await oauth.discoveryRequest(other, { algorithm: 'oauth2', ...plain })),
    (error) => error.code === oauth.JSON_ATTRIBUTE_COMPARISON, 'another name of the same server is another issuer');
  const api = new URL(`${deputy.url}/api`);
  const about = await oauth.processResourceDiscoveryResponse(api, await oauth.resourceDiscoveryRequest(api, plain));
  assert.deepEqual(about.authorization_servers, [deputy.url]);
}

// signer registers an app that signs with a key of its own. All that a program
// that signs gets of Deputy is the client_id.
async function signer(deputy, server, alg) {
  const { privateKey, publicKey } = await oauth.generateKeyPair(alg, { extractable: true });
  const { alg: _, key_ops: __, ext: ___, ...jwk } = await crypto.subtle.exportKey('jwk', publicKey);
  const file = join(deputy.data, `keys-${alg}.json`);
  await writeFile(file, JSON.stringify({ keys: [{ ...jwk, kid: 'of the app', use: 'sig' }] }));
  const registered = await register(deputy, { flags: ['--jwks', file, '--scope', 'mcp:read', ...grants(...code, 'client_credentials', deviceCode)] });
  assert.equal(registered.client_secret, undefined, 'an app that signs has no secret');
  const key = { key: privateKey, kid: 'of the app' };
  return { app: new App(server, registered, oauth.PrivateKeyJwt(key)), key };
}

async function assertions(deputy, server, alg) {
  assert.ok(server.token_endpoint_auth_signing_alg_values_supported.includes(alg));
  const { app, key } = await signer(deputy, server, alg);
  const tokens = await app.allowed('openid profile offline_access', { push: true });
  const renewed = await app.refresh(tokens.refresh_token);
  assert.equal((await app.introspect(renewed.access_token)).active, true);
  await app.revoke(renewed.access_token);
  assert.deepEqual(await app.introspect(renewed.access_token), { active: false });
  assert.ok((await app.device('mcp:read', { resource: notes })).device_code);

  const own = { scope: 'mcp:read', resource: notes };
  const signing = (change, with_ = key) => {
    const other = new App(server, app.client, oauth.PrivateKeyJwt(with_, { [oauth.modifyAssertion]: (_, payload) => Object.assign(payload, change) }));
    return other.own(own);
  };
  const jti = crypto.randomUUID();
  await signing({ jti });
  await assert.rejects(signing({ jti }), unproven, 'an assertion counts once');
  await assert.rejects(signing({ aud: server.token_endpoint }), unproven, 'RFC 10070: the issuer, not an endpoint');
  await assert.rejects(signing({ aud: [server.issuer, 'https://other.example'] }), unproven, 'nor two servers');
  await assert.rejects(signing({ exp: 1 }), unproven);
  const { privateKey } = await oauth.generateKeyPair(alg);
  await assert.rejects(signing({}, { key: privateKey, kid: 'of the app' }), unproven, 'somebody else signed');
}

async function proof(alg = 'ES256', clock) {
  const client = clock ? { [oauth.clockSkew]: clock } : {};
  return oauth.DPoP(client, await oauth.generateKeyPair(alg));
}

// read calls the broker.
function read(deputy, token, dpop) {
  return oauth.protectedResourceRequest(token, 'GET', new URL(`${deputy.url}/api/github/repos/acme/web`), undefined, null, { ...plain, DPoP: dpop });
}

async function bound(deputy, server) {
  const app = await publicApp(deputy, server, ...code);
  const [mine, stolen] = [await proof(), await proof()];
  const { request, finish } = await app.begin(`openid profile offline_access ${repositories}`);
  const tokens = await finish(await new Person().allowGitHub(request, callback, ['acme/web']), { DPoP: mine });
  assert.equal(tokens.token_type, 'dpop');
  const subject = oauth.getValidatedIdTokenClaims(tokens).sub;
  assert.equal((await app.userinfo(tokens.access_token, subject, mine)).sub, subject);
  await assert.rejects(app.userinfo(tokens.access_token, subject, stolen), challenged(401, 'dpop', 'invalid_token'));
  await assert.rejects(app.userinfo(tokens.access_token, subject), challenged(401, 'bearer', 'invalid_token'));
  assert.equal((await (await read(deputy, tokens.access_token, mine)).json()).full_name, 'acme/web');
  await assert.rejects(read(deputy, tokens.access_token, stolen), challenged(401, 'dpop', 'invalid_token'));
  await assert.rejects(read(deputy, tokens.access_token), (error) => error.status === 401);

  const renewed = await app.refresh(tokens.refresh_token, mine);
  assert.equal(renewed.token_type, 'dpop');
  assert.equal(renewed.refresh_token ?? tokens.refresh_token, tokens.refresh_token, 'what is bound to a key need not change');
  await assert.rejects(app.refresh(tokens.refresh_token, stolen), known('invalid_grant'));
  await assert.rejects(app.refresh(tokens.refresh_token), known('invalid_grant'));
  assert.ok((await app.refresh(tokens.refresh_token, mine)).access_token, 'and trying with other keys has ended nothing');
}

async function boundCode(deputy, server) {
  const app = await secretApp(deputy, server);
  for (const push of [true, false]) {
    const [mine, stolen] = [await proof('Ed25519'), await proof()];
    const more = push ? {} : { dpop_jkt: await mine.calculateThumbprint() };
    const { request, finish } = await app.begin('profile', { push, dpop: push ? mine : undefined, more });
    const back = await new Person().approve(request, callback);
    await assert.rejects(finish(back, { DPoP: stolen }), known('invalid_grant'), 'a code for another key');
    const again = await app.begin('profile', { push, dpop: push ? mine : undefined, more });
    const tokens = await again.finish(await new Person().approve(again.request, callback), { DPoP: mine });
    const seen = await app.introspect(tokens.access_token);
    assert.equal(seen.token_type, 'DPoP');
    assert.equal(seen.cnf.jkt, await mine.calculateThumbprint());
  }
  const dpop = await proof();
  await assert.rejects(app.begin('profile', { push: true, dpop, more: { dpop_jkt: await (await proof()).calculateThumbprint() } }), known('invalid_dpop_proof'));
}

async function wrongClock(deputy, server) {
  const app = await secretApp(deputy, server);
  const tokens = await app.allowed('openid profile offline_access');
  for (const skew of [-3600, 3600]) {
    const dpop = await proof('ES256', skew);
    const nonce = await app.refresh(tokens.refresh_token, dpop).catch((error) => error);
    assert.equal(oauth.isDPoPNonceError(nonce), true, 'a clock an hour off is given a nonce');
    const renewed = await app.refresh(tokens.refresh_token, dpop);
    assert.equal(renewed.token_type, 'dpop', 'and then works');
    const { sub } = oauth.getValidatedIdTokenClaims(tokens);
    assert.equal((await app.userinfo(renewed.access_token, sub, dpop)).sub, sub, 'with the nonce it has, at every endpoint');
  }
}

async function device(deputy, server) {
  const app = await publicApp(deputy, server, deviceCode, 'refresh_token');
  const other = await publicApp(deputy, server, deviceCode);
  const begun = await app.device('mcp:read', { resource: notes });
  assert.match(begun.user_code, /^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
  await assert.rejects(app.poll(begun.device_code), known('authorization_pending'));
  await assert.rejects(app.poll(begun.device_code), known('slow_down'));
  await assert.rejects(other.poll(begun.device_code), known('invalid_grant'), "another app's code");
  await new Person().device(begun.verification_uri_complete, { mine: true });
  const tokens = await app.poll(begun.device_code);
  assert.equal(tokens.scope, 'mcp:read');
  assert.ok((await app.refresh(tokens.refresh_token)).access_token);

  const refused = await app.device('mcp:read', { resource: notes });
  await new Person().device(refused.verification_uri_complete, { mine: false });
  await assert.rejects(app.poll(refused.device_code), known('access_denied'));
  await assert.rejects(app.poll('dpd_nothing'), known('invalid_grant'));
  const browsers = await publicApp(deputy, server, ...code);
  await assert.rejects(browsers.device('mcp:read'), known('unauthorized_client'));
}

async function revocation(deputy, server, api) {
  const [app, other] = [await secretApp(deputy, server), await secretApp(deputy, server, oauth.ClientSecretPost)];
  const guard = new App(server, api, oauth.ClientSecretBasic(api.client_secret));
  const mine = await app.allowed('mcp:read offline_access', { more: { resource: notes } });
  const theirs = await other.allowed('mcp:read offline_access', { more: { resource: notes } });
  const active = async (token) => (await guard.introspect(token)).active;

  await assert.rejects(other.revoke(mine.access_token), known('unauthorized_client'));
  await assert.rejects(other.revoke(mine.refresh_token), known('unauthorized_client'));
  assert.equal(await active(mine.access_token), true, "another app's revocation ends nothing");
  await app.revoke('no token at all');

  const second = await app.refresh(mine.refresh_token);
  await app.revoke(mine.access_token);
  assert.equal(await active(mine.access_token), false);
  assert.equal(await active(second.access_token), true, 'an access token goes alone');
  await app.revoke(mine.refresh_token);
  assert.equal(await active(second.access_token), false, 'a refresh token takes along what came of it');
  await assert.rejects(app.refresh(mine.refresh_token), known('invalid_grant'));
  assert.equal(await active(theirs.access_token), true);
  const seen = await other.introspect(theirs.access_token);
  assert.equal(seen.active, true, 'an app may ask about its own tokens');
  assert.equal((await app.introspect(theirs.access_token)).active, false, 'and no others');
  const anybody = await publicApp(deputy, server, ...code);
  await assert.rejects(anybody.introspect(theirs.access_token), unproven);
}

async function identity(deputy, server) {
  const app = await secretApp(deputy, server);
  const tokens = await app.allowed('openid email');
  const { sub, aud, iss } = oauth.getValidatedIdTokenClaims(tokens);
  assert.deepEqual({ aud, iss }, { aud: app.client.client_id, iss: deputy.url });
  assert.deepEqual(await app.userinfo(tokens.access_token, sub), { sub, email: 'ana@example.com' }, 'no name: nobody asked for it');
  await assert.rejects(app.userinfo(tokens.access_token, 'user_else'), (error) => error.code === oauth.JSON_ATTRIBUTE_COMPARISON);
  await assert.rejects(app.userinfo('dpa_nothing', sub), challenged(401, 'bearer', 'invalid_token'));

  const { request, finish } = await app.begin('openid email');
  const back = await new Person().approve(request, callback);
  const elsewhere = new URL(back);
  elsewhere.searchParams.set('iss', 'https://other.example');
  await assert.rejects(finish(elsewhere), (error) => error.code === oauth.INVALID_RESPONSE, 'RFC 9207: an answer of another server');
  elsewhere.searchParams.delete('iss');
  await assert.rejects(finish(elsewhere), (error) => error.code === oauth.INVALID_RESPONSE, 'or one that does not say');
  assert.ok((await finish(back)).id_token);
}
