// Stripe's own client against the broker of the built program, with a Deputy token.
// It has no setting for a path, so its HTTP client is told the other address.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as oauth from 'openid-client';
import Stripe from 'stripe';
import { ask, callback, discover, register } from './house/app.mjs';
import { Person } from './house/person.mjs';
import { databases, demo } from './house/program.mjs';

const id = (prefix, number) => `${prefix}_NW${String(number).padStart(12, '0')}`;

for (const [database, prepare] of databases) {
  test(`stripe, ${database}`, async (t) => {
    const flags = await prepare(t);
    if (!flags) return;
    const deputy = await demo(t, flags);
    await t.test('sees the customers that were picked, and what is theirs', () => some(deputy));
    await t.test('sees all of them when all were allowed, and nothing that pays', () => all(deputy));
    await t.test('writes contact data, drafts, refunds and ends of subscriptions', () => writes(deputy));
  });
}

// allowed is the SDK with a token for these permissions and customers.
async function allowed(deputy, names, customers, more = '') {
  const app = await register(deputy);
  const config = await discover(deputy, app, oauth.ClientSecretPost(app.client_secret));
  const { request, checks } = await ask(config, { scope: `${names.map((name) => `services.stripe.${name}`).join(' ')} ${more}`.trim() });
  const { access_token: token } = await oauth.authorizationCodeGrant(config, await new Person().allowStripe(request, callback, customers), checks);
  const base = `${deputy.url}/api/stripe`;
  return new Stripe(token, {
    httpClient: Stripe.createFetchHttpClient((url, init) => fetch(url.replace('https://api.stripe.com', base), init)), maxNetworkRetries: 0, telemetry: false,
  });
}

async function collect(list) {
  const found = [];
  for await (const one of list) found.push(one);
  return found;
}

async function some(deputy) {
  const stripe = await allowed(deputy, ['customers.read', 'payments.read', 'invoices.read', 'subscriptions.read'], ['Customer 35', 'Customer 42']);
  const customers = await collect(stripe.customers.list({ limit: 100 }));
  assert.deepEqual(customers.map((c) => c.name), ['Customer 42', 'Customer 35'], 'of 45 customers the app sees two');
  const charges = await collect(stripe.charges.list({ customer: id('cus', 35), limit: 1 }));
  assert.deepEqual(charges.map((c) => c.id), [id('ch', 35)]);
  const charge = await stripe.charges.retrieve(id('ch', 35));
  assert.equal(charge.payment_method_details.card.last4, '4235');
  assert.equal(charge.payment_method_details.card.exp_year, undefined);
  assert.equal((await stripe.invoices.retrieve(id('in', 42))).status, 'draft');
  assert.equal((await stripe.subscriptions.list({ customer: id('cus', 35), status: 'active' })).data.length, 1);

  const shape = ({ statusCode, raw }) => ({ statusCode, message: raw.message });
  const hidden = await stripe.charges.retrieve(id('ch', 2)).catch((error) => error);
  const absent = await stripe.charges.retrieve(id('ch', 999)).catch((error) => error);
  assert.equal(hidden.statusCode, 404);
  assert.deepEqual(shape(hidden), shape(absent), 'what was not picked looks like what does not exist');
  await assert.rejects(stripe.charges.list({ customer: id('cus', 2) }), { statusCode: 404 });
  await assert.rejects(stripe.charges.list(), { statusCode: 403 }, 'all of them');
  await assert.rejects(stripe.charges.retrieve(id('ch', 35), { expand: ['customer'] }), { statusCode: 400 });
  await assert.rejects(stripe.customers.search({ query: "email:'customer02@buyers.example'" }), { statusCode: 400 });
  await assert.rejects(stripe.customers.update(id('cus', 35), { name: 'No' }), { statusCode: 403 }, 'nobody allowed it to write');
  await assert.rejects(stripe.balance.retrieve(), { statusCode: 403 });
}

async function all(deputy) {
  const stripe = await allowed(deputy, ['account.read', 'balance.read', 'customers.read', 'payments.read'], []);
  const customers = await collect(stripe.customers.list({ limit: 20 }));
  assert.equal(new Set(customers.map((c) => c.id)).size, 45, 'page by page');
  const intents = await collect(stripe.paymentIntents.list({ limit: 30, created: { gte: 1 } }));
  assert.equal(intents.length, 45);
  assert.ok(intents.every((intent) => intent.client_secret === undefined && intent.customer));
  const account = await stripe.accounts.retrieveCurrent();
  assert.equal(account.business_profile.name, 'Northwind Shop');
  assert.equal(account.email, undefined);
  const balance = await stripe.balance.retrieve();
  assert.equal(balance.available[0].amount, 842300);
  const { data: [payout] } = await stripe.payouts.list({ limit: 1 });
  assert.equal(payout.destination, undefined, 'the bank account');
  await assert.rejects(stripe.payouts.create({ amount: 1, currency: 'eur' }), { statusCode: 404 });
  await assert.rejects(stripe.customers.del(id('cus', 1)), { statusCode: 404 });
}

async function writes(deputy) {
  const names = ['customers.write', 'invoices.write', 'refunds.create', 'subscriptions.write'];
  const stripe = await allowed(deputy, names, ['Customer 35', 'Customer 42'], 'agents.writes.unattended');
  const changed = await stripe.customers.update(id('cus', 35), { phone: '+351 1', metadata: { vip: 'yes' }, address: { city: 'Faro' } });
  assert.deepEqual([changed.phone, changed.metadata.vip, changed.address.city], ['+351 1', 'yes', 'Faro']);
  const draft = await stripe.invoices.create({ customer: id('cus', 42), description: 'Beans' });
  assert.equal(draft.status, 'draft');
  await stripe.invoiceItems.create({ customer: id('cus', 42), invoice: draft.id, amount: 700, currency: 'eur', description: 'A bag' });
  assert.equal((await stripe.invoices.retrieve(draft.id)).total, 700);
  const refund = await stripe.refunds.create({ payment_intent: id('pi', 35), amount: 500, reason: 'requested_by_customer' });
  assert.equal(refund.amount, 500);
  assert.deepEqual((await stripe.refunds.list({ charge: id('ch', 35) })).data.map((r) => r.id), [refund.id]);
  const ended = await stripe.subscriptions.update(id('sub', 35), { cancel_at_period_end: true, items: [{ id: id('si', 35), price: id('price', 2) }] });
  assert.equal(ended.cancel_at_period_end, true);
  await assert.rejects(stripe.refunds.create({ payment_intent: id('pi', 35), amount: 999999 }), (error) => error.statusCode === 400 && error.code === 'amount_too_large', 'what Stripe says is passed on');

  await assert.rejects(stripe.refunds.create({ charge: id('ch', 2) }), { statusCode: 404 });
  await assert.rejects(stripe.customers.create({ name: 'No' }), { statusCode: 403 }, 'a new one is none of those that were picked');
  await assert.rejects(stripe.invoices.create({ customer: id('cus', 42), auto_advance: true }), { statusCode: 400 });
  await assert.rejects(stripe.invoices.finalizeInvoice(draft.id), { statusCode: 404 });
  await assert.rejects(stripe.subscriptions.cancel(id('sub', 35)), { statusCode: 404 }, 'at once');
}
