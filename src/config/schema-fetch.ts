import { z } from 'zod';
import { parseRate, rateForm } from '../kernel/token-bucket.ts';
import { AllowList } from '../origin/fetch/allow-list.ts';
import { parseRange, rangeForm } from './address-range.ts';
import { byteSizeSetting, countSetting, durationSetting, parsedText, settingRegistry } from './setting.ts';

const patternForm = 'a URL such as https://api.example.com/v1/*, without a query';

/** Values of URLs that callers name. */
export const fetchByUrl = z
  .strictObject({
    allow: z
      .array(parsedText(patternForm, parsePattern), { error: () => 'expected a list of URLs' })
      .prefault([])
      .register(settingRegistry, {
        description:
          'What may be fetched with `GET /_sluice/fetch?url=…&key=…`: URLs whose host may begin with `*.`, which stands for one label, and ' +
          'whose path may end with `*`, which stands for any rest. Without any, nothing may, and the path is a key like others.',
        form: `a list, each ${patternForm}`,
        kind: 'list',
        reloadable: false,
        defaultText: 'none',
      }),
    addresses: z
      .array(parsedText(rangeForm, parseRange), { error: () => 'expected a list of ranges of addresses' })
      .prefault([])
      .register(settingRegistry, {
        description:
          'Addresses that are connected to although they are not public ones: loopback, private, link-local, reserved and the like are ' +
          'refused otherwise, whatever name leads to them.',
        form: `a list, each ${rangeForm}`,
        kind: 'list',
        reloadable: false,
        defaultText: 'none',
      }),
    ttl: durationSetting('1m', { description: 'How long a fetched value is fresh.', min: '1ms' }),
    grace: durationSetting('10m', {
      description: 'How long after `ttl` a value may be given out while it is fetched anew, or when that fails.',
    }),
    negativeTtl: durationSetting('10s', {
      description: 'How long it is remembered that there is nothing at a URL (status 404 or 410); 0: not at all.',
    }),
    errorTtl: durationSetting('1s', {
      description: 'How long a URL is not asked again after it failed.',
      max: '1h',
    }),
    maxValueBytes: byteSizeSetting('1MiB', {
      description: 'The largest value that is fetched; more is a failure.',
      min: '1KiB',
      max: '256MiB',
    }),
    timeout: durationSetting('5s', {
      description: 'How long a fetch may take, redirects and waiting for its turn included.',
      min: '10ms',
      max: '10m',
    }),
    concurrency: countSetting(32, {
      description: 'Requests at a time to one origin (scheme, host and port).',
      min: 1,
      max: 10_000,
    }),
    rate: parsedText(rateForm, parseRate).optional().register(settingRegistry, {
      description: 'Requests to one origin in any window of that length.',
      form: rateForm,
      kind: 'text',
      reloadable: false,
      defaultText: 'without a bound',
    }),
    queue: countSetting(1000, {
      description: 'Requests that wait for their turn at one origin; more are refused (`ORIGIN_OVERLOADED`).',
      min: 0,
      max: 100_000,
    }),
    maxRedirects: countSetting(3, {
      description: 'Redirects that are followed, each checked like the first URL; 0: none.',
      min: 0,
      max: 10,
    }),
  })
  .prefault({});

/** The form only: what the parts of a pattern may be is known to who fetches. */
function parsePattern(text: string): string | undefined {
  try {
    new AllowList([text]);
    return text;
  } catch {
    return undefined;
  }
}
