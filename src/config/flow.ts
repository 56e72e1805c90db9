import { stringify } from 'yaml'

/** A value as YAML in one line: `[ a, b ]`, `{ c: 5m }`, with quotes only where they are needed. */
export const flow = (value: unknown): string =>
  stringify(value, { collectionStyle: 'flow', lineWidth: 0, flowCollectionPadding: true }).trim()
