// Tiles that were asked for, the newest first, a few at a time, and no more of them kept than memory should hold.
// One that pools many rows may take a pass over the map, so all that is seen is estimated before any of it is asked for.

import { TILE, type Address, type Place, type Source, type Tile } from './source'
import { painted, type Colours } from './colour'

const MOST = 240
const AT_ONCE = 3
const SLOW = 5

type Stage = 'estimate' | 'tile'

interface Kept {
  tile: Tile | null
  /** Of some rows only, until all are there. */
  estimate: boolean
  /** Whether somebody waits for it, or for more of it. */
  asked: boolean
  picture: HTMLCanvasElement | null
  colours: Colours | null
}

const name = (at: Address): string =>
  [at.side, at.layer, at.head, at.batch, at.sinks, at.pooling, at.zoom, at.down, at.across].join('/')

export class Tiles {
  private kept = new Map<string, Kept>()
  private waiting: Record<Stage, [string, Address][]> = { estimate: [], tile: [] }
  private asked: Record<Stage, number> = { estimate: 0, tile: 0 }
  failure = ''

  constructor(private source: Source, private arrived: () => void) {}

  /** The picture of a tile, or nothing while it is on its way. */
  picture(at: Address, colours: Colours): HTMLCanvasElement | null {
    const found = this.find(at)
    if (!found.tile) return null
    if (found.colours !== colours || !found.picture) {
      found.picture = painted(found.tile.values, found.tile.rows, found.tile.columns, colours)
      found.colours = colours
    }
    return found.picture
  }

  /** Like `picture`, without asking for what is not there. */
  present(at: Address, colours: Colours): HTMLCanvasElement | null {
    return this.kept.get(name(at))?.tile ? this.picture(at, colours) : null
  }

  /** The weight of one cell at a zoom, or nothing while its tile is on its way. */
  value(place: Place, pooling: Address['pooling'], zoom: number, query: number, key: number): number | null {
    const [row, column] = [query >> zoom, key >> zoom]
    const down = Math.floor(row / TILE)
    const across = Math.floor(column / TILE)
    const tile = this.find({ ...place, pooling, zoom, down, across }).tile
    return tile ? tile.values[(row - down * TILE) * tile.columns + (column - across * TILE)] : null
  }

  /** The weights of a difference of single weights, or nothing while they are on their way. */
  sides(place: Place, pooling: Address['pooling'], query: number, key: number): [number, number] | null {
    const [down, across] = [query, key].map((at) => Math.floor(at / TILE))
    const tile = this.kept.get(name({ ...place, pooling, zoom: 0, down, across }))?.tile
    if (!tile?.sides) return null
    const at = (query - down * TILE) * tile.columns + (key - across * TILE)
    return [tile.sides[0][at], tile.sides[1][at]]
  }

  /** Whether a cell's number is of some rows only. */
  estimated(place: Place, pooling: Address['pooling'], zoom: number, query: number, key: number): boolean {
    const [down, across] = [(query >> zoom), (key >> zoom)].map((at) => Math.floor(at / TILE))
    return this.kept.get(name({ ...place, pooling, zoom, down, across }))?.estimate ?? false
  }

  get busy(): boolean {
    return this.estimating || this.asked.tile > 0 || this.waiting.tile.length > 0
  }

  /** Whether a part of what is seen is not even estimated. */
  get estimating(): boolean {
    return this.asked.estimate > 0 || this.waiting.estimate.length > 0
  }

  /** What nobody waits for any more is not asked for. */
  forget(): void {
    for (const [key] of [...this.waiting.estimate, ...this.waiting.tile]) {
      const found = this.kept.get(key)
      if (found?.tile) found.asked = false
      else this.kept.delete(key)
    }
    this.waiting = { estimate: [], tile: [] }
  }

  private find(at: Address): Kept {
    const key = name(at)
    const found = this.kept.get(key) ?? { tile: null, estimate: false, asked: false, picture: null, colours: null }
    this.kept.delete(key)
    this.kept.set(key, found)
    if (!found.asked && (!found.tile || found.estimate)) {
      found.asked = true
      this.waiting[found.tile ? 'tile' : this.stage(at)].push([key, at])
      queueMicrotask(() => this.next())
    }
    return found
  }

  private stage(at: Address): Stage {
    return this.source.glance && at.zoom >= SLOW && at.pooling === 'sum' ? 'estimate' : 'tile'
  }

  private next(): void {
    while (this.asked.estimate + this.asked.tile < AT_ONCE) {
      const stage = this.estimating ? 'estimate' : 'tile'
      const one = this.waiting[stage].pop()
      if (!one) return
      this.asked[stage]++
      this.read(stage, ...one).catch(
        // What failed once is not asked for again and again; another view of it is.
        (error: Error) => { this.failure = error.message },
      ).finally(() => { this.asked[stage]--; this.next(); this.arrived() })
    }
  }

  private async read(stage: Stage, key: string, at: Address): Promise<void> {
    if (stage === 'tile') { this.keep(key, await this.source.tile(at), false); return }
    this.keep(key, await this.source.glance!(at), true)
    this.waiting.tile.push([key, at])
  }

  private keep(key: string, tile: Tile, estimate: boolean): void {
    this.failure = ''
    this.kept.set(key, { tile, estimate, asked: true, picture: null, colours: null })
    for (const [old, one] of this.kept) {
      if (this.kept.size <= MOST) break
      if (one.tile) this.kept.delete(old)
    }
  }
}
