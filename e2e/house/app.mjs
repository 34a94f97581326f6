// An app of somebody else's, on openid-client: how it is registered, asks, and
// is refused.

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import * as oauth from 'openid-client';

export const callback = 'https://app.example/callback';
export const repositories = 'services.github.repositories.read services.github.issues.read';
export const notes = 'https://notes.example/mcp';

/** register adds an app by command while the server runs. */
export function register(deputy, { type = 'confidential', flags = [] } = {}) {
  return deputy.command(['app', 'create', '--name', 'Foreign', '--publisher', 'Somebody Else', '--redirect-uri', callback, '--type', type, '--json', ...flags]);
}

/** grants are the flags that let an app use these grant types. */
export function grants(...types) { return types.flatMap((type) => ['--grant-type', type]); }

/** registerNotes adds an operator's own API with the scope mcp:read and returns its credentials. */
export async function registerNotes(deputy, ...flags) {
  const api = await deputy.command(['resource-server', 'create', '--identifier', notes, '--scope', 'mcp:read=Read your notes', '--json', ...flags]);
  await listed(deputy, 'mcp:read');
  return api;
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

/** discover returns openid-client's configuration for an app. */
export function discover(deputy, app, authentication, metadata = app.client_secret) {
  return oauth.discovery(new URL(deputy.url), app.client_id, metadata, authentication, { execute: [oauth.allowInsecureRequests] });
}

/** prepare makes the parameters of an authorization request and what is needed to check its answer. */
export async function prepare(parameters) {
  const verifier = oauth.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: oauth.randomState() };
  if (parameters.scope?.includes('openid')) checks.expectedNonce = oauth.randomNonce();
  const all = {
    redirect_uri: callback, code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
    state: checks.expectedState, ...(checks.expectedNonce && { nonce: checks.expectedNonce }), ...parameters,
  };
  return { parameters: all, checks };
}

/** ask is prepare for a request whose parameters are in its address. */
export async function ask(config, parameters) {
  const { parameters: all, checks } = await prepare(parameters);
  return { request: oauth.buildAuthorizationUrl(config, all), checks };
}

/** refused expects an OAuth error answer. */
export function refused(code, status = 400) {
  return (error) => {
    assert.equal(error.error, code, `${error} ${error.error_description ?? ''}`);
    assert.equal(error.status, status);
    assert.ok(error.error_description, 'an error says why, for developers');
    return true;
  };
}

/** denied expects that the app was called back with an OAuth error. */
export function denied(code) {
  return (error) => {
    assert.ok(error instanceof oauth.AuthorizationResponseError, String(error));
    assert.equal(error.error, code, error.error_description);
    return true;
  };
}
