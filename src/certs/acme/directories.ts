/**
 * The directories of public CAs that an operator can call by name (RFC 8555 §7.1.1). ZeroSSL and Google want an external
 * account binding.
 */
export const ACME_DIRECTORIES = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
  zerossl: 'https://acme.zerossl.com/v2/DV90',
  buypass: 'https://api.buypass.com/acme/directory',
  google: 'https://dv.acme-v02.api.pki.goog/directory',
} as const satisfies Record<string, string>

export type AcmeDirectory = keyof typeof ACME_DIRECTORIES
