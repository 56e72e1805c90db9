import { chownSync, readFileSync, statSync } from 'node:fs'
import { StoreError } from '../base/errors.ts'

/** The bytes of a file with a secret or key, without line breaks at its end. @throws StoreError SBC_AUTHENTICATION_KEY */
export const readSecret = (file: string, least: number): Buffer => {
  let text: Buffer
  try {
    text = readFileSync(file)
  } catch (cause) {
    throw new StoreError('SBC_AUTHENTICATION_KEY', `Cannot read ${file}: ${(cause as Error).message}`, cause)
  }
  let end = text.length
  while (end > 0 && (text[end - 1] === 10 || text[end - 1] === 13)) end--
  if (end < least)
    throw new StoreError(
      'SBC_AUTHENTICATION_KEY',
      `The secret in ${file} has ${end} bytes; write at least ${least} (openssl rand -base64 48)`,
    )
  return text.subarray(0, end)
}

/** A command that root runs makes files that the edge, which is somebody else, has to open. */
export const giveToOwnerOf = (folder: string, file: string): void => {
  if (process.getuid?.() !== 0) return
  const { uid, gid } = statSync(folder)
  if (uid !== 0) chownSync(file, uid, gid)
}
