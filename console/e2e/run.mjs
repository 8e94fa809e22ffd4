// Runs the end-to-end tests in a real browser against any server.
// `npm run e2e -- --base-url http://127.0.0.1:8080 --token TOKEN [--only WORD] [--shots DIR]`
// With --viewer-token, --operator-token and --tenant-token (of tenant 1) the roles are tested, too.
// Without --base-url it starts the mock server. The last line is `N passed, N failed`.
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startMock } from '../mock/server.mjs';
import { launch } from './browser.mjs';
import { Session } from './session.mjs';
import { tests as access } from './tests/access.mjs';
import { tests as fleet } from './tests/fleet.mjs';
import { tests as link } from './tests/link.mjs';
import { tests as orders } from './tests/orders.mjs';
import { tests as reach } from './tests/reach.mjs';
import { tests as roads } from './tests/roads.mjs';
import { tests as sight } from './tests/sight.mjs';

const LONGEST_MS = 180_000;

const { values } = parseArgs({
  options: {
    'base-url': { type: 'string' }, token: { type: 'string', default: 'mock-admin' }, only: { type: 'string' },
    shots: { type: 'string' },
    'viewer-token': { type: 'string', default: 'mock-viewer' },
    'operator-token': { type: 'string', default: 'mock-operator' },
    'tenant-token': { type: 'string', default: 'mock-tenant' },
  },
});
const mock = values['base-url'] ? undefined : await startMock();
const base = (values['base-url'] ?? `http://127.0.0.1:${mock.port}`).replace(/\/$/, '');
const browser = await launch();
const all = [...access, ...fleet, ...orders, ...roads, ...sight, ...link, ...reach];
const roles = { viewer: values['viewer-token'], operator: values['operator-token'], tenant: values['tenant-token'] };
let [n_passed, n_failed] = [0, 0];

for (const [name, run] of all.filter(([n]) => !values.only || n.includes(values.only))) {
  const session = new Session(browser, base, values.token, roles);
  const started = Date.now();
  try {
    await within(LONGEST_MS, run(session));
    session.expectQuiet();
    n_passed += 1;
    print(`ok    ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
  } catch (error) {
    n_failed += 1;
    print(`FAIL  ${name}\n      ${String(error.stack ?? error).split('\n').slice(0, 8).join('\n      ')}`);
    if (values.shots) {
      mkdirSync(values.shots, { recursive: true });
      await session.shoot(`${values.shots}/${name.replaceAll(/\W+/g, '-')}.png`);
    }
  }
  await session.close();
}
await browser.close();
mock?.close();
print(`${n_passed} passed, ${n_failed} failed`);
process.exit(n_failed === 0 && n_passed > 0 ? 0 : 1);

function print(line) {
  process.stdout.write(`${line}\n`);
}

function within(limit_ms, promise) {
  let timer;
  const limit = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done within ${limit_ms / 1000} s`)), limit_ms);
  });
  return Promise.race([promise, limit]).finally(() => clearTimeout(timer));
}
