/** What the kernel knows about the server's processes. Linux only, as the whole benchmark. */
import { readdirSync, readFileSync } from 'node:fs'

const read = (path: string): string => {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return '' // the process or thread ended meanwhile
  }
}

const parentOf = (pid: string): number => {
  const stat = read(`/proc/${pid}/stat`)
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1] ?? 0)
}

/** A process and all that descend from it, by pid. */
export const processTree = (root: number): number[] => {
  const children = new Map<number, number[]>()
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const parent = parentOf(entry)
    const siblings = children.get(parent)
    if (siblings) siblings.push(Number(entry))
    else children.set(parent, [Number(entry)])
  }
  const tree = [root]
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i]!) ?? []))
  return tree
}

/** CPU time that all threads of these processes have used, in µs; from schedstat, which counts ns where `stat` counts 10 ms. */
export const cpuMicroseconds = (pids: readonly number[]): number => {
  let ns = 0
  for (const pid of pids) {
    let threads: string[]
    try {
      threads = readdirSync(`/proc/${pid}/task`)
    } catch {
      continue
    }
    for (const thread of threads) ns += Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0])
  }
  return ns / 1000
}

export interface Memory {
  /** Pages shared between processes are counted once (PSS) or in each (RSS); kB. */
  readonly pss: number
  readonly rss: number
}

export const memoryOf = (pids: readonly number[]): Memory => {
  let pss = 0
  let rss = 0
  for (const pid of pids) {
    const rollup = read(`/proc/${pid}/smaps_rollup`)
    pss += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0)
    rss += Number(/^Rss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0)
  }
  return { pss, rss }
}

/** All processes' share of the machine since `before`, in CPUs: shows whether somebody else was busy. */
export const busyTicks = (): number => {
  const fields = read('/proc/stat').split('\n')[0]!.trim().split(/\s+/).slice(1).map(Number)
  return fields.reduce((sum, ticks, at) => (at === 3 || at === 4 || at > 7 ? sum : sum + ticks), 0) // not idle, not iowait; guest is in user
}

export const cpuModel = (): string => /^model name\s*:\s*(.+)$/m.exec(read('/proc/cpuinfo'))?.[1] ?? 'unknown CPU'
