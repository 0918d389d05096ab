/**
 * The command line of the benchmarks: `--name value` pairs and bare `--flags`.
 * Every option stands here once, with its default and the line of help that explains it.
 */
const options = {
  rounds: { default: 5, number: true, help: 'rounds per case; the sides take turns within a round, the median counts' },
  keys: { default: 1_000_000, number: true, help: 'keys of 20 bytes with values of 100 bytes' },
  seconds: { default: 1.5, number: true, help: 'length of one measurement, about' },
  connections: { default: 50, number: true, help: 'client connections' },
  'nginx-keys': {
    default: 100_000,
    number: true,
    help: 'keys in the nginx cache (one file each)',
  },
  only: { default: '', help: 'comma-separated cases; see the list below' },
  json: { default: '', help: 'also write everything measured to this file' },
  null: { default: false, help: 'a peer in the place of Sluice: every ratio must come out near 1' },
  verbose: { default: false, help: 'print each round' },
  help: { default: false, help: 'this text' },
};

/**
 * Parses `argv` (without the program). Values default as in the table above; `only` becomes a list, to which words without
 * dashes are added.
 * Throws an Error with one line of text on an unknown option or a value that is no number.
 */
export function parseArgs(argv) {
  const values = Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default]));
  const words = [];
  for (let i = 0; i < argv.length; i++) {
    if (!argv[i].startsWith('-')) {
      words.push(argv[i]);
      continue;
    }
    const [flag, inline] = argv[i].split(/=(.*)/s, 2);
    const name = flag.replace(/^--/, '');
    const option = Object.hasOwn(options, name) && flag.startsWith('--') ? options[name] : undefined;
    if (option === undefined) throw new Error(`unknown option ${argv[i]}; --help lists them`);
    if (typeof option.default === 'boolean') {
      values[name] = true;
      continue;
    }
    const text = inline ?? argv[++i];
    if (text === undefined) throw new Error(`${flag} needs a value`);
    values[name] = option.number ? Number(text.replaceAll('_', '')) : text;
    if (option.number && !(values[name] > 0)) throw new Error(`${flag} needs a number above 0, got ${text}`);
  }
  return { ...values, only: [...values.only.split(','), ...words].filter(Boolean) };
}

/**
 * The cases that `only` names: each word is the name of one or else the beginning of several (`proxy` is all `proxy-…`). All where
 * it is empty. Throws an Error with one line of text on a word that is neither.
 */
export function chosenCases(cases, only) {
  const chosen = new Set();
  for (const word of only) {
    const named = cases.filter(({ name }) => name === word);
    const begun = cases.filter(({ name }) => name.startsWith(`${word}-`));
    const meant = named.length > 0 ? named : begun;
    if (meant.length === 0)
      throw new Error(`no case is called ${word}; there are ${cases.map(({ name }) => name).join(', ')}`);
    for (const one of meant) chosen.add(one);
  }
  return cases.filter((one) => only.length === 0 || chosen.has(one));
}

/** The text of `--help`. `cases` are the objects of bench/cases. */
export function helpText(cases) {
  const lines = Object.entries(options).map(([name, option]) => {
    const shown = typeof option.default === 'boolean' ? `--${name}` : `--${name} ${option.number ? 'N' : 'TEXT'}`;
    const note = option.default === '' || option.default === false ? '' : ` [${option.default}]`;
    return `  ${shown.padEnd(18)} ${option.help}${note}`;
  });
  return [
    'usage: npm run bench -- [options] [case ...]',
    '',
    'Measures Sluice beside redis-server, nginx, webdis, twemproxy and PostgreSQL on this machine and prints a Markdown table.',
    'Without cases: all. What names begin with means all of those: proxy, resp-get.',
    'BENCH_SLUICE: the program to measure, in the place of dist/cli/main.js.',
    '',
    ...lines,
    '',
    'cases:',
    ...cases.map(({ name, title }) => `  ${name.padEnd(26)} ${title}`),
  ].join('\n');
}
