import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { EdgewaysError } from '../../base/errors.ts'

/** Users, tokens or the audit log cannot be kept; `code` says which. */
export class AdminError extends EdgewaysError {}

const failure = (verb: string, path: string, cause: unknown): AdminError =>
  new AdminError('SBC_ADMIN_FILE', `Cannot ${verb} ${path}: ${(cause as Error).message}`, cause)

/** A folder that its owner alone can look into, also when somebody changed that. @throws AdminError */
export const privateFolder = async (path: string): Promise<void> => {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
    await chmod(path, 0o700)
  } catch (cause) {
    throw failure('use folder', path, cause)
  }
}

/** A file's text, closed to everybody but its owner; undefined when there is no such file. @throws AdminError */
export const readIfThere = async (path: string): Promise<string | undefined> => {
  try {
    await chmod(path, 0o600)
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw failure('read', path, cause)
  }
}

/**
 * Replaces a file (0600): after a loss of power the old text is there, or the new one, whole. One at a time for each file.
 * @throws AdminError
 */
export const writeWhole = async (path: string, text: string): Promise<void> => {
  const draft = `${path}.new`
  try {
    const file = await open(draft, 'w', 0o600)
    try {
      await file.chmod(0o600)
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
    await syncFolder(dirname(path))
  } catch (cause) {
    throw failure('write', path, cause)
  }
}

/** Takes a file away, if it is there. @throws AdminError */
export const removeIfThere = async (path: string): Promise<void> => {
  try {
    await rm(path, { force: true })
    await syncFolder(dirname(path))
  } catch (cause) {
    throw failure('remove', path, cause)
  }
}

/** Renames and new names are on disk after this, not before. */
export const syncFolder = async (path: string): Promise<void> => {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** Runs one after the other what is given to it; a failure is its giver's alone. */
export const inOrder = (): (<R>(run: () => Promise<R>) => Promise<R>) => {
  let last: Promise<unknown> = Promise.resolve()
  return (run) => {
    const mine = last.then(run)
    last = mine.catch(() => undefined)
    return mine
  }
}

/** A value that a JSON file holds: what is in memory is on disk. Changes are made one after the other. */
export class JsonFile<T> {
  readonly #path: string
  readonly #inOrder = inOrder()
  #value: T

  private constructor(path: string, value: T) {
    this.#path = path
    this.#value = value
  }

  /**
   * @param empty the value of a file that is not there
   * @throws AdminError when the file cannot be read, or holds something else
   */
  static async open<T>(path: string, schema: TSchema, empty: T): Promise<JsonFile<T>> {
    const text = await readIfThere(path)
    return new JsonFile(path, text === undefined ? empty : parsed<T>(path, text, schema))
  }

  get value(): T {
    return this.#value
  }

  /**
   * @param step gets the newest value and answers the next, or the very same for no change; what it throws changes nothing
   * @throws AdminError when it cannot be written; then nothing has changed
   */
  change(step: (value: T) => T): Promise<T> {
    return this.#inOrder(async () => {
      const next = step(this.#value)
      if (next === this.#value) return next
      await writeWhole(this.#path, `${JSON.stringify(next, undefined, 2)}\n`)
      this.#value = next
      return next
    })
  }
}

const parsed = <T>(path: string, text: string, schema: TSchema): T => {
  const unreadable = (why: string, cause?: unknown): AdminError =>
    new AdminError('SBC_ADMIN_FILE', `${path} cannot be understood: ${why}; restore it from a backup, or move it away to begin anew`, cause)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw unreadable((cause as Error).message, cause)
  }
  const [first] = Value.Errors(schema, value)
  if (first !== undefined) throw unreadable(`${first.instancePath || '/'} ${first.message}`)
  return value as T
}
