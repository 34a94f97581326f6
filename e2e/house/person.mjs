// A person without a browser: follows redirects, keeps cookies, presses the
// buttons of the forms that a page really has.

import assert from 'node:assert/strict';
import { parse } from 'node-html-parser';
import { ana } from './program.mjs';

export class Person {
  #jars = new Map(); // cookies by host name: browsers do not tell ports apart
  page = null;

  /** open fetches an address and follows redirects up to one that starts with stop, which is returned instead of being fetched. */
  async open(address, { stop = null, body = null } = {}) {
    let url = new URL(address);
    for (let hops = 0; hops < 12; hops++) {
      const answer = await this.#ask(url, body);
      body = null;
      const location = answer.headers.get('location');
      if (!location) return this.#read(url, answer);
      assert.equal(answer.status === 303 || answer.status === 302, true, `${url.pathname} redirects with ${answer.status}`);
      url = new URL(location, url);
      if (stop && url.href.startsWith(stop)) return url;
    }
    throw new Error(`too many redirects, last to ${url}`);
  }

  /** press submits the form that has the button, with what is ticked on the page and fields on top. */
  async press(name, { fields = {}, stop = null } = {}) {
    const button = this.page.root.querySelectorAll('button').find((b) => b.textContent.trim().startsWith(name) && b.getAttribute('tabindex') !== '-1');
    assert.ok(button, `a button “${name}” on ${this.page.url}:\n${this.text()}`);
    const form = button.closest('form');
    const body = new URLSearchParams();
    for (const [name, value] of controls(form)) if (!(name in fields)) body.append(name, value);
    for (const [name, values] of Object.entries(fields)) for (const value of [values].flat()) body.append(name, value);
    if (button.getAttribute('name')) body.set(button.getAttribute('name'), button.getAttribute('value') ?? '');
    return this.open(new URL(form.getAttribute('action') ?? '', this.page.url), { stop, body });
  }

  /** field returns the value of the control that a label with this text belongs to. */
  field(label) {
    const found = this.page.root.querySelectorAll('label').find((l) => l.textContent.trim() === label);
    assert.ok(found, `a field “${label}” on ${this.page.url}:\n${this.text()}`);
    return this.page.root.getElementById(found.getAttribute('for')).getAttribute('value');
  }

  heading() { return this.page.root.querySelector('h1')?.textContent.trim(); }
  text() { return this.page.root.querySelector('body').structuredText; }

  /** signIn answers Deputy's sign-in page. */
  signIn(options) { return this.press('Sign in', { ...options, fields: ana }); }

  /**
   * allowGitHub answers the whole conversation of an authorization request:
   * signs in and connects GitHub where that is missing, picks the repositories,
   * ticks every row, presses Allow. It returns the address that the app is
   * called back with, which begins with callback.
   */
  async allowGitHub(request, callback, repositories) {
    let at = await this.open(request, { stop: callback });
    if (!(at instanceof URL) && this.heading() === 'Sign in') at = await this.signIn({ stop: callback });
    if (at instanceof URL) return at; // all of it was allowed before
    await this.#meet();
    if (this.#has('Connect GitHub')) {
      await this.press('Connect GitHub');
      await this.press('Continue to GitHub');
      await this.press('Sign in', { fields: { login: 'octocat', password: 'octocat' } });
      await this.press('Authorize');
    }
    if (this.#has('Choose repositories')) {
      await this.press('Choose repositories');
      await this.press('Use these', { fields: { pick: repositories.map((name) => this.field(name)) } });
    }
    return this.allow(callback);
  }

  /** allowSlack is allowGitHub for Slack: picks is what to pick by kind, each by its name as the picker shows it. */
  allowSlack(request, callback, picks) {
    return this.allowAt('Slack', request, callback, picks, async () => {
      await this.press('Sign in', { fields: { login: 'ana', password: 'ana' } });
      await this.press('Allow');
    });
  }

  /** allowAt is allowGitHub for a provider of this name, on whose pages agree says who the person is and yes. */
  async allowAt(name, request, callback, picks, agree) {
    await this.open(request);
    if (this.heading() === 'Sign in') await this.signIn();
    await this.#meet();
    for (const missing of [`Connect ${name}`, `Upgrade ${name}`]) {
      if (!this.#has(missing)) continue;
      await this.press(missing);
      await this.press(`Continue to ${name}`);
      await agree();
    }
    for (const [kind, names] of Object.entries(picks)) {
      await this.press(`Choose ${kind}`);
      await this.press('Use these', { fields: { pick: names.map((name) => this.field(name)) } });
    }
    return this.allow(callback);
  }

  /** allowGoogle is allowGitHub for Google, or Gmail, where every box is ticked. */
  allowGoogle(request, callback, picks, name = 'Google') {
    return this.allowAt(name, request, callback, picks, async () => {
      await this.press('Sign in', { fields: { login: 'ana', password: 'ana' } });
      await this.press('Continue', { fields: { ticked: 'all' } });
    });
  }

  /** allowNotion is allowGitHub for Notion: shared are the ids of the pages to share with Deputy there. */
  allowNotion(request, callback, shared, picks) {
    return this.allowAt('Notion', request, callback, picks, async () => {
      await this.press('Sign in', { fields: { login: 'ana', password: 'ana' } });
      await this.press('Allow access', { fields: { picked: shared } });
    });
  }

  /** allowStripe is allowGitHub for Stripe; no customers are all of them. */
  async allowStripe(request, callback, customers = []) {
    await this.open(request);
    if (this.heading() === 'Sign in') await this.signIn();
    if (this.#has('Connect Stripe')) {
      await this.press('Connect Stripe');
      await this.press('Continue to Stripe');
      await this.press('Sign in', { fields: { login: 'ana', password: 'ana' } });
      await this.press('Install');
    }
    await this.press('Choose customers');
    if (customers.length > 0) {
      await this.press('Use these', { fields: { pick: customers.map((name) => this.field(name)) } });
    } else {
      await this.press('Use these', { fields: { far: 'all' } });
      await this.press('Use these', { fields: { far: 'all', sure: 'yes' } });
    }
    return this.allow(callback);
  }

  /**
   * approve answers the request of an app that wants no service of the person:
   * signs in, ticks every row, allows. It returns the address that the app is
   * called back with, which begins with callback: a pushed request does not say it.
   */
  async approve(request, callback = new URL(request).searchParams.get('redirect_uri')) {
    let at = await this.open(request, { stop: callback });
    if (!(at instanceof URL) && this.heading() === 'Sign in') at = await this.signIn({ stop: callback });
    if (at instanceof URL) return at;
    await this.#meet();
    return this.#has('Continue') ? this.press('Continue', { stop: callback }) : this.allow(callback);
  }

  /** remove takes back everything an app may do. deputy is Deputy's URL, name the app's. */
  async remove(deputy, name) {
    await this.open(deputy);
    await this.follow(`Remove ${name}`);
    await this.press('Remove');
  }

  /** follow opens the link with this text. */
  async follow(text) {
    const link = this.page.root.querySelectorAll('a').find((a) => a.structuredText.replace(/\s+/g, ' ').trim() === text);
    assert.ok(link, `a link “${text}” on ${this.page.url}:\n${this.text()}`);
    return this.open(new URL(link.getAttribute('href'), this.page.url));
  }

  /** device opens the address that a device shows and says whether the device is theirs; if so, it gets everything it asks for. */
  async device(address, { mine }) {
    await this.open(address);
    if (this.heading() === 'Sign in') await this.signIn();
    await this.press('Continue');
    if (!mine) return this.press('No, stop it');
    await this.press('Yes, continue');
    await this.#meet();
    return this.press('Allow', { fields: { allow: this.#rows() } });
  }

  /** allow ticks every row and presses Allow. */
  async allow(callback) {
    const back = await this.press('Allow', { fields: { allow: this.#rows() }, stop: callback });
    assert.ok(back instanceof URL, `back at the app, not at “${this.heading()}”:\n${this.text()}`);
    return back;
  }

  /** #meet goes on from the page that says who asks, which comes first when nobody looked at the app. */
  async #meet() {
    if (this.page.root.querySelector('form[action="/consent/app"]')) await this.press('Continue');
  }

  #rows() { return this.page.root.querySelectorAll('input[name=shown]').map((input) => input.getAttribute('value')); }

  #has(button) { return this.page.root.querySelectorAll('button').some((b) => b.textContent.trim() === button); }

  async #ask(url, body) {
    const jar = this.#jars.get(url.hostname) ?? new Map();
    this.#jars.set(url.hostname, jar);
    const headers = { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; ') };
    const answer = await fetch(url, { method: body ? 'POST' : 'GET', body, headers, redirect: 'manual' });
    for (const line of answer.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      if (/max-age=0|max-age=-/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  }

  async #read(url, answer) {
    this.page = { url, status: answer.status, headers: answer.headers, root: parse(await answer.text()) };
    return this.page;
  }
}

// controls are the name and value of everything a form would send, without its buttons.
function controls(form) {
  const sent = [];
  for (const input of form.querySelectorAll('input')) {
    const off = ['checkbox', 'radio'].includes(input.getAttribute('type')) && !input.hasAttribute('checked');
    if (input.getAttribute('name') && !off && !input.hasAttribute('disabled')) sent.push([input.getAttribute('name'), input.getAttribute('value') ?? '']);
  }
  for (const select of form.querySelectorAll('select')) {
    const options = select.querySelectorAll('option');
    const chosen = options.find((option) => option.hasAttribute('selected')) ?? options[0];
    sent.push([select.getAttribute('name'), chosen.getAttribute('value')]);
  }
  return sent;
}
