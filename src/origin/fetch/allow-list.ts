import { SluiceError } from '../../errors.ts';
import { type FetchTarget, parseTarget } from './fetch-target.ts';

interface Pattern {
  readonly scheme: string;
  readonly port: number;
  /** The whole host, or with `anyLabel` what follows its first label, dot included. */
  readonly host: string;
  readonly anyLabel: boolean;
  /** The whole path, or with `anyPath` the beginning of it. */
  readonly path: string;
  readonly anyPath: boolean;
}

/**
 * The URLs that may be fetched. A pattern is a URL without a query: `https://api.example.com/v1/*`. Its host may begin with `*.`, which
 * stands for one label; its path may end with `*`, which stands for any rest. The query is not looked at.
 */
export class AllowList {
  readonly #patterns: readonly Pattern[];

  /** @throws SluiceError INVALID_ARGUMENT for a text that is no pattern */
  constructor(patterns: readonly string[]) {
    this.#patterns = patterns.map(parsePattern);
  }

  allows(target: FetchTarget): boolean {
    return this.#patterns.some((pattern) => matches(pattern, target));
  }

  /** Whether anything of an API may be fetched. @param api scheme, host and port */
  reaches(api: string): boolean {
    const target = parseTarget(`${api}/`);
    return this.#patterns.some((pattern) => matchesHost(pattern, target));
  }
}

function matches(pattern: Pattern, target: FetchTarget): boolean {
  const { path } = target;
  return matchesHost(pattern, target) && (pattern.anyPath ? path.startsWith(pattern.path) : path === pattern.path);
}

function matchesHost(pattern: Pattern, { scheme, host, port }: FetchTarget): boolean {
  if (pattern.scheme !== scheme || pattern.port !== port) return false;
  const tail = pattern.anyLabel ? host.slice(Math.max(0, host.indexOf('.'))) : host;
  return tail === pattern.host && !(pattern.anyLabel && host.startsWith('.'));
}

function parsePattern(text: string): Pattern {
  const refuse = (why: string): SluiceError =>
    new SluiceError(
      'INVALID_ARGUMENT',
      `${JSON.stringify(text)} is no pattern of URLs: ${why}; write it like https://api.example.com/v1/*`,
    );
  if (text.includes('?')) throw refuse('it has a query');
  const anyLabel = /^https?:\/\/\*\./.test(text);
  const anyPath = text.endsWith('/*') || /^https?:\/\/[^/]+\/.*\*$/.test(text);
  const plain = (anyPath ? text.slice(0, -1) : text).replace('://*.', '://any.');
  if (plain.includes('*'))
    throw refuse('it has a * elsewhere than as the first label of the host or the end of the path');
  let target: FetchTarget;
  try {
    target = parseTarget(plain);
  } catch (error) {
    throw refuse((error as Error).message.replace(/^.*?: /, ''));
  }
  const { scheme, port, path } = target;
  const host = anyLabel ? target.host.slice('any'.length) : target.host;
  // A star before a single label would stand for all of a top-level domain.
  if (anyLabel && host.lastIndexOf('.') === 0) throw refuse('what follows *. has one label only');
  return { scheme, port, host, anyLabel, path, anyPath };
}
