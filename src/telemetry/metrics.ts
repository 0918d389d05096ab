import { type Metric, type MetricObject, Registry } from 'prom-client';
import { type Histogram, histogramBounds } from '../kernel/histogram.ts';
import { type SizeHistogram, sizeBounds } from '../kernel/size-histogram.ts';
import { type MetricDefinition, type MetricName, metricDefinitions } from './definitions.ts';

type Labels = Readonly<Record<string, string>>;

/** Where a source puts what it knows when somebody asks. */
export interface MetricSink {
  value(name: MetricName, value: number, labels?: Labels): void;
  histogram(name: MetricName, histogram: Histogram, labels?: Labels): void;
  /** The same of how many at a time. */
  sizes(name: MetricName, histogram: SizeHistogram, labels?: Labels): void;
}

/** Asked at every scrape; costs nothing in between. */
export type MetricSource = (sink: MetricSink) => void;

interface Value {
  readonly value: number;
  readonly labels: Labels;
  readonly metricName?: string;
}

/** What a node tells Prometheus. Numbers live where they are counted; this asks for them when it is scraped. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #sources: MetricSource[] = [];

  add(source: MetricSource): void {
    this.#sources.push(source);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The page in Prometheus's text format. */
  async page(): Promise<string> {
    const collected = new Map<MetricName, Value[]>();
    const valuesOf = (name: MetricName): Value[] => {
      let values = collected.get(name);
      if (values === undefined) collected.set(name, (values = []));
      return values;
    };
    const sink: MetricSink = {
      value: (name, value, labels = {}) => void valuesOf(name).push({ value, labels }),
      histogram: (name, { counts, sumMs }, labels = {}) =>
        addHistogram(valuesOf(name), name, { bounds: histogramBounds, counts, sum: sumMs / 1000 }, labels),
      sizes: (name, { counts, sum }, labels = {}) =>
        addHistogram(valuesOf(name), name, { bounds: sizeBounds, counts, sum }, labels),
    };
    for (const source of this.#sources) source(sink);
    const registry = Registry.merge([this.#registry]);
    for (const [name, values] of collected) registry.registerMetric(snapshot(name, values));
    return registry.metrics();
  }
}

/** A metric that already has its values, in the shape the registry prints. */
function snapshot(name: MetricName, values: Value[]): Metric {
  const definition: MetricDefinition = metricDefinitions[name];
  const object = { name, help: definition.help, type: definition.type, values, aggregator: 'sum' };
  return { name, get: () => Promise.resolve(object as unknown as MetricObject) } as unknown as Metric;
}

interface Buckets {
  readonly bounds: readonly number[];
  readonly counts: ArrayLike<number>;
  readonly sum: number;
}

function addHistogram(values: Value[], name: string, { bounds, counts, sum }: Buckets, labels: Labels): void {
  let count = 0;
  for (const [i, bound] of bounds.entries()) {
    count += counts[i] as number;
    const le = bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound);
    values.push({ metricName: `${name}_bucket`, value: count, labels: { ...labels, le } });
  }
  values.push({ metricName: `${name}_sum`, value: sum, labels });
  values.push({ metricName: `${name}_count`, value: count, labels });
}
