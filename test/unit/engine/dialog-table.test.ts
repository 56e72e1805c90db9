import { describe, expect, test } from 'vitest'
import { Dialog, keyOf } from '../../../src/engine/dialogs/dialog.ts'
import { DialogTable } from '../../../src/engine/dialogs/table.ts'
import type { Side } from '../../../src/routing/route-state.ts'
import { browsers, lanUdp, pbx, web } from '../routing/support.ts'

const inside: Side = { listener: lanUdp, zone: pbx, flow: undefined }
const outside: Side = { listener: web, zone: browsers, flow: undefined }

const dialogOf = (callId: string, caller: Side = outside, callee: Side = inside): Dialog =>
  new Dialog(
    keyOf(callId, 'b'),
    callId,
    { caller: { side: caller, end: undefined }, callee: { side: callee, end: undefined } },
    'up',
    0,
    () => {},
  )

describe('the table of dialogs', () => {
  test('a dialog that comes by twice has an entry for each passage; each goes by itself', () => {
    const table = new DialogTable()
    const [there, back] = [dialogOf('1'), dialogOf('1', inside, outside)]
    table.add(there)
    table.add(back)
    expect(table.between(there.key, { caller: outside, callee: inside })).toBe(there)
    expect(table.between(there.key, { caller: inside, callee: outside })).toBe(back)
    expect([...table.all()]).toHaveLength(2)
    table.remove(there)
    expect(table.between(there.key, { caller: outside, callee: inside })).toBeUndefined()
    expect(table.find(there.key)).toBe(back)
    table.remove(back)
    table.remove(back)
    expect(table.size).toBe(0)
  })

  test('who is at a place: several parties of one connection, and each leaves it alone', () => {
    const table = new DialogTable()
    const sides = ['1', '2', '3'].map((callId) => dialogOf(callId).caller)
    for (const side of sides) table.place(side, 'c1')
    expect(table.at('c1')).toEqual(sides)
    table.unplace(sides[0]!)
    expect(new Set(table.at('c1'))).toEqual(new Set(sides.slice(1)))
    for (const side of sides) table.unplace(side)
    expect(table.at('c1')).toEqual([])
    expect(sides.map(({ place }) => place)).toEqual(['', '', ''])
  })

  test('who is reached by its address is at no place', () => {
    const table = new DialogTable()
    table.place(dialogOf('1').callee, '')
    expect(table.at('')).toEqual([])
  })

  test('calls that nobody has accepted are bounded: the oldest goes', () => {
    const table = new DialogTable()
    const first = dialogOf('0')
    expect(table.addEarly('0', first)).toEqual([])
    for (let i = 1; i < 5000; i++) expect(table.addEarly(`${i}`, dialogOf(`${i}`))).toEqual([])
    expect(table.addEarly('5000', dialogOf('5000'))).toEqual([first])
    expect(table.early).toBe(5000)
  })

  test('so are the early dialogs of one call', () => {
    const table = new DialogTable()
    const first = dialogOf('1')
    table.addEarly('1', first)
    for (let i = 1; i < 32; i++) expect(table.addEarly('1', dialogOf('1'))).toEqual([])
    expect(table.addEarly('1', dialogOf('1'))).toEqual([first])
    expect(table.takeEarly('1')).toHaveLength(32)
  })

  test('of a call with several early dialogs the accepted one stays', () => {
    const table = new DialogTable()
    const [one, other] = [dialogOf('1'), dialogOf('1')]
    table.addEarly('1', one)
    table.addEarly('1', other)
    table.settled('1', one)
    expect(table.takeEarly('1')).toEqual([other])
    expect(table.early).toBe(0)
    expect(table.takeEarly('1')).toEqual([])
  })
})
