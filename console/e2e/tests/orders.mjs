// Orders: finding, reading, placing, cancelling.
import assert from 'node:assert/strict';
import { centreOnVan, clickMiddle } from '../session.mjs';

export const tests = [
  ['orders: search finds one by its key, and its whole story opens', async (s) => {
    await s.api('POST', 'sim/speed', { factor: 0 });
    const { items } = await s.api('GET', 'orders?status=delivered&limit=1000');
    // Keys belong to tenants: two of them may use the same one.
    const isAlone = ({ key, id }) => !items.some((other) => other.id !== id && other.key.includes(key));
    const wanted = items.find(isAlone) ?? items[0];
    const page = await s.openConsole();
    await page.keyboard.press('/');
    await page.locator('#order-search:focus').waitFor();
    await page.keyboard.type(wanted.key);
    const row = page.locator('.row-button', { has: page.getByText(wanted.key, { exact: true }) });
    await s.until(async () => assert.ok((await page.locator('.row-button').count()) <= 20), 'search narrows');
    await row.first().click();
    const { story } = await s.api('GET', `orders/${wanted.id}`);
    await s.until(async () => assert.equal(await page.locator('.story-line').count(), story.length), 'story lines');
    assert.equal(await page.locator('.card h2').innerText(), wanted.key);
    await s.api('POST', 'sim/speed', { factor: 1 });
  }],
  ['orders: filter and pages', async (s) => {
    await s.api('POST', 'sim/speed', { factor: 0 });
    const page = await s.openConsole();
    await s.until(async () => assert.ok((await page.locator('.row-title').count()) > 0), 'rows');
    const { total } = await s.api('GET', 'orders?limit=1');
    assert.match(await page.locator('.pager [role=status]').innerText(), new RegExp(`of ${total.toLocaleString('en-GB')}`));
    if (total > 40) {
      const rows = page.locator('.rows .row-button');
      const first = await rows.allInnerTexts();
      await page.getByRole('button', { name: 'Older' }).click();
      await s.until(async () => {
        const second = await rows.allInnerTexts();
        assert.ok(second.length > 0);
        assert.equal(second.filter((row) => first.includes(row)).length, 0);
      }, 'next page');
      await page.getByRole('button', { name: 'Newer' }).click();
    }
    const status = (await s.api('GET', 'orders?limit=1')).items[0].status;
    await page.getByLabel('Status', { exact: true }).selectOption(status);
    await s.until(async () => {
      const shown = await page.locator('.rows .pill').allInnerTexts();
      assert.ok(shown.length > 0 && shown.every((text) => text === status), shown.join());
    }, 'filter by status');
    await s.api('POST', 'sim/speed', { factor: 1 });
  }],
  ['orders: one is placed by clicking the map, and cancelled', async (s) => {
    const page = await s.openConsole();
    await centreOnVan(s, page);
    await page.getByRole('button', { name: 'Place an order' }).click();
    await page.locator('.mode').waitFor();
    const before = (await s.api('GET', 'orders?limit=1')).total;
    await clickMiddle(page);
    await page.getByLabel('Parcels').fill('2');
    await page.getByLabel('Window').selectOption('4');
    await page.getByRole('button', { name: 'Place order' }).click();
    await page.locator('.story').waitFor();
    await s.until(async () => assert.ok((await s.api('GET', 'orders?limit=1')).total > before), 'order is there');
    const key = await page.locator('.card h2').innerText();
    const [order] = (await s.api('GET', `orders?query=${key}`)).items;
    assert.equal(order.n_parcels, 2);
    await page.getByRole('button', { name: 'One hour later' }).click();
    await s.until(async () => {
      const { window_end_ms } = await s.api('GET', `orders/${order.id}`);
      assert.equal(window_end_ms, order.window_end_ms + 3_600_000);
    }, 'window moved');
    await page.getByRole('button', { name: 'Cancel order' }).click();
    await page.getByRole('button', { name: 'Really cancel it?' }).click();
    await s.until(async () => assert.equal((await s.api('GET', `orders/${order.id}`)).status, 'cancelled'), 'cancelled');
    await s.api('POST', 'sim/speed', { factor: 1 });
  }],
  ['orders: the keyboard alone places one', async (s) => {
    const page = await s.openConsole();
    await page.keyboard.press('n');
    await page.locator('.mode').waitFor();
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Place order' }).waitFor();
    await page.keyboard.press('Escape');
    await page.locator('.card').waitFor({ state: 'detached' });
  }],
  ['errors: message and hint are shown as text, and stay until dismissed', async (s) => {
    s.expectNoise();
    const nasty = '<img src=x onerror="window.hacked=1"> no road <b>here</b>';
    const page = await s.openConsole({
      prepare: (p) =>
        p.route('**/api/v1/orders', (route) =>
          route.request().method() === 'POST'
            ? route.fulfill({ status: 422, json: { error: { code: 'order_unreachable', message: nasty, hint: 'Choose a <i>street</i>' } } })
            : route.fallback(),
        ),
    });
    await page.keyboard.press('n');
    await page.locator('.map canvas').click();
    await page.getByRole('button', { name: 'Place order' }).click();
    const toast = page.locator('.toast.is-error');
    await toast.waitFor();
    assert.ok((await toast.innerText()).includes(nasty));
    assert.equal(await toast.locator('.hint').innerText(), 'Choose a <i>street</i>');
    assert.equal(await toast.locator('img, b, i').count(), 0);
    assert.equal(await page.evaluate(() => window.hacked), undefined);
    await page.getByRole('button', { name: 'Place order' }).waitFor();
    await page.waitForTimeout(7000);
    assert.equal(await toast.count(), 1);
    await toast.getByRole('button', { name: 'Dismiss' }).click();
    await toast.waitFor({ state: 'detached' });
  }],
];
