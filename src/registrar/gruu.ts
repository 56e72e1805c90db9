/** Public GRUUs (RFC 5627): a URI of an address-of-record that means one of its instances, for ever. There are no temporary ones. */

/** RFC 3261 §25.1 paramchar; what else an instance id holds is escaped. */
const NOT_PARAMETER = /[^A-Za-z0-9\-_.!~*'()[\]/:&+$]/g

/** @param record URI of the address-of-record @param instance as `instanceOf` gives it */
export const publicGruu = (record: string, instance: string): string =>
  `${record};gr=${instance.replace(NOT_PARAMETER, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)}`

/** The instance that the `gr` of a Request-URI names; empty: none. @param gr as written; undefined: there is none */
export const instanceOfGruu = (gr: string | undefined): string =>
  (gr ?? '').replace(/%[2-7][0-9A-Fa-f]/g, (hex) => String.fromCharCode(Number.parseInt(hex.slice(1), 16)))
