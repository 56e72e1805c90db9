import { readSecret } from '../account.ts'
import { AcmeError } from '../errors.ts'
import type { ProviderSettings } from './types.ts'

/** Reads what an operator wrote for a provider. @param environment where names of variables are looked up */
export const providerSettings = (
  provider: string,
  written: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string | undefined>>,
): ProviderSettings => {
  const optional = (name: string): string | undefined => {
    const value = written[name]?.trim()
    return value === '' ? undefined : value
  }
  const missing = (what: string): AcmeError => new AcmeError('SBC_CERTIFICATE_DNS', `The DNS provider ${provider} needs ${what}`)
  const optionalSecret = async (name: string): Promise<string | undefined> => {
    const file = optional(`${name}-file`)
    if (file !== undefined) return readSecret(file, `${name} of the DNS provider ${provider}`)
    const variable = optional(`${name}-env`)
    if (variable === undefined) return undefined
    const value = environment[variable]?.trim()
    if (value === undefined || value === '') {
      throw new AcmeError(
        'SBC_CERTIFICATE_DNS',
        `The DNS provider ${provider} wants its ${name} in the variable ${variable}, which is not set; set it where this process is started`,
      )
    }
    return value
  }
  return {
    provider,
    optional,
    optionalSecret,
    required(name) {
      const value = optional(name)
      if (value === undefined) throw missing(name)
      return value
    },
    async secret(name) {
      const value = await optionalSecret(name)
      if (value === undefined) throw missing(`${name}-file or ${name}-env`)
      return value
    },
    number(name, fallback) {
      const value = optional(name)
      if (value === undefined) return fallback
      if (!/^\d{1,7}$/.test(value))
        throw new AcmeError('SBC_CERTIFICATE_DNS', `${name} of the DNS provider ${provider} is no whole number: ${JSON.stringify(value)}`)
      return Number(value)
    },
  }
}
