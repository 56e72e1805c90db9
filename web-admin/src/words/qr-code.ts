/** QR codes (ISO/IEC 18004) for short texts: bytes, error correction level L, versions 1 to 15. */

/** By version, from 1. */
const CHECK_BYTES = [7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22]
const BLOCKS = [1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6]

const sizeOf = (version: number): number => 17 + 4 * version

const alignmentsOf = (version: number): readonly number[] => {
  if (version === 1) return []
  const count = Math.floor(version / 7) + 2
  const step = Math.ceil((4 * version + 4) / (2 * count - 2)) * 2
  return [6, ...Array.from({ length: count - 1 }, (_, index) => sizeOf(version) - 7 - (count - 2 - index) * step)]
}

/** Bytes of data and check together. */
const bytesIn = (version: number): number => {
  const size = sizeOf(version)
  const alignments = alignmentsOf(version).length
  // Finders with their borders and formats, timing, the one dark module
  let modules = size * size - 3 * 64 - 2 * (size - 16) - 31
  if (alignments > 0) modules -= 25 * (alignments * alignments - 3) - 10 * (alignments - 2)
  if (version >= 7) modules -= 36
  return Math.floor(modules / 8)
}

/** Multiplication in GF(2^8) with the polynomial of QR codes. */
const times = (a: number, b: number): number => {
  let product = 0
  for (let bit = 7; bit >= 0; bit--) product = (product << 1) ^ ((product >>> 7) * 0x11d) ^ (((b >>> bit) & 1) * a)
  return product
}

const generatorOf = (degree: number): readonly number[] => {
  const factors: number[] = Array.from({ length: degree }, (_, index) => (index === degree - 1 ? 1 : 0))
  let root = 1
  for (let step = 0; step < degree; step++) {
    for (let index = 0; index < degree; index++) factors[index] = times(factors[index]!, root) ^ (factors[index + 1] ?? 0)
    root = times(root, 2)
  }
  return factors
}

const checkBytes = (data: readonly number[], generator: readonly number[]): readonly number[] => {
  let rest: number[] = generator.map(() => 0)
  for (const byte of data) {
    const factor = byte ^ rest[0]!
    rest = [...rest.slice(1), 0].map((value, index) => value ^ times(generator[index]!, factor))
  }
  return rest
}

/** Mode, length, the bytes, and padding to the end. */
const dataBytes = (text: Uint8Array, version: number, capacity: number): readonly number[] => {
  const bits: number[] = []
  const put = (value: number, length: number): void => {
    for (let bit = length - 1; bit >= 0; bit--) bits.push((value >>> bit) & 1)
  }
  put(4, 4)
  put(text.length, version < 10 ? 8 : 16)
  for (const byte of text) put(byte, 8)
  put(0, Math.min(4, capacity * 8 - bits.length))
  put(0, (8 - (bits.length % 8)) % 8)
  for (let pad = 0xec; bits.length < capacity * 8; pad ^= 0xec ^ 0x11) put(pad, 8)
  return Array.from({ length: capacity }, (_, index) => Number.parseInt(bits.slice(index * 8, index * 8 + 8).join(''), 2))
}

/** The blocks, each with its check bytes, woven into each other. */
const allBytes = (data: readonly number[], version: number): readonly number[] => {
  const [count, check] = [BLOCKS[version - 1]!, CHECK_BYTES[version - 1]!]
  const short = Math.floor(data.length / count)
  const longFrom = count - (data.length % count)
  const generator = generatorOf(check)
  let at = 0
  const blocks = Array.from({ length: count }, (_, index) => {
    const own = data.slice(at, at + short + (index < longFrom ? 0 : 1))
    at += own.length
    return { own, checks: checkBytes(own, generator) }
  })
  const woven = (of: (block: (typeof blocks)[number]) => readonly number[], longest: number): readonly number[] =>
    Array.from({ length: longest }, (_, index) => blocks.map((block) => of(block)[index]))
      .flat()
      .filter((byte) => byte !== undefined)
  return [...woven(({ own }) => own, short + 1), ...woven(({ checks }) => checks, check)]
}

type Grid = (boolean | undefined)[][]

/** Everything but the bytes, the format and the mask: `undefined` is free for them. */
const emptyGrid = (version: number): { readonly grid: Grid; readonly fixed: boolean[][] } => {
  const size = sizeOf(version)
  const grid: Grid = Array.from({ length: size }, () => Array.from({ length: size }, () => undefined))
  const set = (x: number, y: number, dark: boolean): void => {
    if (x >= 0 && y >= 0 && x < size && y < size) grid[y]![x] = dark
  }
  const square = (cx: number, cy: number, radius: number, dark: (distance: number) => boolean): void => {
    for (let dy = -radius; dy <= radius; dy++)
      for (let dx = -radius; dx <= radius; dx++) set(cx + dx, cy + dy, dark(Math.max(Math.abs(dx), Math.abs(dy))))
  }
  for (let index = 0; index < size; index++) {
    set(6, index, index % 2 === 0)
    set(index, 6, index % 2 === 0)
  }
  for (const [x, y] of [
    [3, 3],
    [size - 4, 3],
    [3, size - 4],
  ] as const)
    square(x, y, 4, (distance) => distance !== 2 && distance !== 4)
  const places = alignmentsOf(version)
  for (const x of places)
    for (const y of places) {
      const inFinder = (x === 6 && y === 6) || (x === 6 && y === places.at(-1)) || (y === 6 && x === places.at(-1))
      if (!inFinder) square(x, y, 2, (distance) => distance !== 1)
    }
  putFormat(set, size, 0)
  if (version >= 7) putVersion(set, size, version)
  return { grid, fixed: grid.map((row) => row.map((cell) => cell !== undefined)) }
}

/** Remainder of a division of polynomials over GF(2), below the value itself. */
const withRemainder = (value: number, divisor: number, length: number): number => {
  let rest = value
  for (let step = 0; step < length; step++) rest = (rest << 1) ^ ((rest >>> (length - 1)) * divisor)
  return (value << length) | rest
}

const putFormat = (set: (x: number, y: number, dark: boolean) => void, size: number, mask: number): void => {
  // Level L is 01
  const bits = withRemainder((1 << 3) | mask, 0x537, 10) ^ 0x5412
  const dark = (bit: number): boolean => ((bits >>> bit) & 1) === 1
  for (let bit = 0; bit < 15; bit++) {
    // Around the first finder, past the timing
    if (bit < 6) set(8, bit, dark(bit))
    else if (bit < 8) set(8, bit + 1, dark(bit))
    else if (bit === 8) set(7, 8, dark(bit))
    else set(14 - bit, 8, dark(bit))
    // Again beside the other two
    if (bit < 8) set(size - 1 - bit, 8, dark(bit))
    else set(8, size - 15 + bit, dark(bit))
  }
  set(8, size - 8, true)
}

const putVersion = (set: (x: number, y: number, dark: boolean) => void, size: number, version: number): void => {
  const bits = withRemainder(version, 0x1f25, 12)
  for (let bit = 0; bit < 18; bit++) {
    const [near, far] = [Math.floor(bit / 3), size - 11 + (bit % 3)]
    set(far, near, ((bits >>> bit) & 1) === 1)
    set(near, far, ((bits >>> bit) & 1) === 1)
  }
}

/** From right to left in columns of two, up and down in turns. */
const putBytes = (grid: Grid, bytes: readonly number[]): void => {
  const size = grid.length
  let bit = 0
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5
    const up = ((right + 1) & 2) === 0
    for (let step = 0; step < size; step++) {
      const y = up ? size - 1 - step : step
      for (const x of [right, right - 1]) {
        if (grid[y]![x] !== undefined) continue
        grid[y]![x] = ((bytes[bit >>> 3] ?? 0) >>> (7 - (bit & 7))) % 2 === 1
        bit++
      }
    }
  }
}

const MASKS: readonly ((x: number, y: number) => boolean)[] = [
  (x, y) => (x + y) % 2 === 0,
  (_x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => ((x * y) % 2) + ((x * y) % 3) === 0,
  (x, y) => (((x * y) % 2) + ((x * y) % 3)) % 2 === 0,
  (x, y) => (((x + y) % 2) + ((x * y) % 3)) % 2 === 0,
]

/** How hard it is to read: the mask with the least of it is taken. */
const penaltyOf = (cells: readonly (readonly boolean[])[]): number => {
  const size = cells.length
  let penalty = 0
  const lines = [...cells, ...cells[0]!.map((_, x) => cells.map((row) => row[x]!))]
  for (const line of lines) {
    const text = line.map((dark) => (dark ? '1' : '0')).join('')
    for (const [run] of text.matchAll(/1{5,}|0{5,}/g)) penalty += run.length - 2
    penalty += 40 * [...text.matchAll(/(?=10111010000|00001011101)/g)].length
  }
  for (let y = 1; y < size; y++)
    for (let x = 1; x < size; x++) {
      const dark = cells[y]![x]
      if (cells[y - 1]![x] === dark && cells[y]![x - 1] === dark && cells[y - 1]![x - 1] === dark) penalty += 3
    }
  const share = cells.flat().filter(Boolean).length / (size * size)
  return penalty + 10 * Math.floor(Math.abs(share - 0.5) * 20)
}

/** @returns rows of dark and light; undefined: the text is too long (520 bytes) */
export const qrCode = (text: string): readonly (readonly boolean[])[] | undefined => {
  const bytes = new TextEncoder().encode(text)
  const version =
    BLOCKS.findIndex((blocks, index) => {
      const capacity = bytesIn(index + 1) - blocks * CHECK_BYTES[index]!
      return bytes.length <= capacity - (index + 1 < 10 ? 2 : 3)
    }) + 1
  if (version === 0) return undefined
  const capacity = bytesIn(version) - BLOCKS[version - 1]! * CHECK_BYTES[version - 1]!
  const { grid, fixed } = emptyGrid(version)
  putBytes(grid, allBytes(dataBytes(bytes, version, capacity), version))
  const masked = MASKS.map((mask, number) => {
    const cells = grid.map((row, y) => row.map((dark, x) => (fixed[y]![x] ? dark === true : dark !== mask(x, y))))
    putFormat(
      (x, y, dark) => {
        cells[y]![x] = dark
      },
      cells.length,
      number,
    )
    return cells
  })
  return masked.toSorted((a, b) => penaltyOf(a) - penaltyOf(b))[0]
}
