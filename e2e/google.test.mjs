// Google's own clients, unchanged, against the broker of the built program: nothing
// but another root address, and a Deputy token. The address stands in each call's
// second argument: of one that is set on the client, the library drops the path.

import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { auth, calendar } from '@googleapis/calendar';
import { drive } from '@googleapis/drive';
import { gmail } from '@googleapis/gmail';
import * as oauth from 'openid-client';
import { ask, callback, discover, register } from './house/app.mjs';
import { Person } from './house/person.mjs';
import { databases, demo } from './house/program.mjs';

// What the simulated Google always has.
const team = 'c_team0northwind@group.calendar.google.com';
const [projects, relaunch, plan, notes, secret, diary] = ['1AnaProjectsFolder', '1AnaRelaunchFolder', '1AnaRelaunchPlanDoc', '1AnaMeetingNotesTxt', '1AnaPrivateFolder', '1AnaDiaryDoc'].map((id) => id.padEnd(34, '0'));

for (const [database, prepare] of databases) {
  test(`@googleapis, ${database}`, async (t) => {
    const flags = await prepare(t);
    if (!flags) return;
    const deputy = await demo(t, flags);
    await t.test('calendar: the events of the calendar that was picked, and no other', () => events(deputy));
    await t.test('calendar: adds, changes and takes away', () => planning(deputy));
    await t.test('drive: the files of the folder that was picked, and no others', () => files(deputy));
    await t.test('drive: creates, uploads, renames and bins', () => filing(deputy));
    await t.test('gmail: the mails under the labels that were picked, and no others', () => mails(deputy));
    await t.test('gmail: who wrote them, without what', () => heads(deputy));
    await t.test('gmail: writes drafts, changes its own and sends nothing', () => drafts(deputy));
  });
}

// through adds the address to each call of a client.
function through(client, rootUrl) {
  return new Proxy({}, {
    get(_, name) {
      const found = client[name];
      if (typeof found === 'function') return (params = {}, more = {}) => client[name](params, { rootUrl, ...more });
      return typeof found === 'object' ? through(found, rootUrl) : found;
    },
  });
}

// allowed makes a client with a token for these permissions on what is picked.
async function allowed(api, deputy, names, picks, more = '', provider = 'google') {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const { request, checks } = await ask(config, { scope: `${names.map((name) => `services.${provider}.${name}`).join(' ')} ${more}`.trim() });
  const back = await new Person().allowGoogle(request, callback, picks, { google: 'Google', gmail: 'Gmail' }[provider]);
  const { access_token } = await oauth.authorizationCodeGrant(config, back, checks);
  const client = new auth.OAuth2();
  client.setCredentials({ access_token });
  return through(api({ version: provider === 'gmail' ? 'v1' : 'v3', auth: client, retry: false }), `${deputy.url}/api/${provider}/`);
}

// alike asserts that what was not picked looks like what does not exist.
async function alike(hidden, absent) {
  const [one, other] = await Promise.all([hidden, absent].map((call) => call.catch((error) => error)));
  assert.equal(one.status, 404);
  const shape = ({ response }) => JSON.stringify(response.data).replace(/"reference":"[^"]*"|need=[^"]*|"identifier":"[^"]*"/g, '');
  assert.equal(shape(one), shape(other));
}

async function events(deputy) {
  const google = await allowed(calendar, deputy, ['account.read', 'calendar.events.read'], { calendars: ['Team'] });
  const { data: { items: mine } } = await google.calendarList.list({});
  assert.deepEqual(mine.map((c) => c.summary), ['Team'], 'one of four calendars');
  const { data: first } = await google.events.list({ calendarId: team, maxResults: 1, singleEvents: true, orderBy: 'startTime', fields: 'items(summary),nextPageToken' });
  assert.equal(first.items[0].summary, 'Stand-up');
  const { data: second } = await google.events.list({ calendarId: team, maxResults: 1, singleEvents: true, orderBy: 'startTime', fields: 'items(summary),nextPageToken', pageToken: first.nextPageToken });
  assert.deepEqual([second.items[0].summary, second.nextPageToken], ['Relaunch', undefined]);
  const { data: event } = await google.events.get({ calendarId: team, eventId: 'standup0000000001' });
  assert.equal(event.status, 'confirmed');
  const { data: found } = await google.events.list({ calendarId: team, q: 'relaunch' });
  assert.equal(found.items.length, 1);
  const now = Date.now();
  const { data: busy } = await google.freebusy.query({ requestBody: { timeMin: new Date(now).toISOString(), timeMax: new Date(now + 30 * 86400e3).toISOString(), items: [{ id: team }, { id: 'ana@northwind.example' }] } });
  assert.deepEqual(Object.keys(busy.calendars), [team]);
  assert.equal(busy.calendars[team].busy.length, 2);

  await alike(google.events.list({ calendarId: 'ana@northwind.example' }), google.events.list({ calendarId: 'nobody@northwind.example' }));
  await assert.rejects(google.events.list({ calendarId: 'primary' }), { status: 404 }, 'her own calendar by its other name');
  await assert.rejects(google.events.list({ calendarId: team, pageToken: 'c3RhbmR1cA' }), { status: 400 }, "a page token of Google's");
  await assert.rejects(google.acl.list({ calendarId: team }), { status: 404 }, 'who else can see it');
  await assert.rejects(google.events.delete({ calendarId: team, eventId: 'standup0000000001' }), { status: 403 }, 'nobody allowed that');
}

async function planning(deputy) {
  const google = await allowed(calendar, deputy, ['calendar.events.write', 'calendar.events.delete'], { calendars: ['Team'] }, 'agents.writes.unattended');
  const requestBody = { id: 'plan01', summary: 'Planning', start: { dateTime: '2031-01-01T10:00:00Z' }, end: { dateTime: '2031-01-01T11:00:00Z' } };
  const { data: made } = await google.events.insert({ calendarId: team, sendUpdates: 'none', requestBody });
  assert.equal(made.summary, 'Planning');
  await assert.rejects(google.events.insert({ calendarId: team, requestBody }), (error) => error.status === 409 && error.response.data.error.errors[0].reason === 'duplicate', 'twice the same');
  const { data: changed } = await google.events.patch({ calendarId: team, eventId: 'plan01', requestBody: { location: 'Kitchen' } });
  assert.deepEqual([changed.summary, changed.location], ['Planning', 'Kitchen']);
  await assert.rejects(google.events.insert({ calendarId: team, requestBody: { ...requestBody, id: 'plan02', attendees: [{ email: 'carla@customer.example' }] } }), { status: 400 }, 'inviting somebody');
  await assert.rejects(google.events.insert({ calendarId: 'primary', requestBody: { ...requestBody, id: 'plan03' } }), { status: 404 });
  assert.equal((await google.events.delete({ calendarId: team, eventId: 'plan01' })).status, 204);
  await assert.rejects(google.calendars.delete({ calendarId: team }), { status: 404 });
}

async function files(deputy) {
  const google = await allowed(drive, deputy, ['drive.files.read'], { folders: ['Projects'] });
  const q = `'${projects}' in parents and trashed = false`;
  const names = [];
  let pageToken;
  do {
    const { data } = await google.files.list({ q, orderBy: 'name', pageSize: 1, fields: 'nextPageToken, files(id, name)', pageToken });
    names.push(...data.files.map((f) => f.name));
    assert.ok(data.files.every((f) => !f.permissions && !f.owners), 'nobody else is named');
    pageToken = data.nextPageToken;
  } while (pageToken);
  assert.deepEqual(names, ['Diary', 'Meeting notes.txt', 'Website relaunch'], 'the diary is a shortcut');
  const { data: deep } = await google.files.get({ fileId: plan, fields: 'id,name,permissions,exportLinks' });
  assert.deepEqual([deep.name, deep.permissions, deep.exportLinks], ['Relaunch plan', undefined, undefined]);
  const { data: text } = await google.files.export({ fileId: plan, mimeType: 'text/markdown' }, { responseType: 'text' });
  assert.match(text, /^# Relaunch plan/);
  const { data: content } = await google.files.get({ fileId: notes, alt: 'media' }, { responseType: 'text' });
  assert.equal(content, 'Ana and Ben met on Monday.\n');
  const { data: { files: found } } = await google.files.list({ q: `'${relaunch}' in parents and name contains 'logo'` });
  assert.deepEqual(found.map((f) => f.name), ['logo.svg']);

  await alike(google.files.get({ fileId: diary }), google.files.get({ fileId: 'nothing'.padEnd(34, '0') }));
  await assert.rejects(google.files.export({ fileId: diary, mimeType: 'text/plain' }), { status: 404 });
  await assert.rejects(google.files.list({ q: `'${secret}' in parents` }), { status: 404 });
  await assert.rejects(google.files.list({ q: "fullText contains 'reads'" }), { status: 400 }, 'a search of everything');
  await assert.rejects(google.files.update({ fileId: notes, requestBody: { name: 'x' } }), { status: 403 });
  await assert.rejects(google.permissions.list({ fileId: notes }), { status: 404 });
}

async function filing(deputy) {
  const google = await allowed(drive, deputy, ['drive.files.write', 'drive.files.trash'], { folders: ['Projects'] }, 'agents.writes.unattended');
  const { data: folder } = await google.files.create({ requestBody: { name: 'Pictures', mimeType: 'application/vnd.google-apps.folder', parents: [relaunch] }, fields: 'id' });
  const { data: inside } = await google.files.create({ requestBody: { name: 'List', mimeType: 'application/vnd.google-apps.document', parents: [folder.id] } });
  const { data: renamed } = await google.files.update({ fileId: inside.id, requestBody: { name: 'List of pictures' } });
  assert.equal(renamed.name, 'List of pictures');
  const { data: list } = await google.files.create({ requestBody: { name: 'boxes.txt', parents: [folder.id] }, media: { mimeType: 'text/plain', body: 'Four boxes\n' }, fields: 'id,size' });
  assert.equal(list.size, '11');
  await google.files.update({ fileId: list.id, requestBody: {}, media: { mimeType: 'text/plain', body: Readable.from(['Five ', 'boxes\n']) } });
  const { data: content } = await google.files.get({ fileId: list.id, alt: 'media' }, { responseType: 'text' });
  assert.equal(content, 'Five boxes\n');
  await assert.rejects(google.files.create({ requestBody: { name: 'x', parents: [secret] }, media: { mimeType: 'text/plain', body: 'x' } }), { status: 404 });
  const { data: binned } = await google.files.update({ fileId: folder.id, requestBody: { trashed: true } });
  assert.equal(binned.trashed, true);
  await assert.rejects(google.files.update({ fileId: diary, requestBody: { trashed: true } }), { status: 404 });
  await assert.rejects(google.files.update({ fileId: notes, addParents: secret, removeParents: projects, requestBody: {} }), { status: 400 }, 'moving it out');
  await assert.rejects(google.files.create({ requestBody: { name: 'x', parents: [secret] } }), { status: 404 });
  await assert.rejects(google.files.delete({ fileId: notes }), { status: 404 }, 'deleting for good');
  await assert.rejects(google.permissions.create({ fileId: notes, requestBody: { role: 'reader', type: 'anyone' } }), { status: 404 }, 'sharing');
}

async function mails(deputy) {
  const { users } = await allowed(gmail, deputy, ['messages.read'], { labels: ['Customers', 'Receipts'] }, '', 'gmail');
  const userId = 'me';
  const { data: { labels } } = await users.labels.list({ userId });
  assert.deepEqual(labels.map((label) => label.name), ['Customers', 'Receipts'], 'two of eleven labels');
  const [customers, receipts] = labels.map((label) => label.id);
  const { data: { messages: [{ id }] } } = await users.messages.list({ userId, labelIds: [receipts], q: 'from:billing subject:receipt' });
  const { data: mail } = await users.messages.get({ userId, id });
  assert.equal(mail.payload.headers.find((header) => header.name === 'Subject').value, 'Your receipt');
  const { data: file } = await users.messages.attachments.get({ userId, messageId: id, id: mail.payload.parts[1].body.attachmentId });
  assert.equal(Buffer.from(file.data, 'base64url').toString(), 'Paper, 20 boxes: 42.00\n');
  const { data: { threads: [thread] } } = await users.threads.list({ userId, labelIds: [customers] });
  const { data: { messages: [order] } } = await users.threads.get({ userId, id: thread.id, format: 'full' });
  assert.equal(Buffer.from(order.payload.body.data, 'base64url').toString(), 'Where is my order?\n');

  await alike(users.messages.get({ userId, id: '18c0000000000001' }), users.messages.get({ userId, id: '18cffffffffffffff' }));
  await alike(users.messages.list({ userId, labelIds: ['INBOX'] }), users.messages.list({ userId, labelIds: ['Label_99'] }));
  await assert.rejects(users.messages.list({ userId, q: 'code' }), { status: 400 }, 'all mail');
  await assert.rejects(users.messages.list({ userId, labelIds: [customers], q: 'in:anywhere' }), { status: 400 });
  await assert.rejects(users.messages.get({ userId, id, format: 'raw' }), { status: 400 });
  await assert.rejects(users.messages.trash({ userId, id }), { status: 404 });
  await assert.rejects(users.settings.getAutoForwarding({ userId }), { status: 404 });
}

async function heads(deputy) {
  const { users } = await allowed(gmail, deputy, ['metadata.read'], { labels: ['INBOX'] }, '', 'gmail');
  const userId = 'me';
  const { data: { messages, nextPageToken } } = await users.messages.list({ userId, labelIds: ['INBOX'], maxResults: 10 });
  const { data: { messages: more } } = await users.messages.list({ userId, labelIds: ['INBOX'], maxResults: 10, pageToken: nextPageToken });
  assert.equal(new Set([...messages, ...more].map((mail) => mail.id)).size, 20);
  const { data: mail } = await users.messages.get({ userId, id: messages[0].id, format: 'metadata', metadataHeaders: ['Subject', 'From'] });
  assert.equal(mail.payload.headers.find((header) => header.name === 'Subject').value, 'Morning news 30');
  assert.deepEqual([mail.snippet, mail.payload.body], [undefined, undefined]);
  await assert.rejects(users.messages.get({ userId, id: messages[0].id }), { status: 403 }, 'what it says');
  await assert.rejects(users.messages.list({ userId, labelIds: ['INBOX'], q: 'code' }), { status: 403 });
  await alike(users.messages.get({ userId, id: '18c0000000000005', format: 'metadata' }), users.messages.get({ userId, id: '18cffffffffffffff', format: 'metadata' })); // a sign-in code
}

async function drafts(deputy) {
  const { users } = await allowed(gmail, deputy, ['drafts.write'], {}, 'agents.writes.unattended', 'gmail');
  const userId = 'me';
  const message = (...lines) => ({ message: { raw: Buffer.from(lines.join('\r\n')).toString('base64url') } });
  const { data: draft } = await users.drafts.create({ userId, requestBody: message('To: carla@customer.example', 'Subject: Your order', '', 'Four boxes.') });
  assert.deepEqual(draft.message.labelIds, ['DRAFT']);
  const { data: changed } = await users.drafts.update({ userId, id: draft.id, requestBody: message('To: carla@customer.example', 'Subject: Your order', '', 'Five boxes.') });
  assert.equal(changed.id, draft.id);
  await alike(users.drafts.update({ userId, id: 'r18c0000000000001', requestBody: message('To: a@b.example', '', 'x') }), users.drafts.update({ userId, id: 'r18cffffffffffffff', requestBody: message('To: a@b.example', '', 'x') }));
  await assert.rejects(users.drafts.create({ userId, requestBody: message('To: carla@customer.example', 'Reply-To: eve@evil.example', '', 'x') }), { status: 400 }, 'answers go elsewhere');
  await assert.rejects(users.drafts.send({ userId, requestBody: { id: draft.id } }), { status: 404 }, 'sending it');
  await assert.rejects(users.messages.send({ userId, requestBody: message('To: carla@customer.example', '', 'x').message }), { status: 404 }, 'sending');
}
