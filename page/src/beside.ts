// Two records of the same tokens: either of them, and the first less the second. Sums that cells pool are linear in the
// weights, so that a difference of sums is exact at any zoom.

import { strongest } from './arithmetic'
import type { Address, Overview, Place, Sinks, Source, Tile, Top, Tracks } from './source'

const NUMBERS = ['entropy', 'sink_mass', 'distance', 'previous_token', 'induction'] as const

export function beside(first: Source, second: Source): Source {
  const of = (at: Place): Source => (at.side === 'second' ? second : first)

  const both = <T>(ask: (source: Source) => Promise<T>): Promise<[T, T]> => Promise.all([ask(first), ask(second)])

  async function tile(at: Address, ask: (source: Source) => Promise<Tile>): Promise<Tile> {
    if (at.side !== 'difference') return ask(of(at))
    const [left, right] = await both(ask)
    const values = less(left.values, right.values)
    return at.zoom === 0 ? { ...left, values, sides: [left.values, right.values] } : { ...left, values }
  }

  async function line(at: Place, ask: (source: Source) => Promise<Float32Array>): Promise<Float32Array> {
    return at.side === 'difference' ? less(...(await both(ask))) : ask(of(at))
  }

  async function top(whole: (source: Source) => Promise<Float32Array>, most: number): Promise<Top> {
    const [left, right] = await both(whole)
    const found = strongest(less(left, right), most)
    const [here, there] = [left, right].map((one) => found.index.map((at) => one[at]))
    return { ...found, sides: [here, there], entropy: null, sum: null }
  }

  return {
    note: first.note,
    has: first.has,
    async overview(layer, batch, sinks, side) {
      const [left, right] = await both((source) => source.overview(layer, batch, sinks, side))
      const here = side === 'second' ? right : left
      if (!here) return null
      const variation = await second.variation(layer, batch, sinks)
      return { ...(side === 'difference' ? apart(left!, right!) : here), variation }
    },
    tile: (at) => tile(at, (source) => source.tile(at)),
    glance: first.glance && second.glance && ((at) => tile(at, (source) => source.glance!(at))),
    row: (at, query, most) =>
      at.side === 'difference' ? top((source) => source.reads(at, query), most) : of(at).row(at, query, most),
    column: (at, key, most) =>
      at.side === 'difference' ? top((source) => source.readers(at, key), most) : of(at).column(at, key, most),
    reads: (at, query) => line(at, (source) => source.reads(at, query)),
    readers: (at, key) => line(at, (source) => source.readers(at, key)),
    async tracks(at): Promise<Tracks> {
      if (at.side !== 'difference') return of(at).tracks(at)
      const [left, right] = await both((source) => source.tracks(at))
      return { entropy: less(left.entropy, right.entropy), mass: less(left.mass, right.mass) }
    },
    variation: (layer: number, batch: number, sinks: Sinks) => second.variation(layer, batch, sinks),
  }
}

function less(left: Float32Array, right: Float32Array): Float32Array {
  return left.map((one, at) => one - right[at])
}

function apart(left: Overview, right: Overview): Overview {
  const numbers = NUMBERS.map((name) => [name, left[name].map((one, at) => minus(one, right[name][at]))])
  return { ...left, ...Object.fromEntries(numbers), thumbnail: less(left.thumbnail, right.thumbnail) } as Overview
}

const minus = (left: number | null, right: number | null): number | null =>
  left === null || right === null ? null : left - right
