/** An SBC on strings: it sends what a test wrote, right or wrong, over TLS, and shows what came back. */
import { readFileSync } from 'node:fs'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { createWatch } from '../../support/media/watch.ts'
import { freePort } from '../../support/places.ts'
import { createFramer, headerOf, type Message, readMessage, valuesOf } from '../../teams-hub/message.ts'
import type { Hub } from '../../teams-hub/types.ts'

export interface Line {
  send(text: string): void
  /** The next message that fits and was not asked for yet. */
  next(wanted: string | number, ms?: number, callId?: string): Promise<Message>
  readonly all: readonly Message[]
  readonly open: () => boolean
  close(): void
}

export interface Files {
  readonly chainFile: string
  readonly keyFile: string
}

const lineOf = (socket: TLSSocket): Line => {
  const watch = createWatch()
  const waiting: Message[] = []
  const all: Message[] = []
  const framed = createFramer()
  socket.on('data', (bytes) => {
    for (const part of framed(bytes))
      if (part.kind === 'message') {
        const message = readMessage(part.text)
        waiting.push(message)
        all.push(message)
      }
    watch.happened()
  })
  socket.on('error', () => undefined)
  socket.on('close', () => watch.happened())
  return {
    send: (text) => {
      socket.write(Buffer.from(text, 'latin1'))
    },
    next: (wanted, ms = 3000, callId) =>
      watch.until(
        () => {
          const at = waiting.findIndex(
            (message) =>
              (typeof wanted === 'number' ? message.status === wanted : message.status === 0 && message.method === wanted) &&
              (callId === undefined || headerOf(message, 'call-id') === callId),
          )
          return at < 0 ? undefined : waiting.splice(at, 1)[0]
        },
        () =>
          `no ${wanted} but ${all.map(({ start }) => start).join(', ') || 'nothing'}${socket.destroyed ? ', and the connection is closed' : ''}`,
        ms,
      ),
    all,
    open: () => !socket.destroyed,
    close: () => socket.destroy(),
  }
}

/** @param address of a hub */
export const dial = (address: string, port: number, files: Files | undefined, options: object = {}): Promise<Line> =>
  new Promise((resolve, reject) => {
    const own = files === undefined ? {} : { cert: readFileSync(files.chainFile), key: readFileSync(files.keyFile) }
    const target = { host: address, port, rejectUnauthorized: false }
    const socket = connect({ ...target, ...own, ...options }, () => resolve(lineOf(socket)))
    socket.once('error', reject)
  })

export interface Listening {
  readonly port: number
  /** Connections of the hub, oldest first. */
  readonly lines: readonly Line[]
  /** The next request of the hub, on whatever connection. */
  next(method: string, callId?: string): Promise<{ readonly line: Line; readonly message: Message }>
  close(): void
}

/** Where hubs connect to. */
export const listen = async (address: string, files: Files): Promise<Listening> => {
  const port = await freePort(address)
  const lines: Line[] = []
  const server = createServer(
    { cert: readFileSync(files.chainFile), key: readFileSync(files.keyFile), requestCert: true, rejectUnauthorized: false },
    (socket) => {
      lines.push(lineOf(socket))
    },
  )
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen({ host: address, port }, resolve))
  return {
    port,
    lines,
    next: async (method, callId) => {
      const end = performance.now() + 3000
      for (;;) {
        for (const line of lines) {
          const message = await line.next(method, 1, callId).catch(() => undefined)
          if (message !== undefined) return { line, message }
        }
        if (performance.now() > end) throw new Error(`no ${method}`)
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    },
    close: () => {
      for (const line of lines) line.close()
      server.close()
    },
  }
}

let count = 0
const unique = (): string => `${process.pid.toString(36)}${(++count).toString(36)}`

/** Lines with CRLF, a true Content-Length at the end of the head. */
export const text = (lines: readonly string[], body = ''): string =>
  `${[...lines, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`

export interface Changes {
  /** Lines by name that stand there instead; empty: the line is left out. */
  readonly [name: string]: string | undefined
}

const changed = (lines: readonly (readonly [string, string])[], changes: Changes): readonly string[] => {
  const own = lines.flatMap(([name, value]) => {
    const other = name in changes ? changes[name] : value
    return other === undefined || other === '' ? [] : [`${name}: ${other}`]
  })
  const more = Object.entries(changes).filter(
    ([name, value]) => name !== 'start' && value !== undefined && value !== '' && !lines.some(([known]) => known === name),
  )
  return [...own, ...more.map(([name, value]) => `${name}: ${value}`)]
}

/** §2.2. @param name the SBC's, with port */
export const optionsText = (name: string, changes: Changes = {}): string =>
  text([
    changes.start ?? 'OPTIONS sip:sip.pstnhub.microsoft.com:5061 SIP/2.0',
    ...changed(
      [
        ['Via', `SIP/2.0/TLS ${name};branch=z9hG4bK${unique()}`],
        ['Max-Forwards', '70'],
        ['From', `<sip:${name}>;tag=71f0c2`],
        ['To', '<sip:sip.pstnhub.microsoft.com:5061>'],
        ['Call-ID', `${unique()}@sbc`],
        ['CSeq', '1 OPTIONS'],
        ['Contact', `<sip:${name};transport=tls>`],
        ['Allow', 'INVITE,ACK,CANCEL,BYE,OPTIONS,NOTIFY'],
        ['User-Agent', 'ExampleSBC/1.0'],
      ],
      changes,
    ),
  ])

export const KEY = `inline:${Buffer.alloc(30, 7).toString('base64')}|2^31`

/** Of the SBC's media; nobody listens there. */
export const sdpText = (
  changes: {
    readonly protocol?: string
    readonly crypto?: string
    readonly more?: string
    readonly formats?: string
    readonly direction?: string
    readonly port?: number
  } = {},
): string =>
  [
    ...['v=0', 'o=- 3901 1 IN IP4 127.0.0.1', 's=-', 'c=IN IP4 127.0.0.1', 't=0 0'],
    `m=audio ${changes.port ?? 30010} ${changes.protocol ?? 'RTP/SAVP'} ${changes.formats ?? '0 8 101'}`,
    ...['a=rtpmap:0 PCMU/8000', 'a=rtpmap:8 PCMA/8000', 'a=rtpmap:101 telephone-event/8000', 'a=ptime:20'],
    ...(changes.crypto === '' ? [] : [`a=crypto:${changes.crypto ?? `1 AES_CM_128_HMAC_SHA1_80 ${KEY}`}`]),
    ...(changes.more === undefined ? [] : [changes.more]),
    `a=${changes.direction ?? 'sendrecv'}`,
    '',
  ].join('\r\n')

/** §3.3. */
export const inviteText = (name: string, number: string, changes: Changes = {}, body = sdpText()): string =>
  text(
    [
      changes.start ?? `INVITE sip:${number}@sip.pstnhub.microsoft.com:5061;user=phone SIP/2.0`,
      ...changed(
        [
          ['Record-Route', `<sip:${name};transport=tls;r2=on;lr>, <sip:10.1.2.3:5060;transport=udp;r2=on;lr>`],
          ['Via', `SIP/2.0/TLS ${name};branch=z9hG4bK${unique()};rport, SIP/2.0/UDP 10.1.2.9:5060;branch=z9hG4bKpbx1`],
          ['Max-Forwards', '69'],
          ['From', '"Bob" <sip:+13125550123@sbc1.example.org;user=phone>;tag=pbx77'],
          ['To', `<sip:${number}@sip.pstnhub.microsoft.com;user=phone>`],
          ['Call-ID', `${unique()}@10.1.2.9`],
          ['CSeq', '1 INVITE'],
          ['Contact', `<sip:${name};transport=tls;x-d=Zk3w>`],
          ['Allow', 'INVITE,ACK,CANCEL,BYE,OPTIONS,NOTIFY'],
          ['X-MS-SBC', 'ExampleSBC/Edge/1.0'],
          ...(body === '' ? [] : [['Content-Type', 'application/sdp'] as const]),
        ],
        changes,
      ),
    ],
    body,
  )

/** A response to a request of the hub. */
export const responseText = (request: Message, status: string, lines: readonly string[] = [], body = '', tag = 'sbctag'): string =>
  text(
    [
      `SIP/2.0 ${status}`,
      ...valuesOf(request, 'via').map((value) => `Via: ${value}`),
      `From: ${headerOf(request, 'from')}`,
      `To: ${headerOf(request, 'to')}${headerOf(request, 'to').includes(';tag=') ? '' : `;tag=${tag}`}`,
      `Call-ID: ${headerOf(request, 'call-id')}`,
      `CSeq: ${headerOf(request, 'cseq')}`,
      ...lines,
    ],
    body,
  )

/** A request of the SBC inside the dialog that a response of the hub made. */
export const insideText = (method: string, made: Message, sequence: number, changes: Changes = {}, body = ''): string => {
  const [contact = ''] = valuesOf(made, 'contact')
  const [route = ''] = valuesOf(made, 'record-route')
  return text(
    [
      changes.start ?? `${method} ${contact.replace(/^<|>$/g, '')} SIP/2.0`,
      ...changed(
        [
          ['Via', `SIP/2.0/TLS sbc1.example.org:5061;branch=z9hG4bK${unique()}`],
          ['Max-Forwards', '70'],
          ['Route', route],
          ['From', headerOf(made, 'from')],
          ['To', headerOf(made, 'to')],
          ['Call-ID', headerOf(made, 'call-id')],
          ['CSeq', `${sequence} ${method}`],
          ...(body === '' ? [] : [['Content-Type', 'application/sdp'] as const]),
        ],
        changes,
      ),
    ],
    body,
  )
}

/** Violations of a point so far, without warnings. */
export const violated = (hub: Hub, point: number): boolean => hub.findings.violations.some((one) => one.point === point && !one.warning)
export const warned = (hub: Hub, point: number): boolean => hub.findings.violations.some((one) => one.point === point && one.warning)
