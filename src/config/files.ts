/** Files that the configuration names. */
import { isAbsolute, resolve } from 'node:path'
import type { Report } from './report.ts'
import type { Path } from './source.ts'

export interface Files {
  /** Folder that relative paths of the file start from. */
  readonly folder: string
  /** Whether a file is there and can be read; without it files are not looked at. */
  readonly readable?: (path: string) => boolean
}

/** An absolute path; a file that is not there is reported. */
export const fileOf = (written: string, path: Path, files: Files, report: Report): string => {
  const absolute = isAbsolute(written) ? written : resolve(files.folder, written)
  if (files.readable?.(absolute) === false)
    report.error(
      path,
      `File "${written}" cannot be read (${absolute})`,
      'Check the path and the permissions; relative paths start at the folder of the configuration file',
    )
  return absolute
}
