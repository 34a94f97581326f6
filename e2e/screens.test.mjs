// Every screen in every state, light and dark, from left to right and from right
// to left, wide and narrow, and the ways of reading it that few people have: big
// text, forced colours, paper, no mouse.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { audit, colours, launch, watch } from './house/browser.mjs';
import { madeUp, served, written } from './house/screens.mjs';

const hands = 3; // pages looked at at the same time

test('screens', async (t) => {
  const { dir, names, languages } = await written(t);
  const origin = await served(t, dir);
  const chrome = await launch(t);
  assert.ok(names.length > 70 && languages.length >= 3, `${names.length} screens in ${languages}`);

  // each shows every screen to look, and fails with what look objects to.
  const each = async (chrome, languages, look) => {
    const todo = languages.flatMap((language) => names.map((name) => ({ language, name })));
    const problems = [];
    await Promise.all(Array.from({ length: hands }, async () => {
      const { page, found, close } = await open(chrome);
      for (let next = todo.shift(); next; next = todo.shift()) {
        const at = `${next.language}/${next.name}`;
        await page.goto(`${origin}/${at}.html`);
        for (const problem of [...await look(page, next.language), ...found.splice(0)]) {
          // A hostile drawing is no drawing; that it breaks nothing else is what counts.
          if (!/<path> attribute d/.test(problem) || !at.endsWith('hostile')) problems.push(`${at}: ${problem}`);
        }
      }
      await close();
    }));
    assert.ok(problems.length === 0, `${problems.length} problems:\n${problems.slice(0, 40).join('\n')}`);
  };

  await t.test('nothing to object to, nothing sideways, nothing from elsewhere', () => each(chrome, languages, lookAt));

  await t.test('text of twice the size', async (t) => {
    const big = await launch(t, '--blink-settings=defaultFontSize=32,defaultFixedFontSize=26');
    await each(big, ['en', madeUp], async (page) => {
      const size = await page.evaluate(() => getComputedStyle(document.documentElement).fontSize);
      return [...size === '32px' ? [] : [`text of ${size}`], ...await sideways(page, 360), ...await sideways(page, 1280)];
    });
  });

  await t.test('the consent page is light', async () => {
    const { page, close } = await open(chrome);
    const answers = [];
    page.on('response', (response) => answers.push(response.body()));
    await page.goto(`${origin}/en/consent-many.html`, { waitUntil: 'networkidle' });
    const bytes = (await Promise.all(answers)).reduce((sum, body) => sum + body.length, 0);
    assert.ok(answers.length <= 3 && bytes <= 50_000, `${answers.length} requests, ${bytes} bytes`);
    await close();
  });

  for (const language of ['en', madeUp]) {
    await t.test(`without a mouse, ${language}`, async () => {
      const { page, close } = await open(chrome);
      await page.goto(`${origin}/${language}/consent-many.html`);
      await walk(page);
      await close();
    });
  }

  await t.test('forced colours show what is ticked, where the focus is and what is a button', async () => {
    const { page, close } = await open(chrome);
    await page.emulateMedia({ forcedColors: 'active' });
    await page.goto(`${origin}/en/consent-many.html`);
    const seen = await page.evaluate(() => {
      const style = (element) => getComputedStyle(element);
      const box = document.querySelector('[type=checkbox]:checked');
      const button = document.querySelector('.answer .btn');
      box.focus();
      return { box: style(box).appearance, border: style(button).borderTopStyle, same: style(button).color === style(button).backgroundColor };
    });
    assert.deepEqual(seen, { box: 'auto', border: 'solid', same: false });
    await close();
  });

  await t.test('on paper the details are open and nothing is there to press', async () => {
    const { page, close } = await open(chrome);
    await page.emulateMedia({ media: 'print' });
    for (const name of ['consent-many', 'consent-delta']) {
      await page.goto(`${origin}/en/${name}.html`);
      const { closed, buttons, paper } = await page.evaluate(() => ({
        closed: [...document.querySelectorAll('details > :not(summary)')].filter((element) => element.getBoundingClientRect().height === 0).length,
        buttons: [...document.querySelectorAll('.btn')].filter((element) => element.getBoundingClientRect().height > 0).length,
        paper: getComputedStyle(document.body).backgroundColor,
      }));
      assert.deepEqual({ closed, buttons, paper }, { closed: 0, buttons: 0, paper: 'rgb(255, 255, 255)' }, name);
    }
    await close();
  });
});

async function open(chrome) {
  // Without motion: a colour half-way to another has a contrast of its own.
  const context = await chrome.newContext({ viewport: { width: 360, height: 900 }, reducedMotion: 'reduce' });
  const page = await context.newPage();
  const found = [];
  watch(page, (problem) => found.push(problem));
  return { page, found, close: () => context.close() };
}

// lookAt returns what is wrong with the page that is open.
async function lookAt(page, language) {
  const problems = await sideways(page, 320);
  for (const width of [360, 1280]) {
    problems.push(...await sideways(page, width));
    if (language !== 'en' && language !== madeUp) continue; // only the words differ
    for (const [colorScheme, only] of [['light'], ['dark', colours]]) {
      await page.emulateMedia({ colorScheme });
      problems.push(...(await audit(page, only)).map((violation) => `${width} px, ${colorScheme}: ${violation}`));
    }
  }
  const direction = await page.evaluate(() => getComputedStyle(document.body).direction);
  if (direction !== (language === madeUp ? 'rtl' : 'ltr')) problems.push(`is written ${direction}`);
  return problems;
}

// sideways returns what sticks out of a window of some width.
async function sideways(page, width) {
  await page.setViewportSize({ width, height: 900 });
  const { scroll, inner, out } = await page.evaluate(() => {
    const inner = document.documentElement.clientWidth;
    // What is only for screen readers is clipped to nothing.
    const out = [...document.querySelectorAll('main *')].filter((element) => {
      const box = element.getBoundingClientRect();
      return box.width > 1 && (box.right > inner + 1 || box.left < -1) && !element.closest('.vh, svg');
    }).map((element) => element.outerHTML.slice(0, 120));
    return { scroll: document.documentElement.scrollWidth, inner, out };
  });
  if (scroll <= inner && out.length === 0) return [];
  return [`${scroll} px wide in ${inner}: ${out.join(' | ')}`];
}

// walk goes through a page with the Tab key: every control in its order, each with
// a focus that can be seen, and out at the end.
async function walk(page) {
  const wanted = await page.evaluate(() => {
    const controls = [...document.querySelectorAll('a[href], button, input, select, summary')]
      .filter((element) => element.tabIndex >= 0 && !element.disabled && element.type !== 'hidden' && element.checkVisibility());
    controls.forEach((element, i) => { element.dataset.order = i; });
    return controls.length;
  });
  assert.ok(wanted > 20, `${wanted} controls`);
  for (let i = 0; i < wanted; i++) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const element = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(element);
      const { top, bottom, width, height } = element.getBoundingClientRect();
      return { order: element.dataset.order, html: element.outerHTML.slice(0, 100), outline: outlineStyle === 'solid' && parseFloat(outlineWidth), seen: width > 10 && height > 10 && bottom > 0 && top < innerHeight };
    });
    assert.equal(at.order, String(i), `Tab ${i + 1} is at ${at.html}`);
    assert.ok(at.outline >= 2, `the focus is not seen: ${at.html}`);
    assert.ok(at.seen, `out of sight or too small: ${at.html}`);
  }
  await page.keyboard.press('Tab');
  const order = await page.evaluate(() => document.activeElement.dataset.order);
  assert.ok(order === undefined || order === '0', 'the page lets the focus go');
}
