import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../../support/places.ts'
import { start } from '../../support/processes.ts'

export interface TestKey {
  readonly name: string
  readonly algorithm: 'hmac-sha256' | 'hmac-sha512'
  /** Base64. */
  readonly secret: string
}

/** A real BIND on loopback: primary server of one zone, whose TXT records the keys may change. */
export interface Named {
  /** `address:port`, UDP and TCP. */
  readonly address: string
  readonly lines: readonly string[]
  /** TXT values of a name, as dig shows them. */
  txt(name: string): readonly string[]
  stop(): Promise<void>
}

const ADDRESS = '127.0.0.1'

/** @param hosts names in the zone that lead to 127.0.0.1 */
export const startNamed = async (folder: string, zone: string, hosts: readonly string[], keys: readonly TestKey[]): Promise<Named> => {
  const path = join(folder, 'named')
  mkdirSync(path)
  const port = await freePort(ADDRESS)
  const file = join(path, 'zone')
  const records = [
    '$TTL 60',
    `@ IN SOA ns.${zone}. admin.${zone}. 1 60 60 60 5`,
    `@ IN NS ns.${zone}.`,
    `ns IN A ${ADDRESS}`,
    `alias IN CNAME sbc`,
  ]
  writeFileSync(file, `${[...records, ...hosts.map((host) => `${host} IN A ${ADDRESS}`)].join('\n')}\n`)
  const may = keys.map(({ name }) => `grant "${name}" wildcard "*.${zone}" TXT;`).join(' ')
  writeFileSync(
    join(path, 'named.conf'),
    `${keys.map(({ name, algorithm, secret }) => `key "${name}" { algorithm ${algorithm}; secret "${secret}"; };`).join('\n')}
key "powerless" { algorithm hmac-sha256; secret "${Buffer.from('powerless').toString('base64')}"; };
controls { };
options {
  directory "${path}"; pid-file "${path}/named.pid"; session-keyfile "${path}/session.key"; managed-keys-directory "${path}";
  listen-on port ${port} { ${ADDRESS}; }; listen-on-v6 { none; };
  recursion no; allow-query { any; }; dnssec-validation no; notify no;
};
zone "${zone}" { type primary; file "${file}"; update-policy { ${may} }; };
`,
  )
  // Where AppArmor is in force, its rules are for the program at its usual place, which may not read our files
  const copy = join(path, 'named-of-the-test')
  copyFileSync('/usr/sbin/named', copy)
  // One thread, in the foreground, its log on standard error
  const program = start(copy, ['-g', '-n', '1', '-c', join(path, 'named.conf')])
  await program.line((line) => / running$/.test(line), 'named')
  return {
    address: `${ADDRESS}:${port}`,
    lines: program.lines,
    txt: (name) =>
      execFileSync('dig', [`@${ADDRESS}`, '-p', String(port), '+short', '+norecurse', name, 'TXT'], { encoding: 'utf8' })
        .split('\n')
        .filter(Boolean)
        .map((line) => line.replaceAll('"', '')),
    stop: async () => {
      await program.stop()
    },
  }
}
