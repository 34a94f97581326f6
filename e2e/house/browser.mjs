// Debian's Chromium, watched: every page it shows is kept as a picture and
// checked, every request it makes must stay on this computer.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readdirSync, unlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const out = new URL('../out/', import.meta.url).pathname;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const rules = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

// What a provider's token looks like: these never reach a page.
export const providerToken = /(?<![\w-])(?:gh[opusr]_[A-Za-z0-9]{20}|xox[a-z]([.-]xox[a-z])?-[A-Za-z0-9-]{10}|ya29\.[A-Za-z0-9._-]{20})/;

/** launch starts Chromium, with further flags; it ends with the test. */
export async function launch(t, ...flags) {
  const chrome = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', ...flags],
  });
  t.after(() => chrome.close());
  return chrome;
}

/** watch tells of what goes wrong on a page: scripts, policy, requests that leave this computer. */
export function watch(page, tell) {
  page.context().on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    if (protocol !== 'data:' && !['localhost', '127.0.0.1'].includes(hostname)) tell(`a request left this computer: ${request.url()}`);
  });
  page.on('pageerror', (error) => tell(`script error: ${error.message}`));
  page.on('console', (message) => {
    // A page with an error status is not an error of the page.
    if (['error', 'warning'].includes(message.type()) && !/^Failed to load resource: the server responded with a status of 4\d\d/.test(message.text())) {
      tell(`console on ${page.url()}: ${message.text()}`);
    }
  });
}

/** colours are the rules that a colour scheme can break. */
export const colours = { type: 'rule', values: ['color-contrast', 'link-in-text-block'] };

/** audit returns what is against WCAG 2.2 A and AA on a page, or against some of its rules. */
export async function audit(page, runOnly = { type: 'tag', values: rules }) {
  if (!await page.evaluate(() => 'axe' in globalThis)) await page.evaluate(axe);
  return page.evaluate((runOnly) => globalThis.axe.run(document, { runOnly, resultTypes: ['violations'] })
    .then((result) => result.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.map((n) => n.html).join(' | ')}`)), runOnly);
}

/**
 * Visit is one person at one browser. deputy is Deputy's URL, width in pixels;
 * scripts says whether JavaScript is on, audit whether pages are audited with
 * axe. Pictures are named story-<name>-<nn>-<page>.png.
 */
export class Visit {
  static async open(t, chrome, { name, deputy, width, scripts, audit }) {
    // Colours that are still changing have no contrast to measure.
    const context = await chrome.newContext({ viewport: { width, height: 900 }, javaScriptEnabled: scripts, reducedMotion: 'reduce' });
    context.setDefaultTimeout(10_000);
    t.after(() => context.close());
    mkdirSync(out, { recursive: true });
    for (const old of readdirSync(out).filter((file) => file.startsWith(`story-${name}-`))) unlinkSync(`${out}${old}`);
    return new Visit(context, await context.newPage(), { name, deputy, audit });
  }

  constructor(context, page, { name, deputy, audit }) {
    Object.assign(this, { context, page, name, deputy, audit, shown: 0, problems: [], bodies: [] });
    context.on('response', (response) => this.bodies.push(remember(response)));
    watch(page, (problem) => this.problems.push(problem));
  }

  /** see expects a headline, checks the page in every way and keeps a picture of it. */
  async see(page, headline) {
    await this.page.getByRole('heading', { level: 1, name: headline }).waitFor();
    const file = `${out}story-${this.name}-${String(++this.shown).padStart(2, '0')}-${page}`;
    await this.page.screenshot({ path: `${file}.png`, fullPage: true });
    if (!this.page.url().startsWith(this.deputy)) return;
    const { scroll, inner } = await this.page.evaluate(() => ({ scroll: document.documentElement.scrollWidth, inner: window.innerWidth }));
    assert.ok(scroll <= inner, `${page} is ${scroll} px wide in a window of ${inner} px`);
    if (!this.audit) return;
    for (const colorScheme of ['light', 'dark']) {
      await this.page.emulateMedia({ colorScheme });
      if (colorScheme === 'dark') await this.page.screenshot({ path: `${file}-dark.png`, fullPage: true });
      await this.accessible(`${page} (${colorScheme})`);
    }
    await this.page.emulateMedia({ colorScheme: 'light' });
  }

  async accessible(page) {
    assert.deepEqual(await audit(this.page), [], `${page} meets WCAG 2.2 A and AA`);
  }

  go(url) { return this.page.goto(url); }

  /** press clicks the one button or link with this name. Buttons that only say what Enter does are not for people. */
  async press(name) {
    const exact = typeof name === 'string';
    const control = this.page.getByRole('button', { name, exact }).or(this.page.getByRole('link', { name, exact }));
    await control.and(this.page.locator(':not([tabindex="-1"])')).click();
  }

  type(label, text) { return this.page.getByLabel(label, { exact: true }).fill(text); }
  tick(label, on = true) { return this.page.getByLabel(label, { exact: true }).setChecked(on); }
  ticked(label) { return this.page.getByLabel(label, { exact: true }).isChecked(); }
  text(selector = 'main') { return this.page.locator(selector).innerText(); }

  async says(text, selector = 'main') {
    const shown = (await this.text(selector)).replace(/\s+/g, ' ');
    assert.ok(text instanceof RegExp ? text.test(shown) : shown.includes(text), `the page should say ${text}`);
  }

  /** failed keeps a picture of where a step failed and throws its error, with what the page and the log said. */
  async failed(error, log) {
    await this.page.screenshot({ path: `${out}story-${this.name}-failed.png`, fullPage: true });
    const text = await this.text('body');
    const errors = log.split('\n').filter((line) => line.includes('level=ERROR'));
    throw new Error(`${error.message}\nOn ${this.page.url()} (${this.problems.join('; ') || 'nothing noted on the way'}):\n${text.replace(/\n+/g, '\n')}\n${errors.join('\n')}`);
  }

  /** clean fails when anything went wrong on the way, or a provider's token was in any answer. */
  async clean() {
    assert.deepEqual(this.problems, []);
    const answers = (await Promise.all(this.bodies)).filter(Boolean);
    assert.ok(answers.length > 20, 'the answers were recorded');
    for (const { url, text } of answers) assert.doesNotMatch(text, providerToken, `a provider's token in the answer of ${url}`);
  }
}

// remember keeps all of an answer that a browser gets to see.
async function remember(response) {
  const headers = Object.entries(response.headers()).flat().join('\n');
  const redirect = response.status() >= 300 && response.status() < 400;
  // A body is gone once its page is; then there was no page to show it.
  const body = redirect ? '' : await response.text().catch(() => '');
  return { url: response.url(), text: `${headers}\n${body}` };
}
