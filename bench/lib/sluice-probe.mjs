/**
 * Loaded into every thread of Sluice (`--import`) when memory, garbage collection or a profile is wanted; never when CPU
 * time is measured: it costs. Over the IPC channel the benchmark asks for
 *   gc                  a forced collection in every thread
 *   reset, report       a fresh start of the record of pauses; the pauses since then
 *   full                one full collection of the main thread, and how long it took
 *   profile, profiled   a CPU profile of every thread, written to the folder BENCH_PROFILES
 */
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { BroadcastChannel, isMainThread, threadId } from 'node:worker_threads';

const everyThread = new BroadcastChannel('bench-probe');
everyThread.unref();
const collect = () => {
  // Twice: the first run finds what finalizers and weak references let go, the second frees it.
  globalThis.gc?.();
  globalThis.gc?.();
};

let session;
async function startProfile() {
  session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.setSamplingInterval', { interval: 200 });
  await session.post('Profiler.start');
}

async function endProfile() {
  const { profile } = await session.post('Profiler.stop');
  session.disconnect();
  writeFileSync(join(process.env['BENCH_PROFILES'], `thread-${threadId}.cpuprofile`), JSON.stringify(profile));
}

const inEveryThread = { gc: collect, profile: startProfile, profiled: endProfile };

if (isMainThread) watchMainThread();
else everyThread.onmessage = ({ data }) => inEveryThread[data]();

function watchMainThread() {
  let pauses = [];
  new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries()) pauses.push([detail.kind, duration]);
  }).observe({ entryTypes: ['gc'] });

  const answer = {
    gc: () => process.memoryUsage(),
    full() {
      const from = performance.now();
      globalThis.gc();
      return performance.now() - from;
    },
    reset() {
      pauses = [];
    },
    report() {
      const longest = pauses.reduce((most, pause) => (pause[1] > most[1] ? pause : most), [0, 0]);
      const total = pauses.reduce((sum, [, duration]) => sum + duration, 0);
      return { count: pauses.length, longestMs: longest[1], kind: longest[0], totalMs: total };
    },
  };
  process.on('message', async (name) => {
    // An observer hears of entries in a later turn: let it have them first.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    if (Object.hasOwn(inEveryThread, name)) {
      everyThread.postMessage(name);
      await inEveryThread[name]();
    }
    process.send({ name, value: answer[name]?.() });
  });
  process.channel?.unref();
}
