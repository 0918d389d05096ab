import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export function say(text) {
  process.stdout.write(`${text}\n`);
}

/** A port of this machine that is free now. */
export function freePort() {
  return new Promise((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

/** Tries until `holds` gives true. */
export async function until(holds, what, ms) {
  const deadline = performance.now() + ms;
  for (let reason = ''; ; ) {
    try {
      if (await holds()) return;
    } catch (error) {
      reason = `: ${error.message}`;
    }
    if (performance.now() > deadline) throw new Error(`not in time: ${what}${reason}`);
    await sleep(50);
  }
}

/** Random waits that make events come `rate` times a second, at random (Poisson); ms. */
export function randomWait(rate) {
  return (-Math.log(1 - Math.random()) / rate) * 1000;
}
