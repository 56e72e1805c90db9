import { describe, expect, test } from 'vitest'
import type { LadderMessage, LadderParty } from '../../../web-admin/src/api/types.ts'
import { besides, type LadderColumn, layOut } from '../../../web-admin/src/ladder/layout.ts'

const BROWSER: LadderParty = { address: '198.51.100.7:51000', listener: 'web/wss', transport: 'wss' }
const PBX: LadderParty = { address: '10.0.0.20:5060', listener: 'lan/udp', transport: 'udp' }

const message = (
  ms: number,
  party: number,
  direction: 'in' | 'out',
  title: string,
  more: Partial<LadderMessage> & { readonly body?: string } = {},
): LadderMessage => {
  const { body = '', ...rest } = more
  return {
    at: 1_700_000_000_000 + ms,
    party,
    direction,
    listener: 'x',
    transport: 'udp',
    title,
    cseq: '1 INVITE',
    bytes: 100,
    repeated: false,
    changed: [],
    text: `${title}\r\nVia: x\r\n${body === '' ? '' : 'Content-Type: application/sdp\r\n'}\r\n${body}`,
    ...rest,
  }
}

const CALL = [
  message(0, 0, 'in', 'INVITE sip:echo@x', { body: 'v=0\r\n' }),
  message(1, 0, 'out', '100 Trying'),
  message(3, 1, 'out', 'INVITE sip:echo@y', { body: 'v=0\r\n', source: 0 }),
  message(20, 1, 'in', '100 Trying'),
  message(90, 1, 'in', '200 OK', { body: 'v=0\r\n' }),
  message(92, 0, 'out', '200 OK', { body: 'v=0\r\n', source: 4 }),
  message(592, 0, 'out', '200 OK', { body: 'v=0\r\n', source: 4, repeated: true }),
  message(600, 0, 'in', 'ACK sip:x'),
]
const names = (columns: readonly LadderColumn[]): readonly string[] =>
  columns.map((column) => (column.side === 'edge' ? 'edge' : `${column.side} ${column.party.address}`))

describe('the layout of a ladder', () => {
  const { columns, rows } = layOut({ parties: [BROWSER, PBX], messages: CALL })

  test('the caller stands left of the edge, the callee right of it', () => {
    expect(names(columns)).toEqual(['caller 198.51.100.7:51000', 'edge', 'callee 10.0.0.20:5060'])
    expect(rows.map(({ from, to, label }) => `${from}>${to} ${label}`)).toEqual([
      '0>1 INVITE',
      '1>0 100 Trying',
      '1>2 INVITE',
      '2>1 100 Trying',
      '2>1 200 OK',
      '1>0 200 OK',
      '1>0 200 OK',
      '0>1 ACK',
    ])
  })

  test('times are since the first message, and since the one before', () => {
    expect(rows.map(({ since }) => since)).toEqual([0, 1, 3, 20, 90, 92, 592, 600])
    expect(rows.map(({ gap }) => gap)).toEqual([0, 1, 2, 17, 70, 2, 500, 8])
  })

  test('each message knows what was made from it', () => {
    expect(rows.map(({ outcomes }) => outcomes)).toEqual([[2], [], [], [], [5, 6], [], [], []])
  })

  test('kinds and bodies are seen', () => {
    expect(rows.map(({ kind }) => kind)).toEqual([
      ...['request', 'provisional', 'request', 'provisional', 'success', 'success', 'success', 'request'],
    ])
    expect(rows.filter(({ hasSdp }) => hasSdp).map(({ since }) => since)).toEqual([0, 3, 90, 92, 592])
  })

  test('each fork has its own column', () => {
    const fork = { ...PBX, address: '10.0.0.21:5060' }
    const messages = [CALL[0]!, message(3, 1, 'out', 'INVITE sip:a', { source: 0 }), message(4, 2, 'out', 'INVITE sip:b', { source: 0 })]
    const forked = layOut({ parties: [BROWSER, PBX, fork], messages })
    expect(names(forked.columns).slice(1)).toEqual(['edge', 'callee 10.0.0.20:5060', 'callee 10.0.0.21:5060'])
    expect(forked.rows.map(({ from, to }) => [from, to])).toEqual([
      [0, 1],
      [1, 2],
      [1, 3],
    ])
  })

  test('a party that comes later stands on the side that its messages are passed on from', () => {
    const again = { ...PBX, address: '10.0.0.20:40000', listener: 'lan/tcp' }
    const other = { ...BROWSER, address: '198.51.100.7:52000' }
    const messages = [
      ...CALL,
      message(700, 2, 'in', 'BYE sip:x'),
      message(701, 0, 'out', 'BYE sip:x', { source: 8 }),
      message(800, 3, 'in', 'BYE sip:x'),
    ]
    expect(names(layOut({ parties: [BROWSER, PBX, again, other], messages }).columns)).toEqual([
      'caller 198.51.100.7:51000',
      'caller 198.51.100.7:52000',
      'edge',
      'callee 10.0.0.20:5060',
      'callee 10.0.0.20:40000',
    ])
  })

  test('a refusal is a failure, a call without messages has only the edge', () => {
    expect(layOut({ parties: [PBX], messages: [message(0, 0, 'in', '486 Busy Here')] }).rows[0]).toMatchObject({
      kind: 'failure',
      label: '486 Busy Here',
    })
    expect(layOut({ parties: [], messages: [] })).toEqual({ columns: [{ side: 'edge' }], rows: [] })
  })
})

describe('two texts beside each other', () => {
  test('lines that were rewritten share a row, others stand alone', () => {
    expect(besides('a\r\nVia: 1\r\nz', 'a\r\nVia: 2\r\nVia: 1\r\nz\r\n')).toEqual([
      { before: 'a', after: 'a', differs: false },
      { after: 'Via: 2', differs: true },
      { before: 'Via: 1', after: 'Via: 1', differs: false },
      { before: 'z', after: 'z', differs: false },
    ])
    expect(besides('x: 1\nk', 'x: 2\nk')[0]).toEqual({ before: 'x: 1', after: 'x: 2', differs: true })
  })

  test('lines of the same header stand beside each other, whatever stands between them', () => {
    const rows = besides('Via: a\nMax-Forwards: 70\nm=audio 1', 'Route: x\nVia: b\nVia: c\nMax-Forwards: 69\nm=audio 2')
    expect(rows.map(({ before, after }) => [before, after])).toEqual([
      [undefined, 'Route: x'],
      [undefined, 'Via: b'],
      ['Via: a', 'Via: c'],
      ['Max-Forwards: 70', 'Max-Forwards: 69'],
      ['m=audio 1', 'm=audio 2'],
    ])
  })
})
