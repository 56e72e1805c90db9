/** The configuration of an edge that is to meet the stand-in. */
import { hubName } from './names.ts'

export interface EdgeConfig {
  readonly name: string
  readonly sbc: { readonly address: string; readonly port: number }
  readonly files: { readonly chainFile: string; readonly keyFile: string }
  /** PEM file with the hubs' roots. */
  readonly roots: string
  /** Addresses of the hubs: three, or one. */
  readonly networks: readonly string[]
  readonly bypass: boolean
  /** Of the hubs' clocks. */
  readonly scale: number
}

const seconds = (real: number, scale: number): string => `${Math.max(1, Math.round(real / scale))}s`

/** The zone alone, as it stands below `zones:`. */
export const zoneText = ({ roots, networks, bypass, scale }: EdgeConfig): string =>
  [
    '  teams:',
    '    kind: teams',
    '    on: teams',
    '    # For the real Teams these go:',
    `    peers: { roots: [ '${roots}' ] }`,
    `    admit: { networks: [ ${networks.join(', ')} ] }`,
    ...(networks.length === 1 ? [`    targets: [ "sip:${hubName('sip', 'worldwide')}:5061;transport=tls" ]`] : []),
    ...(scale === 1 ? [] : [`    probe: { interval: ${seconds(60, scale)} }`, `    connections: { renew: ${seconds(3300, scale)} }`]),
    ...(bypass ? ['    media: { profile: teams-bypass }'] : []),
    '',
  ].join('\n')

/** A whole one, to begin with. */
export const configText = (config: EdgeConfig): string => `# An edge for npm run teams-simulator, with the demonstration PBX behind it
name: ${config.name}
listeners:
  lan: { udp: 127.0.0.1:5060 }
  teams: { tls: ${config.sbc.address}:${config.sbc.port} }
certificates:
  main: { chain: '${config.files.chainFile}', key: '${config.files.keyFile}' }
zones:
  pbx: { kind: trunk, on: lan, targets: [ "sip:127.0.0.1:5090;transport=udp" ] }   # take yours instead
${zoneText(config)}routes:
  - { from: teams, to: pbx }
  - { from: pbx, number: "+4420794601xx", to: teams }
demo: 127.0.0.1:5090
admin: { listen: 127.0.0.1:8080 }
`
