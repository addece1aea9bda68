// Tiles that were asked for, the newest first, a few at a time, and no more of them kept than memory should hold.

import { TILE, type Address, type Place, type Source, type Tile } from './source'
import { painted, type Colours } from './colour'

const MOST = 240
const AT_ONCE = 3
const SLOW = 5

interface Kept {
  tile: Tile | null
  /** Of some rows only, until all are there. */
  estimate: boolean
  picture: HTMLCanvasElement | null
  colours: Colours | null
}

const name = (at: Address): string =>
  [at.side, at.layer, at.head, at.batch, at.sinks, at.pooling, at.zoom, at.down, at.across].join('/')

export class Tiles {
  private kept = new Map<string, Kept>()
  private waiting: [string, Address][] = []
  private asked = 0
  failure = ''

  constructor(private source: Source, private arrived: () => void) {}

  /** The picture of a tile, or nothing while it is on its way. */
  picture(at: Address, colours: Colours): HTMLCanvasElement | null {
    const found = this.find(at)
    if (!found?.tile) return null
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
    const tile = this.find({ ...place, pooling, zoom, down, across })?.tile
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
    return this.asked > 0 || this.waiting.length > 0
  }

  /** What nobody waits for any more is not asked for. */
  forget(): void {
    for (const [key] of this.waiting) this.kept.delete(key)
    this.waiting = []
  }

  private find(at: Address): Kept | undefined {
    const key = name(at)
    const found = this.kept.get(key)
    if (found) {
      this.kept.delete(key)
      this.kept.set(key, found)
      return found
    }
    this.kept.set(key, { tile: null, estimate: false, picture: null, colours: null })
    this.waiting.push([key, at])
    queueMicrotask(() => this.next())
    return undefined
  }

  private next(): void {
    while (this.asked < AT_ONCE && this.waiting.length) {
      const [key, at] = this.waiting.pop()!
      this.asked++
      this.read(key, at).then(
        (tile) => this.keep(key, tile, false),
        // What failed once is not asked for again and again; another view of it is.
        (error: Error) => { this.failure = error.message },
      ).finally(() => { this.asked--; this.next(); this.arrived() })
    }
  }

  /** A tile that pools many rows is estimated first, as the whole of it may take a pass over the map. */
  private async read(key: string, at: Address): Promise<Tile> {
    if (this.source.glance && at.zoom >= SLOW && at.pooling === 'sum') {
      this.keep(key, await this.source.glance(at), true)
      this.arrived()
    }
    return this.source.tile(at)
  }

  private keep(key: string, tile: Tile, estimate: boolean): void {
    this.failure = ''
    this.kept.set(key, { tile, estimate, picture: null, colours: null })
    for (const [old, one] of this.kept) {
      if (this.kept.size <= MOST) break
      if (one.tile) this.kept.delete(old)
    }
  }
}
