import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { buildPages } from './support.ts'

/** What everybody loads, and what the test phone and the pages of Teams load beside it. */
const MOST_SCRIPT = 60_000
const MOST_PHONE = 75_000
const MOST_TEAMS = 20_000

let folder: string

beforeAll(async () => {
  folder = await buildPages()
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const files = (): readonly string[] => readdirSync(folder, { recursive: true, encoding: 'utf8' })

describe('the built pages', () => {
  test('what every page loads stays under 60 kB compressed; the telephone and the pages of Teams are loaded by themselves', () => {
    const sizes = new Map(
      files()
        .filter((name) => name.endsWith('.js'))
        .map((name) => [name, gzipSync(readFileSync(join(folder, name)), { level: 9 }).length]),
    )
    const page = readFileSync(join(folder, 'index.html'), 'utf8')
    const first = [...sizes].filter(([name]) => page.includes(name))
    const later = [...sizes].filter(([name]) => !page.includes(name))
    expect(first).toHaveLength(1)
    expect(first[0]![1]).toBeLessThan(MOST_SCRIPT)
    expect(later.map(([name]) => name).sort()).toEqual([expect.stringMatching(/^assets\/phone-/), expect.stringMatching(/^assets\/teams-/)])
    const sizeOf = (name: string): number => later.find(([file]) => file.startsWith(`assets/${name}-`))![1]
    expect(sizeOf('phone')).toBeLessThan(MOST_PHONE)
    expect(sizeOf('teams')).toBeLessThan(MOST_TEAMS)
    expect(readFileSync(join(folder, first[0]![0]), 'utf8')).not.toContain('JsSIP')
  })

  test('compressed copies stand beside them', () => {
    for (const name of files().filter((one) => /\.(?:js|css|html)$/.test(one))) {
      expect(existsSync(join(folder, `${name}.br`))).toBe(true)
      expect(existsSync(join(folder, `${name}.gz`))).toBe(true)
    }
  })

  test('the page has nothing inline, and nothing from elsewhere', () => {
    const page = readFileSync(join(folder, 'index.html'), 'utf8')
    expect(page).not.toMatch(/<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)/)
    expect([...page.matchAll(/(?:src|href)="([^"]*)"/g)].map(([, address]) => address)).toEqual(
      expect.arrayContaining([expect.stringMatching(/^\.\/assets\/.+\.js$/)]),
    )
    expect(page).not.toMatch(/(?:src|href)="(?:https?:)?\/\//)
    for (const name of files().filter((one) => one.endsWith('.css')))
      expect(readFileSync(join(folder, name), 'utf8')).not.toMatch(/url\(|@import/)
  })

  test('scripts make no code of texts, and put no HTML into the page: names of strangers are shown there', () => {
    const sources = join(import.meta.dirname, '..', '..', 'web-admin', 'src')
    for (const name of readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((one) => /\.tsx?$/.test(one)))
      expect(readFileSync(join(sources, name), 'utf8')).not.toMatch(/dangerouslySetInnerHTML|innerHTML|\beval\(|new Function\(/)
  })
})

test('the types of the pages are right, against the contracts of the server', () => {
  const root = join(import.meta.dirname, '..', '..')
  const ran = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'web-admin')], {
    encoding: 'utf8',
  })
  // What is wrong elsewhere in the tree is told by its own check
  expect(ran.stdout.split('\n').filter((line) => line.startsWith('web-admin/'))).toEqual([])
}, 60_000)
