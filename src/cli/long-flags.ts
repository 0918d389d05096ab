/** Flags of a caching proxy that many scripts still call with a single dash, and without naming a command. */
const oldFlags = ['redis', 'http', 'expire', 'capacity', 'redis-ops-limit'] as const;

/**
 * The same command line with long flags: `-redis HOST:PORT` and `-redis=HOST:PORT` become `--redis …`, and a line that begins with one
 * of these flags is one of `start`.
 */
export function withLongFlags(argv: readonly string[]): string[] {
  const [first = ''] = argv;
  const isStart = first === 'start' || isOldFlag(first);
  if (!isStart) return [...argv];
  const end = argv.indexOf('--');
  const long = argv.map((word, i) =>
    isOldFlag(word) && !word.startsWith('--') && (end < 0 || i < end) ? `-${word}` : word,
  );
  return first === 'start' ? long : ['start', ...long];
}

function isOldFlag(word: string): boolean {
  const name = word.replace(/^--?/, '').split('=', 1)[0] ?? '';
  return word.startsWith('-') && (oldFlags as readonly string[]).includes(name);
}
