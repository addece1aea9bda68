// The tile function: weights of some rows and keys from what was recorded, exp(score - row number). Nothing else is kept.

import { TILE, type Tile, type Top } from './source'

/** One head: queries and keys, and for every row its number and the keys that it may see, first to end. */
export interface Recorded {
  queries: number
  keys: number
  size: number
  query: Float32Array
  key: Float32Array
  lse: Float32Array
  first: Int32Array
  end: Int32Array
  scale: number
  softcap: number | null
  /** Numbers added by distance from the row's position, the first for the distance `nearest`. */
  relative: Float32Array | null
  nearest: number
  position: Int32Array
  /** Numbers added to every cell, -Infinity where it is hidden. */
  prior: Float32Array | null
}

/** Weights of one row for keys from `begin` to `stop`, written to `out` from place 0. */
export function row(head: Recorded, at: number, begin: number, stop: number, out: Float64Array): void {
  const { query, key, size, scale, softcap, relative, prior } = head
  const lse = head.lse[at]
  const [low, high] = [Math.max(begin, head.first[at]), Math.min(stop, head.end[at])]
  out.fill(0, 0, stop - begin)
  if (lse === -Infinity) return
  const from = at * size
  const nearest = head.position[at] + head.nearest
  for (let place = low; place < high; place++) {
    const against = place * size
    let [a, b] = [0, 0]
    let part = 0
    for (; part + 1 < size; part += 2) {
      a += query[from + part] * key[against + part]
      b += query[from + part + 1] * key[against + part + 1]
    }
    if (part < size) a += query[from + part] * key[against + part]
    let score = (a + b) * scale
    if (softcap !== null) score = softcap * Math.tanh(score / softcap)
    if (relative) score += relative[Math.max(0, Math.min(relative.length - 1, place - nearest))]
    if (prior) score += prior[at * head.keys + place]
    out[place - begin] = Math.exp(score - lse)
  }
}

/** A tile at a zoom: sum over keys and mean over queries of each cell, or its largest weight. */
export async function tile(head: Recorded, zoom: number, down: number, across: number, max: boolean): Promise<Tile> {
  const span = TILE << zoom
  const [top, left] = [down * span, across * span]
  const [bottom, right] = [Math.min(head.queries, top + span), Math.min(head.keys, left + span)]
  const [rows, columns] = [Math.ceil((bottom - top) / 2 ** zoom), Math.ceil((right - left) / 2 ** zoom)]
  const sums = new Float64Array(rows * columns)
  const weights = new Float64Array(right - left)
  let rest = performance.now()
  for (let at = top; at < bottom; at++) {
    // The page stays usable: after some milliseconds others have their turn.
    if (performance.now() - rest > 14) {
      await new Promise((resolve) => setTimeout(resolve))
      rest = performance.now()
    }
    if (head.first[at] >= right || head.end[at] <= left) continue
    row(head, at, left, right, weights)
    const base = ((at - top) >> zoom) * columns
    for (let place = 0; place < right - left; place++) {
      const cell = base + (place >> zoom)
      if (!max) sums[cell] += weights[place]
      else if (weights[place] > sums[cell]) sums[cell] = weights[place]
    }
  }
  if (!max)
    for (let at = 0; at < rows; at++) {
      const members = Math.min(1 << zoom, bottom - top - (at << zoom))
      for (let place = 0; place < columns; place++) sums[at * columns + place] /= members
    }
  return { rows, columns, values: Float32Array.from(sums) }
}

/** All that a query reads. */
export function line(head: Recorded, query: number): Float64Array {
  const weights = new Float64Array(head.keys)
  row(head, query, 0, head.keys, weights)
  return weights
}

/** All who read a key. */
export function column(head: Recorded, key: number): Float64Array {
  const weights = new Float64Array(head.queries)
  const one = new Float64Array(1)
  for (let at = 0; at < head.queries; at++) {
    row(head, at, key, key + 1, one)
    weights[at] = one[0]
  }
  return weights
}

/** The largest of these, with what they all sum to; of differences, the largest either way. */
export function strongest(weights: Float64Array | Float32Array, most: number): Top {
  const index: number[] = []
  let [sum, entropy] = [0, 0]
  weights.forEach((value, at) => {
    const size = Math.abs(value)
    sum += value
    if (value > 0) entropy -= value * Math.log(value)
    if (index.length === most && size <= Math.abs(weights[index[most - 1]])) return
    let place = index.length
    while (place > 0 && Math.abs(weights[index[place - 1]]) < size) place--
    index.splice(place, 0, at)
    if (index.length > most) index.pop()
  })
  return { index, weight: index.map((at) => weights[at]), entropy, sum }
}
