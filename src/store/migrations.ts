/** What the tables of the database are, as the steps that made them. A step that was published is never edited: another one follows it. */

export interface Migration {
  /** Kept in the database: a step runs once. Unique; begins with the part that owns its tables. */
  readonly name: string
  /** Statements; all of them happen, or none. */
  readonly sql: string
}

const SUBSCRIBERS: readonly Migration[] = [
  {
    name: 'subscribers-1',
    sql: `
      CREATE TABLE subscribers (
        user TEXT PRIMARY KEY,
        display_name TEXT NOT NULL,
        enabled INTEGER NOT NULL,
        created INTEGER NOT NULL,
        changed INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE subscriber_aliases (
        alias TEXT PRIMARY KEY,
        user TEXT NOT NULL REFERENCES subscribers (user) ON DELETE CASCADE ON UPDATE CASCADE
      ) STRICT;
      CREATE INDEX subscriber_aliases_by_user ON subscriber_aliases (user);
      CREATE TABLE subscriber_secrets (
        user TEXT NOT NULL REFERENCES subscribers (user) ON DELETE CASCADE ON UPDATE RESTRICT,
        algorithm TEXT NOT NULL,
        realm TEXT NOT NULL,
        sealed BLOB NOT NULL,
        PRIMARY KEY (user, algorithm)
      ) STRICT, WITHOUT ROWID;
    `,
  },
]

const BINDINGS: readonly Migration[] = [
  {
    name: 'bindings-1',
    sql: `
      CREATE TABLE bindings (
        aor TEXT NOT NULL,
        contact_key TEXT NOT NULL,
        expires_at INTEGER NOT NULL,
        binding TEXT NOT NULL,
        PRIMARY KEY (aor, contact_key)
      ) STRICT, WITHOUT ROWID;
    `,
  },
]

/** In the order in which they run. Each part has its own list, and adds to its end. */
export const MIGRATIONS: readonly Migration[] = [...SUBSCRIBERS, ...BINDINGS]
