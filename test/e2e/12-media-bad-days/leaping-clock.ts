/** Read by the edge before anything else (`--import`): with each SIGUSR2 its clock goes on by a minute, so that nobody has to wait for it. */
const real = performance.now.bind(performance)
let ahead = 0
performance.now = () => real() + ahead
process.on('SIGUSR2', () => {
  ahead += 60_000
})
