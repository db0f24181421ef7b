import {
  type BulkWriteResult,
  MongoBulkWriteError,
  MongoNetworkError,
  MongoParseError,
  MongoServerError,
  MongoServerSelectionError,
  type TopologyDescription,
} from 'mongodb';
import { describe, expect, it } from 'vitest';
import { DomainError } from '../../../../src/domain/errors.ts';
import {
  isTransient,
  isUnsupported,
  toDomainError,
} from '../../../../src/store/mongodb/connection/errors.ts';

const server = (code: number, errorLabels: string[] = []) =>
  new MongoServerError({ message: 'from the server', code, errorLabels });
const inBulk = (error: Error) => new MongoBulkWriteError(error, {} as BulkWriteResult);
const socket = (code: string) => Object.assign(new Error('from the socket'), { code });

describe('an error of the driver', () => {
  it.each<[string, unknown]>([
    ['a connection that broke', new MongoNetworkError('broke')],
    ['no server in time', new MongoServerSelectionError('none', {} as TopologyDescription)],
    ['a primary that stepped down, unlabelled', server(10107)],
    ['a write conflict in a transaction', server(112, ['TransientTransactionError'])],
    ['a commit of unknown outcome', server(50, ['UnknownTransactionCommitResult'])],
    ['a socket that the other side ended', socket('EPIPE')],
    ['a socket that was reset', socket('ECONNRESET')],
    ['a socket that broke during a bulk write', inBulk(socket('EPIPE'))],
  ])('passes when it is %s, and is UNAVAILABLE in the end', (_, error) => {
    expect(isTransient(error)).toBe(true);
    expect(toDomainError(error)).toMatchObject({ code: 'UNAVAILABLE', retryable: true });
  });

  it.each<[string, unknown]>([
    ['refused credentials', server(18)],
    ['a broken query', server(2)],
    ['a connection string that cannot be read', new MongoParseError('mongodb://me:pw@host')],
    ['a mistake of ours', new TypeError('x is undefined')],
  ])('does not pass when it is %s, and tells the caller nothing of it', (_, error) => {
    expect(isTransient(error)).toBe(false);
    const known = toDomainError(error);
    expect(known).toMatchObject({ code: 'INTERNAL', retryable: false, cause: error });
    expect(known.message).not.toContain((error as Error).message);
  });

  it.each([43, 133, 175, 202, 211, 249, 365, 462, 10058, 11601, 13388])(
    'passes with the code %i of the server, also from a bulk write, which has no labels',
    (code) => {
      expect(isTransient(server(code))).toBe(true);
      const { message } = toDomainError(server(code));
      expect(message).toContain('it is not known whether it did');
      expect(message).not.toContain('nothing was changed');
    },
  );

  it.each(['SystemOverloadedError', 'RetryableError'])('passes with the label %s', (label) => {
    expect(isTransient(server(1, [label]))).toBe(true);
  });

  it('promises that nothing was changed only where that is certain', () => {
    expect(toDomainError(server(2))).toMatchObject({
      outcomeUnknown: true,
      message: expect.stringContaining('it is not known whether it did'),
    });
  });

  it.each([
    ['you are over your space quota, using 513 MB of 512 MB', 'more space'],
    ['bad auth : authentication failed', 'MONGODB_URI'],
    ['bulkWrite is not allowed in this atlas tier', 'Atlas'],
  ])('tells what Atlas means by its one code: %s', (message, advice) => {
    const error = new MongoServerError({ message, code: 8000 });
    expect(toDomainError(error)).toMatchObject({
      code: 'INTERNAL',
      message: expect.stringContaining(advice),
    });
    expect(isUnsupported(error)).toBe(true);
  });

  it('says which rights are missing when the user of the server lacks some', () => {
    const { code, message } = toDomainError(server(13));
    expect(code).toBe('INTERNAL');
    for (const word of ['readWrite', '--read-only', 'role read ']) expect(message).toContain(word);
  });

  it('is left alone when it is one of ours', () => {
    const ours = new DomainError('NOT_FOUND', 'There is none.');
    expect(toDomainError(ours)).toBe(ours);
  });
});
