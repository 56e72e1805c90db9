import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maskContact, restoreContact } from '../../../src/routing/alterations/contact.ts'
import { renewal, shorten } from '../../../src/routing/alterations/renewal.ts'
import { classify } from '../../../src/routing/classify.ts'
import { elsewhere, isMasked, maskParameters, unmask } from '../../../src/routing/contact-mask.ts'
import { RouteStateCodec, type Side } from '../../../src/routing/route-state.ts'
import type { SipRequest, SipResponse } from '../../../src/sip/message.ts'
import { formatUri, parseUri, type SipUri } from '../../../src/sip/uri.ts'
import { messageText, parsed } from '../../support/messages.ts'
import {
  browsers,
  crossing,
  hashWith,
  LISTENERS,
  lanUdp,
  myself,
  pbx,
  pubTls,
  request,
  side,
  states,
  values,
  web,
  zone,
} from './support.ts'

const registrar = side(pbx, lanUdp)
const connection = { kind: 'connection', boot: '', id: '', identity: 'uabcdefghijkl' } as const
const client: Side = { ...side(browsers, web), flow: connection }

const mask = (text: string, states_ = states): string => {
  const uri = parseUri(text) as SipUri
  const plain = lanUdp.uriFor(uri.userinfo, '')
  return plain + maskParameters(states_, registrar, client, uri, plain)
}

const none = (): undefined => undefined

const back = (text: string): string | undefined => {
  const found = unmask(text, states, none)
  return found === undefined || typeof found === 'string' ? found : formatUri(found.uri)
}

describe('a Contact that leads back to its client', () => {
  test.each([
    ['JsSIP', 'sip:h3k9q0mv@n4d7c2j8w1ka.invalid;transport=ws', 130],
    ['SIP.js', 'sip:alice@p2k5j9s7h3n4.invalid;transport=ws;ob', 130],
    ['a TLS phone', 'sip:1001@192.168.178.45:54321;transport=TLS;ob', 140],
    ['IPv6', 'sips:1001@[2001:db8::17]:5061;line=9k3', 150],
    ['no user', 'sip:192.168.178.45:5060', 130],
    ['escapes and bytes', 'sip:b%20c@host.example;x=%41;y="q"'.replaceAll('"', '%22'), 150],
  ])('N3: %s: short, in unreserved characters, and the same text again', (_who, text, longest) => {
    const masked = mask(text)
    expect(masked.length).toBeLessThan(longest)
    expect(masked.slice(masked.indexOf(';ewc='))).toMatch(/^;ewc=[\w\-.!~]+;ewo=[\w\-.~]+$/)
    expect(parseUri(masked)).toMatchObject({ host: '10.0.0.5', port: 5060 })
    expect(isMasked(masked)).toBe(true)
    expect(back(masked)).toBe(text)
  })

  test('whatever a Contact holds comes back byte for byte', () => {
    const parameters = fc.stringMatching(/^(?:;[a-zA-Z~!*'()%+\-._]{1,6}(?:=[a-zA-Z0-9~!*'()[\]/:&+$\-._]{1,8})?){0,4}$/)
    fc.assert(
      fc.property(
        fc.stringMatching(/^[a-z0-9~.!-]{1,10}$/),
        fc.stringMatching(/^[a-z0-9-]{1,10}[a-z]\.(?:invalid|example)$/),
        parameters,
        (user, host, rest) => {
          const text = `sip:${user}@${host}${rest}`
          if (parseUri(text) === undefined) return
          expect(back(mask(text))).toBe(text)
        },
      ),
    )
  })

  test('what was changed on the way is refused, but for the user part, where a PBX may put the dialled number', () => {
    const masked = mask('sip:alice@n4d7c2j8w1ka.invalid;transport=ws')
    expect(back(masked.replace('sip:alice@', 'sip:+4930123@'))).toBe('sip:+4930123@n4d7c2j8w1ka.invalid;transport=ws')
    expect(back(masked.replace('10.0.0.5:5060', '10.0.0.99:6000'))).toBe('sip:alice@n4d7c2j8w1ka.invalid;transport=ws')
    expect(back(masked.replace(/ewo=.*/, 'ewo=evil.example'))).toBe('forged')
    expect(back(masked.replace('uabcdefghijkl', 'uabcdefghijkm'))).toBe('forged')
    expect(back(masked.replace(/;ewo=.*/, ''))).toBe('forged')
    expect(back(masked.replace(/ewc=\w/, 'ewc=z'))).toBe('expired-key')
    expect(back(masked.replace(/ewc=[^;]*/, 'ewc=nonsense'))).toBe('malformed')
    expect(back('sip:alice@10.0.0.5:5060')).toBeUndefined()
  })

  test('the cookie of a call or of a Path is no cookie of a Contact', () => {
    const cookie = states.encode(registrar, client, 'n4d7c2j8w1ka~i~w')
    expect(back(`sip:alice@10.0.0.5:5060;ewc=${cookie};ewo=n4d7c2j8w1ka~i~w`)).toBe('forged')
  })

  test('one that would be too long for registrars is named, and found by its name', () => {
    const long = `sip:alice@192.168.1.2:5060;pn-prid=${'0123456789'.repeat(30)}`
    const masked = mask(long)
    expect(masked.length).toBeLessThan(150)
    const name = elsewhere(masked)
    expect(name).toMatch(/^~z[\w-]{11}$/)
    expect(elsewhere(mask('sip:alice@192.168.1.2:5060'))).toBeUndefined()
    const found = unmask(masked, states, (asked) => (asked === name ? long : undefined))
    expect(typeof found === 'object' && formatUri(found.uri)).toBe(long)
    expect(back(masked)).toBe('forgotten')
  })
})

describe('in messages', () => {
  const register = (...contacts: readonly string[]): SipRequest =>
    request('sip:example.com', { method: 'REGISTER', lines: contacts.map((value) => `Contact: ${value}`) })
  const masking = crossing(client, registrar, { contact: ({ uri }) => mask(uri) })
  const ok = (...lines: readonly string[]): SipResponse =>
    parsed(messageText('SIP/2.0 200 OK', ['Via: SIP/2.0/UDP 10.0.0.5;branch=z9hG4bKa', 'CSeq: 1 REGISTER', ...lines])) as SipResponse

  test('T5: only the URI of a Contact changes, and comes back; parameters, display names and `*` stay', () => {
    const jssip = '<sip:a@b.invalid;transport=ws>;+sip.ice;reg-id=1;+sip.instance="<urn:uuid:1>";pub-gruu="sip:a@x;gr=1";expires=600'
    const named = '"A, B" <sip:c@d.example>;q=0.5'
    const sent = maskContact(register(`${jssip}, ${named}`, 'sip:bare@e.example;expires=3'), masking)
    expect(values(sent, 'contact')).toEqual([
      `<${mask('sip:a@b.invalid;transport=ws')}>${jssip.slice(jssip.indexOf('>') + 1)}, "A, B" <${mask('sip:c@d.example')}>;q=0.5`,
      `<${mask('sip:bare@e.example')}>;expires=3`,
    ])
    expect(values(restoreContact(sent, back), 'contact')).toEqual([`${jssip}, ${named}`, '<sip:bare@e.example>;expires=3'])
    const all = register('*')
    expect(maskContact(all, masking)).toBe(all)
    const none_ = register('<sip:a@b.invalid>')
    expect(maskContact(none_, crossing(client, registrar))).toBe(none_)
  })

  test('a registrar is asked for the long time, but what is taken back is taken back', () => {
    const renewing = crossing(client, registrar, { renewSeconds: 1800 })
    const asked = (lines: readonly string[]) => {
      const sent = renewal(request('sip:example.com', { method: 'REGISTER', lines }), renewing)
      return [values(sent, 'contact'), values(sent, 'expires')]
    }
    expect(asked(['Contact: <sip:a@b>;expires=60;q=1'])).toEqual([['<sip:a@b>;expires=1800;q=1'], []])
    expect(asked(['Contact: <sip:a@b>', 'Expires: 60'])).toEqual([['<sip:a@b>'], ['1800']])
    expect(asked(['Contact: <sip:a@b>'])).toEqual([['<sip:a@b>'], ['1800']])
    expect(asked(['Contact: <sip:a@b>;expires=7200'])).toEqual([['<sip:a@b>;expires=7200'], []])
    expect(asked(['Contact: <sip:a@b>;expires=0'])).toEqual([['<sip:a@b>;expires=0'], []])
    expect(asked(['Contact: *', 'Expires: 0'])).toEqual([['*'], ['0']])
  })

  test('a client hears of the short time, others of what they have', () => {
    const shortened = (lines: readonly string[]) => {
      const made = shorten(ok(...lines), 60, ({ uri }) => uri === 'sip:a@b')
      return [values(made, 'contact'), values(made, 'expires')]
    }
    expect(shortened(['Contact: <sip:a@b>;expires=1800, <sip:c@d>;expires=1700'])).toEqual([
      ['<sip:a@b>;expires=60, <sip:c@d>;expires=1700'],
      [],
    ])
    expect(shortened(['Contact: <sip:a@b>', 'Expires: 1800'])).toEqual([['<sip:a@b>;expires=60'], ['60']])
    expect(shortened(['Contact: <sip:a@b>;expires=30'])).toEqual([['<sip:a@b>;expires=30'], []])
    expect(shortened([])).toEqual([[], ['60']])
  })

  describe('classify', () => {
    const view = { myself, states, arrivedOn: lanUdp, from: pbx }
    const masked = mask('sip:alice@n4d7c2j8w1ka.invalid;transport=ws')

    test('§16.4: the client’s own Contact stands in the Request-URI again, and its flow is the way', () => {
      expect(classify(request(masked), view)).toMatchObject({
        kind: 'initial',
        request: { requestUri: 'sip:alice@n4d7c2j8w1ka.invalid;transport=ws' },
        via: { flow: connection },
        gone: 480,
      })
    })

    test('from another side, forged, or with a Route that is not ours it is refused', () => {
      expect(classify(request(masked), { ...view, arrivedOn: pubTls })).toMatchObject({ status: 403, fault: 'wrong-side' })
      expect(classify(request(masked), { ...view, from: zone('phones', [lanUdp]) })).toMatchObject({ status: 403, fault: 'wrong-side' })
      expect(classify(request(masked.replace('~i~w', '')), view)).toMatchObject({ status: 403, fault: 'forged' })
      expect(classify(request(masked, { lines: ['Route: <sip:10.0.0.66;lr>'] }), view)).toMatchObject({ status: 403, fault: 'missing' })
    })

    test('RFC 5626 §5.3.1: with a key that has expired the client is not there', () => {
      expect(classify(request(masked.replace(/ewc=\w/, 'ewc=z')), view)).toMatchObject({ status: 480, fault: 'expired-key' })
    })

    test('what another edge behind us wrote is not ours to judge', () => {
      expect(classify(request(masked.replace('10.0.0.5:5060', '10.9.9.9:5060')), view)).toMatchObject({ kind: 'initial', via: undefined })
    })
  })
})

test('short names of zones are of one configuration: another one does not read them', () => {
  const other = new RouteStateCodec(hashWith('a'), 'A', LISTENERS, [zone('elsewhere', [lanUdp])])
  expect(unmask(mask('sip:alice@b.invalid'), other, none)).toBe('unknown-zone')
})
