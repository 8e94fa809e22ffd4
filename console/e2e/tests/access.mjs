// Who gets in, and what each role is shown.
import assert from 'node:assert/strict';

export const tests = [
  ['access: without a token a box asks for it', async (s) => {
    const page = await s.open({ path: '/' });
    await page.getByLabel('Access token').fill(`${s.base}/#token=${s.token}`);
    await page.getByRole('button', { name: 'Open the console' }).click();
    await page.locator('.kpi-value').first().waitFor();
  }],
  ['access: a wrong token is refused with the hint of the server', async (s) => {
    s.expectNoise();
    const page = await s.open({ path: '/#token=wrong' });
    const alert = page.getByRole('alert');
    await alert.waitFor();
    assert.ok((await alert.locator('.hint').innerText()).length > 5);
    assert.equal(await page.evaluate(() => sessionStorage.getItem('robovan.token')), null);
  }],
  ['access: the token leaves the address and lasts over a reload', async (s) => {
    const page = await s.openConsole();
    assert.equal(new URL(page.url()).hash, '');
    assert.equal(await page.evaluate(() => sessionStorage.getItem('robovan.token')), s.token);
    assert.equal(await page.evaluate((t) => JSON.stringify({ ...localStorage }).includes(t), s.token), false);
    await page.reload();
    await page.locator('.kpi-value').first().waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Access token').waitFor();
    assert.equal(await page.evaluate(() => sessionStorage.getItem('robovan.token')), null);
  }],
  ['access: a viewer sees no button that changes anything, and is denied what the buttons do', async (s) => {
    const page = await s.openConsole({ path: `/#token=${s.roles.viewer}` });
    await page.getByRole('tab', { name: /Tickets/ }).click();
    for (const name of ['Place an order', 'Close a road', 'Pause', 'Run']) {
      assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name);
    }
    assert.equal(await page.locator('.choices').count(), 0);
    await page.keyboard.press('n');
    assert.equal(await page.locator('.mode').count(), 0);
    await isDenied(s, s.roles.viewer, [
      ['POST', 'orders', {}], ['POST', 'roads/close', {}], ['POST', 'vans/0/halt'], ['POST', 'sim/speed', { factor: 1 }],
      ['POST', 'sim/faults', { kind: 'weather' }], ['POST', 'tickets/0/answer', {}],
    ]);
  }],
  ['access: an operator runs vans and roads but not the clock', async (s) => {
    const page = await s.openConsole({ path: `/#token=${s.roles.operator}` });
    for (const name of ['Place an order', 'Close a road']) {
      await page.getByRole('button', { name, exact: true }).waitFor();
    }
    for (const name of ['Pause', 'Run']) {
      assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name);
    }
    await isDenied(s, s.roles.operator, [['POST', 'sim/speed', { factor: 1 }], ['POST', 'sim/faults', { kind: 'weather' }]]);
  }],
  ['access: a tenant sees its own orders and nothing of the fleet', async (s) => {
    const paths = [];
    const page = await s.openConsole({
      path: `/#token=${s.roles.tenant}`,
      isBlind: true,
      prepare: (p) => p.on('request', (r) => paths.push(new URL(r.url()).pathname)),
    });
    assert.deepEqual(await page.getByRole('tab').allInnerTexts(), ['Orders']);
    assert.equal(await page.getByRole('button', { name: 'Place an order' }).count(), 1);
    assert.equal(await page.locator('.legend, .kpi').count(), 0);
    assert.deepEqual(paths.filter((p) => /vans|tickets|kpi|live|permits/.test(p)), []);
    const { items } = await (await s.call(s.roles.tenant, 'GET', 'orders?limit=200')).json();
    assert.ok(items.length > 0 && items.every((order) => order.tenant_id === 1), 'orders of another tenant');
    const foreign = (await s.api('GET', 'orders?tenant_id=2&limit=1')).items[0];
    if (foreign) assert.equal((await s.call(s.roles.tenant, 'GET', `orders/${foreign.id}`)).status, 404);
    await isDenied(s, s.roles.tenant, [['GET', 'vans'], ['GET', 'kpi'], ['GET', 'ledger'], ['POST', 'roads/close', {}]]);
  }],
];

/** The server refuses each of these, whatever a console shows. */
async function isDenied(s, token, calls) {
  for (const [method, path, body] of calls) {
    const { status } = await s.call(token, method, path, body);
    assert.equal(status, 403, `${method} ${path}: ${status}`);
  }
}
