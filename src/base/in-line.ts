/** A line: what is given to it runs one after the other; a failure is its giver's alone. */
export const inLine = (): (<R>(run: () => Promise<R>) => Promise<R>) => {
  let last: Promise<unknown> = Promise.resolve()
  return (run) => {
    const mine = last.then(run)
    last = mine.catch(() => undefined)
    return mine
  }
}
