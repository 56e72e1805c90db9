/** A hub's side of one dialog with the SBC (§3.8): what it sends inside, where that goes, and what it expects of requests that come inside. */
import { randomBytes } from 'node:crypto'
import type { HubCall } from './call.ts'
import {
  type HeaderPair,
  headerOf,
  hostText,
  isAddress,
  type Message,
  readMessage,
  tagOf,
  uriOf,
  uriPartsOf,
  valuesOf,
  writeMessage,
} from './message.ts'
import { AGENT, ALLOW, apiName, regionalName } from './names.ts'
import type { Processor } from './processor.ts'
import { anchorOf, directionIn, isHeldByAddress } from './sdp-rules.ts'
import type { Connection } from './sockets.ts'
import { glued, newBranch, newGuid } from './transactions.ts'
import type { SiteName } from './types.ts'
import { answer, type World } from './world.ts'

type State = ReturnType<HubCall['state']>

export interface Leg {
  readonly world: World
  readonly direction: HubCall['direction']
  site: SiteName
  callId: string
  /** As the SBC names itself here. */
  fqdn: string
  sbcPort: number
  /** From and To values of the hub's own requests, with tags. */
  local: string
  remote: string
  localTag: string
  /** undefined: no dialog yet. */
  remoteTag: string | undefined
  /** The SBC's Contact. */
  target: string
  /** Nearest first. */
  routes: readonly string[]
  sequence: number
  /** Of the hub itself in this dialog. */
  readonly contact: string
  readonly recordRoute: string
  processor: Processor
  state: State
  status: number | undefined
  readonly messages: { from: 'hub' | 'sbc'; message: Message }[]
  /** An INVITE of the hub waits for its final response. */
  inviting: boolean
  refuseNext: number | undefined
  withholdAck: boolean
  /** Methods that the SBC allows. */
  allow: readonly string[]
}

/** @param letter `d` where Teams calls, `s` where it is called */
export const createLeg = (
  world: World,
  given: Pick<
    Leg,
    'direction' | 'site' | 'callId' | 'fqdn' | 'sbcPort' | 'local' | 'remote' | 'localTag' | 'remoteTag' | 'target' | 'routes' | 'processor'
  >,
): Leg => {
  const letter = given.direction === 'from-teams' ? 'd/8' : 's/1'
  const long = `${randomBytes(16).toString('hex')}/${letter}/${randomBytes(32).toString('hex')}`
  return {
    world,
    ...given,
    sequence: 1,
    contact: `sip:${apiName(given.site, world.cloud)}:443;x-i=${newGuid()};x-c=${long}`,
    recordRoute: `sip:${regionalName(given.site, world.cloud)}:${world.port};transport=tls;lr`,
    ...{ state: 'calling', status: undefined, messages: [], inviting: false, refuseNext: undefined, withholdAck: false, allow: [] },
  }
}

export const note = (leg: Leg, from: 'hub' | 'sbc', message: Message): void => {
  leg.messages.push({ from, message })
  leg.world.watch.happened()
}

/** The SBC's own Record-Routes and Contact tell where the dialog is from now on. @param message request or response of the SBC */
export const learn = (leg: Leg, message: Message, routes: readonly string[] | undefined): void => {
  const [contact] = valuesOf(message, 'contact')
  if (contact !== undefined) leg.target = uriOf(contact)
  if (routes !== undefined) leg.routes = routes
  const allow = valuesOf(message, 'allow')
  if (allow.length > 0) leg.allow = allow.map((method) => method.toUpperCase())
}

/** Host and port of the next request inside (§3.4 point 4). */
const nextHop = (leg: Leg): { readonly host: string; readonly port: number } => {
  const first = leg.world.wins === 'record-route' && leg.routes[0] !== undefined ? uriOf(leg.routes[0]) : leg.target
  const parts = uriPartsOf(first)
  if (parts === undefined || isAddress(parts.host)) throw new Error(`there is no name to send to in ${first}`)
  return { host: parts.host, port: parts.port ?? 5061 }
}

/** Of a request inside the dialog. */
const requestInside = (
  leg: Leg,
  connection: Connection,
  method: string,
  branch: string,
  more: readonly HeaderPair[],
  body = '',
  sequence = leg.sequence,
): string => {
  const { world } = leg
  return writeMessage(
    `${method} ${leg.target} SIP/2.0`,
    [
      ['FROM', leg.local],
      ['TO', leg.remote],
      ['CSEQ', `${sequence} ${method}`],
      ['CALL-ID', leg.callId],
      ['MAX-FORWARDS', '70'],
      ['VIA', `SIP/2.0/TLS ${hostText(connection.machine)}:${world.port};branch=${branch}`],
      ...leg.routes.map((route): HeaderPair => ['ROUTE', route]),
      ...(method === 'INVITE' ? [['RECORD-ROUTE', `<${leg.recordRoute}>`] as const] : []),
      ...(method === 'ACK' || method === 'BYE' ? [] : [['CONTACT', `<${leg.contact}>`] as const]),
      ['CONTENT-LENGTH', ''],
      ['USER-AGENT', AGENT[leg.site]],
      ...more,
      ['ALLOW', ALLOW],
    ],
    body,
  )
}

/** A connection to the SBC for a request inside: another machine's, new where that is possible. */
const reachInside = async (leg: Leg): Promise<Connection> => {
  const { host, port } = nextHop(leg)
  const connection = await leg.world.reach(leg.site, host, port, true)
  leg.world.findings.seen(33, 'Requests inside over new connections from other addresses, to the name in Record-Route')
  leg.world.findings.seen(6, 'New connections for requests of a dialog')
  return connection
}

const WAITING = 32_000

/** Sends a request inside the dialog; resolves with its final response. A 2xx to INVITE is acknowledged. */
export const transact = async (leg: Leg, method: string, more: readonly HeaderPair[] = [], body = ''): Promise<Message> => {
  const { world } = leg
  leg.sequence++
  const sequence = leg.sequence
  const connection = await reachInside(leg)
  const branch = newBranch()
  const text = requestInside(leg, connection, method, branch, more, body)
  if (method === 'INVITE') leg.inviting = true
  note(leg, 'hub', readMessage(text))
  try {
    return await new Promise<Message>((resolve, reject) => {
      const giveUp = world.after(WAITING, () => reject(new Error(`no final response to ${method} within ${WAITING} ms`)))
      world.transactions.send(connection, branch, method, text, (response) => {
        note(leg, 'sbc', response)
        if (response.status < 200) return
        giveUp()
        if (method === 'INVITE' && response.status < 300) {
          learn(leg, response, undefined)
          acknowledge(leg, sequence).then(
            () => resolve(response),
            (error: Error) => reject(error),
          )
        } else resolve(response)
      })
    })
  } finally {
    if (method === 'INVITE') leg.inviting = false
  }
}

/** ACK to a 2xx, over whatever connection. */
export const acknowledge = async (leg: Leg, sequence: number): Promise<void> => {
  if (leg.withholdAck) return
  const connection = await reachInside(leg)
  const text = requestInside(leg, connection, 'ACK', newBranch(), [], '', sequence)
  note(leg, 'hub', readMessage(text))
  connection.requests++
  connection.send(text)
}

/** What a request of the SBC inside a dialog must show (§3.8). */
export const judgeInside = (leg: Leg, request: Message): void => {
  const { findings } = leg.world
  let fine = true
  if (request.uri !== leg.contact) {
    fine = false
    findings.violated(27, 'The Request-URI is not the hub’s Contact, byte by byte', request.text)
    findings.violated(42, `${request.method} goes to another Request-URI than the hub’s Contact`, request.text)
  }
  const routes = valuesOf(request, 'route')
  if (uriOf(routes[0] ?? '') !== leg.recordRoute) {
    fine = false
    findings.violated(42, `${request.method} does not show the hub’s Record-Route as its first Route`, request.text)
  }
  if (!fine) return
  findings.seen(27, 'Contact with x-i and x-c comes back as it was')
  findings.seen(42, 'ACK and BYE with the hub’s Contact and Route')
}

const PHRASE: readonly HeaderPair[] = [['SUPPORTED', 'timer']]

/** Contact and Record-Routes of a response that makes or keeps the dialog. */
export const dialogHeaders = (leg: Leg, request: Message, folded = false): readonly HeaderPair[] => {
  const theirs = valuesOf(request, 'record-route')
  return [
    ['RECORD-ROUTE', [`<${leg.recordRoute}>`, ...theirs].join(',')],
    ['CONTACT', `${folded ? '\r\n ' : ''}<${leg.contact}>`],
  ]
}

/** A re-INVITE of the SBC. */
export const reinvited = (leg: Leg, connection: Connection, request: Message): void => {
  const { world } = leg
  const { findings } = world
  const respond = (status: number, more: readonly HeaderPair[] = [], body = ''): void => {
    answer(connection, request, status, undefined, more, body)
  }
  if (leg.refuseNext !== undefined) {
    const status = leg.refuseNext
    leg.refuseNext = undefined
    respond(status)
    return
  }
  if (leg.inviting) {
    findings.seen(39, '491 to a re-INVITE that met one of the hub')
    respond(491)
    return
  }
  respond(100)
  learn(leg, request, undefined)
  const sdp: readonly HeaderPair[] = [...dialogHeaders(leg, request), ['CONTENT-TYPE', 'application/sdp'], ...PHRASE]
  const tag = leg.remoteTag ?? ''
  if (request.body === '') {
    findings.violated(36, 'A re-INVITE without SDP', request.text)
    respond(200, sdp, leg.processor.offer('inactive'))
    return
  }
  try {
    const direction = directionIn(request.body)
    if (direction === 'sendonly' || direction === 'recvonly' || isHeldByAddress(request.body))
      findings.violated(35, 'Hold of the SBC is not inactive, so it does not hold', request.text)
    else if (direction === 'inactive') findings.seen(35, 'Hold of the SBC is inactive')
    respond(200, sdp, leg.processor.answer(request.body, tag, direction === 'inactive' ? 'inactive' : 'sendrecv'))
  } catch (error) {
    findings.violated(21, `The SDP of a re-INVITE cannot be answered: ${(error as Error).message}`, request.text)
    respond(488)
  }
}

/** A re-INVITE of the hub with this direction; its answer is judged. */
export const reinvite = async (
  leg: Leg,
  direction: 'sendrecv' | 'inactive' | undefined,
  headers: readonly HeaderPair[] = [],
): Promise<Message> => {
  const { processor, world } = leg
  const { findings } = world
  const tag = leg.remoteTag ?? ''
  const before = processor.anchor(tag)
  const offer = processor.offer(direction)
  const response = await transact(leg, 'INVITE', [...PHRASE, ['CONTENT-TYPE', 'application/sdp'], ...headers], offer)
  if (response.status >= 300) {
    processor.refused()
    return response
  }
  const answered = directionIn(response.body)
  if (direction === 'inactive' && answered !== 'inactive') findings.violated(35, 'The answer to a hold is not inactive', response.text)
  else if (direction !== undefined) findings.seen(35, 'Hold of the hub, and resume')
  const now = anchorOf(response.body)
  if (before !== undefined && now.key !== before.key) findings.violated(37, 'The SBC has another key after a re-INVITE', response.text)
  else if (before !== undefined && now.port === before.port) findings.seen(37, 'Ports and keys stay over re-INVITEs')
  processor.accept(response.body, tag)
  return response
}

/** Of requests and responses alike. */
export const isInside = (leg: Leg, message: Message): boolean =>
  headerOf(message, 'call-id') === leg.callId && leg.remoteTag !== undefined && tagOf(message, 'from') === leg.remoteTag

export const ownTag = (value: string, tag: string): string => `${glued(value)};tag=${tag}`
