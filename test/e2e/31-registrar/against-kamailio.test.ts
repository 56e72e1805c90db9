/** The same REGISTERs to a registrar that many know, and to ours. */
import { createSocket, type Socket } from 'node:dgram'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Edge, startEdge } from '../../support/edge.ts'
import { bound, freePort, temporaryFolder } from '../../support/places.ts'
import { type Program, start, until } from '../../support/processes.ts'

const HOST = '127.0.0.1'
const MOST_CONTACTS = 3

interface Ask {
  readonly contacts?: readonly string[]
  readonly expires?: number
  readonly callId?: string
  readonly cseq: number
}

interface Case {
  readonly what: string
  readonly asks: readonly Ask[]
  /** Where the two differ, and who has it right. */
  readonly differs?: { readonly kamailio: string; readonly edge: string; readonly why: string }
}

const A = '<sip:a@192.0.2.1:5060>'
const B = '<sip:b@192.0.2.2:5060;transport=tcp>'

const CASES: readonly Case[] = [
  { what: 'one contact, then a query', asks: [{ contacts: [A], cseq: 1 }, { cseq: 2 }] },
  { what: 'two contacts with q', asks: [{ contacts: [`${A};q=0.3`, `${B};q=0.7`], cseq: 1 }, { cseq: 2 }] },
  { what: 'expires of the Contact wins', asks: [{ contacts: [`${A};expires=120`], expires: 300, cseq: 1 }] },
  { what: 'Expires for all', asks: [{ contacts: [A], expires: 300, cseq: 1 }] },
  { what: 'more than the most', asks: [{ contacts: [A], expires: 999_999, cseq: 1 }] },
  {
    what: 'a refresh',
    asks: [
      { contacts: [A], cseq: 1 },
      { contacts: [A], expires: 120, cseq: 2 },
    ],
  },
  {
    what: 'one is taken back',
    asks: [
      { contacts: [A, B], cseq: 1 },
      { contacts: [`${A};expires=0`], cseq: 2 },
    ],
  },
  { what: 'all are taken back', asks: [{ contacts: [A, B], cseq: 1 }, { contacts: ['*'], expires: 0, cseq: 2 }, { cseq: 3 }] },
  { what: '* without Expires: 0', asks: [{ contacts: [A], cseq: 1 }, { contacts: ['*'], expires: 60, cseq: 2 }, { cseq: 3 }] },
  { what: '* beside a contact', asks: [{ contacts: ['*', A], expires: 0, cseq: 1 }] },
  {
    what: 'another Call-ID',
    asks: [
      { contacts: [A], cseq: 5 },
      { contacts: [A], expires: 120, cseq: 1, callId: 'other' },
    ],
  },
  { what: 'what was never there is taken back', asks: [{ contacts: [A], expires: 0, cseq: 1 }] },
  { what: 'a malformed Contact', asks: [{ contacts: ['<sip:a@192.0.2.1'], cseq: 1 }] },
  {
    what: 'out of order',
    asks: [{ contacts: [A], cseq: 5 }, { contacts: [A], expires: 120, cseq: 4 }, { cseq: 6 }],
    differs: {
      kamailio: '200 [sip:a@192.0.2.1:5060 600s] · 400 · 200 [sip:a@192.0.2.1:5060 600s]',
      edge: '200 [sip:a@192.0.2.1:5060 600s] · 500 · 200 [sip:a@192.0.2.1:5060 600s]',
      why: '§12.2.2 has 500 for a CSeq that is too low; §10.3 says only that the request fails',
    },
  },
  {
    what: 'too brief',
    asks: [{ contacts: [A], expires: 5, cseq: 1 }],
    differs: { kamailio: '200 [sip:a@192.0.2.1:5060 60s]', edge: '423', why: '§10.3 item 7 lets a registrar shorten, not lengthen' },
  },
  {
    what: 'too many',
    asks: [
      { contacts: [A, '<sip:b@192.0.2.2>', '<sip:c@192.0.2.3>'], cseq: 1 },
      { contacts: ['<sip:d@192.0.2.4>'], cseq: 2 },
    ],
    differs: {
      kamailio: '200 [sip:a@192.0.2.1:5060 600s, sip:b@192.0.2.2 600s, sip:c@192.0.2.3 600s] · 503',
      edge: '200 [sip:a@192.0.2.1:5060 600s, sip:b@192.0.2.2 600s, sip:c@192.0.2.3 600s] · 403',
      why: '§21.5.4: 503 would send the client to another server, where it is as many',
    },
  },
  {
    what: 'an escape',
    asks: [
      { contacts: [A], cseq: 1 },
      { contacts: [A.replace('a@', '%61@')], cseq: 2 },
    ],
    differs: {
      kamailio: '200 [sip:a@192.0.2.1:5060 600s] · 200 [sip:%61@192.0.2.1:5060 600s, sip:a@192.0.2.1:5060 600s]',
      edge: '200 [sip:a@192.0.2.1:5060 600s] · 200 [sip:%61@192.0.2.1:5060 600s]',
      why: '§19.1.4: these are the same URI',
    },
  },
]

const shownContact = (text: string): string => {
  const uri = /<([^>]*)>/.exec(text)?.[1] ?? ''
  const q = /;q=([\d.]+)/.exec(text)?.[1]
  const seconds = Number(/;expires=(\d+)/.exec(text)?.[1])
  // A second may pass between two messages
  return `${uri}${q === undefined ? '' : ` q${Number(q)}`} ${Math.round(seconds / 10) * 10}s`
}

/** Commas inside quotes and brackets are no ends. */
const contactsIn = (text: string): readonly string[] =>
  [...text.matchAll(/^Contact: *(.*)\r$/gim)].flatMap(([, value = '']) => value.match(/(?:<[^>]*>|"[^"]*"|[^,<"])+/g) ?? [])

const shown = (answer: string): string =>
  `${answer.slice(8, 11)}${answer.startsWith('SIP/2.0 200') ? ` [${contactsIn(answer).map(shownContact).sort().join(', ')}]` : ''}`

const kamailioConfig = (port: number): string => `#!KAMAILIO
debug=1
log_stderror=yes
children=1
disable_tcp=yes
listen=udp:${HOST}:${port}
alias="example.test"
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "textops.so"
modparam("usrloc", "db_mode", 0)
modparam("registrar", "default_expires", 600)
modparam("registrar", "min_expires", 60)
modparam("registrar", "max_expires", 3600)
modparam("registrar", "max_contacts", ${MOST_CONTACTS})
modparam("registrar", "gruu_enabled", 0)
request_route {
  if (is_method("REGISTER")) { force_rport(); save("location"); exit; }
  sl_send_reply("404", "Not Here");
}
`

const edgeConfig = (port: number, admin: number): string => `
name: example.test
listeners: { public: { udp: '${HOST}:${port}' } }
zones: { phones: { kind: phones, on: public, authenticate: false } }
registrar: { contacts: ${MOST_CONTACTS} }
routes: [ { to: phones } ]
media: off
certificates: { main: development }
admin: { listen: '${HOST}:${admin}', plain: true }
`

describe('Kamailio’s registrar and ours', () => {
  const folder = temporaryFolder('registrars')
  let kamailio: Program
  let edge: Edge
  let socket: Socket
  const ports = { kamailio: 0, edge: 0 }
  let user = 0

  beforeAll(async () => {
    const [one, two, admin] = await Promise.all([freePort(HOST), freePort(HOST), freePort(HOST)])
    Object.assign(ports, { kamailio: one, edge: two })
    const home = join(folder.path, 'kamailio')
    mkdirSync(home)
    writeFileSync(join(home, 'kamailio.cfg'), kamailioConfig(one))
    kamailio = start('kamailio', ['-DD', '-E', '-f', join(home, 'kamailio.cfg'), '-m', '64', '-M', '8', '-Y', home])
    edge = await startEdge({ config: edgeConfig(two, admin), adminPort: admin, folder: folder.path })
    await until(() => bound('udp', HOST, one) || undefined, `Kamailio\n${kamailio.lines.join('\n')}`)
    socket = createSocket('udp4')
    await new Promise<void>((resolve) => socket.bind(0, HOST, resolve))
  })

  afterAll(async () => {
    socket?.close()
    await kamailio?.stop('SIGTERM')
    await edge?.stop()
    folder.remove()
  })

  const ask = (port: number, name: string, { contacts = [], expires, callId = 'one', cseq }: Ask): Promise<string> => {
    const branch = `z9hG4bK${Math.random().toString(36).slice(2)}`
    const lines = [
      'REGISTER sip:example.test SIP/2.0',
      `Via: SIP/2.0/UDP ${HOST}:${socket.address().port};branch=${branch};rport`,
      'Max-Forwards: 70',
      `From: <sip:${name}@example.test>;tag=1`,
      `To: <sip:${name}@example.test>`,
      `Call-ID: ${callId}-${name}`,
      `CSeq: ${cseq} REGISTER`,
      ...contacts.map((contact) => `Contact: ${contact}`),
      ...(expires === undefined ? [] : [`Expires: ${expires}`]),
      'Content-Length: 0',
    ]
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`No answer from ${port} to\n${lines.join('\n')}`)), 5000)
      const listen = (bytes: Buffer): void => {
        const text = bytes.toString('latin1')
        if (!text.includes(branch) || text.startsWith('SIP/2.0 100')) return
        clearTimeout(timer)
        socket.off('message', listen)
        resolve(text)
      }
      socket.on('message', listen)
      socket.send([...lines, '', ''].join('\r\n'), port, HOST)
    })
  }

  test.each(CASES)('$what', async ({ asks, differs }) => {
    const name = `user${++user}`
    const said = { kamailio: [] as string[], edge: [] as string[] }
    for (const one of asks) for (const who of ['kamailio', 'edge'] as const) said[who].push(shown(await ask(ports[who], name, one)))
    const texts = { kamailio: said.kamailio.join(' · '), edge: said.edge.join(' · ') }
    if (differs === undefined) expect(texts.edge).toBe(texts.kamailio)
    else expect(texts).toEqual({ kamailio: differs.kamailio, edge: differs.edge })
  })
})
