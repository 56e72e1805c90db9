/** What differs between two texts, line by line (Myers, "An O(ND) Difference Algorithm", 1986). */

export interface DiffLine {
  readonly kind: 'same' | 'gone' | 'new'
  readonly text: string
  /** Line numbers from 1, where it stands in the one and the other. */
  readonly before?: number
  readonly after?: number
}

/** More differences than this are told as one text for the other: nobody reads them, and the search would take long. */
const MOST = 600

export const differenceOf = (before: string, after: string): readonly DiffLine[] => {
  const [a, b] = [linesOf(before), linesOf(after)]
  let start = 0
  while (start < a.length && start < b.length && a[start] === b[start]) start++
  let end = 0
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end++
  const lines: DiffLine[] = []
  let [x, y] = [0, 0]
  const same = (): void => void lines.push({ kind: 'same', text: a[x]!, before: ++x, after: ++y })
  while (x < start) same()
  for (const kind of edits(a.slice(start, a.length - end), b.slice(start, b.length - end))) {
    if (kind === 'same') same()
    else if (kind === 'gone') lines.push({ kind, text: a[x]!, before: ++x })
    else lines.push({ kind, text: b[y]!, after: ++y })
  }
  while (x < a.length) same()
  return lines
}

const linesOf = (text: string): readonly string[] => (text === '' ? [] : text.replace(/\n$/, '').split('\n'))

const edits = (a: readonly string[], b: readonly string[]): readonly DiffLine['kind'][] => {
  const trail: Map<number, number>[] = []
  const reach = new Map([[1, 0]])
  for (let d = 0; d <= Math.min(MOST, a.length + b.length); d++) {
    trail.push(new Map(reach))
    for (let k = -d; k <= d; k += 2) {
      let x = down(reach, k, d) ? (reach.get(k + 1) ?? 0) : (reach.get(k - 1) ?? 0) + 1
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x++
      reach.set(k, x)
      if (x >= a.length && x - k >= b.length) return wayBack(trail, a.length, b.length)
    }
  }
  return [...a.map(() => 'gone' as const), ...b.map(() => 'new' as const)]
}

const down = (reach: ReadonlyMap<number, number>, k: number, d: number): boolean =>
  k === -d || (k !== d && (reach.get(k - 1) ?? -1) < (reach.get(k + 1) ?? -1))

const wayBack = (trail: readonly ReadonlyMap<number, number>[], lengthA: number, lengthB: number): readonly DiffLine['kind'][] => {
  const found: DiffLine['kind'][] = []
  let [x, y] = [lengthA, lengthB]
  for (let d = trail.length - 1; d >= 0; d--) {
    const reach = trail[d]!
    const k = x - y
    const from = down(reach, k, d) ? k + 1 : k - 1
    const [fromX, fromY] = [reach.get(from) ?? 0, (reach.get(from) ?? 0) - from]
    while (x > fromX && y > fromY && x > 0 && y > 0) {
      found.push('same')
      x--
      y--
    }
    if (d > 0) found.push(x === fromX ? 'new' : 'gone')
    ;[x, y] = [fromX, fromY]
  }
  return found.reverse()
}

export interface Hunk {
  /** Lines left out before it. */
  readonly skipped: number
  readonly lines: readonly DiffLine[]
}

/** The differences with a few lines around each; `rest`: lines left out at the end. Without differences there are no hunks. */
export const hunksOf = (lines: readonly DiffLine[], around = 3): { readonly hunks: readonly Hunk[]; readonly rest: number } => {
  const hunks: Hunk[] = []
  let from = 0
  let at = 0
  while (at < lines.length) {
    if (lines[at]!.kind === 'same') {
      at++
      continue
    }
    const start = Math.max(from, at - around)
    let end = at
    for (let gap = 0; end < lines.length && gap <= 2 * around; end++) gap = lines[end]!.kind === 'same' ? gap + 1 : 0
    while (end > at && lines[end - 1]!.kind === 'same') end--
    const stop = Math.min(lines.length, end + around)
    hunks.push({ skipped: start - from, lines: lines.slice(start, stop) })
    from = stop
    at = stop
  }
  return { hunks, rest: lines.length - from }
}
