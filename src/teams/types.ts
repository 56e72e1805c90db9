/** What the doctor, the wizard and the status say; the pages and the command line show it. */
import type { PeeringView } from '../admin/contract.ts'
import type { Cloud } from '../zones/microsoft.ts'

export type Verdict = 'good' | 'warning' | 'bad' | 'skipped'

/** One thing that was looked at. */
export interface DoctorStep {
  /** Unique in the report, such as `dns` or `sip2.pstnhub.microsoft.com/tls`. */
  readonly id: string
  readonly group: 'name' | 'certificate' | 'clock' | 'hub'
  /** Of group `hub`. */
  readonly hub?: string
  /** What was looked at, such as `TLS to the hub`. */
  readonly title: string
  /** undefined: it is being looked at, or its turn has not come. */
  readonly verdict: Verdict | undefined
  /** What was found, as a sentence. */
  readonly finding: string
  /** What to do about it, as a sentence. */
  readonly remedy?: string
  /** Further values for a support ticket, such as `Cipher`, `ECDHE-RSA-AES256-GCM-SHA384`. */
  readonly facts?: readonly (readonly [label: string, value: string])[]
  readonly milliseconds?: number
}

export interface DoctorReport {
  readonly id: string
  readonly zone: string
  /** Our name there. */
  readonly name: string
  /** ISO 8601. */
  readonly startedAt: string
  readonly finishedAt?: string
  /** In the order in which they are looked at; all of them from the beginning. */
  readonly steps: readonly DoctorStep[]
  /** The worst verdict; undefined while it runs. */
  readonly verdict: Verdict | undefined
  /** In one sentence; what to do first. */
  readonly summary: string
}

/** GET /api/teams: one for each zone of the kind. */
export interface TeamsView {
  readonly cloud: Cloud
  readonly peering: PeeringView
  /** What the listener shows to the hubs. */
  readonly certificate: {
    readonly name: string
    readonly daysLeft: number
    /** Sentences; empty: all is well. */
    readonly problems: readonly string[]
  }
  /** Of Microsoft's roots, those that the zone does not accept; `expiring`: in less than a year. */
  readonly roots: { readonly missing: readonly string[]; readonly expiring: readonly string[] }
  /** What to do next; undefined: nothing. */
  readonly next: { readonly text: string; readonly page: 'certificates' | 'doctor' | 'setup' | 'configuration' | 'network' } | undefined
}

/** What the wizard asks. */
export interface SetupAnswers {
  /** Our public name, such as sbc.example.com. */
  readonly name: string
  readonly cloud: Cloud
  /** Public port of the listener. */
  readonly port: number
  /** Bind address; undefined: that of another listener, or the first one of this machine that is not loopback. */
  readonly bind?: string
  /** Name of a certificate on the certificates page. */
  readonly certificate: string
  /** Zone of the PBX that is there, or the URI of a new one. */
  readonly pbx: { readonly zone: string } | { readonly uri: string; readonly listener: string }
  /** Patterns of numbers that Teams users have, such as +4420794601xx. */
  readonly numbers: readonly string[]
  /** Country code for numbers that the PBX sends in national form. */
  readonly country?: string
  /** Media bypass in Teams. */
  readonly bypass: boolean
}

/** POST /api/teams/setup: nothing is changed by it; the text goes through the configuration page's own check and apply. */
export interface SetupProposal {
  /** The whole configuration as it would be, comments kept. */
  readonly configuration: string
  /** What changes, in sentences. */
  readonly changes: readonly string[]
  /** Lines to paste into PowerShell, in blocks with a heading each. */
  readonly powershell: readonly { readonly heading: string; readonly lines: string }[]
  /** What stands against it; warnings of the text do not. */
  readonly problems: readonly string[]
}

/** POST /api/teams/name: what the world sees of a name. */
export interface NameCheck {
  readonly name: string
  readonly addresses: readonly string[]
  /** Our own public address, as far as it is known. */
  readonly expected?: string
  readonly verdict: Verdict
  readonly finding: string
  readonly remedy?: string
}
