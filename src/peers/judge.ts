/**
 * Is a peer's chain good? We build the path and look at it ourselves, because the TLS library tells of an accepted connection only the last
 * thing that it found wrong, and with a certificate for servers alone that is always the purpose: whatever else is wrong with the chain
 * stays unsaid (reference §1.6).
 */
import { PEER_FAULTS, type PeerFault } from '../address/flow.ts'
import { isLiteral, meet } from '../base/host-match.ts'
import type { PeerUsage } from '../zones/peers.ts'
import { type Certificate, isSame, isTwin, readCertificate } from './certificate.ts'
import { brokenCondition } from './conditions.ts'
import { hostNames } from './names.ts'
import { type Refusal, refusal, type Verdict } from './verdict.ts'

export interface JudgeRules {
  /** What a path may end at; `certificatesOf` reads them. */
  readonly roots: readonly Certificate[]
  readonly usage: PeerUsage
  /** The leaf names one of these; lower case, may begin with `*.`. Empty: any. */
  readonly names: readonly string[]
}

/** What a peer showed, and what we think of it. */
export interface Judgement {
  readonly verdict: Verdict
  /** DNS names of the leaf, lower case, whatever the verdict; of one that is refused the first ones. */
  readonly names: readonly string[]
  /** SHA-256 of the leaf, hexadecimal with colons; empty: there is none that can be read. */
  readonly fingerprint: string
  /** Of the leaf, milliseconds since 1970; 0 likewise. */
  readonly validTo: number
}

/** More than any chain needs; what is beyond is not looked at. A path has at most `LONGEST` certificates with leaf and root. */
const MOST_SHOWN = 12
const LONGEST = 8
/** Signatures that are tried for one chain: cross-signed CAs make many ways, and a hostile heap even more. */
const MOST_TRIES = 24
/** Keys beyond this, or with other exponents than everybody's, make one signature cost many milliseconds: that is what they are made for. */
const MOST_BITS = 8192
const LARGEST_EXPONENT = 0xffff_ffffn

/**
 * @param shown DER, the leaf first; the others in whatever order
 * @param now milliseconds since 1970
 */
export const judge = (shown: readonly Buffer[], rules: JudgeRules, now: number): Judgement => {
  const [first, ...others] = shown.slice(0, MOST_SHOWN)
  if (first === undefined) return { verdict: NOTHING_SHOWN, ...NOBODY }
  const leaf = readCertificate(first)
  if (leaf === undefined) return { verdict: UNREADABLE, ...NOBODY }
  const heap = others.flatMap((der) => readCertificate(der) ?? [])
  const names = hostNames(leaf.alternatives)
  const search = new Search(heap, rules, now).from(leaf)
  const verdict = search.ok ? (wrongName(leaf, names, rules.names) ?? search) : search
  const { fingerprint256: fingerprint } = leaf.x509
  return { verdict, names: verdict.ok ? names : names.slice(0, MOST_NAMES), fingerprint, validTo: leaf.validTo }
}

/** Of who is refused: they are for people, and may be kept for long. */
const MOST_NAMES = 20
const NOBODY = { names: [], fingerprint: '', validTo: 0 }
const NOTHING_SHOWN = refusal(
  'no-certificate',
  'The peer shows no certificate',
  'It has to show one, also where it is the one that connects',
)
const UNREADABLE = refusal('unreadable', 'The certificate that the peer shows cannot be read', 'The peer needs another one')

const TOO_LONG = refusal(
  'path-length',
  'The peer shows more certificates than any chain needs',
  'It has to send its own and those of its issuers alone',
)

const wrongName = (leaf: Certificate, names: readonly string[], wanted: readonly string[]): Refusal | undefined => {
  if (wanted.length === 0) return undefined
  if (names.some((name) => wanted.some((one) => !isLiteral(one) && meet(name, one)))) return undefined
  return refusal(
    'wrong-name',
    `Certificate ${leaf.label} names ${listed(names) || 'no host'}, and not ${listed(wanted)}`,
    'It is somebody else; if it is not, the name that is expected here has to be changed',
  )
}

const MOST_LISTED = 4
const listed = (names: readonly string[]): string =>
  names.length <= MOST_LISTED ? names.join(', ') : `${names.slice(0, MOST_LISTED).join(', ')} and ${names.length - MOST_LISTED} more`

/** Depth first from the leaf to any of the roots; of what goes wrong on the ways, the best is told. */
class Search {
  readonly #heap: readonly Certificate[]
  readonly #rules: JudgeRules
  readonly #now: number
  #tries = 0
  #told: Refusal | undefined

  constructor(heap: readonly Certificate[], rules: JudgeRules, now: number) {
    this.#heap = heap
    this.#rules = rules
    this.#now = now
  }

  from(leaf: Certificate): Verdict {
    const path = this.#extend([leaf])
    if (path === undefined) return this.#told!
    return { ok: true, path: { labels: path.map(({ label }) => label), validTo: Math.min(...path.map(({ validTo }) => validTo)) } }
  }

  /** @returns the path that holds; undefined: none does */
  #extend(path: readonly Certificate[]): readonly Certificate[] | undefined {
    const last = path.at(-1)!
    const { roots } = this.#rules
    if (roots.some((root) => isSame(root, last))) return this.#ended(path)
    const issuers = [...roots, ...this.#heap].filter((one) => fits(last, one) && !path.some((there) => isTwin(there, one)))
    let signed = false
    for (const issuer of issuers) {
      if (path.length >= LONGEST || this.#tries >= MOST_TRIES) {
        this.#note(TOO_LONG)
        return undefined
      }
      this.#tries++
      if (!isSigned(last, issuer)) continue
      signed = true
      const found = this.#extend([...path, issuer])
      if (found !== undefined) return found
    }
    if (!signed) this.#note(deadEnd(path, issuers))
    return undefined
  }

  #ended(path: readonly Certificate[]): readonly Certificate[] | undefined {
    const broken = brokenCondition(path, { usage: this.#rules.usage, now: this.#now })
    if (broken === undefined) return path
    this.#note(broken)
    return undefined
  }

  /** What stands against a path to a root tells more than where another way ends. */
  #note(fault: Refusal): void {
    if (this.#told === undefined || rank(fault.reason) > rank(this.#told.reason)) this.#told = fault
  }
}

const DEAD_ENDS: readonly PeerFault[] = ['incomplete-chain', 'unknown-root', 'self-signed', 'signature']
const rank = (reason: PeerFault): number => {
  const end = DEAD_ENDS.indexOf(reason)
  return end >= 0 ? end : DEAD_ENDS.length + PEER_FAULTS.length - PEER_FAULTS.indexOf(reason)
}

/** By name; RFC 5280 §7.1 has names that are equal in more ways, which OpenSSL knows. */
const fits = (one: Certificate, issuer: Certificate): boolean => one.issuer.equals(issuer.subject) || one.x509.checkIssued(issuer.x509)

const isSigned = (one: Certificate, issuer: Certificate): boolean => {
  const { modulusLength = 0, publicExponent = 0n } = issuer.key.asymmetricKeyDetails ?? {}
  if (modulusLength > MOST_BITS || publicExponent > LARGEST_EXPONENT) return false
  try {
    return one.x509.verify(issuer.key)
  } catch {
    return false // A signature of another kind than the key makes
  }
}

const deadEnd = (path: readonly Certificate[], issuers: readonly Certificate[]): Refusal => {
  const last = path.at(-1)!
  if (isSigned(last, last) && last.subject.equals(last.issuer))
    return path.length === 1
      ? refusal(
          'self-signed',
          `Certificate ${last.label} is signed by itself, so anybody can have made it`,
          'The peer needs a certificate of a CA that is trusted here',
        )
      : refusal('unknown-root', `The chain ends at ${last.label}, which is none of the roots that are trusted here`, ROOT_REMEDY)
  if (issuers.length > 0)
    return refusal(
      'signature',
      `Certificate ${last.label} says that ${last.issuerLabel} issued it, but is not signed with that key`,
      'Trust nothing of this peer before you know why it shows such a chain',
    )
  if (path.length === 1)
    return refusal(
      'incomplete-chain',
      `Certificate ${last.label} was issued by ${last.issuerLabel}, which the peer does not show and which is none of the roots that are trusted here`,
      'The peer has to send its intermediate certificates, too; or it has its certificate of another CA',
    )
  return refusal(
    'unknown-root',
    `The chain ends at ${last.label}, issued by ${last.issuerLabel}, which is none of the roots that are trusted here`,
    ROOT_REMEDY,
  )
}

const ROOT_REMEDY = 'It is somebody else; if it is not, add that root to "peers" of the zone'
