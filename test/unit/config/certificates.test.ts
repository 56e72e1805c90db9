import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'

const config = (certificates: string) => `
name: sbc.example.com
listeners:
  lan: { udp: 10.0.0.5:5060 }
  far: { tls: 10.0.0.5:5061, certificate: main, names: [ tenant.example.com ] }
  web: { wss: 10.0.0.5:443, certificate: other }
zones:
  pbx: { kind: trunk, on: lan, targets: [ "sip:10.0.0.20:5060" ] }
  far: { kind: teams, on: far, targets: [ "sip:192.0.2.9:5061;transport=tls" ] }
  browsers: { kind: webrtc, on: web, origins: [ "https://app.example.com" ] }
routes: [ { from: far, to: pbx } ]
media: off
certificates:
${certificates}
`

const load = (certificates: string) => loadConfig(config(certificates), { file: '/etc/edgeways/edge.yaml', dataDir: '/var/lib/edgeways' })

const snapshotOf = (certificates: string) => {
  const loaded = load(certificates)
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems))
  return loaded.snapshot.certificates
}

const problemsOf = (certificates: string) => {
  const loaded = load(certificates)
  return loaded.ok ? [] : loaded.problems.map(({ path, message, remedy }) => [path, message, remedy])
}

test('an ordered certificate shows the names of its listeners, with the kind of key that their peers want', () => {
  const [main, other] = snapshotOf(`  main: { acme: { email: ops@example.com } }
  other: { acme: { email: ops@example.com, directory: letsencrypt-staging, challenge: tls-alpn-01 } }`)
  expect(main).toMatchObject({
    hosts: ['sbc.example.com', 'tenant.example.com'],
    source: {
      kind: 'acme',
      keyType: 'rsa2048',
      settings: {
        email: 'ops@example.com',
        directory: 'https://acme-v02.api.letsencrypt.org/directory',
        challenge: 'http-01',
        httpPort: 80,
      },
    },
  })
  expect(other).toMatchObject({
    hosts: ['sbc.example.com'],
    source: {
      keyType: 'ecdsa256',
      settings: { directory: 'https://acme-staging-v02.api.letsencrypt.org/directory', challenge: 'tls-alpn-01' },
    },
  })
})

test('names and key that are written win; files of DNS providers start at the folder of the configuration', () => {
  const [main] = snapshotOf(`  main:
    names: [ "*.example.com", example.com ]
    key: ecdsa384
    acme: { email: ops@example.com, challenge: dns-01, dns: { provider: rfc2136, server: 192.0.2.53, key-file: tsig.key }, dns-servers: [ 192.0.2.53 ], propagation: 30s }
  other: stored`)
  expect(main).toMatchObject({
    hosts: ['*.example.com', 'example.com'],
    source: {
      keyType: 'ecdsa384',
      settings: {
        dns: {
          provider: 'rfc2136',
          settings: { server: '192.0.2.53', 'key-file': '/etc/edgeways/tsig.key' },
          servers: ['192.0.2.53'],
          propagationMs: 30_000,
        },
      },
    },
  })
})

test('a stored certificate is to show what its listeners advertise', () => {
  expect(snapshotOf('  main: stored\n  other: stored')[1]).toEqual({
    name: 'other',
    source: { kind: 'stored' },
    hosts: ['sbc.example.com'],
  })
})

test.each([
  [
    'a wildcard without DNS',
    '  main: { names: [ "*.example.com" ], acme: { email: ops@example.com } }\n  other: stored',
    'certificates.main.acme',
    '*.example.com can be confirmed by DNS only',
    'Write "challenge: dns-01" and "dns"',
  ],
  [
    'dns-01 without a provider',
    '  main: { acme: { email: ops@example.com, challenge: dns-01 } }\n  other: stored',
    'certificates.main.acme.challenge',
    'dns-01 needs to write DNS records',
    'Add "dns: { provider: … }"',
  ],
  [
    'an unknown provider',
    '  main: { acme: { email: ops@example.com, challenge: dns-01, dns: { provider: cloudflar } } }\n  other: stored',
    'certificates.main.acme.dns.provider',
    'There is no DNS provider "cloudflar"',
    'Did you mean "cloudflare"?',
  ],
  [
    'an unknown directory',
    '  main: { acme: { email: ops@example.com, directory: letsencript } }\n  other: stored',
    'certificates.main.acme.directory',
    '"letsencript" is no ACME directory',
    'Write letsencrypt, letsencrypt-staging, zerossl, buypass, google, or an https URL',
  ],
  [
    'a name that is none',
    '  main: { names: [ "a b" ], acme: { email: ops@example.com } }\n  other: stored',
    'certificates.main.names[0]',
    '"a b" is no name that a CA can confirm',
    'Write a host name such as sbc.example.com, or *.example.com',
  ],
  [
    'no mail address',
    '  main: { acme: { email: nobody } }\n  other: stored',
    'certificates.main.acme.email',
    '"nobody" is no mail address',
    'Write an address that somebody reads',
  ],
])('%s is a mistake with a remedy', (_what, certificates, path, message, remedy) => {
  expect(problemsOf(certificates)).toContainEqual([path, message, remedy])
})
