/** The INVITE of a Teams user who calls out (§3.2), and what stands in it in special cases (§3.11 to §3.13). */
import type { Leg } from './leg.ts'
import type { HeaderPair } from './message.ts'
import { AGENT, ALLOW, hubName } from './names.ts'
import { newGuid } from './transactions.ts'
import type { CallingScenario, Trunk } from './types.ts'
import type { World } from './world.ts'

export interface InviteParts {
  readonly uri: string
  readonly from: string
  readonly headers: readonly HeaderPair[]
  readonly body: string
}

const DEFAULT_CALLER = '+442079460100'
const BOUNDARY = 'stand-in-7f3d2c1b'

/** RFC 6442 by value, and RFC 4119 with a civic address. */
const location = (sdp: string, id: string): string =>
  [
    `--${BOUNDARY}`,
    'Content-Type: application/sdp',
    '',
    sdp.trimEnd(),
    `--${BOUNDARY}`,
    'Content-Type: application/pidf+xml',
    `Content-ID: <${id}>`,
    '',
    '<?xml version="1.0" encoding="utf-8"?>',
    '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:gp="urn:ietf:params:xml:ns:pidf:geopriv10" xmlns:ca="urn:ietf:params:xml:ns:pidf:geopriv10:civicAddr" entity="sip:ana@example.org">',
    '<tuple id="1"><status><gp:geopriv><gp:location-info><ca:civicAddress><ca:country>GB</ca:country><ca:A3>London</ca:A3><ca:RD>Example Street</ca:RD><ca:HNO>7</ca:HNO></ca:civicAddress></gp:location-info><gp:usage-rules/><gp:method>LIS</gp:method></gp:geopriv></status></tuple>',
    '</presence>',
    `--${BOUNDARY}--`,
    '',
  ].join('\r\n')

const history = (numbers: readonly string[], host: string, port: number): string =>
  numbers
    .map((number, index) => {
      const reason = index === 0 ? 'SIP%3Bcause%3D302%3Btext%3D%22Moved%20Temporarily%22' : 'SIP%3Bcause%3D486'
      return `<sip:${number}@${host}:${port};user=phone?Reason=${reason}>;index=1${'.1'.repeat(index)}`
    })
    .join(',')

/** Start, From and whatever differs from call to call. */
export const inviteParts = (
  number: string,
  scenario: CallingScenario,
  trunk: Trunk,
  fqdn: string,
  { port, cloud }: Pick<World, 'port' | 'cloud'>,
  sdp: string,
): InviteParts => {
  const { from = DEFAULT_CALLER, display = 'Ana Test', anonymous = false, forwardedBy = [], emergencyLocation = false } = scenario
  const host = hubName('sip', cloud)
  const cause = forwardedBy.length > 0 ? ';cause=302' : ''
  const caller = anonymous ? 'Anonymous<sip:anonymous@anonymous.invalid>' : `${display}<sip:${from}@${host}:${port};user=phone>`
  const headers: HeaderPair[] = []
  if (trunk.forwardPai === true || anonymous)
    headers.push(['P-ASSERTED-IDENTITY', `<tel:${from}>,<sip:ana@example.org>`], ['PRIVACY', 'id'])
  if (forwardedBy.length > 0) {
    headers.push(['HISTORY-INFO', history(forwardedBy, host, port)])
    headers.push(['REFERRED-BY', `<sip:${forwardedBy[0]}@${host}:${port};user=phone>`])
  }
  if (scenario.replaces !== undefined) headers.push(['REPLACES', scenario.replaces])
  if (trunk.lmo === true)
    headers.push(['X-MS-UserLocation', 'internal'], ['X-MS-MediaPath', `proxysbc.example.org, ${fqdn}`], ['X-MS-UserSite', 'Site7'])
  const id = `${newGuid()}@example.org`
  if (emergencyLocation) headers.push(['GEOLOCATION', `<cid:${id}>`], ['GEOLOCATION-ROUTING', 'yes'])
  return {
    uri: `sip:${number}@${fqdn}:${trunk.port};user=phone;transport=tls${cause}`,
    from: caller,
    headers: [...headers, ...(scenario.headers ?? [])],
    body: emergencyLocation ? location(sdp, id) : sdp,
  }
}

/** Of the whole request, in the order of §3.2. */
export const inviteHeaders = (
  leg: Leg,
  via: string,
  to: string,
  { headers, body }: InviteParts,
  bypass: boolean,
): readonly HeaderPair[] => [
  ['FROM', leg.local],
  ['TO', to],
  ['CSEQ', `${leg.sequence} INVITE`],
  ['CALL-ID', leg.callId],
  ['MAX-FORWARDS', '70'],
  ['VIA', via],
  ['RECORD-ROUTE', `<${leg.recordRoute}>`],
  ['CONTACT', `<${leg.contact}>`],
  ['CONTENT-LENGTH', ''],
  ...(bypass ? [] : [['MIN-SE', '300'] as const]),
  ['SUPPORTED', headers.some(([name]) => name === 'HISTORY-INFO') ? 'histinfo,timer' : 'timer'],
  ['USER-AGENT', AGENT[leg.site]],
  ['CONTENT-TYPE', body.startsWith('--') ? `multipart/mixed;boundary=${BOUNDARY}` : 'application/sdp'],
  ['ALLOW', ALLOW],
  ...(bypass ? [] : [['SESSION-EXPIRES', '3600'] as const]),
  ['MS-CONVERSATION-ID', newGuid()],
  ...headers,
]
