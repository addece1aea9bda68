// Where the page begins: a record in the file itself, or one that is served.

import { render } from 'preact'
import './page.css'
import { App } from './app'
import { embedded } from './embedded'
import { served } from './served'
import { Page } from './state'

async function begin(): Promise<Page | null> {
  const root = document.getElementById('page')!
  try {
    const data = document.getElementById('regard-record')
    const source = data ? await embedded(data.textContent!) : served
    const page = new Page(source, await source.record())
    root.textContent = ''
    render(<App page={page} />, root)
    return page
  } catch (error) {
    root.textContent = `This record cannot be shown: ${(error as Error).message}`
    return null
  }
}

/** For a console: `(await regard.opened).source.tile({ layer: 0, head: 0, ... })` gives the numbers of a picture. */
export const opened = begin()
