/** Files that somebody brings for a certificate, sorted by what they are. */

export interface BroughtFile {
  readonly name: string
  readonly bytes: Uint8Array
}

export interface Brought {
  /** PEM. */
  readonly chain?: string
  readonly key?: string
  /** Base64. */
  readonly pkcs12?: string
  /** What was found, for people. */
  readonly found: readonly string[]
  /** The key or the PKCS#12 file wants a password; undefined: one cannot see it. */
  readonly locked: boolean
}

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[\s\S]*?-----END \1-----/g

export const base64Of = (bytes: Uint8Array): string => {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/** @param pasted PEM, beside the files */
export const sortBrought = (files: readonly BroughtFile[], pasted = ''): Brought => {
  const chain: string[] = []
  const keys: string[] = []
  const found: string[] = []
  let pkcs12: string | undefined
  const take = (text: string, from: string): void => {
    const kinds: string[] = []
    for (const [block, label] of text.matchAll(BLOCK)) {
      if (label!.endsWith('PRIVATE KEY')) {
        keys.push(block)
        kinds.push(/ENCRYPTED/.test(block) ? 'an encrypted key' : 'a key')
      } else if (label === 'CERTIFICATE' || label === 'PKCS7' || label === 'X509 CERTIFICATE' || label === 'TRUSTED CERTIFICATE') {
        chain.push(block)
        kinds.push('a certificate')
      }
    }
    const certificates = kinds.filter((kind) => kind === 'a certificate').length
    const said = [
      ...(certificates > 1 ? [`${certificates} certificates`] : certificates === 1 ? ['a certificate'] : []),
      ...kinds.filter((kind) => kind !== 'a certificate'),
    ]
    found.push(said.length === 0 ? `${from}: nothing that is known here` : `${from}: ${said.join(' and ')}`)
  }
  for (const { name, bytes } of files) {
    const text = new TextDecoder('latin1').decode(bytes)
    if (text.includes('-----BEGIN ')) take(text, name)
    else if (/\.(?:p12|pfx)$/i.test(name)) {
      pkcs12 = base64Of(bytes)
      found.push(`${name}: a PKCS#12 file, with certificate and key`)
    } else if (bytes[0] === 0x30) {
      // Binary (DER): a certificate, as Windows saves them
      const lines = base64Of(bytes).match(/.{1,64}/g) ?? []
      chain.push(`-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----`)
      found.push(`${name}: a certificate`)
    } else found.push(`${name}: nothing that is known here`)
  }
  if (pasted.trim() !== '') take(pasted, 'Pasted text')
  return {
    ...(chain.length > 0 && { chain: `${chain.join('\n')}\n` }),
    ...(keys.length > 0 && { key: `${keys.join('\n')}\n` }),
    ...(pkcs12 !== undefined && { pkcs12 }),
    found,
    locked: pkcs12 !== undefined || keys.some((key) => key.includes('ENCRYPTED')),
  }
}
