/**
 * One round of fuzzing the RESP codec: valid input, mutated, decoded under several splits. Everything follows from the seed of the
 * round, so that a failure can be repeated by its number.
 */

/** A generator of numbers in [0, 1) (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const tokens = [
  ...[
    '\r\n',
    '\r',
    '\n',
    '\0',
    '*',
    '$',
    '-',
    '+',
    ':',
    '_',
    '#',
    ',',
    '(',
    '!',
    '=',
    '~',
    '%',
    '>',
    '|',
    '?',
    '"',
    "'",
    '\\',
    ' ',
  ],
  ...['*0\r\n', '*-1\r\n', '*1\r\n', '*2\r\n', '*1000000\r\n', '*2147483647\r\n', '*2147483648\r\n', '*4294967295\r\n'],
  ...[
    '*99999999999999999999\r\n',
    '*01\r\n',
    '$-1\r\n',
    '$0\r\n\r\n',
    '$1\r\n',
    '$16384\r\n',
    '$67108864\r\n',
    '$536870912\r\n',
  ],
  ...[
    '$9223372036854775807\r\n',
    '$?\r\n',
    '*?\r\n',
    '|1\r\n',
    '|0\r\n',
    '>1\r\n',
    '%1\r\n',
    '~1\r\n',
    '=5\r\ntxt:a\r\n',
    '!3\r\nERR\r\n',
  ],
  ...[
    'PING\r\n',
    '*1\r\n$4\r\nPING\r\n',
    '_\r\n',
    '#t\r\n',
    ',inf\r\n',
    ',1e400\r\n',
    '(123\r\n',
    ':9223372036854775808\r\n',
    '\\x',
    '\\x41',
  ],
  ...['1'.repeat(30), 'a'.repeat(300), '*1\r\n'.repeat(150), '|1\r\n'.repeat(150), '\r\n'.repeat(50), '\xff\xfe'],
];

class Source {
  constructor(seed) {
    this.next = random(seed);
  }

  /** A whole number below `bound`. */
  below(bound) {
    return Math.floor(this.next() * bound);
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  /** Mostly short, sometimes long. */
  length() {
    return this.below(20) === 0 ? this.below(3000) : this.below(24);
  }

  bytes() {
    if (this.below(3) === 0) return this.pick(tokens);
    let text = '';
    for (let left = this.length(); left > 0; left--)
      text += String.fromCharCode(this.below(this.below(2) === 0 ? 256 : 128));
    return text;
  }

  command() {
    if (this.below(5) === 0) {
      const words = Array.from({ length: this.below(6) }, () =>
        this.pick(['PING', 'a', '"a b"', "'a\\'b'", '"\\x41\\n"', '""', '\t']),
      );
      return `${words.join(' ')}${this.pick(['\r\n', '\n'])}`;
    }
    const argv = Array.from({ length: 1 + this.below(6) }, () => this.bytes());
    return `*${argv.length}\r\n${argv.map((word) => `$${word.length}\r\n${word}\r\n`).join('')}`;
  }

  reply(depth = 0) {
    const line = () => this.bytes().replaceAll(/[\r\n]/g, ' ');
    const several = (type, each) => {
      const count = this.below(5);
      return `${type}${count}\r\n${Array.from({ length: count * each }, () => this.reply(depth + 1)).join('')}`;
    };
    switch (this.below(depth > 4 ? 10 : 16)) {
      case 0:
        return `+${line()}\r\n`;
      case 1:
        return `-ERR ${line()}\r\n`;
      case 2:
        return `:${this.below(2) === 0 ? '' : '-'}${this.below(2 ** 50)}\r\n`;
      case 3:
        return this.pick(['_\r\n', '$-1\r\n', '*-1\r\n', '#t\r\n', '#f\r\n']);
      case 4:
        return `,${(this.next() - 0.5) * 10 ** this.below(30)}\r\n`;
      case 5:
        return `(${this.below(2 ** 50)}${this.below(2 ** 50)}\r\n`;
      case 6:
      case 7: {
        const text = this.bytes();
        return `${this.pick(['$', '!'])}${text.length}\r\n${text}\r\n`;
      }
      case 8: {
        const text = this.bytes();
        return `=${text.length + 4}\r\ntxt:${text}\r\n`;
      }
      case 9:
        return depth === 0 ? several('>', 1) : ':1\r\n';
      case 10:
      case 11:
      case 12:
        return several('*', 1);
      case 13:
        return several('~', 1);
      case 14:
        return several('%', 2);
      default:
        return several('|', 2) + this.reply(depth + 1);
    }
  }

  mutate(text) {
    const at = this.below(text.length + 1);
    const length = this.below(this.below(4) === 0 ? text.length + 1 : 8);
    switch (this.below(7)) {
      case 0:
        return text.slice(0, at) + String.fromCharCode(this.below(256)) + text.slice(at + 1);
      case 1:
        return text.slice(0, at) + this.pick(tokens) + text.slice(at);
      case 2:
        return text.slice(0, at) + text.slice(at + length);
      case 3:
        return text.slice(0, at) + text.slice(at, at + length) + text.slice(at);
      case 4:
        return text.slice(0, at);
      case 5:
        // Another number where one is.
        return text.replace(/\d+/, () =>
          this.pick(['0', '1', '2', '7', '00', '-1', '16385', '1000000', '99999999999', '+1', ' 1', '1.5', '']),
        );
      default: {
        const from = this.below(text.length + 1);
        return text.slice(0, at) + text.slice(from, from + length) + text.slice(at + length);
      }
    }
  }

  /** Chunks that together are `bytes`. */
  split(bytes, size) {
    const chunks = [];
    for (let at = 0; at < bytes.length; ) {
      const length = size ?? 1 + this.below(this.below(3) === 0 ? 2000 : 12);
      chunks.push(bytes.subarray(at, at + length));
      at += length;
    }
    return chunks;
  }
}

/** Everything that can be told about a value, as text. */
function shown(value) {
  return JSON.stringify(value, (_key, given) => {
    if (typeof given === 'bigint') return `big ${given}`;
    if (typeof given === 'number' && !Number.isSafeInteger(given)) return `number ${given}`;
    if (given instanceof Map) return { map: [...given] };
    if (given instanceof Set) return { set: [...given] };
    if (typeof given === 'object' && given !== null && !Array.isArray(given))
      return { type: given.constructor.name, ...given };
    return given;
  });
}

function check(condition, what) {
  if (!condition) throw new Error(what);
}

/** What comes out of a decoder: the values, then the error if there was one. Also checks what holds at every moment. */
function drain(decoder, ProtocolError, chunks, inspect) {
  const out = [];
  let pushed = 0;
  try {
    for (const chunk of chunks) {
      decoder.push(chunk);
      pushed += chunk.length;
      for (let value = decoder.next(); value !== undefined; value = decoder.next()) {
        inspect(value);
        out.push(shown(value));
      }
      check(decoder.buffered <= pushed, `${decoder.buffered} bytes are buffered of ${pushed}`);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    check(/^Protocol error: ./.test(error.message), `the message is ${JSON.stringify(error.message)}`);
    check(decoder.buffered === 0, 'bytes are kept after an error');
    let again;
    try {
      decoder.push(Buffer.from('PING\r\n+OK\r\n'));
      decoder.next();
    } catch (second) {
      again = second;
    }
    check(again === error, 'the error is not told again');
    out.push(error.message);
  }
  return out;
}

const smallLimits = { maxBulkBytes: 1000, maxArguments: 5, maxInlineBytes: 100, maxQueryBytes: 1500 };
const strangerLimits = { maxBulkBytes: 16 * 1024, maxArguments: 10, maxInlineBytes: 64 * 1024, maxQueryBytes: 1 << 28 };
const wideLimits = { maxBulkBytes: 1 << 26, maxArguments: 1 << 20, maxInlineBytes: 64 * 1024, maxQueryBytes: 1 << 28 };
const smallReplies = { maxBulkBytes: 1000, maxElements: 30, maxDepth: 4 };

/**
 * Runs round `number` of `seed`; throws when the codec does what it must not.
 * @returns {{ bytes: number, values: number, refused: boolean }}
 */
export function fuzzRound({ CommandDecoder, ReplyDecoder, ProtocolError }, seed, number) {
  const source = new Source(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number, 0x85ebca6b));
  const commands = source.below(2) === 0;
  let text = '';
  for (let left = 1 + source.below(5); left > 0; left--) text += commands ? source.command() : source.reply();
  for (let left = source.below(5); left > 0; left--) text = source.mutate(text);
  const bytes = Buffer.from(text, 'latin1');

  const limits = commands ? source.pick([smallLimits, strangerLimits, wideLimits]) : source.pick([smallReplies, {}]);
  const decode = (chunks) =>
    commands
      ? drain(new CommandDecoder(limits), ProtocolError, chunks, (argv) => inspectCommand(argv, limits))
      : drain(new ReplyDecoder(limits), ProtocolError, chunks, () => {});
  const whole = decode([bytes]);
  for (const chunks of [source.split(bytes), source.split(bytes, 1)]) {
    const parts = decode(chunks);
    check(
      whole.length === parts.length && whole.every((value, i) => value === parts[i]),
      `in one piece: ${whole.join(' ').slice(0, 500)}\nin ${chunks.length}: ${parts.join(' ').slice(0, 500)}`,
    );
  }
  const refused = whole.at(-1)?.startsWith('Protocol error') ?? false;
  return { bytes: bytes.length, values: whole.length - (refused ? 1 : 0), refused };
}

function inspectCommand(argv, { maxBulkBytes, maxArguments, maxInlineBytes, maxQueryBytes }) {
  let total = 0;
  let longest = 0;
  for (const word of argv) {
    check(typeof word === 'string', 'an argument is no string');
    total += word.length;
    longest = Math.max(longest, word.length);
  }
  check(argv.length > 0, 'a command is empty');
  check(total <= Math.max(maxQueryBytes, maxInlineBytes), `a command has ${total} bytes`);
  check(longest <= Math.max(maxBulkBytes, maxInlineBytes), `an argument has ${longest} bytes`);
  // Inline commands have as many words as fit in a line.
  check(argv.length <= Math.max(maxArguments, maxInlineBytes), `a command has ${argv.length} arguments`);
}
