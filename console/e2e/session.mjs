// One test's browser window, and direct calls to the server to compare with.
import assert from 'node:assert/strict';

const WAIT_MS = 40_000;

export class Session {
  constructor(browser, base, token, roles) {
    Object.assign(this, { browser, base, token, roles });
    this.contexts = [];
    this.problems = [];
    this.hosts = new Set();
    this.isLoud = false;
  }

  /** A page in a window of its own; `prepare` may set routes before it loads. */
  async open({ path, prepare, context: options } = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1200, height: 760 }, ...options });
    context.setDefaultTimeout(WAIT_MS);
    this.contexts.push(context);
    const page = await context.newPage();
    page.on('pageerror', (error) => this.problems.push(`page error: ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error') this.problems.push(`console: ${message.text()}`);
    });
    page.on('request', (request) => this.hosts.add(new URL(request.url()).host));
    await prepare?.(page);
    await page.goto(this.base + (path ?? `/#token=${this.token}`));
    this.page = page;
    return page;
  }

  /** A page with the console open; a tenant's is blind for the fleet and its figures. */
  async openConsole(options) {
    const page = await this.open(options);
    await page.locator('.map canvas').waitFor();
    if (!options?.isBlind) await page.locator('.kpi-value').first().waitFor();
    return page;
  }

  /** Calls the API and returns the answer as it is. */
  call(token, method, path, body) {
    return fetch(`${this.base}/api/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      body: body && JSON.stringify(body),
    });
  }

  /** Calls the API as the test's token; fails if it says no. */
  async api(method, path, body) {
    const response = await this.call(this.token, method, path, body);
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  }

  /** Runs `check` until it no longer throws. */
  async until(check, what) {
    const end = Date.now() + WAIT_MS;
    for (;;) {
      try {
        return await check();
      } catch (error) {
        if (Date.now() > end) throw new Error(`${what}: ${error.message}`, { cause: error });
        await new Promise((done) => {
          setTimeout(done, 200);
        });
      }
    }
  }

  /** Expects that some errors are printed: the test makes them. */
  expectNoise() {
    this.isLoud = true;
  }

  /** Nothing went wrong in the page, and nothing but the server was asked. */
  expectQuiet() {
    const others = [...this.hosts].filter((host) => host !== new URL(this.base).host && host !== '');
    assert.deepEqual(others, [], 'hosts other than the server were asked');
    if (!this.isLoud) assert.deepEqual(this.problems, []);
    assert.ok(!this.problems.some((p) => p.startsWith('page error')), this.problems.join('\n'));
  }

  async shoot(path) {
    await this.page?.screenshot({ path }).catch(() => undefined);
  }

  async close() {
    for (const context of this.contexts) await context.close();
  }
}

/** Runs until vans are driving, then pauses; returns them. */
export async function drivingVans(s) {
  return s.until(async () => {
    await s.api('POST', 'sim/speed', { factor: 0 });
    const { items } = await s.api('GET', 'vans?state=driving&limit=500');
    if (items.length === 0) await s.api('POST', 'sim/speed', { factor: 30 });
    assert.ok(items.length > 0, 'no van is driving');
    return items;
  }, 'vans on the road');
}

/** Pauses, and moves the map until a driving van is in its middle. Returns its name. */
export async function centreOnVan(s, page) {
  const items = await drivingVans(s);
  // One on the road stands alone; at the hub several share a place.
  const far = (van) => Math.min(...items.filter((v) => v !== van).map((v) => Math.hypot(v.lat_deg - van.lat_deg, v.lon_deg - van.lon_deg)));
  const van = items.toSorted((a, b) => far(b) - far(a))[0];
  await page.getByRole('tab', { name: 'Vans' }).click();
  await page.getByPlaceholder('Van').fill(van.name);
  await page.locator('.row-button', { hasText: van.name }).first().click();
  await page.getByRole('button', { name: 'Follow on the map' }).click();
  await s.until(async () => {
    const [lon, lat, zoom] = (await page.locator('.map').getAttribute('data-view')).split(' ').map(Number);
    const off = Math.hypot(lon - van.lon_deg, lat - van.lat_deg);
    assert.ok(off < 0.0001 && zoom > 15, `${off} degrees off, zoom ${zoom}`);
  }, 'van in the middle');
  return van.name;
}

/** Clicks the middle of the map. */
export async function clickMiddle(page) {
  const box = await page.locator('.map canvas').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
}

/** A picture of the middle of the map, where no panel lies. */
export async function middleOfMap(page) {
  const box = await page.locator('.map canvas').boundingBox();
  const [width, height] = [Math.min(320, box.width), Math.min(320, box.height)];
  return page.screenshot({ clip: { x: box.x + (box.width - width) / 2, y: box.y + (box.height - height) / 2, width, height } });
}

/** Share of a picture that is not of its most frequent colour: the ground of the map. */
export async function shareDrawn(page, png) {
  return page.evaluate(async (bytes) => {
    const picture = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(picture.width, picture.height);
    const g = canvas.getContext('2d');
    g.drawImage(picture, 0, 0);
    const data = new Uint32Array(g.getImageData(0, 0, picture.width, picture.height).data.buffer);
    const counts = new Map();
    for (const colour of data) counts.set(colour, (counts.get(colour) ?? 0) + 1);
    return 1 - Math.max(...counts.values()) / data.length;
  }, [...png]);
}

/** Share of pixels that differ between two pictures. */
export async function difference(page, a, b) {
  return page.evaluate(async (pair) => {
    const [p, q] = await Promise.all(
      pair.map(async (bytes) => {
        const picture = await createImageBitmap(new Blob([new Uint8Array(bytes)], { type: 'image/png' }));
        const canvas = new OffscreenCanvas(picture.width, picture.height);
        const g = canvas.getContext('2d');
        g.drawImage(picture, 0, 0);
        return g.getImageData(0, 0, picture.width, picture.height).data;
      }),
    );
    let n = 0;
    for (let i = 0; i < p.length; i += 4) n += Math.abs(p[i] - q[i]) + Math.abs(p[i + 1] - q[i + 1]) > 24 ? 1 : 0;
    return n / (p.length / 4);
  }, [[...a], [...b]]);
}
