// Providers that nobody here wrote: Deputy connects to emulate's GitHub, Google and
// Slack, and their own clients call them through the broker.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { auth, calendar } from '@googleapis/calendar';
import { drive } from '@googleapis/drive';
import { gmail } from '@googleapis/gmail';
import { Octokit } from '@octokit/rest';
import slackClient from '@slack/web-api';
import * as oauth from 'openid-client';
import { ask, callback, discover, register } from './house/app.mjs';
import { emulate } from './house/emulate.mjs';
import { Person } from './house/person.mjs';
import { ana, databases, serve } from './house/program.mjs';

for (const [database, prepare] of databases) {
  test(`emulate, ${database}`, async (t) => {
    const flags = await prepare(t);
    if (!flags) return;
    const deputy = await serve(t, [...flags, '--allow-loopback', '--warn-about', 'none']);
    await deputy.command(['user', 'create', '--email', ana.email, '--name', 'Ana', '--password-stdin'], ana.password);
    await t.test('GitHub', async () => github(deputy, await emulate(t, 'github', githubContent(deputy))));
    await t.test('Google', async () => google(deputy, await emulate(t, 'google', googleContent(deputy))));
    await t.test('Slack', async () => slack(deputy, await emulate(t, 'slack', slackContent(deputy))));
  });
}

const client = { client_id: 'deputy', client_secret: 'a-secret-between-two' };

// connected registers Deputy at a provider and returns a person's token for an app
// with these scopes on what is picked.
async function connected(deputy, { provider, name, who, settings, scopes, picks }) {
  await deputy.command(['provider', 'set', provider, '--client-id', client.client_id, '--client-secret-stdin', '--allow-loopback', ...settings], client.client_secret);
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const { request, checks } = await ask(config, { scope: scopes.map((scope) => scope.startsWith('agents.') ? scope : `services.${provider}.${scope}`).join(' ') });
  const person = new Person();
  const back = await person.allowAt(name, request, callback, picks, () => choose(person, who));
  const { access_token } = await oauth.authorizationCodeGrant(config, back, checks);
  return access_token;
}

// choose presses the button with which emulate lets anybody be this person.
function choose(person, who) {
  const found = person.page.root.querySelectorAll('button').find((button) => button.textContent.includes(who));
  assert.ok(found, `${who} among the people:\n${person.text()}`);
  return person.press(found.textContent.trim());
}

function githubContent(deputy) {
  return {
    users: [{ login: 'octocat', name: 'The Octocat', email: 'octocat@github.example' }],
    repos: ['web', 'infra', 'hello-world'].map((name) => ({ owner: 'octocat', name, private: true })),
    oauth_apps: [{ ...client, name: 'Deputy', redirect_uris: [`${deputy.url}/connect/github/callback`] }],
  };
}

async function github(deputy, url) {
  const token = await connected(deputy, {
    provider: 'github', name: 'GitHub', who: 'octocat', settings: ['--web-url', url, '--api-url', url],
    scopes: ['repositories.write', 'issues.write', 'agents.writes.unattended'], picks: { repositories: ['octocat/web'] },
  });
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const { rest, paginate } = new Octokit({ baseUrl: `${deputy.url}/api/github`, auth: token, log, retry: { enabled: false } });
  const web = { owner: 'octocat', repo: 'web' };

  assert.equal((await rest.repos.get(web)).data.full_name, 'octocat/web');
  assert.deepEqual((await paginate(rest.repos.listForAuthenticatedUser, { per_page: 1 })).map((r) => r.name), ['web'], 'one of three');
  for (const title of ['One', 'Two', 'Three']) await rest.issues.create({ ...web, title });
  const { data: first } = await rest.issues.listForRepo({ ...web, per_page: 2 });
  assert.equal(first.length, 2);
  const all = await paginate(rest.issues.listForRepo, { ...web, per_page: 2 });
  assert.deepEqual(all.map((issue) => issue.title).sort(), ['One', 'Three', 'Two']);
  await rest.issues.createComment({ ...web, issue_number: 1, body: 'Seen.' });
  const { data: closed } = await rest.issues.update({ ...web, issue_number: 1, state: 'closed' });
  assert.equal(closed.state, 'closed');

  const { data: readme } = await rest.repos.getReadme(web);
  assert.match(Buffer.from(readme.content, 'base64').toString(), /web/);
  const { data: commits } = await rest.repos.listCommits(web);
  assert.equal((await rest.repos.getCommit({ ...web, ref: 'main' })).data.sha, commits[0].sha);
  assert.deepEqual((await rest.repos.listBranches(web)).data.map((branch) => branch.name), ['main']);
  const change = { ...web, path: 'footer.css', message: 'No', content: Buffer.from('x').toString('base64') };
  await assert.rejects(rest.repos.createOrUpdateFileContents({ ...change, branch: 'main' }), { status: 403 }, 'the main branch is left alone');

  const shape = ({ status, response }) => [status, JSON.stringify(response.data).replace(/"reference":"[^"]*"|need=[^"]*|"identifier":"[^"]*"/g, '')];
  const [hidden, absent] = await Promise.all(['infra', 'no-such-thing'].map((repo) => rest.repos.get({ owner: 'octocat', repo }).catch(shape)));
  assert.equal(hidden[0], 404);
  assert.deepEqual(hidden, absent, 'what was not picked looks like what does not exist');
  await assert.rejects(rest.issues.create({ owner: 'octocat', repo: 'infra', title: 'No' }), { status: 404 });
  await assert.rejects(rest.repos.delete(web), { status: 404 });
}

const box = 'ana@northwind.example';
const team = 'team@group.calendar.google.com';

function googleContent(deputy) {
  const folder = 'application/vnd.google-apps.folder';
  const event = (id, calendar_id, summary, day) => ({ id, user_email: box, calendar_id, summary, start_date_time: `2031-01-${day}T10:00:00Z`, end_date_time: `2031-01-${day}T11:00:00Z` });
  const mail = (id, subject, label_ids) => ({ id, user_email: box, from: 'ben@northwind.example', to: box, subject, body_text: `${subject}, in full.`, label_ids });
  return {
    users: [{ email: box, name: 'Ana' }],
    oauth_clients: [{ ...client, name: 'Deputy', redirect_uris: ['google', 'gmail'].map((name) => `${deputy.url}/connect/${name}/callback`) }],
    calendars: [
      { id: 'primary', user_email: box, summary: 'Private', primary: true, selected: true, time_zone: 'UTC' },
      { id: team, user_email: box, summary: 'Team', selected: true, time_zone: 'UTC' },
    ],
    calendar_events: [event('dentist', 'primary', 'Dentist', '10'), event('standup', team, 'Stand-up', '11'), event('relaunch', team, 'Relaunch', '12')],
    drive_items: [
      { id: 'projects_folder', user_email: box, name: 'Projects', mime_type: folder, parent_ids: ['0AAnasOwnDriveUk9PVA'] },
      { id: 'private_folder', user_email: box, name: 'Private', mime_type: folder, parent_ids: ['0AAnasOwnDriveUk9PVA'] },
    ],
    labels: [{ id: 'Label_ops', user_email: box, name: 'Operations' }],
    messages: [mail('18c0000000000001', 'Deployed', ['INBOX', 'Label_ops']), mail('18c0000000000002', 'Your salary', ['INBOX'])],
  };
}

async function google(deputy, url) {
  const settings = ['--web-url', url, '--api-url', url, '--host', `token=${url}/oauth2`];
  const token = await connected(deputy, {
    provider: 'google', name: 'Google', who: box, settings, picks: { calendars: ['Team'], folders: ['Projects'] },
    scopes: ['calendar.events.read', 'calendar.events.write', 'calendar.events.delete', 'drive.files.read', 'drive.files.write', 'agents.writes.unattended'],
  });
  await planning(calendar({ version: 'v3', auth: bearer(token), retry: false }).events, { rootUrl: `${deputy.url}/api/google/` });
  await filing(drive({ version: 'v3', auth: bearer(token), retry: false }).files, { rootUrl: `${deputy.url}/api/google/` });
  const mail = await connected(deputy, { provider: 'gmail', name: 'Gmail', who: box, settings: [...settings, '--host', `people=${url}`], picks: { labels: ['Operations'] }, scopes: ['messages.read'] });
  await reading(gmail({ version: 'v1', auth: bearer(mail), retry: false }).users, { rootUrl: `${deputy.url}/api/gmail/` });
}

function bearer(access_token) {
  const client = new auth.OAuth2();
  client.setCredentials({ access_token });
  return client;
}

async function planning(events, there) {
  const { data: { items } } = await events.list({ calendarId: team }, there);
  assert.deepEqual(items.map((event) => event.summary).sort(), ['Relaunch', 'Stand-up']);
  const requestBody = { summary: 'Planning', start: { dateTime: '2031-01-13T10:00:00Z' }, end: { dateTime: '2031-01-13T11:00:00Z' } };
  const { data: made } = await events.insert({ calendarId: team, requestBody }, there);
  assert.equal(made.summary, 'Planning');
  assert.equal((await events.list({ calendarId: team }, there)).data.items.length, 3);
  assert.equal((await events.delete({ calendarId: team, eventId: made.id }, there)).status, 204);
  await assert.rejects(events.list({ calendarId: 'primary' }, there), { status: 404 }, 'her own');
  await assert.rejects(events.insert({ calendarId: team, requestBody: { ...requestBody, attendees: [{ email: 'carla@customer.example' }] } }, there), { status: 400 });
}

async function filing(files, there) {
  const { data: { files: before } } = await files.list({ q: "'projects_folder' in parents and trashed = false" }, there);
  assert.deepEqual(before, []);
  const { data: notes } = await files.create({ requestBody: { name: 'notes.txt', parents: ['projects_folder'] }, media: { mimeType: 'text/plain', body: 'Monday at ten.\n' } }, there);
  const { data: { files: after } } = await files.list({ q: "'projects_folder' in parents and trashed = false" }, there);
  assert.deepEqual(after.map((file) => file.name), ['notes.txt']);
  const { data: content } = await files.get({ fileId: notes.id, alt: 'media' }, { ...there, responseType: 'text' });
  assert.equal(content, 'Monday at ten.\n');
  await assert.rejects(files.list({ q: "'private_folder' in parents" }, there), { status: 404 });
  await assert.rejects(files.create({ requestBody: { name: 'x', parents: ['private_folder'] } }, there), { status: 404 });
}

async function reading(users, there) {
  const { data: { labels } } = await users.labels.list({ userId: 'me' }, there);
  assert.deepEqual(labels.map((label) => label.name), ['Operations']);
  const { data: { messages } } = await users.messages.list({ userId: 'me', labelIds: ['Label_ops'] }, there);
  assert.deepEqual(messages.map((message) => message.id), ['18c0000000000001']);
  const { data: { payload } } = await users.messages.get({ userId: 'me', id: '18c0000000000001' }, there);
  assert.equal(payload.headers.find((header) => header.name === 'Subject').value, 'Deployed');
  await assert.rejects(users.messages.get({ userId: 'me', id: '18c0000000000002' }, there), { status: 404 });
  await assert.rejects(users.messages.trash({ userId: 'me', id: '18c0000000000001' }, there), { status: 404 });
}

function slackContent(deputy) {
  return {
    team: { name: 'Northwind', domain: 'northwind' },
    users: [{ name: 'ana', real_name: 'Ana', email: box }, { name: 'ben', real_name: 'Ben', email: 'ben@northwind.example' }],
    channels: [{ name: 'releases', topic: 'What is out' }, { name: 'random', topic: 'Anything' }],
    oauth_apps: [{ ...client, app_id: 'A000000001', name: 'Deputy', redirect_uris: [`${deputy.url}/connect/slack/callback`], scopes: ['chat:write'], bot_name: 'deputy' }],
    strict_scopes: true,
  };
}

async function slack(deputy, url) {
  const token = await connected(deputy, {
    provider: 'slack', name: 'Slack', who: 'ana', settings: ['--variant', 'user_scope', '--web-url', url, '--api-url', `${url}/api`], picks: { channels: ['#releases'] },
    scopes: ['channels.read', 'messages.read', 'messages.write', 'users.read', 'agents.writes.unattended'],
  });
  const silent = { debug() {}, info() {}, warn() {}, error() {}, setLevel() {}, setName() {}, getLevel: () => 'error' };
  const web = new slackClient.WebClient(token, { slackApiUrl: `${deputy.url}/api/slack/`, logger: silent, retryConfig: { retries: 0 } });
  const { channels } = await web.conversations.list();
  assert.deepEqual(channels.map((channel) => channel.name), ['releases']);
  const [{ id: channel }] = channels;
  const { ts } = await web.chat.postMessage({ channel, text: 'Version 2 is out.' });
  await web.chat.postMessage({ channel, text: 'With pictures.', thread_ts: ts });
  const { messages } = await web.conversations.history({ channel });
  assert.equal(messages[0].text, 'Version 2 is out.');
  assert.equal((await web.conversations.replies({ channel, ts })).messages.length, 2);
  const { members } = await web.users.list();
  const me = members.find((member) => member.id === messages[0].user);
  assert.equal(me.name, 'ana', 'posted as the person and not as the bot');
  assert.ok(members.every((member) => !member.profile?.email), 'nobody is told an address');
  await assert.rejects(web.conversations.history({ channel: 'C0000000000' }), { statusCode: 404 });
  await assert.rejects(web.conversations.create({ name: 'secret' }), { statusCode: 404 }, 'an operation that Deputy does not have');
}
