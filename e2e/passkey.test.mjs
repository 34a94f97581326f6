// A passkey in Chromium, with Chromium's own virtual authenticator: the one page
// script, under the policy that the pages are served with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Visit, launch } from './house/browser.mjs';
import { ana, demo } from './house/program.mjs';

test('a passkey is added, signs in, and is shown when it matters', async (t) => {
  const deputy = await demo(t);
  const v = await Visit.open(t, await launch(t), { name: 'passkey', deputy: deputy.url, width: 360, scripts: true, audit: true });
  try {
    const device = await authenticator(v);
    await v.go(`${deputy.url}/signin`);
    await v.type('E-mail', ana.email);
    await v.type('Password', ana.password);
    await v.press('Sign in');
    await v.go(`${deputy.url}/sessions`);
    await v.press('Passkeys');
    await v.see('none', 'You have no passkey yet');
    await v.press('Add a passkey');
    await v.see('add', 'Add a passkey');

    await device.refuse(true);
    await v.press('Add a passkey');
    await v.page.getByText('Your device gave no passkey. Nothing was changed.').waitFor();
    await device.refuse(false);
    await v.type('Name it, so that you know it again', 'Test device');
    await v.press('Add a passkey');
    await v.see('one', 'You have one passkey');
    await v.says(/Test device/);

    // The password is not enough any more to take it away.
    await v.press(/^Remove/);
    await v.see('prove', 'Show that it is you');
    await v.press('Use a passkey');
    await v.see('remove', 'Remove the passkey “Test device”?');
    await v.press('Keep it');

    await v.press('Sign out');
    await v.go(`${deputy.url}/signin?next=/activity`);
    await v.see('sign-in', 'Sign in');
    await v.press('Use a passkey');
    await v.see('activity', 'What happened');
    await v.says('You added a passkey.');
    assert.deepEqual(v.problems, []);
  } catch (error) {
    await v.failed(error, deputy.log());
  }
});

// Without scripts there is the password, and nothing that does not work.
test('without scripts no page offers a passkey', async (t) => {
  const deputy = await demo(t);
  const v = await Visit.open(t, await launch(t), { name: 'passkey-nojs', deputy: deputy.url, width: 360, scripts: false });
  await v.go(`${deputy.url}/signin`);
  assert.equal(await v.page.getByRole('button', { name: 'Use a passkey' }).count(), 0);
  await v.type('E-mail', ana.email);
  await v.type('Password', ana.password);
  await v.press('Sign in');
  await v.go(`${deputy.url}/sessions/passkeys/new`);
  await v.says('You need a browser that can use passkeys, with scripts turned on.');
  assert.equal(await v.page.getByRole('button', { name: 'Add a passkey' }).count(), 0);
});

/** authenticator gives the browser a device that checks its holder; refuse(true) makes the check fail. */
async function authenticator(v) {
  const cdp = await v.context.newCDPSession(v.page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
  });
  return { refuse: (no) => cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: !no }) };
}
