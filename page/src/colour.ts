// The colours of weights. No weight is always the colour of the ground: light on paper, dark on a dark screen.

type Stop = [number, number, number]

const LIGHT: Record<string, Stop[]> = {
  cividis: [[255, 253, 240], [253, 231, 130], [212, 193, 104], [165, 157, 117], [122, 123, 120], [76, 88, 108], [0, 34, 78]],
  viridis: [[253, 255, 240], [221, 227, 24], [122, 209, 81], [31, 161, 135], [42, 120, 142], [65, 68, 135], [68, 1, 84]],
  grey: [[255, 255, 255], [214, 214, 214], [168, 168, 168], [120, 120, 120], [75, 75, 75], [34, 34, 34], [0, 0, 0]],
}
const DARK: Record<string, Stop[]> = {
  cividis: [[22, 26, 34], [13, 50, 98], [66, 78, 108], [110, 112, 115], [150, 145, 120], [200, 184, 104], [254, 232, 90]],
  viridis: [[22, 20, 32], [65, 48, 120], [52, 96, 141], [33, 144, 140], [68, 190, 112], [160, 218, 57], [253, 231, 60]],
  grey: [[20, 22, 26], [58, 60, 64], [96, 98, 102], [136, 138, 142], [176, 178, 182], [216, 218, 222], [255, 255, 255]],
}
/** Of differences: blue where the second has more, orange where the first has, which colour-blind people tell apart. */
const DIFFERENCES: Record<'light' | 'dark', Stop[]> = {
  light: [[8, 44, 98], [32, 92, 164], [98, 154, 206], [188, 213, 236], [252, 251, 247], [250, 216, 172], [234, 152, 62], [182, 88, 10], [106, 46, 4]],
  dark: [[158, 208, 255], [86, 150, 226], [46, 94, 160], [28, 50, 84], [20, 23, 30], [78, 48, 20], [150, 90, 28], [224, 144, 58], [255, 208, 144]],
}
export const PALETTES = Object.keys(LIGHT)
export const LEVELS = 256
const MIDDLE = LEVELS / 2

export type Scale = 'log' | 'linear'

/**
 * How a weight becomes a colour, or the difference of two; the smallest that the logarithm shows depends on how many
 * keys there are.
 */
export interface Colours {
  palette: string
  of: 'weights' | 'differences'
  scale: Scale
  dark: boolean
  least: number
}

export const least = (keys: number): number => 10 ** -Math.max(3, Math.ceil(Math.log10(Math.max(keys, 1))) + 1)

/** Which of the ramp's colours a value has; differences begin in its middle. */
export function level(value: number, colours: Colours): number {
  const size = Math.abs(value)
  const share = !(size > 0) ? 0 : colours.scale === 'linear' ? size : 1 - Math.log(size) / Math.log(colours.least)
  const inside = share < 0 ? 0 : share > 1 ? 1 : share
  if (colours.of === 'weights') return value > 0 ? Math.round(inside * (LEVELS - 1)) : 0
  return MIDDLE + Math.sign(value || 0) * Math.round(inside * (MIDDLE - 1))
}

export function ramp(colours: Colours): Stop[] {
  const stops = colours.of === 'weights' ? (colours.dark ? DARK : LIGHT)[colours.palette] : DIFFERENCES[colours.dark ? 'dark' : 'light']
  return Array.from({ length: LEVELS }, (_, place) => {
    const along = (place / (LEVELS - 1)) * (stops.length - 1)
    const low = Math.min(Math.floor(along), stops.length - 2)
    return stops[low].map((part, at) => Math.round(part + (stops[low + 1][at] - part) * (along - low))) as Stop
  })
}

export const css = ([red, green, blue]: Stop): string => `rgb(${red} ${green} ${blue})`

/** Black or white, whichever reads better: at least 4.5 to 1 (WCAG 2.2). */
export function ink(ground: Stop): string {
  const [red, green, blue] = ground.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000' : '#fff'
}

/** Paint values into a picture of its own size, one pixel a cell. */
export function painted(values: Float32Array, rows: number, columns: number, colours: Colours): HTMLCanvasElement {
  const canvas = document.createElement('canvas')
  canvas.width = columns
  canvas.height = rows
  const context = canvas.getContext('2d')!
  const image = context.createImageData(columns, rows)
  const words = new Uint32Array(image.data.buffer)
  const packed = Uint32Array.from(ramp(colours), ([red, green, blue]) => (255 << 24) | (blue << 16) | (green << 8) | red)
  for (let at = 0; at < values.length; at++) words[at] = packed[level(values[at], colours)]
  context.putImageData(image, 0, 0)
  return canvas
}
