import { z } from 'zod';
import { durationSetting, flagSetting, parsedText, settingRegistry } from './setting.ts';

const originForm = 'an origin such as https://app.example.com, without a path, or * for all';
const methods = ['GET', 'HEAD', 'PUT', 'DELETE', 'POST'] as const;
const headerName = 'the name of a header field';

/** Which web pages may use the listener (the CORS protocol of the Fetch standard). Off without origins. */
export const corsSettings = z
  .strictObject({
    origins: z
      .array(parsedText(originForm, parseOrigin), { error: () => 'expected a list of origins' })
      .prefault([])
      .register(settingRegistry, {
        description:
          'Origins whose web pages may use this listener through a browser, e.g. `[https://app.example.com]`. `*`: all pages; it goes ' +
          'neither with `credentials` nor past the refusal of cross-site requests on a loopback address without users.',
        form: `a list, each ${originForm}`,
        kind: 'list',
        reloadable: false,
        defaultText: 'none: web pages of other origins may not',
      }),
    methods: z
      .array(z.enum(methods, { error: () => `expected one of ${methods.join(', ')}` }), {
        error: () => 'expected a list of methods',
      })
      .prefault([...methods])
      .register(settingRegistry, {
        description: 'Methods those pages may use.',
        form: `a list of ${methods.join(', ')}`,
        kind: 'list',
        reloadable: false,
      }),
    headers: z
      .array(
        parsedText(headerName, (text) =>
          /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/.test(text) && text !== '*' ? text : undefined,
        ),
        { error: () => 'expected a list of header fields' },
      )
      .prefault(['Authorization', 'Content-Type', 'If-Match', 'If-None-Match', 'Sluice-Sync-Token'])
      .register(settingRegistry, {
        description: 'Header fields those pages may send.',
        form: 'a list of names of header fields',
        kind: 'list',
        reloadable: false,
      }),
    maxAge: durationSetting('10m', {
      description: 'How long a browser may remember what it may do here.',
      max: '1d',
    }),
    credentials: flagSetting(false, {
      description:
        'Let the browser send what it keeps for this host (HTTP authentication, client certificates). Pages that set `Authorization` themselves need it not.',
    }),
  })
  .superRefine(({ origins, credentials }, context) => {
    if (credentials && origins.includes('*'))
      context.addIssue({
        code: 'custom',
        path: ['credentials'],
        message: 'does not go with the origin *; name the origins',
      });
  })
  .prefault({});

/** The form a browser sends it in (RFC 6454 section 6.2), so that texts can be compared. */
function parseOrigin(text: string): string | undefined {
  if (text === '*') return text;
  const match = /^([a-z][a-z0-9+.-]*):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return undefined;
  const [, scheme, , port] = match;
  // A browser leaves these out.
  return (scheme === 'https' && port === '443') || (scheme === 'http' && port === '80') ? undefined : text;
}
