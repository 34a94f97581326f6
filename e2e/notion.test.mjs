// Notion's own client, unchanged, against the broker of the built program: nothing
// but another base URL, and a Deputy token.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, collectPaginatedAPI } from '@notionhq/client';
import * as oauth from 'openid-client';
import { ask, callback, discover, register } from './house/app.mjs';
import { Person } from './house/person.mjs';
import { databases, demo } from './house/program.mjs';

// What the simulated Notion always has.
const id = (number) => `1a000000-0000-4000-8000-${String(number).padStart(12, '0')}`;
const [handbook, holidays, finance, budget, projects, tasks] = [1, 2, 4, 6, 7, 9].map(id);

const text = (content) => [{ text: { content } }];
const title = (page) => Object.values(page.properties).find((p) => p.type === 'title').title.map((run) => run.plain_text).join('');

for (const [database, prepare] of databases) {
  test(`@notionhq/client, ${database}`, async (t) => {
    const flags = await prepare(t);
    if (!flags) return;
    const deputy = await demo(t, flags);
    await t.test('reads the pages and databases that were picked, with what is inside, and nothing else', () => reads(deputy));
    await t.test('writes rows, text and comments there, and takes a page away', () => writes(deputy));
  });
}

// allowed is the SDK with a token for these permissions, on the handbook and the tasks.
async function allowed(deputy, names, more = '') {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const { request, checks } = await ask(config, { scope: `${names.map((name) => `services.notion.${name}`).join(' ')} ${more}`.trim() });
  const back = await new Person().allowNotion(request, callback, [handbook, projects, finance], { pages: ['Handbook'], databases: ['Tasks'] });
  const { access_token: token } = await oauth.authorizationCodeGrant(config, back, checks);
  return new Client({ auth: token, baseUrl: `${deputy.url}/api/notion`, logger: () => {}, retry: false });
}

async function reads(deputy) {
  const notion = await allowed(deputy, ['workspace.read', 'pages.read', 'databases.read', 'comments.read']);
  const me = await notion.users.me({});
  assert.equal(me.bot.workspace_name, 'Northwind');
  assert.equal(me.bot.owner, undefined, 'who connected it is nobody\'s business');

  const { results: found } = await notion.search({ query: 'o', filter: { property: 'object', value: 'page' }, page_size: 10 });
  assert.deepEqual(found.map(title).sort(), ['Handbook', 'Holidays', 'Remote work'], 'not Projects, which has an o as well');
  const page = await notion.pages.retrieve({ page_id: holidays.replaceAll('-', '') });
  assert.equal(title(page), 'Holidays');
  const blocks = await collectPaginatedAPI(notion.blocks.children.list, { block_id: handbook, page_size: 2 });
  assert.deepEqual(blocks.map((b) => b.type), ['paragraph', 'paragraph', 'paragraph', 'child_page', 'child_page']);
  const rows = await collectPaginatedAPI(notion.dataSources.query, { data_source_id: tasks, page_size: 50, sorts: [{ property: 'Name', direction: 'ascending' }] });
  assert.equal(new Set(rows.map((row) => row.id)).size, 120);
  assert.deepEqual(['Budget', 'Cost', 'Label'].filter((column) => column in rows[0].properties), [], 'what is pulled in from the budget, which was not picked');
  const { results: urgent } = await notion.dataSources.query({ data_source_id: tasks, filter: { and: [{ property: 'Urgent', checkbox: { equals: true } }, { property: 'Hours', number: { greater_than: 5 } }] } });
  assert.deepEqual(urgent.map(title), ['Task 030', 'Task 070', 'Task 110']);
  const { properties: columns } = await notion.dataSources.retrieve({ data_source_id: tasks });
  assert.equal(columns.Status.status.options.length, 3);
  const { results: comments } = await notion.comments.list({ block_id: handbook });
  assert.equal(comments.length, 1);

  const hidden = await notion.pages.retrieve({ page_id: finance }).catch((error) => error);
  const absent = await notion.pages.retrieve({ page_id: id(999) }).catch((error) => error);
  assert.equal(hidden.status, 404);
  const shape = ({ body }) => body.replace(/"reference":"[^"]*"|need=[^"]*|"identifier":"[^"]*"/g, '');
  assert.equal(shape(hidden), shape(absent), 'what was not picked looks like what does not exist');
  await assert.rejects(notion.dataSources.query({ data_source_id: budget }), { status: 404 });
  await assert.rejects(notion.blocks.children.list({ block_id: projects }), { status: 404 }, 'the page around the tasks');
  await assert.rejects(notion.blocks.children.list({ block_id: rows[0].id }), { status: 404 }, 'what is written inside a row');
  await assert.rejects(notion.dataSources.query({ data_source_id: tasks, filter: { property: 'Cost', rollup: { number: { greater_than: 1000 } } } }), { status: 400 }, 'a question about what is left out');
  await assert.rejects(notion.users.list({}), { status: 404 }, 'the whole directory');
  await assert.rejects(notion.comments.create({ parent: { page_id: handbook }, rich_text: text('No') }), { status: 403 }, 'nobody allowed it to write');
}

async function writes(deputy) {
  const notion = await allowed(deputy, ['pages.write', 'pages.trash', 'databases.write', 'comments.write'], 'agents.writes.unattended');
  const row = await notion.pages.create({ parent: { data_source_id: tasks }, properties: { Name: { title: text('Call the printer') }, Hours: { number: 2.5 } } });
  const changed = await notion.pages.update({ page_id: row.id, properties: { Status: { status: { name: 'Done' } }, Hours: { number: null } } });
  assert.equal(changed.properties.Status.status.name, 'Done');
  assert.equal(changed.properties.Hours.number, null);
  const page = await notion.pages.create({ parent: { type: 'page_id', page_id: holidays }, properties: { title: { title: text('Summer') } }, children: [{ paragraph: { rich_text: text('From June on.') } }] });
  await notion.blocks.children.append({ block_id: page.id, children: [{ to_do: { rich_text: text('Tell the printer'), checked: false } }] });
  const { results: [first, second] } = await notion.blocks.children.list({ block_id: page.id });
  assert.equal(first.paragraph.rich_text[0].plain_text, 'From June on.');
  await notion.blocks.update({ block_id: second.id, to_do: { rich_text: text('Tell the printer'), checked: true } });
  await notion.comments.create({ parent: { page_id: page.id }, rich_text: text('Seen') });
  const { results: comments } = await notion.comments.list({ block_id: page.id });
  assert.equal(comments[0].rich_text[0].plain_text, 'Seen');
  await notion.blocks.delete({ block_id: second.id });
  const gone = await notion.pages.update({ page_id: page.id, in_trash: true });
  assert.equal(gone.in_trash, true);

  await assert.rejects(notion.pages.create({ parent: { page_id: finance }, properties: { title: { title: text('No') } } }), { status: 404 });
  await assert.rejects(notion.pages.create({ parent: { workspace: true }, properties: { title: { title: text('No') } } }), { status: 400 });
  await assert.rejects(notion.pages.update({ page_id: finance, in_trash: true }), { status: 404 });
  await assert.rejects(notion.pages.update({ page_id: row.id, properties: { Budget: { relation: [{ id: id(50) }] } } }), { status: 400 }, 'a link to what was not picked');
  await assert.rejects(notion.dataSources.update({ data_source_id: tasks, properties: { Secret: { rich_text: {} } } }), { status: 404 }, 'another column');
}
