/** What one ng command is about, as values. SDP is latin1 text: one character is one byte, so nothing of a body is lost. */
import type { MediaLeg } from '../zones/media.ts'

/** Who a session is about, for rtpengine. Its tags are ours, never those of SIP: they stay the same over forks downstream. */
export interface MediaIdentity {
  /** The ng call-id. */
  readonly callId: string
  /** Id of the leg whose SDP an offer carries. In an answer: the same as in the offer that it answers. */
  readonly fromTag: string
  readonly toTag: string
}

/** Who sends the SDP, and who is to get it. */
export interface Passage {
  readonly identity: MediaIdentity
  readonly sender: MediaLeg
  readonly receiver: MediaLeg
  /** The sender is the party that called: labels and ICE-lite are told from its side. */
  readonly senderIsCaller: boolean
  /** The receiver was told a port of ours already: it stays where it is. */
  readonly inDialog: boolean
  /** Address that the sender's signalling came from, when its SDP names one that is of no use behind a NAT; non-ICE legs only. */
  readonly received: string | undefined
  /** Audio codecs of the receiver, where the sender's side is one with conversion. */
  readonly spoken?: readonly string[]
  /** rtpengine makes the RTCP of both legs itself. */
  readonly makesReports?: boolean
  readonly sdp: string
}

/** What the SDPs on one leg of a dialog have shown, as later ones need it. Kept per dialog: small, and of strings that are copies. */
export interface LegMemory {
  /** How many m-sections the last offer on the leg has, ours or its own: so many has the answer (RFC 3264 §6). 0: there was none. */
  readonly sections: number
  /** The endpoint's own `a=mid` by m-section. rtpengine forgets it with its process. */
  readonly mids: readonly (string | undefined)[]
  /** Tag of the `a=crypto` line of our last offer to it, by m-section; undefined: no such line. */
  readonly cryptoTags: readonly (number | undefined)[]
  /** Its audio codecs, where the other side's policy has conversions; a hold without audio leaves them. */
  readonly codecs?: readonly string[]
  /**
   * How a browser stands to BUNDLE (RFC 9143). `unknown`: it has not offered yet; `none`: its last offer had no group; `offered`: its sections may
   * have transports of their own; `only`: it insists on one transport, or agreed on a group, so one m-section is all that can be used.
   */
  readonly bundle: 'unknown' | 'none' | 'offered' | 'only'
}

/** The dictionary of one command, as bencode will carry it. Only the keys below: rtpengine answers `ok` to what it does not know. */
export interface NgDictionary {
  readonly 'call-id': string
  readonly 'from-tag'?: string
  readonly 'to-tag'?: string
  readonly sdp?: string
  readonly ICE?: 'remove' | 'force'
  readonly 'ICE-lite'?: 'forward' | 'backward' | 'both'
  readonly 'transport-protocol'?: string
  readonly DTLS?: 'off' | 'passive'
  readonly 'DTLS-reverse'?: 'passive'
  readonly SDES?: readonly string[]
  readonly 'rtcp-mux'?: readonly string[]
  readonly replace?: readonly string[]
  readonly flags?: readonly string[]
  readonly direction?: readonly [string, string]
  readonly label?: string
  readonly supports?: readonly string[]
  readonly codec?: Readonly<Record<string, readonly string[]>>
  readonly 'received-from'?: readonly ['IP4' | 'IP6', string]
  readonly 'generate-RTCP'?: 'on'
  readonly 'record-call'?: 'on'
  readonly metadata?: string
  readonly 'delete-delay'?: number
}
