/** What somebody fills in for a new certificate, as the configuration has it. */
import { blockLines, type Plain } from '../../../src/config/yaml-patch.ts'

export type NewSource = 'acme' | 'upload' | 'request' | 'development'

export interface NewCertificate {
  readonly source: NewSource
  readonly name: string
  /** One name in a line, or with commas and spaces between them. */
  readonly hosts: string
  /** Empty: as the server chooses. */
  readonly key: string
  readonly email: string
  /** A name that the server knows, or `other`. */
  readonly directory: string
  readonly url: string
  readonly kid: string
  readonly keyFile: string
  readonly challenge: 'http-01' | 'tls-alpn-01' | 'dns-01'
  readonly provider: string
  /** Settings of the provider, by their names. */
  readonly dns: Readonly<Record<string, string>>
}

export const BLANK: NewCertificate = {
  source: 'acme',
  name: '',
  hosts: '',
  key: '',
  email: '',
  directory: 'letsencrypt',
  url: '',
  kid: '',
  keyFile: '',
  challenge: 'http-01',
  provider: 'cloudflare',
  dns: {},
}

export const DIRECTORIES: readonly (readonly [name: string, text: string])[] = [
  ['letsencrypt', 'Let’s Encrypt'],
  ['letsencrypt-staging', 'Let’s Encrypt, staging (for trials: nobody trusts these)'],
  ['zerossl', 'ZeroSSL'],
  ['buypass', 'Buypass'],
  ['google', 'Google Trust Services'],
  ['other', 'Another CA, by the URL of its directory'],
]

/** CAs that want an account of theirs to be named (RFC 8555 §7.3.4). */
export const wantsAccount = ({ directory }: NewCertificate): boolean => ['zerossl', 'google', 'other'].includes(directory)

export interface ProviderSetting {
  readonly key: string
  readonly label: string
  readonly hint?: string
  readonly required?: true
}

export const PROVIDERS: Readonly<Record<string, { readonly label: string; readonly settings: readonly ProviderSetting[] }>> = {
  cloudflare: {
    label: 'Cloudflare',
    settings: [
      {
        key: 'token-file',
        label: 'File with an API token',
        hint: 'On the edge’s machine; permissions Zone Read and DNS Edit',
        required: true,
      },
    ],
  },
  hetzner: {
    label: 'Hetzner',
    settings: [
      { key: 'token-file', label: 'File with an API token', hint: 'On the edge’s machine; of the project, read and write', required: true },
    ],
  },
  route53: {
    label: 'Amazon Route 53',
    settings: [
      {
        key: 'access-key-id',
        label: 'Access key',
        hint: 'Without it: the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY of the edge',
      },
      { key: 'secret-access-key-file', label: 'File with its secret', hint: 'On the edge’s machine' },
    ],
  },
  rfc2136: {
    label: 'Dynamic updates (RFC 2136): BIND, Knot, PowerDNS, Windows',
    settings: [
      { key: 'server', label: 'Primary server of the zone', required: true },
      {
        key: 'key-file',
        label: 'File with the TSIG key',
        hint: 'On the edge’s machine; as tsig-keygen writes it, or the secret alone',
        required: true,
      },
      { key: 'key-name', label: 'Name of the key', hint: 'Not needed when the file is as tsig-keygen writes it' },
    ],
  },
  hook: {
    label: 'A program of your own',
    settings: [
      { key: 'program-file', label: 'The program', hint: 'It gets add or remove, the name of the record, and its value', required: true },
    ],
  },
}

export const hostsOf = (text: string): readonly string[] => text.split(/[\s,;]+/).filter(Boolean)

const HOST = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i

/** What is wrong with it, by field, as sentences. */
export const faultsOf = (form: NewCertificate, taken: readonly string[]): Readonly<Partial<Record<keyof NewCertificate, string>>> => {
  const hosts = hostsOf(form.hosts)
  const bad = hosts.find((host) => !HOST.test(host))
  const wild = hosts.find((host) => host.startsWith('*'))
  const acme = form.source === 'acme'
  const faults: Partial<Record<keyof NewCertificate, string>> = {}
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,31}$/.test(form.name)) faults.name = 'Up to 32 letters, digits, “-” and “_”, beginning with a letter'
  else if (taken.includes(form.name)) faults.name = `There is a certificate ${form.name} already`
  if (bad !== undefined) faults.hosts = `“${bad}” is no host name`
  if (!acme) return faults
  if (!/^[^\s@]+@[^\s@]+$/.test(form.email)) faults.email = 'This is no mail address'
  if (form.directory === 'other' && !/^https:\/\/\S+$/.test(form.url)) faults.url = 'A URL that begins with https://'
  if (form.kid === '' && (form.directory === 'zerossl' || form.directory === 'google')) faults.kid = 'This CA wants to know the account'
  if (form.kid !== '' && form.keyFile === '') faults.keyFile = 'The key belongs to the account'
  if (wild !== undefined && form.challenge !== 'dns-01') faults.challenge = `${wild} is a wildcard, which needs a DNS record as proof`
  const missing = form.challenge === 'dns-01' && PROVIDERS[form.provider]?.settings.find(({ key, required }) => required && !form.dns[key])
  if (missing) faults.dns = `${missing.label} is missing`
  return faults
}

/** Its entry in the configuration. */
export const entryOf = (form: NewCertificate): Plain => {
  if (form.source === 'development') return 'development'
  if (form.source !== 'acme') return 'stored'
  const hosts = hostsOf(form.hosts)
  const settings = PROVIDERS[form.provider]?.settings ?? []
  return {
    acme: {
      email: form.email,
      ...(form.directory !== 'letsencrypt' && { directory: form.directory === 'other' ? form.url : form.directory }),
      challenge: form.challenge,
      ...(wantsAccount(form) && form.kid !== '' && { eab: { kid: form.kid, 'key-file': form.keyFile } }),
      ...(form.challenge === 'dns-01' && {
        dns: {
          provider: form.provider,
          ...Object.fromEntries(settings.flatMap(({ key }) => (form.dns[key] ? [[key, form.dns[key]] as const] : []))),
        },
      }),
    },
    ...(hosts.length > 0 && { names: hosts }),
    ...(form.key !== '' && { key: form.key }),
  }
}

/** POST /certificates. */
export const bodyOf = (form: NewCertificate): Readonly<Record<string, unknown>> => {
  const entry = entryOf(form)
  return typeof entry === 'string' ? { name: form.name, source: entry } : { name: form.name, source: 'acme', ...(entry as object) }
}

/** What comes into the file. */
export const yamlOf = (form: NewCertificate): string =>
  blockLines({ certificates: { [form.name === '' ? 'name' : form.name]: entryOf(form) } }, 0)
