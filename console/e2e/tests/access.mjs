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
  ['access: a viewer sees no button that changes anything', async (s) => {
    const page = await s.openConsole({ prepare: (p) => asRole(p, { role: 'viewer', name: 'Vera' }) });
    await page.getByRole('tab', { name: /Tickets/ }).click();
    for (const name of ['Place an order', 'Close a road', 'Pause', 'Run']) {
      assert.equal(await page.getByRole('button', { name, exact: true }).count(), 0, name);
    }
    assert.equal(await page.locator('.choices').count(), 0);
    await page.keyboard.press('n');
    assert.equal(await page.locator('.mode').count(), 0);
  }],
  ['access: a tenant sees orders and nothing of the fleet', async (s) => {
    const paths = [];
    const page = await s.openConsole({
      isBlind: true,
      prepare: (p) => {
        p.on('request', (r) => paths.push(new URL(r.url()).pathname));
        return asRole(p, { role: 'tenant', name: 'Tina', tenant_id: 1 });
      },
    });
    assert.deepEqual(await page.getByRole('tab').allInnerTexts(), ['Orders']);
    assert.equal(await page.getByRole('button', { name: 'Place an order' }).count(), 1);
    assert.equal(await page.locator('.legend, .kpi').count(), 0);
    assert.deepEqual(paths.filter((p) => /vans|tickets|kpi|live|permits/.test(p)), []);
  }],
];

/** Lets the console believe that it has another role; the server's own tests check that it denies. */
function asRole(page, session) {
  return page.route('**/api/v1/session', (route) => route.fulfill({ json: session }));
}
