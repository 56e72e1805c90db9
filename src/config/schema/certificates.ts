import Type from 'typebox'
import { CHALLENGES, KEY_TYPES } from '../../base/certificate-kinds.ts'
import { ACME_CAS } from '../acme-cas.ts'
import { count, duration, file, mapping, named, optional, text } from './fragment.ts'

const names = Type.Array(text({ expects: 'a host name such as sbc.example.com, or *.example.com' }), {
  description: 'What the certificate shows. Default: the names that the listeners which use it advertise.',
  examples: [['sbc.example.com', '*.sbc.example.com']],
  minItems: 1,
  maxItems: 100,
})

const key = Type.Enum([...KEY_TYPES], {
  description: 'Kind of the private key. Default: rsa2048 where a zone of kind teams uses it, else ecdsa256.',
  examples: ['ecdsa256'],
})

const dns = Type.Record(Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$' }), text({}), {
  description:
    'How the DNS zone is written to (dns-01): `provider` is rfc2136, hook, cloudflare, hetzner or route53; the rest are its settings (docs/certificates.md). Secrets are named, never written: settings that end in `-file` or `-env`.',
  examples: [{ provider: 'cloudflare', 'token-file': '/run/secrets/cloudflare' }],
  additionalProperties: false,
  keys: 'a setting of lower-case letters, digits and "-"',
})

const acme = mapping(
  {
    email: text({ description: 'Where the CA writes to.', expects: 'a mail address', examples: ['ops@example.com'] }),
    directory: optional(
      text({
        description: `The CA: ${Object.keys(ACME_CAS).join(', ')}, or the URL of an ACME directory.`,
        default: 'letsencrypt',
        expects: `${Object.keys(ACME_CAS).join(', ')}, or an https URL`,
      }),
    ),
    challenge: optional(
      Type.Enum([...CHALLENGES], {
        description:
          'How the CA looks that the names are ours: a web server of ours on port 80, a TLS listener on port 443, or a DNS record (needed for wildcards).',
        default: 'http-01',
      }),
    ),
    'http-port': optional(
      count({ description: 'Port of our answer to http-01; the CA asks port 80.', default: 80, minimum: 1, maximum: 65535 }),
    ),
    eab: optional(
      mapping(
        {
          kid: text({ description: 'Identifier of the account at the CA.', examples: ['kid-1'] }),
          'key-file': file({ description: 'A file with the HMAC key, base64url.', examples: ['/run/secrets/zerossl'] }),
        },
        {
          description: 'External account binding, for CAs that want it (zerossl, google).',
          examples: [{ kid: 'kid-1', 'key-file': '/run/secrets/eab' }],
        },
      ),
    ),
    profile: optional(text({ description: 'A certificate profile that the CA offers, such as tlsserver.', examples: ['tlsserver'] })),
    trust: optional(file({ description: "PEM roots of a private CA's own server.", examples: ['certs/ca.pem'] })),
    'renew-before': optional(
      duration({
        description: 'Renewed so long before its end. Default: when the CA says so (RFC 9773), else after two thirds of its life.',
        examples: ['30d'],
        least: '1h',
        most: '365d',
      }),
    ),
    dns: optional(dns),
    'dns-servers': optional(
      Type.Array(text({ expects: 'an IP address with an optional port' }), {
        description: "Name servers that are asked whether a record is there. Default: the zone's own.",
        examples: [['192.0.2.53']],
        maxItems: 10,
      }),
    ),
    propagation: optional(
      duration({ description: 'How long a DNS record may take to become visible.', default: '2m', least: '1s', most: '1h' }),
    ),
  },
  { description: 'Ordered and renewed by ourselves (RFC 8555).', examples: [{ email: 'ops@example.com', challenge: 'http-01' }] },
)

export const certificates = named(
  Type.Union(
    [
      Type.Enum(['development', 'stored'], {
        description: '`development`: made by the development CA, for trying out. `stored`: uploaded or requested in the web admin.',
      }),
      mapping({
        chain: file({ description: 'PEM file: the certificate first, then its intermediates.', examples: ['certs/sbc.pem'] }),
        key: file({ description: "PEM file with the certificate's private key.", examples: ['certs/sbc.key'] }),
      }),
      mapping({ acme, names: optional(names), key: optional(key) }),
    ],
    { expects: '{ acme: … }, { chain: FILE, key: FILE }, "stored" or "development"' },
  ),
  {
    description:
      'Certificates of tls and wss listeners: ordered by ourselves (`acme`), files, uploaded ones (`stored`), or `development` for one made by the development CA.',
    examples: [{ main: { chain: 'certs/sbc.pem', key: 'certs/sbc.key' } }],
  },
)
