import { usageError } from './exit-status.ts';

/** A flag of `sluice start` that stands for a setting. Kept apart from the schema so that `--help` need not load it; a test compares. */
interface SettingFlag {
  /** As commander declares it. */
  readonly flag: string;
  /** The name of the setting, e.g. `log.level`. */
  readonly setting: string;
  readonly environment: string;
  readonly default: string;
  readonly description: string;
}

export const settingFlags = [
  {
    flag: '--store <where>',
    setting: 'store',
    environment: 'SLUICE_STORE',
    default: 'embedded',
    description:
      'embedded: keys in this process and on disk; memory: in this process only; redis://…: in Redis or Valkey',
  },
  {
    flag: '--redis <server>',
    setting: 'store',
    environment: 'SLUICE_STORE',
    default: 'embedded',
    description: 'HOST, HOST:PORT or redis://… of a server to stand in front of; the same as --store',
  },
  {
    flag: '--expire <duration>',
    setting: 'cache.idle',
    environment: 'SLUICE_CACHE_IDLE',
    default: '0',
    description: 'drop a kept value when nobody has read it for so long, e.g. 2m; 0: never',
  },
  {
    flag: '--capacity <keys>',
    setting: 'cache.maxEntries',
    environment: 'SLUICE_CACHE_MAX_ENTRIES',
    default: '100000',
    description: 'keys of the server kept here at a time',
  },
  {
    flag: '--redis-ops-limit <commands>',
    setting: 'upstream.opsInFlight',
    environment: 'SLUICE_UPSTREAM_OPS_IN_FLIGHT',
    default: '1024',
    description: 'commands under way to the server at a time',
  },
  {
    flag: '--data <folder>',
    setting: 'data',
    environment: 'SLUICE_DATA',
    default: './sluice-data',
    description: 'folder of the embedded store',
  },
  {
    flag: '--durability <level>',
    setting: 'durability',
    environment: 'SLUICE_DURABILITY',
    default: 'commit',
    description: 'what an acknowledged write survives: memory (nothing), commit (kill -9), fsync (power loss)',
  },
  {
    flag: '--max-bytes <size>',
    setting: 'maxBytes',
    environment: 'SLUICE_MAX_BYTES',
    default: 'auto',
    description: 'bound on the data held in memory, e.g. 512MiB; auto: half of the memory the process may use',
  },
  {
    flag: '--http <address>',
    setting: 'http',
    environment: 'SLUICE_HTTP',
    default: '127.0.0.1:8080',
    description: 'where keys are served over HTTP',
  },
  {
    flag: '--resp <address>',
    setting: 'resp',
    environment: 'SLUICE_RESP',
    default: '127.0.0.1:6380',
    description: 'where keys are served over the protocol of Redis',
  },
  {
    flag: '--admin <address>',
    setting: 'admin',
    environment: 'SLUICE_ADMIN',
    default: '127.0.0.1:8081',
    description: 'where health, metrics and administration are served',
  },
  {
    flag: '--insecure',
    setting: 'insecure',
    environment: 'SLUICE_INSECURE',
    default: 'false',
    description: 'accept addresses other machines can reach although no users are configured',
  },
  {
    flag: '--log-level <level>',
    setting: 'log.level',
    environment: 'SLUICE_LOG_LEVEL',
    default: 'info',
    description: 'trace, debug, info, warn, error, fatal or silent',
  },
  {
    flag: '--log-format <format>',
    setting: 'log.format',
    environment: 'SLUICE_LOG_FORMAT',
    default: 'json',
    description: 'json, text or pretty',
  },
] as const satisfies readonly SettingFlag[];

/**
 * The flags the user gave, as {@link loadConfig} takes them. `options` are commander's, keyed in camel case.
 * @throws SluiceError USAGE when two flags stand for one setting
 */
export function givenSettings(
  options: Readonly<Record<string, unknown>>,
): Record<string, { readonly text: string; readonly flag: string }> {
  const given: Record<string, { text: string; flag: string }> = {};
  for (const { flag, setting } of settingFlags) {
    const [long = ''] = flag.split(' ');
    const value = options[long.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
    if (value === undefined) continue;
    const other = given[setting];
    if (other !== undefined) throw usageError(`${other.flag} and ${long} say the same; give one of them`);
    given[setting] = { text: long === '--redis' ? serverAddress(String(value)) : String(value), flag: long };
  }
  return given;
}

/** A word is the name of a server here, where for `--store` it is a kind of store. */
function serverAddress(text: string): string {
  return /^[A-Za-z0-9_-]+$/.test(text) ? `redis://${text}` : text;
}
