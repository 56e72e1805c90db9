import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { countText } from '../words/numbers.ts'
import { Button } from './button.tsx'

/** Rows that are drawn unless somebody wants all of them: thousands would make each keystroke in the search slow. */
const MOST = 300

export interface Column<T> {
  readonly head: string
  readonly cell: (row: T) => ComponentChildren
  /** What rows are put in order by, when somebody asks. */
  readonly sort?: (row: T) => string | number
  /** `mono`: addresses and identifiers; `actions`: buttons, without a head. */
  readonly kind?: 'number' | 'mono' | 'actions' | 'main'
}

/** A table; on narrow screens each row becomes a card whose cells have their heads before them. */
export const Table = <T,>({
  caption,
  columns,
  rows,
  keyOf,
  level,
  even = false,
  part = false,
}: {
  /** What it is a table of, for those who do not see it. */
  readonly caption: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly keyOf: (row: T) => string
  /** Rows that stand out. */
  readonly level?: (row: T) => 'error' | 'warn' | undefined
  /** Beside other tables of the same kind: the first column is as wide in all of them. */
  readonly even?: boolean
  /** Rows are some of many that the edge has put in order: to sort these alone would mislead. */
  readonly part?: boolean
}) => {
  const [whole, setWhole] = useState(false)
  const [order, setOrder] = useState<{ readonly by: number; readonly down: boolean }>()
  const sorted = order === undefined ? rows : inOrder(rows, columns[order.by]?.sort, order.down)
  const shown = whole ? sorted : sorted.slice(0, MOST)
  const turn = (index: number): void =>
    setOrder(order?.by !== index ? { by: index, down: false } : order.down ? undefined : { by: index, down: true })
  return (
    <div class="table-scroll">
      {/* biome-ignore-start lint/a11y/noRedundantRoles: as cards the rows are no table to a browser any more */}
      <table class={even ? 'table table-even' : 'table'} role="table">
        <caption class="hidden">{caption}</caption>
        <thead role="rowgroup">
          <tr role="row">
            {columns.map(({ head, kind, sort }, index) => (
              <th
                key={head}
                role="columnheader"
                scope="col"
                class={kind}
                aria-sort={order?.by === index ? (order.down ? 'descending' : 'ascending') : undefined}
              >
                {kind === 'actions' ? (
                  <span class="hidden">{head}</span>
                ) : sort === undefined || part ? (
                  head
                ) : (
                  <button type="button" class="sort" onClick={() => turn(index)}>
                    {head}
                    <span class="sort-mark" aria-hidden="true" />
                  </button>
                )}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {shown.map((row) => (
            <tr role="row" key={keyOf(row)} class={level?.(row) && `row-${level(row)}`}>
              {columns.map(({ head, cell, kind }) => (
                <td role="cell" key={head} class={kind} data-head={kind === 'actions' || kind === 'main' ? undefined : head}>
                  <div>{cell(row)}</div>
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {/* biome-ignore-end lint/a11y/noRedundantRoles: see above */}
      {shown.length < rows.length && (
        <p class="card-foot">
          <Button onClick={() => setWhole(true)}>{`Show all ${countText(rows.length)}`}</Button>
        </p>
      )}
    </div>
  )
}

const inOrder = <T,>(rows: readonly T[], by: Column<T>['sort'], down: boolean): readonly T[] => {
  if (by === undefined) return rows
  const sorted = rows.toSorted((a, b) => {
    const [x, y] = [by(a), by(b)]
    return typeof x === 'number' && typeof y === 'number' ? x - y : String(x).localeCompare(String(y), 'en', { numeric: true })
  })
  return down ? sorted.reverse() : sorted
}
