/**
 * What a side of a call speaks in media (design D3, T10), as data: the rest of the program asks a profile for its traits, never for its name.
 * Facts and dictionaries: rtpengine 10.5.
 */
import type { TransportName } from '../address/transports.ts'

export const MEDIA_KINDS = ['plain', 'sdes', 'teams', 'teams-bypass', 'webrtc'] as const
export type MediaKind = (typeof MEDIA_KINDS)[number]

/** What is true of every leg of a kind. */
export interface MediaProfile {
  readonly kind: MediaKind
  /** `transport-protocol` of an offer toward it. */
  readonly protocol: 'RTP/AVP' | 'RTP/SAVP' | 'UDP/TLS/RTP/SAVPF'
  /** How SRTP keys are agreed: not at all, in the SDP (RFC 4568), by DTLS (RFC 5763). */
  readonly keys: 'none' | 'sdes' | 'dtls'
  /** Session parameters that its `a=crypto` lines show. */
  readonly sdesParameters: readonly ('lifetime' | 'pad')[]
  readonly ice: 'remove' | 'force'
  /** rtpengine plays the lite agent toward it (RFC 8445 §2.5). */
  readonly iceLite: boolean
  readonly rtcpMux: 'demux' | 'require'
  /** A browser: BUNDLE, mid, its own attributes that nobody else needs, and no hold by address. */
  readonly browser: boolean
  /** `inactive`: the only direction that means hold to it. */
  readonly hold: 'any' | 'inactive'
  /** Codecs of its offers that others have no use for, named as in a policy. */
  readonly own: readonly string[]
  /** Audio codecs that it knows, whatever their order: others are not offered to it. undefined: any. */
  readonly speaks: readonly string[] | undefined
  /** Of its own offers these stand first for who speaks plain RTP. */
  readonly first: readonly string[]
  /** Its offers of anything but audio are refused. */
  readonly audioOnly: boolean
  /** It ends calls in which no RTCP comes. */
  readonly insistsOnReports: boolean
}

/** No codec of its own, and none that it does not know. */
const ANYBODY = { own: [], speaks: undefined, first: [], audioOnly: false, insistsOnReports: false } as const

/**
 * What only browsers use: redundancy for a congestion control that is theirs, and comfort noise that they do not make. VP9 and AV1 are not among
 * it: two browsers may sit at both ends of a PBX.
 */
const BROWSER = { ...ANYBODY, own: ['CN', 'red', 'rtx', 'ulpfec', 'flexfec', 'flexfec-03'] } as const

/**
 * INTEROP(Teams): SILK, SIREN and RTA are spoken nowhere else, and make its INVITEs larger than a datagram. Comfort noise at 8000 Hz stays: it says
 * nothing in silence but that. It knows no Opus; and a number that it has for SILK or SIREN is, when it stands for something else, a number used twice.
 */
const TEAMS = {
  own: ['SILK', 'SIREN', 'RED', 'x-msrta', 'CN/16000'],
  speaks: ['SILK', 'PCMU', 'PCMA', 'G722', 'G729', 'telephone-event', 'CN/8000'],
  first: ['PCMA', 'PCMU'],
  audioOnly: true,
  insistsOnReports: true,
} as const

export const MEDIA_PROFILES = {
  plain: {
    ...ANYBODY,
    kind: 'plain',
    protocol: 'RTP/AVP',
    keys: 'none',
    sdesParameters: [],
    ice: 'remove',
    iceLite: false,
    rtcpMux: 'demux',
    browser: false,
    hold: 'any',
  },
  sdes: {
    ...ANYBODY,
    kind: 'sdes',
    protocol: 'RTP/SAVP',
    keys: 'sdes',
    sdesParameters: [],
    ice: 'remove',
    iceLite: false,
    rtcpMux: 'demux',
    browser: false,
    hold: 'any',
  },
  teams: {
    ...TEAMS,
    kind: 'teams',
    protocol: 'RTP/SAVP',
    keys: 'sdes',
    sdesParameters: ['lifetime', 'pad'],
    ice: 'remove',
    iceLite: false,
    rtcpMux: 'demux',
    browser: false,
    hold: 'inactive',
  },
  'teams-bypass': {
    ...TEAMS,
    kind: 'teams-bypass',
    protocol: 'RTP/SAVP',
    keys: 'sdes',
    sdesParameters: ['lifetime', 'pad'],
    ice: 'force',
    iceLite: true,
    rtcpMux: 'require',
    browser: false,
    hold: 'inactive',
  },
  webrtc: {
    ...BROWSER,
    kind: 'webrtc',
    protocol: 'UDP/TLS/RTP/SAVPF',
    keys: 'dtls',
    sdesParameters: [],
    ice: 'force',
    iceLite: false,
    rtcpMux: 'require',
    browser: true,
    hold: 'any',
  },
} as const satisfies Readonly<Record<MediaKind, MediaProfile>>

/** Codec names as in `a=rtpmap` (RFC 8866 §6.6), without clock rate unless one is meant. */
export interface CodecPolicy {
  /** What is offered to this side, in this order, and nothing else; undefined: the profile's default. */
  readonly order: readonly string[] | undefined
  /** Taken out of what is offered to this side. */
  readonly strip: readonly string[]
  /** Added to what is offered to this side; rtpengine converts when this side chooses one of them. */
  readonly transcode: readonly string[]
}

/** The operator's policy for the media of a zone or a target. */
export interface MediaPolicy {
  /** false (`media: none`): SDP crosses untouched, no rtpengine. */
  readonly anchored: boolean
  /** undefined: by the transport of the leg (T10): UDP and TCP plain, TLS SDES, WS and WSS as browsers do. */
  readonly kind: MediaKind | undefined
  /** Name of rtpengine's logical interface toward this side; undefined: its first one. */
  readonly interface: string | undefined
  /** Name of the set of rtpengines for calls to or from this side. */
  readonly set: string
  readonly codecs: CodecPolicy
  /** `audio`: this side knows no telephone-event (RFC 4733); the other side keeps it. */
  readonly dtmf: 'pass' | 'audio'
  /** undefined: the profile's. */
  readonly ice: 'remove' | 'force' | undefined
  /** Browsers whose pages may set the bundle policy `max-bundle`. When none does, each m-line has a transport of its own, and video can come later. */
  readonly maxBundle: boolean
  /** Calls of this side are recorded. */
  readonly record: boolean
}

/** One side of one call: what rtpengine has to be told about it. */
export interface MediaLeg {
  readonly profile: MediaProfile
  readonly policy: MediaPolicy
  /** For rtpengine's labels, log and statistics. */
  readonly zone: string
}

const BY_TRANSPORT: Readonly<Record<TransportName, MediaKind>> = { udp: 'plain', tcp: 'plain', tls: 'sdes', ws: 'webrtc', wss: 'webrtc' }

const withIce = (profile: MediaProfile, ice: MediaPolicy['ice']): MediaProfile =>
  ice === undefined || ice === profile.ice ? profile : { ...profile, ice, iceLite: false }

/**
 * rtpengine (10.5.3, seen live) forgets in a later offer who of both controls ICE (RFC 8445 §6.1.1), which is fatal for a section that a browser adds to
 * a call that it did not begin: in half of them no media. A lite agent never controls.
 */
const withLaterSections = (profile: MediaProfile, { maxBundle }: MediaPolicy): MediaProfile =>
  profile.browser && !maxBundle && profile.ice === 'force' ? { ...profile, iceLite: true } : profile

/** The leg over `transport` under a policy: the target's where there is one, else the zone's. */
export const mediaLeg = (zone: string, policy: MediaPolicy, transport: TransportName): MediaLeg => ({
  zone,
  policy,
  profile: withLaterSections(withIce(MEDIA_PROFILES[policy.kind ?? BY_TRANSPORT[transport]], policy.ice), policy),
})
