// Which part of the map is seen: pure arithmetic, in tokens and pixels.

import { TILE } from './source'

export interface Size { queries: number; keys: number }

/** The token at the upper left corner, and how many pixels a token has. */
export interface View { query: number; key: number; pixels: number }

/** The inside of the map, in pixels of the page. */
export interface Frame { left: number; top: number; width: number; height: number }

export const LARGEST = 44
const LEAST_STRIP = 48

/** All of it, or where one side is very short, enough of it to be seen. */
export function fitted(size: Size, frame: Frame): View {
  const whole = Math.min(frame.width / size.keys, frame.height / size.queries)
  const strip = Math.max(Math.min(LEAST_STRIP, frame.height) / size.queries, Math.min(LEAST_STRIP, frame.width) / size.keys)
  const narrow = Math.min(size.queries, size.keys) * whole < LEAST_STRIP
  return { query: 0, key: 0, pixels: Math.min(LARGEST, narrow ? Math.min(strip, LARGEST) : whole) }
}

export function zoomed(view: View, factor: number, x: number, y: number, size: Size, frame: Frame): View {
  const least = Math.min(fitted(size, frame).pixels, Math.min(frame.width / size.keys, frame.height / size.queries))
  const pixels = Math.max(Math.min(least, LARGEST), Math.min(LARGEST, view.pixels * factor))
  const key = view.key + (x - frame.left) / view.pixels - (x - frame.left) / pixels
  const query = view.query + (y - frame.top) / view.pixels - (y - frame.top) / pixels
  return held({ query, key, pixels }, size, frame)
}

/** No further than the edges. */
export function held(view: View, size: Size, frame: Frame): View {
  const [down, across] = [frame.height / view.pixels, frame.width / view.pixels]
  return {
    pixels: view.pixels,
    query: Math.max(0, Math.min(view.query, size.queries - down)),
    key: Math.max(0, Math.min(view.key, size.keys - across)),
  }
}

/** Moved just as far that a cell is seen, with a few of its neighbours. */
export function showing(view: View, query: number, key: number, size: Size, frame: Frame): View {
  const along = (first: number, at: number, seen: number): number => {
    const room = Math.min(2, Math.max(0, (seen - 1) / 2))
    return at < first + room ? at - room : at + 1 > first + seen - room ? at + 1 - seen + room : first
  }
  return held(
    {
      pixels: view.pixels,
      query: along(view.query, query, frame.height / view.pixels),
      key: along(view.key, key, frame.width / view.pixels),
    },
    size,
    frame,
  )
}

/** Level of the pyramid at which a cell has at least one pixel. */
export function levelOf(view: View, size: Size): number {
  return Math.max(0, Math.min(top(size), Math.ceil(-Math.log2(view.pixels))))
}

/** The level at which everything is one tile. */
export const top = (size: Size): number => Math.max(0, Math.ceil(Math.log2(Math.max(size.queries, size.keys) / TILE)))

/** Numbers that stand beside an axis: round, and not too close. */
export function ticks(first: number, last: number, pixels: number, apart: number): number[] {
  const rough = apart / pixels
  const power = 10 ** Math.floor(Math.log10(Math.max(rough, 1)))
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? power * 10
  const found = []
  for (let at = Math.ceil(first / step) * step; at <= last; at += step) found.push(at)
  return found
}
