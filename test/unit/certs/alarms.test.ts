import { describe, expect, test } from 'vitest'
import { daysLeft, expiryAlarm, tellsFailure } from '../../../src/certs/alarms.ts'

const HOUR = 3_600_000
const DAY = 86_400_000
const END = Date.UTC(2026, 11, 1)

const at = (left: number, told?: { of: string; step: number }, life = 200 * DAY, byHand: string | undefined = 'Upload another one') =>
  expiryAlarm({ name: 'main', validFrom: END - life, validTo: END, sha256: 'AA:BB', told, byHand, now: END - left })

describe('the way to the end of a certificate', () => {
  test('is told 30, 14, 7 and 1 days before it, and when it has come: each once', () => {
    let told: { of: string; step: number } | undefined
    const heard: string[] = []
    for (let left = 60 * DAY; left > -5 * DAY; left -= HOUR) {
      const due = at(left, told)
      if (due === undefined) continue
      told = { of: 'AA:BB', step: due.step }
      heard.push(`${due.step}: ${due.alarm.kind} ${due.alarm.severity} ${due.alarm.daysLeft}`)
    }
    expect(heard).toEqual([
      '30: expiring warning 30',
      '14: expiring warning 14',
      '7: expiring error 7',
      '1: expiring error 1',
      '0: expired error 0',
    ])
  })

  test('of several steps that passed unseen, the last one is told', () => {
    expect(at(3 * DAY)?.step).toBe(7)
    expect(at(3 * DAY, { of: 'AA:BB', step: 30 })?.step).toBe(7)
    expect(at(3 * DAY, { of: 'AA:BB', step: 7 })).toBeUndefined()
    expect(at(-DAY, { of: 'AA:BB', step: 14 })?.step).toBe(0)
  })

  test('begins again with another version', () => {
    expect(at(20 * DAY, { of: 'CC:DD', step: 0 })?.step).toBe(30)
  })

  test('is not told again when the clock goes back', () => {
    expect(at(20 * DAY, { of: 'AA:BB', step: 0 })).toBeUndefined()
  })

  test('does not count steps of more than a third of its life', () => {
    expect(at(29 * DAY, undefined, 90 * DAY)).toBeUndefined()
    expect(at(13 * DAY, undefined, 47 * DAY)?.step).toBe(14)
    expect(at(5 * DAY, undefined, 6 * DAY)).toBeUndefined()
    expect(at(20 * HOUR, undefined, 6 * DAY)?.step).toBe(1)
    // The end counts always
    expect(at(-1, undefined, HOUR)?.step).toBe(0)
  })

  test('says what, when, and what to do', () => {
    expect(at(13.5 * DAY)?.alarm).toEqual({
      kind: 'expiring',
      severity: 'warning',
      certificate: 'main',
      text: 'Certificate main ends in 13 days, on 2026-12-01T00:00:00.000Z',
      remedy: 'Upload another one',
      time: '2026-11-17T12:00:00.000Z',
      validTo: '2026-12-01T00:00:00.000Z',
      daysLeft: 13,
    })
    expect(at(5 * HOUR)?.alarm.text).toContain('in 5 hours')
    expect(at(-HOUR)?.alarm.text).toContain('ended on 2026-12-01')
    const own = expiryAlarm({ name: 'a', validFrom: 0, validTo: END, sha256: '', told: undefined, byHand: undefined, now: END })
    expect(own?.alarm.remedy).toContain('should have been renewed by itself')
  })
})

test('a failure is told at once, for another reason at once, for the same one once a day', () => {
  const told = { time: END, code: 'SBC_CERTIFICATE_CA' }
  expect(tellsFailure(END, 'SBC_CERTIFICATE_CA', undefined)).toBe(true)
  expect(tellsFailure(END + HOUR, 'SBC_CERTIFICATE_CA', told)).toBe(false)
  expect(tellsFailure(END + HOUR, 'SBC_CERTIFICATE_DNS', told)).toBe(true)
  expect(tellsFailure(END + DAY, 'SBC_CERTIFICATE_CA', told)).toBe(true)
  expect(tellsFailure(END - DAY, 'SBC_CERTIFICATE_CA', told)).toBe(true)
})

test('days left are whole days, negative after the end', () => {
  expect([30 * DAY, 29.9 * DAY, 1, 0, -1, -DAY].map((left) => daysLeft(END, END - left))).toEqual([30, 29, 0, 0, -1, -1])
})
