import type { NgReply } from './types.ts'

/** Of the reply to `statistics`: about 10 kB, of which this is what decides anything. */
export interface NodeStatistics {
  /** Whole seconds since the daemon started, by its own wall clock. */
  readonly uptime: number
  readonly sessions: number
  /** Names of its logical interfaces, each once; undefined: this version does not tell them. */
  readonly interfaces: readonly string[] | undefined
}

type Tree = Readonly<Record<string, unknown>>

const treeOf = (value: unknown): Tree => (typeof value === 'object' && value !== null ? (value as Tree) : {})

const numberOf = (value: unknown): number => (typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN)

/** @returns undefined when it is no reply to `statistics` */
export const readStatistics = (reply: NgReply): NodeStatistics | undefined => {
  const { totalstatistics, currentstatistics, interfaces } = treeOf(reply.statistics)
  const uptime = numberOf(treeOf(totalstatistics).uptime)
  const sessions = numberOf(treeOf(currentstatistics).sessionstotal)
  if (!(uptime >= 0 && sessions >= 0)) return undefined
  // An interface with several addresses is there several times
  const names = Array.isArray(interfaces) ? interfaces.map((one) => treeOf(one).name).filter((name) => typeof name === 'string') : undefined
  return { uptime, sessions, interfaces: names && [...new Set(names)] }
}

/** Floor of a second at both ends, and a reply that was lost and came from the daemon's memory. */
const TOLERANCE_S = 3

/**
 * Whether another process answers than the last time (media §11: the uptime goes back). One that was started again soon after its first start
 * may be as old already as the other one was then, so that its time is compared with ours.
 * @param before uptime and the moment on our clock, milliseconds
 */
export const hasRestarted = (
  before: { readonly uptime: number; readonly at: number },
  now: { readonly uptime: number; readonly at: number },
): boolean => now.uptime < before.uptime || (now.at - before.at) / 1000 - (now.uptime - before.uptime) > TOLERANCE_S

/**
 * What is wrong with the interfaces of a node, with the remedy; undefined: nothing. rtpengine takes its first interface for each name that it
 * does not know, and says nothing (media §1.8).
 */
export const lackingInterfaces = (wanted: readonly string[], present: readonly string[]): string | undefined => {
  const missing = wanted.filter((name) => !present.includes(name))
  if (missing.length === 0) return undefined
  const has = present.length === 0 ? 'none' : present.join(', ')
  return (
    `It has no interface ${missing.join(', ')}, only ${has}: start it with ${missing.map((name) => `interface=${name}/ADDRESS`).join(', ')}, ` +
    'or correct "interface" in the media of the zone'
  )
}
