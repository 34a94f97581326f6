// What a person has to do, counted: every press of a button, every tick, every
// link. Typing is not counted.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Visit, launch } from './house/browser.mjs';
import { ana, demo } from './house/program.mjs';

test('clicks', async (t) => {
  const deputy = await demo(t);
  const v = await Visit.open(t, await launch(t), { name: 'tasks', deputy: deputy.url, width: 360, scripts: false });
  const ask = async () => {
    await v.go(deputy.app);
    await v.page.getByRole('button', { name: /^Connect/ }).or(v.page.getByRole('link', { name: /^Connect/ })).first().click();
  };
  // Signing in and connecting a service are done once, for all apps.
  await ask();
  await v.type('E-mail', ana.email);
  await v.type('Password', ana.password);
  await v.press('Sign in');
  await v.press('Connect GitHub');
  await v.press(/^Continue to GitHub/);
  await v.page.locator('#login').fill('octocat');
  await v.page.locator('#password').fill('octocat');
  await v.press('Sign in');
  await v.press('Authorize');

  const within = (most, name, steps) => t.test(`${name}: at most ${most}`, async () => {
    await ask();
    await v.see('consent', 'Repo Scout wants to use your GitHub');
    assert.ok(steps.length <= most, `${steps.length} clicks`);
    for (const step of steps) await step();
  });

  const remove = () => t.test('remove it from home: at most 2', async () => {
    await v.go(deputy.url);
    for (const name of ['Remove Repo Scout', 'Remove']) await v.press(name);
    await v.see('removed', 'No app can act for you');
  });

  await within(6, 'let it read one repository', [
    () => v.press('Choose repositories'),
    () => v.tick('acme/web'),
    () => v.press('Use these'),
    () => v.tick('Read the contents of the repositories you pick'),
    () => v.press('Allow'),
  ]);
  await v.see('connected', 'You are connected');
  await v.says('services.github.repositories.read', '#granted');
  await remove();
  await within(1, 'allow what it proposes', [
    () => v.press('Allow'),
  ]);
  await v.see('connected', 'You are connected');
  await remove();
  await within(1, 'say no', [
    () => v.press('Do not allow'),
  ]);
  await v.see('denied', 'You said no. Nothing was shared.');
  await v.clean();
});
