/** Transactions of a hub over TLS (§17): what was asked, who waits for the answer, and on which connection it has to come. */
import { randomBytes } from 'node:crypto'
import type { Findings } from './findings.ts'
import { branchOf, type HeaderPair, headerOf, type Message, sequenceOf, tagOf, valuesOf, writeMessage } from './message.ts'
import type { Connection } from './sockets.ts'

export const newBranch = (): string => `z9hG4bK${randomBytes(4).toString('hex')}`
export const newTag = (): string => randomBytes(16).toString('hex')
export const newGuid = (): string => {
  const hex = randomBytes(16).toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

interface Client {
  readonly method: string
  readonly connection: Connection
  readonly request: string
  onResponse(response: Message): void
  done: boolean
}

export interface Transactions {
  /** @param request with its Via; @param onResponse each response; after a final one of another INVITE than 2xx the ACK is sent */
  send(connection: Connection, branch: string, method: string, request: string, onResponse: (response: Message) => void): void
  response(connection: Connection, response: Message): void
  /** Whether a request is a repetition. */
  repeated(request: Message): boolean
  /** Requests without a final response yet, by connection. */
  pending(connection: Connection): number
  /** A connection is gone: who waits for an answer there hears of it as a 408 that nobody sent. */
  lost(connection: Connection): void
}

/** RFC 3261 §17.1.1.3: the ACK to a failure is part of its transaction. */
const failureAck = (request: string, response: Message): string => {
  const head = request.slice(0, request.indexOf('\r\n\r\n')).split('\r\n')
  const [start = '', ...lines] = head
  const kept = lines.filter((line) => /^(?:FROM|CALL-ID|MAX-FORWARDS|VIA|ROUTE):/.test(line))
  const cseq = lines.find((line) => line.startsWith('CSEQ:'))?.replace('INVITE', 'ACK') ?? ''
  return [start.replace(/^INVITE/, 'ACK'), ...kept, `TO: ${headerOf(response, 'to')}`, cseq, 'CONTENT-LENGTH: 0', '', ''].join('\r\n')
}

export const createTransactions = (findings: Findings): Transactions => {
  const clients = new Map<string, Client>()
  const seen = new Set<string>()
  const keyOf = (branch: string, method: string): string => `${branch} ${method}`
  return {
    send: (connection, branch, method, request, onResponse) => {
      if (connection.openedBy !== 'hub') throw new Error('a hub sends requests on its own connections alone')
      clients.set(keyOf(branch, method), { method, connection, request, onResponse, done: false })
      connection.send(request)
    },
    response: (connection, response) => {
      const client = clients.get(keyOf(branchOf(response), response.method))
      if (client === undefined) {
        findings.violated(0, 'A response fits no request', response.text)
        return
      }
      if (client.connection !== connection) {
        findings.violated(7, 'A response came on another connection than its request', response.text)
        return
      }
      if (response.status >= 300 && client.method === 'INVITE') connection.send(failureAck(client.request, response))
      if (client.done && client.method !== 'INVITE') return
      if (response.status >= 200) client.done = true
      client.onResponse(response)
    },
    repeated: (request) => {
      const key = `${branchOf(request)} ${request.method} ${valuesOf(request, 'via')[0]}`
      if (seen.has(key)) return true
      seen.add(key)
      return false
    },
    pending: (connection) => [...clients.values()].filter((client) => client.connection === connection && !client.done).length,
    lost: (connection) => {
      for (const [key, client] of clients)
        if (client.connection === connection) {
          clients.delete(key)
          if (!client.done) client.onResponse(lostResponse(client))
        }
    },
  }
}

const lostResponse = (client: Client): Message => ({
  start: 'SIP/2.0 408 Connection lost',
  method: client.method,
  uri: '',
  status: 408,
  headers: [],
  body: '',
  text: '',
  faults: [],
})

/** Glued, as hubs write display names. */
export const glued = (value: string): string => value.replace(/^("(?:\\.|[^"\\])*")\s+</, '$1<')

/** Start and headers of a response to a request, in a hub's order. @param more after Via */
export const responseTo = (
  request: Message,
  status: number,
  phrase: string,
  toTag: string | undefined,
  more: readonly HeaderPair[],
  body = '',
): string => {
  const to = glued(headerOf(request, 'to'))
  return writeMessage(
    `SIP/2.0 ${status} ${phrase}`,
    [
      ['FROM', glued(headerOf(request, 'from'))],
      ['TO', toTag === undefined || tagOf(request, 'to') !== undefined ? to : `${to};tag=${toTag}`],
      ['CSEQ', `${sequenceOf(request)} ${request.method}`],
      ['CALL-ID', headerOf(request, 'call-id')],
      ...valuesOf(request, 'via').map((value): HeaderPair => ['VIA', value]),
      ...more,
    ],
    body,
  )
}

const PHRASES: Readonly<Record<number, string>> = {
  ...{ 100: 'Trying', 180: 'Ringing', 181: 'Call Is Being Forwarded', 183: 'Session Progress', 200: 'OK', 202: 'Accepted' },
  ...{ 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 408: 'Request Timeout', 410: 'Gone' },
  ...{ 420: 'Bad Extension', 480: 'Temporarily Unavailable', 481: 'Call/Transaction Does Not Exist', 486: 'Busy Here' },
  ...{ 487: 'Request Terminated', 488: 'Not Acceptable Here', 491: 'Request Pending', 500: 'Server Internal Error' },
  ...{ 501: 'Not Implemented', 503: 'Service Unavailable', 504: 'Server Time-out', 603: 'Decline' },
}

export const phraseOf = (status: number): string => PHRASES[status] ?? 'Whatever'
