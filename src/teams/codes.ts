/** Microsoft's codes and texts, explained: six digits of the admin centre, codes of Windows in texts, Reason texts of the hub (T §3.14). */
import { headerLines, type SipMessage } from '../sip/message.ts'

export interface Explanation {
  /** What is looked for: a code, or a part of a text in lower case. */
  readonly code: string
  /** The status of SIP that it comes with, where it has one. */
  readonly status?: number
  readonly meaning: string
  readonly remedy: string
}

/** Six digits, as call records and the admin centre show them; never in SIP. */
export const SIX_DIGITS: readonly Explanation[] = [
  {
    code: '10037',
    status: 480,
    meaning: "No callee endpoints: none of the user's devices is signed in, or the name belongs to Azure Communication Services, too",
    remedy: 'Sign in to Teams with that user; a name that is used for Azure Communication Services must be no Teams trunk',
  },
  {
    code: '10191',
    status: 480,
    meaning: 'The call was to go to voicemail, which is off for this user',
    remedy: 'Turn voicemail on, or change what happens with calls that nobody answers',
  },
  {
    code: '10199',
    status: 403,
    meaning: 'The user does not allow calls from outside (private calling is off)',
    remedy: 'Change the calling policy of the user',
  },
  {
    code: '10202',
    status: 404,
    meaning: 'The call that was to be replaced was not found: a transfer or merge was tried again',
    remedy: 'Do not repeat such an INVITE; let the first answer stand',
  },
  {
    code: '10500',
    status: 403,
    meaning: 'Location-based routing forbids this call',
    remedy: 'Look at the network sites of user and trunk in the admin centre',
  },
  {
    code: '1106',
    status: 408,
    meaning: 'Our ACK to the answer did not come to Microsoft',
    remedy: 'Run the doctor: ACK goes over a connection of ours to the name in Record-Route; a firewall may stand in the way',
  },
  {
    code: '500001',
    status: 408,
    meaning: 'The SBC said nothing for so long as the trunk waits (FailoverTimeSeconds)',
    remedy: 'Is the PBX fast enough? For slow carriers: Set-CsOnlinePSTNGateway -FailoverTimeSeconds 20',
  },
  {
    code: '510482',
    status: 500,
    meaning: 'The call goes in a circle',
    remedy: 'Look at forwardings: a number of Teams is sent to the PBX and comes back from there',
  },
  {
    code: '510532',
    status: 403,
    meaning: 'There is no trunk with the name in our Contact, or it is not in this tenant',
    remedy: 'Get-CsOnlinePSTNGateway: the name there has to be the advertised one here, letter by letter',
  },
  {
    code: '510534',
    status: 403,
    meaning: 'The caller is blocked',
    remedy: 'Get-CsInboundBlockedNumberPattern shows the blocked numbers of the tenant',
  },
  {
    code: '510559',
    status: 403,
    meaning: 'No voice route of the user matches the number that was dialled',
    remedy: "Look at NumberPattern of the routes and at the user's voice routing policy",
  },
  {
    code: '510560',
    status: 403,
    meaning: 'The user has no Enterprise Voice',
    remedy: 'Assign a Phone System licence, and the number with Set-CsPhoneNumberAssignment',
  },
  {
    code: '510562',
    status: 403,
    meaning: 'The user has no right to call the telephone network',
    remedy: 'Look at the calling policy and the outbound calling restrictions of the user',
  },
  {
    code: '510563',
    status: 403,
    meaning: 'The user may call inside of the country only',
    remedy: 'Change the outbound calling restrictions of the user',
  },
  {
    code: '511404',
    status: 404,
    meaning: 'The number is not assigned to any user of the tenant; often + and the country code are missing',
    remedy: 'Compare with Get-CsPhoneNumberAssignment, and add an e164 rule for numbers toward Teams',
  },
  {
    code: '531000',
    status: 488,
    meaning: 'The SDP cannot be read, has no codec in common, or no SRTP keys',
    remedy: 'Let the edge handle the media of this zone (media profile teams), with PCMA or PCMU among the codecs',
  },
  {
    code: '531004',
    status: 410,
    meaning: 'ICE checks failed: somebody claims to speak ICE and does not answer checks',
    remedy: 'Is the trunk set to media bypass as the zone is? Are the media ports open?',
  },
  {
    code: '531005',
    status: 410,
    meaning: 'There is no way for the media',
    remedy: 'Open the UDP ports of rtpengine, and check the address that it advertises',
  },
  {
    code: '531027',
    status: 488,
    meaning: 'The trunk has media bypass, and our SDP has no ICE candidates',
    remedy: 'Set the media profile of the zone to teams-bypass, or: Set-CsOnlinePSTNGateway -MediaBypass $false',
  },
  {
    code: '540200',
    status: 487,
    meaning: 'The call was answered elsewhere',
    remedy: 'Nothing is wrong',
  },
  {
    code: '540420',
    status: 420,
    meaning: 'The call demanded 100rel, which Microsoft does not speak',
    remedy: 'Keep 100rel in dialect.without of the zone, as it is by default',
  },
  {
    code: '549002',
    status: 504,
    meaning: 'Microsoft has no TLS connection to us, or our answer was no SIP',
    remedy: 'Run the doctor: certificate, port and firewall',
  },
  {
    code: '549018',
    meaning: 'Microsoft found a message of ours invalid',
    remedy: 'Look at the ladder of the call, with the Reason of the answer',
  },
  {
    code: '560408',
    status: 408,
    meaning: 'The SBC or the PBX behind it answered 408',
    remedy: 'The PBX got no answer from its phone or carrier',
  },
  {
    code: '560420',
    status: 420,
    meaning: 'The SBC or the PBX refused an extension, mostly Replaces',
    remedy: 'Teams falls back by itself; if transfers fail look at the ladder',
  },
  {
    code: '569002',
    status: 504,
    meaning: 'Our side refused the connection, did not answer in time, or a certificate was not taken',
    remedy: 'Run the doctor: port, chain and purposes of the certificate; after a change of it close old connections',
  },
  {
    code: '569003',
    status: 504,
    meaning: 'The TLS handshake with us failed (0x80090326)',
    remedy: 'Use a certificate with an RSA key, and TLS 1.2 with the usual suites',
  },
  {
    code: '569008',
    status: 504,
    meaning: 'Our certificate has expired (0x80090328)',
    remedy: 'Renew the certificate; new connections use it at once',
  },
  {
    code: '569009',
    status: 504,
    meaning: 'Microsoft does not trust the root of our certificate (0x80090325)',
    remedy: 'Use an authority of the Microsoft Trusted Root Program, and send all intermediates',
  },
]

/** Codes of Windows, in texts of the admin centre and of call records. */
export const WINDOWS_CODES: readonly Explanation[] = [
  {
    code: '0x80090322',
    meaning: 'The certificate is for another name than the one that was called (wrong principal), or not for this purpose',
    remedy: 'The name of the trunk has to be in the certificate: Common Name or alternative name, or a wildcard for one label',
  },
  {
    code: '0x80090325',
    meaning: 'The chain ends at a root that Microsoft does not trust',
    remedy: 'Use an authority of the Microsoft Trusted Root Program, and send all intermediates',
  },
  {
    code: '0x80090326',
    meaning: 'The handshake failed: an unexpected or badly formed message, mostly no cipher suite in common',
    remedy: 'Use a certificate with an RSA key, and TLS 1.2 with the usual suites',
  },
  {
    code: '0x80090328',
    meaning: 'The certificate has expired',
    remedy: 'Renew the certificate; new connections use it at once',
  },
  {
    code: '0x80096004',
    meaning: 'The signature of a certificate could not be verified: an intermediate is missing or the wrong one',
    remedy: 'Send the certificate with all intermediates of its authority, in order',
  },
]

/** Parts of Reason texts and of reason phrases of the hub, in lower case. The first that fits counts. */
export const TEXTS: readonly Explanation[] = [
  {
    code: 'record-route and contact headers are missing',
    status: 403,
    meaning: 'Microsoft found neither Record-Route nor Contact with our name',
    remedy: 'Something between us and Microsoft removes headers; nothing may stand in between',
  },
  {
    code: 'certificate is not issued correctly',
    status: 403,
    meaning: 'The name in our Contact is not in the certificate that we showed',
    remedy: 'Compare "name" (or "advertise") with the names of the certificate; an IP address is never right',
  },
  {
    code: 'trunk fqdn',
    status: 403,
    meaning: 'The name in our Contact is not in the certificate that we showed, or no trunk has it',
    remedy: 'Compare "name" (or "advertise"), the names of the certificate, and Get-CsOnlinePSTNGateway',
  },
  {
    code: 'no trunk config was found',
    status: 403,
    meaning: 'There is no trunk with the name in our Contact, or it is not in this tenant',
    remedy: 'New-CsOnlinePSTNGateway with this very name; after that it takes some minutes',
  },
  {
    code: 'call site state prevents fork',
    status: 403,
    meaning: 'Location-based routing, or a state of the user, forbids this call',
    remedy: 'Look at the network sites of user and trunk in the admin centre',
  },
  {
    code: 'no callee endpoints',
    status: 480,
    meaning: "None of the user's devices is signed in, or the name belongs to Azure Communication Services, too",
    remedy: 'Sign in to Teams with that user; a name that is used for Azure Communication Services must be no Teams trunk',
  },
  {
    code: 'srtpencryptionrequired',
    status: 488,
    meaning: 'The SDP has no SRTP keys that Microsoft takes (AES_CM_128_HMAC_SHA1_80)',
    remedy: 'Let the edge handle the media of this zone: rtpengine has to run',
  },
  {
    code: 'cannotsupportanymedia',
    status: 488,
    meaning: 'There is no codec in common',
    remedy: 'Offer PCMA or PCMU, or let rtpengine transcode',
  },
  {
    code: 'sdpparsingfailure',
    status: 410,
    meaning: 'Microsoft cannot read the SDP',
    remedy: 'Let the edge handle the media of this zone, and look at the SDP in the ladder of the call',
  },
  {
    code: 'iceconnectivitychecksfailed',
    status: 410,
    meaning: 'ICE checks failed: somebody claims to speak ICE and does not answer checks',
    remedy: 'Is the trunk set to media bypass as the zone is? Are the media ports open?',
  },
  {
    code: 'mediaconnectivityfailure',
    status: 410,
    meaning: 'There is no way for the media',
    remedy: 'Open the UDP ports of rtpengine, and check the address that it advertises',
  },
  {
    code: 'mediaoffererror',
    status: 410,
    meaning: 'Microsoft could not make an offer of the media',
    remedy: 'Try once more; if it stays, give the GUID of the text to Microsoft',
  },
  {
    code: 'cert_e_wrong_usage',
    meaning: 'The certificate is not for this purpose: server authentication, and by the older rule client authentication, too',
    remedy: 'Order one with server authentication; if it is refused, one with client authentication besides',
  },
  {
    code: 'unable to deliver ack',
    meaning: 'An ACK did not reach us: the name in our Contact does not lead to us, or TLS failed',
    remedy: 'Run the doctor: public DNS, port and certificate',
  },
  {
    code: 'tls context expired',
    meaning: "Microsoft's connection was made with a certificate of ours that has ended",
    remedy: 'Close the old connections after a change of the certificate (the edge does it), and renew earlier',
  },
]

const ALL = [...SIX_DIGITS, ...WINDOWS_CODES, ...TEXTS]
/** A text of a stranger is looked at so far. */
const LONGEST = 1000

/** What is known of a text with codes in it, most particular first; a text alone is enough. */
export const explainText = (text: string): Explanation | undefined => {
  const lower = text.slice(0, LONGEST).toLowerCase()
  const digits = new Set(lower.match(/(?<![0-9a-fx-])\d{4,6}(?![0-9a-f-])/g))
  return (
    WINDOWS_CODES.find(({ code }) => lower.includes(code)) ??
    TEXTS.find(({ code }) => lower.includes(code)) ??
    SIX_DIGITS.find(({ code }) => digits.has(code)) ??
    undefined
  )
}

/** One by its code, as somebody reads it in the admin centre. */
export const explainCode = (code: string): Explanation | undefined => ALL.find((one) => one.code === code.trim().toLowerCase())

/** What a Reason header of the hub says: `Q.850;cause=63;text="GUID;words"`. */
export interface HubReason {
  readonly cause: number | undefined
  /** Microsoft's support asks for it. */
  readonly guid: string | undefined
  readonly words: string
}

const GUID = /^[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}$/i

/** @param value of one Reason header (RFC 3326), as it came */
export const readReason = (value: string): HubReason => {
  const text = value.slice(0, LONGEST)
  const cause = /;\s*cause\s*=\s*(\d{1,4})/i.exec(text)?.[1]
  const begin = text.search(/;\s*text\s*=\s*"/i)
  const open = begin < 0 ? -1 : text.indexOf('"', begin)
  const close = text.lastIndexOf('"')
  const quoted = open < 0 ? '' : text.slice(open + 1, close > open ? close : undefined)
  const semicolon = quoted.indexOf(';')
  const first = (semicolon < 0 ? quoted : quoted.slice(0, semicolon)).trim()
  const hasGuid = GUID.test(first)
  return {
    cause: cause === undefined ? undefined : Number(cause),
    guid: hasGuid ? first : undefined,
    words: (hasGuid ? (semicolon < 0 ? '' : quoted.slice(semicolon + 1)) : quoted).trim(),
  }
}

/** A status of the hub without a text that is known. */
const STATUSES: Readonly<Record<number, Pick<Explanation, 'meaning' | 'remedy'>>> = {
  400: { meaning: 'Microsoft found something wrong with the request', remedy: 'Look at the ladder, and at the text of the answer' },
  403: {
    meaning: 'Microsoft does not know our name as a trunk, or the certificate does not show it',
    remedy: 'Compare "name" (or "advertise"), the names of the certificate, and Get-CsOnlinePSTNGateway',
  },
  404: { meaning: 'The number belongs to no user of the tenant', remedy: 'Compare with Get-CsPhoneNumberAssignment; numbers are +E.164' },
  408: { meaning: 'Microsoft waited for something in vain', remedy: 'Look at the ladder for the message that has no answer' },
  420: {
    meaning: 'The call demanded an extension that Microsoft does not speak',
    remedy: 'Look at Require in the ladder; dialect.without removes it',
  },
  480: { meaning: 'The user cannot be reached', remedy: 'Is he signed in, and has he a Phone System licence?' },
  488: { meaning: 'The media that was offered is not taken', remedy: 'Let the edge handle the media of this zone: SRTP, and PCMA or PCMU' },
  503: { meaning: 'This hub takes no calls now', remedy: 'The edge goes to the next hub by itself; it comes back after Retry-After' },
}

export interface ExplainedAnswer extends HubReason {
  readonly status: number
  /** undefined: nothing is known of it. */
  readonly meaning: string | undefined
  readonly remedy: string | undefined
}

/** A response of the hub, with what is known of its texts. */
export const explainAnswer = (status: number, phrase: string, reasons: readonly string[]): ExplainedAnswer => {
  const read = reasons.slice(0, 5).map(readReason)
  const first = read.find(({ words }) => words !== '') ?? read[0] ?? { cause: undefined, guid: undefined, words: '' }
  const known = read.map(({ words }) => explainText(words)).find((one) => one !== undefined) ?? explainText(phrase) ?? STATUSES[status]
  return { ...first, status, meaning: known?.meaning, remedy: known?.remedy }
}

/** Whatever somebody has: a Reason header, a code, words. @param status of the answer that it stood in, if it stood in one */
export const explain = (text: string, status: number | undefined): Omit<ExplainedAnswer, 'status' | 'cause'> => {
  const { guid, words } = readReason(text)
  const known = explainCode(text) ?? explainText(words) ?? explainText(text) ?? (status === undefined ? undefined : STATUSES[status])
  return { guid, words, meaning: known?.meaning, remedy: known?.remedy }
}

/** The values of the Reason headers of a message. */
export const reasonsOf = (message: SipMessage): readonly string[] => headerLines(message, 'reason').map(({ value }) => value)
