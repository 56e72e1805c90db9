import { type Files, fileOf } from './files.ts'
import type { Report } from './report.ts'
import type { ConfigFile } from './schema.ts'
import type { Snapshot } from './snapshot.ts'

export const alarmsOf = (file: ConfigFile, files: Files, report: Report): Snapshot['alarms'] => {
  if (file.alarms?.webhook === undefined) return undefined
  const { webhook, 'secret-file': secretFile } = file.alarms
  const url = URL.canParse(webhook) ? new URL(webhook) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    report.error(
      ['alarms', 'webhook'],
      `"${webhook}" is no http or https URL`,
      'Write an address such as https://alerts.example.com/edgeways',
    )
  else if (url.username !== '' || url.password !== '')
    report.error(
      ['alarms', 'webhook'],
      'A password in a URL ends up in logs',
      'Take it out, and use "secret-file", or a path that nobody can guess',
    )
  return { webhook, secretFile: secretFile === undefined ? undefined : fileOf(secretFile, ['alarms', 'secret-file'], files, report) }
}
