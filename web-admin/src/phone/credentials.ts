import { call } from '../api/client.ts'

/** What a phone of this session shows a zone that asks who it is: good for some hours, and no password that somebody knows. */
export interface PhoneCredentials {
  readonly user: string
  readonly domain: string
  /** Name in the digest, which ends by itself. */
  readonly authorizationUser: string
  readonly password: string
}

/** @param user of a subscriber; empty: of the test phone's own @throws ApiFailure */
export const credentialsFor = async (user: string): Promise<PhoneCredentials> => {
  const made = await call<{ readonly uri: string; readonly user: string; readonly password: string }>(
    'POST',
    '/phone/credentials',
    user === '' ? {} : { user },
  )
  const [, name = made.user, domain = ''] = /^sips?:([^@]+)@(.+)$/.exec(made.uri) ?? []
  return { user: name, domain, authorizationUser: made.user, password: made.password }
}
