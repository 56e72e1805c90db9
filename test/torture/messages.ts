import { TORTURE } from '../fuzz/seeds.ts'
import { EXPECTATIONS, type Expectation } from './expectations.ts'

const files = new Map(TORTURE.map((one) => [one.name, one.bytes]))

/** The bytes of a row: the file, or the file as `+cl` or `+end` says. */
export const bytesFor = ({ name }: Expectation): Buffer => {
  const [file, variant] = name.split('+') as [string, string?]
  const bytes = files.get(file)
  if (bytes === undefined) throw new Error(`No file ${file}`)
  if (variant === undefined) return bytes
  if (variant === 'end') return Buffer.concat([bytes, Buffer.from('\r\n')])
  const text = bytes.latin1Slice()
  const body = text.length - text.indexOf('\r\n\r\n') - 4
  return Buffer.from(text.replace(/\r\nContent-Length: \d+/, `\r\nContent-Length: ${body}`), 'latin1')
}

/** Every file, to be compared with what the table has. */
export const FILES: readonly string[] = [...files.keys()]

export const covered = (file: string): boolean => EXPECTATIONS.some((one) => one.name === file)
