import { phones } from './phones.ts'
import { teams } from './teams.ts'
import { trunk } from './trunk.ts'
import { webrtc } from './webrtc.ts'
import type { ZoneProfile } from './zone.ts'

/** The kinds of zones. A new kind is a file beside this one and an entry here. */
export const PROFILES = { trunk, teams, webrtc, phones } as const satisfies Readonly<Record<string, ZoneProfile>>

export type ZoneKind = keyof typeof PROFILES

export const ZONE_KINDS = Object.keys(PROFILES) as readonly ZoneKind[]
