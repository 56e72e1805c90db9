import type { Log } from '../observability/log.ts'
import type { Binding, BindingStore, RegistrarBehind } from '../registrar/types.ts'
import type { FlowToken } from '../routing/route-state.ts'
import type { Database } from './database.ts'

/**
 * Registrations in the database: what was put is there after a crash of the process. One row for each binding; what is looked at by SQL has
 * a column, the rest is one JSON text that is checked when it is read.
 */
export class StoredBindings implements BindingStore {
  readonly #database: Database
  readonly #log: Log
  readonly #put: { run(...values: (string | number)[]): unknown }
  readonly #remove: { run(...values: (string | number)[]): unknown }

  constructor(database: Database, log: Log) {
    this.#database = database
    this.#log = log
    this.#put = database.sql.prepare('INSERT OR REPLACE INTO bindings (aor, contact_key, expires_at, binding) VALUES (?, ?, ?, ?)')
    this.#remove = database.sql.prepare('DELETE FROM bindings WHERE aor = ? AND contact_key = ?')
  }

  /** Rows that nobody can read are left out, and taken out. @throws StoreError */
  load(): readonly Binding[] {
    return this.#database.guarded(() => {
      const bindings: Binding[] = []
      const damaged: Row[] = []
      for (const row of this.#database.sql
        .prepare('SELECT aor, contact_key, expires_at, binding FROM bindings')
        .all() as unknown as Row[]) {
        const binding = read(row)
        if (binding === undefined) damaged.push(row)
        else bindings.push(binding)
      }
      if (damaged.length > 0) {
        this.#log.error(
          { code: 'SBC_STORE_ROW', rows: damaged.length, first: String(damaged[0]!.aor).slice(0, 100) },
          'Registrations in the database cannot be read and are left out; their clients have to register again',
        )
        for (const { aor, contact_key } of damaged) this.remove(aor, contact_key)
      }
      return bindings
    })
  }

  /** @throws StoreError: it is not kept */
  put(binding: Binding): void {
    const { aor, key, expiresAt, ...rest } = binding
    this.#database.guarded(() => this.#put.run(aor, key, expiresAt, JSON.stringify(rest)))
  }

  /** What cannot be removed now is there again after a restart, until it expires: worth a line in the log, not a call. */
  remove(aor: string, key: string): void {
    try {
      this.#remove.run(aor, key)
    } catch (error) {
      this.#log.error({ code: 'SBC_STORE_WRITE', err: error }, 'A registration that has ended cannot be taken out of the database')
    }
  }

  /** @throws StoreError: nothing of it is kept */
  together(run: () => void): void {
    this.#database.transaction(run)
  }
}

interface Row {
  readonly aor: string
  readonly contact_key: string
  readonly expires_at: number
  readonly binding: string
}

/** undefined: not what we wrote. */
const read = ({ aor, contact_key: key, expires_at: expiresAt, binding: text }: Row): Binding | undefined => {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(found)) return undefined
  const rest = found as Partial<Omit<Binding, 'aor' | 'key' | 'expiresAt'>>
  const { zone, listener, contact, parameters, callId, userAgent, q, cseq, since, refreshedAt, path, nat, flow, registrar } = rest
  if (!areTexts([zone, listener, contact, parameters, callId, userAgent]) || !areNumbers([q, cseq, since, refreshedAt])) return undefined
  if (!isTextList(path) || !isTextList(nat) || !isFlow(flow) || !(registrar === undefined || isBehind(registrar))) return undefined
  return { ...(rest as Omit<Binding, 'aor' | 'key' | 'expiresAt'>), aor, key, expiresAt, registrar }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null && !Array.isArray(value)
const areTexts = (values: readonly unknown[]): boolean => values.every((value) => typeof value === 'string')
const areNumbers = (values: readonly unknown[]): boolean => values.every((value) => Number.isFinite(value))
const isTextList = (value: unknown): boolean => Array.isArray(value) && areTexts(value)

const isFlow = (value: unknown): boolean => {
  if (!isObject(value)) return false
  const flow = value as Partial<Record<'kind' | 'address' | 'port' | 'boot' | 'id' | 'identity', unknown>>
  return flow.kind === ('datagram' satisfies FlowToken['kind'])
    ? areTexts([flow.address]) && areNumbers([flow.port])
    : flow.kind === ('connection' satisfies FlowToken['kind']) && areTexts([flow.boot, flow.id, flow.identity])
}

const isBehind = (value: unknown): boolean => {
  if (!isObject(value)) return false
  const { zone, target, uri, to, contact, keptUntil } = value as Partial<RegistrarBehind>
  return areTexts([zone, target, uri, to, contact]) && areNumbers([keptUntil])
}
