/** One command of one client. */
export interface CommandStep {
  /** 0 is the first client; each is a connection of its own. */
  readonly client: number;
  readonly argv: readonly string[];
  /**
   * `later`: it blocks, its reply is taken by a {@link TakeStep}. `none`: there will be no reply (CLIENT REPLY OFF).
   * @default one reply, waited for
   */
  readonly reply?: 'later' | 'none';
}

/** Takes the reply of the command with `reply: 'later'` of this client. */
export interface TakeStep {
  readonly take: number;
}

export interface SleepStep {
  readonly sleepMs: number;
}

export type Step = CommandStep | TakeStep | SleepStep;

/** What is sent to both servers, each time from an empty database and with new connections. */
export interface Sequence {
  readonly protocol: 2 | 3;
  readonly steps: readonly Step[];
  /**
   * Replies are not one per command (subscriptions, pushes): after each step every client pings, and all that came before the answer
   * to the ping is compared, in its order.
   */
  readonly pushes: boolean;
}

/** The words as redis-cli would read them back. */
export function showCommand(argv: readonly string[]): string {
  return argv.map(showWord).join(' ');
}

/** The step as `parseScenario` reads it. */
export function showStep(step: Step): string {
  if ('take' in step) return `${step.take}<`;
  if ('sleepMs' in step) return `sleep ${step.sleepMs}`;
  const mark = { later: '&', none: '!', once: '>' }[step.reply ?? 'once'];
  return `${step.client}${mark} ${showCommand(step.argv)}`;
}

function showWord(word: string): string {
  if (/^[\w.+:*$-]+$/.test(word)) return word;
  const shown = word.replace(/[^\x20-\x7e]|["\\]/g, (char) =>
    char === '"' || char === '\\' ? `\\${char}` : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
  return `"${shown}"`;
}

/**
 * Steps from text, one a line: `0> SET a 1`, or without `0>`; `1& BLPOP a 0` (its reply comes later), `1<` (take it), `0! GET a`
 * (no reply), `sleep 30`. The word `$id1` stands for the connection id of client 1. Words are quoted as in redis-cli: `"a\x00b\r\n"`. Lines that start with `#` say why.
 */
export function parseScenario(text: string): Step[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map(parseStep);
}

function parseStep(line: string): Step {
  const sleep = /^sleep (\d+)$/.exec(line);
  if (sleep !== null) return { sleepMs: Number(sleep[1]) };
  const [, client = '0', mark = '>', rest = ''] = /^(?:(\d)([>&<!]) ?)?(.*)$/.exec(line) ?? [];
  if (mark === '<') return { take: Number(client) };
  const argv = parseWords(rest);
  if (mark === '>') return { client: Number(client), argv };
  return { client: Number(client), argv, reply: mark === '&' ? 'later' : 'none' };
}

function parseWords(text: string): string[] {
  const words = text.match(/"(?:\\.|[^"\\])*"|\S+/g) ?? [];
  return words.map((word) => (word.startsWith('"') ? unquote(word.slice(1, -1)) : word));
}

function unquote(text: string): string {
  const named: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
  return text.replace(/\\(?:x([0-9a-f]{2})|(.))/gi, (_, hex: string | undefined, char: string) =>
    hex === undefined ? (named[char] ?? char) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
