// Clients that others wrote, unchanged, against the broker of the built program:
// Octokit and Slack's client with nothing but another base URL. And an app of the
// years before PKCE.
// (golang.org/x/oauth2 is the client of story.test.mjs and of xoauth2_test.go;
// openid-client and oauth4webapi have files of their own.)

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Octokit } from '@octokit/rest';
import slackClient from '@slack/web-api';
import old from 'oauth';
import * as oauth from 'openid-client';
import { ask, callback, discover, register, repositories } from './house/app.mjs';
import { Person } from './house/person.mjs';
import { databases, demo } from './house/program.mjs';

for (const [database, prepare] of databases) {
  test(`foreign clients, ${database}`, async (t) => {
    const flags = await prepare(t);
    if (!flags) return;
    const deputy = await demo(t, flags);
    await t.test('node-oauth, which is older than PKCE: works once it sends it', () => beforePKCE(deputy));
    await t.test('Octokit: reads what was picked, page by page, and nothing else', () => octokit(deputy));
    await t.test('Octokit: from a branch to a merge, and no further', () => branchToMerge(deputy));
    await t.test("Slack's own client: the channels that were picked, and nothing else", () => slack(deputy));
    await t.test("Slack's own client: it takes back what it posted, and nothing else", () => takesBack(deputy));
  });
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

// What an agent does all day, with the permissions for it and for one repository.
async function branchToMerge(deputy) {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const may = ['repositories.write', 'issues.write', 'pull_requests.write', 'pull_requests.merge', 'actions.run'].map((name) => `services.github.${name}`);
  const { request, checks } = await ask(config, { scope: `${may.join(' ')} agents.writes.unattended` });
  const { access_token: token } = await oauth.authorizationCodeGrant(config, await new Person().allowGitHub(request, callback, ['acme/web']), checks);
  const { rest } = client(deputy, token);
  const web = { owner: 'acme', repo: 'web' };

  const { data: main } = await rest.repos.getBranch({ ...web, branch: 'main' });
  await rest.git.createRef({ ...web, ref: 'refs/heads/fix-footer', sha: main.commit.sha });
  const content = Buffer.from('footer { margin: 0 }\n').toString('base64');
  const change = { ...web, path: 'src/footer.css', message: 'Give the button room', content };
  const { data: put } = await rest.repos.createOrUpdateFileContents({ ...change, branch: 'fix-footer' });
  await assert.rejects(rest.repos.createOrUpdateFileContents({ ...change, branch: 'main' }), { status: 403 });
  const { data: pull } = await rest.pulls.create({ ...web, title: 'Give the button room', body: 'Closes #10.', head: 'fix-footer', base: 'main' });
  const { data: files } = await rest.pulls.listFiles({ ...web, pull_number: pull.number });
  assert.deepEqual(files.map((file) => file.filename), ['src/footer.css']);
  await rest.pulls.createReview({ ...web, pull_number: pull.number, event: 'COMMENT', body: 'Tested on a small phone.' });
  await assert.rejects(rest.pulls.createReview({ ...web, pull_number: pull.number, event: 'APPROVE' }), { status: 400 }, 'nobody approves for the person');
  await rest.actions.createWorkflowDispatch({ ...web, workflow_id: 'ci.yml', ref: 'fix-footer', inputs: { environment: 'staging' } });
  const { data: builds } = await rest.actions.listWorkflowRunsForRepo({ ...web, branch: 'fix-footer' });
  assert.equal(builds.workflow_runs[0].event, 'workflow_dispatch');

  const { data: merged } = await rest.pulls.merge({ ...web, pull_number: pull.number, sha: pull.head.sha, merge_method: 'squash' });
  assert.equal(merged.merged, true);
  await assert.rejects(rest.pulls.merge({ ...web, pull_number: pull.number, sha: pull.head.sha }), { status: 405 }, 'what GitHub says is passed on');
  await rest.issues.createComment({ ...web, issue_number: 10, body: 'Fixed.' });
  const { data: closed } = await rest.issues.update({ ...web, issue_number: 10, state: 'closed', state_reason: 'completed' });
  assert.equal(closed.state, 'closed');
  await assert.rejects(rest.issues.get({ ...web, issue_number: pull.number }), { status: 404 }, 'a pull request is no issue');
  await rest.repos.deleteFile({ ...web, path: 'src/footer.css', message: 'Take it back', sha: put.content.sha, branch: 'fix-footer' });

  const elsewhere = { owner: 'acme', repo: 'api' };
  await assert.rejects(rest.pulls.create({ ...elsewhere, title: 'No', head: 'next', base: 'main' }), { status: 404 });
  await assert.rejects(rest.actions.listRepoSecrets(web), { status: 404 });
  await assert.rejects(rest.actions.downloadWorkflowRunLogs({ ...web, run_id: builds.workflow_runs[0].id }), { status: 404 });
}

// node-oauth is what passport-oauth2 stands on. It knows nothing of PKCE, resource,
// iss or error objects; whoever uses it adds two parameters.
async function beforePKCE(deputy) {
  const app = await register(deputy);
  const client = new old.OAuth2(app.client_id, app.client_secret, deputy.url, '/oauth/authorize', '/oauth/token');
  client.useAuthorizationHeaderforGET(true);
  const plain = { response_type: 'code', redirect_uri: callback, scope: repositories, state: 'of 2012' };
  const without = new Person();
  await without.open(client.getAuthorizeUrl({ ...plain }));
  const told = await without.signIn({ stop: callback });
  assert.equal(told.searchParams.get('error'), 'invalid_request');
  assert.match(told.searchParams.get('error_description'), /PKCE is required: send code_challenge/);
  assert.equal(told.searchParams.get('state'), 'of 2012');

  const verifier = oauth.randomPKCECodeVerifier();
  const challenge = { code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' };
  const back = await new Person().allowGitHub(client.getAuthorizeUrl({ ...plain, ...challenge }), callback, ['acme/web']);
  assert.equal(back.searchParams.get('state'), 'of 2012');
  const swap = (code, parameters) => new Promise((resolve, reject) => {
    client.getOAuthAccessToken(code, parameters, (error, access, refresh) => (error ? reject(error) : resolve({ access, refresh })));
  });
  const first = await swap(back.searchParams.get('code'), { grant_type: 'authorization_code', redirect_uri: callback, code_verifier: verifier });
  const { access } = await swap(first.refresh, { grant_type: 'refresh_token' });
  const read = await new Promise((resolve, reject) => {
    client.get(`${deputy.url}/api/github/repos/acme/web`, access, (error, data) => (error ? reject(error) : resolve(JSON.parse(data))));
  });
  assert.equal(read.full_name, 'acme/web');
  await assert.rejects(swap('no code', { grant_type: 'authorization_code', redirect_uri: callback, code_verifier: verifier }),
    (error) => error.statusCode === 400 && JSON.parse(error.data).error === 'invalid_grant');
}

async function slack(deputy) {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const may = ['channels.read', 'messages.read', 'messages.private.read', 'search.read', 'users.read'].map((name) => `services.slack.${name}`);
  const { request, checks } = await ask(config, { scope: may.join(' ') });
  const back = await new Person().allowSlack(request, callback, { channels: ['#releases'], 'private channels': ['leadership'] });
  const { access_token: token } = await oauth.authorizationCodeGrant(config, back, checks);
  const quiet = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, getLevel() { return 'error'; }, setName() {} };
  const web = new slackClient.WebClient(token, { slackApiUrl: `${deputy.url}/api/slack/`, logger: quiet, retryConfig: { retries: 0 } });

  const { channels } = await web.users.conversations();
  assert.deepEqual(channels.map((channel) => channel.name), ['releases'], 'of four channels the app sees one');
  const { messages } = await web.conversations.history({ channel: channels[0].id, limit: 5 });
  assert.ok(messages.length > 0 && messages.every((message) => message.text));
  const hidden = await web.conversations.history({ channel: 'G01LEADERS' });
  assert.match(hidden.messages[0].text, /budget/, 'a private channel that was picked');
  const found = await web.search.messages({ query: 'the' });
  assert.ok(found.messages.matches.every((match) => match.channel.name === 'releases'), 'nothing is found elsewhere');
  assert.equal(found.messages.total, undefined, 'nor counted');
  const { members } = await web.users.list({});
  assert.ok(members.length > 2 && members.every(({ profile }) => profile.real_name && !profile.email && !profile.phone), 'names, and no addresses');
  await assert.rejects(web.search.messages({ query: 'in:random kettle' }), "Slack's own search language");
  await assert.rejects(web.conversations.history({ channel: 'C01GENERAL' }), 'a channel that was not picked');
  await assert.rejects(web.chat.postMessage({ channel: channels[0].id, text: 'No' }), 'nobody allowed it to write');
  await assert.rejects(web.admin.users.list({ team_id: 'T01NORTHWD' }), 'an operation that Deputy does not have');
}

async function takesBack(deputy) {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const { request, checks } = await ask(config, { scope: 'services.slack.messages.delete services.slack.messages.read agents.writes.unattended' });
  const back = await new Person().allowSlack(request, callback, { channels: ['#releases'] });
  const { access_token: token } = await oauth.authorizationCodeGrant(config, back, checks);
  const quiet = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, getLevel() { return 'error'; }, setName() {} };
  const web = new slackClient.WebClient(token, { slackApiUrl: `${deputy.url}/api/slack/`, logger: quiet, retryConfig: { retries: 0 } });
  const channel = 'C01RELEASE';
  const { messages: before } = await web.conversations.history({ channel });
  const { ts } = await web.chat.postMessage({ channel, text: 'Release 2.5 is out' });
  assert.equal((await web.chat.update({ channel, ts, text: 'Release 2.5 is live' })).text, 'Release 2.5 is live');
  const own = before.find((message) => message.user === 'U01ANA0001');
  await assert.rejects(web.chat.delete({ channel, ts: own.ts }), "the person's own message, that Slack would let go");
  await assert.rejects(web.chat.update({ channel, ts: own.ts, text: 'x' }), "the person's own message");
  assert.equal((await web.chat.delete({ channel, ts })).ts, ts);
  assert.deepEqual((await web.conversations.history({ channel })).messages.map((message) => message.ts), before.map((message) => message.ts));
}

// shape is an answer without what differs each time.
function shape({ status, response }) {
  const { reference, ...data } = response.data;
  if (data.next) data.next = data.next.replace(/need=.*/, (sealed) => `${sealed.length} characters`);
  return { status, data, headers: Object.keys(response.headers).filter((name) => name !== 'date' && name !== 'x-request-id').sort() };
}
