import type { Clock } from '../../../base/clock.ts'

/** One TXT record of dns-01. */
export interface TxtRecord {
  /** Whole, without a final dot, such as `_acme-challenge.example.com`. */
  readonly name: string
  readonly value: string
}

/** Somebody who writes into a DNS zone. Both may be called again with the same record. */
export interface DnsProvider {
  /** Puts the value there, beside others of the same name: a wildcard and its parent are two. @throws AcmeError SBC_CERTIFICATE_DNS */
  add(record: TxtRecord, signal: AbortSignal): Promise<void>
  /** Takes this value away; one that is not there is no error. @throws AcmeError SBC_CERTIFICATE_DNS */
  remove(record: TxtRecord, signal: AbortSignal): Promise<void>
  close(): void
}

/** What a provider has of the world. */
export interface ProviderDeps {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly userAgent: string
}

/** The settings of one provider, looked up by name. @throws AcmeError SBC_CERTIFICATE_DNS when one is missing */
export interface ProviderSettings {
  readonly provider: string
  optional(name: string): string | undefined
  required(name: string): string
  /** In `<name>-file`, or in the variable that `<name>-env` names. */
  secret(name: string): Promise<string>
  optionalSecret(name: string): Promise<string | undefined>
  /** A whole number, such as seconds. */
  number(name: string, fallback: number): number
}

export interface ProviderEntry {
  /** What may be set, and what for. Names that end in `-file` or `-env` tell where a secret is. */
  readonly settings: Readonly<Record<string, string>>
  create(settings: ProviderSettings, deps: ProviderDeps): Promise<DnsProvider>
}
