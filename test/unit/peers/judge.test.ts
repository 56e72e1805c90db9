import { execFileSync } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { PeerFault } from '../../../src/address/flow.ts'
import { partsOf, readDer } from '../../../src/base/der.ts'
import { certificatesOf } from '../../../src/peers/certificate.ts'
import { judge } from '../../../src/peers/judge.ts'
import { sentenceOf } from '../../../src/peers/verdict.ts'
import type { PeerUsage } from '../../../src/zones/peers.ts'
import { file, type Made, make, makeIntermediate, makeKey, makeLeaf, makeRoot, openssl } from '../certs/intake/pki.ts'

const HUB = 'sip.pstnhub.microsoft.com'
const DAY = 86_400_000
const NOW = Date.now() + DAY / 2

const derOfPem = (pem: string): Buffer => new X509Certificate(pem).raw
const SERVER = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature', 'extendedKeyUsage=serverAuth']
const BOTH = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature', 'extendedKeyUsage=serverAuth,clientAuth']
const CA = ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign', 'subjectKeyIdentifier=hash']
const leafOf = (issuer: Made | undefined, hosts = [HUB], extensions = SERVER, more = {}): Made =>
  makeLeaf(issuer, hosts, { extensions, ...more })

const root = makeRoot('/CN=Root of the hubs')
const intermediate = makeIntermediate(root, '/CN=Issuing CA')
const leaf = leafOf(intermediate)
const evilRoot = makeRoot('/CN=Evil root')
const evil = makeIntermediate(evilRoot, '/CN=Evil issuing CA')

interface Case {
  readonly what: string
  readonly chain: readonly Made[]
  readonly roots?: readonly Made[]
  readonly usage?: PeerUsage
  readonly names?: readonly string[]
  readonly now?: number
  readonly says: 'ok' | PeerFault
  /** What the openssl program says, where it is asked, and where it differs, why. */
  readonly openssl?: 'ok' | 'refused'
  /** Why it says something else than we do. */
  readonly differs?: string
}

/** The openssl program as a judge beside ours: the same chain, roots, time, purpose and strength. */
const asked = ({ chain, roots = [root], usage = 'server', now = NOW }: Case): 'ok' | 'refused' => {
  const [first, ...others] = chain
  const untrusted = others.length === 0 ? [] : ['-untrusted', file(others.map(({ certificate }) => certificate).join(''))]
  const anchors = file(roots.map(({ certificate }) => certificate).join(''))
  const purposes = usage === 'both' ? ['sslserver', 'sslclient'] : ['sslserver']
  const good = purposes.every((purpose) => {
    const time = String(Math.floor(now / 1000))
    try {
      execFileSync(
        'openssl',
        [
          'verify',
          '-CAfile',
          anchors,
          '-no-CApath',
          '-no-CAstore',
          '-purpose',
          purpose,
          '-attime',
          time,
          '-auth_level',
          '2',
          ...untrusted,
          file(first!.certificate),
        ],
        { stdio: ['ignore', 'ignore', 'pipe'] },
      )
      return true
    } catch {
      return false
    }
  })
  return good ? 'ok' : 'refused'
}

const nameLimit = (limit: string, subject = '/CN=Limited CA'): Made =>
  makeIntermediate(root, subject, { extensions: [`nameConstraints=critical,${limit}`] })
const permitted = nameLimit('permitted;DNS:example.com')
const excluded = nameLimit('excluded;DNS:pstnhub.microsoft.com')
const sha1Ca = makeIntermediate(root, '/CN=SHA-1 CA', { digest: 'sha1' })
const sha1Root = makeRoot('/CN=SHA-1 root', { digest: 'sha1' })
const shallow = make({
  subject: '/CN=Shallow CA',
  issuer: root,
  extensions: ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=critical,keyCertSign', 'subjectKeyIdentifier=hash'],
})
const below = makeIntermediate(shallow, '/CN=CA below the shallow one')
const unsigning = make({
  subject: '/CN=CA that may not sign',
  issuer: root,
  extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,cRLSign'],
})
const clientCa = makeIntermediate(root, '/CN=CA for clients', { extensions: ['extendedKeyUsage=clientAuth'] })
const serverCa = makeIntermediate(root, '/CN=CA for servers', { extensions: ['extendedKeyUsage=serverAuth'] })
const host = leafOf(intermediate, ['host.example.com'])
const young = makeRoot('/CN=Short-lived root', { days: 2 })
const weakKey = makeKey('rsa1024')
const weakRoot = makeRoot('/CN=Weak root', { key: weakKey })
/** The same name and key, signed by the evil root: a way to a root of ours that begins with a stranger's. */
const cross = make({
  subject: '/CN=Issuing CA',
  issuer: evilRoot,
  key: intermediate.key,
  extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign', 'subjectKeyIdentifier=hash'],
})
const decoy = makeIntermediate(evilRoot, '/CN=Issuing CA')
const selfSigned = leafOf(undefined)
const caAsHost = make({
  subject: `/CN=${HUB}`,
  issuer: intermediate,
  extensions: [
    'basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,keyCertSign,digitalSignature',
    'extendedKeyUsage=serverAuth',
    `subjectAltName=DNS:${HUB}`,
  ],
})
const oldRoot = makeRoot('/CN=Old root')
/** The root of ours, cross-signed by an older one. */
const rootByOld = make({
  subject: '/CN=Root of the hubs',
  issuer: oldRoot,
  key: root.key,
  extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign', 'subjectKeyIdentifier=hash'],
})
const limitedRoot = makeRoot('/CN=Limited root', {
  extensions: [
    'basicConstraints=critical,CA:TRUE',
    'keyUsage=critical,keyCertSign',
    'nameConstraints=critical,permitted;DNS:example.com',
    'subjectKeyIdentifier=hash',
  ],
})
/** Made by whoever has no key of it: the name and the key of the limited root without its limits. */
const forgedTwin = make({
  subject: '/CN=Limited root',
  issuer: evilRoot,
  key: limitedRoot.key,
  extensions: ['basicConstraints=critical,CA:TRUE', 'keyUsage=critical,keyCertSign', 'subjectKeyIdentifier=hash'],
})
const NO_EXTENDED = ['basicConstraints=CA:FALSE', 'keyUsage=critical,digitalSignature']

const CASES: readonly Case[] = [
  { what: 'a good chain for servers', chain: [leaf, intermediate], says: 'ok', openssl: 'ok' },
  { what: 'one with its root', chain: [leaf, intermediate, root], says: 'ok', openssl: 'ok' },
  { what: 'one in another order, with others between', chain: [leaf, root, evil, evilRoot, intermediate], says: 'ok', openssl: 'ok' },
  { what: 'one directly below the root', chain: [leafOf(root)], says: 'ok', openssl: 'ok' },
  {
    what: 'T6.4: one for servers alone, where both is asked for',
    chain: [leaf, intermediate],
    usage: 'both',
    says: 'purpose',
    openssl: 'refused',
  },
  { what: 'T6.4: one for both', chain: [leafOf(intermediate, [HUB], BOTH), intermediate], usage: 'both', says: 'ok', openssl: 'ok' },
  {
    what: 'one for clients alone',
    chain: [leafOf(intermediate, [HUB], [...NO_EXTENDED, 'extendedKeyUsage=clientAuth']), intermediate],
    says: 'purpose',
    openssl: 'refused',
  },
  {
    what: 'one for any purpose and no other',
    chain: [leafOf(intermediate, [HUB], [...NO_EXTENDED, 'extendedKeyUsage=anyExtendedKeyUsage']), intermediate],
    says: 'purpose',
    openssl: 'refused',
  },
  {
    what: 'one that says no purpose',
    chain: [leafOf(intermediate, [HUB], NO_EXTENDED), intermediate],
    usage: 'both',
    says: 'ok',
    openssl: 'ok',
  },
  {
    what: 'one whose key may sign certificates only',
    chain: [
      leafOf(intermediate, [HUB], ['basicConstraints=CA:FALSE', 'keyUsage=critical,nonRepudiation', 'extendedKeyUsage=serverAuth']),
      intermediate,
    ],
    says: 'purpose',
    openssl: 'refused',
  },
  { what: 'a CA for clients', chain: [leafOf(clientCa), clientCa], says: 'purpose', openssl: 'refused' },
  { what: 'a CA for servers', chain: [leafOf(serverCa), serverCa], says: 'ok', openssl: 'ok' },
  {
    what: 'a CA for servers, where both is asked for',
    chain: [leafOf(serverCa, [HUB], BOTH), serverCa],
    usage: 'both',
    says: 'purpose',
    openssl: 'refused',
  },

  { what: 'T6.5: self-signed with the right name', chain: [selfSigned], says: 'self-signed', openssl: 'refused' },
  { what: 'self-signed, followed by a good chain', chain: [selfSigned, leaf, intermediate], says: 'self-signed', openssl: 'refused' },
  { what: 'an untrusted CA that sends its intermediate', chain: [leafOf(evil), evil], says: 'unknown-root', openssl: 'refused' },
  { what: 'an untrusted CA that sends everything', chain: [leafOf(evil), evil, evilRoot], says: 'unknown-root', openssl: 'refused' },
  {
    what: 'an untrusted CA that sends a good chain, too',
    chain: [leafOf(evil), evil, intermediate, root],
    says: 'unknown-root',
    openssl: 'refused',
  },
  { what: 'a missing intermediate', chain: [leaf], says: 'incomplete-chain', openssl: 'refused' },
  { what: 'a leaf that another CA of the same name signed', chain: [leafOf(decoy), intermediate], says: 'signature', openssl: 'refused' },
  { what: 'a decoy of the same name before the right one', chain: [leaf, decoy, intermediate], says: 'ok', openssl: 'ok' },
  {
    what: 'a cross-signed CA: the way to a stranger first',
    chain: [leaf, cross, evilRoot, intermediate],
    says: 'ok',
    openssl: 'refused',
    differs: 'it goes one way only',
  },
  { what: 'a cross-signed CA: the way to a stranger only', chain: [leaf, cross, evilRoot], says: 'unknown-root', openssl: 'refused' },
  { what: 'a root of ours by the way of an older one', chain: [leaf, intermediate, rootByOld], says: 'ok', openssl: 'ok' },
  { what: 'the older root alone trusted', chain: [leaf, intermediate, rootByOld], roots: [oldRoot], says: 'ok', openssl: 'ok' },

  { what: 'expired', chain: [leaf, intermediate], now: NOW + 91 * DAY, says: 'expired', openssl: 'refused' },
  { what: 'not valid yet', chain: [leaf, intermediate], now: NOW - 2 * DAY, says: 'not-yet-valid', openssl: 'refused' },
  { what: 'an expired root', chain: [leafOf(young)], roots: [young], now: NOW + 3 * DAY, says: 'expired', openssl: 'refused' },

  { what: 'a host that signs for the hub', chain: [leafOf(host), host, intermediate], says: 'not-a-ca', openssl: 'refused' },
  { what: 'a CA that may not sign', chain: [leafOf(unsigning), unsigning], says: 'not-a-ca', openssl: 'refused' },
  {
    what: 'a CA as leaf',
    chain: [caAsHost, intermediate],
    says: 'ca-as-leaf',
    openssl: 'ok',
    differs: 'a CA is a server to it when its key may do both',
  },
  { what: 'the root as leaf', chain: [root], says: 'ca-as-leaf', openssl: 'refused' },
  { what: 'a path that is longer than a CA allows', chain: [leafOf(below), below, shallow], says: 'path-length', openssl: 'refused' },
  { what: 'one that is as long as it allows', chain: [leafOf(shallow), shallow], says: 'ok', openssl: 'ok' },

  { what: 'a CA that may name others only', chain: [leafOf(permitted), permitted], says: 'name-constraints', openssl: 'refused' },
  {
    what: 'a CA that may name this one',
    chain: [leafOf(permitted, ['sip.example.com']), permitted],
    names: ['sip.example.com'],
    says: 'ok',
    openssl: 'ok',
  },
  {
    what: 'a name beyond the limits beside one within',
    chain: [leafOf(permitted, ['sip.example.com', HUB]), permitted],
    says: 'name-constraints',
    openssl: 'refused',
  },
  { what: 'a CA that may not name this one', chain: [leafOf(excluded), excluded], says: 'name-constraints', openssl: 'refused' },
  {
    what: 'a wildcard that reaches into what is excluded',
    chain: [leafOf(excluded, ['*.microsoft.com']), excluded],
    names: [],
    says: 'name-constraints',
    openssl: 'ok',
    differs: 'it compares the wildcard as a name',
  },
  { what: 'limits of a root', chain: [leafOf(limitedRoot)], roots: [limitedRoot], says: 'name-constraints', openssl: 'refused' },
  {
    what: 'a root whose limits somebody left out',
    chain: [leafOf(limitedRoot), forgedTwin],
    roots: [limitedRoot],
    says: 'name-constraints',
    openssl: 'refused',
  },
  {
    what: 'a critical extension that nobody knows',
    chain: [leafOf(intermediate, [HUB], [...SERVER, '1.2.3.4=critical,ASN1:NULL']), intermediate],
    says: 'critical-extension',
    openssl: 'refused',
  },
  {
    what: 'one that is not critical',
    chain: [leafOf(intermediate, [HUB], [...SERVER, '1.2.3.4=ASN1:NULL']), intermediate],
    says: 'ok',
    openssl: 'ok',
  },

  {
    what: 'signed with SHA-1',
    chain: [leafOf(intermediate, [HUB], SERVER, { digest: 'sha1' }), intermediate],
    says: 'weak',
    openssl: 'refused',
  },
  { what: 'a CA signed with SHA-1', chain: [leafOf(sha1Ca), sha1Ca], says: 'weak', openssl: 'refused' },
  { what: 'a root that signed itself with SHA-1', chain: [leafOf(sha1Root)], roots: [sha1Root], says: 'ok', openssl: 'ok' },
  {
    what: 'an RSA key of 1024 bits',
    chain: [leafOf(intermediate, [HUB], SERVER, { key: weakKey }), intermediate],
    says: 'weak',
    openssl: 'refused',
  },
  { what: 'a root with an RSA key of 1024 bits', chain: [leafOf(weakRoot)], roots: [weakRoot], says: 'weak', openssl: 'refused' },
  {
    what: 'an RSA key of 2048 bits',
    chain: [leafOf(intermediate, [HUB], SERVER, { key: makeKey('rsa') }), intermediate],
    says: 'ok',
    openssl: 'ok',
  },

  { what: 'a right chain with the wrong name', chain: [leafOf(intermediate, ['sbc.contoso.example']), intermediate], says: 'wrong-name' },
  {
    what: 'no name but the common name',
    chain: [leafOf(intermediate, [], SERVER, { subject: `/CN=${HUB}` }), intermediate],
    says: 'wrong-name',
  },
  { what: 'a wildcard for the hubs', chain: [leafOf(intermediate, ['*.pstnhub.microsoft.com']), intermediate], says: 'ok' },
  {
    what: 'RFC 9525 §6.3: a wildcard one label too high',
    chain: [leafOf(intermediate, ['*.microsoft.com']), intermediate],
    says: 'wrong-name',
  },
  {
    what: 'RFC 9525 §6.3: a wildcard within a label',
    chain: [leafOf(intermediate, ['si*.pstnhub.microsoft.com']), intermediate],
    says: 'wrong-name',
  },
  {
    what: 'an address that is asked for',
    chain: [leafOf(intermediate, ['192.0.2.1']), intermediate],
    names: ['192.0.2.1'],
    says: 'wrong-name',
  },
  {
    what: 'any name, where none is asked for',
    chain: [leafOf(intermediate, ['sbc.contoso.example']), intermediate],
    names: [],
    says: 'ok',
  },
  { what: 'nothing at all', chain: [], says: 'no-certificate' },
  { what: 'a certificate that is trusted itself', chain: [selfSigned], roots: [selfSigned], says: 'ok', openssl: 'ok' },
]

const verdictOf = ({ chain, roots = [root], usage = 'server', names = [HUB], now = NOW }: Case) =>
  judge(
    chain.map(({ certificate }) => derOfPem(certificate)),
    { roots: certificatesOf(roots.map(({ certificate }) => certificate)), usage, names },
    now,
  ).verdict

describe('T §1.6: a chain is judged by us', () => {
  test.each(CASES)('$what: $says', (one) => {
    const verdict = verdictOf(one)
    expect(verdict.ok ? 'ok' : verdict.reason).toBe(one.says)
    if (!verdict.ok) expect(sentenceOf(verdict)).toMatch(/^[A-Z*].{20,}[^.]$/)
  })
})

describe('the openssl program is asked about the same chains', () => {
  test.each(CASES.filter(({ openssl }) => openssl !== undefined))('$what', (one) => {
    const said = asked(one)
    expect(said).toBe(one.openssl)
    const ours = verdictOf(one).ok ? 'ok' : 'refused'
    if (one.differs === undefined) expect(ours).toBe(said)
    else expect(ours, one.differs).not.toBe(said)
  })
})

describe('what is changed in any place', () => {
  const good = [leaf, intermediate].map(({ certificate }) => derOfPem(certificate))
  const rules = { roots: certificatesOf([root.certificate]), usage: 'server' as const, names: [HUB] }

  test('every bit of a signature counts, of the leaf and of its CA', () => {
    for (const [which, der] of good.entries()) {
      const [, , signature] = partsOf(readDer(der))
      const begin = der.length - signature!.content.length + 1
      for (let bit = 0; bit < (der.length - begin) * 8; bit++) {
        const changed = Buffer.from(der)
        changed[begin + (bit >> 3)]! ^= 1 << (bit & 7)
        expect(judge(good.with(which, changed), rules, NOW).verdict.ok).toBe(false)
      }
    }
  })

  test('so does every byte of what is signed', () => {
    for (const [which, der] of good.entries()) {
      for (let at = 0; at < readDer(der)!.content.length; at++) {
        const changed = Buffer.from(der)
        changed[at]! ^= 1 << (at % 8)
        expect(judge(good.with(which, changed), rules, NOW).verdict.ok).toBe(false)
      }
    }
  })

  test('no bytes break it', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), fc.nat(good[0]!.length), fc.nat(), (junk, cut, noise) => {
        const shown = [good[0]!.subarray(0, cut), ...junk.map((bytes) => Buffer.from(bytes)), good[1]!]
        expect(judge(shown, rules, NOW).verdict.ok).toBe(cut === good[0]!.length)
        const mixed = Buffer.concat([good[0]!.subarray(0, cut), Buffer.from([noise & 255]), good[0]!.subarray(cut + 1)])
        judge([mixed, good[1]!], rules, NOW)
      }),
    )
  })

  test('a heap of cross-signed CAs costs a bounded number of signatures', () => {
    const keys = [0, 1, 2, 3, 4].map(() => makeKey())
    const name = (at: number) => `/CN=Maze ${at}`
    const own = keys.map((key, at) => makeRoot(name(at), { key }))
    const heap = keys.flatMap((key, at) =>
      own.filter((_, by) => by !== at).map((issuer) => make({ subject: name(at), key, issuer, extensions: CA })),
    )
    const verify = vi.spyOn(X509Certificate.prototype, 'verify')
    onTestFinished(() => verify.mockRestore())
    const { verdict } = judge(
      [leafOf(own[0]!), ...heap].map(({ certificate }) => derOfPem(certificate)),
      rules,
      NOW,
    )
    expect(verdict.ok).toBe(false)
    expect(verify.mock.calls.length).toBeGreaterThan(10)
    expect(verify.mock.calls.length).toBeLessThan(60)
  })

  test('a key that makes one signature cost much is not tried', () => {
    const size = ['-pkeyopt', 'rsa_keygen_bits:1024', '-pkeyopt', 'rsa_keygen_pubexp:4294967297']
    const key = openssl(['genpkey', '-algorithm', 'RSA', ...size]).toString()
    const verify = vi.spyOn(X509Certificate.prototype, 'verify')
    onTestFinished(() => verify.mockRestore())
    const { verdict } = judge([derOfPem(leafOf(undefined, [HUB], SERVER, { key }).certificate)], rules, NOW)
    expect([verdict.ok, verify.mock.calls.length]).toEqual([false, 0])
  })
})
