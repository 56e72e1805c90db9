/** Authorities in Microsoft's Trusted Root Program, as far as that can be known without asking: families by name, as of 2026. */
import type { Cloud } from '../zones/microsoft.ts'

const FAMILIES: readonly (readonly [family: string, pattern: RegExp])[] = [
  ['DigiCert', /digicert|baltimore|verisign|geotrust|thawte|quovadis/i],
  ["Let's Encrypt (ISRG)", /isrg|internet security research group|let's encrypt/i],
  ['Sectigo', /sectigo|comodo|usertrust|addtrust|aaa certificate services/i],
  ['GlobalSign', /globalsign/i],
  ['GoDaddy', /godaddy|go daddy|starfield/i],
  ['Amazon', /\bamazon\b/i],
  ['Google Trust Services', /google trust services|\bGTS Root/i],
  ['Microsoft', /\bmicrosoft\b/i],
  ['IdenTrust', /identrust/i],
  ['SSL.com', /ssl\.com|ssl corp/i],
  ['Certum (Asseco)', /certum|asseco|unizeto/i],
  ['Actalis', /actalis/i],
  ['HARICA', /harica|hellenic academic/i],
  ['SwissSign', /swisssign/i],
  ['D-Trust', /d-trust/i],
  ['Deutsche Telekom', /t-telesec|telekom security|t-systems/i],
  ['Buypass', /buypass/i],
  ['SECOM', /secom trust|security communication/i],
  ['Certigna', /certigna|dhimyotis/i],
]

/** The clouds of the government take two roots alone (T §1.4). */
const GOVERNMENT = ['DigiCert Global Root CA', 'DigiCert High Assurance EV Root CA']

export type ProgrammeVerdict =
  | { readonly kind: 'known'; readonly family: string }
  | { readonly kind: 'unknown' }
  /** The cloud takes these alone. */
  | { readonly kind: 'refused'; readonly only: readonly string[] }

/** @param root the subject of the root that a chain ends at, on one line */
export const inProgramme = (root: string, cloud: Cloud): ProgrammeVerdict => {
  if (cloud !== 'worldwide' && !GOVERNMENT.some((name) => root.includes(`CN=${name}`))) return { kind: 'refused', only: GOVERNMENT }
  const family = FAMILIES.find(([, pattern]) => pattern.test(root))?.[0]
  return family === undefined ? { kind: 'unknown' } : { kind: 'known', family }
}
