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

/** The roots that a hub's chain may end at (T §1.5), by SHA-1 as Microsoft lists them. */
export const HUB_ROOTS: readonly (readonly [name: string, sha1: string])[] = [
  ['DigiCert Global Root CA', 'A8985D3A65E5E5C4B2D7D66D40C6DD2FB19C5436'],
  ['DigiCert Global Root G2', 'DF3C24F9BFD666761B268073FE06D1CC8D4F82A4'],
  ['DigiCert Global Root G3', '7E04DE896A3E666D00E687D33FFAD93BE83D349E'],
  ['DigiCert TLS ECC P384 Root G5', '17F3DE5E9F0F19E98EF61F32266E20C407AE30EE'],
  ['DigiCert TLS RSA 4096 Root G5', 'A78849DC5D7C758C8CDE399856B3AAD0B2A57135'],
  ['Microsoft ECC Root Certificate Authority 2017', '999A64C37FF47D9FAB95F14769891460EEC4C3C5'],
  ['Microsoft RSA Root Certificate Authority 2017', '73A5E64A3BFF8316FF0EDCCC618A906E4EAE4D74'],
]
