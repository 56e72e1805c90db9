import { isIP } from 'node:net'

/** Whether it is `address`, `address:port` or `[address]:port`. */
const isServer = (text: string): boolean => {
  if (isIP(text) !== 0) return true
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text)
  return match !== null && isIP(match[1] ?? match[2] ?? '') !== 0 && Number(match[3]) > 0 && Number(match[3]) < 65_536
}

/**
 * The DNS servers that `EDGEWAYS_DNS_SERVERS` names, `address` or `address:port` with commas between; undefined: those of the system.
 * @throws Error with a sentence for the operator
 */
export const namedServers = (text: string | undefined): readonly string[] | undefined => {
  const servers = (text ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const wrong = servers.find((server) => !isServer(server))
  if (wrong !== undefined)
    throw new Error(`EDGEWAYS_DNS_SERVERS: "${wrong}" is no DNS server; write an IP address, with ":port" where it is not 53`)
  return servers.length === 0 ? undefined : servers
}
