/** ACME directories that have a name (RFC 8555 §7.1.1). */
export const ACME_CAS = {
  letsencrypt: 'https://acme-v02.api.letsencrypt.org/directory',
  'letsencrypt-staging': 'https://acme-staging-v02.api.letsencrypt.org/directory',
  zerossl: 'https://acme.zerossl.com/v2/DV90',
  buypass: 'https://api.buypass.com/acme/directory',
  google: 'https://dv.acme-v02.api.pki.goog/directory',
} as const satisfies Readonly<Record<string, string>>
