import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { explainAnswer, explainCode, explainText, readReason, SIX_DIGITS, TEXTS, WINDOWS_CODES } from '../../../src/teams/codes.ts'
import { teamsCodesDocument } from '../../../src/teams/codes-document.ts'

const GUID = '5c0f2d9e-7a43-4e0c-9f44-0a91e6d3b7c1'

test('each code is there once, with a meaning and a remedy, and stands in docs/teams-codes.md', () => {
  const all = [...SIX_DIGITS, ...WINDOWS_CODES, ...TEXTS]
  expect(new Set(all.map(({ code }) => code)).size).toBe(all.length)
  const document = readFileSync('docs/teams-codes.md', 'utf8')
  expect(document).toBe(teamsCodesDocument())
  for (const { code, meaning, remedy } of all) {
    expect(document).toContain(`| \`${code}\` |`)
    for (const sentence of [meaning, remedy]) expect(sentence).toMatch(/^[\p{Lu}(+].*[^.]$/u)
  }
})

test('T §3.14: the reference’s codes are all explained', () => {
  const codes = `510532 510534 10199 10500 510560 510562 510563 510559 511404 10202 10037 10191 1106 500001 560408 531000 531004 531005 531027
    540420 560420 540200 510482 549018 549002 569002 569003 569008 569009 0x80096004 0x80090322 0x80090326 0x80090328 0x80090325`
  for (const code of codes.split(/\s+/)) expect([code, explainCode(code)?.meaning]).toEqual([code, expect.any(String)])
})

test.each([
  [`Q.850;cause=63;text="${GUID};No trunk config was found"`, { cause: 63, guid: GUID, words: 'No trunk config was found' }],
  [
    `Q.850; cause = 22; text = "${GUID.replaceAll('-', '')};MediaOfferError"`,
    { cause: 22, guid: GUID.replaceAll('-', ''), words: 'MediaOfferError' },
  ],
  ['SIP;cause=200;text="Call completed elsewhere"', { cause: 200, guid: undefined, words: 'Call completed elsewhere' }],
  [`Q.850;cause=31;text="${GUID}"`, { cause: 31, guid: GUID, words: '' }],
  ['Q.850;cause=16', { cause: 16, guid: undefined, words: '' }],
  ['Q.850;text="unfinished', { cause: undefined, guid: undefined, words: 'unfinished' }],
  ['', { cause: undefined, guid: undefined, words: '' }],
])('§3.6: the Reason %s is read', (value, read) => {
  expect(readReason(value)).toEqual(read)
})

test.each([
  [403, `${GUID};Record-Route and Contact headers are missing`, /neither Record-Route nor Contact/],
  [
    403,
    `${GUID};SBC certificate is not issued correctly. Provided trunk FQDN '10.0.0.5' is not included in certificate's CN`,
    /not in the certificate/,
  ],
  [480, `${GUID};No callee endpoints were found.`, /Azure Communication Services/],
  [403, `${GUID};Current call site state prevents fork to this entity.`, /Location-based routing/],
  [410, `${GUID};IceConnectivityChecksFailed`, /ICE checks failed/],
  [504, `${GUID};Handshake error 0x80090328`, /expired/],
  [488, `${GUID};SrtpEncryptionRequired`, /no SRTP keys/],
])('%i with "%s" is explained', (status, text, meaning) => {
  const said = explainAnswer(status, 'Words', [`Q.850;cause=63;text="${text}"`])
  expect(said).toMatchObject({ status, guid: GUID, meaning: expect.stringMatching(meaning), remedy: expect.any(String) })
})

test('the status line alone is enough where the text stands there, and an unknown status has no explanation', () => {
  expect(explainAnswer(403, 'Provided Trunk FQDN is unknown', []).meaning).toMatch(/name in our Contact/)
  expect(explainAnswer(403, 'Forbidden', []).meaning).toMatch(/does not know our name/)
  expect(explainAnswer(418, 'Teapot', []).meaning).toBeUndefined()
})

test('digits inside of a GUID or of a longer number are no code', () => {
  expect(explainText(`${GUID.slice(0, 9)}1106-9f44-0a91e6d3b7c1`)).toBeUndefined()
  expect(explainText('call 15105321 failed')).toBeUndefined()
  expect(explainText('ended with 510532')?.code).toBe('510532')
})
