/** Closed sets that the configuration, the issuers and the admin side share. */

export const KEY_TYPES = ['rsa2048', 'rsa3072', 'ecdsa256', 'ecdsa384'] as const
export type KeyType = (typeof KEY_TYPES)[number]

/** RFC 8555 §8, RFC 8737. */
export const CHALLENGES = ['http-01', 'tls-alpn-01', 'dns-01'] as const
export type ChallengeKind = (typeof CHALLENGES)[number]
