import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { percentDecode, percentEncode } from './percent.ts';

const byteString = fc.array(fc.integer({ min: 0, max: 255 })).map((codes) => String.fromCharCode(...codes));

describe('percentDecode', () => {
  it('gives back any bytes, whichever of them were encoded', () => {
    fc.assert(
      fc.property(byteString, fc.func(fc.boolean()), (bytes, plain) => {
        const encoded = [...bytes]
          .map((byte) => {
            const digits = byte.charCodeAt(0).toString(16).padStart(2, '0');
            if (byte !== '%' && plain(byte)) return byte;
            return `%${plain(digits) ? digits : digits.toUpperCase()}`;
          })
          .join('');
        expect(percentDecode(encoded)).toBe(bytes);
      }),
    );
  });

  it.each(['%', '%a', '%zz', 'a%', 'a%4', '%%41', '%4\n', '% 41'])('refuses %j', (text) => {
    expect(percentDecode(text)).toBeUndefined();
  });

  it('leaves + and everything else as it is', () => {
    expect(percentDecode('a+b/../c?d')).toBe('a+b/../c?d');
  });
});

describe('percentEncode', () => {
  it('leaves only unreserved characters, and is undone by decoding', () => {
    fc.assert(
      fc.property(byteString, (bytes) => {
        expect(percentEncode(bytes)).toMatch(/^(?:[A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
        expect(percentDecode(percentEncode(bytes))).toBe(bytes);
      }),
    );
    expect(percentEncode('a/b c\xe9')).toBe('a%2Fb%20c%E9');
  });
});
