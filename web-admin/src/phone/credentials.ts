import { call } from '../api/client.ts'

/** What a phone of this session shows a zone that asks who it is. */
export interface PhoneCredentials {
  readonly user: string
  /** Name in the digest, where it is another one. */
  readonly authorizationUser?: string
  readonly password: string
  readonly domain?: string
}

/** @throws ApiFailure */
export const credentialsFor = (zone: string): Promise<PhoneCredentials> => call<PhoneCredentials>('POST', '/phone/credentials', { zone })
