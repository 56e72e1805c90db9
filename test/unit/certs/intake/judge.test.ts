import { rootCertificates } from 'node:tls'
import { beforeAll, describe, expect, test } from 'vitest'
import type { CertificateUse } from '../../../../src/certs/intake/finding.ts'
import { judgeCertificate } from '../../../../src/certs/intake/judge.ts'
import { expiryStep } from '../../../../src/certs/intake/rules.ts'
import { DAY } from '../support.ts'
import { type Made, make, makeIntermediate, makeKey, makeLeaf, makeRoot, verify } from './pki.ts'

// A minute after they are made
const now = Date.now() + 60_000
let root: Made
let intermediate: Made
let leaf: Made
beforeAll(() => {
  root = makeRoot()
  intermediate = makeIntermediate(root)
  leaf = makeLeaf(intermediate)
})

const NO_USE: CertificateUse = { hosts: [] }
const judge = (chain: readonly Made[], key: string, { at = now, use = NO_USE }: { at?: number; use?: CertificateUse } = {}) =>
  judgeCertificate({ chain: chain.map(({ certificate }) => certificate).join(''), key, now: at, use })
/** A leaf of the test's own kind under the good chain, judged as a peer that knows the root would. */
const judgeLeaf = (made: Made, use: CertificateUse = NO_USE, at = now) =>
  judge([made, intermediate], made.key, { at, use: { ...use, anchors: [root.certificate] } })
const brief = (findings: ReturnType<typeof judge>) => findings.map(({ severity, text }) => `${severity}: ${text}`)

describe('a good certificate', () => {
  test('has nothing wrong, with or without its root', () => {
    expect(verify(root.certificate, leaf.certificate + intermediate.certificate)).toBe(true)
    expect(judgeLeaf(leaf, { hosts: ['sbc.example.com', 'SBC.Example.com.'] })).toEqual([])
    expect(judge([leaf, intermediate, root], leaf.key)).toEqual([])
  })

  test('has a code, a severity, a sentence and a remedy for each thing that is wrong, errors first', () => {
    const findings = judgeLeaf(leaf, { hosts: ['a.example.com', '192.0.2.1'] }, now + 85 * DAY)
    expect(findings.map(({ severity }) => severity)).toEqual(['error', 'warning', 'warning'])
    for (const { code, text, remedy } of findings) {
      expect(code).toMatch(/^SBC_CERTIFICATE_[A-Z]+$/)
      expect(`${text}\n${remedy}`).toMatch(/^[A-Z].*[^.]\n[A-Z].*[^.]$/)
    }
  })

  test('for several uses: what is wrong for one is wrong, and is said once', () => {
    const uses = [{ hosts: ['sbc.example.com'] }, { hosts: ['b.example.com', 'b.example.com'] }, { hosts: ['b.example.com'] }]
    const findings = judgeCertificate({
      chain: leaf.certificate + intermediate.certificate + root.certificate,
      key: leaf.key,
      now,
      use: uses,
    })
    expect(brief(findings)).toEqual([
      'error: CN=sbc.example.com does not name b.example.com, for which it is to be used; it names sbc.example.com',
    ])
  })
})

describe('what cannot be read', () => {
  const read = (chain: string, key: string) => brief(judgeCertificate({ chain, key, now, use: NO_USE }))

  test('no certificate, a damaged one, one that was not copied whole', () => {
    expect(read('hello', leaf.key)).toEqual(['error: There is no PEM block that begins with BEGIN CERTIFICATE'])
    expect(read(leaf.certificate.replace('MII', 'AAA'), leaf.key)).toEqual(['error: PEM block 1 is no certificate that can be read'])
    expect(read(leaf.certificate.replace('MII', '*II'), leaf.key)).toEqual(['error: PEM block 1 is no certificate that can be read'])
    const cut = leaf.certificate + intermediate.certificate.slice(0, 300)
    expect(read(cut, leaf.key)).toEqual(['error: A PEM block of the chain has no END line'])
  })

  test('no key, or one with a password', () => {
    expect(read(leaf.certificate, 'hello')).toEqual(['error: The key is no PEM private key'])
    expect(read(leaf.certificate, leaf.certificate)).toEqual(['error: The key is no PEM private key'])
    expect(read(leaf.certificate, '-----BEGIN ENCRYPTED PRIVATE KEY-----\n')).toEqual(['error: The key is encrypted'])
    const old = '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n'
    expect(read(leaf.certificate, old)).toEqual(['error: The key is encrypted'])
  })
})

describe('key and chain', () => {
  test('the key of another certificate', () => {
    expect(brief(judge([leaf, intermediate, root], makeKey()))).toEqual([
      'error: The key belongs to another certificate than CN=sbc.example.com',
    ])
    expect(brief(judge([leaf, intermediate, root], makeKey('rsa')))).toHaveLength(1)
  })

  test('the key of one further up', () => {
    expect(brief(judge([intermediate, leaf], leaf.key))).toEqual(['error: The key belongs to number 2 of the chain, CN=sbc.example.com'])
  })

  test('the wrong order', () => {
    expect(brief(judge([leaf, root, intermediate], leaf.key))).toEqual([
      'error: CN=Root stands at place 2 but did not issue CN=sbc.example.com',
      'error: CN=Intermediate stands at place 3 but did not issue CN=Root',
    ])
  })

  test('an issuer with the right name and another key', () => {
    const twin = makeIntermediate(root)
    const sentence = 'error: CN=Intermediate at place 2 has the name of the issuer of CN=sbc.example.com, but did not sign it'
    expect(brief(judge([leaf, twin, root], leaf.key))).toEqual([sentence])
    // Also when no key identifier tells them apart
    const bare = makeLeaf(intermediate, ['sbc.example.com'], { extensions: ['authorityKeyIdentifier=none', 'keyUsage=digitalSignature'] })
    expect(brief(judge([bare, twin, root], bare.key))).toEqual([sentence])
  })

  test('no issuer: who does not fetch intermediates refuses it', () => {
    expect(brief(judge([leaf], leaf.key))).toEqual([
      'warning: The chain stops at CN=sbc.example.com: its issuer, CN=Intermediate, is not there and is no public root; peers that do not fetch intermediates will refuse it',
    ])
    const url = 'http://ca.example.com/i.crt'
    const pointing = makeLeaf(intermediate, ['sbc.example.com'], {
      extensions: ['keyUsage=digitalSignature', `authorityInfoAccess=caIssuers;URI:${url}`],
    })
    expect(judge([pointing], pointing.key)[0]!.remedy).toBe(`Add the intermediate that the CA has at ${url}`)
  })

  test('an issuer that is no CA', () => {
    const noCa = makeLeaf(intermediate, ['ca.example.com'], {
      extensions: ['keyUsage=digitalSignature,keyCertSign', 'basicConstraints=CA:FALSE'],
    })
    const below = makeLeaf(noCa)
    expect(verify(root.certificate, below.certificate + noCa.certificate + intermediate.certificate)).toMatch(/invalid CA/)
    expect(brief(judge([below, noCa, intermediate, root], below.key))).toEqual([
      'error: CN=ca.example.com is no CA, but stands in the chain as the issuer of another',
    ])
  })

  test('RFC 5280 §4.2.1.9: more CA certificates than one above them allows', () => {
    const narrow = make({
      subject: '/CN=Narrow',
      issuer: root,
      extensions: ['basicConstraints=critical,CA:TRUE,pathlen:0', 'keyUsage=keyCertSign'],
    })
    const below = makeIntermediate(narrow, '/CN=Below')
    const end = makeLeaf(below)
    expect(verify(root.certificate, end.certificate + below.certificate + narrow.certificate)).toMatch(/path length/)
    expect(brief(judge([end, below, narrow, root], end.key))).toEqual([
      'error: CN=Narrow allows 0 CA certificates between itself and the last, but there are 1',
    ])
    const direct = makeLeaf(narrow)
    expect(judge([direct, narrow, root], direct.key)).toEqual([])
    // One that a CA made for its own new key does not count
    const rolled = makeIntermediate(narrow, '/CN=Narrow')
    const rolledEnd = makeLeaf(rolled)
    expect(verify(root.certificate, rolledEnd.certificate + rolled.certificate + narrow.certificate)).toBe(true)
    expect(judge([rolledEnd, rolled, narrow, root], rolledEnd.key)).toEqual([])
  })

  test('one that is signed by itself works where it is trusted', () => {
    const own = makeLeaf(undefined)
    expect(brief(judge([own], own.key))).toEqual([
      'warning: CN=sbc.example.com is signed by itself: peers refuse it until they are told to trust it',
    ])
    const ca = make({ subject: '/CN=sbc.example.com', extensions: ['basicConstraints=CA:TRUE', 'subjectAltName=DNS:sbc.example.com'] })
    expect(brief(judge([ca], ca.key))).toEqual([
      'warning: CN=sbc.example.com is signed by itself and says that it is a CA: peers refuse it until they are told to trust it',
    ])
  })
})

describe('names', () => {
  const missing = (names: readonly string[], hosts: readonly string[]) => brief(judgeLeaf(makeLeaf(intermediate, names), { hosts }))
  const says = (severity: string, first: string, host: string, names: string) => [
    `${severity}: CN=${first} does not name ${host}, for which it is to be used; it names ${names}`,
  ]

  test('RFC 9525 §6.3: a wildcard stands for one whole label, the leftmost', () => {
    expect(missing(['*.example.com'], ['sbc.example.com', 'SBC2.EXAMPLE.COM', '*.example.com'])).toEqual([])
    for (const host of ['example.com', 'a.b.example.com', 'sbc.example.net', '*.b.example.com'])
      expect(missing(['*.example.com'], [host])).toEqual(says('error', '*.example.com', host, '*.example.com'))
  })

  test('a wildcard inside a label is no name', () => {
    expect(missing(['sbc.example.com', 's*.example.net'], ['sbc.example.net'])).toEqual(
      says('error', 'sbc.example.com', 'sbc.example.net', 'sbc.example.com'),
    )
  })

  test('an address that is missing is a warning: few look for it', () => {
    expect(missing(['sbc.example.com', '192.0.2.1', '2001:db8::1'], ['192.0.2.1', '[2001:DB8:0::1]'])).toEqual([])
    expect(missing(['sbc.example.com'], ['192.0.2.1'])).toEqual(says('warning', 'sbc.example.com', '192.0.2.1', 'sbc.example.com'))
    expect(missing(['*.0.2.1', 'a.example'], ['192.0.2.1'])).toHaveLength(1)
  })

  test('international names are compared in ASCII', () => {
    expect(missing(['xn--bcher-kva.example'], ['bücher.example'])).toEqual([])
  })

  test('many names make no long sentence', () => {
    const hosts = Array.from({ length: 14 }, (_, index) => `h${index}.example.com`)
    expect(missing(['sbc.example.com'], hosts)[0]).toContain('h9.example.com and 4 more, for which')
  })

  test('no host at all', () => {
    const nameless = makeLeaf(intermediate, [], { subject: '/CN=My certificate' })
    expect(brief(judgeLeaf(nameless))).toEqual([
      'error: CN=My certificate names no host: neither its alternative names nor its common name is one',
    ])
    const nobody = makeLeaf(intermediate, [], {
      subject: '/',
      extensions: ['keyUsage=digitalSignature', 'subjectAltName=critical,email:a@b.example'],
    })
    expect(brief(judgeLeaf(nobody))[0]).toBe(
      'error: a certificate without subject names no host: neither its alternative names nor its common name is one',
    )
  })

  test('a name that is the common name only', () => {
    const sentence =
      'warning: sbc.example.com is the common name only, not among the alternative names, where browsers and most others look'
    expect(brief(judgeLeaf(makeLeaf(intermediate, [], { subject: '/CN=SBC.example.com' }), { hosts: ['sbc.example.com'] }))).toEqual([
      sentence,
    ])
    expect(brief(judgeLeaf(makeLeaf(intermediate, ['a.example.com'], { subject: '/CN=sbc.example.com' })))).toEqual([sentence])
  })
})

describe('dates', () => {
  const at = (days: number) => brief(judgeLeaf(leaf, NO_USE, now + days * DAY))

  test('ended, or not valid yet', () => {
    expect(at(91)).toEqual([expect.stringMatching(/^error: CN=sbc\.example\.com ended on \d{4}-\S+Z$/)])
    expect(at(-1)).toEqual([
      expect.stringMatching(/^error: CN=sbc\.example\.com is not valid before \d{4}-\S+Z$/),
      expect.stringMatching(/^error: CN=Intermediate is not valid before/),
    ])
  })

  test('an intermediate that ends is an error as well', () => {
    const short = makeIntermediate(root, '/CN=Short', { days: 30 })
    const end = makeLeaf(short)
    const say = (days: number) => judge([end, short, root], end.key, { at: now + days * DAY })
    expect(brief(say(31))).toEqual([expect.stringMatching(/^error: CN=Short ended on/)])
    expect(say(31)[0]!.remedy).toBe('Get the current one from the CA')
    expect(brief(say(28.5))).toEqual([expect.stringMatching(/^warning: CN=Short ends in 35 hours, on/)])
  })

  test('14, 7 and 1 days before the end, with more and more haste', () => {
    const remedies = [75.5, 77, 84, 89.5].map((days) => judgeLeaf(leaf, NO_USE, now + days * DAY).map(({ remedy }) => remedy))
    expect(remedies).toEqual([
      [],
      ['Renew it in the next days'],
      ['Renew it now: after that every new connection is refused'],
      ['Renew it at once: after that every new connection is refused'],
    ])
    expect(at(77)).toEqual([expect.stringMatching(/^warning: CN=sbc\.example\.com ends in 1[23] days, on \d{4}-\S+Z$/)])
    expect(at(89.5)).toEqual([expect.stringMatching(/^warning: CN=sbc\.example\.com ends in 1[12] hours, on/)])
  })

  test('steps of more than a third of the life do not count', () => {
    const step = (life: number, left: number) => expiryStep(0, life * DAY, (life - left) * DAY)
    expect([31, 30, 14, 7, 1, 0.5].map((left) => step(365, left))).toEqual([undefined, 30, 14, 7, 1, 1])
    expect([30, 14.1, 14, 7].map((left) => step(90, left))).toEqual([undefined, undefined, 14, 7])
    expect([14, 6, 0.99].map((left) => step(6.6, left))).toEqual([undefined, undefined, 1])
  })

  test('a longer life than browsers allow', () => {
    const long = makeLeaf(intermediate, ['sbc.example.com'], { days: 399 })
    expect(judgeLeaf(long)).toEqual([])
    expect(brief(judge([long], long.key))).toContain('warning: CN=sbc.example.com is valid for 399 days; browsers refuse more than 398')
    expect(brief(judgeLeaf(makeLeaf(intermediate, ['sbc.example.com'], { days: 826 })))).toEqual([
      'warning: CN=sbc.example.com is valid for 826 days; browsers refuse more than 825',
    ])
  })
})

describe('strength', () => {
  const withKey = (key: string) => judgeLeaf(makeLeaf(intermediate, ['sbc.example.com'], { key }))

  test.each([
    ['rsa', []],
    ['p384', []],
    ['rsa1024', ['error: CN=sbc.example.com has a key of RSA 1024, which is refused everywhere']],
    ['rsa4096', ['warning: CN=sbc.example.com has a key of RSA 4096: each handshake takes some seven times as long as with RSA 2048']],
    ['p521', ['warning: CN=sbc.example.com has a key of ECDSA P-521, which many peers cannot use']],
    ['ed25519', ['warning: CN=sbc.example.com has a key of ed25519, which many peers cannot use']],
  ] as const)('a key of kind %s', (kind, findings) => {
    expect(brief(withKey(makeKey(kind)))).toEqual(findings)
  })

  test('SHA-1, in the leaf and in an intermediate, but not in a root', () => {
    const sentence = (name: string, algorithm: string) => `error: CN=${name} is signed with ${algorithm}, which can be forged`
    expect(brief(judgeLeaf(makeLeaf(intermediate, ['sbc.example.com'], { digest: 'sha1' })))).toEqual([
      sentence('sbc.example.com', 'ecdsa-with-SHA1'),
    ])
    const own = makeLeaf(undefined, ['sbc.example.com'], { digest: 'sha1' })
    expect(brief(judge([own], own.key))[0]).toBe(sentence('sbc.example.com', 'ecdsa-with-SHA1'))
    const oldRoot = makeRoot('/CN=Old root', { key: makeKey('rsa'), digest: 'sha1' })
    const old = makeIntermediate(oldRoot, '/CN=Old', { digest: 'sha1' })
    const end = makeLeaf(old)
    expect(brief(judge([end, old, oldRoot], end.key))).toEqual([sentence('Old', 'sha1WithRSAEncryption')])
  })
})

describe('purpose', () => {
  const withExtensions = (...extensions: readonly string[]) => makeLeaf(intermediate, ['sbc.example.com'], { extensions })

  test('not for servers', () => {
    const client = withExtensions('extendedKeyUsage=clientAuth')
    expect(verify(root.certificate, client.certificate + intermediate.certificate)).toMatch(/purpose/)
    expect(brief(judgeLeaf(client))).toEqual([
      'error: CN=sbc.example.com is not made for servers: its extended key usage has no serverAuth',
    ])
    expect(judgeLeaf(withExtensions('extendedKeyUsage=anyExtendedKeyUsage'))).toEqual([])
    expect(judgeLeaf(withExtensions('basicConstraints=CA:FALSE'))).toEqual([])
  })

  test('may not sign', () => {
    expect(brief(judgeLeaf(withExtensions('keyUsage=keyEncipherment')))).toEqual([
      'error: CN=sbc.example.com may not sign: its key usage has no digitalSignature, without which TLS 1.3 and ECDHE suites fail',
    ])
  })

  test('the certificate of a CA', () => {
    expect(brief(judgeLeaf(withExtensions('basicConstraints=CA:TRUE', 'keyUsage=digitalSignature,keyCertSign')))).toEqual([
      'error: CN=sbc.example.com is the certificate of a CA, which peers refuse as that of a server',
    ])
  })

  test('RFC 7633: must-staple', () => {
    expect(brief(judgeLeaf(withExtensions('tlsfeature=status_request')))).toEqual([
      'warning: CN=sbc.example.com demands a stapled OCSP answer (must-staple), which is not sent; peers that look at it refuse',
    ])
    expect(judgeLeaf(withExtensions('tlsfeature=status_request_v2'))).toEqual([])
  })
})

describe('what those who meet it need', () => {
  const label = 'Zone carrier'

  test('clientAuth is missed, but refuses nothing', () => {
    const server = makeLeaf(intermediate, ['sbc.example.com'], { extensions: ['extendedKeyUsage=serverAuth'] })
    const needs = { clientAuth: true, label }
    expect(brief(judgeLeaf(server, { hosts: [], needs }))).toEqual([
      'warning: Zone carrier sees the certificate as that of a client, too, but its extended key usage has no clientAuth',
    ])
    expect(judgeLeaf(server, { hosts: [], needs: { label } })).toEqual([])
    expect(judgeLeaf(leaf, { hosts: [], needs })).toEqual([])
  })

  test('suites for RSA', () => {
    expect(brief(judgeLeaf(leaf, { hosts: [], needs: { keyTypes: ['rsa'], label } }))).toEqual([
      'error: Zone carrier has cipher suites for RSA only; with a key of ECDSA P-256 no handshake succeeds',
    ])
    expect(judgeLeaf(leaf, { hosts: [], needs: { keyTypes: ['rsa', 'ecdsa'] } })).toEqual([])
  })

  test('a root that they trust', () => {
    const needs = (roots: readonly string[]) => ({ hosts: [], needs: { roots, label } })
    expect(judge([leaf, intermediate], leaf.key, { use: needs([root.certificate]) })).toEqual([])
    expect(judge([leaf, intermediate, root], leaf.key, { use: needs([rootCertificates[0]! + root.certificate]) })).toEqual([])
    expect(brief(judge([leaf, intermediate, root], leaf.key, { use: needs([rootCertificates[0]!]) }))).toEqual([
      'error: Zone carrier trusts none of the roots that the chain leads to; it ends at CN=Root',
    ])
    expect(brief(judge([leaf], leaf.key, { use: needs([root.certificate]) }))[0]).toBe(
      'error: Zone carrier cannot verify the chain: CN=Intermediate, the issuer of its last certificate, is neither in it nor trusted there',
    )
  })
})

describe('beyond the end of the chain', () => {
  test('what nobody needs is a warning only', () => {
    // The root once had another root above it, which has ended; peers know the root itself
    const older = makeRoot('/CN=Older', { days: 20 })
    const crossed = makeIntermediate(older, '/CN=Root', { key: root.key, days: 20 })
    const chain = [leaf, intermediate, crossed]
    const at = now + 30 * DAY
    expect(brief(judge(chain, leaf.key, { at, use: { hosts: [], anchors: [root.certificate] } }))).toEqual([
      expect.stringMatching(/^warning: CN=Root ended on/),
    ])
    expect(brief(judge([...chain, older], leaf.key, { at }))).toEqual([
      expect.stringMatching(/^error: CN=Root ended on/),
      expect.stringMatching(/^error: CN=Older ended on/),
    ])
  })
})
