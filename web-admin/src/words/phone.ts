/** What the test phone says: about registration, calls that did not come about, and microphones. */
import type { Level } from './status.ts'

export interface Sentence {
  readonly level: Level
  readonly text: string
  /** What to do about it. */
  readonly remedy?: string
}

/** Statuses whose bare reason says too little. */
const STATUSES: Readonly<Record<number, string>> = {
  401: 'The name or the password is wrong',
  403: 'The edge or the PBX does not allow it; the log and the ladder say which of them',
  404: 'No route fits, or nobody is called so there',
  407: 'The name or the password is wrong',
  408: 'Nobody answered in time',
  480: 'Nobody of that name is registered',
  486: 'Busy',
  487: 'Called off before it was answered',
  488: 'The other side cannot take this kind of media',
  502: 'Media could not be set up: see the media nodes',
  503: 'The PBX, or rtpengine, is not there: see the zones',
  603: 'Declined',
}

/** Of a final answer other than 2xx. */
export const refusalText = (status: number, reason: string): string => {
  const known = STATUSES[status]
  return known === undefined ? `${status} ${reason}` : `${known} (${status} ${reason})`
}

/** Words of JsSIP for what was no answer. */
const CAUSES: Readonly<Record<string, string>> = {
  'Connection Error': 'The connection to the edge is gone',
  'Request Timeout': 'The edge did not answer in time',
  Canceled: 'Called off',
  Terminated: 'Ended',
  'No Answer': 'Nobody answered',
  Expires: 'Nobody answered in time',
  'No ACK': 'The other side never confirmed the answer',
  'Dialog Error': 'The other side knows nothing of this call any more',
  'RTP Timeout': 'No sound came any more',
  'User Denied Media Access': 'The microphone was refused',
  'WebRTC Error': 'The browser could not make the connection for sound',
  'Bad Media Description': 'What the other side said about media cannot be used',
  'Missing SDP': 'The answer said nothing about media',
  Busy: 'Busy',
  Rejected: 'Declined',
}

export const causeText = (cause: string): string => CAUSES[cause] ?? cause

/** Why there is no microphone, and what to do. @param name of the error of getUserMedia @param secure whether the page is a secure context */
export const microphoneText = (name: string, secure: boolean): Sentence => {
  const tone = 'Or send the test tone, which needs no microphone.'
  if (!secure || name === 'SecurityError')
    return {
      level: 'error',
      text: 'This page gets no microphone, because it was not loaded securely',
      remedy: `Browsers give microphones to pages of https and of localhost alone: open the web admin by its https address. ${tone}`,
    }
  switch (name) {
    case 'NotAllowedError':
      return {
        level: 'error',
        text: 'The microphone was refused',
        remedy: `Press the sign beside the address of this page, allow the microphone there, and call again. If the browser does not ask at all, the system’s own settings keep it from microphones. ${tone}`,
      }
    case 'NotFoundError':
    case 'OverconstrainedError':
      return { level: 'error', text: 'There is no such microphone', remedy: `Plug one in, or choose another one below. ${tone}` }
    case 'NotReadableError':
    case 'AbortError':
      return {
        level: 'error',
        text: 'The microphone does not answer',
        remedy: `Another program may have it for itself: close that one, and call again. ${tone}`,
      }
    default:
      return { level: 'error', text: `The microphone cannot be used (${name})`, remedy: tone }
  }
}

/** What ICE's states mean (RFC 8445). */
export const iceText = (state: string | undefined): Sentence => {
  switch (state) {
    case 'connected':
    case 'completed':
      return { level: 'ok', text: 'Connected' }
    case 'checking':
    case 'new':
    case undefined:
      return { level: 'busy', text: 'Looking for a way' }
    case 'disconnected':
      return { level: 'warn', text: 'Interrupted', remedy: 'The way was there and does not answer at the moment.' }
    case 'failed':
      return {
        level: 'error',
        text: 'No way found',
        remedy: 'A firewall lets no UDP through, or the address that rtpengine advertises cannot be reached from here.',
      }
    default:
      return { level: 'off', text: state }
  }
}

const CANDIDATES: Readonly<Record<string, string>> = {
  host: 'an address of its own',
  srflx: 'the outside of a NAT, as STUN told',
  prflx: 'found while checking',
  relay: 'by a TURN server',
}

export const candidateText = (type: string): string => CANDIDATES[type] ?? type

/** `sip:` addresses and numbers as people type them. @returns undefined: nothing that can be called */
export const targetOf = (typed: string, domain: string): string | undefined => {
  const text = typed.trim()
  if (text === '' || /[<>"\s]/.test(text.replace(/^\+?[\d\s().-]+$/, ''))) return undefined
  if (/^sips?:/i.test(text)) return text
  // Numbers are written with blanks, brackets and dashes by people, and without by telephones
  const user = /^\+?[\d\s().-]+$/.test(text) ? text.replace(/[\s().-]/g, '') : text
  return user.includes('@') ? `sip:${user}` : `sip:${user}@${domain}`
}
