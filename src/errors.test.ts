import { describe, expect, it } from 'vitest';
import { errorCodes, isSluiceError, SluiceError } from './errors.ts';

describe('SluiceError', () => {
  it('carries code, message, cause and details', () => {
    const cause = new Error('EIO');
    const error = new SluiceError('WRONG_TYPE', 'k holds a list', {
      cause,
      details: { expected: 'string', actual: 'list' },
    });
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('SluiceError');
    expect(error.code).toBe('WRONG_TYPE');
    expect(error.cause).toBe(cause);
    expect(error.details).toEqual({ expected: 'string', actual: 'list' });
    expect(String(error)).toBe('SluiceError: k holds a list');
  });

  it('has no cause and no details when none are given', () => {
    const error = new SluiceError('CLOSED', 'closed');
    expect('cause' in error).toBe(false);
    expect('details' in error).toBe(false);
  });
});

describe('isSluiceError', () => {
  it('tells codes apart', () => {
    const error = new SluiceError('CLOSED', 'closed');
    expect(isSluiceError(error)).toBe(true);
    expect(isSluiceError(error, 'CLOSED')).toBe(true);
    expect(isSluiceError(error, 'DATA_LOCKED')).toBe(false);
  });

  it('knows errors of another copy of the package', () => {
    const foreign = Object.assign(new Error('closed'), { code: 'CLOSED', [Symbol.for('sluice.error')]: true });
    expect(isSluiceError(foreign, 'CLOSED')).toBe(true);
  });

  it('refuses other errors and values, also those with a code', () => {
    expect(isSluiceError(Object.assign(new Error('x'), { code: 'CLOSED' }))).toBe(false);
    expect(isSluiceError(undefined)).toBe(false);
    expect(isSluiceError('CLOSED')).toBe(false);
  });
});

describe('errorCodes', () => {
  it('explains every code with a summary and a remedy', () => {
    for (const [code, entry] of Object.entries(errorCodes)) {
      expect(code).toMatch(/^[A-Z][A-Z_]*[A-Z]$/);
      expect(entry.summary).toMatch(/^[A-Z].*\.$/);
      expect(entry.remedy).toMatch(/^[A-Z].*\.$/);
    }
  });
});
