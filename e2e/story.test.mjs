// The whole story in Chromium, with and without JavaScript, on a wide and on a
// narrow screen. The app in it, Repo Scout, is golang.org/x/oauth2 throughout.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Visit, launch, providerToken } from './house/browser.mjs';
import { ana, databases, demo } from './house/program.mjs';

const [sqlite, postgres] = databases;
// audit: every page of Deputy is audited with axe, light and dark. The pages are
// the same on every database.
const variants = [
  { database: sqlite, width: 1280, scripts: true, audit: true },
  { database: sqlite, width: 360, scripts: true, audit: true },
  { database: sqlite, width: 1280, scripts: false },
  { database: sqlite, width: 360, scripts: false },
  { database: postgres, width: 1280, scripts: true },
];

const read = 'Read the contents of the repositories you pick';
const issues = 'Read issues in the repositories you pick';
const named = 'See your name and picture';

const story = [
  ['the app sends the person to Deputy, who signs in and learns that GitHub is missing', arrive],
  ['no at the provider, no at Deputy: nothing is shared', sayNo],
  ['connecting GitHub comes back to the same page with every choice kept', connectGitHub],
  ['picking repositories and allowing goes back to the app', pickAndAllow],
  ['the app reads what was picked, and nothing else', use],
  ['the same request again needs no answer', again],
  ['Slack as well: only the new things are asked', addSlack],
  ['a no to more takes nothing away, and is remembered', keepAsItIs],
  ['the dashboard shows the app, the services and what happened', look],
  ['a disconnected service ends at the provider, other services go on', disconnect],
  ['signed out, the app stops', signOut],
  ['a removed app is out at once', remove],
  ['asked anew, with work while you are away: its own rows, unticked', away],
  ['a second account beside the first', secondAccount],
  ['nothing went wrong on the way, and no provider token was in any answer or log line', clean],
];

for (const { database: [database, prepare], width, scripts, audit } of variants) {
  const name = `${database.toLowerCase()}-${scripts ? 'js' : 'nojs'}-${width}`;
  test(`a newcomer: ${database}, JavaScript ${scripts ? 'on' : 'off'}, ${width} px`, async (t) => {
    const flags = await prepare(t);
    if (!flags) return;
    const deputy = await demo(t, flags);
    const v = await Visit.open(t, await launch(t), { name, deputy: deputy.url, width, scripts, audit });

    // Each step stands on the one before: after a failure there is nothing to tell.
    let broken = false;
    for (const [what, step] of story) {
      await t.test(what, { skip: broken }, async () => {
        broken = true;
        await step(v, deputy).catch((error) => v.failed(error, deputy.log()));
        broken = false;
      });
    }
  });
}

async function arrive(v, deputy) {
  await v.go(deputy.app);
  await v.see('app', 'Find outdated packages in your repositories');
  await v.press('Connect with Deputy');
  await v.see('sign-in', 'Sign in');
  await v.says('Then you see what Repo Scout wants');
  await v.type('E-mail', ana.email);
  await v.type('Password', 'not this one');
  await v.press('Sign in');
  await v.see('sign-in-wrong', 'Sign in');
  await v.says('The e-mail address or the password is wrong.');
  await signIn(v);
  await v.see('consent-missing', 'Repo Scout wants to use your GitHub');
  await v.says('Not connected');
  await v.says('It cannot change anything.');
  await v.says('It stops when you sign out.');
}

async function signIn(v) {
  await v.type('E-mail', ana.email);
  await v.type('Password', ana.password);
  await v.press('Sign in');
}

// At the simulated providers the password is the name.
async function signInThere(v, name) {
  await v.page.locator('#login').fill(name);
  await v.page.locator('#password').fill(name);
  await v.press('Sign in');
}

async function sayNo(v, deputy) {
  await v.press('Connect GitHub');
  await v.see('connect', 'Connect GitHub');
  await v.press(/^Continue to GitHub/);
  await v.see('provider-sign-in', 'Sign in to GitHub');
  await signInThere(v, 'octocat');
  await v.see('provider-consent', /Authorize/);
  await v.press('Cancel');
  await v.see('consent-provider-refused', 'Repo Scout wants to use your GitHub');
  await v.says('You said no at GitHub. Nothing was shared, and your choices are kept.');
  const before = v.page.url();
  await v.press('Do not allow');
  await v.see('app-denied', 'You said no. Nothing was shared.');
  await v.go(before);
  await v.see('answered', 'You have answered this already.');
  await v.go(deputy.app);
  await v.press('Connect with Deputy');
  await v.see('consent-after-no', 'Repo Scout wants to use your GitHub');
  await v.says('You said no to this on');
}

async function connectGitHub(v) {
  // Other than what is offered, to see it again after the trip.
  await v.tick(named, false);
  await v.tick(read, true);
  await v.tick(issues, true);
  await v.page.locator('#days-see').selectOption('30');
  await v.press('Connect GitHub');
  await v.see('connect-again', 'Connect GitHub');
  await v.press(/^Continue to GitHub/);
  await v.see('provider-consent-again', /Authorize/);
  await v.press('Authorize');
  await v.see('consent-connected', 'Repo Scout wants to use your GitHub');
  await v.says('GitHub is connected as octocat. Your choices are kept.');
  assert.equal(await v.ticked(named), false, 'the row that was unticked stays unticked');
  assert.equal(await v.page.locator('#days-see').inputValue(), '30', 'the end that was chosen stays chosen');
  await v.press('Allow');
  await v.see('consent-nothing-ready', 'Repo Scout wants to use your GitHub');
  await v.says('Nothing that is ticked is ready, so nothing was shared.');
}

async function pickAndAllow(v, deputy) {
  await v.press('Choose repositories');
  await v.see('picker', /^Which repositories may Repo Scout use\?/);
  await v.press('Use these');
  await v.see('picker-nothing', /^Which repositories may Repo Scout use\?/);
  await v.says('Nothing is ticked.');
  await v.type('Search by name', 'acme/');
  await v.press('Search');
  await v.see('picker-search', /^Which repositories may Repo Scout use\?/);
  await v.tick('acme/web');
  await v.type('Search by name', 'experiment-0');
  await v.press('Search');
  await v.says('Ticked on other pages');
  await v.see('picker-kept', /^Which repositories may Repo Scout use\?/);
  assert.equal(await v.ticked('acme/web'), true, 'what was ticked on another page stays ticked');
  await v.tick('octocat/experiment-03');
  await v.press('Use these');
  await v.see('consent-picked', 'Repo Scout wants to use your GitHub');
  await v.says('2 are picked. Your choices are kept.');
  await v.says(/Only (acme\/web and octocat\/experiment-03|octocat\/experiment-03 and acme\/web)\./);
  await v.tick(named);
  await v.press('Allow');
  await v.see('app-connected', 'You are connected');
  assert.equal(new URL(v.page.url()).origin, deputy.app);
  await v.says('services.github.repositories.read', '#granted');
  await v.says('We stop when you sign out of Deputy.');
}

// call presses one of the app's buttons and returns what came back.
async function call(v, button) {
  await v.press(button);
  await v.page.locator('#answer').waitFor();
  await v.says('There is none.', '#answer');
  return v.text('#answer');
}

function holds(text, pattern, why = 'the answer') {
  assert.ok(pattern.test(text), `${why}: should match ${pattern}: ${text.slice(0, 500)}`);
}

async function use(v, deputy) {
  await v.go(deputy.app);
  holds(await call(v, 'Read acme/web'), /200 OK[^]*"full_name": "acme\/web"/);
  await v.see('app-reads', /^Read acme\/web: 200/);
  holds(await call(v, 'Read package.json of acme/web'), /200 OK[^]*lodash/);
  holds(await call(v, 'List issues of acme/web'), /200 OK[^]*Checkout button overlaps/);
  const list = await call(v, 'List repositories');
  holds(list, /acme\/web/);
  holds(list, /octocat\/experiment-03/);
  assert.ok(!/acme\/infra|experiment-04/.test(list), 'lists hold only what was picked');
  holds(await call(v, 'Read acme/infra'), /404 Not Found/);
  await v.see('app-not-picked', /^Read acme\/infra: 404/);
  const refused = await call(v, 'Try to open an issue in acme/web');
  holds(refused, /403 Forbidden/);
  holds(refused, /insufficient_scope/);
  await v.see('app-write-refused', /^Try to open an issue in acme\/web: 403/);
}

async function again(v, deputy) {
  await v.go(deputy.app);
  await v.press('Connect again');
  await v.page.getByRole('heading', { name: 'You are connected' }).waitFor();
}

async function addSlack(v, deputy) {
  await v.go(deputy.app);
  await v.press('Read Slack channels as well');
  await v.see('consent-delta', 'Repo Scout asks for 2 more things');
  await v.says('Already allowed');
  await v.press('Connect Slack');
  await v.see('connect-slack', 'Connect Slack');
  await v.press(/^Continue to Slack/);
  await v.see('slack-sign-in', 'Sign in to Slack');
  await signInThere(v, 'ana');
  await v.see('slack-consent', /Authorize/);
  await v.press('Allow');
  await v.see('consent-slack-connected', 'Repo Scout asks for 2 more things');
  await v.says(/Slack is connected as .*Your choices are kept\./);
  await v.press('Choose channels');
  await v.see('picker-channels', /^Which channels may Repo Scout use\?/);
  await v.tick('#releases');
  await v.press('Use these');
  await v.see('consent-channels-picked', 'Repo Scout asks for 2 more things');
  await v.tick('See names and topics of the channels you pick');
  await v.tick('Read messages in the channels you pick');
  await v.press('Allow');
  await v.see('app-with-slack', 'You are connected');
  const channels = await call(v, 'List channels');
  holds(channels, /200 OK[^]*"releases"/);
  assert.ok(!/"general"|deploys|leadership/.test(channels), 'lists hold only what was picked');
  const messages = await call(v, 'Read messages');
  holds(messages, /200 OK[^]*Release 2\.4 is cut/);
  await v.see('app-reads-slack', /^Read messages: 200/);
}

async function keepAsItIs(v, deputy) {
  await v.go(deputy.app);
  await v.press('Keep working while you are away');
  await v.see('consent-away', 'Repo Scout asks for 2 more things');
  await v.press('Keep as it is');
  await v.see('app-kept', 'You said no. Nothing was shared.');
  await v.go(deputy.app);
  holds(await call(v, 'Read acme/web'), /200 OK/, 'a no to more takes nothing away');
  await v.press('Keep working while you are away');
  await v.see('app-not-asked-again', 'You are connected');
  await v.says(/Asked for and not given: .*agents\.jobs\.background/);
  await v.says('We stop when you sign out of Deputy.');
}

async function secondAccount(v, deputy) {
  await v.go(`${deputy.url}/services`);
  await v.see('services', 'One account is connected');
  await v.press('Add an account of GitHub');
  await v.see('provider-choose', 'Choose an account');
  await v.press('Use another account');
  await v.see('provider-other-sign-in', 'Sign in to GitHub');
  await signInThere(v, 'hubot');
  await v.see('provider-other-consent', /Authorize/);
  await v.press('Authorize');
  await v.see('services-two-accounts', 'Two accounts are connected');
  await v.says('GitHub as hubot');
  await v.says('GitHub as octocat');
}

async function look(v, deputy) {
  await v.go(deputy.url);
  await v.see('home', 'One app can act for you now');
  await v.says('Repo Scout');
  await v.says('GitHub as octocat');
  await v.page.getByRole('link', { name: 'Repo Scout', exact: true }).first().click();
  await v.see('home-app', 'Repo Scout');
  await v.says('acme/web');
  await v.says('While signed in');
  await v.go(`${deputy.url}/activity`);
  await v.see('activity', 'What happened');
  await v.says('You connected GitHub as octocat.');
  await v.says('You said no to Repo Scout. Nothing was shared.');
  await v.says('Refused: Repo Scout would have');
  await v.go(`${deputy.url}/sessions`);
  await v.see('sessions', /./);
}

async function signOut(v, deputy) {
  await v.go(deputy.url);
  await v.press('Sign out');
  await v.see('signed-out', /./);
  await v.go(deputy.app);
  holds(await call(v, 'Read acme/web'), /40[13] /, 'it may not work while the person is away');
  await v.go(deputy.url);
  await v.see('sign-in-home', 'Sign in');
  await signIn(v);
  await v.see('home-again', 'One app can act for you now');
}

async function disconnect(v, deputy) {
  await v.go(`${deputy.url}/services`);
  await v.press(/^Disconnect Slack/);
  await v.see('disconnect', 'Disconnect Slack?');
  await v.says('Repo Scout loses');
  await v.press('Disconnect');
  await v.see('disconnected', 'Slack is disconnected');
  await v.says('It ended the permission');
  await v.go(deputy.app);
  holds(await call(v, 'List channels'), /424 Failed Dependency[^]*connection_missing/);
  holds(await call(v, 'Read acme/web'), /200 OK/);
}

async function remove(v, deputy) {
  await v.go(deputy.url);
  await v.press('Remove Repo Scout');
  await v.see('remove', 'Remove Repo Scout?');
  await v.press('Remove');
  await v.see('removed', 'No app can act for you');
  await v.says('Repo Scout was removed. It stops within a second.');
  await v.go(deputy.app);
  holds(await call(v, 'Read acme/web'), /401 Unauthorized|403 Forbidden/);
  await v.see('app-removed', /^Read acme\/web: 40[13]/);
}

async function away(v, deputy) {
  await v.go(deputy.app);
  await v.press('Keep working while you are away');
  await v.see('consent-anew', 'Repo Scout wants to use your GitHub');
  await v.says('Nothing ticked means it stops when you sign out.');
  assert.equal(await v.ticked('Keep working when you are not here'), false, 'working while away is never ticked beforehand');
  assert.equal(await v.ticked('Stay connected after you sign out'), false);
  await v.press('Choose repositories');
  await v.tick('acme/web');
  await v.press('Use these');
  await v.tick(read);
  await v.tick('Keep working when you are not here');
  await v.tick('Stay connected after you sign out');
  await v.see('consent-anew-ready', 'Repo Scout wants to use your GitHub');
  await v.press('Allow');
  await v.see('app-away', 'You are connected');
  await v.says('We may go on while you are away.');
  await v.go(deputy.url);
  await v.press('Sign out');
  await v.see('signed-out-but', /./);
  await v.says('Repo Scout');
  await v.go(deputy.app);
  holds(await call(v, 'Read acme/web'), /200 OK/, 'it may work while the person is away');
  await v.go(deputy.url);
  await signIn(v);
  await v.see('home-was-away', 'One app can act for you now');
  await v.says('while you were away');
}

async function clean(v, deputy) {
  await v.clean();
  assert.doesNotMatch(deputy.log(), providerToken);
  assert.doesNotMatch(deputy.log(), /level=ERROR|panic/);
}
