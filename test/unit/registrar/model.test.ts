/**
 * Random REGISTERs against a model that says what §10.3 says in fewer words: a list of contacts with the Call-ID, CSeq and end of each. What
 * differs is a mistake of one of them.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Record, SETTINGS } from './support.ts'

interface Entry {
  readonly callId: string
  readonly cseq: number
  readonly end: number
}

const contact = fc.record({
  host: fc.constantFrom('1', '2', '3', '4', '5'),
  expires: fc.constantFrom(undefined, 0, 5, 60, 600, 9000),
})

const step = fc.record({
  wait: fc.constantFrom(0, 1, 59, 601),
  callId: fc.constantFrom('a', 'b'),
  cseq: fc.integer({ min: 1, max: 12 }),
  header: fc.constantFrom(undefined, 0, 30, 300),
  what: fc.oneof(
    fc.constant('*' as const),
    fc.constant('?' as const),
    fc.array(contact, { minLength: 1, maxLength: 4 }),
    fc.array(contact, { minLength: 1, maxLength: 2 }),
  ),
})

/** What the model answers: hosts with seconds that are left, or a status. */
const model = (
  entries: Map<string, Entry>,
  now: number,
  { callId, cseq, header, what }: typeof step extends fc.Arbitrary<infer S> ? S : never,
): number => {
  for (const [host, { end }] of entries) if (end <= now) entries.delete(host)
  const old = (entry: Entry | undefined) => entry !== undefined && entry.callId === callId && cseq <= entry.cseq
  if (what === '?') return 200
  if (what === '*') {
    if (header !== 0) return 400
    if ([...entries.values()].some(old)) return 500
    entries.clear()
    return 200
  }
  const wanted = what.map(({ host, expires }) => ({
    host,
    seconds: Math.min(expires ?? header ?? SETTINGS.usualSeconds, SETTINGS.mostSeconds),
  }))
  if (wanted.some(({ seconds }) => seconds > 0 && seconds < SETTINGS.leastSeconds)) return 423
  if (wanted.some(({ host }) => old(entries.get(host)))) return 500
  const after = new Map(entries)
  for (const { host, seconds } of wanted) {
    if (seconds === 0) after.delete(host)
    else after.set(host, { callId, cseq, end: now + seconds * 1000 })
  }
  if ([...after.keys()].some((host) => !entries.has(host)) && after.size > SETTINGS.contacts) return 403
  entries.clear()
  for (const [host, entry] of after) entries.set(host, entry)
  return 200
}

test('§10.3: whatever is sent in whatever order, the bindings are those of the model, and a refusal changes nothing', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      const record = new Record()
      const entries = new Map<string, Entry>()
      for (const one of steps) {
        record.now += one.wait * 1000
        const { what, header, callId, cseq } = one
        const contacts =
          what === '*'
            ? ['*']
            : what === '?'
              ? []
              : what.map(({ host, expires }) => `<sip:a@192.0.2.${host}>${expires === undefined ? '' : `;expires=${expires}`}`)
        const answered = record.contacts({ contacts, callId, cseq, ...(header === undefined ? {} : { expires: header }) })
        const expected = model(entries, record.now, one)
        const left = [...entries].map(([host, { end }]) => `<sip:a@192.0.2.${host}>;expires=${(end - record.now) / 1000}`).sort()
        if (expected === 200) expect([...(answered as readonly string[])].sort()).toEqual(left)
        else expect(answered).toBe(expected)
        for (const [key, { expiresAt }] of record.bindings) if (expiresAt <= record.now) record.bindings.delete(key)
        expect([...record.bindings.values()].map(({ contact: uri }) => uri).sort()).toEqual(
          [...entries.keys()].map((host) => `sip:a@192.0.2.${host}`).sort(),
        )
      }
    }),
    { numRuns: 400 },
  )
})
