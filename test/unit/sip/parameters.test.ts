import { describe, expect, test } from 'vitest'
import { parameter, quotesBalance, withoutParameter, withParameter } from '../../../src/sip/parameters.ts'

describe('parameter', () => {
  test.each([
    [';branch=z9hG4bKa;rport', 'branch', 'z9hG4bKa'],
    [';branch=z9hG4bKa;rport', 'rport', ''],
    [';rport=', 'rport', ''],
    [';TAG=Ab', 'tag', 'Ab'],
    ['; tag\t = \t a b ; x', 'tag', 'a b'],
    [';lr', 'lr', ''],
    [' ;lr ', 'lr', ''],
    [';a=1;a=2', 'a', '1'],
    [';a="x;tag=1";tag=2', 'tag', '2'],
    [';a="x\\";tag=1";tag=2', 'tag', '2'],
    [';a="\\\\";tag=2', 'tag', '2'],
    [';a="q"', 'a', '"q"'],
    [';tag=a=b', 'tag', 'a=b'],
    [';;;tag=1;;', 'tag', '1'],
    [';received=2001:db8::1', 'received', '2001:db8::1'],
    [';tag=voil\xc3\xa0', 'tag', 'voil\xc3\xa0'],
    [';tag=\xa0', 'tag', '\xa0'],
  ])('§7.3.1: %j has %s = %j', (text, name, value) => {
    expect(parameter(text, name)).toBe(value)
  })

  test.each([
    ['', 'tag'],
    [';', 'tag'],
    [';tags=1', 'tag'],
    [';xtag=1', 'tag'],
    [';ta g=1', 'tag'],
    [';t\xe4g=1', 'tag'],
    [';x="tag=1;tag=2', 'tag'],
    ['tag=1', 'tag'],
    [';\xa0tag=1', 'tag'],
    [';@ag', '`ag'],
  ])('%j has no %s', (text, name) => {
    expect(parameter(text, name)).toBeUndefined()
  })
})

describe('withParameter', () => {
  test.each([
    ['', ';rport=5'],
    [';branch=a', ';branch=a;rport=5'],
    [';rport;branch=a', ';rport=5;branch=a'],
    [';branch=a;RPORT = 1 ;x', ';branch=a;rport=5;x'],
    [';rport=1;x;rport;y;rport=3', ';rport=5;x;y'],
    [';x="rport;";rport', ';x="rport;";rport=5'],
  ])('%j becomes %j', (text, changed) => {
    expect(withParameter(text, 'rport', '5')).toBe(changed)
  })

  test('an empty value makes a flag', () => {
    expect(withParameter(';a', 'lr', '')).toBe(';a;lr')
    expect(withParameter(';lr=on', 'lr', '')).toBe(';lr')
  })
})

describe('withoutParameter', () => {
  test.each([
    ['', ''],
    [';a', ';a'],
    [';lr', ''],
    [';a;lr;b', ';a;b'],
    [';LR=1;a;lr', ';a'],
    ['; lr ;a', ';a'],
    [';a=";lr";lr', ';a=";lr"'],
    [';lrx;xlr', ';lrx;xlr'],
  ])('%j without lr is %j', (text, rest) => {
    expect(withoutParameter(text, 'lr')).toBe(rest)
  })

  test('what stays is byte for byte what it was', () => {
    expect(withoutParameter('; a = "q\\"" ;transport=udp;\xff; B', 'transport')).toBe('; a = "q\\"" ;\xff; B')
  })
})

test.each([
  ['', true],
  ['a', true],
  ['"', false],
  ['""', true],
  ['"\\"', false],
  ['"\\\\"', true],
  ['\\"', false],
  ['"a" "b', false],
])('quotes of %j balance: %s', (text, balance) => {
  expect(quotesBalance(text)).toBe(balance)
})
