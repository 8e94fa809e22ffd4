// Takes pictures of the console: `node e2e/shot.mjs --base-url URL --token TOKEN --out DIR`.
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { launch } from './browser.mjs';

const { values } = parseArgs({
  options: {
    'base-url': { type: 'string' }, token: { type: 'string' }, out: { type: 'string', default: 'shots' },
    only: { type: 'string' },
  },
});
mkdirSync(values.out, { recursive: true });
const browser = await launch();

const SCENES = {
  wide: { size: [1920, 1080] },
  van: { size: [1440, 900], act: openVan },
  light: { size: [1440, 900], scheme: 'light', act: openVan },
  order: { size: [1440, 900], act: openOrder },
  tickets: { size: [1440, 900], act: openTickets },
  place: { size: [1440, 900], act: openForm },
  roads: { size: [1440, 900], scheme: 'light', act: openRoads },
  help: { size: [1440, 900], act: async (page) => page.keyboard.press('?') },
  narrow: { size: [420, 860], act: async () => {} },
  login: { size: [1440, 900], token: '' },
};

async function openVan(page) {
  await page.getByRole('tab', { name: /Vans/ }).click();
  await page.getByLabel('State', { exact: true }).selectOption('driving');
  await page.waitForTimeout(800);
  await page.locator('.row-button').nth(1).click();
}
async function openOrder(page) {
  await page.getByLabel('Status', { exact: true }).selectOption('delivered');
  await page.waitForTimeout(800);
  await page.locator('.row-button').nth(3).click();
  await page.locator('.address .text-button').click({ timeout: 3000 }).catch(() => {});
}
async function openTickets(page) {
  await page.getByRole('tab', { name: /Tickets/ }).click();
  await page.locator('.ticket .text-button').first().click({ timeout: 3000 }).catch(() => {});
}
async function openForm(page) {
  await page.keyboard.press('n');
  await page.locator('.map canvas').click({ position: { x: 500, y: 400 } });
}
async function openRoads(page) {
  await page.keyboard.press('z');
  await page.keyboard.press('c');
  await page.locator('.map canvas').click({ position: { x: 480, y: 380 } });
  await page.keyboard.press('4');
}

for (const [name, scene] of Object.entries(SCENES)) {
  if (values.only && !values.only.split(',').includes(name)) continue;
  const [width, height] = scene.size;
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scene.scheme ?? 'dark' });
  const page = await context.newPage();
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') process.stdout.write(`${name}: ${message.text()}\n`);
  });
  page.on('pageerror', (error) => process.stdout.write(`${name}: ${error.message}\n`));
  const token = scene.token ?? values.token;
  page.setDefaultTimeout(120_000);
  await page.goto(`${values['base-url']}/${token ? `#token=${token}` : ''}`);
  await page.waitForTimeout(3500);
  await scene.act?.(page);
  await page.waitForTimeout(2500);
  await page.screenshot({ path: `${values.out}/${name}.png` });
  await context.close();
}
await browser.close();
