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
export const PALETTES = Object.keys(LIGHT)
export const LEVELS = 256

export type Scale = 'log' | 'linear'

/** How a weight becomes a colour; the smallest weight that the logarithm shows depends on how many keys there are. */
export interface Colours {
  palette: string
  scale: Scale
  dark: boolean
  least: number
}

export const least = (keys: number): number => 10 ** -Math.max(3, Math.ceil(Math.log10(Math.max(keys, 1))) + 1)

export function level(value: number, colours: Colours): number {
  if (!(value > 0)) return 0
  const share = colours.scale === 'linear' ? value : 1 - Math.log10(value) / Math.log10(colours.least)
  return Math.max(0, Math.min(LEVELS - 1, Math.round(share * (LEVELS - 1))))
}

export function ramp(colours: Colours): Stop[] {
  const stops = (colours.dark ? DARK : LIGHT)[colours.palette]
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
  const [factor, offset] = colours.scale === 'linear' ? [LEVELS - 1, 0] : [-(LEVELS - 1) / Math.log(colours.least), LEVELS - 1]
  for (let at = 0; at < values.length; at++) {
    const value = values[at]
    if (!(value > 0)) { words[at] = packed[0]; continue }
    const place = offset + factor * (colours.scale === 'linear' ? value : Math.log(value))
    words[at] = packed[place <= 0 ? 0 : place >= LEVELS - 1 ? LEVELS - 1 : Math.round(place)]
  }
  context.putImageData(image, 0, 0)
  return canvas
}
