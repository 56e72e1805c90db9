#!/usr/bin/env node
// The command `edgeways`. Works with the machine's own Node 20: the program itself runs with the Node 24 of node_modules.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { majorOf, OLDEST_NODE } from './preparation.mjs'
import { PreparationError, prepare } from './prepare.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const main = join(root, 'src/main.ts')

/** @param {string} node */
const runWith = (node) => {
  const child = spawn(node, [main, ...process.argv.slice(2)], { stdio: 'inherit' })
  // A terminal sends Ctrl-C to both of us; passing it on would be the second signal, which ends at once.
  const terminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY
  process.on('SIGINT', () => {
    if (!terminal) child.kill('SIGINT')
  })
  for (const signal of /** @type {const} */ (['SIGTERM', 'SIGHUP'])) process.on(signal, () => child.kill(signal))
  child.on('error', (error) => {
    process.stderr.write(`${node} could not be started: ${error.message}\n`)
    process.exitCode = 1
  })
  child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 128 + constants.signals[signal]))
}

try {
  prepare('start')
  if (majorOf(process.version) >= OLDEST_NODE) {
    process.argv[1] = main
    await import(main)
  } else {
    const node = join(root, 'node_modules/.bin/node')
    runWith(existsSync(node) ? node : process.execPath)
  }
} catch (error) {
  if (!(error instanceof PreparationError)) throw error
  process.stderr.write(`\n${error.message}\n`)
  process.exitCode = 1
}
