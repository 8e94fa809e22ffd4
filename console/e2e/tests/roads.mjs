// Closing roads, permits, tickets, speed.
import assert from 'node:assert/strict';
import { centreOnVan, clickMiddle, drivingVans } from '../session.mjs';

export const tests = [
  ['roads: one is closed by clicking it, and reopened', async (s) => {
    const page = await s.openConsole();
    await centreOnVan(s, page);
    const before = (await s.api('GET', 'roads/closures')).items.length;
    await page.keyboard.press('c');
    await page.locator('.mode').waitFor();
    await clickMiddle(page);
    await page.locator('.toast.is-done').waitFor();
    await s.until(async () => assert.equal((await s.api('GET', 'roads/closures')).items.length, before + 1), 'closed');
    await page.getByRole('tab', { name: 'Roads' }).click();
    await page.getByRole('button', { name: 'Reopen' }).last().click();
    await s.until(async () => assert.equal((await s.api('GET', 'roads/closures')).items.length, before), 'reopened');
    await s.api('POST', 'sim/speed', { factor: 1 });
  }],
  ['roads: permit zones and facilities are listed', async (s) => {
    const page = await s.openConsole();
    const { items } = await s.api('GET', 'permits');
    const { facilities } = await s.api('GET', 'city');
    await page.getByRole('tab', { name: 'Roads' }).click();
    await s.until(async () => {
      const names = await page.locator('[aria-labelledby=permits] .row-title').allInnerTexts();
      assert.deepEqual(names.toSorted(), items.map((p) => p.name).toSorted());
    }, 'permits');
    await page.getByRole('checkbox', { name: 'On the map' }).check();
    assert.equal(await page.getByRole('button', { name: 'Permit zones' }).getAttribute('aria-pressed'), 'true');
    assert.equal(await page.locator('[aria-labelledby=facilities] li').count(), Math.min(facilities.length, facilityMax(facilities)));
  }],
  ['tickets: come most urgent first, and an answer reaches the server', async (s) => {
    const waiting = await someTicket(s);
    const page = await s.openConsole();
    await page.getByRole('tab', { name: /Tickets/ }).click();
    await page.locator('.ticket .choices button').first().waitFor();
    const words = ['Low', 'Normal', 'High', 'Critical'];
    const shown = (await page.locator('ul.tickets:not(.is-old) .urgency').allInnerTexts()).map((w) => words.indexOf(w));
    assert.deepEqual(shown, shown.toSorted((a, b) => b - a));
    await page.locator('.ticket .choices button').first().click();
    await s.until(async () => {
      const open = (await s.api('GET', 'tickets?status=open')).items.map((t) => t.id);
      assert.ok(waiting.some((id) => !open.includes(id)), 'no ticket was answered');
    }, 'answered');
    assert.equal(await page.locator('.toast.is-error').count(), 0);
    await s.api('POST', 'sim/speed', { factor: 1 });
  }],
  ['speed: pause, run and faster reach the server', async (s) => {
    await s.api('POST', 'sim/speed', { factor: 5 });
    const page = await s.openConsole();
    const speed = async () => (await s.api('GET', 'kpi')).speed;
    await page.getByRole('button', { name: 'Pause' }).click();
    await s.until(async () => assert.equal(await speed(), 0), 'paused');
    await page.getByRole('button', { name: 'Run', exact: true }).click();
    await s.until(async () => assert.equal(await speed(), 5), 'runs again');
    await s.until(async () => assert.equal(await page.locator('.speed-value').innerText(), '5×'), 'shown');
    await page.locator('.map canvas').focus();
    await page.keyboard.press(']');
    await s.until(async () => assert.equal(await speed(), 10), 'faster by key');
    await s.api('POST', 'sim/speed', { factor: 1 });
    await s.until(async () => assert.equal(await page.locator('.speed-value').innerText(), '1×'), 'heard of it');
  }],
];

const facilityMax = (facilities) => {
  const counts = {};
  for (const { kind } of facilities) counts[kind] = (counts[kind] ?? 0) + 1;
  return Object.values(counts).reduce((sum, n) => sum + Math.min(100, n), 0);
};

/** Ids of the open tickets; breaks vans down until there is one. */
async function someTicket(s) {
  const open = async () => (await s.api('GET', 'tickets?status=open')).items.map((t) => t.id);
  if ((await open()).length > 0) return open();
  const items = await drivingVans(s);
  for (const van of items.slice(0, 3)) await s.api('POST', 'sim/faults', { kind: 'van_dead', van_id: van.id });
  await s.api('POST', 'sim/speed', { factor: 5 });
  await s.until(async () => assert.ok((await open()).length > 0), 'a ticket comes');
  // Time stands still, so that nobody else answers it first.
  await s.api('POST', 'sim/speed', { factor: 0 });
  return open();
}
