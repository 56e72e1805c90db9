/** Microsoft Teams as the fake edge has it: well, newly connected, and in trouble; and what the doctor finds there. */
import type { DoctorReport, DoctorStep, PeerTargetView, SetupProposal, TeamsView } from '../../web-admin/src/api/types.ts'
import { HOUR, iso, MINUTE, SECOND } from './world-times.ts'

/** By which Microsoft's support finds a call. */
export const GUID = '7f9c4d1e-2b1a-4c57-9d0e-5a1f0c3b7e66'
export const HUBS = ['sip.pstnhub.microsoft.com', 'sip2.pstnhub.microsoft.com', 'sip3.pstnhub.microsoft.com'] as const

const hub = (index: number, more: Partial<PeerTargetView> = {}): PeerTargetView => ({
  name: HUBS[index]!,
  host: HUBS[index]!,
  port: 5061,
  health: 'up',
  drain: false,
  optionsSeconds: 0.031 + index * 0.07,
  sentAt: iso(-(12 + index * 9) * SECOND),
  answeredAt: iso(-(12 + index * 9) * SECOND + 40),
  status: 200,
  nextAt: iso((48 - index * 9) * SECOND),
  connections: 1,
  oldestConnection: iso(-34 * MINUTE),
  ...more,
})

export const ordinaryTeams = (): TeamsView => ({
  cloud: 'worldwide',
  peering: {
    zone: 'teams',
    name: 'sbc.example.com',
    port: 5061,
    targets: [hub(0), hub(1), hub(2)],
    askers: [
      {
        host: 'sip-du-a-eu.pstnhub.microsoft.com',
        lastAt: iso(-20 * SECOND),
        count: 4312,
        addresses: ['52.114.75.24', '52.114.76.76', '52.114.7.24'],
        names: ['sip.pstnhub.microsoft.com'],
      },
      {
        host: 'sip-du-a-us.pstnhub.microsoft.com',
        lastAt: iso(-51 * SECOND),
        count: 4290,
        addresses: ['52.114.148.0', '52.114.132.46'],
        names: ['sip.pstnhub.microsoft.com'],
      },
    ],
    connections: { inbound: 14, outbound: 3 },
    calls: 2,
  },
  certificate: { name: 'public', daysLeft: 59, problems: [] },
  roots: { missing: [], expiring: [] },
  next: undefined,
})

/** Connected a moment ago: nobody has asked anybody. */
export const newTeams = (): TeamsView => {
  const { peering, ...rest } = ordinaryTeams()
  const targets = [0, 1, 2].map((index): PeerTargetView => {
    const { optionsSeconds: _took, sentAt: _sent, answeredAt: _answered, status: _status, oldestConnection: _oldest, ...bare } = hub(index)
    return { ...bare, health: 'unknown', connections: 0, nextAt: iso(2 * SECOND) }
  })
  return {
    ...rest,
    peering: { ...peering, targets, askers: [], connections: { inbound: 0, outbound: 0 }, calls: 0 },
    next: { text: 'Enter the SBC in your tenant with the lines that the wizard shows', page: 'setup' },
  }
}

export const badTeams = (): TeamsView => {
  const { peering, ...rest } = ordinaryTeams()
  const { answeredAt: _answered, status: _status, optionsSeconds: _took, oldestConnection: _oldest, ...silent } = hub(0)
  return {
    ...rest,
    peering: {
      ...peering,
      targets: [
        { ...silent, health: 'down', connections: 0, reason: 'No answer to OPTIONS for 64 s' },
        hub(1, { status: 503, busyUntil: iso(4 * MINUTE), reason: 'It answered 503 and asks to be left alone for 5 min' }),
        hub(2, { status: 403, drain: true }),
      ],
      askers: peering.askers.map((asker) => ({ ...asker, lastAt: iso(-3 * HOUR) })),
      connections: { inbound: 0, outbound: 2 },
      calls: 0,
    },
    certificate: { name: 'public', daysLeft: 5, problems: ['It ends in 5 days, and Microsoft warns from 30 days on'] },
    roots: {
      missing: ['DigiCert TLS RSA 4096 Root G5', 'Microsoft RSA Root Certificate Authority 2017'],
      expiring: ['DigiCert Global Root CA'],
    },
    next: { text: 'Renew the certificate public: its last order failed', page: 'certificates' },
  }
}

const steps: readonly DoctorStep[] = [
  {
    id: 'dns',
    group: 'name',
    title: 'Our name in public DNS',
    verdict: 'good',
    finding: 'sbc.example.com leads to 203.0.113.5, which is ours',
    facts: [
      ['Asked', '1.1.1.1, 8.8.8.8'],
      ['A', '203.0.113.5'],
    ],
    milliseconds: 41,
  },
  { id: 'port', group: 'name', title: 'Our port from outside', verdict: 'good', finding: 'A hub connected 20 s ago', milliseconds: 1 },
  { id: 'names', group: 'certificate', title: 'Names', verdict: 'good', finding: 'It has sbc.example.com', milliseconds: 1 },
  {
    id: 'chain',
    group: 'certificate',
    title: 'Chain',
    verdict: 'good',
    finding: 'Complete up to ISRG Root X1, which is in Microsoft’s programme',
    facts: [['Chain', 'sbc.example.com, R11, ISRG Root X1']],
    milliseconds: 3,
  },
  { id: 'life', group: 'certificate', title: 'Life', verdict: 'good', finding: '59 days are left', milliseconds: 1 },
  {
    id: 'clock',
    group: 'clock',
    title: 'Clock of this machine',
    verdict: 'good',
    finding: 'It is right to half a second',
    milliseconds: 120,
  },
  ...HUBS.flatMap((name): readonly DoctorStep[] => [
    { id: `${name}/dns`, group: 'hub', hub: name, title: 'DNS of the hub', verdict: 'good', finding: 'Two addresses', milliseconds: 22 },
    {
      id: `${name}/tcp`,
      group: 'hub',
      hub: name,
      title: 'TCP to the hub',
      verdict: 'good',
      finding: '52.114.75.24 answers',
      milliseconds: 31,
    },
    {
      id: `${name}/tls`,
      group: 'hub',
      hub: name,
      title: 'TLS to the hub',
      verdict: 'good',
      finding: 'TLS 1.2; its certificate is Microsoft’s, and it asked for ours',
      facts: [
        ['Cipher', 'ECDHE-RSA-AES256-GCM-SHA384'],
        ['Certificate', 'sip.pstnhub.microsoft.com'],
        ['Root', 'DigiCert Global Root G2'],
      ],
      milliseconds: 88,
    },
    {
      id: `${name}/out`,
      group: 'hub',
      hub: name,
      title: 'OPTIONS to the hub',
      verdict: 'good',
      finding: 'It answered 200',
      milliseconds: 64,
    },
  ]),
  { id: 'asked', group: 'hub', title: 'OPTIONS from Microsoft', verdict: 'good', finding: 'The last one came 20 s ago', milliseconds: 0 },
]

export const examined = (): DoctorReport => ({
  id: 'd1',
  zone: 'teams',
  name: 'sbc.example.com',
  startedAt: iso(-9 * SECOND),
  finishedAt: iso(0),
  steps,
  verdict: 'good',
  summary: 'Everything is as it should be',
})

const FOUND: Readonly<Record<string, Partial<DoctorStep>>> = {
  chain: {
    verdict: 'bad',
    finding: 'The intermediate R11 is missing, so no hub can follow the chain',
    remedy: 'Upload the certificate together with its intermediates; the CA calls that file fullchain',
  },
  life: { verdict: 'warning', finding: '5 days are left', remedy: 'Renew it now' },
  [`${HUBS[0]}/out`]: {
    verdict: 'bad',
    finding: 'It answered 403: the hub does not know sbc.example.com',
    remedy: 'Enter the SBC with New-CsOnlinePSTNGateway under exactly this name, and wait up to an hour',
    facts: [['Reason', `Q.850;cause=63;text="${GUID};No trunk config found for sbc.example.com"`]],
  },
  asked: { verdict: 'skipped', finding: 'Hubs ask only those whom they know' },
}

export const troubled = (): DoctorReport => ({
  ...examined(),
  steps: steps.map((step) => ({ ...step, ...FOUND[step.id] })),
  verdict: 'bad',
  summary: 'Bring the intermediate certificate first: without it no hub accepts ours',
})

/** A report in which so many steps have been done. */
export const halfway = ({ finishedAt: _finished, ...report }: DoctorReport, done: number): DoctorReport => ({
  ...report,
  steps: report.steps.map(({ id, group, hub: of, title, ...found }, index) =>
    index < done
      ? { id, group, title, ...(of !== undefined && { hub: of }), ...found }
      : { id, group, title, ...(of !== undefined && { hub: of }), verdict: undefined, finding: '' },
  ),
  verdict: undefined,
  summary: '',
})

export const proposal = (config: string): SetupProposal => ({
  configuration: `${config}# Teams, by the wizard\nemergency: [ "112" ]\n`,
  changes: [
    'Listener group teams gets the certificate public',
    'Zone teams is added, on listener group teams',
    'Calls of the PBX to +4420794601xx go to Teams',
  ],
  powershell: [
    { heading: 'Sign in', lines: 'Connect-MicrosoftTeams' },
    {
      heading: 'The SBC',
      lines:
        'New-CsOnlinePSTNGateway -Fqdn sbc.example.com -SipSignalingPort 5061 -MaxConcurrentSessions 100 -ForwardCallHistory $true -ForwardPai $true -Enabled $true',
    },
    {
      heading: 'Usage, route and policy',
      lines:
        'Set-CsOnlinePstnUsage -Identity Global -Usage @{Add="Edgeways"}\nNew-CsOnlineVoiceRoute -Identity Edgeways -NumberPattern ".*" -OnlinePstnGatewayList sbc.example.com -OnlinePstnUsages Edgeways\nNew-CsOnlineVoiceRoutingPolicy Edgeways -OnlinePstnUsages Edgeways',
    },
  ],
  problems: [],
})

export const reportText = (report: DoctorReport): string =>
  `${report.name}: ${report.summary}\n${report.steps.map(({ title, finding }) => `${title}: ${finding}`).join('\n')}\n`
