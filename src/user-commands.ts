/** `edgeways user`: the users of the store, from the command line, also while the edge runs. Beside main.ts: it joins parts. */
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { EdgewaysError, SubscriberError } from './base/errors.ts'
import { loadConfigFile } from './config/commands.ts'
import { ConfigError, formatProblems } from './config/errors.ts'
import type { Snapshot } from './config/snapshot.ts'
import { type Database, openDatabase } from './store/database.ts'
import { sealingKey } from './store/sealing.ts'
import { newPassword } from './store/subscriber-rules.ts'
import { SubscriberStore } from './store/subscribers.ts'
import type { SubscriberView } from './store/types.ts'
import { DATABASE_FILE, KEY_FILE } from './subscriber-service.ts'
import { isUsageError, UsageError } from './usage-error.ts'

export interface UserCommandIo {
  readonly stdout: { write(text: string): unknown }
  readonly stderr: { write(text: string): unknown }
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What somebody types after the question, unseen; or, where nobody is at a terminal, the first line of the standard input. */
  readonly password: (question: string) => Promise<string>
  /** Somebody is at a terminal: a password is asked for twice. */
  readonly terminal: boolean
  /** Milliseconds since 1970. */
  readonly wall: () => number
}

export const USER_USAGE = `usage: edgeways user COMMAND [options]

list [TEXT]                 all users, or those with TEXT in name, alias or display name
show USER                   one of them
add USER                    a new one; asks for the password (or reads it from the standard input)
password USER               another password, asked for in the same way
enable USER, disable USER   a disabled user can neither register nor call
alias USER add|remove ALIAS…  further user parts of the address: numbers
remove USER                 with everything that belongs to it
backup FILE                 a copy of the database, users and registrations, while the edge runs

--name TEXT        display name (add)
--alias ALIAS      an alias (add; as often as needed)
--generate         make a password and print it once (add, password)
--no-password      none, for users who show tokens alone (add, password)
--config FILE      configuration file, which knows the realm   (EDGEWAYS_CONFIG; default: edgeways.yaml in the data folder)
--data FOLDER      data folder                                 (EDGEWAYS_DATA; default: ./data)

A password is never an argument: others could read it. From a script: edgeways user add alice < file
The edge may run; it knows of a change at once.
`

const OPTIONS = {
  name: { type: 'string' },
  alias: { type: 'string', multiple: true },
  generate: { type: 'boolean' },
  'no-password': { type: 'boolean' },
  config: { type: 'string' },
  data: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const OK = 0
const FAILED = 1
const USAGE = 2
/** How long a write of the edge may take, ms. */
const BUSY_MS = 5000
const PAGE = 500

type Parsed = ReturnType<typeof parse>
type Action = (store: SubscriberStore, parsed: Parsed, io: UserCommandIo, database: Database) => void | Promise<void>

const parse = (args: readonly string[]) => parseArgs({ args: [...args], allowPositionals: true, options: OPTIONS })

/** @param args what follows `user` @returns exit code: 0 done, 1 not done, 2 not understood */
export const userCommand = async (args: readonly string[], io: UserCommandIo): Promise<number> => {
  try {
    const parsed = parse(args)
    const [command] = parsed.positionals
    if (parsed.values.help === true) {
      io.stdout.write(USER_USAGE)
      return OK
    }
    if (command === undefined) throw new UsageError('There is no command')
    const action = Object.hasOwn(ACTIONS, command) ? ACTIONS[command] : undefined
    if (action === undefined) throw new UsageError(`There is no command "${command}"`)
    await withStore(parsed, io, (store, database) => action(store, parsed, io, database))
    return OK
  } catch (error) {
    if (isUsageError(error)) {
      io.stderr.write(`${error.message}\n\n${USER_USAGE}`)
      return USAGE
    }
    if (!(error instanceof EdgewaysError)) throw error
    io.stderr.write(`${error.message}\n`)
    return FAILED
  }
}

const withStore = async (
  { values }: Parsed,
  { environment, wall, stderr }: UserCommandIo,
  run: (store: SubscriberStore, database: Database) => void | Promise<void>,
): Promise<void> => {
  const dataDir = resolve(values.data ?? environment.EDGEWAYS_DATA ?? 'data')
  const file = resolve(values.config ?? environment.EDGEWAYS_CONFIG ?? join(dataDir, 'edgeways.yaml'))
  const snapshot = settingsOf(file, dataDir, environment)
  if (!existsSync(dataDir))
    throw new SubscriberError('SBC_SUBSCRIBER_UNKNOWN', `There is no data folder ${dataDir}; name it with --data, or start the edge once`)
  const database = openDatabase(join(dataDir, DATABASE_FILE), { busyMs: BUSY_MS, wall })
  try {
    const key = sealingKey(join(dataDir, KEY_FILE))
    await run(new SubscriberStore({ database, key, wall, realm: () => snapshot.authentication.realm }), database)
    if (![...snapshot.zones.values()].some((zone) => zone.authenticate))
      stderr.write('Note: no zone asks for credentials yet; set "registration: here" or "authenticate: true" in a zone\n')
  } finally {
    database.close()
  }
}

/** The realm of the passwords is in the configuration. @throws ConfigError */
const settingsOf = (file: string, dataDir: string, environment: UserCommandIo['environment']): Snapshot => {
  const loaded = loadConfigFile(file, { dataDir, environment })
  if (!loaded.ok) throw new ConfigError(formatProblems(loaded.problems, file), loaded.problems)
  return loaded.snapshot
}

const ACTIONS: Readonly<Record<string, Action>> = {
  list: (store, { positionals }, { stdout }) => {
    const [, search] = atMost(positionals, 2)
    const rows: (readonly string[])[] = [['USER', 'NAME', 'ALIASES', 'STATE']]
    let after: string | undefined
    do {
      const page = store.list({ search, after, limit: PAGE })
      for (const view of page.subscribers) rows.push([view.user, view.displayName, view.aliases.join(' '), stateOf(view)])
      after = page.next
    } while (after !== undefined)
    if (rows.length > 1) stdout.write(table(rows))
    else stdout.write(search === undefined ? 'There are no users\n' : `No user has "${search}" in it\n`)
  },
  show: (store, parsed, { stdout }) => {
    const view = existing(store, oneUser(parsed))
    const lines = [
      ['User', view.user],
      ['Name', view.displayName],
      ['Aliases', view.aliases.join(' ')],
      ['State', stateOf(view)],
      ['Realm', store.realm],
      ['Created', new Date(view.created).toISOString()],
      ['Changed', new Date(view.changed).toISOString()],
    ]
    stdout.write(table(lines))
  },
  add: async (store, parsed, io) => {
    const user = oneUser(parsed)
    // Before somebody types a password for nothing
    if (store.get(user) !== undefined) throw new SubscriberError('SBC_SUBSCRIBER_EXISTS', `There is a user "${user}" already`)
    const { password, made } = await passwordOf(parsed, io)
    const { name, alias } = parsed.values
    store.add({ user, displayName: name, aliases: alias, password })
    io.stdout.write(`Added ${user}\n`)
    if (made) io.stdout.write(`Password: ${password}\n`)
  },
  password: async (store, parsed, io) => {
    const { user } = existing(store, oneUser(parsed))
    const { password, made } = await passwordOf(parsed, io)
    store.setPassword(user, password)
    io.stdout.write(password === undefined ? `${user} has no password any more\n` : `${user} has another password\n`)
    if (made) io.stdout.write(`Password: ${password}\n`)
  },
  enable: (store, parsed, { stdout }) => {
    const user = oneUser(parsed)
    store.change(user, { enabled: true })
    stdout.write(`${user} is enabled\n`)
  },
  disable: (store, parsed, { stdout }) => {
    const user = oneUser(parsed)
    store.change(user, { enabled: false })
    stdout.write(`${user} is disabled\n`)
  },
  remove: (store, parsed, { stdout }) => {
    const user = oneUser(parsed)
    store.remove(user)
    stdout.write(`Removed ${user}\n`)
  },
  backup: (_store, { positionals }, { stdout }, database) => {
    const [, file] = atMost(positionals, 2)
    if (file === undefined) throw new UsageError('Where to? Write: edgeways user backup FILE')
    database.backup(resolve(file))
    stdout.write(`Wrote ${file}; its passwords are of use with ${KEY_FILE} of the data folder alone: keep that, too, in another place\n`)
  },
  alias: (store, { positionals }, { stdout }) => {
    const [, user, what, ...aliases] = positionals
    if (user === undefined || (what !== 'add' && what !== 'remove') || aliases.length === 0)
      throw new UsageError('Write: edgeways user alias USER add|remove ALIAS…')
    const before = existing(store, user).aliases
    const missing = aliases.find((alias) => what === 'remove' && !before.includes(alias))
    if (missing !== undefined) throw new SubscriberError('SBC_SUBSCRIBER_UNKNOWN', `"${missing}" is no alias of "${user}"`)
    const added = aliases.filter((alias) => !before.includes(alias))
    const next = what === 'add' ? [...before, ...added] : before.filter((alias) => !aliases.includes(alias))
    store.change(user, { aliases: next })
    stdout.write(next.length === 0 ? `${user} has no aliases\n` : `Aliases of ${user}: ${next.join(' ')}\n`)
  },
}

const atMost = (positionals: readonly string[], most: number): readonly string[] => {
  const more = positionals[most]
  if (more !== undefined) throw new UsageError(`"${more}" is one word too many${most === 2 ? '; a password is never an argument' : ''}`)
  return positionals
}

const oneUser = ({ positionals }: Parsed): string => {
  const [command, user] = atMost(positionals, 2)
  if (user === undefined) throw new UsageError(`Which user? Write: edgeways user ${command} USER`)
  return user
}

const existing = (store: SubscriberStore, user: string): SubscriberView => {
  const view = store.get(user)
  if (view === undefined) throw new SubscriberError('SBC_SUBSCRIBER_UNKNOWN', `There is no user "${user}"`)
  return view
}

const passwordOf = async (
  { values }: Parsed,
  { password, terminal }: UserCommandIo,
): Promise<{ readonly password: string | undefined; readonly made: boolean }> => {
  if (values.generate === true && values['no-password'] === true) throw new UsageError('Either --generate or --no-password, not both')
  if (values['no-password'] === true) return { password: undefined, made: false }
  if (values.generate === true) return { password: newPassword(), made: true }
  const typed = await password('Password: ')
  if (terminal && (await password('Again: ')) !== typed)
    throw new SubscriberError('SBC_SUBSCRIBER_INVALID', 'The two passwords are not the same; nothing was changed')
  if (typed === '') throw new SubscriberError('SBC_SUBSCRIBER_INVALID', 'The password is empty; nothing was changed')
  return { password: typed, made: false }
}

const stateOf = ({ enabled, password, otherRealm }: SubscriberView): string => {
  const state = enabled ? 'enabled' : 'disabled'
  if (password) return state
  return otherRealm === undefined ? `${state}, no password` : `${state}, password is for the realm ${otherRealm}`
}

const table = (rows: readonly (readonly string[])[]): string => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
  return rows
    .map(
      (row) =>
        `${row
          .map((text, column) => text.padEnd(widths[column]!))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('')
}
