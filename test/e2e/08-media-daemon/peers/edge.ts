/** A process that has a daemon, as the edge does: node edge.ts SETTINGS (JSON). Says `ready PID PORT`, and lives until it is killed. */

import { SILENT_LOG } from '../../../../src/observability/log.ts'
import { executable, LocalDaemon } from '../../../../src/rtpengine/daemon.ts'
import { findRtpengine } from '../../../../src/rtpengine/daemon-arguments.ts'

const daemon: LocalDaemon = new LocalDaemon({
  settings: JSON.parse(process.argv[2] ?? ''),
  clock: { now: () => performance.now(), wall: () => Date.now() },
  log: SILENT_LOG,
  binary: findRtpengine(process.env.PATH, executable) ?? 'rtpengine',
  started: ({ port }) => process.stdout.write(`ready ${daemon.pid} ${port}\n`),
  stopped: (why) => process.stdout.write(`${why}\n`),
})
process.on('SIGINT', () => process.stdout.write('interrupted\n'))
await daemon.start()
