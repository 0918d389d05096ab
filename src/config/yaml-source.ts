import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, type Range, Scalar } from 'yaml';
import type { ConfigFinding } from './finding.ts';

/** A place in a text; both counted from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A YAML text as plain values, with where each of them stands. */
export interface YamlSource {
  /** The top mapping; empty when the text is. */
  readonly value: Record<string, unknown>;
  /** Dotted-and-quoted paths ({@link pathKey}) of texts that took something from the environment. */
  readonly interpolated: ReadonlySet<string>;
  readonly findings: readonly ConfigFinding[];
  /** Where the key (or list item) at `path` stands, or the nearest one around it. */
  positionOf(path: readonly PropertyKey[]): Position;
}

/** A path as one string. */
export function pathKey(path: readonly PropertyKey[]): string {
  return JSON.stringify(path.map(String));
}

/** More nodes than any configuration has; bounds what aliases of aliases can blow up to. */
const maxNodes = 200_000;
const maxDepth = 64;

/**
 * Reads one YAML document whose top is a mapping. `${NAME}` in a value becomes the variable NAME, `${NAME:-text}` the text when it is not
 * set or empty, `$${` a literal `${`.
 */
export function readYaml(text: string, file: string, variable: (name: string) => string | undefined): YamlSource {
  const lines = new LineCounter();
  const positions = new Map<string, Position>();
  const interpolated = new Set<string>();
  const findings: ConfigFinding[] = [];
  let nodes = 0;

  function at(offset: number): Position {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
  function report(position: Position, path: readonly PropertyKey[], message: string): void {
    findings.push({ path: path.map(String).join('.'), message, source: { kind: 'file', file, ...position } });
  }

  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const [document, second] = 'empty' in documents ? [] : documents;
  for (const problem of [...(document?.errors ?? []), ...(document?.warnings ?? [])]) {
    report(at(problem.pos[0]), [], problem.message);
  }
  if (second !== undefined) report(at((second.range as Range)[0]), [], 'expected one YAML document, found another');

  function convert(node: Node | null, path: readonly string[]): unknown {
    // The depth bound stops an alias that stands inside its own anchor.
    if (++nodes > maxNodes || path.length > maxDepth) throw new TooManyNodes();
    if (isAlias(node)) return convert(document === undefined ? null : (node.resolve(document) ?? null), path);
    if (isMap<Node, Node | null>(node)) {
      const result: Record<string, unknown> = {};
      for (const { key, value } of node.items) {
        const keyText = isScalar(key) ? String(key.value) : '';
        const childPath = [...path, keyText];
        const position = at(key.range?.[0] ?? 0);
        positions.set(pathKey(childPath), position);
        if (!isScalar(key)) report(position, path, 'expected a plain key');
        // defineProperty, as a plain assignment to __proto__ would change the object instead of adding a key.
        const child = convert(value, childPath);
        Object.defineProperty(result, keyText, { value: child, enumerable: true, configurable: true, writable: true });
      }
      return result;
    }
    if (isSeq<Node | null>(node)) {
      return node.items.map((item, index) => {
        const childPath = [...path, String(index)];
        positions.set(pathKey(childPath), at(item?.range?.[0] ?? node.range?.[0] ?? 0));
        return convert(item, childPath);
      });
    }
    if (!isScalar(node)) return null;
    if (typeof node.value !== 'string') return node.value;
    // A block of text (| or >) may be a program or a certificate: `${` in it is its own.
    if (node.type === Scalar.BLOCK_LITERAL || node.type === Scalar.BLOCK_FOLDED) return node.value;
    const { text: resolved, used, missing } = interpolate(node.value, variable);
    if (used) interpolated.add(pathKey(path));
    for (const name of missing) {
      report(at(node.range?.[0] ?? 0), path, `the environment variable ${name} is not set`);
    }
    return resolved;
  }

  let value: Record<string, unknown> = {};
  const top = document?.contents ?? null;
  if (findings.length === 0 && top !== null && !(isScalar(top) && top.value === null)) {
    if (isMap(top)) {
      try {
        value = convert(top, []) as Record<string, unknown>;
      } catch (error) {
        if (!(error instanceof TooManyNodes)) throw error;
        report({ line: 1, column: 1 }, [], `more than ${maxNodes} values, or nested deeper than ${maxDepth}`);
      }
    } else {
      report(at(top.range?.[0] ?? 0), [], 'expected a mapping of settings, such as "http: 127.0.0.1:8080"');
    }
  }
  function positionOf(path: readonly PropertyKey[]): Position {
    for (let length = path.length; length > 0; length--) {
      const position = positions.get(pathKey(path.slice(0, length)));
      if (position !== undefined) return position;
    }
    return { line: 1, column: 1 };
  }
  return { value, interpolated, findings, positionOf };
}

class TooManyNodes extends Error {}

/** Replaces `${NAME}`, `${NAME:-text}` and `$${`; a variable that is not set stays empty and is listed. */
function interpolate(
  text: string,
  variable: (name: string) => string | undefined,
): { readonly text: string; readonly used: boolean; readonly missing: readonly string[] } {
  const missing: string[] = [];
  let used = false;
  const result = text.replace(
    /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}/g,
    (_whole, name: string | undefined, otherwise: string | undefined) => {
      if (name === undefined) return '$' + '{';
      used = true;
      const value = variable(name);
      if (otherwise !== undefined) return value === undefined || value === '' ? otherwise : value;
      if (value === undefined) missing.push(name);
      return value ?? '';
    },
  );
  return { text: result, used, missing };
}
