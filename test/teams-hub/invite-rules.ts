/** What a hub checks of an INVITE toward Teams before it looks for the user (§3.3, §3.4, §3.7, §3.14). */
import { headerOf, type Message, parameterOf, tagOf, uriOf, uriPartsOf, valuesOf } from './message.ts'
import { hubName, SITES } from './names.ts'
import { refusalOfOffer } from './sdp-rules.ts'
import type { Failure, Identity, World } from './world.ts'

/** Fewer hops than this do not lead to a user. */
const HOPS = 10

const includes = (message: Message, name: string, tag: string): boolean =>
  valuesOf(message, name).some((value) => value.toLowerCase() === tag)

/** Methods that hubs do not know. */
export const refusedMethod = (method: string): Failure | undefined =>
  ['UPDATE', 'PRACK', 'INFO'].includes(method)
    ? { status: method === 'INFO' ? 501 : 405, code: '549018', words: `${method} is not supported` }
    : undefined

/** Notes violations; @returns why the call ends, or undefined: the user is rung */
export const judgeInvite = (world: World, message: Message, { trunk, tenant }: Identity): Failure | undefined => {
  const { findings } = world
  const shown = message.text
  const parts = uriPartsOf(message.uri)
  let fine = true
  const broken = (point: number, rule: string): void => {
    fine = false
    findings.violated(point, rule, shown)
  }
  const maker = headerOf(message, 'x-ms-sbc')
  if (maker === '') broken(26, 'X-MS-SBC is missing')
  else if (maker.split('/').length < 3) findings.warned(26, 'X-MS-SBC is not vendor, model and version', shown)
  if (valuesOf(message, 'contact').length !== 1) broken(26, 'Not one Contact, but another number of them')
  if (Number(headerOf(message, 'max-forwards')) < HOPS) broken(26, 'Max-Forwards is used up')
  if (parts === undefined || !SITES.some((site) => hubName(site, world.cloud) === parts.host))
    broken(26, 'The Request-URI does not name a hub')
  if (fine) findings.seen(26, 'X-MS-SBC, one Contact, the Request-URI of a hub')
  if (tagOf(message, 'to') !== undefined) broken(0, 'A To tag in an INVITE that begins a dialog')

  if (includes(message, 'require', '100rel')) {
    findings.violated(22, 'The INVITE requires 100rel', shown)
    return { status: 420, code: '540420', words: 'Bad extension: 100rel', cause: 63, headers: [['UNSUPPORTED', '100rel']] }
  }
  if (headerOf(message, 'replaces') !== '' || includes(message, 'require', 'replaces')) {
    findings.violated(22, 'An INVITE with Replaces goes to the hub', shown)
    return { status: 403, code: '510403', words: 'Replaces is not supported' }
  }
  if (!includes(message, 'supported', '100rel')) findings.seen(22, 'Neither 100rel nor Replaces in INVITEs')

  const number = parts?.user?.split(';')[0] ?? ''
  if (!/^\+[1-9]\d{1,14}$/.test(number)) {
    findings.violated(20, 'The number is not + and E.164', shown)
    return { status: 404, code: '511404', words: 'The number is not assigned to a user', cause: 1 }
  }
  if (parameterOf(message.uri, 'user') !== 'phone') findings.warned(20, 'The Request-URI is without user=phone', shown)
  else findings.seen(20, '+ and E.164, with user=phone')
  const caller = uriPartsOf(uriOf(headerOf(message, 'from')))
  if (caller?.user !== undefined && /^\d+$/.test(caller.user)) findings.warned(20, 'From shows a number that is not E.164', shown)

  if (message.body === '') {
    findings.violated(21, 'An INVITE without SDP', shown)
    return { status: 488, code: '531000', words: 'CannotSupportAnyMedia: no offer', cause: 88 }
  }
  const refusal = refusalOfOffer(message.body, trunk.bypass === true)
  if (refusal !== undefined) {
    findings.violated(21, `The offer is refused: ${refusal.words.split(':')[0]}`, shown)
    return { status: 488, code: refusal.code, words: refusal.words, cause: 88 }
  }
  findings.seen(21, trunk.bypass ? 'RTP/SAVP with a key of …SHA1_80 and candidates' : 'RTP/SAVP with a key of …SHA1_80')
  if (tenant.users[number] === undefined) return { status: 404, code: '511404', words: 'The number is not assigned to a user', cause: 1 }
  if (trunk.enabled === false) return { status: 403, code: '510532', words: 'The trunk is not enabled' }
  return undefined
}
