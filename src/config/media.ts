import type { MediaPolicy } from '../zones/media.ts'
import type { ZoneProfile } from '../zones/zone.ts'
import type { ConfigFile } from './schema.ts'
import type { Snapshot } from './snapshot.ts'

/** What a zone of a kind does with media when nothing is written about it. */
export const defaultPolicy = (profile: ZoneProfile): MediaPolicy => ({
  anchored: true,
  kind: profile.media === 'transport' ? undefined : profile.media,
  interface: undefined,
  set: 'default',
  codecs: { order: undefined, strip: [], transcode: [] },
  dtmf: 'pass',
  ice: undefined,
  record: false,
})

export const mediaOf = (file: ConfigFile): Snapshot['media'] => ({
  mode: file.media === 'off' ? 'off' : 'local',
  withoutRtpengine: 'refuse',
  nodes: [],
  local: { interfaces: [], portMin: 30_000, portMax: 31_999, maxSessions: 1000 },
  interfaces: [],
  onMediaTimeout: 'end',
  commandMs: 2500,
})
