/** How things stand, for the shape, the colour and the word that show it. */
export type Level = 'ok' | 'warn' | 'error' | 'off' | 'busy'

const RANK: Readonly<Record<Level, number>> = { error: 0, warn: 1, busy: 2, ok: 3, off: 4 }

/** Worst first. */
export const byLevel = (a: { readonly level: Level }, b: { readonly level: Level }): number => RANK[a.level] - RANK[b.level]

export const worst = (levels: readonly Level[]): Level => levels.toSorted((a, b) => RANK[a] - RANK[b])[0] ?? 'ok'
