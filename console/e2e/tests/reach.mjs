// Keyboard, names for screen readers, themes, sizes, calm motion.
import assert from 'node:assert/strict';

export const tests = [
  ['reach: the first Tab offers skip links, and help opens and closes by key', async (s) => {
    const page = await s.openConsole();
    await page.keyboard.press('Tab');
    assert.equal(await focused(page, (e) => e.textContent), 'Skip to the map');
    await page.keyboard.press('Enter');
    assert.equal(await focused(page, (e) => e.tagName), 'CANVAS');
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    assert.equal(await focused(page, (e) => e.tagName), 'CANVAS');
  }],
  ['reach: tabs go by arrow keys, rows by Enter, and the focus comes back', async (s) => {
    const page = await s.openConsole();
    await page.getByRole('tab', { name: 'Orders' }).focus();
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.getByRole('tab', { name: 'Vans' }).getAttribute('aria-selected'), 'true');
    const row = page.locator('.row-button').nth(1);
    await row.focus();
    const text = await row.locator('.row-title').innerText();
    await page.keyboard.press('Enter');
    await page.locator('.card h2', { hasText: text }).waitFor();
    assert.equal(await focused(page, (e) => e.tagName), 'H2');
    await page.keyboard.press('Escape');
    await page.locator('.card').waitFor({ state: 'detached' });
    assert.match(await focused(page, (e) => e.className), /row-button/);
  }],
  ['reach: every control has a name, and every focus is seen', async (s) => {
    const page = await s.openConsole();
    for (const tab of await page.getByRole('tab').all()) {
      await tab.click();
      await page.waitForTimeout(600);
      const nameless = await page.evaluate(() =>
        [...document.querySelectorAll('button, a, input, select, [role=tab], [role=meter]')]
          .filter((e) => !(e.getAttribute('aria-label') || e.textContent.trim() || e.labels?.length))
          .map((e) => e.outerHTML.slice(0, 120)),
      );
      assert.deepEqual(nameless, []);
    }
    for (let i = 0; i < 25; i++) {
      await page.keyboard.press('Tab');
      const outline = await focused(page, (e) => `${getComputedStyle(e).outlineStyle} ${getComputedStyle(e).outlineWidth}`);
      assert.match(outline, /solid [1-9]|auto/, await focused(page, (e) => e.outerHTML.slice(0, 160)));
    }
  }],
  ['reach: dark and light are both drawn, and the choice is kept', async (s) => {
    const page = await s.openConsole({ context: { colorScheme: 'light' } });
    const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
    assert.equal(await theme(), 'light');
    await page.keyboard.press('t');
    await s.until(async () => assert.equal(await theme(), 'dark'), 'dark');
    await page.reload();
    await page.locator('.kpi-value').first().waitFor();
    assert.equal(await theme(), 'dark');
  }],
  ['reach: text stands out from its ground in both themes', async (s) => {
    const page = await s.openConsole();
    for (const theme of ['dark', 'light']) {
      const pairs = await page.evaluate((name) => {
        document.documentElement.dataset.theme = name;
        const probe = document.body.appendChild(document.createElement('span'));
        const light = (token) => {
          probe.style.color = `var(${token})`;
          const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g).map((n) => {
            const c = Number(n) / 255;
            return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
          });
          return 0.2126 * r + 0.7152 * g + 0.0722 * b;
        };
        return ['--ink', '--ink-2', '--ink-3', '--bad'].map((token) => {
          const [a, b] = [light(token), light('--paper-2')].toSorted((p, q) => q - p);
          return [token, (a + 0.05) / (b + 0.05)];
        });
      }, theme);
      for (const [token, ratio] of pairs) assert.ok(ratio >= 4.5, `${theme} ${token}: ${ratio.toFixed(2)}`);
    }
  }],
  ['reach: a narrow screen shows everything without scrolling sideways', async (s) => {
    const page = await s.openConsole({ context: { viewport: { width: 400, height: 820 } } });
    await page.getByRole('tab', { name: 'Vans' }).click();
    await page.locator('.row-button').first().click();
    await page.locator('.card h2').waitFor();
    const [width, inner] = await page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth]);
    assert.ok(width <= inner, `${width} > ${inner}`);
    const card = await page.locator('.card').boundingBox();
    assert.ok(card.x >= 0 && card.x + card.width <= 400);
  }],
  ['reach: calm motion is respected and still shows vans', async (s) => {
    const page = await s.openConsole({ context: { reducedMotion: 'reduce' } });
    await s.until(async () => {
      const counts = await page.locator('.legend .figure').allInnerTexts();
      assert.ok(counts.some((n) => Number(n) > 0));
    }, 'vans');
    const running = await page.evaluate(() => document.getAnimations().length);
    assert.equal(running, 0);
  }],
];

function focused(page, read) {
  return page.evaluate(`(${read})(document.activeElement)`);
}
