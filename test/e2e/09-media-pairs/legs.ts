import { MEDIA_PROFILES, type MediaKind, type MediaLeg, type MediaPolicy } from '../../../src/zones/media.ts'

export const INTERFACES = { wan: '127.0.0.11', lan: '127.0.0.12', far: '127.0.0.13' } as const
/** The interface toward each kind. */
export const INTERFACE: Readonly<Record<MediaKind, keyof typeof INTERFACES>> = {
  ...{ plain: 'lan', sdes: 'lan', teams: 'far', 'teams-bypass': 'far', webrtc: 'wan' },
}

export const leg = (kind: MediaKind, policy: Partial<MediaPolicy> = {}): MediaLeg => ({
  zone: kind,
  profile: MEDIA_PROFILES[kind],
  policy: {
    anchored: true,
    kind: undefined,
    interface: INTERFACE[kind],
    set: 'default',
    codecs: { order: undefined, strip: [], transcode: [] },
    dtmf: 'pass',
    ice: undefined,
    maxBundle: true,
    record: false,
    ...policy,
  },
})
