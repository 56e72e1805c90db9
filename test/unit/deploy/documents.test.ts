import { describe, expect, test } from 'vitest'
import { firstDifference } from '../../../deploy/documents/difference.ts'
import { errorsDocumentFaults } from '../../../deploy/documents/errors.ts'
import { rfcSupportDocument } from '../../../deploy/documents/rfc-support.ts'

const made = (tests: string, source = '') =>
  rfcSupportDocument('# Head', [{ path: 'src/a.ts', text: source }], [{ path: 'test/a.test.ts', text: tests }])

describe('docs/rfc-support.md', () => {
  test('names of tests stand under their RFC and section, RFC 3261 first, in the order of numbers', () => {
    const document = made(`
      test('RFC 5626 §5.2: a ping is answered', () => {})
      it("§18.2.10: later", () => {})
      test(\`§18.2.9: earlier\`, () => {})
      test('§9.1, RFC 4475: two at once', () => {})
    `)
    expect(document).toContain(`### RFC 3261: SIP: Session Initiation Protocol

- §9.1
  - RFC 4475: two at once
- §18.2.9
  - earlier
- §18.2.10
  - later

### RFC 5626: Client-initiated connections (outbound)

- §5.2
  - a ping is answered
`)
  })

  test('tables of tests count with their name, over several lines and with placeholders', () => {
    const document = made(`test.each([\n  [300, ')'],\n])(\n  '§16.7: %i is $what, it\\'s so',\n  () => {},\n)`)
    expect(document).toContain(`- §16.7\n  - … is …, it's so\n`)
  })

  test('expectations and values of a table are not names', () => {
    const document = made(`
      expect(x).toBe('§2')
      test.each([['§3: a row', 1]])('a table: %s', () => {})
      test('plain', () => {})
    `)
    expect(document).not.toMatch(/§[23]|a table: |plain/)
  })

  test('a test without a section belongs to its group, and in a group about an RFC § means that RFC', () => {
    const document = made(`
describe('RFC 3263 §4.3: dead destinations', () => {
  test('are tried last', () => {})
  describe('nested', () => {
    test('§4.1: another', () => {})
  })
})
describe('other', () => {
  test('not counted', () => {})
  test('§4.1: of SIP', () => {})
})
`)
    expect(document).toContain('### RFC 3261: SIP: Session Initiation Protocol\n\n- §4.1\n  - of SIP\n')
    expect(document).toContain('### RFC 3263: Locating SIP servers\n\n- §4.1\n  - another\n- §4.3\n  - are tried last\n')
    expect(document).not.toContain('not counted')
  })

  test('comments that say DEVIATION or INTEROP are differences', () => {
    const document = made(
      '',
      `
// DEVIATION: one
//   goes on
const a = 1 // INTEROP(Kamailio): two
/**
 * Text. DEVIATION: three. DEVIATION: lost in the first, found again
 */`,
    )
    expect(document).toContain('- one   goes on (`src/a.ts`)\n- INTEROP(Kamailio): two (`src/a.ts`)\n- three. (`src/a.ts`)\n')
  })
})

describe('docs/errors.md', () => {
  test('a code without a line and a line without a code are faults', () => {
    const document = '| `SBC_OLD` | x |\n| `SBC_KNOWN` | x |'
    const sources = [{ path: 'src/a.ts', text: `new E('SBC_KNOWN')\nnew E('SBC_NEW')` }]
    expect(errorsDocumentFaults(document, sources)).toEqual([
      'docs/errors.md describes SBC_OLD, which nothing uses',
      'docs/errors.md has no line for SBC_NEW (src/a.ts)',
    ])
  })
})

describe('the hint', () => {
  test('shows the first line that differs', () => {
    expect(firstDifference('a\nb\nc', 'a\nx\nc')).toBe('line 2\n  - b\n  + x')
    expect(firstDifference('a', 'a\nb')).toBe('line 2\n  - (end of file)\n  + b')
    expect(firstDifference('a\nb', 'a')).toBe('line 2\n  - b\n  + (end of file)')
    expect(firstDifference('a', 'a')).toBeUndefined()
  })
})
