/** What users, aliases and passwords may be; what is refused is refused with a sentence. */
import { randomInt } from 'node:crypto'
import { SubscriberError } from '../base/errors.ts'

const LONGEST_USER = 64
const LONGEST_NAME = 100
const MOST_ALIASES = 100
const SHORTEST_PASSWORD = 8
const LONGEST_PASSWORD = 128

/** What digest puts between its words, what ends a user part, white space, controls. */
const NOT_IN_USER = /[\s\0-\x20:@<>"'`\\,;?#/&|%\x7f]/
const CONTROLS = /[\0-\x1f\x7f]/

const refuse = (message: string): never => {
  throw new SubscriberError('SBC_SUBSCRIBER_INVALID', message)
}

export const checkUser = (user: string, what = 'user name'): void => {
  if (user === '' || user.length > LONGEST_USER) refuse(`A ${what} has 1 to ${LONGEST_USER} characters`)
  const found = NOT_IN_USER.exec(user)
  if (found !== null) refuse(`"${shown(user)}" is no ${what}: ${JSON.stringify(found[0])} cannot stand in it`)
}

export const checkAliases = (aliases: readonly string[], user: string): void => {
  if (aliases.length > MOST_ALIASES) refuse(`A user has at most ${MOST_ALIASES} aliases`)
  const before = new Set([user.toLowerCase()])
  for (const alias of aliases) {
    checkUser(alias, 'alias')
    if (before.has(alias.toLowerCase())) refuse(`"${shown(alias)}" is there twice`)
    before.add(alias.toLowerCase())
  }
}

export const checkDisplayName = (name: string): void => {
  if (name.length > LONGEST_NAME || CONTROLS.test(name)) refuse(`A display name has at most ${LONGEST_NAME} characters, in one line`)
}

export const checkPassword = (password: string): void => {
  if (password.length < SHORTEST_PASSWORD || password.length > LONGEST_PASSWORD)
    refuse(`A password has ${SHORTEST_PASSWORD} to ${LONGEST_PASSWORD} characters`)
  if (CONTROLS.test(password)) refuse('A password has no control characters')
}

const shown = (text: string): string => text.slice(0, LONGEST_USER)

/** Without characters that look alike, and none that has to be escaped anywhere. */
const ALPHABET = 'abcdefghijkmnpqrstuvwxyz23456789'

/** 100 random bits that can be typed into a phone. */
export const newPassword = (): string =>
  Array.from({ length: 4 }, () => Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')).join('-')
