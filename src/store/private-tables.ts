import type { DatabaseSync } from 'node:sqlite';

/** All that a plan of a removal changes; what it only reads is read where it is. */
const changed = [
  ...['state', 'name', 'alias', 'image', 'link', 'lease', 'lease_hold', 'container', 'container_volume'],
  ...['chain', 'stack', 'layered'],
];

/**
 * Within a transaction that only reads: gives this connection copies in memory of the tables that a plan changes, under their own names, until the transaction is taken back.
 * Temporary tables come before others of the same name (sqlite.org/lang_naming.html), so what would become of the store is found with no lock that others wait for, and where it cannot be written.
 */
export function makePrivate(connection: DatabaseSync): void {
  const objects = connection
    .prepare("SELECT type, name, tbl_name AS of, sql FROM main.sqlite_schema WHERE sql IS NOT NULL AND type <> 'trigger'")
    .all();
  const made = objects as unknown as readonly { type: 'table' | 'index' | 'view'; name: string; of: string; sql: string }[];
  for (const { type, name, sql } of made)
    if (type === 'table' && changed.includes(name)) {
      connection.exec(sql.replace('CREATE TABLE', 'CREATE TEMP TABLE'));
      connection.exec(`INSERT INTO temp.${name} SELECT * FROM main.${name}`);
    }
  for (const { type, of, sql } of made)
    if (type === 'index' && changed.includes(of)) connection.exec(sql.replace(/^CREATE (UNIQUE )?INDEX /, 'CREATE $1INDEX temp.'));
  for (const { type, sql } of made) if (type === 'view') connection.exec(sql.replace('CREATE VIEW', 'CREATE TEMP VIEW'));
}
