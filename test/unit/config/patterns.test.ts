import { describe, expect, test } from 'vitest'
import { hostPattern, numberPattern, regularExpression, unsafe, userPattern } from '../../../src/config/patterns.ts'
import { isFault } from '../../../src/config/report.ts'

const matches = (
  compile: (texts: readonly string[]) => RegExp | object,
  texts: readonly string[],
  candidates: readonly string[],
): readonly string[] => {
  const compiled = compile(texts)
  if (!(compiled instanceof RegExp)) throw new Error(JSON.stringify(compiled))
  return candidates.filter((candidate) => compiled.test(candidate))
}

describe('number patterns', () => {
  test.each([
    ['100', ['100'], ['1000', '0100', '+100']],
    ['+4420794601xx', ['+442079460100', '+442079460199'], ['+4420794601', '+44207946010a', '442079460100']],
    ['+44*', ['+44', '+441'], ['44', '+43']],
    ['0!', ['0', '012'], ['10']],
    ['*', ['', 'anything', '+1'], []],
    ['*98', ['*98'], ['98', '198']],
    ['#31#*', ['#31#', '#31#123'], ['31']],
    ['+44 (20) 79-46.01XX', ['+442079460142'], ['+44 (20) 79-46.01XX']],
    ['/[1-3]\\d{2}/', ['100', '399'], ['400', '1000']],
    ['/A1/i', ['a1'], ['a11']],
  ])('%s', (pattern, yes, no) => {
    expect(matches(numberPattern, [pattern], [...yes, ...no])).toEqual(yes)
  })

  test('a list matches any of its patterns', () => {
    expect(matches(numberPattern, ['1xx', '+44*', '/9|8/'], ['100', '+441', '9', '8', '89', '1000'])).toEqual(['100', '+441', '9', '8'])
  })

  test.each(['', 'abc', '12ab', '++44', '/(/', '/(a+)+/'])('"%s" is refused', (pattern) => {
    expect(isFault(numberPattern([pattern]))).toBe(true)
  })
})

test('hosts are compared as a whole and without case, users with case', () => {
  expect(
    matches(hostPattern, ['*.example.com', 'a.b.'], ['X.EXAMPLE.com', 'example.com', 'xexample.com', 'a.example.com.org', 'A.B', 'axb']),
  ).toEqual(['X.EXAMPLE.com', 'A.B'])
  expect(matches(userPattern, ['alice', 'b*'], ['alice', 'Alice', 'alice2', 'bob', 'abob'])).toEqual(['alice', 'bob'])
  expect(matches(userPattern, ['a.c', 'x|y', '$(z)'], ['a.c', 'abc', 'x', 'x|y', '$(z)'])).toEqual(['a.c', 'x|y', '$(z)'])
})

describe('expressions that could take very long are refused', () => {
  test.each([
    '(a+)+',
    '(a*)*b',
    '(a|aa)+',
    '((a+))+',
    '(a+b?)*',
    '(?:a{1,5}){2,}',
    '(a?){20}',
    '([a-z]+)*',
    '(\\w+\\s?)+$',
    '(.)\\1',
    '(?<x>a)\\k<x>',
    'a*b*c*d*',
    'a?b?c?d?e?f?g?',
    'x'.repeat(201),
    '(x{2,3})+',
    '(?=(a+))+',
    '(a\\)+)+',
  ])('%s', (source) => {
    expect(unsafe(source)).toBeTypeOf('string')
  })

  test.each([
    '^0(\\d+)$',
    '(?:\\d{3}-)+',
    '[a+*]+',
    '\\(a+\\)+',
    'a|b',
    '(a|b)',
    '(a|b)?',
    '(a+)?',
    '^\\+?[1-9]\\d{1,14}$',
    '(?i',
    '[^()]*',
  ])('%s is not', (source) => {
    expect(unsafe(source)).toBeUndefined()
  })

  test('what is allowed stays fast on the longest text that it sees', () => {
    const started = performance.now()
    for (const text of ['a'.repeat(5000), 'ab'.repeat(128), `${'a'.repeat(255)}!`, 'ab'.repeat(256)]) {
      for (const expression of ['a*a*a*b', '[ab]*a[ab]*b[ab]*c']) {
        const whole = regularExpression(expression, 'whole')
        const header = regularExpression(expression.replace('*', ''), 'header')
        expect(whole instanceof RegExp && whole.test(text)).toBe(false)
        expect(header instanceof RegExp && header.test(`${text}x`.replaceAll('b', 'd'))).toBe(false)
      }
    }
    expect(performance.now() - started).toBeLessThan(3000)
  })
})

test('an expression for a header is found anywhere in it, or at its own anchor', () => {
  const found = (source: string, text: string): boolean => {
    const expression = regularExpression(source, 'header')
    return expression instanceof RegExp && expression.test(text)
  }
  expect(found('com', 'Polycom/5')).toBe(true)
  expect(found('^com', 'Polycom/5')).toBe(false)
  expect(found('5$', 'Polycom/5')).toBe(true)
  expect(found('^a|m/5', 'Polycom/5')).toBe(true)
  expect(found('/POLY/i', 'Polycom/5')).toBe(true)
  expect(found('a)(b', 'ab')).toBe(false)
  expect(found('x', 'x'.repeat(513))).toBe(false)
})
