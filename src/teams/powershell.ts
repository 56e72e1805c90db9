/** The lines that an administrator of the tenant pastes into PowerShell (T §5). */
import { domainOf } from './names.ts'
import type { SetupAnswers, SetupProposal } from './types.ts'

/** In single quotes nothing has a meaning but the quote itself; PowerShell takes typographic ones as quotes, too. */
export const quoted = (text: string): string =>
  `'${text.replaceAll(/[\0-\x1f\x7f]/g, '').replaceAll(/['‘’‚‛]/g, (quote) => quote + quote)}'`

const SESSIONS = 100
/** Names in the tenant of what is made here. */
const USAGE = 'Edgeways'

export const powershellFor = ({ name, port, numbers, bypass, cloud }: SetupAnswers): SetupProposal['powershell'] => {
  const environment = cloud === 'worldwide' ? '' : ` -TeamsEnvironmentName ${cloud === 'dod' ? 'TeamsDOD' : 'TeamsGCCH'}`
  const first = firstNumber(numbers)
  return [
    {
      heading: 'Sign in',
      lines: ['Install-Module -Name MicrosoftTeams -Scope CurrentUser   # once', `Connect-MicrosoftTeams${environment}`].join('\n'),
    },
    {
      heading: `The domain: ${domainOf(name)} has to be verified in the tenant, with one licensed user whose name ends in it`,
      lines: '(Get-CsTenant).VerifiedDomains | Format-Table',
    },
    {
      heading: 'The trunk',
      lines: [
        `New-CsOnlinePSTNGateway -Fqdn ${quoted(name)} -SipSignalingPort ${port} -MaxConcurrentSessions ${SESSIONS} -ForwardPai $false -ForwardCallHistory $true -MediaBypass $${bypass} -Enabled $true`,
        // With it Teams may hide the caller in From, and not every PBX looks for the other header
        '# -ForwardPai $true tells who is billed (P-Asserted-Identity), but From may become anonymous: set "dialect: { caller: asserted }" at the zone of the PBX then',
        '# When the trunk is there already:',
        `Set-CsOnlinePSTNGateway -Identity ${quoted(name)} -SipSignalingPort ${port} -ForwardCallHistory $true -MediaBypass $${bypass} -Enabled $true`,
      ].join('\n'),
    },
    {
      heading: 'Usage, route and policy: who may call where',
      lines: [
        `Set-CsOnlinePstnUsage -Identity Global -Usage @{Add=${quoted(USAGE)}}`,
        `New-CsOnlineVoiceRoute -Identity ${quoted(USAGE)} -NumberPattern ${quoted('.*')} -OnlinePstnGatewayList ${quoted(name)} -OnlinePstnUsages ${quoted(USAGE)} -Priority 1`,
        `New-CsOnlineVoiceRoutingPolicy -Identity ${quoted(USAGE)} -OnlinePstnUsages ${quoted(USAGE)}`,
      ].join('\n'),
    },
    {
      heading: 'A user: number and policy (for each of them)',
      lines: [
        `$user = ${quoted(`someone@${domainOf(name)}`)}   # the user's sign-in name`,
        `Set-CsPhoneNumberAssignment -Identity $user -PhoneNumber ${quoted(first)} -PhoneNumberType DirectRouting`,
        `Grant-CsOnlineVoiceRoutingPolicy -Identity $user -PolicyName ${quoted(USAGE)}`,
      ].join('\n'),
    },
    {
      heading: 'Look at it',
      lines: [
        `Get-CsOnlinePSTNGateway -Identity ${quoted(name)} | Format-List Fqdn, SipSignalingPort, Enabled, MediaBypass, SendSipOptions`,
        `Get-CsOnlineVoiceRoute -Identity ${quoted(USAGE)} | Format-List NumberPattern, OnlinePstnGatewayList, OnlinePstnUsages`,
        'Get-CsOnlineUser -Identity $user | Format-List LineUri, EnterpriseVoiceEnabled, OnlineVoiceRoutingPolicy',
      ].join('\n'),
    },
  ]
}

/** `+4420794601xx` → `+442079460100`: an example. */
const firstNumber = (patterns: readonly string[]): string => {
  const found = patterns.map((pattern) => pattern.replaceAll(/[^+\dx]/gi, '')).find((pattern) => /^\+\d/.test(pattern))
  return found === undefined ? '+15555550100' : found.replaceAll(/x/gi, '0')
}
