import { expect, test } from 'vitest'
import { signAws } from '../../../../src/certs/acme/dns/sigv4.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY', sessionToken: undefined }
const time = Date.UTC(2015, 7, 30, 12, 36)
const base = { method: 'GET', headers: {}, body: '', region: 'us-east-1', service: 'service', time }
const signature = (request: Parameters<typeof signAws>[0]) =>
  /Signature=([0-9a-f]+)$/.exec(signAws(request, credentials).Authorization!)?.[1]

test('AWS Signature Version 4: the published example (ListUsers of IAM)', () => {
  const signed = signAws(
    {
      ...base,
      service: 'iam',
      url: new URL('https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08'),
      headers: { 'Content-Type': 'application/x-www-form-urlencoded; charset=utf-8' },
    },
    credentials,
  )
  expect(signed['X-Amz-Date']).toBe('20150830T123600Z')
  expect(signed.Authorization).toBe(
    'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7',
  )
})

test.each([
  ['get-vanilla', { url: 'https://example.amazonaws.com/' }, '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
  [
    'get-vanilla-query-order-key-case',
    { url: 'https://example.amazonaws.com/?Param2=value2&Param1=value1' },
    'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
  ],
  [
    'post-vanilla',
    { url: 'https://example.amazonaws.com/', method: 'POST' },
    '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b',
  ],
])('AWS Signature Version 4: %s of the published test suite', (_name, { url, ...more }, expected) => {
  expect(signature({ ...base, ...more, url: new URL(url) })).toBe(expected)
})

test('AWS Signature Version 4: a session token is sent and signed', () => {
  const signed = signAws({ ...base, url: new URL('https://example.amazonaws.com/') }, { ...credentials, sessionToken: 'a token' })
  expect(signed['X-Amz-Security-Token']).toBe('a token')
  expect(signed.Authorization).toContain('SignedHeaders=host;x-amz-date;x-amz-security-token,')
})
