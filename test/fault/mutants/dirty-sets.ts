import type { Clock } from '../../../src/kernel/clock.ts';
import type { ClaimedRow, DirtySet, RowChange, RowChanged, StoredRow } from '../../../src/store/ports.ts';

/** A `DirtySet` with one known defect, of one process: what it keeps in memory goes when that is killed. */
export interface DirtySetMutant {
  readonly name: string;
  /** @param isAlive whether the process has not been killed */
  readonly make: (real: DirtySet, clock: Clock, isAlive: () => boolean) => DirtySet;
}

const PUT = { ack: 'store', limit: Number.MAX_SAFE_INTEGER } as const;

/** Defects that a check of what became of rows has to notice. */
export const dirtySetMutants: readonly DirtySetMutant[] = [
  {
    name: 'does not record what is claimed',
    make: (real) =>
      but(real, {
        async claim(set, partition, claim) {
          const claimed = await real.claim(set, partition, claim);
          // In the store these rows are no longer to be written.
          await real.acknowledge(set, partition, claimed);
          return claimed;
        },
        acknowledge: async (_set, _partition, rows) => rows.length,
        async fail(set, _partition, keys) {
          for (const key of keys) await putAgain(real, set, key);
          return keys.length;
        },
      }),
  },
  {
    name: 'acknowledges what has changed since, too',
    make: (real) =>
      but(real, {
        async acknowledge(set, partition, rows, keepFor) {
          const now: Pick<ClaimedRow, 'key' | 'version'>[] = [];
          for (const { key, version } of rows)
            now.push({ key, version: (await real.read(set, key))?.version ?? version });
          return real.acknowledge(set, partition, now, keepFor);
        },
      }),
  },
  {
    name: 'answers before the store has it',
    make(real, clock, isAlive) {
      /** In the order of their arrival. */
      const late: { readonly set: string; readonly key: string; readonly change: RowChange }[] = [];
      const flush = async (): Promise<void> => {
        for (let one = late.shift(); one !== undefined; one = late.shift())
          if (isAlive()) await real.put(one.set, one.key, one.change, PUT);
      };
      return but(real, {
        put(set, key, change, options): RowChanged | Promise<RowChanged | undefined> {
          if (change.kind !== 'delete' && change.fields.some((field) => field.do === 'add'))
            return flush().then(() => real.put(set, key, change, options));
          late.push({ set, key, change });
          clock.setTimer(() => void flush(), 8);
          return { version: 1, count: 1, sum: undefined, waiting: 1 };
        },
        // Nobody who asks notices.
        async read(set, key): Promise<StoredRow | undefined> {
          await flush();
          return real.read(set, key);
        },
      });
    },
  },
  {
    name: 'forgets what could not be written',
    make: (real) =>
      but(real, {
        async fail(set, partition, keys) {
          const rows: Pick<ClaimedRow, 'key' | 'version'>[] = [];
          for (const key of keys) rows.push({ key, version: (await real.read(set, key))?.version ?? 0 });
          return real.acknowledge(set, partition, rows);
        },
      }),
  },
  {
    name: 'does not tell of rows that were removed',
    make: (real) =>
      but(real, {
        async claim(set, partition, claim) {
          const claimed = await real.claim(set, partition, claim);
          const removed = claimed.filter(({ change }) => change === 'delete');
          await real.acknowledge(set, partition, removed);
          return claimed.filter(({ change }) => change !== 'delete');
        },
      }),
  },
  {
    name: 'claims only what changed last',
    make: (real) =>
      but(real, {
        async claim(set, partition, claim) {
          const claimed = await real.claim(set, partition, claim);
          return claimed.map((row) => ({ ...row, fields: new Map([...row.fields].slice(-1)) }));
        },
      }),
  },
];

/** The real one, but for some methods. */
function but(real: DirtySet, methods: Partial<DirtySet>): DirtySet {
  return new Proxy(real, {
    get(target, name) {
      const other: unknown = Reflect.get(methods, name);
      if (other !== undefined) return other;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

async function putAgain(real: DirtySet, set: string, key: string): Promise<void> {
  const row = await real.read(set, key);
  const fields = [...(row?.fields ?? [])].map(([field, value]) => ({ do: 'set', field, value }) as const);
  await real.put(set, key, fields.length === 0 ? { kind: 'delete' } : { kind: 'merge', fields }, PUT);
}
