import { createPrivateKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { certificateFrom, hostsOf, keyFactsOf, subjectOf } from './facts.ts'
import { type CertificateUse, type Finding, finding, type Judged } from './finding.ts'
import { endOf } from './links.ts'
import { CERTIFICATE_LABEL, certificatesIn, cutOffBlocks, pemBlocks } from './pem.ts'
import { RULES } from './rules.ts'
import { USE_RULES } from './use-rules.ts'

/**
 * Everything that is wrong with a chain and its key, in words with a remedy, errors first; empty when all is well.
 * PEM; `now`: milliseconds since 1970. Of several uses, what is wrong for one is wrong.
 */
export const judgeCertificate = (question: {
  readonly chain: string
  readonly key: string
  readonly now: number
  readonly use: CertificateUse | readonly CertificateUse[]
}): readonly Finding[] => {
  const uses = [question.use].flat()
  const chain = readChain(question.chain)
  if ('severity' in chain) return [chain]
  const key = readKey(question.key)
  if ('severity' in key) return [key]
  const leaf = chain[0]!
  const ours = chain.findIndex((one) => one.checkPrivateKey(key))
  if (ours > 0) return [keyOfAnother(chain[ours]!, ours)]
  const roots = certificatesIn(uses.flatMap(({ anchors = [], needs }) => [...anchors, ...(needs?.roots ?? [])]))
  const judged: Judged = {
    ...{ leaf, chain, key, now: question.now, hosts: hostsOf(leaf) },
    ...{ keyFacts: keyFactsOf(leaf.publicKey), end: endOf(chain, roots) },
  }
  const found = [...RULES.flatMap((rule) => rule(judged)), ...uses.flatMap((use) => USE_RULES.flatMap((rule) => rule(judged, use)))]
  const sorted = found.toSorted((a, b) => Number(b.severity === 'error') - Number(a.severity === 'error'))
  return sorted.filter(({ text }, index) => sorted.findIndex((other) => other.text === text) === index)
}

/** All that could be said of the first certificate would be about the wrong one. */
const keyOfAnother = (owner: X509Certificate, index: number): Finding => {
  const text = `The key belongs to number ${index + 1} of the chain, ${subjectOf(owner)}`
  return finding('error', 'SBC_CERTIFICATE_KEY', text, 'Put that one first, then its issuer')
}

/** A PEM chain as it stands, never empty; or what is wrong with it. */
export const readChain = (pem: string): readonly X509Certificate[] | Finding => {
  const chain: X509Certificate[] = []
  for (const [index, { der }] of pemBlocks(pem)
    .filter(({ label }) => CERTIFICATE_LABEL.test(label))
    .entries()) {
    const certificate = der === undefined ? undefined : certificateFrom(der)
    if (certificate === undefined) {
      const text = `PEM block ${index + 1} is no certificate that can be read`
      return finding('error', 'SBC_CERTIFICATE_CHAIN', text, 'Was it cut off or changed when it was copied? Take it from the CA once more')
    }
    chain.push(certificate)
  }
  if (cutOffBlocks(pem) > 0) {
    const text = 'A PEM block of the chain has no END line'
    return finding('error', 'SBC_CERTIFICATE_CHAIN', text, 'The text was not copied whole; copy it once more')
  }
  if (chain.length > 0) return chain
  const text = 'There is no PEM block that begins with BEGIN CERTIFICATE'
  return finding('error', 'SBC_CERTIFICATE_CHAIN', text, 'A certificate is text that begins with -----BEGIN CERTIFICATE-----')
}

const readKey = (pem: string): KeyObject | Finding => {
  if (/-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    const remedy = 'Upload it with its password, or store it without one: openssl pkey -in FILE -out plain.key'
    return finding('error', 'SBC_CERTIFICATE_KEY', 'The key is encrypted', remedy)
  }
  try {
    return createPrivateKey(pem)
  } catch {
    const remedy = 'A key is text that begins with -----BEGIN PRIVATE KEY-----'
    return finding('error', 'SBC_CERTIFICATE_KEY', 'The key is no PEM private key', remedy)
  }
}
