import type { DnsSettings } from '../../types.ts'
import { AcmeError } from '../errors.ts'
import { cloudflare } from './cloudflare.ts'
import { hetzner } from './hetzner.ts'
import { hook } from './hook.ts'
import { rfc2136 } from './rfc2136.ts'
import { route53 } from './route53.ts'
import { providerSettings } from './settings.ts'
import type { DnsProvider, ProviderDeps, ProviderEntry } from './types.ts'

/** Who can write TXT records, by the name in the configuration. */
export const DNS_PROVIDERS = { rfc2136, hook, cloudflare, hetzner, route53 } as const satisfies Record<string, ProviderEntry>
export type DnsProviderName = keyof typeof DNS_PROVIDERS

/** @throws AcmeError SBC_CERTIFICATE_DNS for a provider or a setting that there is not, or one that is missing */
export const openProvider = async ({ provider, settings }: DnsSettings, deps: ProviderDeps): Promise<DnsProvider> => {
  if (!Object.hasOwn(DNS_PROVIDERS, provider)) {
    throw new AcmeError(
      'SBC_CERTIFICATE_DNS',
      `There is no DNS provider ${JSON.stringify(provider)}; there are ${Object.keys(DNS_PROVIDERS).join(', ')}`,
    )
  }
  const entry: ProviderEntry = DNS_PROVIDERS[provider as DnsProviderName]
  const unknown = Object.keys(settings).find((name) => !Object.hasOwn(entry.settings, name))
  if (unknown !== undefined) {
    throw new AcmeError(
      'SBC_CERTIFICATE_DNS',
      `The DNS provider ${provider} has no setting ${unknown}; it has ${Object.keys(entry.settings).join(', ')}`,
    )
  }
  return entry.create(providerSettings(provider, settings, deps.environment), deps)
}
