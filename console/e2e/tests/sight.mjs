// What a driver sees, in the card of its van.
import assert from 'node:assert/strict';
import { drivingVans } from '../session.mjs';

export const tests = [
  ['sight: the card of a van opens what its driver sees and intends', async (s) => {
    // A van that is driven in detail, if the server drives any so.
    let id;
    const vans = await drivingVans(s);
    await s.until(async () => {
      // Time runs until one of them drives, then slows down so that it still does when looked at.
      await s.api('POST', 'sim/speed', { factor: 30 });
      for (const van of vans.slice(0, 24)) {
        const { sight } = await s.api('GET', `vans/${van.id}/sight`);
        if (sight) id = van.id;
      }
      assert.ok(id !== undefined, 'no driver shows what it sees');
      await s.api('POST', 'sim/speed', { factor: 1 });
    }, 'a driver that shows what it sees');
    const page = await s.openConsole({ path: `/#token=${s.token}` });
    await page.getByRole('tab', { name: /Vans/ }).click();
    const name = (await s.api('GET', `vans/${id}`)).name;
    await page.getByText(name, { exact: true }).first().click();
    await page.getByText('What its driver sees').click();
    await page.locator('.driver-view svg .dv-ego').waitFor();
    assert.ok((await page.locator('.driver-view .dv-plan').getAttribute('points')).length > 10, 'a plan is drawn');
    assert.ok((await page.locator('.driver-view figcaption').innerText()).length > 5, 'and a reason given');
  }],
];
