/** Our users and what proves who they are: the database, the keys of tokens, the test phone. Beside main.ts: it joins the parts. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import { addSubscriberRoutes } from './admin/subscriber-routes.ts'
import { nameUntil, timedPassword } from './authentication/timed.ts'
import type { Proofs, TokenJudge } from './authentication/types.ts'
import type { Clock } from './base/clock.ts'
import { EdgewaysError } from './base/errors.ts'
import type { AuthenticationSettings, Snapshot } from './config/snapshot.ts'
import type { Log } from './observability/log.ts'
import type { Subscribers } from './registrar/types.ts'
import { type Database, openDatabase } from './store/database.ts'
import { readSecret } from './store/files.ts'
import { KeySet } from './store/key-set.ts'
import { sealingKey } from './store/sealing.ts'
import { SubscriberStore } from './store/subscribers.ts'
import { createTokenJudge } from './store/tokens.ts'
import type { PhoneCredentials, SubscriberDesk } from './store/types.ts'

export interface SubscriberServiceDeps {
  readonly dataDir: string
  readonly clock: Clock
  readonly log: Log
}

export interface SubscriberService {
  /** For others who keep something there. */
  readonly database: Database
  readonly subscribers: Subscribers
  readonly desk: SubscriberDesk
  /** Credentials with which a phone calls as that user for a while. */
  readonly phone: (user: string) => PhoneCredentials
  /** As the configuration has them now. */
  readonly proofs: () => Proofs
  /** The configuration that runs is another one. */
  readonly applied: (snapshot: Snapshot) => void
  readonly routes: (app: FastifyInstance) => void
  stop(): void
}

/** Names of files in the data folder. */
export const DATABASE_FILE = 'edgeways.db'
export const KEY_FILE = 'users.key'

/** How long a call may stand still while a command writes, ms. */
const BUSY_MS = 1000
const PHONE_MS = 12 * 3_600_000
const SHORTEST_TIMED_SECRET = 16

/** @throws StoreError when the database, a key or a secret cannot be used */
export const createSubscriberService = (snapshot: Snapshot, { dataDir, clock, log }: SubscriberServiceDeps): SubscriberService => {
  const wall = () => clock.wall()
  const database = openDatabase(join(dataDir, DATABASE_FILE), {
    busyMs: BUSY_MS,
    wall,
    damaged: (aside, why) =>
      log.error(
        { reason: why, file: aside },
        'The database was damaged: it was moved aside, and an empty one is in its place; restore a backup',
      ),
  })
  let running = snapshot
  // Of the test phone; another start, another secret
  const ownSecret = randomBytes(32)
  const store = new SubscriberStore({
    ...{ database, wall, key: sealingKey(join(dataDir, KEY_FILE)) },
    realm: () => running.authentication.realm,
  })
  let proofs = proofsOf(snapshot.authentication, ownSecret, undefined, clock, log)
  tellUnusable(store, log)
  if (asks(snapshot)) tellNobody(store, proofs.proofs, log)

  const phone = (user: string): PhoneCredentials => {
    const until = clock.wall() + PHONE_MS
    const username = nameUntil(user, until)
    const { realm } = running.authentication
    return {
      uri: `sip:${user}@${running.registrar?.domains[0] ?? realm}`,
      user: username,
      password: timedPassword(ownSecret, username),
      realm,
      expires: new Date(until).toISOString(),
    }
  }

  return {
    database,
    subscribers: store,
    desk: store,
    phone,
    proofs: () => proofs.proofs,
    applied: (next) => {
      const before = running
      running = next
      if (next.authentication.realm !== before.authentication.realm) tellUnusable(store, log)
      try {
        proofs = proofsOf(next.authentication, ownSecret, proofs.keys, clock, log)
      } catch (error) {
        if (!(error instanceof EdgewaysError)) throw error
        log.error({ err: error }, 'Tokens and time-limited names are judged as before')
      }
      if (asks(next) && !asks(before)) tellNobody(store, proofs.proofs, log)
    },
    routes: (app) => addSubscriberRoutes(app, { desk: store, phone }),
    stop: () => database.close(),
  }
}

/** Whether the files that it names hold what they should. @throws StoreError SBC_AUTHENTICATION_KEY */
export const checkProofs = ({ tokens, timedSecretFile }: AuthenticationSettings, clock: Clock): void => {
  if (tokens !== undefined) createTokenJudge(tokens, undefined, () => clock.wall())
  if (timedSecretFile !== undefined) readSecret(timedSecretFile, SHORTEST_TIMED_SECRET)
}

const proofsOf = (
  { tokens, timedSecretFile }: AuthenticationSettings,
  ownSecret: Buffer,
  before: KeySet | undefined,
  clock: Clock,
  log: Log,
): { readonly proofs: Proofs; readonly keys: KeySet | undefined } => {
  let keys = before?.url === tokens?.keysUrl ? before : undefined
  if (keys === undefined && tokens?.keysUrl !== undefined) keys = new KeySet({ url: tokens.keysUrl, clock, log })
  // So that the first client need not wait for it
  if (keys !== before) void keys?.refresh()
  const judge: TokenJudge | undefined = tokens === undefined ? undefined : createTokenJudge(tokens, keys, () => clock.wall())
  const secrets = timedSecretFile === undefined ? [ownSecret] : [readSecret(timedSecretFile, SHORTEST_TIMED_SECRET), ownSecret]
  return { proofs: { timedSecrets: secrets, tokens: judge }, keys }
}

const asks = ({ zones }: Snapshot): boolean => [...zones.values()].some(({ authenticate }) => authenticate)

const tellNobody = (store: SubscriberStore, { tokens }: Proofs, log: Log): void => {
  if (tokens === undefined && store.list({ limit: 1 }).total === 0)
    log.info(
      {},
      'Zones ask for credentials, and there are no users yet: "edgeways user add NAME", or the page Subscribers of the web admin',
    )
}

const tellUnusable = (store: SubscriberStore, log: Log): void => {
  const { realms, otherRealm, otherKey } = store.unusable()
  if (otherRealm > 0)
    log.warn(
      { realm: store.realm, before: realms.join(', '), users: otherRealm },
      'Passwords were made for another realm and are good for nothing now: set "authentication.realm" back, or set them anew (edgeways user password)',
    )
  if (otherKey > 0)
    log.error(
      { users: otherKey, file: KEY_FILE },
      'Passwords were sealed with another key and cannot be read: restore that key from a backup, or set them anew (edgeways user password)',
    )
}
