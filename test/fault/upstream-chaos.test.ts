import { expect, it } from 'vitest';
import { runUpstreamChaos } from './support/upstream-chaos.ts';

/** The long run: SLUICE_FAULT_KILLS=50 SLUICE_FAULT_CLIENTS=200 npx vitest run test/fault/upstream-chaos.test.ts */
const kills = Number(process.env['SLUICE_FAULT_KILLS'] ?? 6);
const clients = Number(process.env['SLUICE_FAULT_CLIENTS'] ?? 60);

it('gives every reply to its own command while the server behind is killed and started again', {
  timeout: 60_000 + kills * 4000,
}, async () => {
  const report = await runUpstreamChaos({ clients, kills, seed: 11 });
  console.info(JSON.stringify(report));
  expect(report.violations).toEqual([]);
  expect(report.kills).toBe(kills);
  expect(report.replies).toBeGreaterThan(clients * 20);
  expect(report.recoveredAfterMs).toBeLessThan(3000);
});
