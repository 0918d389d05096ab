import { z } from 'zod';
import { addressForm, parseAddress } from './address.ts';
import { corsSettings } from './schema-cors.ts';
import { nonEmpty, parsedText, settingRegistry, textSetting } from './setting.ts';

/** Whether a listener asks clients for a certificate. */
export type ClientCertificates = false | 'optional' | 'required';

const clientCertificateWords = ['false', 'optional', 'required', 'true'] as const;

const pemFile = 'the path of a PEM file';

const listenerTls = z.strictObject({
  cert: parsedText(pemFile, nonEmpty).register(settingRegistry, {
    description:
      'PEM file with the certificate of the listener and its chain. It is read again, with `key` and `ca`, when the files change and on a reload; open connections stay.',
    form: pemFile,
    kind: 'text',
    reloadable: false,
    isPath: true,
  }),
  key: parsedText(pemFile, nonEmpty).register(settingRegistry, {
    description: 'PEM file with the private key of that certificate.',
    form: pemFile,
    kind: 'text',
    reloadable: false,
    isPath: true,
  }),
  ca: parsedText(pemFile, nonEmpty).optional().register(settingRegistry, {
    description: 'PEM file with the authorities that sign client certificates.',
    form: pemFile,
    kind: 'text',
    reloadable: false,
    isPath: true,
    defaultText: 'the authorities of Node',
  }),
  requestClientCert: z
    .union([z.boolean(), z.enum(clientCertificateWords)], {
      error: () => 'expected false, optional or required',
    })
    .transform((written): ClientCertificates => {
      if (written === 'optional') return written;
      return String(written) === 'true' || written === 'required' ? 'required' : false;
    })
    .prefault(false)
    .register(settingRegistry, {
      description:
        'Whether clients are asked for a certificate signed by `ca`. `required` (or `true`): only those that have one are served. ' +
        '`optional`: those without one are served too, those with another are not. Its subject is told in the access log.',
      form: 'one of false, optional, required',
      kind: 'text',
      reloadable: false,
    }),
});

function addressOf(defaultAddress: string, what: string) {
  return textSetting(
    defaultAddress,
    {
      description: `${what} \`off\`: not started. Without \`users\` only loopback addresses are accepted.`,
      form: addressForm,
      isShortForm: true,
    },
    parseAddress,
  );
}

/** The section of one listener: its address alone, or `{ address, tls }`; undefined when it is `off`. */
export function listener(defaultAddress: string, what: string) {
  return z
    .strictObject({ address: addressOf(defaultAddress, what), tls: listenerTls.optional() })
    .prefault({})
    .transform(({ address, tls }) => (address === 'off' ? undefined : { address, tls }));
}

/** The section of the listener for keys over HTTP: a {@link listener} that web pages may use where `cors` allows them to. */
export function httpListener(defaultAddress: string, what: string) {
  return z
    .strictObject({ address: addressOf(defaultAddress, what), tls: listenerTls.optional(), cors: corsSettings })
    .prefault({})
    .transform(({ address, tls, cors }) =>
      address === 'off' ? undefined : { address, tls, cors: cors.origins.length === 0 ? undefined : cors },
    );
}
