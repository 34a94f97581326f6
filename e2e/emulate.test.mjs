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
