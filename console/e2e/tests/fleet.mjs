// The map and the vans on it.
import assert from 'node:assert/strict';
import { centreOnVan, clickMiddle, difference, drivingVans, middleOfMap, shareDrawn } from '../session.mjs';

export const tests = [
  ['map: the city is drawn with labels and attribution, from this server alone', async (s) => {
    const tiles = [];
    const page = await s.openConsole({
      prepare: (p) => p.on('response', (r) => r.url().includes('/tiles/') && tiles.push(r.status())),
    });
    await s.until(async () => {
      assert.ok(tiles.length > 0 && tiles.every((status) => status === 200 || status === 204), `tiles: ${tiles}`);
      const drawn = await shareDrawn(page, await middleOfMap(page));
      assert.ok(drawn > 0.12, `only ${drawn.toFixed(3)} of the map is drawn`);
    }, 'map drawn');
    assert.match(await page.locator('.attribution').innerText(), /OpenStreetMap/);
  }],
  ['map: vans are shown, counted and move', async (s) => {
    const page = await s.openConsole();
    await s.until(async () => assert.ok((await shownVans(page)) > 0), 'vans in the legend');
    const { vans_total } = await s.api('GET', 'kpi');
    assert.ok((await shownVans(page)) <= vans_total);
    await centreOnVan(s, page);
    await page.keyboard.press('Escape');
    await s.until(async () => {
      await s.api('POST', 'sim/speed', { factor: 1 });
      const before = await middleOfMap(page);
      await page.waitForTimeout(1500);
      assert.ok((await difference(page, before, await middleOfMap(page))) > 0.0002, 'nothing moves');
    }, 'vans move');
  }],
  ['map: key figures are those of the server', async (s) => {
    await s.api('POST', 'sim/speed', { factor: 0 });
    const page = await s.openConsole();
    await s.until(async () => {
      const kpi = await s.api('GET', 'kpi');
      const shown = await page.locator('[data-kpi=Delivered]').innerText();
      assert.equal(shown, kpi.delivered.toLocaleString('en-GB'));
      assert.equal(await page.locator('[data-kpi=Pending]').innerText(), kpi.pending.toLocaleString('en-GB'));
    }, 'figures agree');
    await s.api('POST', 'sim/speed', { factor: 1 });
  }],
  ['map: a click on a van opens its panel', async (s) => {
    const page = await s.openConsole();
    const name = await centreOnVan(s, page);
    await page.keyboard.press('Escape');
    await page.locator('.card').waitFor({ state: 'detached' });
    await clickMiddle(page);
    await page.locator('.card h2', { hasText: name }).waitFor();
    await s.api('POST', 'sim/speed', { factor: 1 });
  }],
  ['van: the panel tells battery, load and the stops the server has', async (s) => {
    await s.api('POST', 'sim/speed', { factor: 0 });
    const page = await s.openConsole();
    const { items } = await s.api('GET', 'vans?limit=500');
    const van = items.find((v) => v.n_stops_left > 1) ?? items[0];
    await page.getByRole('tab', { name: 'Vans' }).click();
    await page.getByPlaceholder('Van').fill(van.name);
    await page.locator('.row-button', { hasText: van.name }).first().click();
    await page.getByRole('meter', { name: 'Battery' }).waitFor();
    assert.equal(await page.locator('.card h2').innerText(), van.name);
    await s.until(async () => {
      const detail = await s.api('GET', `vans/${van.id}`);
      const ahead = detail.stops.filter((stop) => stop.status !== 'done');
      assert.equal(await page.locator('.stop').count(), Math.min(60, ahead.length));
      const battery = Number(await page.getByRole('meter', { name: 'Battery' }).getAttribute('aria-valuenow'));
      assert.ok(Math.abs(battery - detail.soc * 100) < 2, `battery ${battery}, server ${detail.soc}`);
    }, 'stops agree');
    await s.api('POST', 'sim/speed', { factor: 1 });
  }],
  ['van: losing one asks twice, then takes it out of service', async (s) => {
    const van = (await drivingVans(s)).at(-1);
    const page = await s.openConsole();
    await page.getByRole('tab', { name: 'Vans' }).click();
    await page.getByPlaceholder('Van').fill(van.name);
    await page.locator('.row-button', { hasText: van.name }).first().click();
    await page.getByRole('button', { name: 'Lose van' }).click();
    assert.notEqual((await s.api('GET', `vans/${van.id}`)).state, 'lost');
    await page.getByRole('button', { name: 'Really lose it?' }).click();
    await page.locator('.toast.is-done').waitFor();
    await s.api('POST', 'sim/speed', { factor: 30 });
    await s.until(async () => {
      const { state } = await s.api('GET', `vans/${van.id}`);
      assert.ok(['lost', 'offline', 'trouble', 'stopped'].includes(state), state);
    }, 'van is out of service');
    await s.api('POST', 'sim/speed', { factor: 1 });
  }],
  ['legend: a state can be hidden and shown again', async (s) => {
    const page = await s.openConsole();
    const driving = page.locator('.legend button', { hasText: 'driving' });
    await driving.click();
    assert.equal(await driving.getAttribute('aria-pressed'), 'false');
    await driving.click();
    assert.equal(await driving.getAttribute('aria-pressed'), 'true');
  }],
];

async function shownVans(page) {
  const counts = await page.locator('.legend .figure').allInnerTexts();
  return counts.reduce((sum, n) => sum + Number(n), 0);
}
