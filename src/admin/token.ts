import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { chmod, link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../config/errors.ts'

const FILE = 'admin-token'
const SHORTEST = 32

/**
 * The bearer token of the API: made at the first start, then read. The file is readable by its owner alone, also when
 * somebody changed that.
 * @param folder the data folder; made when it is not there
 * @returns the token, and the file it stands in, for a sentence to the operator
 * @throws ConfigError when the file holds no token; the file system's error when it can be neither written nor read
 */
export const adminToken = async (folder: string): Promise<{ readonly token: string; readonly file: string }> => {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = join(folder, FILE)
  await makeOnce(file)
  await chmod(file, 0o600)
  const token = (await readFile(file, 'utf8')).trim()
  if (token.length < SHORTEST)
    throw new ConfigError(`${file} holds no token of at least ${SHORTEST} characters; delete it, and the next start makes a new one`)
  return { token, file }
}

/** Compares in a time that tells nothing about the token, not even its length. */
export const sameToken = (token: string, given: string): boolean => timingSafeEqual(digest(token), digest(given))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

/** `link` fails when the name is there: of two processes that start at once one makes the file, whole, and both read it. */
const makeOnce = async (file: string): Promise<void> => {
  const mine = `${file}.${randomBytes(6).toString('hex')}`
  await writeFile(mine, `${randomBytes(32).toString('base64url')}\n`, { flag: 'wx', mode: 0o600 })
  try {
    await link(mine, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    await unlink(mine)
  }
}
