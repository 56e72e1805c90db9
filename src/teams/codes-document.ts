/** docs/teams-codes.md, made from the codes. */
import { type Explanation, SIX_DIGITS, TEXTS, WINDOWS_CODES } from './codes.ts'

const INTRODUCTION = `# Microsoft's codes

<!-- Generated from src/teams/codes.ts by \`npm run docs\`: edit the codes there. -->

What Microsoft says when a call or a connection does not work, and what helps. \`edgeways doctor teams\` and the Teams page of the web admin
explain the same where they see it.

- **Six digits** stand in the call records and in the admin centre (Analytics, PSTN usage, Health dashboard), never in SIP. A code that begins
  with 560 ends in the status that we or the PBX answered; any other was made by Microsoft.
- **Codes that begin with 0x** are of Windows. They stand in the texts of the admin centre.
- **Texts** stand in the Reason header of Microsoft's answers, \`Reason: Q.850;cause=63;text="GUID;words"\`; the ladder of a call shows them.
  Microsoft's support asks for the GUID.
`

/** The text of docs/teams-codes.md. */
export const teamsCodesDocument = (): string =>
  [INTRODUCTION, section('Six digits', SIX_DIGITS), section('Codes of Windows', WINDOWS_CODES), section('Texts', TEXTS)].join('\n')

const section = (heading: string, codes: readonly Explanation[]): string =>
  `## ${heading}\n\n| Code | SIP | What it means | What to do |\n| --- | --- | --- | --- |\n${codes.map(row).join('')}`

const row = ({ code, status, meaning, remedy }: Explanation): string =>
  `| \`${code}\` | ${status ?? ''} | ${cell(meaning)} | ${cell(remedy)} |\n`

const cell = (text: string): string => text.replaceAll('|', '\\|')
