import { describe, expect, test } from 'vitest'
import { movedTo, redirected } from '../../../src/routing/moved.ts'
import { formatUri, parseUri } from '../../../src/sip/uri.ts'
import { messageText, parsedResponse } from '../../support/messages.ts'
import { request, values } from './support.ts'

const leads = (status: number, ...contacts: readonly string[]): string | undefined => {
  const uri = movedTo(parsedResponse(messageText(`SIP/2.0 ${status} Moved`, contacts)))
  return uri === undefined ? undefined : formatUri(uri)
}

describe('§8.1.3.4: where a 3xx leads', () => {
  test.each([
    [302, ['Contact: <sip:+4420@a;transport=tcp;user=phone?Replaces=x>;expires=60'], 'sip:+4420@a;user=phone'],
    [301, ['CONTACT: tel:+4420'], 'tel:+4420'],
    [300, ['Contact: <sip:a@a>;q=0.2, <sip:b@b>;q=0.7', 'm: <sip:c@c>;q=0.5'], 'sip:b@b'],
    [302, ['Contact: <mailto:a@b>, <sip:b@b>'], 'sip:b@b'],
    [302, ['Contact: <mailto:a@b>'], undefined],
    [302, ['Contact: <sip:a@b'], undefined],
    [302, ['Contact: *'], undefined],
    [302, [], undefined],
    [305, ['Contact: <sip:proxy@b>'], undefined],
    [380, ['Contact: <sip:proxy@b>'], undefined],
  ])('%i with %j: %s', (status, contacts, target) => {
    expect(leads(status, ...contacts)).toBe(target)
  })
})

describe('who sent the call on is told', () => {
  const to = parseUri('sip:+4422@a')!

  test('RFC 5806: by Diversion, the latest on top', () => {
    const first = redirected(request('sip:+4420@sbc;user=phone;transport=tls'), to, 302)
    expect(first.requestUri).toBe('sip:+4422@a')
    expect(values(first, 'diversion')).toEqual(['<sip:+4420@sbc;user=phone>;reason=unconditional;counter=1'])
    expect(values(redirected(first, parseUri('sip:+4423@a')!, 300), 'diversion')[0]).toBe('<sip:+4422@a>;reason=unknown;counter=1')
  })

  test('RFC 7044: behind the entries that there are', () => {
    const one = request('sip:+4420@sbc', {
      lines: ['History-Info: <sip:1@a>;index=1', 'HISTORY-INFO: <sip:2@a>;index=1.1,<sip:3@a>;index=1.2'],
    })
    const moved = redirected(one, to, 302)
    expect(values(moved, 'history-info')[2]).toBe('<sip:+4420@sbc?Reason=SIP%3Bcause%3D302>;index=1.2.1')
    expect(values(moved, 'diversion')).toEqual([])
  })
})
