// The live link: loss, broken frames, a big fleet.
import assert from 'node:assert/strict';

export const tests = [
  ['link: a lost one is told and comes back by itself', async (s) => {
    s.expectNoise();
    let isDown = false;
    const sockets = [];
    const page = await s.openConsole({
      prepare: (p) =>
        p.routeWebSocket(/\/live/, (ws) => {
          if (isDown) ws.close();
          else {
            ws.connectToServer();
            sockets.push(ws);
          }
        }),
    });
    await page.locator('.link.is-open').waitFor();
    isDown = true;
    for (const ws of sockets) await ws.close();
    await page.locator('.link-banner').waitFor();
    isDown = false;
    await page.locator('.link.is-open').waitFor();
    await page.locator('.link-banner').waitFor({ state: 'detached' });
    await s.until(async () => assert.ok((await legendTotal(page)) > 0), 'vans again');
  }],
  ['link: a broken frame is told, and the next good one is taken', async (s) => {
    const page = await s.openConsole({
      prepare: (p) =>
        p.routeWebSocket(/\/live/, (ws) => {
          const server = ws.connectToServer();
          let n = 0;
          server.onMessage((message) => {
            n += 1;
            if (n === 3) ws.send(Buffer.from([1, 1, 12, 0, 9, 9]));
            if (n === 4) ws.send('{"type":"kpi"');
            ws.send(message);
          });
        }),
    });
    await page.locator('.toast.is-error', { hasText: 'cut short' }).waitFor();
    await s.until(async () => assert.ok((await legendTotal(page)) > 0), 'vans nevertheless');
  }],
  ['link: 20,000 moving vans keep the page usable', async (s) => {
    const { center } = await s.api('GET', 'city');
    const page = await s.openConsole({
      prepare: (p) =>
        p.routeWebSocket(/\/live/, (ws) => {
          let step = 0;
          const timer = setInterval(() => {
            step += 1;
            ws.send(manyVans(center, 20_000, step));
          }, 1000);
          ws.onClose(() => clearInterval(timer));
        }),
    });
    await s.until(async () => assert.equal(await legendTotal(page), 20_000), 'all vans are counted');
    await page.getByRole('tab', { name: 'Vans' }).click();
    await page.locator('.row-button').first().waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
  }],
];

async function legendTotal(page) {
  const counts = await page.locator('.legend .figure').allInnerTexts();
  return counts.reduce((sum, n) => sum + Number(n), 0);
}

/** A full frame of the centre's cell with vans on circles. */
function manyVans([lon, lat], n, step) {
  const side = 2 ** 12;
  const s = Math.sin((lat * Math.PI) / 180);
  const x = ((lon + 180) / 360) * side;
  const y = (0.5 - Math.log((1 + s) / (1 - s)) / (4 * Math.PI)) * side;
  const b = Buffer.alloc(24 + 14 * n);
  b[0] = 1;
  b[1] = 1;
  b[2] = 12;
  b.writeUInt32LE(Math.floor(x), 4);
  b.writeUInt32LE(Math.floor(y), 8);
  b.writeUInt16LE(n, 20);
  for (let i = 0; i < n; i++) {
    const at = 24 + 14 * i;
    const turn = i * 2.399963 + step * 0.02;
    const radius = 6000 * Math.sqrt(i / n);
    const clamp = (v) => Math.max(0, Math.min(65535, Math.round(v)));
    b.writeUInt32LE(1_000_000 + i, at);
    b.writeUInt16LE(clamp((x % 1) * 65536 + radius * Math.cos(turn)), at + 4);
    b.writeUInt16LE(clamp((y % 1) * 65536 + radius * Math.sin(turn)), at + 6);
    b[at + 8] = Math.floor((turn / (2 * Math.PI)) * 256 + 128) & 255;
    b[at + 9] = i % 10;
    b[at + 10] = i % 256;
    b[at + 12] = 40;
  }
  return b;
}
