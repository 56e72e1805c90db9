import { expect, test } from 'vitest'
import { powershellFor, quoted } from '../../../src/teams/powershell.ts'
import type { SetupAnswers } from '../../../src/teams/types.ts'

const ANSWERS: SetupAnswers = {
  ...{ name: 'sbc.contoso.com', cloud: 'worldwide', port: 5067, certificate: 'main', pbx: { zone: 'pbx' }, bypass: true },
  numbers: ['100', '+4420794601xx'],
}
const all = (answers: SetupAnswers): string =>
  powershellFor(answers)
    .map(({ lines }) => lines)
    .join('\n')

test('T §5: gateway, usage, route, policy, number and a look at it', () => {
  const text = all(ANSWERS)
  expect(text).toContain(
    "New-CsOnlinePSTNGateway -Fqdn 'sbc.contoso.com' -SipSignalingPort 5067 -MaxConcurrentSessions 100 -ForwardPai $false -ForwardCallHistory $true -MediaBypass $true -Enabled $true",
  )
  for (const command of [
    'Set-CsOnlinePstnUsage',
    'New-CsOnlineVoiceRoute',
    'New-CsOnlineVoiceRoutingPolicy',
    'Grant-CsOnlineVoiceRoutingPolicy',
    'Get-CsOnlinePSTNGateway',
  ])
    expect(text).toContain(command)
  expect(text).toContain("-PhoneNumber '+442079460100' -PhoneNumberType DirectRouting")
  expect(all({ ...ANSWERS, cloud: 'dod' })).toContain('-TeamsEnvironmentName TeamsDOD')
})

test.each([
  ["it's", "'it''s'"],
  ['$(Remove-Item x); `a "b"', '\'$(Remove-Item x); `a "b"\''],
  ['typographic ’ and ‘', "'typographic ’’ and ‘‘'"],
  ['two\r\nlines\0', "'twolines'"],
])('%j is quoted so that PowerShell sees the text and nothing else', (text, written) => {
  expect(quoted(text)).toBe(written)
})

test('what somebody typed as a name never gets out of its quotes', () => {
  const text = all({ ...ANSWERS, name: "a'; Remove-Item *; '.com" })
  expect(text).toContain("-Fqdn 'a''; Remove-Item *; ''.com'")
})
