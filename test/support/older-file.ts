import { Connection } from '../../src/store/sqlite/connection/index.ts';
import { MIGRATIONS } from '../../src/store/sqlite/migrations/index.ts';

/**
 * Creates a database file as it was before a step of the schema.
 *
 * @param sql part of the SQL of that step
 * @param write fills the file, within one transaction
 */
export async function createOlderFile(
  path: string,
  sql: string,
  write: (connection: Connection) => void,
): Promise<void> {
  const step = MIGRATIONS.findIndex((one) => typeof one === 'string' && one.includes(sql));
  if (step < 0) throw new Error(`No step of the schema has ${sql}`);
  const connection = await Connection.open(path, MIGRATIONS.slice(0, step));
  await connection.write(() => write(connection));
  await connection.close();
}
