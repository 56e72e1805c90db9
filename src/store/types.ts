/** What others may do with our users. */
import type { DigestAlgorithm, Subscriber } from '../registrar/types.ts'

export interface SubscriberView extends Subscriber {
  /** Has a password that is good for the present realm. */
  readonly password: boolean
  /** The realm that the password was made for, where that is another one: it is good for nothing then. */
  readonly otherRealm: string | undefined
  /** Milliseconds since 1970. */
  readonly created: number
  readonly changed: number
}

export interface NewSubscriber {
  readonly user: string
  readonly displayName?: string | undefined
  readonly aliases?: readonly string[] | undefined
  readonly enabled?: boolean | undefined
  /** undefined: none; for who shows tokens alone. */
  readonly password?: string | undefined
}

export interface SubscriberChange {
  readonly displayName?: string | undefined
  /** All of them, in place of those before. */
  readonly aliases?: readonly string[] | undefined
  readonly enabled?: boolean | undefined
}

export interface SubscriberQuery {
  /** A part of a user name, alias or display name, in any case. */
  readonly search?: string | undefined
  /** User name of the last one of the page before. */
  readonly after?: string | undefined
  readonly limit: number
}

export interface SubscriberPage {
  /** By user name. */
  readonly subscribers: readonly SubscriberView[]
  /** Of all that fit. */
  readonly total: number
  /** What `after` of the next page is; undefined: this is the last. */
  readonly next: string | undefined
}

/** Calls are short and synchronous. @throws StoreError, SubscriberError */
export interface SubscriberDesk {
  readonly realm: string
  list(query: SubscriberQuery): SubscriberPage
  get(user: string): SubscriberView | undefined
  add(subscriber: NewSubscriber): SubscriberView
  change(user: string, change: SubscriberChange): SubscriberView
  /** @param password undefined: takes it away */
  setPassword(user: string, password: string | undefined): SubscriberView
  remove(user: string): void
}

/** What a phone needs for a while, so that nobody has to type a password. */
export interface PhoneCredentials {
  /** Its address-of-record. */
  readonly uri: string
  /** User name for digest. */
  readonly user: string
  readonly password: string
  readonly realm: string
  /** ISO 8601. */
  readonly expires: string
}

export const DIGEST_ALGORITHMS: readonly DigestAlgorithm[] = ['SHA-256', 'MD5']
