/** What somebody fills in to connect Teams, what is wrong with it, and how well a certificate serves. */
import { covers as standsFor } from '../../../src/base/host-match.ts'
import type { CertificateView, NameCheck, SetupAnswers, State } from '../api/types.ts'
import { leftText } from './certificate.ts'
import { listText } from './numbers.ts'
import type { Level } from './status.ts'
import { DAY, instant } from './time.ts'

export interface SetupForm {
  readonly name: string
  readonly cloud: SetupAnswers['cloud']
  readonly port: string
  /** Empty: as the server chooses. */
  readonly bind: string
  /** Empty: the one that serves best. */
  readonly certificate: string
  readonly pbx: 'zone' | 'new'
  readonly zone: string
  readonly uri: string
  readonly listener: string
  /** One in a line. */
  readonly numbers: string
  readonly country: string
  readonly bypass: boolean
}

export const BLANK: SetupForm = {
  name: '',
  cloud: 'worldwide',
  port: '5061',
  bind: '',
  certificate: '',
  pbx: 'zone',
  zone: '',
  uri: '',
  listener: '',
  numbers: '',
  country: '',
  bypass: false,
}

export const STEPS = [
  ['name', 'Name'],
  ['certificate', 'Certificate'],
  ['pbx', 'PBX and numbers'],
  ['apply', 'Review and apply'],
  ['microsoft', 'Microsoft 365'],
  ['test', 'Test'],
] as const
export type SetupStep = (typeof STEPS)[number][0]

export const stepNamed = (name: string | undefined): SetupStep => STEPS.find(([step]) => step === name)?.[0] ?? 'name'
export const stepPath = (step: SetupStep): string => `/teams/setup/${step}`

export type SetupFaults = Readonly<Partial<Record<keyof SetupForm, string>>>

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

/** What of a name Microsoft would not take; undefined: nothing. */
export const nameFault = (name: string): string | undefined => {
  const labels = name.split('.')
  if (name === '') return 'The name is missing'
  if (name.includes('*')) return 'A wildcard belongs into the certificate; the SBC has one name, such as sbc.example.com'
  if (/^[\d.]+$|:/.test(name)) return 'Microsoft knows an SBC by name alone, not by address'
  if (!labels.every((label) => LABEL.test(label))) return `“${name}” is no host name`
  if (name.length > 63) return `Microsoft takes names of up to 63 characters; this has ${name.length}`
  if (labels.length < 2) return 'A name with its domain, such as sbc.example.com: short names are known on your own network alone'
  if (labels.length < 3) return `What follows the first label has to be a domain of your tenant: sbc.${name} rather than ${name}`
  if (/\.onmicrosoft\.(?:com|us)$/i.test(name)) return 'Microsoft refuses names in onmicrosoft.com; take a domain of your own'
  if (/\.(?:local|lan|home|internal|localhost|test|invalid|example|arpa)$/i.test(name))
    return 'No public CA gives a certificate for this ending, and Microsoft does not find it'
  return undefined
}

const numbersOf = (text: string): readonly string[] =>
  text
    .split(/[\n,;]+/)
    .map((line) => line.trim())
    .filter(Boolean)

/** A number of a Teams user, as the lines for PowerShell have it; `''`: there is none yet. */
export const exampleOf = ({ numbers }: SetupForm): string =>
  (numbersOf(numbers)[0] ?? '')
    .replace('(0)', '')
    .replace(/[^+\dx]/gi, '')
    .replace(/x/gi, '0')

const numberFault = (pattern: string): string | undefined => {
  if (!/^[+\d x().*!-]+$/i.test(pattern)) return `“${pattern}” has signs that no number has; x is one digit, a final * any rest`
  const bare = pattern.replace(/[ ().-]/g, '')
  if (!bare.startsWith('+')) return `“${pattern}”: begin with + and the country code, as Teams does: +4420794601xx`
  if (!/^\+[1-9]/.test(bare)) return `“${pattern}”: after the + comes the country code, which begins with 1 to 9`
  if (/[*!]./.test(bare)) return `“${pattern}”: * stands at the end alone`
  return bare.replace(/\D/g, '').length < 2 || bare.length > 16 ? `“${pattern}” is too ${bare.length > 16 ? 'long' : 'short'}` : undefined
}

/** What is wrong with it, by field, as sentences. */
export const faultsOf = (form: SetupForm, fits: readonly CertificateFit[]): SetupFaults => {
  const faults: { -readonly [Field in keyof SetupForm]?: string } = {}
  const name = nameFault(form.name)
  if (name !== undefined) faults.name = name
  const port = Number(form.port)
  if (!/^\d{1,5}$/.test(form.port) || port < 1 || port > 65_535) faults.port = 'A port from 1 to 65535'
  else if (form.cloud !== 'worldwide' && port !== 5061) faults.port = 'This cloud reaches port 5061 alone'
  const chosen = chosenFit(form, fits)
  if (chosen === undefined) faults.certificate = 'No certificate is chosen'
  else if (chosen.level === 'error') faults.certificate = chosen.text
  if (form.pbx === 'zone' && form.zone === '') faults.zone = 'No zone is chosen'
  if (form.pbx === 'new') {
    if (!/^sips?:[^\s<>@;?]+(?:;[^\s<>]*)?$/i.test(form.uri))
      faults.uri = 'A SIP URI without user, such as sip:10.0.0.20:5060;transport=udp'
    if (form.listener === '') faults.listener = 'No listener is chosen'
  }
  const numbers = numbersOf(form.numbers)
  const wrong = numbers.map(numberFault).find((fault) => fault !== undefined)
  if (numbers.length === 0) faults.numbers = 'The numbers of your Teams users are missing'
  else if (wrong !== undefined) faults.numbers = wrong
  if (form.country !== '' && !/^[1-9]\d{0,2}$/.test(form.country)) faults.country = 'One to three digits without +, such as 44'
  return faults
}

const FIELDS: Readonly<Partial<Record<SetupStep, readonly (keyof SetupForm)[]>>> = {
  name: ['name', 'port'],
  certificate: ['certificate'],
  pbx: ['zone', 'uri', 'listener', 'numbers', 'country'],
}

/** Of one step, the sentences. */
export const faultsAt = (step: SetupStep, faults: SetupFaults): readonly string[] =>
  (FIELDS[step] ?? []).flatMap((field) => faults[field] ?? [])

/** POST /teams/setup. Of a form without faults. */
export const answersOf = (form: SetupForm, fits: readonly CertificateFit[]): SetupAnswers => ({
  name: form.name.toLowerCase(),
  cloud: form.cloud,
  port: Number(form.port),
  ...(form.bind !== '' && { bind: form.bind }),
  certificate: chosenFit(form, fits)?.certificate.name ?? form.certificate,
  pbx: form.pbx === 'zone' ? { zone: form.zone } : { uri: form.uri, listener: form.listener },
  numbers: numbersOf(form.numbers),
  ...(form.country !== '' && { country: form.country }),
  bypass: form.bypass,
})

/** Whether a host of a certificate stands for the name. */
export const covers = (host: string, name: string): boolean => standsFor(host.toLowerCase(), name.toLowerCase())

export interface CertificateFit {
  readonly certificate: CertificateView
  readonly covers: boolean
  readonly level: Level & ('ok' | 'warn' | 'error' | 'busy')
  readonly text: string
  readonly remedy?: string
}

/** How well a certificate serves toward Microsoft. */
export const fitOf = (certificate: CertificateView, name: string, now: number): CertificateFit => {
  const { hosts, keyType = '', validTo, source, order, problems } = certificate
  const base = { certificate, covers: hosts.some((host) => covers(host, name)) }
  const bad = (text: string, remedy: string): CertificateFit => ({ ...base, level: 'error', text, remedy })
  if (!base.covers) {
    const near = hosts.find((host) => host.startsWith('*.') && name.endsWith(host.slice(1)))
    if (near !== undefined) return bad(`${near} stands for one label and does not reach ${name}`, 'Take a certificate with the name itself')
    if (hosts.length > 0 && hosts.every((host) => !host.includes('.')))
      return bad(`It has short names alone (${listText(hosts)}), which Microsoft cannot find`, 'Take a certificate with the public name')
    return bad(hosts.length === 0 ? 'It has no names yet' : `It has other names: ${listText(hosts)}`, `It would need ${name}`)
  }
  if (source === 'development') return bad('It is of the development CA, which Microsoft does not trust', 'Order one from a public CA')
  if (order?.running === true && validTo === undefined) return { ...base, level: 'busy', text: 'It is being ordered; you can go on' }
  if (validTo === undefined) return bad('There is no certificate yet', problems[0]?.remedy ?? 'See its page for what it waits for')
  if (instant(validTo) <= now) return bad(`It is over (${leftText(validTo, now)})`, 'Renew or replace it on its page')
  if (/^e[cd]/i.test(keyType))
    return bad('Its key is ECDSA, and the hubs accept RSA alone', 'Order one with an RSA key of 2048 bits or more')
  if (Number(/^rsa\D*(\d+)/i.exec(keyType)?.[1] ?? 2048) < 2048) return bad('Its RSA key is too short', 'Order one with 2048 bits or more')
  // What is an error elsewhere, such as a name that another listener needs, may be none for Teams
  if (problems.length > 0) {
    const sentences = (of: 'text' | 'remedy'): string => problems.map((problem) => problem[of]).join('. ')
    return { ...base, level: 'warn', text: sentences('text'), remedy: sentences('remedy') }
  }
  const left = instant(validTo) - now
  if (left < 30 * DAY && certificate.next.what !== 'renew')
    return {
      ...base,
      level: 'warn',
      text: `It has ${leftText(validTo, now)}`,
      remedy: 'Microsoft warns from 30 days on; replace it in time',
    }
  return { ...base, level: 'ok', text: `It serves: ${leftText(validTo, now)}` }
}

const RANK: Readonly<Record<CertificateFit['level'], number>> = { ok: 0, warn: 1, busy: 2, error: 3 }

/** Those with the name first, the best of them before the others. */
export const fitsOf = (certificates: readonly CertificateView[], name: string, now: number): readonly CertificateFit[] =>
  certificates
    .map((certificate) => fitOf(certificate, name, now))
    .toSorted((a, b) => Number(b.covers) - Number(a.covers) || RANK[a.level] - RANK[b.level])

/** What somebody chose, else the best one that serves. */
export const chosenFit = ({ certificate }: SetupForm, fits: readonly CertificateFit[]): CertificateFit | undefined =>
  certificate === ''
    ? fits.find(({ covers, level }) => covers && level !== 'error')
    : fits.find((fit) => fit.certificate.name === certificate)

/** Where a new certificate is made for the name; it leads back here. */
export const newCertificatePath = (name: string): string =>
  `/certificates/+?${new URLSearchParams({ host: name, key: 'rsa2048', back: stepPath('certificate') })}`

/** What is to be entered at the DNS provider. */
export const dnsRecord = (name: string, check: NameCheck | undefined): readonly (readonly [label: string, value: string])[] => {
  const address = check?.expected
  return [
    ['Type', address?.includes(':') ? 'AAAA' : 'A'],
    ['Name', name],
    ['Value', address ?? 'the public address of this edge'],
  ]
}

/** Zones that a PBX or a carrier may stand in. */
export const pbxZones = ({ zones }: State): State['zones'] => zones.filter(({ kind }) => kind !== 'teams' && kind !== 'webrtc')

/** Listener groups that a PBX can be reached by. */
export const groupsFor = ({ listeners }: State): readonly string[] => [
  ...new Set(listeners.filter(({ transport }) => !transport.startsWith('ws')).map(({ name }) => name.split('/')[0]!)),
]

/** The name that a listener shows already, where it is one that Microsoft would take. */
export const publicName = ({ listeners }: State): string | undefined =>
  listeners
    .filter(({ transport }) => transport === 'tls' || transport === 'wss')
    .map(({ advertised }) => advertised.replace(/:\d+$/, ''))
    .find((name) => nameFault(name) === undefined)
