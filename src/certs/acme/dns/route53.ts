import { AcmeError } from '../errors.ts'
import type { HttpAnswer } from '../http.ts'
import { apiError, createApiHttp, possibleZones } from './api.ts'
import { type AwsCredentials, signAws } from './sigv4.ts'
import type { ProviderEntry, ProviderSettings, TxtRecord } from './types.ts'

/** The values of one TXT set, quoted as Route 53 has them. */
interface TxtSet {
  readonly ttl: string
  readonly values: readonly string[]
}

/** Somebody else changed the set meanwhile. */
const CHANGE_TRIES = 5

/**
 * Amazon Route 53 (API 2013-04-01). A set is changed as a whole: the old one is deleted and the new one created in one batch, which fails
 * when the old one is no longer there, so nobody's value is lost.
 */
export const route53: ProviderEntry = {
  settings: {
    'access-key-id': 'Access key; default: the variable AWS_ACCESS_KEY_ID',
    'secret-access-key-file': 'File with its secret',
    'secret-access-key-env': 'Variable with its secret; default AWS_SECRET_ACCESS_KEY',
    'session-token-file': 'File with the session token of temporary credentials',
    'session-token-env': 'Variable with that token; without an access-key-id: AWS_SESSION_TOKEN',
    'zone-id': 'Identifier of the hosted zone; default: the public one, found by its name',
    region: 'Region of the signature; default us-east-1',
    url: 'Base of the API; default https://route53.amazonaws.com',
  },

  async create(settings, deps) {
    const credentials = await readCredentials(settings, deps.environment)
    const http = createApiHttp(deps)
    const base = (settings.optional('url') ?? 'https://route53.amazonaws.com').replace(/\/$/, '')
    const region = settings.optional('region') ?? 'us-east-1'

    const call = (method: string, path: string, signal: AbortSignal, body = ''): Promise<HttpAnswer> => {
      const url = new URL(`${base}/2013-04-01${path}`)
      const headers = signAws(
        {
          method,
          url,
          headers: body === '' ? {} : { 'Content-Type': 'application/xml' },
          body,
          region,
          service: 'route53',
          time: deps.clock.wall(),
        },
        credentials,
      )
      return http.send({ method, url: url.href, headers, ...(body !== '' && { body }) }, signal)
    }

    const failed = (what: string, answer: HttpAnswer): AcmeError => {
      const code = element(answer.text, 'Code')
      const said = [element(answer.text, 'Message'), code && `(${code})`].filter(Boolean).join(' ')
      const remedy =
        answer.status === 403 ? 'are the credentials right, the clock too, and may they change record sets of this zone?' : undefined
      return apiError(`Route 53 did not ${what}`, answer, said, remedy)
    }

    const zoneOf = async (name: string, signal: AbortSignal): Promise<string> => {
      const configured = settings.optional('zone-id')
      if (configured !== undefined) return configured.replace(/^\/hostedzone\//, '')
      for (const zone of possibleZones(name)) {
        const answer = await call('GET', `/hostedzonesbyname?dnsname=${encodeURIComponent(zone)}&maxitems=10`, signal)
        if (answer.status !== 200) throw failed(`list the zone ${zone}`, answer)
        for (const one of elements(answer.text, 'HostedZone')) {
          if (element(one, 'Name') !== `${zone}.` || element(one, 'PrivateZone') === 'true') continue
          return (element(one, 'Id') ?? '').replace(/^\/hostedzone\//, '')
        }
      }
      throw new AcmeError(
        'SBC_CERTIFICATE_DNS',
        `Route 53 has no public zone for ${name}; set zone-id, or use the credentials of its account`,
      )
    }

    const setAt = async (zone: string, name: string, signal: AbortSignal): Promise<TxtSet | undefined> => {
      const answer = await call('GET', `/hostedzone/${zone}/rrset?name=${encodeURIComponent(name)}&type=TXT&maxitems=1`, signal)
      if (answer.status !== 200) throw failed(`list ${name}`, answer)
      const [found] = elements(answer.text, 'ResourceRecordSet')
      if (found === undefined || element(found, 'Name') !== `${name}.` || element(found, 'Type') !== 'TXT') return undefined
      return { ttl: element(found, 'TTL') ?? '60', values: elements(found, 'Value').map(unescaped) }
    }

    const change = async (record: TxtRecord, edit: (values: readonly string[]) => readonly string[], signal: AbortSignal) => {
      const zone = await zoneOf(record.name, signal)
      for (let attempt = 1; ; attempt++) {
        const before = await setAt(zone, record.name, signal)
        const values = edit(before?.values ?? [])
        if (values.join() === (before?.values ?? []).join()) return
        const changes = [
          before === undefined ? '' : changeXml('DELETE', record.name, before),
          values.length === 0 ? '' : changeXml('CREATE', record.name, { ttl: before?.ttl ?? '60', values }),
        ]
        const answer = await call('POST', `/hostedzone/${zone}/rrset/`, signal, batchXml(changes.join('')))
        if (answer.status === 200) return
        const raced = /InvalidChangeBatch|PriorRequestNotComplete/.test(answer.text)
        if (!raced || attempt === CHANGE_TRIES) throw failed(`change ${record.name}`, answer)
      }
    }

    return {
      add: (record, signal) => change(record, (values) => [...new Set([...values, quoted(record)])], signal),
      remove: (record, signal) => change(record, (values) => values.filter((value) => value !== quoted(record)), signal),
      close: () => http.close(),
    }
  },
}

const readCredentials = async (
  settings: ProviderSettings,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<AwsCredentials> => {
  const configured = settings.optional('access-key-id')
  const accessKeyId = configured ?? environment.AWS_ACCESS_KEY_ID
  const secretAccessKey = (await settings.optionalSecret('secret-access-key')) ?? environment.AWS_SECRET_ACCESS_KEY
  const token = (await settings.optionalSecret('session-token')) ?? (configured === undefined ? environment.AWS_SESSION_TOKEN : undefined)
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new AcmeError(
      'SBC_CERTIFICATE_DNS',
      'The DNS provider route53 needs access-key-id and secret-access-key-file, or the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    )
  }
  return { accessKeyId, secretAccessKey, sessionToken: token }
}

const quoted = ({ value }: TxtRecord): string => `"${value}"`

const batchXml = (changes: string): string =>
  `<?xml version="1.0" encoding="UTF-8"?><ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><ChangeBatch><Changes>${changes}</Changes></ChangeBatch></ChangeResourceRecordSetsRequest>`

const changeXml = (action: 'CREATE' | 'DELETE', name: string, { ttl, values }: TxtSet): string => {
  const records = values.map((value) => `<ResourceRecord><Value>${escaped(value)}</Value></ResourceRecord>`).join('')
  return `<Change><Action>${action}</Action><ResourceRecordSet><Name>${escaped(name)}.</Name><Type>TXT</Type><TTL>${escaped(ttl)}</TTL><ResourceRecords>${records}</ResourceRecords></ResourceRecordSet></Change>`
}

/** The answers are flat enough: no attributes, no element within one of the same name. */
const elements = (xml: string, name: string): string[] =>
  [...xml.matchAll(new RegExp(`<${name}>([\\s\\S]*?)</${name}>`, 'g'))].map(([, inside]) => inside ?? '')
const element = (xml: string, name: string): string | undefined => {
  const [found] = elements(xml, name)
  return found === undefined ? undefined : unescaped(found)
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&apos;': "'",
  '&#39;': "'",
  '&#34;': '"',
  '&amp;': '&',
}
const unescaped = (text: string): string => text.replace(/&(?:lt|gt|quot|apos|amp|#34|#39);/g, (entity) => ENTITIES[entity] ?? entity)
const escaped = (text: string): string =>
  text.replace(
    /[<>&"']/g,
    (character) => ({ '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;', "'": '&apos;' })[character] ?? character,
  )
