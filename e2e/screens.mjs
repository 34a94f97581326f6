// Takes the pictures of docs/screens: one of each screen, wide and narrow, the
// consent page also in the dark. Run by `make screens`.

import { mkdir, rm, writeFile } from 'node:fs/promises';
import { launch } from './house/browser.mjs';
import { indexed } from './house/png.mjs';
import { served, written } from './house/screens.mjs';

const out = new URL('../docs/screens/', import.meta.url).pathname;
const screens = [
  'stranger-many', 'stranger-passing', 'consent-many', 'confirm-changed', 'consent-delta', 'consent-passing', 'consent-admin', 'ask-many',
  'picker-many', 'connect-many', 'signin-app', 'signin-passkey', 'signin-code', 'accounts-many', 'forgot', 'reset', 'invitation',
  'passkeys-many', 'codes-new', 'recovery', 'companies-many', 'prove-passkey', 'device-empty', 'device-confirm', 'home-many', 'app-many',
  'less-many', 'services-many', 'activity-many', 'receipt-yes', 'sessions-many', 'profile-one', 'mails', 'remove-app', 'disconnect-many',
  'signedout-app', 'done-nothing', 'error-ended',
];
const dark = ['consent-many'];
const widths = [1280, 360];

const endings = [];
const t = { after: (end) => endings.unshift(end) };
try {
  const { dir, names } = await written(t);
  const origin = await served(t, dir);
  const chrome = await launch(t, '--disable-lcd-text'); // grey edges: fewer colours
  await rm(out, { recursive: true, force: true });
  await mkdir(out, { recursive: true });
  for (const name of screens) {
    if (!names.includes(name)) throw new Error(`there is no example ${name}`);
    for (const width of widths) {
      for (const colorScheme of dark.includes(name) ? ['light', 'dark'] : ['light']) {
        const page = await chrome.newPage({ viewport: { width, height: 700 }, colorScheme });
        await page.goto(`${origin}/en/${name}.html`);
        const picture = await indexed(page, await page.screenshot({ fullPage: true }));
        await writeFile(`${out}${name}-${width}${colorScheme === 'dark' ? '-dark' : ''}.png`, picture);
        await page.close();
      }
    }
  }
} finally {
  for (const end of endings) await end();
}
